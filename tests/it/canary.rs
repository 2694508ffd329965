//! Saola's own message: it goes the whole way in, its age is told, nothing counts it, and what stops it turns the
//! readiness red.

use serde_json::Value;

use crate::service::{Province, Service, Wishes, eventually};

async fn service(config: &str) -> Service {
    let province = Province::Weather { stations: vec!["A-1".to_owned()], rules: String::new() };
    Service::start(&Wishes { province, config: config.to_owned() }).await
}

async fn readiness(service: &Service) -> (bool, Option<Value>) {
    let answer = service.ask("/readyz").await;
    let ok = answer.status().is_success();
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let checks = answer["checks"].as_array().unwrap();
    (ok, checks.iter().find(|check| check["part"] == "canary").cloned())
}

fn came(check: &Value) -> bool {
    check["detail"].as_str().unwrap().starts_with("the last one that came is")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_canary_comes_through_the_edge_and_nothing_counts_it() {
    let service = service("[canary]\nevery = \"1s\"").await;
    eventually("the canary to come", async || {
        let (ok, check) = readiness(&service).await;
        (ok && came(&check?)).then_some(())
    })
    .await;
    let metrics = service.ask("/metrics").await.text().await.unwrap();
    let age: f64 = metrics.lines().find_map(|line| line.strip_prefix("canary_age_seconds ")).unwrap().parse().unwrap();
    assert!((0.0..60.0).contains(&age), "{age}");
    let ledger = service.get("/api/v1/ledger").await;
    assert_eq!((ledger["sources"].as_array().unwrap().len(), ledger["total"]["messages"].as_u64()), (0, Some(0)));
    assert!(service.get("/api/v1/unknown-devices").await["devices"].as_array().unwrap().is_empty());
    assert_eq!(service.get("/api/v1/stations").await["features"].as_array().unwrap().len(), 1);
    assert!(service.get("/api/v1/dead-letters").await["dead_letters"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_turns_red_when_the_canary_does_not_come() {
    // A packet of the login may have 64 bytes: the canary's has more, and no device's either can come in.
    let config = "[canary]\nevery = \"1s\"\nmax_age = \"2s\"\n[mqtt.edge.limits]\npacket_before_login_bytes = 64";
    let service = service(config).await;
    eventually("the readiness to turn red", async || {
        let (ok, check) = readiness(&service).await;
        let check = check?;
        assert!(!came(&check), "{check}");
        (!ok && check["ready"] == false).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_message_on_its_topic_is_an_unknown_stations() {
    use saola_sim::mqtt::{Options, Publisher, Qos};
    let service = service("[canary]\nenabled = false").await;
    assert_eq!(readiness(&service).await.1, None);
    let mut options = Options::new("somebody");
    options.credentials = Some(crate::service::credentials());
    let publisher = Publisher::connect(&service.mqtt.to_string(), options).await.unwrap();
    publisher.publish("saola/v1/_canary", br#"{"pulse":1}"#, Qos::AtLeastOnce).await.unwrap();
    publisher.close(crate::service::DEADLINE).await;
    let ledger = service.ledger_of("edge", 1).await;
    assert_eq!(ledger["reasons"], serde_json::json!({"unknown_station": 1}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_of_a_former_process_is_dropped_and_counted() {
    use saola_sim::mqtt::{Options, Publisher, Qos};
    let service = service("[canary]\nevery = \"1s\"").await;
    let mut options = Options::new("somebody");
    options.credentials = Some(crate::service::credentials());
    let publisher = Publisher::connect(&service.mqtt.to_string(), options).await.unwrap();
    let canary = br#"{"time":"2026-11-21T10:15:00+07:00","pulse":1}"#;
    publisher.publish("saola/v1/_canary", canary, Qos::AtLeastOnce).await.unwrap();
    assert_eq!(publisher.close(crate::service::DEADLINE).await.acknowledged, 1);
    let metrics = service.ask("/metrics").await.text().await.unwrap();
    assert!(metrics.lines().any(|line| line == "canaries_foreign_total 1"), "{metrics}");
    assert!(service.get("/api/v1/unknown-devices").await["devices"].as_array().unwrap().is_empty());
    assert!(service.get("/api/v1/dead-letters").await["dead_letters"].as_array().unwrap().is_empty());
}
