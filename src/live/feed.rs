//! The numbered feed of what changed: readers keep a cursor and own no queue.
//!
//! A change names a station, an alert or an incident: "look again". So a station that changed ten times since a reader's cursor is
//! told to it once, with the number of the last time, and the feed keeps one line per subject: a new change of a
//! subject moves its line to the end. A reader falls out of the window only when more *different* subjects have
//! changed since its cursor than the feed holds, after a restart, or when the catalogue changed: then it is told to
//! resync, which is always correct.
//!
//! Invariants: lines are in ascending [`Seq`] (several may share one); every subject whose last change is after
//! `horizon` has exactly one line. Bounded: at most `capacity` lines and as many holes; when full, the oldest line is
//! dropped and the horizon moves up to it.
//!
//! Thread-safe on its own, so that readers never touch the lock of the state.

use std::collections::VecDeque;

use hashbrown::HashMap;
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::model::{AlertId, IncidentId, Seq, StationNo};

/// What to look at again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// A station's picture: a value, a freshness or its worst severity.
    Station(StationNo),
    /// An alert: its state or its severity.
    Alert(AlertId),
    /// An incident: its members, its state or its severity.
    Incident(IncidentId),
}

/// What a reader missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// Everything that changed after the cursor, oldest first, each subject once; empty when nothing did.
    Changes(Vec<(Seq, Change)>),
    /// The cursor is older than the feed: read everything anew, then go on from [`Feed::latest`].
    Resync,
}

/// The feed. Cheap to read; written by the one task that applies entries.
#[derive(Debug)]
pub struct Feed {
    lines: RwLock<Lines>,
    /// Wakes readers. A watch holds one value: a slow reader sees the newest number, never a queue.
    wake: watch::Sender<Seq>,
}

/// Lines for 65,536 different subjects: about 4 MiB.
pub const DEFAULT_CAPACITY: usize = 65_536;

impl Feed {
    /// A feed that begins after `applied`: a cursor from before a restart gets [`Since::Resync`].
    pub fn new(capacity: usize, applied: Seq) -> Feed {
        Feed { lines: RwLock::new(Lines::new(capacity.max(1), applied)), wake: watch::Sender::new(applied) }
    }

    /// What changed after `cursor`, the number of the last change that the reader has seen.
    pub fn since(&self, cursor: Seq) -> Since {
        self.lines.read().since(cursor)
    }

    /// The newest number published: where a new reader's cursor begins (taken *before* it reads the picture).
    pub fn latest(&self) -> Seq {
        self.lines.read().latest
    }

    /// Resolves (by `changed().await`) when there is something new.
    pub fn wake(&self) -> watch::Receiver<Seq> {
        self.wake.subscribe()
    }

    /// Publishes the changes of the entries up to `through`, in order, and empties `changes`. Readers see all of them
    /// or none. With `resync_at`, every cursor before that number gets [`Since::Resync`].
    pub fn publish(&self, through: Seq, resync_at: Option<Seq>, changes: &mut Vec<(Seq, Change)>) {
        let news = resync_at.is_some() || !changes.is_empty();
        let latest = {
            let mut lines = self.lines.write();
            if let Some(seq) = resync_at {
                lines.forget_through(seq);
            }
            for (seq, change) in changes.drain(..) {
                lines.push(seq, change);
            }
            lines.latest = lines.latest.max(through);
            lines.latest
        };
        if news {
            self.wake.send_replace(latest);
        }
    }
}

#[derive(Debug)]
struct Lines {
    capacity: usize,
    /// A hole is where a subject's line was before it moved to the end.
    slots: VecDeque<Option<(Seq, Change)>>,
    /// How many slots were ever taken off the front: place = number ever given - this.
    dropped: u64,
    /// Slots that are not holes.
    taken: usize,
    /// By station: 1 + the number of its slot; 0 for none. Numbers below `dropped` are gone.
    of_station: Vec<u64>,
    of_alert: HashMap<AlertId, u64>,
    of_incident: HashMap<IncidentId, u64>,
    /// A cursor before this has missed something that is not here any more.
    horizon: Seq,
    latest: Seq,
}

impl Lines {
    fn new(capacity: usize, applied: Seq) -> Lines {
        Lines {
            capacity,
            slots: VecDeque::new(),
            dropped: 0,
            taken: 0,
            of_station: Vec::new(),
            of_alert: HashMap::new(),
            of_incident: HashMap::new(),
            horizon: applied,
            latest: applied,
        }
    }

    fn since(&self, cursor: Seq) -> Since {
        if cursor < self.horizon {
            return Since::Resync;
        }
        let newer = self.slots.iter().rev().flatten().take_while(|(seq, _)| *seq > cursor);
        let mut changes: Vec<_> = newer.cloned().collect();
        changes.reverse();
        Since::Changes(changes)
    }

    fn forget_through(&mut self, seq: Seq) {
        let applied = seq.max(self.latest);
        *self = Lines { dropped: self.dropped, ..Lines::new(self.capacity, applied) };
    }

    fn push(&mut self, seq: Seq, change: Change) {
        if seq <= self.horizon {
            return; // Every reader that could ask for it has to resync anyway.
        }
        // Numbers only grow; should they not, the line stays visible at the newest number.
        let seq = seq.max(self.latest);
        self.latest = seq;
        let number = self.dropped + self.slots.len() as u64 + 1;
        let before = match &change {
            Change::Station(no) => {
                if self.of_station.len() <= no.index() {
                    self.of_station.resize(no.index() + 1, 0);
                }
                std::mem::replace(&mut self.of_station[no.index()], number)
            }
            Change::Alert(id) => self.of_alert.insert(id.clone(), number).unwrap_or(0),
            Change::Incident(id) => self.of_incident.insert(id.clone(), number).unwrap_or(0),
        };
        if before > self.dropped
            && let Ok(place) = usize::try_from(before - 1 - self.dropped)
            && self.slots.get_mut(place).and_then(Option::take).is_some()
        {
            self.taken -= 1;
        }
        self.slots.push_back(Some((seq, change)));
        self.taken += 1;
        self.make_room();
    }

    /// Drops the oldest lines beyond the capacity, the holes in front, and all holes when they are the half.
    fn make_room(&mut self) {
        while let Some(front) = self.slots.front()
            && (front.is_none() || self.taken > self.capacity)
        {
            let number = self.dropped + 1;
            self.dropped = number;
            if let Some(Some((seq, change))) = self.slots.pop_front() {
                self.taken -= 1;
                self.horizon = self.horizon.max(seq);
                match change {
                    Change::Alert(id) if self.of_alert.get(&id) == Some(&number) => {
                        self.of_alert.remove(&id);
                    }
                    Change::Incident(id) if self.of_incident.get(&id) == Some(&number) => {
                        self.of_incident.remove(&id);
                    }
                    Change::Station(_) | Change::Alert(_) | Change::Incident(_) => {}
                }
            }
        }
        if self.slots.len() > self.capacity.saturating_mul(2) {
            self.close_holes();
        }
    }

    fn close_holes(&mut self) {
        self.slots.retain(Option::is_some);
        for (place, (_, change)) in self.slots.iter().flatten().enumerate() {
            let number = self.dropped + place as u64 + 1;
            match change {
                Change::Station(no) => self.of_station[no.index()] = number,
                Change::Alert(id) => {
                    self.of_alert.insert(id.clone(), number);
                }
                Change::Incident(id) => {
                    self.of_incident.insert(id.clone(), number);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
