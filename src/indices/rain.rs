//! Rain accumulated over windows that end at an instant: 1, 3, 6, 12, 24 and 72 hours.
//!
//! A gauge tells the rain since its last report, so a window (from, to] holds the reports later than its beginning. A
//! report that is missing is rain that nobody counted: a sum says how much of its window is covered. A report covers the
//! time since the one before it, the expected interval at most: many reports of one minute do not stand for an hour.

use std::time::Duration;

use super::quantity::Millimetres;

const HOUR: Duration = Duration::from_secs(3_600);

/// The windows' lengths in hours, and the names of their channels.
pub const WINDOWS: [(u64, &str); 6] =
    [(1, "rain_1h"), (3, "rain_3h"), (6, "rain_6h"), (12, "rain_12h"), (24, "rain_24h"), (72, "rain_72h")];

/// Whether a gauge that reports every `interval` tells the rain of so many hours: a report of a longer time than the window
/// holds rain from before it.
pub fn is_window_of(hours: u64, interval: Duration) -> bool {
    Duration::from_secs(hours.saturating_mul(3_600)) >= interval
}

/// Reports of a gauge, in order of time, with sums from the beginning on: any window costs two look-ups.
#[derive(Clone, Debug, Default)]
pub struct Accumulation {
    /// Microseconds since 1970, ascending.
    times: Vec<i64>,
    /// `sums[i]` is the rain of the first `i` reports.
    sums: Vec<f64>,
    /// `covers[i]` is the time that they cover, microseconds.
    covers: Vec<i64>,
}

/// Rain of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sum {
    /// What the reports add up to.
    pub rain: Millimetres,
    /// Reports in it.
    pub count: usize,
    /// The share of the window that they cover, 0 to 1.
    pub completeness: f64,
}

impl Accumulation {
    /// From reports (microseconds since 1970, rain) in ascending order of time, expected every `interval`.
    pub fn new(reports: impl IntoIterator<Item = (i64, Millimetres)>, interval: Duration) -> Accumulation {
        let mut accumulation = Accumulation { times: Vec::new(), sums: vec![0.0], covers: vec![0] };
        let interval = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX);
        let (mut sum, mut cover) = (0.0, 0_i64);
        for (at, rain) in reports {
            sum += rain.0;
            let gap = accumulation.times.last().map_or(interval, |before| at.saturating_sub(*before));
            cover = cover.saturating_add(gap.min(interval));
            accumulation.times.push(at);
            accumulation.sums.push(sum);
            accumulation.covers.push(cover);
        }
        accumulation
    }

    /// The rain later than `length` before `to`, up to and with `to`.
    pub fn window(&self, to: i64, length: Duration) -> Sum {
        let micros = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        let first = self.times.partition_point(|at| *at <= to.saturating_sub(micros));
        let end = self.times.partition_point(|at| *at <= to);
        let covered = self.covers[end].saturating_sub(self.covers[first]) as f64;
        let completeness = if micros > 0 { (covered / micros as f64).min(1.0) } else { 1.0 };
        // Sums of many decimals: what is lost in the last place is no rain.
        let rain = Millimetres(((self.sums[end] - self.sums[first]) * 1e6).round() / 1e6);
        Sum { rain, count: end - first, completeness }
    }

    /// The same for hours.
    pub fn hours(&self, to: i64, hours: u64) -> Sum {
        self.window(to, HOUR * u32::try_from(hours).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000_000;
    const EVERY: Duration = Duration::from_secs(300);

    #[test]
    fn a_window_holds_its_end_and_not_its_beginning() {
        let gauge = Accumulation::new((0..=24).map(|place| (place * 5 * MINUTE, Millimetres(1.0))), EVERY);
        let check = |to: i64, rain: f64, count: usize| {
            let sum = gauge.hours(to * MINUTE, 1);
            assert_eq!((sum.rain, sum.count), (Millimetres(rain), count), "to {to}");
            assert!((sum.completeness - count as f64 / 12.0).abs() < 1e-9, "to {to}");
        };
        check(120, 12.0, 12);
        check(119, 12.0, 12);
        check(60, 12.0, 12);
        check(55, 12.0, 12);
        check(50, 11.0, 11);
        check(-5, 0.0, 0);
        check(1_000, 0.0, 0);
    }

    #[test]
    fn many_reports_of_one_minute_do_not_stand_for_an_hour() {
        let gauge = Accumulation::new((1..=60).map(|second| (second * 1_000_000, Millimetres(0.1))), EVERY);
        let sum = gauge.hours(MINUTE, 1);
        assert_eq!((sum.count, sum.completeness < 0.1), (60, true));
    }

    proptest! {
        #[test]
        fn sums_are_those_of_a_straightforward_walk(
            reports in prop::collection::vec((1_i64..20, 0.0_f64..30.0), 0..200),
            to in 0_i64..2_000,
            hours in 1_u64..73,
        ) {
            let mut at = 0;
            let reports: Vec<(i64, Millimetres)> =
                reports.into_iter().map(|(gap, rain)| { at += gap * MINUTE; (at, Millimetres(rain)) }).collect();
            let (to, length) = (to * MINUTE, hours as i64 * 60 * MINUTE);
            let inside = reports.iter().filter(|(at, _)| *at > to - length && *at <= to);
            let (count, rain) = inside.fold((0, 0.0), |(count, sum), (_, rain)| (count + 1, sum + rain.0));
            let sum = Accumulation::new(reports.iter().copied(), EVERY).hours(to, hours);
            prop_assert_eq!(sum.count, count);
            prop_assert!((sum.rain.0 - rain).abs() < 1e-5);
        }
    }
}
