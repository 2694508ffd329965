//! What can be asked of a bucket.
//!
//! Percentiles are of type 7 of Hyndman and Fan (1996), as in NumPy, R and spreadsheets' PERCENTILE.INC: linear between
//! the two samples around place `p (n - 1)` of the sorted values. The standard deviation is the sample's (n - 1).
//! `sum` and `mean` are of samples, not weighted by time.

use super::counter::Counter;

/// A function over the samples of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// Arithmetic mean.
    Mean,
    /// Lowest.
    Min,
    /// Highest.
    Max,
    /// Of the values.
    Sum,
    /// How many samples.
    Count,
    /// The earliest sample's value.
    First,
    /// The latest sample's value.
    Last,
    /// 5th percentile.
    P05,
    /// Median.
    P50,
    /// 95th percentile.
    P95,
    /// Sample standard deviation; none below two samples.
    Stddev,
    /// Hours beyond the asked limit.
    ExceedanceHours,
    /// What a counter advanced.
    Delta,
}

impl Function {
    /// Every function.
    pub const ALL: [Function; 13] = [
        Function::Mean,
        Function::Min,
        Function::Max,
        Function::Sum,
        Function::Count,
        Function::First,
        Function::Last,
        Function::P05,
        Function::P50,
        Function::P95,
        Function::Stddev,
        Function::ExceedanceHours,
        Function::Delta,
    ];

    /// The word in queries and answers.
    pub fn word(self) -> &'static str {
        match self {
            Function::Mean => "mean",
            Function::Min => "min",
            Function::Max => "max",
            Function::Sum => "sum",
            Function::Count => "count",
            Function::First => "first",
            Function::Last => "last",
            Function::P05 => "p05",
            Function::P50 => "p50",
            Function::P95 => "p95",
            Function::Stddev => "stddev",
            Function::ExceedanceHours => "exceedance_hours",
            Function::Delta => "delta",
        }
    }

    /// The share of a percentile; `None` for other functions.
    pub fn share(self) -> Option<f64> {
        match self {
            Function::P05 => Some(0.05),
            Function::P50 => Some(0.5),
            Function::P95 => Some(0.95),
            _ => None,
        }
    }

    /// Whether tallies do not hold it: it needs every sample.
    pub fn needs_samples(self, counter: &Counter) -> bool {
        match self {
            Function::Delta => !counter.is_plain(),
            other => other == Function::ExceedanceHours || other.share().is_some(),
        }
    }
}

/// A value that must not be passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Higher values exceed it; the limit itself does not.
    Above(f64),
    /// Lower values exceed it; the limit itself does not.
    Below(f64),
}

impl Limit {
    /// Whether a value lies beyond.
    pub fn is_exceeded_by(self, value: f64) -> bool {
        match self {
            Limit::Above(limit) => value > limit,
            Limit::Below(limit) => value < limit,
        }
    }
}

/// Type 7: linear between the neighbours of place `share * (n - 1)`. The values are sorted on the way.
pub fn percentile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let place = share * values.len().checked_sub(1)? as f64;
    let low = *values.get(place.floor() as usize)?;
    let high = *values.get(place.ceil() as usize)?;
    Some(low + (high - low) * (place - place.floor()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_numpy() {
        let check = |values: &[f64], share: f64, expected: Option<f64>| {
            let found = percentile(&mut values.to_vec(), share);
            assert!(
                found.zip(expected).map_or(found == expected, |(a, b)| (a - b).abs() < 1e-12),
                "{values:?} {share}: {found:?}"
            );
        };
        check(&[], 0.5, None);
        check(&[3.0], 0.95, Some(3.0));
        check(&[4.0, 1.0, 3.0, 2.0], 0.5, Some(2.5));
        check(&[4.0, 1.0, 3.0, 2.0], 0.05, Some(1.15));
        check(&[10.0, 20.0, 30.0, 40.0, 50.0], 0.95, Some(48.0));
        check(&[-1.0, 0.0, f64::MAX], 1.0, Some(f64::MAX));
    }
}
