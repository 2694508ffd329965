//! What became of the newest words: so that a repeat of a request is answered as the first one was, and applied once.
//!
//! It follows from the journal, so a restart does not lose it. Bound: the newest [`MEMORY_MAX`]; a repeat of an older
//! one is a new word.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::model::{AlertCommand, CommandKey, Seq, Timestamp};

/// Words whose outcome is remembered.
pub const MEMORY_MAX: usize = 10_000;

/// What became of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It was done; the alert's version after it.
    Done(u64),
    /// It was not; nothing changed.
    Refused(Refusal),
}

/// Why a word was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// There is no such alert any more.
    Gone,
    /// The alert has another version than the word was meant for.
    Stale,
    /// The alert is over.
    Over,
    /// Its condition holds: it can be closed only as of no matter.
    Holds,
    /// Nobody has acknowledged it.
    NotAcknowledged,
    /// It is not shelved.
    NotShelved,
    /// Too much is shelved already.
    TooManyShelved,
    /// The key stood for another request before.
    KeyReused,
}

/// A word and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Its entry; of a repeat, that of the first.
    pub seq: Seq,
    /// When that was received.
    pub at: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
    /// Whose word it was, and under which key; `None` without a key, and for repeats.
    key: Option<(String, CommandKey)>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    known: BTreeMap<Seq, Remembered>,
    #[serde(skip)]
    by_key: HashMap<(String, String), Seq>,
}

impl Memory {
    /// What became of the word of this entry.
    pub(super) fn of(&self, seq: Seq) -> Option<&Remembered> {
        self.known.get(&seq)
    }

    /// What became of an author's word under this key, and whether it was the same request.
    pub(super) fn find(&self, author: &str, key: &CommandKey) -> Option<(&Remembered, bool)> {
        let seq = self.by_key.get(&(author.to_owned(), key.text.clone()))?;
        let found = self.known.get(seq)?;
        let is_same = found.key.as_ref().is_some_and(|(_, known)| known.request == key.request);
        Some((found, is_same))
    }

    pub(super) fn note(&mut self, seq: Seq, at: Timestamp, command: &AlertCommand, outcome: Outcome) {
        let key = command.key.clone().map(|key| (command.author.clone(), key));
        if let Some((author, key)) = &key {
            self.by_key.insert((author.clone(), key.text.clone()), seq);
        }
        self.put(seq, Remembered { seq, at, outcome, key });
    }

    /// The same word again, or (refused) another one under the same key.
    pub(super) fn note_repeat(&mut self, seq: Seq, of: Remembered) {
        self.put(seq, Remembered { key: None, ..of });
    }

    pub(super) fn note_reuse(&mut self, seq: Seq, at: Timestamp) {
        self.put(seq, Remembered { seq, at, outcome: Outcome::Refused(Refusal::KeyReused), key: None });
    }

    fn put(&mut self, seq: Seq, remembered: Remembered) {
        self.known.insert(seq, remembered);
        if self.known.len() > MEMORY_MAX
            && let Some((oldest, Remembered { key: Some((author, key)), .. })) = self.known.pop_first()
        {
            let name = (author, key.text);
            if self.by_key.get(&name) == Some(&oldest) {
                self.by_key.remove(&name);
            }
        }
    }

    /// Rebuilds what a snapshot leaves out.
    pub(super) fn link(&mut self) {
        let named = |(seq, remembered): (&Seq, &Remembered)| {
            let (author, key) = remembered.key.as_ref()?;
            Some(((author.clone(), key.text.clone()), *seq))
        };
        self.by_key = self.known.iter().filter_map(named).collect();
    }
}
