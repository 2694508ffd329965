//! Files to blocks of decoded rows: lines of text through their decoder, rows of Parquet through theirs.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::lines::{Joined, LINE_BYTES_MAX, Line, Lines, Position};
use super::parquet_rows::ParquetRows;
use super::plan::Plan;
use crate::decode::mapping::{Cell, Places, PointMapping, UnknownColumn, status_words};
use crate::decode::station_file::{StationFiles, station_of};
use crate::decode::{Decoded, csv_row, exported, line_protocol, reject};
use crate::model::{Reason, Rejection, Row, Rows, Status};

/// Most rows of one block, and about the most bytes.
pub(super) const BLOCK_ROWS: usize = 512;
const BLOCK_BYTES: usize = 512 * 1024;

/// Read ahead from a file.
const BUFFER_BYTES: usize = 256 * 1024;

/// Why a file, or the rest of one, is not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be opened.
    #[error("cannot be opened")]
    Open(#[source] io::Error),
    /// It cannot be read on.
    #[error("cannot be read on after line {line}")]
    Read {
        /// The last line that could be read.
        line: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Text of two bytes a letter.
    #[error("is UTF-16 text: save it as UTF-8")]
    Utf16,
    /// Nothing in it.
    #[error("has no header")]
    NoHeader,
    /// A header that cannot be read.
    #[error("has a header that cannot be read: {0}")]
    Header(String),
    /// The map does not fit.
    #[error(transparent)]
    Column(#[from] UnknownColumn),
    /// A station file whose name begins with no station.
    #[error("the map has no station for files whose names begin with {0:?}")]
    NoStation(String),
    /// Not Parquet, or damaged.
    #[error("is not Parquet that can be read: {0}")]
    Parquet(String),
    /// A Parquet file whose times have no zone.
    #[error("column {0:?} has times without a zone: name format and zone in a map")]
    NoZone(String),
    /// The map or the kind of file cannot be right.
    #[error("the first {0} rows are all refused: the map or the format does not fit; the rest is not read")]
    NothingFits(u64),
}

/// Where a file has been read to, and what was there.
pub(super) struct Step {
    /// Behind the block.
    pub(super) end: Position,
    /// Whether there may be more.
    pub(super) has_more: bool,
}

/// An open file.
#[expect(clippy::large_enum_variant, reason = "one file is open at a time")]
pub(super) enum Blocks<'p> {
    /// With the error that is told once the rows before it are handed on.
    Text(Lines, Decoder<'p>, Option<FileError>),
    Parquet(Box<ParquetRows<'p>>),
}

/// What lines are.
pub(super) enum Decoder<'p> {
    Csv(Places<'p>, u8),
    Points(&'p PointMapping),
    Station(&'p StationFiles, String),
    Exported(std::collections::BTreeMap<String, Status>),
}

impl<'p> Blocks<'p> {
    /// Opens a file, to be read from a place on that an earlier reading gave.
    pub(super) fn open(path: &Path, plan: &'p Plan, from: Position) -> Result<Self, FileError> {
        let decoder = match plan {
            Plan::Parquet(mapping) => return Ok(Blocks::Parquet(Box::new(ParquetRows::open(path, mapping, from)?))),
            Plan::Line(mapping) => Decoder::Points(mapping),
            Plan::Native => Decoder::Exported(status_words()),
            Plan::Station(files) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let prefix = station_of(name.strip_suffix(".gz").unwrap_or(&name));
                let station = files.station.named(Cow::Borrowed(prefix));
                let station = station.ok_or_else(|| FileError::NoStation(prefix.to_owned()))?;
                Decoder::Station(files, station.into_owned())
            }
            Plan::Csv { mapping, separator } => {
                let mut lines = Lines::new(reader(path, 0)?, Position::default(), Joined::Quotes(*separator));
                let header = header(&mut lines, *separator)?;
                let decoder = Decoder::Csv(Places::find(mapping, &header)?, *separator);
                if from == Position::default() {
                    return Ok(Blocks::Text(lines, decoder, None));
                }
                decoder
            }
        };
        let joined = match plan {
            Plan::Csv { separator, .. } => Joined::Quotes(*separator),
            Plan::Line(_) => Joined::Texts,
            Plan::Station(_) | Plan::Native | Plan::Parquet(_) => Joined::Never,
        };
        Ok(Blocks::Text(Lines::new(reader(path, from.offset)?, from, joined), decoder, None))
    }

    /// Reads and decodes the next block and hands it on.
    pub(super) fn next<E>(
        &mut self,
        take: impl FnOnce(&Rows<'_>) -> Result<(), E>,
    ) -> Result<Result<Step, E>, FileError> {
        match self {
            Blocks::Text(lines, decoder, broken) => match broken.take() {
                Some(error) => Err(error),
                None => text_block(lines, decoder, broken, take),
            },
            Blocks::Parquet(rows) => rows.next(take),
        }
    }
}

fn text_block<E>(
    lines: &mut Lines,
    decoder: &Decoder<'_>,
    broken: &mut Option<FileError>,
    take: impl FnOnce(&Rows<'_>) -> Result<(), E>,
) -> Result<Result<Step, E>, FileError> {
    let mut block: Vec<Line> = Vec::with_capacity(BLOCK_ROWS);
    let (mut bytes_count, mut end) = (0, lines.given());
    let mut has_more = true;
    while block.len() < BLOCK_ROWS && bytes_count < BLOCK_BYTES {
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => {
                has_more = false;
                break;
            }
            Err(source) => {
                let error = FileError::Read { line: end.lines, source };
                if block.is_empty() {
                    return Err(error);
                }
                *broken = Some(error);
                break;
            }
        };
        bytes_count += line.bytes.len();
        end = line.end;
        block.push(line);
    }
    let mut rows = Rows::default();
    let mut decoded = Decoded::default();
    for line in &block {
        let (readings, rejections) = (decoded.readings.len(), decoded.rejections.len());
        if !decoder.read(line, &mut decoded) {
            continue;
        }
        rows.rows.push(Row {
            line: line.number,
            text: &line.bytes,
            readings: decoded.readings.len() - readings,
            rejections: decoded.rejections.len() - rejections,
        });
    }
    (rows.readings, rows.rejections) = (decoded.readings, decoded.rejections);
    Ok(take(&rows).map(|()| Step { end, has_more }))
}

impl Decoder<'_> {
    /// Reads one line into `out`; whether there was a row in it.
    fn read<'a>(&'a self, line: &'a Line, out: &mut Decoded<'a>) -> bool {
        if line.is_cut {
            let detail = format!("a line of more than {LINE_BYTES_MAX} bytes");
            out.rejections.push(reject(Reason::PayloadTooLarge, detail));
            return true;
        }
        match self.try_read(line, out) {
            Ok(is_row) => is_row,
            Err(rejection) => {
                out.rejections.push(rejection);
                true
            }
        }
    }

    fn try_read<'a>(&'a self, line: &'a Line, out: &mut Decoded<'a>) -> Result<bool, Rejection> {
        if let Decoder::Points(mapping) = self {
            let Some(point) = line_protocol::point(&line.bytes)? else { return Ok(false) };
            mapping.read(point, out);
            return Ok(true);
        }
        let text = std::str::from_utf8(&line.bytes)
            .map_err(|error| reject(Reason::InvalidUtf8, format!("not UTF-8 from byte {}", error.valid_up_to())))?;
        if text.trim().is_empty() {
            return Ok(false);
        }
        match self {
            Decoder::Csv(places, separator) => {
                let mut fields = Vec::new();
                csv_row::fields(text, *separator, &mut fields)?;
                let cells: Vec<Cell<'a>> = fields.into_iter().map(Cell::Text).collect();
                places.read(&cells, out);
            }
            Decoder::Station(files, station) => files.read(station, text, out),
            Decoder::Exported(words) => exported::read(text, words, out),
            Decoder::Points(_) => {}
        }
        Ok(true)
    }
}

/// The file's text from an offset on, unpacked when its name ends in `.gz`.
fn reader(path: &Path, offset: u64) -> Result<Box<dyn BufRead>, FileError> {
    let mut file = File::open(path).map_err(FileError::Open)?;
    let is_packed = path.extension().is_some_and(|ending| ending == "gz");
    let mut reader: Box<dyn BufRead> = if is_packed {
        let mut unpacked = MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, file));
        io::copy(&mut unpacked.by_ref().take(offset), &mut io::sink()).map_err(FileError::Open)?;
        Box::new(BufReader::with_capacity(BUFFER_BYTES, unpacked))
    } else {
        file.seek(SeekFrom::Start(offset)).map_err(FileError::Open)?;
        Box::new(BufReader::with_capacity(BUFFER_BYTES, file))
    };
    let begin = reader.fill_buf().map_err(FileError::Open)?;
    if offset == 0 && (begin.starts_with(b"\xff\xfe") || begin.starts_with(b"\xfe\xff")) {
        return Err(FileError::Utf16);
    }
    Ok(reader)
}

fn header(lines: &mut Lines, separator: u8) -> Result<Vec<String>, FileError> {
    let first = lines.next().map_err(FileError::Open)?.ok_or(FileError::NoHeader)?;
    let text = std::str::from_utf8(&first.bytes).map_err(|_| FileError::Header("not UTF-8".to_owned()))?;
    let mut fields = Vec::new();
    csv_row::fields(text, separator, &mut fields).map_err(|rejection| FileError::Header(rejection.detail))?;
    // A separator behind the last name is no column.
    if fields.len() > 1 && fields.last().is_some_and(|name| name.is_empty()) {
        fields.pop();
    }
    Ok(fields.into_iter().map(Cow::into_owned).collect())
}
