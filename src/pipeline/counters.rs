//! What the pipeline counts, with the labels of closed lists.

use metrics::{Counter, counter};

use crate::decode::Event;
use crate::model::{Message, Quality, Reason, Sample};

pub(super) struct Counters {
    taken: Counter,
    duplicate: Counter,
    rejected: Vec<Counter>,
    /// By the place of the flag in [`Quality::WORDS`].
    flagged: Vec<Counter>,
    /// By [`event_place`].
    events: [Counter; EVENTS.len()],
    missed: Counter,
    /// Birth certificates that nobody was asked for: the queue was full, or the way in has no way back.
    unasked: Counter,
    /// Canaries of a former process or of another Saola, dropped.
    foreign_canaries: Counter,
}

/// What devices say of themselves, as labels.
const EVENTS: [&str; 5] = ["joined", "silent", "rebirth", "gap", "repeated"];

fn event_place(event: &Event<'_>) -> usize {
    match event {
        Event::Joined { .. } => 0,
        Event::Silent { .. } => 1,
        Event::Rebirth { .. } => 2,
        Event::Gap { .. } => 3,
        Event::Repeated { .. } => 4,
    }
}

impl Counters {
    pub(super) fn new() -> Self {
        let flagged = |(_, flag): (Quality, &'static str)| counter!("samples_flagged_total", "flag" => flag);
        Self {
            taken: counter!("readings_taken_total"),
            duplicate: counter!("readings_duplicate_total"),
            rejected: Reason::ALL
                .iter()
                .map(|reason| counter!("readings_rejected_total", "reason" => reason.word()))
                .collect(),
            flagged: Quality::WORDS.into_iter().map(flagged).collect(),
            events: EVENTS.map(|event| counter!("source_events_total", "event" => event)),
            missed: counter!("device_messages_missing_total"),
            unasked: counter!("births_unasked_total"),
            foreign_canaries: counter!("canaries_foreign_total"),
        }
    }

    pub(super) fn foreign_canary(&self) {
        self.foreign_canaries.increment(1);
    }

    pub(super) fn message(&self, message: &Message) {
        self.taken.increment(message.samples.len() as u64);
        self.duplicate.increment(message.duplicates.into());
        for rejection in &message.rejections {
            self.rejected[rejection.reason as usize].increment(1);
        }
        message.samples.iter().for_each(|sample| self.flags(sample));
    }

    fn flags(&self, sample: &Sample) {
        if sample.quality == Quality::GOOD {
            return;
        }
        let flags = Quality::WORDS.iter().zip(&self.flagged);
        flags.filter(|((flag, _), _)| sample.quality.has(*flag)).for_each(|(_, counter)| counter.increment(1));
    }

    pub(super) fn event(&self, event: &Event<'_>) {
        self.events[event_place(event)].increment(1);
        if let Event::Gap { missed, .. } = event {
            self.missed.increment(*missed);
        }
    }

    pub(super) fn unasked(&self) {
        self.unasked.increment(1);
    }
}
