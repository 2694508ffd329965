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

mod ledger;
pub mod snapshot;
pub mod unknown;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::alerts::{self, Alerts};
use crate::live::{Change, Feed, Live};
use crate::model::{
    Body, Catalogue, ChannelId, Entry, Message, RuleFile, Sample, Seq, StationNo, TimeClass, Timestamp, Transition,
};

pub use ledger::{Counts, Ledger};
pub use snapshot::SnapshotError;
pub use unknown::Unknown;

/// Everything that is derived from the journal, but the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Stations, channels, areas and sources in force.
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
    /// Devices that nobody registered; in a snapshot behind everything else, too.
    #[serde(skip)]
    pub unknown: Unknown,
    /// The last message of Saola's own that came the whole way in; behind everything else in a snapshot.
    #[serde(skip)]
    pub canary: Option<Canary>,
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
    /// The entry that changed everything (a new catalogue): readers start anew.
    pub resync_at: Option<Seq>,
}

impl Effects {
    /// Publishes the changes of the entries up to `through` and empties them; the transitions stay for their taker.
    pub fn publish(&mut self, feed: &Feed, through: Seq) {
        feed.publish(through, self.resync_at.take(), &mut self.changes);
    }

    /// Forgets everything: while a journal is replayed at the start, nobody is listening.
    pub fn clear(&mut self) {
        self.changes.clear();
        self.transitions.clear();
        self.resync_at = None;
    }

    fn station(&mut self, seq: Seq, station: StationNo) {
        let change = (seq, Change::Station(station));
        if self.changes.last() != Some(&change) {
            self.changes.push(change);
        }
    }

    /// Names the alerts, and the stations whose worst severity may have changed, of the transitions from `first` on.
    fn name_transitions(&mut self, seq: Seq, first: usize) {
        for transition in &self.transitions[first..] {
            self.changes.push((seq, Change::Alert(transition.alert.id.clone())));
            self.changes.push((seq, Change::Station(transition.alert.subject.station)));
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
            unknown: Unknown::default(),
            canary: None,
        }
    }

    /// The newest time ever taken of a channel, history brought in included: nothing later is in the store.
    pub fn newest(&self, channel: ChannelId) -> Option<Timestamp> {
        let shown = self.live.latest(channel).map(|latest| latest.observed_at);
        shown.max(self.imported_to.get(channel.index()).copied().flatten())
    }

    /// Takes an entry in; `effects` gains what it brought about.
    pub fn apply(&mut self, entry: &Entry, effects: &mut Effects) {
        if entry.seq <= self.applied {
            return;
        }
        self.applied = entry.seq;
        let first = effects.transitions.len();
        match &entry.body {
            Body::Message(message) => self.apply_message(entry, message, effects),
            Body::Tick => self.apply_tick(entry, effects),
            Body::Catalogue(catalogue) => self.apply_catalogue(entry, catalogue, effects),
            Body::Rules(files) => self.apply_rules(entry, files, effects),
            Body::Canary { sent_at } => self.canary = Some(Canary { sent_at: *sent_at, seq: entry.seq }),
            // What became of it is between the edge and the device: nothing here follows from it.
            Body::Command(_) => {}
        }
        effects.name_transitions(entry.seq, first);
    }

    fn apply_message(&mut self, entry: &Entry, message: &Message, effects: &mut Effects) {
        self.ledger.count(message);
        self.unknown.hear(entry, message);
        for sample in &message.samples {
            if sample.time_class == TimeClass::Imported {
                self.note_imported(sample);
                continue;
            }
            if let Some(station) = self.live.accept(sample, entry.received_at) {
                effects.station(entry.seq, station);
            }
            self.alerts.hear(&self.catalogue, sample, entry.received_at, &mut effects.transitions);
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
        let before = std::mem::replace(&mut self.ticked_at, entry.received_at);
        self.live.tick(&self.catalogue, before, entry.received_at, |station| effects.station(entry.seq, station));
        self.alerts.tick(&self.catalogue, before, entry.received_at, &mut effects.transitions);
    }

    fn apply_catalogue(&mut self, entry: &Entry, catalogue: &Catalogue, effects: &mut Effects) {
        if *self.catalogue == *catalogue {
            return;
        }
        let new = Arc::new(catalogue.clone());
        let old = std::mem::replace(&mut self.catalogue, new);
        self.live.adopt(&old, &self.catalogue);
        self.unknown.settle(&self.catalogue);
        self.alerts.adopt_catalogue(&old, &self.catalogue, entry.received_at, &mut effects.transitions);
        effects.resync_at = Some(entry.seq);
    }

    fn apply_rules(&mut self, entry: &Entry, files: &[RuleFile], effects: &mut Effects) {
        if let Err(mistakes) =
            self.alerts.adopt_rules(files, &self.catalogue, entry.received_at, &mut effects.transitions)
        {
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
