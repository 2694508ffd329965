//! How current a channel's value is, judged by that channel's own interval and link.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Channel, Timestamp};

/// From best to worst; a station is as fresh as its worst channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// At most one interval old, plus the link's grace.
    Live,
    /// One sample is missing: at most two intervals old, plus grace.
    Late,
    /// Several are missing: at most five intervals old, plus grace.
    Stale,
    /// Older, or never seen.
    Silent,
    /// The station is under maintenance: whatever it says is not to be acted upon.
    Maintenance,
}

impl Freshness {
    /// The word used in answers.
    pub fn word(self) -> &'static str {
        match self {
            Freshness::Live => "live",
            Freshness::Late => "late",
            Freshness::Stale => "stale",
            Freshness::Silent => "silent",
            Freshness::Maintenance => "maintenance",
        }
    }
}

/// The freshness at `now` of a channel whose newest sample was observed at `observed_at`.
pub fn freshness(channel: &Channel, observed_at: Option<Timestamp>, now: Timestamp) -> Freshness {
    let Some(observed_at) = observed_at else {
        return Freshness::Silent;
    };
    let age = now.since(observed_at);
    let limit = |intervals: u32| -> Duration {
        channel.interval.saturating_mul(intervals).saturating_add(channel.link.grace())
    };
    if age <= limit(1) {
        Freshness::Live
    } else if age <= limit(2) {
        Freshness::Late
    } else if age <= limit(5) {
        Freshness::Stale
    } else {
        Freshness::Silent
    }
}
