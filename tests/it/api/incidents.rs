//! Incidents: their list, their documents, their place in alerts and in the stream; and who is told of them.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use futures_util::StreamExt;
use saola::api::{Config, Demo};
use saola::auth::Role;
use saola::model::{Body, Deaf, Outage, RuleFile, SourceId};
use serde_json::json;
use tower::ServiceExt;

use super::house::{Answer, House, LEVEL, NOW, PM, escaped, request, with_token};

const RULES: &str = "
[[rule]]
name = 'flood'
title = { vi = 'Lũ', en = 'Flood' }
property = 'water_level'
levels = [{ severity = 'high', above = 3, clear = 2.5 }, { severity = 'very_high', above = 5 }]

[[rule]]
name = 'dust'
title = { vi = 'Bụi', en = 'Dust' }
property = 'pm2_5'
levels = [{ severity = 'medium', above = 50 }]
";

const ONE_FOR_BOTH: &str = "
[[group]]
name = 'hazard'
title = { vi = 'Sự cố', en = 'Hazard' }
causes = ['water_level', 'pm2_5']
radius_km = 200
span = '1h'
";

const GATEWAY: &str = "
[gateway]
title = { vi = 'Mất kết nối với nguồn', en = 'Source not heard' }
severity = 'medium'
least = 3
share = 0.8
after = '5m'
patience = '30m'
";

fn plan(text: &str) -> Body {
    Body::Grouping(vec![RuleFile { name: "incidents.toml".into(), text: text.into() }])
}

/// With a flood at B-RIVER and dust at A-AIR, both open, folded as the plan says.
fn alarmed(demo: Demo, groups: &str) -> House {
    let house = House::with(demo, Config::default());
    house.enter(Body::Rules(vec![RuleFile { name: "all.toml".into(), text: RULES.into() }]));
    house.enter(plan(&format!("{groups}{GATEWAY}")));
    house.observe(LEVEL, 60, 3.5);
    house.observe(PM, 30, 80.0);
    house.observe(LEVEL, 0, 5.5);
    house
}

fn apart() -> String {
    let [flood, dust] = [("flood", "water_level"), ("dust", "pm2_5")].map(|(name, cause)| {
        ONE_FOR_BOTH
            .replace("'hazard'", &format!("'{name}'"))
            .replace("['water_level', 'pm2_5']", &format!("['{cause}']"))
    });
    flood + &dust
}

fn incidents(answer: &Answer) -> Vec<serde_json::Value> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["incidents"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_incident_says_what_belongs_together() {
    let house = alarmed(Demo::Loopback, ONE_FOR_BOTH);
    let list = incidents(&house.get("/api/v1/incidents").await);
    assert_eq!(list.len(), 1);
    let summary = &list[0];
    assert_eq!(summary["title"], json!({"vi": "Sự cố", "en": "Hazard"}));
    assert_eq!(summary["cause"], "hazard");
    assert_eq!((&summary["state"], &summary["severity"]), (&json!("open"), &json!("very_high")));
    assert_eq!(
        summary["counts"],
        json!({"active": 2, "recovering": 0, "latched": 0, "unknown": 0, "cleared": 0, "masked": 0})
    );
    assert_eq!(summary["areas"], json!(["001", "002"]));
    assert_eq!(summary["opened_at"], "2026-11-21T10:14:00+07:00");
    assert_eq!(summary["changed_at"], "2026-11-21T10:15:00+07:00");
    assert_eq!(summary["geometry"]["type"], "Point");
    assert!(summary["radius_m"].as_f64().unwrap() > 1_000.0);
    let document = house.get(&format!("/api/v1/incidents/{}", escaped(summary["id"].as_str().unwrap()))).await.json();
    let members = document["members"].as_array().unwrap();
    let stations: Vec<_> = members.iter().map(|member| member["station"].as_str().unwrap()).collect();
    assert_eq!(stations, ["A-AIR", "B-RIVER"]);
    let what: Vec<_> = document["timeline"].as_array().unwrap().iter().map(|moment| &moment["what"]).collect();
    assert_eq!(what, ["joined", "severity", "joined", "severity"]);
    for member in members {
        let alert = house.get(&format!("/api/v1/alerts/{}", escaped(member["alert"].as_str().unwrap()))).await.json();
        assert_eq!(alert["incident"], summary["id"]);
        assert_eq!(alert["masked_by"], serde_json::Value::Null);
    }
    assert_eq!(house.get("/api/v1/incidents/hazard~none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_incident_that_is_over_is_told_as_it_was() {
    let house = alarmed(Demo::Loopback, ONE_FOR_BOTH);
    let live = incidents(&house.get("/api/v1/incidents?state=open").await);
    let drawn = house.get("/api/v1/layers/incidents").await.json()["features"].clone();
    assert_eq!((live.len(), drawn.as_array().unwrap().len()), (1, 1));
    house.parts.clock.set(NOW + Duration::from_secs(120));
    house.observe(LEVEL, 0, 1.0);
    house.observe(PM, 0, 1.0);
    house.parts.clock.set(NOW + Duration::from_secs(180));
    assert!(incidents(&house.get("/api/v1/incidents?state=open").await).is_empty());
    let then = async |ago: u64| {
        let at = NOW - Duration::from_secs(ago);
        incidents(&house.get(&format!("/api/v1/incidents?at={at}")).await)
    };
    assert_eq!(then(0).await, live);
    assert_eq!(house.get(&format!("/api/v1/layers/incidents?at={NOW}")).await.json()["features"], drawn);
    // Before the dust joined it, and before it was worse.
    let first = &then(31).await[0];
    assert_eq!((&first["id"], &first["severity"], &first["areas"]), (&live[0]["id"], &json!("high"), &json!(["002"])));
    assert_eq!(first["counts"]["active"], 1);
    assert!(then(61).await.is_empty());
    let alert = &house.get(&format!("/api/v1/alerts?at={NOW}")).await.json()["alerts"][0];
    assert_eq!(alert["incident"], live[0]["id"]);
    assert!(incidents(&house.get(&format!("/api/v1/incidents?at={NOW}&severity=low")).await).is_empty());
    assert!(incidents(&house.get(&format!("/api/v1/incidents?at={NOW}&state=closed")).await).is_empty());
}

#[tokio::test]
async fn incidents_are_found_by_state_severity_area_and_time() {
    let house = alarmed(Demo::Loopback, &apart());
    house.parts.clock.set(house.parts.clock.now() + Duration::from_secs(60));
    house.observe(PM, 0, 10.0);
    for (query, expected) in [
        ("", vec!["dust", "flood"]),
        ("?state=open", vec!["flood"]),
        ("?state=closed", vec!["dust"]),
        ("?state=merged", vec![]),
        ("?severity=medium,very_high", vec!["dust", "flood"]),
        ("?severity=high", vec![]),
        ("?area=001", vec!["dust"]),
        ("?area=12", vec!["dust", "flood"]),
        ("?since=-1s", vec!["dust"]),
        ("?since=-1h", vec!["dust", "flood"]),
    ] {
        let found = incidents(&house.get(&format!("/api/v1/incidents{query}")).await);
        let causes: Vec<_> = found.iter().map(|incident| incident["cause"].as_str().unwrap()).collect();
        assert_eq!(causes, expected, "{query}");
    }
    let first = house.get("/api/v1/incidents?limit=1").await.json();
    let second =
        house.get(&format!("/api/v1/incidents?limit=1&next={}", escaped(first["next"].as_str().unwrap()))).await.json();
    assert_eq!((&first["incidents"][0]["cause"], &second["incidents"][0]["cause"]), (&json!("dust"), &json!("flood")));
    assert!(second["next"].is_null());
    for query in ["?state=new", "?severity=bad", "?limit=0", "?limit=1001", "?next=x", "?area=999", "?foo=1"] {
        let answer = house.get(&format!("/api/v1/incidents{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_ranger_is_told_of_its_own_part_of_an_incident() {
    let house = alarmed(Demo::Off, ONE_FOR_BOTH);
    let token = house.token("ranger.a", Role::Ranger, Some(&["001"]), Duration::from_secs(3_600));
    let list = incidents(&house.get_as(&token, "/api/v1/incidents").await);
    assert_eq!((list.len(), &list[0]["severity"], &list[0]["areas"]), (1, &json!("medium"), &json!(["001"])));
    assert_eq!((&list[0]["counts"]["active"], &list[0]["radius_m"]), (&json!(1), &json!(0.0)));
    let one = house.get_as(&token, &format!("/api/v1/incidents/{}", escaped(list[0]["id"].as_str().unwrap()))).await;
    let stations: Vec<_> = one.json()["members"].as_array().unwrap().iter().map(|m| m["station"].clone()).collect();
    assert_eq!(stations, ["A-AIR"]);
    assert!(incidents(&house.get_as(&token, "/api/v1/incidents?area=002").await).is_empty());

    let house = alarmed(Demo::Off, &apart());
    let token = house.token("ranger.a", Role::Ranger, Some(&["001"]), Duration::from_secs(3_600));
    let list = incidents(&house.get_as(&token, "/api/v1/incidents").await);
    assert_eq!((list.len(), &list[0]["cause"]), (1, &json!("dust")));
    let all = house.token("planner.b", Role::Planner, None, Duration::from_secs(3_600));
    for incident in incidents(&house.get_as(&all, "/api/v1/incidents").await) {
        let expected = if incident["cause"] == "dust" { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let path = format!("/api/v1/incidents/{}", escaped(incident["id"].as_str().unwrap()));
        assert_eq!(house.get_as(&token, &path).await.status, expected);
    }
}

#[tokio::test]
async fn a_source_that_is_not_heard_names_its_stations() {
    let house = alarmed(Demo::Off, ONE_FOR_BOTH);
    let from = house.parts.clock.now();
    house.enter(Body::Outage(Outage { of: Deaf::Source(SourceId(0)), from, to: None }));
    let token = house.token("planner.b", Role::Planner, None, Duration::from_secs(3_600));
    let list = incidents(&house.get_as(&token, "/api/v1/incidents?severity=medium").await);
    assert_eq!((list.len(), &list[0]["cause"], &list[0]["unknown_stations"]), (1, &json!("gateway"), &json!(2)));
    let path = format!("/api/v1/incidents/{}", escaped(list[0]["id"].as_str().unwrap()));
    let one = house.get_as(&token, &path).await.json();
    let stations: Vec<_> = one["stations"].as_array().unwrap().iter().map(|s| (&s["station"], &s["state"])).collect();
    assert_eq!(stations, [(&json!("A-AIR"), &json!("unknown")), (&json!("B-RIVER"), &json!("unknown"))]);
    assert_eq!(one["timeline"][0]["what"], "deaf");
    assert_eq!(one["timeline"][0]["stations"], 2);
    let ranger = house.token("ranger.a", Role::Ranger, Some(&["001"]), Duration::from_secs(3_600));
    let own = house.get_as(&ranger, &path).await.json();
    assert_eq!((&own["unknown_stations"], own["stations"].as_array().unwrap().len()), (&json!(1), 1));
}

#[tokio::test]
async fn changes_of_incidents_are_in_the_stream() {
    let house = alarmed(Demo::Off, &apart());
    let token = house.token("ranger.a", Role::Ranger, Some(&["001"]), Duration::from_secs(3_600));
    let mut asked = with_token(request(Method::GET, "/api/v1/stream?layers=alerts"), &token);
    asked.headers_mut().insert("last-event-id", "1".parse().unwrap());
    let mut body = house.router.clone().oneshot(asked).await.unwrap().into_body().into_data_stream();
    let mut text = String::new();
    while !text.contains("event: incident") {
        text.push_str(std::str::from_utf8(&body.next().await.unwrap().unwrap()).unwrap());
    }
    assert!(text.contains("\"cause\":\"dust\""), "{text}");
    assert!(!text.contains("flood"), "{text}");
}

#[tokio::test]
async fn everybody_hears_of_an_incident_what_is_theirs_though_others_heard_of_it_before() {
    let house = alarmed(Demo::Off, ONE_FOR_BOTH);
    let heard = async |token: &str| {
        let mut asked = with_token(request(Method::GET, "/api/v1/stream?layers=incidents"), token);
        asked.headers_mut().insert("last-event-id", "1".parse().unwrap());
        let mut body = house.router.clone().oneshot(asked).await.unwrap().into_body().into_data_stream();
        let mut text = String::new();
        loop {
            text.push_str(std::str::from_utf8(&body.next().await.unwrap().unwrap()).unwrap());
            if let Some((_, event)) = text.rsplit_once("event: incident\n") {
                let line = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
                let told: serde_json::Value = serde_json::from_str(line).unwrap();
                return told["areas"].clone();
            }
        }
    };
    let planner = house.token("planner", Role::Planner, None, Duration::from_secs(3_600));
    let ranger = house.token("ranger.a", Role::Ranger, Some(&["001"]), Duration::from_secs(3_600));
    for _ in 0..2 {
        assert_eq!(heard(&planner).await, json!(["001", "002"]));
        assert_eq!(heard(&ranger).await, json!(["001"]));
    }
}
