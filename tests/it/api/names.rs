//! Names through the registry, the store and out again by every way that tells them: unharmed, or refused at the door.

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use serde_json::{Value, json};

use super::house::{Answer, House, escaped, send};
use crate::names::NAMES;

/// What a station may be called in topics and addresses.
const WRITABLE: [&str; 3] = ["Đồn-biên-phòng-7", "Nậm_Mạ", "TRẠM-số-2"];

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

async fn declare(house: &House, token: &str, id: &str, name: &str) -> Answer {
    let station = json!({"id": id, "kind": "air", "name": {"vi": name, "en": name}, "lon": 103.4, "lat": 22.4,
        "channels": [{"property": "pm2_5"}]});
    send(house, token, Method::POST, "/api/v1/stations", station).await
}

fn named<'a>(features: &'a Value, id: &str) -> Option<&'a Value> {
    features["features"].as_array().unwrap().iter().find(|feature| feature["id"] == id)
}

#[tokio::test]
async fn names_of_stations_come_out_as_they_went_in_or_are_refused_with_a_reason() {
    let house = House::with(Demo::Off, Config::default());
    let token = house.token("lan", Role::Administrator, None, DAY);
    let mut kept = 0;
    for (place, name) in NAMES.iter().enumerate() {
        let id = format!("N-{place}");
        let answer = declare(&house, &token, &id, name).await;
        if answer.status != StatusCode::CREATED {
            assert!(name.contains(char::is_control), "{name:?}: {}", answer.text());
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name:?}: {}", answer.text());
            assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
            continue;
        }
        kept += 1;
        let both = json!({"vi": name, "en": name});
        for path in ["/api/v1/stations", "/api/v1/layers/stations", &format!("/api/v1/stations?q={}", escaped(name))] {
            let listed = house.get_as(&token, path).await.json();
            let found = named(&listed, &id).unwrap_or_else(|| panic!("{path} has no {name:?}"));
            assert_eq!(found["properties"]["name"], both, "{path}");
        }
        let defined = house.get_as(&token, &format!("/api/v1/stations/{id}/definition")).await.json();
        assert_eq!(defined["name"], both);
    }
    assert_eq!(kept, NAMES.iter().filter(|name| !name.contains(char::is_control)).count());
}

#[tokio::test]
async fn identifiers_of_stations_come_through_the_store_and_every_export() {
    let house = House::with(Demo::Off, Config::default());
    let token = house.token("lan", Role::Administrator, None, DAY);
    let mut kept = Vec::new();
    for name in NAMES.into_iter().chain(WRITABLE) {
        let answer = declare(&house, &token, name, "Trạm").await;
        if answer.status != StatusCode::CREATED {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name:?}: {}", answer.text());
            assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
            continue;
        }
        let channel = {
            let state = house.parts.state.read();
            let station = state.catalogue.station_named(name).unwrap();
            state.catalogue.channel_of(station, "pm2_5").unwrap().id
        };
        let value = kept.len() as f64 + 0.5;
        house.observe(channel, 60, value);
        kept.push((name, value));
    }
    assert!(kept.iter().map(|(name, _)| *name).eq(WRITABLE), "{kept:?}");
    for (name, value) in &kept {
        let whole = format!("{name}/pm2_5");
        let path = format!("/api/v1/history?channel={}%2Fpm2_5&channel=A-AIR%2Fpm2_5", escaped(name));
        let listed = house.get_as(&token, &path).await.json();
        assert_eq!(
            (&listed["channels"][0]["channel"], listed["channels"][0]["samples"][0]["value"].as_f64()),
            (&json!(whole), Some(*value))
        );
        let text = house.get_as(&token, &format!("{path}&format=csv")).await;
        let mut rows = csv::Reader::from_reader(text.body.as_slice());
        let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
        assert_eq!((&rows[0][1], rows[0][2].parse::<f64>()), (whole.as_str(), Ok(*value)), "{}", text.text());
        let lines = house.get_as(&token, &format!("{path}&format=ndjson")).await;
        let first: Value = serde_json::from_str(lines.text().lines().next().unwrap()).unwrap();
        assert_eq!((&first["channel"], first["value"].as_f64()), (&json!(whole), Some(*value)));
    }
}
