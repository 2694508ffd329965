//! The event stream: coalesced, resumable, bounded.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::{Method, StatusCode};
use futures_util::StreamExt;
use saola::api::{Config, Demo};
use saola::model::{Body, Seq};
use tower::ServiceExt;

use super::house::{House, LEVEL, PM, request};

/// Longer than anything here takes; a test that meets it fails.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct Event {
    name: String,
    id: Option<Seq>,
    body: serde_json::Value,
}

struct Reading {
    body: BodyDataStream,
    text: String,
}

impl Reading {
    async fn begin(house: &House, path: &str, last: Option<Seq>) -> Reading {
        let mut asked = request(Method::GET, path);
        if let Some(last) = last {
            asked.headers_mut().insert("last-event-id", last.to_string().parse().unwrap());
        }
        let response = house.router.clone().oneshot(asked).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Reading { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
                };
                let event = field("event").map(|name| Event {
                    name,
                    id: field("id").map(|id| Seq(id.parse().unwrap())),
                    body: serde_json::from_str(&field("data").unwrap()).unwrap(),
                });
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let piece = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("no event came")?;
            self.text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
    }

    /// The next event that is not a heartbeat.
    async fn news(&mut self) -> Event {
        loop {
            let event = self.next().await.expect("the stream ended");
            if event.name != "heartbeat" {
                return event;
            }
        }
    }
}

#[tokio::test]
async fn a_new_reader_begins_now_and_hears_a_heartbeat_first() {
    let house = House::demo();
    house.observe(PM, 10, 1.0);
    house.enter(Body::Tick);
    let mut reading = Reading::begin(&house, "/api/v1/stream", None).await;
    let heartbeat = reading.next().await.unwrap();
    assert_eq!(heartbeat.name, "heartbeat");
    assert_eq!(heartbeat.id, Some(Seq(3)));
    assert_eq!(heartbeat.body["now"], "2026-11-21T10:15:00+07:00");
    assert_eq!(heartbeat.body["intake_age_s"], 3.0);
    assert_eq!(heartbeat.body["tick_age_s"], 0.0);
    assert_eq!(heartbeat.body["last_seq"], 3);
    let seq = house.observe(LEVEL, 0, 2.5);
    let change = reading.news().await;
    assert_eq!((change.name.as_str(), change.id), ("change", Some(seq)));
    assert_eq!(change.body["id"], "B-RIVER");
    assert_eq!(change.body["properties"]["channels"][0]["value"], 2.5);
}

#[tokio::test]
async fn a_reader_resumes_without_a_gap_and_hears_each_station_once() {
    let house = House::demo();
    let seen = house.observe(PM, 60, 1.0);
    for value in [2.0, 3.0, 4.0] {
        house.observe(PM, 0, value);
    }
    let last = house.observe(LEVEL, 0, 9.0);
    let mut reading = Reading::begin(&house, "/api/v1/stream", Some(seen)).await;
    let first = reading.news().await;
    assert_eq!(first.body["properties"]["channels"][0]["value"], 4.0);
    assert_eq!(first.id, Some(Seq(last.0 - 1)));
    let second = reading.news().await;
    assert_eq!((second.body["id"].as_str(), second.id), (Some("B-RIVER"), Some(last)));
}

#[tokio::test]
async fn the_id_stands_on_the_last_event_of_an_entry_only() {
    let house = House::demo();
    house.observe(PM, 0, 1.0);
    let seen = house.observe(LEVEL, 0, 1.0);
    house.enter(Body::Tick);
    house.parts.clock.set(house.parts.clock.now() + Duration::from_secs(3_600));
    let tick = house.enter(Body::Tick);
    let mut reading = Reading::begin(&house, "/api/v1/stream", Some(seen)).await;
    let events = [reading.news().await, reading.news().await];
    assert_eq!(events[0].id, None);
    assert_eq!(events[1].id, Some(tick));
    assert!(events.iter().all(|event| event.body["properties"]["freshness"] == "silent"));
}

#[tokio::test]
async fn a_reader_that_is_too_far_behind_or_from_elsewhere_is_told_to_read_anew() {
    let house = House::demo();
    for last in [Seq(0), Seq(1_000_000)] {
        let mut reading = Reading::begin(&house, "/api/v1/stream", Some(last)).await;
        let event = reading.news().await;
        assert_eq!(event.name, "resync");
        assert_eq!(event.id, Some(house.parts.feed.latest()));
    }
    let mut reading = Reading::begin(&house, "/api/v1/stream?last_event_id=what", None).await;
    assert_eq!(reading.news().await.name, "resync");
}

#[tokio::test]
async fn a_new_catalogue_is_a_resync() {
    let house = House::demo();
    let mut reading = Reading::begin(&house, "/api/v1/stream", None).await;
    assert_eq!(reading.next().await.unwrap().name, "heartbeat");
    let old = house.parts.state.read().catalogue.clone();
    let mut sources = old.sources().to_vec();
    sources.push("second".into());
    let new = saola::model::Catalogue::new(sources, old.areas().into(), old.stations().into(), old.channels().into());
    let seq = house.enter(Body::Catalogue(Box::new(new.unwrap())));
    let event = reading.news().await;
    assert_eq!((event.name.as_str(), event.id), ("resync", Some(seq)));
}

#[tokio::test]
async fn only_what_was_asked_for_is_told() {
    let house = House::demo();
    for (query, expected) in
        [("?layers=river", "B-RIVER"), ("?bbox=103,22,104,23", "A-AIR"), ("?layers=stations", "A-AIR")]
    {
        let mut reading = Reading::begin(&house, &format!("/api/v1/stream{query}"), None).await;
        assert_eq!(reading.next().await.unwrap().name, "heartbeat");
        house.observe(PM, 0, 1.0);
        house.observe(LEVEL, 0, 1.0);
        assert_eq!(reading.news().await.body["id"], expected, "{query}");
    }
}

#[tokio::test]
async fn streams_are_limited_and_seats_given_back() {
    let house = House::with(Demo::Loopback, Config { streams_per_address_max: 2, ..Config::default() });
    let first = Reading::begin(&house, "/api/v1/stream", None).await;
    let _second = Reading::begin(&house, "/api/v1/stream", None).await;
    let refused = house.get("/api/v1/stream").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json()["code"], "too_many_readers");
    assert_eq!(refused.header("retry-after"), "5");
    drop(first);
    Reading::begin(&house, "/api/v1/stream", None).await;
}

#[tokio::test(start_paused = true)]
async fn heartbeats_come_while_nothing_happens() {
    let house = House::demo();
    let mut reading = Reading::begin(&house, "/api/v1/stream", None).await;
    let begun = tokio::time::Instant::now();
    for _ in 0..4 {
        assert_eq!(reading.next().await.unwrap().name, "heartbeat");
    }
    assert_eq!(begun.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn five_hundred_readers_that_never_read_hold_nobody_up() {
    let config = Config { streams_per_address_max: 600, ..Config::default() };
    let house = House::with(Demo::Loopback, config);
    let mut silent = Vec::new();
    for _ in 0..500 {
        silent.push(Reading::begin(&house, "/api/v1/stream?layers=air&bbox=103,22,104,23", None).await);
    }
    let mut reading = Reading::begin(&house, "/api/v1/stream", None).await;
    assert_eq!(reading.next().await.unwrap().name, "heartbeat");
    let mut last = Seq(0);
    for round in 0..2_000 {
        house.observe(LEVEL, 0, f64::from(round));
        last = house.observe(PM, 0, f64::from(round));
    }
    loop {
        let event = reading.news().await;
        if event.id == Some(last) {
            assert_eq!(event.body["properties"]["channels"][0]["value"], 1_999.0);
            break;
        }
    }
    // Whoever begins to read after all has one event to catch up with, not four thousand.
    for slow in silent.iter_mut().take(3) {
        let mut told = 0;
        loop {
            let event = slow.news().await;
            told += 1;
            assert_eq!(event.body["id"], "A-AIR");
            if event.body["properties"]["channels"][0]["value"] == 1_999.0 {
                break;
            }
        }
        assert_eq!(told, 1);
    }
}

#[tokio::test]
async fn roads_and_rivers_are_told_by_their_stations() {
    let house = House::demo();
    let mut reading = Reading::begin(&house, "/api/v1/stream?layers=rivers", None).await;
    assert_eq!(reading.next().await.unwrap().name, "heartbeat");
    house.observe(PM, 0, 1.0);
    house.observe(LEVEL, 0, 1.0);
    assert_eq!(reading.news().await.body["id"], "B-RIVER");
    for layer in ["areas", "pm2_5"] {
        let refused = house.get(&format!("/api/v1/stream?layers={layer}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{layer}");
    }
}
