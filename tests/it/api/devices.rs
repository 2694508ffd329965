//! Credentials of devices and commands to stations, over HTTP.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::model::{Keep, StationCommand};
use serde_json::json;

use super::house::{Answer, House, NOW, request, send, with_token};

const HOUR: Duration = Duration::from_secs(3_600);

async fn post(house: &House, token: &str, path: &str, body: &serde_json::Value) -> Answer {
    send(house, token, Method::POST, path, body).await
}

fn acts(house: &House) -> Vec<String> {
    let records = house.parts.accounts.audit().records(0, 1_000).unwrap();
    let of_devices = records.iter().filter(|record| record.act.starts_with("device") || record.act == "command_sent");
    of_devices.map(|record| format!("{} {} {}", record.actor, record.act, record.subject)).collect()
}

#[tokio::test]
async fn devices_are_issued_listed_and_revoked_by_administrators() {
    let house = House::with(Demo::Off, Config::default());
    let admin = house.token("an", Role::Administrator, None, HOUR);
    let new = json!({ "name": "logger-1", "stations": ["A-AIR"] });
    let issued = post(&house, &admin, "/api/v1/devices", &new).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.text());
    assert!(issued.json()["password"].as_str().unwrap().len() >= 20);
    let again = post(&house, &admin, "/api/v1/devices", &new).await;
    assert_eq!((again.status, &again.json()["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    for wrong in
        [json!({ "name": "a/b", "stations": ["A-AIR"] }), json!({ "name": "x", "stations": ["NO-1"] }), json!({})]
    {
        let refused = post(&house, &admin, "/api/v1/devices", &wrong).await;
        assert_eq!(refused.json()["code"], "invalid_body", "{wrong}");
    }
    let list = house.get_as(&admin, "/api/v1/devices").await;
    assert!(!list.text().contains(issued.json()["password"].as_str().unwrap()));
    let device = list.json()["devices"][0].clone();
    assert_eq!((&device["name"], &device["stations"]), (&json!("logger-1"), &json!(["A-AIR"])));
    assert_eq!(device["revoked_at"], json!(null));
    let revoke = || with_token(request(Method::DELETE, "/api/v1/devices/logger-1"), &admin);
    assert_eq!(house.ask(revoke()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(house.ask(revoke()).await.status, StatusCode::NOT_FOUND);
    assert_ne!(house.get_as(&admin, "/api/v1/devices").await.json()["devices"][0]["revoked_at"], json!(null));
    assert_eq!(acts(&house), ["an device_issued logger-1", "an device_revoked logger-1"]);
}

#[tokio::test]
async fn a_command_is_sent_with_its_author_to_stations_in_sight() {
    let house = House::with(Demo::Off, Config::default());
    let operator = house.token("binh", Role::Operator, Some(&["001"]), HOUR);
    let path = "/api/v1/stations/A-AIR/commands";
    let sent = post(&house, &operator, path, &json!({ "payload": "{\"interval_s\":60}", "expires_s": 60 })).await;
    assert_eq!(sent.status, StatusCode::ACCEPTED, "{}", sent.text());
    assert_eq!(sent.json(), json!({ "topic": "saola/v1/A-AIR/commands", "connected": 1, "waiting": 0, "refused": 0 }));
    let (station, author, payload) = ("A-AIR".into(), "binh".into(), "{\"interval_s\":60}".into());
    let expires_at = Some(NOW + Duration::from_secs(60));
    let expected = StationCommand { station, author, payload, keep: Keep::Nothing, expires_at };
    assert_eq!(*house.commanded.lock(), [expected]);
    let kept = post(&house, &operator, path, &json!({ "payload": "x", "retain": true })).await;
    assert_eq!((kept.status, house.commanded.lock()[1].keep), (StatusCode::ACCEPTED, Keep::LastWord));
    let nobody = post(&house, &operator, path, &json!({ "payload": "nobody" })).await;
    assert_eq!((nobody.status, &nobody.json()["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    for wrong in
        [json!({ "payload": "x", "expires_s": 0 }), json!({ "payload": "x".repeat(70_000) }), json!({ "x": 1 })]
    {
        let refused = post(&house, &operator, path, &wrong).await;
        assert_eq!(refused.json()["code"], "invalid_body");
    }
    let out_of_sight = post(&house, &operator, "/api/v1/stations/B-RIVER/commands", &json!({ "payload": "x" })).await;
    assert_eq!(out_of_sight.status, StatusCode::NOT_FOUND);
    let ranger = house.token("lo", Role::Ranger, None, HOUR);
    assert_eq!(post(&house, &ranger, path, &json!({ "payload": "x" })).await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.commanded.lock().len(), 3);
    assert_eq!(acts(&house), ["binh command_sent A-AIR"; 3]);
}
