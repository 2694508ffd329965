//! From a machine's counts to the alert that people see.

use std::sync::Arc;

use super::Key;
use super::book::{Book, Standing};
use super::machine::Machine;
use super::rules::{Condition, Levels, Rule};
use crate::model::{
    Alert, AlertId, AlertState, Catalogue, Cause, Channel, Moment, Severity, Station, Subject, Timestamp, Transition,
    clock_was_set_back,
};

/// What a machine stands for: its rule in its channel's unit, and the channel and its station.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub rule: &'a Rule,
    /// `None` for absence.
    pub levels: Option<&'a Levels>,
    pub channel: &'a Channel,
    pub station: &'a Station,
}

impl<'a> Place<'a> {
    pub(super) fn find(
        rule: &'a Rule,
        levels: Option<&'a Levels>,
        catalogue: &'a Catalogue,
        key: Key,
    ) -> Option<Place<'a>> {
        let channel = catalogue.channel(key.channel)?;
        Some(Place { rule, levels, channel, station: catalogue.station(channel.station)? })
    }

    /// Severity and threshold of so many raised levels.
    fn stands_for(&self, raised: usize) -> Option<(Severity, Option<f64>)> {
        match (&self.rule.condition, self.levels) {
            (Condition::Absence { severity, .. }, _) => Some((*severity, None)),
            (Condition::Levels { .. }, Some(levels)) => {
                let step = levels.steps().get(raised.checked_sub(1)?)?;
                Some((step.severity, Some(step.threshold)))
            }
            (Condition::Levels { .. }, None) => None,
        }
    }
}

/// Brings the alert of a machine to what the machine says at `at`, and tells the transition when there is one.
pub(super) fn settle(
    book: &mut Book,
    machine: &mut Machine,
    place: &Place<'_>,
    at: Timestamp,
    cause: Cause,
) -> Option<Transition> {
    let state = machine.state();
    let value = machine.heard.value;
    let stands_for = place.stands_for(machine.raised());
    match &machine.alert {
        None => {
            let (severity, threshold) = stands_for?;
            let id = free_id(book, place, machine.began_at());
            machine.alert = Some(id.clone());
            Some(book.raise(Alert {
                id,
                rule: place.rule.name.clone(),
                title: place.rule.title.clone(),
                subject: Subject::Channel {
                    station: place.station.no,
                    channel: place.channel.id,
                    area: place.station.area.clone(),
                },
                state,
                severity,
                threshold,
                value,
                started_at: machine.began_at(),
                changed_at: at,
                ended_at: None,
                timeline: vec![Moment { at, state, severity, value, cause }],
            }))
        }
        Some(id) => {
            let id = id.clone();
            let alert = book.get(&id)?;
            let (severity, threshold) = stands_for.unwrap_or((alert.severity, alert.threshold));
            let at = in_order(alert, at);
            let standing = Standing { state, severity, threshold };
            if state == AlertState::Cleared {
                machine.alert = None;
            }
            book.note(&id, value, &standing, at, cause)
        }
    }
}

/// Ends an alert from outside its machine.
pub(super) fn end(book: &mut Book, id: &AlertId, at: Timestamp, cause: Cause) -> Option<Transition> {
    let alert = book.get(id)?;
    let at = in_order(alert, at);
    let standing = Standing { state: AlertState::Cleared, severity: alert.severity, threshold: alert.threshold };
    book.note(id, None, &standing, at, cause)
}

/// A time-line never runs backwards by the seconds that a sample was on its way while a tick already judged; only a
/// clock that was set back takes it back.
fn in_order(alert: &Arc<Alert>, at: Timestamp) -> Timestamp {
    if clock_was_set_back(alert.changed_at, at) { at } else { at.max(alert.changed_at) }
}

/// `rule~station~property~microseconds`: every part is safe in an address as it is. A station whose name is not
/// appears as `~number`, which no name can look like. Should a clock that was set back bring the same start again,
/// a counter follows.
fn free_id(book: &Book, place: &Place<'_>, began_at: Timestamp) -> AlertId {
    let safe = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let station = match place.station.id.as_str() {
        name if safe(name) => name.to_owned(),
        _ => format!("~{}", place.station.no),
    };
    // A rule's property is checked when the rule is read, and the channel has the same.
    let base = format!("{}~{station}~{}~{}", place.rule.name, place.channel.property, began_at.micros());
    let mut id = AlertId(base.as_str().into());
    let mut again = 1u32;
    while book.get(&id).is_some() {
        again += 1;
        id = AlertId(format!("{base}~{again}").into());
    }
    id
}
