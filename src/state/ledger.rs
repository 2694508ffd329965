//! What came in by each source and what became of it, counted from journal entries and nothing else.
//!
//! Invariant: `received` = `taken` + `duplicate` + `rejected`, because every entry says so of itself. `stored` is the
//! store's own count; the two meet when the store has caught up.
//!
//! A message that is handed in again is received again: its readings count once more in `received` and in what becomes
//! of them now, while its first refusal stays counted. `replayed` says how many of `received` came that way, so
//! `received - replayed` is what senders sent.

use serde::{Deserialize, Serialize};

use crate::model::{Message, Reason, SourceId};

/// Counts per source, by source number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    sources: Vec<Counts>,
    /// Readings that were handed in again, by source number; may be shorter. A snapshot has it behind the state, so
    /// that one made before it was there can be read.
    #[serde(skip)]
    replayed: Vec<u64>,
}

/// What became of one source's readings, since the journal began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages.
    pub messages: u64,
    /// Readings found in them; a message that could not be decoded counts as one.
    pub received: u64,
    /// Readings already stored with the same time and value.
    pub duplicate: u64,
    /// Readings handed on to the live picture, the alerts and the store.
    pub taken: u64,
    /// By the place of the reason in [`Reason::ALL`], up to the last one that came.
    by_reason: Vec<u64>,
}

impl Counts {
    /// Readings refused.
    pub fn rejected(&self) -> u64 {
        self.by_reason.iter().sum()
    }

    /// Readings refused, by reason; reasons that never came are left out.
    pub fn rejected_by_reason(&self) -> impl Iterator<Item = (Reason, u64)> {
        let counted = Reason::ALL.iter().copied().zip(self.by_reason.iter().copied());
        counted.filter(|(_, count)| *count > 0)
    }

    /// Whether the books of this source balance.
    pub fn balances(&self) -> bool {
        self.received == self.taken + self.duplicate + self.rejected()
    }
}

impl Ledger {
    /// A source's counts; `None` when nothing ever came by it.
    pub fn source(&self, source: SourceId) -> Option<&Counts> {
        self.sources.get(source.index()).filter(|counts| counts.messages > 0)
    }

    /// Every source by which anything came, by number.
    pub fn sources(&self) -> impl Iterator<Item = (SourceId, &Counts)> {
        let numbered = self.sources.iter().zip(0..=u16::MAX).map(|(counts, number)| (SourceId(number), counts));
        numbered.filter(|(_, counts)| counts.messages > 0)
    }

    /// Readings of a source that were handed in again from the dead letters; part of `received`.
    pub fn replayed_of(&self, source: SourceId) -> u64 {
        self.replayed.get(source.index()).copied().unwrap_or(0)
    }

    pub(super) fn replayed(&self) -> &[u64] {
        &self.replayed
    }

    /// Snapshots of earlier versions count reasons that never came, as far as there were any then.
    pub(super) fn trim(&mut self) {
        for counts in &mut self.sources {
            let came = counts.by_reason.iter().rposition(|count| *count > 0).map_or(0, |place| place + 1);
            counts.by_reason.truncate(came);
        }
    }

    pub(super) fn set_replayed(&mut self, replayed: Vec<u64>) {
        self.replayed = replayed;
    }

    pub(super) fn count(&mut self, message: &Message) {
        let index = message.source.index();
        if message.again.is_some() {
            if self.replayed.len() <= index {
                self.replayed.resize(index + 1, 0);
            }
            self.replayed[index] += u64::from(message.received);
        }
        if self.sources.len() <= index {
            self.sources.resize_with(index + 1, Counts::default);
        }
        let counts = &mut self.sources[index];
        counts.messages += 1;
        counts.received += u64::from(message.received);
        counts.duplicate += u64::from(message.duplicates);
        counts.taken += message.samples.len() as u64;
        for rejection in &message.rejections {
            let place = rejection.reason as usize;
            if counts.by_reason.len() <= place {
                counts.by_reason.resize(place + 1, 0);
            }
            counts.by_reason[place] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Rejection;

    #[test]
    fn counts_every_reading_once_and_balances() {
        let mut ledger = Ledger::default();
        let rejection = |reason| Rejection { reason, detail: String::new() };
        let message = Message {
            source: SourceId(2),
            received: 4,
            duplicates: 1,
            samples: Vec::new(),
            rejections: vec![
                rejection(Reason::Implausible),
                rejection(Reason::Implausible),
                rejection(Reason::RetainedWithoutTime),
            ],
            raw: None,
            unknown: Vec::new(),
            again: None,
        };
        ledger.count(&message);
        ledger.count(&message);
        assert_eq!(ledger.source(SourceId(0)), None);
        let counts = ledger.source(SourceId(2)).unwrap();
        assert_eq!((counts.messages, counts.received, counts.duplicate, counts.rejected()), (2, 8, 2, 6));
        assert!(counts.balances());
        let by_reason: Vec<_> = counts.rejected_by_reason().collect();
        assert_eq!(by_reason, [(Reason::Implausible, 4), (Reason::RetainedWithoutTime, 2)]);
        assert_eq!(ledger.sources().count(), 1);
    }
}
