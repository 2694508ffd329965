//! What phones in the forest are told and report: in order, each once, no more than a budget holds, and nothing of
//! other people's areas.

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

#[tokio::test]
async fn reports_are_applied_in_their_order_and_one_that_cannot_be_holds_nothing_up() {
    let house = burning(2);
    let token = ranger(&house, "lan", "001");
    let alerts = ids(&sync(&house, &token, "").await);
    let (first, second) = (alerts[0].as_str(), alerts[1].as_str());
    let position = json!({ "lat": 22.361_234, "lon": 103.25, "accuracy_m": 12.4 });
    let found = results(
        &house,
        &token,
        vec![
            said(1, first, "acknowledged"),
            json!("not a report"),
            said(2, "none~1", "acknowledged"),
            with(said(3, first, "on_my_way"), "position", position),
            with(said(4, first, "dance"), "note", "x"),
            said(5, first, "confirmed"),
            with(said(6, second, "false"), "note", "đốt nương"),
            with(said(7, first, "note"), "note", "cháy lan\nvề phía bắc"),
            said(8, first, "note"),
        ],
    )
    .await;
    let words: Vec<&str> = found.iter().map(|result| result["result"].as_str().unwrap()).collect();
    let (yes, no) = ("applied", "refused");
    assert_eq!(words, [yes, no, no, yes, no, yes, yes, yes, no]);
    assert_eq!((&found[1]["key"], &found[4]["key"]), (&Value::Null, &json!(key(4))));
    assert!(found[4]["reason"].as_str().unwrap().contains("acknowledged, on_my_way"), "{}", found[4]);
    assert_eq!(
        deeds(&house, first),
        [
            "acknowledged ",
            "acknowledged Đang đến hiện trường (on the way) · GPS 22.36123, 103.25000 ±12 m",
            "acknowledged Đã xác nhận tại hiện trường (confirmed on site)",
            "commented cháy lan\nvề phía bắc",
        ]
    );
    // A ranger may not close: it is said, and the centre closes it.
    let told = ["commented Báo động giả, đã kiểm tra tại hiện trường (false alarm, checked on site) · đốt nương"];
    assert_eq!(deeds(&house, second), told);
    let numbers: Vec<u64> = found.iter().filter_map(|result| result["number"].as_str()?.parse().ok()).collect();
    assert!(numbers.len() == 5 && numbers.is_sorted(), "{numbers:?}");
    let operator = house.token("an", Role::Operator, None, DAY);
    let closed = results(&house, &operator, vec![said(9, second, "false")]).await;
    assert_eq!(closed[0]["did"], "closed");
    let seen = sync(&house, &operator, "").await;
    assert_eq!(seen["may_close"], true);
    let handling = seen["alerts"].as_array().unwrap().iter().find(|alert| alert["id"] == second).unwrap();
    let handling = &handling["handling"];
    assert_eq!((&handling["closed"], &handling["quiet"]), (&json!("false_alarm"), &json!(true)));
    // The audit has the phone's time, and that it came late.
    let records = house.parts.accounts.audit().records(0, 1_000).unwrap();
    let late = records.iter().find(|record| record.act == "alert_closed").unwrap();
    assert!(late.detail.ends_with("[said 2026-11-21T01:00:00Z by the device, came 2h15m late]"), "{}", late.detail);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_is_applied_once() {
    let house = burning(1);
    let token = ranger(&house, "lan", "001");
    let alert = ids(&sync(&house, &token, "").await)[0].clone();
    let photo = with(said(1, &alert, "note"), "photo", STANDARD.encode(PHOTO));
    let all = vec![photo, said(2, &alert, "on_my_way"), said(2, &alert, "on_my_way")];
    let first = results(&house, &token, all.clone()).await;
    assert_eq!((&first[1]["result"], &first[2]["result"]), (&json!("applied"), &json!("repeated")));
    let entries = house.entries().len();
    // Several at the same moment, in capitals too.
    let mut capital = all[1].clone();
    capital["key"] = json!(key(2).to_uppercase());
    let again =
        futures_util::future::join_all((0..5).map(|_| results(&house, &token, vec![all[0].clone(), capital.clone()])))
            .await;
    for results in &again {
        for (result, was) in results.iter().zip(&first) {
            assert_eq!((&result["result"], &result["first"]), (&json!("repeated"), &json!("applied")));
            for member in ["key", "did", "at", "version", "number", "photo"] {
                assert_eq!(result[member], was[member], "{member}");
            }
        }
    }
    assert_eq!(house.entries().len(), entries, "nothing was journaled again");
    assert_eq!(deeds(&house, &alert).len(), 2);
    let other = results(&house, &token, vec![said(2, &alert, "confirmed")]).await;
    assert_eq!((&other[0]["result"], &other[0]["code"]), (&json!("refused"), &json!("key_reused")));
    let stranger = ranger(&house, "binh", "001");
    let other = results(&house, &stranger, vec![said(2, &alert, "on_my_way")]).await;
    assert_eq!(other[0]["code"], "key_reused", "a key is its author's");
}

#[tokio::test]
async fn hostile_reports_are_refused_one_by_one_and_journal_nothing() {
    let house = burning(1);
    let token = ranger(&house, "lan", "001");
    let alert = ids(&sync(&house, &token, "").await)[0].clone();
    let before = house.entries().len();
    let fine = || said(1, &alert, "note");
    let keyed = |key: &str| with(with(fine(), "key", key), "note", "x");
    let photo = |bytes: &[u8]| with(fine(), "photo", STANDARD.encode(bytes));
    let large = [PHOTO, &vec![0; 512 * 1024][..]].concat();
    let bad = vec![
        fine(),
        with(fine(), "note", "x".repeat(301)),
        with(fine(), "note", "a\u{0}b"),
        with(with(fine(), "note", "x"), "at", "yesterday"),
        with(with(fine(), "note", "x"), "who", "me"),
        with(with(fine(), "note", "x"), "position", json!({ "lat": 91, "lon": 0 })),
        with(with(fine(), "note", "x"), "position", json!({ "lat": 1, "lon": 0, "accuracy_m": -1 })),
        keyed(""),
        keyed("../../etc/passwd"),
        keyed(&"a".repeat(36)),
        keyed("5f0c9c3e-6f0e-4b57-9d0a-0f6f1f7a1fệ"),
        photo(b""),
        photo(b"GIF89a"),
        photo(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        photo(&large),
        with(fine(), "photo", "!!!"),
        with(with(fine(), "note", "x"), "alert", "a".repeat(513)),
    ];
    let count = bad.len();
    let found = results(&house, &token, bad).await;
    let refused = found.iter().filter(|result| result["result"] == "refused");
    assert_eq!(refused.count(), count, "{found:#?}");
    assert!(found[..16].iter().all(|result| result["code"] == "invalid_body"), "{found:#?}");
    for body in [json!({}), json!({ "reports": [] }), json!({ "reports": vec![fine(); 51] }), json!({ "reports": 1 })] {
        let answer = send(&house, &token, Method::POST, REPORTS, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let another = json!({ "account": "binh", "reports": [said(1, &alert, "confirmed")] });
    assert_eq!(send(&house, &token, Method::POST, REPORTS, &another).await.status, StatusCode::CONFLICT);
    let planner = house.token("planner", Role::Planner, None, DAY);
    assert_eq!(report(&house, &planner, vec![said(1, &alert, "confirmed")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.entries().len(), before);
    // 512 KiB exactly are taken.
    let most = [PHOTO, &vec![0; 512 * 1024 - PHOTO.len()][..]].concat();
    assert_eq!(results(&house, &token, vec![photo(&most)]).await[0]["result"], "applied");
}

#[tokio::test(start_paused = true)]
async fn what_was_cut_off_after_the_journal_had_it_is_brought_to_its_end_by_a_repeat() {
    let house = House::with(Demo::Off, Config::default());
    house.enter(Body::Rules(vec![RuleFile { name: "files.toml".into(), text: super::house::FILE_RULES.into() }]));
    house.observe(LEVEL, 0, 3.5);
    let token = ranger(&house, "lan", "002");
    let alert = ids(&sync(&house, &token, "").await)[0].clone();
    let said = vec![with(said(1, &alert, "confirmed"), "photo", STANDARD.encode(PHOTO)), said(2, &alert, "note")];
    // Journaled, and the state never comes to it: nothing is promised.
    let answer = report(&house, &token, said.clone()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text());
    assert_eq!(house.get_as(&token, &format!("/api/v1/field/photos/{}", key(1))).await.status, StatusCode::NOT_FOUND);
    let journaled: Vec<Body> = house.commands.lock().drain(..).collect();
    assert_eq!(journaled.len(), 1, "what follows waits");
    for body in journaled {
        house.enter(body);
    }
    house.apply_what_is_said();
    let found = results(&house, &token, said).await;
    assert_eq!((&found[0]["result"], &found[0]["did"]), (&json!("applied"), &json!("acknowledged")));
    assert_eq!(deeds(&house, &alert).len(), 1, "once");
    let address = found[0]["photo"].as_str().unwrap();
    assert_eq!(house.get_as(&token, address).await.body, PHOTO);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_answered_alike_later_and_leaves_no_photo() {
    let house = House::with(Demo::Off, Config::default());
    house.enter(Body::Rules(vec![RuleFile { name: "files.toml".into(), text: super::house::FILE_RULES.into() }]));
    house.observe(LEVEL, 0, 3.5);
    let token = ranger(&house, "lan", "002");
    let alert = ids(&sync(&house, &token, "").await)[0].clone();
    let one = vec![with(said(7, &alert, "false"), "photo", STANDARD.encode(PHOTO))];
    // Begun, and what became of it is a refusal.
    assert_eq!(report(&house, &token, one.clone()).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let refused = json!({ "key": key(7), "result": "refused", "code": "conflict", "reason": "it did not fit" });
    house.parts.field.finish(&key(7), &refused.to_string(), saola::field::book::Applied::No).unwrap();
    let repeated = results(&house, &token, one).await;
    assert_eq!((&repeated[0]["result"], &repeated[0]["first"]), (&json!("repeated"), &json!("refused")));
    assert_eq!((&repeated[0]["reason"], &repeated[0]["code"]), (&refused["reason"], &refused["code"]));
    let gone = house.get_as(&token, &format!("/api/v1/field/photos/{}", key(7))).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND, "what was not applied leaves no photo");
}

/// An alert that is medium above 3 m and catastrophic above 5 m, with what a phone saw of it as medium.
async fn rising(operator: &str) -> (House, String, String, String) {
    let house = House::with(Demo::Off, Config::default());
    let text = "[[rule]]\nname = 'flood'\ntitle = { vi = 'Lũ', en = 'Flood' }\nproperty = 'water_level'\n\
                levels = [{ severity = 'medium', above = 3, clear = 2.5 }, \
                { severity = 'catastrophic', above = 5, clear = 4.5 }]\n";
    house.enter(Body::Rules(vec![RuleFile { name: "files.toml".into(), text: text.into() }]));
    house.observe(LEVEL, 60, 3.5);
    house.apply_what_is_said();
    let token = house.token(operator, Role::Operator, None, DAY);
    let alert = sync(&house, &token, "").await["alerts"][0].clone();
    let word = |member: &str| alert[member].as_str().unwrap().to_owned();
    let (id, seen) = (word("id"), word("seen"));
    (house, token, id, seen)
}

fn seeing(report: Value, seen: &str) -> Value {
    with(report, "seen", seen)
}

#[tokio::test]
async fn what_was_said_of_a_milder_alert_acknowledges_and_closes_no_worse_one() {
    let (house, token, alert, seen) = rising("an").await;
    house.observe(LEVEL, 0, 5.5);
    let late: Vec<Value> = ["acknowledged", "on_my_way", "confirmed", "false"]
        .iter()
        .zip(1..)
        .map(|(action, number)| seeing(with(said(number, &alert, action), "note", "từ sáng"), &seen))
        .collect();
    let found = results(&house, &token, late).await;
    for result in &found {
        assert_eq!((&result["result"], &result["did"]), (&json!("applied"), &json!("commented")), "{result}");
    }
    let since = "nói lúc mức 2, nay 5 (said at level 2, now 5) · từ sáng";
    assert_eq!(
        deeds(&house, &alert).into_iter().filter(|deed| deed.starts_with("comm")).collect::<Vec<_>>(),
        [
            format!("commented Đã nhận (acknowledged) · {since}"),
            format!("commented Đang đến (on the way) · {since}"),
            format!("commented Có thật (confirmed) · {since}"),
            format!("commented Báo giả (false alarm) · {since}"),
        ]
    );
    let now = sync(&house, &token, "").await["alerts"][0].clone();
    assert_eq!((&now["handling"]["acknowledged"], &now["handling"]["quiet"]), (&json!(false), &json!(false)));
    // Said of it as it is now, it does what it says.
    let now = now["seen"].as_str().unwrap();
    let found = results(&house, &token, vec![seeing(said(9, &alert, "acknowledged"), now)]).await;
    assert_eq!(found[0]["did"], "acknowledged");
    let found = results(&house, &token, vec![seeing(said(10, &alert, "acknowledged"), "apocalyptic.1")]).await;
    assert_eq!((&found[0]["result"], &found[0]["code"]), (&json!("refused"), &json!("invalid_body")));
}

#[tokio::test]
async fn an_old_false_closes_nothing_that_others_spoke_of_since_and_nothing_that_is_over() {
    let (house, token, alert, seen) = rising("an").await;
    // What the author said themselves since does not stand in the way.
    let own = vec![seeing(said(1, &alert, "on_my_way"), &seen), seeing(said(2, &alert, "false"), &seen)];
    let found = results(&house, &token, own).await;
    assert_eq!((&found[0]["did"], &found[1]["did"]), (&json!("acknowledged"), &json!("closed")));

    let (house, token, alert, seen) = rising("an").await;
    let colleague = ranger(&house, "binh", "002");
    results(&house, &colleague, vec![said(1, &alert, "confirmed")]).await;
    let found = results(&house, &token, vec![seeing(said(2, &alert, "false"), &seen)]).await;
    assert_eq!(found[0]["did"], "commented");
    assert!(deeds(&house, &alert)[1].contains("others said more since"), "{:?}", deeds(&house, &alert));
    // Closed by somebody since: an old acknowledgement of it is no more than a comment.
    let now = sync(&house, &token, "").await["alerts"][0]["seen"].as_str().unwrap().to_owned();
    assert_eq!(results(&house, &token, vec![seeing(said(3, &alert, "false"), &now)]).await[0]["did"], "closed");
    let found = results(&house, &colleague, vec![seeing(said(4, &alert, "acknowledged"), &seen)]).await;
    assert_eq!(found[0]["did"], "commented");
    // Over: words and photo are kept, with and without what was seen.
    house.observe(LEVEL, 0, 1.0);
    let shown = with(seeing(said(5, &alert, "false"), &now), "photo", STANDARD.encode(PHOTO));
    let found = results(&house, &token, vec![shown.clone(), said(6, &alert, "acknowledged")]).await;
    assert_eq!((&found[0]["did"], &found[1]["did"]), (&json!("commented"), &json!("commented")));
    assert_eq!(house.get_as(&token, found[0]["photo"].as_str().unwrap()).await.body, PHOTO);
    let again = results(&house, &token, vec![shown]).await;
    assert_eq!((&again[0]["result"], &again[0]["first"]), (&json!("repeated"), &json!("applied")));
    let told = deeds(&house, &alert);
    assert_eq!(told.iter().filter(|deed| deed.contains("cảnh báo đã hết (over by then)")).count(), 2, "{told:?}");
}

#[tokio::test]
async fn a_fault_of_the_server_ends_no_report() {
    let house = burning(1);
    let token = ranger(&house, "lan", "001");
    let alert = ids(&sync(&house, &token, "").await)[0].clone();
    let reports =
        vec![said(1, &alert, "on_my_way"), said(2, &alert, "note"), with(said(3, &alert, "note"), "note", "x")];
    let beside = rusqlite::Connection::open(house.folder.path().join("field.db")).unwrap();
    beside.execute_batch("ALTER TABLE report RENAME TO away").unwrap();
    let answer = report(&house, &token, reports.clone()).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", answer.text());
    let mixed = results(&house, &token, vec![json!("no report"), reports[0].clone(), reports[2].clone()]).await;
    let words: Vec<&Value> = mixed.iter().map(|result| &result["result"]).collect();
    assert_eq!(words, ["refused", "postponed", "postponed"]);
    assert!(deeds(&house, &alert).is_empty());
    beside.execute_batch("ALTER TABLE away RENAME TO report").unwrap();
    let found = results(&house, &token, reports).await;
    let words: Vec<&Value> = found.iter().map(|result| &result["result"]).collect();
    assert_eq!(words, ["applied", "refused", "applied"]);
}
