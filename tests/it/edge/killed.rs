//! `kill -9` of the real binary under 200 sessions: sessions, what waits in them, exchanges of QoS 2 and retained
//! messages are back. And over many kills each message of QoS 2 is taken once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use saola::clock::Clock;
use saola::model::Timestamp;
use serde_json::json;

use crate::mqtt_client::{Client, V3, V5, Wish, puback, publish_twice, pubrel};
use crate::service::{Province, Service, Wishes, eventually};

const SESSIONS: usize = 200;
const STATION: &str = "st-00";
const COMMANDS: &str = "saola/v1/st-00/commands";

async fn command(service: &Service, payload: &str, retain: bool) {
    let body = json!({ "payload": payload, "retain": retain });
    let answer = service.post_json(&format!("/api/v1/stations/{STATION}/commands"), &body).await;
    assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
    let told: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(
        (told["connected"].as_u64().unwrap() + told["waiting"].as_u64().unwrap(), &told["refused"]),
        (200, &json!(0))
    );
}

/// What the numbered client sends with QoS 2: one reading of its own second.
fn reading(first: Timestamp, number: usize) -> Vec<u8> {
    let at = first + Duration::from_secs(number as u64);
    format!("{{\"time\":\"{at}\",\"air_temperature\":{}.5}}", number % 50).into_bytes()
}

fn version(number: usize) -> u8 {
    if number.is_multiple_of(2) { V3 } else { V5 }
}

/// Every client comes with a session, subscribes and begins an exchange; every third one leaves.
async fn begin(service: &Service, wish: &Wish<'_>, first: Timestamp) -> Vec<Client> {
    let mut staying = Vec::new();
    for number in 0..SESSIONS {
        let name = format!("device-{number}");
        let (mut client, present) = Client::arriving(service.mqtt, version(number), &name, wish).await;
        assert!(!present);
        assert_eq!(client.subscribe(COMMANDS, 1).await, 1);
        client.send(&publish_twice(client.version, "saola/v1/st-00", 9, &reading(first, number), false)).await;
        let received = client.next().await;
        assert_eq!((received.kind(), received.id(), received.reason()), (5, 9, 0));
        if !number.is_multiple_of(3) {
            staying.push(client);
        }
    }
    staying
}

/// A client comes back: its session is there, its commands come, its exchange goes on.
async fn come_back(service: &Service, wish: &Wish<'_>, number: usize, first: Timestamp, expected: &BTreeSet<String>) {
    let (mut client, present) =
        Client::arriving(service.mqtt, version(number), &format!("device-{number}"), wish).await;
    assert!(present, "session {number}");
    client.send(&publish_twice(client.version, "saola/v1/st-00", 9, &reading(first, number), true)).await;
    let (mut heard, mut received) = (BTreeSet::new(), 0);
    while heard.len() < expected.len() || received == 0 {
        let packet = client.next().await;
        match packet.kind() {
            3 => {
                let (topic, id, payload) = packet.message(client.version);
                assert_eq!(topic, COMMANDS);
                heard.insert(String::from_utf8(payload).unwrap());
                client.send(&puback(id)).await;
            }
            5 => {
                received += 1;
                client.send(&pubrel(9)).await;
            }
            other => panic!("packet type {other}"),
        }
    }
    assert_eq!(heard, *expected, "session {number}");
    let completed = client.next().await;
    assert_eq!((completed.kind(), completed.id(), completed.reason()), (7, 9, 0));
    client.nothing().await;
}

/// A service with one station, its device's credentials, and the password.
async fn service_with_device() -> (Service, String) {
    let province = Province::Weather { stations: vec![STATION.to_owned()], rules: String::new() };
    let service = Service::start(&Wishes { province, config: String::new() }).await;
    let issued = service.post_json("/api/v1/devices", &json!({ "name": "logger", "stations": [STATION] })).await;
    assert_eq!(issued.status(), 201);
    let issued: serde_json::Value = issued.json().await.unwrap();
    let password = issued["password"].as_str().unwrap().to_owned();
    // The edge looks for new credentials twice a second.
    eventually("the device to be let in", async || {
        let mut client = Client::open(service.mqtt, V3).await;
        (client.hello("first", Some(("logger", password.as_bytes()))).await.reason() == 0).then_some(())
    })
    .await;
    (service, password)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_sessions_survive_kill_9() {
    let (mut service, password) = service_with_device().await;
    let wish = Wish { login: Some(("logger", password.as_bytes())), session_s: 86_400, ..Wish::default() };
    let first = Timestamp::from_seconds(Clock::System.now().micros() / 1_000_000 - 600);
    let staying = begin(&service, &wish, first).await;
    assert_eq!(staying.len(), 133);
    let mut expected = BTreeSet::new();
    for n in 0..5 {
        command(&service, &format!("command {n}"), false).await;
        expected.insert(format!("command {n}"));
    }
    command(&service, "last word", true).await;
    expected.insert("last word".to_owned());
    service.kill();
    drop(staying);
    service.start_again().await;

    for number in 0..SESSIONS {
        come_back(&service, &wish, number, first, &expected).await;
    }
    let (mut fresh, _) = Client::arriving(service.mqtt, V5, "fresh", &Wish { session_s: 0, ..wish }).await;
    assert_eq!(fresh.subscribe(COMMANDS, 1).await, 1);
    let retained = fresh.next().await;
    assert!(retained.is_retained());
    assert_eq!(retained.message(V5).2, b"last word");

    let ledger = service.ledger_of("edge", SESSIONS as u64).await;
    assert_eq!((&ledger["stored"], &ledger["rejected"]), (&json!(SESSIONS), &json!(0)), "{ledger}");
    assert_eq!(ledger["duplicate"], json!(0), "an exchange that was answered is not taken again: {ledger}");
    let history = service.history(&format!("{STATION}/air_temperature")).await;
    assert_eq!(history.len(), SESSIONS);
    assert_eq!(service.terminate(), Some(0));
}

/// How far the sender's exchanges have come: the number of each reading, and whether PUBREC came.
#[derive(Default)]
struct Sender {
    open: BTreeMap<u16, (usize, bool)>,
    next: usize,
}

/// Exchanges at a time, and kills.
const WINDOW: usize = 20;
const KILLS: usize = 12;

impl Sender {
    fn message(version: u8, id: u16, number: usize, again: bool) -> Vec<u8> {
        // Without a time: only the time of arrival tells two of them apart.
        let payload = format!("{{\"air_temperature\":{}}}", number as f64 / 1_000.0);
        publish_twice(version, "saola/v1/st-00", id, payload.as_bytes(), again)
    }

    /// Sends again what is open, then goes on until the connection ends or `stop` says so.
    async fn run(&mut self, client: &mut Client, stop: impl Fn(usize) -> bool) {
        for (id, (number, received)) in &self.open {
            let bytes = if *received { pubrel(*id) } else { Self::message(client.version, *id, *number, true) };
            client.send(&bytes).await;
        }
        loop {
            while self.open.len() < WINDOW && !stop(self.next) {
                let free = (1..).find(|id| !self.open.contains_key(id)).unwrap();
                self.open.insert(free, (self.next, false));
                let bytes = Self::message(client.version, free, self.next, false);
                self.next += 1;
                // The kill may come at any byte.
                if tokio::io::AsyncWriteExt::write_all(&mut client.stream, &bytes).await.is_err() {
                    return;
                }
            }
            if self.open.is_empty() {
                return;
            }
            let Some(packet) = client.packet().await else { return };
            let id = packet.id();
            match packet.kind() {
                5 => {
                    self.open.get_mut(&id).unwrap().1 = true;
                    let _ = tokio::io::AsyncWriteExt::write_all(&mut client.stream, &pubrel(id)).await;
                }
                7 => drop(self.open.remove(&id)),
                other => panic!("packet type {other}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_many_kills_each_message_of_qos_2_is_taken_once() {
    let seed = std::env::var("SAOLA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    eprintln!("SAOLA_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let (mut service, password) = service_with_device().await;
    let wish = Wish { login: Some(("logger", password.as_bytes())), session_s: 86_400, ..Wish::default() };
    let mut sender = Sender::default();
    for kill in 0..=KILLS {
        let (mut client, present) = Client::arriving(service.mqtt, V5, "sender", &wish).await;
        assert_eq!(present, kill > 0, "the session is there");
        if kill == KILLS {
            let last = sender.next;
            sender.run(&mut client, |next| next >= last).await;
            break;
        }
        let lives_for = Duration::from_millis(chance.random_range(20..400));
        tokio::select! {
            () = sender.run(&mut client, |_| false) => panic!("the connection ended by itself"),
            () = tokio::time::sleep(lives_for) => {}
        }
        service.kill();
        service.start_again().await;
    }
    assert!(sender.open.is_empty() && sender.next > KILLS * WINDOW, "{} sent", sender.next);
    let ledger = service.ledger_of("edge", sender.next as u64).await;
    assert_eq!((&ledger["stored"], &ledger["rejected"]), (&json!(sender.next), &json!(0)), "{ledger}");
    let history = service.history(&format!("{STATION}/air_temperature")).await;
    let mut values: Vec<i64> = history.iter().map(|(_, value)| (value * 1_000.0).round() as i64).collect();
    values.sort_unstable();
    assert_eq!(values, (0..sender.next as i64).collect::<Vec<_>>());
    eprintln!("{} messages over {KILLS} kills, of which {} came again", sender.next, ledger["duplicate"]);
}
