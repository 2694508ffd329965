//! Stations and alerts as GeoJSON features and documents: the one shape that lists, layers and the stream share.
//!
//! Invariant: every value comes with when it was observed and received, its quality, and its freshness at the moment
//! of the answer. Values are sent as they are stored.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::handling::{DeedDocument, HandlingDocument};
use super::time::{Shown, Zone};
use crate::layers::{Look, Newest};
use crate::model::{
    Alert, AlertState, AreaId, Catalogue, Channel, Freshness, LinkClass, LocalName, Position, Property, Quality,
    Severity, Station, StationId, StationKind, Subject, Timestamp, Unit,
};
use crate::state::State;

/// Every state of an alert.
pub const ALERT_STATES: [AlertState; 5] =
    [AlertState::Active, AlertState::Recovering, AlertState::Unknown, AlertState::Latched, AlertState::Cleared];

/// The schema of a closed list of words.
fn words(words: impl IntoIterator<Item = &'static str>, what: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(words))
        .description(Some(what))
        .build()
}

/// The schema of [`StationKind`].
pub fn kind_schema() -> Object {
    words(StationKind::ALL.map(StationKind::word), "What the station is for.")
}

/// The schema of [`Freshness`].
pub fn freshness_schema() -> Object {
    words(
        Freshness::ALL.map(Freshness::word),
        "How current the value is, by the channel's own interval since its last valid sample (one of a faulty device is \
         none), asleep not counted: live (at most one interval old plus the link's grace), late (two), stale (five), \
         silent (older, never seen, or its device said that it leaves), maintenance.",
    )
}

/// The schema of [`Severity`].
pub fn severity_schema() -> Object {
    words(Severity::ALL.map(Severity::word), "A technical threshold, never the official disaster risk level.")
}

/// The schema of [`AlertState`].
pub fn state_schema() -> Object {
    words(
        ALERT_STATES.map(AlertState::word),
        "active: the condition holds; recovering: below the clear level, waiting for the clear time; unknown: the data \
         stopped; cleared: over.",
    )
}

/// A name in Vietnamese and English.
#[derive(Clone, Serialize, ToSchema)]
pub struct Name {
    /// Vietnamese.
    #[schema(example = "Mường Tè")]
    pub vi: String,
    /// English.
    #[schema(example = "Muong Te")]
    pub en: String,
}

impl From<&LocalName> for Name {
    fn from(name: &LocalName) -> Self {
        Self { vi: name.vi.clone(), en: name.en.clone() }
    }
}

/// A GeoJSON point.
#[derive(Serialize, ToSchema)]
pub struct Point {
    /// Always `Point`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "Point")]
    kind: &'static str,
    /// Longitude, latitude: WGS 84, degrees.
    #[schema(example = json!([103.47, 22.39]))]
    coordinates: [f64; 2],
}

impl Point {
    /// Where a station stands.
    pub fn of(station: &Station) -> Self {
        Self::at(station.position)
    }

    /// Of a position.
    pub fn at(position: Position) -> Self {
        Self { kind: "Point", coordinates: [position.lon, position.lat] }
    }
}

/// The newest sample of one channel.
#[derive(Serialize, ToSchema)]
pub struct ChannelReport {
    /// The observed property.
    #[schema(value_type = String, example = "water_level")]
    property: Property,
    /// UCUM code of the value's unit.
    #[schema(value_type = String, example = "m")]
    unit: &'static str,
    /// The newest value, as it was stored; null when nothing was ever observed.
    value: Option<f64>,
    /// When it was observed (phenomenon time).
    #[schema(value_type = Option<String>, format = DateTime)]
    observed_at: Option<Shown>,
    /// When Saola received it; of a past moment null unless it is the newest of all, as that is not kept.
    #[schema(value_type = Option<String>, format = DateTime)]
    received_at: Option<Shown>,
    /// good, or the worst that is to be said against the value: bad, fault, maintenance, calibrating, spike, stuck, rate,
    /// range, estimated. Only good values raise alerts and are in averages.
    #[schema(value_type = Option<String>, example = "good")]
    quality: Option<&'static str>,
    /// Everything that is said of the value, the worst first; clock_skew, edited and received_time leave it good.
    #[schema(value_type = Vec<String>, example = json!(["rate"]))]
    flags: Vec<&'static str>,
    /// Who gave the observed time: device, or receipt when the message had none.
    #[schema(value_type = Option<String>, example = "device")]
    time_from: Option<&'static str>,
    /// How current it is.
    #[schema(schema_with = freshness_schema)]
    freshness: &'static str,
    /// Its device sleeps now, by its schedule: the value is as fresh as when it fell asleep.
    asleep: bool,
    /// Until when it is as fresh as that when nothing comes, sleep not counted; null when time changes nothing.
    #[schema(value_type = Option<String>, format = DateTime)]
    fresh_until: Option<Shown>,
    /// Expected time between samples, in seconds.
    #[schema(example = 600.0)]
    interval_s: f64,
    /// How the device is connected: wired, cellular or lorawan.
    #[schema(value_type = String, example = "cellular")]
    link: &'static str,
    /// The delay that is ordinary on this link, in seconds.
    #[schema(example = 60)]
    grace_s: u64,
    /// The properties of the station that Saola computes it from; absent for what is observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    derived_from: Option<Vec<Property>>,
}

/// What is known of a station now.
#[derive(Serialize, ToSchema)]
pub struct StationReport {
    /// What the station is for.
    #[schema(schema_with = kind_schema)]
    pub kind: &'static str,
    /// Its name.
    pub name: Name,
    /// Code of the commune it stands in; null outside every known one.
    #[schema(value_type = Option<String>, example = "03388")]
    pub area: Option<AreaId>,
    /// That commune's name.
    pub area_name: Option<Name>,
    /// Its channels that are in service, in the registry's order.
    pub channels: Vec<ChannelReport>,
    /// That of its worst channel.
    #[schema(schema_with = freshness_schema)]
    pub freshness: &'static str,
    /// The worst severity of its open alerts; null without any.
    #[schema(value_type = Option<String>, example = "high")]
    pub severity: Option<&'static str>,
    /// Identifiers of its open alerts.
    #[schema(value_type = Vec<String>)]
    pub alerts: Vec<String>,
    /// Messages that are missing by the device's own numbering, since the journal began; null of a past moment.
    pub missing_messages: Option<u64>,
    /// Taken out of service; only its history is of interest.
    pub retired: bool,
}

/// A station as a GeoJSON feature.
#[derive(Serialize, ToSchema)]
pub struct StationFeature {
    /// Always `Feature`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "Feature")]
    kind: &'static str,
    /// The station's name in topics and addresses.
    #[schema(value_type = String, example = "TR-QL4D-01")]
    pub id: StationId,
    /// Where it stands.
    pub geometry: Point,
    /// What is known of it.
    pub properties: StationReport,
}

impl StationFeature {
    /// Where a station stands, with what is known of it.
    pub fn new(station: &Station, properties: StationReport) -> Self {
        Self { kind: "Feature", id: station.id.clone(), geometry: Point::of(station), properties }
    }
}

/// One line of an alert's time-line.
#[derive(Serialize, ToSchema)]
pub struct AlertMoment {
    /// Event time; of a deed, when it was received.
    #[schema(value_type = String, format = DateTime)]
    pub at: Shown,
    /// The state from here on.
    #[schema(schema_with = state_schema)]
    pub state: &'static str,
    /// The severity from here on.
    #[schema(schema_with = severity_schema)]
    pub severity: &'static str,
    /// The value that decided it, in the alert's unit; null for absence of data and for deeds.
    pub value: Option<f64>,
    /// Why: value, silence, return, rule, withdrawn, maintenance, flapping, settled, calendar, closed; of a deed: person,
    /// or time.
    #[schema(value_type = String, example = "value")]
    pub cause: &'static str,
    /// What was done about it then; absent where its state or severity changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deed: Option<DeedDocument>,
}

/// An alert with its evidence.
#[derive(Serialize, ToSchema)]
pub struct AlertDocument {
    /// Deterministic: made from the rule, the subject and the start.
    pub id: String,
    /// The rule's name.
    rule: String,
    /// What to call it.
    title: Name,
    /// The station it is about; null when it is about a whole area.
    #[schema(value_type = Option<String>, example = "RV-NAMNA-01")]
    station: Option<StationId>,
    /// That station's name.
    station_name: Option<Name>,
    /// The observed property.
    #[schema(value_type = String, example = "water_level")]
    property: Property,
    /// Station and property as history takes them; null when it is about a whole area.
    #[schema(example = "RV-NAMNA-01/water_level")]
    channel: Option<String>,
    /// Code of the station's commune at the time, or of the area that it is about.
    #[schema(value_type = Option<String>, example = "03388")]
    area: Option<AreaId>,
    /// That area's name.
    area_name: Option<Name>,
    /// Where it stands.
    #[schema(schema_with = state_schema)]
    state: &'static str,
    /// The severity now, or at its end.
    #[schema(schema_with = severity_schema)]
    severity: &'static str,
    /// The newest value looked at, in `unit`.
    value: Option<f64>,
    /// The threshold that the severity stands for, in `unit`; null for absence of data.
    threshold: Option<f64>,
    /// UCUM code of value and threshold; `1` for a number of stations.
    #[schema(value_type = String, example = "m")]
    unit: &'static str,
    /// When the condition began to hold (event time).
    #[schema(value_type = String, format = DateTime)]
    started_at: Shown,
    /// When anything about it last changed (event time).
    #[schema(value_type = String, format = DateTime)]
    changed_at: Shown,
    /// When it was cleared; null while it is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Shown>,
    /// 1 as it was raised, one more with everything that is said about it; what is measured does not change it. `ETag`
    /// of the alert's own address, for `If-Match`.
    #[schema(example = 3)]
    version: u64,
    /// How it stands by what people did about it.
    handling: HandlingDocument,
    /// Everything that happened and that was done, oldest first.
    timeline: Vec<AlertMoment>,
    /// The hazard by which alerts belong together: what the rule says, else the property.
    #[schema(example = "rain")]
    cause: String,
    /// How often its condition began within it: more than once for one that is latched or flapping. Null of a past
    /// moment when it is not known: while an alert is flapping nothing says when it came again.
    occurrences: Option<u32>,
    /// It keeps coming back: it stays open, and its comings and goings are not told until it has been quiet.
    flapping: bool,
    /// Made from data that came late, closed at once: nobody was told.
    retrospective: bool,
    /// What to do, as its rule says now.
    text: Option<Name>,
    /// The law or the science behind its rule, as it says now.
    source: Option<String>,
    /// The incident that it is part of; null when no group of causes takes it.
    incident: Option<String>,
    /// The known heat source that explains it: then nobody is notified.
    masked_by: Option<Name>,
}

/// An alert as a GeoJSON feature, at its station or in the middle of its area's stations.
#[derive(Serialize, ToSchema)]
pub struct AlertFeature {
    /// Always `Feature`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "Feature")]
    kind: &'static str,
    /// The alert's identifier.
    id: String,
    /// Where its station stands, or the middle of its area's stations.
    geometry: Point,
    /// The alert.
    properties: AlertDocument,
}

impl AlertFeature {
    /// An alert at a place.
    pub fn new(at: Position, properties: AlertDocument) -> Self {
        Self { kind: "Feature", id: properties.id.clone(), geometry: Point::at(at), properties }
    }
}

impl AlertDocument {
    /// The same as of a past moment: with what had been done about it by then, how often it had begun as far as that is
    /// known, and the incident that it was in.
    #[must_use]
    pub fn as_of(
        self,
        (handling, timeline): (HandlingDocument, Vec<AlertMoment>),
        occurrences: Option<u32>,
        incident: Option<(String, Option<Name>)>,
    ) -> Self {
        let (incident, masked_by) = incident.unzip();
        Self { handling, timeline, occurrences, incident, masked_by: masked_by.flatten(), ..self }
    }
}

/// Makes reports from the state as it is at `now`, with times shown in `zone`.
pub struct Reporter<'a> {
    /// The state, locked for reading.
    pub state: &'a State,
    /// The moment of the answer: freshness is judged at it.
    pub now: Timestamp,
    /// The zone of the answer's times.
    pub zone: &'a Zone,
}

impl Reporter<'_> {
    /// A station's feature.
    pub fn station(&self, station: &Station) -> StationFeature {
        let catalogue = &self.state.catalogue;
        let channels = station.channels.iter().filter_map(|id| catalogue.channel(*id));
        let area = station.area.clone();
        let open = self.state.alerts.open_of(station.no);
        let properties = StationReport {
            kind: station.kind.word(),
            name: Name::from(&station.name),
            area_name: self.area_name(area.as_ref()),
            area,
            channels: channels.filter(|channel| !channel.retired).map(|channel| self.channel(channel)).collect(),
            freshness: self.state.live.station_freshness(catalogue, station, self.now).word(),
            severity: self.state.alerts.worst_open(station.no).map(Severity::word),
            alerts: open.map(|alert| alert.id.to_string()).collect(),
            missing_messages: Some(self.state.devices.missing_of(station.no).messages),
            retired: station.retired,
        };
        StationFeature::new(station, properties)
    }

    fn channel(&self, channel: &Channel) -> ChannelReport {
        let live = &self.state.live;
        let freshness = live.freshness(&self.state.catalogue, channel, self.now);
        let look = Look {
            latest: live.latest(channel.id).copied().map(Newest::from),
            freshness,
            fresh_until: live.listening().fresh_until(channel, freshness),
        };
        self.channel_as(&self.state.catalogue, channel, look)
    }

    /// A channel of a catalogue with what is drawn of it at `now`.
    pub fn channel_as(&self, catalogue: &Catalogue, channel: &Channel, look: Look) -> ChannelReport {
        let Look { latest, freshness, fresh_until } = look;
        ChannelReport {
            property: channel.property.clone(),
            unit: channel.unit.code(),
            value: latest.map(|latest| latest.value),
            observed_at: latest.map(|latest| self.zone.show(latest.observed_at)),
            received_at: latest.and_then(|latest| latest.received_at).map(|at| self.zone.show(at)),
            quality: latest.map(|latest| latest.quality.word()),
            time_from: latest.map(
                |latest| {
                    if latest.quality.has(Quality::RECEIVED_TIME) { "receipt" } else { "device" }
                },
            ),
            flags: latest.map(|latest| latest.quality.words().collect()).unwrap_or_default(),
            asleep: self.state.live.listening().sleeps(channel.id, self.now),
            fresh_until: fresh_until.map(|at| self.zone.show(at)),
            freshness: freshness.word(),
            interval_s: channel.interval.as_secs_f64(),
            link: link_word(channel.link),
            grace_s: channel.link.grace().as_secs(),
            derived_from: derived_from(catalogue, channel),
        }
    }

    /// An alert's document; `None` when its station or channel is not in the catalogue.
    pub fn alert(&self, alert: &Alert) -> Option<AlertDocument> {
        let catalogue = &self.state.catalogue;
        let (station, channel) = match &alert.subject {
            Subject::Channel { station, channel, .. } => {
                (Some(catalogue.station(*station)?), Some(catalogue.channel(*channel)?))
            }
            Subject::Area { .. } => (None, None),
        };
        let property = match &alert.subject {
            Subject::Channel { .. } => channel?.property.clone(),
            Subject::Area { property, .. } => property.clone(),
        };
        let area = alert.subject.area().cloned();
        let rule = self.state.alerts.rules().named(&alert.rule);
        Some(AlertDocument {
            id: alert.id.to_string(),
            rule: alert.rule.clone(),
            title: Name::from(&alert.title),
            station: station.map(|station| station.id.clone()),
            station_name: station.map(|station| Name::from(&station.name)),
            channel: station.map(|station| format!("{}/{property}", station.id)),
            property,
            area_name: self.area_name(area.as_ref()),
            area,
            state: alert.state.word(),
            severity: alert.severity.word(),
            value: alert.value,
            threshold: alert.threshold,
            unit: channel.map_or(Unit::One, |channel| channel.unit).code(),
            started_at: self.zone.show(alert.started_at),
            changed_at: self.zone.show(alert.changed_at),
            ended_at: alert.ended_at.map(|at| self.zone.show(at)),
            timeline: self.timeline(alert),
            cause: alert.cause.clone(),
            occurrences: Some(alert.occurrences),
            flapping: alert.flapping,
            retrospective: alert.retrospective,
            text: rule.and_then(|rule| rule.text.as_ref()).map(Name::from),
            source: rule.and_then(|rule| rule.source.clone()),
            version: self.state.workflow.version(&alert.id),
            handling: self.handling(alert),
            incident: self.state.incidents.of_alert(&alert.id).map(ToString::to_string),
            masked_by: self.state.incidents.mask_of(&alert.id).map(Name::from),
        })
    }

    /// An alert's feature at its place.
    pub fn alert_feature(&self, alert: &Alert) -> Option<AlertFeature> {
        Some(AlertFeature::new(self.place_of(alert)?, self.alert(alert)?))
    }

    /// Where to show an alert: its station's position, or the middle of the stations in its area.
    pub fn place_of(&self, alert: &Alert) -> Option<Position> {
        let catalogue = &self.state.catalogue;
        match &alert.subject {
            Subject::Channel { station, .. } => catalogue.station(*station).map(|station| station.position),
            Subject::Area { area, .. } => catalogue.middle_of(area),
        }
    }

    fn area_name(&self, area: Option<&AreaId>) -> Option<Name> {
        self.state.catalogue.area(area?).map(|area| Name::from(&area.name))
    }
}

fn derived_from(catalogue: &Catalogue, channel: &Channel) -> Option<Vec<Property>> {
    let from = catalogue.derived_from(channel.id)?.iter().filter_map(|id| catalogue.channel(*id));
    Some(from.map(|channel| channel.property.clone()).collect())
}

fn link_word(link: LinkClass) -> &'static str {
    match link {
        LinkClass::Wired => "wired",
        LinkClass::Cellular => "cellular",
        LinkClass::Lorawan => "lorawan",
    }
}
