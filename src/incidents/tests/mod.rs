//! Folding, masks and wind over alerts made by hand; and against a count of every pair.

mod fold;
mod plans;

use std::collections::BTreeMap;

use super::*;
use crate::geodesy;
use crate::model::{
    AlertState, Area, AreaId, AreaLevel, Cause, Channel, LinkClass, Moment, Position, Property, Range, Seq, Severity,
    Station, StationId, StationKind, Subject, Unit,
};

pub(crate) const GROUPS: &str = "
[[group]]
name = 'fire'
title = { vi = 'Cháy rừng', en = 'Forest fire' }
causes = ['smoke', 'camera_fire_score', 'air_temperature']
kinds = ['forest']
radius_km = 3
span = '10m'
masked = true
[group.plume]
smoke = ['smoke']
sources = ['camera_fire_score', 'air_temperature']
reach_km = 12
within_deg = 30
wind_least = 0.5
wind_within_km = 40
wind_age = '1h'

[[group]]
name = 'flood'
title = { vi = 'Lũ', en = 'Flood' }
causes = ['water_level']
radius_km = 5
span = '10m'
same_commune = true

[[group]]
name = 'silent'
title = { vi = 'Mất tín hiệu', en = 'No data' }
causes = ['no_data']
radius_km = 20
span = '10m'

[gateway]
title = { vi = 'Mất kết nối', en = 'Connection lost' }
severity = 'medium'
least = 3
share = 0.8
after = '5m'
patience = '30m'
";

pub(crate) fn files(groups: &str, heat: &str) -> Vec<RuleFile> {
    let file = |name: &str, text: &str| RuleFile { name: name.into(), text: text.into() };
    vec![file(plan::GROUPS_FILE, groups), file(plan::HEAT_SOURCES_FILE, heat)]
}

pub(super) fn name(text: &str) -> LocalName {
    LocalName { vi: text.into(), en: text.into() }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

/// Kilometres east and north of a place in the province.
pub(crate) fn place(east: f64, north: f64) -> Position {
    Position { lon: 103.4 + east / 102.9, lat: 22.4 + north / 110.74 }
}

/// Stations with one channel each, every 60 s over wire, and where they stand.
pub(crate) fn catalogue(stations: &[(StationKind, &str, Position)]) -> Catalogue {
    let areas = vec![
        Area { id: "12".into(), level: AreaLevel::Province, name: name("Lai Châu"), parent: None },
        Area { id: "001".into(), level: AreaLevel::Commune, name: name("Một"), parent: Some("12".into()) },
        Area { id: "002".into(), level: AreaLevel::Commune, name: name("Hai"), parent: Some("12".into()) },
    ];
    let unit_of = |property: &str| match property {
        "wind_direction" => Unit::Degree,
        "wind_speed" => Unit::MetrePerSecond,
        _ => Unit::One,
    };
    let (mut rows, mut channels) = (Vec::new(), Vec::new());
    for ((kind, properties, position), no) in stations.iter().zip(0u32..) {
        let first = channels.len();
        for property in properties.split(' ') {
            channels.push(Channel {
                id: ChannelId(channels.len() as u32),
                station: StationNo(no),
                property: Property::new(property),
                unit: unit_of(property),
                interval: Duration::from_secs(60),
                plausible: Range { min: -1e6, max: 1e6 },
                link: LinkClass::Wired,
                retired: false,
            });
        }
        rows.push(Station {
            no: StationNo(no),
            id: StationId::new(&format!("S{no}")),
            kind: *kind,
            name: name("S"),
            position: *position,
            area: Some(AreaId::new(if position.lon < 103.4 { "001" } else { "002" })),
            maintenance: false,
            retired: false,
            channels: (first..channels.len()).map(|id| ChannelId(id as u32)).collect(),
        });
    }
    Catalogue::new(vec!["edge".into(), "lora".into()], areas, rows, channels).unwrap()
}

/// Incidents over a catalogue and a wind.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) incidents: Incidents,
    pub(super) catalogue: Catalogue,
    /// By channel: value and when.
    pub(super) newest: BTreeMap<ChannelId, (f64, Timestamp)>,
    pub(super) alerts: BTreeMap<u32, Arc<Alert>>,
    pub(super) told: Vec<(BTreeSet<IncidentId>, Vec<AlertId>)>,
    pub(super) asked: u64,
}

/// What happens to the alert of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    Raise(Severity),
    Absent,
    Worsen(Severity),
    Unknown,
    Clear,
}

impl Bench {
    pub(super) fn new(stations: &[(StationKind, &str, Position)], groups: &str, heat: &str) -> Bench {
        let mut bench = Bench {
            incidents: Incidents::default(),
            catalogue: catalogue(stations),
            newest: BTreeMap::new(),
            alerts: BTreeMap::new(),
            told: Vec::new(),
            asked: 0,
        };
        bench.step(at(0), |incidents, world, told| {
            incidents.adopt_catalogue(world.catalogue);
            incidents.adopt_plan(&files(groups, heat), world, at(0), std::iter::empty(), told).unwrap();
        });
        bench
    }

    fn step(&mut self, _: Timestamp, step: impl FnOnce(&mut Incidents, &World<'_>, &mut Told)) {
        let newest = |channel| {
            let (value, observed_at) = *self.newest.get(&channel)?;
            Some(Newest { value, observed_at, quality: Quality::GOOD })
        };
        let listening = Listening::default();
        let world = World { catalogue: &self.catalogue, listening: &listening, newest: &newest };
        let mut told = Told::default();
        step(&mut self.incidents, &world, &mut told);
        self.asked += told.asked;
        self.told.push((told.changed, told.unmasked));
    }

    pub(super) fn tick(&mut self, seconds: i64) {
        self.step(at(seconds), |incidents, world, told| incidents.tick(world, at(seconds), told));
    }

    /// One entry with these deeds, each of a channel.
    pub(super) fn enter(&mut self, seconds: i64, deeds: &[(u32, Deed)]) {
        let transitions: Vec<Transition> =
            deeds.iter().filter_map(|(channel, deed)| self.transition(seconds, *channel, *deed)).collect();
        self.step(at(seconds), |incidents, world, told| incidents.observe(world, at(seconds), &transitions, told));
    }

    fn transition(&mut self, seconds: i64, channel: u32, deed: Deed) -> Option<Transition> {
        let before = self.alerts.get(&channel).filter(|alert| alert.state.is_open()).cloned();
        let alert = match (deed, &before) {
            (Deed::Raise(severity), None) => self.alert(seconds, channel, severity, Cause::Value),
            (Deed::Absent, None) => self.alert(seconds, channel, Severity::Low, Cause::Silence),
            (Deed::Worsen(severity), Some(alert)) => Alert { severity, ..Alert::clone(alert) },
            (Deed::Unknown, Some(alert)) => Alert { state: AlertState::Unknown, ..Alert::clone(alert) },
            (Deed::Clear, Some(alert)) => {
                Alert { state: AlertState::Cleared, ended_at: Some(at(seconds)), ..Alert::clone(alert) }
            }
            _ => return None,
        };
        let alert = Arc::new(Alert { changed_at: at(seconds), ..alert });
        self.alerts.insert(channel, alert.clone());
        Some(Transition { from: before.map(|alert| alert.state), alert, seq: Seq::default() })
    }

    fn alert(&self, seconds: i64, channel: u32, severity: Severity, cause: Cause) -> Alert {
        let row = self.catalogue.channel(ChannelId(channel)).unwrap();
        let station = self.catalogue.station(row.station).unwrap();
        let moment = Moment { at: at(seconds), state: AlertState::Active, severity, value: None, cause };
        Alert {
            id: AlertId(format!("r~{channel}~{seconds}").into()),
            rule: "r".into(),
            title: name("r"),
            subject: Subject::Channel { station: station.no, channel: row.id, area: station.area.clone() },
            state: AlertState::Active,
            severity,
            threshold: None,
            value: None,
            started_at: at(seconds),
            changed_at: at(seconds),
            ended_at: None,
            timeline: vec![moment],
            cause: row.property.to_string(),
            occurrences: 1,
            flapping: false,
            retrospective: false,
            quiet: false,
            closed: None,
        }
    }

    /// The incident of a channel's newest alert.
    pub(super) fn of(&self, channel: u32) -> &Incident {
        let id = self.incidents.of_alert(&self.alerts[&channel].id).unwrap();
        self.incidents.get(id).unwrap()
    }

    pub(super) fn are_one(&self, one: u32, other: u32) -> bool {
        self.of(one).id == self.of(other).id
    }

    /// Written and read again, as a snapshot does it.
    pub(super) fn restored(&self) -> Incidents {
        let bytes = postcard::to_stdvec(&self.incidents).unwrap();
        let mut incidents: Incidents = postcard::from_bytes(&bytes).unwrap();
        incidents.link(&self.catalogue).unwrap();
        incidents
    }
}
