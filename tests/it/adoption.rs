//! A device that nobody knows, from its first message over MQTT to its station: listed, kept whole, adopted, nothing
//! lost, through a kill; dead letters handed in again in bulk; stations edited over HTTP and files beside each other.

use reqwest::Method;
use saola::clock::Clock;
use saola::model::Timestamp;
use saola_sim::mqtt::{Options, Publisher, Qos};
use serde_json::{Value, json};

use crate::service::{DEADLINE, Province, Service, Wishes, credentials, eventually};

async fn service() -> Service {
    let stations = vec!["A-1".to_owned()];
    Service::start(&Wishes { province: Province::Weather { stations, rules: String::new() }, config: String::new() })
        .await
}

/// Publishes messages and returns when each is acknowledged.
async fn publish(service: &Service, messages: &[(&str, String)]) {
    let mut options = Options::new("adoption");
    options.credentials = Some(credentials());
    let publisher = Publisher::connect(&service.mqtt.to_string(), options).await.unwrap();
    for (topic, payload) in messages {
        publisher.publish(topic, payload.as_bytes(), Qos::AtLeastOnce).await.unwrap();
    }
    assert_eq!(publisher.close(DEADLINE).await.acknowledged, messages.len() as u64);
}

async fn sent(service: &Service, method: Method, path: &str, body: Value, status: u16) -> Value {
    let answer = service.send(method.clone(), path, &body).await;
    let (found, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert_eq!(found, status, "{method} {path}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// The list once it has so many devices.
async fn unknown(service: &Service, count: usize) -> Value {
    eventually("the devices to be listed", async || {
        let list = service.get("/api/v1/unknown-devices").await;
        (list["devices"].as_array().unwrap().len() == count).then_some(list)
    })
    .await
}

fn at(minute: u32) -> String {
    let now = Clock::System.now().micros() / 60_000_000 * 60;
    Timestamp::from_seconds(now - 3_600 + i64::from(minute) * 60).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_device_is_adopted_with_one_call_and_nothing_is_lost() {
    let mut service = service().await;
    let mut messages: Vec<(&str, String)> = (0..20)
        .map(|minute| {
            let payload = json!({"time": at(minute), "pm2_5": f64::from(minute) + 0.5, "shade": minute});
            ("saola/v1/Đồn-7", payload.to_string())
        })
        .collect();
    messages.push(("saola/v1/A-1", json!({"time": at(1), "air_temperature": 20, "pm10": 3}).to_string()));
    // Without a time: the time of the first arrival is kept through two replays.
    messages.push(("saola/v1/Đồn-7", r#"{"pm2_5": 99.5}"#.to_owned()));
    publish(&service, &messages).await;
    service.ledger_of("edge", 22).await;
    let before = unknown(&service, 2).await;
    service.kill();
    service.start_again().await;
    assert_eq!(unknown(&service, 2).await, before, "a kill changes nothing of the list");

    let path = "/api/v1/unknown-devices/edge/%C4%90%E1%BB%93n-7";
    let device = service.get(path).await;
    assert_eq!((device["messages"].as_u64(), device["readings"].as_u64()), (Some(21), Some(41)));
    assert_eq!(device["message"]["text"], r#"{"pm2_5": 99.5}"#, "the last message, whole");
    assert_eq!(device["proposal"], json!([{"property": "pm2_5", "unit": "ug/m3"}]));

    // What the operator must state is named; nothing is guessed.
    let wrong =
        sent(&service, Method::POST, &format!("{path}/adopt"), json!({"channels": [{"property": "shade"}]}), 422).await;
    let fields: Vec<&str> = wrong["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert!(
        ["kind", "name", "lon", "lat", "channels.shade.unit"].iter().all(|field| fields.contains(field)),
        "{fields:?}"
    );

    let body = json!({"kind": "air", "name": "Đồn 7", "lon": 103.4, "lat": 22.4});
    let adopted = sent(&service, Method::POST, &format!("{path}/adopt"), body, 201).await;
    let replayed = &adopted["replayed"];
    assert_eq!((replayed["letters"].as_u64(), replayed["stored"].as_u64()), (Some(21), Some(21)), "{replayed}");
    assert_eq!((replayed["rejected"].as_u64(), &replayed["reasons"]), (Some(20), &json!({"unknown_property": 20})));
    let history = service.history("%C4%90%E1%BB%93n-7/pm2_5").await;
    assert_eq!(history.len(), 21);
    assert_eq!(unknown(&service, 2).await["devices"][0]["registered"], true);

    // The other property, stated; its letters are those that are left.
    let body = json!({"channels": [{"property": "shade", "unit": "1", "interval": "1m", "min": 0, "max": 100}]});
    let adopted = sent(&service, Method::POST, &format!("{path}/adopt"), body, 200).await;
    assert_eq!(adopted["replayed"]["stored"], 20);
    assert_eq!(adopted["replayed"]["duplicate"], 20);
    assert_eq!(adopted["station"]["channels"].as_array().unwrap().len(), 2);
    assert_eq!(service.history("%C4%90%E1%BB%93n-7/pm2_5").await, history, "each reading once");
    let list = unknown(&service, 1).await;
    assert_eq!(list["devices"][0]["device"], "A-1");
    let refused = sent(&service, Method::POST, "/api/v1/unknown-devices/edge/A-1/adopt", json!({}), 409).await;
    assert_eq!(refused["code"], "declared_in_files");

    let letters = service.get("/api/v1/dead-letters").await;
    assert_eq!(letters["dead_letters"].as_array().unwrap().len(), 1, "only the files' station's is left: {letters}");
    let ledger = service.ledger_of("edge", 22).await;
    let number = |name: &str| ledger[name].as_u64().unwrap();
    assert_eq!(number("received"), number("stored") + number("duplicate") + number("rejected"));
    assert_eq!(number("received") - number("replayed"), 43, "what was sent: {ledger}");
    let source = &list["sources"][0];
    let unknown: u64 =
        ["listed_readings", "unlisted_readings", "settled_readings"].iter().map(|n| source[n].as_u64().unwrap()).sum();
    let reasons = &ledger["reasons"];
    assert_eq!(unknown, reasons["unknown_station"].as_u64().unwrap() + reasons["unknown_property"].as_u64().unwrap());
    let live = service.get("/api/v1/stations/%C4%90%E1%BB%93n-7").await;
    assert_eq!(live["properties"]["channels"][0]["value"], 99.5);
    assert_eq!(service.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_handed_in_again_in_bulk_and_do_not_multiply() {
    let service = service().await;
    let messages: Vec<(&str, String)> = (0..700)
        .map(|number| {
            let time = at(number % 50);
            let value = if number % 7 == 0 { 999.0 } else { f64::from(number) / 10.0 - 40.0 };
            ("saola/v1/B-2", json!({"time": time, "air_temperature": value, "n": 1}).to_string())
        })
        .collect();
    publish(&service, &messages).await;
    service.ledger_of("edge", 700).await;
    let run = async |path: &str| -> Value {
        let answer = service.post(path).await;
        assert!(answer.status().is_success(), "{path}");
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    };
    for _ in 0..2 {
        let sum = run("/api/v1/dead-letters/replay?reason=unknown_station").await;
        assert_eq!(
            (sum["letters"].as_u64(), sum["stored"].as_u64(), sum["rejected"].as_u64()),
            (Some(700), Some(0), Some(1_400))
        );
    }
    // Two at once: each letter goes in once.
    let all = "/api/v1/dead-letters/replay";
    let (one, other) = tokio::join!(run(all), run(all));
    assert_eq!(one["letters"].as_u64().unwrap() + other["letters"].as_u64().unwrap(), 700, "{one} {other}");
    let cut = run("/api/v1/dead-letters/replay?source=edge&since=-1h&limit=10").await;
    assert_eq!((cut["letters"].as_u64(), cut["more"].as_bool()), (Some(10), Some(true)));
    let none = run("/api/v1/dead-letters/replay?reason=invalid_json").await;
    assert_eq!(none["letters"], 0);
    let count = async || {
        let (mut count, mut next) = (0, String::new());
        loop {
            let page = service.get(&format!("/api/v1/dead-letters?limit=300{next}")).await;
            count += page["dead_letters"].as_array().unwrap().len();
            match page["next"].as_str() {
                Some(number) => next = format!("&next={number}"),
                None => return count,
            }
        }
    };
    assert_eq!(count().await, 700);
    let station = json!({"id": "B-2", "kind": "weather", "name": "B", "lon": 103.4, "lat": 22.4,
        "channels": [{"property": "air_temperature", "min": -50, "max": 60},
            {"property": "n", "unit": "1", "interval": 60, "min": 0, "max": 1}]});
    sent(&service, Method::POST, "/api/v1/stations", station, 201).await;
    let output = service.command(&["dead-letters", "replay", "--all", "--source", "edge", "--since", "-2h"]).await;
    assert!(output.status.success(), "{output:?}");
    let sum: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((sum["letters"].as_u64(), &sum["reasons"]), (Some(700), &json!({"implausible": 100})));
    assert_eq!(count().await, 100);
    let ledger = service.ledger_of("edge", 700).await;
    let number = |name: &str| ledger[name].as_u64().unwrap();
    assert_eq!(number("replayed"), 3 * 1_400 + 20 + 1_400);
    assert_eq!(number("received") - number("replayed"), 1_400);
    assert_eq!(number("received"), number("stored") + number("duplicate") + number("rejected"));
    let reasons: u64 = ledger["reasons"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(reasons, number("rejected"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_difference_between_files_and_registry_is_shown_and_stations_made_by_hand_stay() {
    let mut service = service().await;
    let config = service.config_path().display().to_string();
    let diff = async |service: &Service| {
        let output = service.command(&["check", "--config", &config, "--diff"]).await;
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), text)
    };
    assert_eq!(diff(&service).await, (0, "0 added, 0 changed, 0 retired, 0 refused\n".to_owned()));
    let station = json!({"id": "H-1", "kind": "weather", "name": "H", "lon": 103.4, "lat": 22.4,
        "channels": [{"property": "air_temperature", "unit": "Cel"}]});
    sent(&service, Method::POST, "/api/v1/stations", station, 201).await;
    assert_eq!(diff(&service).await.0, 0, "a station made by hand is nothing to the files");

    service.set_province(&["A-2".to_owned(), "H-1".to_owned()], "");
    let (code, text) = diff(&service).await;
    assert_eq!(code, 2, "{text}");
    for line in [
        "+ A-2 (weather: air_temperature)",
        "~ H-1 (made by hand; the files' from then on)",
        "    channels.air_temperature.min: -15.0 -> -50.0",
        "- A-1 (retired; its history stays)",
        "1 added, 1 changed, 1 retired, 0 refused",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    // A rule that names a station made by hand stops nothing.
    let rule = "[[rule]]\nname = \"h\"\ntitle = { vi = \"h\", en = \"h\" }\nproperty = \"air_temperature\"\n\
        stations = [\"H-1\"]\nlevels = [{ severity = \"low\", above = 40.0 }]\n";
    service.set_province(&["A-2".to_owned()], rule);
    assert_eq!(service.terminate(), Some(0));
    let stopped = diff(&service).await;
    assert_eq!((stopped.0, stopped.1.lines().count()), (2, 3), "{}", stopped.1);
    service.start_again().await;
    assert_eq!(diff(&service).await.0, 0);
    assert_eq!(service.get("/api/v1/stations/H-1").await["properties"]["retired"], false);
    assert_eq!(service.get("/api/v1/stations/A-1").await["properties"]["retired"], true);
    let changes = service.get("/api/v1/stations/A-1/changes").await;
    assert_eq!(
        (changes["changes"][0]["act"].as_str(), changes["changes"][0]["author"].as_str()),
        (Some("retired"), Some("files"))
    );
    assert_eq!(service.terminate(), Some(0));
}
