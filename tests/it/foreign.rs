//! Clients that others wrote, mosquitto's and paho's, publish to the embedded edge and to an outside mosquitto that
//! the service reads from: either way the readings are in the history.
//!
//! `make test` installs them; where one is missing the test fails rather than skips.

use std::process::Command;
use std::time::Duration;

use saola::model::Timestamp;

use crate::mosquitto::Mosquitto;
use crate::service::{DEVICE, Province, Service, Wishes};

/// As written by hand in Vietnam: the topic's last segment begins with a letter outside ASCII.
const STATION: &str = "đồi-1";
/// Messages of paho, for each version of the protocol.
const PAHO_EACH: i64 = 250;

/// Runs a program to its end, off the async threads.
async fn run(program: &str, arguments: Vec<String>) {
    let name = program.to_owned();
    let run = move || {
        Command::new(&name).args(&arguments).output().unwrap_or_else(|error| panic!("{name} is needed: {error}"))
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    // The clients of mosquitto say what went wrong and still exit with 0.
    assert!(output.status.success() && !said.contains("rror") && !said.contains("denied"), "{program}: {said}");
}

async fn check(broker: Option<Mosquitto>) {
    let config = broker.as_ref().map(Mosquitto::section).unwrap_or_default();
    let province = Province::Weather { stations: vec![STATION.to_owned()], rules: String::new() };
    let mut service = Service::start(&Wishes { province, config }).await;
    let (source, port) = match &broker {
        Some(broker) => {
            service.reads_from("mosquitto").await;
            ("mosquitto", broker.port)
        }
        None => ("edge", service.mqtt.port()),
    };
    let first = Timestamp::from_seconds(saola::clock::Clock::System.now().micros() / 1_000_000 - 3_600);
    let at = |number: i64| first + Duration::from_secs(number.unsigned_abs());
    let mut expected = Vec::new();

    for version in ["mqttv31", "mqttv311", "mqttv5"] {
        for qos in ["0", "1"] {
            let number = expected.len() as i64;
            let payload = format!("{{\"time\":\"{}\",\"air_temperature\":{number}.25}}", at(number));
            let topic = format!("saola/v1/{STATION}");
            let port = port.to_string();
            let door = ["-h", "127.0.0.1", "-p", &port, "-u", DEVICE.0, "-P", DEVICE.1, "-i", "someone-else"];
            let message = ["-V", version, "-q", qos, "-t", &topic, "-m", &payload];
            run("mosquitto_pub", door.into_iter().chain(message).map(str::to_owned).collect()).await;
            expected.push((at(number), number as f64 + 0.25));
        }
    }
    let python = std::env::var("SAOLA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/paho_publish.py");
    let from = first.micros() / 1_000_000 + expected.len() as i64;
    let arguments = [script, &port.to_string(), DEVICE.0, DEVICE.1, STATION, &from.to_string(), &PAHO_EACH.to_string()];
    run(&python, arguments.map(str::to_owned).to_vec()).await;
    for number in expected.len() as i64..expected.len() as i64 + 2 * PAHO_EACH {
        expected.push((at(number), (at(number).micros() / 1_000_000 % 1_000) as f64 / 20.0));
    }

    let ledger = service.ledger_of(source, expected.len() as u64).await;
    let counts = ["received", "stored", "duplicate", "rejected"].map(|key| ledger[key].as_u64().unwrap());
    assert_eq!(counts, [expected.len() as u64, expected.len() as u64, 0, 0], "{ledger}");
    assert_eq!(service.history(&format!("{STATION}/air_temperature")).await, expected);
    eprintln!("{source}: {} readings of others' clients are in the history", expected.len());
    assert_eq!(service.terminate(), Some(0), "it ends well when it is asked to");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_pub_and_paho_publish_to_the_embedded_edge() {
    check(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_pub_and_paho_publish_to_an_outside_mosquitto() {
    check(Some(Mosquitto::start().await)).await;
}
