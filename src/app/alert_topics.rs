//! Alerts out over MQTT: `saola/v1/alerts/{area}/{severity}`, retained while any alert of that area and severity is
//! open.
//!
//! The message is the whole list of open alerts of its topic, so that a ranger's phone that subscribes late knows
//! everything from one retained message, and one that missed some is right again with the next. Retained messages
//! outlive a restart: only what is not right any more is told again then.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::Serialize;

use crate::model::{Alert, LocalName, Severity, Subject, Timestamp, Transition, Unit};
use crate::mqtt::edge::{AlertTopics, Retain};
use crate::state::State;

/// What every topic begins with.
const ROOT: &str = "saola/v1/alerts/";
/// Where an alert without an area goes.
const NOWHERE: &str = "none";

pub(super) struct AlertTopicsOutlet {
    topics: AlertTopics,
    retained: BTreeSet<(String, Severity)>,
}

#[derive(Serialize)]
struct Open<'a> {
    area: &'a str,
    severity: &'static str,
    alerts: Vec<Told<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    rule: &'a str,
    title: &'a LocalName,
    /// `None` when it is about the whole area.
    station: Option<&'a str>,
    property: &'a str,
    state: &'static str,
    value: Option<f64>,
    threshold: Option<f64>,
    unit: &'static str,
    started_at: String,
    changed_at: String,
}

impl AlertTopicsOutlet {
    /// Brings what is retained to what is open.
    pub(super) fn new(topics: AlertTopics, state: &State) -> Self {
        let mut outlet = Self { topics, retained: BTreeSet::new() };
        let kept: BTreeMap<String, Bytes> = outlet.topics.retained_alerts().into_iter().collect();
        let open: BTreeSet<_> = state.alerts.open().map(|alert| place(alert)).collect();
        let over = kept.keys().filter_map(|topic| place_of(topic)).filter(|place| !open.contains(place));
        for (area, severity) in over.collect::<Vec<_>>().into_iter().chain(open.iter().cloned()) {
            let (topic, payload, retain) = Self::message(state, &area, severity);
            if retain == Retain::Keep && kept.get(&topic) == Some(&payload) {
                outlet.retained.insert((area, severity));
            } else {
                outlet.publish(state, area, severity);
            }
        }
        outlet
    }

    /// Tells what changed: the topic that an alert is on now, and those that it may have left.
    pub(super) fn tell(&mut self, state: &State, transitions: &[Transition]) {
        let changed: BTreeSet<_> = transitions.iter().map(|transition| place(&transition.alert)).collect();
        let areas: BTreeSet<_> = changed.iter().map(|(area, _)| area.clone()).collect();
        let left: Vec<_> = self.retained.iter().filter(|(area, _)| areas.contains(area)).cloned().collect();
        for (area, severity) in changed.into_iter().chain(left).collect::<BTreeSet<_>>() {
            self.publish(state, area, severity);
        }
    }

    fn publish(&mut self, state: &State, area: String, severity: Severity) {
        let (topic, payload, retain) = Self::message(state, &area, severity);
        if let Err(error) = self.topics.publish(&topic, payload, retain) {
            tracing::error!(%topic, %error, "an alert did not go out over MQTT");
        }
        if retain == Retain::Keep {
            self.retained.insert((area, severity));
        } else {
            self.retained.remove(&(area, severity));
        }
    }

    /// What is to be said of the open alerts of an area and severity.
    fn message(state: &State, area: &str, severity: Severity) -> (String, Bytes, Retain) {
        let topic = format!("{ROOT}{area}/{}", severity.word());
        let here = (area.to_owned(), severity);
        let alerts: Vec<Told<'_>> =
            state.alerts.open().filter(|alert| place(alert) == here).filter_map(|alert| told(state, alert)).collect();
        let retain = if alerts.is_empty() { Retain::Clear } else { Retain::Keep };
        let open = Open { area, severity: severity.word(), alerts };
        // Texts and finite numbers alone: writing them cannot fail.
        (topic, serde_json::to_vec(&open).unwrap_or_default().into(), retain)
    }
}

/// The area and severity that a topic of ours stands for.
fn place_of(topic: &str) -> Option<(String, Severity)> {
    let (area, severity) = topic.strip_prefix(ROOT)?.split_once('/')?;
    let severity = Severity::ALL.into_iter().find(|one| one.word() == severity)?;
    Some((area.to_owned(), severity))
}

fn place(alert: &Alert) -> (String, Severity) {
    let area = alert.subject.area().map_or(NOWHERE, |area| area.as_str());
    (area.to_owned(), alert.severity)
}

fn told<'a>(state: &'a State, alert: &'a Alert) -> Option<Told<'a>> {
    let time = |at: Timestamp| at.to_string();
    let (station, property, unit) = match &alert.subject {
        Subject::Channel { station, channel, .. } => {
            let channel = state.catalogue.channel(*channel)?;
            (Some(state.catalogue.station(*station)?.id.as_str()), channel.property.as_str(), channel.unit.code())
        }
        Subject::Area { property, .. } => (None, property.as_str(), Unit::One.code()),
    };
    Some(Told {
        id: &alert.id.0,
        rule: &alert.rule,
        title: &alert.title,
        station,
        property,
        state: alert.state.word(),
        value: alert.value,
        threshold: alert.threshold,
        unit,
        started_at: time(alert.started_at),
        changed_at: time(alert.changed_at),
    })
}
