//! The shape of an answer, whatever it is written as: columns, and series of rows.
//!
//! The time comes first, then what tells the series apart, then the values. A number that is none is absent.

use axum::body::Bytes;

use super::super::time::Zone;
use super::parquet::{ParquetError, ParquetWriter};
use super::text::TextWriter;
use crate::model::Timestamp;

/// How history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One document.
    Json,
    /// RFC 4180, with a header row.
    Csv,
    /// One object a line.
    NdJson,
    /// Apache Parquet, zstd.
    Parquet,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 4] = [Format::Json, Format::Csv, Format::NdJson, Format::Parquet];

    /// The word in queries.
    pub fn word(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Csv => "csv",
            Format::NdJson => "ndjson",
            Format::Parquet => "parquet",
        }
    }

    /// The media type of answers.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::NdJson => "application/x-ndjson",
            Format::Parquet => super::parquet::MEDIA_TYPE,
        }
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An instant.
    Time,
    /// An instant, or nothing.
    MaybeTime,
    /// A word, or nothing.
    Text,
    /// A number, or nothing.
    Number,
    /// A whole number, or nothing.
    Count,
    /// Yes, no, or nothing.
    Flag,
}

/// One column behind those of the series; the first one is the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name: letters, digits and `_`.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

impl Column {
    /// A column.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// One cell of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// An instant.
    Time(Timestamp),
    /// A word of ours.
    Word(&'static str),
    /// A finite number.
    Number(f64),
    /// A whole number.
    Count(u64),
    /// Yes or no.
    Flag(bool),
    /// Nothing.
    Absent,
}

impl Cell {
    /// A number, if it is one.
    pub fn number(value: Option<f64>) -> Self {
        value.filter(|value| value.is_finite()).map_or(Cell::Absent, Cell::Number)
    }
}

/// One series of an answer.
#[derive(Clone, Debug)]
pub struct Series {
    /// What tells it apart: the cells of [`Table::names`].
    pub names: Vec<String>,
    /// Members of its JSON object, in order.
    pub members: Vec<(&'static str, serde_json::Value)>,
}

/// When a CSV has the columns that tell series apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// When there are several series.
    IfSeveral,
    /// In every case.
    Always,
}

/// An answer's shape.
#[derive(Clone, Debug)]
pub struct Table {
    /// The columns that tell series apart.
    pub names: Vec<&'static str>,
    /// In CSV.
    pub naming: Naming,
    /// The others, the time first.
    pub columns: Vec<Column>,
    /// The series, in the asked order.
    pub series: Vec<Series>,
    /// The member of the JSON document that holds the series.
    pub group: &'static str,
    /// The member of a series that holds its rows.
    pub list: &'static str,
    /// Members of the JSON document before the series.
    pub members: Vec<(&'static str, serde_json::Value)>,
}

/// Writes an answer, piece by piece.
pub enum Writer {
    /// JSON, CSV, NDJSON.
    Text(Box<TextWriter>),
    /// Parquet.
    Parquet(Box<ParquetWriter>),
}

/// What goes before a CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    None,
    /// A byte order mark: some spreadsheets read Vietnamese only with it.
    ByteOrder,
}

impl Writer {
    /// Begins an answer. `about` is kept in the file where the format has a place for it.
    pub fn new(format: Format, mark: Mark, zone: Zone, table: Table, about: &str) -> Result<Self, ParquetError> {
        match format {
            Format::Parquet => Ok(Writer::Parquet(Box::new(ParquetWriter::new(table, about)?))),
            format => Ok(Writer::Text(Box::new(TextWriter::new(format, mark, zone, table)))),
        }
    }

    /// Writes a row of a series, a cell for each column; series come in order.
    pub fn row(&mut self, series: usize, cells: &[Cell]) -> Result<(), ParquetError> {
        match self {
            Writer::Text(writer) => {
                writer.row(series, cells);
                Ok(())
            }
            Writer::Parquet(writer) => writer.row(series, cells),
        }
    }

    /// Ends the answer.
    pub fn end(&mut self, next: Option<&str>) -> Result<(), ParquetError> {
        match self {
            Writer::Text(writer) => {
                writer.end(next);
                Ok(())
            }
            Writer::Parquet(writer) => writer.end(),
        }
    }

    /// What has been written since the last call.
    pub fn take(&mut self) -> Bytes {
        match self {
            Writer::Text(writer) => writer.take(),
            Writer::Parquet(writer) => writer.take(),
        }
    }
}
