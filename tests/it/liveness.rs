//! What devices say of themselves and what Saola cannot hear, with the real binary behind a real mosquitto: a birth is
//! asked for on the broker, a death silences at once, gaps are counted, and a broker that is away is journaled as an
//! outage, as is the time in which the process was down.

use serde_json::Value;

use crate::mosquitto::Mosquitto;
use crate::mqtt_client::{Client, V3};
use crate::service::{Province, Service, Wishes, eventually};

/// A Sparkplug payload by hand: time, sequence number and one double.
fn payload(seq: u8, metric: Option<(&str, f64)>) -> Vec<u8> {
    let millis = saola::clock::Clock::System.now().micros() as u64 / 1_000;
    let mut out = vec![0x08];
    put_varint(millis, &mut out);
    if let Some((name, value)) = metric {
        let mut body = vec![0x0A, name.len() as u8];
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&[0x20, 10, 0x69]);
        body.extend_from_slice(&value.to_le_bytes());
        out.extend_from_slice(&[0x12, body.len() as u8]);
        out.extend_from_slice(&body);
    }
    out.push(0x18);
    put_varint(seq.into(), &mut out);
    out
}

fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

const SOURCE: &str = r#"
[[source]]
name = "sparkplug"
from = ["mosquitto"]
topic = "spBv1.0/#"
decoder = "sparkplug_b"
unlisted = "ignore"
stations = { "G/N" = "N", "G/N/D" = "D" }
names = { t = { property = "air_temperature", unit = "Cel" } }
"#;

async fn station(service: &Service, name: &str) -> Value {
    service.get(&format!("/api/v1/stations/{name}")).await["properties"].clone()
}

async fn until_fresh(service: &Service, name: &str, expected: &str) {
    eventually("the freshness", async || {
        (station(service, name).await["channels"][0]["freshness"] == expected).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn births_are_asked_for_deaths_silence_and_gaps_are_counted() {
    let broker = Mosquitto::start().await;
    let stations = ["N", "D"].map(str::to_owned).to_vec();
    let wishes = Wishes { province: Province::Weather { stations, rules: String::new() }, config: String::new() };
    let mut service = Service::start(&wishes).await;
    service.terminate();
    service.append_config(&format!("{}{SOURCE}", broker.section()));
    service.start_again().await;
    service.reads_from("mosquitto").await;

    let mut device = Client::connected(broker.address().parse().unwrap(), V3, "node").await;
    device.subscribe("spBv1.0/+/NCMD/#", 0).await;
    device.publish("spBv1.0/G/DDATA/N/D", 1, &payload(5, Some(("t", 20.0)))).await;
    let asked = eventually("the wish for a birth", async || {
        let packet = device.next().await;
        (packet.kind() == 3).then(|| packet.message(V3))
    })
    .await;
    assert_eq!(asked.0, "spBv1.0/G/NCMD/N");
    let name = b"Node Control/Rebirth";
    assert!(asked.2.windows(name.len()).any(|window| window == name), "{asked:?}");

    device.publish("spBv1.0/G/NBIRTH/N", 2, &payload(0, Some(("t", 1.0)))).await;
    device.publish("spBv1.0/G/DBIRTH/N/D", 3, &payload(1, Some(("t", 20.0)))).await;
    // Four messages are missing before this one.
    device.publish("spBv1.0/G/DDATA/N/D", 4, &payload(6, Some(("t", 20.5)))).await;
    eventually("the gap", async || (station(&service, "N").await["missing_messages"] == 4).then_some(())).await;
    assert_eq!(station(&service, "D").await["channels"][0]["value"], 20.5);
    until_fresh(&service, "D", "live").await;
    device.publish("spBv1.0/G/DDEATH/N/D", 5, &payload(7, None)).await;
    until_fresh(&service, "D", "silent").await;
    device.publish("spBv1.0/G/DBIRTH/N/D", 6, &payload(8, Some(("t", 21.0)))).await;
    until_fresh(&service, "D", "live").await;

    drop(broker);
    eventually("the outage to be journaled", async || journal(&service).contains("was not heard since").then_some(()))
        .await;
    service.terminate();
    service.start_again().await;
    eventually("the time down to be journaled", async || {
        journal(&service).contains("nobody was heard from").then_some(())
    })
    .await;
}

/// What the journal's files say.
fn journal(service: &Service) -> String {
    let folder = service.data().join("journal");
    let arguments = ["journal", "inspect", "--limit", "100000", "--dir"];
    let output = std::process::Command::new(crate::service::BINARY).args(arguments).arg(folder).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
