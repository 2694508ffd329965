//! What late data would have raised, had they come in time.
//!
//! A late sample never makes a transition and never touches what judges samples in time: it runs through machines and
//! windows of its own. Late samples of a channel that follow each other in their own time are a *run*; the condition must
//! hold for its hold time within the run. Then a *record* is written: an alert that is closed from its beginning and
//! marked as retrospective, which later samples of the run carry on. A sample that is older than the one before begins a
//! new run, and so does one after a silence, or after an alert that was told in time. Nothing is recorded of a time in which the same rule and channel had an
//! alert, open or closed, as long as that is remembered.
//!
//! Judged are levels of one channel: the sample itself, windows and rates (over the run's own samples) and N of M. Left
//! out on purpose: several channels, differences and counts. What the others said at the time is not remembered; a
//! backtest tells.
//!
//! Bounded: [`RECORDS_MAX`] records, the oldest made go first; [`RUNS_MAX`] runs and [`SAMPLES_MAX`] samples that are
//! looked back upon, with one more all begin anew.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::book::{Filter, MOMENTS_MAX};
use super::machine::{Heard, Machine};
use super::rules::LEVELS_MAX;
use super::settle::Place;
use super::signal::Verdict;
use super::watch::Sort;
use super::window::{Need, Ring};
use super::{Alerts, Key, Spot, World};
use crate::model::{Alert, AlertId, AlertState, Cause, ChannelId, Moment, Sample, TimeClass, Timestamp};

/// Records kept.
pub const RECORDS_MAX: usize = 10_000;
/// Runs of late samples that go on at once.
const RUNS_MAX: usize = 10_000;

/// Samples of all runs that are looked back upon.
const SAMPLES_MAX: usize = 1_000_000;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Retrospect {
    runs: BTreeMap<Key, Machine>,
    rings: BTreeMap<ChannelId, Ring>,
    /// Samples in all of them.
    #[serde(skip)]
    samples_count: usize,
    records: BTreeMap<AlertId, Arc<Alert>>,
    /// As they were made.
    order: VecDeque<AlertId>,
}

impl Retrospect {
    /// Ends every run; the records stay.
    pub(super) fn begin_anew(&mut self) {
        self.runs.clear();
        self.forget_samples();
    }

    fn forget_samples(&mut self) {
        self.rings.clear();
        self.samples_count = 0;
    }

    /// Remembers a late sample for the rules that look back.
    fn keep(&mut self, sample: &Sample, need: Need) {
        let is_new = !self.rings.contains_key(&sample.channel);
        if is_new && self.rings.len() >= RUNS_MAX || self.samples_count >= SAMPLES_MAX {
            self.forget_samples();
        }
        let ring = self.rings.entry(sample.channel).or_default();
        let before = ring.len();
        ring.push(sample.observed_at, sample.value, need);
        self.samples_count = self.samples_count + ring.len() - before;
    }

    /// Counts what is kept, and says whether every run could be one: after a restore.
    pub(super) fn link(&mut self) -> bool {
        self.samples_count = self.rings.values().map(Ring::len).sum();
        self.runs.values().all(|run| run.on() <= LEVELS_MAX && run.raised() <= LEVELS_MAX)
    }

    pub(super) fn get(&self, id: &AlertId) -> Option<&Arc<Alert>> {
        self.records.get(id)
    }

    /// Records that a filter takes, the newest end first.
    pub(super) fn all(&self, filter: &Filter) -> Vec<Arc<Alert>> {
        let mut found: Vec<_> = self.records.values().filter(|record| filter.takes_page(record)).cloned().collect();
        found.sort_by(|a, b| (b.changed_at, &b.id).cmp(&(a.changed_at, &a.id)));
        found.truncate(filter.limit);
        found
    }

    /// Writes down that something is raised at `at`, or is over.
    fn note(&mut self, machine: &mut Machine, place: &Place<'_>, at: Timestamp) {
        let Some((severity, threshold)) = place.stands_for(machine.raised()) else {
            if let Some(id) = machine.alert.take() {
                self.end(&id, at);
            }
            return;
        };
        let id = AlertId(format!("{}~late", place.id_of(machine.began_at())).into());
        let moment = |state, cause| Moment { at, state, severity, value: machine.heard.value, cause };
        let known = machine.alert.as_ref().and_then(|id| self.records.get_mut(id));
        if let Some(record) = known.map(Arc::make_mut) {
            if severity > record.severity && record.timeline.len() < MOMENTS_MAX {
                let before = record.timeline.len().saturating_sub(1);
                record.timeline.insert(before, moment(AlertState::Active, Cause::Value));
                (record.severity, record.threshold) = (severity, threshold);
            }
            record.value = machine.heard.value;
        } else if !self.records.contains_key(&id) {
            self.records.insert(
                id.clone(),
                Arc::new(Alert {
                    id: id.clone(),
                    rule: place.rule.name.clone(),
                    title: place.rule.title.clone(),
                    subject: place.subject(),
                    state: AlertState::Cleared,
                    severity,
                    threshold,
                    value: machine.heard.value,
                    started_at: machine.began_at(),
                    changed_at: at,
                    ended_at: Some(at),
                    timeline: vec![moment(AlertState::Active, Cause::Value), moment(AlertState::Cleared, Cause::Value)],
                    cause: place.rule.cause.clone(),
                    occurrences: 1,
                    flapping: false,
                    retrospective: true,
                    closed: None,
                    quiet: false,
                }),
            );
            self.order.push_back(id.clone());
            if self.order.len() > RECORDS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.records.remove(&oldest);
            }
        }
        let id = machine.alert.get_or_insert(id).clone();
        self.end(&id, at);
    }

    /// A record lasts until its newest sample.
    fn end(&mut self, id: &AlertId, at: Timestamp) {
        let Some(record) = self.records.get_mut(id).map(Arc::make_mut) else { return };
        let at = at.max(record.changed_at);
        record.changed_at = at;
        record.ended_at = Some(at);
        if let Some(last) = record.timeline.last_mut() {
            last.at = at;
            last.severity = record.severity;
        }
    }
}

impl Alerts {
    /// Takes a late sample in.
    pub(super) fn hear_late(&mut self, world: World<'_>, sample: &Sample) {
        let is_late = matches!(sample.time_class, TimeClass::Late | TimeClass::Backfill);
        if !is_late || !sample.quality.is_good() {
            return;
        }
        let mut kept = false;
        for place in self.watches.of(sample.channel) {
            let watch = self.watches.at(place);
            let is_judged = match watch.sort {
                Sort::Levels(_) => true,
                Sort::Single(single) => self.watches.single(single).reading.less.is_none(),
                _ => false,
            };
            if watch.muted || !is_judged {
                continue;
            }
            if let Some(need) = self.watches.need(sample.channel).filter(|_| !kept) {
                self.late.keep(sample, need);
                kept = true;
            }
            self.judge_late(world, Key { rule: watch.rule, spot: Spot::Channel(sample.channel) }, sample);
        }
    }

    fn judge_late(&mut self, world: World<'_>, key: Key, sample: &Sample) {
        let Some(place) = Place::find(&self.rules, &self.watches, world.catalogue, key) else { return };
        let at = sample.observed_at;
        let had_one = |from| self.book.had_one(sample.channel, &place.rule.name, from, at);
        if had_one(at) {
            // What was told in time is no part of a run.
            self.late.runs.remove(&key);
            return;
        }
        let heard = Heard { observed_at: at, received_at: at, value: Some(sample.value) };
        let mut run = self
            .late
            .runs
            .remove(&key)
            .filter(|run| !run.is_broken_by(place.channel, at) && !had_one(run.heard.observed_at));
        if let Some(run) = &mut run {
            while let Some(due) = run.next_by_time(place.rule, place.channel, at) {
                run.step(place.rule, due);
                self.late.note(run, &place, due);
            }
        }
        let mut run = run.unwrap_or_else(|| Machine::new(heard));
        if let Some(verdict) = self.verdict_late(&place, sample, &run) {
            let on = if place.rule.is_open_at(at) { verdict.on } else { 0 };
            run.take(Verdict { on, ..verdict }, Heard { value: verdict.value, ..heard });
            run.step(place.rule, at);
        }
        self.late.note(&mut run, &place, at);
        if !run.is_idle() {
            if self.late.runs.len() >= RUNS_MAX {
                self.late.runs.clear();
            }
            self.late.runs.insert(key, run);
        }
    }

    fn verdict_late(&self, place: &Place<'_>, sample: &Sample, run: &Machine) -> Option<Verdict> {
        let levels = place.levels?;
        let Sort::Single(single) = place.watch.sort else {
            let on = levels.holding(run.raised(), sample.value);
            return Some(Verdict { value: Some(sample.value), on, armed: 0 });
        };
        let single = self.watches.single(single);
        let ring = self.late.rings.get(&sample.channel);
        let number = single.reading.of_own(ring, place.channel, sample.value)?;
        single.verdict(levels, ring, place.channel, number, run.standing())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Quality;

    #[test]
    fn samples_of_all_runs_are_bounded_together() {
        let mut late = Retrospect::default();
        let need = Need { span: Duration::from_secs(31 * 86_400), count: 0 };
        let mut most = 0;
        for second in 0..10_000 {
            for channel in 0..150 {
                let observed_at = Timestamp::from_seconds(second);
                let (quality, time_class) = (Quality::GOOD, TimeClass::Late);
                late.keep(&Sample { channel: ChannelId(channel), observed_at, value: 1.0, quality, time_class }, need);
            }
            most = most.max(late.samples_count);
        }
        assert!((SAMPLES_MAX - 150..=SAMPLES_MAX).contains(&most), "{most}");
        let counted = late.samples_count;
        assert!(late.link() && late.samples_count == counted && counted > 0);
    }
}
