//! How a counter (of energy, of water, of vehicles) advances from one reading to the next.
//!
//! Of an ordinary counter a lower reading means that it was reset to zero in between. What is declared goes before:
//! a register that wraps goes on after its end, and a replaced meter counts up to its old final reading and from its
//! new first one. A drop that no declaration explains is a reset.

use std::str::FromStr;

use crate::model::Timestamp;
use crate::store::{StoredSample, advance};

/// A meter was replaced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replaced {
    /// From this time on readings are the new meter's.
    pub at: Timestamp,
    /// The last reading of the old meter.
    pub old_final: f64,
    /// The reading that the new meter began with.
    pub new_first: f64,
}

impl FromStr for Replaced {
    type Err = String;

    /// From `TIME OLD_FINAL NEW_FIRST`: an RFC 3339 time and two numbers.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let text: String = text.chars().take(80).collect();
            format!("{text:?} is not TIME OLD_FINAL NEW_FIRST, such as \"2026-03-01T09:00:00+07:00 98765.4 12.0\"")
        };
        let mut words = text.split_ascii_whitespace();
        let at = words.next().and_then(Timestamp::parse).ok_or_else(wrong)?;
        let mut number = || words.next()?.parse::<f64>().ok().filter(|number| number.is_finite());
        let (old_final, new_first) = number().zip(number()).ok_or_else(wrong)?;
        if words.next().is_some() {
            return Err(wrong());
        }
        Ok(Self { at, old_final, new_first })
    }
}

/// What is declared of a counter; by default nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counter {
    /// The register goes back to zero when it reaches this; more than zero.
    pub wraps_at: Option<f64>,
    /// Ascending by time.
    pub replaced: Vec<Replaced>,
}

impl Counter {
    /// Whether nothing is declared, so that tallies hold its advance.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// What was counted between two readings, the earlier first.
    pub fn advance(&self, before: &StoredSample, after: &StoredSample) -> f64 {
        let between = |replaced: &&Replaced| before.observed_at < replaced.at && replaced.at <= after.observed_at;
        let mut counted = 0.0;
        let mut reading = before.value;
        for replaced in self.replaced.iter().filter(between) {
            counted += self.step(reading, replaced.old_final);
            reading = replaced.new_first;
        }
        counted + self.step(reading, after.value)
    }

    /// A register that falls from its upper half has wrapped; one that falls from the lower half was reset.
    fn step(&self, before: f64, after: f64) -> f64 {
        match self.wraps_at {
            Some(end) if after < before && before <= end && before >= end / 2.0 => end - before + after,
            _ => advance(before, after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Quality;

    fn check(counter: &Counter, readings: &[(i64, f64)], expected: f64) {
        let sample = |(seconds, value): &(i64, f64)| StoredSample {
            observed_at: Timestamp::from_seconds(*seconds),
            value: *value,
            quality: Quality::GOOD,
        };
        let samples: Vec<StoredSample> = readings.iter().map(sample).collect();
        let found: f64 = samples.windows(2).map(|pair| counter.advance(&pair[0], &pair[1])).sum();
        assert!((found - expected).abs() < 1e-9, "{readings:?}: {found}");
    }

    #[test]
    fn drops_are_resets_wraps_or_other_meters() {
        let replaced =
            |seconds, old_final, new_first| Replaced { at: Timestamp::from_seconds(seconds), old_final, new_first };
        let plain = Counter::default();
        check(&plain, &[(0, 10.0), (60, 12.5), (120, 12.5), (180, 13.0)], 3.0);
        check(&plain, &[(0, 10.0), (60, 2.0), (120, 3.0)], 3.0);
        let register = Counter { wraps_at: Some(1_000.0), replaced: Vec::new() };
        check(&register, &[(0, 990.0), (60, 5.0)], 15.0);
        check(&register, &[(0, 100.0), (60, 5.0)], 5.0);
        check(&register, &[(0, 2_000.0), (60, 5.0)], 5.0);
        let exchanged = Counter { wraps_at: None, replaced: vec![replaced(100, 510.0, 7_000.0)] };
        check(&exchanged, &[(0, 500.0), (60, 505.0), (120, 7_004.0)], 14.0);
        check(&exchanged, &[(100, 7_000.0), (160, 7_001.0)], 1.0);
        check(&exchanged, &[(99, 510.0), (100, 7_000.0)], 0.0);
        let twice =
            Counter { wraps_at: Some(1_000.0), replaced: vec![replaced(10, 995.0, 3.0), replaced(20, 4.0, 0.0)] };
        check(&twice, &[(0, 990.0), (30, 2.0)], 8.0);
        let wrapped_first = Counter { wraps_at: Some(1_000.0), replaced: vec![replaced(10, 4.0, 50.0)] };
        check(&wrapped_first, &[(0, 990.0), (30, 52.0)], 16.0);
    }

    #[test]
    fn declarations_are_read_strictly() {
        let check = |text: &str, right: bool| assert_eq!(text.parse::<Replaced>().is_ok(), right, "{text}");
        check("2026-03-01T09:00:00+07:00 98765.4 12.0", true);
        check("2026-03-01T09:00:00Z 0 -1", true);
        for bad in [
            "",
            "2026-03-01T09:00:00Z",
            "2026-03-01T09:00:00Z 1",
            "2026-03-01T09:00:00Z 1 2 3",
            "yesterday 1 2",
            "2026-03-01T09:00:00Z 1 inf",
            "2026-03-01T09:00:00Z NaN 1",
        ] {
            check(bad, false);
        }
    }
}
