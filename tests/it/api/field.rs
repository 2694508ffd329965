//! What phones in the forest are told and report: in order, each once, no more than a budget holds, and nothing of
//! other people's areas.

mod reports;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::model::{Body, RuleFile};
use serde_json::{Value, json};

use super::house::{Answer, House, LEVEL, PM, send};

const DAY: Duration = Duration::from_secs(86_400);
const REPORTS: &str = "/api/v1/field/reports";
/// JPEG by its first bytes.
const PHOTO: &[u8] = b"\xff\xd8\xff\xe0 a fire, from the other side of the valley";

/// So many alerts on A-AIR in commune 001, of all severities, and one on B-RIVER in commune 002.
fn burning(count: usize) -> House {
    let house = House::with(Demo::Off, Config::default());
    let severities = ["low", "medium", "high", "very_high", "catastrophic"];
    let mut text = String::from(
        "[[rule]]\nname = 'flood'\ntitle = { vi = 'Lũ', en = 'Flood' }\nproperty = 'water_level'\n\
         levels = [{ severity = 'high', above = 3, clear = 2.5 }]\n",
    );
    for number in 0..count {
        let severity = severities[number % severities.len()];
        text += &format!(
            "[[rule]]\nname = 'smoke-{number}'\ntitle = {{ vi = 'Khói {number}', en = 'Smoke {number}' }}\n\
             property = 'pm2_5'\ntext = {{ vi = 'Báo kiểm lâm.', en = 'Call the ranger.' }}\n\
             levels = [{{ severity = '{severity}', above = 100, clear = 50 }}]\n"
        );
    }
    house.enter(Body::Rules(vec![RuleFile { name: "files.toml".into(), text }]));
    house.observe(PM, 0, 312.5);
    house.observe(LEVEL, 0, 3.5);
    house.apply_what_is_said();
    assert_eq!(house.parts.state.read().alerts.open().count(), count + 1);
    house
}

fn ranger(house: &House, name: &str, area: &str) -> String {
    house.token(name, Role::Ranger, Some(&[area]), DAY)
}

async fn sync(house: &House, token: &str, query: &str) -> Value {
    let answer = house.get_as(token, &format!("/api/v1/field/sync?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
    answer.json()
}

fn cursor(answer: &Value) -> String {
    format!("cursor={}", answer["cursor"].as_str().unwrap())
}

fn ids(answer: &Value) -> Vec<String> {
    answer["alerts"].as_array().unwrap().iter().map(|alert| alert["id"].as_str().unwrap().to_owned()).collect()
}

fn key(number: u32) -> String {
    format!("5f0c9c3e-6f0e-4b57-9d0a-0000{number:08x}")
}

fn said(number: u32, alert: &str, action: &str) -> Value {
    json!({ "key": key(number), "alert": alert, "action": action, "at": "2026-11-21T08:00:00+07:00" })
}

fn with(mut report: Value, member: &str, value: impl Into<Value>) -> Value {
    report[member] = value.into();
    report
}

async fn report(house: &House, token: &str, reports: Vec<Value>) -> Answer {
    send(house, token, Method::POST, REPORTS, json!({ "reports": reports })).await
}

async fn results(house: &House, token: &str, reports: Vec<Value>) -> Vec<Value> {
    let answer = report(house, token, reports).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["results"].as_array().unwrap().clone()
}

fn deeds(house: &House, alert: &str) -> Vec<String> {
    let state = house.parts.state.read();
    let handling = state.workflow.handling(&saola::model::AlertId(alert.into()));
    let deeds = handling.map(|handling| handling.deeds.as_slice()).unwrap_or_default();
    deeds.iter().map(|deed| format!("{} {}", deed.did.word(), deed.did.text())).collect()
}

#[tokio::test]
async fn a_record_works_without_a_map_in_both_languages() {
    let house = burning(1);
    let token = ranger(&house, "lan", "001");
    let answer = sync(&house, &token, "").await;
    assert_eq!((&answer["account"], &answer["open"], &answer["more"]), (&json!("lan"), &json!(1), &json!(false)));
    assert_eq!(
        (&answer["may_close"], &answer["can_push"], &answer["withheld"]),
        (&json!(false), &json!(true), &json!(0))
    );
    let alert = &answer["alerts"][0];
    assert_eq!((&alert["severity"], &alert["kind"]), (&json!("low"), &json!("air")));
    let (vi, en) = (&alert["text"]["vi"], &alert["text"]["en"]);
    assert_eq!((&vi["title"], &en["title"]), (&json!("Khói 0"), &json!("Smoke 0")));
    assert_eq!(vi["head"], "CẢNH BÁO: Khói 0, mức 1/5 (xanh dương nhạt)");
    assert_eq!(vi["place"], "Tại Mường Tè (A-AIR), Tiểu khu 1, Xã 001");
    assert_eq!(en["place"], "At A-AIR (A-AIR), Compartment 1, Commune 001");
    assert!(en["near"].as_str().unwrap().starts_with("At the centre of"), "{en}");
    assert_eq!(vi["coordinates"][0], "WGS 84: 22.50000, 103.50000");
    assert!(vi["coordinates"][1].as_str().unwrap().starts_with("VN-2000"), "{vi}");
    assert_eq!(vi["value"], "Giá trị 312,5 µg/m³, ngưỡng 100 µg/m³ (lúc 10:15)");
    assert!(en["when"].as_str().unwrap().ends_with("until further notice"), "{en}");
    assert_eq!(en["advice"], "What to do: Call the ranger.");
    let one = sync(&house, &token, "lang=en").await;
    assert_eq!(one["alerts"][0]["text"]["en"], *en);
    assert_eq!(one["alerts"][0]["text"]["vi"], Value::Null);
    let other = sync(&house, &token, &format!("lang=vi&{}", cursor(&one))).await;
    assert_eq!(ids(&other).len(), 1, "another language is told anew");
}

#[tokio::test]
async fn resumed_at_every_item_it_adds_up_to_the_whole_the_most_severe_first() {
    let house = burning(13);
    let token = house.token("an", Role::Operator, None, DAY);
    let whole = sync(&house, &token, "budget=262144").await;
    assert_eq!((ids(&whole).len(), &whole["more"]), (14, &json!(false)));
    let rank = |alert: &Value| {
        let words = ["catastrophic", "very_high", "high", "medium", "low"];
        words.iter().position(|word| alert["severity"] == *word).unwrap()
    };
    let ranks: Vec<usize> = whole["alerts"].as_array().unwrap().iter().map(rank).collect();
    assert!(ranks.is_sorted(), "{ranks:?}");
    for budget in [1_024, 1_700, 4_000, 9_000] {
        let (mut told, mut calls, mut at) = (Vec::new(), 0, String::new());
        loop {
            let path = format!("/api/v1/field/sync?budget={budget}&{at}");
            let answer = house.get_as(&token, &path).await;
            let page = answer.json();
            let alerts = ids(&page);
            assert!(!alerts.is_empty(), "every answer brings something");
            assert!(alerts.len() == 1 || answer.body.len() <= budget, "{} bytes of {budget}", answer.body.len());
            told.extend(alerts);
            calls += 1;
            at = cursor(&page);
            if page["more"] == json!(false) {
                break;
            }
        }
        assert_eq!(told, ids(&whole), "{budget}");
        assert_eq!(at, cursor(&whole), "the same state has one cursor");
        assert!(budget > 1_024 || calls == 14, "one at a time");
    }
    let nothing = sync(&house, &token, &cursor(&whole)).await;
    assert_eq!((ids(&nothing).len(), &nothing["removed"], &nothing["more"]), (0, &json!([]), &json!(false)));
}

#[tokio::test]
async fn a_cursor_tells_what_changed_since_and_what_is_no_more() {
    let house = burning(4);
    let (token, colleague) = (ranger(&house, "lan", "001"), ranger(&house, "binh", "001"));
    let first = sync(&house, &token, "").await;
    let at = cursor(&first);
    let refs: BTreeMap<String, String> = first["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| (alert["id"].as_str().unwrap().to_owned(), alert["ref"].as_str().unwrap().to_owned()))
        .collect();
    let changed = ids(&first)[2].clone();
    results(&house, &colleague, vec![with(said(1, &changed, "on_my_way"), "note", "qua cầu treo")]).await;
    let second = sync(&house, &token, &at).await;
    assert_eq!(ids(&second), std::slice::from_ref(&changed));
    let handling = &second["alerts"][0]["handling"];
    assert_eq!((&handling["acknowledged"], &handling["by"]), (&json!(true), &json!(["binh"])));
    assert_eq!(handling["mine"], Value::Null);
    let last = handling["last"]["text"].as_str().unwrap();
    assert!(last.contains("Đang đến") && last.ends_with("qua cầu treo"), "{last}");
    let own = sync(&house, &colleague, "").await;
    let own = own["alerts"].as_array().unwrap().iter().find(|alert| alert["id"] == changed.as_str()).unwrap();
    assert_eq!(own["handling"]["mine"], json!({ "action": "on_my_way", "at": "2026-11-21T08:00:00+07:00" }));
    // A phone that was away meanwhile: all that is over is told by its short name, in steps too.
    house.observe(PM, 0, 1.0);
    let gone = sync(&house, &token, &cursor(&second)).await;
    let removed = |answer: &Value| -> BTreeSet<String> {
        answer["removed"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(removed(&gone), refs.into_values().collect());
    assert_eq!((&gone["open"], &gone["cursor"]), (&json!(0), &json!("AQ")));
}

#[tokio::test]
async fn nobody_is_told_of_foreign_areas_whatever_their_cursor_says() {
    let house = burning(3);
    let (here, there) = (ranger(&house, "lan", "001"), ranger(&house, "binh", "002"));
    let (all, flood) = (sync(&house, &here, "").await, sync(&house, &there, "").await);
    assert_eq!((ids(&all).len(), ids(&flood).len()), (3, 1));
    assert!(ids(&flood)[0].contains("flood"));
    let moved = sync(&house, &there, &cursor(&all)).await;
    assert_eq!((ids(&moved), moved["removed"].as_array().unwrap().len()), (ids(&flood), 3));
    for wrong in ["A", "AA", "AQ==", "%00", "AQAAAAAAAAA", "../x", &"A".repeat(6_000)] {
        let answer = house.get_as(&here, &format!("/api/v1/field/sync?cursor={wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(answer.json()["parameter"], "cursor");
    }
    for query in ["budget=1023", "budget=262145", "budget=x", "budget=-1", "lang=fr", "since=0"] {
        let answer = house.get_as(&here, &format!("/api/v1/field/sync?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    assert_eq!(house.get("/api/v1/field/sync").await.status, StatusCode::UNAUTHORIZED);
    // Reports reach no foreign alert either, and the photo of one is not theirs to see.
    let smoke = ids(&all)[0].clone();
    let refused = results(&house, &there, vec![said(1, &smoke, "confirmed")]).await;
    assert_eq!((&refused[0]["result"], &refused[0]["code"]), (&json!("refused"), &json!("not_found")));
    assert!(deeds(&house, &smoke).is_empty());
    let shown = with(said(2, &smoke, "note"), "photo", STANDARD.encode(PHOTO));
    let address = results(&house, &here, vec![shown]).await[0]["photo"].as_str().unwrap().to_owned();
    let photo = house.get_as(&here, &address).await;
    assert_eq!((photo.status, photo.body.as_slice()), (StatusCode::OK, PHOTO));
    assert_eq!((photo.header("content-type"), photo.header("x-content-type-options")), ("image/jpeg", "nosniff"));
    assert_eq!(house.get_as(&there, &address).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.get(&address).await.status, StatusCode::UNAUTHORIZED);
    for wrong in ["x", "..%2f..%2fetc%2fpasswd", &key(2).replace('-', "_"), &key(99)] {
        let answer = house.get_as(&here, &format!("/api/v1/field/photos/{wrong}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{wrong}");
    }
}
