//! Derived channels through the real service: computed, explained, acted upon, corrected, caught up after a kill, and
//! closed to devices.

use saola::clock::Clock;
use saola::model::Timestamp;
use serde_json::{Value, json};

use crate::mqtt_client::{Client, V3};
use crate::service::{DEVICE, Province, Service, Wishes};
use crate::wait::eventually;

const STATIONS: &str = r#"
[[station]]
id = "AQ"
kind = "air"
name = { vi = "AQ", en = "AQ" }
lon = 103.4
lat = 22.3
[[station.channel]]
property = "pm2_5"
unit = "ug/m3"
interval = "1h"
min = 0
max = 1500

[[station]]
id = "TR"
kind = "traffic"
name = { vi = "TR", en = "TR" }
lon = 103.4
lat = 22.3
[[station.channel]]
property = "vehicle_speed"
unit = "km/h"
interval = "60s"
min = 0
max = 200
"#;

const INDICES: &str = r#"
zone = "Asia/Ho_Chi_Minh"
grace = "0s"
[vn_aqi]
kinds = "air"
source = "Decision 1459/QĐ-TCMT"
confirmed = true
[level_of_service]
kinds = "traffic"
source = "a manual"
confirmed = false
free_flow = 50
"#;

const RULES: &str = r#"
[[rule]]
name = "aqi"
title = { vi = "AQI", en = "AQI" }
property = "vn_aqi"
levels = [{ severity = "high", above = 200, clear = 190 }]
"#;

/// A service with these stations.
async fn service() -> Service {
    let province = Province::Weather { stations: vec!["W".to_owned()], rules: String::new() };
    let mut service = Service::start(&Wishes { province, config: String::new() }).await;
    service.terminate();
    for (file, text) in [("stations/stations.toml", STATIONS), ("indices.toml", INDICES), ("rules/rules.toml", RULES)] {
        std::fs::write(service.file("province").join(file), text).unwrap();
    }
    service.start_again().await;
    service
}

/// The last full hour, and how many hours before it.
fn hour(before: i64) -> Timestamp {
    const HOUR: i64 = 3_600_000_000;
    let now = Clock::System.now().micros();
    Timestamp::from_micros((now.div_euclid(HOUR) - before) * HOUR)
}

/// Publishes and waits until everything is on disk.
async fn publish(service: &Service, messages: &[(&str, Value)]) {
    let mut device = Client::open(service.mqtt, V3).await;
    let welcome = device.hello("device-of-a-test", Some((DEVICE.0, DEVICE.1.as_bytes()))).await;
    assert_eq!(welcome.reason(), 0);
    for (id, (station, payload)) in (1..).zip(messages) {
        device.publish(&format!("saola/v1/{station}"), id, payload.to_string().as_bytes()).await;
    }
    device.pubacks(messages.len()).await;
}

fn pm2_5(at: Timestamp, value: f64) -> (&'static str, Value) {
    ("AQ", json!({ "time": at.to_string(), "pm2_5": value }))
}

async fn until_history(service: &Service, channel: &str, expected: &[(Timestamp, f64)]) {
    eventually(&format!("{channel} to be {expected:?}"), async || {
        (service.history(channel).await == expected).then_some(())
    })
    .await;
}

async fn alerts(service: &Service) -> Vec<Value> {
    service.get("/api/v1/alerts").await["alerts"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_raises_its_rule_is_corrected_by_late_inputs_and_survives_a_kill() {
    let mut service = service().await;
    // The hours are taken once: the test may run across one.
    let [h0, h1, h2] = [hour(0), hour(1), hour(2)];
    publish(&service, &[pm2_5(h2, 160.0), pm2_5(h1, 160.0), pm2_5(h0, 160.0)]).await;
    until_history(&service, "AQ/vn_aqi", &[(h1, 210.0), (h0, 210.0)]).await;

    let raised = eventually("the rule on the index to raise", async || alerts(&service).await.first().cloned()).await;
    assert_eq!((&raised["rule"], &raised["value"]), (&json!("aqi"), &json!(210.0)), "{raised}");
    let answer = service.get("/api/v1/indices/vn_aqi?station=AQ").await;
    assert_eq!(
        (&answer["value"], &answer["from"], &answer["confirmed"]),
        (&json!(210.0), &json!("station"), &json!(true))
    );
    assert_eq!(answer["level"]["title"]["vi"], "Rất xấu");
    let inputs = json!([{ "name": "pm25", "value": 160.0, "unit": "ug/m3", "index": 210.0 }]);
    assert_eq!(answer["stations"][0]["inputs"], inputs);

    // What comes late changes its hours, and dispatches nobody: the hour before was 500 for a moment.
    publish(&service, &[pm2_5(h1, 600.0)]).await;
    eventually("the hours to be corrected", async || {
        (service.history("AQ/vn_aqi").await.iter().all(|(_, value)| *value > 210.0)).then_some(())
    })
    .await;
    let corrected = service.history("AQ/vn_aqi").await;
    // NowCast (600 + 160 / 2) / 1.5 = 453.33, between 350 (400) and 500 (500).
    assert_eq!(corrected[0], (h1, 469.0));
    assert_eq!(alerts(&service).await.len(), 1);
    assert_eq!(alerts(&service).await[0]["timeline"], raised["timeline"], "no transition followed");

    // Killed before anything could be computed from it, perhaps.
    publish(&service, &[("TR", json!({ "time": h0.to_string(), "vehicle_speed": 5 }))]).await;
    service.kill();
    service.start_again().await;
    until_history(&service, "TR/level_of_service", &[(h0, 6.0)]).await;
    assert_eq!(service.history("AQ/vn_aqi").await, corrected);
    let ledger = service.ledger_of("derived", 2).await;
    assert_eq!((&ledger["received"], &ledger["stored"]), (&json!(3), &json!(3)), "{ledger}");
    assert_eq!((&ledger["duplicate"], &ledger["rejected"]), (&json!(0), &json!(0)), "{ledger}");

    // The same again changes nothing.
    publish(&service, &[pm2_5(h2, 160.0), pm2_5(h0, 160.0)]).await;
    service.ledger_of("edge", 7).await;
    assert_eq!(service.history("AQ/vn_aqi").await, corrected);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_cannot_say_what_is_computed() {
    let service = service().await;
    publish(&service, &[("AQ", json!({ "vn_aqi": 12 })), ("AQ", json!({ "pm2_5": 12 }))]).await;
    let letters = eventually("the dead letter", async || {
        let letters = service.get("/api/v1/dead-letters").await;
        letters["dead_letters"].as_array().filter(|letters| !letters.is_empty()).cloned()
    })
    .await;
    assert_eq!(letters.len(), 1);
    assert!(letters[0].to_string().contains("derived_channel"), "{}", letters[0]);
    let station = service.get("/api/v1/stations/AQ").await;
    let channels = station["properties"]["channels"].as_array().unwrap();
    let derived: Vec<(&str, &Value)> =
        channels.iter().map(|channel| (channel["property"].as_str().unwrap(), &channel["derived_from"])).collect();
    let from = json!(["pm2_5"]);
    assert_eq!(derived, [("pm2_5", &Value::Null), ("vn_aqi", &from), ("vn_aqi_daily", &from)]);
    assert_eq!(station["properties"]["freshness"], "live", "derived channels say nothing of the station");
}

#[tokio::test(flavor = "multi_thread")]
async fn indices_are_listed_and_asked_for_by_area() {
    let service = service().await;
    publish(&service, &[("TR", json!({ "vehicle_speed": 12 }))]).await;
    let list = service.get("/api/v1/indices").await;
    let ids: Vec<&str> =
        list["indices"].as_array().unwrap().iter().map(|index| index["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["vn_aqi", "vn_aqi_daily", "level_of_service"]);
    assert_eq!(list["indices"][2]["confirmed"], false);
    assert_eq!(
        list["indices"][0]["scale"][0],
        json!({ "to": 50.0, "title": { "vi": "Tốt", "en": "Good" }, "colour": "#00e400" })
    );

    let station = service.get("/api/v1/stations/TR").await;
    let own = station["properties"]["area"].as_str().unwrap().to_owned();
    let answer = eventually("the area's level", async || {
        let answer = service.get(&format!("/api/v1/indices/level_of_service?area={own}")).await;
        (answer["value"] == 6.0).then_some(answer)
    })
    .await;
    assert_eq!((&answer["from"], &answer["count"]), (&json!("own"), &json!(1)));
    let other = if own == "03388" { "03433" } else { "03388" };
    let answer = service.get(&format!("/api/v1/indices/level_of_service?area={other}")).await;
    assert_eq!((&answer["from"], &answer["value"]), (&json!("nearest"), &json!(6.0)));
    assert!(answer["stations"][0]["distance_m"].as_f64().unwrap() > 1_000.0, "{answer}");

    for (path, status, code) in [
        ("/api/v1/indices/vn_aqi", 400, "invalid_parameter"),
        ("/api/v1/indices/vn_aqi?station=AQ&area=03388", 400, "invalid_parameter"),
        ("/api/v1/indices/fwi?station=AQ", 404, "not_found"),
        ("/api/v1/indices/vn_aqi?station=TR", 404, "not_found"),
        ("/api/v1/indices/vn_aqi?area=99999", 400, "invalid_parameter"),
    ] {
        let answer = service.ask(path).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(problem["code"], code, "{path}");
    }
}
