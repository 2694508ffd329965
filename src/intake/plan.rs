//! What kind of file is read, and how.

use crate::decode::line_protocol::Precision;
use crate::decode::mapping::{Mapping, PointMapping};
use crate::decode::station_file::StationFiles;

/// The kinds of files that history comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, with a header.
    Csv,
    /// InfluxDB line protocol.
    Line,
    /// Files of automatic stations.
    Station,
    /// Parquet.
    Parquet,
    /// NDJSON as Saola exports it.
    Native,
}

impl Format {
    /// Every format by its word.
    pub const WORDS: [(&'static str, Format); 5] = [
        ("csv", Format::Csv),
        ("line", Format::Line),
        ("station", Format::Station),
        ("parquet", Format::Parquet),
        ("native", Format::Native),
    ];
}

/// How files are read.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Records of a table with a header.
    Csv {
        /// What the columns mean.
        mapping: Mapping,
        /// Between fields, ASCII.
        separator: u8,
    },
    /// Points.
    Line(PointMapping),
    /// One parameter a line.
    Station(StationFiles),
    /// Rows of a table with types.
    Parquet(Mapping),
    /// Exported lines.
    Native,
}

/// The unit of times in line protocol when neither map nor command line names one.
pub(super) const PRECISION: Precision = Precision::Nanoseconds;
