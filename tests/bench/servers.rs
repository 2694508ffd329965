//! The servers that are measured, each a process of its own on a free port, killed on drop.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use saola::clock::Clock;
use saola::model::{Durable, Intake, RawMessage, Refusal, Seq, SourceId};
use saola::mqtt::edge::{Access, Config, Edge};
use saola_sim::load::{Report, stations};
use saola_sim::mqtt::Credentials;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::http_client::asking;
use crate::mosquitto::Mosquitto;
use crate::wait::{DEADLINE, eventually, free_port};

const SAOLA: &str = env!("CARGO_BIN_EXE_saola");
/// The devices' account: argon2id of `load`, as cheap as it may be, because sign-in is not what is measured.
const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$v2WnyuNknr98AxsXhcyj2w$XdotqJGY8giehrgm4dQ5szDpNF2S8q15+/KJUZ/hJpg";
/// How the load signs in.
pub fn credentials() -> Credentials {
    Credentials { username: "load".to_owned(), password: "load".to_owned() }
}

/// A process that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The embedded edge over an intake that only counts, in a process of its own.
pub struct AckOnly {
    pub address: String,
    _process: Process,
}

impl AckOnly {
    pub async fn start() -> AckOnly {
        let port = free_port();
        let child = Command::new(std::env::current_exe().unwrap()).args(["--ack-only", &port.to_string()]).spawn();
        let process = Process(child.unwrap());
        let address = format!("127.0.0.1:{port}");
        eventually("the edge to listen", async || TcpStream::connect(&address).await.ok()).await;
        AckOnly { address, _process: process }
    }
}

struct Counting(watch::Sender<Durable>);

impl Intake for Counting {
    fn accept(&self, batch: &[RawMessage<'_>]) -> Result<Seq, Refusal> {
        let mut last = Seq::default();
        self.0.send_modify(|durable| {
            durable.through = Seq(durable.through.0 + batch.len() as u64);
            last = durable.through;
        });
        Ok(last)
    }

    fn durable(&self) -> watch::Receiver<Durable> {
        self.0.subscribe()
    }

    async fn room(&self) {}
}

/// Serves until it is killed.
pub async fn acknowledge_only(port: u16) {
    let mut config = Config::default();
    config.listen.set_port(port);
    config.limits.packets_per_second = 10_000_000;
    let intake = Arc::new(Counting(watch::Sender::new(Durable::default())));
    let _edge = Edge::start(&config, intake, Access::open(), SourceId(0), Clock::System).unwrap();
    std::future::pending::<()>().await;
}

/// The service with the load's devices in its registry.
pub struct Service {
    pub mqtt: String,
    pub http: String,
    pub token: String,
    asking: reqwest::Client,
    process: Process,
    _folder: TempDir,
}

impl Service {
    /// Reads from a broker when one is given; otherwise the embedded edge listens.
    pub async fn start(broker: Option<&Mosquitto>) -> Service {
        let folder = TempDir::new().unwrap();
        let (http, mqtt) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
        let province = folder.path().join("province");
        for part in ["stations", "areas", "rules"] {
            std::fs::create_dir_all(province.join(part)).unwrap();
        }
        std::fs::write(province.join("stations/load.toml"), stations::file(crate::DEVICES)).unwrap();
        for area in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config/areas")).unwrap() {
            let area = area.unwrap().path();
            std::fs::copy(&area, province.join("areas").join(area.file_name().unwrap())).unwrap();
        }
        let data = folder.path().join("data");
        let client = broker.map_or_else(String::new, Mosquitto::section);
        let config = format!(
            "data_dir = {data:?}\nprovince_dir = {province:?}\nlog = \"warn\"\n[http]\nlisten = \"{http}\"\n\
             [mqtt.edge]\nenabled = {}\nlisten = \"{mqtt}\"\n[mqtt.edge.limits]\npackets_per_second = 10000000\n\
             [[mqtt.edge.account]]\nname = \"load\"\npassword_hash = {PASSWORD_HASH:?}\npublish = [\"saola/v1/#\"]\n{client}",
            broker.is_none()
        );
        let path = folder.path().join("saola.toml");
        std::fs::write(&path, config).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let data = data.display().to_string();
        run(&["user", "add", "bench", "--role", "administrator", "--data", &data]);
        let token = run(&["token", "issue", "--user", "bench", "--expires", "1d", "--data", &data]);
        let child = Command::new(SAOLA).args(["run", "--config"]).arg(&path).stdout(Stdio::piped()).spawn();
        let mut process = Process(child.unwrap());
        let mut said = BufReader::new(process.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(said.any(|line| line.starts_with("pages and API")), "the service did not start");
        let asking = asking();
        let service = Service { mqtt, http, token, asking, process, _folder: folder };
        if broker.is_some() {
            service.wait_until_subscribed().await;
        }
        service
    }

    async fn wait_until_subscribed(&self) {
        eventually("the broker to be connected", async || {
            let ready = self.get("/readyz").await;
            let checks = ready["checks"].as_array().unwrap();
            checks.iter().any(|check| check["part"] == "broker mosquitto" && check["ready"] == true).then_some(())
        })
        .await;
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.asking.get(format!("http://{}{path}", self.http)).bearer_auth(&self.token);
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    }

    /// Messages a second until the last one of a load that has just ended is in state and store.
    pub async fn visible_per_s(&self, report: &Report) -> f64 {
        let begun = Instant::now();
        let (wanted, sent_for) = (report.acknowledged * 4, report.acknowledging_s);
        loop {
            let total = self.get("/api/v1/ledger").await["total"].clone();
            if total["stored"].as_u64().unwrap() >= wanted {
                assert_eq!(total["rejected"], 0, "{total}");
                return report.acknowledged as f64 / (sent_for + begun.elapsed().as_secs_f64());
            }
            assert!(begun.elapsed() < DEADLINE, "{total} after {DEADLINE:?}; {wanted} readings were acknowledged");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The most memory that the process has used, MiB.
    pub fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
    }
}

fn run(arguments: &[&str]) -> String {
    let output = Command::new(SAOLA).args(arguments).output().unwrap();
    assert!(output.status.success(), "saola {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().trim().to_owned()
}
