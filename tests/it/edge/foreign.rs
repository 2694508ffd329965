//! Clients that others wrote: mosquitto's and paho's, both versions, both qualities of service, with and without TLS.
//!
//! `make test` installs them; where one is missing the test fails rather than skips.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use saola::mqtt::edge::{Retain, Tls};

use super::double::{HandIntake, config, edge};
use super::tls::certificate;

/// Runs a program to its end, off the async threads.
async fn run(program: &str, arguments: Vec<String>) -> Output {
    let name = program.to_owned();
    let run = move || {
        Command::new(&name).args(&arguments).output().unwrap_or_else(|error| panic!("{name} is needed: {error}"))
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn arguments(address: SocketAddr, version: &str, rest: &[&str]) -> Vec<String> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let start = ["-h", &host, "-p", &port, "-V", version];
    start.iter().chain(rest).map(|argument| (*argument).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_publishes_and_hears_alerts() {
    let intake = HandIntake::instant();
    let edge = edge(&config(), &intake);
    edge.alerts().publish("saola/v1/alerts/đồi/high", "cháy rừng", Retain::Keep).unwrap();
    let mut sent = 0;
    for version in ["mqttv31", "mqttv311", "mqttv5"] {
        for qos in ["0", "1"] {
            let publish = ["-q", qos, "-t", "saola/v1/đồi-1", "-m", "{\"pm10\": 7}", "-i", "pub"];
            let output = run("mosquitto_pub", arguments(edge.address(), version, &publish)).await;
            assert!(output.status.success(), "{version} {qos}: {output:?}");
            sent += 1;
            intake.has_taken(sent).await;

            let subscribe = ["-q", qos, "-t", "saola/v1/alerts/#", "-C", "1", "-W", "10", "-v"];
            let output = run("mosquitto_sub", arguments(edge.address(), version, &subscribe)).await;
            assert!(output.status.success(), "{version} {qos}: {output:?}");
            assert_eq!(String::from_utf8(output.stdout).unwrap(), "saola/v1/alerts/đồi/high cháy rừng\n");
        }
    }
    assert!(intake.taken().iter().all(|message| *message == ("saola/v1/đồi-1".to_owned(), b"{\"pm10\": 7}".to_vec())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_is_refused_what_is_not_offered() {
    let edge = edge(&config(), &HandIntake::instant());
    let readings = ["-t", "saola/v1/TR-1", "-C", "1", "-W", "5"];
    let output = run("mosquitto_sub", arguments(edge.address(), "mqttv311", &readings)).await;
    // mosquitto_sub says so and still exits with 0.
    assert!(String::from_utf8_lossy(&output.stderr).contains("denied"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_publishes_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let mut config = config();
    config.tls = Some(Tls::new(config.listen, certificate.clone(), key));
    let intake = HandIntake::instant();
    let edge = edge(&config, &intake);
    let publish = |file: &Path| {
        let file = file.to_str().unwrap();
        let mut arguments = arguments(
            edge.tls_address().unwrap(),
            "mqttv5",
            &["-q", "1", "-t", "saola/v1/a", "-m", "x", "--cafile", file],
        );
        arguments[1] = "localhost".to_owned();
        run("mosquitto_pub", arguments)
    };
    let output = publish(&certificate).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(intake.taken().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paho_publishes_and_hears_alerts() {
    let intake = HandIntake::instant();
    let edge = edge(&config(), &intake);
    edge.alerts().publish("saola/v1/alerts/đồi/high", "cháy rừng", Retain::Keep).unwrap();
    let python = std::env::var("SAOLA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/edge/paho_client.py");
    let arguments = vec![script.to_owned(), edge.address().ip().to_string(), edge.address().port().to_string()];
    let output = run(&python, arguments).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // Two versions, 500 messages of QoS 1 and 50 of QoS 0 each.
    intake.has_taken(1_100).await;
    assert_eq!(edge.status().messages_qos_1, 1_000);
}
