//! Buckets of the calendar in a time zone.
//!
//! A day begins at local midnight; where clocks skip midnight, at the first instant of that date; where midnight comes
//! twice, at the first one, unless clocks go back into the day before after it. Weeks begin on Monday, months on the
//! 1st. Minutes and hours are of time that passes, counted from the start of the day, and the last bucket of a day ends
//! with it: a day of 23 hours has 23 buckets of an hour, and 7 whole ones of `3h` and one of 2 hours. Multiples of days
//! count from 1970-01-01, of weeks from Monday 1970-01-05, of months, quarters and years from January of year 0
//! (so `2q` begins in January and July).
//!
//! Buckets are half open, `begin <= time < end`, without gap or overlap.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::every::{CalendarUnit, Every};
use crate::model::Timestamp;

/// 0200-01-01T00:00:00Z: buckets are made from here on.
pub const EARLIEST: Timestamp = Timestamp::from_seconds(-55_855_785_600);
/// 9800-01-01T00:00:00Z: buckets are made up to here.
pub const LATEST: Timestamp = Timestamp::from_seconds(247_090_953_600);

const INSIDE: &str = "years 100 to 9900 are inside jiff's range";

/// One bucket of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its first instant, or the question's `from` inside it.
    pub begin: Timestamp,
    /// The first instant after it, or the question's `to` inside it.
    pub end: Timestamp,
    /// The question's range cuts it.
    pub is_cut: bool,
}

/// The buckets of a range of time, ascending.
#[derive(Clone, Debug)]
pub struct Buckets {
    every: Every,
    zone: TimeZone,
    from: Timestamp,
    to: Timestamp,
    next: Timestamp,
    /// The day looked at last: its start and end.
    day: (Timestamp, Timestamp),
}

impl Buckets {
    /// Of `from..to`, which is taken to lie inside [`EARLIEST`]..[`LATEST`].
    pub fn new(every: Every, zone: TimeZone, from: Timestamp, to: Timestamp) -> Self {
        let (from, to) = (from.clamp(EARLIEST, LATEST), to.clamp(EARLIEST, LATEST));
        Self { every, zone, from, to, next: from, day: (EARLIEST, EARLIEST) }
    }

    /// The same from the bucket on that holds an instant.
    #[must_use]
    pub fn starting_at(mut self, at: Timestamp) -> Self {
        self.next = at.clamp(self.from, self.to);
        self
    }

    /// The whole bucket around an instant.
    fn around(&mut self, at: Timestamp) -> (Timestamp, Timestamp) {
        let count = i64::from(self.every.count());
        match self.every.unit() {
            CalendarUnit::Minute | CalendarUnit::Hour => {
                if at < self.day.0 || at >= self.day.1 {
                    let date = self.date_of(at);
                    self.day = (self.start_of(date), self.start_of(date.saturating_add(1.day())));
                }
                let (start, end) = self.day;
                let length = self.every.usual_micros();
                let begin = start.micros() + (at.micros() - start.micros()).div_euclid(length) * length;
                (Timestamp::from_micros(begin), Timestamp::from_micros((begin + length).min(end.micros())))
            }
            CalendarUnit::Day => self.days_around(at, date(1970, 1, 1), count),
            CalendarUnit::Week => self.days_around(at, date(1970, 1, 5), 7 * count),
            CalendarUnit::Month => self.months_around(at, count),
            CalendarUnit::Quarter => self.months_around(at, 3 * count),
            CalendarUnit::Year => self.months_around(at, 12 * count),
        }
    }

    fn days_around(&self, at: Timestamp, origin: Date, days: i64) -> (Timestamp, Timestamp) {
        let passed = i64::from((self.date_of(at) - origin).get_days());
        let begin = passed.div_euclid(days) * days;
        let start = |day: i64| self.start_of(origin.saturating_add(day.days()));
        (start(begin), start(begin + days))
    }

    fn months_around(&self, at: Timestamp, months: i64) -> (Timestamp, Timestamp) {
        let date_of = self.date_of(at);
        let passed = i64::from(date_of.year()) * 12 + i64::from(date_of.month()) - 1;
        let begin = passed.div_euclid(months) * months;
        let start = |month: i64| {
            let year = i16::try_from(month.div_euclid(12)).expect(INSIDE);
            let month = i8::try_from(month.rem_euclid(12) + 1).expect(INSIDE);
            self.start_of(date(year, month, 1))
        };
        (start(begin), start(begin + months))
    }

    /// The date whose day, as [`Buckets::start_of`] has it, holds an instant.
    fn date_of(&self, at: Timestamp) -> Date {
        let mut date = self.zone.to_datetime(at.to_jiff()).date();
        while self.start_of(date.saturating_add(1.day())) <= at {
            date = date.saturating_add(1.day());
        }
        while self.start_of(date) > at {
            date = date.saturating_sub(1.day());
        }
        date
    }

    /// The first instant of a date. A date that never was begins where the next one does.
    fn start_of(&self, date: Date) -> Timestamp {
        let midnight = date.at(0, 0, 0, 0);
        let ambiguous = self.zone.to_ambiguous_timestamp(midnight);
        let with = |offset: jiff::tz::Offset| offset.to_timestamp(midnight).expect(INSIDE);
        let instant = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => with(offset),
            AmbiguousOffset::Gap { after, .. } => {
                // Read with the later offset, a skipped time lies before the skip.
                let change = self.zone.following(with(after)).next();
                change.map_or_else(|| with(after), |change| change.timestamp())
            }
            AmbiguousOffset::Fold { before, after } => {
                let change = self.zone.following(with(before)).next().map(|change| change.timestamp());
                let back_into_yesterday =
                    change.is_some_and(|change| self.zone.to_datetime(change).date() < date && change > with(before));
                if back_into_yesterday { with(after) } else { with(before) }
            }
        };
        Timestamp::from_micros(instant.as_microsecond())
    }
}

impl Iterator for Buckets {
    type Item = Bucket;

    fn next(&mut self) -> Option<Bucket> {
        if self.next >= self.to {
            return None;
        }
        let (begin, end) = self.around(self.next);
        self.next = end;
        let is_cut = begin < self.from || end > self.to;
        Some(Bucket { begin: begin.max(self.from), end: end.min(self.to), is_cut })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn buckets(every: &str, zone: &str, from: &str, to: &str) -> Vec<Bucket> {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        Buckets::new(every.parse().unwrap(), TimeZone::get(zone).unwrap(), at(from), at(to)).collect()
    }

    fn check(every: &str, zone: &str, from: &str, to: &str, expected: &[&str]) {
        let found = buckets(every, zone, from, to);
        let tz = TimeZone::get(zone).unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|bucket| {
                let begin = bucket.begin.to_jiff().to_zoned(tz.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z");
                let hours = bucket.end.since(bucket.begin).as_secs_f64() / 3_600.0;
                format!("{begin} {hours}h{}", if bucket.is_cut { " cut" } else { "" })
            })
            .collect();
        assert_eq!(shown, expected, "{every} {zone}");
    }

    #[test]
    fn the_ends_of_the_calendar_are_the_years_they_say() {
        assert_eq!(EARLIEST, Timestamp::parse("0200-01-01T00:00:00Z").unwrap());
        assert_eq!(LATEST, Timestamp::parse("9800-01-01T00:00:00Z").unwrap());
        for every in ["1m", "24h", "366d", "53w", "120mo", "40q", "100y"] {
            for at in [EARLIEST, LATEST] {
                let zone = TimeZone::get("Pacific/Kiritimati").unwrap();
                let mut buckets = Buckets::new(every.parse().unwrap(), zone, EARLIEST, LATEST);
                let (begin, end) = buckets.around(at);
                assert!(begin <= at && at < end, "{every} {at}");
            }
        }
    }

    #[test]
    fn days_have_23_and_25_hours_where_clocks_change() {
        check(
            "1d",
            "Europe/London",
            "2026-03-28T00:00:00Z",
            "2026-03-30T23:00:00Z",
            &["2026-03-28T00:00:00+00:00 24h", "2026-03-29T00:00:00+00:00 23h", "2026-03-30T00:00:00+01:00 24h"],
        );
        check(
            "1d",
            "America/New_York",
            "2026-11-01T04:00:00Z",
            "2026-11-02T05:00:00Z",
            &["2026-11-01T00:00:00-04:00 25h"],
        );
        check(
            "1d",
            "Australia/Lord_Howe",
            "2026-04-04T13:00:00Z",
            "2026-04-05T13:30:00Z",
            &["2026-04-05T00:00:00+11:00 24.5h"],
        );
    }

    #[test]
    fn a_day_without_midnight_begins_when_it_begins() {
        check(
            "1d",
            "America/Sao_Paulo",
            "2018-11-03T03:00:00Z",
            "2018-11-05T02:00:00Z",
            &["2018-11-03T00:00:00-03:00 24h", "2018-11-04T01:00:00-02:00 23h"],
        );
        check(
            "1mo",
            "Asia/Beirut",
            "2027-03-27T22:00:00Z",
            "2027-03-28T21:00:00Z",
            &["2027-03-28T01:00:00+03:00 23h cut"],
        );
        // Clocks went from 23:30 of the 30th to 00:30 of the 31st.
        check(
            "1d",
            "America/Toronto",
            "1919-03-31T04:30:00Z",
            "1919-04-01T04:00:00Z",
            &["1919-03-31T00:30:00-04:00 23.5h"],
        );
    }

    #[test]
    fn midnight_twice_is_one_day() {
        check(
            "1d",
            "America/Havana",
            "2026-11-01T04:00:00Z",
            "2026-11-02T05:00:00Z",
            &["2026-11-01T00:00:00-04:00 25h"],
        );
        check(
            "1d",
            "America/Sao_Paulo",
            "2018-02-17T02:00:00Z",
            "2018-02-18T03:00:00Z",
            &["2018-02-17T00:00:00-02:00 25h"],
        );
        // Clocks went back at 00:01, into the day before: it lasts until the second midnight.
        check(
            "1d",
            "America/St_Johns",
            "2005-10-29T02:30:00Z",
            "2005-10-30T03:30:00Z",
            &["2005-10-29T00:00:00-02:30 25h"],
        );
    }

    #[test]
    fn a_date_that_never_was_has_no_bucket() {
        check(
            "1d",
            "Pacific/Apia",
            "2011-12-29T10:00:00Z",
            "2011-12-31T10:00:00Z",
            &["2011-12-29T00:00:00-10:00 24h", "2011-12-31T00:00:00+14:00 24h"],
        );
    }

    #[test]
    fn hours_are_of_time_that_passes_and_begin_anew_at_midnight() {
        check(
            "6h",
            "Europe/London",
            "2026-03-29T00:00:00Z",
            "2026-03-29T23:00:00Z",
            &[
                "2026-03-29T00:00:00+00:00 6h",
                "2026-03-29T07:00:00+01:00 6h",
                "2026-03-29T13:00:00+01:00 6h",
                "2026-03-29T19:00:00+01:00 5h",
            ],
        );
        let day = buckets("1h", "Australia/Lord_Howe", "2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z");
        assert_eq!(day.len(), 24, "23 whole hours and a half");
        assert_eq!(buckets("1h", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z").len(), 25);
    }

    #[test]
    fn the_first_and_the_last_are_cut_to_the_question() {
        check(
            "1d",
            "Asia/Kathmandu",
            "2026-11-20T00:00:00Z",
            "2026-11-21T00:00:00Z",
            &["2026-11-20T05:45:00+05:45 18.25h cut", "2026-11-21T00:00:00+05:45 5.75h cut"],
        );
        check("1d", "Asia/Kathmandu", "2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z", &[]);
    }

    #[test]
    fn longer_units_begin_where_calendars_begin_them() {
        let first = |every: &str, at: &str| {
            let zone = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
            let mut buckets = Buckets::new(every.parse().unwrap(), zone.clone(), EARLIEST, LATEST);
            let (begin, end) = buckets.around(Timestamp::parse(at).unwrap());
            [begin, end].map(|at| zone.to_datetime(at.to_jiff()).to_string())
        };
        let check = |every: &str, at: &str, begin: &str, end: &str| {
            assert_eq!(first(every, at), [begin, end].map(|day| format!("{day}T00:00:00")), "{every}");
        };
        check("1w", "2026-11-22T10:00:00+07:00", "2026-11-16", "2026-11-23");
        check("1mo", "2024-02-29T10:00:00+07:00", "2024-02-01", "2024-03-01");
        check("1q", "2026-12-31T23:00:00+07:00", "2026-10-01", "2027-01-01");
        check("2q", "2026-12-31T23:00:00+07:00", "2026-07-01", "2027-01-01");
        check("1y", "2026-01-01T00:00:00+07:00", "2026-01-01", "2027-01-01");
        check("10y", "2026-01-01T00:00:00+07:00", "2020-01-01", "2030-01-01");
        check("3d", "1970-01-04T00:00:00+07:00", "1970-01-04", "1970-01-07");
    }

    proptest! {
        #[test]
        fn buckets_cover_the_range_without_gap(
            zone in prop::sample::select(vec![
                "Asia/Ho_Chi_Minh", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
                "America/Sao_Paulo", "America/St_Johns", "Pacific/Apia", "Africa/Casablanca",
            ]),
            every in prop::sample::select(vec!["7m", "90m", "1h", "5h", "24h", "1d", "3d", "1w", "1mo", "1q", "1y"]),
            from in -1_000_000_000i64..2_000_000_000,
            days in 0i64..40,
            more in 0i64..86_400,
        ) {
            let (from, to) = (Timestamp::from_seconds(from), Timestamp::from_seconds(from + days * 86_400 + more));
            let zone = TimeZone::get(zone).unwrap();
            let found: Vec<Bucket> = Buckets::new(every.parse().unwrap(), zone.clone(), from, to).collect();
            let mut at = from;
            for bucket in &found {
                prop_assert_eq!(bucket.begin, at);
                prop_assert!(bucket.end > bucket.begin);
                at = bucket.end;
            }
            prop_assert_eq!(at, to);
            prop_assert!(found.iter().skip(1).rev().skip(1).all(|bucket| !bucket.is_cut));
            // Any place to go on from gives the rest.
            if let Some(bucket) = found.get(found.len() / 2) {
                let rest: Vec<Bucket> = Buckets::new(every.parse().unwrap(), zone, from, to).starting_at(bucket.begin).collect();
                prop_assert_eq!(&rest[..], &found[found.len() / 2..]);
            }
        }
    }
}
