//! Saola's own message, sent every few seconds the way that devices send: whether it arrives says whether theirs do.
//!
//! It is published with QoS 1 on [`TOPIC`] in the native form, under a name that no station can have, with a random
//! number that only this process knows. Whoever receives it ([`Key::read`]) journals it as an entry of its own kind, so
//! that it is in no ledger, on no map and in no alert; one of a former process (a broker keeps what comes while nobody
//! is there) or of another Saola on the same broker is dropped and counted. Anything else on that topic is judged like
//! any other message and refused as an unknown station's.
//!
//! Two tasks: one polls the connection, which makes itself anew after an error; one publishes. Bound: at most
//! [`REQUESTS_MAX`] messages wait for the connection; further ones are not made, and the age tells.

use std::time::Duration;

use rumqttc::{AsyncClient, MqttOptions, QoS};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::client;
use crate::clock::Clock;
use crate::model::{Reading, Span, Timestamp};

/// Where it is published. `_` cannot begin a station's name.
pub const TOPIC: &str = "saola/v1/_canary";

const STATION: &str = "_canary";
const PROPERTY: &str = "pulse";
/// Messages that wait for the connection.
const REQUESTS_MAX: usize = 2;
/// How long to wait after a connection was lost.
const PAUSE: Duration = Duration::from_secs(1);
/// A number that a double holds exactly.
const KEY_MAX: u64 = 1 << 53;

/// A message of Saola's own that goes the devices' way every few seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it is sent.
    pub enabled: bool,
    /// How often. 1s to 5m.
    pub every: Span,
    /// The age of the last one that came through from which on the service is not ready. 2s to 1h, more than `every`.
    pub max_age: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self { enabled: true, every: Span::from_seconds(5), max_age: Span::from_seconds(30) }
    }
}

/// The number that only this process knows.
#[derive(Clone, Copy)]
pub struct Key(u64);

impl Key {
    /// A new one.
    pub fn random() -> Key {
        Key(rand::random::<u64>() % KEY_MAX)
    }

    fn payload(self, sent_at: Timestamp) -> String {
        format!("{{\"time\":\"{sent_at}\",\"{PROPERTY}\":{}}}", self.0)
    }

    /// Who sent the canary whose readings these are; `None` when they are no canary's.
    pub fn read(self, readings: &[Reading<'_>]) -> Option<Sender> {
        let [reading] = readings else { return None };
        let sent_at = reading.time.filter(|_| reading.station == STATION && reading.property == PROPERTY)?;
        Some(if reading.value == self.0 as f64 { Sender::Ours { sent_at } } else { Sender::Another })
    }
}

/// Who sent a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// This process.
    Ours {
        /// When.
        sent_at: Timestamp,
    },
    /// A former process, or another Saola.
    Another,
}

/// How it is sent.
pub struct Route {
    options: MqttOptions,
}

impl Route {
    /// To an edge, as one of its accounts.
    pub fn to_edge(address: std::net::SocketAddr, account: &str, password: &str) -> Route {
        let mut options = MqttOptions::new(account, address.ip().to_string(), address.port());
        options.set_credentials(account, password);
        Route { options }
    }

    /// To the broker that a client reads from; the client must be subscribed to [`TOPIC`]. `None` when it is not.
    ///
    /// # Errors
    /// When a certificate or password file cannot be read.
    pub fn to_broker(config: &client::Config) -> Result<Option<Route>, client::ClientError> {
        if !config.takes(TOPIC) {
            return Ok(None);
        }
        let own = client::Config { client_id: format!("{}-canary", config.client_id), ..config.clone() };
        Ok(Some(Route { options: client::publisher_options(&own)? }))
    }
}

/// Sends one every so often until `stop`.
pub fn start(route: Route, every: Duration, key: Key, clock: Clock, stop: CancellationToken) {
    let mut options = route.options;
    options.set_clean_session(true).set_keep_alive(Duration::from_secs(30));
    let (requests, mut events) = AsyncClient::new(options, REQUESTS_MAX);
    events.network_options.set_connection_timeout(5);
    let polling = tokio::spawn(async move {
        loop {
            if let Err(error) = events.poll().await {
                tracing::debug!(%error, "the canary's connection is lost; it tries again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    });
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(every);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                () = stop.cancelled() => break,
            }
            // Refused when those before have not left yet: then the age of the last one that came tells enough.
            let _ = requests.try_publish(TOPIC, QoS::AtLeastOnce, false, key.payload(clock.now()));
        }
        let _ = requests.try_disconnect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        polling.abort();
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Status;

    #[test]
    fn only_a_message_with_the_key_is_ours() {
        let key = Key::random();
        let now = Timestamp::from_seconds(1_795_230_900);
        let check = |station: &'static str, value: f64, time: Option<Timestamp>, expected| {
            let (station, property) = (station.into(), PROPERTY.into());
            let reading = Reading { station, property, time, value, unit: None, status: Status::Measuring };
            assert_eq!(key.read(&[reading]), expected);
        };
        check(STATION, key.0 as f64, Some(now), Some(Sender::Ours { sent_at: now }));
        check(STATION, key.0 as f64 + 1.0, Some(now), Some(Sender::Another));
        check("A", key.0 as f64, Some(now), None);
        check(STATION, key.0 as f64, None, None);
        assert!(key.payload(now).contains(&format!(":{}}}", key.0)));
    }
}
