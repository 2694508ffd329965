//! Alerts out over MQTT: `saola/v1/alerts/{area}/{severity}`, retained while any alert of that area and severity is
//! open.
//!
//! The message is the whole list of open alerts of its topic, so that a ranger's phone that subscribes late knows
//! everything from one retained message, and one that missed some is right again with the next.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::{Alert, LocalName, Severity, Timestamp, Transition};
use crate::mqtt::edge::{AlertTopics, Retain};
use crate::state::State;

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
    station: &'a str,
    property: &'a str,
    state: &'static str,
    value: Option<f64>,
    threshold: Option<f64>,
    unit: &'static str,
    started_at: String,
    changed_at: String,
}

impl AlertTopicsOutlet {
    /// Tells every alert that is open already.
    pub(super) fn new(topics: AlertTopics, state: &State) -> Self {
        let mut outlet = Self { topics, retained: BTreeSet::new() };
        let topics: BTreeSet<_> = state.alerts.open().map(|alert| place(alert)).collect();
        for (area, severity) in topics {
            outlet.publish(state, area, severity);
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
        let topic = format!("saola/v1/alerts/{area}/{}", severity.word());
        let here = (area, severity);
        let alerts: Vec<Told<'_>> =
            state.alerts.open().filter(|alert| place(alert) == here).filter_map(|alert| told(state, alert)).collect();
        let retain = if alerts.is_empty() { Retain::Clear } else { Retain::Keep };
        let open = Open { area: &here.0, severity: severity.word(), alerts };
        let payload = match serde_json::to_vec(&open) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(%topic, %error, "an alert cannot be written as JSON");
                return;
            }
        };
        if let Err(error) = self.topics.publish(&topic, payload, retain) {
            tracing::error!(%topic, %error, "an alert did not go out over MQTT");
        }
        if retain == Retain::Keep {
            self.retained.insert(here);
        } else {
            self.retained.remove(&here);
        }
    }
}

fn place(alert: &Alert) -> (String, Severity) {
    let area = alert.subject.area.as_ref().map_or(NOWHERE, |area| area.as_str());
    (area.to_owned(), alert.severity)
}

fn told<'a>(state: &'a State, alert: &'a Alert) -> Option<Told<'a>> {
    let time = |at: Timestamp| at.to_string();
    let channel = state.catalogue.channel(alert.subject.channel)?;
    Some(Told {
        id: &alert.id.0,
        rule: &alert.rule,
        title: &alert.title,
        station: state.catalogue.station(alert.subject.station)?.id.as_str(),
        property: channel.property.as_str(),
        state: alert.state.word(),
        value: alert.value,
        threshold: alert.threshold,
        unit: channel.unit.code(),
        started_at: time(alert.started_at),
        changed_at: time(alert.changed_at),
    })
}
