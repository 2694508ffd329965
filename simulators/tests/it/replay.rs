//! A recorded series over a real socket: every row arrives, in order, acknowledged.

use saola_sim::replay::{self, Map, Options, Recording, Shift};
use saola_sim::shipped;

use crate::broker::{Broker, Manner};

#[tokio::test]
async fn every_row_arrives_in_order_though_the_connection_breaks() {
    let (_, map) = shipped::MAPS.iter().find(|(name, _)| *name == "water_flow").unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/recorded/water_flow_hourly.csv");
    let recording = Recording::read(&Map::parse(map).unwrap(), std::fs::File::open(path).unwrap()).unwrap();
    let shift_s = recording.shift_s(Shift::LastRowNow, "2026-11-21T00:00:00Z".parse().unwrap());

    let broker = Broker::start(Manner { cut_after: Some(300), unacknowledged: 5, cuts: 2, ..Manner::default() });
    let report = replay::run(Options::new(&broker.address), &recording, shift_s, std::future::pending()).await.unwrap();
    assert_eq!((report.rows, report.published, report.acknowledged, report.readings), (1_268, 1_268, 1_268, 1_268));
    assert_eq!(report.last.unwrap().to_string(), "2026-11-21T00:00:00Z");
    assert!(report.json().contains("\"last\":\"2026-11-21T00:00:00Z\""));

    let expected: Vec<Vec<u8>> = recording.rows.iter().map(|row| replay::message(row, shift_s).1).collect();
    let acknowledged: Vec<Vec<u8>> =
        broker.got().into_iter().filter(|got| got.acknowledged).map(|got| got.payload).collect();
    assert_eq!(acknowledged, expected);
}

#[tokio::test]
async fn a_rate_is_kept_and_a_stop_is_obeyed() {
    let map = Map::parse(shipped::MAPS.iter().find(|(name, _)| *name == "water_flow").unwrap().1).unwrap();
    let file: String =
        (0..2_000).map(|n| format!("2026-01-01T{:02}:{:02}:{:02}Z,{n}\n", n / 3600, n / 60 % 60, n % 60)).collect();
    let recording = Recording::read(&map, format!("Time,Water flow [l/s]\n{file}").as_bytes()).unwrap();
    let broker = Broker::start(Manner::default());
    let mut options = Options::new(&broker.address);
    options.rate = Some(200.0);
    let began = tokio::time::Instant::now();
    let watching = std::sync::Arc::new(broker);
    let watched = std::sync::Arc::clone(&watching);
    let stop = async move {
        let _ = tokio::task::spawn_blocking(move || watched.wait_for(60)).await;
    };
    let report = replay::run(options, &recording, 0, stop).await.unwrap();
    assert!(began.elapsed().as_millis() >= 290, "60 messages at 200 a second took {:?}", began.elapsed());
    assert!((60..2_000).contains(&report.published) && report.acknowledged == report.published, "{report:?}");
    assert_eq!(watching.got().len() as u64, report.published);
}
