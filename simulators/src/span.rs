//! Spans of time as people write them in scenario files and on the command line: `90s`, `5m`, `1h30m`, `-20m`, `60d`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// A span in seconds; may be negative (an event that began before the scenario did).
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Span(pub f64);

/// A text that is no span.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a span of time: write 90s, 5m, 1h30m, 60d, or -20m for one before")]
pub struct SpanError(String);

impl Span {
    /// Seconds.
    pub fn seconds(self) -> f64 {
        self.0
    }

    /// Hours.
    pub fn hours(self) -> f64 {
        self.0 / 3600.0
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || SpanError(text.to_owned());
        let (sign, mut rest) = match text.trim() {
            negative if negative.starts_with('-') => (-1.0, &negative[1..]),
            positive => (1.0, positive),
        };
        if rest.is_empty() {
            return Err(wrong());
        }
        let mut seconds = 0.0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
            let amount: f64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = &rest[digits..];
            let word = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let unit = match rest[..word].trim() {
                "ms" => 0.001,
                "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return Err(wrong()),
            };
            seconds += amount * unit;
            rest = &rest[word..];
        }
        Ok(Span(sign * seconds))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<f64>) {
        assert_eq!(text.parse::<Span>().ok().map(Span::seconds), expected, "{text}");
    }

    #[test]
    fn spans_are_read_as_written() {
        check("90s", Some(90.0));
        check("1h30m", Some(5400.0));
        check("1h 30m", Some(5400.0));
        check("-20m", Some(-1200.0));
        check("60d", Some(5_184_000.0));
        check("1.5h", Some(5400.0));
        check("250ms", Some(0.25));
        for wrong in ["", "-", "5", "m", "5 parsecs", "5m3"] {
            check(wrong, None);
        }
    }
}
