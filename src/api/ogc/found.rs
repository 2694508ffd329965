//! One feature of a collection, before it is written: where it is, when it is, and its properties by their names.

use std::sync::Arc;

use serde_json::{Value, json};

use super::asked::{ItemsAsked, Place, Rectangle};
use super::collection::Collection;
use crate::alerts;
use crate::api::features::Reporter;
use crate::api::incidents::summary;
use crate::api::sight::Sight;
use crate::incidents::{self, Incident, IncidentState};
use crate::model::{
    Alert, AlertId, AreaId, Channel, IncidentId, LocalName, Position, Severity, Station, Subject, Timestamp, Unit,
};
use crate::registry::{AreaShape, Areas};

/// What features are made of.
pub(super) struct Scene<'a> {
    /// The state, locked for reading.
    pub reporter: Reporter<'a>,
    /// What the caller may be told of.
    pub sight: Sight,
    /// The polygons.
    pub areas: &'a Areas,
}

/// A feature.
pub(super) enum Found<'a> {
    Station(&'a Station),
    Observation(&'a Station, &'a Channel),
    Alert(Arc<Alert>),
    Incident(&'a Incident, Box<Seen>),
    Area(usize, &'a AreaShape),
}

/// What the caller sees of an incident.
pub(super) struct Seen {
    severity: &'static str,
    centre: Option<Position>,
}

/// Where a feature is.
pub(super) enum Shape<'a> {
    Point(Position),
    Area(&'a AreaShape),
}

impl<'a> Scene<'a> {
    /// Every feature of a collection that the caller may be told of, in the order of its pages.
    pub fn all(&'a self, collection: Collection) -> Box<dyn Iterator<Item = Found<'a>> + 'a> {
        let state = self.reporter.state;
        match collection {
            Collection::Stations => Box::new(self.stations().map(Found::Station)),
            Collection::Observations => {
                let catalogue = &state.catalogue;
                let channels = catalogue.channels().iter().filter_map(|channel| self.observation(channel));
                Box::new(channels)
            }
            Collection::Alerts => {
                let alerts = state.alerts.all(&alerts::Filter::default());
                Box::new(alerts.into_iter().filter(|alert| self.sight.reaches(alert.subject.area())).map(Found::Alert))
            }
            Collection::Incidents => {
                let filter = incidents::Filter { states: Vec::new(), since: None, after: None };
                Box::new(state.incidents.all(filter).filter_map(|incident| self.incident(incident)))
            }
            Collection::Areas => {
                let areas = self.areas.shapes().iter().enumerate();
                let seen = areas.filter(|(_, shape)| self.sight.reaches(Some(&shape.area.id)));
                Box::new(seen.map(|(number, shape)| Found::Area(number, shape)))
            }
        }
    }

    /// The feature of a name.
    pub fn named(&'a self, collection: Collection, id: &str) -> Option<Found<'a>> {
        let state = self.reporter.state;
        let catalogue = &state.catalogue;
        match collection {
            Collection::Stations => {
                let station = catalogue.station_named(id)?;
                (!station.retired && self.sight.reaches_station(station)).then_some(Found::Station(station))
            }
            Collection::Observations => {
                let (station, property) = id.rsplit_once(':')?;
                self.observation(catalogue.channel_of(catalogue.station_named(station)?, property)?)
            }
            Collection::Alerts => {
                let alert = state.alerts.get(&AlertId(id.into()))?;
                self.sight.reaches(alert.subject.area()).then(|| Found::Alert(Arc::clone(alert)))
            }
            Collection::Incidents => self.incident(state.incidents.get(&IncidentId(id.into()))?),
            Collection::Areas => {
                let number = self.areas.shapes().iter().position(|shape| shape.area.id.as_str() == id)?;
                let shape = self.areas.shapes().get(number)?;
                self.sight.reaches(Some(&shape.area.id)).then_some(Found::Area(number, shape))
            }
        }
    }

    fn stations(&'a self) -> impl Iterator<Item = &'a Station> {
        let stations = self.reporter.state.catalogue.stations().iter();
        stations.filter(|station| !station.retired && self.sight.reaches_station(station))
    }

    fn observation(&'a self, channel: &'a Channel) -> Option<Found<'a>> {
        let state = self.reporter.state;
        let station = state.catalogue.station(channel.station)?;
        let is_seen = !channel.retired && !station.retired && self.sight.reaches_station(station);
        (is_seen && state.live.latest(channel.id).is_some()).then_some(Found::Observation(station, channel))
    }

    /// One that is merged is found under the other's name.
    fn incident(&'a self, incident: &'a Incident) -> Option<Found<'a>> {
        if incident.state() == IncidentState::Merged {
            return None;
        }
        let summary = summary(&self.reporter, &self.sight, incident)?;
        let seen = Seen { severity: summary.severity(), centre: summary.centre };
        Some(Found::Incident(incident, Box::new(seen)))
    }

    /// Whether a feature is asked for; the place to go on from is not looked at.
    pub fn is_asked(&self, found: &Found<'_>, asked: &ItemsAsked) -> bool {
        let is_in = |bbox: &Rectangle| match self.shape(found) {
            // Without a place it is in no rectangle.
            None => false,
            Some(Shape::Point(at)) => bbox.holds(at),
            Some(Shape::Area(shape)) => {
                let corner = |at: geo::Coord<f64>| Position { lon: at.x, lat: at.y };
                bbox.touches(corner(shape.bounds.min()), corner(shape.bounds.max()))
            }
        };
        let is_here = asked.bbox.as_ref().is_none_or(is_in);
        let is_then = || match (&asked.datetime, self.times(found)) {
            (Some(asked), Some((from, to))) => asked.meet(from, to, self.reporter.now),
            _ => true,
        };
        let has = |(name, wanted): &(&'static str, String)| equals(&self.property(found, name), wanted);
        is_here && is_then() && asked.filters.iter().all(has)
    }

    /// Its name in addresses.
    pub fn id(&self, found: &Found<'_>) -> String {
        match found {
            Found::Station(station) => station.id.to_string(),
            Found::Observation(station, channel) => format!("{}:{}", station.id, channel.property),
            Found::Alert(alert) => alert.id.to_string(),
            Found::Incident(incident, _) => incident.id.to_string(),
            Found::Area(_, shape) => shape.area.id.to_string(),
        }
    }

    /// Where it is; `None` when no place is known.
    pub fn shape<'f>(&self, found: &'f Found<'a>) -> Option<Shape<'f>> {
        match found {
            Found::Station(station) | Found::Observation(station, _) => Some(Shape::Point(station.position)),
            Found::Alert(alert) => self.reporter.place_of(alert).map(Shape::Point),
            Found::Incident(_, seen) => seen.centre.map(Shape::Point),
            Found::Area(_, shape) => Some(Shape::Area(shape)),
        }
    }

    /// From when to when it was, both included; `None` for what has no time, an open end for what lasts.
    fn times(&self, found: &Found<'_>) -> Option<(Timestamp, Option<Timestamp>)> {
        match found {
            Found::Observation(_, channel) => {
                let at = self.reporter.state.live.latest(channel.id)?.observed_at;
                Some((at, Some(at)))
            }
            Found::Alert(alert) => Some((alert.started_at, alert.ended_at)),
            Found::Incident(incident, _) => Some((incident.opened_at, incident.closed_at)),
            Found::Station(_) | Found::Area(..) => None,
        }
    }

    /// A property by its name; null for what has no value.
    pub fn property(&self, found: &Found<'_>, name: &str) -> Value {
        match found {
            Found::Station(station) => self.of_station(station, name),
            Found::Observation(station, channel) => self.of_observation(station, channel, name),
            Found::Alert(alert) => self.of_alert(alert, name),
            Found::Incident(incident, seen) => self.of_incident(incident, seen, name),
            Found::Area(_, shape) => match name {
                "level" => json!(shape.area.level),
                "parent" => json!(shape.area.parent),
                name => local(&shape.area.name, "name", name),
            },
        }
    }

    fn of_station(&self, station: &Station, name: &str) -> Value {
        let Reporter { state, now, .. } = self.reporter;
        match name {
            "kind" => json!(station.kind.word()),
            "area" => json!(station.area),
            "area_name" => json!(self.area_name(station.area.as_ref())),
            "freshness" => json!(state.live.station_freshness(&state.catalogue, station, now).word()),
            "severity" => json!(state.alerts.worst_open(station.no).map(Severity::word)),
            "maintenance" => json!(station.maintenance),
            name => local(&station.name, "name", name),
        }
    }

    fn of_observation(&self, station: &Station, channel: &Channel, name: &str) -> Value {
        let Reporter { state, now, .. } = self.reporter;
        let latest = state.live.latest(channel.id);
        match name {
            "station" => json!(station.id),
            "property" => json!(channel.property),
            "unit" => json!(channel.unit.code()),
            "value" => json!(latest.map(|latest| latest.value)),
            "observed_at" => json!(latest.map(|latest| self.reporter.zone.show(latest.observed_at))),
            "received_at" => json!(latest.map(|latest| self.reporter.zone.show(latest.received_at))),
            "quality" => json!(latest.map(|latest| latest.quality.word())),
            "freshness" => json!(state.live.freshness(&state.catalogue, channel, now).word()),
            name => self.of_station(station, name),
        }
    }

    fn of_alert(&self, alert: &Alert, name: &str) -> Value {
        let catalogue = &self.reporter.state.catalogue;
        let channel = alert.subject.channel().and_then(|channel| catalogue.channel(channel));
        let show = |at: Timestamp| self.reporter.zone.show(at);
        match name {
            "rule" => json!(alert.rule),
            "station" => json!(alert.subject.station().and_then(|no| catalogue.station(no)).map(|station| &station.id)),
            "property" => match &alert.subject {
                Subject::Channel { .. } => json!(channel.map(|channel| &channel.property)),
                Subject::Area { property, .. } => json!(property),
            },
            "area" => json!(alert.subject.area()),
            "state" => json!(alert.state.word()),
            "severity" => json!(alert.severity.word()),
            "value" => json!(alert.value),
            "threshold" => json!(alert.threshold),
            "unit" => json!(channel.map_or(Unit::One, |channel| channel.unit).code()),
            "started_at" => json!(show(alert.started_at)),
            "changed_at" => json!(show(alert.changed_at)),
            "ended_at" => json!(alert.ended_at.map(show)),
            name => local(&alert.title, "title", name),
        }
    }

    fn of_incident(&self, incident: &Incident, seen: &Seen, name: &str) -> Value {
        let show = |at: Timestamp| self.reporter.zone.show(at);
        match name {
            "cause" => json!(incident.group),
            "state" => json!(incident.state().word()),
            "severity" => json!(seen.severity),
            "opened_at" => json!(show(incident.opened_at)),
            "changed_at" => json!(show(incident.changed_at)),
            "closed_at" => json!(incident.closed_at.map(show)),
            name => local(&incident.title, "title", name),
        }
    }

    fn area_name(&self, area: Option<&AreaId>) -> Option<&str> {
        self.reporter.state.catalogue.area(area?).map(|area| area.name.vi.as_str())
    }
}

impl Found<'_> {
    /// Its place in the order of pages.
    pub fn place(&self) -> Place {
        match self {
            Found::Station(station) => Place::Number(station.no.index()),
            Found::Observation(_, channel) => Place::Number(channel.id.index()),
            Found::Alert(alert) => Place::Moment(alert.changed_at, alert.id.to_string()),
            Found::Incident(incident, _) => Place::Moment(incident.changed_at, incident.id.to_string()),
            Found::Area(number, _) => Place::Number(*number),
        }
    }

    /// Whether it comes after a place.
    pub fn is_after(&self, place: &Place) -> bool {
        match (self.place(), place) {
            (Place::Number(own), Place::Number(before)) => own > *before,
            (Place::Moment(at, id), Place::Moment(before, other)) => (at, id.as_str()) < (*before, other.as_str()),
            _ => false,
        }
    }
}

/// A name in one of the two languages: `name_vi` of what is named `name`.
fn local(names: &LocalName, stem: &str, asked: &str) -> Value {
    match asked.strip_prefix(stem) {
        Some("_vi") => json!(names.vi),
        Some("_en") => json!(names.en),
        _ => Value::Null,
    }
}

/// Whether a property has the value that a parameter wrote; numbers are compared as numbers.
fn equals(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Number(number) => wanted.parse::<f64>().is_ok_and(|wanted| number.as_f64() == Some(wanted)),
        Value::Bool(flag) => wanted == if *flag { "true" } else { "false" },
        _ => false,
    }
}
