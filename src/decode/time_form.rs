//! How a source writes its times; said by its configuration, never told from the text.

use std::fmt;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::time;
use crate::model::Timestamp;

/// One way to write a time.
#[derive(Clone, PartialEq)]
pub enum TimeForm {
    /// `2026-11-21T10:15:00+07:00`.
    Rfc3339,
    /// Seconds since 1970, as a number or a number in quotes; decimals are taken.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// `2026-11-21T10:15:00` or with a space for the `T`, without an offset: local time of this zone.
    Local(TimeZone),
    /// A pattern with the letters of `strptime`; local time of this zone unless the pattern has an offset (`%z`).
    Pattern(Box<str>, TimeZone),
}

/// The zone's name stands for its table.
impl fmt::Debug for TimeForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeForm::Rfc3339 => f.write_str("rfc3339"),
            TimeForm::Seconds => f.write_str("seconds"),
            TimeForm::Milliseconds => f.write_str("milliseconds"),
            TimeForm::Local(zone) => write!(f, "local {}", zone.iana_name().unwrap_or_default()),
            TimeForm::Pattern(pattern, zone) => write!(f, "{pattern} {}", zone.iana_name().unwrap_or_default()),
        }
    }
}

/// Beyond this many seconds (the year 9999) a number is no time.
const SECONDS_MAX: f64 = 253_402_300_800.0;

impl TimeForm {
    /// From the word or pattern in a configuration; the sentence says what is wrong.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<TimeForm, String> {
        match text {
            "rfc3339" => Ok(TimeForm::Rfc3339),
            "seconds" => Ok(TimeForm::Seconds),
            "milliseconds" => Ok(TimeForm::Milliseconds),
            "local" => Ok(TimeForm::Local(zone.clone())),
            pattern if pattern.contains('%') => {
                // A pattern is right when it can write an instant and read what it wrote.
                let example = DateTime::constant(2026, 11, 21, 10, 15, 0, 0).to_zoned(zone.clone());
                let written = example.ok().and_then(|example| strtime::format(pattern, &example).ok());
                let form = TimeForm::Pattern(pattern.into(), zone.clone());
                match written.and_then(|written| form.text(&written)) {
                    Some(_) => Ok(form),
                    None => {
                        Err(format!("{pattern:?} does not say a date and a time: write one such as %d/%m/%Y %H:%M:%S"))
                    }
                }
            }
            _ => Err(format!(
                "must be rfc3339, seconds, milliseconds, local or a pattern such as %d/%m/%Y %H:%M:%S, not {text:?}"
            )),
        }
    }

    /// A time written as a text.
    pub fn text(&self, text: &str) -> Option<Timestamp> {
        match self {
            TimeForm::Rfc3339 => time::from_text(text),
            TimeForm::Seconds | TimeForm::Milliseconds => self.number(text.parse().ok()?),
            TimeForm::Local(zone) => in_zone(time::civil(text)?, zone),
            TimeForm::Pattern(pattern, zone) => {
                let read = strtime::parse(pattern.as_bytes(), text).ok()?;
                match read.offset() {
                    Some(_) => Some(Timestamp::from_micros(read.to_timestamp().ok()?.as_microsecond())),
                    None => in_zone(read.to_datetime().ok()?, zone),
                }
            }
        }
    }

    /// A time written as a number.
    pub fn number(&self, number: f64) -> Option<Timestamp> {
        let seconds = match self {
            TimeForm::Seconds => number,
            TimeForm::Milliseconds => number / 1e3,
            // Such as 20261121101500, where the pattern is only digits.
            TimeForm::Pattern(..) if number.fract() == 0.0 && (0.0..1e15).contains(&number) => {
                return self.text(&number.to_string());
            }
            _ => return None,
        };
        (seconds.abs() < SECONDS_MAX).then(|| Timestamp::from_micros((seconds * 1e6).round() as i64))
    }
}

/// Where a clock was put back an hour twice the same, the first; where it was put forward, the instant after the gap.
fn in_zone(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let instant = zone.to_ambiguous_timestamp(local).compatible().ok()?;
    Some(Timestamp::from_micros(instant.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn check(form: &str, text: &str, expected: Option<&str>) {
        let form = TimeForm::parse(form, &zone("Asia/Ho_Chi_Minh")).unwrap();
        let found = match text.parse::<f64>() {
            Ok(number) => {
                assert_eq!(form.number(number), form.text(text), "as a number and as a text");
                form.number(number)
            }
            Err(_) => form.text(text),
        };
        assert_eq!(found, expected.map(|at| Timestamp::parse(at).unwrap()), "{form:?} {text}");
    }

    #[test]
    fn each_form_takes_its_own_times_alone() {
        check("rfc3339", "2026-11-21T10:15:00+07:00", Some("2026-11-21T03:15:00Z"));
        check("rfc3339", "2026-11-21T10:15:00", None);
        check("rfc3339", "1795230900", None);
        check("seconds", "1795230900.25", Some("2026-11-21T03:15:00.25Z"));
        check("seconds", "1795230900000", None);
        check("milliseconds", "1795230900250", Some("2026-11-21T03:15:00.25Z"));
        check("local", "2026-11-21T10:15:00", Some("2026-11-21T03:15:00Z"));
        check("local", "2026-11-21 10:15:00.5", Some("2026-11-21T03:15:00.5Z"));
        for bad in ["2026-11-21T10:15:00Z", "2026-11-21T10:15:00+00:00", "2026-02-30T10:15:00", "10:15", "", "nan"] {
            check("local", bad, None);
        }
        check("%d/%m/%Y %H:%M:%S", "21/11/2026 10:15:00", Some("2026-11-21T03:15:00Z"));
        check("%Y%m%d%H%M%S", "20261121101500", Some("2026-11-21T03:15:00Z"));
        check("%d.%m.%Y %H:%M %z", "21.11.2026 10:15 +0000", Some("2026-11-21T10:15:00Z"));
        check("%d/%m/%Y %H:%M:%S", "11/21/2026 10:15:00", None);
    }

    #[test]
    fn an_hour_that_is_there_twice_is_the_first_and_one_that_is_not_there_is_after_it() {
        let form = TimeForm::parse("local", &zone("Europe/Berlin")).unwrap();
        assert_eq!(form.text("2026-10-25T02:30:00"), Timestamp::parse("2026-10-25T00:30:00Z"));
        assert_eq!(form.text("2026-03-29T02:30:00"), Timestamp::parse("2026-03-29T01:30:00Z"));
    }

    #[test]
    fn patterns_that_say_no_instant_are_refused() {
        for bad in ["%H:%M", "%Y", "%Q", "iso", "", "%"] {
            assert!(TimeForm::parse(bad, &zone("UTC")).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_number_panics(text in "([0-9:T -]|\\PC){0,40}", number in any::<f64>()) {
            for form in ["rfc3339", "seconds", "milliseconds", "local", "%d/%m/%Y %H:%M:%S", "%Y%m%d%H%M%S"] {
                let form = TimeForm::parse(form, &zone("Asia/Ho_Chi_Minh")).unwrap();
                form.text(&text);
                form.number(number);
            }
        }
    }
}
