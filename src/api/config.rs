//! The `[http]` section: where to listen and how much one peer may ask for.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::time::{age, age_text};

/// Settings of the HTTP server. Durations are written `90s`, `15m`, `24h`, `7d`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Connections served at a time, streams included; one more is answered 503.
    pub connections_max: usize,
    /// How long a request's headers may take; also how long an idle connection is kept.
    #[serde(deserialize_with = "duration", serialize_with = "text")]
    pub header_timeout: Duration,
    /// How long a request's body may take.
    #[serde(deserialize_with = "duration", serialize_with = "text")]
    pub body_timeout: Duration,
    /// How long a peer may leave an answer unread (less than 4 KiB taken).
    #[serde(deserialize_with = "duration", serialize_with = "text")]
    pub write_timeout: Duration,
    /// How long open requests get to end at a stop.
    #[serde(deserialize_with = "duration", serialize_with = "text")]
    pub stop_timeout: Duration,
    /// The largest body taken, in bytes.
    pub body_bytes_max: usize,
    /// Open event streams at a time.
    pub streams_max: usize,
    /// Open event streams at a time from one address.
    pub streams_per_address_max: usize,
    /// How long a sign-in on the pages lasts.
    #[serde(deserialize_with = "duration", serialize_with = "text")]
    pub session_lifetime: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            connections_max: 4_096,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            write_timeout: Duration::from_secs(30),
            stop_timeout: Duration::from_secs(3),
            body_bytes_max: 1024 * 1024,
            streams_max: 1_000,
            streams_per_address_max: 256,
            session_lifetime: Duration::from_secs(12 * 3_600),
        }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    age(&text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a duration such as 90s, 15m, 24h or 7d")))
}

fn text<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&age_text(*duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_reads_back() {
        let text = toml::to_string(&Config::default()).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), Config::default());
        assert!(text.contains("session_lifetime = \"12h\""), "{text}");
    }

    #[test]
    fn unknown_keys_and_bad_durations_are_errors() {
        assert!(toml::from_str::<Config>("lisen = \"127.0.0.1:1\"").is_err());
        assert!(toml::from_str::<Config>("header_timeout = \"0s\"").is_err());
        assert!(toml::from_str::<Config>("header_timeout = \"soon\"").is_err());
    }
}
