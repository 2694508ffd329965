//! Times as devices write them: RFC 3339 text, or a number of seconds or milliseconds since 1970.
//!
//! The ordinary form (`2026-11-21T10:15:00+07:00`, `...Z`, with up to nine decimals) has a parser of its own, an
//! eighth of the cost of the general one; every other form goes to `jiff`. A test holds the two together.

use jiff::civil::DateTime;

use crate::model::Timestamp;

/// Below this magnitude a number means seconds (until the year 5138), from it on milliseconds.
const SECONDS_BELOW: f64 = 1e11;
/// From this magnitude on a number is neither: micro- and nanoseconds are not guessed at.
const MILLIS_BELOW: f64 = 1e14;

/// RFC 3339 with an offset or `Z`; `None` for anything else, a local time without an offset included.
pub(super) fn from_text(text: &str) -> Option<Timestamp> {
    ordinary(text.as_bytes()).or_else(|| Timestamp::parse(text))
}

/// Seconds or milliseconds since 1970, told apart by magnitude: below 10^11 seconds, below 10^14 milliseconds.
pub(super) fn from_number(number: f64) -> Option<Timestamp> {
    let micros = if number.abs() < SECONDS_BELOW {
        number * 1e6
    } else if number.abs() < MILLIS_BELOW {
        number * 1e3
    } else {
        return None;
    };
    Some(Timestamp::from_micros(micros.round() as i64))
}

fn ordinary(text: &[u8]) -> Option<Timestamp> {
    let (clock, rest) = Clock::read(text).filter(|_| text[10] == b'T')?;
    let offset = match rest {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (i64::from(two(rest, 1)?), i64::from(two(rest, 4)?));
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            if *sign == b'+' { seconds } else { -seconds }
        }
        _ => return None,
    };
    let seconds = i64::from(clock.hour) * 3600 + i64::from(clock.minute) * 60 + i64::from(clock.second) - offset;
    let days = days_since_1970(clock.year.into(), clock.month, clock.day);
    Some(Timestamp::from_micros((days * 86_400 + seconds) * 1_000_000 + clock.micros))
}

/// `2026-11-21T10:15:00` or with a space for the `T`, with up to six decimals, and nothing behind it.
pub(super) fn civil(text: &str) -> Option<DateTime> {
    let (clock, rest) = Clock::read(text.as_bytes())?;
    if !rest.is_empty() {
        return None;
    }
    let (month, day, hour, minute) = (clock.month as i8, clock.day as i8, clock.hour as i8, clock.minute as i8);
    DateTime::new(clock.year, month, day, hour, minute, clock.second as i8, clock.micros as i32 * 1_000).ok()
}

/// What a calendar and a clock on the wall show.
struct Clock {
    year: i16,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    micros: i64,
}

impl Clock {
    /// A date and a time at the beginning of a text, and what is behind them.
    fn read(text: &[u8]) -> Option<(Clock, &[u8])> {
        if text.len() < 19
            || text[4] != b'-'
            || text[7] != b'-'
            || !matches!(text[10], b'T' | b' ')
            || text[13] != b':'
            || text[16] != b':'
        {
            return None;
        }
        let year = (two(text, 0)? * 100 + two(text, 2)?) as i16;
        let (month, day) = (two(text, 5)?, two(text, 8)?);
        let (hour, minute, second) = (two(text, 11)?, two(text, 14)?, two(text, 17)?);
        let is_date = (1..=12).contains(&month) && day >= 1 && day <= days_of(year.into(), month);
        if !is_date || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut rest = &text[19..];
        let mut micros = 0_i64;
        if rest.first() == Some(&b'.') {
            let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 || digits > 6 {
                return None;
            }
            for place in 0..6 {
                micros = micros * 10 + if place < digits { i64::from(rest[1 + place] - b'0') } else { 0 };
            }
            rest = &rest[1 + digits..];
        }
        Some((Clock { year, month, day, hour, minute, second, micros }, rest))
    }
}

fn two(text: &[u8], at: usize) -> Option<u32> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

fn days_of(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar: years counted from March, so that the leap day is the last of its year.
fn days_since_1970(year: i64, month: u32, day: u32) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days_before_month = (153 * i64::from(month) + 2) / 5;
    const DAYS_FROM_YEAR_0_MARCH_TO_1970: i64 = 719_468;
    year * 365 + leaps + days_before_month + i64::from(day) - 1 - DAYS_FROM_YEAR_0_MARCH_TO_1970
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_seconds_or_milliseconds() {
        let expected = Timestamp::parse("2026-11-21T03:15:00Z");
        assert_eq!(from_number(1_795_230_900.0), expected);
        assert_eq!(from_number(1_795_230_900_000.0), expected);
        assert_eq!(from_number(1_795_230_900.25), expected.map(|at| at + std::time::Duration::from_millis(250)));
        assert_eq!(from_number(1_795_230_900_000_000.0), None, "microseconds are not guessed at");
    }

    #[test]
    fn texts_without_an_offset_are_refused() {
        for text in ["2026-11-21T10:15:00", "2026-11-21", "10:15", "", "yesterday", "2026-02-30T00:00:00Z"] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_ordinary_form_equals_the_general_parser(
            micros in -62_000_000_000_000_000_i64..250_000_000_000_000_000,
            offset in -23 * 60_i32..=23 * 60,
            decimals in 0_usize..=6,
        ) {
            let unit = 10_i64.pow(6 - decimals as u32);
            let at = jiff::Timestamp::from_microsecond(micros.div_euclid(unit) * unit).unwrap();
            let zone = jiff::tz::Offset::from_seconds(offset * 60).unwrap().to_time_zone();
            let local = at.to_zoned(zone).datetime();
            let sign = if offset < 0 { '-' } else { '+' };
            let fraction = if decimals == 0 {
                String::new()
            } else {
                format!(".{:0decimals$}", i64::from(local.subsec_nanosecond()) / (unit * 1000))
            };
            let text = format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}{sign}{:02}:{:02}",
                local.year(), local.month(), local.day(), local.hour(), local.minute(), local.second(),
                offset.abs() / 60, offset.abs() % 60
            );
            prop_assume!(local.year() >= 0);
            prop_assert_eq!(ordinary(text.as_bytes()), Timestamp::parse(&text), "{}", text);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            from_text(&text);
            ordinary(&bytes);
        }
    }
}
