//! A subset of PromQL over what was observed, for dashboards that speak it (Grafana's core data source).
//!
//! **Series.** One for each channel: the metric's name is the property (`pm2_5`), the labels are `station`,
//! `station_name`, `kind`, `area`, `area_name`, `unit` and, for what Saola computes, `derived="true"`.
//!
//! **What is answered**: selectors with every sort of matcher, `offset` and `@`; the functions over ranges of
//! [`window`]; the functions of [`functions`]; the aggregations of [`aggregate`]; arithmetic and comparison with numbers
//! and one to one between vectors, `and`, `or` and `unless`. Everything else is refused with a sentence: subqueries,
//! many-to-one matching, histograms, functions of the calendar.
//!
//! **What differs from Prometheus, and why.** A value counts as present for two intervals of its own channel and the
//! grace of its link ([`crate::model::Freshness::Late`]), not for five minutes: a gauge of an hour does not vanish
//! between its readings, and one of ten seconds is not drawn on for minutes after it fell silent. Only good samples
//! count, unless the selector says `__quality__="all"`. Ranges and look-backs are open at their beginning, as in
//! Prometheus 3. `rate`, `increase` and `delta` extrapolate to the ends of their range exactly as Prometheus does.
//!
//! **Bounds**: [`STEPS_MAX`] steps, [`POINTS_MAX`] points in all vectors of a query together, samples read as
//! [`Limits`] say, [`VISITS_MAX`] samples looked at by functions over ranges, [`QUERY_BYTES_MAX`] of text
//! and [`NESTING_MAX`] of depth. Samples of a range are held one series at a time.
//!
//! Left out on purpose: tallies (every function is made from samples), and Saola's own counters (`/metrics` has them
//! for a real Prometheus).

mod aggregate;
mod binary;
mod error;
mod evaluate;
mod functions;
mod labels;
mod lex;
mod parse;
pub mod query;
mod read;
mod window;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use error::PromqlError;
pub use labels::{Labels, NAME};
pub use query::{Expr, Selector};
pub use window::{Point, RangeFunction};

use crate::model::{ChannelId, Timestamp};
use crate::store::Store;

/// Instants of one query, as in Prometheus.
pub const STEPS_MAX: usize = 11_000;
/// Values of all vectors that a query makes on its way, 16 bytes each.
pub const POINTS_MAX: usize = 4_000_000;
/// Samples that functions over ranges look at, all windows together.
pub const VISITS_MAX: u64 = 400_000_000;
/// Bytes of a query.
pub const QUERY_BYTES_MAX: usize = 8_192;
/// How deep a query nests: it is read and answered by functions that call themselves.
pub const NESTING_MAX: usize = 60;
/// Samples of one series in one range.
pub const WINDOW_MAX: usize = 2_000_000;

/// A channel as queries see it.
#[derive(Clone, Debug)]
pub struct Series {
    /// Which.
    pub channel: ChannelId,
    /// Its name and labels.
    pub labels: Labels,
    /// Expected time between samples.
    pub interval: Duration,
    /// How long a sample counts as present.
    pub present_for: Duration,
}

/// What one query may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Samples read, as estimated by the channels' intervals.
    pub samples_max: u64,
}

/// What a query is asked of.
pub struct World<'a> {
    /// Where samples are.
    pub store: &'a Store,
    /// The series in sight.
    pub series: &'a [Series],
    /// What it may cost.
    pub limits: Limits,
    /// Set when nobody waits for the answer any more.
    pub given_up: &'a AtomicBool,
}

impl World<'_> {
    fn goes_on(&self) -> Result<(), PromqlError> {
        if self.given_up.load(Ordering::Relaxed) { Err(PromqlError::GivenUp) } else { Ok(()) }
    }
}

/// The instants of a query: `first`, `first + step`, … up to `last`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instants {
    first: Timestamp,
    step: Duration,
    count: usize,
}

impl Instants {
    /// One.
    pub fn one(at: Timestamp) -> Instants {
        Instants { first: at, step: Duration::from_secs(1), count: 1 }
    }

    /// From `first` to `last`, at most [`STEPS_MAX`].
    pub fn range(first: Timestamp, last: Timestamp, step: Duration) -> Result<Instants, PromqlError> {
        if step < Duration::from_millis(1) {
            return Err(PromqlError::BadData("step: it must be a millisecond or more".to_owned()));
        }
        if last < first {
            return Err(PromqlError::BadData("end: it lies before `start`".to_owned()));
        }
        let count = last.since(first).as_micros() / step.as_micros() + 1;
        let count = usize::try_from(count).ok().filter(|count| *count <= STEPS_MAX).ok_or_else(|| {
            let why = format!("that makes {count} instants, and {STEPS_MAX} can be asked for: ask for a longer `step`");
            PromqlError::BadData(why)
        })?;
        Ok(Instants { first, step, count })
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// All of them, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Timestamp> + '_ {
        (0..self.count).map(|place| self.at(place))
    }

    fn at(&self, place: usize) -> Timestamp {
        self.first + self.step.saturating_mul(u32::try_from(place).unwrap_or(u32::MAX))
    }

    fn last(&self) -> Timestamp {
        self.at(self.count.saturating_sub(1))
    }
}

/// One series of an answer: its value at each instant; `None` where it has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its labels; the name is among them while the values are those that were observed.
    pub labels: Labels,
    /// By instant.
    pub values: Vec<Option<f64>>,
}

/// What a query comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A number at each instant.
    Scalar(Vec<f64>),
    /// Series.
    Vector(Vec<Line>),
    /// Samples as they are, of a range at one instant.
    Samples(Vec<(Labels, Vec<Point>)>),
    /// A text.
    Text(String),
}

/// Reads a query; a sentence when it is none.
pub fn read(query: &str) -> Result<Expr, PromqlError> {
    if query.len() > QUERY_BYTES_MAX {
        return Err(PromqlError::BadData(format!("the query is longer than {QUERY_BYTES_MAX} bytes")));
    }
    parse::parse(query)
}

/// The selector that a text is, for lists of series.
pub fn read_selector(text: &str) -> Result<Selector, PromqlError> {
    match read(text)? {
        Expr::Vector(selector) => Ok(selector),
        _ => Err(PromqlError::BadData(format!("{text:?} is not a selector such as pm2_5{{area=\"03388\"}}"))),
    }
}

/// The series that a selector names.
pub fn select<'s>(series: &'s [Series], selector: &Selector) -> Result<Vec<&'s Series>, PromqlError> {
    Ok(read::Selection::of(selector)?.of_series(series))
}

/// Answers a query at some instants.
pub fn evaluate(world: &World<'_>, expr: &Expr, instants: Instants) -> Result<Answer, PromqlError> {
    evaluate::evaluate(world, expr, instants)
}

#[cfg(test)]
mod tests;
