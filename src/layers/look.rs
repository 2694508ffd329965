//! What is drawn of one channel: its newest sample as of the picture's moment, and how fresh that was.

use crate::live::Latest;
use crate::model::{Freshness, Quality, Timestamp};

/// A channel's newest sample as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Newest {
    /// In the channel's unit; finite.
    pub value: f64,
    /// Phenomenon time.
    pub observed_at: Timestamp,
    /// When Saola received it; `None`: not known any more.
    pub received_at: Option<Timestamp>,
    /// Flags.
    pub quality: Quality,
}

impl From<Latest> for Newest {
    fn from(latest: Latest) -> Newest {
        let Latest { value, observed_at, received_at, quality, .. } = latest;
        Newest { value, observed_at, received_at: Some(received_at), quality }
    }
}

/// A channel as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Its newest sample; `None` when nothing was ever observed.
    pub latest: Option<Newest>,
    /// How fresh that is.
    pub freshness: Freshness,
    /// The last instant at which it is as fresh as that when nothing comes; `None` when time changes nothing.
    pub fresh_until: Option<Timestamp>,
}

impl Look {
    /// Its newest sample, if that is good and of now.
    pub fn current(&self) -> Option<Newest> {
        let is_of_now = matches!(self.freshness, Freshness::Live | Freshness::Late);
        self.latest.filter(|latest| is_of_now && latest.quality.is_good())
    }
}
