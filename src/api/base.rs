//! What links in answers begin with: the configured address, or what the request itself calls this service.
//!
//! `X-Forwarded-*` and `Forwarded` are never believed: whoever can send a request could point everybody's links
//! elsewhere. Behind a proxy the configuration says the address (`http.public_url`). A `Host` that is no plain name
//! with a port is left out: links then begin with a slash.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts as Head;

use super::door::House;

/// The longest name that a request may call this service by (RFC 1035 and a port), bytes.
const HOST_BYTES_MAX: usize = 261;

/// Scheme and authority, perhaps with a path; no slash at the end. Empty when nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base(String);

impl Base {
    fn of(configured: &str, host: Option<&str>) -> Self {
        let configured = configured.trim_end_matches('/');
        if !configured.is_empty() {
            return Self(configured.to_owned());
        }
        let is_plain = |host: &&str| {
            let mut bytes = host.bytes();
            !host.is_empty()
                && host.len() <= HOST_BYTES_MAX
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
        };
        Self(host.filter(is_plain).map_or_else(String::new, |host| format!("http://{host}")))
    }

    /// Where no request says what this service is called.
    pub fn configured(public_url: &str) -> Self {
        Self::of(public_url, None)
    }

    /// Whether links are whole addresses.
    pub fn is_known(&self) -> bool {
        !self.0.is_empty()
    }

    /// The address of something below: `path` begins with a slash and is escaped already.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromRequestParts<House> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Head, house: &House) -> Result<Self, Infallible> {
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
        Ok(Self::of(&house.limits().public_url, host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_begin_with_what_is_configured_or_with_the_host() {
        let check = |configured: &str, host: Option<&str>, expected: &str| {
            assert_eq!(Base::of(configured, host).link("/ogc"), expected, "{configured:?} {host:?}");
        };
        check("", Some("127.0.0.1:8080"), "http://127.0.0.1:8080/ogc");
        check("", Some("[::1]:8080"), "http://[::1]:8080/ogc");
        check("https://saola.vn/", Some("evil.example"), "https://saola.vn/ogc");
        check("", Some("evil\"><script>"), "/ogc");
        check("", Some(&"a".repeat(300)), "/ogc");
        check("", None, "/ogc");
    }
}
