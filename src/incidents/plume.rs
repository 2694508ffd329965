//! Smoke that the wind has carried: who lies downwind of whom.
//!
//! A smoke alert and one of heat or of a camera are one fire when the smoke is downwind of the other, within the
//! plume's reach and angle. The wind is that of the nearest station to the fire that has measured it lately and well.
//! Without a wind, or in air that stands still, only the distance counts, as for everybody else.
//!
//! Directions are those *from* which the wind blows, as they are measured; all angles in degrees.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use rstar::RTree;
use rstar::primitives::GeomWithData;

use super::World;
use super::incident::Member;
use super::plan::Plume;
use crate::geodesy;
use crate::model::{Catalogue, ChannelId, IncidentId, Position, Property, Station, Timestamp, Unit};

/// The properties of the wind.
const DIRECTION: &str = "wind_direction";
const SPEED: &str = "wind_speed";

/// Where the wind is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vane {
    position: Position,
    direction: ChannelId,
    speed: ChannelId,
    speed_unit: Unit,
}

/// Every station that measures direction and speed, by place.
#[derive(Clone, Debug, Default)]
pub(super) struct Vanes(RTree<GeomWithData<[f64; 3], Vane>>);

impl PartialEq for Vanes {
    fn eq(&self, other: &Self) -> bool {
        self.0.size() == other.0.size() && self.0.iter().all(|vane| other.0.contains(vane))
    }
}

impl Vanes {
    pub(super) fn new(catalogue: &Catalogue) -> Vanes {
        let each = vanes(catalogue).map(|vane| GeomWithData::new(geodesy::geocentric_m(vane.position), vane));
        Vanes(RTree::bulk_load(each.collect()))
    }

    /// The direction towards which the wind blows at a place; `None` when it is not known or there is none.
    pub(super) fn towards(&self, plume: &Plume, at: Position, now: Timestamp, world: &World<'_>) -> Option<f64> {
        let fresh = |channel: ChannelId| {
            let newest = (world.newest)(channel)?;
            let is_usable = newest.quality.is_good() && now.since(newest.observed_at) <= plume.wind_age;
            is_usable.then_some(newest.value)
        };
        // A chord is shorter than its arc: none that is within is missed.
        let around = self.0.locate_within_distance(geodesy::geocentric_m(at), plume.wind_within_m.powi(2));
        let mut by_distance: Vec<(f64, &Vane)> =
            around.map(|vane| (geodesy::distance_m(at, vane.data.position), &vane.data)).collect();
        by_distance.retain(|(distance, _)| *distance <= plume.wind_within_m);
        by_distance.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.direction.cmp(&b.1.direction)));
        let (from, speed) = by_distance.iter().find_map(|(_, vane)| {
            let speed = vane.speed_unit.convert(fresh(vane.speed)?, Unit::MetrePerSecond)?;
            Some((fresh(vane.direction)?, speed))
        })?;
        (speed >= plume.wind_least).then(|| (from + 180.0).rem_euclid(360.0))
    }
}

fn vanes(catalogue: &Catalogue) -> impl Iterator<Item = Vane> {
    let vane = move |station: &Station| {
        let channel = |property: &str| catalogue.channel_of(station, property).filter(|channel| !channel.retired);
        let (direction, speed) = (channel(DIRECTION)?, channel(SPEED)?);
        let is_usable = !station.maintenance && direction.unit == Unit::Degree;
        let (position, speed_unit) = (station.position, speed.unit);
        is_usable.then_some(Vane { position, direction: direction.id, speed: speed.id, speed_unit })
    };
    catalogue.stations().iter().filter_map(vane)
}

/// What part a member plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It sees smoke.
    Smoke,
    /// It sees where smoke comes from.
    Source,
}

pub(super) fn part_of(plume: &Plume, property: Option<&Property>) -> Option<Part> {
    let property = property?;
    if plume.smoke.contains(property) {
        return Some(Part::Smoke);
    }
    plume.sources.contains(property).then_some(Part::Source)
}

/// Whether smoke seen at one place comes from the other, with the wind blowing towards `towards` there.
pub(super) fn carries(plume: &Plume, source: Position, smoke: Position, towards: f64) -> bool {
    geodesy::distance_m(source, smoke) <= plume.reach_m
        && geodesy::angle_between_deg(geodesy::bearing_deg(source, smoke), towards) <= plume.within_deg
}

/// The places of one group's smoke and of its sources, with their incidents.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plumes {
    smoke: Places,
    sources: Places,
}

/// A place of an incident.
type Place = (IncidentId, [u64; 2]);

/// Places that are counted, since several alerts share a station, and found by where they are.
#[derive(Clone, Debug, Default)]
struct Places {
    tree: RTree<GeomWithData<[f64; 3], Place>>,
    counts: HashMap<Place, u32>,
}

impl PartialEq for Places {
    fn eq(&self, other: &Self) -> bool {
        self.counts == other.counts
    }
}

impl Places {
    fn add(&mut self, incident: &IncidentId, position: Position) {
        let place = (incident.clone(), bits(position));
        let count = self.counts.entry(place.clone()).or_insert(0);
        *count += 1;
        if *count == 1 {
            self.tree.insert(GeomWithData::new(geodesy::geocentric_m(position), place));
        }
    }

    fn take(&mut self, incident: &IncidentId, position: Position) {
        let place = (incident.clone(), bits(position));
        let Some(count) = self.counts.get_mut(&place) else { return };
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&place);
            self.tree.remove(&GeomWithData::new(geodesy::geocentric_m(position), place));
        }
    }
}

impl Plumes {
    fn side(&mut self, part: Part) -> &mut Places {
        match part {
            Part::Smoke => &mut self.smoke,
            Part::Source => &mut self.sources,
        }
    }

    pub(super) fn add(&mut self, plume: &Plume, incident: &IncidentId, member: &Member) {
        let Some((part, position)) = part_of(plume, member.property.as_ref()).zip(member.position) else { return };
        self.side(part).add(incident, position);
    }

    pub(super) fn take(&mut self, plume: &Plume, incident: &IncidentId, member: &Member) {
        let Some((part, position)) = part_of(plume, member.property.as_ref()).zip(member.position) else { return };
        self.side(part).take(incident, position);
    }

    /// The incidents, but those known, with a place in reach for which `is_one` holds, among those that play the other
    /// part.
    pub(super) fn across(
        &self,
        (part, reach_m): (Part, f64),
        from: Position,
        is_known: impl Fn(&IncidentId) -> bool,
        mut is_one: impl FnMut(Position) -> bool,
    ) -> BTreeSet<IncidentId> {
        let others = if part == Part::Smoke { &self.sources } else { &self.smoke };
        let mut found = BTreeSet::new();
        // A chord is shorter than its arc: none that is in reach is missed.
        for place in others.tree.locate_within_distance(geodesy::geocentric_m(from), reach_m.powi(2)) {
            let (incident, bits) = &place.data;
            if !found.contains(incident) && !is_known(incident) && is_one(position_of(*bits)) {
                found.insert(incident.clone());
            }
        }
        found
    }
}

fn bits(position: Position) -> [u64; 2] {
    [position.lon.to_bits(), position.lat.to_bits()]
}

fn position_of([lon, lat]: [u64; 2]) -> Position {
    Position { lon: f64::from_bits(lon), lat: f64::from_bits(lat) }
}
