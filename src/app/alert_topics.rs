//! Alerts out over MQTT: `saola/v1/alerts/{area}/{severity}`, retained while any alert of that area and severity is
//! open.
//!
//! The message is the whole list of open alerts of its topic, so that a ranger's phone that subscribes late knows
//! everything from one retained message, and one that missed some is right again with the next. Retained messages
//! outlive a restart: only what is not right any more is told again then.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::Serialize;

use crate::model::{Alert, EscalationCause, LocalName, Severity, Subject, Timestamp, Unit};
use crate::mqtt::edge::{AlertTopics, Retain};
use crate::state::{Effects, State};

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
        let open: BTreeSet<_> = told_of(state).map(place).collect();
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

    /// Tells what changed: the topic that an alert is on now, and those that it may have left. A word, and a return from
    /// a shelf, decide whether anybody is to be told of it.
    pub(super) fn tell(&mut self, state: &State, effects: &Effects) {
        let changed = effects.transitions.iter().map(|transition| place(&transition.alert));
        let said = effects.said.iter().filter_map(|said| state.alerts.get(&said.command.alert));
        let returns = effects.escalations.iter().filter(|one| one.why == EscalationCause::Return);
        let returned = returns.map(|one| place(&one.alert));
        let changed: BTreeSet<_> = changed.chain(said.map(|alert| place(alert))).chain(returned).collect();
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
            told_of(state).filter(|alert| place(alert) == here).filter_map(|alert| told(state, alert)).collect();
        let retain = if alerts.is_empty() { Retain::Clear } else { Retain::Keep };
        let open = Open { area, severity: severity.word(), alerts };
        // Texts and finite numbers alone: writing them cannot fail.
        (topic, serde_json::to_vec(&open).unwrap_or_default().into(), retain)
    }
}

/// Open alerts that somebody is to be told of.
fn told_of(state: &State) -> impl Iterator<Item = &Alert> {
    state.alerts.open().map(|alert| &**alert).filter(|alert| !alert.quiet)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::Retention;
    use crate::alerts::tests::{catalogue, rule};
    use crate::model::{AlertCommand, Body, ChannelId, Entry, Message, Order, Quality, Sample, SourceId, TimeClass};

    #[test]
    fn what_is_shelved_is_not_told_of() {
        let mut state = State::new(Retention::default());
        let enter = |state: &mut State, body| {
            let (seq, received_at) = (state.applied.next(), Timestamp::from_seconds(1_800_000_000));
            state.apply(&Entry { seq, received_at, body }, &mut Effects::default());
        };
        enter(&mut state, Body::Catalogue(Box::new(catalogue())));
        let levels = "property = 'pm2_5'\nunit = 'ug/m3'\nlevels = [{ severity = 'high', above = 50 }]";
        enter(&mut state, Body::Rules(rule(levels)));
        let sample = Sample {
            channel: ChannelId(0),
            observed_at: Timestamp::from_seconds(1_800_000_000),
            value: 60.0,
            quality: Quality::GOOD,
            time_class: TimeClass::Live,
        };
        let (source, samples) = (SourceId(0), vec![sample]);
        let (rejections, unknown) = (Vec::new(), Vec::new());
        let message =
            Message { source, received: 1, duplicates: 0, samples, rejections, raw: None, unknown, again: None };
        enter(&mut state, Body::Message(message));
        let alert = state.alerts.open().next().unwrap().clone();
        let (area, severity) = place(&alert);
        let kept = |state: &State| AlertTopicsOutlet::message(state, &area, severity).2 == Retain::Keep;
        assert!(kept(&state));
        let say = |state: &mut State, order| {
            let (alert, author) = (alert.id.clone(), "an".to_owned());
            let (said_at, versions, key, origin) = (None, None, None, None);
            enter(state, Body::Alert(Box::new(AlertCommand { alert, author, order, said_at, versions, key, origin })));
        };
        let until = Timestamp::from_seconds(1_800_003_600);
        say(&mut state, Order::Shelve { until, reason: "r".into() });
        assert!(!kept(&state));
        say(&mut state, Order::Unshelve { note: String::new() });
        assert!(kept(&state));
    }
}
