//! The `[intake]` section: how folders are watched, and what may be sent to `POST /api/v1/intake/{source}`.

use serde::{Deserialize, Serialize};

use crate::model::Span;

/// Folders and requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often watched folders are looked at: file shares do not tell what changes. 100ms to 1h.
    pub poll: Span,
    /// How long a file must have been as it is before it is read. 0s to 1h.
    pub settle: Span,
    /// The same, for rows whose last line has no end: it may still be written. 0s to 1d.
    pub settle_open: Span,
    /// Largest body of a request, bytes. 1024 to 262144.
    pub request_bytes_max: usize,
    /// Requests that one source may make, a second, on average. 1 to 100000.
    pub requests_per_second: u32,
    /// Requests that wait for the disk at a time, all sources together. 1 to 100000.
    pub requests_waiting_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            poll: Span::from_seconds(2),
            settle: Span::from_seconds(5),
            settle_open: Span::from_minutes(1),
            request_bytes_max: 256 * 1024,
            requests_per_second: 200,
            requests_waiting_max: 1_000,
        }
    }
}
