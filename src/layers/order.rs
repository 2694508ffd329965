//! Where the pins of a picture stand, and what of them does not change with the moment.

use std::sync::OnceLock;

use hashbrown::HashMap;

use super::caption::Captions;
use super::mercator::World;
use super::picture::PIECE;
use crate::model::{AreaId, Catalogue, Position, Station, StationNo, Timestamp, Unit};

/// Where the pins stand: made anew only with the catalogue.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Morton numbers, ascending; as many as pins.
    pub mortons: Vec<u64>,
    /// By station number: its pin's place; `u32::MAX` for one that is not drawn.
    pub places: Vec<u32>,
    /// By channel number: the place of its property in `properties`.
    pub property_of: Vec<u16>,
    /// Every property of the catalogue, in order of first mention; the first 65,535.
    pub properties: Vec<String>,
    /// What tiles call the unit of each.
    pub unit_keys: Vec<String>,
    /// Their units: those of the first channels.
    pub units: Vec<Unit>,
    /// The places of areas in the catalogue.
    pub areas: HashMap<AreaId, u32>,
    /// As many as pieces, each made when it is asked for.
    pub captions: Vec<OnceLock<Captions>>,
}

/// What a channel observes, as tiles write it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observed<'p> {
    /// Of the property, as [`super::Picture::property`] gives it.
    pub number: u16,
    /// Of the property.
    pub name: &'p str,
    /// The attribute that has the unit.
    pub unit_key: &'p str,
    /// In which the channel tells its values.
    pub unit: Unit,
}

impl Order {
    /// The order of a catalogue's stations, and them in it.
    pub fn of(
        catalogue: &Catalogue,
        at: Timestamp,
        is_drawn: &dyn Fn(&Station) -> bool,
    ) -> (Order, Vec<(StationNo, Position)>) {
        let drawn = catalogue.stations().iter().filter(|station| is_drawn(station));
        let mut rows: Vec<(u64, StationNo, Position)> = drawn
            .map(|station| {
                let position = catalogue.place_at(station, at).0;
                (World::of(position).morton(), station.no, position)
            })
            .collect();
        rows.sort_unstable_by_key(|(morton, no, _)| (*morton, *no));
        let mut places = vec![u32::MAX; catalogue.stations().len()];
        for (place, (_, no, _)) in (0_u32..).zip(&rows) {
            places[no.index()] = place;
        }
        let (mut properties, mut units): (Vec<String>, Vec<Unit>) = Default::default();
        let mut numbers: HashMap<&str, u16> = HashMap::new();
        let property_of = catalogue.channels().iter().map(|channel| {
            *numbers.entry(channel.property.as_str()).or_insert_with(|| {
                let number = u16::try_from(properties.len()).unwrap_or(u16::MAX);
                if number != u16::MAX {
                    properties.push(channel.property.as_str().to_owned());
                    units.push(channel.unit);
                }
                number
            })
        });
        let property_of = property_of.collect();
        let unit_keys = properties.iter().map(|property| format!("{property}_unit")).collect();
        let mortons = rows.iter().map(|(morton, ..)| *morton).collect();
        let stations: Vec<_> = rows.into_iter().map(|(_, no, position)| (no, position)).collect();
        let areas = (0_u32..).zip(catalogue.areas()).map(|(number, area)| (area.id.clone(), number)).collect();
        let captions = (0..stations.len().div_ceil(PIECE)).map(|_| OnceLock::new()).collect();
        (Order { mortons, places, property_of, properties, unit_keys, units, areas, captions }, stations)
    }
}
