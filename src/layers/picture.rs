//! What a layer is drawn from: everything that a map shows of one moment, apart from where it comes from.
//!
//! A [`Picture`] has the catalogue and the areas' polygons, each station's [`Pin`] (place, commune, freshness, worst
//! severity), each channel's [`Look`] (newest sample and its freshness), and the open alerts and incidents, all as of
//! [`Picture::at`]. Layers know nothing else: [`super::Canvas`] makes a picture of now and keeps it, and one of a past
//! moment is made by [`Picture::draw`] from a [`Draft`].
//!
//! Invariants: pins are in the order of their Morton numbers ([`super::mercator`]), in pieces of [`PIECE`] that are
//! shared between a picture and the next where nothing changed; what is drawn of a piece does not change without its
//! revision. Stations that are not drawn (retired ones) have no pin.
//!
//! Left out on purpose: any history, and any lock.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::areas::{self, Division};
use super::caption::{Caption, Captions};
use super::look::Look;
use super::mercator::{TileId, World};
use super::order::{Observed, Order};
use super::surface::Surfaces;
use super::tally::Tally;
use crate::model::{
    Alert, Area, AreaId, Catalogue, Channel, ChannelId, Freshness, IncidentId, LocalName, Position, Severity, Station,
    StationKind, StationNo, Timestamp, Unit,
};
use crate::registry::{Areas, Segments};

/// Pins in one piece.
pub const PIECE: usize = 256;

/// Stands for "in no known area" among the numbers of areas.
pub const NOWHERE: u32 = u32::MAX;

/// A station as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pin {
    /// The station.
    pub station: StationNo,
    /// What it is for.
    pub kind: StationKind,
    /// Where it stands at the picture's moment.
    pub position: Position,
    /// Place of its commune in [`Catalogue::areas`]; [`NOWHERE`] outside every known one.
    pub area: u32,
    /// That of its worst channel in service; silent without any.
    pub freshness: Freshness,
    /// The worst of its open alerts.
    pub severity: Option<Severity>,
    /// The newest time observed of any of its observed channels; `None` when it never spoke.
    pub heard_at: Option<Timestamp>,
    /// Its first look among those of its piece; there are as many as the station has channels.
    first_look: u32,
}

/// Pins that lie beside each other.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// Changes with anything in it.
    revision: u64,
    pins: Vec<Pin>,
    looks: Vec<Look>,
    tallies: Tallies,
}

/// What a piece's stations come to, by [`Division`]; made when it is asked for.
type Tallies = [OnceLock<Arc<Tally>>; 2];

/// An incident as it is drawn. Somebody who sees some areas only is told of its parts there alone.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentView {
    /// Identifier.
    pub id: IncidentId,
    /// What to call it.
    pub title: LocalName,
    /// The group of causes that its alerts have in common.
    pub group: String,
    /// When it began (event time).
    pub opened_at: Timestamp,
    /// When anything about it last changed (event time).
    pub changed_at: Timestamp,
    /// Its open alerts, and the stations that are not heard because of it.
    pub parts: Vec<IncidentPart>,
}

/// An open alert of an incident, or a station that it silences.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentPart {
    /// Where; `None` when that is not known.
    pub position: Option<Position>,
    /// The commune at the time.
    pub area: Option<AreaId>,
    /// What it counts for in people's attention.
    pub severity: Severity,
}

/// What a picture is made from. Closures are called once for each station or channel.
pub struct Draft<'d> {
    /// The moment.
    pub at: Timestamp,
    /// Tells pictures apart: one with another number may show something else. Of a past moment, anything that changes
    /// when late data may have changed the past.
    pub revision: u64,
    /// Stations, channels and areas.
    pub catalogue: Arc<Catalogue>,
    /// Their polygons.
    pub areas: Arc<Areas>,
    /// Whether a station is drawn: in service at the moment.
    pub is_drawn: &'d dyn Fn(&Station) -> bool,
    /// A channel's newest sample and freshness at the moment.
    pub look: &'d dyn Fn(&Channel) -> Look,
    /// The alerts that were open.
    pub alerts: Vec<Arc<Alert>>,
    /// The incidents that were open.
    pub incidents: Vec<IncidentView>,
}

/// See the module. Cheap to copy: its parts are shared.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The moment that it shows.
    pub at: Timestamp,
    /// Another picture with the same number shows the same, but for the moment.
    pub revision: u64,
    /// Stations, channels and areas.
    pub catalogue: Arc<Catalogue>,
    /// Their polygons.
    pub areas: Arc<Areas>,
    /// Stretches of road, by the stations that stand for them.
    pub segments: Arc<Segments>,
    /// Open alerts, by identifier.
    pub alerts: Arc<Vec<Arc<Alert>>>,
    /// Changes with the alerts, but for their newest values.
    pub alerts_revision: u64,
    /// Open incidents, by identifier.
    pub incidents: Arc<Vec<IncidentView>>,
    /// Changes with the incidents.
    pub incidents_revision: u64,
    /// Surfaces that were reckoned of it, or not long before.
    pub(super) surfaces: Arc<Surfaces>,
    pub(super) order: Arc<Order>,
    /// By station number: its forest compartment, when that was asked for.
    compartments: Arc<OnceLock<Vec<u32>>>,
    pub(super) pieces: Vec<Arc<Piece>>,
}

/// A station with what is drawn of it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'p> {
    /// The station as the catalogue has it.
    pub station: &'p Station,
    /// Its pin.
    pub pin: &'p Pin,
    /// Looks of its channels, in the order of [`Station::channels`].
    pub looks: &'p [Look],
    /// Where it stands.
    pub world: World,
}

impl Picture {
    /// Draws everything.
    pub fn draw(draft: Draft<'_>) -> Picture {
        let Draft { at, revision, catalogue, areas, is_drawn, look, mut alerts, mut incidents } = draft;
        alerts.sort_by(|a, b| a.id.cmp(&b.id));
        incidents.sort_by(|a, b| a.id.cmp(&b.id));
        let mut worst: Vec<Option<Severity>> = vec![None; catalogue.stations().len()];
        for alert in &alerts {
            if let Some(of_station) = alert.subject.station().and_then(|no| worst.get_mut(no.index())) {
                *of_station = (*of_station).max(Some(alert.severity));
            }
        }
        let (order, stations) = Order::of(&catalogue, at, is_drawn);
        let pieces = stations.chunks(PIECE).map(|stations| {
            let mut piece = Piece { revision, ..Piece::default() };
            for (no, position) in stations {
                let Some(station) = catalogue.station(*no) else { continue };
                let area = catalogue.place_at(station, at).1.and_then(|id| order.areas.get(id).copied());
                let severity = worst.get(no.index()).copied().flatten();
                piece.add(&catalogue, station, (*position, area.unwrap_or(NOWHERE), severity), look);
            }
            Arc::new(piece)
        });
        let pieces = pieces.collect();
        Picture {
            at,
            revision,
            areas,
            segments: Arc::default(),
            alerts: Arc::new(alerts),
            alerts_revision: revision,
            incidents: Arc::new(incidents),
            incidents_revision: revision,
            surfaces: Arc::default(),
            order: Arc::new(order),
            compartments: Arc::default(),
            pieces,
            catalogue,
        }
    }

    /// The same with stretches of road.
    #[must_use]
    pub fn with_segments(self, segments: Arc<Segments>) -> Picture {
        Picture { segments, ..self }
    }

    /// Stations that are drawn.
    pub fn len(&self) -> usize {
        self.order.mortons.len()
    }

    /// Whether no station is drawn.
    pub fn is_empty(&self) -> bool {
        self.order.mortons.is_empty()
    }

    /// Every station that is drawn, in the order of their places.
    pub fn stations(&self) -> impl Iterator<Item = Shown<'_>> {
        self.at_places(0..self.len())
    }

    /// The stations in a tile.
    pub fn in_tile(&self, tile: TileId) -> impl Iterator<Item = Shown<'_>> {
        self.at_places(self.places(tile))
    }

    /// One station; `None` when it is not drawn.
    pub fn station(&self, no: StationNo) -> Option<Shown<'_>> {
        let place = usize::try_from(*self.order.places.get(no.index())?).ok()?;
        self.at_places(place..place.checked_add(1)?).next()
    }

    /// What is drawn of a channel; `None` when its station is not drawn.
    pub fn look(&self, id: ChannelId) -> Option<&Look> {
        let channel = self.catalogue.channel(id)?;
        let shown = self.station(channel.station)?;
        let place = shown.station.channels.iter().position(|own| *own == id)?;
        shown.looks.get(place)
    }

    /// Changes with anything that is drawn in a tile, and sometimes with what is drawn beside it.
    pub fn revision_in(&self, tile: TileId) -> u64 {
        let places = self.places(tile);
        if places.is_empty() {
            return 0;
        }
        let pieces = places.start / PIECE..=(places.end - 1) / PIECE;
        self.pieces.get(pieces).unwrap_or_default().iter().map(|piece| piece.revision).max().unwrap_or(0)
    }

    /// The area with a number.
    pub fn area(&self, number: u32) -> Option<&Area> {
        self.catalogue.areas().get(usize::try_from(number).ok()?)
    }

    /// The number of an area.
    pub fn area_number(&self, id: &AreaId) -> Option<u32> {
        self.order.areas.get(id).copied()
    }

    /// The unit in which a property is told: that of its first channel.
    pub fn unit_of(&self, property: u16) -> Option<Unit> {
        self.order.units.get(usize::from(property)).copied()
    }

    /// Every property there is, by the number that [`Picture::property_of`] gives.
    pub fn properties(&self) -> &[String] {
        &self.order.properties
    }

    /// The number of a property.
    pub fn property(&self, name: &str) -> Option<u16> {
        self.order.properties.iter().position(|own| own == name).and_then(|place| u16::try_from(place).ok())
    }

    /// The number of a channel's property.
    pub fn property_of(&self, channel: ChannelId) -> Option<u16> {
        self.order.property_of.get(channel.index()).copied().filter(|number| *number != u16::MAX)
    }

    /// A station's channel in service that observes a property, with its look.
    pub fn look_at<'p>(&'p self, shown: &Shown<'p>, property: u16) -> Option<(&'p Channel, &'p Look)> {
        let mut channels = shown.station.channels.iter().zip(shown.looks);
        let (id, look) = channels.find(|(id, _)| self.property_of(**id) == Some(property))?;
        self.catalogue.channel(*id).filter(|channel| !channel.retired).map(|channel| (channel, look))
    }

    /// The number of the area that a station counts for: of communes the place in [`Catalogue::areas`], of compartments
    /// that in [`Areas::all`]; [`NOWHERE`] outside every one.
    pub fn area_of(&self, by: Division, pin: &Pin) -> u32 {
        match by {
            Division::Communes => pin.area,
            Division::Compartments => {
                let compartments = self.compartments.get_or_init(|| areas::compartments(self));
                compartments.get(pin.station.index()).copied().unwrap_or(NOWHERE)
            }
        }
    }

    /// The tallies of all pieces.
    pub(super) fn tallies(&self, by: Division) -> impl Iterator<Item = &Arc<Tally>> {
        self.pieces.iter().enumerate().map(move |(number, piece)| {
            let places = number * PIECE..number * PIECE + piece.pins.len();
            piece.tallies[by as usize].get_or_init(|| Arc::new(Tally::of(self, by, self.at_places(places))))
        })
    }

    /// Changes with anything that is drawn of any station.
    pub fn stations_revision(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.revision).max().unwrap_or(0)
    }

    /// The pins in a range of places, with their places and Morton numbers.
    pub fn pins(&self, places: Range<usize>) -> impl Iterator<Item = (usize, u64, &Pin)> {
        let end = places.end.min(self.len());
        (places.start / PIECE..end.div_ceil(PIECE)).flat_map(move |number| {
            let first = number * PIECE;
            let from = places.start.max(first) - first;
            let to = end.min(first + PIECE) - first;
            let pins = self.pieces.get(number).and_then(|piece| piece.pins.get(from..to)).unwrap_or_default();
            let mortons = self.order.mortons.get(first + from..first + to).unwrap_or_default();
            (first + from..).zip(mortons.iter().zip(pins)).map(|(place, (morton, pin))| (place, *morton, pin))
        })
    }

    /// What is written of the station at a place.
    pub(super) fn caption(&self, place: usize) -> Option<Caption<'_>> {
        self.captions(place / PIECE)?.at(place % PIECE)
    }

    /// The looks of the channels in service of the station at a place, with what they observe.
    pub(super) fn looks_at(&self, place: usize) -> impl Iterator<Item = (Observed<'_>, &Look)> {
        let looks = || {
            let (piece, captions) = (self.pieces.get(place / PIECE)?, self.captions(place / PIECE)?);
            let first = piece.pins.get(place % PIECE)?.first_look as usize;
            let end = piece.pins.get(place % PIECE + 1).map_or(piece.looks.len(), |next| next.first_look as usize);
            let looks = (first..).zip(piece.looks.get(first..end)?);
            Some(looks.filter_map(|(place, look)| {
                let (number, unit) = captions.observed(place)?;
                let name = self.order.properties.get(usize::from(number))?;
                Some((Observed { number, name, unit_key: self.order.unit_keys.get(usize::from(number))?, unit }, look))
            }))
        };
        looks().into_iter().flatten()
    }

    fn captions(&self, piece: usize) -> Option<&Captions> {
        let made = || {
            let pins = self.pieces.get(piece).map(|piece| piece.pins.as_slice()).unwrap_or_default();
            let stations = pins.iter().filter_map(|pin| self.catalogue.station(pin.station));
            Captions::of(&self.catalogue, stations, |id| self.property_of(id))
        };
        Some(self.order.captions.get(piece)?.get_or_init(made))
    }

    /// Draws stations anew, as of the picture's moment; `severity` is the worst of a station's open alerts.
    pub(super) fn redraw(
        &mut self,
        stations: impl IntoIterator<Item = StationNo>,
        revision: u64,
        look: &dyn Fn(&Channel) -> Look,
        severity: &dyn Fn(StationNo) -> Option<Severity>,
    ) {
        for no in stations {
            let Some(place) = self.order.places.get(no.index()).and_then(|place| usize::try_from(*place).ok()) else {
                continue;
            };
            let (Some(piece), Some(station)) = (self.pieces.get_mut(place / PIECE), self.catalogue.station(no)) else {
                continue;
            };
            let piece = Arc::make_mut(piece);
            piece.revision = revision;
            piece.tallies = Tallies::default();
            piece.draw_again(&self.catalogue, station, place % PIECE, look, severity(no));
        }
    }

    /// The places of what stands in a tile.
    pub(super) fn places(&self, tile: TileId) -> Range<usize> {
        let (first, end) = tile.run();
        let place_of = |number: u64| self.order.mortons.partition_point(|own| *own < number);
        place_of(first)..place_of(end)
    }

    fn at_places(&self, places: Range<usize>) -> impl Iterator<Item = Shown<'_>> {
        places.filter_map(|place| {
            let piece = self.pieces.get(place / PIECE)?;
            let pin = piece.pins.get(place % PIECE)?;
            let station = self.catalogue.station(pin.station)?;
            let first = pin.first_look as usize;
            let looks = piece.looks.get(first..first + station.channels.len())?;
            Some(Shown { station, pin, looks, world: World::from_morton(*self.order.mortons.get(place)?) })
        })
    }
}

impl Piece {
    fn add(
        &mut self,
        catalogue: &Catalogue,
        station: &Station,
        (position, area, severity): (Position, u32, Option<Severity>),
        look: &dyn Fn(&Channel) -> Look,
    ) {
        let first_look = self.looks.len() as u32;
        self.looks.extend(looks(catalogue, station, look));
        let (freshness, heard_at) = summary(catalogue, station, &self.looks[first_look as usize..]);
        self.pins.push(Pin {
            station: station.no,
            kind: station.kind,
            position,
            area,
            freshness,
            severity,
            heard_at,
            first_look,
        });
    }

    fn draw_again(
        &mut self,
        catalogue: &Catalogue,
        station: &Station,
        place: usize,
        look: &dyn Fn(&Channel) -> Look,
        severity: Option<Severity>,
    ) {
        let Some(pin) = self.pins.get_mut(place) else { return };
        let first = pin.first_look as usize;
        let Some(own) = self.looks.get_mut(first..first + station.channels.len()) else { return };
        for (own, new) in own.iter_mut().zip(looks(catalogue, station, look)) {
            *own = new;
        }
        pin.severity = severity;
        (pin.freshness, pin.heard_at) = summary(catalogue, station, own);
    }
}

fn looks<'l>(
    catalogue: &'l Catalogue,
    station: &'l Station,
    look: &'l dyn Fn(&Channel) -> Look,
) -> impl Iterator<Item = Look> + 'l {
    let unknown = Look { latest: None, freshness: Freshness::Silent, fresh_until: None };
    station.channels.iter().map(move |id| catalogue.channel(*id).map_or(unknown, look))
}

/// A station's freshness and when it was last heard, as [`crate::live::Live::station_freshness`] has it: what is
/// computed from the others says nothing of the station.
fn summary(catalogue: &Catalogue, station: &Station, looks: &[Look]) -> (Freshness, Option<Timestamp>) {
    let observed = station.channels.iter().zip(looks).filter(|(id, _)| {
        catalogue.channel(**id).is_some_and(|channel| !channel.retired) && !catalogue.is_derived(**id)
    });
    let (mut worst, mut heard_at) = (None, None);
    for (_, look) in observed {
        worst = worst.max(Some(look.freshness));
        heard_at = heard_at.max(look.latest.map(|latest| latest.observed_at));
    }
    let freshness = if station.maintenance { Freshness::Maintenance } else { worst.unwrap_or(Freshness::Silent) };
    (freshness, heard_at)
}

#[cfg(test)]
impl Pin {
    /// One that stands nowhere in particular.
    pub(super) fn lone(
        station: StationNo,
        kind: StationKind,
        (freshness, severity): (Freshness, Option<Severity>),
    ) -> Pin {
        let position = Position { lon: 0.0, lat: 0.0 };
        Pin { station, kind, position, area: NOWHERE, freshness, severity, heard_at: None, first_look: 0 }
    }
}
