//! When a rule is in force: months, days and a time of day in a zone.
//!
//! A calendar is a row of *openings*, one for each day that it names: from `from` of that day to `to` of the same day, or
//! of the next one when `to` is not after `from`; the whole day without either. An opening that runs past midnight
//! belongs to the day (and month) on which it began. A time that a change of clock skips comes as much
//! later; one that comes twice is the first of the two. Openings that touch are one.
//!
//! Left out on purpose: holidays, and any list of dates.

use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// Openings that one question is led through: a channel is silent long before.
const OPENINGS_MAX: usize = 800;

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    /// Bit n: month n + 1. All of them when the rule names none.
    pub months: u16,
    /// Bit n: the day n days after Monday. All of them when the rule names none.
    pub days: u8,
    /// Minutes after midnight, 0 to 1439.
    pub from_minute: u16,
    /// Minutes after midnight, 1 to 1440; on the next day when it is not after `from_minute`.
    pub to_minute: u16,
    /// Where the clock stands by which all this is read.
    pub zone: Zone,
}

/// A time zone of the IANA database, written as its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// By its name, such as `Asia/Ho_Chi_Minh`; `None` when there is none.
    pub fn named(name: &str) -> Option<Zone> {
        Some(Zone { name: name.to_owned(), zone: TimeZone::get(name).ok()? })
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Zone, String> {
        Zone::named(&name).ok_or_else(|| format!("{name:?} is no time zone"))
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.name
    }
}

impl Calendar {
    /// Whether the rule is in force.
    pub fn is_open_at(&self, at: Timestamp) -> bool {
        self.opening_at(at).is_some()
    }

    /// The first instant from `after` to `until` at which it is closed.
    pub fn closes_within(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let mut closes_at = after;
        for _ in 0..OPENINGS_MAX {
            match self.opening_at(closes_at) {
                None => return Some(closes_at),
                Some(end) if end > until => return None,
                Some(end) => closes_at = end,
            }
        }
        None
    }

    /// When the opening ends in which `at` lies.
    fn opening_at(&self, at: Timestamp) -> Option<Timestamp> {
        let day = at.to_jiff().to_zoned(self.zone.zone.clone()).date();
        let overnight = self.to_minute <= self.from_minute;
        let begins = [Some(day), day.yesterday().ok().filter(|_| overnight)];
        begins.into_iter().flatten().find_map(|day| {
            let (from, to) = self.opening_on(day)?;
            (from <= at && at < to).then_some(to)
        })
    }

    fn opening_on(&self, day: Date) -> Option<(Timestamp, Timestamp)> {
        let month = u32::try_from(day.month() - 1).ok()?;
        let weekday = u32::try_from(day.weekday().to_monday_zero_offset()).ok()?;
        if self.months & (1 << month) == 0 || self.days & (1 << weekday) == 0 {
            return None;
        }
        let last = if self.to_minute <= self.from_minute { day.tomorrow().ok()? } else { day };
        Some((self.instant(day, self.from_minute)?, self.instant(last, self.to_minute)?))
    }

    fn instant(&self, day: Date, minute: u16) -> Option<Timestamp> {
        let (day, minute) = if minute == 1_440 { (day.tomorrow().ok()?, 0) } else { (day, minute) };
        let time = Time::midnight() + Duration::from_secs(u64::from(minute) * 60);
        let zoned = day.to_datetime(time).to_zoned(self.zone.zone.clone()).ok()?;
        Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_MONTH: u16 = 0xfff;
    const EVERY_DAY: u8 = 0x7f;

    fn calendar(months: u16, days: u8, (from_minute, to_minute): (u16, u16), zone: &str) -> Calendar {
        Calendar { months, days, from_minute, to_minute, zone: Zone::named(zone).unwrap() }
    }

    #[track_caller]
    fn check(calendar: &Calendar, rows: &[(&str, bool)]) {
        for (text, expected) in rows {
            let at = Timestamp::parse(text).unwrap();
            assert_eq!(calendar.is_open_at(at), *expected, "{text}");
        }
    }

    #[test]
    fn a_time_of_day_is_read_by_the_zones_clock() {
        let day = calendar(EVERY_MONTH, EVERY_DAY, (6 * 60, 21 * 60), "Asia/Ho_Chi_Minh");
        check(
            &day,
            &[
                ("2026-03-01T05:59:59+07:00", false),
                ("2026-03-01T06:00:00+07:00", true),
                ("2026-03-01T20:59:59.999999+07:00", true),
                ("2026-03-01T21:00:00+07:00", false),
            ],
        );
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        // Saturdays in March, 22:00 to 04:00; 2026-02-28 and 2026-03-28 are Saturdays.
        let night = calendar(1 << 2, 1 << 5, (22 * 60, 4 * 60), "Asia/Ho_Chi_Minh");
        check(
            &night,
            &[
                ("2026-02-28T23:00:00+07:00", false),
                ("2026-03-01T02:00:00+07:00", false),
                ("2026-03-28T21:59:59+07:00", false),
                ("2026-03-28T22:00:00+07:00", true),
                ("2026-03-29T03:59:59+07:00", true),
                ("2026-03-29T04:00:00+07:00", false),
                ("2026-03-29T22:30:00+07:00", false),
            ],
        );
    }

    #[test]
    fn a_change_of_clock_moves_the_instants_and_not_the_readings() {
        // Berlin: 2026-03-29 02:00 becomes 03:00; 2026-10-25 03:00 becomes 02:00.
        let night = calendar(EVERY_MONTH, EVERY_DAY, (2 * 60 + 30, 5 * 60), "Europe/Berlin");
        check(
            &night,
            &[
                ("2026-03-29T00:59:59Z", false),
                ("2026-03-29T01:29:59Z", false),
                ("2026-03-29T01:30:00Z", true),
                ("2026-03-29T02:59:59Z", true),
                ("2026-03-29T03:00:00Z", false),
                ("2026-10-25T00:29:59Z", false),
                ("2026-10-25T00:30:00Z", true),
                ("2026-10-25T03:59:59Z", true),
                ("2026-10-25T04:00:00Z", false),
            ],
        );
    }

    #[test]
    fn its_end_is_found_over_days_that_touch() {
        let dry = calendar(0b1100_0000_1111, EVERY_DAY, (0, 1_440), "Asia/Ho_Chi_Minh");
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let (from, long) = (at("2026-02-01T12:00:00+07:00"), at("2027-01-01T00:00:00+07:00"));
        assert_eq!(dry.closes_within(from, long), Some(at("2026-05-01T00:00:00+07:00")));
        assert_eq!(dry.closes_within(from, at("2026-04-30T23:59:59+07:00")), None);
        assert_eq!(dry.closes_within(from, at("2026-05-01T00:00:00+07:00")), Some(at("2026-05-01T00:00:00+07:00")));
        let always = calendar(EVERY_MONTH, EVERY_DAY, (0, 1_440), "Asia/Ho_Chi_Minh");
        assert_eq!(always.closes_within(from, long), None);
    }

    #[test]
    fn a_zone_is_written_as_its_name() {
        let zone = Zone::named("Asia/Ho_Chi_Minh").unwrap();
        let bytes = postcard::to_stdvec(&zone).unwrap();
        assert_eq!(postcard::from_bytes::<Zone>(&bytes).unwrap(), zone);
        assert_eq!(Zone::named("Asia/Nowhere"), None);
    }
}
