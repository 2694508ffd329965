//! Going through one channel's buckets step by step.
//!
//! A walk holds no part of the store between its steps, and a step reads a bounded number of samples, tallies and
//! buckets: whoever asks for years gives way to the others in between. The stretch before the first bucket is looked
//! at when a function needs what stood there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::calendar::{Bucket, Buckets, EARLIEST};
use super::error::HistoryError;
use super::fold::{Fold, Row};
use super::function::Function;
use super::plan::{Plan, Reading, Tiers};
use super::pool::Pool;
use super::question::{Line, QualityRule, Question};
use crate::model::Timestamp;
use crate::store::{Store, StoreError, StoredSample, Tier};

/// Samples and tallies read in a step, about.
const STEP_READS: usize = 8_192;

/// Tallies asked for at once, at most.
const TALLIES_AT_ONCE: i64 = 4_096;

/// One channel's buckets from some place on.
pub struct Walk {
    question: Arc<Question>,
    line: Line,
    plan: Plan,
    tiers: Tiers,
    buckets: Buckets,
    /// The buckets of the window that have not ended.
    window: VecDeque<Bucket>,
    window_buckets: usize,
    fold: Fold,
    /// Everything before this has been gathered; `None` before the first step.
    at: Option<Timestamp>,
}

impl Walk {
    /// Through the buckets from the one on that holds `from`; `window_buckets` at a time.
    pub fn new(
        question: Arc<Question>,
        line: Line,
        plan: Plan,
        (tiers, pool): (Tiers, Arc<Pool>),
        from: Timestamp,
        window_buckets: usize,
    ) -> Self {
        let buckets = question.buckets().starting_at(from);
        let fold = Fold::new(Arc::clone(&question), line.clone(), pool);
        Self { question, line, plan, tiers, buckets, window: VecDeque::new(), window_buckets, fold, at: None }
    }

    /// Reads on and appends the rows that are whole, never beyond the window; `false` at the end of the last window.
    pub fn step(&mut self, store: &Store, rows: &mut Vec<Row>) -> Result<bool, HistoryError> {
        if self.window.is_empty() {
            self.window.extend(self.buckets.by_ref().take(self.window_buckets));
        }
        let (Some(first), Some(last)) = (self.window.front(), self.window.back()) else {
            return Ok(false);
        };
        let (begin, end) = (first.begin, last.end);
        let at = match self.at {
            Some(at) => at,
            None => {
                self.look_back(store, begin)?;
                begin
            }
        };
        let at = match self.plan.reading {
            Reading::Samples => self.read_samples(store, at, end, rows)?,
            Reading::Tallies(tier) => self.read_tallies(store, tier, at, end, rows)?,
        };
        self.at = Some(at);
        if at >= end {
            self.end_before(end, rows);
        }
        Ok(true)
    }

    /// Whether the next step begins a new window.
    pub fn is_between_windows(&self) -> bool {
        self.window.is_empty()
    }

    /// The samples of `at..end`, as far as a step goes; where the next one begins.
    fn read_samples(
        &mut self,
        store: &Store,
        at: Timestamp,
        end: Timestamp,
        rows: &mut Vec<Row>,
    ) -> Result<Timestamp, HistoryError> {
        let mut reads = 0;
        for sample in store.range(self.line.channel, at, end) {
            let sample = sample?;
            self.end_before(sample.observed_at, rows);
            self.fold.add(&sample)?;
            reads += 1;
            if reads == STEP_READS {
                return Ok(sample.observed_at + Duration::from_micros(1));
            }
        }
        Ok(end)
    }

    /// Whole buckets of the tier as tallies, what is around them as samples.
    fn read_tallies(
        &mut self,
        store: &Store,
        tier: Tier,
        begin: Timestamp,
        end: Timestamp,
        rows: &mut Vec<Row>,
    ) -> Result<Timestamp, HistoryError> {
        let mut at = begin;
        let mut reads = 0;
        while at < end && reads < STEP_READS {
            self.end_before(at, rows);
            let Some(bucket) = self.window.front().copied() else { break };
            let first = self.tiers.at_or_after(tier, at);
            let last = self.tiers.at_or_before(tier, bucket.end);
            if first >= last {
                at = self.read_samples(store, at, bucket.end, rows)?;
                reads += STEP_READS / 4;
                continue;
            }
            if at < first {
                at = self.read_samples(store, at, first, rows)?;
                reads += STEP_READS / 4;
                continue;
            }
            let last = self.run_of_tallies(tier, last);
            let last = last.min(Timestamp::from_micros(first.micros() + TALLIES_AT_ONCE * tier.micros()));
            for (begin, tally) in store.tallies(self.line.channel, tier, first, last)? {
                self.end_before(begin, rows);
                self.fold.merge(&tally);
                reads += 1;
            }
            // Empty ones cost a look.
            reads += STEP_READS / 16;
            at = last;
        }
        Ok(at)
    }

    /// How far tallies go on when the buckets that follow begin where the tier's do.
    fn run_of_tallies(&self, tier: Tier, mut last: Timestamp) -> Timestamp {
        for pair in self.window.iter().zip(self.window.iter().skip(1)) {
            if pair.0.end != last {
                break;
            }
            last = self.tiers.at_or_before(tier, pair.1.end);
        }
        last
    }

    /// Ends the buckets that end at or before a time.
    fn end_before(&mut self, at: Timestamp, rows: &mut Vec<Row>) {
        while let Some(bucket) = self.window.pop_front_if(|bucket| bucket.end <= at) {
            let mut row = self.fold.end(bucket);
            row.is_partial |= self.plan.whole_since.is_some_and(|since| bucket.begin < since);
            rows.push(row);
        }
    }

    /// What stood before the first bucket, when a function needs it.
    fn look_back(&mut self, store: &Store, begin: Timestamp) -> Result<(), HistoryError> {
        let asks = |function| self.question.functions.contains(&function);
        let mut last = None;
        if asks(Function::ExceedanceHours) {
            for sample in store.range(self.line.channel, begin - self.line.interval, begin) {
                last = Some(sample?);
            }
        }
        let before = if asks(Function::Delta) { self.latest_before(store, begin)? } else { None };
        self.fold.remember(before, last, begin);
        Ok(())
    }

    /// The latest sample before a time that counts. Where tallies are kept they tell the day, so that what is read does
    /// not grow with the time since; elsewhere ever longer stretches are looked through, the nearest first.
    fn latest_before(&self, store: &Store, begin: Timestamp) -> Result<Option<StoredSample>, HistoryError> {
        if !self.tiers.are_kept {
            return self.latest_in_stretches(store, begin);
        }
        let midnight = self.tiers.at_or_before(Tier::Day, begin);
        let of_today = match self.question.quality {
            QualityRule::All => self.latest_within(store, midnight, begin)?,
            QualityRule::Good => self.latest_of_today(store, midnight, begin)?,
        };
        if of_today.is_some() {
            return Ok(of_today);
        }
        for (day, tally) in store.tallies(self.line.channel, Tier::Day, EARLIEST, midnight)?.into_iter().rev() {
            let latest = match self.question.quality {
                QualityRule::Good => tally.last,
                QualityRule::All => {
                    let end = Timestamp::from_micros(day.micros().saturating_add(Tier::Day.micros()));
                    self.latest_within(store, day, end)?.or(tally.last)
                }
            };
            if latest.is_some() {
                return Ok(latest);
            }
        }
        Ok(None)
    }

    /// From the finest tallies to the coarsest, which outlive the samples.
    fn latest_of_today(
        &self,
        store: &Store,
        midnight: Timestamp,
        begin: Timestamp,
    ) -> Result<Option<StoredSample>, StoreError> {
        let [minute, hour] = [Tier::Minute, Tier::Hour].map(|tier| self.tiers.at_or_before(tier, begin).max(midnight));
        let latest = self.latest_within(store, minute, begin)?;
        if latest.is_some() {
            return Ok(latest);
        }
        for (tier, from, to) in [(Tier::Minute, hour, minute), (Tier::Hour, midnight, hour)] {
            let tallies = store.tallies(self.line.channel, tier, from, to)?;
            let latest = tallies.iter().rev().find_map(|(_, tally)| tally.last);
            if latest.is_some() {
                return Ok(latest);
            }
        }
        Ok(None)
    }

    fn latest_within(&self, store: &Store, from: Timestamp, to: Timestamp) -> Result<Option<StoredSample>, StoreError> {
        let counts = |sample: &StoredSample| self.question.quality == QualityRule::All || sample.quality.is_good();
        let mut latest = None;
        for sample in store.range(self.line.channel, from, to) {
            latest = Some(sample?).filter(counts).or(latest);
        }
        Ok(latest)
    }

    fn latest_in_stretches(&self, store: &Store, begin: Timestamp) -> Result<Option<StoredSample>, HistoryError> {
        let mut length = self.line.interval.saturating_mul(4).max(Duration::from_secs(60));
        let mut to = begin;
        while to > EARLIEST {
            let from = (to - length).max(EARLIEST);
            let latest = self.latest_within(store, from, to)?;
            if latest.is_some() {
                return Ok(latest);
            }
            to = from;
            length = length.saturating_mul(2);
        }
        Ok(None)
    }
}
