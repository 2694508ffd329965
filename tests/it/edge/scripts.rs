//! One script of connects, sessions, wills, retained alerts, commands, QoS 0/1/2 and refusals, by three clients that
//! others wrote: paho, MQTT.js (TCP and WebSocket) and mosquitto's; in MQTT 3.1.1 and 5.
//!
//! `make test` installs them; where one is missing the test fails rather than skips.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use saola::mqtt::edge::{Access, Edge, Retain, WebSocket};
use tokio::task::JoinHandle;

use super::door::account;
use super::double::{HandIntake, config, edge_for};
use crate::wait::eventually;

const ALERT: &str = "saola/v1/alerts/đồi/high";
const COMMANDS: &str = "saola/v1/TR-1/commands";

/// An edge with the script's accounts that does what clients ask for at `saola/v1/TR-1/ask`.
struct Stage {
    edge: Arc<Edge>,
    intake: Arc<HandIntake>,
    answering: JoinHandle<()>,
}

impl Stage {
    fn new() -> Stage {
        let mut config = config();
        config.websocket = Some(WebSocket { listen: Some("127.0.0.1:0".parse().unwrap()), tls_listen: None });
        let device = account("device", "pw", &["saola/v1/TR-1", "saola/v1/TR-1/+"], &["saola/v1/alerts/#", COMMANDS]);
        let access = Access::configured(&[device, account("other", "pw", &[], &[])]).unwrap();
        let intake = HandIntake::instant();
        let edge = Arc::new(edge_for(&config, &intake, access));
        edge.alerts().publish(ALERT, "cháy rừng", Retain::Keep).unwrap();
        let answering = tokio::spawn(answer(edge.clone(), intake.clone()));
        Stage { edge, intake, answering }
    }

    /// Exactly the script's messages came: 50 for each quality of service and name, and one will.
    async fn check(self, names: &[&str]) {
        let mut expected = BTreeMap::new();
        for name in names {
            for qos in 0..3 {
                let topic = format!("saola/v1/TR-1/qos{qos}");
                expected.extend((0..50).map(|n| ((topic.clone(), format!("{name}-{n}")), 1)));
            }
            expected.insert(("saola/v1/TR-1/status".to_owned(), format!("{name} gone")), 1);
        }
        let found = eventually("the last will to come", async || {
            let mut found = BTreeMap::new();
            for (topic, payload) in self.intake.taken() {
                if topic != "saola/v1/TR-1/ask" {
                    *found.entry((topic, String::from_utf8(payload).unwrap())).or_insert(0) += 1;
                }
            }
            (found.len() >= expected.len()).then_some(found)
        })
        .await;
        assert_eq!(found, expected);
        self.answering.abort();
    }
}

/// Publishes what is asked for.
async fn answer(edge: Arc<Edge>, intake: Arc<HandIntake>) {
    let mut seen = 0;
    loop {
        for (topic, payload) in intake.taken().split_off(seen) {
            seen += 1;
            match (topic.as_str(), payload.as_slice()) {
                ("saola/v1/TR-1/ask", b"alert") => drop(edge.alerts().publish(ALERT, "asked", Retain::No)),
                ("saola/v1/TR-1/ask", b"command") => {
                    drop(edge.commands().send("TR-1", "asked", Retain::No, None).await);
                }
                _ => {}
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Runs a program to its end, off the async threads.
async fn run(program: &str, arguments: &[&str]) -> Output {
    let (name, arguments) = (program.to_owned(), arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let run = move || {
        Command::new(&name).args(&arguments).output().unwrap_or_else(|error| panic!("{name} is needed: {error}"))
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn said(output: &Output) -> String {
    [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paho_passes_the_script() {
    let stage = Stage::new();
    let python = std::env::var("SAOLA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/edge/paho_script.py");
    let address = stage.edge.address();
    let output = run(&python, &[script, &address.ip().to_string(), &address.port().to_string()]).await;
    assert!(output.status.success(), "{}", said(&output));
    stage.check(&["paho-4", "paho-5"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mqtt_js_passes_the_script_over_tcp_and_websocket() {
    let stage = Stage::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e");
    assert!(folder.join("node_modules/mqtt").is_dir(), "npm ci in tests/e2e comes first; `make test` runs it");
    let script = folder.join("mqttjs.mjs");
    let (tcp, web) = (stage.edge.address(), stage.edge.web_address().unwrap());
    let arguments = [script.to_str().unwrap(), &format!("mqtt://{tcp}"), &format!("ws://{web}/mqtt")];
    let output = run("node", &arguments).await;
    assert!(output.status.success(), "{}", said(&output));
    stage.check(&["mqttjs-mqtt-4", "mqttjs-mqtt-5", "mqttjs-ws-4", "mqttjs-ws-5"]).await;
}

/// mosquitto's clients do one thing each, so the script is here.
async fn mosquitto(stage: &Stage, version: &str, name: &str) {
    let (host, port) = (stage.edge.address().ip().to_string(), stage.edge.address().port().to_string());
    let door = ["-h", &host, "-p", &port, "-V", version, "-u", "device", "-P", "pw"];
    let with = |more: &[&str]| door.iter().chain(more).map(|text| (*text).to_owned()).collect::<Vec<String>>();
    let go = async |program: &str, more: &[&str]| {
        let arguments = with(more);
        run(program, &arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    };
    let wrong = ["-h", &host, "-p", &port, "-V", version, "-u", "device", "-P", "no", "-t", "a", "-n"];
    assert!(!run("mosquitto_pub", &wrong).await.status.success(), "a wrong password");

    for qos in ["0", "1", "2"] {
        let topic = format!("saola/v1/TR-1/qos{qos}");
        let lines: String = (0..50).map(|n| format!("{name}-{n}\n")).collect();
        let arguments = with(&["-q", qos, "-t", &topic, "-i", name, "-l"]);
        let publish = move || {
            use std::io::Write as _;
            let mut child = Command::new("mosquitto_pub").args(arguments).stdin(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
            child.wait().unwrap()
        };
        assert!(tokio::task::spawn_blocking(publish).await.unwrap().success(), "QoS {qos}");
    }
    let retained = go("mosquitto_sub", &["-q", "2", "-t", ALERT, "-C", "1", "-W", "10", "-F", "%t %p %q %r"]).await;
    assert_eq!(String::from_utf8_lossy(&retained.stdout), format!("{ALERT} cháy rừng 1 1\n"), "{}", said(&retained));
    let denied = go("mosquitto_sub", &["-t", "saola/v1/TR-2/commands", "-C", "1", "-W", "5"]).await;
    assert!(said(&denied).contains("denied"), "{}", said(&denied));

    let session = format!("{name}-s");
    let mut stays = vec!["-c", "-i", &session, "-q", "1", "-t", COMMANDS];
    if version == "mqttv5" {
        stays.extend(["-x", "3600"]);
    }
    let subscribed = go("mosquitto_sub", &[&stays[..], &["-E"]].concat()).await;
    assert!(subscribed.status.success(), "{}", said(&subscribed));
    eventually("the session to be alone", async || (stage.edge.status().connections == 0).then_some(())).await;
    let asked = go("mosquitto_pub", &["-q", "2", "-t", "saola/v1/TR-1/ask", "-m", "command"]).await;
    assert!(asked.status.success(), "{}", said(&asked));
    let waited = go("mosquitto_sub", &[&stays[..], &["-C", "1", "-W", "10"]].concat()).await;
    assert_eq!(String::from_utf8_lossy(&waited.stdout), "asked\n", "{}", said(&waited));

    let gone = format!("{name} gone");
    let mortal = ["-t", COMMANDS, "--will-topic", "saola/v1/TR-1/status", "--will-payload", &gone, "--will-qos", "2"];
    let before = stage.edge.status().logins;
    let mut child = Command::new("mosquitto_sub").args(with(&mortal)).stdout(Stdio::null()).spawn().unwrap();
    eventually("it to be let in", async || (stage.edge.status().logins > before).then_some(())).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let forged = ["-t", COMMANDS, "--will-topic", ALERT, "--will-payload", "forged", "-W", "5"];
    let forged = go("mosquitto_sub", &forged).await;
    assert!(!forged.status.success(), "a will that may not be published: {}", said(&forged));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_passes_the_script() {
    let stage = Stage::new();
    mosquitto(&stage, "mqttv311", "mosquitto-4").await;
    mosquitto(&stage, "mqttv5", "mosquitto-5").await;
    stage.check(&["mosquitto-4", "mosquitto-5"]).await;
}
