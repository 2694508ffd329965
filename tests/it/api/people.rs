//! People over HTTP: their administration, and the browsers that subscribe.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use serde_json::json;

use super::house::{House, send};

const HOUR: Duration = Duration::from_secs(3_600);

fn lan() -> serde_json::Value {
    json!({
        "id": "lan", "name": "Lò Thị Lan", "account": "lan",
        "contacts": [{"channel": "sms", "address": "+84900000001"}],
        "subscriptions": [{"least_severity": "high", "languages": ["vi"],
            "quiet": [{"from": "22:00", "to": "06:00", "through": "medium"}]}],
    })
}

#[tokio::test]
async fn people_are_added_changed_and_forgotten_and_their_addresses_stay_out_of_the_audit() {
    let house = House::with(Demo::Off, Config::default());
    let admin = house.token("admin", Role::Administrator, None, HOUR);
    let added = send(&house, &admin, Method::POST, "/api/v1/people", &lan()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text());
    assert_eq!((added.json()["revision"].as_i64(), added.json()["id"].as_str()), (Some(1), Some("lan")));
    let again = send(&house, &admin, Method::POST, "/api/v1/people", &lan()).await;
    assert_eq!((again.status, again.json()["code"].as_str()), (StatusCode::CONFLICT, Some("already_exists")));
    let mut changed = lan();
    changed["revision"] = json!(1);
    changed["contacts"][0]["address"] = json!("+84900000002");
    let put = send(&house, &admin, Method::PUT, "/api/v1/people/lan", &changed).await;
    assert_eq!((put.status, put.json()["revision"].as_i64()), (StatusCode::OK, Some(2)), "{}", put.text());
    let stale = send(&house, &admin, Method::PUT, "/api/v1/people/lan", &changed).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let listed = house.get_as(&admin, "/api/v1/people?limit=1").await.json();
    assert_eq!(listed["people"][0]["contacts"][0]["address"], "+84900000002");
    assert_eq!(listed["next"], serde_json::Value::Null);
    let gone = send(&house, &admin, Method::DELETE, "/api/v1/people/lan", &json!({})).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(house.get_as(&admin, "/api/v1/people/lan").await.status, StatusCode::NOT_FOUND);
    let records = house.parts.accounts.audit().records(0, 100).unwrap();
    let acts: Vec<&str> = records.iter().filter(|one| one.subject == "lan").map(|one| one.act.as_str()).collect();
    assert_eq!(acts, ["person_added", "person_changed", "person_removed"]);
    assert!(records.iter().all(|one| !one.detail.contains("+84")), "{records:?}");
}

#[tokio::test]
async fn a_person_that_cannot_be_reached_as_described_is_refused_with_the_member() {
    let house = House::with(Demo::Off, Config::default());
    let admin = house.token("admin", Role::Administrator, None, HOUR);
    let check = async |member: &str, change: &dyn Fn(&mut serde_json::Value)| {
        let mut wrong = lan();
        change(&mut wrong);
        let answer = send(&house, &admin, Method::POST, "/api/v1/people", &wrong).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{member}: {}", answer.text());
        assert!(answer.json()["detail"].as_str().unwrap().contains(member), "{member}: {}", answer.text());
    };
    check("id", &|one| one["id"] = json!("a/b")).await;
    check("name", &|one| one["name"] = json!("a\r\nBcc: x")).await;
    check("contacts[0].channel", &|one| one["contacts"][0]["channel"] = json!("pigeon")).await;
    check("contacts[0].address", &|one| one["contacts"][0]["address"] = json!("+84\r\n9")).await;
    check("contacts[0].address", &|one| one["contacts"][0] = json!({"channel": "mail", "address": "nobody"})).await;
    check("contacts[0].address", &|one| one["contacts"][0] = json!({"channel": "push", "address": "{}"})).await;
    check("subscriptions[0].areas", &|one| one["subscriptions"][0]["areas"] = json!(["a/#"])).await;
    check("subscriptions[0].quiet", &|one| one["subscriptions"][0]["quiet"][0]["zone"] = json!("Mars")).await;
    check("time of day", &|one| one["subscriptions"][0]["quiet"][0]["from"] = json!("25:00")).await;
    check("unknown field", &|one| one["subscriptions"][0]["colour"] = json!(1)).await;
}

#[tokio::test]
async fn a_browser_subscribes_for_the_person_of_its_account_and_for_nobody_else() {
    let house = House::with(Demo::Off, Config::default());
    let admin = house.token("admin", Role::Administrator, None, HOUR);
    let (ranger, other) =
        (house.token("lan", Role::Ranger, None, HOUR), house.token("other", Role::Ranger, None, HOUR));
    send(&house, &admin, Method::POST, "/api/v1/people", &lan()).await;
    let key = house.get_as(&ranger, "/api/v1/push/key").await.json()["key"].as_str().unwrap().to_owned();
    // Our own point is a point of P-256 like a browser's.
    let browser =
        json!({"endpoint": "https://push.example/x", "keys": {"p256dh": key, "auth": "AAAAAAAAAAAAAAAAAAAAAA"}});
    let nobody = send(&house, &other, Method::POST, "/api/v1/push/subscriptions", &browser).await;
    assert_eq!(nobody.status, StatusCode::CONFLICT, "{}", nobody.text());
    let subscribed = send(&house, &ranger, Method::POST, "/api/v1/push/subscriptions", &browser).await;
    assert_eq!((subscribed.status, subscribed.json()["person"].as_str()), (StatusCode::CREATED, Some("lan")));
    let path = format!("/api/v1/push/subscriptions/{}", subscribed.json()["id"].as_str().unwrap());
    assert_eq!(send(&house, &other, Method::DELETE, &path, &json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(send(&house, &ranger, Method::DELETE, &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    let wrong = json!({"endpoint": "http://push.example/x", "keys": {"p256dh": "x", "auth": "y"}});
    let refused = send(&house, &ranger, Method::POST, "/api/v1/push/subscriptions", &wrong).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}
