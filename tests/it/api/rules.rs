//! Alert rules over HTTP: made, changed, switched, restored, removed; refused whole with every mistake; versions kept.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use serde_json::{Value, json};

use super::house::{Answer, House, LEVEL, PM, request, send, with_json, with_token};

const DAY: Duration = Duration::from_secs(86_400);

/// With the rules of the files in force.
fn house() -> (House, String) {
    let house = House::with(Demo::Off, Config::default());
    house.enter_file_rules();
    let token = house.token("admin", Role::Administrator, None, DAY);
    (house, token)
}

async fn send_if(house: &House, token: &str, path: &str, body: Value, version: &str) -> Answer {
    let mut asked = with_json(with_token(request(Method::PUT, path), token), &body);
    asked.headers_mut().insert("if-match", version.parse().unwrap());
    house.ask(asked).await
}

fn dust(above: u32) -> Value {
    json!({
        "name": "dust", "title": { "vi": "Bụi", "en": "Dust" }, "property": "pm2_5", "area": "12",
        "levels": [{ "severity": "medium", "above": above, "clear": above - 5 }],
    })
}

fn open(house: &House) -> Vec<String> {
    let mut open: Vec<_> = house.parts.state.read().alerts.open().map(|alert| alert.rule.clone()).collect();
    open.sort();
    open
}

#[tokio::test]
async fn a_rule_lives_through_its_versions() {
    let (house, token) = house();
    let path = "/api/v1/rules/dust";
    house.observe(LEVEL, 60, 3.5);
    let mut body = dust(50);
    body["reason"] = "mùa khô".into();
    let made = send(&house, &token, Method::POST, "/api/v1/rules", body).await;
    assert_eq!((made.status, made.header("location"), made.header("etag")), (StatusCode::CREATED, path, "\"1\""));
    let made = made.json();
    assert_eq!((&made["in_force"], &made["rule"]), (&json!(true), &dust(50)));
    assert_eq!((&made["author"], &made["reason"]), (&json!("admin"), &json!("mùa khô")));
    house.observe(PM, 50, 60.0);
    assert_eq!(open(&house), ["dust", "flood"]);

    let raised = send_if(&house, &token, path, dust(80), "\"1\"").await;
    assert_eq!((raised.status, raised.header("etag")), (StatusCode::OK, "\"2\""), "{}", raised.text());
    assert_eq!(open(&house), ["flood"], "the alert is over by the new level");
    let stale = send_if(&house, &token, path, dust(90), "\"1\"").await;
    assert_eq!((stale.status, &stale.json()["code"]), (StatusCode::PRECONDITION_FAILED, &json!("changed_since")));
    let same = send(&house, &token, Method::PUT, path, dust(80)).await;
    assert_eq!(same.header("etag"), "\"2\"", "what says the same is no version");

    let restored = send(&house, &token, Method::POST, &format!("{path}/restore"), json!({ "version": 1 })).await;
    assert_eq!((restored.header("etag"), &restored.json()["rule"]), ("\"3\"", &dust(50)));
    house.observe(PM, 40, 60.0);
    assert_eq!(open(&house), ["dust", "flood"]);
    let off = send(&house, &token, Method::POST, &format!("{path}/disable"), json!({ "reason": "nhiễu" })).await;
    assert_eq!((off.status, &off.json()["enabled"]), (StatusCode::OK, &json!(false)), "{}", off.text());
    assert_eq!(open(&house), ["flood"]);
    let on = send(&house, &token, Method::POST, &format!("{path}/enable"), json!({})).await;
    assert_eq!(on.json()["enabled"], true);
    let gone = send(&house, &token, Method::DELETE, path, json!({ "reason": "không cần" })).await;
    assert_eq!((gone.status, &gone.json()["act"]), (StatusCode::OK, &json!("removed")), "{}", gone.text());
    assert_eq!(house.get_as(&token, path).await.status, StatusCode::NOT_FOUND);
    let versions = house.get_as(&token, &format!("{path}/versions?limit=4")).await.json();
    let told: Vec<_> = versions["versions"].as_array().unwrap().iter().map(|one| one["act"].clone()).collect();
    assert_eq!(told, ["removed", "enabled", "disabled", "restored"]);
    let older = versions["next"].as_str().unwrap();
    let versions = house.get_as(&token, &format!("{path}/versions?next={older}")).await.json();
    let told: Vec<_> = versions["versions"].as_array().unwrap().iter().map(|one| one["rule"].clone()).collect();
    assert_eq!(told, [dust(80), dust(50)], "nothing is deleted");
    let again = send(&house, &token, Method::POST, &format!("{path}/restore"), json!({ "version": 2 })).await;
    assert_eq!((again.header("etag"), &again.json()["in_force"]), ("\"7\"", &json!(true)));
    let records = house.parts.accounts.audit().records(0, 100).unwrap();
    assert_eq!(records.iter().filter(|record| record.act == "rules_changed" && record.subject == "dust").count(), 7);
}

#[tokio::test]
async fn a_bad_rule_is_refused_whole_and_the_old_ones_run_on() {
    let (house, token) = house();
    send(&house, &token, Method::POST, "/api/v1/rules", dust(50)).await;
    let mut wrong = dust(40);
    wrong["area"] = "99".into();
    wrong["levels"][0]["clear"] = 60.into();
    wrong["colour"] = "red".into();
    let refused = send(&house, &token, Method::PUT, "/api/v1/rules/dust", wrong).await;
    assert_eq!((refused.status, &refused.json()["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid_rules")));
    let answer = refused.json();
    let mistakes = answer["mistakes"].as_array().unwrap();
    let keys: Vec<_> = mistakes.iter().map(|mistake| mistake["key"].as_str().unwrap()).collect();
    for key in ["rule[0].area", "rule[0].levels[0]", "rule[0].colour"] {
        assert!(keys.contains(&key), "{key}: {keys:?}");
    }
    assert!(mistakes.iter().all(|mistake| mistake["file"] == "api/dust" && mistake["line"].as_u64().unwrap() > 0));
    // In TOML the lines are the writer's own.
    let toml = "[[rule]]\nname = 'dust'\n\ntitle = { vi = 'Bụi' }\nproperty = 'pm2_5'\nlevels = []\n";
    let refused = send(&house, &token, Method::PUT, "/api/v1/rules/dust", json!({ "toml": toml })).await.json();
    let lines: Vec<_> = refused["mistakes"].as_array().unwrap().iter().map(|mistake| mistake["line"].clone()).collect();
    assert_eq!(lines, [4, 6], "{refused}");
    house.observe(PM, 50, 60.0);
    assert_eq!(open(&house), ["dust"]);
    assert_eq!(house.get_as(&token, "/api/v1/rules/dust").await.header("etag"), "\"1\"");
    for (body, said) in [
        (json!([]), "object"),
        (json!({ "name": "other", "title": {} }), "not the address's"),
        (json!({ "toml": "x = 1", "name": "dust" }), "no member beside it"),
        (json!({ "toml": 3 }), "must be a text"),
        (json!({ "toml": "[[rule]]\nname='dust'\n[[rule]]\nname='b'" }), "one rule"),
        (json!({ "toml": "[[rule]]\nname='dust'\n[[rule]]\nname='dust'" }), "one rule"),
        (json!({ "toml": "[[rule]]\nname='dust'\n[[rule]]\n" }), "one rule"),
        (json!({ "toml": "#".repeat(70_000) }), "bytes"),
    ] {
        let answer = send(&house, &token, Method::PUT, "/api/v1/rules/dust", body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {}", answer.text());
        assert!(answer.text().contains(said), "{body}: {}", answer.text());
    }
    let nothing = send(&house, &token, Method::PUT, "/api/v1/rules/dust", json!({ "toml": "" })).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", nothing.text());
    assert!(nothing.text().contains("api/dust:1: rule: is missing"), "{}", nothing.text());
}

#[tokio::test]
async fn a_files_rule_is_the_files_and_only_administrators_change_rules() {
    let (house, token) = house();
    let flood = json!({ "name": "flood", "title": { "vi": "Lũ", "en": "Flood" } });
    for (method, path, body) in [
        (Method::POST, "/api/v1/rules", flood.clone()),
        (Method::PUT, "/api/v1/rules/flood", flood),
        (Method::DELETE, "/api/v1/rules/flood", json!({})),
        (Method::POST, "/api/v1/rules/flood/disable", json!({})),
    ] {
        let answer = send(&house, &token, method, path, body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::CONFLICT, &json!("declared_in_files")));
        assert!(answer.text().contains("files.toml"), "{}", answer.text());
    }
    send(&house, &token, Method::POST, "/api/v1/rules", dust(50)).await;
    let twice = send(&house, &token, Method::POST, "/api/v1/rules", dust(60)).await;
    assert_eq!((twice.status, &twice.json()["code"]), (StatusCode::CONFLICT, &json!("already_exists")));
    let operator = house.token("an", Role::Operator, None, DAY);
    let answer = send(&house, &operator, Method::PUT, "/api/v1/rules/dust", dust(60)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let list = house.get_as(&operator, "/api/v1/rules").await.json();
    let told: Vec<_> = list["rules"].as_array().unwrap().iter().map(|rule| (&rule["name"], &rule["origin"])).collect();
    assert_eq!(told, [(&json!("dust"), &json!("api")), (&json!("flood"), &json!("file"))]);
    assert_eq!(list["rules"][1]["rule"]["levels"][0]["above"], 3);
    for (method, path, body) in [
        (Method::DELETE, "/api/v1/rules/none", json!({})),
        (Method::POST, "/api/v1/rules/none/enable", json!({})),
        (Method::POST, "/api/v1/rules/none/restore", json!({ "version": 1 })),
        (Method::POST, "/api/v1/rules/dust/restore", json!({ "version": 9 })),
    ] {
        assert_eq!(send(&house, &token, method, path, body).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
