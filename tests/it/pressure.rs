//! A journal much smaller than what comes in: it must be emptied by whoever follows it, not by the clock.
//!
//! Snapshots and flushes are due after a minute and a quarter of an hour. Were they not made early when the journal
//! is at its cap, this would take ten minutes and end at the deadline.

use std::time::Duration;

use saola_sim::mqtt::{Options, Publisher, Qos};

use crate::service::{DEADLINE, Province, Service, Wishes, credentials, eventually};

/// Shorter than the minute after which the followers rest by themselves.
const STALL_MAX: Duration = Duration::from_secs(30);
const MESSAGES: u64 = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_at_its_cap_is_emptied_without_waiting_for_the_clock() {
    let config = "[journal]\nsegment_bytes = 16384\ncap_bytes = 131072\n".to_owned();
    let province = Province::Weather { stations: vec!["pressed".to_owned()], rules: String::new() };
    let service = Service::start(&Wishes { province, config }).await;
    let mut options = Options::new("pressed-fleet");
    (options.credentials, options.window) = (Some(credentials()), 500);
    let publisher = Publisher::connect(&service.mqtt.to_string(), options).await.unwrap();
    let first = saola::clock::Clock::System.now();
    for number in 0..MESSAGES {
        let at = first + Duration::from_millis(number);
        let payload = format!("{{\"time\":\"{at}\",\"air_temperature\":{}}}", number % 50);
        let sent = publisher.publish("saola/v1/pressed", payload.as_bytes(), Qos::AtLeastOnce);
        tokio::time::timeout(STALL_MAX, sent).await.expect("the intake goes on").unwrap();
    }
    assert!(publisher.settled(DEADLINE).await, "everything sent is acknowledged");
    let ledger = eventually("everything to be stored", async || {
        let ledger = service.ledger().await;
        (ledger[1] >= MESSAGES).then_some(ledger)
    })
    .await;
    assert_eq!(ledger, [MESSAGES, MESSAGES, 0, 0]);
    let files = std::fs::read_dir(service.data().join("journal")).unwrap();
    let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes < MESSAGES * 30, "{bytes} bytes of journal: it was never at its cap");
}
