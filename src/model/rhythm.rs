//! When a sleeping device is awake, as instants: made from [`Awake`] and the place where it stands.
//!
//! Sunrise and sunset come from the usual low-precision formulas (declination and equation of time as in Spencer 1971,
//! the sun's upper edge at 0.833 degrees below the horizon): right to a few minutes up to the polar circles, which is
//! enough for a device that is given half an hour. Where the sun does not rise or set, the device counts as awake.

use std::f64::consts::TAU;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Awake, Pause, Position, Timestamp};

/// Before the first light and after the last: solar devices wake with some light and fall asleep with the battery.
const SOLAR_MARGIN: Duration = Duration::from_secs(30 * 60);

/// A schedule at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Rhythm {
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Daily { from_minute: u16, to_minute: u16, zone: TimeZone },
    Solar(Position),
}

impl Rhythm {
    /// A schedule for a device at `position`; `None` when its time zone is not known.
    pub fn new(awake: &Awake, position: Position) -> Option<Rhythm> {
        let kind = match awake {
            Awake::Solar => Kind::Solar(position),
            Awake::Daily { from_minute, to_minute, zone } => {
                let (from_minute, to_minute) = (*from_minute, *to_minute);
                Kind::Daily { from_minute, to_minute, zone: TimeZone::get(zone).ok()? }
            }
        };
        Some(Rhythm { kind })
    }

    /// The sleep that `at` lies in, or the next one after it; `None` when there is none within two days.
    pub fn sleep_at_or_after(&self, at: Timestamp) -> Option<Pause> {
        let day = self.day_of(at)?;
        let mut before = self.awake_on(day.yesterday().ok()?.yesterday().ok()?);
        let mut day = day.yesterday().ok()?;
        for _ in 0..5 {
            let here = self.awake_on(day);
            if let (Some(before), Some(here)) = (before, here)
                && before.1 < here.0
                && here.0 > at
            {
                return Some(Pause { from: before.1, to: here.0 });
            }
            (before, day) = (here, day.tomorrow().ok()?);
        }
        None
    }

    /// Whether the device sleeps at that instant.
    pub fn sleeps_at(&self, at: Timestamp) -> bool {
        self.sleep_at_or_after(at).is_some_and(|sleep| sleep.from <= at)
    }

    fn day_of(&self, at: Timestamp) -> Option<Date> {
        Some(match &self.kind {
            Kind::Daily { zone, .. } => at.to_jiff().to_zoned(zone.clone()).date(),
            // The sun's own day: noon in the middle of it.
            Kind::Solar(position) => {
                let shifted = Timestamp::from_micros(at.micros().checked_add((position.lon * 240e6) as i64)?);
                shifted.to_jiff().to_zoned(TimeZone::UTC).date()
            }
        })
    }

    /// From when to when it is awake on a day; `None` when the sun neither rises nor sets on it.
    fn awake_on(&self, day: Date) -> Option<(Timestamp, Timestamp)> {
        match &self.kind {
            Kind::Daily { from_minute, to_minute, zone } => {
                let end_day = if to_minute > from_minute { day } else { day.tomorrow().ok()? };
                Some((instant(day, *from_minute, zone)?, instant(end_day, *to_minute, zone)?))
            }
            Kind::Solar(position) => {
                let (rise, set) = daylight(day, *position)?;
                Some((rise - SOLAR_MARGIN, set + SOLAR_MARGIN))
            }
        }
    }
}

fn instant(day: Date, minute: u16, zone: &TimeZone) -> Option<Timestamp> {
    let time = day.at(i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?, 0, 0);
    let zoned = time.to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
}

/// Sunrise and sunset of a day at a place.
fn daylight(day: Date, position: Position) -> Option<(Timestamp, Timestamp)> {
    let angle = TAU / 365.0 * (f64::from(day.day_of_year()) - 1.0);
    let (sin, cos) = (|n: f64| (n * angle).sin(), |n: f64| (n * angle).cos());
    let declination = 0.006_918 - 0.399_912 * cos(1.0) + 0.070_257 * sin(1.0) - 0.006_758 * cos(2.0)
        + 0.000_907 * sin(2.0)
        - 0.002_697 * cos(3.0)
        + 0.001_48 * sin(3.0);
    let equation_minutes = 229.18
        * (0.000_075 + 0.001_868 * cos(1.0) - 0.032_077 * sin(1.0) - 0.014_615 * cos(2.0) - 0.040_849 * sin(2.0));
    let latitude = position.lat.to_radians();
    let height = (-0.833_f64).to_radians().sin();
    let hour_angle = (height - latitude.sin() * declination.sin()) / (latitude.cos() * declination.cos());
    if !(-1.0..=1.0).contains(&hour_angle) {
        return None;
    }
    let half_minutes = hour_angle.acos().to_degrees() * 4.0;
    let noon_minutes = 720.0 - 4.0 * position.lon - equation_minutes;
    let midnight = day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond();
    let at = |minutes: f64| Timestamp::from_micros(midnight.saturating_add((minutes * 60e6) as i64));
    Some((at(noon_minutes - half_minutes), at(noon_minutes + half_minutes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_daily_schedule_sleeps_between_its_days_and_may_cross_midnight() {
        let check = |from_minute, to_minute, now: &str, sleep: (&str, &str)| {
            let zone = "Asia/Ho_Chi_Minh".to_owned();
            let awake = Awake::Daily { from_minute, to_minute, zone };
            let rhythm = Rhythm::new(&awake, Position { lon: 103.4, lat: 22.4 }).unwrap();
            let expected = Pause { from: at(sleep.0), to: at(sleep.1) };
            assert_eq!(rhythm.sleep_at_or_after(at(now)), Some(expected), "at {now}");
        };
        let night = ("2026-11-21T18:00:00+07:00", "2026-11-22T06:00:00+07:00");
        check(360, 1080, "2026-11-21T12:00:00+07:00", night);
        check(360, 1080, "2026-11-21T18:00:00+07:00", night);
        check(360, 1080, "2026-11-22T05:59:59+07:00", night);
        check(1080, 360, "2026-11-22T06:00:00+07:00", ("2026-11-22T06:00:00+07:00", "2026-11-22T18:00:00+07:00"));
        check(1080, 360, "2026-11-22T01:00:00+07:00", ("2026-11-22T06:00:00+07:00", "2026-11-22T18:00:00+07:00"));
    }

    /// Lai Châu, 22.39 N 103.46 E, worked by hand: noon is 12:00 + 4 min * (105 - 103.46) less the equation of time
    /// (+14.2 min, -1.8 min); half a day is acos((sin -0.833 - sin 22.39 sin d) / (cos 22.39 cos d)) with d = -19.9 and
    /// 23.44 degrees: 5 h 30 min and 6 h 45 min.
    #[test]
    fn the_sun_rises_and_sets_within_minutes_of_what_was_worked_by_hand() {
        let check = |day: Date, rise: &str, set: &str| {
            let (found_rise, found_set) = daylight(day, Position { lon: 103.46, lat: 22.39 }).unwrap();
            for (found, expected) in [(found_rise, at(rise)), (found_set, at(set))] {
                let apart = found.since(expected).max(expected.since(found));
                assert!(apart < Duration::from_secs(6 * 60), "{found} is not {expected}");
            }
        };
        check(jiff::civil::date(2026, 11, 21), "2026-11-21T06:23:00+07:00", "2026-11-21T17:21:00+07:00");
        check(jiff::civil::date(2026, 6, 21), "2026-06-21T05:23:00+07:00", "2026-06-21T18:53:00+07:00");
    }

    #[test]
    fn where_the_sun_does_not_set_nobody_sleeps() {
        let rhythm = Rhythm::new(&Awake::Solar, Position { lon: 20.0, lat: 75.0 }).unwrap();
        assert_eq!(rhythm.sleep_at_or_after(at("2026-06-21T12:00:00Z")), None);
        let rhythm = Rhythm::new(&Awake::Solar, Position { lon: 103.46, lat: 22.39 }).unwrap();
        assert!(rhythm.sleeps_at(at("2026-11-21T22:00:00+07:00")));
        assert!(!rhythm.sleeps_at(at("2026-11-21T12:00:00+07:00")));
    }
}
