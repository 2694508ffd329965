//! One outside broker.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A `[[mqtt.client]]` section: a broker that Saola reads from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Name of the source, in the ledger and in dead letters. 1 to 64 letters, digits, `-`, `_`.
    pub name: String,
    /// Broker host name or address.
    pub host: String,
    /// Broker port.
    pub port: u16,
    /// Fixed client identifier: with it the broker keeps our session while we are away. Unique at the broker.
    pub client_id: String,
    /// Topic filters, subscribed with QoS 1. Empty: those of the sources that read from this broker, and when there
    /// are none, the native ones.
    pub topics: Vec<String>,
    /// Account at the broker; none when empty.
    pub username: String,
    /// File with the account's password (first line), readable by the owner alone; none when absent.
    pub password_file: Option<PathBuf>,
    /// PEM file of the authorities that may have signed the broker's certificate. TLS is used when it is given.
    pub ca_file: Option<PathBuf>,
    /// Seconds between pings when nothing else is said. 5 to 600.
    pub keep_alive_seconds: u16,
    /// Seconds until an attempt to connect is given up. 1 to 60.
    pub connect_timeout_seconds: u16,
    /// Largest packet taken, bytes. At least the broker's own limit: a larger message stops this source for good,
    /// because the broker sends it again and again.
    pub packet_bytes_max: usize,
    /// Most bytes that wait here while the journal is full, before the connection is dropped.
    pub waiting_bytes_max: usize,
    /// Shortest wait before connecting again, milliseconds.
    pub backoff_min_ms: u32,
    /// Longest wait before connecting again, milliseconds.
    pub backoff_max_ms: u32,
}

/// The filters of the native topics.
const NATIVE: [&str; 2] = ["saola/v1/+", "saola/v1/+/+"];

impl Config {
    /// Whether a message on this topic is asked for.
    pub fn takes(&self, topic: &str) -> bool {
        self.filters().iter().any(|filter| crate::mqtt::topic::matches(filter, topic))
    }

    /// The filters to ask for.
    pub(super) fn filters(&self) -> Vec<String> {
        if self.topics.is_empty() { NATIVE.map(str::to_owned).to_vec() } else { self.topics.clone() }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "broker".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: 1883,
            client_id: "saola".to_owned(),
            topics: Vec::new(),
            username: String::new(),
            password_file: None,
            ca_file: None,
            keep_alive_seconds: 15,
            connect_timeout_seconds: 5,
            packet_bytes_max: 16 * 1024 * 1024,
            waiting_bytes_max: 64 * 1024 * 1024,
            backoff_min_ms: 200,
            backoff_max_ms: 30_000,
        }
    }
}
