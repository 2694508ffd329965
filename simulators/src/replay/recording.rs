//! A recorded file read through its map: rows with station, time and literal values.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::Shift;
use super::map::{self, Map, wind_degrees};

/// A file that does not fit its map. Lines count from 1, the header's.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not CSV.
    #[error("not a CSV file: {0}")]
    Csv(#[from] csv::Error),
    /// A column that the map names.
    #[error("the file has no column `{name}`; it has {has}")]
    Column {
        /// The missing one.
        name: String,
        /// The ones there are.
        has: String,
    },
    /// A time that its format does not read.
    #[error("line {line}: `{text}` is no time of the format `{format}`: {reason}")]
    Time {
        /// Where.
        line: u64,
        /// The field.
        text: String,
        /// The map's format.
        format: String,
        /// What jiff says.
        reason: jiff::Error,
    },
    /// A word that the map does not translate.
    #[error("line {line}: the map has no {what} for `{text}`")]
    Unmapped {
        /// Where.
        line: u64,
        /// `station`, `property`.
        what: &'static str,
        /// The field.
        text: String,
    },
    /// A field that is neither blank nor what its column should hold.
    #[error("line {line}: `{text}` in column `{column}` is no {what}")]
    Value {
        /// Where.
        line: u64,
        /// The column.
        column: String,
        /// The field.
        text: String,
        /// `JSON number`, `point of the wind rose`.
        what: &'static str,
    },
}

/// A row with at least one reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its station.
    pub station: String,
    /// Its time.
    pub at: Timestamp,
    /// Properties with their numbers as they stand in the file.
    pub readings: Vec<(String, String)>,
}

/// A recorded file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// Rows with readings, in the order of the file.
    pub rows: Vec<Row>,
    /// All rows.
    pub row_count: u64,
    /// Blank fields of mapped columns.
    pub blanks: u64,
    /// Rows with nothing but blanks.
    pub empty_rows: u64,
    /// Readings whose station, property and time came before.
    pub repeated: u64,
}

/// Where the map's columns are in the file.
struct Places {
    time: usize,
    station: Option<usize>,
    /// `(property column, value column)`.
    long: Option<(usize, usize)>,
    wide: Vec<usize>,
}

impl Recording {
    /// Reads a file through its map; the first thing that does not fit ends it.
    pub fn read(map: &Map, file: impl Read) -> Result<Self, ReadError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let places = Places::find(map, reader.headers()?)?;
        let mut recording = Recording::default();
        let mut seen = BTreeSet::new();
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            recording.row_count += 1;
            let at = time(map, field(&record, places.time), line)?;
            let station = station(map, &places, &record, line)?;
            let mut readings = Vec::new();
            match (&map.long, places.long) {
                (Some(long), Some((property, value))) => {
                    let text = field(&record, value);
                    let name = translate(long.map.as_ref(), field(&record, property), "property", line)?;
                    recording.take(number(&long.value, text, line)?.map(str::to_owned), name, &mut readings);
                }
                _ => {
                    for (column, place) in map.columns.iter().zip(&places.wide) {
                        let value = value(column, field(&record, *place), line)?;
                        recording.take(value, &column.property, &mut readings);
                    }
                }
            }
            if readings.is_empty() {
                recording.empty_rows += 1;
                continue;
            }
            for (property, _) in &readings {
                recording.repeated += u64::from(!seen.insert((station.clone(), property.clone(), at)));
            }
            recording.rows.push(Row { station, at, readings });
        }
        Ok(recording)
    }

    /// The seconds that `shift` moves the rows by.
    pub fn shift_s(&self, shift: Shift, now: Timestamp) -> i64 {
        match shift {
            Shift::Keep => 0,
            Shift::By(seconds) => seconds,
            Shift::LastRowNow => {
                self.rows.iter().map(|row| row.at).max().map_or(0, |last| now.as_second() - last.as_second())
            }
        }
    }

    /// Every reading as it will be sent: what a history is compared with.
    pub fn expected(&self, shift_s: i64) -> impl Iterator<Item = Expected<'_>> {
        self.rows.iter().flat_map(move |row| {
            let at = moved(row.at, shift_s);
            row.readings.iter().map(move |(property, literal)| Expected {
                station: &row.station,
                property,
                at,
                literal,
            })
        })
    }

    /// [`Self::expected`] as CSV: station, property, time (UTC), value.
    pub fn write_expected(&self, shift_s: i64, out: impl Write) -> Result<(), csv::Error> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(["station", "property", "time", "value"])?;
        for reading in self.expected(shift_s) {
            writer.write_record([reading.station, reading.property, &reading.at.to_string(), reading.literal])?;
        }
        writer.flush()?;
        Ok(())
    }

    fn take(&mut self, value: Option<String>, property: &str, readings: &mut Vec<(String, String)>) {
        match value {
            Some(value) => readings.push((property.to_owned(), value)),
            None => self.blanks += 1,
        }
    }
}

/// A reading as it will be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected<'a> {
    /// Its station.
    pub station: &'a str,
    /// Its property.
    pub property: &'a str,
    /// Its time.
    pub at: Timestamp,
    /// Its number as it stands in the file.
    pub literal: &'a str,
}

impl Places {
    fn find(map: &Map, headers: &csv::StringRecord) -> Result<Self, ReadError> {
        // A byte order mark belongs to the file, not to its first column's name.
        let place = |name: &str| {
            let found = headers.iter().position(|header| header.trim_start_matches('\u{FEFF}') == name);
            found.ok_or_else(|| ReadError::Column {
                name: name.to_owned(),
                has: headers.iter().collect::<Vec<_>>().join(", "),
            })
        };
        Ok(Self {
            time: place(&map.time.column)?,
            station: map.station.column.as_deref().map(place).transpose()?,
            long: match &map.long {
                Some(long) => Some((place(&long.property)?, place(&long.value)?)),
                None => None,
            },
            wide: map.columns.iter().map(|column| place(&column.name)).collect::<Result<_, _>>()?,
        })
    }
}

/// A time moved by seconds; the end of time stays there.
pub(super) fn moved(at: Timestamp, shift_s: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(shift_s)).unwrap_or(at)
}

/// RFC 3339 in the province's time.
pub(super) fn local(at: Timestamp) -> String {
    at.display_with_offset(Offset::constant(7)).to_string()
}

fn field(record: &csv::StringRecord, place: usize) -> &str {
    record.get(place).unwrap_or_default()
}

fn time(map: &Map, text: &str, line: u64) -> Result<Timestamp, ReadError> {
    let wrong = |reason| ReadError::Time { line, text: text.to_owned(), format: map.time.format.clone(), reason };
    if map.time.is_rfc3339() {
        return text.parse().map_err(wrong);
    }
    match &map.zone {
        Some(zone) => {
            let civil = DateTime::strptime(&map.time.format, text).map_err(wrong)?;
            zone.to_timestamp(civil).map_err(wrong)
        }
        None => Timestamp::strptime(&map.time.format, text).map_err(wrong),
    }
}

fn station(map: &Map, places: &Places, record: &csv::StringRecord, line: u64) -> Result<String, ReadError> {
    match (&map.station.fixed, places.station) {
        (Some(fixed), _) => Ok(fixed.clone()),
        (None, place) => {
            let text = place.map_or("", |place| field(record, place));
            translate(map.station.map.as_ref(), text, "station", line).map(str::to_owned)
        }
    }
}

fn translate<'a>(
    words: Option<&'a std::collections::BTreeMap<String, String>>,
    text: &'a str,
    what: &'static str,
    line: u64,
) -> Result<&'a str, ReadError> {
    match words {
        None => Ok(text),
        Some(words) => {
            words.get(text).map(String::as_str).ok_or_else(|| ReadError::Unmapped { line, what, text: text.to_owned() })
        }
    }
}

fn value(column: &map::Column, text: &str, line: u64) -> Result<Option<String>, ReadError> {
    match column.read {
        map::Read::Number => Ok(number(&column.name, text, line)?.map(str::to_owned)),
        map::Read::WindWords if text.is_empty() => Ok(None),
        map::Read::WindWords => match wind_degrees(text) {
            Some(degrees) => Ok(Some(degrees.to_owned())),
            None => Err(ReadError::Value {
                line,
                column: column.name.clone(),
                text: text.to_owned(),
                what: "point of the wind rose",
            }),
        },
    }
}

/// The field when it is a JSON number, `None` when it is blank.
fn number<'a>(column: &str, text: &'a str, line: u64) -> Result<Option<&'a str>, ReadError> {
    if text.is_empty() {
        return Ok(None);
    }
    if is_json_number(text) {
        return Ok(Some(text));
    }
    Err(ReadError::Value { line, column: column.to_owned(), text: text.to_owned(), what: "JSON number" })
}

/// RFC 8259, section 6.
fn is_json_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || whole > 1 && rest.starts_with('0') {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let count = digits(exponent);
        return count > 0 && count == exponent.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_numbers_are_told_from_others() {
        for yes in ["0", "-0.5", "12", "4.63", "1e3", "2.5E-7", "468.659"] {
            assert!(is_json_number(yes), "{yes}");
        }
        for no in ["", "-", "+5", ".5", "5.", "01", "1e", "NaN", "1,5", "0x1", "1 "] {
            assert!(!is_json_number(no), "{no}");
        }
    }
}
