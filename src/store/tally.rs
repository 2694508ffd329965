//! What a stretch of one channel's samples comes to: a state that neighbours can be merged into.
//!
//! Made from samples one by one or from the tallies of shorter stretches, the outcome is the same but for the rounding
//! of `sum` and `squares`. Only good samples count; the others are told by their number and their flags. Percentiles
//! and times above a limit are not here: they need the samples.

use crate::model::Quality;

use super::StoredSample;

/// The good samples of a stretch of time, summed up; and what was left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tally {
    /// Good samples.
    pub count: u64,
    /// Samples left out since they are not good.
    pub flagged: u64,
    /// Every flag of every sample, those left out included.
    pub flags: Quality,
    /// Of the values.
    pub sum: f64,
    /// Of the squared distances from the mean (Chan, Golub, LeVeque 1979: merges without cancellation).
    pub squares: f64,
    /// Infinite when there is none.
    pub min: f64,
    /// Minus infinite when there is none.
    pub max: f64,
    /// The earliest good sample.
    pub first: Option<StoredSample>,
    /// The latest good sample.
    pub last: Option<StoredSample>,
    /// What a counter advanced from the first to the last good sample; see [`advance`].
    pub increase: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            count: 0,
            flagged: 0,
            flags: Quality::GOOD,
            sum: 0.0,
            squares: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            first: None,
            last: None,
            increase: 0.0,
        }
    }
}

/// What a counter advanced between two readings: a lower reading means that it was reset to zero in between.
pub fn advance(before: f64, after: f64) -> f64 {
    if after >= before { after - before } else { after }
}

impl Tally {
    /// The tally of ascending samples.
    pub fn of<'a>(samples: impl IntoIterator<Item = &'a StoredSample>) -> Self {
        let mut tally = Self::default();
        samples.into_iter().for_each(|sample| tally.add(sample));
        tally
    }

    /// Adds the sample that follows.
    pub fn add(&mut self, sample: &StoredSample) {
        self.flags = self.flags.with(sample.quality);
        if !sample.quality.is_good() {
            self.flagged += 1;
            return;
        }
        let value = sample.value;
        let before = self.mean().unwrap_or(value);
        self.count += 1;
        self.sum += value;
        let after = self.sum / self.count as f64;
        self.squares += (value - before) * (value - after);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if let Some(last) = self.last {
            self.increase += advance(last.value, value);
        }
        self.first.get_or_insert(*sample);
        self.last = Some(*sample);
    }

    /// Adds the stretch that follows.
    pub fn merge(&mut self, later: &Tally) {
        self.flagged += later.flagged;
        self.flags = self.flags.with(later.flags);
        let (Some(first), Some(mean)) = (later.first, later.mean()) else { return };
        let (own, others) = (self.count as f64, later.count as f64);
        let apart = mean - self.mean().unwrap_or(mean);
        self.squares += later.squares + apart * apart * (own * others / (own + others));
        self.count += later.count;
        self.sum += later.sum;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        if let Some(last) = self.last {
            self.increase += advance(last.value, first.value);
        }
        self.increase += later.increase;
        self.first = self.first.or(later.first);
        self.last = later.last;
    }

    /// `None` without a good sample.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The sample standard deviation (divided by n - 1); `None` below two good samples.
    pub fn stddev(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares.max(0.0) / (self.count - 1) as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Timestamp;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
    }

    proptest! {
        #[test]
        fn merged_stretches_are_the_whole(
            values in prop::collection::vec((-500.0f64..500.0, any::<bool>()), 0..60),
            cuts in prop::collection::vec(0usize..60, 0..5),
        ) {
            let samples: Vec<_> = values.iter().enumerate().map(|(second, (value, good))| StoredSample {
                observed_at: Timestamp::from_seconds(second as i64),
                value: *value,
                quality: if *good { Quality::GOOD } else { Quality::FAULT },
            }).collect();
            let whole = Tally::of(&samples);
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(samples.len())).chain([0, samples.len()]).collect();
            cuts.sort_unstable();
            let mut merged = Tally::default();
            cuts.windows(2).for_each(|cut| merged.merge(&Tally::of(&samples[cut[0]..cut[1]])));
            let good: Vec<f64> = samples.iter().filter(|s| s.quality.is_good()).map(|s| s.value).collect();
            prop_assert_eq!((merged.count, merged.flagged), (good.len() as u64, (samples.len() - good.len()) as u64));
            prop_assert_eq!((merged.min, merged.max, merged.first, merged.last), (whole.min, whole.max, whole.first, whole.last));
            prop_assert!(near(merged.sum, good.iter().sum()));
            prop_assert!(near(merged.increase, good.windows(2).map(|pair| advance(pair[0], pair[1])).sum()));
            if good.len() > 1 {
                let mean = good.iter().sum::<f64>() / good.len() as f64;
                let squares: f64 = good.iter().map(|value| (value - mean) * (value - mean)).sum();
                let expected = (squares / (good.len() - 1) as f64).sqrt();
                prop_assert!(near(merged.stddev().unwrap(), expected) && near(whole.stddev().unwrap(), expected));
            }
        }
    }
}
