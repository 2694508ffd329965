//! Who did what, over the API, and what was taken out of service.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use serde_json::{Value, json};

use super::house::{House, NOW, request, send, with_token};

const DAY: Duration = Duration::from_secs(86_400);

async fn made(house: &House, token: &str, id: &str, lon: f64) {
    let station = json!({"id": id, "kind": "air", "name": {"vi": "Mới", "en": "New"}, "lon": lon, "lat": 22.4,
        "channels": [{"property": "pm2_5", "interval": "60s"}]});
    let made = send(house, token, Method::POST, "/api/v1/stations", &station).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
}

async fn gone(house: &House, token: &str, id: &str) {
    let path = format!("/api/v1/stations/{id}");
    let gone = house.ask(with_token(request(Method::DELETE, &path), token)).await;
    assert!(gone.status.is_success(), "{}", gone.text());
}

fn told(list: &Value) -> Vec<[&str; 4]> {
    let records = list["records"].as_array().unwrap().iter();
    records.map(|one| ["actor", "act", "subject", "detail"].map(|name| one[name].as_str().unwrap())).collect()
}

#[tokio::test]
async fn the_audit_says_who_did_what_newest_first_and_page_by_page() {
    let house = House::with(Demo::Off, Config::default());
    let admin = house.token("lan", Role::Administrator, None, DAY);
    made(&house, &admin, "E-NEW", 103.4).await;
    house.parts.clock.set(NOW + Duration::from_secs(60));
    gone(&house, &admin, "E-NEW").await;

    let of_it = house.get_as(&admin, "/api/v1/audit?subject=E-NEW").await.json();
    let [retired, created] = ["retired", "created"].map(|detail| ["lan", "registry_changed", "E-NEW", detail]);
    assert_eq!(told(&of_it), [retired, created]);
    let first = &of_it["records"][0];
    assert_eq!(first["at"], "2026-11-21T10:16:00+07:00");
    assert_eq!(first["name"], json!({"vi": "Sửa trạm, địa bàn", "en": "Stations or areas changed"}));
    assert!(first["id"].as_i64() > of_it["records"][1]["id"].as_i64(), "{of_it}");

    // All pages together are everything, once.
    let whole = house.get_as(&admin, "/api/v1/audit").await.json();
    assert_eq!(whole["next"], Value::Null);
    let (mut pages, mut next) = (Vec::new(), String::new());
    loop {
        let page = house.get_as(&admin, &format!("/api/v1/audit?limit=1{next}")).await.json();
        pages.extend(page["records"].as_array().unwrap().clone());
        let Some(place) = page["next"].as_str() else { break };
        next = format!("&next={place}");
    }
    assert_eq!(Value::Array(pages), whole["records"]);
    for (query, expected) in [
        ("actor=lan&act=registry_changed,rules_changed", vec![retired, created]),
        ("actor=nobody", vec![]),
        ("act=rules_changed", vec![]),
    ] {
        assert_eq!(told(&house.get_as(&admin, &format!("/api/v1/audit?{query}")).await.json()), expected, "{query}");
    }
    for wrong in ["act=slept", "next=x", "limit=0", "colour=red"] {
        let refused = house.get_as(&admin, &format!("/api/v1/audit?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    // A record may be of any area: who looks after one commune is not told.
    let narrow = house.token("an", Role::Administrator, Some(&["001"]), DAY);
    assert_eq!(house.get_as(&narrow, "/api/v1/audit").await.status, StatusCode::FORBIDDEN);
    let refused = house.get_as(&admin, "/api/v1/audit?actor=an&act=access_refused").await.json();
    assert_eq!(told(&refused).len(), 1, "and that is in it: {refused}");
}

#[tokio::test]
async fn retired_stations_are_listed_with_when_they_went() {
    let house = House::with(Demo::Off, Config::default());
    let admin = house.token("lan", Role::Administrator, None, DAY);
    let listed = async |token: &str, query: &str| {
        let list = house.get_as(token, &format!("/api/v1/retired-stations{query}")).await.json();
        let stations = list["stations"].as_array().unwrap().iter();
        let told = stations.map(|one| ["id", "retired_at"].map(|name| one[name].as_str().unwrap().to_owned()));
        (told.collect::<Vec<_>>(), list["next"].clone())
    };
    let entry = |id: &str, time: &str| [id, &format!("2026-11-21T{time}+07:00")].map(str::to_owned);
    let old = entry("D-OLD", "10:15:00");
    assert_eq!(listed(&admin, "").await, (vec![old.clone()], Value::Null));
    made(&house, &admin, "E-NEW", 104.4).await;
    assert_eq!(listed(&admin, "").await.0.len(), 1, "what is in service is not in it");
    house.parts.clock.set(NOW + Duration::from_secs(60));
    gone(&house, &admin, "E-NEW").await;
    let new = entry("E-NEW", "10:16:00");
    assert_eq!(listed(&admin, "").await, (vec![old.clone(), new.clone()], Value::Null));
    assert_eq!(listed(&admin, "?limit=1").await, (vec![old.clone()], json!("D-OLD")));
    assert_eq!(listed(&admin, "?limit=1&next=D-OLD").await, (vec![new], Value::Null));
    // Of another's commune nobody is told, not even as a place in the list.
    let ranger = house.token("ranger", Role::Ranger, Some(&["001"]), DAY);
    assert_eq!(listed(&ranger, "").await, (vec![old], Value::Null));
    let hidden = house.get_as(&ranger, "/api/v1/retired-stations?next=E-NEW").await;
    assert_eq!(hidden.status, StatusCode::BAD_REQUEST);
}
