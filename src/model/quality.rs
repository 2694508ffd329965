//! How far a sample can be trusted, as flags: a sample without flags is good.

use serde::{Deserialize, Serialize};

/// Flags on a sample. Alerts and default queries use samples that [`Quality::is_good`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quality(pub u16);

impl Quality {
    /// Nothing to say against it.
    pub const GOOD: Quality = Quality(0);
    /// The message had no time; the received time stands in. Says how, not how bad: still good.
    pub const RECEIVED_TIME: Quality = Quality(1 << 0);
    /// The device said that it was calibrating (station file code 01).
    pub const CALIBRATING: Quality = Quality(1 << 1);
    /// The device said that it was at fault (station file code 02).
    pub const FAULT: Quality = Quality(1 << 2);

    /// Both sets of flags.
    #[must_use]
    pub fn with(self, other: Quality) -> Quality {
        Quality(self.0 | other.0)
    }

    /// Whether every flag of `other` is set.
    pub fn has(self, other: Quality) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the value may be used for alerts and averages.
    pub fn is_good(self) -> bool {
        self.0 & !Quality::RECEIVED_TIME.0 == 0
    }

    /// The worst thing to be said, in one word: `good`, `calibrating`, `fault`.
    pub fn word(self) -> &'static str {
        if self.has(Quality::FAULT) {
            "fault"
        } else if self.has(Quality::CALIBRATING) {
            "calibrating"
        } else {
            "good"
        }
    }
}
