//! Points of line protocol to readings.

use std::borrow::Cow;

use super::{Column, Scale, Station};
use crate::decode::line_protocol::{Field, Point, Precision};
use crate::decode::written::short;
use crate::decode::{Decoded, reject};
use crate::model::{Reading, Reason, Rejection, Status, Timestamp};

/// How points are read.
#[derive(Clone, Debug)]
pub struct PointMapping {
    /// Fixed, or the tag that names it.
    pub station: Station,
    /// The fields that are read; when there are none, every field is a property of its own name.
    pub columns: Vec<Column>,
    /// The unit of the times.
    pub precision: Precision,
}

impl PointMapping {
    /// Reads one point into `out`. A field without a number costs that reading, a missing tag the point.
    pub fn read<'a>(&'a self, point: Point<'a>, out: &mut Decoded<'a>) {
        if let Err(rejection) = self.try_read(point, out) {
            out.rejections.push(rejection);
        }
    }

    fn try_read<'a>(&'a self, point: Point<'a>, out: &mut Decoded<'a>) -> Result<(), Rejection> {
        let station = self.station(&point)?;
        let time = match point.time {
            None => None,
            Some(time) => Some(self.instant(time)?),
        };
        let mut take = |property: Cow<'a, str>, scale: &Scale, field: &Field<'_>| match number(field) {
            Some(written) => {
                let (value, unit) = (scale.apply(written), scale.unit);
                let (station, status) = (station.clone(), Status::Measuring);
                out.readings.push(Reading { station, property, time, value, unit, status });
            }
            None => out.rejections.push(reject(Reason::WrongType, format!("{property}: not a number"))),
        };
        if self.columns.is_empty() {
            for (key, field) in point.fields {
                take(key, &Scale::default(), &field);
            }
            return Ok(());
        }
        for column in &self.columns {
            if column.measurement.as_ref().is_some_and(|measurement| *measurement != point.measurement) {
                continue;
            }
            if let Some((_, field)) = point.fields.iter().find(|(key, _)| *key == column.name) {
                take(Cow::Borrowed(&column.property), &column.scale, field);
            }
        }
        Ok(())
    }

    fn station<'a>(&'a self, point: &Point<'a>) -> Result<Cow<'a, str>, Rejection> {
        let written = match &self.station {
            Station::Fixed(_) => Cow::Borrowed(""),
            Station::Named { by, .. } => {
                let tag = point.tags.iter().find(|(key, _)| key == by);
                let missing = || reject(Reason::UnknownStation, format!("the point has no tag {by}"));
                tag.ok_or_else(missing)?.1.clone()
            }
        };
        self.station
            .named(written.clone())
            .ok_or_else(|| reject(Reason::UnknownStation, format!("the map has no station for {:?}", short(&written))))
    }

    fn instant(&self, time: i64) -> Result<Timestamp, Rejection> {
        self.precision
            .instant(time)
            .ok_or_else(|| reject(Reason::InvalidTime, format!("time {time} is beyond what can be kept")))
    }
}

/// A truth value is no number, nor is a text.
fn number(field: &Field<'_>) -> Option<f64> {
    match field {
        Field::Float(value) => Some(*value),
        Field::Integer(value) => Some(*value as f64),
        Field::Unsigned(value) => Some(*value as f64),
        Field::Boolean(_) | Field::Text(_) => None,
    }
}
