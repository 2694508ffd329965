//! The ledger and the dead letters.

use axum::http::{Method, StatusCode};
use saola::model::{Reason, Rejection};

use super::house::{House, LEVEL, request};

fn rejection(reason: Reason, detail: &str) -> Rejection {
    Rejection { reason, detail: detail.to_owned() }
}

#[tokio::test]
async fn the_ledger_balances() {
    let house = House::demo();
    house.observe(LEVEL, 10, 2.0);
    house.observe(LEVEL, 5, 2.1);
    house.refuse(rejection(Reason::InvalidJson, "cut off"), b"{");
    let ledger = house.get("/api/v1/ledger").await.json();
    let expected = serde_json::json!({
        "messages": 3, "received": 3, "replayed": 0, "stored": 2, "duplicate": 0, "rejected": 1, "pending": 0,
        "reasons": {"invalid_json": 1},
    });
    assert_eq!(ledger["total"], expected);
    assert_eq!(ledger["balanced"], true);
    assert_eq!(ledger["sources"][0]["source"], "edge");
    assert_eq!(ledger["sources"][0]["received"], 3);
}

#[tokio::test]
async fn the_ledger_balances_also_where_the_store_is_ahead_of_the_state() {
    let house = House::demo();
    house.observe(LEVEL, 10, 2.0);
    let ahead = house.entry_of(LEVEL, 5, 2.1);
    house.parts.store.apply(&[ahead]).unwrap();
    let ledger = house.get("/api/v1/ledger").await.json();
    assert_eq!((&ledger["total"]["received"], &ledger["total"]["stored"]), (&1.into(), &1.into()));
    assert_eq!((&ledger["total"]["pending"], &ledger["balanced"]), (&0.into(), &true.into()));
}

#[tokio::test]
async fn dead_letters_are_whole_and_can_be_handed_in_again() {
    let house = House::demo();
    let text = house.refuse(rejection(Reason::Implausible, "wind_gust 468.7 is above 75"), br#"{"wind_gust":468.7}"#);
    let bytes = house.refuse(rejection(Reason::InvalidUtf8, "byte 0"), &[0xff, 0x00]);
    let list = house.get("/api/v1/dead-letters").await.json();
    let letters = list["dead_letters"].as_array().unwrap();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0]["id"], bytes.to_string());
    assert!(letters[0]["preview"].is_null());
    assert_eq!(letters[1]["rejections"][0]["reason"], "implausible");
    assert_eq!(letters[1]["topic"], "saola/v1/A-AIR");

    let filtered = house.get("/api/v1/dead-letters?reason=implausible&source=edge").await.json();
    assert_eq!(filtered["dead_letters"].as_array().unwrap().len(), 1);
    let first = house.get("/api/v1/dead-letters?limit=1").await.json();
    let second = house.get(&format!("/api/v1/dead-letters?limit=1&next={}", first["next"].as_str().unwrap())).await;
    assert_eq!(second.json()["dead_letters"][0]["id"], text.to_string());

    let whole = house.get(&format!("/api/v1/dead-letters/{text}")).await.json();
    assert_eq!(whole["text"], r#"{"wind_gust":468.7}"#);
    assert_eq!(whole["base64"], "eyJ3aW5kX2d1c3QiOjQ2OC43fQ==");
    let raw = house.get(&format!("/api/v1/dead-letters/{bytes}")).await.json();
    assert!(raw["text"].is_null());
    assert_eq!(raw["base64"], "/wA=");

    let again = house.ask(request(Method::POST, &format!("/api/v1/dead-letters/{text}/replay"))).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text());
    assert_eq!(*house.replayed.lock(), [text]);
    for missing in ["/api/v1/dead-letters/999", "/api/v1/dead-letters/x"] {
        assert_eq!(house.get(missing).await.status, StatusCode::NOT_FOUND);
    }
}
