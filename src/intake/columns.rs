//! The tables of a map file that several formats share: station, time, columns.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::decode::line_protocol::Precision;
use crate::decode::mapping::{Column, Read, Scale, Station};
use crate::decode::unit_word;
use crate::decode::written::{LocalClock, Repeated, TimeForm};
use crate::document::{Need, Section};

/// The zone of station files where no map says otherwise.
const HOME: &str = "Asia/Ho_Chi_Minh";

const REPEATED: [(&str, Repeated); 3] =
    [("earlier", Repeated::Earlier), ("later", Repeated::Later), ("refuse", Repeated::Refuse)];

/// What `[[column]]` speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Columns of a table; at least one.
    Table,
    /// Fields of points.
    Points,
    /// Symbols of station files.
    Symbols,
}

/// The clock of a Vietnamese station.
pub(super) fn home_clock() -> LocalClock {
    let zone = TimeZone::get(HOME).unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(7)));
    LocalClock { zone, repeated: Repeated::default() }
}

/// One ASCII character between fields.
pub(super) fn separator(section: &mut Section<'_, '_>) -> Option<u8> {
    let text = section.text("separator", Need::Optional)?;
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n.+-".contains(byte) => Some(*byte),
        _ => {
            section.mistake("separator", "must be one sign, such as \",\", \";\" or \"\\t\"");
            None
        }
    }
}

/// Fixed, or named by what `by` calls: a column, a tag.
pub(super) fn station(mut section: Section<'_, '_>, by: &'static str) -> Option<Station> {
    let (fixed, named) = (section.text("fixed", Need::Optional), section.text(by, Need::Optional));
    let words = section.words("map", Need::Optional);
    let station = match (fixed, named) {
        (Some(fixed), None) if words.is_none() => Some(Station::Fixed(fixed.to_owned())),
        (None, Some(named)) => Some(Station::Named { by: named.to_owned(), words }),
        _ => {
            section.mistake("", format!("needs either fixed or {by}, and map only with {by}"));
            None
        }
    };
    section.finish();
    station
}

/// Fixed, or named by the beginning of the file's name.
pub(super) fn station_of_files(mut section: Section<'_, '_>) -> Option<Station> {
    let (fixed, words) = (section.text("fixed", Need::Optional), section.words("map", Need::Optional));
    let station = match (fixed, words) {
        (Some(fixed), None) => Some(Station::Fixed(fixed.to_owned())),
        (None, Some(words)) => Some(Station::Named { by: "file".to_owned(), words: Some(words) }),
        _ => {
            section.mistake("", "needs either fixed or map, from the beginnings of files' names to stations");
            None
        }
    };
    section.finish();
    station
}

fn zone(section: &mut Section<'_, '_>, name: &str) -> Option<TimeZone> {
    let zone = TimeZone::get(name).ok();
    if zone.is_none() {
        section.mistake("zone", format!("no time zone is named {name:?}; use a name such as {HOME}"));
    }
    zone
}

/// The stations' clock.
pub(super) fn clock(mut section: Section<'_, '_>) -> Option<LocalClock> {
    let name = section.text("zone", Need::Optional).unwrap_or(HOME);
    let zone = zone(&mut section, name);
    let repeated = section.word("repeated", Need::Optional, &REPEATED).unwrap_or_default();
    section.finish();
    Some(LocalClock { zone: zone?, repeated })
}

/// The columns of the time, and how it is written.
pub(super) fn time(mut section: Section<'_, '_>) -> Option<(Vec<String>, TimeForm)> {
    let names: Vec<String> = section.texts("column").into_iter().map(str::to_owned).collect();
    if names.is_empty() {
        section.mistake("column", "must name the column of the time, or several that make it up");
    }
    let format = section.text("format", Need::Optional).unwrap_or("rfc3339");
    let zone_name = section.text("zone", Need::Optional);
    let repeated = section.word("repeated", Need::Optional, &REPEATED);
    let whole = match format {
        "rfc3339" => Some(TimeForm::Rfc3339),
        "unix_s" => Some(TimeForm::Unix(Precision::Seconds)),
        "unix_ms" => Some(TimeForm::Unix(Precision::Milliseconds)),
        "unix_us" => Some(TimeForm::Unix(Precision::Microseconds)),
        "unix_ns" => Some(TimeForm::Unix(Precision::Nanoseconds)),
        pattern if pattern.contains("%z") || pattern.contains("%:z") => Some(TimeForm::Pattern(pattern.to_owned())),
        pattern => {
            // A pattern that cannot write a time cannot read one.
            let sample = DateTime::constant(2026, 11, 21, 10, 15, 30, 0);
            let is_pattern = pattern.contains('%') && jiff::fmt::strtime::format(pattern, sample).is_ok();
            if !is_pattern {
                section.mistake(
                    "format",
                    "must be rfc3339, unix_s, unix_ms, unix_us, unix_ns or a pattern such as %Y-%m-%d %H:%M:%S",
                );
            }
            None
        }
    };
    let form = match (whole, zone_name) {
        (Some(_), Some(_)) => {
            section.mistake("zone", "is one too many: the format says which instant is meant");
            None
        }
        (Some(form), None) => {
            if repeated.is_some() {
                section.mistake("repeated", "is one too many: the format says which instant is meant");
            }
            Some(form)
        }
        (None, None) => {
            section.mistake("zone", "is missing: the format has no offset");
            None
        }
        (None, Some(name)) => zone(&mut section, name).map(|zone| {
            TimeForm::Local(format.to_owned(), LocalClock { zone, repeated: repeated.unwrap_or_default() })
        }),
    };
    section.finish();
    form.map(|form| (names, form))
}

/// Every `[[column]]`; of a table at least one.
pub(super) fn columns(root: &mut Section<'_, '_>, kind: Kind) -> Option<Vec<Column>> {
    let sections = root.sections("column", Need::Optional);
    let count = sections.len();
    let columns: Vec<Column> = sections.into_iter().filter_map(|section| column(section, kind)).collect();
    if kind == Kind::Table && count == 0 && root.has("column") {
        root.mistake("column", "must have at least one column");
    }
    (columns.len() == count && (count > 0 || kind != Kind::Table)).then_some(columns)
}

fn column(mut section: Section<'_, '_>, kind: Kind) -> Option<Column> {
    let name = section.text("name", Need::Required).map(str::to_owned);
    let property = section.text("property", Need::Required).map(str::to_owned);
    let written = section.text("unit", Need::Optional);
    let mut factor = section.number("factor", Need::Optional);
    if factor == Some(0.0) {
        section.mistake("factor", "must not be 0");
    }
    let word = written.and_then(unit_word::parse);
    if written.is_some() && word.is_none() {
        section.mistake("unit", "is not known: use a UCUM code such as Cel, mm, km/h");
    }
    if let Some(word) = word.filter(|word| word.factor != 1.0) {
        factor = Some(factor.unwrap_or(1.0) * word.factor);
    }
    let reads = [("number", Read::Number), ("wind_words", Read::WindWords)];
    let read = match kind {
        Kind::Table => section.word("read", Need::Optional, &reads).unwrap_or_default(),
        Kind::Points | Kind::Symbols => Read::Number,
    };
    let measurement = match kind {
        Kind::Points => section.text("measurement", Need::Optional).map(str::to_owned),
        Kind::Table | Kind::Symbols => None,
    };
    section.finish();
    let scale = Scale { unit: word.map(|word| word.unit), factor };
    Some(Column { name: name?, measurement, property: property?, scale, read })
}
