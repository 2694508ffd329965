//! Gateways, brokers and sources that are dead, over the whole state.

use super::super::Effects;
use super::*;
use crate::incidents::tests::{GROUPS, at, catalogue, files, place};
use crate::incidents::{Filter, GATEWAY, Happened, Incident, IncidentState};
use crate::model::{
    AlertState, Catalogue, Channel, Deaf, DeviceFact, DeviceReport, Message, Outage, Property, Quality, RuleFile, Said,
    Sample, Seq, Severity, SourceId, StationKind, StationNo, TimeClass,
};

const RULES: &str = "
[[rule]]
name = 'no-data'
title = { vi = 'Mất tín hiệu', en = 'No data' }
property = 'smoke'
absence = { after = '20m', severity = 'low' }
[[rule]]
name = 'smoke'
title = { vi = 'Khói', en = 'Smoke' }
property = 'smoke'
levels = [{ severity = 'high', above = 5 }]
";
const EDGE: SourceId = SourceId(0);
const LORA: SourceId = SourceId(1);

/// Ten stations, the first five by the edge, the others by LoRa; every 60 s over wire: silent after 310 s.
struct Centre {
    state: State,
    seq: u64,
    now: i64,
    transitions: Vec<Transition>,
}

impl Centre {
    fn new() -> Centre {
        Centre::with(smoke_stations())
    }

    fn with(catalogue: Catalogue) -> Centre {
        let state = State::new(alerts::Retention::default());
        let mut centre = Centre { state, seq: 0, now: 0, transitions: Vec::new() };
        centre.enter(Body::Catalogue(Box::new(catalogue)));
        centre.enter(Body::Rules(vec![RuleFile { name: "r.toml".into(), text: RULES.into() }]));
        centre.enter(Body::Grouping(files(GROUPS, "")));
        centre
    }

    fn enter(&mut self, body: Body) {
        self.seq += 1;
        let mut effects = Effects::default();
        self.state.apply(&Entry { seq: Seq(self.seq), received_at: at(self.now), body }, &mut effects);
        self.transitions.extend(effects.transitions);
        // A restart at any moment changes nothing.
        if self.seq.is_multiple_of(50) {
            self.state = State::restore(&self.state.snapshot().unwrap()).unwrap();
        }
    }

    fn hear(&mut self, stations: impl IntoIterator<Item = u32>, value: f64) {
        self.hear_of(TimeClass::Live, stations, value);
    }

    fn hear_of(&mut self, time_class: TimeClass, stations: impl IntoIterator<Item = u32>, value: f64) {
        for no in stations {
            let sample =
                Sample { channel: ChannelId(no), observed_at: at(self.now), value, quality: Quality::GOOD, time_class };
            let source = if no < 5 { EDGE } else { LORA };
            let (samples, rejections, unknown) = (vec![sample], Vec::new(), Vec::new());
            let (received, duplicates, raw, again) = (1, 0, None, None);
            let message = Message { source, received, duplicates, samples, rejections, raw, unknown, again };
            self.enter(Body::Message(message));
        }
    }

    /// Lets minutes pass in which these stations speak.
    fn pass(&mut self, minutes: i64, speaking: impl Fn(u32) -> bool) {
        for _ in 0..minutes * 6 {
            self.now += 10;
            if self.now % 60 == 0 {
                self.hear((0..10).filter(|no| speaking(*no)), 0.0);
            }
            self.enter(Body::Tick);
        }
    }

    fn gateways(&self) -> Vec<&Incident> {
        let all = self.state.incidents.all(Filter::default());
        all.filter(|incident| incident.group == GATEWAY).collect()
    }

    fn gateway(&self) -> &Incident {
        let [incident] = self.gateways()[..] else { panic!("{:#?}", self.gateways()) };
        incident
    }
}

fn smoke_stations() -> Catalogue {
    let stations: Vec<_> = (0..10).map(|no| (StationKind::Forest, "smoke", place(30.0 * f64::from(no), 0.0))).collect();
    catalogue(&stations)
}

fn children(incident: &Incident) -> Vec<u32> {
    incident.children().keys().map(|no| no.0).collect()
}

#[test]
fn a_source_that_falls_mute_is_one_incident_with_its_stations() {
    let mut centre = Centre::new();
    centre.pass(10, |_| true);
    centre.pass(4, |no| no < 5);
    assert!(centre.gateways().is_empty());
    centre.pass(4, |no| no < 5);
    let incident = centre.gateway();
    assert_eq!((children(incident), incident.unknown_children()), (vec![5, 6, 7, 8, 9], 5));
    assert_eq!((incident.state(), incident.severity()), (IncidentState::Open, Severity::Medium));
    assert_eq!(incident.opened_at, at(600), "the source's last word");
    assert_eq!(incident.title.en, "Connection lost: lora");
    assert_eq!(incident.id.0.as_ref(), format!("gateway~lora~{}", at(600).micros()));
    // The rule's twenty minutes run out: what it raises is part of this, and no incident of its own.
    centre.pass(15, |no| no < 5);
    let absent: Vec<_> = centre.transitions.iter().filter(|t| t.alert.rule == "no-data").collect();
    assert_eq!(absent.len(), 5);
    for transition in &absent {
        let id = centre.state.incidents.of_alert(&transition.alert.id).unwrap();
        assert_eq!(id, &centre.gateway().id);
    }
    assert_eq!(centre.state.incidents.count(), (1, 0));
    // Four of them come back.
    centre.pass(29, |no| no != 9);
    let incident = centre.gateway();
    assert_eq!((incident.unknown_children(), incident.state()), (1, IncidentState::Open));
    centre.pass(2, |no| no != 9);
    let incident = centre.gateway();
    let what: Vec<_> = incident.timeline().iter().map(|moment| &moment.what).collect();
    assert!(what.contains(&&Happened::Back) && what.contains(&&Happened::LeftBehind(1)), "{what:?}");
    // The absence of the one that is dead by itself is still open in it.
    assert_eq!((incident.open_count(), incident.state()), (1, IncidentState::Open));
    centre.pass(2, |_| true);
    assert_eq!(centre.gateway().state(), IncidentState::Closed);
    let restored = State::restore(&centre.state.snapshot().unwrap()).unwrap();
    assert!(restored == centre.state);
}

#[test]
fn a_station_that_is_dead_while_its_source_lives_is_nobodys_child() {
    let mut centre = Centre::new();
    centre.pass(10, |_| true);
    centre.pass(40, |no| no != 7);
    assert!(centre.gateways().is_empty());
    let absent: Vec<_> = centre.transitions.iter().filter(|t| t.alert.rule == "no-data").collect();
    let id = centre.state.incidents.of_alert(&absent[0].alert.id).unwrap();
    assert_eq!(centre.state.incidents.get(id).unwrap().group, "silent");
    // Its source dies later: it had nothing to do with that.
    centre.pass(10, |no| no < 5);
    assert_eq!(children(centre.gateway()), [5, 6, 8, 9]);
}

#[test]
fn two_of_five_stations_are_no_gateway() {
    let mut centre = Centre::new();
    centre.pass(10, |_| true);
    centre.pass(40, |no| no != 8 && no != 9);
    assert!(centre.gateways().is_empty());
}

#[test]
fn a_brokers_link_that_breaks_is_an_incident_at_once_and_until_it_stands() {
    let mut centre = Centre::new();
    centre.pass(10, |_| true);
    centre.pass(10, |no| no != 9);
    let from = at(centre.now);
    centre.enter(Body::Outage(Outage { of: Deaf::Source(LORA), from, to: None }));
    let incident = centre.gateway();
    assert_eq!((children(incident), incident.unknown_children()), (vec![5, 6, 7, 8], 4), "9 was dead before");
    // Far longer than the rule's twenty minutes: nothing is absent that could not be heard.
    centre.pass(60, |no| no < 5);
    assert_eq!(centre.gateway().unknown_children(), 4);
    assert!(centre.transitions.iter().all(|t| t.alert.rule != "no-data"));
    centre.enter(Body::Outage(Outage { of: Deaf::Source(LORA), from, to: Some(at(centre.now)) }));
    assert_eq!(centre.gateway().state(), IncidentState::Open, "nobody has spoken yet");
    centre.pass(2, |no| no != 9);
    let incident = centre.gateway();
    assert_eq!((incident.state(), incident.unknown_children()), (IncidentState::Closed, 0));
}

#[test]
fn a_death_certificate_that_names_several_stations_is_a_gateways() {
    let mut centre = Centre::new();
    centre.pass(10, |_| true);
    let fact = |device: &str, station: Option<u32>| DeviceFact {
        device: device.into(),
        station: station.map(StationNo),
        said: Said::Silent,
    };
    let facts = vec![fact("province/node-3", None), fact("node-3/a", Some(5)), fact("node-3/b", Some(6))];
    centre.enter(Body::Devices(DeviceReport { source: LORA, facts }));
    let incident = centre.gateway();
    assert_eq!(
        (children(incident), incident.title.en.as_str()),
        (vec![5, 6], "Connection lost: lora (province/node-3)")
    );
    let one = vec![fact("node-4/c", Some(7))];
    centre.enter(Body::Devices(DeviceReport { source: LORA, facts: one }));
    assert_eq!(centre.gateways().len(), 1, "a device's own death is its own");
    centre.pass(2, |no| no != 7);
    assert_eq!(centre.gateway().state(), IncidentState::Closed);
}

#[test]
fn saolas_own_absence_is_nobodys_death() {
    let mut centre = Centre::new();
    centre.pass(10, |_| true);
    let from = at(centre.now);
    centre.now += 7_200;
    centre.enter(Body::Outage(Outage { of: Deaf::Everything, from, to: Some(at(centre.now)) }));
    centre.enter(Body::Tick);
    centre.pass(3, |_| false);
    assert!(centre.gateways().is_empty());
    centre.pass(4, |no| no < 5);
    centre.pass(4, |no| no < 5);
    assert_eq!(children(centre.gateway()), [5, 6, 7, 8, 9], "silent since we listen again");
}

#[test]
fn an_alert_that_becomes_unknown_stays_in_its_own_incident() {
    let mut centre = Centre::new();
    centre.pass(10, |_| true);
    centre.hear([5], 9.0);
    centre.pass(10, |no| no < 5);
    let alert = centre.transitions.iter().rev().find(|t| t.alert.rule == "smoke").unwrap();
    assert_eq!(alert.alert.state, AlertState::Unknown);
    let incident = centre.state.incidents.of_alert(&alert.alert.id).unwrap();
    assert_eq!(centre.state.incidents.get(incident).unwrap().group, "fire");
    assert!(children(centre.gateway()).contains(&5));
}

#[test]
fn a_channel_that_is_read_once_a_day_does_not_hide_a_mute_gateway() {
    let plain = smoke_stations();
    let (mut channels, mut stations) = (plain.channels().to_vec(), plain.stations().to_vec());
    for station in &mut stations {
        let (id, interval) = (ChannelId(channels.len() as u32), std::time::Duration::from_secs(86_400));
        channels.push(Channel {
            id,
            interval,
            property: Property::new("snow"),
            ..channels[station.no.index()].clone()
        });
        station.channels.push(id);
    }
    let areas = plain.areas().to_vec();
    let mut centre = Centre::with(Catalogue::new(plain.sources().to_vec(), areas, stations, channels).unwrap());
    centre.pass(10, |_| true);
    centre.pass(8, |no| no < 5);
    assert_eq!(children(centre.gateway()), [5, 6, 7, 8, 9]);
}

#[test]
fn a_source_that_brings_what_was_kept_is_not_mute() {
    let mut centre = Centre::new();
    centre.pass(10, |_| true);
    for _ in 0..15 {
        centre.pass(1, |no| no < 5);
        centre.hear_of(TimeClass::Late, [5], 0.0);
    }
    assert!(centre.gateways().is_empty());
}

#[test]
fn a_station_under_maintenance_is_waited_for_no_longer() {
    let mut centre = Centre::new();
    centre.pass(10, |_| true);
    centre.pass(8, |no| no < 5);
    assert_eq!(centre.gateway().unknown_children(), 5);
    let with = |least: u32| smoke_stations().with_maintenance(|station| station.no.0 >= least);
    centre.enter(Body::Catalogue(Box::new(with(8))));
    centre.pass(1, |no| no < 5);
    assert_eq!((children(centre.gateway()), centre.gateway().state()), (vec![5, 6, 7], IncidentState::Open));
    centre.enter(Body::Catalogue(Box::new(with(5))));
    centre.pass(1, |no| no < 5);
    let incident = centre.gateway();
    assert_eq!((children(incident), incident.state()), (vec![], IncidentState::Closed));
    assert!(incident.timeline().iter().any(|moment| moment.what == Happened::LetGo(3)));
    assert!(State::restore(&centre.state.snapshot().unwrap()).unwrap() == centre.state);
}

#[test]
fn a_gateway_that_comes_and_goes_is_one_incident() {
    let mut centre = Centre::new();
    centre.pass(10, |_| true);
    for _ in 0..4 {
        centre.pass(8, |no| no < 5);
        assert_eq!((centre.gateway().unknown_children(), centre.gateway().state()), (5, IncidentState::Open));
        centre.pass(3, |_| true);
        assert_eq!((centre.gateway().unknown_children(), centre.gateway().state()), (0, IncidentState::Closed));
    }
    assert!(State::restore(&centre.state.snapshot().unwrap()).unwrap() == centre.state);
    centre.pass(60, |_| true);
    centre.pass(8, |no| no < 5);
    assert_eq!(centre.gateways().len(), 2, "longer ago than the patience");
}
