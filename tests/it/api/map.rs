//! Stations and layers.

use axum::http::{Method, StatusCode};
use saola::model::{Body, Quality};

use super::house::{House, LEVEL, PM, TEMPERATURE, request};

fn ids(collection: &serde_json::Value) -> Vec<&str> {
    collection["features"].as_array().unwrap().iter().map(|feature| feature["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_station_says_what_was_observed_when_and_how_good_it_is() {
    let house = House::demo();
    house.observe(PM, 30, 41.2);
    house.observe_as(TEMPERATURE, 200, 21.5, Quality::CALIBRATING.with(Quality::RECEIVED_TIME));
    let answer = house.get("/api/v1/stations/A-AIR").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/geo+json");
    let station = answer.json();
    assert_eq!(station["type"], "Feature");
    assert_eq!(station["id"], "A-AIR");
    assert_eq!(station["geometry"], serde_json::json!({"type": "Point", "coordinates": [103.5, 22.5]}));
    let properties = &station["properties"];
    assert_eq!(properties["kind"], "air");
    assert_eq!(properties["name"]["vi"], "Mường Tè");
    assert_eq!(properties["area"], "001");
    assert_eq!(properties["area_name"]["en"], "Commune 001");
    assert_eq!(properties["freshness"], "stale");
    assert_eq!(properties["severity"], serde_json::Value::Null);
    let pm = &properties["channels"][0];
    assert_eq!(pm["property"], "pm2_5");
    assert_eq!(pm["unit"], "ug/m3");
    assert_eq!(pm["value"], 41.2);
    assert_eq!(pm["observed_at"], "2026-11-21T10:14:30+07:00");
    assert_eq!(pm["received_at"], "2026-11-21T10:15:00+07:00");
    assert_eq!(pm["quality"], "good");
    assert_eq!(pm["time_from"], "device");
    assert_eq!(pm["freshness"], "live");
    assert_eq!(pm["interval_s"], 60.0);
    let temperature = &properties["channels"][1];
    assert_eq!(temperature["quality"], "calibrating");
    assert_eq!(temperature["time_from"], "receipt");
    assert_eq!(temperature["freshness"], "stale");
}

#[tokio::test]
async fn a_channel_that_never_spoke_is_silent_and_has_no_value() {
    let house = House::demo();
    let station = house.get("/api/v1/stations/B-RIVER").await.json();
    let level = &station["properties"]["channels"][0];
    for member in ["value", "observed_at", "received_at", "quality", "time_from"] {
        assert!(level[member].is_null(), "{member}");
    }
    assert_eq!(level["freshness"], "silent");
}

#[tokio::test]
async fn stations_are_found_by_place_kind_area_and_name() {
    let house = House::demo();
    for (query, expected) in [
        ("", vec!["A-AIR", "B-RIVER", "C-RAIN"]),
        ("?bbox=103,22,104,23", vec!["A-AIR"]),
        ("?kind=river,rain", vec!["B-RIVER", "C-RAIN"]),
        ("?kind=river&kind=air", vec!["A-AIR", "B-RIVER"]),
        ("?area=002", vec!["B-RIVER"]),
        ("?area=12", vec!["A-AIR", "B-RIVER"]),
        ("?q=muong%20te", vec!["A-AIR"]),
        ("?q=N%E1%BA%ACM", vec!["B-RIVER"]),
        ("?q=c-ra", vec!["C-RAIN"]),
        ("?q=nothing", vec![]),
        ("?limit=2", vec!["A-AIR", "B-RIVER"]),
        ("?limit=2&next=B-RIVER", vec!["C-RAIN"]),
    ] {
        let answer = house.get(&format!("/api/v1/stations{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
        assert_eq!(ids(&answer.json()), expected, "{query}");
    }
    assert_eq!(house.get("/api/v1/stations?limit=2").await.json()["next"], "B-RIVER");
    assert!(house.get("/api/v1/stations?limit=3").await.json()["next"].is_null());
}

#[tokio::test]
async fn a_retired_station_is_listed_no_more_and_keeps_its_address() {
    let house = House::demo();
    assert!(!house.get("/api/v1/stations").await.text().contains("D-OLD"));
    assert!(!house.get("/api/v1/layers/stations").await.text().contains("D-OLD"));
    let old = house.get("/api/v1/stations/D-OLD").await.json();
    assert_eq!(old["properties"]["retired"], true);
}

#[tokio::test]
async fn every_layer_of_the_catalogue_can_be_read() {
    let house = House::demo();
    let catalogue = house.get("/api/v1/layers").await.json();
    let layers = catalogue["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 18);
    for layer in layers {
        let id = layer["id"].as_str().unwrap();
        assert!(!layer["title"]["vi"].as_str().unwrap().is_empty());
        let answer = house.get(&format!("/api/v1/layers/{id}?zoom=7")).await;
        assert_eq!(answer.status, StatusCode::OK, "{id}: {}", answer.text());
        assert_eq!(answer.json()["type"], "FeatureCollection", "{id}");
    }
    assert_eq!(ids(&house.get("/api/v1/layers/stations").await.json()), ["A-AIR", "B-RIVER", "C-RAIN"]);
    assert_eq!(ids(&house.get("/api/v1/layers/river").await.json()), ["B-RIVER"]);
    let areas = house.get("/api/v1/layers/areas?bbox=103.2,22.2,103.3,22.3").await.json();
    assert_eq!(ids(&areas), ["001"]);
    assert_eq!(areas["features"][0]["geometry"]["type"], "MultiPolygon");
    let ring = areas["features"][0]["geometry"]["coordinates"][0][0].as_array().unwrap();
    assert!(ring.len() == 5 && ring.contains(&serde_json::json!([103.0, 22.0])), "{ring:?}");
}

#[tokio::test]
async fn an_unchanged_layer_is_not_sent_again() {
    let house = House::demo();
    house.observe(LEVEL, 0, 2.5);
    let again = async |tag: &str| {
        let mut asked = request(Method::GET, "/api/v1/layers/stations");
        asked.headers_mut().insert("if-none-match", tag.parse().unwrap());
        house.ask(asked).await
    };
    let first = house.get("/api/v1/layers/stations").await;
    let tag = first.header("etag").to_owned();
    let second = again(&tag).await;
    assert_eq!(second.status, StatusCode::NOT_MODIFIED);
    assert!(second.body.is_empty());
    // A tag is made of what is told: time alone makes a value late.
    house.parts.clock.set(house.parts.clock.now() + std::time::Duration::from_secs(130));
    let third = again(&tag).await;
    assert_eq!(third.status, StatusCode::OK);
    assert_ne!(third.header("etag"), tag);
    house.enter(Body::Tick);
    assert_eq!(again(third.header("etag")).await.status, StatusCode::NOT_MODIFIED);
}
