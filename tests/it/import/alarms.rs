//! Imported history never alarms and never pretends to be live, whatever its times are.

use std::time::Duration;

use saola::clock::Clock;
use saola::model::Timestamp;
use saola_sim::mqtt::{Options, Publisher, Qos};
use serde_json::Value;

use super::import;
use crate::service::{Province, Service, Wishes, credentials, eventually};

const RULE: &str = "[[rule]]\nname = 'heat'\ntitle = { vi = 'Nóng', en = 'Heat' }\nproperty = 'air_temperature'\n\
    kind = 'weather'\nunit = 'Cel'\nlevels = [{ severity = 'high', above = 35, clear = 30 }]\n";

async fn alerts(service: &Service) -> usize {
    service.get("/api/v1/alerts").await["alerts"].as_array().unwrap().len()
}

async fn channel(service: &Service, station: &str) -> Value {
    service.get(&format!("/api/v1/stations/{station}")).await["properties"]["channels"][0].clone()
}

async fn publish(service: &Service, station: &str, value: f64, at: Timestamp) {
    let mut options = Options::new(format!("alarms-{station}-{value}"));
    options.credentials = Some(credentials());
    let publisher = Publisher::connect(&service.mqtt.to_string(), options).await.unwrap();
    let payload = format!("{{\"time\":\"{at}\",\"air_temperature\":{value}}}");
    publisher.publish(&format!("saola/v1/{station}"), payload.as_bytes(), Qos::AtLeastOnce).await.unwrap();
    assert!(publisher.settled(crate::service::DEADLINE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_critical_value_of_this_minute_raises_nothing_when_it_is_imported() {
    let stations = vec!["imported".to_owned(), "live".to_owned()];
    let province = Province::Weather { stations, rules: RULE.to_owned() };
    let mut service = Service::start(&Wishes { province, config: String::new() }).await;
    assert_eq!(service.terminate(), Some(0));

    let now = Clock::System.now();
    // One of a moment ago, and one from a clock that is ahead of ours within what is allowed.
    let (ago, ahead) = (now - Duration::from_millis(200), now + Duration::from_secs(100));
    let lines: String = ["imported", "live"]
        .iter()
        .flat_map(|station| [ago, ahead].map(|at| (station, at)))
        .map(|(station, at)| {
            format!(
                "{{\"time\":\"{at}\",\"channel\":\"{station}/air_temperature\",\"value\":50,\"quality\":\"good\"}}\n"
            )
        })
        .collect();
    let file = service.data().join("now.ndjson");
    std::fs::write(&file, lines).unwrap();
    let outcome = import(&service.config_path(), &["--format", "native", "--json", file.to_str().unwrap()]);
    assert_eq!(outcome.counts(), [4, 4, 0, 0]);

    service.start_again().await;
    let begun_at = Clock::System.now();
    publish(&service, "live", 51.0, begun_at).await;
    eventually("the live value to be on the map", async || {
        (channel(&service, "live").await["value"] == 51.0).then_some(())
    })
    .await;
    eventually("the live value to raise its alert", async || (alerts(&service).await == 1).then_some(())).await;
    let check = async |service: &Service| {
        let found = service.get("/api/v1/alerts").await;
        let alerts = found["alerts"].as_array().unwrap();
        assert_eq!(alerts.len(), 1, "{found}");
        assert!(alerts[0].to_string().contains("\"live\""), "{found}");
        let imported = channel(service, "imported").await;
        assert_eq!((&imported["value"], &imported["freshness"]), (&Value::Null, &"silent".into()), "{imported}");
        assert_eq!(channel(service, "live").await["value"], 51.0, "the newer imported value does not hide it");
        assert_eq!(service.history("imported/air_temperature").await, [(ago, 50.0), (ahead, 50.0)]);
        assert_eq!(service.history("live/air_temperature").await, [(ago, 50.0), (begun_at, 51.0), (ahead, 50.0)]);
    };
    check(&service).await;

    service.kill();
    service.start_again().await;
    check(&service).await;

    // Without a snapshot, everything is derived anew from the journal.
    assert_eq!(service.terminate(), Some(0));
    for snapshot in std::fs::read_dir(service.data().join("state")).unwrap() {
        std::fs::remove_file(snapshot.unwrap().path()).unwrap();
    }
    service.start_again().await;
    check(&service).await;
}
