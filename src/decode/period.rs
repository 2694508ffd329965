//! Instants and intervals as ISO 8601 writes them, for standards that allow more than RFC 3339.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::time;
use crate::model::Timestamp;

/// The end of an interval `begin/end`, `begin/duration` or `duration/end`, or the instant itself: a value about an
/// interval is known at its end. `instant` reads an instant. `None` when it cannot be read or ends before it begins.
pub(super) fn end(text: &str, instant: impl Fn(&str) -> Option<Timestamp>) -> Option<Timestamp> {
    let Some((begin, end)) = text.split_once('/') else { return instant(text) };
    if begin.starts_with('P') {
        begin.parse::<jiff::Span>().ok()?;
        return instant(end);
    }
    let begin = instant(begin)?;
    let end = if end.starts_with('P') {
        let span = end.parse::<jiff::Span>().ok()?;
        let ended = begin.to_jiff().to_zoned(TimeZone::UTC).checked_add(span).ok()?;
        Timestamp::from_micros(ended.timestamp().as_microsecond())
    } else {
        instant(end)?
    };
    (end >= begin).then_some(end)
}

/// An instant with an offset or `Z`.
pub(super) fn exact(text: &str) -> Option<Timestamp> {
    time::from_text(text)
}

/// An instant without an offset, as `zone` has it (the earlier one where clocks go back). A date alone is none.
pub(super) fn local(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if !text.contains(['T', 't', ' ']) || exact(text).is_some() {
        return None;
    }
    let local: DateTime = text.parse().ok()?;
    let instant = zone.to_ambiguous_timestamp(local).compatible().ok()?;
    Some(Timestamp::from_micros(instant.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        let zone = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
        let got = end(text, |text| exact(text).or_else(|| local(text, &zone)));
        assert_eq!(got.map_or_else(|| "none".to_owned(), |at| at.to_string()), expected, "{text}");
    }

    #[test]
    fn an_interval_means_its_end() {
        check("2026-11-21T10:00:00+07:00", "2026-11-21T03:00:00Z");
        check("2026-11-21T10:00:00/2026-11-21T11:00:00", "2026-11-21T04:00:00Z");
        check("2026-11-21T03:00:00Z/2026-11-21T04:00:00Z", "2026-11-21T04:00:00Z");
        check("2026-11-21T03:00:00Z/PT15M", "2026-11-21T03:15:00Z");
        check("2026-11-21T03:00:00Z/P1D", "2026-11-22T03:00:00Z");
        check("PT1H/2026-11-21T03:00:00.5Z", "2026-11-21T03:00:00.5Z");
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in [
            "",
            "/",
            "2026-11-21",
            "2026-11-21T03:00:00Z/",
            "/2026-11-21T03:00:00Z",
            "noon",
            "2026-11-21T04:00:00Z/2026-11-21T03:00:00Z",
            "PX/2026-11-21T03:00:00Z",
            "2026-11-21T03:00:00Z/P",
            "2026-11-21T03:00:00Z/2026-11-21T04:00:00Z/2026-11-21T05:00:00Z",
            "2026-11-21T25:00:00",
        ] {
            check(text, "none");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9TZPYMDHS:+./ -]{0,50}") {
            end(&text, |text| exact(text).or_else(|| local(text, &TimeZone::UTC)));
        }
    }
}
