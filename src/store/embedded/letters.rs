//! Dead letters: messages of which something was refused, whole, with the reasons.
//!
//! Kept by the number of their journal entry, sealed. One that is handed in again is removed: what becomes of it now is
//! stored, or a dead letter of another number that keeps the time of its first arrival. The bytes are capped: at each
//! flush the oldest are dropped until the rest fit, and the drops are counted in the same batch.

use std::sync::Arc;

use fjall::Readable;
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use crate::model::{Message, Reason, Rejection, Seq, SourceId, Timestamp};

use super::bookmark::Bookmark;
use super::flush::Bounds;
use super::head::Head;
use super::tables::{Tables, first_readable};
use super::{StoreError, key, sealed};

/// A page holds at most this many bytes of letters (and at least one letter).
const PAGE_BYTES: usize = 8 << 20;
/// A page looks at most at this many letters: a rare filter costs several pages, never one long silence.
const PAGE_SCAN: usize = 10_000;
const KEY_BYTES: usize = 8;

/// A message of which something was refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DeadLetter {
    /// The number of its journal entry.
    pub id: Seq,
    /// When the message was first received.
    pub received_at: Timestamp,
    /// The way in.
    pub source: SourceId,
    /// MQTT topic, or the file's or hook's name.
    pub topic: String,
    /// The bytes as they arrived.
    pub payload: Vec<u8>,
    /// What was refused and why; never empty.
    pub rejections: Vec<Rejection>,
}

/// The same fields in the same order, borrowed.
#[derive(Serialize)]
struct Letter<'a> {
    id: Seq,
    received_at: Timestamp,
    source: SourceId,
    topic: &'a str,
    payload: &'a [u8],
    rejections: &'a [Rejection],
}

/// Which dead letters are wanted; `None` wants all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Only from this way in.
    pub source: Option<SourceId>,
    /// Only with something refused for this reason.
    pub reason: Option<Reason>,
    /// Only first received at this instant or later.
    pub since: Option<Timestamp>,
}

impl DeadLetterFilter {
    fn takes(&self, letter: &DeadLetter) -> bool {
        self.source.is_none_or(|source| source == letter.source)
            && self.since.is_none_or(|since| letter.received_at >= since)
            && self.reason.is_none_or(|reason| letter.rejections.iter().any(|refused| refused.reason == reason))
    }
}

/// Some dead letters, newest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DeadLetterPage {
    /// May be fewer than asked for, even none, while `before` is set.
    pub letters: Vec<DeadLetter>,
    /// Letters on the way that cannot be read; where the engine fails, the newest of several neighbours.
    pub damaged: Vec<Seq>,
    /// Where the next page begins; `None` after the last.
    pub before: Option<Seq>,
}

/// Counts of dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterTotals {
    /// Kept.
    pub count: u64,
    /// Bytes kept, as stored before compression.
    pub bytes: u64,
    /// Dropped since the store began, because of the cap.
    pub dropped: u64,
}

impl DeadLetterTotals {
    pub(super) fn add(&mut self, letter: &[u8]) {
        self.count += 1;
        self.bytes += (KEY_BYTES + letter.len()) as u64;
    }

    pub(super) fn take_away(&mut self, letter: &[u8]) {
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub((KEY_BYTES + letter.len()) as u64);
    }

    fn drop_one(&mut self, letter: &[u8]) {
        self.take_away(letter);
        self.dropped += 1;
    }
}

pub(super) fn seal(id: Seq, received_at: Timestamp, message: &Message) -> Vec<u8> {
    let (topic, payload) = message.raw.as_ref().map_or(("", &[][..]), |raw| (&raw.topic, &raw.payload));
    let (source, rejections) = (message.source, &message.rejections[..]);
    sealed::seal(&id.0.to_be_bytes(), &Letter { id, received_at, source, topic, payload, rejections })
}

pub(super) fn unseal(id: Seq, bytes: &[u8]) -> Result<DeadLetter, StoreError> {
    sealed::unseal(&id.0.to_be_bytes(), bytes).map_err(|damage| StoreError::DamagedLetter { id, damage })
}

fn id_of(key: &[u8]) -> Option<Seq> {
    key.get(1..)?.try_into().ok().map(|bytes| Seq(u64::from_be_bytes(bytes)))
}

/// Adds the head's letters to the batch and drops the oldest beyond the cap.
pub(super) fn put(
    tables: &Tables,
    snapshot: &fjall::Snapshot,
    head: &Head,
    bounds: &Bounds,
    bookmark: &mut Bookmark,
    batch: &mut fjall::OwnedWriteBatch,
) {
    let dropped_before = bookmark.letters.dropped;
    let gone = take_away(tables, snapshot, head, bookmark, batch);
    let mut kept = head.letters();
    for (_, letter) in kept {
        bookmark.letters.add(letter);
    }
    if bookmark.letters.bytes > bounds.letters_bytes {
        let all_gone = drop_written(tables, snapshot, bounds, &gone, bookmark, batch);
        while let Some(((id, letter), rest)) = kept.split_first().filter(|_| all_gone) {
            if bookmark.letters.bytes <= bounds.letters_bytes {
                break;
            }
            bookmark.letters.drop_one(letter);
            bookmark.letters_from = id.next();
            kept = rest;
        }
    }
    for (id, letter) in kept {
        batch.insert(&tables.history, key::letter(*id), &letter[..]);
    }
    let dropped = bookmark.letters.dropped - dropped_before;
    if dropped > 0 {
        metrics::counter!("store_dead_letters_dropped_total").increment(dropped);
        tracing::warn!(
            dropped.count = dropped,
            cap.bytes = bounds.letters_bytes,
            "dead letters were dropped: over their cap"
        );
    }
}

/// Removes the written letters that the head says are no more; gives their numbers.
fn take_away(
    tables: &Tables,
    snapshot: &fjall::Snapshot,
    head: &Head,
    bookmark: &mut Bookmark,
    batch: &mut fjall::OwnedWriteBatch,
) -> HashSet<Seq> {
    let mut taken = HashSet::new();
    for id in head.gone() {
        match snapshot.get(&tables.history, key::letter(*id)) {
            Ok(Some(letter)) if taken.insert(*id) => {
                bookmark.letters.take_away(&letter);
                batch.remove(&tables.history, key::letter(*id));
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%id, %error, "a dead letter that was handed in again cannot be removed"),
        }
    }
    taken
}

/// Drops the oldest written letters until the rest fit; those in `gone` are removed already. Returns whether none is
/// left.
fn drop_written(
    tables: &Tables,
    snapshot: &fjall::Snapshot,
    bounds: &Bounds,
    gone: &HashSet<Seq>,
    bookmark: &mut Bookmark,
    batch: &mut fjall::OwnedWriteBatch,
) -> bool {
    let written = key::letter(bookmark.letters_from)..=key::letter(Seq(u64::MAX));
    for (place, guard) in snapshot.range(&tables.history, written).enumerate() {
        if bookmark.letters.bytes <= bounds.letters_bytes || place == bounds.letters_dropped {
            return false;
        }
        let (key, letter) = match guard.into_inner() {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "old dead letters cannot be read, so none is dropped");
                return false;
            }
        };
        bookmark.letters_from = id_of(&key).map_or(bookmark.letters_from, Seq::next);
        if id_of(&key).is_none_or(|id| !gone.contains(&id)) {
            bookmark.letters.drop_one(&letter);
            batch.remove(&tables.history, key);
        }
    }
    true
}

/// A letter on disk.
pub(super) fn find(tables: &Tables, snapshot: &fjall::Snapshot, id: Seq) -> Result<Option<DeadLetter>, StoreError> {
    let found = snapshot.get(&tables.history, key::letter(id));
    let found = found.map_err(|source| StoreError::Read { what: "dead letters", source })?;
    found.map(|bytes| unseal(id, &bytes)).transpose()
}

/// What is not written yet.
pub(super) struct Unwritten {
    /// Sealed letters, oldest first.
    pub(super) letters: Vec<(Seq, Arc<[u8]>)>,
    /// Letters that were handed in again.
    pub(super) gone: HashSet<Seq>,
}

/// One page: the letters in memory (oldest first), then those on disk that are older than all of them.
pub(super) fn page(
    tables: &Tables,
    snapshot: &fjall::Snapshot,
    unwritten: &Unwritten,
    before: Option<Seq>,
    limit: usize,
    filter: &DeadLetterFilter,
) -> Result<DeadLetterPage, StoreError> {
    let mut gathering =
        Gathering { page: DeadLetterPage::default(), bytes: 0, seen: 0, limit, filter, gone: &unwritten.gone };
    let in_memory = &unwritten.letters;
    let wanted = |id: &Seq| before.is_none_or(|before| *id < before);
    for (id, letter) in in_memory.iter().rev().filter(|(id, _)| wanted(id)) {
        if gathering.is_full(*id) {
            return Ok(gathering.page);
        }
        gathering.look(*id, letter);
    }
    // A flush that is under way has its letters in memory and perhaps on disk already.
    let before = in_memory.first().map(|(id, _)| *id).into_iter().chain(before).min();
    let Some(mut last) = before.map_or(Some(u64::MAX), |before| before.0.checked_sub(1)) else {
        return Ok(gathering.page);
    };
    while let Err((failed, source)) = gathering.walk_back(tables, snapshot, last) {
        gathering.page.damaged.push(Seq(failed));
        let readable = |steps: i64| {
            let newest = written_until(tables, snapshot, failed - steps as u64).next_back();
            newest.is_none_or(|guard| guard.key().is_ok())
        };
        match first_readable(1, i64::try_from(failed).unwrap_or(i64::MAX), readable) {
            Some(steps) => last = failed - steps as u64,
            None if gathering.seen > 0 => break,
            None => return Err(StoreError::Read { what: "dead letters", source }),
        }
    }
    Ok(gathering.page)
}

/// Letters on disk up to one, oldest first.
fn written_until(tables: &Tables, snapshot: &fjall::Snapshot, last: u64) -> fjall::Iter {
    snapshot.range(&tables.history, key::letter(Seq(0))..=key::letter(Seq(last)))
}

struct Gathering<'a> {
    page: DeadLetterPage,
    bytes: usize,
    seen: usize,
    limit: usize,
    filter: &'a DeadLetterFilter,
    gone: &'a HashSet<Seq>,
}

impl Gathering<'_> {
    /// Whether the page ends before the letter `next`; then it says where the next page begins.
    fn is_full(&mut self, next: Seq) -> bool {
        let full = self.page.letters.len() >= self.limit || self.bytes >= PAGE_BYTES || self.seen >= PAGE_SCAN;
        if full {
            self.page.before = Some(next.next());
        }
        full
    }

    /// Looks at the letters on disk from `last` back until the page is full or none is left. When the engine cannot go
    /// on: the number from which on it could not, and why.
    fn walk_back(&mut self, tables: &Tables, snapshot: &fjall::Snapshot, last: u64) -> Result<(), (u64, fjall::Error)> {
        let mut next = last;
        for guard in written_until(tables, snapshot, last).rev() {
            let (key, letter) = guard.into_inner().map_err(|error| (next, error))?;
            let Some(id) = id_of(&key) else {
                continue;
            };
            if self.is_full(id) {
                return Ok(());
            }
            self.look(id, &letter);
            next = id.0.saturating_sub(1);
        }
        Ok(())
    }

    fn look(&mut self, id: Seq, bytes: &[u8]) {
        self.seen += 1;
        if self.gone.contains(&id) {
            return;
        }
        match unseal(id, bytes) {
            Ok(letter) if self.filter.takes(&letter) => {
                self.bytes += bytes.len();
                self.page.letters.push(letter);
            }
            Ok(_) => {}
            Err(_) => self.page.damaged.push(id),
        }
    }
}
