//! The edge's section of the configuration: listeners, limits, device accounts.
//!
//! Every key has a default that is safe on an open network: no account means that nobody may do anything.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::access::Access;
use crate::mqtt::topic;

/// The embedded MQTT edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether the edge listens at all; `false` where devices publish to a broker of their own.
    pub enabled: bool,
    /// Address and port of the plain listener; port 0 takes any free one.
    pub listen: SocketAddr,
    /// A second listener with TLS 1.2 and 1.3.
    pub tls: Option<Tls>,
    /// MQTT inside WebSocket, subprotocol `mqtt`, on listeners of its own.
    pub websocket: Option<WebSocket>,
    /// The topics that Saola publishes alerts on: devices may not publish there. Besides
    /// them only stations' commands (`saola/v1/{station}/commands`) can be subscribed to.
    pub alert_topics: String,
    /// How much is taken from whom.
    pub limits: Limits,
    /// Who may connect. Empty: nobody (the demo has its own open door).
    #[serde(rename = "account")]
    pub accounts: Vec<DeviceAccount>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            enabled: true,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 1883)),
            tls: None,
            websocket: None,
            alert_topics: "saola/v1/alerts/#".to_owned(),
            limits: Limits::default(),
            accounts: Vec::new(),
        }
    }
}

/// The TLS listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Address and port; port 0 takes any free one.
    pub listen: SocketAddr,
    /// PEM file with the certificate and its chain, the server's own first.
    pub certificate: PathBuf,
    /// PEM file with the private key (PKCS#8, PKCS#1 or SEC1).
    pub key: PathBuf,
    /// PEM file of the authorities that sign clients' certificates. `None`: clients are not asked for any.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
    /// Whether a client must have one; who has one needs no password.
    #[serde(default)]
    pub client_certificates: ClientCertificates,
}

impl Tls {
    /// A listener that asks clients for no certificates.
    pub fn new(listen: SocketAddr, certificate: PathBuf, key: PathBuf) -> Tls {
        Tls { listen, certificate, key, client_ca: None, client_certificates: ClientCertificates::default() }
    }
}

/// Whether clients must have certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum ClientCertificates {
    /// Who has none signs in with a password.
    #[default]
    Optional,
    /// Who has none, or one that names no account, is refused.
    Required,
}

impl TryFrom<String> for ClientCertificates {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        match word.as_str() {
            "optional" => Ok(ClientCertificates::Optional),
            "required" => Ok(ClientCertificates::Required),
            _ => Err("must be \"optional\" or \"required\""),
        }
    }
}

/// The listeners of MQTT inside WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSocket {
    /// Address and port without TLS; port 0 takes any free one. `None`: none.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// Address and port with TLS, as `tls` says; port 0 takes any free one. `None`: none.
    #[serde(default)]
    pub tls_listen: Option<SocketAddr>,
}

/// What one connection, and all together, may use. What happens at each limit is counted in `edge_refused_total`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections; one more is closed at once. Range: 1 to 1,000,000.
    pub connections: usize,
    /// Largest CONNECT packet in bytes; a larger one closes the connection. Range: 64 to 65,536.
    pub packet_before_login_bytes: usize,
    /// Largest packet after login in bytes (MQTT 5 is told); a larger one closes the connection.
    /// Range: 1,024 to 268,435,455.
    pub packet_bytes: usize,
    /// Memory for packets that have arrived in part, all connections together, in bytes; a connection that needs
    /// more is closed. Range: at least twice `packet_bytes`.
    pub partial_packets_bytes: usize,
    /// Messages in flight per connection, not yet durable (MQTT 5 is told as Receive Maximum and cut off beyond it;
    /// MQTT 3.1.1 is not read until some are acknowledged). Range: 1 to 65,535.
    pub outstanding: u16,
    /// Packets per second and connection, over a second's burst; beyond it the socket is not read for a while.
    /// Range: 1 to 10,000,000.
    pub packets_per_second: u32,
    /// Longest topic in bytes; a message to a longer one is refused. Range: 1 to 65,535.
    pub topic_bytes: usize,
    /// Most levels of a topic; a message to a deeper one is refused. Range: 1 to 256.
    pub topic_levels: usize,
    /// Subscriptions per connection, and filters in one SUBSCRIBE; further ones are refused. Range: 0 to 1,000.
    pub subscriptions: usize,
    /// Retained alerts; a further topic is delivered but not retained. Range: 0 to 1,000,000.
    pub retained: usize,
    /// Alerts waiting per subscriber; when full the oldest is dropped and counted. Range: 1 to 100,000.
    pub alerts_waiting: usize,
    /// Alerts of QoS 1 sent to a subscriber and not yet acknowledged by it; further ones wait. Range: 1 to 1,000.
    pub alerts_in_flight: u16,
    /// Sessions that outlive their connections; who asks for a further one is refused. Range: 0 to 1,000,000.
    pub sessions: usize,
    /// Of these, sessions of one account (or one device), so that nobody takes all; as above. Range: 0 to 1,000,000.
    pub sessions_per_account: usize,
    /// How long such a session is kept at most after its client has left, in seconds (MQTT 5 is told; MQTT 3.1.1
    /// gets it). Range: 0 (none is kept) to 315,360,000.
    pub session_seconds: u32,
    /// Messages of QoS 1 waiting in one session; when full the oldest alert is dropped and counted, and a further
    /// command is refused. Range: 1 to 60,000.
    pub session_messages: usize,
    /// Their bytes, topics included; when full as above. Range: 1,024 to 1,073,741,824.
    pub session_bytes: usize,
    /// Bytes waiting in all sessions together; when full as above. Range: at least `session_bytes`.
    pub sessions_bytes: usize,
    /// Time for a client to send its CONNECT, in seconds; then it is cut off. Range: 1 to 60.
    pub connect_seconds: u64,
    /// Time for a TLS handshake, in seconds; then it is cut off. Range: 1 to 60.
    pub tls_handshake_seconds: u64,
    /// Time that a login may wait for its password to be checked, in seconds; then it is told to come back.
    /// Range: 1 to 60.
    pub login_seconds: u64,
    /// Passwords checked at the same time; each takes a core and 19 MiB. Further ones wait. Range: 1 to 64.
    pub logins_at_once: usize,
    /// Wrong passwords per minute and address; further logins from there are refused unchecked, unless that
    /// password was right before. Range: 1 to 10,000.
    pub wrong_passwords_per_minute: u32,
    /// Time for outstanding acknowledgements to leave at a stop, in seconds. Range: 0 to 60.
    pub stop_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 20_000,
            packet_before_login_bytes: 4 * 1024,
            packet_bytes: 2 * 1024 * 1024,
            partial_packets_bytes: 64 * 1024 * 1024,
            outstanding: 1_000,
            packets_per_second: 10_000,
            topic_bytes: 1_024,
            topic_levels: 32,
            subscriptions: 32,
            retained: 10_000,
            alerts_waiting: 1_000,
            alerts_in_flight: 20,
            sessions: 10_000,
            sessions_per_account: 5_000,
            session_seconds: 604_800,
            session_messages: 1_000,
            session_bytes: 1024 * 1024,
            sessions_bytes: 256 * 1024 * 1024,
            connect_seconds: 5,
            tls_handshake_seconds: 10,
            login_seconds: 10,
            logins_at_once: 2,
            wrong_passwords_per_minute: 30,
            stop_seconds: 3,
        }
    }
}

/// One device account, or one shared by a kind of device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceAccount {
    /// The MQTT user name: 1 to 128 bytes without `+`, `#`, `/`, `$` and control letters.
    pub name: String,
    /// Its password as an argon2id PHC string (`$argon2id$v=19$…`).
    pub password_hash: String,
    /// Filters of the topics it may publish to; `{account}` stands for its name. Empty: none.
    #[serde(default)]
    pub publish: Vec<String>,
    /// Filters that cover what it may subscribe to; `{account}` stands for its name. Empty: none.
    #[serde(default)]
    pub subscribe: Vec<String>,
}

/// A value that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct ConfigMistake {
    /// The key under the edge's section: `limits.outstanding`, `account[2].name`.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl ConfigMistake {
    pub(super) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        ConfigMistake { key: key.into(), message: message.into() }
    }
}

impl Config {
    /// Every mistake that can be seen without opening a file or a port.
    pub fn mistakes(&self) -> Vec<ConfigMistake> {
        let mut found = self.limits.mistakes();
        if !topic::valid_filter(&self.alert_topics) {
            found
                .push(ConfigMistake::new("alert_topics", "is not a topic filter; write one such as saola/v1/alerts/#"));
        }
        if self.websocket.as_ref().is_some_and(|web| web.tls_listen.is_some()) && self.tls.is_none() {
            let message = "needs a section mqtt.edge.tls with a certificate and a key";
            found.push(ConfigMistake::new("websocket.tls_listen", message));
        }
        let asks = |tls: &Tls| tls.client_certificates == ClientCertificates::Required && tls.client_ca.is_none();
        if self.tls.as_ref().is_some_and(asks) {
            found
                .push(ConfigMistake::new("tls.client_certificates", "needs client_ca, the authorities that sign them"));
        }
        if let Err(mistakes) = Access::configured(&self.accounts) {
            found.extend(mistakes);
        }
        found
    }
}

impl Limits {
    fn mistakes(&self) -> Vec<ConfigMistake> {
        let ranges = [
            ("connections", self.connections, 1, 1_000_000),
            ("packet_before_login_bytes", self.packet_before_login_bytes, 64, 65_536),
            ("packet_bytes", self.packet_bytes, 1_024, 268_435_455),
            ("partial_packets_bytes", self.partial_packets_bytes, self.packet_bytes.saturating_mul(2), usize::MAX),
            ("outstanding", usize::from(self.outstanding), 1, 65_535),
            ("packets_per_second", self.packets_per_second as usize, 1, 10_000_000),
            ("topic_bytes", self.topic_bytes, 1, topic::TOPIC_BYTES_MAX),
            ("topic_levels", self.topic_levels, 1, topic::TOPIC_LEVELS_MAX),
            ("subscriptions", self.subscriptions, 0, 1_000),
            ("retained", self.retained, 0, 1_000_000),
            ("alerts_waiting", self.alerts_waiting, 1, 100_000),
            ("alerts_in_flight", usize::from(self.alerts_in_flight), 1, 1_000),
            ("sessions", self.sessions, 0, 1_000_000),
            ("sessions_per_account", self.sessions_per_account, 0, 1_000_000),
            ("session_seconds", self.session_seconds as usize, 0, 315_360_000),
            ("session_messages", self.session_messages, 1, 60_000),
            ("session_bytes", self.session_bytes, 1_024, 1_073_741_824),
            ("sessions_bytes", self.sessions_bytes, self.session_bytes, usize::MAX),
            ("connect_seconds", self.connect_seconds as usize, 1, 60),
            ("tls_handshake_seconds", self.tls_handshake_seconds as usize, 1, 60),
            ("login_seconds", self.login_seconds as usize, 1, 60),
            ("logins_at_once", self.logins_at_once, 1, 64),
            ("wrong_passwords_per_minute", self.wrong_passwords_per_minute as usize, 1, 10_000),
            ("stop_seconds", self.stop_seconds as usize, 0, 60),
        ];
        ranges
            .into_iter()
            .filter(|(_, value, least, most)| value < least || value > most)
            .map(|(key, value, least, most)| {
                ConfigMistake::new(format!("limits.{key}"), format!("{value} is outside {least} to {most}"))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_has_no_mistake_and_survives_toml() {
        let config = Config::default();
        assert_eq!(config.mistakes(), []);
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
        assert_eq!(toml::from_str::<Config>("").unwrap(), config);
    }

    #[test]
    fn unknown_keys_are_errors() {
        assert!(toml::from_str::<Config>("lisen = '127.0.0.1:1'").is_err());
        assert!(toml::from_str::<Config>("[limits]\npacket = 1").is_err());
    }

    #[test]
    fn every_mistake_is_reported_in_one_run() {
        let mut config = Config { alert_topics: "a/#/b".to_owned(), ..Config::default() };
        config.limits.outstanding = 0;
        config.limits.topic_levels = 9_000;
        config.accounts.push(DeviceAccount {
            name: "a/b".to_owned(),
            password_hash: "secret".to_owned(),
            publish: vec!["x#".to_owned()],
            subscribe: Vec::new(),
        });
        let keys: Vec<String> = config.mistakes().into_iter().map(|mistake| mistake.key).collect();
        let expected = [
            "limits.outstanding",
            "limits.topic_levels",
            "alert_topics",
            "account[0].name",
            "account[0].password_hash",
            "account[0].publish[0]",
        ];
        assert_eq!(keys, expected);
    }
}
