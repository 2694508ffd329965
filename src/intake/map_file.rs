//! Map files: what a file's columns, tags or symbols are. The words are those of `saola-sim replay`.
//!
//! ```toml
//! about = "…"                          # in a sentence; may be left out, like most keys
//!
//! [csv]                                # csv
//! separator = ";"                      # "," by default
//! decimal = "comma"                    # "point" by default
//! missing = ["", "NA", "-"]            # texts that stand for "no value"
//!
//! [time]
//! column = "when"                      # csv, parquet; or ["date", "hour"], joined by a space
//! format = "%Y-%m-%d %H:%M:%S"         # or rfc3339 (the default), unix_s, unix_ms, unix_us, unix_ns
//! zone = "Asia/Ho_Chi_Minh"            # of times without an offset; station files: this one by default
//! repeated = "earlier"                 # or later, refuse: the hour that comes twice when a clock is set back
//! precision = "ns"                     # line: ns, us, ms or s
//!
//! [station]
//! fixed = "AIR-01"                     # or:
//! column = "sensor"                    # csv, parquet;  line: tag = "host";  station: the file's name, no key
//! map = { "s 1" = "AIR-01" }           # from the file's names to Saola's
//!
//! [[column]]                           # a property for each column (field, symbol) …
//! name = "t"
//! property = "air_temperature"
//! unit = "[degF]"                      # the channel's own by default
//! factor = 0.1                         # written values are multiplied by it first
//! read = "wind_words"                  # csv: NNE and the like, for degrees
//! measurement = "weather"              # line: of this measurement alone
//!
//! [long]                               # … or csv, parquet: one value a row …
//! property = "metric"
//! value = "value"
//! map = { speed = "vehicle_speed" }
//! units = { speed = "[mi_i]/h" }
//!
//! [channel]                            # … or named together, STATION/PROPERTY; without [station]
//! column = "channel"
//! value = "value"
//!
//! [status]                             # csv, parquet
//! column = "status"
//! map = { "ok" = "measuring" }         # measuring, calibrating, fault; besides the codes 00, 01, 02
//!
//! [file]                               # station
//! separator = ";"                      # a tab by default
//! ```

use std::path::Path;

use super::columns::{self, separator};
use super::plan::{Format, PRECISION, Plan};
use crate::decode::line_protocol::Precision;
use crate::decode::mapping::{Long, Mapping, PointMapping, Station, StatusColumn, StatusNeed, Values};
use crate::decode::mapping::{missing_words, status_words};
use crate::decode::station_file::StationFiles;
use crate::decode::written::Decimal;
use crate::document::{Need, Page, Section, read_text};
use crate::model::{Mistake, Status};

/// How files of a format are read through a map; without one, as Saola exports them, by a tag `station`, or by the
/// file's name.
pub fn plan(format: Format, map: Option<&Path>, precision: Option<Precision>) -> Result<Plan, Vec<Mistake>> {
    let Some(path) = map else { return Ok(without_map(format, precision.unwrap_or(PRECISION))) };
    let text = read_text(path).map_err(|mistake| vec![mistake])?;
    parse(format, &path.display().to_string(), &text, precision)
}

/// The plan that a map's text makes.
pub(super) fn parse(
    format: Format,
    file: &str,
    text: &str,
    precision: Option<Precision>,
) -> Result<Plan, Vec<Mistake>> {
    let (page, table) = Page::parse(file, text);
    let mut root = page.root(&table);
    root.text("about", Need::Optional);
    let plan = match format {
        Format::Csv => csv(&mut root),
        Format::Parquet => mapping(&mut root, Decimal::Point, missing_words()).map(Plan::Parquet),
        Format::Line => points(&mut root, precision).map(Plan::Line),
        Format::Station => station_files(&mut root).map(Plan::Station),
        Format::Native => {
            root.mistake("", "files of the native format need no map");
            None
        }
    };
    root.finish();
    match (plan, page.into_mistakes()) {
        (Some(plan), mistakes) if mistakes.is_empty() => Ok(plan),
        (_, mistakes) => Err(mistakes),
    }
}

fn without_map(format: Format, precision: Precision) -> Plan {
    match format {
        Format::Csv => Plan::Csv { mapping: Mapping::of_exports(), separator: b',' },
        Format::Parquet => Plan::Parquet(Mapping::of_exports()),
        Format::Native => Plan::Native,
        Format::Line => {
            let station = Station::Named { by: "station".to_owned(), words: None };
            Plan::Line(PointMapping { station, columns: Vec::new(), precision })
        }
        Format::Station => Plan::Station(StationFiles {
            station: Station::Named { by: "file".to_owned(), words: None },
            symbols: std::collections::BTreeMap::new(),
            clock: columns::home_clock(),
            separator: b'\t',
        }),
    }
}

fn csv(root: &mut Section<'_, '_>) -> Option<Plan> {
    let (mut comma, mut decimal, mut missing) = (b',', Decimal::Point, missing_words());
    if let Some(mut section) = root.section("csv", Need::Optional) {
        comma = separator(&mut section).unwrap_or(comma);
        let decimals = [("point", Decimal::Point), ("comma", Decimal::Comma)];
        decimal = section.word("decimal", Need::Optional, &decimals).unwrap_or_default();
        if section.has("missing") {
            missing = section.texts("missing").into_iter().map(str::to_owned).collect();
        }
        section.finish();
    }
    if decimal == Decimal::Comma && comma == b',' {
        root.mistake("csv", "separator and decimal are both a comma: which is meant cannot be known");
    }
    Some(Plan::Csv { mapping: mapping(root, decimal, missing)?, separator: comma })
}

fn mapping(root: &mut Section<'_, '_>, decimal: Decimal, missing: Vec<String>) -> Option<Mapping> {
    let (time, time_form) = match root.section("time", Need::Required) {
        Some(section) => columns::time(section).unzip(),
        None => (None, None),
    };
    let ways = ["column", "long", "channel"].into_iter().filter(|key| root.has(key)).count();
    if ways != 1 {
        root.mistake("", "a map needs one of [[column]], [long] and [channel]");
    }
    let values = match root.section("channel", Need::Optional) {
        Some(mut section) => {
            let (channel, value) = (section.text("column", Need::Required), section.text("value", Need::Required));
            section.finish();
            channel.zip(value).map(|(channel, value)| Values::Channel { channel: channel.into(), value: value.into() })
        }
        None => {
            let station =
                root.section("station", Need::Required).and_then(|section| columns::station(section, "column"));
            match root.section("long", Need::Optional) {
                Some(section) => station.zip(long(section)).map(|(station, long)| Values::Long(station, long)),
                None => station.zip(columns::columns(root, columns::Kind::Table)).map(|(s, c)| Values::Wide(s, c)),
            }
        }
    };
    let status = root.section("status", Need::Optional).map(status);
    if let Some(None) = status {
        return None;
    }
    Some(Mapping { time: time?, time_form: time_form?, values: values?, status: status.flatten(), decimal, missing })
}

fn long(mut section: Section<'_, '_>) -> Option<Long> {
    let (property, value) = (section.text("property", Need::Required), section.text("value", Need::Required));
    let words = section.words("map", Need::Optional);
    let mut units = std::collections::BTreeMap::new();
    for (word, written) in section.words("units", Need::Optional).unwrap_or_default() {
        match crate::decode::unit_word::parse(&written).filter(|unit| unit.factor == 1.0) {
            Some(unit) => drop(units.insert(word, unit.unit)),
            None => section.mistake("units", format!("{word}: unknown unit {written:?}: use a UCUM code")),
        }
    }
    section.finish();
    Some(Long { property: property?.to_owned(), value: value?.to_owned(), words, units })
}

fn status(mut section: Section<'_, '_>) -> Option<StatusColumn> {
    let name = section.text("column", Need::Required).map(str::to_owned);
    let mut words = status_words();
    for (word, meaning) in section.words("map", Need::Optional).unwrap_or_default() {
        let status = match meaning.as_str() {
            "measuring" => Status::Measuring,
            "calibrating" => Status::Calibrating,
            "fault" => Status::Fault,
            _ => {
                section.mistake("map", format!("{word}: must be measuring, calibrating or fault, not {meaning:?}"));
                continue;
            }
        };
        words.insert(word, status);
    }
    section.finish();
    Some(StatusColumn { name: name?, words, need: StatusNeed::Named })
}

fn points(root: &mut Section<'_, '_>, asked: Option<Precision>) -> Option<PointMapping> {
    let mut precision = PRECISION;
    if let Some(mut section) = root.section("time", Need::Optional) {
        precision = section.word("precision", Need::Optional, &Precision::WORDS).unwrap_or(precision);
        section.finish();
    }
    let station = match root.section("station", Need::Optional) {
        Some(section) => columns::station(section, "tag"),
        None => Some(Station::Named { by: "station".to_owned(), words: None }),
    };
    let columns = columns::columns(root, columns::Kind::Points);
    Some(PointMapping { station: station?, columns: columns?, precision: asked.unwrap_or(precision) })
}

fn station_files(root: &mut Section<'_, '_>) -> Option<StationFiles> {
    let clock = match root.section("time", Need::Optional) {
        Some(section) => columns::clock(section),
        None => Some(columns::home_clock()),
    };
    let mut tab = b'\t';
    if let Some(mut section) = root.section("file", Need::Optional) {
        tab = separator(&mut section).unwrap_or(tab);
        section.finish();
    }
    let station = match root.section("station", Need::Optional) {
        Some(section) => columns::station_of_files(section),
        None => Some(Station::Named { by: "file".to_owned(), words: None }),
    };
    let columns = columns::columns(root, columns::Kind::Symbols)?;
    let symbols = columns.into_iter().map(|column| (column.name, (column.property, column.scale))).collect();
    Some(StationFiles { station: station?, symbols, clock: clock?, separator: tab })
}

#[cfg(test)]
mod tests;
