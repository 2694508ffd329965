//! Lengths of time as people write them: `250ms`, `15m`, `1h30m`, `90d`.
//!
//! Whole numbers with a unit, largest unit first, each unit at most once: `us`, `ms`, `s`, `m`, `h`, `d` (24 hours),
//! `w` (7 days). No months and no years: their lengths differ. No decimals: `1h30m` says what `1.5h` would.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::LocalName;

/// The units, largest first, in microseconds.
const UNITS: [(&str, u64); 7] = [
    ("w", 7 * 86_400_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// A length of time in whole microseconds, up to about 584,000 years; in files and answers a text like `15m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

/// A text that is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a length of time: write whole numbers with their units, such as 500ms, 15m, 1h30m or 90d")]
pub struct NotASpan(String);

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// From microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// From milliseconds; saturates.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// From seconds; saturates.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// From minutes; saturates.
    pub const fn from_minutes(minutes: u64) -> Self {
        Self::from_seconds(minutes.saturating_mul(60))
    }

    /// From hours; saturates.
    pub const fn from_hours(hours: u64) -> Self {
        Self::from_minutes(hours.saturating_mul(60))
    }

    /// From days of 24 hours; saturates.
    pub const fn from_days(days: u64) -> Self {
        Self::from_hours(days.saturating_mul(24))
    }

    /// In whole microseconds.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// In words: `7 ngày`, `7 days`; `1 giờ 30 phút`. What is shorter than a second is left out.
    pub fn words(self) -> LocalName {
        const WORDS: [(u64, &str, &str); 4] = [
            (86_400_000_000, "ngày", "day"),
            (3_600_000_000, "giờ", "hour"),
            (60_000_000, "phút", "minute"),
            (1_000_000, "giây", "second"),
        ];
        let mut rest = self.0;
        let (mut vi, mut en) = (Vec::new(), Vec::new());
        for (size, word_vi, word_en) in WORDS {
            let count = rest / size;
            rest %= size;
            if count > 0 {
                vi.push(format!("{count} {word_vi}"));
                en.push(format!("{count} {word_en}{}", if count == 1 { "" } else { "s" }));
            }
        }
        if vi.is_empty() {
            return LocalName { vi: "0 giây".to_owned(), en: "0 seconds".to_owned() };
        }
        LocalName { vi: vi.join(" "), en: en.join(" ") }
    }

    /// As the standard library has it.
    pub const fn duration(self) -> Duration {
        Duration::from_micros(self.0)
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Duration {
        span.duration()
    }
}

/// Cuts off what is shorter than a microsecond; saturates.
impl From<Duration> for Span {
    fn from(duration: Duration) -> Span {
        Span(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }
}

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, NotASpan> {
        let wrong = || NotASpan(text.chars().take(40).collect());
        let mut micros: u64 = 0;
        let mut units = UNITS.iter();
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let count: u64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = &rest[digits..];
            let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            let unit = &rest[..letters];
            // The iterator goes on from the last unit, so a smaller one before a larger one is not found.
            let (_, size) = units.find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            micros = count.checked_mul(*size).and_then(|part| micros.checked_add(part)).ok_or_else(wrong)?;
            rest = &rest[letters..];
        }
        if text.is_empty() { Err(wrong()) } else { Ok(Span(micros)) }
    }
}

/// The shortest exact form without weeks: `90d`, `1h30m`, `0s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (name, size) in &UNITS[1..] {
            if rest >= *size {
                write!(f, "{}{name}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time in quotes, such as \"500ms\", \"15m\" or \"90d\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, seconds: Option<f64>, shown: &str) {
        let parsed: Result<Span, _> = text.parse();
        match seconds {
            Some(seconds) => {
                let span = parsed.unwrap();
                assert_eq!(span.duration(), Duration::from_secs_f64(seconds), "{text}");
                assert_eq!(span.to_string(), shown);
            }
            None => assert!(parsed.unwrap_err().to_string().contains("is not a length of time"), "{text}"),
        }
    }

    #[test]
    fn reads_what_people_write() {
        check("15m", Some(900.0), "15m");
        check("90d", Some(90.0 * 86_400.0), "90d");
        check("2w", Some(14.0 * 86_400.0), "14d");
        check("1h30m", Some(5_400.0), "1h30m");
        check("90s", Some(90.0), "1m30s");
        check("250ms", Some(0.25), "250ms");
        check("1s500us", Some(1.000_5), "1s500us");
        check("0s", Some(0.0), "0s");
    }

    #[test]
    fn refuses_what_could_be_misread() {
        for text in ["", "15", "m", "1.5h", "-1s", "30m1h", "1m1m", "1M", "1 h", "1y", "1phút", "đ", "+1s"] {
            check(text, None, "");
        }
        check("99999999999999999999s", None, "");
        check("18446744073709551615d", None, "");
    }

    #[test]
    fn says_itself_in_words() {
        let check = |text: &str, vi: &str, en: &str| {
            let words = text.parse::<Span>().unwrap().words();
            assert_eq!((words.vi.as_str(), words.en.as_str()), (vi, en), "{text}");
        };
        check("7d", "7 ngày", "7 days");
        check("1h30m", "1 giờ 30 phút", "1 hour 30 minutes");
        check("1d1s5ms", "1 ngày 1 giây", "1 day 1 second");
        check("0s", "0 giây", "0 seconds");
        check("20ms", "0 giây", "0 seconds");
    }

    proptest! {
        #[test]
        fn shown_and_read_again_is_the_same(micros: u64) {
            let span = Span::from_micros(micros);
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Span>();
        }
    }
}
