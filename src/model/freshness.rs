//! How current a channel's value is, judged by that channel's own interval and link.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Channel, Listening, Timestamp};

/// From best to worst; a station is as fresh as its worst channel. How fresh several stations are is
/// [`Freshness::together`].
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
    /// Every one, best first.
    pub const ALL: [Freshness; 5] =
        [Freshness::Live, Freshness::Late, Freshness::Stale, Freshness::Silent, Freshness::Maintenance];

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

    /// Of several stations drawn as one: the worst of those in service; `Maintenance` only when all are under it, as a
    /// station that somebody looks after must not hide that its neighbours are silent.
    #[must_use]
    pub fn together(self, other: Freshness) -> Freshness {
        match (self, other) {
            (Freshness::Maintenance, in_service) | (in_service, Freshness::Maintenance) => in_service,
            (one, other) => one.max(other),
        }
    }
}

/// The freshness at `now` of a channel whose newest sample was observed at `observed_at`, by its interval alone: neither
/// sleep nor death is known here ([`Listening::freshness`] knows them).
pub fn freshness(channel: &Channel, observed_at: Option<Timestamp>, now: Timestamp) -> Freshness {
    let Some(observed_at) = observed_at else {
        return Freshness::Silent;
    };
    let within = |freshness| fresh_until(channel, observed_at, freshness).is_some_and(|until| now <= until);
    [Freshness::Live, Freshness::Late, Freshness::Stale].into_iter().find(|f| within(*f)).unwrap_or(Freshness::Silent)
}

/// The last instant at which a channel whose newest sample was observed at `observed_at` is still at least as fresh
/// as `freshness`; `None` for the two that do not end by the passing of time. [`freshness`] is made from this, so that
/// whoever waits for a change waits for the same instant.
pub fn fresh_until(channel: &Channel, observed_at: Timestamp, freshness: Freshness) -> Option<Timestamp> {
    fresh_for(channel, freshness).map(|lasts| observed_at + lasts)
}

/// How long a channel is at least as fresh as `freshness` after a sample; `None`: for ever.
pub fn fresh_for(channel: &Channel, freshness: Freshness) -> Option<Duration> {
    let intervals = match freshness {
        Freshness::Live => 1,
        Freshness::Late => 2,
        Freshness::Stale => 5,
        Freshness::Silent | Freshness::Maintenance => return None,
    };
    Some(channel.interval.saturating_mul(intervals).saturating_add(channel.link.grace()))
}

impl Listening {
    /// A channel's freshness at `now`: from its last valid sample, asleep not counted; silent from its device's death
    /// until its next sample.
    pub fn freshness(&self, channel: &Channel, now: Timestamp) -> Freshness {
        let valid_at = self.valid_at(channel.id).filter(|_| self.silenced_at(channel.id).is_none());
        self.judge(channel, valid_at, now)
    }

    /// A channel's freshness at a past moment `at`, when its last valid sample until then was of `valid_at`, and until when
    /// that held: by the same rule. `channel` is as it was declared then. Of sleep the schedule of the present is known, and
    /// of death notices one that still holds.
    pub fn freshness_then(
        &self,
        channel: &Channel,
        valid_at: Option<Timestamp>,
        at: Timestamp,
    ) -> (Freshness, Option<Timestamp>) {
        let is_silenced = self.silenced_at(channel.id).is_some_and(|since| since <= at);
        let freshness = self.judge(channel, valid_at.filter(|_| !is_silenced), at);
        let lasts = fresh_for(channel, freshness);
        (freshness, valid_at.zip(lasts).map(|(valid_at, lasts)| self.due_awake(channel, valid_at, lasts)))
    }

    fn judge(&self, channel: &Channel, valid_at: Option<Timestamp>, now: Timestamp) -> Freshness {
        let Some(valid_at) = valid_at else { return Freshness::Silent };
        let within = |freshness: &Freshness| {
            fresh_for(channel, *freshness).is_some_and(|lasts| now <= self.due_awake(channel, valid_at, lasts))
        };
        [Freshness::Live, Freshness::Late, Freshness::Stale].into_iter().find(within).unwrap_or(Freshness::Silent)
    }

    /// The last instant at which a channel that is as fresh as `freshness` now still is, when nothing comes; `None` when
    /// the passing of time changes nothing.
    pub fn fresh_until(&self, channel: &Channel, freshness: Freshness) -> Option<Timestamp> {
        Some(self.due_awake(channel, self.valid_at(channel.id)?, fresh_for(channel, freshness)?))
    }
}

/// Whether a stored time is so far ahead of the time of a receipt that Saola's own clock must have been set back in
/// between: validation lets no device be that far ahead. Such a time must not stand in the way of what comes now.
pub fn clock_was_set_back(stored: Timestamp, received_at: Timestamp) -> bool {
    stored.since(received_at) > CLOCK_SET_BACK
}

/// Longer than any lead that validation allows a device's clock.
const CLOCK_SET_BACK: Duration = Duration::from_secs(15 * 60);
