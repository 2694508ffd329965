//! Functions over the samples of a range: from the instant `from`, which is not in it, to the instant `to`, which is.
//!
//! `rate`, `increase` and `delta` extrapolate as Prometheus does: the advance between the first and the last sample is
//! stretched to the ends of the range, but by no more than half the mean distance between samples where an end lies
//! more than 1.1 of it away, and never to before a counter was zero. A counter that falls was reset to zero. Standard
//! deviations are those of the whole (divided by n), `deriv` and `predict_linear` are least squares, quantiles are
//! linear between neighbours (type 7).

use super::PromqlError;
use crate::history::percentile;
use crate::model::Timestamp;

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When it was observed.
    pub at: Timestamp,
    /// Its value.
    pub value: f64,
}

/// A range of samples, and where it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    /// Ascending, one per time.
    pub points: &'a [Point],
    /// Its open beginning.
    pub from: Timestamp,
    /// Its closed end.
    pub to: Timestamp,
}

/// What is made of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is PromQL's function of that name")]
pub enum RangeFunction {
    Rate,
    Increase,
    Delta,
    InstantRate,
    InstantDelta,
    Changes,
    Resets,
    Derivative,
    PredictLinear { ahead_s: f64 },
    Mean,
    Min,
    Max,
    Sum,
    Count,
    First,
    Last,
    Present,
    Stddev,
    Stdvar,
    Quantile { share: f64 },
}

impl RangeFunction {
    /// By PromQL's name; `number` is the argument beside the range, when the function takes one.
    pub fn named(name: &str, number: Option<f64>) -> Result<RangeFunction, PromqlError> {
        Ok(match name {
            "rate" => RangeFunction::Rate,
            "increase" => RangeFunction::Increase,
            "delta" => RangeFunction::Delta,
            "irate" => RangeFunction::InstantRate,
            "idelta" => RangeFunction::InstantDelta,
            "changes" => RangeFunction::Changes,
            "resets" => RangeFunction::Resets,
            "deriv" => RangeFunction::Derivative,
            "predict_linear" => RangeFunction::PredictLinear { ahead_s: number.unwrap_or_default() },
            "avg_over_time" => RangeFunction::Mean,
            "min_over_time" => RangeFunction::Min,
            "max_over_time" => RangeFunction::Max,
            "sum_over_time" => RangeFunction::Sum,
            "count_over_time" => RangeFunction::Count,
            "first_over_time" => RangeFunction::First,
            "last_over_time" => RangeFunction::Last,
            "present_over_time" => RangeFunction::Present,
            "stddev_over_time" => RangeFunction::Stddev,
            "stdvar_over_time" => RangeFunction::Stdvar,
            "quantile_over_time" => RangeFunction::Quantile { share: number.unwrap_or_default() },
            _ => return Err(PromqlError::refused(&format!("the function {name}"))),
        })
    }

    /// Whether the outcome is a value that was observed, so that the name stays.
    pub(super) fn keeps_name(self) -> bool {
        matches!(self, RangeFunction::First | RangeFunction::Last)
    }

    /// `None` where the samples do not suffice.
    pub(super) fn of(self, window: Window<'_>) -> Option<f64> {
        let points = window.points;
        let (first, last) = (points.first()?, points.last()?);
        let values = || points.iter().map(|point| point.value);
        let count = points.len() as f64;
        match self {
            RangeFunction::Rate | RangeFunction::Increase | RangeFunction::Delta => extrapolated(self, window),
            RangeFunction::InstantRate | RangeFunction::InstantDelta => instant(self, points),
            RangeFunction::Changes => {
                Some(pairs(points).filter(|(a, b)| a != b && !(a.is_nan() && b.is_nan())).count() as f64)
            }
            RangeFunction::Resets => Some(pairs(points).filter(|(a, b)| b < a).count() as f64),
            RangeFunction::Derivative => line(points, last.at).map(|(slope, _)| slope),
            RangeFunction::PredictLinear { ahead_s } => {
                line(points, window.to).map(|(slope, now)| now + slope * ahead_s)
            }
            RangeFunction::Mean => Some(values().sum::<f64>() / count),
            RangeFunction::Min => values().reduce(f64::min),
            RangeFunction::Max => values().reduce(f64::max),
            RangeFunction::Sum => Some(values().sum()),
            RangeFunction::Count => Some(count),
            RangeFunction::First => Some(first.value),
            RangeFunction::Last => Some(last.value),
            RangeFunction::Present => Some(1.0),
            RangeFunction::Stddev => Some(variance(points).sqrt()),
            RangeFunction::Stdvar => Some(variance(points)),
            RangeFunction::Quantile { share } => Some(quantile(share, values().collect())),
        }
    }
}

/// Type 7; beyond its ends a quantile is infinite, as Prometheus has it.
pub(super) fn quantile(share: f64, mut values: Vec<f64>) -> f64 {
    match share {
        share if share.is_nan() || values.is_empty() => f64::NAN,
        share if share < 0.0 => f64::NEG_INFINITY,
        share if share > 1.0 => f64::INFINITY,
        share => percentile(&mut values, share).unwrap_or(f64::NAN),
    }
}

fn pairs(points: &[Point]) -> impl Iterator<Item = (f64, f64)> {
    points.iter().zip(points.iter().skip(1)).map(|(a, b)| (a.value, b.value))
}

/// Of the whole: divided by n, by Welford's way (1962).
fn variance(points: &[Point]) -> f64 {
    let (mut mean, mut squares) = (0.0, 0.0);
    for (place, point) in points.iter().enumerate() {
        let before = point.value - mean;
        mean += before / (place + 1) as f64;
        squares += before * (point.value - mean);
    }
    squares / points.len() as f64
}

/// Seconds from one instant to a later one; negative when it is earlier.
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.micros().saturating_sub(from.micros()) as f64 / 1e6
}

/// Slope per second and value at `at` of the line of least squares; `None` below two samples.
fn line(points: &[Point], at: Timestamp) -> Option<(f64, f64)> {
    if points.len() < 2 {
        return None;
    }
    let count = points.len() as f64;
    let x = |point: &Point| seconds(at, point.at);
    let (mean_x, mean_y) =
        (points.iter().map(x).sum::<f64>() / count, points.iter().map(|point| point.value).sum::<f64>() / count);
    let (mut across, mut along) = (0.0, 0.0);
    for point in points {
        across += (x(point) - mean_x) * (point.value - mean_y);
        along += (x(point) - mean_x).powi(2);
    }
    let slope = across / along;
    Some((slope, mean_y - slope * mean_x))
}

fn instant(function: RangeFunction, points: &[Point]) -> Option<f64> {
    let (before, last) = (points.get(points.len().checked_sub(2)?)?, points.last()?);
    if function == RangeFunction::InstantDelta {
        return Some(last.value - before.value);
    }
    let advanced = if last.value < before.value { last.value } else { last.value - before.value };
    Some(advanced / seconds(before.at, last.at))
}

fn extrapolated(function: RangeFunction, window: Window<'_>) -> Option<f64> {
    let points = window.points;
    let (first, last) = (points.first()?, points.last()?);
    if points.len() < 2 {
        return None;
    }
    let is_counter = function != RangeFunction::Delta;
    let resets = || pairs(points).filter(|(a, b)| b < a).map(|(a, _)| a).sum::<f64>();
    let advanced = last.value - first.value + if is_counter { resets() } else { 0.0 };
    let sampled = seconds(first.at, last.at);
    let between = sampled / (points.len() - 1) as f64;
    let stretch = |to_end: f64| if to_end >= between * 1.1 { between / 2.0 } else { to_end };
    let mut before = stretch(seconds(window.from, first.at));
    if is_counter && advanced > 0.0 && first.value >= 0.0 {
        before = before.min(sampled * (first.value / advanced));
    }
    let after = stretch(seconds(last.at, window.to));
    let whole = advanced * ((sampled + before + after) / sampled);
    Some(if function == RangeFunction::Rate { whole / seconds(window.from, window.to) } else { whole })
}
