//! Numbers and times as people's files write them, which is wider than what devices may send.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::line_protocol::Precision;
use super::{number, time};
use crate::model::{Reason, Rejection, Timestamp};

/// What stands between whole units and decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decimal {
    /// `41.2`
    #[default]
    Point,
    /// `41,2`
    Comma,
    /// Either, as in station files; both in one number are refused.
    Either,
}

/// Longest number that is read.
const NUMBER_BYTES_MAX: usize = 64;

/// A finite number with an optional sign, decimals and exponent; no separators of thousands.
pub(super) fn number(text: &str, decimal: Decimal) -> Result<f64, Reason> {
    if text.is_empty() || text.len() > NUMBER_BYTES_MAX {
        return Err(Reason::WrongType);
    }
    let mut with_point = [0_u8; NUMBER_BYTES_MAX];
    let bytes = &mut with_point[..text.len()];
    bytes.copy_from_slice(text.as_bytes());
    let refused = match decimal {
        Decimal::Point => b',',
        Decimal::Comma => b'.',
        Decimal::Either => b' ',
    };
    if bytes.contains(&refused) {
        return Err(Reason::WrongType);
    }
    bytes.iter_mut().filter(|byte| **byte == b',').for_each(|byte| *byte = b'.');
    if let Some((value, length)) = number::parse(bytes)
        && length == bytes.len()
    {
        return if value.is_finite() { Ok(value) } else { Err(Reason::NotFinite) };
    }
    // `+1`, `.5`, `1.` and `007` are numbers to people; `inf`, `nan` and `0x10` are not.
    if !bytes.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)) {
        return Err(Reason::WrongType);
    }
    let value: f64 = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).ok_or(Reason::WrongType)?;
    if value.is_finite() { Ok(value) } else { Err(Reason::NotFinite) }
}

/// Which of the two is meant when a clock is set back and an hour comes twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeated {
    /// The first of the two.
    #[default]
    Earlier,
    /// The second.
    Later,
    /// It cannot be known: such rows are refused.
    Refuse,
}

/// The place whose clock a file's times were read from.
#[derive(Clone, Debug)]
pub struct LocalClock {
    /// Its rules.
    pub zone: TimeZone,
    /// What the hour means that comes twice.
    pub repeated: Repeated,
}

impl LocalClock {
    /// The instant at which this clock showed `local`; a sentence when it never did, or twice.
    pub fn instant(&self, local: DateTime) -> Result<Timestamp, &'static str> {
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        let offset = match (ambiguous.offset(), self.repeated) {
            (AmbiguousOffset::Unambiguous { offset }, _) => offset,
            (AmbiguousOffset::Fold { before, .. }, Repeated::Earlier) => before,
            (AmbiguousOffset::Fold { after, .. }, Repeated::Later) => after,
            (AmbiguousOffset::Fold { .. }, Repeated::Refuse) => return Err("comes twice when the clock is set back"),
            (AmbiguousOffset::Gap { .. }, _) => return Err("is skipped when the clock is set forward"),
        };
        let instant = offset.to_timestamp(local).map_err(|_| "is beyond the years that can be kept")?;
        Ok(Timestamp::from_micros(instant.as_microsecond()))
    }
}

/// How times are written.
#[derive(Clone, Debug)]
pub enum TimeForm {
    /// `2026-11-21T10:15:00+07:00`
    Rfc3339,
    /// A pattern of `strptime` that holds the offset (`%z`).
    Pattern(String),
    /// A pattern without an offset, and the clock that it was read from.
    Local(String, LocalClock),
    /// Whole units since 1970.
    Unix(Precision),
}

impl TimeForm {
    /// The instant that a text names.
    pub(super) fn read(&self, text: &str) -> Result<Timestamp, Rejection> {
        let wrong = |why: &str| super::reject(Reason::InvalidTime, format!("time {:?} {why}", short(text)));
        match self {
            TimeForm::Rfc3339 => time::from_text(text)
                .ok_or_else(|| wrong("is not RFC 3339 with an offset; name its format and zone in the map")),
            TimeForm::Pattern(pattern) => jiff::Timestamp::strptime(pattern, text)
                .map(|at| Timestamp::from_micros(at.as_microsecond()))
                .map_err(|_| wrong(&format!("is not of the form {pattern}"))),
            TimeForm::Local(pattern, clock) => {
                let local =
                    DateTime::strptime(pattern, text).map_err(|_| wrong(&format!("is not of the form {pattern}")))?;
                clock.instant(local).map_err(wrong)
            }
            TimeForm::Unix(precision) => {
                let units: i64 = text.parse().map_err(|_| wrong("is not a whole number"))?;
                precision.instant(units).ok_or_else(|| wrong("is beyond the years that can be kept"))
            }
        }
    }
}

/// The beginning of a text that somebody else wrote, for a sentence about it.
pub(super) fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The sixteen points of the wind rose in degrees; north is 0.
pub(super) fn wind_degrees(word: &str) -> Option<f64> {
    const ROSE: [&str; 16] =
        ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"];
    ROSE.iter().position(|point| *point == word).map(|place| place as f64 * 22.5)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_number(text: &str, decimal: Decimal, expected: Result<f64, Reason>) {
        assert_eq!(number(text, decimal), expected, "{text:?} with {decimal:?}");
    }

    #[test]
    fn numbers_are_what_people_write() {
        use Decimal::{Comma, Either, Point};
        for (text, value) in [("41.2", 41.2), ("+1", 1.0), (".5", 0.5), ("1.", 1.0), ("007", 7.0), ("-1e3", -1000.0)] {
            check_number(text, Point, Ok(value));
            check_number(&text.replace('.', ","), Comma, Ok(value));
            check_number(text, Either, Ok(value));
        }
        for text in ["1.234,5", "1,234.5", "1 234", "", "NaN", "inf", "0x1", "12a", "١", "--1", "1e", &"1".repeat(65)]
        {
            for decimal in [Point, Comma, Either] {
                check_number(text, decimal, Err(Reason::WrongType));
            }
        }
        check_number("1,5", Point, Err(Reason::WrongType));
        check_number("1.5", Comma, Err(Reason::WrongType));
        check_number("1e999", Point, Err(Reason::NotFinite));
    }

    fn check_local(text: &str, repeated: Repeated, expected: Result<&str, &str>) {
        let zone = TimeZone::get("America/Chicago").unwrap();
        let form = TimeForm::Local("%Y-%m-%d %H:%M".to_owned(), LocalClock { zone, repeated });
        match (form.read(text), expected) {
            (Ok(at), Ok(expected)) => assert_eq!(Some(at), Timestamp::parse(expected), "{text}"),
            (Err(found), Err(expected)) => assert!(found.detail.contains(expected), "{found:?}"),
            (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_clock_that_is_set_has_an_hour_twice_and_an_hour_never() {
        check_local("2015-07-10 14:24", Repeated::Earlier, Ok("2015-07-10T14:24:00-05:00"));
        check_local("2015-11-01 01:30", Repeated::Earlier, Ok("2015-11-01T01:30:00-05:00"));
        check_local("2015-11-01 01:30", Repeated::Later, Ok("2015-11-01T01:30:00-06:00"));
        check_local("2015-11-01 01:30", Repeated::Refuse, Err("comes twice"));
        check_local("2015-03-08 02:30", Repeated::Earlier, Err("is skipped"));
        check_local("10.7.2015", Repeated::Earlier, Err("is not of the form"));
    }

    #[test]
    fn other_forms_of_time() {
        let at = Timestamp::parse("2026-11-21T03:15:00Z");
        let read = |form: TimeForm, text| form.read(text).ok();
        assert_eq!(read(TimeForm::Rfc3339, "2026-11-21T10:15:00+07:00"), at);
        assert_eq!(read(TimeForm::Rfc3339, "2026-11-21T10:15:00"), None);
        assert_eq!(read(TimeForm::Pattern("%d/%m/%Y %H:%M %z".into()), "21/11/2026 10:15 +0700"), at);
        assert_eq!(read(TimeForm::Unix(Precision::Milliseconds), "1795230900000"), at);
        assert_eq!(read(TimeForm::Unix(Precision::Seconds), "1795230900.5"), None);
    }

    #[test]
    fn the_wind_rose_has_sixteen_points() {
        assert_eq!(wind_degrees("N"), Some(0.0));
        assert_eq!(wind_degrees("NNW"), Some(337.5));
        assert_eq!(wind_degrees("SW"), Some(225.0));
        assert_eq!(wind_degrees("cv"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,70}", digits in "[0-9+,.eE-]{0,70}") {
            for text in [text, digits] {
                for decimal in [Decimal::Point, Decimal::Comma, Decimal::Either] {
                    if let Ok(value) = number(&text, decimal) {
                        prop_assert!(value.is_finite());
                    }
                }
                let _ = TimeForm::Rfc3339.read(&text);
                let _ = TimeForm::Unix(Precision::Seconds).read(&text);
                let _ = TimeForm::Pattern("%Y-%m-%d %z".into()).read(&text);
            }
        }
    }
}
