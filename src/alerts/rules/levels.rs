//! Nested thresholds of one direction.

use serde::{Deserialize, Serialize};

use super::LEVELS_MAX;
use super::condition::Of;
use crate::model::{Severity, Unit};

/// Thresholds of one direction, least severe first. Invariants: 1 to [`LEVELS_MAX`]; severities rise; thresholds and
/// clear levels go further and further in the direction (clear levels may be equal); a clear level is not beyond its
/// threshold. So levels nest: who is beyond one is beyond all before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    direction: Direction,
    steps: Vec<Level>,
}

/// Which side is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// More is worse: `above`.
    Above,
    /// Less is worse: `below`.
    Below,
}

/// One severity's threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// How severe it is to be beyond the threshold.
    pub severity: Severity,
    /// Beyond it the level holds.
    pub threshold: f64,
    /// At or before it a raised level is over.
    pub clear: f64,
}

impl Levels {
    /// Checks the order of the levels; what is wrong with which of them otherwise.
    pub fn new(direction: Direction, steps: Vec<Level>) -> Result<Levels, (usize, &'static str)> {
        if steps.is_empty() || steps.len() > LEVELS_MAX {
            return Err((0, "there must be one to five levels"));
        }
        for (place, step) in steps.iter().enumerate() {
            if !step.threshold.is_finite() || !step.clear.is_finite() {
                return Err((place, "thresholds must be finite numbers"));
            }
            if direction.beyond(step.clear, step.threshold) {
                return Err((place, "the clear level lies beyond its threshold: nothing would ever be raised"));
            }
            let Some(before) = place.checked_sub(1).and_then(|before| steps.get(before)) else { continue };
            if step.severity <= before.severity {
                return Err((place, "levels must be written with the least severe first, each severity once"));
            }
            if !direction.beyond(step.threshold, before.threshold) {
                return Err((place, "the threshold must lie beyond that of the less severe level before it"));
            }
            if direction.beyond(before.clear, step.clear) {
                return Err((place, "the clear level must not come before that of the less severe level"));
            }
        }
        Ok(Levels { direction, steps })
    }

    /// Least severe first.
    pub fn steps(&self) -> &[Level] {
        &self.steps
    }

    /// Which side is bad.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Whether a value is beyond the first threshold: below that nothing can begin.
    pub(in crate::alerts) fn begins(&self, value: f64) -> bool {
        self.steps.first().is_some_and(|step| self.direction.beyond(value, step.threshold))
    }

    /// How many levels hold for `value` when `raised` of them are raised: a raised level holds until its clear level,
    /// another one from its threshold on.
    pub(in crate::alerts) fn holding(&self, raised: usize, value: f64) -> usize {
        self.holding_by(raised, |limit| self.direction.beyond(value, limit))
    }

    /// The same, with another say in whether a limit is passed.
    pub(in crate::alerts) fn holding_by(&self, raised: usize, is_passed: impl Fn(f64) -> bool) -> usize {
        let holds =
            |(place, step): &(usize, &Level)| is_passed(if *place < raised { step.clear } else { step.threshold });
        self.steps.iter().enumerate().take_while(holds).count()
    }

    /// In another unit, as numbers of the kind that `of` makes; `None` when they cannot be converted.
    pub(super) fn converted(&self, of: &Of, from: Unit, to: Unit) -> Option<Levels> {
        let convert = |step: &Level| {
            let threshold = of.converted(step.threshold, from, to)?;
            Some(Level { threshold, clear: of.converted(step.clear, from, to)?, ..*step })
        };
        Some(Levels { direction: self.direction, steps: self.steps.iter().map(convert).collect::<Option<_>>()? })
    }
}

impl Direction {
    /// Whether a value lies further on that side.
    pub fn beyond(self, value: f64, limit: f64) -> bool {
        match self {
            Direction::Above => value > limit,
            Direction::Below => value < limit,
        }
    }
}
