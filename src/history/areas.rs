//! Buckets of the stations of an area.
//!
//! In each bucket first every channel's value is made, as if it were asked alone, then those of the stations: `mean`
//! is the mean of the stations' means (a station that reports more often weighs no more), `min` and `max` are the
//! lowest and highest of all, `sum`, `count` and `delta` are added up. Other functions say nothing of several stations
//! and are not offered. A station without a value is left out of its bucket, and `stations` says how many spoke. A
//! station that was moved counts, bucket by bucket, for the area in which it stood when the bucket began.

use std::sync::Arc;

use super::calendar::Bucket;
use super::error::HistoryError;
use super::fold::Row;
use super::function::Function;
use super::question::Question;
use super::walk::Walk;
use crate::model::{Quality, Timestamp};
use crate::store::Store;

/// Whether a station still stands: one that does not is expected nothing of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// It is expected to report.
    Standing,
    /// Taken out of service: it counts where it has spoken.
    Retired,
    /// It stood in the area in this time only, and is expected to report there.
    StandingBetween {
        /// From this instant on.
        from: Timestamp,
        /// Before this one.
        to: Timestamp,
    },
    /// The same of one that is out of service now.
    RetiredBetween {
        /// From this instant on.
        from: Timestamp,
        /// Before this one.
        to: Timestamp,
    },
}

impl Duty {
    /// Whether it stood in the area when a bucket began.
    fn is_here(self, bucket: &Bucket) -> bool {
        match self {
            Duty::Standing | Duty::Retired => true,
            Duty::StandingBetween { from, to } | Duty::RetiredBetween { from, to } => {
                from <= bucket.begin && bucket.begin < to
            }
        }
    }

    fn is_expected(self) -> bool {
        matches!(self, Duty::Standing | Duty::StandingBetween { .. })
    }
}

/// One bucket of an area.
#[derive(Clone, Debug, PartialEq)]
pub struct AreaRow {
    /// The bucket.
    pub bucket: Bucket,
    /// Whether the question cuts it, or it is not over yet.
    pub is_partial: bool,
    /// By function asked; `None` when no station has a value.
    pub values: Vec<Option<f64>>,
    /// Stations with a sample that counts.
    pub stations: u64,
    /// Those, and those that are expected to have one.
    pub stations_expected: u64,
    /// Samples that count.
    pub count: u64,
    /// Samples expected, up to now.
    pub expected: u64,
    /// Of the expected samples of each station, those that count.
    pub met: u64,
    /// Samples left out since they are not good.
    pub left_out: u64,
    /// Every flag of every sample; `None` without any.
    pub flags: Option<Quality>,
}

impl AreaRow {
    /// The part of the expected samples that counts, station by station; `None` when none is expected.
    pub fn completeness(&self) -> Option<f64> {
        (self.expected > 0).then(|| self.met as f64 / self.expected as f64)
    }

    fn of(row: &Row) -> Self {
        Self {
            bucket: row.bucket,
            is_partial: row.is_partial,
            values: vec![None; row.values.len()],
            stations: 0,
            stations_expected: 0,
            count: 0,
            expected: 0,
            met: 0,
            left_out: 0,
            flags: None,
        }
    }

    fn add(&mut self, row: &Row, functions: &[Function], duty: Duty) {
        if !duty.is_here(&row.bucket) {
            return;
        }
        let speaks = row.count > 0;
        for ((whole, value), function) in self.values.iter_mut().zip(&row.values).zip(functions) {
            if let Some(value) = value.filter(|_| speaks) {
                *whole = Some(whole.map_or(value, |whole| match function {
                    Function::Min => whole.min(value),
                    Function::Max => whole.max(value),
                    _ => whole + value,
                }));
            }
        }
        self.stations += u64::from(speaks);
        if speaks || duty.is_expected() {
            self.stations_expected += 1;
            self.expected += row.expected;
            self.met += row.count.min(row.expected);
        }
        self.count += row.count;
        self.left_out += row.left_out;
        if let Some(flags) = row.flags {
            self.flags = Some(self.flags.unwrap_or_default().with(flags));
        }
    }

    fn finish(&mut self, functions: &[Function]) {
        for (whole, function) in self.values.iter_mut().zip(functions) {
            if *function == Function::Mean {
                *whole = whole.map(|sum| sum / self.stations as f64);
            }
            *whole = whole.filter(|value| value.is_finite());
        }
    }
}

/// The functions that say something of several stations.
pub const AREA_FUNCTIONS: [Function; 6] =
    [Function::Mean, Function::Min, Function::Max, Function::Sum, Function::Count, Function::Delta];

/// One area's buckets: its channels side by side, a window at a time.
pub struct AreaWalk {
    question: Arc<Question>,
    walks: Vec<(Walk, Duty)>,
    /// The walk that is next in this window.
    next: usize,
    /// The window's rows of the walk that is next.
    own: Vec<Row>,
    /// The window's rows of the walks before it.
    rows: Vec<AreaRow>,
}

impl AreaWalk {
    /// Over walks of one question, each with the same window.
    pub fn new(question: Arc<Question>, walks: Vec<(Walk, Duty)>) -> Self {
        Self { question, walks, next: 0, own: Vec::new(), rows: Vec::new() }
    }

    /// Reads on and appends the rows of a window when they are whole; `false` at the end of the last window.
    pub fn step(&mut self, store: &Store, rows: &mut Vec<AreaRow>) -> Result<bool, HistoryError> {
        let Some((walk, duty)) = self.walks.get_mut(self.next) else {
            return Ok(false);
        };
        let goes_on = walk.step(store, &mut self.own)?;
        if goes_on && !walk.is_between_windows() {
            return Ok(true);
        }
        for (place, row) in self.own.drain(..).enumerate() {
            if self.rows.len() == place {
                self.rows.push(AreaRow::of(&row));
            }
            self.rows[place].add(&row, &self.question.functions, *duty);
        }
        if !goes_on {
            return Ok(false);
        }
        self.next += 1;
        if self.next == self.walks.len() {
            self.rows.iter_mut().for_each(|row| row.finish(&self.question.functions));
            rows.append(&mut self.rows);
            self.next = 0;
        }
        Ok(true)
    }
}
