//! The engine on trial: the derived state as it is live, under made entries and a clock of their own.
//!
//! Time passes by ticks on a grid. A tick also comes where one at every instant could bring something about that the
//! grid would miss: right before a sample of a channel that something waits for, and when such a channel stops being
//! live. So what happens does not depend on how fine the grid is, and equals what a tick each second brings about for
//! samples on whole seconds.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::alerts::{Retention, Rules};
use crate::model::{
    Body, Catalogue, ChannelId, Entry, Freshness, Message, Policy, Sample, Seq, SourceId, Timestamp, Transition,
    fresh_until,
};
use crate::state::{Effects, State};

/// Closed alerts are told when they close; few are kept after that.
const RETENTION: Retention = Retention { keep_closed: Duration::from_secs(86_400), keep_closed_count: 1_000 };

/// A state with rules, and its time.
pub(super) struct Bench {
    state: State,
    effects: Effects,
    seq: Seq,
    step: Duration,
    /// The next tick of the grid.
    next: Timestamp,
    ticked_at: Timestamp,
    /// When channels that something waits for stop being live.
    peeks: BTreeSet<Timestamp>,
}

impl Bench {
    /// Begins at `begin` with a first tick. The grid lies on whole multiples of `step`, which must be shorter than
    /// [`crate::model::TICK_GAP`].
    pub(super) fn new(catalogue: Catalogue, policy: &Policy, rules: Rules, begin: Timestamp, step: Duration) -> Bench {
        // Flags come with the samples; only sleep is taken from the policy.
        let policy = Policy { awake: policy.awake.clone(), ..Policy::default() };
        let mut bench = Bench {
            state: State::new(RETENTION),
            effects: Effects::default(),
            seq: Seq::default(),
            step,
            next: begin,
            ticked_at: begin,
            peeks: BTreeSet::new(),
        };
        bench.apply(begin, Body::Catalogue(Box::new(catalogue)));
        bench.apply(begin, Body::Policy(Box::new(policy)));
        bench.state.try_rules(rules, begin, &mut bench.effects);
        bench.tick(begin);
        let micros = i64::try_from(step.as_micros()).unwrap_or(i64::MAX).max(1);
        bench.next = Timestamp::from_micros((begin.micros().div_euclid(micros) + 1).saturating_mul(micros));
        bench
    }

    /// Lets the time pass up to and including `until`.
    pub(super) fn pass(&mut self, until: Timestamp) {
        loop {
            let peek = self.peeks.first().copied().filter(|peek| *peek < self.next);
            let at = peek.unwrap_or(self.next);
            if at > until {
                return;
            }
            match peek {
                Some(_) => drop(self.peeks.pop_first()),
                None => self.next = self.next + self.step,
            }
            self.tick(at);
        }
    }

    /// Lets the time pass up to `end`, with a last look there.
    pub(super) fn end_at(&mut self, end: Timestamp) {
        self.pass(end);
        if self.ticked_at < end {
            self.tick(end);
        }
    }

    /// Samples that are received together, after the time has passed up to then.
    pub(super) fn hear(&mut self, received_at: Timestamp, samples: Vec<Sample>) {
        self.pass(received_at);
        let looks = |sample: &Sample| self.state.alerts.looks_at(sample.channel, received_at);
        if self.ticked_at < received_at && samples.iter().any(looks) {
            self.tick(received_at);
        }
        let channels: Vec<(ChannelId, Timestamp)> =
            samples.iter().map(|sample| (sample.channel, sample.observed_at)).collect();
        let message = Message {
            source: SourceId(0),
            received: u32::try_from(samples.len()).unwrap_or(u32::MAX),
            duplicates: 0,
            samples,
            rejections: Vec::new(),
            raw: None,
            unknown: Vec::new(),
            again: None,
        };
        self.apply(received_at, Body::Message(message));
        for (id, observed_at) in channels {
            if self.state.alerts.looks_at(id, received_at)
                && let Some(channel) = self.state.catalogue.channel(id)
            {
                self.peeks.extend(fresh_until(channel, observed_at, Freshness::Live).filter(|at| *at > received_at));
            }
        }
    }

    /// Hands over what happened since the last call.
    pub(super) fn take(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.effects.transitions)
    }

    /// What stands where in the trial.
    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.state.catalogue
    }

    fn tick(&mut self, at: Timestamp) {
        self.ticked_at = at;
        self.apply(at, Body::Tick);
    }

    fn apply(&mut self, received_at: Timestamp, body: Body) {
        self.seq = self.seq.next();
        self.state.apply(&Entry { seq: self.seq, received_at, body }, &mut self.effects);
        self.effects.changes.clear();
    }
}
