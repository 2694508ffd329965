//! The section `[store.influx]`: which InfluxDB 2, and how much is asked of it at a time.

use std::path::PathBuf;

use hyper::Uri;
use serde::{Deserialize, Serialize};

/// Where history is written to and read from when `store.kind` is `influx`. Every key may be left out but the
/// organisation and the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `http://host:port` or `https://host:port`, without a path. Default `http://127.0.0.1:8086`.
    pub url: String,
    /// The organisation's name.
    pub org: String,
    /// The bucket's name. Default `saola`.
    pub bucket: String,
    /// File with an access token for the bucket in its first line, readable by its owner alone. Read again after the
    /// token was refused, so that a new one needs no restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// PEM file of the authorities that may have signed the server's certificate; needed for `https`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Points in one request at most; 1 to 50,000. Default 5,000.
    pub batch_points: usize,
    /// Bytes of line protocol in one request at most, before compression; 4 KiB to 32 MiB. Default 1 MiB.
    pub batch_bytes: usize,
    /// Milliseconds that points gather before a request that is not half full; 0 to 60,000. Default 500.
    pub batch_wait_ms: u64,
    /// Seconds until a request is given up, its answer included; 1 to 30. Default 10.
    pub request_timeout_s: u64,
    /// Shortest wait after a failed request, milliseconds; 10 to 60,000. Default 500.
    pub backoff_min_ms: u64,
    /// Longest wait after a failed request unless InfluxDB asks for more, milliseconds; 10 to 3,600,000.
    /// Default 30,000.
    pub backoff_max_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8086".to_owned(),
            org: String::new(),
            bucket: "saola".to_owned(),
            token_file: None,
            ca_file: None,
            batch_points: 5_000,
            batch_bytes: 1 << 20,
            batch_wait_ms: 500,
            request_timeout_s: 10,
            backoff_min_ms: 500,
            backoff_max_ms: 30_000,
        }
    }
}

/// The parts of a usable URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) is_encrypted: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// `host:port` as requests name it.
    pub(super) authority: String,
}

impl Config {
    /// Every value that cannot be used: the key inside `[store]` and what is wrong with it.
    pub(in crate::store) fn mistakes(&self) -> Vec<(&'static str, &'static str)> {
        let place = self.place();
        let lacks_authorities = place.as_ref().is_some_and(|place| place.is_encrypted) && self.ca_file.is_none();
        let checks = [
            (place.is_some(), "influx.url", "must be http://host:port or https://host:port, without a path"),
            (!lacks_authorities, "influx.ca_file", "must name the authorities' PEM file when influx.url is https"),
            (!self.org.trim().is_empty(), "influx.org", "must name the organisation when store.kind is influx"),
            (!self.bucket.trim().is_empty(), "influx.bucket", "must name a bucket"),
            (self.token_file.is_some(), "influx.token_file", "must name the token's file when store.kind is influx"),
            (
                self.backoff_min_ms <= self.backoff_max_ms,
                "influx.backoff_min_ms",
                "must be at most influx.backoff_max_ms",
            ),
        ];
        checks.into_iter().filter(|(right, ..)| !right).map(|(_, key, wrong)| (key, wrong)).collect()
    }

    /// The URL's parts; `None` when it is none of ours.
    pub(super) fn place(&self) -> Option<Place> {
        let uri: Uri = self.url.parse().ok()?;
        let is_encrypted = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = uri.authority()?;
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !authority.as_str().contains('@');
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if !is_bare || host.is_empty() {
            return None;
        }
        let port = authority.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        Some(Place { is_encrypted, host, port, authority: authority.as_str().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Option<(bool, &str, u16)>) {
        let place = Config { url: url.to_owned(), ..Config::default() }.place();
        let found = place.as_ref().map(|place| (place.is_encrypted, place.host.as_str(), place.port));
        assert_eq!(found, expected, "{url}");
    }

    #[test]
    fn a_url_is_a_scheme_a_host_and_a_port() {
        check("http://127.0.0.1:8086", Some((false, "127.0.0.1", 8086)));
        check("https://influx.example/", Some((true, "influx.example", 443)));
        check("http://[::1]:8086", Some((false, "::1", 8086)));
        for wrong in
            ["", "influx", "127.0.0.1:8086", "ftp://a:1", "http://", "http://u:p@a:1", "http://a:1/b", "http://a/?b"]
        {
            check(wrong, None);
        }
    }
}
