//! The points of a layer: which of a picture's stations, alerts and incidents it shows to somebody, in the order of
//! their Morton numbers.

use super::catalogue::Layer;
use super::dots::{self, Dot, Item, Subject};
use super::mercator::{TileId, World};
use super::picture::{IncidentView, NOWHERE, Picture, Pin};
use super::sight::Sight;
use crate::model::{Alert, Position, Severity};

/// Cells along a tile's side below the detail zoom, as a power of two: 8 cells, 64 of a map's pixels each.
pub const COARSE: u32 = 3;
/// The same where too many points are in a tile at any zoom: 64 cells.
pub const FINE: u32 = 6;

/// Where a layer is looked at.
#[derive(Clone, Copy)]
pub enum Within<'w> {
    /// In one tile.
    Tile(TileId),
    /// Wherever this says.
    Where(&'w dyn Fn(Position) -> bool),
}

/// The points of a layer that somebody sees.
pub fn points<'p>(
    picture: &'p Picture,
    layer: Layer,
    sight: &'p Sight,
    within: Within<'p>,
) -> Box<dyn Iterator<Item = Dot<'p>> + 'p> {
    match layer {
        Layer::Alerts => {
            let dots = picture.alerts.iter().filter_map(|alert| of_alert(picture, sight, alert));
            Box::new(in_order(dots, within).into_iter())
        }
        Layer::Incidents => {
            let dots = picture.incidents.iter().filter_map(|incident| of_incident(picture, sight, incident));
            Box::new(in_order(dots, within).into_iter())
        }
        Layer::Areas | Layer::ForestCompartments | Layer::Surface(_) => Box::new(std::iter::empty()),
        Layer::Stations | Layer::Kind(_) | Layer::Roads | Layer::Rivers => {
            let places = match within {
                Within::Tile(tile) => picture.places(tile),
                Within::Where(_) => 0..picture.len(),
            };
            let kind = layer.kind();
            let level = layer.level_property().map(|name| picture.property(name));
            let is_here = move |pin: &Pin| match within {
                Within::Tile(_) => true,
                Within::Where(is_here) => is_here(pin.position),
            };
            let pins = picture.pins(places).filter(move |(_, _, pin)| {
                kind.is_none_or(|kind| pin.kind == kind) && sight.reaches(pin.area) && is_here(pin)
            });
            Box::new(pins.filter_map(move |(place, morton, pin)| {
                let dot = of_station(place, morton, pin);
                match level {
                    None => Some(dot),
                    // Nobody has that property: the layer is empty.
                    Some(None) => None,
                    Some(Some(property)) => with_level(picture, dot, place, property),
                }
            }))
        }
    }
}

/// The points of a zoom, and clusters of them: below the layer's detail zoom, and where more than `points_max` would be
/// shown.
pub fn items<'p>(
    picture: &'p Picture,
    layer: Layer,
    sight: &'p Sight,
    within: Within<'p>,
    (zoom, points_max): (u8, usize),
    show: impl FnMut(Item<'p>),
) {
    arrange(|| points(picture, layer, sight, within), layer, (zoom, points_max, FINE), show);
}

/// Points in the order of their Morton numbers as they are shown at a zoom: by themselves, or in clusters below the
/// layer's detail zoom and, in 2^`cells` by 2^`cells` of them a tile, where there are more than `points_max`. They are
/// asked for twice: counting them is cheaper than keeping them.
pub fn arrange<'p, D: Iterator<Item = Dot<'p>>>(
    dots: impl Fn() -> D,
    layer: Layer,
    (zoom, points_max, cells): (u8, usize, u32),
    mut show: impl FnMut(Item<'p>),
) {
    if zoom < layer.detail_zoom() {
        return dots::cluster(dots(), dots::cell_bits(zoom, COARSE), show);
    }
    if dots().nth(points_max).is_none() {
        return dots().for_each(|dot| show(Item::One(dot)));
    }
    dots::cluster(dots(), dots::cell_bits(zoom, cells), show);
}

fn of_station(place: usize, morton: u64, pin: &Pin) -> Dot<'_> {
    Dot {
        subject: Subject::Station(pin, place),
        morton,
        position: pin.position,
        severity: pin.severity,
        freshness: Some(pin.freshness),
        heard_at: pin.heard_at,
        kind: Some(pin.kind),
        level: None,
    }
}

/// A station of a layer with a level of its own; `None` for one that has no such channel. A level that is old is none.
fn with_level<'p>(picture: &'p Picture, dot: Dot<'p>, place: usize, property: u16) -> Option<Dot<'p>> {
    let (_, look) = picture.looks_at(place).find(|(observed, _)| observed.number == property)?;
    let level = look.current().map(|latest| latest.value);
    // Of one station: its channel is under maintenance when it is.
    Some(Dot { level, freshness: dot.freshness.max(Some(look.freshness)), ..dot })
}

fn of_alert<'p>(picture: &'p Picture, sight: &Sight, alert: &'p Alert) -> Option<Dot<'p>> {
    if !sight.reaches_area(picture, alert.subject.area()) {
        return None;
    }
    let position = match alert.subject.station() {
        Some(no) => picture.catalogue.place_at(picture.catalogue.station(no)?, picture.at).0,
        None => {
            let area = alert.subject.area()?;
            picture.areas.label(area).or_else(|| picture.catalogue.middle_of(area))?
        }
    };
    Some(other(Subject::Alert(alert), position, alert.severity))
}

/// An incident at the middle of what somebody sees of it, as severe as that.
fn of_incident<'p>(picture: &Picture, sight: &Sight, incident: &'p IncidentView) -> Option<Dot<'p>> {
    let seen = || incident.parts.iter().filter(|part| sight.reaches_area(picture, part.area.as_ref()));
    let severity = seen().map(|part| part.severity).max()?;
    let placed = seen().filter_map(|part| part.position);
    let (lon, lat, count) =
        placed.fold((0.0, 0.0, 0.0), |(lon, lat, count), at| (lon + at.lon, lat + at.lat, count + 1.0));
    let position = (count > 0.0).then(|| Position { lon: lon / count, lat: lat / count })?;
    Some(other(Subject::Incident(incident), position, severity))
}

fn other(subject: Subject<'_>, position: Position, severity: Severity) -> Dot<'_> {
    let morton = World::of(position).morton();
    let severity = Some(severity);
    Dot { subject, morton, position, severity, freshness: None, heard_at: None, kind: None, level: None }
}

fn in_order<'p>(dots: impl Iterator<Item = Dot<'p>>, within: Within<'_>) -> Vec<Dot<'p>> {
    let is_here = |dot: &Dot<'_>| match within {
        Within::Tile(tile) => {
            let (first, end) = tile.run();
            (first..end).contains(&dot.morton)
        }
        Within::Where(is_here) => is_here(dot.position),
    };
    let mut dots: Vec<Dot<'p>> = dots.filter(is_here).collect();
    dots.sort_by_key(|dot| dot.morton);
    dots
}

/// Whether somebody sees an area by its number; the province and what lies nowhere have none.
pub fn sees_area(sight: &Sight, number: Option<u32>) -> bool {
    sight.reaches(number.unwrap_or(NOWHERE))
}
