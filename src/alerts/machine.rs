//! One rule on one channel, while there is something to remember: pure, in event time.
//!
//! Each level is *on* while the value is beyond it and *raised* once it was on for the hold time; it is taken back
//! once it was off for the clear time. Levels nest, so two counts say it all, and at most one of them waits for
//! something: `on > raised` waits to raise, `on < raised` waits to take back.
//!
//! ```text
//!                 value beyond level          held for `for`
//!      normal  ------------------->  pending ---------------> active <------------------+
//!        ^  ^    (on 1, raised 0)       |   (on 1, raised 1)     |   beyond clear again  |
//!        |  +---------------------------+                        | at or before clear    |
//!        |              not beyond                               v                       |
//!        +----------------------------------------------- recovering -------------------+
//!                       stayed for `clear_for`          (on 0, raised 1)
//! ```
//!
//! Unknown lies across: data stopped while something was raised. The next good sample in time ends it.

use serde::{Deserialize, Serialize};

use super::rules::{LEVELS_MAX, Levels, Rule};
use crate::model::{AlertId, AlertState, Channel, Freshness, Severity, Timestamp, freshness};

/// The last thing heard.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Heard {
    pub observed_at: Timestamp,
    pub received_at: Timestamp,
    /// `None` for a machine that judges absence.
    pub value: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Machine {
    /// Levels that hold now.
    on: u8,
    /// Levels that the alert stands for.
    raised: u8,
    /// Per level: since when it has been on or off without a break.
    since: [Timestamp; LEVELS_MAX],
    pub heard: Heard,
    pub unknown: bool,
    /// The open alert; present exactly while something is raised.
    pub alert: Option<AlertId>,
}

impl Machine {
    pub(super) fn new(heard: Heard) -> Machine {
        Machine { on: 0, raised: 0, since: [heard.observed_at; LEVELS_MAX], heard, unknown: false, alert: None }
    }

    /// One level that is on and raised since `since`: an absence.
    pub(super) fn absent(heard: Heard) -> Machine {
        Machine { on: 1, raised: 1, ..Machine::new(heard) }
    }

    pub(super) fn on(&self) -> usize {
        usize::from(self.on)
    }

    pub(super) fn raised(&self) -> usize {
        usize::from(self.raised)
    }

    /// Nothing to remember.
    pub(super) fn is_idle(&self) -> bool {
        self.on == 0 && self.raised == 0
    }

    /// When the condition began to hold.
    pub(super) fn began_at(&self) -> Timestamp {
        self.since[0]
    }

    pub(super) fn state(&self) -> AlertState {
        match (self.raised, self.on) {
            (0, _) => AlertState::Cleared,
            _ if self.unknown => AlertState::Unknown,
            (_, 0) => AlertState::Recovering,
            _ => AlertState::Active,
        }
    }

    /// The channel's event time when it is `now` here: the last sample's own time, and what has passed here since its
    /// receipt. So neither a device's wrong clock nor a delay on the way lengthens or shortens a hold.
    pub(super) fn event_time(&self, now: Timestamp) -> Timestamp {
        self.heard.observed_at + now.since(self.heard.received_at)
    }

    /// When the level that waits will have waited long enough.
    pub(super) fn due(&self, rule: &Rule) -> Option<Timestamp> {
        match self.on.cmp(&self.raised) {
            std::cmp::Ordering::Greater => Some(self.since[self.raised()] + rule.hold),
            std::cmp::Ordering::Less => Some(self.since[self.raised() - 1] + rule.clear_for),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// Raises or takes back every level that is due by `at`.
    pub(super) fn step(&mut self, rule: &Rule, at: Timestamp) {
        let rising = self.on > self.raised;
        while self.on != self.raised && self.due(rule).is_some_and(|due| due <= at) {
            if rising {
                self.raised += 1;
            } else {
                self.raised -= 1;
            }
        }
    }

    /// The next instant until `until` at which the passing of time alone brings something about. None unless the
    /// channel is live all that time, because only then its last value still stands for the present.
    pub(super) fn next_by_time(&self, rule: &Rule, channel: &Channel, until: Timestamp) -> Option<Timestamp> {
        let live = freshness(channel, Some(self.heard.observed_at), until) == Freshness::Live;
        self.due(rule).filter(|due| live && *due <= until)
    }

    /// Whether the wait is broken by a sample of `observed_at`: the channel was silent in between, or the clock was
    /// set back.
    pub(super) fn is_broken_by(&self, channel: &Channel, observed_at: Timestamp) -> bool {
        observed_at < self.heard.observed_at
            || freshness(channel, Some(self.heard.observed_at), observed_at) == Freshness::Silent
    }

    /// What waits begins to wait anew at `at`.
    pub(super) fn wait_anew(&mut self, at: Timestamp) {
        let (least, most) = (self.on().min(self.raised()), self.on().max(self.raised()));
        self.since[least..most].fill(at);
    }

    /// Takes a good value in.
    pub(super) fn take(&mut self, levels: &Levels, heard: Heard, value: f64) {
        self.turn(levels.holding(self.raised(), value), heard.observed_at);
        self.heard = heard;
        self.unknown = false;
    }

    /// Turns levels on or off so that `on` of them are on, since `at`.
    pub(super) fn turn(&mut self, on: usize, at: Timestamp) {
        let on = on.min(LEVELS_MAX);
        let (least, most) = (self.on().min(on), self.on().max(on));
        self.since[least..most].fill(at);
        self.on = u8::try_from(on).unwrap_or(u8::MAX);
    }

    /// Fits the counts to edited levels: those stay raised that stand for `severity` or less (but at least one), and
    /// the last value says how many are on. What was on stays on since when it was.
    pub(super) fn refit(&mut self, levels: &Levels, severity: Option<Severity>, at: Timestamp) {
        let fitting = |severity| levels.steps().iter().take_while(|step| step.severity <= severity).count().max(1);
        let raised = severity.map_or(0, fitting);
        self.raised = u8::try_from(raised).unwrap_or(u8::MAX);
        self.turn(self.heard.value.map_or(0, |value| levels.holding(raised, value)), at);
    }

    /// Whether the counts fit a rule with so many levels: checked after a restore.
    pub(super) fn fits(&self, levels_count: usize) -> bool {
        self.on() <= levels_count && self.raised() <= levels_count && self.alert.is_some() == (self.raised > 0)
    }
}
