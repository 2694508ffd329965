//! When what was observed when came in: by minutes of the samples' own times, the last entry that brought any.
//!
//! Whoever keeps an answer about a past moment asks whether anything of that time or before has come in since: live data
//! touch the minute at hand alone, so the past stays as it is until late data, a correction or an import touch it. Bounded:
//! [`MINUTES_MAX`] minutes up to the newest; what is older is one.

use std::collections::BTreeMap;

use crate::model::{Body, Entry, Sample, Seq, Timestamp};

/// Four days, so that the 48 hours that are replayed on a map are told apart.
const MINUTES_MAX: i64 = 4 * 24 * 60;
const MINUTE_MICROS: i64 = 60_000_000;

/// See the module.
#[derive(Default)]
pub(super) struct Arrivals {
    /// The last entry with samples of before the minutes.
    before: Seq,
    /// By the minute's end.
    minutes: BTreeMap<i64, Seq>,
}

impl Arrivals {
    /// Notes an entry's samples.
    pub(super) fn take(&mut self, entry: &Entry) {
        let samples: &[Sample] = match &entry.body {
            Body::Message(message) => &message.samples,
            Body::Corrections(corrections) => &corrections.samples,
            _ => return,
        };
        let mut noted = None;
        for sample in samples {
            let minute = minute(sample.observed_at);
            if noted != Some(minute) {
                self.note(minute, entry.seq);
                noted = Some(minute);
            }
        }
    }

    fn note(&mut self, minute: i64, by: Seq) {
        let newest = self.minutes.last_key_value().map_or(minute, |(newest, _)| minute.max(*newest));
        if minute <= newest - MINUTES_MAX {
            self.before = self.before.max(by);
            return;
        }
        self.minutes.insert(minute, by);
        while let Some(oldest) = self.minutes.first_entry().filter(|oldest| *oldest.key() <= newest - MINUTES_MAX) {
            self.before = self.before.max(oldest.remove());
        }
    }

    /// The last entry with a sample of a time at or before `at`, and sometimes of one shortly after it.
    pub(super) fn newest_by(&self, at: Timestamp) -> Seq {
        let newest = self.minutes.range(..=minute(at)).map(|(_, by)| *by).max();
        newest.unwrap_or_default().max(self.before)
    }
}

/// The minute that a time is in, by its end: a whole minute is the end of the one before it.
fn minute(at: Timestamp) -> i64 {
    -(-i128::from(at.micros())).div_euclid(i128::from(MINUTE_MICROS)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn what_comes_in_order_leaves_the_past_as_it_is_and_what_comes_late_does_not() {
        let mut arrivals = Arrivals::default();
        let mut note = |seconds, by| arrivals.note(minute(at(seconds)), Seq(by));
        (1..=600).for_each(|minute| note(60 * minute, minute as u64));
        let check =
            |arrivals: &Arrivals, seconds, by| assert_eq!(arrivals.newest_by(at(seconds)), Seq(by), "{seconds}");
        check(&arrivals, 0, 0);
        check(&arrivals, 60, 1);
        check(&arrivals, 6_000, 100);
        arrivals.note(minute(at(601 * 60)), Seq(601));
        check(&arrivals, 6_000, 100);
        arrivals.note(minute(at(5_990)), Seq(602));
        check(&arrivals, 6_000, 602);
        check(&arrivals, 5_940, 99);
    }

    #[test]
    fn minutes_are_bounded_and_what_is_older_is_never_overlooked() {
        let mut arrivals = Arrivals::default();
        for by in 0..20_000_u64 {
            // Live data, and an import that goes back.
            arrivals.note(by as i64, Seq(2 * by));
            arrivals.note(-(by as i64) * 1_000, Seq(2 * by + 1));
        }
        assert!(arrivals.minutes.len() as i64 <= MINUTES_MAX);
        assert_eq!(arrivals.newest_by(Timestamp::from_micros(i64::MIN)), Seq(39_999));
        let ends = [i64::MIN, -1, 0, 1, 60_000_000, i64::MAX].map(|micros| minute(Timestamp::from_micros(micros)));
        assert_eq!(ends[1..5], [0, 0, 1, 1]);
        assert!(ends.is_sorted());
    }
}
