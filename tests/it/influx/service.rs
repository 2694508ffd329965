//! The whole service with its history in InfluxDB. An outage costs journal space and nothing else: the service starts
//! without InfluxDB, takes in at full rate, shows the newest values, raises alerts, is killed five times, and has
//! written everything once when InfluxDB has been back for a while.
//!
//! `SAOLA_OUTAGE_SECONDS=600 cargo test --test it influx::service -- --nocapture` makes the outage as long as S1 wants.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use saola::model::Timestamp;
use saola_sim::mqtt::{Options, Publisher, Qos};
use serde_json::Value;

use super::scripted::{BUCKET, Deed, ORG, Scripted};
use crate::service::{Province, Service, Wishes, credentials, eventually};

const DEVICES: u64 = 20;
/// Readings a second.
const RATE: u64 = 2_000;
const KILLS: u32 = 5;
/// How old the newest value on the map may be, and how long an alert may take, while InfluxDB is away or catching up.
const DELAY_MAX: Duration = Duration::from_secs(5);
/// How long InfluxDB may take to have everything after the outage.
const DRAIN_MAX: Duration = Duration::from_secs(300);

const RULES: &str = "[[rule]]\nname = 'heat'\ntitle = { vi = 'Nóng', en = 'Heat' }\nproperty = 'air_temperature'\n\
                     unit = 'Cel'\nlevels = [{ severity = 'high', above = 55 }]\n";

struct Run {
    /// Holds the token.
    _house: tempfile::TempDir,
    service: Service,
    publisher: Publisher,
    first: Timestamp,
    sent: u64,
    /// The oldest newest value seen on the map.
    delay: Duration,
}

async fn start(server: &Scripted) -> Run {
    let house = tempfile::tempdir().unwrap();
    let token = house.path().join("influx.token");
    std::fs::write(&token, "k7#mQ2!vT9xw\n").unwrap();
    std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let config = format!(
        "[store]\nkind = \"influx\"\n[store.influx]\nurl = \"{}\"\norg = \"{ORG}\"\nbucket = \"{BUCKET}\"\n\
         token_file = {token:?}\nbackoff_max_ms = 2000\nrequest_timeout_s = 2\n",
        server.url()
    );
    let stations = (0..DEVICES).map(|device| format!("crash-{device:02}")).collect();
    let province = Province::Weather { stations, rules: RULES.to_owned() };
    let service = Service::start(&Wishes { province, config }).await;
    let mut options = Options::new("fleet");
    options.credentials = Some(credentials());
    (options.window, options.back_off_min, options.back_off_max) =
        (1_000, Duration::from_millis(10), Duration::from_millis(100));
    let publisher = Publisher::connect(&service.mqtt.to_string(), options).await.unwrap();
    let first = Timestamp::from_micros(saola::clock::Clock::System.now().micros() / 1_000 * 1_000);
    Run { _house: house, service, publisher, first, sent: 0, delay: Duration::ZERO }
}

/// The device, the time and the value of a number: its time is when it is sent.
fn reading(first: Timestamp, number: u64) -> (String, Timestamp, f64) {
    let at = first + Duration::from_micros(number * 1_000_000 / RATE);
    (format!("crash-{:02}", number % DEVICES), at, (number % 10_000) as f64 / 200.0 - 20.0)
}

impl Run {
    /// Publishes at the rate for so long, looking at the map all the while.
    async fn publish(&mut self, time: Duration) {
        let begun = Instant::now();
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        let mut looked = Instant::now();
        while begun.elapsed() < time {
            pace.tick().await;
            for _ in 0..RATE / 100 {
                let (device, at, value) = reading(self.first, self.sent);
                let payload = format!("{{\"time\":\"{at}\",\"air_temperature\":{value}}}");
                let topic = format!("saola/v1/{device}");
                self.publisher.publish(&topic, payload.as_bytes(), Qos::AtLeastOnce).await.unwrap();
                self.sent += 1;
            }
            if looked.elapsed() > Duration::from_secs(1) {
                looked = Instant::now();
                self.look().await;
            }
        }
        assert!(self.publisher.settled(crate::service::DEADLINE).await, "everything is acknowledged");
        self.look().await;
    }

    /// How far the map is behind what was sent.
    async fn look(&mut self) {
        let (_, newest, _) = reading(self.first, self.sent - DEVICES);
        let begun = Instant::now();
        eventually("the newest value on the map", async || {
            let station = self.service.get("/api/v1/stations/crash-00").await;
            let shown = station["properties"]["channels"][0]["observed_at"].as_str()?.to_owned();
            (Timestamp::parse(&shown)? >= newest).then_some(())
        })
        .await;
        self.delay = self.delay.max(begun.elapsed());
    }

    /// How long an alert takes.
    async fn alert(&mut self) -> Duration {
        let begun = Instant::now();
        let now = saola::clock::Clock::System.now();
        for value in [56.0, 57.0] {
            let payload =
                format!("{{\"time\":\"{}\",\"air_temperature\":{value}}}", now + Duration::from_millis(value as u64));
            self.publisher.publish("saola/v1/crash-19", payload.as_bytes(), Qos::AtLeastOnce).await.unwrap();
        }
        eventually("the alert", async || {
            let alerts = self.service.get("/api/v1/alerts").await;
            alerts.to_string().contains("\"heat\"").then_some(())
        })
        .await;
        begun.elapsed()
    }

    /// What readiness says of the store.
    async fn store(&self) -> (bool, String) {
        let answer = self.service.ask("/readyz").await.text().await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let checks = answer["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["part"] == "store").unwrap();
        (check["ready"] == true, check["detail"].as_str().unwrap().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_costs_journal_space_and_nothing_else() {
    let outage = std::env::var("SAOLA_OUTAGE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let server = Scripted::start();
    server.habit(Deed::Answer("500 Internal Server Error", "", "{\"code\":\"internal error\",\"message\":\"away\"}"));
    let mut run = start(&server).await;
    let alerted = run.alert().await;
    for life in 1..=KILLS {
        run.publish(Duration::from_secs(outage) / KILLS).await;
        let sentence = eventually("readiness to show the outage", async || {
            let (is_ready, sentence) = run.store().await;
            (!is_ready).then_some(sentence)
        })
        .await;
        assert!(sentence.contains("InfluxDB at http://127.0.0.1:") && sentence.contains("(500: away)"), "{sentence}");
        if life < KILLS {
            run.service.kill();
            run.service.start_again().await;
        }
    }
    assert!(server.inner.lock().points.is_empty());

    server.habit(Deed::Serve);
    let back = Instant::now();
    run.publish(Duration::from_secs(2)).await;
    let sent = run.sent + 2;
    let [received, stored, duplicate, rejected] = eventually("InfluxDB to have everything", async || {
        assert!(back.elapsed() < DRAIN_MAX, "still draining");
        let ledger = run.service.ledger().await;
        (ledger[1] >= sent).then_some(ledger)
    })
    .await;
    let drained = back.elapsed();
    assert_eq!((received, stored, duplicate, rejected), (sent, sent, 0, 0), "the ledger balances");
    assert_eq!(run.store().await.0, true);
    check_points(&server, &run);
    assert!(run.delay < DELAY_MAX && alerted < DELAY_MAX, "the map was {:?} late, the alert {alerted:?}", run.delay);
    let last = run.service.history("crash-00/air_temperature").await;
    assert_eq!(last.len() as u64, run.sent / DEVICES, "the API reads it back");
    eprintln!(
        "{outage} s away at {RATE}/s: {sent} readings, none lost, none twice; drained in {drained:?}; the map at most \
         {:?} late, an alert after {alerted:?}",
        run.delay
    );
    assert_eq!(run.service.terminate(), Some(0));
}

/// Exactly what was sent is there, each once.
fn check_points(server: &Scripted, run: &Run) {
    let mut expected: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
    for number in 0..run.sent {
        let (device, at, value) = reading(run.first, number);
        expected.entry(device).or_default().insert(at.micros(), value);
    }
    let inner = server.inner.lock();
    assert_eq!(inner.changed, 0, "no point was given another value");
    for (device, expected) in expected {
        let key = ("weather".to_owned(), device.clone(), "air_temperature".to_owned());
        let mut found = inner.points[&key].clone();
        if device == "crash-19" {
            found.retain(|at, _| expected.contains_key(at));
        }
        assert!(found == expected, "{device}: {} of {} points", found.len(), expected.len());
    }
}
