//! What a station's sixty days, sent at full speed, do to the others: publish to stream event of 5,000 live messages a
//! second while one connection hands in its backlog.

use std::time::Duration;

use saola_sim::load::Histogram;
use saola_sim::mqtt::{Options, Publisher, Qos};

use crate::servers::{Service, credentials};
use crate::stream;

/// A message every five minutes for sixty days.
const MESSAGES: i64 = 60 * 288;
/// Newest of the first backlog, seconds since 1970; the next ones lie before it.
const NEWEST: i64 = 1_790_000_000;
const STEP_SECONDS: i64 = 300;

/// What was measured beside the backlog.
pub struct Beside {
    /// Publish to stream event of the others, microseconds.
    pub latency: Histogram,
    /// Messages of the backlog that were acknowledged, a second.
    pub per_s: f64,
}

/// Hands in backlogs of sixty days, one behind the other, for as long as the others are measured.
pub async fn beside(service: &Service, lasts: Duration) -> Beside {
    let mut options = Options::new("backlog");
    options.credentials = Some(credentials());
    options.window = 1_000;
    let publisher = Publisher::connect(&service.mqtt, options).await.unwrap();
    let handing_in = async {
        for number in 0.. {
            let at = NEWEST - number * STEP_SECONDS;
            let payload = format!(
                "{{\"time\":{at},\"air_temperature\":20,\"relative_humidity\":{},\"wind_speed\":3,\"air_pressure\":900}}",
                number % 100
            );
            publisher.publish("saola/v1/load-09999", payload.as_bytes(), Qos::AtLeastOnce).await.unwrap();
        }
    };
    let latency = tokio::select! {
        latency = stream::latency(service, lasts, 5_000) => latency,
        () = handing_in => unreachable!("a backlog has no end here"),
    };
    let acknowledged = publisher.totals().borrow().acknowledged;
    assert!(acknowledged > MESSAGES as u64, "{acknowledged} messages are less than sixty days");
    Beside { latency, per_s: acknowledged as f64 / lasts.as_secs_f64() }
}
