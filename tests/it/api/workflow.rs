//! What people say about alerts over HTTP: who may, what becomes of it, and that nobody's word is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::model::{Body, EscalationPlan, Ladder, LadderStep, Recipient, Timestamp};
use saola::state::{Effects, State};
use serde_json::{Value, json};

use super::house::{Answer, House, LEVEL, NOW, request, with_json, with_token};

const DAY: Duration = Duration::from_secs(86_400);

/// With a flood at B-RIVER in commune 002, open and active; what is said is applied.
fn alarmed() -> (House, String) {
    let house = House::with(Demo::Off, Config::default());
    house.enter_file_rules();
    house.observe(LEVEL, 0, 3.5);
    house.apply_what_is_said();
    house.token("admin", Role::Administrator, None, DAY);
    let token = house.token("an", Role::Operator, None, DAY);
    (house, token)
}

fn id(house: &House) -> String {
    house.parts.state.read().alerts.open().next().unwrap().id.to_string()
}

struct Said<'a> {
    token: &'a str,
    path: String,
    body: Value,
    headers: Vec<(&'static str, String)>,
}

impl<'a> Said<'a> {
    fn of(token: &'a str, id: &str, what: &str, body: Value) -> Said<'a> {
        Said { token, path: format!("/api/v1/alerts/{id}/{what}"), body, headers: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: &str) -> Said<'a> {
        self.headers.push((name, value.to_owned()));
        self
    }

    async fn to(self, house: &House) -> Answer {
        let mut asked = with_token(request(Method::POST, &self.path), self.token);
        if !self.body.is_null() {
            asked = with_json(asked, &self.body);
        }
        for (name, value) in self.headers {
            asked.headers_mut().insert(name, value.parse().unwrap());
        }
        house.ask(asked).await
    }
}

#[track_caller]
fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    if !code.is_empty() {
        assert_eq!(answer.json()["code"], code, "{}", answer.text());
    }
}

fn acts(house: &House) -> Vec<String> {
    let records = house.parts.accounts.audit().records(0, 1_000).unwrap();
    let of_alerts = records.into_iter().filter(|record| record.act.starts_with("alert_"));
    of_alerts.map(|record| format!("{} {}", record.actor, record.act)).collect()
}

#[tokio::test]
async fn everything_said_stands_in_one_time_line_with_its_author_and_both_times() {
    let (house, token) = alarmed();
    let id = id(&house);
    let ranger = house.token("binh", Role::Ranger, Some(&["002"]), DAY);
    let at = "2026-11-21T09:00:00+07:00";
    let first = Said::of(&token, &id, "acknowledge", Value::Null).to(&house).await;
    check(&first, 200, "");
    assert_eq!((first.json()["version"].clone(), first.header("etag")), (json!(2), "\"2\""));
    let said = json!({ "note": "tôi đang tới", "at": at });
    let second = Said::of(&ranger, &id, "acknowledge", said).to(&house).await.json();
    assert_eq!((&second["said_at"], &second["at"]), (&json!(at), &json!("2026-11-21T10:15:00+07:00")));
    for (what, body) in [
        ("assign", json!({ "to": "binh" })),
        ("comment", json!({ "text": "nước lên nhanh\ncầu ngập" })),
        ("shelve", json!({ "until": "2026-11-21T12:00:00+07:00", "reason": "đang sửa" })),
    ] {
        check(&Said::of(&token, &id, what, body).to(&house).await, 200, "");
    }
    let answer = house.get_as(&token, &format!("/api/v1/alerts/{id}")).await;
    assert_eq!(answer.header("etag"), "\"6\"");
    let mut alert = answer.json();
    let handling = &alert["handling"];
    assert_eq!((&handling["acknowledged"], &handling["assigned_to"]), (&json!(true), &json!("binh")));
    let by: Vec<_> = handling["acknowledged_by"].as_array().unwrap().iter().map(|one| one["by"].clone()).collect();
    assert_eq!(by, ["an", "binh"]);
    assert_eq!((&handling["quiet"], &handling["shelved"]["reason"]), (&json!(true), &json!("đang sửa")));
    let told: Vec<String> = alert["timeline"].as_array().unwrap().iter().map(line).collect();
    assert_eq!(
        told,
        [
            "state active",
            "acknowledged an ",
            "acknowledged binh tôi đang tới",
            "assigned an ",
            "commented an nước lên nhanh\ncầu ngập",
            "shelved an đang sửa"
        ]
    );
    assert_eq!(alert["timeline"][2]["deed"]["said_at"], at);
    let listed = house.get_as(&token, "/api/v1/alerts").await.json();
    alert.as_object_mut().unwrap().remove("deliveries").unwrap();
    assert_eq!(listed["alerts"][0], alert, "the list says the same, without deliveries");
    let expected = ["an alert_acknowledged", "binh alert_acknowledged", "an alert_assigned", "an alert_commented"];
    assert_eq!(acts(&house), [&expected[..], &["an alert_shelved"]].concat());
}

fn line(moment: &Value) -> String {
    let deed = &moment["deed"];
    match deed["what"].as_str() {
        Some(what) => {
            let text = |key: &str| deed[key].as_str().unwrap_or_default().to_owned();
            format!("{what} {} {}", text("author"), text("text"))
        }
        None => format!("state {}", moment["state"].as_str().unwrap()),
    }
}

#[tokio::test]
async fn whoever_may_not_act_does_not_and_whoever_may_not_see_finds_nothing() {
    let (house, _) = alarmed();
    let id = id(&house);
    let planner = house.token("planner", Role::Planner, None, DAY);
    let ranger = house.token("ranger", Role::Ranger, None, DAY);
    let elsewhere = house.token("elsewhere", Role::Operator, Some(&["001"]), DAY);
    let bodies = [
        ("acknowledge", json!({})),
        ("unacknowledge", json!({})),
        ("assign", json!({ "to": "x" })),
        ("comment", json!({ "text": "x" })),
        ("shelve", json!({ "until": "2026-11-21T12:00:00+07:00", "reason": "x" })),
        ("unshelve", json!({})),
        ("close", json!({ "cause": "test" })),
    ];
    for (what, body) in &bodies {
        check(&Said::of(&planner, &id, what, body.clone()).to(&house).await, 403, "forbidden");
        check(&Said::of(&elsewhere, &id, what, body.clone()).to(&house).await, 404, "not_found");
        check(&Said::of("nobody", &id, what, body.clone()).to(&house).await, 401, "unauthenticated");
        if ["shelve", "unshelve", "close"].contains(what) {
            check(&Said::of(&ranger, &id, what, body.clone()).to(&house).await, 403, "forbidden");
        }
    }
    check(&Said::of(&ranger, "none~1", "acknowledge", json!({})).to(&house).await, 404, "not_found");
    assert_eq!(acts(&house), [""; 0]);
    assert_eq!(house.parts.state.read().workflow.version(&saola::model::AlertId(id.into())), 1);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_nothing_is_journaled() {
    let (house, token) = alarmed();
    let id = id(&house);
    let before = house.entries().len();
    for (what, body) in [
        ("acknowledge", json!({ "note": "a\nb" })),
        ("acknowledge", json!({ "at": "yesterday" })),
        ("acknowledge", json!({ "who": "me" })),
        ("assign", json!({ "to": "" })),
        ("assign", json!({ "to": "x".repeat(65) })),
        ("comment", json!({ "text": " " })),
        ("comment", json!({ "text": "x".repeat(2_001) })),
        ("shelve", json!({ "until": "2026-11-21T12:00:00+07:00" })),
        ("shelve", json!({ "reason": "r" })),
        ("shelve", json!({ "until": "2026-11-21T12:00:00+07:00", "reason": " " })),
        ("shelve", json!({ "until": "2026-11-21T10:15:00+07:00", "reason": "r" })),
        ("shelve", json!({ "until": "2026-11-28T10:15:01+07:00", "reason": "r" })),
        ("close", json!({ "cause": "bored" })),
        ("close", json!({ "cause": "other" })),
        ("close", json!({})),
    ] {
        let answer = Said::of(&token, &id, what, body.clone()).to(&house).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{what} {body}: {}", answer.text());
        assert_eq!(answer.json()["code"], "invalid_body", "{what} {body}");
    }
    let long = "k".repeat(129);
    for key in ["", long.as_str()] {
        let answer = Said::of(&token, &id, "acknowledge", json!({})).with("idempotency-key", key).to(&house).await;
        check(&answer, 400, "invalid_parameter");
    }
    assert_eq!(house.entries().len(), before);
}

#[tokio::test]
async fn many_at_the_same_moment_lose_nobodys_word() {
    let (house, token) = alarmed();
    let id = id(&house);
    let names: Vec<String> = (0..20).map(|number| format!("op-{number}")).collect();
    let tokens: Vec<String> = names.iter().map(|name| house.token(name, Role::Operator, None, DAY)).collect();
    let mut said = Vec::new();
    for (number, token) in tokens.iter().enumerate() {
        said.push(Said::of(token, &id, "acknowledge", json!({})));
        said.push(Said::of(token, &id, "assign", json!({ "to": format!("p-{number}") })).with("if-match", "\"1\""));
        for comment in 0..5 {
            let text = format!("{number}/{comment}");
            said.push(Said::of(token, &id, "comment", json!({ "text": text })).with("if-match", "\"1\""));
        }
    }
    let count = said.len();
    let answers = futures_util::future::join_all(said.into_iter().map(|said| said.to(&house))).await;
    assert_eq!(answers.len(), count);
    let of = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
    let assigned = of(200) - 20 - 100;
    assert!(assigned <= 1, "of those who meant the first version one at most was in time");
    assert_eq!(of(200) + of(412), count);
    let alert = house.get_as(&token, &format!("/api/v1/alerts/{id}")).await.json();
    let timeline = alert["timeline"].as_array().unwrap();
    let texts = |what: &str, key: &str| -> BTreeSet<String> {
        let deeds = timeline.iter().map(|moment| &moment["deed"]).filter(|deed| deed["what"] == what);
        deeds.map(|deed| deed[key].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(texts("acknowledged", "author"), names.iter().cloned().collect());
    assert_eq!(texts("commented", "text").len(), 100);
    assert_eq!(texts("assigned", "to").len(), assigned);
    assert_eq!(alert["version"], 1 + 20 + 100 + assigned, "each word is a version");
    // Whoever was late is told how it stands.
    let late = answers.iter().find(|answer| answer.status.as_u16() == 412).unwrap().json();
    assert_eq!((&late["code"], &late["present"]["id"]), (&json!("changed_since"), &json!(id)));
    assert!(late["present"]["version"].as_u64().unwrap() > 1, "{late}");
}

#[tokio::test]
async fn a_repeat_under_its_key_gets_the_same_answer_and_is_applied_once() {
    let (house, token) = alarmed();
    let id = id(&house);
    let body = || json!({ "text": "một lần", "at": "2026-11-21T09:00:00+07:00" });
    let say = |body: Value| Said::of(&token, &id, "comment", body).with("idempotency-key", "phone-1:77");
    // Several at the same moment, and one later.
    let mut answers = futures_util::future::join_all((0..10).map(|_| say(body()).to(&house))).await;
    check(&Said::of(&token, &id, "comment", json!({ "text": "khác" })).to(&house).await, 200, "");
    answers.push(say(body()).to(&house).await);
    for answer in &answers {
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, answers[0].text()));
        assert_eq!(answer.header("etag"), answers[0].header("etag"));
    }
    check(&say(json!({ "text": "hai lần" })).to(&house).await, 422, "key_reused");
    let other = Said::of(&token, &id, "acknowledge", json!({})).with("idempotency-key", "phone-1:77");
    check(&other.to(&house).await, 422, "key_reused");
    let alert = house.get_as(&token, &format!("/api/v1/alerts/{id}")).await.json();
    let told: Vec<String> = alert["timeline"].as_array().unwrap().iter().map(line).collect();
    assert_eq!(told, ["state active", "commented an một lần", "commented an khác"]);
    assert_eq!(acts(&house), ["an alert_commented", "an alert_commented"], "the audit has each once");
}

#[tokio::test]
async fn what_was_refused_is_tried_again_under_its_key() {
    let (house, token) = alarmed();
    let id = id(&house);
    let assign = |tag: &str| {
        let said = Said::of(&token, &id, "assign", json!({ "to": "binh" }));
        said.with("idempotency-key", "phone-1:5").with("if-match", tag)
    };
    check(&assign("\"9\"").to(&house).await, 412, "changed_since");
    check(&assign("\"1\"").to(&house).await, 200, "");
    check(&assign("\"1\"").to(&house).await, 200, "");
    assert_eq!(acts(&house), ["an alert_assigned"]);
    let again = Said::of(&token, &id, "acknowledge", json!({}));
    check(&again.to(&house).await, 200, "");
    let again = Said::of(&token, &id, "acknowledge", json!({}));
    check(&again.to(&house).await, 200, "");
    assert_eq!(acts(&house).len(), 2, "what changed nothing is in no audit");
}

#[tokio::test]
async fn what_holds_cannot_be_resolved_and_what_recovers_can() {
    let (house, token) = alarmed();
    let id = id(&house);
    let close = |cause: &str| Said::of(&token, &id, "close", json!({ "cause": cause }));
    let refused = close("resolved").to(&house).await;
    check(&refused, 409, "conflict");
    assert!(refused.text().contains("condition still holds"), "{}", refused.text());
    check(&close("false_alarm").to(&house).await, 200, "");
    let alert = house.get_as(&token, &format!("/api/v1/alerts/{id}")).await.json();
    assert_eq!((&alert["state"], &alert["handling"]["closed"]["cause"]), (&json!("active"), &json!("false_alarm")));
    // It is worse: back.
    house.observe(LEVEL, 0, 5.5);
    let alert = house.get_as(&token, &format!("/api/v1/alerts/{id}")).await.json();
    assert_eq!((&alert["severity"], &alert["handling"]["quiet"]), (&json!("very_high"), &json!(false)));
    house.observe(LEVEL, 0, 1.0);
    check(&close("resolved").to(&house).await, 409, "conflict");
    let alert = house.get_as(&token, &format!("/api/v1/alerts/{id}")).await.json();
    assert_eq!(alert["state"], "cleared", "the rule has no clear time: it was over already");
    check(&Said::of(&token, &id, "comment", json!({ "text": "xong" })).to(&house).await, 200, "");
    check(&Said::of(&token, &id, "assign", json!({ "to": "x" })).to(&house).await, 409, "conflict");
    check(&Said::of(&token, &id, "unshelve", json!({})).to(&house).await, 409, "conflict");
}

#[tokio::test]
async fn an_alert_is_taken_up_its_ladder_and_the_time_line_shows_it_and_replay_agrees() {
    let (house, token) = alarmed();
    let id = id(&house);
    let steps = vec![
        LadderStep { after: Duration::from_secs(60), to: Recipient::Duty("forest".into()) },
        LadderStep { after: Duration::from_secs(120), to: Recipient::Role("operator".into()) },
    ];
    let plan = EscalationPlan { ladders: vec![Ladder { steps, ..Ladder::default() }] };
    house.enter(Body::Escalation(Box::new(plan)));
    let pass = |seconds: u64| {
        house.parts.clock.set(house.parts.clock.now() + Duration::from_secs(seconds));
        house.enter(Body::Tick);
    };
    pass(59);
    pass(1);
    check(&Said::of(&token, &id, "acknowledge", json!({})).to(&house).await, 200, "");
    pass(240);
    let alert = house.get_as(&token, &format!("/api/v1/alerts/{id}")).await.json();
    let told: Vec<String> = alert["timeline"].as_array().unwrap().iter().map(line).collect();
    assert_eq!(told, ["state active", "escalated  ", "acknowledged an "]);
    let deed = &alert["timeline"][1]["deed"];
    assert_eq!(
        (&deed["to"], &deed["step"], &deed["why"]),
        (&json!("duty:forest"), &json!(1), &json!("unacknowledged"))
    );
    assert_eq!(alert["timeline"][1]["at"], "2026-11-21T10:16:00+07:00");

    let mut replayed = State::new(saola::alerts::Retention::default());
    for entry in house.entries() {
        replayed.apply(&entry, &mut Effects::default());
    }
    assert!(replayed == *house.parts.state.read());
}

#[tokio::test]
async fn a_shelf_ends_by_itself_at_its_time() {
    let (house, token) = alarmed();
    let id = id(&house);
    let until = Timestamp::from_micros(NOW.micros() + 3_600_000_000);
    let body = json!({ "until": until.to_string(), "reason": "bảo trì" });
    check(&Said::of(&token, &id, "shelve", body).to(&house).await, 200, "");
    for (seconds, quiet) in [(3_599, true), (1, false)] {
        house.parts.clock.set(house.parts.clock.now() + Duration::from_secs(seconds));
        house.enter(Body::Tick);
        let alert = house.get_as(&token, &format!("/api/v1/alerts/{id}")).await.json();
        assert_eq!(alert["handling"]["quiet"], quiet);
        assert_eq!(alert["handling"]["shelved"].is_null(), !quiet);
    }
}
