//! Tables of any shape to readings: which column is the time, which the station, which a property in which unit.
//!
//! A [`Mapping`] is what a person declared; [`Places`] is the mapping found in one file's header; [`Places::read`]
//! turns one row into readings. Where the cells come from (CSV, Parquet) does not matter.
//!
//! A bad cell costs its own reading, a bad time or station its row. A missing cell is no reading at all.

mod points;
mod table;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use points::PointMapping;
pub use table::{Places, UnknownColumn};

use super::written::{Decimal, TimeForm};
use crate::model::{Status, Timestamp, Unit};

/// From a file's words to Saola's.
pub type Words = BTreeMap<String, String>;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// As it was written.
    Text(Cow<'a, str>),
    /// From a file that has numbers.
    Number(f64),
    /// From a file that has instants.
    Time(Timestamp),
    /// From a file that can say so.
    Missing,
}

/// How a table is read.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The columns that make up the time, joined by a space.
    pub time: Vec<String>,
    /// How it is written.
    pub time_form: TimeForm,
    /// Where the values are.
    pub values: Values,
    /// What the device says of itself.
    pub status: Option<StatusColumn>,
    /// How numbers are written.
    pub decimal: Decimal,
    /// Texts that stand for "no value".
    pub missing: Vec<String>,
}

/// Whose a row is.
#[derive(Clone, Debug)]
pub enum Station {
    /// All rows are one station's.
    Fixed(String),
    /// It is named by a column (a tag, a file name's beginning); with words, by those alone.
    Named {
        /// The column.
        by: String,
        /// From the file's names to the registry's.
        words: Option<Words>,
    },
}

impl Station {
    /// The registry's name for what the file calls it; `None` when the map has no word for it.
    pub fn named<'a>(&'a self, written: Cow<'a, str>) -> Option<Cow<'a, str>> {
        match self {
            Station::Fixed(id) => Some(Cow::Borrowed(id)),
            Station::Named { words: None, .. } => Some(written),
            Station::Named { words: Some(words), .. } => {
                words.get(written.as_ref()).map(|id| Cow::Borrowed(id.as_str()))
            }
        }
    }
}

/// Where the values of a row are.
#[derive(Clone, Debug)]
pub enum Values {
    /// A column for each property.
    Wide(Station, Vec<Column>),
    /// One value a row, its property named by another column.
    Long(Station, Long),
    /// One value a row, its station and property named together (`STATION/PROPERTY`), as Saola exports them.
    Channel {
        /// The column with the name.
        channel: String,
        /// The column with the value.
        value: String,
    },
}

/// A column (or a field) with the values of one property.
#[derive(Clone, Debug)]
pub struct Column {
    /// As the file has it.
    pub name: String,
    /// In line protocol: of this measurement alone.
    pub measurement: Option<String>,
    /// As the registry has it.
    pub property: String,
    /// From the written value to one in a known unit.
    pub scale: Scale,
    /// What the cells hold.
    pub read: Read,
}

/// One value a row.
#[derive(Clone, Debug)]
pub struct Long {
    /// The column that names the property.
    pub property: String,
    /// The column with the value.
    pub value: String,
    /// From the file's names to the registry's.
    pub words: Option<Words>,
    /// By the file's name of the property.
    pub units: BTreeMap<String, Unit>,
}

/// From a written value to one in a known unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scale {
    /// `None`: the channel's own.
    pub unit: Option<Unit>,
    /// What a written value is multiplied by; `None` leaves it as it is, bit by bit.
    pub factor: Option<f64>,
}

impl Scale {
    /// The value in [`Scale::unit`].
    pub fn apply(&self, written: f64) -> f64 {
        self.factor.map_or(written, |factor| written * factor)
    }
}

/// What a column's cells hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Read {
    /// Numbers.
    #[default]
    Number,
    /// Points of the wind rose (`NNE`), for degrees.
    WindWords,
}

/// The column in which a device speaks of its own state.
#[derive(Clone, Debug)]
pub struct StatusColumn {
    /// Its name.
    pub name: String,
    /// What its words mean; a missing cell means measuring.
    pub words: BTreeMap<String, Status>,
    /// Whether a file may be without it.
    pub need: StatusNeed,
}

/// Whether a file may be without its status column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusNeed {
    /// A map names it: it must be there.
    Named,
    /// The usual name, in files without a map.
    Usual,
}

/// The words for a device's state that are known without a map: those of exports, of the native form, and the codes of
/// station files.
pub fn status_words() -> BTreeMap<String, Status> {
    let known = [
        ("good", Status::Measuring),
        ("measuring", Status::Measuring),
        ("00", Status::Measuring),
        ("calibrating", Status::Calibrating),
        ("01", Status::Calibrating),
        ("fault", Status::Fault),
        ("02", Status::Fault),
    ];
    known.into_iter().map(|(word, status)| (word.to_owned(), status)).collect()
}

/// The texts that stand for "no value" where a map names none.
pub fn missing_words() -> Vec<String> {
    ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "-"].map(str::to_owned).to_vec()
}

impl Mapping {
    /// The table that Saola itself exports: `time`, `channel`, `value`, and perhaps `quality`.
    pub fn of_exports() -> Mapping {
        let status = StatusColumn { name: "quality".to_owned(), words: status_words(), need: StatusNeed::Usual };
        Mapping {
            time: vec!["time".to_owned()],
            time_form: TimeForm::Rfc3339,
            values: Values::Channel { channel: "channel".to_owned(), value: "value".to_owned() },
            status: Some(status),
            decimal: Decimal::Point,
            missing: missing_words(),
        }
    }
}

/// Station and property of a channel's name; the station's may not hold a slash, the property's neither.
pub(super) fn split_channel(name: Cow<'_, str>) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let parts = |name: &str| name.split_once('/').map(|(station, property)| (station.len(), property.contains('/')));
    let (at, has_more) = parts(&name)?;
    if has_more || at == 0 || at + 1 == name.len() {
        return None;
    }
    Some(match name {
        Cow::Borrowed(name) => (Cow::Borrowed(&name[..at]), Cow::Borrowed(&name[at + 1..])),
        Cow::Owned(name) => (Cow::Owned(name[..at].to_owned()), Cow::Owned(name[at + 1..].to_owned())),
    })
}

#[cfg(test)]
mod tests;
