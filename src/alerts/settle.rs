//! From a machine's counts to the alert that people see.

use std::sync::Arc;

use super::book::{Book, Standing};
use super::machine::Machine;
use super::rules::{Condition, Levels, Rule, Rules};
use super::signal::Signal;
use super::tally::Tally;
use super::watch::{Sort, Watch, Watches};
use super::{Key, Spot};
use crate::model::{
    Alert, AlertId, AlertState, Area, Catalogue, Cause, Channel, Closing, Moment, Severity, Station, Subject,
    Timestamp, Transition, clock_was_set_back,
};

/// What a machine stands for: its rule in its channel's unit, and what it is about.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub rule: &'a Rule,
    pub watch: Watch,
    /// `None` for absence and for several channels.
    pub levels: Option<&'a Levels>,
    /// By whose interval and link its data are late; of an area's the slowest.
    pub channel: &'a Channel,
    /// Of that channel.
    pub station: &'a Station,
    /// The area, when it is about one.
    pub area: Option<&'a Area>,
}

impl<'a> Place<'a> {
    pub(super) fn find(
        rules: &'a Rules,
        watches: &'a Watches,
        catalogue: &'a Catalogue,
        key: Key,
    ) -> Option<Place<'a>> {
        let rule = rules.list().get(key.rule as usize)?;
        let watch = watches.find(key)?;
        let channel = catalogue.channel(watches.pace(key)?)?;
        let area = match key.spot {
            Spot::Channel(_) => None,
            Spot::Area(place) => Some(catalogue.areas().get(place as usize)?),
        };
        let levels = watches.levels_of(watch.sort);
        Some(Place { rule, watch, levels, channel, station: catalogue.station(channel.station)?, area })
    }

    /// What its condition looks at there; `value` is the newest one of a plain level. None for absence.
    pub(super) fn signal(&self, watches: &'a Watches, tally: &'a Tally, value: Option<f64>) -> Option<Signal<'a>> {
        Some(match self.watch.sort {
            Sort::Levels(levels) => Signal::Plain(watches.levels(levels), value?),
            Sort::Single(single) => Signal::Single(watches.single(single), self.levels?, self.channel),
            Sort::Part(joined) => Signal::Joined(watches.joined(joined)),
            Sort::Area(levels) => Signal::Count(watches.levels(levels), tally),
            Sort::Absence | Sort::Member(_) => return None,
        })
    }

    /// How many levels its rule has there.
    pub(super) fn levels_count(&self) -> usize {
        self.levels.map_or(1, |levels| levels.steps().len())
    }

    /// Severity and threshold of so many raised levels.
    pub(super) fn stands_for(&self, raised: usize) -> Option<(Severity, Option<f64>)> {
        let highest = raised.checked_sub(1)?;
        match (&self.rule.condition, self.levels) {
            (Condition::Absence { severity, .. } | Condition::Joined { severity, .. }, _) => Some((*severity, None)),
            (Condition::Levels { .. } | Condition::Count { .. }, levels) => {
                let step = levels?.steps().get(highest)?;
                Some((step.severity, Some(step.threshold)))
            }
        }
    }

    pub(super) fn subject(&self) -> Subject {
        match self.area {
            Some(area) => Subject::Area { area: area.id.clone(), property: self.rule.property.clone() },
            None => {
                Subject::Channel { station: self.station.no, channel: self.channel.id, area: self.station.area.clone() }
            }
        }
    }

    /// `rule~station~property~microseconds`: every part is safe in an address as it is. A station whose name is not
    /// appears as `~number`, and an area as `@code`: no station's name can look like either.
    pub(super) fn id_of(&self, began_at: Timestamp) -> String {
        let safe = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        let about = match self.area {
            Some(area) if safe(area.id.as_str()) => format!("@{}", area.id),
            Some(_) => format!("@~{}", self.station.no),
            None if safe(self.station.id.as_str()) => self.station.id.to_string(),
            None => format!("~{}", self.station.no),
        };
        // A rule's property is checked when the rule is read, and the channel has the same.
        format!("{}~{about}~{}~{}", self.rule.name, self.rule.property, began_at.micros())
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
    let value = machine.heard.value;
    let stands_for = place.stands_for(machine.raised());
    let rises = machine.rises();
    let Some(id) = machine.alert.clone() else {
        let (severity, threshold) = stands_for?;
        machine.raises.note(place.rule.flapping, at);
        let flapping = machine.raises.flapping;
        let cause = if flapping { Cause::Flapping } else { cause };
        let state = machine.state(place.rule);
        let id = free_id(book, &place.id_of(machine.began_at()));
        machine.alert = Some(id.clone());
        machine.over = false;
        return Some(book.raise(Alert {
            id,
            rule: place.rule.name.clone(),
            title: place.rule.title.clone(),
            subject: place.subject(),
            state,
            severity,
            threshold,
            value,
            started_at: machine.began_at(),
            changed_at: at,
            ended_at: None,
            timeline: vec![Moment { at, state, severity, value, cause }],
            cause: place.rule.cause.clone(),
            occurrences: 1,
            flapping,
            retrospective: false,
            closed: None,
            quiet: false,
        }));
    };
    let alert = book.get(&id)?;
    let begins_again = machine.over && machine.raised() > 0;
    let had_before = |severity| alert.timeline.iter().any(|moment| moment.severity >= severity);
    let returns = rises && (machine.raises.flapping || stands_for.is_some_and(|(severity, _)| had_before(severity)));
    if begins_again || returns {
        machine.raises.note(place.rule.flapping, at);
    }
    machine.over = machine.raised() == 0;
    let flapping = machine.raises.flapping;
    let cause = if flapping && !alert.flapping { Cause::Flapping } else { cause };
    let was = (alert.severity, alert.threshold);
    let (severity, threshold) = stands_for.filter(|(severity, _)| !flapping || *severity > was.0).unwrap_or(was);
    let at = in_order(alert, at);
    let occurrences = alert.occurrences.saturating_add(u32::from(begins_again));
    let standing = Standing { state: machine.state(place.rule), severity, threshold, flapping, occurrences };
    if standing.state == AlertState::Cleared {
        machine.alert = None;
        machine.over = false;
    }
    book.note(&id, value, &standing, at, cause)
}

/// Ends an alert from outside its machine.
pub(super) fn end(book: &mut Book, id: &AlertId, at: Timestamp, cause: Cause) -> Option<Transition> {
    let alert = book.get(id)?;
    let at = in_order(alert, at);
    book.note(id, None, &over(alert), at, cause)
}

/// Ends an alert by a person's word.
pub(super) fn close(book: &mut Book, id: &AlertId, at: Timestamp, closing: Closing) -> Option<Transition> {
    let alert = book.get(id)?;
    let (at, standing) = (in_order(alert, at), over(alert));
    book.sign(id, closing);
    book.note(id, None, &standing, at, Cause::Closed)
}

fn over(alert: &Alert) -> Standing {
    let Alert { severity, threshold, occurrences, .. } = *alert;
    Standing { state: AlertState::Cleared, severity, threshold, flapping: false, occurrences }
}

/// A time-line never runs backwards by the seconds that a sample was on its way while a tick already judged; only a
/// clock that was set back takes it back.
fn in_order(alert: &Arc<Alert>, at: Timestamp) -> Timestamp {
    if clock_was_set_back(alert.changed_at, at) { at } else { at.max(alert.changed_at) }
}

/// Should a clock that was set back bring the same start again, a counter follows.
fn free_id(book: &Book, base: &str) -> AlertId {
    let mut id = AlertId(base.into());
    let mut again = 1u32;
    while book.get(&id).is_some() {
        again += 1;
        id = AlertId(format!("{base}~{again}").into());
    }
    id
}
