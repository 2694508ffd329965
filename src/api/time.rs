//! Times as callers write them and as answers show them.
//!
//! Accepted: RFC 3339 (`2026-11-21T10:15:00+07:00`), a date or a date and time without an offset (in the asked time
//! zone), `now`, and an age such as `-24h`. Answers are RFC 3339 with the zone's offset.

use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::{Offset, TimeZone};
use serde::{Serialize, Serializer};

use crate::model::{Span, Timestamp};

/// The zone of answers when none is asked for.
pub const DEFAULT_ZONE: &str = "Asia/Ho_Chi_Minh";

/// The oldest age that can be asked for: 200 years, longer than any series.
const AGE_MAX: Duration = Duration::from_secs(200 * 366 * 86_400);

/// A time zone from the IANA database.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Default for Zone {
    /// Viet Nam's; its offset has been +07:00 since 1975, so a machine without the database loses little.
    fn default() -> Self {
        Self(TimeZone::get(DEFAULT_ZONE).unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(7))))
    }
}

impl Zone {
    /// By its IANA name (`Asia/Ho_Chi_Minh`, `UTC`).
    pub fn parse(name: &str) -> Result<Self, String> {
        if name == "Z" || name.eq_ignore_ascii_case("utc") {
            return Ok(Self(TimeZone::UTC));
        }
        TimeZone::get(name).map(Self).map_err(|_| format!("{name:?} is not a time zone such as {DEFAULT_ZONE} or UTC"))
    }

    /// The zone itself.
    pub fn zone(&self) -> &TimeZone {
        &self.0
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or(DEFAULT_ZONE)
    }

    /// The civil date of an instant.
    pub fn date(&self, at: Timestamp) -> Date {
        at.to_jiff().to_zoned(self.0.clone()).date()
    }

    /// The instant as it is shown.
    pub fn show(&self, at: Timestamp) -> Shown {
        let instant = at.to_jiff();
        Shown { instant, offset: self.0.to_offset(instant) }
    }
}

/// An instant with the offset to show it with; RFC 3339, as many decimals of a second as are needed.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    instant: jiff::Timestamp,
    offset: Offset,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        DateTimePrinter::new()
            .print_timestamp_with_offset(&self.instant, self.offset, jiff::fmt::StdFmtWrite(f))
            .map_err(|_| fmt::Error)
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A time as it was asked for, to be settled against now and a zone.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// An instant.
    Instant(Timestamp),
    /// A civil time in the asked zone.
    Civil(jiff::civil::DateTime),
    /// So long before now.
    Ago(Duration),
}

impl When {
    /// From what a person writes.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(When::Ago(Duration::ZERO));
        }
        if let Some(age) = text.strip_prefix('-').and_then(age) {
            return Ok(When::Ago(age));
        }
        if let Some(at) = Timestamp::parse(text).or_else(|| Timestamp::parse(&with_lost_plus(text)?)) {
            return Ok(When::Instant(at));
        }
        if let Ok(at) = text.parse::<jiff::civil::DateTime>() {
            return Ok(When::Civil(at));
        }
        let text: String = text.chars().take(64).collect();
        Err(format!("{text:?} is not a time such as 2026-11-21T10:15:00+07:00, 2026-11-21, -24h or now"))
    }

    /// The instant that is meant at `now` in `zone`.
    pub fn settle(&self, now: Timestamp, zone: &Zone) -> Timestamp {
        match self {
            When::Instant(at) => *at,
            When::Ago(age) => now - *age,
            When::Civil(at) => match zone.0.to_timestamp(*at) {
                Ok(instant) => Timestamp::from_micros(instant.as_microsecond()),
                Err(_) => Timestamp::EPOCH,
            },
        }
    }
}

/// An unescaped `+` in a query string arrives as a space; RFC 3339 with `T` has no other.
fn with_lost_plus(text: &str) -> Option<String> {
    text.contains('T').then(|| text.replacen(' ', "+", 1))
}

/// How long ago: `90s`, `24h`, `1h30m`, `2w`; `None` for anything else and for more than 200 years.
fn age(text: &str) -> Option<Duration> {
    text.parse::<Span>().ok().map(Span::duration).filter(|age| *age <= AGE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let now = Timestamp::parse("2026-11-21T03:15:00Z").unwrap();
        let zone = Zone::default();
        let got = When::parse(text).ok().map(|when| zone.show(when.settle(now, &zone)).to_string());
        assert_eq!(got.as_deref(), expected, "{text}");
    }

    #[test]
    fn times_as_people_write_them() {
        check("now", Some("2026-11-21T10:15:00+07:00"));
        check("-24h", Some("2026-11-20T10:15:00+07:00"));
        check("-2w", Some("2026-11-07T10:15:00+07:00"));
        check("2026-11-21T10:15:00+07:00", Some("2026-11-21T10:15:00+07:00"));
        check("2026-11-21T10:15:00 07:00", Some("2026-11-21T10:15:00+07:00"));
        check("2026-11-21T03:15:00.25Z", Some("2026-11-21T10:15:00.25+07:00"));
        check("2026-11-21", Some("2026-11-21T00:00:00+07:00"));
        check("2026-11-21T08:30", Some("2026-11-21T08:30:00+07:00"));
        for bad in ["", "yesterday", "-", "-h", "-99999999999d", "-1x", "-ệ", "2026-13-01", "1e9"] {
            check(bad, None);
        }
    }

    #[test]
    fn zones() {
        let at = Timestamp::parse("2026-07-01T00:00:00Z").unwrap();
        assert_eq!(Zone::parse("Europe/Paris").unwrap().show(at).to_string(), "2026-07-01T02:00:00+02:00");
        assert_eq!(Zone::parse("UTC").unwrap().show(at).to_string(), "2026-07-01T00:00:00+00:00");
        assert!(Zone::parse("Mars/Olympus").is_err());
        assert!(Zone::parse("../../etc/passwd").is_err());
    }
}
