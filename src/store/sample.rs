//! A sample as history keeps it.

use crate::model::{Quality, Timestamp};

/// One observation of a channel.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct StoredSample {
    /// Phenomenon time.
    pub observed_at: Timestamp,
    /// In the channel's unit; finite.
    pub value: f64,
    /// Flags.
    pub quality: Quality,
}
