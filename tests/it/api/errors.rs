//! Every error is a problem document with a stable code.

use axum::http::{Method, StatusCode};
use saola::store;

use super::house::{House, request};

async fn check(house: &House, method: Method, path: &str, status: StatusCode, code: &str, mentions: &str) {
    let answer = house.ask(request(method, path)).await;
    assert_eq!(answer.status, status, "{path}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    let problem = answer.json();
    assert_eq!(problem["code"], code, "{path}: {problem}");
    assert_eq!(problem["status"], status.as_u16(), "{path}");
    assert_eq!(problem["request_id"], answer.header("x-request-id"), "{path}");
    assert!(problem["detail"].as_str().unwrap().contains(mentions), "{path}: {problem}");
    assert!(!problem["title"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    let house = House::demo();
    let bad = |path: &'static str, mentions: &'static str| {
        check(&house, Method::GET, path, StatusCode::BAD_REQUEST, "invalid_parameter", mentions)
    };
    bad("/api/v1/stations?bbox=1,2,3", "bbox").await;
    bad("/api/v1/stations?kind=volcano", "volcano").await;
    bad("/api/v1/stations?area=999", "999").await;
    bad("/api/v1/stations?limit=0", "limit").await;
    bad("/api/v1/stations?limit=1&limit=2", "once").await;
    bad("/api/v1/stations?next=nowhere", "next").await;
    bad("/api/v1/layers/stations?zoom=99", "zoom").await;
    bad("/api/v1/alerts?state=burning", "burning").await;
    bad("/api/v1/alerts?severity=9", "severity").await;
    bad("/api/v1/alerts?since=yesterday", "yesterday").await;
    bad("/api/v1/alerts?next=x", "next").await;
    bad("/api/v1/history", "channel").await;
    bad("/api/v1/history?channel=A-AIR/pm2_5&from=now&to=-1h", "from").await;
    bad("/api/v1/history?channel=A-AIR/pm2_5&tz=Mars/Olympus", "tz").await;
    bad("/api/v1/history?channel=A-AIR/pm2_5&format=xml", "xml").await;
    bad("/api/v1/history?channel=A-AIR/pm2_5&next=5~0", "next").await;
    bad("/api/v1/dead-letters?reason=because", "because").await;
    bad("/api/v1/dead-letters?source=nowhere", "nowhere").await;
    bad("/api/v1/stream?layers=areas", "areas").await;
}

#[tokio::test]
async fn what_a_store_cannot_answer_is_refused_by_its_own_code() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("influx.token");
    std::fs::write(&token, "k7#mQ2!vT9xw\n").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    // Nobody is there: what is refused needs no answer.
    let influx = store::influx::Config {
        url: "http://127.0.0.1:1".into(),
        org: "ioc".into(),
        token_file: Some(token),
        ..Default::default()
    };
    let store = store::Config { kind: store::Kind::Influx, influx, ..store::Config::default() };
    let house = House::over(&store);
    let path = "/api/v1/layers/stations?at=-1h";
    check(&house, Method::GET, path, StatusCode::BAD_REQUEST, "not_supported", "InfluxDB").await;
    assert_eq!(house.get("/api/v1/alerts?at=-1h").await.status, StatusCode::OK, "time-lines are kept here");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let house = House::demo();
    for path in [
        "/nothing",
        "/api/v1/nothing",
        "/api/v1/stations/NOBODY",
        "/api/v1/stations/%ff",
        "/api/v1/layers/volcanoes",
        "/api/v1/alerts/none",
        "/api/v1/history?channel=A-AIR/nothing",
        "/assets/%2e%2e/%2e%2e/Cargo.toml",
        "/../Cargo.toml",
    ] {
        check(&house, Method::GET, path, StatusCode::NOT_FOUND, "not_found", "").await;
    }
    check(&house, Method::POST, "/nothing", StatusCode::NOT_FOUND, "not_found", "/nothing").await;
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let house = House::demo();
    let path = "/api/v1/stations";
    check(&house, Method::DELETE, path, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "DELETE").await;
    let answer = house.ask(request(Method::DELETE, path)).await;
    assert!(answer.header("allow").contains("GET"), "{:?}", answer.headers);
}

#[tokio::test]
async fn bodies_are_json_complete_and_small() {
    let house = House::demo();
    let sign_in = async |kind: &str, body: Vec<u8>| {
        let mut asked = request(Method::POST, "/api/v1/session");
        asked.headers_mut().insert("content-type", kind.parse().unwrap());
        *asked.body_mut() = body.into();
        let answer = house.ask(asked).await;
        (answer.status, answer.json()["code"].as_str().unwrap().to_owned())
    };
    let json = "application/json";
    for (kind, body, status, code) in [
        ("text/plain", b"{}".to_vec(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
        (json, b"{".to_vec(), StatusCode::BAD_REQUEST, "invalid_body"),
        (json, b"{\"name\":\"a\"}".to_vec(), StatusCode::BAD_REQUEST, "invalid_body"),
        (json, vec![b'['; 100_000], StatusCode::BAD_REQUEST, "invalid_body"),
        (json, vec![b' '; 2 << 20], StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
        (
            json,
            b"{\"name\":\"a\",\"password\":\"b\",\"role\":\"administrator\"}".to_vec(),
            StatusCode::BAD_REQUEST,
            "invalid_body",
        ),
    ] {
        assert_eq!(sign_in(kind, body.clone()).await, (status, code.to_owned()), "{kind} {}", body.len());
    }
}

#[tokio::test]
async fn every_code_is_explained() {
    let house = House::demo();
    let list = house.get("/problems").await.json();
    assert!(list.as_array().unwrap().iter().any(|kind| kind["code"] == "invalid_parameter" && kind["status"] == 400));
}
