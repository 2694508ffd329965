//! What became of the newest words: so that whoever said one is answered, and a repeat of a request is answered as the
//! first one was, and applied once.
//!
//! It follows from the journal, so a restart does not lose it. Only what was done is remembered under its key: what was
//! refused changed nothing, and may be tried again under the same key. Bounds: the newest [`OUTCOMES_MAX`] words by
//! their entry; the newest [`KEYS_MAX`] keys of each author, for [`KEYS_KEPT`]. A repeat of what is forgotten is a new
//! word.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{AlertCommand, CommandKey, Seq, Timestamp};

/// Words whose outcome is known by their entry.
pub const OUTCOMES_MAX: usize = 10_000;
/// Keys remembered of each author.
pub const KEYS_MAX: usize = 1_000;
/// How long a key is remembered, by the time of entries.
const KEYS_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// What became of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It was done; the alert's version after it.
    Done(u64),
    /// It was so already, and nothing changed; the alert's version.
    Already(u64),
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
    /// Its author has not acknowledged it.
    NotAcknowledged,
    /// It is not shelved.
    NotShelved,
    /// Too much is shelved already.
    TooManyShelved,
    /// The key stood for another request before.
    KeyReused,
}

/// A word and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Its entry; of a repeat, that of the first.
    pub seq: Seq,
    /// When that was received.
    pub at: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// By entry, the oldest first.
    outcomes: VecDeque<(Seq, Remembered)>,
    /// By author, the oldest first.
    keys: BTreeMap<String, VecDeque<(CommandKey, Remembered)>>,
}

impl Memory {
    /// What became of the word of this entry.
    pub(super) fn of(&self, seq: Seq) -> Option<&Remembered> {
        let place = self.outcomes.binary_search_by_key(&seq, |(seq, _)| *seq).ok()?;
        self.outcomes.get(place).map(|(_, remembered)| remembered)
    }

    /// What became of an author's word under this key, and whether it was the same request.
    pub(super) fn find(&self, author: &str, key: &CommandKey) -> Option<(&Remembered, bool)> {
        let (known, remembered) = self.keys.get(author)?.iter().rev().find(|(known, _)| known.text == key.text)?;
        Some((remembered, known.request == key.request))
    }

    pub(super) fn note(&mut self, seq: Seq, at: Timestamp, command: &AlertCommand, outcome: Outcome) {
        let remembered = Remembered { seq, at, outcome };
        self.put(seq, remembered);
        let Some(key) = command.key.clone().filter(|_| !matches!(outcome, Outcome::Refused(_))) else { return };
        let is_old = |(_, known): &(CommandKey, Remembered)| at.since(known.at) > KEYS_KEPT;
        self.keys.retain(|_, keys| !keys.back().is_some_and(is_old));
        let keys = self.keys.entry(command.author.clone()).or_default();
        keys.push_back((key, remembered));
        while keys.len() > KEYS_MAX || keys.front().is_some_and(is_old) {
            keys.pop_front();
        }
    }

    /// The same word again.
    pub(super) fn note_repeat(&mut self, seq: Seq, of: Remembered) {
        self.put(seq, of);
    }

    /// Another word under a key that was heard before.
    pub(super) fn note_reuse(&mut self, seq: Seq, at: Timestamp) {
        self.put(seq, Remembered { seq, at, outcome: Outcome::Refused(Refusal::KeyReused) });
    }

    fn put(&mut self, seq: Seq, remembered: Remembered) {
        self.outcomes.push_back((seq, remembered));
        if self.outcomes.len() > OUTCOMES_MAX {
            self.outcomes.pop_front();
        }
    }
}
