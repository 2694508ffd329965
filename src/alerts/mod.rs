//! The alert engine: one deterministic state machine per rule and channel (or area), in event time.
//!
//! The same entries give the same transitions: live, after a restart, in a rule test and in a backtest, because all of
//! them apply entries to [`Alerts`] and nothing here reads a clock. The rules' language is described in [`rules`], one
//! machine in `machine.rs`, what conditions make of samples in `signal.rs` and `window.rs`, which samples count and
//! whose time it is in `engine.rs`, and what becomes of open alerts when rules or stations change in `adopt.rs`.
//! What corrected samples change is told in `correct.rs`, and how alerts stood at a past moment in `past.rs`.
//! `flapping.rs` mutes what keeps coming back, `retrospect.rs` writes down what late data would have raised.
//!
//! Invariants:
//! - An alert is open as long as its machine has something raised, and longer while it is latched or flapping; its
//!   identifier says rule, station (or area), property and the start of its condition, so a replay makes the same one.
//! - Late data make no transition, silence is `unknown` and neither normal nor cleared, and a station under
//!   maintenance raises nothing.
//! - Bounded: a machine only where something waits, is open or was of late, [`MOMENTS_MAX`] moments an alert, closed
//!   alerts by [`Retention`]; samples of windows by [`window::SAMPLES_MAX`] a channel, records of late data by
//!   [`RECORDS_MAX`].
//!
//! What people say about alerts, and escalation, are in [`workflow`], which follows the engine.
//!
//! Left out on purpose: incidents and notification. They take [`crate::model::Transition`]s.

mod adopt;
mod book;
mod correct;
mod engine;
mod flapping;
mod former;
mod machine;
mod past;
mod retrospect;
pub mod rules;
mod settle;
mod signal;
mod tally;
mod watch;
mod window;
pub mod workflow;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    Alert, AlertId, Catalogue, ChannelId, Closing, Listening, LocalName, Mistake, RuleFile, Severity, Span, StationNo,
    Timestamp, Transition,
};

pub use book::{Filter, MOMENTS_MAX};
pub use former::Former;
pub use retrospect::RECORDS_MAX;
pub use rules::{Rule, Rules};
pub use workflow::Workflow;

/// The configuration's section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long a closed alert is kept after its end. Default 90 d.
    pub keep_closed: Span,
    /// At most so many closed alerts are kept; the oldest go first, and are counted. Default 100,000.
    pub keep_closed_count: usize,
    /// The longest time for which an alert may be shelved. Default 7 d.
    pub shelve_max: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self { keep_closed: Span::from_days(90), keep_closed_count: 100_000, shelve_max: Span::from_days(7) }
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

/// One rule, by its place, on one channel or area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key {
    rule: u32,
    spot: Spot,
}

/// What a machine watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Spot {
    /// A channel; of several, the first part's.
    Channel(ChannelId),
    /// An area, by its place in the catalogue.
    Area(u32),
}

/// Why an alert was not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseError {
    /// There is none of that identifier.
    #[error("there is no such alert")]
    Unknown,
    /// It is over already.
    #[error("the alert is closed already")]
    Closed,
    /// Its condition holds: it would be raised again at once.
    #[error("the alert's condition still holds")]
    Holds,
}

/// What a channel said last, as far as alerts go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Ear {
    /// Own time of the last good sample in time.
    good_at: Timestamp,
    /// Receipt of the last sample in time that was not of a faulty device; before the first, when the channel became known.
    spoken_at: Timestamp,
    /// What that good sample said; `None` before the first, and when it was withdrawn by a correction.
    value: Option<f64>,
    /// Receipt of the last good sample in time and in order; before the first, as `spoken_at`. A snapshot has it behind
    /// everything else, so that one made before it was there can be read.
    #[serde(skip, default = "never")]
    heard_at: Timestamp,
}

/// Before every sample.
const NEVER: Timestamp = Timestamp::from_micros(i64::MIN);

fn never() -> Timestamp {
    NEVER
}

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
    /// The latest samples of channels on which a rule looks back.
    rings: BTreeMap<ChannelId, window::Ring>,
    /// By area: the stations that are counted.
    tallies: BTreeMap<Key, tally::Tally>,
    late: retrospect::Retrospect,
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
            rings: BTreeMap::new(),
            tallies: BTreeMap::new(),
            late: retrospect::Retrospect::default(),
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

    /// One alert, or one record of late data.
    pub fn get(&self, id: &AlertId) -> Option<&Arc<Alert>> {
        self.book.get(id).or_else(|| self.late.get(id))
    }

    /// What late data would have raised, of what a filter takes, the newest end first.
    pub fn retrospective(&self, filter: &Filter) -> Vec<Arc<Alert>> {
        self.late.all(filter)
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

    /// What the rule of an alert says is to be done; none when the rule is gone.
    pub fn advice_of(&self, alert: &Alert) -> Option<LocalName> {
        self.rules.named(&alert.rule)?.text.clone()
    }

    /// What was wrong with the newest rules, when they were refused and older ones are in force.
    pub fn refused(&self) -> &[Mistake] {
        &self.refused
    }

    /// Closes an open alert by a person's word, unless its condition holds now: one that is latched, recovering, or
    /// unknown. What begins after it is another alert. `at` is the time of the person's command.
    pub fn close(&mut self, id: &AlertId, at: Timestamp, closing: Closing) -> Result<Transition, CloseError> {
        let alert = self.book.get(id).ok_or(CloseError::Unknown)?;
        if !alert.state.is_open() {
            return Err(CloseError::Closed);
        }
        let key = self.machine_of(alert).ok_or(CloseError::Unknown)?;
        let machine = self.machines.get_mut(&key).ok_or(CloseError::Unknown)?;
        if machine.on() > 0 && !machine.unknown {
            return Err(CloseError::Holds);
        }
        let at = machine.event_time(at);
        // The next tick takes the machine away.
        machine.close();
        settle::close(&mut self.book, id, at, closing).ok_or(CloseError::Closed)
    }

    /// Where the machine of an open alert stands: by its channel, which is not the machine's when a station got a
    /// channel that comes first, and else among those of its rule.
    fn machine_of(&self, alert: &Alert) -> Option<Key> {
        let rule = u32::try_from(self.rules.index_of(&alert.rule)?).ok()?;
        let is_it = |key: &Key| self.machines.get(key).is_some_and(|it| it.alert.as_ref() == Some(&alert.id));
        let own = alert.subject.channel().map(|channel| Key { rule, spot: Spot::Channel(channel) });
        let of_areas = Key { rule, spot: Spot::Area(0) }..=Key { rule, spot: Spot::Area(u32::MAX) };
        match own {
            Some(own) => [own, self.watches.lead(own)].into_iter().find(is_it),
            None => self.machines.range(of_areas).map(|(key, _)| *key).find(is_it),
        }
    }

    /// Says whether anybody is to be told of an alert.
    pub(crate) fn set_quiet(&mut self, id: &AlertId, quiet: bool) {
        self.book.set_quiet(id, quiet);
    }

    /// The same without what late data left.
    #[cfg(test)]
    pub(crate) fn without_late(&self) -> Alerts {
        Alerts { late: retrospect::Retrospect::default(), ..self.clone() }
    }

    /// Whether a tick at `now` may bring something about that a sample of the channel would hide: something waits or is
    /// open on it, or somewhere a silence may have lasted long enough.
    pub(crate) fn looks_at(&self, channel: ChannelId, now: Timestamp) -> bool {
        let waits = |watch: watch::Watch| match watch.sort {
            // What waits may stand with another channel, or with the area.
            watch::Sort::Part(_) | watch::Sort::Member(_) => !self.machines.is_empty(),
            _ => watch.stirred,
        };
        self.deadlines.first().is_some_and(|(due, _)| *due <= now)
            || self.watches.of(channel).any(|place| waits(self.watches.at(place)))
    }

    /// Receipts of good samples by channel, for a snapshot.
    pub(crate) fn receipts(&self) -> Vec<Timestamp> {
        self.ears.iter().map(|ear| ear.heard_at).collect()
    }

    /// Takes them back from a snapshot; one that has none knows only when a channel spoke at all.
    pub(crate) fn set_receipts(&mut self, receipts: Option<&[Timestamp]>) -> Result<(), &'static str> {
        if receipts.is_some_and(|receipts| receipts.len() != self.ears.len()) {
            return Err("the alerts differ in channels from the receipts of their samples");
        }
        for (place, ear) in self.ears.iter_mut().enumerate() {
            ear.heard_at = receipts.and_then(|receipts| receipts.get(place)).copied().unwrap_or(ear.spoken_at);
        }
        Ok(())
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
        self.machines.values_mut().for_each(machine::Machine::note_settled);
        let keys = self.machines.keys().copied().collect::<Vec<_>>();
        for key in keys {
            let (Some(machine), Some(place)) =
                (self.machines.get(&key), settle::Place::find(&self.rules, &self.watches, catalogue, key))
            else {
                return Err("a machine stands where no rule watches");
            };
            if !machine.fits(place.levels_count()) {
                return Err("a machine does not fit its rule");
            }
            if machine.alert.as_ref().is_some_and(|id| self.book.get(id).is_none_or(|alert| !alert.state.is_open())) {
                return Err("a machine's alert is not open");
            }
            self.watches.stir(key, true);
        }
        if self.tallies.values().any(|tally| !tally.fits(self.ears.len())) {
            return Err("a count does not fit the catalogue");
        }
        if !self.late.link() {
            return Err("a run of late samples has more levels than a rule can");
        }
        let (open, _) = self.book.count();
        if open != self.machines.values().filter(|machine| machine.alert.is_some()).count() {
            return Err("an open alert has no machine");
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
