//! Every alert, open and closed, with the orders in which it is asked for.
//!
//! Invariants: an alert is in `by_change` under its `changed_at`, in `closed` under its end once it is cleared, and in
//! `open_at` until then. A time-line is bounded: its first moment stays, the oldest after it go. Closed alerts are
//! bounded by age and by number; what went is counted.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    Alert, AlertId, AlertState, AreaId, Cause, ChannelId, Closing, LocalName, Moment, Seq, Severity, StationNo,
    Timestamp, Transition,
};

/// Moments kept of one alert.
pub const MOMENTS_MAX: usize = 128;

/// What to ask for; the default asks for everything.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Any of these states; empty: all.
    pub states: Vec<AlertState>,
    /// This severe or more.
    pub severity_at_least: Option<Severity>,
    /// In any of these areas (by the commune at the time); `None`: everywhere, and outside all areas too.
    pub areas: Option<BTreeSet<AreaId>>,
    /// Of this station.
    pub station: Option<StationNo>,
    /// Changed at or after this instant.
    pub since: Option<Timestamp>,
    /// After this one in the order of the answer: the last alert of the page before.
    pub after: Option<(Timestamp, AlertId)>,
    /// At most so many.
    pub limit: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Filter {
            states: Vec::new(),
            severity_at_least: None,
            areas: None,
            station: None,
            since: None,
            after: None,
            limit: usize::MAX,
        }
    }
}

impl Filter {
    /// The same with what the order of a list decides: the time, and the place in the list.
    pub(super) fn takes_page(&self, alert: &Alert) -> bool {
        let is_after = |(changed_at, id): &(Timestamp, AlertId)| (alert.changed_at, &alert.id) < (*changed_at, id);
        self.takes(alert)
            && self.since.is_none_or(|since| alert.changed_at >= since)
            && self.after.as_ref().is_none_or(is_after)
    }

    fn takes(&self, alert: &Alert) -> bool {
        (self.states.is_empty() || self.states.contains(&alert.state))
            && self.severity_at_least.is_none_or(|least| alert.severity >= least)
            && self.station.is_none_or(|station| alert.subject.station() == Some(station))
            && self.areas.as_ref().is_none_or(|areas| alert.subject.area().is_some_and(|area| areas.contains(area)))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Book {
    /// Hashed: every sample of a channel with an open alert comes by here.
    alerts: HashMap<AlertId, Arc<Alert>>,
    /// Closed alerts that were dropped because of their age or number.
    forgotten: u64,
    #[serde(skip)]
    by_change: BTreeSet<(Timestamp, AlertId)>,
    #[serde(skip)]
    closed: BTreeSet<(Timestamp, AlertId)>,
    /// What is about a channel, by start; two of one rule may have the same, one after the other.
    #[serde(skip)]
    of_channel: OfChannel,
    #[serde(skip)]
    /// By station; `None` for what is about a whole area.
    open_at: BTreeMap<Option<StationNo>, BTreeSet<AlertId>>,
}

/// Alerts by channel and start.
type OfChannel = BTreeMap<ChannelId, BTreeSet<(Timestamp, AlertId)>>;

fn place(of_channel: &mut OfChannel, alert: &Alert) {
    if let Some(channel) = alert.subject.channel() {
        of_channel.entry(channel).or_default().insert((alert.started_at, alert.id.clone()));
    }
}

/// How an alert stands from a moment on.
pub(super) struct Standing {
    pub state: AlertState,
    pub severity: Severity,
    pub threshold: Option<f64>,
    pub flapping: bool,
    pub occurrences: u32,
}

impl Book {
    pub(super) fn get(&self, id: &AlertId) -> Option<&Arc<Alert>> {
        self.alerts.get(id)
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Arc<Alert>> {
        self.open_at.values().flatten().filter_map(|id| self.alerts.get(id))
    }

    pub(super) fn open_of(&self, station: StationNo) -> impl Iterator<Item = &Arc<Alert>> {
        self.open_at.get(&Some(station)).into_iter().flatten().filter_map(|id| self.alerts.get(id))
    }

    /// Alerts that are open, or ended after an instant.
    pub(super) fn open_after(&self, at: Timestamp) -> impl Iterator<Item = &Arc<Alert>> {
        let after = (at + Duration::from_micros(1), AlertId("".into()));
        let ended = self.closed.range(after..).filter_map(|(_, id)| self.alerts.get(id));
        self.open().chain(ended)
    }

    /// The first end of a closed alert that is kept.
    pub(super) fn first_end(&self) -> Option<Timestamp> {
        self.closed.first().map(|(ended_at, _)| *ended_at)
    }

    pub(super) fn count(&self) -> (usize, usize) {
        (self.alerts.len() - self.closed.len(), self.closed.len())
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Newest change first.
    pub(super) fn all(&self, filter: &Filter) -> Vec<Arc<Alert>> {
        let keys: Box<dyn Iterator<Item = &(Timestamp, AlertId)>> = match &filter.after {
            Some(after) => Box::new(self.by_change.range(..after.clone()).rev()),
            None => Box::new(self.by_change.iter().rev()),
        };
        keys.take_while(|(changed_at, _)| filter.since.is_none_or(|since| *changed_at >= since))
            .filter_map(|(_, id)| self.alerts.get(id))
            .filter(|alert| filter.takes(alert))
            .take(filter.limit)
            .cloned()
            .collect()
    }

    /// Opens an alert with its first moment.
    pub(super) fn raise(&mut self, alert: Alert) -> Transition {
        let alert = Arc::new(alert);
        self.by_change.insert((alert.changed_at, alert.id.clone()));
        self.open_at.entry(alert.subject.station()).or_default().insert(alert.id.clone());
        place(&mut self.of_channel, &alert);
        self.alerts.insert(alert.id.clone(), Arc::clone(&alert));
        Transition { from: None, alert, seq: Seq::default() }
    }

    /// Every alert of a rule on a channel that is kept, in the order in which they began.
    pub(super) fn of_rule(&self, channel: ChannelId, rule: &str) -> impl Iterator<Item = &Arc<Alert>> {
        let ids = self.of_channel.get(&channel).into_iter().flatten().map(|(_, id)| id);
        ids.filter_map(|id| self.alerts.get(id)).filter(move |alert| alert.rule == rule)
    }

    /// Whether a rule had an alert on a channel at any instant from `from` to `at`, as far as it is remembered.
    pub(super) fn had_one(&self, channel: ChannelId, rule: &str, from: Timestamp, at: Timestamp) -> bool {
        let Some(of_channel) = self.of_channel.get(&channel) else { return false };
        let after = (at + Duration::from_micros(1), AlertId("".into()));
        let begun = of_channel.range(..after).rev().filter_map(|(_, id)| self.alerts.get(id));
        let mut begun = begun.filter(|alert| alert.rule == rule).peekable();
        let newest = begun.peek().map(|alert| alert.started_at);
        begun
            .take_while(|alert| Some(alert.started_at) == newest)
            .any(|alert| alert.ended_at.is_none_or(|ended_at| from <= ended_at))
    }

    /// Notes the newest value of an open alert, and how the alert stands when that differs from how it stood.
    pub(super) fn note(
        &mut self,
        id: &AlertId,
        value: Option<f64>,
        standing: &Standing,
        at: Timestamp,
        cause: Cause,
    ) -> Option<Transition> {
        let shared = self.alerts.get_mut(id)?;
        let stood = (shared.state, shared.severity, shared.flapping);
        let stands = stood == (standing.state, standing.severity, standing.flapping);
        let counted = (shared.threshold, shared.occurrences) == (standing.threshold, standing.occurrences);
        if stands && counted && (value.is_none() || value == shared.value) {
            return None;
        }
        let alert = Arc::make_mut(shared);
        if value.is_some() {
            alert.value = value;
        }
        alert.threshold = standing.threshold;
        alert.occurrences = standing.occurrences;
        if stands {
            return None;
        }
        let from = std::mem::replace(&mut alert.state, standing.state);
        alert.severity = standing.severity;
        alert.flapping = standing.flapping;
        let changed_before = alert.changed_at;
        alert.changed_at = at;
        alert.timeline.push(Moment { at, state: alert.state, severity: alert.severity, value, cause });
        if alert.timeline.len() > MOMENTS_MAX {
            alert.timeline.remove(1);
        }
        self.by_change.remove(&(changed_before, id.clone()));
        self.by_change.insert((at, id.clone()));
        if !alert.state.is_open() {
            alert.ended_at = Some(at);
            self.closed.insert((at, id.clone()));
            if let Some(open) = self.open_at.get_mut(&alert.subject.station()) {
                open.remove(id);
                if open.is_empty() {
                    self.open_at.remove(&alert.subject.station());
                }
            }
        }
        Some(Transition { from: Some(from), alert: Arc::clone(shared), seq: Seq::default() })
    }

    /// Gives an open alert its rule's present title and hazard.
    pub(super) fn retitle(&mut self, id: &AlertId, title: &LocalName, cause: &str) {
        if let Some(alert) = self.alerts.get_mut(id)
            && (alert.title != *title || alert.cause != cause)
        {
            let alert = Arc::make_mut(alert);
            alert.title = title.clone();
            cause.clone_into(&mut alert.cause);
        }
    }

    /// Writes down who closes an alert.
    pub(super) fn sign(&mut self, id: &AlertId, closing: Closing) {
        if let Some(alert) = self.alerts.get_mut(id) {
            Arc::make_mut(alert).closed = Some(closing);
        }
    }

    pub(super) fn set_quiet(&mut self, id: &AlertId, quiet: bool) {
        if let Some(alert) = self.alerts.get_mut(id)
            && alert.quiet != quiet
        {
            Arc::make_mut(alert).quiet = quiet;
        }
    }

    /// Drops closed alerts that ended more than `keep` before `now`, and the oldest beyond `count`.
    pub(super) fn forget(&mut self, keep: Duration, count: usize, now: Timestamp) {
        let horizon = now - keep;
        while let Some((ended_at, _)) = self.closed.first()
            && (*ended_at < horizon || self.closed.len() > count)
            && let Some((_, id)) = self.closed.pop_first()
        {
            if let Some(alert) = self.alerts.remove(&id) {
                if let Some(channel) = alert.subject.channel()
                    && let Some(of_channel) = self.of_channel.get_mut(&channel)
                {
                    of_channel.remove(&(alert.started_at, id.clone()));
                    if of_channel.is_empty() {
                        self.of_channel.remove(&channel);
                    }
                }
                self.by_change.remove(&(alert.changed_at, id));
                self.forgotten += 1;
            }
        }
    }

    /// Takes what a former snapshot had; [`Book::index`] makes the orders.
    pub(super) fn put_back(&mut self, alerts: HashMap<AlertId, Arc<Alert>>, forgotten: u64) {
        (self.alerts, self.forgotten) = (alerts, forgotten);
    }

    /// Rebuilds the orders after a restore.
    pub(super) fn index(&mut self) {
        self.by_change = self.alerts.values().map(|alert| (alert.changed_at, alert.id.clone())).collect();
        self.closed = self.alerts.values().filter_map(|alert| Some((alert.ended_at?, alert.id.clone()))).collect();
        self.of_channel = OfChannel::new();
        for alert in self.alerts.values() {
            place(&mut self.of_channel, alert);
        }
        self.open_at = BTreeMap::new();
        for alert in self.alerts.values().filter(|alert| alert.state.is_open()) {
            self.open_at.entry(alert.subject.station()).or_default().insert(alert.id.clone());
        }
    }
}
