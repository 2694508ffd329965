//! The embedded store: history in the data directory, over fjall.
//!
//! The store follows the journal by its own bookmark. [`Embedded::apply`] takes durable entries in order into a head in
//! memory; when the head is full or old enough it is written as one atomic batch: runs of samples, dead letters,
//! counters and the bookmark, on disk before [`Embedded::checkpoint`] moves. After a crash the journal is read again
//! from the checkpoint, and because entries up to it are ignored and the counters moved with it, the outcome is the
//! same as without the crash.
//!
//! ```text
//! apply -> head (memory) --flush--> fjall: runs     channel, UTC day, run number -> run     key.rs, run.rs, column.rs
//!             |                            letters  entry number -> dead letter             letters.rs, sealed.rs
//!             |                            notes    the bookmark                            bookmark.rs
//! range, last, contains <--merge-- runs of the day, later ones winning; then the head being flushed; then the head
//! ```
//!
//! Invariants:
//! - one sample per channel and time: the last one taken wins, whatever the order of times;
//! - the bookmark never runs ahead of the samples; the counters belong to the bookmark;
//! - a reader sees each applied sample exactly once, also while a flush is under way: the head being flushed stays
//!   readable until its batch is visible, and readers take head and snapshot under one lock;
//! - nothing read from disk makes it panic; what is damaged is named, and the rest is read.
//!
//! After a failed write the store takes nothing more until a restart, since what reached the disk is not known; it
//! goes on reading, and the journal keeps the rest. The engine fails a write, too, when it meets a bad block while it
//! merges tables: a disk that damages files stops the store for good, with everything readable still readable.
//!
//! Left out on purpose: a background thread (the caller's follows the journal, and a flush under way only lets the
//! journal get ahead), rollups, deletion by age, and mending what a disk has damaged.

mod bookmark;
mod column;
mod days;
mod decimal;
mod flush;
mod head;
mod key;
mod letters;
mod packed;
mod range;
mod run;
mod sealed;
mod tables;
mod values;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fjall::{Readable, Snapshot};
use parking_lot::{Mutex, RwLock};

pub use column::Damage;
pub use key::Day;
pub use letters::{DeadLetter, DeadLetterFilter, DeadLetterPage, DeadLetterTotals};
pub use range::Range;

use crate::model::{ChannelId, Entry, Seq, SourceId, Timestamp};

use super::{Config, StoreError, StoredSample, Tally, Tier};

use bookmark::Bookmark;
use days::{Days, Known};
use flush::Bounds;
use head::{Head, Keeps, Limits};
use key::Key;
use tables::Tables;

/// Entries taken under one lock: readers wait no longer than that.
const ENTRIES_PER_LOCK: usize = 1_024;

/// The least time between flushes that only the age of entries asks for.
const FLUSH_PAUSE: Duration = Duration::from_secs(5);

/// History on disk. One thread applies; any number read meanwhile. All calls do blocking file work.
pub struct Embedded {
    tables: Tables,
    limits: Limits,
    /// Of the day tier, in microseconds east of UTC.
    day_offset: i64,
    bounds: Bounds,
    /// Held by `apply` and `flush` from beginning to end, so that there is one writer. Readers never take it.
    writer: Mutex<Writer>,
    /// Held for moments only, never over file work (a snapshot is two counters).
    heads: RwLock<Heads>,
    /// Held for a look or an insertion.
    days: Mutex<Days>,
}

struct Writer {
    /// The channel that the next flush begins with.
    first: ChannelId,
}

/// Where the store stands, for readiness and operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Every entry up to and including this one is on disk.
    pub checkpoint: Seq,
    /// The last entry applied, on disk or not.
    pub applied: Seq,
    /// Samples in memory, those being written included.
    pub unwritten_samples: usize,
    /// Bytes of sorted tables on disk, without the engine's write-ahead files.
    pub table_bytes: u64,
    /// A write failed: nothing is taken until a restart.
    pub stopped: bool,
}

struct Heads {
    active: Head,
    /// Being written: still readable here, until the engine shows it.
    flushing: Option<Arc<Head>>,
    bookmark: Bookmark,
    /// A write failed.
    stopped: bool,
}

impl Heads {
    /// The heads that the bookmark does not cover, older first.
    fn unwritten(&self) -> impl Iterator<Item = &Head> {
        self.flushing.as_deref().into_iter().chain([&self.active])
    }

    /// Makes the active head the one being written; `None` when it holds no entry.
    fn freeze(&mut self) -> Option<Arc<Head>> {
        let through = self.active.through();
        if through == self.bookmark.through {
            return None;
        }
        let next = self.active.next(through);
        let frozen = Arc::new(std::mem::replace(&mut self.active, next));
        self.flushing = Some(frozen.clone());
        Some(frozen)
    }
}

impl Embedded {
    /// Opens the store in a directory, or makes one. The caller then applies the journal after [`Embedded::checkpoint`].
    pub fn open(directory: &Path, config: &Config) -> Result<Self, StoreError> {
        Self::open_keeping(directory, config, Keeps::Samples)
    }

    /// The same without samples: dead letters, counters and bookmark beside a store that keeps the samples elsewhere.
    pub(in crate::store) fn open_books(directory: &Path, config: &Config) -> Result<Self, StoreError> {
        Self::open_keeping(directory, config, Keeps::Books)
    }

    fn open_keeping(directory: &Path, config: &Config, keeps: Keeps) -> Result<Self, StoreError> {
        if let Some((key, wrong)) = config.mistakes().into_iter().next() {
            return Err(StoreError::Setting { key, wrong });
        }
        let tables = Tables::open(directory, config)?;
        let bookmark = Bookmark::read(&tables)?;
        let active = Head::after(bookmark.through, keeps);
        Ok(Self {
            tables,
            limits: Limits {
                samples: config.flush_samples,
                age: Duration::from_secs(config.flush_after_s),
                pause: FLUSH_PAUSE,
            },
            day_offset: i64::from(config.day_offset_minutes) * 60_000_000,
            bounds: Bounds::new(config.dead_letters_bytes),
            writer: Mutex::new(Writer { first: ChannelId(0) }),
            heads: RwLock::new(Heads { active, flushing: None, bookmark, stopped: false }),
            days: Mutex::new(Days::new(config.day_cache_bytes)),
        })
    }

    /// Every entry up to and including this one is on disk: the journal may let go of them.
    pub fn checkpoint(&self) -> Seq {
        self.heads.read().bookmark.through
    }

    /// The last entry applied, on disk or not.
    pub fn applied(&self) -> Seq {
        self.heads.read().active.through()
    }

    /// Takes durable entries, in the order of the journal; those already taken are ignored. Flushes when it is due.
    /// After an error the same entries may be offered again, or the store opened anew.
    pub fn apply(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        self.check()?;
        let mut rest = entries;
        while !rest.is_empty() {
            let (taken, due) = self.take(rest);
            rest = &rest[taken..];
            if due {
                self.flush_by(&mut writer)?;
            }
        }
        let unwritten: usize = self.heads.read().unwritten().map(Head::samples).sum();
        metrics::gauge!("store_unwritten_samples").set(unwritten as f64);
        Ok(())
    }

    /// Takes some entries from the front: how many, and whether a flush is due after them.
    fn take(&self, entries: &[Entry]) -> (usize, bool) {
        let mut heads = self.heads.write();
        let head = &mut heads.active;
        for (place, entry) in entries.iter().take(ENTRIES_PER_LOCK).enumerate() {
            if entry.seq <= head.through() {
                continue;
            }
            if entry.seq != head.through().next() {
                let (after, before) = (head.through(), entry.seq);
                metrics::counter!("store_missed_entries_total").increment(before.0 - after.0 - 1);
                tracing::error!(%after, %before, "entries of the journal were not given to the store");
            }
            head.take(entry);
            if head.is_due(&self.limits, entry.received_at) {
                return (place + 1, true);
            }
        }
        (entries.len().min(ENTRIES_PER_LOCK), false)
    }

    /// Writes what is in memory, if anything is: before a planned stop.
    pub fn flush(&self) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        self.check()?;
        self.flush_by(&mut writer)
    }

    fn flush_by(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let (head, before) = {
            let mut heads = self.heads.write();
            let Some(head) = heads.freeze() else {
                return Ok(());
            };
            (head, heads.bookmark.clone())
        };
        let written = flush::write(&self.tables, &head, &before, writer.first, &self.bounds)
            .inspect_err(|_| self.heads.write().stopped = true)?;
        // The order matters: what was read before the commit is forgotten while the head still answers for it.
        self.days.lock().forget(&written.days);
        {
            let mut heads = self.heads.write();
            heads.bookmark = written.bookmark;
            heads.flushing = None;
        }
        writer.first = written.left_out.unwrap_or(ChannelId(0));
        metrics::gauge!("store_table_bytes").set(self.tables.bytes() as f64);
        metrics::counter!("store_flushes_total").increment(1);
        metrics::counter!("store_samples_total").increment(head.samples() as u64);
        metrics::counter!("store_rewritten_samples_total").increment(written.rewritten as u64);
        metrics::counter!("store_dead_letters_total").increment(head.letters().len() as u64);
        Ok(())
    }

    /// One channel's samples with `from <= time < to`, ascending, one per time, as of now.
    pub fn range(&self, channel: ChannelId, from: Timestamp, to: Timestamp) -> Range {
        let (snapshot, in_memory) = self.view(|heads| {
            let series = heads.unwritten().filter_map(|head| head.series(channel));
            series.fold(Vec::new(), |older, series| head::merge(&older, series.between(from, to)))
        });
        Range::new(&self.tables, snapshot, channel, (from, to), in_memory)
    }

    /// One channel's tallies of the buckets of a tier that begin in `from..to`, ascending, without the empty ones.
    pub fn tallies(
        &self,
        channel: ChannelId,
        tier: Tier,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Tally)>, StoreError> {
        let (length, offset) = (tier.micros(), tier.offset(self.day_offset));
        let begin = |at: Timestamp| (at.micros() - offset).div_euclid(length) * length + offset;
        let end = |at: Timestamp| begin(Timestamp::from_micros(at.micros() - 1)) + length;
        let (first, last) = (Timestamp::from_micros(end(from)), Timestamp::from_micros(end(to)));
        let mut buckets: Vec<(Timestamp, Tally)> = Vec::new();
        for sample in self.range(channel, first, last) {
            let sample = sample?;
            let bucket = Timestamp::from_micros(begin(sample.observed_at));
            if buckets.last().is_none_or(|(last, _)| *last != bucket) {
                buckets.push((bucket, Tally::default()));
            }
            if let Some((_, tally)) = buckets.last_mut() {
                tally.add(&sample);
            }
        }
        Ok(buckets)
    }

    /// The channel's latest sample by time. An error when a later one may be in a part that cannot be read.
    pub fn last(&self, channel: ChannelId) -> Result<Option<StoredSample>, StoreError> {
        let (snapshot, in_memory) = self.view(|heads| {
            let last = heads.unwritten().filter_map(|head| head.series(channel)?.last());
            last.max_by_key(|sample| sample.observed_at)
        });
        let latest_run = snapshot.prefix(&self.tables.runs, channel.0.to_be_bytes()).next_back();
        let Some(latest_run) = latest_run else {
            return Ok(in_memory);
        };
        let latest_run = latest_run.key().map_err(|source| StoreError::Read { what: "the latest sample", source })?;
        let Key { day, .. } = Key::from_bytes(&latest_run).ok_or(StoreError::DamagedKey { channel })?;
        if in_memory.is_some_and(|sample| Day::of(sample.observed_at) > day) {
            return Ok(in_memory);
        }
        let (samples, damages) = self.tables.day(&snapshot, channel, day);
        if let Some(damage) = damages.into_iter().next() {
            return Err(damage);
        }
        let stored = samples.last().copied();
        Ok(stored.into_iter().chain(in_memory).max_by_key(|sample| sample.observed_at))
    }

    /// The value at exactly that time, if there is one. Cheap for many look-ups in the same days.
    pub fn contains(&self, channel: ChannelId, at: Timestamp) -> Result<Option<f64>, StoreError> {
        let in_memory = {
            let heads = self.heads.read();
            let mut newest_first = [Some(&heads.active), heads.flushing.as_deref()].into_iter().flatten();
            newest_first.find_map(|head| head.series(channel)?.at(at).map(|sample| sample.value))
        };
        if in_memory.is_some() {
            return Ok(in_memory);
        }
        // The generation comes before the snapshot, see `Days`.
        let generation = match self.days.lock().look(channel, at) {
            Known::Answer(answer) => return Ok(answer),
            Known::Nothing(generation) => generation,
        };
        let day = Day::of(at);
        let (samples, damages) = self.tables.day(&self.tables.database.snapshot(), channel, day);
        let place = samples.binary_search_by_key(&at, |sample| sample.observed_at);
        if damages.is_empty() {
            self.days.lock().keep(generation, channel, day, &samples);
        }
        match (place, damages.into_iter().next()) {
            (Ok(place), _) => Ok(Some(samples[place].value)),
            (Err(_), Some(damage)) => Err(damage),
            (Err(_), None) => Ok(None),
        }
    }

    /// Samples taken since the store began, by source; a correction at the same time counts as one more.
    pub fn stored_counts(&self) -> BTreeMap<SourceId, u64> {
        let heads = self.heads.read();
        let mut counts = heads.bookmark.stored.clone();
        for (source, samples) in heads.unwritten().flat_map(Head::stored) {
            *counts.entry(*source).or_default() += samples;
        }
        counts
    }

    /// Samples that were refused after they were journaled ([`Reason::RefusedByStore`]), by source.
    pub(in crate::store) fn refused_counts(&self) -> BTreeMap<SourceId, u64> {
        let heads = self.heads.read();
        let mut counts = heads.bookmark.refused.clone();
        for (source, samples) in heads.unwritten().flat_map(Head::refused) {
            *counts.entry(*source).or_default() += samples;
        }
        counts
    }

    /// Dead letters before a number (`None`: from the newest on), newest first. Follow [`DeadLetterPage::before`].
    /// An error only when none can be read at all.
    pub fn dead_letters(
        &self,
        before: Option<Seq>,
        limit: usize,
        filter: &DeadLetterFilter,
    ) -> Result<DeadLetterPage, StoreError> {
        let (snapshot, in_memory) =
            self.view(|heads| heads.unwritten().flat_map(Head::letters).cloned().collect::<Vec<_>>());
        letters::page(&self.tables, &snapshot, &in_memory, before, limit, filter)
    }

    /// One dead letter; `None` when there is none of that number, or it was dropped.
    pub fn dead_letter(&self, id: Seq) -> Result<Option<DeadLetter>, StoreError> {
        let (snapshot, in_memory) = self.view(|heads| {
            let mut letters = heads.unwritten().flat_map(Head::letters);
            letters.find(|(found, _)| *found == id).map(|(_, letter)| letter.clone())
        });
        match in_memory {
            Some(letter) => letters::unseal(id, &letter).map(Some),
            None => letters::find(&self.tables, &snapshot, id),
        }
    }

    /// How many dead letters are kept, and were dropped. The cap is applied when they are written.
    pub fn dead_letter_totals(&self) -> DeadLetterTotals {
        let heads = self.heads.read();
        let mut totals = heads.bookmark.letters;
        heads.unwritten().flat_map(Head::letters).for_each(|(_, letter)| totals.add(letter));
        totals
    }

    /// Where the store stands.
    pub fn status(&self) -> Status {
        let table_bytes = self.tables.bytes();
        let heads = self.heads.read();
        Status {
            checkpoint: heads.bookmark.through,
            applied: heads.active.through(),
            unwritten_samples: heads.unwritten().map(Head::samples).sum(),
            table_bytes,
            stopped: heads.stopped,
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.heads.read().stopped { Err(StoreError::Stopped) } else { Ok(()) }
    }

    /// What is in memory and what is on disk, of one moment: a sample that is being written is in one at the least.
    fn view<T>(&self, take: impl FnOnce(&Heads) -> T) -> (Snapshot, T) {
        let heads = self.heads.read();
        (self.tables.database.snapshot(), take(&heads))
    }
}

#[cfg(test)]
mod tests;
