//! Alert rules: what is watched, from when on it is an alert, and when it is over.
//!
//! ```toml
//! [[rule]]
//! name = "pm2-5-high"                # 1 to 40 of a-z, 0-9, '-'; unique over all files; stays with its open alerts
//! title = { vi = "…", en = "…" }     # what people are shown
//! text = { vi = "…", en = "…" }      # optional: what to do, up to 500 characters; goes into notifications
//! source = "Decision …, Art. …"      # optional: the law or the science behind it; shown with the alert
//! cause = "rain"                     # optional: the hazard by which alerts belong together; default: the property
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
//! of = { fn = "sum", over = "3h" }   # optional: what is compared, instead of the sample itself:
//!                                    #   sum, mean, min, max, with `over` and `completeness` (default 0.75; a sum of
//!                                    #   what is never negative may raise before, as more can only add);
//!                                    #   rate, with the same: change per hour; difference, with `to = "STATION"`
//! times = { n = 3, of = 5 }          # optional: so many of the last samples must be beyond a level; not with `of`
//! for = "10m"                        # optional: how long a level must hold first; default 0s
//! clear_for = "10m"                  # optional: how long it must stay beyond the clear level; default 0s
//! absence = "30m"                    # optional: without good data for so long an open alert is `unknown`;
//!                                    # default: as soon as the channel is silent (five intervals and the link's grace)
//! calendar = { months = [11, 12], days = ["mon"], from = "06:00", to = "21:00", zone = "Asia/Ho_Chi_Minh" }
//!                                    # optional, and so is every key (zone: the one shown): outside it nothing is
//!                                    # raised, and what is raised is recovering (see `calendar.rs`)
//! latched = true                     # optional: stays open after its condition ended until a person closes it
//! flapping = { raises = 5, within = "1h" }  # this is the default: raised so often within so long, it is told once more
//!                                    # and then muted until nothing has been raised for so long; `false` never mutes
//! enabled = true                     # optional
//!
//! [[rule]]                           # a rule of its own for channels from which nothing comes in time:
//! name = "weather-no-data"           # it has `absence` as a table, and neither levels, unit nor for
//! title = { vi = "…", en = "…" }
//! property = "air_temperature"
//! kind = "weather"
//! absence = { after = "1h", severity = "low" }
//!
//! [[rule]]                           # several channels of one station: `all` or `any`, and `severity`, instead of
//! name = "fire-weather"              # property, unit, levels, of and times; one to eight parts, each may have `of`;
//!                                    # `all` watches stations that have every channel, `any` those that have one
//! title = { vi = "…", en = "…" }
//! severity = "high"
//! all = [
//!     { property = "air_temperature", above = 35, clear = 33, unit = "Cel" },
//!     { property = "relative_humidity", below = 40 },
//! ]
//!
//! [[rule]]                           # stations of an area: levels are numbers of stations that are beyond `above`
//! name = "rain-in-many-places"       # (or `below`, with `clear`); property, unit and of are theirs
//! title = { vi = "…", en = "…" }
//! property = "rainfall"
//! of = { fn = "sum", over = "1h" }
//! above = 30
//! count = { per = "commune" }        # or "province"
//! levels = [{ severity = "high", above = 2 }]
//! ```
//!
//! `above` and `below` are strict: 50.0 itself is not above 50.0. `clear` (default: the threshold) is where a raised
//! level begins to be over: at or under it for `above`, at or over it for `below`. All parts of the scope (kind, area,
//! stations) must agree. A channel that holds an index (`vn_aqi`, `fwi`, …) is a channel like any other.
//!
//! What a condition makes of samples is told in `signal.rs` beside this folder.
//!
//! Files are checked together and taken or refused whole, with every mistake in one run. A catalogue that changes
//! later refuses nothing: what a rule names and the catalogue no longer has is not watched. Nor does a station that the
//! catalogue does not have yet: it is told, and watched from when it is registered.

pub mod calendar;
mod check;
pub mod condition;
mod levels;
mod read;
mod read_condition;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    AreaId, Catalogue, Channel, LocalName, Mistake, Property, RuleFile, Station, StationId, StationKind, Timestamp,
    Unit,
};
pub use calendar::Calendar;
pub use condition::{Condition, Flapping, Join, Limit, Of, Part, Reduce, Times};
pub use levels::{Direction, Level, Levels};

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
    /// What to do about them.
    pub text: Option<LocalName>,
    /// The law or the science behind it.
    pub source: Option<String>,
    /// The hazard by which its alerts belong together with others.
    pub cause: String,
    /// What it watches; of several channels the first.
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
    /// When it is in force; `None`: always.
    pub calendar: Option<Calendar>,
    /// Its alerts stay open until a person closes them.
    pub latched: bool,
    /// When its alerts are muted; `None`: never.
    pub flapping: Option<Flapping>,
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

/// Reads and checks all files together: every rule, or every mistake. What is allowed but probably not meant, such as
/// a station that nobody registered, goes to `doubts`.
pub fn parse(files: &[RuleFile], catalogue: &Catalogue, doubts: &mut Vec<Mistake>) -> Result<Rules, Vec<Mistake>> {
    read::read(files, catalogue, doubts).map(Rules::of)
}

impl Rules {
    /// Of rules that were checked together; of those of one name the first stays.
    pub fn of(mut list: Vec<Rule>) -> Rules {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list.dedup_by(|b, a| a.name == b.name);
        Rules { list }
    }

    /// Every rule, by name.
    pub fn list(&self) -> &[Rule] {
        &self.list
    }

    /// A rule by its name: its text and source, when an alert is to be explained.
    pub fn named(&self, name: &str) -> Option<&Rule> {
        self.list.get(self.index_of(name)?)
    }

    /// The names of those that compare each sample of a channel by itself.
    pub fn of_samples(&self) -> std::collections::BTreeSet<String> {
        let is_one = |rule: &&Rule| matches!(rule.condition, Condition::Levels { of: Of::Sample, times: None, .. });
        self.list.iter().filter(is_one).map(|rule| rule.name.clone()).collect()
    }

    pub(super) fn index_of(&self, name: &str) -> Option<usize> {
        self.list.binary_search_by(|rule| rule.name.as_str().cmp(name)).ok()
    }
}

impl Rule {
    /// Whether it watches a channel in service (or would, were it not for maintenance). Of a rule for several channels:
    /// whether the channel is its first.
    pub fn covers(&self, catalogue: &Catalogue, station: &Station, channel: &Channel) -> bool {
        self.enabled && !channel.retired && self.property == channel.property && self.scope.takes(catalogue, station)
    }

    /// Whether it watches anything at a station.
    pub(super) fn reaches(&self, catalogue: &Catalogue, station: &Station) -> bool {
        self.enabled && self.scope.takes(catalogue, station)
    }

    /// What it watches: several when it joins channels, and one may come twice.
    pub(super) fn properties(&self) -> impl Iterator<Item = &Property> {
        let parts = match &self.condition {
            Condition::Joined { parts, .. } => parts.as_slice(),
            _ => &[],
        };
        let alone = parts.is_empty().then_some(&self.property);
        alone.into_iter().chain(parts.iter().map(|part| &part.property))
    }

    /// Whether it is in force.
    pub fn is_open_at(&self, at: Timestamp) -> bool {
        self.calendar.as_ref().is_none_or(|calendar| calendar.is_open_at(at))
    }

    /// Its levels in a channel's unit; `None` when it has none or they cannot be converted.
    pub(super) fn levels_in(&self, unit: Unit) -> Option<Levels> {
        match &self.condition {
            Condition::Levels { levels, of, .. } => levels.converted(of, self.unit.unwrap_or(unit), unit),
            Condition::Absence { .. } | Condition::Joined { .. } | Condition::Count { .. } => None,
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

#[cfg(test)]
mod tests;
