//! The journal's settings. Every number carries its unit in its key.

use serde::{Deserialize, Serialize};

use super::{JournalError, segment::HEADER_BYTES};

/// Smallest segment that makes sense: its header and as much again.
pub const SEGMENT_BYTES_MIN: u64 = 2 * HEADER_BYTES;
/// Largest segment; keeps the numbers inside a segment within 32 bits.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// Largest buffer; a group's length fits 32 bits with room to spare.
pub const BUFFER_BYTES_MAX: usize = 1 << 30;

/// Settings of the journal; the directory is given apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Bytes of one segment file, 8 KiB to 1 GiB; a larger group gets a larger file of its own. Default 64 MiB.
    pub segment_bytes: u64,
    /// Bytes of all segments together, at least two segments. When it is reached, nothing more is taken in until the
    /// followers have passed on. Default 8 GiB.
    pub cap_bytes: u64,
    /// Bytes that may wait for the disk, 4 KiB to 1 GiB. When they do, senders wait. Default 8 MiB.
    pub buffer_bytes: usize,
    /// How long a first entry waits for company before a commit when the disk is idle, in milliseconds, at most
    /// 1,000; 0 commits at once. Default 1.
    pub company_wait_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, cap_bytes: 8 << 30, buffer_bytes: 8 << 20, company_wait_ms: 1 }
    }
}

impl Config {
    /// Every value that cannot work, as its key and a sentence.
    pub fn mistakes(&self) -> Vec<(&'static str, String)> {
        let mut mistakes = Vec::new();
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes) {
            mistakes.push((
                "segment_bytes",
                format!("must be from {SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX}, not {}", self.segment_bytes),
            ));
        }
        if self.cap_bytes < self.segment_bytes.saturating_mul(2) {
            mistakes.push(("cap_bytes", format!("must be at least two segments, not {}", self.cap_bytes)));
        }
        if !(4096..=BUFFER_BYTES_MAX).contains(&self.buffer_bytes) {
            mistakes
                .push(("buffer_bytes", format!("must be from 4096 to {BUFFER_BYTES_MAX}, not {}", self.buffer_bytes)));
        }
        if self.company_wait_ms > 1000 {
            mistakes.push(("company_wait_ms", format!("must be at most 1000, not {}", self.company_wait_ms)));
        }
        mistakes
    }

    pub(super) fn check(&self) -> Result<(), JournalError> {
        match self.mistakes().into_iter().next() {
            None => Ok(()),
            Some((key, message)) => Err(JournalError::Config { key, message }),
        }
    }
}
