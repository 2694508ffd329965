//! The real binary on free ports, with a province of its own: started, asked, killed, started again.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use saola::model::Timestamp;
use saola_sim::mqtt::Credentials;
use serde_json::Value;
use tempfile::TempDir;

use crate::http_client::asking;
pub use crate::wait::{DEADLINE, eventually, free_port};

pub const BINARY: &str = env!("CARGO_BIN_EXE_saola");

/// A folder with configuration, province and data, and the process that serves them.
pub struct Service {
    folder: TempDir,
    child: Option<Child>,
    pub http: SocketAddr,
    pub mqtt: SocketAddr,
    token: String,
    asking: reqwest::Client,
}

/// The stations, areas and rules of a service.
pub enum Province {
    /// The shipped ones.
    Shipped,
    /// Weather stations of these names, each with the channel `air_temperature` (-50 to 60 Cel, every second).
    Weather {
        /// Their names.
        stations: Vec<String>,
        /// TOML of a rule file.
        rules: String,
    },
}

/// What a test wants different from the default.
pub struct Wishes {
    /// What is served.
    pub province: Province,
    /// TOML to add to the configuration: keys of the whole, then sections.
    pub config: String,
}

impl Service {
    /// Prepares a folder and starts the binary; returns when it serves.
    pub async fn start(wishes: &Wishes) -> Service {
        let folder = TempDir::new().unwrap();
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (http, mqtt) = (address(free_port()), address(free_port()));
        let province = match &wishes.province {
            Province::Shipped => Path::new(env!("CARGO_MANIFEST_DIR")).join("config"),
            Province::Weather { stations, rules } => {
                let province = folder.path().join("province");
                write_province(&province, stations, rules);
                province
            }
        };
        let config = format!(
            "data_dir = {data:?}\nprovince_dir = {province:?}\nlog = \"warn\"\n{more}\n[http]\nlisten = \"{http}\"\n\n\
             [mqtt.edge]\nlisten = \"{mqtt}\"\n\n[[mqtt.edge.account]]\nname = \"device\"\npassword_hash = {HASH:?}\n\
             publish = [\"#\"]\nsubscribe = [\"saola/v1/alerts/#\"]\n",
            data = folder.path().join("data"),
            more = wishes.config,
        );
        let config_path = folder.path().join("saola.toml");
        std::fs::write(&config_path, config).unwrap();
        // It holds a password hash, so the service insists that others cannot read it.
        std::fs::set_permissions(&config_path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut service = Service { folder, child: None, http, mqtt, token: String::new(), asking: asking() };
        let data = service.data().display().to_string();
        service.run(&["user", "add", "tester", "--role", "administrator", "--data", &data]);
        service.token = service.run(&["token", "issue", "--user", "tester", "--expires", "1d", "--data", &data]);
        service.start_again().await;
        service
    }

    /// Adds sections to the configuration, for the next start.
    pub fn append_config(&self, sections: &str) {
        let path = self.folder.path().join("saola.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, format!("{text}\n{sections}")).unwrap();
    }

    /// Changes a text of the configuration, for the next start.
    pub fn change_config(&self, from: &str, to: &str) {
        let path = self.folder.path().join("saola.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Where the service keeps everything.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs another command of the binary to its end and gives the last line that it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(BINARY).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "saola {arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text.lines().last().unwrap_or_default().trim().to_owned()
    }

    /// Runs another command of the binary to its end and gives all that it printed.
    pub fn command_now(&self, arguments: &[&str]) -> String {
        let output = Command::new(BINARY).args(arguments).output().unwrap();
        assert!(output.status.success(), "saola {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a command of the binary that asks this service as the administrator; gives all that it said.
    pub async fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command.args(arguments).env("SAOLA_HTTP", self.http.to_string()).env("SAOLA_TOKEN", &self.token);
        command.current_dir(self.folder.path());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// The administrator's token, for clients that others wrote.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A file in the service's folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration file that it is started with.
    pub fn config_path(&self) -> PathBuf {
        self.folder.path().join("saola.toml")
    }

    /// Starts the binary on the folder as it is; returns when it serves.
    pub async fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let mut child = Command::new(BINARY)
            .args(["run", "--config"])
            .arg(self.config_path())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::options().create(true).append(true).open(self.log_path()).unwrap())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        self.child = Some(child);
        let log = self.log_path();
        let announced = tokio::task::spawn_blocking(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).any(|line| line.starts_with("MQTT"))
        });
        let announced = tokio::time::timeout(DEADLINE, announced).await;
        assert!(
            matches!(announced, Ok(Ok(true))),
            "the service did not start:\n{}",
            std::fs::read_to_string(log).unwrap_or_default()
        );
    }

    /// Other stations and rules for the next start; as [`Province::Weather`].
    pub fn set_province(&self, stations: &[String], rules: &str) {
        write_province(&self.folder.path().join("province"), stations, rules);
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Everything that the service logged, of all its lives.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Kills the process as a power switch would (SIGKILL).
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks the process to end (SIGTERM) and gives its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        child.wait().unwrap().code()
    }

    /// The JSON answer to a request of the administrator; panics on anything but success.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.ask(path).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// The answer to a request of the administrator.
    pub async fn ask(&self, path: &str) -> reqwest::Response {
        self.asking.get(format!("http://{}{path}", self.http)).bearer_auth(&self.token).send().await.unwrap()
    }

    /// The answer to a request of the administrator that changes something.
    pub async fn post(&self, path: &str) -> reqwest::Response {
        self.asking.post(format!("http://{}{path}", self.http)).bearer_auth(&self.token).send().await.unwrap()
    }

    /// The answer to a request of the administrator with a JSON body.
    pub async fn post_json(&self, path: &str, body: &Value) -> reqwest::Response {
        let asked = self.asking.post(format!("http://{}{path}", self.http)).bearer_auth(&self.token).json(body);
        asked.send().await.unwrap()
    }

    /// The same under a key of the client's own; an error when the service is not there.
    pub async fn post_keyed(&self, path: &str, body: &Value, key: &str) -> reqwest::Result<reqwest::Response> {
        let asked = self.asking.post(format!("http://{}{path}", self.http)).bearer_auth(&self.token).json(body);
        asked.header("idempotency-key", key).send().await
    }

    /// The number of the process that serves.
    pub fn process_id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// The answer to a request of the administrator with a body in JSON.
    pub async fn send(&self, method: reqwest::Method, path: &str, body: &Value) -> reqwest::Response {
        let request = self.asking.request(method, format!("http://{}{path}", self.http)).bearer_auth(&self.token);
        request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap()
    }

    /// One channel's whole history: time and value.
    pub async fn history(&self, channel: &str) -> Vec<(Timestamp, f64)> {
        let path =
            format!("/api/v1/history?channel={channel}&from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&tz=UTC");
        let answer = self.get(&path).await;
        let samples = answer["channels"][0]["samples"].as_array().unwrap();
        samples
            .iter()
            .map(|sample| {
                (Timestamp::parse(sample["time"].as_str().unwrap()).unwrap(), sample["value"].as_f64().unwrap())
            })
            .collect()
    }

    /// One source's entry in the ledger, once everything journaled is in the history and `messages` have come.
    pub async fn ledger_of(&self, source: &str, messages: u64) -> Value {
        eventually("the ledger to be complete", async || {
            let ledger = self.get("/api/v1/ledger").await;
            let entry = ledger["sources"].as_array().unwrap().iter().find(|entry| entry["source"] == source)?.clone();
            (entry["pending"] == 0 && entry["messages"].as_u64().unwrap() >= messages).then_some(entry)
        })
        .await
    }

    /// A dead letter, whole, once the store has it: the ledger may count its message earlier.
    pub async fn dead_letter(&self, id: &str) -> Value {
        eventually("the dead letter to be in the store", async || {
            let answer = self.ask(&format!("/api/v1/dead-letters/{id}")).await;
            if answer.status() == 404 { None } else { Some(answer.json().await.unwrap()) }
        })
        .await
    }

    /// Waits until an outside broker is connected.
    pub async fn reads_from(&self, broker: &str) {
        let part = format!("broker {broker}");
        eventually("the broker to be connected", async || {
            let answer = self.ask("/readyz").await.text().await.unwrap();
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let checks = answer["checks"].as_array().unwrap();
            checks.iter().any(|check| check["part"] == *part && check["ready"] == true).then_some(())
        })
        .await;
    }

    /// The ledger's totals: received, stored, duplicate, rejected.
    pub async fn ledger(&self) -> [u64; 4] {
        let ledger = self.get("/api/v1/ledger").await;
        ["received", "stored", "duplicate", "rejected"].map(|key| ledger["total"][key].as_u64().unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the service logged:\n{}", self.log());
        }
    }
}

/// argon2id of `a-device-of-the-tests`.
const HASH: &str = "$argon2id$v=19$m=1024,t=1,p=1$NM7Qqsc6j22ClDKFmoI0cg$PmaPeuQHGjR/uDc0MDzTh+I1h9kcmu7ac5gou0WY1vE";

/// How the tests' devices sign in.
pub const DEVICE: (&str, &str) = ("device", "a-device-of-the-tests");

/// The same, as the simulators take it.
pub fn credentials() -> Credentials {
    Credentials { username: DEVICE.0.to_owned(), password: DEVICE.1.to_owned() }
}

pub fn write_province(folder: &Path, ids: &[String], rules: &str) {
    for part in ["stations", "areas", "rules"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    let mut stations = String::new();
    for id in ids {
        write!(
            stations,
            "[[station]]\nid = {id:?}\nkind = \"weather\"\nname = {{ vi = {id:?}, en = {id:?} }}\nlon = 103.4\nlat = 22.3\n\
             link = \"wired\"\n[[station.channel]]\nproperty = \"air_temperature\"\nunit = \"Cel\"\ninterval = \"1s\"\n\
             min = -50\nmax = 60\n\n"
        )
        .unwrap();
    }
    std::fs::write(folder.join("stations/stations.toml"), stations).unwrap();
    std::fs::write(folder.join("rules/rules.toml"), rules).unwrap();
    std::fs::write(folder.join("quality.toml"), "").unwrap();
    let areas = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/areas");
    for area in std::fs::read_dir(areas).unwrap() {
        let area = area.unwrap().path();
        std::fs::copy(&area, folder.join("areas").join(area.file_name().unwrap())).unwrap();
    }
}
