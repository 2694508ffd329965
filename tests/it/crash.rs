//! `kill -9` at random moments under load: whatever was acknowledged is in the history, once, and the ledger
//! balances.
//!
//! The sender keeps the account outside the service: which messages it sent and which of them were acknowledged.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use saola::model::Timestamp;
use saola_sim::mqtt::{Options, Publisher, Qos};

use crate::mosquitto::Mosquitto;
use crate::service::{Province, Service, Wishes, credentials, eventually};

const DEVICES: u64 = 20;
const KILLS: usize = 25;
/// Messages a second while the service is up.
const RATE: u64 = 2_000;

/// Where the devices publish.
enum Way {
    Edge,
    Mosquitto(Mosquitto),
}

/// One message of the account: the device, the time and the value that went with a number.
fn reading(first: Timestamp, number: u64) -> (String, Timestamp, f64) {
    let at = first + Duration::from_millis(number);
    // Two decimals in [-50, 50): told apart from their neighbours, exact in text.
    (format!("crash-{:02}", number % DEVICES), at, (number % 10_000) as f64 / 100.0 - 50.0)
}

async fn check(way: Way) {
    let seed = std::env::var("SAOLA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    eprintln!("SAOLA_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let (config, broker) = match &way {
        Way::Edge => (String::new(), None),
        Way::Mosquitto(broker) => (broker.section(), Some(broker.address())),
    };
    let stations = (0..DEVICES).map(|device| format!("crash-{device:02}")).collect();
    let mut service =
        Service::start(&Wishes { province: Province::Weather { stations, rules: String::new() }, config }).await;
    let source = if broker.is_some() { "mosquitto" } else { "edge" };
    if broker.is_some() {
        service.reads_from("mosquitto").await;
    }

    let mut options = Options::new("crash-fleet");
    options.credentials = broker.is_none().then(credentials);
    (options.window, options.back_off_min, options.back_off_max) =
        (500, Duration::from_millis(10), Duration::from_millis(100));
    let publisher = Publisher::connect(&broker.unwrap_or_else(|| service.mqtt.to_string()), options).await.unwrap();

    let first = Timestamp::from_micros(
        saola::clock::Clock::System.now().micros() / 1_000 * 1_000 - Duration::from_secs(60).as_micros() as i64,
    );
    let mut sent = 0;
    for _ in 0..KILLS {
        let lives_for = Duration::from_millis(chance.random_range(50..1_000));
        tokio::select! {
            () = publish_on(&publisher, first, &mut sent) => unreachable!("it publishes for ever"),
            () = tokio::time::sleep(lives_for) => {}
        }
        service.kill();
        service.start_again().await;
    }
    assert!(publisher.settled(crate::service::DEADLINE).await, "everything sent is acknowledged in the end");
    let expected = account(first, sent);
    let [received, stored, duplicate, rejected] = eventually("the service to come to rest", async || {
        let ledger = service.ledger().await;
        (ledger[1] >= sent).then_some(ledger)
    })
    .await;
    assert_eq!(received, stored + duplicate + rejected, "the ledger of {source} balances");
    assert_eq!((stored, rejected), (sent, 0), "each reading is stored once");
    for (device, readings) in expected {
        let history = service.history(&format!("{device}/air_temperature")).await;
        assert!(history == readings, "{device}: {} of {} readings are in the history", history.len(), readings.len());
    }
    assert_eq!(service.terminate(), Some(0), "it ends well when it is asked to");
}

/// Publishes one message after the other, at the rate; counts what the publisher has taken.
async fn publish_on(publisher: &Publisher, first: Timestamp, sent: &mut u64) {
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    loop {
        pace.tick().await;
        for _ in 0..RATE / 100 {
            let (device, at, value) = reading(first, *sent);
            let topic = format!("saola/v1/{device}");
            let payload = format!("{{\"time\":\"{at}\",\"air_temperature\":{value}}}");
            // Counted in the same step in which the publisher takes it: `publish` is not cut in between.
            publisher.publish(&topic, payload.as_bytes(), Qos::AtLeastOnce).await.unwrap();
            *sent += 1;
        }
    }
}

/// The history that must be there, by device.
fn account(first: Timestamp, sent: u64) -> BTreeMap<String, Vec<(Timestamp, f64)>> {
    let mut expected: BTreeMap<String, Vec<(Timestamp, f64)>> = BTreeMap::new();
    for number in 0..sent {
        let (device, at, value) = reading(first, number);
        expected.entry(device).or_default().push((at, value));
    }
    expected
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_the_edge_loses_nothing_that_it_acknowledged() {
    check(Way::Edge).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_behind_mosquitto_nothing_is_lost() {
    check(Way::Mosquitto(Mosquitto::start().await)).await;
}
