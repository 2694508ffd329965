//! The latest good samples of one channel, for conditions that look back: windows, rates, N of the last M.
//!
//! Kept in event time, oldest first, as long as the longest window of any rule on the channel (and as many as the most
//! that a rule counts back). Sums are made anew from the samples each time, oldest first, so that they are what anybody
//! computes from the same samples, however they came here.
//!
//! A window of `over` that ends at the newest sample holds the samples after `newest - over`. Each stands for the
//! interval before it: the window is complete to the share of its time that they cover together. So a sample that comes
//! twice as often covers no more, and a gap of three intervals costs two. An incomplete sum of what is never
//! negative is still known to be *at least* what there is of it ([`Number::AtLeast`]): the rest can only add.
//!
//! Bounded: [`SAMPLES_MAX`]; rules whose windows would hold more at the channel's interval are refused. When more come
//! all the same, the oldest go, and windows that would reach them are not judged until they have passed by.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rules::{Direction, Limit, Of, Reduce, Times};
use crate::model::Timestamp;

/// Samples kept of one channel: a month of one every five minutes, a day of one every nine seconds.
pub(super) const SAMPLES_MAX: usize = 10_000;

/// How far back the rules on a channel look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Need {
    /// In event time.
    pub span: Duration,
    /// At least so many samples, however old.
    pub count: usize,
}

impl Need {
    /// Of one condition; `None` when the newest sample is enough.
    pub(super) fn of(of: &Of, times: Option<Times>) -> Option<Need> {
        let count = times.map(|times| times.of as usize);
        if of.span().is_none() && count.is_none() {
            return None;
        }
        Some(Need { span: of.span().unwrap_or_default(), count: count.unwrap_or_default() })
    }

    pub(super) fn join(&mut self, other: Need) {
        self.span = self.span.max(other.span);
        self.count = self.count.max(other.count);
    }
}

/// What a condition makes of a channel's samples, to be compared with its limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// This.
    Exact(f64),
    /// This or more.
    AtLeast(f64),
}

impl Number {
    pub(super) fn value(self) -> f64 {
        match self {
            Number::Exact(value) | Number::AtLeast(value) => value,
        }
    }

    /// The value where it is certain on which side of a limit it lies; `held`: it held before.
    pub(super) fn against(self, limit: Limit, held: bool) -> Option<f64> {
        let is_beyond = |value| limit.begins(value) || held && limit.goes_on(value);
        match self {
            Number::Exact(value) => Some(value),
            Number::AtLeast(value) => (limit.direction == Direction::Above && is_beyond(value)).then_some(value),
        }
    }
}

/// See the module. Invariant: times ascend strictly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Ring {
    samples: VecDeque<(Timestamp, f64)>,
    /// The newest sample that went because there were too many.
    crowded_out: Option<Timestamp>,
}

impl Ring {
    /// Takes a sample in: a correction when it has the newest one's time, a new beginning when it is older (a clock was
    /// set back).
    pub(super) fn push(&mut self, at: Timestamp, value: f64, need: Need) {
        match self.samples.back_mut() {
            Some((newest, kept)) if *newest == at => *kept = value,
            Some((newest, _)) if *newest > at => {
                *self = Ring::default();
                self.samples.push_back((at, value));
            }
            _ => self.samples.push_back((at, value)),
        }
        self.trim(need);
    }

    /// Takes in a sample that is older than the newest one, or corrects the one of its time; whether it is among those
    /// that are looked back upon.
    pub(super) fn insert(&mut self, at: Timestamp, value: f64, need: Need) -> bool {
        let Some(newest_at) = self.newest_at() else {
            self.push(at, value, need);
            return true;
        };
        let place = match self.samples.binary_search_by_key(&at, |(at, _)| *at) {
            Ok(place) => {
                self.samples[place].1 = value;
                return true;
            }
            Err(place) => place,
        };
        let is_within = place > 0 || at >= newest_at - need.span || self.samples.len() < need.count;
        if !is_within || self.crowded_out.is_some_and(|crowded_out| at <= crowded_out) {
            return false;
        }
        self.samples.insert(place, (at, value));
        self.trim(need);
        true
    }

    /// Takes the sample of that time out; whether there was one.
    pub(super) fn remove(&mut self, at: Timestamp) -> bool {
        let found = self.samples.binary_search_by_key(&at, |(at, _)| *at);
        found.is_ok_and(|place| self.samples.remove(place).is_some())
    }

    /// How many samples there are.
    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// The newest sample.
    pub(super) fn newest(&self) -> Option<(Timestamp, f64)> {
        self.samples.back().copied()
    }

    /// Lets go of what nobody looks back upon, and of what is too much.
    fn trim(&mut self, need: Need) {
        let Some(newest_at) = self.newest_at() else { return };
        let horizon = newest_at - need.span;
        while self.samples.len() > need.count.max(1)
            && self.samples.front().is_some_and(|(oldest, _)| *oldest < horizon)
        {
            self.samples.pop_front();
        }
        while self.samples.len() > SAMPLES_MAX {
            self.crowded_out = self.samples.pop_front().map(|(at, _)| at);
        }
    }

    /// Own time of the newest sample.
    pub(super) fn newest_at(&self) -> Option<Timestamp> {
        self.samples.back().map(|(at, _)| *at)
    }

    /// What a window that ends at the newest sample makes of its samples; `None` when it is not complete enough.
    pub(super) fn reduce(&self, reduce: Reduce, over: Duration, completeness: f64, interval: Duration) -> Option<f64> {
        let begins_at = self.newest_at()? - over;
        if self.crowded_out.is_some_and(|at| at > begins_at) {
            return None;
        }
        let first = self.samples.partition_point(|(at, _)| *at <= begins_at);
        let mut before = begins_at;
        let mut covered = Duration::ZERO;
        let (mut sum, mut least, mut greatest, mut count) = (0.0, f64::INFINITY, f64::NEG_INFINITY, 0u32);
        for (at, value) in self.samples.range(first..) {
            covered += at.since(before).min(interval);
            before = *at;
            sum += value;
            least = value.min(least);
            greatest = value.max(greatest);
            count += 1;
        }
        // A share of a window shorter than the interval is a share of what one sample can stand for.
        let whole = over.as_secs_f64();
        if count == 0 || covered.as_secs_f64() < completeness * whole {
            return None;
        }
        Some(match reduce {
            Reduce::Sum => sum,
            Reduce::Mean => sum / f64::from(count),
            Reduce::Min => least,
            Reduce::Max => greatest,
        })
    }

    /// The sum of those samples of a window that are here, however few; `None` when there is none.
    pub(super) fn sum_so_far(&self, over: Duration) -> Option<f64> {
        let begins_at = self.newest_at()? - over;
        let first = self.samples.partition_point(|(at, _)| *at <= begins_at);
        (first < self.samples.len()).then(|| self.samples.range(first..).map(|(_, value)| value).sum())
    }

    /// The change per hour over a window that ends at the newest sample; `None` when too little of it lies between its
    /// oldest and its newest sample.
    pub(super) fn rate(&self, over: Duration, completeness: f64) -> Option<f64> {
        let (newest_at, newest) = self.samples.back()?;
        let begins_at = *newest_at - over;
        if self.crowded_out.is_some_and(|at| at >= begins_at) {
            return None;
        }
        let first = self.samples.partition_point(|(at, _)| *at < begins_at);
        let (oldest_at, oldest) = self.samples.get(first)?;
        let between = newest_at.since(*oldest_at).as_secs_f64();
        if between <= 0.0 || between < completeness * over.as_secs_f64() {
            return None;
        }
        Some((newest - oldest) / (between / 3_600.0))
    }

    /// How many of the last `of` samples pass; none from before a silence longer than `silence`.
    pub(super) fn passing(&self, of: u32, silence: Duration, is_passed: impl Fn(f64) -> bool) -> u32 {
        let mut after = None;
        let mut count = 0;
        for (at, value) in self.samples.iter().rev().take(of as usize) {
            if after.is_some_and(|after: Timestamp| after.since(*at) > silence) {
                break;
            }
            after = Some(*at);
            count += u32::from(is_passed(*value));
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn ring(samples: &[(i64, f64)], need: Need) -> Ring {
        let mut ring = Ring::default();
        for (seconds, value) in samples {
            ring.push(Timestamp::from_seconds(*seconds), *value, need);
        }
        ring
    }

    fn hour() -> Need {
        Need { span: Duration::from_secs(3_600), count: 0 }
    }

    #[test]
    fn a_window_holds_what_came_after_its_beginning() {
        let ring = ring(&[(0, 1.0), (60, 2.0), (120, 4.0), (180, 8.0)], hour());
        let of = |reduce| ring.reduce(reduce, 3 * MINUTE, 1.0, MINUTE);
        assert_eq!(of(Reduce::Sum), Some(14.0));
        assert_eq!(of(Reduce::Mean), Some(14.0 / 3.0));
        assert_eq!((of(Reduce::Min), of(Reduce::Max)), (Some(2.0), Some(8.0)));
        assert_eq!(ring.reduce(Reduce::Sum, 4 * MINUTE, 1.0, MINUTE), Some(15.0));
    }

    #[test]
    fn completeness_is_the_share_of_time_that_samples_cover() {
        let half = ring(&[(60, 1.0), (120, 1.0)], hour());
        let complete = |ring: &Ring, share| ring.reduce(Reduce::Sum, 4 * MINUTE, share, MINUTE).is_some();
        assert!(complete(&half, 0.5) && !complete(&half, 0.51));
        let often = ring(&[(110, 1.0), (111, 1.0), (112, 1.0), (120, 1.0)], hour());
        assert!(complete(&often, 0.29) && !complete(&often, 0.30), "70 s of 240 s");
        let gap = ring(&[(0, 1.0), (60, 1.0), (240, 1.0)], hour());
        assert!(complete(&gap, 0.5) && !complete(&gap, 0.51));
    }

    #[test]
    fn a_rate_is_per_hour_between_the_oldest_and_the_newest() {
        let river = ring(&[(0, 1.0), (1_800, 1.5), (3_600, 3.0)], hour());
        assert_eq!(river.rate(Duration::from_secs(3_600), 1.0), Some(2.0));
        assert_eq!(river.rate(Duration::from_secs(1_800), 1.0), Some(3.0));
        assert_eq!(river.rate(Duration::from_secs(2_700), 0.75), None, "1800 s of 2700 s");
        assert_eq!(ring(&[(0, 1.0)], hour()).rate(Duration::from_secs(3_600), 0.0), None);
    }

    #[test]
    fn the_last_samples_count_back_to_a_silence() {
        let need = Need { span: Duration::ZERO, count: 4 };
        let ring = ring(&[(0, 9.0), (60, 9.0), (600, 9.0), (660, 1.0), (720, 9.0)], need);
        let beyond = |value: f64| value > 5.0;
        assert_eq!(ring.passing(3, 5 * MINUTE, beyond), 2);
        assert_eq!(ring.passing(4, 5 * MINUTE, beyond), 2, "what was before the silence does not count");
        assert_eq!(ring.passing(4, 10 * MINUTE, beyond), 3);
        assert_eq!(ring.samples.len(), 4);
    }

    #[test]
    fn a_correction_replaces_and_a_clock_set_back_begins_anew() {
        let mut ring = ring(&[(0, 1.0), (60, 2.0), (60, 5.0)], hour());
        assert_eq!(ring.reduce(Reduce::Sum, 2 * MINUTE, 1.0, MINUTE), Some(6.0));
        ring.push(Timestamp::from_seconds(30), 7.0, hour());
        assert_eq!(ring.samples, [(Timestamp::from_seconds(30), 7.0)]);
    }

    #[test]
    fn a_crowded_window_is_not_judged_until_it_has_passed_by() {
        let mut ring = Ring::default();
        let need = Need { span: Duration::from_secs(20_000), count: 0 };
        let count = i64::try_from(SAMPLES_MAX).unwrap();
        for second in 0..=count {
            ring.push(Timestamp::from_seconds(second), 1.0, need);
        }
        assert_eq!(ring.samples.len(), SAMPLES_MAX);
        let sum = |over| ring.reduce(Reduce::Sum, Duration::from_secs(over), 0.5, Duration::from_secs(1));
        assert_eq!(sum(20_000), None);
        assert_eq!(sum(9_000), Some(9_000.0));
    }
}
