//! The text of an answer: JSON, CSV or newline-delimited JSON, written piece by piece.
//!
//! Values are written as short as they read back exactly; times in the asked zone with its offset. A name in a CSV that
//! a spreadsheet would take for a formula begins with an apostrophe there.

use std::fmt::Write;

use axum::body::Bytes;

use super::super::time::Zone;
use super::table::{Cell, Format, Mark, Naming, Table};

/// Writes an answer.
pub struct TextWriter {
    format: Format,
    zone: Zone,
    table: Table,
    /// By series, what stands between the time and the values: its names, written already.
    names: Vec<String>,
    out: String,
    /// The series that is being written, and how many rows of it have been.
    open: Option<(usize, u64)>,
}

impl TextWriter {
    /// Begins an answer.
    pub fn new(format: Format, mark: Mark, zone: Zone, table: Table) -> Self {
        let named = table.naming == Naming::Always || table.series.len() != 1;
        let names = table.series.iter().map(|series| match format {
            Format::Csv if named => series.names.iter().map(|name| format!(",{}", cell(name))).collect(),
            Format::NdJson => {
                let pairs = table.names.iter().zip(&series.names);
                pairs.map(|(name, value)| format!(",\"{name}\":{}", quoted(value))).collect()
            }
            _ => String::new(),
        });
        let names: Vec<String> = names.collect();
        let mut out = String::new();
        match format {
            Format::Csv => {
                if mark == Mark::ByteOrder {
                    out.push('\u{feff}');
                }
                let mut columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
                if named {
                    columns.splice(1..1, table.names.iter().copied());
                }
                out.push_str(&columns.join(","));
                out.push_str("\r\n");
            }
            Format::Json => {
                out.push('{');
                for (name, value) in &table.members {
                    out.push_str(&format!("\"{name}\":{value},"));
                }
                out.push_str(&format!("\"{}\":[", table.group));
            }
            Format::NdJson | Format::Parquet => {}
        }
        Self { format, zone, table, names, out, open: None }
    }

    /// Writes a row of a series; series come in order.
    pub fn row(&mut self, series: usize, cells: &[Cell]) {
        match self.format {
            Format::Csv => self.csv_row(series, cells),
            Format::Json => {
                self.open_series_up_to(series);
                if let Some((_, count)) = &mut self.open {
                    *count += 1;
                    if *count > 1 {
                        self.out.push(',');
                    }
                }
                self.object(None, cells);
            }
            Format::NdJson | Format::Parquet => {
                self.object(Some(series), cells);
                self.out.push('\n');
            }
        }
    }

    /// Ends the answer.
    pub fn end(&mut self, next: Option<&str>) {
        if self.format == Format::Json {
            if let Some(last) = self.table.series.len().checked_sub(1) {
                self.open_series_up_to(last);
            }
            self.close_series();
            let next = next.map_or("null".to_owned(), quoted);
            self.put(format_args!("],\"next\":{next}}}"));
        }
    }

    /// What has been written since the last call.
    pub fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.out))
    }

    fn csv_row(&mut self, series: usize, cells: &[Cell]) {
        for (place, cell) in cells.iter().enumerate() {
            if place > 0 {
                self.out.push(',');
            }
            match *cell {
                Cell::Time(at) => self.put(format_args!("{}", self.zone.show(at))),
                Cell::Word(word) => self.out.push_str(word),
                Cell::Number(number) => self.put(format_args!("{number}")),
                Cell::Count(count) => self.put(format_args!("{count}")),
                Cell::Flag(flag) => self.put(format_args!("{flag}")),
                Cell::Absent => {}
            }
            if place == 0 {
                self.out.push_str(self.names.get(series).map_or("", String::as_str));
            }
        }
        self.out.push_str("\r\n");
    }

    /// An object; with the names of a series behind its time.
    fn object(&mut self, series: Option<usize>, cells: &[Cell]) {
        for (place, cell) in cells.iter().enumerate() {
            let name = self.table.columns.get(place).map_or("", |column| column.name.as_str());
            // Written out here, since the name is borrowed from the table.
            let _ = write!(self.out, "{}\"{name}\":", if place == 0 { '{' } else { ',' });
            match *cell {
                Cell::Time(at) => self.put(format_args!("\"{}\"", self.zone.show(at))),
                Cell::Word(word) => self.put(format_args!("\"{word}\"")),
                Cell::Number(number) => self.put(format_args!("{number}")),
                Cell::Count(count) => self.put(format_args!("{count}")),
                Cell::Flag(flag) => self.put(format_args!("{flag}")),
                Cell::Absent => self.out.push_str("null"),
            }
            if place == 0 {
                let names = series.and_then(|series| self.names.get(series));
                self.out.push_str(names.map_or("", String::as_str));
            }
        }
        self.out.push('}');
    }

    /// Series without rows stand in the document too.
    fn open_series_up_to(&mut self, series: usize) {
        let mut next = self.open.map_or(0, |(open, _)| open + 1);
        while next <= series {
            self.close_series();
            let Some(series) = self.table.series.get(next) else {
                return;
            };
            self.out.push_str(if next == 0 { "{" } else { ",{" });
            for (name, value) in &series.members {
                let _ = write!(self.out, "\"{name}\":{value},");
            }
            let _ = write!(self.out, "\"{}\":[", self.table.list);
            self.open = Some((next, 0));
            next += 1;
        }
    }

    fn close_series(&mut self) {
        if let Some((_, count)) = self.open {
            self.put(format_args!("],\"count\":{count}}}"));
        }
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _ = self.out.write_fmt(text);
    }
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text as a CSV cell (RFC 4180), never a formula.
pub fn cell(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::{Column, Kind, Series};
    use super::*;
    use crate::model::Timestamp;

    fn check(format: Format, names: &[&str], expected: &str) {
        let series = names.iter().map(|name| Series {
            names: vec![(*name).to_owned()],
            members: vec![("channel", json!(name)), ("unit", json!("m"))],
        });
        let table = Table {
            names: vec!["channel"],
            naming: Naming::IfSeveral,
            columns: [("time", Kind::Time), ("value", Kind::Number), ("quality", Kind::Text)]
                .map(|(name, kind)| Column::new(name, kind))
                .to_vec(),
            series: series.collect(),
            group: "channels",
            list: "samples",
            members: Vec::new(),
        };
        let mut writer = TextWriter::new(format, Mark::None, Zone::default(), table);
        let row = |seconds, value, word| {
            [Cell::Time(Timestamp::from_seconds(seconds)), Cell::number(value), Cell::Word(word)]
        };
        writer.row(0, &row(0, Some(1.5), "good"));
        writer.row(0, &row(60, Some(-0.1), "fault"));
        let first = writer.take();
        writer.row(0, &row(120, Some(f64::INFINITY), "calibrating"));
        writer.end(None);
        let text = [first, writer.take()].concat();
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn the_three_forms() {
        check(
            Format::Csv,
            &["A/x"],
            "time,value,quality\r\n1970-01-01T08:00:00+08:00,1.5,good\r\n1970-01-01T08:01:00+08:00,-0.1,fault\r\n\
             1970-01-01T08:02:00+08:00,,calibrating\r\n",
        );
        check(
            Format::NdJson,
            &["A/x"],
            "{\"time\":\"1970-01-01T08:00:00+08:00\",\"channel\":\"A/x\",\"value\":1.5,\"quality\":\"good\"}\n\
             {\"time\":\"1970-01-01T08:01:00+08:00\",\"channel\":\"A/x\",\"value\":-0.1,\"quality\":\"fault\"}\n\
             {\"time\":\"1970-01-01T08:02:00+08:00\",\"channel\":\"A/x\",\"value\":null,\"quality\":\"calibrating\"}\n",
        );
        check(
            Format::Json,
            &["A/x", "B/y"],
            "{\"channels\":[{\"channel\":\"A/x\",\"unit\":\"m\",\"samples\":[\
             {\"time\":\"1970-01-01T08:00:00+08:00\",\"value\":1.5,\"quality\":\"good\"},\
             {\"time\":\"1970-01-01T08:01:00+08:00\",\"value\":-0.1,\"quality\":\"fault\"},\
             {\"time\":\"1970-01-01T08:02:00+08:00\",\"value\":null,\"quality\":\"calibrating\"}],\"count\":3},\
             {\"channel\":\"B/y\",\"unit\":\"m\",\"samples\":[],\"count\":0}],\"next\":null}",
        );
    }

    #[test]
    fn cells_are_quoted_when_they_must_be_and_are_no_formulas() {
        let check = |text: &str, expected: &str| assert_eq!(cell(text), expected);
        check("A/x", "A/x");
        check("Xã Bum Tở", "Xã Bum Tở");
        check("a,\"b\"", "\"a,\"\"b\"\"\"");
        check("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0");
        check("-STATION/x", "'-STATION/x");
        check("@SUM(1,2)", "\"'@SUM(1,2)\"");
        check("+1", "'+1");
        check("\tx", "'\tx");
    }
}
