//! The duty roster over HTTP: shifts, who is on duty now, who may change it, and the audit.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use serde_json::{Value, json};

use super::house::{House, send};

const DAY: Duration = Duration::from_secs(86_400);

fn shift(person: &str, area: Option<&str>, hours: (u32, u32)) -> Value {
    json!({
        "role": "forest", "person": person, "area": area,
        "begins_at": format!("2026-11-21T{:02}:00:00+07:00", hours.0),
        "ends_at": format!("2026-11-21T{:02}:00:00+07:00", hours.1),
    })
}

fn house() -> (House, String) {
    let house = House::with(Demo::Off, Config::default());
    house.token("admin", Role::Administrator, None, DAY);
    let token = house.token("an", Role::Operator, None, DAY);
    (house, token)
}

fn people(answer: &Value) -> Vec<&str> {
    answer["people"].as_array().unwrap().iter().map(|person| person.as_str().unwrap()).collect()
}

#[tokio::test]
async fn whoever_is_on_duty_is_told_by_role_area_and_hour_and_every_change_is_in_the_audit() {
    let (house, token) = house();
    let path = "/api/v1/roster";
    let mut ids = Vec::new();
    for body in [shift("binh", Some("001"), (6, 14)), shift("chi", Some("12"), (8, 16)), shift("dung", None, (10, 11))]
    {
        let answer = send(&house, &token, Method::POST, path, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        ids.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    // It is 10:15.
    let now = house.get_as(&token, "/api/v1/roster/now?role=forest&area=001").await.json();
    assert_eq!(people(&now), ["binh", "chi", "dung"]);
    let other = house.get_as(&token, "/api/v1/roster/now?role=forest&area=002").await.json();
    assert_eq!(people(&other), ["chi", "dung"]);
    let later = house.get_as(&token, "/api/v1/roster/now?role=forest&area=001&at=2026-11-21T14:00:00%2B07:00").await;
    assert_eq!(people(&later.json()), ["chi"]);
    let all = house.get_as(&token, "/api/v1/roster/now").await.json();
    assert_eq!((all["shifts"].as_array().unwrap().len(), people(&all).len()), (3, 0));

    let page = house.get_as(&token, "/api/v1/roster?from=2026-11-21&to=2026-11-22&limit=2").await.json();
    assert_eq!(page["shifts"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap();
    let rest = house.get_as(&token, &format!("/api/v1/roster?limit=2&next={next}")).await.json();
    assert_eq!((rest["shifts"][0]["person"].as_str(), &rest["next"]), (Some("dung"), &Value::Null));

    let one = format!("{path}/{}", ids[0]);
    let changed = send(&house, &token, Method::PUT, &one, shift("em", Some("001"), (6, 14))).await;
    assert_eq!((changed.status, changed.json()["person"].as_str()), (StatusCode::OK, Some("em")));
    let gone = send(&house, &token, Method::DELETE, &format!("{path}/{}", ids[2]), json!({})).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text());
    let now = house.get_as(&token, "/api/v1/roster/now?role=forest&area=001").await.json();
    assert_eq!(people(&now), ["chi", "em"]);
    let records = house.parts.accounts.audit().records(0, 100).unwrap();
    let details: Vec<_> = records.iter().filter(|record| record.act == "roster_changed").collect();
    assert_eq!(details.len(), 5);
    assert!(details[3].detail.contains("binh") && details[3].detail.contains("to em"), "{}", details[3].detail);
}

#[tokio::test]
async fn a_shift_that_makes_no_sense_and_a_change_by_others_are_refused() {
    let (house, token) = house();
    let path = "/api/v1/roster";
    for body in [
        shift("binh", None, (14, 6)),
        shift("binh", Some("999"), (6, 14)),
        shift("bình an", None, (6, 14)),
        json!({ "role": "forest", "person": "x", "begins_at": "2026-11-21T06:00:00Z", "ends_at": "2027-11-21T06:00:00Z" }),
        json!({ "role": "forest", "person": "x", "begins_at": "today", "ends_at": "2027-11-21T06:00:00Z" }),
        json!({ "person": "x" }),
    ] {
        let answer = send(&house, &token, Method::POST, path, body.clone()).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_body")),
            "{body}"
        );
    }
    let ranger = house.token("ranger", Role::Ranger, Some(&["001"]), DAY);
    let body = shift("binh", None, (6, 14));
    assert_eq!(send(&house, &ranger, Method::POST, path, body.clone()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(send(&house, &token, Method::PUT, "/api/v1/roster/99", body).await.status, StatusCode::NOT_FOUND);
    assert_eq!(send(&house, &token, Method::DELETE, "/api/v1/roster/x", json!({})).await.status, StatusCode::NOT_FOUND);
    // A ranger sees the shifts of its own areas and of everywhere.
    for (person, area) in [("binh", Some("001")), ("chi", Some("002")), ("dung", None)] {
        send(&house, &token, Method::POST, path, shift(person, area, (6, 14))).await;
    }
    let seen = house.get_as(&ranger, "/api/v1/roster/now").await.json();
    let seen: Vec<_> = seen["shifts"].as_array().unwrap().iter().map(|shift| shift["person"].clone()).collect();
    assert_eq!(seen, ["binh", "dung"]);
}
