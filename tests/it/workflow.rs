//! `kill -9` while people say things about an alert: whoever sends again what was not answered, under the same key,
//! finds everything said once, in the answers as in the journal; rules and shifts survive as well.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use saola::auth::Accounts;
use saola_sim::mqtt::{Options, Publisher, Qos};
use serde_json::{Value, json};

use crate::service::{DEADLINE, Province, Service, Wishes, credentials, eventually};

const COMMENTS: usize = 120;
const KILLS: usize = 4;

const RULES: &str = "[[rule]]\nname = 'heat'\ntitle = { vi = 'Nóng', en = 'Heat' }\nproperty = 'air_temperature'\n\
    levels = [{ severity = 'medium', above = 35, clear = 30 }]\nabsence = '1h'\n";

async fn raise(service: &Service) -> String {
    let mut options = Options::new("workflow");
    options.credentials = Some(credentials());
    let publisher = Publisher::connect(&service.mqtt.to_string(), options).await.unwrap();
    publisher.publish("saola/v1/W-1", br#"{"air_temperature": 40}"#, Qos::AtLeastOnce).await.unwrap();
    eventually("an alert", async || {
        let list = service.get("/api/v1/alerts?state=open").await;
        list["alerts"].as_array().unwrap().first().map(|alert| alert["id"].as_str().unwrap().to_owned())
    })
    .await
}

/// Says everything that has no answer yet, ten at a time, each under its own key; `answers` gains what is answered.
async fn say(service: &Service, id: &str, answers: &mut BTreeMap<usize, Value>) {
    let path = format!("/api/v1/alerts/{id}/comment");
    let missing: Vec<usize> = (0..COMMENTS).filter(|number| !answers.contains_key(number)).collect();
    for numbers in missing.chunks(10) {
        let words = numbers.iter().map(async |number| {
            let body = json!({ "text": format!("câu {number}"), "at": "2026-11-21T09:00:00+07:00" });
            let answer = service.post_keyed(&path, &body, &format!("phone:{number}")).await.ok()?;
            let status = answer.status();
            let text = answer.text().await.ok()?;
            assert!(status.is_success(), "{status} {text}");
            Some((*number, serde_json::from_str(&text).ok()?))
        });
        let heard: Vec<Option<(usize, Value)>> = futures_util::future::join_all(words).await;
        let is_cut = heard.iter().any(Option::is_none);
        answers.extend(heard.into_iter().flatten());
        if is_cut {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_between_kills_is_said_once() {
    let seed = std::env::var("SAOLA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    eprintln!("SAOLA_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let province = Province::Weather { stations: vec!["W-1".to_owned()], rules: RULES.to_owned() };
    let mut service = Service::start(&Wishes { province, config: String::new() }).await;
    let id = raise(&service).await;
    let rule = json!({ "name": "frost", "title": { "vi": "Rét", "en": "Frost" }, "property": "air_temperature",
        "levels": [{ "severity": "low", "below": 5 }] });
    assert_eq!(service.post_json("/api/v1/rules", &rule).await.status(), 201);
    let shift = json!({ "role": "forest", "person": "an", "area": null,
        "begins_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-02T00:00:00Z" });
    assert_eq!(service.post_json("/api/v1/roster", &shift).await.status(), 201);

    let mut answers = BTreeMap::new();
    let mut killed = 0;
    while killed < KILLS {
        let process = service.process_id();
        let after = Duration::from_millis(chance.random_range(5..200));
        let kill = tokio::spawn(async move {
            tokio::time::sleep(after).await;
            std::process::Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap();
        });
        tokio::time::timeout(DEADLINE, say(&service, &id, &mut answers)).await.unwrap();
        kill.await.unwrap();
        service.kill();
        killed += 1;
        service.start_again().await;
    }
    say(&service, &id, &mut answers).await;
    assert_eq!(answers.len(), COMMENTS);

    // Everything again: the answers are those that were given, and nothing is said twice.
    let mut again = BTreeMap::new();
    say(&service, &id, &mut again).await;
    assert_eq!(again, answers);
    let alert = service.get(&format!("/api/v1/alerts/{id}")).await;
    let deeds = alert["timeline"].as_array().unwrap().iter().map(|moment| &moment["deed"]);
    let texts: Vec<_> = deeds.filter_map(|deed| deed["text"].as_str()).map(str::to_owned).collect();
    assert_eq!(texts.len(), COMMENTS, "none is there twice");
    assert_eq!(texts.into_iter().collect::<BTreeSet<_>>().len(), COMMENTS, "none is lost");
    assert_eq!(alert["version"], 1 + COMMENTS);
    let rule = service.get("/api/v1/rules/frost").await;
    assert_eq!((&rule["in_force"], &rule["version"]), (&json!(true), &json!(1)));
    assert_eq!(service.get("/api/v1/roster").await["shifts"].as_array().unwrap().len(), 1);
    assert_eq!(service.terminate(), Some(0));
    let records = Accounts::open(&service.data().join("registry.db")).unwrap().audit().records(0, 10_000).unwrap();
    let said = records.iter().filter(|record| record.act == "alert_commented").count();
    assert_eq!(said, COMMENTS, "the audit has each once, whenever it was killed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_wins_its_names_and_the_check_says_so() {
    let province = Province::Weather { stations: vec!["W-1".to_owned()], rules: RULES.to_owned() };
    let mut service = Service::start(&Wishes { province, config: String::new() }).await;
    let rule = |name: &str, area: Value| {
        json!({ "name": name, "title": { "vi": "Rét", "en": "Frost" }, "property": "air_temperature",
            "area": area, "levels": [{ "severity": "low", "below": 5 }] })
    };
    for name in ["frost", "cold"] {
        assert_eq!(service.post_json("/api/v1/rules", &rule(name, Value::Null)).await.status(), 201);
    }
    assert_eq!(service.terminate(), Some(0));
    let more = format!(
        "{RULES}[[rule]]\nname = 'frost'\ntitle = {{ vi = 'Rét', en = 'Frost' }}\n\
        property = 'air_temperature'\nlevels = [{{ severity = 'high', below = 0 }}]\n"
    );
    service.set_province(&["W-1".to_owned()], &more);
    let config = service.config_path().display().to_string();
    let check = service.command(&["check", "--config", &config]).await;
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(check.status.success(), "{said}");
    assert!(said.contains("rules/rules.toml") && said.contains("\"frost\"") && !said.contains("cold"), "{said}");

    service.start_again().await;
    let frost = service.get("/api/v1/rules/frost").await;
    assert_eq!((&frost["origin"], &frost["file"]), (&json!("file"), &json!("rules.toml")));
    let versions = service.get("/api/v1/rules/frost/versions").await;
    assert_eq!(
        (versions["versions"].as_array().unwrap().len(), &versions["versions"][0]["in_force"]),
        (1, &json!(false))
    );
    assert_eq!(service.get("/api/v1/rules/cold").await["in_force"], true);
    assert_eq!(service.terminate(), Some(0));
}
