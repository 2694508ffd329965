//! Maintenance windows and corrections by the API: who may, what is journaled, what is refused.

use axum::http::{Method, StatusCode};
use saola::auth::Role;
use saola::model::{Body, Corrections, Quality, Sample, StationNo, TimeClass};
use serde_json::json;

use super::house::{House, NOW, PM, send};

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

fn house() -> (House, String) {
    let house = House::with(saola::api::Demo::Off, saola::api::Config::default());
    house.token("admin", Role::Administrator, None, DAY);
    let token = house.token("an", Role::Operator, None, DAY);
    (house, token)
}

fn acts(house: &House) -> Vec<(String, String, String)> {
    let records = house.parts.accounts.audit().records(0, 100).unwrap();
    let deeds = records.into_iter().map(|record| (record.actor, record.act, record.subject));
    deeds.filter(|(actor, ..)| actor == "an").collect()
}

#[tokio::test]
async fn a_window_is_planned_shown_and_withdrawn_with_its_author() {
    let (house, token) = house();
    house.apply_what_is_said();
    let path = "/api/v1/stations/A-AIR/maintenance";
    let asked = json!({ "to": "2026-11-21T17:00:00+07:00", "reason": " new sensor " });
    let answer = send(&house, &token, Method::POST, path, asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["state"], "under_way");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    {
        let state = house.parts.state.read();
        let (_, window) = state.judge.maintenance.of(StationNo(0)).next().unwrap();
        assert_eq!((window.from, window.reason.as_str(), window.author.as_str()), (NOW, "new sensor", "an"));
    }

    let list = house.get_as(&token, path).await.json();
    assert_eq!((&list["by_registry"], &list["windows"][0]["id"]), (&json!(false), &json!(id)));
    let station = house.get_as(&token, "/api/v1/stations/A-AIR").await.json();
    assert_eq!(station["properties"]["freshness"], "maintenance");

    let answer = send(&house, &token, Method::DELETE, &format!("{path}/{id}"), json!({})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let station = house.get_as(&token, "/api/v1/stations/A-AIR").await.json();
    assert_eq!(station["properties"]["freshness"], "silent");
    let of = |act: &str| ("an".to_owned(), act.to_owned(), "A-AIR".to_owned());
    assert_eq!(acts(&house), [of("maintenance_planned"), of("maintenance_withdrawn")]);
}

#[tokio::test]
async fn a_window_that_makes_no_sense_is_refused_and_nothing_is_journaled() {
    let (house, token) = house();
    let path = "/api/v1/stations/A-AIR/maintenance";
    let to = "2026-11-21T17:00:00+07:00";
    for asked in [
        json!({ "to": to, "reason": " " }),
        json!({ "to": "tomorrow", "reason": "r" }),
        json!({ "to": "2026-11-21T09:00:00+07:00", "reason": "r" }),
        json!({ "from": "2026-11-21T18:00:00+07:00", "to": to, "reason": "r" }),
        json!({ "to": "2028-11-21T09:00:00+07:00", "reason": "r" }),
        json!({ "to": to, "reason": "two\nlines" }),
        json!({ "to": to, "reason": "r", "who": "me" }),
    ] {
        let answer = send(&house, &token, Method::POST, path, asked.clone()).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_body")),
            "{asked}"
        );
    }
    for (path, found) in
        [("/api/v1/stations/X/maintenance/1", "station"), ("/api/v1/stations/A-AIR/maintenance/1", "window")]
    {
        let answer = send(&house, &token, Method::DELETE, path, json!({})).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.text().contains(found), "{}", answer.text());
    }
    let ranger = house.token("ranger", Role::Ranger, None, DAY);
    let answer = send(&house, &ranger, Method::POST, path, json!({ "to": to, "reason": "r" })).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let elsewhere = house.token("north", Role::Operator, Some(&["002"]), DAY);
    let answer = send(&house, &elsewhere, Method::POST, path, json!({ "to": to, "reason": "r" })).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "a station elsewhere is not there");
    assert_eq!(house.commands.lock().len(), 0);
}

#[tokio::test]
async fn a_verdict_on_a_span_and_a_value_keep_what_they_replace() {
    let (house, token) = house();
    for ago in [300, 240, 180] {
        house.observe_as(PM, ago, 40.0, Quality::STUCK);
    }
    let path = "/api/v1/stations/A-AIR/channels/pm2_5/corrections";
    let time = |ago: u64| (NOW - std::time::Duration::from_secs(ago)).to_string();
    let asked = json!({ "reason": "still air", "from": time(300), "to": time(180), "verdict": "good" });
    let answer = send(&house, &token, Method::POST, path, asked).await;
    assert_eq!((answer.status, &answer.json()["samples"]), (StatusCode::OK, &json!(2)), "{}", answer.text());
    let command = house.commands.lock().pop().unwrap();
    let Body::Corrections(Corrections { author, samples, .. }) = &command else { panic!("{command:?}") };
    assert_eq!(author, "an");
    assert!(samples.iter().all(|sample| sample.quality == Quality::EDITED && sample.value == 40.0));
    let seq = house.enter(command);

    let asked = json!({ "reason": "by hand", "verdict": "estimated",
        "values": [{ "time": time(180), "value": 38.0 }, { "time": time(120), "value": 39.0 }] });
    let answer = send(&house, &token, Method::POST, path, asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let command = house.commands.lock().pop().unwrap();
    house.enter(command);

    let history = house.get_as(&token, "/api/v1/history?channel=A-AIR/pm2_5&from=-10m&quality=all").await.json();
    let samples = history["channels"][0]["samples"].as_array().unwrap();
    let told: Vec<_> =
        samples.iter().map(|sample| (sample["value"].as_f64().unwrap(), sample["quality"].as_str().unwrap())).collect();
    assert_eq!(told, [(40.0, "good"), (40.0, "good"), (38.0, "estimated"), (39.0, "estimated")]);
    // Buckets are made from good samples, and say how many were left out.
    let path_of_buckets = "/api/v1/history?channel=A-AIR/pm2_5&from=-10m&every=1h";
    let history = house.get_as(&token, path_of_buckets).await.json();
    assert_eq!(history["quality"], json!("good"));
    let sum = |key: &str| {
        let buckets = history["channels"][0]["buckets"].as_array().unwrap();
        buckets.iter().map(|bucket| bucket[key].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((sum("count"), sum("left_out")), (2, 2));

    let earlier = house.get_as(&token, path).await.json();
    let rows = earlier["earlier"].as_array().unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row["value"].as_f64().unwrap(), row["quality"].as_str().unwrap(), row["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [(40.0, "stuck", "still air"), (40.0, "stuck", "still air"), (40.0, "stuck", "by hand")]);
    assert_eq!((&rows[0]["replaced_by"], &rows[0]["author"]), (&json!(seq.to_string()), &json!("an")));
    let subject = "A-AIR/pm2_5".to_owned();
    let deed = ("an".to_owned(), "samples_corrected".to_owned(), subject);
    assert_eq!(acts(&house), [deed.clone(), deed]);
}

#[tokio::test]
async fn two_corrections_in_a_row_are_both_kept() {
    let (house, token) = house();
    house.observe_as(PM, 300, 40.0, Quality::GOOD);
    let path = "/api/v1/stations/A-AIR/channels/pm2_5/corrections";
    let time = |ago: u64| (NOW - std::time::Duration::from_secs(ago)).to_string();
    let value = json!({ "reason": "misread", "values": [{ "time": time(300), "value": 38.0 }] });
    let verdict = json!({ "reason": "clogged", "from": time(300), "to": time(299), "verdict": "bad" });
    let answer = send(&house, &token, Method::POST, path, value).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    // Journaled and not in history yet: who reads now would put the old value back.
    let first = house.commands.lock().pop().unwrap();
    let mut second = std::pin::pin!(send(&house, &token, Method::POST, path, verdict.clone()));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(100), &mut second).await.is_err(), "it waits");
    house.enter(first);
    let answer = second.await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let second = house.commands.lock().pop().unwrap();
    let Body::Corrections(Corrections { samples, .. }) = &second else { panic!("{second:?}") };
    assert_eq!((samples[0].value, samples[0].quality), (38.0, Quality::EDITED.with(Quality::BAD)));
    // A store that does not come is waited for no longer than a few seconds.
    tokio::time::pause();
    let answer = send(&house, &token, Method::POST, path, verdict).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text());
    assert_eq!(house.commands.lock().len(), 0);
}

#[tokio::test]
async fn a_correction_that_makes_no_sense_is_refused() {
    let (house, token) = house();
    let sample =
        Sample { channel: PM, observed_at: NOW, value: 40.0, quality: Quality::GOOD, time_class: TimeClass::Live };
    house.observe_as(sample.channel, 0, sample.value, sample.quality);
    let path = "/api/v1/stations/A-AIR/channels/pm2_5/corrections";
    let now = NOW.to_string();
    for (asked, said) in [
        (json!({ "reason": "r" }), "give either"),
        (json!({ "reason": "r", "from": now, "to": "2026-11-21T11:00:00+07:00" }), "verdict"),
        (
            json!({ "reason": "r", "from": "2026-11-20T11:00:00Z", "to": "2026-11-20T12:00:00Z", "verdict": "bad" }),
            "no sample",
        ),
        (json!({ "reason": "r", "values": [{ "time": now, "value": 1e9 }] }), "outside"),
        (
            json!({ "reason": "r", "values": [{ "time": "2026-11-20T11:00:00Z", "value": 1 }] }),
            "no sample at that time",
        ),
        (json!({ "reason": "r", "values": [{ "time": now, "value": 1 }, { "time": now, "value": 2 }] }), "twice"),
        (json!({ "reason": "", "values": [{ "time": now, "value": 1 }] }), "reason"),
    ] {
        let answer = send(&house, &token, Method::POST, path, asked.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{asked}: {}", answer.text());
        assert!(answer.text().contains(said), "{asked}: {}", answer.text());
    }
    let missing = "/api/v1/stations/A-AIR/channels/rainfall/corrections";
    let asked = json!({ "reason": "r", "values": [{ "time": now, "value": 1 }] });
    assert_eq!(send(&house, &token, Method::POST, missing, asked).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.commands.lock().len(), 0);
}
