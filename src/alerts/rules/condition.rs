//! When a rule holds: what is made of the samples, and what that is compared with.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::levels::{Direction, Levels};
use crate::model::{AreaLevel, Property, Severity, StationId, Unit};

/// Parts of one rule that joins channels of a station.
pub const PARTS_MAX: usize = 8;
/// The longest window.
pub const WINDOW_MAX: Duration = Duration::from_secs(31 * 86_400);
/// Samples that a rule for N of the last M may look back upon.
pub const TIMES_MAX: usize = 1_000;

/// When a rule holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Condition {
    /// A channel is beyond a level.
    Levels {
        /// In the rule's unit (per hour for a rate).
        levels: Levels,
        /// What is compared with them.
        of: Of,
        /// How many of the last samples must be beyond a level; `None`: the last one.
        times: Option<Times>,
        /// Without good data for so long an open alert is unknown; `None`: when the channel is silent.
        unknown_after: Option<Duration>,
    },
    /// Nothing came in time for so long.
    Absence {
        /// How long.
        after: Duration,
        /// How severe that is.
        severity: Severity,
    },
    /// All or any of several channels of one station.
    Joined {
        /// How many of the parts must hold.
        join: Join,
        /// One to [`PARTS_MAX`]; the first one's channel is what the alert is about.
        parts: Vec<Part>,
        /// How severe that is.
        severity: Severity,
        /// Without a judgement for so long an open alert is unknown; `None`: when the first channel is silent.
        unknown_after: Option<Duration>,
    },
    /// So many stations of an area.
    Count {
        /// Whose stations are counted together.
        per: AreaLevel,
        /// Which are counted.
        part: Part,
        /// Numbers of stations, `above` only.
        levels: Levels,
        /// Without any station's data for so long an open alert is unknown; `None`: when the slowest is silent.
        unknown_after: Option<Duration>,
    },
}

/// How parts are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Join {
    /// Every one holds.
    All,
    /// At least one holds.
    Any,
}

/// One channel of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// What is observed.
    pub property: Property,
    /// What is compared.
    pub of: Of,
    /// The unit of the limit; `None`: the channel's own.
    pub unit: Option<Unit>,
    /// When it holds.
    pub limit: Limit,
}

/// One threshold with its clear level, which is not beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Which side is bad.
    pub direction: Direction,
    /// Beyond it the part begins to hold.
    pub threshold: f64,
    /// At or before it the part is over.
    pub clear: f64,
}

/// What is made of a channel's samples before they are judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Of {
    /// The sample itself.
    Sample,
    /// All samples of a window of event time that ends at the sample, its beginning not included.
    Window {
        /// What of them.
        reduce: Reduce,
        /// How long.
        over: Duration,
        /// The share of the window, 0 to 1, that samples must cover, each standing for the interval before it.
        completeness: f64,
    },
    /// The change per hour from the oldest sample of a window, its beginning included, to the newest.
    Rate {
        /// How long.
        over: Duration,
        /// The share of the window, 0 to 1, that must lie between the two.
        completeness: f64,
    },
    /// The sample less the newest one of the same property at another station.
    Difference {
        /// The other station.
        to: StationId,
    },
}

/// What a window makes of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reduce {
    /// Their sum: amounts such as rain.
    Sum,
    /// Their mean, each counting the same.
    Mean,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

/// N of the last M samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// So many must be beyond a level, 1 to `of`.
    pub n: u32,
    /// Of so many, at most [`TIMES_MAX`].
    pub of: u32,
}

/// When an alert that keeps coming back is muted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flapping {
    /// It was raised so often, 2 to [`RAISES_MAX`],
    pub raises: u32,
    /// within so long; without a raise for so long it has settled.
    pub within: Duration,
}

/// Raises that are remembered of one rule and channel.
pub const RAISES_MAX: u32 = 100;

impl Flapping {
    /// Without the rule's own word.
    pub const DEFAULT: Flapping = Flapping { raises: 5, within: Duration::from_secs(3_600) };
}

impl Condition {
    /// What its first or only channel is made of before it is judged.
    pub fn of(&self) -> &Of {
        match self {
            Condition::Levels { of, .. } => of,
            Condition::Absence { .. } => &Of::Sample,
            Condition::Joined { parts, .. } => parts.first().map_or(&Of::Sample, |part| &part.of),
            Condition::Count { part, .. } => &part.of,
        }
    }

    /// How long an open alert bears to go without a judgement, where the rule says so.
    pub(in crate::alerts) fn unknown_after(&self) -> Option<Duration> {
        match self {
            Condition::Levels { unknown_after, .. }
            | Condition::Joined { unknown_after, .. }
            | Condition::Count { unknown_after, .. } => *unknown_after,
            Condition::Absence { .. } => None,
        }
    }
}

impl Of {
    /// How far back it looks.
    pub(in crate::alerts) fn span(&self) -> Option<Duration> {
        match self {
            Of::Window { over, .. } | Of::Rate { over, .. } => Some(*over),
            Of::Sample | Of::Difference { .. } => None,
        }
    }

    /// A number of its kind in another unit; differences and rates have no zero point.
    pub(in crate::alerts) fn converted(&self, value: f64, from: Unit, to: Unit) -> Option<f64> {
        match self {
            Of::Sample | Of::Window { .. } => from.convert(value, to),
            Of::Rate { .. } | Of::Difference { .. } => Some(from.convert(value, to)? - from.convert(0.0, to)?),
        }
    }
}

impl Part {
    /// Its limit in a channel's unit; `None` when it cannot be converted.
    pub(in crate::alerts) fn limit_in(&self, unit: Unit) -> Option<Limit> {
        let from = self.unit.unwrap_or(unit);
        Some(Limit {
            direction: self.limit.direction,
            threshold: self.of.converted(self.limit.threshold, from, unit)?,
            clear: self.of.converted(self.limit.clear, from, unit)?,
        })
    }
}

impl Limit {
    /// Whether a value is beyond the threshold.
    pub(in crate::alerts) fn begins(&self, value: f64) -> bool {
        self.direction.beyond(value, self.threshold)
    }

    /// Whether what held goes on.
    pub(in crate::alerts) fn goes_on(&self, value: f64) -> bool {
        self.direction.beyond(value, self.clear)
    }
}
