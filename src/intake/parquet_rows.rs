//! Rows of a Parquet file through a mapping, by the crate's row interface.
//!
//! Flat files only: of nested columns nothing is read. Times are instants when the file says so; times without a zone
//! are read by the clock that the map names, else the file is refused. The crate may panic on a damaged file; that is
//! caught here and ends this file alone.

use std::borrow::Cow;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::basic::{LogicalType, TimeUnit};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;

use super::blocks::{BLOCK_ROWS, FileError, Step};
use super::lines::Position;
use crate::decode::Decoded;
use crate::decode::mapping::{Cell, Mapping, Places};
use crate::decode::written::{LocalClock, TimeForm};
use crate::model::{Row, Rows, Timestamp};

/// What the integers of a column are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    /// Whatever their own type says.
    Plain,
    /// Instants in nanoseconds, which the row interface gives as numbers.
    Nanoseconds,
    /// A local time in the unit of its type.
    Local,
    /// A local time in nanoseconds.
    LocalNanoseconds,
}

/// An open file.
pub(super) struct ParquetRows<'p> {
    places: Places<'p>,
    columns: Vec<Column>,
    clock: Option<&'p LocalClock>,
    rows: RowIter<'static>,
    /// Rows before the next one.
    at: u64,
}

/// One row, out of the file.
struct Taken {
    line: u64,
    cells: Vec<Cell<'static>>,
    text: String,
}

impl<'p> ParquetRows<'p> {
    pub(super) fn open(path: &Path, mapping: &'p Mapping, from: Position) -> Result<Self, FileError> {
        let file = File::open(path).map_err(FileError::Open)?;
        let reader = guarded(|| SerializedFileReader::new(file))?;
        let schema = reader.metadata().file_metadata().schema_descr().root_schema().clone();
        let names: Vec<String> = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
        let places = Places::find(mapping, &names)?;
        let clock = match &mapping.time_form {
            TimeForm::Local(_, clock) => Some(clock),
            _ => None,
        };
        let mut columns = Vec::with_capacity(names.len());
        for (field, name) in schema.get_fields().iter().zip(&names) {
            let column = match field.get_basic_info().logical_type_ref() {
                Some(LogicalType::Timestamp(time)) => match (time.is_adjusted_to_u_t_c, time.unit) {
                    (true, TimeUnit::NANOS) => Column::Nanoseconds,
                    (true, _) => Column::Plain,
                    (false, TimeUnit::NANOS) => Column::LocalNanoseconds,
                    (false, _) => Column::Local,
                },
                _ => Column::Plain,
            };
            let is_local = matches!(column, Column::Local | Column::LocalNanoseconds);
            if is_local && clock.is_none() && mapping.time.contains(name) {
                return Err(FileError::NoZone(name.clone()));
            }
            columns.push(column);
        }
        let mut rows = RowIter::from_file_into(Box::new(reader));
        if from.lines > 0 {
            guarded(|| rows.nth(from.lines as usize - 1).transpose())?;
        }
        Ok(Self { places, columns, clock, rows, at: from.lines })
    }

    pub(super) fn next<E>(
        &mut self,
        take: impl FnOnce(&Rows<'_>) -> Result<(), E>,
    ) -> Result<Result<Step, E>, FileError> {
        let mut block: Vec<Taken> = Vec::with_capacity(BLOCK_ROWS);
        let mut has_more = true;
        while block.len() < BLOCK_ROWS {
            let Some(row) = guarded(|| self.rows.next().transpose())? else {
                has_more = false;
                break;
            };
            self.at += 1;
            let text = guarded(|| Ok(row.to_string()))?;
            let fields = row.into_columns().into_iter().map(|(_, field)| field);
            let cells = fields.zip(&self.columns).map(|(field, column)| cell(field, *column, self.clock)).collect();
            block.push(Taken { line: self.at, cells, text });
        }
        let mut decoded = Decoded::default();
        let mut rows = Rows::default();
        for Taken { line, cells, text } in &block {
            let (readings, rejections) = (decoded.readings.len(), decoded.rejections.len());
            self.places.read(cells, &mut decoded);
            let readings = decoded.readings.len() - readings;
            let rejections = decoded.rejections.len() - rejections;
            rows.rows.push(Row { line: *line, text: text.as_bytes(), readings, rejections });
        }
        (rows.readings, rows.rejections) = (decoded.readings, decoded.rejections);
        let end = Position { offset: self.at, lines: self.at };
        Ok(take(&rows).map(|()| Step { end, has_more }))
    }
}

/// Calls into the crate; a panic of its own becomes an error.
fn guarded<T>(call: impl FnOnce() -> Result<T, parquet::errors::ParquetError>) -> Result<T, FileError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(FileError::Parquet(error.to_string())),
        Err(_) => Err(FileError::Parquet("the file is damaged".to_owned())),
    }
}

/// Whole numbers up to here are exact as doubles.
const EXACT: i64 = 1 << 53;

fn cell(field: Field, column: Column, clock: Option<&LocalClock>) -> Cell<'static> {
    let whole = |number: i64| {
        if number.unsigned_abs() <= EXACT as u64 {
            Cell::Number(number as f64)
        } else {
            Cell::Text(Cow::Owned(number.to_string()))
        }
    };
    let time = |micros: i64| match column {
        Column::Plain | Column::Nanoseconds => Cell::Time(Timestamp::from_micros(micros)),
        Column::Local | Column::LocalNanoseconds => local(micros, clock),
    };
    match field {
        Field::Null => Cell::Missing,
        Field::Bool(value) => Cell::Text(Cow::Borrowed(if value { "true" } else { "false" })),
        Field::Byte(number) => Cell::Number(number.into()),
        Field::Short(number) => Cell::Number(number.into()),
        Field::Int(number) => Cell::Number(number.into()),
        Field::UByte(number) => Cell::Number(number.into()),
        Field::UShort(number) => Cell::Number(number.into()),
        Field::UInt(number) => Cell::Number(number.into()),
        Field::Long(nanos) if matches!(column, Column::Nanoseconds | Column::LocalNanoseconds) => {
            time(nanos.div_euclid(1_000))
        }
        Field::Long(number) => whole(number),
        Field::ULong(number) => i64::try_from(number).map_or_else(|_| Cell::Text(number.to_string().into()), whole),
        Field::Float16(number) => Cell::Number(number.to_f64()),
        Field::Float(number) => Cell::Number(number.into()),
        Field::Double(number) => Cell::Number(number),
        Field::Str(text) => Cell::Text(Cow::Owned(text)),
        Field::TimestampMillis(millis) => time(millis.saturating_mul(1_000)),
        Field::TimestampMicros(micros) => time(micros),
        other => Cell::Text(Cow::Owned(other.to_string())),
    }
}

/// What a clock showed, as an instant; as a text, which no form of time reads, when it never showed it.
fn local(micros: i64, clock: Option<&LocalClock>) -> Cell<'static> {
    let shown = jiff::tz::Offset::UTC.to_datetime(Timestamp::from_micros(micros).to_jiff());
    match clock.map(|clock| clock.instant(shown)) {
        Some(Ok(at)) => Cell::Time(at),
        Some(Err(_)) | None => Cell::Text(Cow::Owned(format!("local {shown}"))),
    }
}
