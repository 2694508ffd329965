//! Derived state: the live picture, the alerts and the ledger, as a function of the journal's entries.
//!
//! Invariants:
//! - [`State::apply`] is the only place where derived state changes; recovery makes the same call. So the state after
//!   entries 1..n is the same whether they came live, from the journal, or from a snapshot and the rest.
//! - An entry that was applied already (by its number) is ignored.
//! - Nothing here reads a clock: time comes with the entries.
//!
//! Left out on purpose: the store (it follows the journal by a checkpoint of its own) and any lock: one task applies,
//! and shares the state as it sees fit. Readers of changes use [`crate::live::Feed`].

mod devices;
mod folding;
mod ledger;
pub mod snapshot;
pub mod unknown;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::alerts::workflow::Scene;
use crate::alerts::{self, Alerts, Workflow, World};
use crate::incidents::{Incidents, Told};
use crate::live::{Change, Feed, Live};
use crate::model::{
    Alert, AlertId, Body, Catalogue, ChannelId, Corrections, DeviceReport, Entry, Escalation, Message, Outage,
    RuleFile, Sample, Seq, StationNo, TimeClass, Timestamp, Transition, Word,
};
use crate::quality::Judge;

use folding::retention_of_incidents;

pub use devices::{Devices, Missing};
pub use ledger::{Counts, Ledger};
pub use snapshot::SnapshotError;
pub use unknown::Unknown;

/// Everything that is derived from the journal, but the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Stations, channels, areas and sources in force; a station in a maintenance window is under maintenance here.
    pub catalogue: Arc<Catalogue>,
    /// The newest sample of every channel.
    pub live: Live,
    /// Rules and alerts.
    pub alerts: Alerts,
    /// What came in and what became of it.
    pub ledger: Ledger,
    /// The last entry applied.
    pub applied: Seq,
    /// The time of the last tick; [`Timestamp::EPOCH`] before the first.
    pub ticked_at: Timestamp,
    /// The newest time of history brought in, by channel number; may be shorter than the catalogue. A snapshot has
    /// it behind everything else, so that one made before it was there can be read.
    #[serde(skip)]
    imported_to: Vec<Option<Timestamp>>,
    /// The quality checks' memory and the maintenance windows; with the following behind the rest in a snapshot, too.
    #[serde(skip)]
    pub judge: Judge,
    /// What devices said of themselves.
    #[serde(skip)]
    pub devices: Devices,
    /// Who corrected what and why, by the entry's number: the newest [`AUTHORS_MAX`].
    #[serde(skip)]
    authors: BTreeMap<Seq, Author>,
    /// Stations that are under maintenance by a window and not by the registry.
    #[serde(skip)]
    maintained: BTreeSet<StationNo>,
    /// Devices that nobody registered; in a snapshot behind everything else, too.
    #[serde(skip)]
    pub unknown: Unknown,
    /// The last message of Saola's own that came the whole way in; behind everything else in a snapshot.
    #[serde(skip)]
    pub canary: Option<Canary>,
    /// What people said about alerts, and what follows from it; behind everything else in a snapshot.
    #[serde(skip)]
    pub workflow: Workflow,
    /// What belongs together of the alerts, and gateways that are dead; in a snapshot behind everything else, too.
    #[serde(skip)]
    pub incidents: Incidents,
}

/// Corrections whose authors are known here; the journal and the audit know the others.
const AUTHORS_MAX: usize = 10_000;

/// A person who corrected samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The account.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Saola's own message that came the whole way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Its entry.
    pub seq: Seq,
}

/// What applying entries brought about, gathered over as many entries as the caller likes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// Stations and alerts to look at again, with the entry's number; neighbours that say the same are one.
    pub changes: Vec<(Seq, Change)>,
    /// Changes of alerts, in order.
    pub transitions: Vec<Transition>,
    /// To whom alerts are taken, in order.
    pub escalations: Vec<Escalation>,
    /// What people said about alerts and was done, in order.
    pub said: Vec<Word>,
    /// Alerts that a transition or an escalation is about while a known heat source explains them, by the entry: nobody
    /// is to be told.
    pub masked: BTreeSet<(Seq, AlertId)>,
    /// Open alerts that a known heat source had explained, and does not any more, as they are after that entry: now
    /// they are everybody's business. The entry may have made a transition of them, too.
    pub unmasked: Vec<(Seq, Arc<Alert>)>,
    /// The entry that changed everything (a new catalogue): readers start anew.
    pub resync_at: Option<Seq>,
}

impl Effects {
    /// Publishes the changes of the entries up to `through` and empties them; the transitions stay for their taker.
    pub fn publish(&mut self, feed: &Feed, through: Seq) {
        feed.publish(through, self.resync_at.take(), &mut self.changes);
    }

    /// Whether somebody may have to be told of something, or the audit lacks something.
    pub fn concern_people(&self) -> bool {
        !self.transitions.is_empty()
            || !self.escalations.is_empty()
            || !self.said.is_empty()
            || !self.unmasked.is_empty()
    }

    /// Forgets what concerns people: they have been told.
    pub fn told(&mut self) {
        self.transitions.clear();
        self.escalations.clear();
        self.said.clear();
        self.masked.clear();
        self.unmasked.clear();
    }

    /// Forgets everything: while a journal is replayed at the start, nobody is listening.
    pub fn clear(&mut self) {
        self.changes.clear();
        self.told();
        self.resync_at = None;
    }

    fn station(&mut self, seq: Seq, station: StationNo) {
        let change = (seq, Change::Station(station));
        if self.changes.last() != Some(&change) {
            self.changes.push(change);
        }
    }

    /// Numbers the transitions from `first` on, and names their alerts and the stations whose worst severity may have
    /// changed.
    fn name_transitions(&mut self, seq: Seq, first: usize) {
        for transition in &mut self.transitions[first..] {
            transition.seq = seq;
            self.changes.push((seq, Change::Alert(transition.alert.id.clone())));
            if let Some(station) = transition.alert.subject.station() {
                self.changes.push((seq, Change::Station(station)));
            }
        }
    }
}

impl State {
    /// Before the first entry.
    pub fn new(retention: alerts::Retention) -> State {
        State {
            catalogue: Arc::new(Catalogue::default()),
            live: Live::default(),
            alerts: Alerts::new(retention),
            ledger: Ledger::default(),
            applied: Seq::default(),
            ticked_at: Timestamp::EPOCH,
            imported_to: Vec::new(),
            judge: Judge::default(),
            devices: Devices::default(),
            authors: BTreeMap::new(),
            maintained: BTreeSet::new(),
            unknown: Unknown::default(),
            canary: None,
            workflow: Workflow::default(),
            incidents: Incidents::new(retention_of_incidents(retention)),
        }
    }

    /// The newest time ever taken of a channel, history brought in included: nothing later is in the store.
    pub fn newest(&self, channel: ChannelId) -> Option<Timestamp> {
        let shown = self.live.latest(channel).map(|latest| latest.observed_at);
        shown.max(self.imported_to.get(channel.index()).copied().flatten())
    }

    /// The catalogue as it was journaled last, without the maintenance windows.
    pub fn declared(&self) -> Arc<Catalogue> {
        if self.maintained.is_empty() {
            return Arc::clone(&self.catalogue);
        }
        let is_declared = |no: StationNo| !self.maintained.contains(&no);
        Arc::new(self.catalogue.with_maintenance(|station| station.maintenance && is_declared(station.no)))
    }

    /// Whether the registry itself says that a station is under maintenance.
    pub fn is_maintained_by_registry(&self, station: StationNo) -> bool {
        let shown = self.catalogue.station(station).is_some_and(|station| station.maintenance);
        shown && !self.maintained.contains(&station)
    }

    /// Who made a correction; `None` for the checks, a device's own, and those of long ago.
    pub fn author_of(&self, correction: Seq) -> Option<&Author> {
        self.authors.get(&correction)
    }

    /// Takes an entry in; `effects` gains what it brought about.
    pub fn apply(&mut self, entry: &Entry, effects: &mut Effects) {
        if entry.seq <= self.applied {
            return;
        }
        self.applied = entry.seq;
        let (first, mut told) = ((effects.transitions.len(), effects.escalations.len()), Told::default());
        match &entry.body {
            Body::Message(message) => self.apply_message(entry, message, effects, &mut told),
            Body::Tick => self.apply_tick(entry, effects),
            Body::Catalogue(catalogue) => self.apply_catalogue(entry, catalogue, effects),
            Body::Rules(files) => self.apply_rules(entry, files, effects),
            Body::Policy(_) => {
                self.judge_applies(entry);
                self.live.adopt_policy(&self.catalogue, self.judge.policy());
            }
            Body::Devices(report) => self.apply_devices(entry, report, effects),
            Body::Outage(outage) => self.apply_outage(entry, outage),
            Body::Maintenance(_) => {
                self.judge_applies(entry);
                self.follow_windows(entry, effects);
            }
            Body::Corrections(corrections) => self.apply_corrections(entry, corrections, effects),
            Body::Canary { sent_at } => self.canary = Some(Canary { sent_at: *sent_at, seq: entry.seq }),
            // What became of it is between the edge and the device: nothing here follows from it.
            Body::Command(_) | Body::Grouping(_) => {}
            // The workflow's, which follows.
            Body::Alert(_) | Body::Escalation(_) | Body::DeliveryFailed(_) => {}
        }
        self.follow_workflow(entry, effects, first.0);
        self.apply_to_incidents(entry, &effects.transitions[first.0..], &mut told);
        effects.name_transitions(entry.seq, first.0);
        self.follow_masks(entry, effects, first, told);
    }

    /// What people say about alerts, and what becomes of alerts that nobody looks after.
    fn follow_workflow(&mut self, entry: &Entry, effects: &mut Effects, first: usize) {
        let mut changed = Vec::new();
        self.workflow.follow(&mut Scene {
            entry,
            world: World { catalogue: &self.catalogue, listening: self.live.listening() },
            alerts: &mut self.alerts,
            transitions: &mut effects.transitions,
            first,
            escalations: &mut effects.escalations,
            changed: &mut changed,
        });
        effects.changes.extend(changed.into_iter().map(|alert| (entry.seq, Change::Alert(alert))));
        if let Body::Alert(command) = &entry.body
            && self.workflow.has_done(entry.seq)
        {
            effects.said.push(Word { seq: entry.seq, at: entry.received_at, command: command.clone() });
        }
    }

    /// Puts rules into force that were checked already, for a trial: the state of a journal gets them as an entry.
    pub(crate) fn try_rules(&mut self, rules: alerts::Rules, now: Timestamp, effects: &mut Effects) {
        let world = World { catalogue: &self.catalogue, listening: self.live.listening() };
        self.alerts.adopt_checked(rules, world, now, &mut effects.transitions);
    }

    fn apply_message(&mut self, entry: &Entry, message: &Message, effects: &mut Effects, told: &mut Told) {
        self.ledger.count(message);
        self.judge_applies(entry);
        let is_imported = |sample: &Sample| sample.time_class == TimeClass::Imported;
        // Readings of which nothing is known but that they were brought in are no word of their source.
        let is_history = message.received > 0
            && message.duplicates == 0
            && message.rejections.is_empty()
            && message.samples.iter().all(is_imported);
        if message.again.is_none() && !is_history {
            self.incidents.hear_source(message.source, entry.received_at);
        }
        self.unknown.hear(entry, message);
        for sample in &message.samples {
            if sample.time_class == TimeClass::Imported {
                self.note_imported(sample);
                continue;
            }
            if let Some(station) = self.live.accept(sample, entry.received_at, message.source) {
                effects.station(entry.seq, station);
            }
            let is_word = sample.time_class == TimeClass::Live && !self.catalogue.is_derived(sample.channel);
            if let Some(channel) = self.catalogue.channel(sample.channel).filter(|_| is_word) {
                self.incidents.hear(channel.station, message.source, entry.received_at, told);
            }
            let world = World { catalogue: &self.catalogue, listening: self.live.listening() };
            self.alerts.hear(world, sample, entry.received_at, &mut effects.transitions);
        }
    }

    /// History brought in reaches neither the live picture nor the alerts.
    fn note_imported(&mut self, sample: &Sample) {
        let index = sample.channel.index();
        if index >= self.catalogue.channels().len() {
            return;
        }
        if index >= self.imported_to.len() {
            self.imported_to.resize(index + 1, None);
        }
        self.imported_to[index] = self.imported_to[index].max(Some(sample.observed_at));
    }

    fn apply_tick(&mut self, entry: &Entry, effects: &mut Effects) {
        self.judge_applies(entry);
        self.follow_windows(entry, effects);
        let before = std::mem::replace(&mut self.ticked_at, entry.received_at);
        self.live.tick(&self.catalogue, before, entry.received_at, |station| effects.station(entry.seq, station));
        let world = World { catalogue: &self.catalogue, listening: self.live.listening() };
        self.alerts.tick(world, before, entry.received_at, &mut effects.transitions);
    }

    fn apply_catalogue(&mut self, entry: &Entry, declared: &Catalogue, effects: &mut Effects) {
        if *self.declared() == *declared {
            return;
        }
        self.judge.apply(entry.seq, entry.received_at, &entry.body, (&self.catalogue, declared));
        let mut maintained = self.judge.maintenance.stations_at(entry.received_at);
        maintained.retain(|no| declared.station(*no).is_some_and(|station| !station.maintenance));
        let new = declared.with_maintenance(|station| station.maintenance || maintained.contains(&station.no));
        self.maintained = maintained;
        self.adopt(new, entry.received_at, effects);
        self.unknown.settle(&self.catalogue);
        effects.resync_at = Some(entry.seq);
    }

    fn adopt(&mut self, new: Catalogue, now: Timestamp, effects: &mut Effects) {
        let old = std::mem::replace(&mut self.catalogue, Arc::new(new));
        self.live.adopt(&old, &self.catalogue, self.judge.policy());
        let world = World { catalogue: &self.catalogue, listening: self.live.listening() };
        self.alerts.adopt_catalogue(&old, world, now, &mut effects.transitions);
        self.incidents.adopt_catalogue(&self.catalogue);
    }

    /// Maintenance windows begin and end with ticks and commands: then their stations are, or are no longer, under
    /// maintenance as if the registry had said so.
    fn follow_windows(&mut self, entry: &Entry, effects: &mut Effects) {
        if self.judge.maintenance.count() == 0 && self.maintained.is_empty() {
            return;
        }
        let mut wanted = self.judge.maintenance.stations_at(entry.received_at);
        wanted.retain(|no| self.catalogue.station(*no).is_some() && !self.is_maintained_by_registry(*no));
        if wanted == self.maintained {
            return;
        }
        let declared = self.declared();
        let before = std::mem::replace(&mut self.maintained, wanted);
        let new = declared.with_maintenance(|station| station.maintenance || self.maintained.contains(&station.no));
        self.adopt(new, entry.received_at, effects);
        for station in before.symmetric_difference(&self.maintained) {
            effects.station(entry.seq, *station);
        }
    }

    fn judge_applies(&mut self, entry: &Entry) {
        self.judge.apply(entry.seq, entry.received_at, &entry.body, (&self.catalogue, &self.catalogue));
    }

    fn apply_devices(&mut self, entry: &Entry, report: &DeviceReport, effects: &mut Effects) {
        self.devices.count(report, entry.received_at);
        let changed = |station| effects.station(entry.seq, station);
        self.live.note_devices(&self.catalogue, report, entry.received_at, changed);
    }

    fn apply_outage(&mut self, entry: &Entry, outage: &Outage) {
        self.live.pause(outage);
        if outage.to.is_some() {
            let world = World { catalogue: &self.catalogue, listening: self.live.listening() };
            self.alerts.listen_for_absences(world, entry.received_at);
        }
    }

    /// Corrected samples change the picture and what the alerts' next verdicts are made of: what is past dispatches
    /// nobody.
    fn apply_corrections(&mut self, entry: &Entry, corrections: &Corrections, effects: &mut Effects) {
        self.judge_applies(entry);
        if !corrections.is_automatic() {
            let author = Author { name: corrections.author.clone(), reason: corrections.reason.clone() };
            self.authors.insert(entry.seq, author);
            if self.authors.len() > AUTHORS_MAX {
                self.authors.pop_first();
            }
        }
        for station in corrections.samples.iter().filter_map(|sample| self.live.correct(sample)) {
            effects.station(entry.seq, station);
        }
        let world = World { catalogue: &self.catalogue, listening: self.live.listening() };
        for sample in &corrections.samples {
            self.alerts.correct(world, sample, entry.received_at);
        }
    }

    fn apply_rules(&mut self, entry: &Entry, files: &[RuleFile], effects: &mut Effects) {
        let world = World { catalogue: &self.catalogue, listening: self.live.listening() };
        if let Err(mistakes) = self.alerts.adopt_rules(files, world, entry.received_at, &mut effects.transitions) {
            tracing::warn!(
                journal.seq = entry.seq.0,
                mistakes = mistakes.len(),
                first = mistakes.first().map(ToString::to_string),
                "The journaled alert rules are not valid; the rules before them stay in force."
            );
        }
    }
}

#[cfg(test)]
mod tests;
