//! Events of the stream, written once for everybody who reads it.
//!
//! A hundred readers that look at the same moment are told the same of a station. What is written for the first of them is
//! kept for about a second, and each of the others adds its own number and copies the text.
//!
//! Invariants: what is kept was written when the state had applied [`Event::as_of`], so a reader may be told it for any
//! line of the feed up to that number: what has changed since has a line of its own. Nothing that depends on who asks is
//! kept. Bounded: two generations of [`GENERATION`] and [`GENERATION_BYTES`].

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

use crate::live::Change;
use crate::model::{AreaId, Position, Seq, StationKind};

/// How long events are gathered that are forgotten together: each is kept for once to twice as long.
const GENERATION: Duration = Duration::from_millis(500);

/// Text of one generation; with more it ends early.
const GENERATION_BYTES: usize = 8 << 20;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A station of this kind.
    Station(StationKind),
    /// An alert.
    Alert,
    /// An incident.
    Incident,
}

impl What {
    /// The event's name.
    pub fn word(self) -> &'static str {
        match self {
            What::Station(_) => "change",
            What::Alert => "alert",
            What::Incident => "incident",
        }
    }
}

/// What decides who is told of an event.
#[derive(Debug)]
pub struct About {
    /// What it is about.
    pub what: What,
    /// The area that its subject stands in.
    pub area: Option<AreaId>,
    /// Where its subject is.
    pub position: Option<Position>,
}

/// An event as it is told, without its number.
#[derive(Debug)]
pub struct Event {
    /// Who is told of it.
    pub about: About,
    /// The last entry of the journal that it includes.
    pub as_of: Seq,
    /// The document, as JSON.
    pub body: Vec<u8>,
}

impl Event {
    /// With a document of the state as of an entry; `None` when it has a key that is not a text, which none of ours has.
    pub fn written<T: Serialize>(about: About, as_of: Seq, document: &T) -> Option<Event> {
        Some(Event { about, as_of, body: serde_json::to_vec(document).ok()? })
    }
}

/// The events that were written last.
pub struct Told(Mutex<Generations>);

struct Generations {
    young: HashMap<Change, Arc<Event>>,
    old: HashMap<Change, Arc<Event>>,
    young_bytes: usize,
    began_at: Instant,
}

impl Told {
    /// Nothing yet.
    pub fn new() -> Told {
        let (young, old) = Default::default();
        Told(Mutex::new(Generations { young, old, young_bytes: 0, began_at: Instant::now() }))
    }

    /// For each line of the feed the event that was written of its subject since; `None` where none is kept.
    pub fn of(&self, lines: &[(Seq, Change)], now: Instant) -> Vec<Option<Arc<Event>>> {
        let mut kept = self.0.lock();
        kept.age(now);
        let of = |(seq, change): &(Seq, Change)| {
            let event = kept.young.get(change).or_else(|| kept.old.get(change))?;
            (event.as_of >= *seq).then(|| Arc::clone(event))
        };
        lines.iter().map(of).collect()
    }

    /// Keeps events with their subjects.
    pub fn keep(&self, events: Vec<(Change, Arc<Event>)>, now: Instant) {
        let mut kept = self.0.lock();
        kept.age(now);
        for (change, event) in events {
            if kept.young_bytes + event.body.len() > GENERATION_BYTES {
                kept.turn(now);
            }
            kept.young_bytes += event.body.len();
            kept.young.insert(change, event);
        }
    }
}

impl Generations {
    fn age(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.began_at);
        if age >= GENERATION {
            self.turn(now);
        }
        if age >= 2 * GENERATION {
            self.old.clear();
        }
    }

    fn turn(&mut self, now: Instant) {
        self.old = mem::take(&mut self.young);
        self.young_bytes = 0;
        self.began_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StationNo;

    fn station(no: u32) -> Change {
        Change::Station(StationNo(no))
    }

    fn event(as_of: u64, bytes: usize) -> Arc<Event> {
        let body = vec![b' '; bytes];
        let about = About { what: What::Alert, area: None, position: None };
        Arc::new(Event { about, as_of: Seq(as_of), body })
    }

    fn keeps(told: &Told, seq: u64, of: u32, now: Instant) -> bool {
        told.of(&[(Seq(seq), station(of))], now)[0].is_some()
    }

    #[test]
    fn an_event_is_told_for_the_lines_that_it_includes() {
        let (told, now) = (Told::new(), Instant::now());
        told.keep(vec![(station(1), event(7, 10))], now);
        assert!(keeps(&told, 6, 1, now) && keeps(&told, 7, 1, now));
        assert!(!keeps(&told, 8, 1, now), "it changed since");
        assert!(!keeps(&told, 7, 2, now));
        told.keep(vec![(station(1), event(8, 10))], now);
        assert!(keeps(&told, 8, 1, now));
    }

    #[test]
    fn events_are_forgotten_after_a_second_at_most() {
        let (told, now) = (Told::new(), Instant::now());
        told.keep(vec![(station(1), event(7, 10))], now);
        assert!(keeps(&told, 7, 1, now + GENERATION));
        assert!(!keeps(&told, 7, 1, now + 2 * GENERATION));
        // And when nobody asked in between.
        told.keep(vec![(station(2), event(7, 10))], now + 3 * GENERATION);
        assert!(!keeps(&told, 7, 2, now + 5 * GENERATION));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (told, now) = (Told::new(), Instant::now());
        told.keep((0..40).map(|no| (station(no), event(1, 1 << 20))).collect(), now);
        let kept = told.0.lock();
        assert_eq!((kept.young.len(), kept.old.len()), (8, 8));
        drop(kept);
        assert!(keeps(&told, 1, 39, now) && keeps(&told, 1, 24, now) && !keeps(&told, 1, 23, now));
    }
}
