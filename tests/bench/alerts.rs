//! From a device's publish to the transition that a subscriber of the alert topics is told, while 5,000 messages a second
//! arrive and every one is on disk before it is judged.
//!
//! About one message in a hundred is beyond the threshold and its device's next one is not, so alerts come and go all the
//! time. An alert's start is the time of its sample, which is the time of its sending.

use std::collections::HashSet;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use saola::clock::Clock;
use saola::model::Timestamp;
use saola_sim::load::Histogram;
use serde_json::Value;

use crate::servers::{Service, credentials};

/// Air temperatures of the load are spread evenly from 20.00 to 29.99.
pub const RULE: &str = "[[rule]]\nname = \"bench\"\ntitle = { vi = \"x\", en = \"x\" }\nproperty = \"air_temperature\"\n\
    levels = [{ severity = \"low\", above = 29.89 }]\nflapping = false\n";
/// Far above one topic's list of open alerts.
const PACKET_BYTES_MAX: usize = 16 << 20;

/// The delays of every alert raised, microseconds.
pub async fn delay(service: &Service, lasts: Duration) -> Histogram {
    let (host, port) = service.mqtt.split_once(':').unwrap();
    let mut options = MqttOptions::new("bench-alerts", host, port.parse().unwrap());
    let credentials = credentials();
    options.set_credentials(credentials.username, credentials.password);
    options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    let (client, mut events) = AsyncClient::new(options, 100);
    client.subscribe("saola/v1/alerts/#", QoS::AtMostOnce).await.unwrap();
    while !matches!(events.poll().await.unwrap(), Event::Incoming(Packet::SubAck(_))) {}

    let load = crate::load(&service.mqtt, lasts, 5_000, crate::CONNECTIONS);
    let mut load = std::pin::pin!(load);
    let mut histogram = Histogram::default();
    let mut seen = HashSet::new();
    loop {
        let event = tokio::select! {
            event = events.poll() => event.unwrap(),
            _ = &mut load => break,
        };
        let now = Clock::System.now();
        let Event::Incoming(Packet::Publish(message)) = event else { continue };
        let told: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
        for alert in told["alerts"].as_array().into_iter().flatten() {
            let id = alert["id"].as_str().unwrap();
            if seen.insert(id.to_owned()) {
                let sent_at = Timestamp::parse(alert["started_at"].as_str().unwrap()).unwrap();
                histogram.note(u64::try_from(now.since(sent_at).as_micros()).unwrap_or(u64::MAX));
            }
        }
    }
    assert!(histogram.count() > 0, "no alert was told");
    histogram
}
