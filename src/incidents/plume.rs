//! Smoke that the wind has carried: who lies downwind of whom.
//!
//! A smoke alert and one of heat or of a camera are one fire when the smoke is downwind of the other, within the
//! plume's reach and angle. The wind is that of the nearest station to the fire that has measured it lately and well.
//! Without a wind, or in air that stands still, only the distance counts, as for everybody else.
//!
//! Directions are those *from* which the wind blows, as they are measured; all angles in degrees.

use std::collections::BTreeMap;

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

/// Every station that measures direction and speed.
pub(super) fn vanes(catalogue: &Catalogue) -> Vec<Vane> {
    let vane = |station: &Station| {
        let channel = |property: &str| catalogue.channel_of(station, property).filter(|channel| !channel.retired);
        let (direction, speed) = (channel(DIRECTION)?, channel(SPEED)?);
        let is_usable = !station.maintenance && direction.unit == Unit::Degree;
        let (position, speed_unit) = (station.position, speed.unit);
        is_usable.then_some(Vane { position, direction: direction.id, speed: speed.id, speed_unit })
    };
    catalogue.stations().iter().filter_map(vane).collect()
}

/// The direction towards which the wind blows at a place; `None` when it is not known or there is none.
pub(super) fn towards(vanes: &[Vane], plume: &Plume, at: Position, now: Timestamp, world: &World<'_>) -> Option<f64> {
    let fresh = |channel: ChannelId| {
        let newest = (world.newest)(channel)?;
        let is_usable = newest.quality.is_good() && now.since(newest.observed_at) <= plume.wind_age;
        is_usable.then_some(newest.value)
    };
    let mut by_distance: Vec<(f64, &Vane)> =
        vanes.iter().map(|vane| (geodesy::distance_m(at, vane.position), vane)).collect();
    by_distance.retain(|(distance, _)| *distance <= plume.wind_within_m);
    by_distance.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.direction.cmp(&b.1.direction)));
    let (from, speed) = by_distance.iter().find_map(|(_, vane)| {
        let speed = vane.speed_unit.convert(fresh(vane.speed)?, Unit::MetrePerSecond)?;
        Some((fresh(vane.direction)?, speed))
    })?;
    (speed >= plume.wind_least).then(|| (from + 180.0).rem_euclid(360.0))
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

/// The places of one group's smoke and of its sources, by incident.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plumes {
    smoke: BTreeMap<IncidentId, BTreeMap<[u64; 2], u32>>,
    sources: BTreeMap<IncidentId, BTreeMap<[u64; 2], u32>>,
}

impl Plumes {
    fn side(&mut self, part: Part) -> &mut BTreeMap<IncidentId, BTreeMap<[u64; 2], u32>> {
        match part {
            Part::Smoke => &mut self.smoke,
            Part::Source => &mut self.sources,
        }
    }

    pub(super) fn add(&mut self, plume: &Plume, incident: &IncidentId, member: &Member) {
        let Some((part, position)) = part_of(plume, member.property.as_ref()).zip(member.position) else { return };
        let places = self.side(part).entry(incident.clone()).or_default();
        *places.entry(bits(position)).or_default() += 1;
    }

    pub(super) fn take(&mut self, plume: &Plume, incident: &IncidentId, member: &Member) {
        let Some((part, position)) = part_of(plume, member.property.as_ref()).zip(member.position) else { return };
        let side = self.side(part);
        let Some(places) = side.get_mut(incident) else { return };
        if let Some(count) = places.get_mut(&bits(position)) {
            *count -= 1;
            if *count == 0 {
                places.remove(&bits(position));
            }
        }
        if places.is_empty() {
            side.remove(incident);
        }
    }

    /// The incidents, but those `known`, with a place for which `is_one` holds, among those that play the other part.
    pub(super) fn across(
        &self,
        part: Part,
        is_known: impl Fn(&IncidentId) -> bool,
        mut is_one: impl FnMut(Position) -> bool,
    ) -> Vec<IncidentId> {
        let others = if part == Part::Smoke { &self.sources } else { &self.smoke };
        let unknown = others.iter().filter(|(incident, _)| !is_known(incident));
        let found = unknown.filter(|(_, places)| places.keys().any(|bits| is_one(position_of(*bits))));
        found.map(|(incident, _)| incident.clone()).collect()
    }
}

fn bits(position: Position) -> [u64; 2] {
    [position.lon.to_bits(), position.lat.to_bits()]
}

fn position_of([lon, lat]: [u64; 2]) -> Position {
    Position { lon: f64::from_bits(lon), lat: f64::from_bits(lat) }
}
