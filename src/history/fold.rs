//! From samples and tallies, in the order of time, to one row a bucket.
//!
//! Two things reach over the edges of buckets and are carried along: the latest reading of a counter, whose step to
//! the next reading belongs to the bucket of the later one, and the latest sample of a limit, which holds until the
//! next sample of any quality, at most for the channel's interval, and is cut at the edges of buckets. So the buckets
//! of a longer range add up to it.

use std::sync::Arc;

use smallvec::SmallVec;

use super::calendar::Bucket;
use super::error::HistoryError;
use super::function::{Function, percentile};
use super::pool::{Held, Pool};
use super::question::{Line, QualityRule, Question};
use crate::model::{Quality, Timestamp};
use crate::store::{StoredSample, Tally};

/// Samples of one bucket held for percentiles, at most: 8 bytes each.
pub const PERCENTILE_SAMPLES_MAX: usize = 4_000_000;

/// What a few functions say needs no memory of its own: years of many channels are millions of buckets.
pub type Values = SmallVec<[Option<f64>; 4]>;

/// One bucket's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The bucket.
    pub bucket: Bucket,
    /// Whether the question cuts it, or it is not over yet.
    pub is_partial: bool,
    /// By function asked; `None` when no sample says anything.
    pub values: Values,
    /// Samples that count.
    pub count: u64,
    /// Samples expected, up to now.
    pub expected: u64,
    /// Samples left out since they are not good.
    pub left_out: u64,
    /// Every flag of every sample, those left out included; `None` without any sample.
    pub flags: Option<Quality>,
}

impl Row {
    /// The part of the expected samples that counts, 0 to 1; `None` when none is expected.
    pub fn completeness(&self) -> Option<f64> {
        (self.expected > 0).then(|| self.count.min(self.expected) as f64 / self.expected as f64)
    }
}

/// A sample that still says something.
#[derive(Clone, Copy, Debug)]
struct Holding {
    /// What is before this is counted already.
    from: Timestamp,
    until: Timestamp,
    exceeds: bool,
}

/// Gathers one channel's samples.
pub struct Fold {
    question: Arc<Question>,
    line: Line,
    has_percentiles: bool,
    tally: Tally,
    flags: Option<Quality>,
    left_out: u64,
    values: Held,
    held_micros: i64,
    exceeded_micros: i64,
    counted: f64,
    /// The latest sample that counts.
    before: Option<StoredSample>,
    holding: Option<Holding>,
}

impl Fold {
    /// For a channel, from the beginning of a bucket on.
    pub fn new(question: Arc<Question>, line: Line, pool: Arc<Pool>) -> Self {
        let has_percentiles = question.functions.iter().any(|function| function.share().is_some());
        Self {
            question,
            line,
            has_percentiles,
            tally: Tally::default(),
            flags: None,
            left_out: 0,
            values: Held::none(pool),
            held_micros: 0,
            exceeded_micros: 0,
            counted: 0.0,
            before: None,
            holding: None,
        }
    }

    /// What stood before the first bucket: the latest sample that counts, and what held when the bucket began.
    pub fn remember(&mut self, before: Option<StoredSample>, last: Option<StoredSample>, begin: Timestamp) {
        self.before = before;
        self.holding = last.and_then(|last| self.held_by(&last)).map(|holding| Holding { from: begin, ..holding });
    }

    fn counts(&self, sample: &StoredSample) -> bool {
        self.question.quality == QualityRule::All || sample.quality.is_good()
    }

    fn held_by(&self, sample: &StoredSample) -> Option<Holding> {
        let limit = self.question.limit.filter(|_| self.counts(sample))?;
        let (from, exceeds) = (sample.observed_at, limit.is_exceeded_by(sample.value));
        Some(Holding { from, until: from + self.line.interval, exceeds })
    }

    /// Counts what was held up to a time.
    fn settle(&mut self, to: Timestamp) {
        let Some(holding) = &mut self.holding else { return };
        let until = to.min(holding.until).min(self.question.now).max(holding.from);
        let micros = until.micros() - holding.from.micros();
        self.held_micros += micros;
        if holding.exceeds {
            self.exceeded_micros += micros;
        }
        holding.from = until;
    }

    /// The sample that follows, inside the bucket.
    pub fn add(&mut self, sample: &StoredSample) -> Result<(), HistoryError> {
        self.flags = Some(self.flags.unwrap_or_default().with(sample.quality));
        self.settle(sample.observed_at);
        self.holding = self.held_by(sample);
        if !self.counts(sample) {
            self.left_out += 1;
            return Ok(());
        }
        if let Some(before) = self.before.replace(*sample) {
            self.counted += self.line.counter.advance(&before, sample);
        }
        if self.has_percentiles {
            if self.values.len() == PERCENTILE_SAMPLES_MAX {
                return Err(HistoryError::TooManyInBucket { max: PERCENTILE_SAMPLES_MAX });
            }
            self.values.push(sample.value).map_err(|_| HistoryError::Busy)?;
        }
        self.tally.add(&StoredSample { quality: Quality::GOOD, ..*sample });
        Ok(())
    }

    /// The tally that follows, inside the bucket. It must do for the functions asked and for good samples.
    pub fn merge(&mut self, tally: &Tally) {
        if tally.count + tally.flagged > 0 {
            self.flags = Some(self.flags.unwrap_or_default().with(tally.flags));
        }
        self.left_out += tally.flagged;
        if let (Some(first), Some(last)) = (&tally.first, &tally.last) {
            if let Some(before) = &self.before {
                self.counted += self.line.counter.advance(before, first);
            }
            self.counted += tally.increase;
            self.before = Some(*last);
        }
        self.tally.merge(tally);
    }

    /// Ends the bucket and begins the next.
    pub fn end(&mut self, bucket: Bucket) -> Row {
        self.settle(bucket.end);
        let now = self.question.now;
        // By place: a counted pointer to the question would be one that all threads write to.
        let mut values = Values::new();
        for place in 0..self.question.functions.len() {
            values.push(self.value(self.question.functions[place]));
        }
        let row = Row {
            bucket,
            is_partial: bucket.is_cut || bucket.end > now,
            values,
            count: self.tally.count,
            expected: self.line.expected(bucket.begin, bucket.end.min(now)),
            left_out: self.left_out,
            flags: self.flags,
        };
        self.tally = Tally::default();
        (self.flags, self.left_out) = (None, 0);
        (self.held_micros, self.exceeded_micros, self.counted) = (0, 0, 0.0);
        self.values.clear();
        row
    }

    fn value(&mut self, function: Function) -> Option<f64> {
        let tally = &self.tally;
        let some = |value: f64| (tally.count > 0).then_some(value);
        let value = match function {
            Function::Mean => tally.mean(),
            Function::Min => some(tally.min),
            Function::Max => some(tally.max),
            Function::Sum => some(tally.sum),
            Function::Count => Some(tally.count as f64),
            Function::First => tally.first.map(|sample| sample.value),
            Function::Last => tally.last.map(|sample| sample.value),
            Function::P05 | Function::P50 | Function::P95 => percentile(self.values.numbers(), function.share()?),
            Function::Stddev => tally.stddev(),
            Function::ExceedanceHours => {
                (tally.count > 0 || self.held_micros > 0).then_some(self.exceeded_micros as f64 / 3.6e9)
            }
            Function::Delta => some(self.counted),
        };
        // What does not fit into a number is not told as one.
        value.filter(|value| value.is_finite())
    }
}
