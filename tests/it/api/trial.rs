//! Rules on trial over HTTP.

use std::time::Duration;

use axum::body::Body as HttpBody;
use axum::http::{Method, Request, StatusCode};
use saola::auth::Role;
use serde_json::{Value, json};

use super::house::{Answer, House, LEVEL, PM, request, with_json, with_token};

const RULE: &str = "[[rule]]\nname = 'high-water'\ntitle = { vi = 'Nước', en = 'Water' }\nproperty = 'water_level'\n\
    unit = 'm'\nlevels = [{ severity = 'low', above = 2 }, { severity = 'high', above = 3 }]\n";

fn posted(path: &str, body: &Value) -> Request<HttpBody> {
    with_json(request(Method::POST, path), body)
}

async fn post(house: &House, path: &str, body: Value) -> Answer {
    house.ask(posted(path, &body)).await
}

#[tokio::test]
async fn tests_are_taken_as_toml_and_as_json() {
    let house = House::demo();
    let test = "[[test]]\nrule = 'high-water'\nevery = '1m'\nseries = { water_level = '1 2.5 1' }\n\
        expect = ['1m active low', '2m cleared low']\n";
    let passed = post(&house, "/api/v1/rules/test", json!({ "rule": RULE, "test": test })).await;
    assert_eq!(passed.status, StatusCode::OK, "{}", passed.text());
    assert_eq!(passed.json()["passed"], true, "{}", passed.text());
    let rule = json!({
        "name": "high-water", "title": { "vi": "Nước", "en": "Water" }, "property": "water_level", "unit": "m",
        "levels": [{ "severity": "low", "above": 2 }],
    });
    let test = json!({
        "name": "a wave", "rule": "high-water", "every": "1m", "series": { "water_level": "1 2.5x2" },
        "expect": ["2m active low"],
    });
    let failed = post(&house, "/api/v1/rules/test", json!({ "rule": rule, "test": test })).await.json();
    assert_eq!(failed["passed"], false);
    let expected = json!([
        { "verdict": "unexpected", "transition": "1m active low value" },
        { "verdict": "missing", "transition": "2m active low" },
    ]);
    let mut told: Vec<Value> = failed["tests"][0]["transitions"].as_array().unwrap().clone();
    told.sort_by_key(|line| line["transition"].as_str().unwrap().to_owned());
    assert_eq!(json!(told), expected);
    assert_eq!(house.parts.state.read().alerts.rules().list().len(), 0, "nothing is put into force");
}

#[tokio::test]
async fn mistakes_name_their_line_and_key() {
    let house = House::demo();
    let test = "[[test]]\nrule = 'high-water'\nevery = '1m'\nseries = { water_level = '1 y' }\nexpect = []\n";
    let answer = post(&house, "/api/v1/rules/test", json!({ "rule": RULE, "test": test })).await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid_definition"))
    );
    let error = answer.json()["errors"][0].clone();
    assert_eq!(error["field"], "test: test[0].series.water_level");
    assert!(error["message"].as_str().unwrap().starts_with("line 4: \"y\" is no sample"), "{error}");
    let wrong = RULE.replace("above = 3", "above = 1");
    let answer = post(&house, "/api/v1/rules/backtest", json!({ "rule": wrong, "from": "-1d" })).await;
    assert_eq!(answer.json()["errors"][0]["field"], "rule: rule[0].levels[1]", "{}", answer.text());
}

fn with_floods() -> House {
    let house = House::demo();
    for minute in (1..=600u64).rev() {
        let value = if (100..130).contains(&(minute % 200)) { 2.5 } else { 1.0 };
        house.observe(LEVEL, minute * 60, value);
    }
    house
}

#[tokio::test]
async fn a_backtest_counts_alerts_and_what_is_missing() {
    let house = with_floods();
    let asked = json!({ "rule": RULE, "from": "-12h", "to": "now" });
    let report = post(&house, "/api/v1/rules/backtest", asked).await;
    assert_eq!(report.status, StatusCode::OK, "{}", report.text());
    let rule = &report.json()["rules"][0];
    assert_eq!((&rule["numbers"]["alerts"], &rule["read"]["samples"]), (&json!(3), &json!(600)), "{rule:#}");
    assert_eq!(rule["numbers"]["minutes_median"], 30.0);
    assert_eq!(rule["numbers"]["stations"][0]["name"], "B-RIVER");
    assert!(rule["read"]["completeness"].as_f64().unwrap() < 0.9, "{rule:#}");
    let wish = json!({ "rule": RULE, "from": "-10h", "alerts_per_month": 200 });
    let report = post(&house, "/api/v1/rules/backtest", wish).await.json();
    assert_eq!(report["rules"][0]["suggestion"]["alerts"], 3, "{report:#}");
}

#[tokio::test]
async fn what_cannot_be_tried_is_refused_with_what_to_do() {
    let house = with_floods();
    let check = async |body: Value, status: StatusCode, expected: &str| {
        let answer = post(&house, "/api/v1/rules/backtest", body).await;
        assert!(answer.status == status && answer.text().contains(expected), "{} {}", answer.status, answer.text());
    };
    let bad = StatusCode::BAD_REQUEST;
    check(json!({ "rule": RULE, "from": "soon" }), bad, "from: ").await;
    check(json!({ "rule": RULE, "from": "now" }), bad, "is no stretch of the past").await;
    check(json!({ "rule": RULE, "from": "-1d", "name": "other" }), bad, "is none of these rules: high-water").await;
    check(json!({ "rule": RULE, "from": "-1d", "alerts_per_month": -1 }), bad, "must be 0 to 1,000,000").await;
    let nothing = RULE.replace("water_level", "water_temperature").replace("unit = 'm'\n", "");
    check(json!({ "rule": nothing, "from": "-1d" }), bad, "watches a channel").await;
    let small = saola::history::Config { samples_max: 1_000, ..saola::history::Config::default() };
    let narrow = House::asking(saola::api::Demo::Loopback, saola::api::Config::default(), small);
    for minute in [1, 100_000] {
        narrow.observe(LEVEL, minute * 60, 1.0);
    }
    let answer = post(&narrow, "/api/v1/rules/backtest", json!({ "rule": RULE, "from": "-90d" })).await;
    assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("too_costly")));
    assert!(answer.text().contains("ask for a shorter time"), "{}", answer.text());
}

#[tokio::test]
async fn who_sees_one_commune_tries_rules_there_alone() {
    let house = with_floods();
    house.observe(PM, 60, 5.0);
    let token = house.token("planner", Role::Planner, Some(&["001"]), Duration::from_secs(3_600));
    let body = json!({ "rule": RULE, "from": "-1d" });
    let answer = house.ask(with_token(posted("/api/v1/rules/backtest", &body), &token)).await;
    assert!(answer.text().contains("watches a channel"), "{}", answer.text());
    let units = json!({ "rule": RULE.replace("'m'", "'Cel'"), "from": "-1d" });
    let answer = house.ask(with_token(posted("/api/v1/rules/backtest", &units), &token)).await;
    assert!(!answer.text().contains("B-RIVER"), "no mistake names a station elsewhere: {}", answer.text());
}
