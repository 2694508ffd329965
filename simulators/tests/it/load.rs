//! Load and count against a broker that only acknowledges.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use saola_sim::load::{self, CountOptions, Options};
use saola_sim::mqtt::Qos;

use crate::broker::{Broker, Manner};

#[tokio::test]
async fn a_paced_load_keeps_its_rate_and_gets_every_acknowledgement() {
    let broker = Broker::start(Manner::default());
    let mut options = Options::new(&broker.address);
    (options.devices, options.connections, options.rate) = (30, 4, 2_000);
    options.lasts = Duration::from_millis(700);
    let report = load::run(&options).await.unwrap();
    assert_eq!(report.acknowledged, report.sent);
    assert!((1_000..=1_400).contains(&report.sent), "{}", report.sent);
    assert_eq!((report.failed_connections, report.latency_us.count()), (0, report.sent));
    let got = broker.got();
    assert_eq!(got.len() as u64, report.sent);
    let mut times: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for message in &got {
        let text = String::from_utf8(message.payload.clone()).unwrap();
        assert_eq!(text.len(), load::PAYLOAD_BYTES);
        assert!(times.entry(&message.topic).or_default().insert(text[..42].to_owned()), "a time twice: {text}");
    }
    assert_eq!(times.len(), 30);
    assert!(times.contains_key("saola/v1/load-00029"));
    assert!(report.json(&options).contains("\"unacknowledged\":0"));
}

#[tokio::test]
async fn a_small_window_is_kept_and_qos_0_asks_for_nothing() {
    let broker = Broker::start(Manner { writes_down: false, ..Manner::default() });
    let mut options = Options::new(&broker.address);
    options.window = 3;
    options.lasts = Duration::from_millis(200);
    let report = load::run(&options).await.unwrap();
    assert!(report.sent > 10 && report.acknowledged == report.sent);
    options.qos = Qos::AtMostOnce;
    let report = load::run(&options).await.unwrap();
    assert!(report.sent > 1_000 && report.acknowledged == 0 && report.latency_us.count() == 0);
}

#[tokio::test]
async fn a_broken_connection_is_reported() {
    let broker = Broker::start(Manner { cut_after: Some(100), cuts: 1, ..Manner::default() });
    let mut options = Options::new(&broker.address);
    (options.connections, options.rate) = (2, 3_000);
    options.lasts = Duration::from_millis(300);
    let report = load::run(&options).await.unwrap();
    assert_eq!(report.failed_connections, 1);
    assert!(report.sent > report.acknowledged || report.sent >= 100);
}

#[tokio::test]
async fn a_counter_counts_and_acknowledges() {
    let broker = Broker::start(Manner { sends: 5_000, ..Manner::default() });
    let mut options = CountOptions::new(&broker.address, "#");
    options.messages = Some(5_000);
    let mut subscribed = false;
    let counted = load::count(&options, || subscribed = true).await.unwrap();
    assert_eq!((counted.messages, counted.bytes, subscribed), (5_000, 15_000, true));
    // The broker of the tests counts the acknowledgements it gets.
    let watched = tokio::task::spawn_blocking(move || broker.wait_for(5_000));
    assert_eq!(watched.await.unwrap(), 5_000);
}

/// Prints what the load can do by itself; `cargo nextest run --release -p saola-sim --run-ignored only --no-capture`.
#[tokio::test]
#[ignore = "a measurement, for release builds"]
async fn measures_the_load_itself() {
    let broker = Broker::start(Manner { writes_down: false, ..Manner::default() });
    for (qos, connections, devices, window) in [
        (Qos::AtMostOnce, 1, 1_000, 1),
        (Qos::AtLeastOnce, 1, 1_000, 10_000),
        (Qos::AtLeastOnce, 8, 10_000, 2_000),
        (Qos::AtLeastOnce, 1_000, 10_000, 100),
    ] {
        let mut options = Options::new(&broker.address);
        (options.qos, options.connections, options.devices, options.window) = (qos, connections, devices, window);
        options.lasts = Duration::from_secs(4);
        let report = load::run(&options).await.unwrap();
        println!("{}", report.json(&options));
    }
}
