//! What the stations of an area come to: how many there are, how they stand, and each property's mean and ends.
//!
//! Only good samples of channels that are live or late are counted: an old value must not pass for a new one. What
//! is counted of what could be is the completeness. A piece of the picture keeps its tally until something in it
//! changes, so that an area costs its pieces and not its stations.

use super::areas::Division;
use super::picture::{NOWHERE, Picture, Shown};
use crate::model::Severity;

/// How the stations of one area stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AreaTally {
    /// Stations in service.
    pub stations: u32,
    /// Of these, by freshness: live, late, stale, silent, maintenance.
    pub by_freshness: [u32; 5],
    /// The worst of their open alerts.
    pub severity: Option<Severity>,
}

/// One property at the stations of one area.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Channels in service.
    pub expected: u32,
    /// Channels that have a good sample now.
    pub count: u32,
    /// Of those samples, in the property's unit.
    pub sum: f64,
    /// The least of them; infinite without any.
    pub min: f64,
    /// The greatest of them; infinite without any.
    pub max: f64,
}

impl Measure {
    const NONE: Measure = Measure { expected: 0, count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    /// The samples' mean; `None` without any.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }

    /// The share of the channels that has a good sample now, 0 to 1.
    pub fn completeness(&self) -> f64 {
        f64::from(self.count) / f64::from(self.expected.max(1))
    }

    /// The one of the two ends that is worse for people; `None` without samples.
    pub fn worst(&self, property: &str) -> Option<f64> {
        (self.count > 0).then(|| if LOW_IS_WORSE.contains(&property) { self.min } else { self.max })
    }

    fn merge(&mut self, other: &Measure) {
        self.expected += other.expected;
        self.count += other.count;
        self.sum += other.sum;
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
    }
}

/// Properties whose low values are the bad ones.
const LOW_IS_WORSE: [&str; 5] =
    ["vehicle_speed", "relative_humidity", "soil_moisture", "visibility", "battery_voltage"];

/// By area, and by area and property; in ascending order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// By the area's number, as [`Picture::area_of`] has it.
    pub areas: Vec<(u32, AreaTally)>,
    /// By the numbers of area and property.
    pub measures: Vec<((u32, u16), Measure)>,
}

impl Tally {
    /// Of some stations.
    pub fn of<'p>(picture: &'p Picture, by: Division, stations: impl Iterator<Item = Shown<'p>>) -> Tally {
        let mut tally = Tally::default();
        let areas = stations.map(|shown| (picture.area_of(by, shown.pin), shown));
        for (area, shown) in areas.filter(|(area, _)| *area != NOWHERE) {
            let own = tally.area(area);
            own.stations += 1;
            own.by_freshness[shown.pin.freshness as usize] += 1;
            own.severity = own.severity.max(shown.pin.severity);
            for (id, look) in shown.station.channels.iter().zip(shown.looks) {
                let channel = picture.catalogue.channel(*id).filter(|channel| !channel.retired);
                let Some((channel, property)) = channel.zip(picture.property_of(*id)) else { continue };
                let value = look.current().and_then(|latest| {
                    picture.unit_of(property).and_then(|unit| channel.unit.convert(latest.value, unit))
                });
                let mut one = Measure { expected: 1, ..Measure::NONE };
                if let Some(value) = value {
                    one = Measure { count: 1, sum: value, min: value, max: value, ..one };
                }
                tally.measure((area, property)).merge(&one);
            }
        }
        tally
    }

    /// Of a whole picture.
    pub fn of_all(picture: &Picture, by: Division) -> Tally {
        let mut all = Tally::default();
        for piece in picture.tallies(by) {
            for (area, tally) in &piece.areas {
                let own = all.area(*area);
                own.stations += tally.stations;
                own.by_freshness.iter_mut().zip(tally.by_freshness).for_each(|(own, more)| *own += more);
                own.severity = own.severity.max(tally.severity);
            }
            for (key, measure) in &piece.measures {
                all.measure(*key).merge(measure);
            }
        }
        all
    }

    /// One area's; `None` for one without stations.
    pub fn get(&self, area: u32) -> Option<&AreaTally> {
        let place = self.areas.binary_search_by_key(&area, |(own, _)| *own).ok()?;
        self.areas.get(place).map(|(_, tally)| tally)
    }

    /// The properties of one area, by their numbers.
    pub fn measures_of(&self, area: u32) -> impl Iterator<Item = (u16, &Measure)> {
        let first = self.measures.partition_point(|((own, _), _)| *own < area);
        let own = self.measures[first..].iter().take_while(move |((own, _), _)| *own == area);
        own.map(|((_, property), measure)| (*property, measure))
    }

    fn area(&mut self, area: u32) -> &mut AreaTally {
        let place = match self.areas.binary_search_by_key(&area, |(own, _)| *own) {
            Ok(place) => place,
            Err(place) => {
                self.areas.insert(place, (area, AreaTally::default()));
                place
            }
        };
        &mut self.areas[place].1
    }

    fn measure(&mut self, key: (u32, u16)) -> &mut Measure {
        let place = match self.measures.binary_search_by_key(&key, |(own, _)| *own) {
            Ok(place) => place,
            Err(place) => {
                self.measures.insert(place, (key, Measure::NONE));
                place
            }
        };
        &mut self.measures[place].1
    }
}
