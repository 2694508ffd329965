//! The alert engine: one deterministic state machine per rule and channel, in event time.
//!
//! The same entries give the same transitions: live, after a restart, in a rule test and in a backtest, because all of
//! them apply entries to [`Alerts`] and nothing here reads a clock. The rules' language is described in [`rules`], one
//! machine in `machine.rs`, which samples count and whose time it is in `engine.rs`, and what becomes of open alerts
//! when rules or stations change in `adopt.rs`.
//!
//! Invariants:
//! - An alert is open exactly as long as its machine has something raised; its identifier says rule, station, property
//!   and the start of its condition, so a replay makes the same one.
//! - Late data make no transition, silence is `unknown` and neither normal nor cleared, and a station under
//!   maintenance raises nothing.
//! - Bounded: a machine only where something waits or is open, [`MOMENTS_MAX`] moments an alert, closed alerts by
//!   [`Retention`].
//!
//! Left out on purpose: incidents, workflow, notification. They take [`crate::model::Transition`]s.

mod adopt;
mod book;
mod engine;
mod machine;
pub mod rules;
mod settle;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    Alert, AlertId, Catalogue, ChannelId, Listening, Mistake, RuleFile, Severity, Span, StationNo, Timestamp,
};

pub use book::{Filter, MOMENTS_MAX};
pub use engine::TICK_GAP;
pub use rules::{Rule, Rules};

/// The configuration's section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long a closed alert is kept after its end. Default 90 d.
    pub keep_closed: Span,
    /// At most so many closed alerts are kept; the oldest go first, and are counted. Default 100,000.
    pub keep_closed_count: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { keep_closed: Span::from_days(90), keep_closed_count: 100_000 }
    }
}

impl Config {
    /// What the engine needs of it.
    pub fn retention(&self) -> Retention {
        Retention { keep_closed: self.keep_closed.duration(), keep_closed_count: self.keep_closed_count }
    }
}

/// How long closed alerts are kept: part of the state, because it decides what the state holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// After their end, by the time of ticks.
    pub keep_closed: Duration,
    /// At most so many, the oldest dropped first.
    pub keep_closed_count: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Config::default().retention()
    }
}

/// Reads and checks rule files: every rule, or every mistake with file, line and key. Stations that nobody registered
/// are no mistake; they go to `doubts`.
pub fn check_rules(
    files: &[RuleFile],
    catalogue: &Catalogue,
    doubts: &mut Vec<Mistake>,
) -> Result<Rules, Vec<Mistake>> {
    rules::parse(files, catalogue, doubts)
}

/// What the engine judges by, beside samples and time.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    /// What stands where.
    pub catalogue: &'a Catalogue,
    /// Whom Saola could hear when.
    pub listening: &'a Listening,
}

/// One rule, by its place, on one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key {
    rule: u32,
    channel: ChannelId,
}

/// What a channel said last, as far as alerts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ear {
    /// Own time of the last good sample in time.
    good_at: Timestamp,
    /// Receipt of the last sample in time that was not of a faulty device; before the first, when the channel became known.
    spoken_at: Timestamp,
}

/// Before every sample.
const NEVER: Timestamp = Timestamp::from_micros(i64::MIN);

/// Rules in force and every alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alerts {
    rules: Rules,
    /// What was wrong with newer rules that were refused.
    refused: Vec<Mistake>,
    book: book::Book,
    /// By channel.
    ears: Vec<Ear>,
    machines: BTreeMap<Key, machine::Machine>,
    /// When to look whether a channel has fallen silent; never too late, often too early.
    deadlines: BTreeSet<(Timestamp, Key)>,
    /// Since when Saola has been listening without a break.
    listening_since: Timestamp,
    /// The time by which closed alerts age.
    aged_to: Timestamp,
    retention: Retention,
    #[serde(skip)]
    watches: watch::Watches,
}

impl Alerts {
    pub(crate) fn new(retention: Retention) -> Alerts {
        Alerts {
            rules: Rules::default(),
            refused: Vec::new(),
            book: book::Book::default(),
            ears: Vec::new(),
            machines: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            listening_since: Timestamp::EPOCH,
            aged_to: Timestamp::EPOCH,
            retention,
            watches: watch::Watches::resolve(&Rules::default(), &Catalogue::default()),
        }
    }

    /// Alerts that somebody may still have to act upon, by station.
    pub fn open(&self) -> impl Iterator<Item = &Arc<Alert>> {
        self.book.open()
    }

    /// Open alerts of a station.
    pub fn open_of(&self, station: StationNo) -> impl Iterator<Item = &Arc<Alert>> {
        self.book.open_of(station)
    }

    /// The worst severity open at a station.
    pub fn worst_open(&self, station: StationNo) -> Option<Severity> {
        self.open_of(station).map(|alert| alert.severity).max()
    }

    /// One alert.
    pub fn get(&self, id: &AlertId) -> Option<&Arc<Alert>> {
        self.book.get(id)
    }

    /// Alerts that a filter takes, the newest change first.
    pub fn all(&self, filter: &Filter) -> Vec<Arc<Alert>> {
        self.book.all(filter)
    }

    /// How many are open and how many closed ones are kept.
    pub fn count(&self) -> (usize, usize) {
        self.book.count()
    }

    /// Closed alerts that were dropped because of their age or number.
    pub fn forgotten(&self) -> u64 {
        self.book.forgotten()
    }

    /// The rules in force.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What was wrong with the newest rules, when they were refused and older ones are in force.
    pub fn refused(&self) -> &[Mistake] {
        &self.refused
    }

    /// Conditions that hold and wait for their hold time: not alerts yet.
    pub fn pending_count(&self) -> usize {
        self.machines.values().filter(|machine| machine.alert.is_none()).count()
    }

    /// Whether a tick at `now` may bring something about that a sample of the channel would hide: something waits or is
    /// open on it, or somewhere a silence may have lasted long enough.
    pub(crate) fn looks_at(&self, channel: ChannelId, now: Timestamp) -> bool {
        self.deadlines.first().is_some_and(|(due, _)| *due <= now)
            || self.watches.of(channel).any(|place| self.watches.at(place).stirred)
    }

    pub(crate) fn set_retention(&mut self, retention: Retention) {
        self.retention = retention;
    }

    /// Rebuilds what a snapshot leaves out, and checks that its parts fit each other.
    pub(crate) fn link(&mut self, catalogue: &Catalogue) -> Result<(), &'static str> {
        if self.ears.len() != catalogue.channels().len() {
            return Err("the alerts and the catalogue differ in channels");
        }
        self.book.index();
        self.watches = watch::Watches::resolve(&self.rules, catalogue);
        for (key, machine) in &self.machines {
            let Some(watch) = self.watches.find(*key) else {
                return Err("a machine stands where no rule watches");
            };
            let levels_count = match watch.sort {
                watch::Sort::Levels(levels) => self.watches.levels(levels).steps().len(),
                watch::Sort::Absence => 1,
            };
            if !machine.fits(levels_count) {
                return Err("a machine does not fit its rule");
            }
            if machine.alert.as_ref().is_some_and(|id| self.book.get(id).is_none_or(|alert| !alert.state.is_open())) {
                return Err("a machine's alert is not open");
            }
            self.watches.stir(*key, true);
        }
        let (open, _) = self.book.count();
        if open != self.machines.len() - self.pending_count() {
            return Err("an open alert has no machine");
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
