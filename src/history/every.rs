//! Lengths of buckets as people write them: `15m`, `1h`, `3h`, `1d`, `1w`, `1mo`, `1q`, `1y`.
//!
//! Unlike [`crate::model::Span`] these are lengths of the calendar: a day has 23 to 25 hours, a month 28 to 31 days.
//! Minutes and hours begin anew at each local midnight, so they reach up to a day; longer ones are days and more.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;

use crate::model::Timestamp;

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CalendarUnit {
    /// 60 seconds.
    Minute,
    /// 60 minutes that pass, whatever clocks show.
    Hour,
    /// From one local midnight to the next.
    Day,
    /// Seven days from Monday on.
    Week,
    /// From the first of a month on.
    Month,
    /// From the first of January, April, July or October on.
    Quarter,
    /// From the first of January on.
    Year,
}

/// The unit, its short and long word, how many at most, and its usual length in seconds.
const UNITS: [(CalendarUnit, &str, &str, u32, i64); 7] = [
    (CalendarUnit::Minute, "m", "minute", 1_440, 60),
    (CalendarUnit::Hour, "h", "hour", 24, 3_600),
    (CalendarUnit::Day, "d", "day", 366, 86_400),
    (CalendarUnit::Week, "w", "week", 53, 604_800),
    (CalendarUnit::Month, "mo", "month", 120, 2_629_746),
    (CalendarUnit::Quarter, "q", "quarter", 40, 7_889_238),
    (CalendarUnit::Year, "y", "year", 100, 31_556_952),
];

/// A whole number of calendar units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Every {
    count: u32,
    unit: CalendarUnit,
}

/// A text that is not a length of the calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a length such as 15m, 1h, 1d, 1w, 1mo, 1q or 1y (up to 1440m, 24h, 366d, 53w, 120mo, 40q, 100y; \
     minutes and hours begin anew at midnight, so longer ones are days)"
)]
pub struct NotEvery(String);

impl Every {
    /// How many units; at least 1.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Of what.
    pub fn unit(self) -> CalendarUnit {
        self.unit
    }

    /// About how long, in microseconds: exact below a day, an average beyond.
    pub fn usual_micros(self) -> i64 {
        let seconds = UNITS.iter().find(|unit| unit.0 == self.unit).map_or(60, |unit| unit.4);
        i64::from(self.count) * seconds * 1_000_000
    }

    /// The same civil time so much earlier in a zone: the last day of a shorter month for a 31st. Hours and minutes
    /// are of time that passes.
    pub fn before(self, at: Timestamp, zone: &TimeZone) -> Timestamp {
        let count = i64::from(self.count);
        let span = match self.unit {
            CalendarUnit::Minute | CalendarUnit::Hour => {
                return Timestamp::from_micros(at.micros().saturating_sub(self.usual_micros()));
            }
            CalendarUnit::Day => jiff::Span::new().days(count),
            CalendarUnit::Week => jiff::Span::new().weeks(count),
            CalendarUnit::Month => jiff::Span::new().months(count),
            CalendarUnit::Quarter => jiff::Span::new().months(3 * count),
            CalendarUnit::Year => jiff::Span::new().years(count),
        };
        let civil = zone.to_datetime(at.to_jiff()).saturating_sub(span);
        zone.to_timestamp(civil).map_or(at, |instant| Timestamp::from_micros(instant.as_microsecond()))
    }
}

impl FromStr for Every {
    type Err = NotEvery;

    fn from_str(text: &str) -> Result<Self, NotEvery> {
        let wrong = || NotEvery(text.chars().take(40).collect());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, word) = text.split_at(digits);
        let count: u32 = if number.is_empty() { 1 } else { number.parse().map_err(|_| wrong())? };
        let named = |unit: &&(CalendarUnit, &str, &str, u32, i64)| {
            let long = unit.2 == word || word.strip_suffix('s') == Some(unit.2);
            long || (unit.1 == word && !number.is_empty())
        };
        let (unit, .., most, _) = *UNITS.iter().find(named).ok_or_else(wrong)?;
        if (1..=most).contains(&count) { Ok(Self { count, unit }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = UNITS.iter().find(|unit| unit.0 == self.unit).map_or("", |unit| unit.1);
        write!(f, "{}{word}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_as_people_write_them() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(text.parse::<Every>().ok().map(|every| every.to_string()).as_deref(), expected, "{text}");
        };
        for same in ["1m", "15m", "1h", "3h", "24h", "1d", "2w", "1mo", "3mo", "1q", "1y", "100y"] {
            check(same, Some(same));
        }
        check("hour", Some("1h"));
        check("2days", Some("2d"));
        check("month", Some("1mo"));
        for bad in
            ["", "m", "1", "0h", "25h", "1441m", "1M", "1s", "-1d", "1.5h", "1h30m", "1d1h", "101y", "9999999999d"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn earlier_by_the_calendar() {
        let check = |every: &str, at: &str, zone: &str, expected: &str| {
            let zone = TimeZone::get(zone).unwrap();
            let at = Timestamp::parse(at).unwrap();
            assert_eq!(
                every.parse::<Every>().unwrap().before(at, &zone),
                Timestamp::parse(expected).unwrap(),
                "{every} {at}"
            );
        };
        check("1y", "2026-11-21T00:00:00+07:00", "Asia/Ho_Chi_Minh", "2025-11-21T00:00:00+07:00");
        check("1mo", "2026-03-31T00:00:00+07:00", "Asia/Ho_Chi_Minh", "2026-02-28T00:00:00+07:00");
        check("1q", "2026-03-31T00:00:00+07:00", "Asia/Ho_Chi_Minh", "2025-12-31T00:00:00+07:00");
        check("1d", "2026-03-30T00:00:00+01:00", "Europe/London", "2026-03-29T00:00:00Z");
        check("24h", "2026-03-30T00:00:00+01:00", "Europe/London", "2026-03-28T23:00:00Z");
    }
}
