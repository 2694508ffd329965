//! The past on the addresses of the present: layers, tiles, alerts and incidents at a moment.

mod communes;
mod kept;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::layers::{Layer, TileId, mercator::World};
use saola::model::{
    Body, Corrections, MaintenanceCommand, Position, Quality, RuleFile, Sample, TimeClass, Timestamp, Window,
};
use saola::store::{self, Settling};
use serde_json::{Value, json};

use super::house::{Answer, House, LEVEL, NOW, PM, RAIN, TEMPERATURE, document, request, send};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Where `A-AIR`, `B-RIVER` and `C-RAIN` stand.
const PLACES: [(f64, f64); 3] = [(103.5, 22.5), (104.5, 22.5), (110.0, 22.5)];

fn tile_at(z: u8, (lon, lat): (f64, f64)) -> String {
    let tile = TileId::around(z, World::of(Position { lon, lat }));
    format!("{}/{}/{}", tile.z(), tile.x(), tile.y())
}

/// Time passes.
fn pass(house: &House, time: Duration) {
    house.parts.clock.set(house.parts.clock.now() + time);
}

async fn known(house: &House, path: &str, tag: &str) -> Answer {
    let mut asked = request(Method::GET, path);
    asked.headers_mut().insert("if-none-match", tag.parse().unwrap());
    house.ask(asked).await
}

/// A layer's features, without what nobody keeps of a past moment.
async fn layer(house: &House, layer: &str, at: &str) -> Vec<Value> {
    let path = format!("/api/v1/layers/{layer}?zoom=14{at}");
    let mut features = document(&house.get(&path).await, &path)["features"].as_array().unwrap().clone();
    for feature in &mut features {
        let properties = &mut feature["properties"];
        for lost in ["missing_messages", "threshold"] {
            properties[lost] = Value::Null;
        }
        for channel in properties["channels"].as_array_mut().into_iter().flatten() {
            channel["received_at"] = Value::Null;
        }
    }
    features
}

/// Every tile that anything stands in, of every layer.
async fn tiles(house: &House, at: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for layer in Layer::all() {
        for place in PLACES {
            for z in [0, 8, 14] {
                let path = format!("/tiles/{}/{}{at}", layer.id(), tile_at(z, place));
                let answer = house.get(&path).await;
                assert!(answer.status.is_success(), "{path}: {}", answer.text());
                found.push((path.replace(at, ""), answer.body));
            }
        }
    }
    found
}

/// Samples: channel, how long after the one before in seconds, how late, value, quality.
fn samples() -> impl Strategy<Value = Vec<(usize, u64, u64, f64, u8)>> {
    prop::collection::vec((0_usize..4, 0_u64..400, prop_oneof![Just(0_u64), 0_u64..90], 0.0_f64..8.0, 0_u8..12), 1..40)
}

fn observe(house: &House, samples: &[(usize, u64, u64, f64, u8)]) {
    for (channel, after, late, value, quality) in samples {
        pass(house, Duration::from_secs(*after));
        // The rule's channel has good ones: the value that its alert has looked at last is not kept.
        let quality = match quality {
            0 if *channel != 2 => Quality::RATE,
            1 if *channel != 2 && *late == 0 => Quality::FAULT,
            _ => Quality::GOOD,
        };
        house.observe_as([PM, TEMPERATURE, LEVEL, RAIN][*channel], *late, *value, quality);
    }
}

#[tokio::test]
async fn a_moment_is_shown_later_as_it_was_shown_live() {
    let mut runner = TestRunner::deterministic();
    for round in 0..6 {
        let house = House::demo();
        house.enter_file_rules();
        let [mut before, mut after] = [0, 1].map(|_| samples().new_tree(&mut runner).unwrap().current());
        if round % 2 == 0 {
            // A late sample behind one of a faulty device was not heard then, and is known by now: so not both.
            before.iter_mut().for_each(|sample| sample.2 = 0);
        } else {
            before.iter_mut().for_each(|sample| sample.4 = sample.4.max(2));
        }
        observe(&house, &before);
        // To the next whole minute.
        let now = house.parts.clock.now().seconds();
        house.parts.clock.set(Timestamp::from_seconds(now - now.rem_euclid(60) + 60));
        let at = house.parts.clock.now();
        let mut live = Vec::new();
        for name in Layer::all().map(Layer::id) {
            live.push(layer(&house, name, "").await);
        }
        let drawn = tiles(&house, "").await;
        // Not one microsecond of it: what comes at the moment itself was not there yet.
        after.iter_mut().for_each(|sample| (sample.1, sample.2) = (sample.1 + 1, 0));
        observe(&house, &after);
        pass(&house, MINUTE);
        let then = format!("at={at}");
        for (name, live) in Layer::all().map(Layer::id).zip(live) {
            assert_eq!(layer(&house, name, &format!("&{then}")).await, live, "{name} at {at}: {before:?}");
        }
        assert_eq!(tiles(&house, &format!("?{then}")).await, drawn, "at {at}: {before:?}");
    }
}

#[tokio::test]
async fn now_is_the_present() {
    let house = House::demo();
    house.enter_file_rules();
    observe(&house, &[(0, 5, 0, 3.0, 9), (2, 40, 10, 4.0, 9), (3, 7, 0, 1.0, 0)]);
    for now in ["now".to_owned(), house.parts.clock.now().to_string()] {
        for name in Layer::all().map(Layer::id) {
            let [live, asked] = ["".to_owned(), format!("?at={now}")].map(|at| format!("/api/v1/layers/{name}{at}"));
            assert_eq!(house.get(&asked).await.body, house.get(&live).await.body, "{asked}");
        }
        assert_eq!(tiles(&house, &format!("?at={now}")).await, tiles(&house, "").await);
        for list in ["alerts?state=open", "incidents?state=open"] {
            let [live, asked] = ["".to_owned(), format!("&at={now}")].map(|at| format!("/api/v1/{list}{at}"));
            assert_eq!(house.get(&asked).await.body, house.get(&live).await.body, "{asked}");
        }
    }
}

#[tokio::test]
async fn an_answer_says_which_moment_it_shows_and_tiles_are_told_to_show_the_same() {
    let house = House::demo();
    house.observe(PM, 300, 1.0);
    let moment = |answer: &Answer| answer.header("saola-moment").to_owned();
    let tile = format!("/tiles/stations/{}", tile_at(14, PLACES[0]));
    for path in ["/api/v1/layers/stations", tile.as_str(), "/api/v1/alerts", "/api/v1/incidents"] {
        assert_eq!(moment(&house.get(path).await), "2026-11-21T10:15:00+07:00", "{path}");
    }
    for path in ["/api/v1/layers/stations", tile.as_str()] {
        let answer = house.get(&format!("{path}?at=2026-11-21T10:12:59.9%2B07:00")).await;
        assert_eq!(moment(&answer), "2026-11-21T10:12:00+07:00", "{path}");
    }
    let list = house.get("/api/v1/alerts?at=2026-11-21T10:12:59.9%2B07:00").await;
    assert_eq!(moment(&list), "2026-11-21T10:12:59.9+07:00", "time-lines need no rounding");
    let layer = house.get("/api/v1/layers/stations?at=-3m").await.json();
    assert_eq!(layer["at"], "2026-11-21T10:12:00+07:00");
    assert_eq!(house.get("/api/v1/layers/stations").await.json().get("at"), None);
    let about = house.get("/tiles/stations.json?at=-3m").await.json();
    let address = about["tiles"][0].as_str().unwrap();
    assert!(address.ends_with("/tiles/stations/{z}/{x}/{y}.mvt?at=2026-11-21T03:12:00Z"), "{address}");
    let layers = house.get("/api/v1/layers").await.json();
    assert_eq!(layers["layers"][0]["time_range"]["to"], "2026-11-21T10:15:00+07:00");
}

#[tokio::test]
async fn the_tag_of_a_past_tile_changes_when_late_data_may_have_changed_the_past() {
    let house = House::demo();
    house.observe(PM, 1_200, 1.0);
    house.observe(TEMPERATURE, 1_200, 20.0);
    let path = format!("/tiles/stations/{}?at=-10m", tile_at(14, PLACES[0]));
    let path = path.replace("-10m", "2026-11-21T03:05:00Z");
    let first = house.get(&path).await;
    let tag = first.header("etag").to_owned();
    assert!(!tag.is_empty());
    // What is of now changes nothing of then.
    pass(&house, MINUTE);
    house.observe(PM, 0, 9.0);
    let same = known(&house, &path, &tag).await;
    assert_eq!((same.status, same.header("etag")), (StatusCode::NOT_MODIFIED, tag.as_str()));
    assert_eq!(same.header("saola-moment"), "2026-11-21T10:05:00+07:00");
    // Another minute has another tag.
    assert_ne!(house.get(&path.replace("03:05", "03:06")).await.header("etag"), tag);
    // Late, and a correction; a picture is looked at again after a second.
    house.observe(PM, 700, 5.0);
    pass(&house, SECOND);
    let late = known(&house, &path, &tag).await;
    assert_eq!(late.status, StatusCode::OK);
    assert_ne!(late.body, first.body);
    house.observe(PM, 701, 6.0);
    pass(&house, SECOND);
    let corrected = known(&house, &path, late.header("etag")).await;
    assert_eq!(corrected.status, StatusCode::OK);
    assert_ne!(corrected.body, late.body);
    let station = &house.get("/api/v1/layers/air?at=2026-11-21T03:05:00Z").await.json()["features"][0];
    assert_eq!(station["properties"]["channels"][0]["value"], 6.0);
}

#[tokio::test]
async fn tiles_that_are_asked_for_at_once_are_of_one_picture() {
    let house = House::demo();
    for ago in 0..200 {
        house.observe(PM, 60 * (200 - ago), ago as f64);
    }
    let paths = (0..24).map(|place| {
        let layer = ["stations", "air", "areas", "pm2_5"][place % 4];
        format!("/tiles/{layer}/{}?at=-{}m", tile_at(8, PLACES[0]), 30 + 5 * (place / 12))
    });
    let paths: Vec<String> = paths.collect();
    let answers = futures_util::future::join_all(paths.iter().map(|path| house.get(path))).await;
    for (path, answer) in paths.iter().zip(&answers) {
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        assert_eq!(house.get(path).await.header("etag"), answer.header("etag"), "{path}");
    }
    let tags: BTreeSet<&str> = answers.iter().map(|answer| answer.header("etag")).collect();
    assert_eq!(tags.len(), 2, "one picture of each moment");
}

/// Layers of polygons, which are there before anything was observed.
const POLYGONS: [&str; 2] = ["areas", "forest_compartments"];

#[tokio::test]
async fn whatever_moment_is_asked_for_there_is_an_answer_or_a_problem() {
    let house = House::demo();
    house.enter_file_rules();
    house.observe(LEVEL, 600, 4.0);
    house.observe(PM, 600, 4.0);
    let tile = format!("/tiles/stations/{}", tile_at(12, PLACES[0]));
    let paths = ["/api/v1/layers/stations", tile.as_str(), "/tiles/stations", "/api/v1/alerts", "/api/v1/incidents"];
    for (at, said) in [
        ("2026-11-21T10:15:01%2B07:00", "future"),
        ("2026-11-22", "future"),
        ("9999-12-30", "future"),
        ("yesterday", "is not a time"),
        ("2026-13-01", "is not a time"),
        ("2026-11-21T25:00:00Z", "is not a time"),
        ("99999-01-01T00:00:00Z", "is not a time"),
        ("-99999999999999999999d", "is not a time"),
        ("-1", "is not a time"),
        ("NaN", "is not a time"),
        ("%00", "is not a time"),
        ("9223372036854775807", "is not a time"),
        ("-1h&at=-2h", "only once"),
    ] {
        for path in paths {
            let answer = house.get(&format!("{path}?at={at}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {at}: {}", answer.text());
            let problem = answer.json();
            assert_eq!(problem["code"], "invalid_parameter", "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains(said), "{at}: {problem}");
        }
    }
    // Before everything: nothing was entered yet, and nothing was open.
    for at in [
        "-009999-06-02T00:00:00Z",
        "0001-01-01",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01",
        "-10000w",
        "2026-11-21T10:04",
    ] {
        for name in Layer::all().map(Layer::id) {
            let path = format!("/api/v1/layers/{name}?at={at}");
            let features = document(&house.get(&path).await, &path)["features"].as_array().unwrap().clone();
            let is_silent = |feature: &Value| POLYGONS.contains(&name) && feature["properties"]["stations"] == 0;
            assert!(features.iter().all(is_silent), "{path}: {features:?}");
        }
        assert!(tiles(&house, &format!("?at={at}")).await.iter().all(|(path, body)| {
            body.is_empty() || POLYGONS.iter().any(|name| path.starts_with(&format!("/tiles/{name}")))
        }));
        for list in ["alerts", "incidents"] {
            assert_eq!(house.get(&format!("/api/v1/{list}?at={at}")).await.json()[list], json!([]));
        }
    }
    let none = house.get("/api/v1/alerts?at=-1m&retrospective=true").await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn before_everything_there_is_nothing_until_a_late_sample_is_of_that_time() {
    let house = House::demo();
    house.enter_file_rules();
    house.observe(LEVEL, 600, 1.0);
    let at = house.parts.clock.now() - HOUR * 2;
    let layer = format!("/api/v1/layers/air?at={at}");
    let tile = format!("/tiles/stations/{}?at={at}", tile_at(12, PLACES[0]));
    assert_eq!(document(&house.get(&layer).await, &layer)["features"], json!([]));
    assert!(house.get(&tile).await.body.is_empty());
    house.observe(PM, 3 * 3_600, 4.0);
    pass(&house, MINUTE);
    let features = document(&house.get(&layer).await, &layer)["features"].clone();
    assert_eq!(features.as_array().map(Vec::len), Some(1), "{features}");
    assert_eq!(features[0]["properties"]["channels"][0]["value"], 4.0);
    assert!(!house.get(&tile).await.body.is_empty());
}

#[tokio::test]
async fn alerts_stand_as_they_stood_and_what_was_done_later_is_not_told() {
    let house = House::with(Demo::Off, Config::default());
    house.enter_file_rules();
    house.apply_what_is_said();
    let token = house.token("an", Role::Operator, None, HOUR);
    // High at 0, very high at 10, over at 20 minutes; acknowledged in between.
    for (minutes, value) in [(0, 3.5), (10, 5.5), (10, 1.0)] {
        pass(&house, MINUTE * minutes);
        house.observe(LEVEL, 0, value);
        if value > 5.0 {
            pass(&house, MINUTE);
            let id = house.parts.state.read().alerts.open().next().unwrap().id.to_string();
            let path = format!("/api/v1/alerts/{id}/acknowledge");
            let said = send(&house, &token, Method::POST, &path, json!({"note": "going"})).await;
            assert!(said.status.is_success(), "{}", said.text());
        }
    }
    pass(&house, MINUTE * 10);
    let at = async |minutes: u64, query: &str| {
        let path = format!("/api/v1/alerts?at={}{query}", NOW + MINUTE * u32::try_from(minutes).unwrap());
        document(&house.get_as(&token, &path).await, &path)["alerts"].as_array().unwrap().clone()
    };
    assert!(house.get_as(&token, "/api/v1/alerts?state=open").await.json()["alerts"].as_array().unwrap().is_empty());
    let first = at(5, "").await;
    assert_eq!(first.len(), 1, "{first:?}");
    let told = |alert: &Value| ["state", "severity", "value", "ended_at"].map(|member| alert[member].clone());
    assert_eq!(told(&first[0]), [json!("active"), json!("high"), json!(3.5), Value::Null]);
    assert_eq!(first[0]["handling"]["acknowledged"], false);
    assert_eq!(first[0]["timeline"].as_array().unwrap().len(), 1);
    let second = at(10, "").await;
    assert_eq!(told(&second[0]), [json!("active"), json!("very_high"), json!(5.5), Value::Null]);
    assert_eq!(second[0]["handling"]["acknowledged"], false, "a minute later");
    let third = at(12, "").await;
    assert_eq!(third[0]["handling"]["acknowledged"], true);
    assert_eq!(third[0]["handling"]["acknowledged_by"][0]["by"], "an");
    assert_eq!(at(21, "").await, Vec::<Value>::new(), "over");
    assert_eq!(at(12, "&severity=high").await, Vec::<Value>::new());
    assert_eq!(at(5, "&severity=high&area=002&state=active").await, first);
    // On the map, too.
    let path = format!("/api/v1/layers/alerts?at={}", NOW + MINUTE * 5);
    let layer = document(&house.get_as(&token, &path).await, &path);
    assert_eq!(layer["features"][0]["properties"], first[0]);
    assert_eq!(layer["features"][0]["geometry"]["coordinates"], json!([104.5, 22.5]));
    let path = format!("/api/v1/layers/rivers?at={}", NOW + MINUTE * 12);
    assert_eq!(house.get_as(&token, &path).await.status, StatusCode::OK);
    let path = format!("/api/v1/layers/river?at={}", NOW + MINUTE * 12);
    let river = document(&house.get_as(&token, &path).await, &path)["features"][0]["properties"].clone();
    assert_eq!((river["severity"].as_str(), river["freshness"].as_str()), (Some("very_high"), Some("live")));
}

#[tokio::test]
async fn stations_stand_where_they_stood_and_as_they_were_declared() {
    let house = House::with(Demo::Off, Config::default());
    house.apply_what_is_said();
    let token = house.token("lan", Role::Administrator, None, HOUR * 24);
    let new = json!({"id": "E-NEW", "kind": "air", "name": {"vi": "Mới", "en": "New"}, "lon": 103.4, "lat": 22.4,
        "channels": [{"property": "pm2_5", "interval": "60s"}]});
    let must = async |method: Method, path: &str, body: Value| {
        let answer = send(&house, &token, method, path, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
    };
    must(Method::POST, "/api/v1/stations", new).await;
    let (no, channel) = {
        let state = house.parts.state.read();
        let station = state.catalogue.station_named("E-NEW").unwrap();
        (station.no, station.channels[0])
    };
    house.observe(channel, 0, 7.0);
    let hours = async |hours: u32, body: Value, path: &str, method: Method| {
        house.parts.clock.set(NOW + HOUR * hours);
        must(method, path, body).await;
    };
    // Moved after one hour, slower and with another channel after two, retired after three.
    hours(
        1,
        json!({"lon": 104.4, "lat": 22.4, "valid_from": (NOW + HOUR).to_string()}),
        "/api/v1/stations/E-NEW/position",
        Method::PUT,
    )
    .await;
    let slower =
        json!({"channels": [{"property": "pm2_5", "interval": "12h"}, {"property": "pm10", "interval": "60s"}]});
    hours(2, slower, "/api/v1/stations/E-NEW", Method::PATCH).await;
    hours(3, Value::Null, "/api/v1/stations/E-NEW", Method::DELETE).await;
    house.parts.clock.set(NOW + HOUR * 4);
    let then = async |ago: &str| {
        let path = format!("/api/v1/layers/air?at={ago}");
        let features = document(&house.get_as(&token, &path).await, &path)["features"].as_array().unwrap().clone();
        features.into_iter().find(|one| one["id"] == "E-NEW")
    };
    let told = |feature: &Value| {
        let properties = &feature["properties"];
        let channels = properties["channels"].as_array().unwrap().len();
        (feature["geometry"]["coordinates"][0].as_f64().unwrap(), channels, properties["freshness"].clone())
    };
    assert_eq!(then("-1m").await, None, "retired");
    assert_eq!(told(&then("-61m").await.unwrap()), (104.4, 2, json!("silent")), "the new channel never spoke");
    assert_eq!(told(&then("-121m").await.unwrap()), (104.4, 1, json!("silent")), "by its interval of then");
    assert_eq!(told(&then("-181m").await.unwrap()), (103.4, 1, json!("silent")));
    assert_eq!(told(&then("-240m").await.unwrap()), (103.4, 1, json!("live")));
    assert_eq!(then("-241m").await, None, "not entered yet, and it had not spoken");
    // A window of maintenance, entered before it.
    let (from, to) = (NOW + MINUTE * 30, NOW + MINUTE * 40);
    let window = Window { station: no, from, to, reason: "new sensor".into(), author: "lan".into() };
    house.enter(Body::Maintenance(MaintenanceCommand::Plan(window)));
    pass(&house, MINUTE);
    for (minutes, freshness) in [(29, "silent"), (30, "maintenance"), (39, "maintenance"), (40, "silent")] {
        let feature = then(&(NOW + MINUTE * minutes).to_string()).await.unwrap();
        assert_eq!(feature["properties"]["freshness"], freshness, "{minutes}");
    }
}

#[tokio::test]
async fn an_alert_of_a_window_is_not_told_a_sample_for_a_sum() {
    let house = House::demo();
    let text = "[[rule]]
name = 'downpour'
title = { vi = 'Mưa to', en = 'Downpour' }
property = 'rainfall'
of = { fn = 'sum', over = '10m', completeness = 0.1 }
levels = [{ severity = 'high', above = 20, clear = 10 }]
";
    house.enter(Body::Rules(vec![RuleFile { name: "files.toml".into(), text: text.into() }]));
    // 24 mm at 60 s and more after, of which no sample is more than 12.
    for value in [12.0, 12.0, 3.0, 4.0] {
        pass(&house, MINUTE);
        house.observe(RAIN, 0, value);
    }
    pass(&house, HOUR);
    let at = NOW + MINUTE * 4;
    let path = format!("/api/v1/alerts?at={at}");
    let told = document(&house.get(&path).await, &path)["alerts"].clone();
    assert_eq!(told[0]["value"], 24.0, "{told}");
    let path = format!("/api/v1/layers/alerts?at={at}");
    let drawn = document(&house.get(&path).await, &path)["features"].clone();
    assert_eq!(drawn[0]["properties"], told[0]);
}

#[tokio::test]
async fn a_shelf_of_an_alert_before_is_told_of_the_next_one() {
    let house = House::with(Demo::Off, Config::default());
    house.enter_file_rules();
    house.apply_what_is_said();
    let token = house.token("an", Role::Operator, None, HOUR * 24);
    house.observe(LEVEL, 0, 3.5);
    let first = house.parts.state.read().alerts.open().next().unwrap().id.to_string();
    let shelf = json!({"until": (NOW + HOUR).to_string(), "reason": "works upstream"});
    let path = format!("/api/v1/alerts/{first}/shelve");
    let said = send(&house, &token, Method::POST, &path, shelf).await;
    assert!(said.status.is_success(), "{}", said.text());
    // It ends, and begins again while the shelf holds.
    for value in [1.0, 3.5] {
        pass(&house, MINUTE * 10);
        house.observe(LEVEL, 0, value);
    }
    pass(&house, MINUTE);
    let list = async |query: &str| {
        let path = format!("/api/v1/alerts?state=open{query}");
        document(&house.get_as(&token, &path).await, &path)["alerts"][0].clone()
    };
    let live = list("").await;
    assert_ne!(live["id"], json!(first));
    assert_eq!(live["handling"]["shelved"]["alert"], json!(first));
    let at = format!("&at={}", house.parts.clock.now());
    pass(&house, HOUR * 2);
    assert_eq!(list(&at).await["handling"], live["handling"]);
    // The shelf has ended by itself.
    let later = format!("&at={}", NOW + HOUR + MINUTE);
    assert_eq!(list(&later).await["handling"]["shelved"], Value::Null);
}
