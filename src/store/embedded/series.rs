//! One channel's samples in memory, one per time.
//!
//! Samples are a vector in the order of time as long as they arrive in that order; whatever comes late goes into a tree
//! beside it. So live data costs 24 bytes a sample, and no order of arrival makes an import slow. A later sample of
//! the same time replaces the earlier one (last write wins).
//!
//! The newest few stand in the series itself: thousands of channels in turn would otherwise each write to a page of
//! their own, and the processor would spend its time on finding pages (measured: two thirds of taking a sample).

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::model::{Quality, Timestamp};

use super::StoredSample;

/// Samples that stand in the series itself.
const FRESH: usize = 8;

const NOTHING: StoredSample =
    StoredSample { observed_at: Timestamp::from_micros(0), value: 0.0, quality: Quality::GOOD };

/// One channel's samples, one per time.
pub(super) struct Series {
    /// The latest time written when the series began.
    floor: Option<Timestamp>,
    /// The first so many are the newest, ascending, all after `ordered`.
    fresh: [StoredSample; FRESH],
    fresh_count: usize,
    /// Ascending in time.
    ordered: Vec<StoredSample>,
    /// What came late. No time is in two places.
    late: BTreeMap<Timestamp, StoredSample>,
}

impl Default for Series {
    /// Empty, of a channel of which nothing is known.
    fn default() -> Self {
        Self { floor: None, fresh: [NOTHING; FRESH], fresh_count: 0, ordered: Vec::new(), late: BTreeMap::new() }
    }
}

impl Series {
    /// Says of an empty one what the latest time of the channel is.
    pub(super) fn begin_after(&mut self, floor: Option<Timestamp>) {
        self.floor = floor;
    }

    fn fresh(&self) -> &[StoredSample] {
        &self.fresh[..self.fresh_count]
    }

    fn last_in_order(&self) -> Option<&StoredSample> {
        self.fresh().last().or(self.ordered.last())
    }

    /// Returns what it replaces.
    pub(super) fn put(&mut self, sample: StoredSample) -> Option<StoredSample> {
        let at = sample.observed_at;
        if self.last_in_order().is_none_or(|last| last.observed_at < at) {
            // What came late lies before the last in order, so it is not this time.
            if self.fresh_count == FRESH {
                self.close();
            }
            self.fresh[self.fresh_count] = sample;
            self.fresh_count += 1;
            return None;
        }
        let by_time = |sample: &StoredSample| sample.observed_at;
        if let Ok(place) = self.fresh().binary_search_by_key(&at, by_time) {
            return Some(std::mem::replace(&mut self.fresh[place], sample));
        }
        match self.ordered.binary_search_by_key(&at, by_time) {
            Ok(place) => Some(std::mem::replace(&mut self.ordered[place], sample)),
            Err(_) => self.late.insert(at, sample),
        }
    }

    /// Puts all that came in order into one place.
    pub(super) fn close(&mut self) {
        self.ordered.extend_from_slice(&self.fresh[..self.fresh_count]);
        self.fresh_count = 0;
    }

    /// Everything is written: [`Series::begin_after`] comes next.
    pub(super) fn empty(&mut self) {
        self.fresh_count = 0;
        // An import fills a head with one channel after the other: none keeps more than it needed last.
        let needed = self.ordered.len() * 2;
        self.ordered.clear();
        self.ordered.shrink_to(needed);
        self.late.clear();
    }

    /// The latest time of the channel when the series began.
    pub(super) fn floor(&self) -> Option<Timestamp> {
        self.floor
    }

    /// The sample at exactly that time.
    pub(super) fn at(&self, at: Timestamp) -> Option<&StoredSample> {
        let find = |samples: &[StoredSample]| samples.binary_search_by_key(&at, |sample| sample.observed_at).ok();
        let fresh = find(self.fresh()).map(|place| &self.fresh[place]);
        fresh.or_else(|| find(&self.ordered).map(|place| &self.ordered[place])).or_else(|| self.late.get(&at))
    }

    /// The newest sample at or before that time.
    pub(super) fn newest_by(&self, at: Timestamp) -> Option<StoredSample> {
        let newest = |samples: &[StoredSample]| {
            let place = samples.partition_point(|sample| sample.observed_at <= at).checked_sub(1)?;
            samples.get(place).copied()
        };
        let in_order = newest(self.fresh()).or_else(|| newest(&self.ordered));
        let late = self.late.range(..=at).next_back().map(|(_, sample)| *sample);
        in_order.into_iter().chain(late).max_by_key(|sample| sample.observed_at)
    }

    /// The time of the first sample.
    pub(super) fn first_at(&self) -> Option<Timestamp> {
        let in_order = self.ordered.first().or(self.fresh().first()).map(|sample| sample.observed_at);
        in_order.into_iter().chain(self.late.keys().next().copied()).min()
    }

    pub(super) fn last(&self) -> Option<StoredSample> {
        // What came late lies before the last in order.
        self.last_in_order().copied()
    }

    /// Samples with `from <= time < to`, ascending.
    pub(super) fn between(&self, from: Timestamp, to: Timestamp) -> Vec<StoredSample> {
        if from >= to {
            return Vec::new();
        }
        let within = |samples: &'_ [StoredSample]| {
            let place = |at| samples.partition_point(|sample| sample.observed_at < at);
            place(from)..place(to)
        };
        let mut in_order = self.ordered[within(&self.ordered)].to_vec();
        in_order.extend_from_slice(&self.fresh()[within(self.fresh())]);
        if self.late.is_empty() {
            return in_order;
        }
        merge(&in_order, self.late.range(from..to).map(|(_, sample)| *sample).collect())
    }

    /// All samples, ascending.
    pub(super) fn all(&self) -> Cow<'_, [StoredSample]> {
        let in_order = if self.fresh().is_empty() {
            Cow::Borrowed(&self.ordered[..])
        } else {
            Cow::Owned([&self.ordered, self.fresh()].concat())
        };
        if self.late.is_empty() {
            return in_order;
        }
        Cow::Owned(merge(&in_order, self.late.values().copied().collect()))
    }
}

/// Two ascending lists as one; at equal times the newer list wins.
pub(super) fn merge(older: &[StoredSample], newer: Vec<StoredSample>) -> Vec<StoredSample> {
    if older.is_empty() {
        return newer;
    }
    let Some(first) = newer.first() else {
        return older.to_vec();
    };
    let mut out = Vec::with_capacity(older.len() + newer.len());
    let before = older.partition_point(|sample| sample.observed_at < first.observed_at);
    out.extend_from_slice(&older[..before]);
    let mut older = older[before..].iter().peekable();
    for sample in newer {
        while let Some(earlier) = older.next_if(|earlier| earlier.observed_at < sample.observed_at) {
            out.push(*earlier);
        }
        older.next_if(|earlier| earlier.observed_at == sample.observed_at);
        out.push(sample);
    }
    out.extend(older);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(at: i64, value: f64) -> StoredSample {
        StoredSample { observed_at: Timestamp::from_micros(at), value, ..NOTHING }
    }

    proptest! {
        #[test]
        fn a_series_is_a_map_by_time(times in prop::collection::vec(0i64..60, 0..100), from in 0i64..60, to in 0i64..60) {
            let mut series = Series::default();
            let mut expected = BTreeMap::new();
            for (value, at) in times.iter().enumerate() {
                let replaced = series.put(sample(*at, value as f64)).map(|before| before.value);
                prop_assert_eq!(replaced, expected.insert(*at, value as f64));
            }
            let plain = |samples: Vec<StoredSample>| -> Vec<(i64, f64)> {
                samples.iter().map(|sample| (sample.observed_at.micros(), sample.value)).collect()
            };
            prop_assert_eq!(plain(series.all().into_owned()), expected.clone().into_iter().collect::<Vec<_>>());
            let between: Vec<_> = expected.iter().filter(|(at, _)| from <= **at && **at < to).map(|(a, v)| (*a, *v)).collect();
            prop_assert_eq!(plain(series.between(Timestamp::from_micros(from), Timestamp::from_micros(to))), between);
            prop_assert_eq!(plain(series.last().into_iter().collect()), expected.last_key_value().map(|(a, v)| (*a, *v)).into_iter().collect::<Vec<_>>());
            prop_assert_eq!(series.first_at().map(Timestamp::micros), expected.first_key_value().map(|(at, _)| *at));
            for at in 0..60 {
                let found = series.at(Timestamp::from_micros(at)).map(|sample| sample.value);
                prop_assert_eq!(found, expected.get(&at).copied());
            }
        }
    }
}
