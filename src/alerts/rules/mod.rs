//! Alert rules: what is watched, from when on it is an alert, and when it is over.
//!
//! ```toml
//! [[rule]]
//! name = "pm2-5-high"                # 1 to 40 of a-z, 0-9, '-'; unique over all files; stays with its open alerts
//! title = { vi = "…", en = "…" }     # what people are shown
//! property = "pm2_5"
//! kind = "air"                       # optional: one station kind or a list
//! area = "03388"                     # optional: one area or a list; a province takes in its communes
//! stations = ["AQ-TP-01"]            # optional: these stations only
//! except = ["AQ-TEST"]               # optional: these stations not; they need not be in the registry
//! unit = "ug/m3"                     # optional: unit of the thresholds; without it they are in the channel's own
//! levels = [                         # least severe first, all of one direction, at most five
//!     { severity = "medium", above = 50.0, clear = 45.0 },
//!     { severity = "high", above = 80.0, clear = 72.0 },
//! ]
//! for = "10m"                        # optional: how long a level must hold first; default 0s
//! clear_for = "10m"                  # optional: how long it must stay beyond the clear level; default 0s
//! absence = "30m"                    # optional: without good data for so long an open alert is `unknown`;
//!                                    # default: as soon as the channel is silent (five intervals and the link's grace)
//! enabled = true                     # optional
//!
//! [[rule]]                           # a rule of its own for channels from which nothing comes in time:
//! name = "weather-no-data"           # it has `absence` as a table, and neither levels, unit nor for
//! title = { vi = "…", en = "…" }
//! property = "air_temperature"
//! kind = "weather"
//! absence = { after = "1h", severity = "low" }
//! ```
//!
//! `above` and `below` are strict: 50.0 itself is not above 50.0. `clear` (default: the threshold) is where a raised
//! level begins to be over: at or under it for `above`, at or over it for `below`. All parts of the scope (kind, area,
//! stations) must agree.
//!
//! Files are checked together and taken or refused whole, with every mistake in one run. A catalogue that changes
//! later refuses nothing: what a rule names and the catalogue no longer has is not watched. Nor does a station that the
//! catalogue does not have yet: it is told, and watched from when it is registered.
//!
//! Left out on purpose, with their place kept in [`Condition`]: windows, rates, several channels, calendars.

mod read;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    AreaId, Catalogue, Channel, LocalName, Mistake, Property, RuleFile, Severity, Station, StationId, StationKind, Unit,
};

/// Levels in one rule: as many as there are severities.
pub const LEVELS_MAX: usize = 5;
/// Rules in force at once.
pub const RULES_MAX: usize = 10_000;
/// The longest hold, clear or absence time that a rule may ask for.
pub const PATIENCE_MAX: Duration = Duration::from_secs(31 * 86_400);

/// Rules that passed every check, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    list: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Unique; part of its alerts' identifiers.
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// What to call its alerts.
    pub title: LocalName,
    /// What it watches.
    pub property: Property,
    /// Where it watches.
    pub scope: Scope,
    /// The unit of its thresholds; `None`: the channel's own.
    pub unit: Option<Unit>,
    /// When it holds.
    pub condition: Condition,
    /// How long a level must hold before it is raised.
    pub hold: Duration,
    /// How long a raised level must be over before it is taken back.
    pub clear_for: Duration,
    /// Whether it is watched at all.
    pub enabled: bool,
}

/// Where a rule watches: every part that is not empty must agree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    /// Kinds of station.
    pub kinds: Vec<StationKind>,
    /// Areas, and the areas inside them.
    pub areas: Vec<AreaId>,
    /// Stations by name.
    pub stations: Vec<StationId>,
    /// Not these.
    pub except: Vec<StationId>,
}

/// When a rule holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Condition {
    /// A value is beyond a level.
    Levels {
        /// In the rule's unit.
        levels: Levels,
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
}

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

/// Reads and checks all files together: every rule, or every mistake. What is allowed but probably not meant, such as
/// a station that nobody registered, goes to `doubts`.
pub fn parse(files: &[RuleFile], catalogue: &Catalogue, doubts: &mut Vec<Mistake>) -> Result<Rules, Vec<Mistake>> {
    read::read(files, catalogue, doubts).map(|mut list| {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Rules { list }
    })
}

impl Rules {
    /// Every rule, by name.
    pub fn list(&self) -> &[Rule] {
        &self.list
    }

    /// A rule by its name.
    pub fn named(&self, name: &str) -> Option<&Rule> {
        self.list.get(self.index_of(name)?)
    }

    pub(super) fn index_of(&self, name: &str) -> Option<usize> {
        self.list.binary_search_by(|rule| rule.name.as_str().cmp(name)).ok()
    }
}

impl Rule {
    /// Whether it watches a channel in service (or would, were it not for maintenance).
    pub fn covers(&self, catalogue: &Catalogue, station: &Station, channel: &Channel) -> bool {
        self.enabled && !channel.retired && self.property == channel.property && self.scope.takes(catalogue, station)
    }

    /// Its levels in a channel's unit; `None` when it has none or they cannot be converted.
    pub(super) fn levels_in(&self, unit: Unit) -> Option<Levels> {
        match &self.condition {
            Condition::Levels { levels, .. } => levels.converted(self.unit.unwrap_or(unit), unit),
            Condition::Absence { .. } => None,
        }
    }
}

impl Scope {
    fn takes(&self, catalogue: &Catalogue, station: &Station) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&station.kind))
            && (self.stations.is_empty() || self.stations.contains(&station.id))
            && !self.except.contains(&station.id)
            && (self.areas.is_empty() || self.reaches(catalogue, station.area.as_ref()))
    }

    /// Whether an area, or one that contains it, is among those named.
    fn reaches(&self, catalogue: &Catalogue, area: Option<&AreaId>) -> bool {
        area.is_some_and(|area| catalogue.with_parents(area).any(|id| self.areas.contains(id)))
    }
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
    pub(super) fn begins(&self, value: f64) -> bool {
        self.steps.first().is_some_and(|step| self.direction.beyond(value, step.threshold))
    }

    /// How many levels hold for `value` when `raised` of them are raised: a raised level holds until its clear level,
    /// another one from its threshold on.
    pub(super) fn holding(&self, raised: usize, value: f64) -> usize {
        let holds = |(place, step): &(usize, &Level)| {
            let limit = if *place < raised { step.clear } else { step.threshold };
            self.direction.beyond(value, limit)
        };
        self.steps.iter().enumerate().take_while(holds).count()
    }

    fn converted(&self, from: Unit, to: Unit) -> Option<Levels> {
        let convert = |step: &Level| {
            let threshold = from.convert(step.threshold, to)?;
            Some(Level { threshold, clear: from.convert(step.clear, to)?, ..*step })
        };
        Some(Levels { direction: self.direction, steps: self.steps.iter().map(convert).collect::<Option<_>>()? })
    }
}

impl Direction {
    fn beyond(self, value: f64, limit: f64) -> bool {
        match self {
            Direction::Above => value > limit,
            Direction::Below => value < limit,
        }
    }
}

#[cfg(test)]
mod tests;
