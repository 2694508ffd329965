//! Alerts: their list, their documents, their place on the map and in the stream; and who is told of them.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use futures_util::StreamExt;
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::model::{Body, RuleFile};
use tower::ServiceExt;

use super::house::{Answer, House, LEVEL, PM, escaped, request, with_token};

const RULES: &str = "
[[rule]]
name = 'flood'
title = { vi = 'Lũ', en = 'Flood' }
property = 'water_level'
levels = [{ severity = 'high', above = 3, clear = 2.5 }, { severity = 'very_high', above = 5 }]

[[rule]]
name = 'dust'
title = { vi = 'Bụi', en = 'Dust' }
property = 'pm2_5'
levels = [{ severity = 'medium', above = 50 }]
";

/// With a flood at B-RIVER and dust at A-AIR, both open.
fn alarmed(demo: Demo) -> House {
    let house = House::with(demo, Config::default());
    house.enter(Body::Rules(vec![RuleFile { name: "all.toml".into(), text: RULES.into() }]));
    house.observe(LEVEL, 60, 3.5);
    house.observe(PM, 30, 80.0);
    house.observe(LEVEL, 0, 5.5);
    house
}

fn alerts(answer: &Answer) -> Vec<serde_json::Value> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["alerts"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_alert_carries_its_evidence() {
    let house = alarmed(Demo::Loopback);
    let list = alerts(&house.get("/api/v1/alerts?severity=very_high").await);
    assert_eq!(list.len(), 1);
    let id = list[0]["id"].as_str().unwrap();
    let mut alert = house.get(&format!("/api/v1/alerts/{}", escaped(id))).await.json();
    assert_eq!(alert.as_object_mut().unwrap().remove("deliveries"), Some(serde_json::json!([])));
    assert_eq!(alert, list[0], "the list says the same, without deliveries");
    for (member, expected) in [
        ("rule", serde_json::json!("flood")),
        ("title", serde_json::json!({"vi": "Lũ", "en": "Flood"})),
        ("station", "B-RIVER".into()),
        ("station_name", serde_json::json!({"vi": "Nậm Na", "en": "B-RIVER"})),
        ("property", "water_level".into()),
        ("channel", "B-RIVER/water_level".into()),
        ("area", "002".into()),
        ("state", "active".into()),
        ("value", 5.5.into()),
        ("threshold", 5.0.into()),
        ("unit", "m".into()),
        ("started_at", "2026-11-21T10:14:00+07:00".into()),
        ("changed_at", "2026-11-21T10:15:00+07:00".into()),
        ("ended_at", serde_json::Value::Null),
    ] {
        assert_eq!(alert[member], expected, "{member}");
    }
    let severities: Vec<_> = alert["timeline"].as_array().unwrap().iter().map(|moment| &moment["severity"]).collect();
    assert_eq!(severities, ["high", "very_high"]);
    assert_eq!(alert["timeline"][0]["cause"], "value");
}

#[tokio::test]
async fn alerts_are_found_by_state_severity_area_and_time() {
    let house = alarmed(Demo::Loopback);
    house.parts.clock.set(house.parts.clock.now() + Duration::from_secs(60));
    house.observe(PM, 0, 10.0);
    for (query, expected) in [
        ("", vec!["dust", "flood"]),
        ("?state=open", vec!["flood"]),
        ("?state=cleared", vec!["dust"]),
        ("?state=active,recovering,unknown&limit=1000", vec!["flood"]),
        ("?severity=medium,very_high", vec!["dust", "flood"]),
        ("?severity=high", vec![]),
        ("?area=001", vec!["dust"]),
        ("?area=12", vec!["dust", "flood"]),
        ("?since=-1s", vec!["dust"]),
        ("?since=-1h", vec!["dust", "flood"]),
    ] {
        let found = alerts(&house.get(&format!("/api/v1/alerts{query}")).await);
        let rules: Vec<_> = found.iter().map(|alert| alert["rule"].as_str().unwrap()).collect();
        assert_eq!(rules, expected, "{query}");
    }
    let first = house.get("/api/v1/alerts?limit=1").await.json();
    let next = escaped(first["next"].as_str().unwrap());
    let second = house.get(&format!("/api/v1/alerts?limit=1&next={next}")).await.json();
    assert_eq!((&first["alerts"][0]["rule"], &second["alerts"][0]["rule"]), (&"dust".into(), &"flood".into()));
    assert!(second["next"].is_null());
}

#[tokio::test]
async fn open_alerts_are_on_the_map() {
    let house = alarmed(Demo::Loopback);
    let river = house.get("/api/v1/stations/B-RIVER").await.json();
    assert_eq!(river["properties"]["severity"], "very_high");
    assert_eq!(river["properties"]["alerts"].as_array().unwrap().len(), 1);
    let layer = house.get("/api/v1/layers/alerts").await.json();
    assert_eq!(layer["features"].as_array().unwrap().len(), 2);
    let near = house.get("/api/v1/layers/alerts?bbox=104,22,105,23").await.json();
    assert_eq!(near["features"][0]["geometry"]["coordinates"], serde_json::json!([104.5, 22.5]));
    assert_eq!(near["features"][0]["properties"]["rule"], "flood");
    assert_eq!(near["features"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_ranger_is_told_of_the_alerts_of_its_commune_only() {
    let house = alarmed(Demo::Off);
    let token = house.token("ranger.a", Role::Ranger, Some(&["001"]), Duration::from_secs(3_600));
    let list = alerts(&house.get_as(&token, "/api/v1/alerts").await);
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["rule"], "dust");
    assert!(alerts(&house.get_as(&token, "/api/v1/alerts?area=002").await).is_empty());
    let layer = house.get_as(&token, "/api/v1/layers/alerts").await;
    assert!(!layer.text().contains("flood"), "{}", layer.text());
    let all = house.token("planner.b", Role::Planner, None, Duration::from_secs(3_600));
    for alert in alerts(&house.get_as(&all, "/api/v1/alerts").await) {
        let encoded = escaped(alert["id"].as_str().unwrap());
        let expected = if alert["rule"] == "dust" { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(house.get_as(&token, &format!("/api/v1/alerts/{encoded}")).await.status, expected);
    }
}

#[tokio::test]
async fn transitions_are_told_to_those_who_may_hear_them() {
    let house = alarmed(Demo::Off);
    let token = house.token("ranger.a", Role::Ranger, Some(&["001"]), Duration::from_secs(3_600));
    let mut asked = with_token(request(Method::GET, "/api/v1/stream?layers=alerts"), &token);
    asked.headers_mut().insert("last-event-id", "1".parse().unwrap());
    let mut body = house.router.clone().oneshot(asked).await.unwrap().into_body().into_data_stream();
    let mut text = String::new();
    while !text.contains("event: alert") {
        text.push_str(std::str::from_utf8(&body.next().await.unwrap().unwrap()).unwrap());
    }
    assert!(text.contains("\"rule\":\"dust\""), "{text}");
    assert!(!text.contains("flood") && !text.contains("event: change"), "{text}");
}
