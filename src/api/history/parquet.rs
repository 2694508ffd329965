//! An answer as Parquet: times as TIMESTAMP(MICROS, UTC), numbers as DOUBLE, names and words as dictionary strings.
//!
//! Rows are gathered into row groups of bounded size, so that an answer of any length costs the memory of one. What
//! the answer is about stands in the file's key-value metadata under [`ABOUT_KEY`].

use std::io;
use std::sync::Arc;

use axum::body::Bytes;
use parking_lot::Mutex;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::table::{Cell, Kind, Table};

/// As registered with IANA.
pub const MEDIA_TYPE: &str = "application/vnd.apache.parquet";

/// The key of what the answer is about.
pub const ABOUT_KEY: &str = "saola";

/// Rows of a row group, about 5 MB in memory.
const GROUP_ROWS: usize = 65_536;

/// The library refused what we wrote: a fault of ours.
pub use parquet::errors::ParquetError;

/// Where the library writes, and we take from.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One column of the row group that is being gathered.
enum Gathered {
    Whole {
        values: Vec<i64>,
        present: Vec<i16>,
    },
    Number {
        values: Vec<f64>,
        present: Vec<i16>,
    },
    Text {
        values: Vec<ByteArray>,
        present: Vec<i16>,
    },
    Flag {
        values: Vec<bool>,
        present: Vec<i16>,
    },
    /// Never absent.
    Time(Vec<i64>),
    /// Never absent.
    Name(Vec<ByteArray>),
}

/// Writes one file.
pub struct ParquetWriter {
    sink: Sink,
    /// `None` after the end.
    file: Option<SerializedFileWriter<Sink>>,
    /// By series, the cells that tell it apart.
    names: Vec<Vec<ByteArray>>,
    names_count: usize,
    columns: Vec<Gathered>,
    rows: usize,
}

impl ParquetWriter {
    /// Begins a file.
    pub fn new(table: Table, about: &str) -> Result<Self, ParquetError> {
        let kinds = table.columns.iter().map(|column| (column.name.as_str(), Some(column.kind)));
        let mut columns: Vec<(&str, Option<Kind>)> = kinds.collect();
        let place = columns.len().min(1);
        columns.splice(place..place, table.names.iter().map(|name| (*name, None)));
        let fields: String = columns.iter().map(|(name, kind)| field(name, *kind)).collect();
        let schema = Arc::new(parse_message_type(&format!("message history {{{fields}}}"))?);
        let about = KeyValue { key: ABOUT_KEY.to_owned(), value: Some(about.to_owned()) };
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_created_by(concat!("saola ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(vec![about]))
            .build();
        let sink = Sink::default();
        let file = SerializedFileWriter::new(sink.clone(), schema, Arc::new(properties))?;
        let bytes = |text: &String| ByteArray::from(text.as_str());
        Ok(Self {
            sink,
            file: Some(file),
            names: table.series.iter().map(|series| series.names.iter().map(bytes).collect()).collect(),
            names_count: table.names.len(),
            columns: columns.iter().map(|(_, kind)| Gathered::of(*kind)).collect(),
            rows: 0,
        })
    }

    /// Gathers a row.
    pub fn row(&mut self, series: usize, cells: &[Cell]) -> Result<(), ParquetError> {
        let names = self.names.get(series).map_or(&[][..], Vec::as_slice);
        let (first, rest) = cells.split_at(cells.len().min(1));
        let mut columns = self.columns.iter_mut();
        columns.by_ref().zip(first).for_each(|(column, cell)| column.push(*cell));
        columns.by_ref().take(self.names_count).zip(names).for_each(|(column, name)| column.push_name(name));
        columns.zip(rest).for_each(|(column, cell)| column.push(*cell));
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    /// Ends the file.
    pub fn end(&mut self) -> Result<(), ParquetError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        match self.file.take() {
            Some(file) => file.close().map(|_| ()),
            None => Ok(()),
        }
    }

    /// What has been written since the last call.
    pub fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut *self.sink.0.lock()))
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        self.rows = 0;
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut group = file.next_row_group()?;
        for column in &mut self.columns {
            column.write(&mut group)?;
        }
        group.close().map(|_| ())
    }
}

fn field(name: &str, kind: Option<Kind>) -> String {
    let of = match kind {
        None => return format!("required binary {name} (UTF8);"),
        Some(Kind::Time) => return format!("required int64 {name} (TIMESTAMP(MICROS,true));"),
        Some(Kind::MaybeTime) => ("int64", " (TIMESTAMP(MICROS,true))"),
        Some(Kind::Text) => ("binary", " (UTF8)"),
        Some(Kind::Number) => ("double", ""),
        Some(Kind::Count) => ("int64", ""),
        Some(Kind::Flag) => ("boolean", ""),
    };
    format!("optional {} {name}{};", of.0, of.1)
}

impl Gathered {
    fn of(kind: Option<Kind>) -> Self {
        match kind {
            None => Gathered::Name(Vec::new()),
            Some(Kind::Time) => Gathered::Time(Vec::new()),
            Some(Kind::MaybeTime | Kind::Count) => Gathered::Whole { values: Vec::new(), present: Vec::new() },
            Some(Kind::Text) => Gathered::Text { values: Vec::new(), present: Vec::new() },
            Some(Kind::Number) => Gathered::Number { values: Vec::new(), present: Vec::new() },
            Some(Kind::Flag) => Gathered::Flag { values: Vec::new(), present: Vec::new() },
        }
    }

    fn push_name(&mut self, name: &ByteArray) {
        if let Gathered::Name(values) = self {
            values.push(name.clone());
        }
    }

    /// A cell of another kind than the column's counts as absent.
    fn push(&mut self, cell: Cell) {
        match self {
            Gathered::Time(values) => values.push(if let Cell::Time(at) = cell { at.micros() } else { 0 }),
            Gathered::Name(values) => values.push(ByteArray::new()),
            Gathered::Whole { values, present } => {
                let value = match cell {
                    Cell::Time(at) => Some(at.micros()),
                    Cell::Count(count) => Some(i64::try_from(count).unwrap_or(i64::MAX)),
                    _ => None,
                };
                put(values, present, value);
            }
            Gathered::Number { values, present } => {
                put(values, present, if let Cell::Number(number) = cell { Some(number) } else { None });
            }
            Gathered::Text { values, present } => {
                put(values, present, if let Cell::Word(word) = cell { Some(ByteArray::from(word)) } else { None });
            }
            Gathered::Flag { values, present } => {
                put(values, present, if let Cell::Flag(flag) = cell { Some(flag) } else { None });
            }
        }
    }

    /// Writes the column and empties it.
    fn write(&mut self, group: &mut SerializedRowGroupWriter<'_, Sink>) -> Result<(), ParquetError> {
        match self {
            Gathered::Time(values) => write::<Int64Type>(group, values, None),
            Gathered::Name(values) => write::<ByteArrayType>(group, values, None),
            Gathered::Whole { values, present } => write::<Int64Type>(group, values, Some(present)),
            Gathered::Number { values, present } => write::<DoubleType>(group, values, Some(present)),
            Gathered::Text { values, present } => write::<ByteArrayType>(group, values, Some(present)),
            Gathered::Flag { values, present } => write::<BoolType>(group, values, Some(present)),
        }
    }
}

fn put<T>(values: &mut Vec<T>, present: &mut Vec<i16>, value: Option<T>) {
    present.push(i16::from(value.is_some()));
    values.extend(value);
}

fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Sink>,
    values: &mut Vec<T::T>,
    present: Option<&mut Vec<i16>>,
) -> Result<(), ParquetError> {
    let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".to_owned()))?;
    column.typed::<T>().write_batch(values, present.as_ref().map(|present| present.as_slice()), None)?;
    column.close()?;
    values.clear();
    if let Some(present) = present {
        present.clear();
    }
    Ok(())
}
