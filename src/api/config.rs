//! The `[http]` section: where to listen and how much one peer may ask for.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::model::Span;

/// Settings of the HTTP server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Connections served at a time, streams included; one more is answered 503.
    pub connections_max: usize,
    /// How long a request's headers may take; also how long an idle connection is kept.
    pub header_timeout: Span,
    /// How long a request's body may take.
    pub body_timeout: Span,
    /// How long a peer may leave an answer unread (less than 4 KiB taken).
    pub write_timeout: Span,
    /// How long open requests get to end at a stop.
    pub stop_timeout: Span,
    /// The largest body taken, in bytes.
    pub body_bytes_max: usize,
    /// Open event streams at a time.
    pub streams_max: usize,
    /// Open event streams at a time from one address.
    pub streams_per_address_max: usize,
    /// How long a sign-in on the pages lasts.
    pub session_lifetime: Span,
    /// What clients call this service, for links in answers: `https://saola.laichau.gov.vn`. Empty: as the request's
    /// `Host` says, with http.
    pub public_url: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            connections_max: 4_096,
            header_timeout: Span::from_seconds(10),
            body_timeout: Span::from_seconds(20),
            write_timeout: Span::from_seconds(30),
            stop_timeout: Span::from_seconds(3),
            body_bytes_max: 1024 * 1024,
            streams_max: 1_000,
            streams_per_address_max: 256,
            session_lifetime: Span::from_hours(12),
            public_url: String::new(),
        }
    }
}

impl Config {
    /// Every mistake as key and sentence.
    pub fn mistakes(&self) -> Vec<(&'static str, String)> {
        wrong_public_url(&self.public_url).map(|why| ("public_url", why)).into_iter().collect()
    }
}

/// Why a text is no address that links can begin with; `None` when it is one, or empty.
fn wrong_public_url(text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_right = |rest: &&str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]/~%".contains(&byte);
        rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[') && rest.bytes().all(is_plain)
    };
    match rest.filter(is_right) {
        Some(_) => None,
        None => Some(format!("{text:?} is not an address such as https://saola.laichau.gov.vn")),
    }
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
        assert!(toml::from_str::<Config>("header_timeout = \"soon\"").is_err());
    }

    #[test]
    fn only_addresses_of_the_web_are_taken() {
        for right in ["", "http://localhost:8080", "https://saola.laichau.gov.vn/", "https://gov.vn/saola"] {
            assert_eq!(wrong_public_url(right), None);
        }
        for wrong in ["saola.vn", "ftp://saola.vn", "https://", "https://a b", "https://a?b", "https:///x", "http://\""]
        {
            assert!(wrong_public_url(wrong).is_some(), "{wrong}");
        }
    }
}
