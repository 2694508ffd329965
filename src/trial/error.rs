//! Why a trial on history is not made.

use crate::model::Timestamp;
use crate::store::StoreError;

/// Each variant carries what whoever asked needs to ask better.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// There is no time between the ends.
    #[error("{from} to {to} is no stretch of the past")]
    Range {
        /// The beginning.
        from: Timestamp,
        /// The end, now at the latest.
        to: Timestamp,
    },
    /// No rule watches any channel that may be read.
    #[error("no rule of these watches a channel: look at its property, kind, area and stations")]
    NothingWatched,
    /// Too many rules.
    #[error("{rules} rules are too many to be tried at once, {max} can be: give fewer, or name one")]
    TooManyRules {
        /// How many there are.
        rules: usize,
        /// The limit.
        max: usize,
    },
    /// Too much to read.
    #[error("about {samples} samples would be judged for that, and {max} can be at once: {narrow}")]
    TooCostly {
        /// As estimated from intervals, or counted in what is stored.
        samples: u64,
        /// The limit.
        max: u64,
        /// How to ask for less.
        narrow: String,
    },
    /// Channels hold far more samples than their intervals let expect.
    #[error(
        "there are more samples between {from} and {to} than the intervals say, too many to hold: ask for fewer channels"
    )]
    TooDense {
        /// The beginning.
        from: Timestamp,
        /// The end.
        to: Timestamp,
    },
    /// A threshold is wished for where there is none.
    #[error("a threshold can be suggested for one rule with levels: {why}")]
    NoThreshold {
        /// What stands in the way.
        why: String,
    },
    /// Whoever asked has left.
    #[error("it was stopped")]
    Stopped,
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
