//! One rule on one channel (or area), while there is something to remember: pure, in event time.
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
//! Unknown lies across: data stopped while something was raised. The next good sample in time ends it. A latched rule's
//! alert goes from recovering to latched instead of normal; it stays with its machine until a person closes it, and the
//! next raise is its next occurrence.
//!
//! A machine stays on for a while after its alert is over: it remembers the latest raises, by which flapping is known
//! (`flapping.rs`).

use serde::{Deserialize, Serialize};

use super::flapping::Raises;
use super::rules::{LEVELS_MAX, Levels, Rule};
use super::signal::{Standing, Verdict};
use crate::model::{AlertId, AlertState, Cause, Channel, Freshness, Severity, Timestamp, freshness};

/// The last thing heard.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Heard {
    pub observed_at: Timestamp,
    pub received_at: Timestamp,
    /// `None` for a machine that judges absence, and where the value was flagged afterwards.
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
    /// The open alert; present while something is raised, and longer for one that is latched or flapping.
    pub alert: Option<AlertId>,
    /// Of several parts: those that hold, or have since the alert was raised.
    armed: u8,
    /// The alert is open, and its condition was over: the next raise is another occurrence.
    pub over: bool,
    pub raises: Raises,
    /// Levels that were raised when it was settled last; the same as now wherever it could be saved.
    #[serde(skip)]
    settled: u8,
}

impl Machine {
    pub(super) fn new(heard: Heard) -> Machine {
        Machine {
            on: 0,
            raised: 0,
            since: [heard.observed_at; LEVELS_MAX],
            heard,
            unknown: false,
            alert: None,
            armed: 0,
            over: false,
            raises: Raises::default(),
            settled: 0,
        }
    }

    /// As a snapshot that knew less of it has it: levels on, levels raised, and since when each is.
    pub(super) fn recalled((on, raised, since): (u8, u8, [Timestamp; LEVELS_MAX]), heard: Heard) -> Machine {
        Machine { on, raised, since, ..Machine::new(heard) }
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

    /// As it is after it was settled: only such are saved.
    pub(super) fn note_settled(&mut self) {
        self.settled = self.raised;
    }

    /// Whether more is raised than when this was asked last.
    pub(super) fn rises(&mut self) -> bool {
        std::mem::replace(&mut self.settled, self.raised) < self.raised
    }

    /// Nothing to remember.
    pub(super) fn is_idle(&self) -> bool {
        self.on == 0 && self.raised == 0 && self.alert.is_none() && self.raises.is_empty()
    }

    /// What a verdict needs to know.
    pub(super) fn standing(&self) -> Standing {
        Standing { on: self.on(), raised: self.raised(), armed: self.armed }
    }

    /// When the condition began to hold.
    pub(super) fn began_at(&self) -> Timestamp {
        self.since[0]
    }

    /// The state that people see. A flapping alert is active throughout.
    pub(super) fn state(&self, rule: &Rule) -> AlertState {
        match (self.raised, self.on) {
            (1.., _) if self.unknown => AlertState::Unknown,
            _ if self.raises.flapping => AlertState::Active,
            (0, _) if rule.latched => AlertState::Latched,
            (0, _) => AlertState::Cleared,
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

    /// The next instant until `until` at which anything comes about without a sample, and what: the calendar closes, a
    /// level has waited long enough, the flapping has settled.
    pub(super) fn next(&self, rule: &Rule, channel: &Channel, until: Timestamp) -> Option<(Timestamp, Cause)> {
        // Of a channel that is silent nothing is known that could end: a clock that jumps ahead ends nothing either.
        let is_heard = freshness(channel, Some(self.heard.observed_at), until) != Freshness::Silent;
        let calendar = rule.calendar.as_ref().filter(|_| self.on > 0 && is_heard);
        let closes_at = calendar.and_then(|calendar| calendar.closes_within(self.heard.observed_at, until));
        let due_at = self.next_by_time(rule, channel, until);
        let settles_at = self.raises.settles_at(rule.flapping).filter(|at| *at <= until);
        let next = [(closes_at, Cause::Calendar), (due_at, Cause::Value), (settles_at, Cause::Settled)];
        next.into_iter().filter_map(|(at, cause)| Some((at?, cause))).min_by_key(|(at, _)| *at)
    }

    /// Lets what [`Machine::next`] told come about.
    pub(super) fn come_about(&mut self, rule: &Rule, at: Timestamp, cause: Cause) {
        match cause {
            Cause::Calendar => self.turn(0, at),
            Cause::Settled => self.raises.flapping = false,
            _ => self.step(rule, at),
        }
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

    /// Takes a verdict in.
    pub(super) fn take(&mut self, verdict: Verdict, heard: Heard) {
        self.turn(verdict.on, heard.observed_at);
        self.armed = verdict.armed;
        self.heard = heard;
        self.unknown = false;
    }

    /// Takes in what corrected data say of the last judgement; `None`: nothing. What waits goes on only when they say so
    /// too, and nothing begins to wait.
    pub(super) fn correct(&mut self, verdict: Option<Verdict>) {
        let said = verdict.map_or(self.raised(), |verdict| verdict.on);
        let (on, raised) = (self.on(), self.raised());
        self.turn(said.clamp(on.min(raised), on.max(raised)), self.heard.observed_at);
        if let Some(verdict) = verdict {
            self.armed = verdict.armed;
            self.heard.value = verdict.value;
        }
    }

    /// Nothing holds and nothing is raised any more, by a person's word.
    pub(super) fn close(&mut self) {
        *self = Machine { raises: std::mem::take(&mut self.raises), ..Machine::new(self.heard) };
        self.raises.flapping = false;
    }

    /// Turns levels on or off so that `on` of them are on, since `at`.
    pub(super) fn turn(&mut self, on: usize, at: Timestamp) {
        let on = on.min(LEVELS_MAX);
        let (least, most) = (self.on().min(on), self.on().max(on));
        self.since[least..most].fill(at);
        self.on = u8::try_from(on).unwrap_or(u8::MAX);
    }

    /// Fits what is raised to edited levels: those stay raised that stand for `severity` or less, but at least one.
    pub(super) fn refit(&mut self, levels: &Levels, severity: Severity) {
        if self.raised > 0 {
            let fitting = levels.steps().iter().take_while(|step| step.severity <= severity).count().max(1);
            self.raised = u8::try_from(fitting).unwrap_or(u8::MAX);
        }
    }

    /// Takes the verdict of an edited rule in, since `at`; without one no more levels are on than there are. What was on
    /// stays on since when it was.
    pub(super) fn rejudge(&mut self, verdict: Option<Verdict>, levels_count: usize, at: Timestamp) {
        self.turn(verdict.map_or(self.on().min(levels_count), |verdict| verdict.on), at);
        if let Some(verdict) = verdict {
            self.armed = verdict.armed;
            self.heard.value = verdict.value;
        }
    }

    /// Whether the counts fit a rule with so many levels: checked after a restore.
    pub(super) fn fits(&self, levels_count: usize) -> bool {
        let told = self.alert.is_some() || self.raised == 0;
        self.on() <= levels_count && self.raised() <= levels_count && told
    }
}
