//! A mapping found in one header, and rows read through it.

use std::borrow::Cow;

use super::{Cell, Column, Long, Mapping, Read, Scale, Station, StatusNeed, Values, split_channel};
use crate::decode::written::{number, short, wind_degrees};
use crate::decode::{Decoded, reject};
use crate::model::{Reading, Reason, Rejection, Status, Timestamp};

/// A column that the mapping names and the file does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file has no column {missing:?}; it has {has}")]
pub struct UnknownColumn {
    /// The missing one.
    pub missing: String,
    /// The first ones there are.
    pub has: String,
}

/// Where a mapping's columns are in one file.
pub struct Places<'m> {
    mapping: &'m Mapping,
    columns_count: usize,
    time: Vec<usize>,
    status: Option<usize>,
    values: ValuePlaces<'m>,
}

enum ValuePlaces<'m> {
    Wide(StationPlace<'m>, Vec<(usize, &'m Column)>),
    Long { station: StationPlace<'m>, property: usize, value: usize, long: &'m Long },
    Channel { channel: usize, value: usize },
}

struct StationPlace<'m> {
    station: &'m Station,
    column: Option<usize>,
}

impl<'m> Places<'m> {
    /// Finds every column that the mapping names; of two of one name the first is meant.
    pub fn find(mapping: &'m Mapping, header: &[impl AsRef<str>]) -> Result<Places<'m>, UnknownColumn> {
        let place = |name: &str| {
            let found = header.iter().position(|column| column.as_ref() == name);
            found.ok_or_else(|| {
                let has: Vec<String> = header.iter().take(40).map(|column| short(column.as_ref())).collect();
                UnknownColumn { missing: name.to_owned(), has: has.join(", ") }
            })
        };
        let station_place = |station: &'m Station| {
            let column = match station {
                Station::Fixed(_) => None,
                Station::Named { by, .. } => Some(place(by)?),
            };
            Ok(StationPlace { station, column })
        };
        let values = match &mapping.values {
            Values::Wide(station, columns) => {
                let columns: Result<Vec<_>, _> =
                    columns.iter().map(|column| Ok((place(&column.name)?, column))).collect();
                ValuePlaces::Wide(station_place(station)?, columns?)
            }
            Values::Long(station, long) => {
                let (property, value) = (place(&long.property)?, place(&long.value)?);
                ValuePlaces::Long { station: station_place(station)?, property, value, long }
            }
            Values::Channel { channel, value } => {
                ValuePlaces::Channel { channel: place(channel)?, value: place(value)? }
            }
        };
        let status = match &mapping.status {
            Some(column) if column.need == StatusNeed::Usual => place(&column.name).ok(),
            Some(column) => Some(place(&column.name)?),
            None => None,
        };
        let time = mapping.time.iter().map(|name| place(name)).collect::<Result<_, _>>()?;
        Ok(Places { mapping, columns_count: header.len(), time, status, values })
    }

    /// Reads one row into `out`.
    pub fn read<'a>(&'a self, cells: &[Cell<'a>], out: &mut Decoded<'a>) {
        if let Err(rejection) = self.try_read(cells, out) {
            out.rejections.push(rejection);
        }
    }

    /// An error costs the row: nothing of it is in `out` then.
    fn try_read<'a>(&'a self, cells: &[Cell<'a>], out: &mut Decoded<'a>) -> Result<(), Rejection> {
        let surplus = cells.get(self.columns_count..).unwrap_or_default();
        // A separator at the end of each line makes one empty cell more than the header has.
        if cells.len() < self.columns_count || surplus.iter().any(|cell| !self.is_missing(cell)) {
            let detail = format!("{} fields, the header has {}", cells.len(), self.columns_count);
            return Err(reject(Reason::WrongShape, detail));
        }
        let time = Some(self.time(cells)?);
        let status = self.status(cells)?;
        let unit = None;
        let mut take = |station: &Cow<'a, str>, property: Cow<'a, str>, scale: &Scale, value| match value {
            Ok(None) => {}
            Ok(Some(written)) => {
                let (station, value) = (station.clone(), scale.apply(written));
                let unit = scale.unit.or(unit);
                out.readings.push(Reading { station, property, time, value, unit, status });
            }
            Err(reason) => out.rejections.push(reject(reason, format!("{property}: not a number"))),
        };
        match &self.values {
            ValuePlaces::Wide(station, columns) => {
                let station = self.station(station, cells)?;
                for (place, column) in columns {
                    let value = self.value(&cells[*place], column.read);
                    take(&station, Cow::Borrowed(&column.property), &column.scale, value);
                }
            }
            ValuePlaces::Long { station, property, value, long } => {
                let station = self.station(station, cells)?;
                let written = text_of(&cells[*property]);
                let unit = long.units.get(written.as_ref()).copied();
                let property = match &long.words {
                    None => written,
                    Some(words) => {
                        words.get(written.as_ref()).map(|word| Cow::Borrowed(word.as_str())).ok_or_else(|| {
                            reject(
                                Reason::UnknownProperty,
                                format!("the map has no property for {:?}", short(&written)),
                            )
                        })?
                    }
                };
                take(&station, property, &Scale { unit, factor: None }, self.value(&cells[*value], Read::Number));
            }
            ValuePlaces::Channel { channel, value } => {
                let name = text_of(&cells[*channel]);
                let wrong = || reject(Reason::WrongShape, format!("{:?} is no STATION/PROPERTY", short(&name)));
                let (station, property) = split_channel(name.clone()).ok_or_else(wrong)?;
                take(&station, property, &Scale::default(), self.value(&cells[*value], Read::Number));
            }
        }
        Ok(())
    }

    fn is_missing(&self, cell: &Cell<'_>) -> bool {
        match cell {
            Cell::Missing => true,
            Cell::Text(text) => self.mapping.missing.iter().any(|word| *word == text.as_ref()),
            Cell::Number(number) => number.is_nan(),
            Cell::Time(_) => false,
        }
    }

    fn time(&self, cells: &[Cell<'_>]) -> Result<Timestamp, Rejection> {
        let form = &self.mapping.time_form;
        match self.time.as_slice() {
            [place] => match &cells[*place] {
                Cell::Time(at) => Ok(*at),
                cell if self.is_missing(cell) => Err(reject(Reason::InvalidTime, "the time is missing")),
                cell => form.read(&text_of(cell)),
            },
            places => {
                let parts: Vec<Cow<'_, str>> = places.iter().map(|place| text_of(&cells[*place])).collect();
                form.read(&parts.join(" "))
            }
        }
    }

    fn status(&self, cells: &[Cell<'_>]) -> Result<Status, Rejection> {
        let (Some(place), Some(column)) = (self.status, &self.mapping.status) else { return Ok(Status::Measuring) };
        let cell = &cells[place];
        let word = text_of(cell);
        match column.words.get(word.as_ref()) {
            Some(status) => Ok(*status),
            None if self.is_missing(cell) => Ok(Status::Measuring),
            None => Err(reject(Reason::InvalidStatus, format!("{:?} is no status that is known", short(&word)))),
        }
    }

    fn station<'a>(&'a self, place: &StationPlace<'a>, cells: &[Cell<'a>]) -> Result<Cow<'a, str>, Rejection> {
        let written = place.column.map_or(Cow::Borrowed(""), |column| text_of(&cells[column]));
        place
            .station
            .named(written.clone())
            .ok_or_else(|| reject(Reason::UnknownStation, format!("the map has no station for {:?}", short(&written))))
    }

    /// `None` where there is no value.
    fn value(&self, cell: &Cell<'_>, read: Read) -> Result<Option<f64>, Reason> {
        if self.is_missing(cell) {
            return Ok(None);
        }
        match (cell, read) {
            (Cell::Number(number), Read::Number) if number.is_finite() => Ok(Some(*number)),
            (Cell::Number(_), Read::Number) => Err(Reason::NotFinite),
            (Cell::Text(text), Read::Number) => number(text, self.mapping.decimal).map(Some),
            (Cell::Text(text), Read::WindWords) => wind_degrees(text).map(Some).ok_or(Reason::WrongType),
            (Cell::Number(_), Read::WindWords) | (Cell::Time(_) | Cell::Missing, _) => Err(Reason::WrongType),
        }
    }
}

/// A cell as a text: names may be numbers, too.
fn text_of<'a>(cell: &Cell<'a>) -> Cow<'a, str> {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => Cow::Owned(number.to_string()),
        Cell::Time(at) => Cow::Owned(at.to_string()),
        Cell::Missing => Cow::Borrowed(""),
    }
}
