//! The embedded store: history in the data directory, over fjall.
//!
//! The store follows the journal by its own bookmark. [`Embedded::apply`] takes durable entries in order into a head in
//! memory; when the head is full or old enough it is written as one atomic batch: runs of samples, marks on the days
//! they are of, what they replace, latest samples, dead letters, counters and the bookmark, on disk before
//! [`Embedded::checkpoint`] moves. After a crash the journal is read again from the checkpoint, and because entries up
//! to it are ignored and the counters moved with it, the outcome is the same as without the crash.
//!
//! ```text
//! apply -> head (memory) --flush--> fjall, one keyspace (key.rs):
//!                                     runs     quickly coded, several a day          run.rs values.rs packed.rs column.rs
//!                                     dirty    the days that they are of             dirty.rs
//!                                     earlier  what they replaced                    earlier.rs
//!                                     firsts   when the first of each channel was    first.rs, also in memory
//!                                     latest   the latest of each channel            latest.rs, also in memory
//!                                     letters  dead letters                          letters.rs
//!                                     notes    the bookmark, the channels' classes   bookmark.rs retention.rs sealed.rs
//! settle (idle) --day by day------>   runs     one a day, thoroughly coded           settle.rs
//!                                     minutes, hours, days: kept tallies             rollup.rs kept.rs
//!               --too old--------->   samples go, then tallies                       retire.rs
//!               --nothing left---->   tables merged, the engine's log turned         reclaim.rs
//! range, contains <--merge-- runs of the day, later ones winning; then the head being flushed; then the head
//! tallies         <--merge-- kept tallies of clean days; samples of dirty days and of the heads
//! ```
//!
//! Invariants:
//! - one sample per channel and time: the last one taken wins, whatever the order of times;
//! - the bookmark never runs ahead of the samples; the counters belong to the bookmark;
//! - a day that was written since it was settled is marked, in the batch that wrote it; tallies of a marked day are
//!   never an answer;
//! - settling changes no answer; deleting takes whole days whose tallies are kept;
//! - a reader sees each applied sample exactly once, also while a flush is under way: the head being flushed stays
//!   readable until its batch is visible, and readers take head and snapshot under one lock;
//! - nothing read from disk makes it panic; what is damaged is named, and the rest is read.
//!
//! After a failed write the store takes nothing more until a restart, since what reached the disk is not known; it
//! goes on reading, and the journal keeps the rest. The engine fails a write, too, when it meets a bad block while it
//! merges tables: a disk that damages files stops the store for good, with everything readable still readable.
//!
//! What a torn disk does (tried with 150 flipped bits and torn files, and 40 torn logs):
//! - the tail of the engine's log (`fjall/*.jnl`) is lost, or a mark of its frames is spoilt: the store is that of an
//!   earlier checkpoint, whole, and the journal gives the rest again; entries that the journal has let go of meanwhile
//!   are counted in `store_missed_entries_total` and told in the log;
//! - a bit inside the log's keys or values is spoilt: the engine sees it by its checksum and does not open. The same
//!   holds for its manifest, for the blocks that hold the bookmark or the classes, and for a missing table. The
//!   directory is to be restored or moved away; moved away, a new store begins with what the journal still has;
//! - a block of a table is spoilt: its runs, tallies or letters are named when they are read, and the rest is answered.
//!
//! A large head is written by a thread of its own while the next one fills; one at a time, so there are never more than
//! two heads in memory. [`Embedded::flush`], `settle` and the drop wait for it.
//!
//! Left out on purpose: percentiles of rollups, and mending what a disk has damaged.

mod arrivals;
mod aside;
mod bookmark;
mod column;
mod convert;
mod days;
mod decimal;
mod dirty;
mod draft;
mod earlier;
mod first;
mod flush;
mod head;
mod kept;
mod key;
mod latest;
mod letters;
mod moment;
mod packed;
mod range;
mod reads;
mod reclaim;
mod retention;
mod retire;
mod rollup;
mod run;
mod sealed;
mod series;
mod settle;
mod tables;
mod tails;
mod values;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

pub use column::Damage;
pub use earlier::Earlier;
pub use key::Day;
pub use letters::{DeadLetter, DeadLetterFilter, DeadLetterPage, DeadLetterTotals};
pub use moment::Then;
pub use range::Range;

use crate::model::{ChannelId, Entry, Seq, Timestamp};

use super::{Config, Retention, StoreError, StoredSample};

use arrivals::Arrivals;
use aside::Aside;
use bookmark::Bookmark;
use days::Days;
use first::Firsts;
use flush::{Bounds, Memory};
use head::{Before, Emptied, Head, Keeps, Limits};
use latest::Latest;
use retention::{Classes, Horizons};
use rollup::Rollups;
use tables::Tables;

/// Entries taken under one lock: readers wait no longer than that.
const ENTRIES_PER_LOCK: usize = 1_024;

/// Between two sweeps over the days that are not settled, by the times of entries.
const SETTLE_PAUSE_MICROS: i64 = 600_000_000;

/// The least time between flushes that only the age of entries asks for.
const FLUSH_PAUSE: Duration = Duration::from_secs(5);

/// A head of fewer samples is written by whoever applies: it takes milliseconds.
const WRITTEN_ASIDE: usize = 1 << 17;

/// History on disk. One thread applies; any number read meanwhile. All calls do blocking file work.
pub struct Embedded {
    parts: Arc<Parts>,
    /// Held by `apply`, `flush` and `settle` from beginning to end, so that one head is written at a time.
    aside: Mutex<Aside>,
}

/// What the thread that writes a head shares with everybody else.
pub struct Parts {
    /// The engine's.
    directory: PathBuf,
    tables: Tables,
    limits: Limits,
    rollups: Rollups,
    settle_after: Duration,
    retention: Retention,
    bounds: Bounds,
    /// Held by whoever writes a head or settles. Readers never take it.
    writer: Mutex<Writer>,
    /// Held for moments only, never over file work (a snapshot is two counters).
    heads: RwLock<Heads>,
    /// Held for a look or an insertion.
    days: Mutex<Days>,
}

struct Writer {
    /// The channel that the next flush begins with.
    first: ChannelId,
    memory: Memory,
    settling: settle::Cursor,
    /// The time of entries at which nothing was left to settle.
    settled_at: Option<Timestamp>,
    /// When useless bytes were last given back, by the times of entries.
    reclaimed_at: Option<Timestamp>,
    /// Something was settled in the sweep under way.
    settled_any: bool,
    /// About how many bytes settling has made useless since the disk was given back any.
    useless_bytes: u64,
    retiring: retire::Cursor,
    /// The time by which age is judged, with the entry through which it holds.
    judged: Option<(Seq, Option<Timestamp>)>,
}

/// Whether [`Embedded::settle`] would find more to do if it were called again at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settling {
    /// Call again when there is time.
    More,
    /// Nothing is due.
    Done,
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
    /// What is written of each channel.
    latest: Latest,
    firsts: Firsts,
    classes: Arc<Classes>,
    horizons: Horizons,
    /// Of what was taken since the store was opened.
    arrivals: Arrivals,
    /// A write failed.
    stopped: bool,
}

impl Heads {
    /// The heads that the bookmark does not cover, older first.
    fn unwritten(&self) -> impl Iterator<Item = &Head> {
        self.flushing.as_deref().into_iter().chain([&self.active])
    }

    /// Makes the active head the one being written, once the one before it is written; whether it holds any entry.
    fn freeze(&mut self, spare: Option<Emptied>) -> bool {
        assert!(self.flushing.is_none(), "one head is written at a time");
        if self.active.through() == self.bookmark.through {
            return false;
        }
        let next = self.active.next(spare.unwrap_or_default());
        let mut frozen = std::mem::replace(&mut self.active, next);
        frozen.close();
        self.flushing = Some(Arc::new(frozen));
        true
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
        rollup::agree(&tables, config.day_offset_minutes)?;
        let classes = Classes::read(&tables)?;
        let horizons = Horizons::read(&tables)?;
        let latest = latest::read(&tables, classes.channels());
        let firsts = Firsts::read(&tables, &latest, bookmark.through)?;
        let active = Head::after(bookmark.through, bookmark.at, keeps);
        let parts = Parts {
            directory: directory.join(tables::DATABASE_DIRECTORY),
            tables,
            limits: Limits {
                samples: config.flush_samples,
                age: Duration::from_secs(config.flush_after_s),
                pause: FLUSH_PAUSE,
                aside: WRITTEN_ASIDE,
            },
            rollups: Rollups::new(i64::from(config.day_offset_minutes) * 60_000_000),
            bounds: Bounds::new(config.dead_letters_bytes),
            settle_after: Duration::from_secs(config.settle_after_s),
            retention: config.retention,
            writer: Mutex::new(Writer {
                first: ChannelId(0),
                memory: Memory::default(),
                settling: settle::Cursor::default(),
                settled_at: None,
                reclaimed_at: None,
                settled_any: false,
                useless_bytes: 0,
                retiring: retire::Cursor::default(),
                judged: None,
            }),
            heads: RwLock::new(Heads {
                active,
                flushing: None,
                horizons,
                bookmark,
                latest,
                firsts,
                classes: Arc::new(classes),
                arrivals: Arrivals::default(),
                stopped: false,
            }),
            days: Mutex::new(Days::new(config.day_cache_bytes)),
        };
        Ok(Self { parts: Arc::new(parts), aside: Mutex::default() })
    }
}

/// Everything but taking entries is asked of the parts.
impl Deref for Embedded {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Parts {
    /// Every entry up to and including this one is on disk: the journal may let go of them.
    pub fn checkpoint(&self) -> Seq {
        self.heads.read().bookmark.through
    }

    /// The last entry applied, on disk or not.
    pub fn applied(&self) -> Seq {
        self.heads.read().active.through()
    }

    /// Takes some entries from the front: how many, and whether a flush is due after them.
    fn take(&self, entries: &[Entry]) -> (usize, bool) {
        let Heads { active: head, latest, flushing, arrivals, .. } = &mut *self.heads.write();
        let before = Before { written: latest, flushing: flushing.as_deref() };
        for (place, entry) in entries.iter().take(ENTRIES_PER_LOCK).enumerate() {
            if entry.seq <= head.through() {
                continue;
            }
            if entry.seq != head.through().next() {
                let (after, found) = (head.through(), entry.seq);
                metrics::counter!("store_missed_entries_total").increment(found.0 - after.0 - 1);
                tracing::error!(%after, %found, "entries of the journal were not given to the store");
            }
            head.take(entry, &before);
            arrivals.take(entry);
            if head.is_due(&self.limits, entry.received_at) {
                return (place + 1, true);
            }
        }
        (entries.len().min(ENTRIES_PER_LOCK), false)
    }

    /// Writes the head that was frozen, if there is one, and gives its memory back.
    fn write(&self) -> Result<Option<Emptied>, StoreError> {
        let mut writer = self.writer.lock();
        let (head, bookmark, firsts) = {
            let heads = self.heads.read();
            let Some(head) = heads.flushing.clone() else {
                return Ok(None);
            };
            let firsts = heads.firsts.moved_by(&head, &heads.latest);
            (head, heads.bookmark.clone(), firsts)
        };
        let since = flush::Since { bookmark: &bookmark, first: writer.first, firsts: &firsts, bounds: &self.bounds };
        let written = flush::write(&self.tables, &head, &since, &mut writer.memory)
            .inspect_err(|_| self.heads.write().stopped = true)?;
        // The order matters: what was read before the commit is forgotten while the head still answers for it.
        self.days.lock().forget(&written.days);
        {
            let mut heads = self.heads.write();
            heads.bookmark = written.bookmark;
            heads.latest.extend(written.latest);
            heads.firsts.move_back(firsts);
            if let Some(classes) = head.classes() {
                heads.classes = Arc::new(classes.clone());
            }
            heads.flushing = None;
        }
        self.count(&head, written.rewritten);
        writer.first = written.left_out.unwrap_or(ChannelId(0));
        // Readers hold heads for moments only: mostly this is the last one.
        Ok(Arc::try_unwrap(head).ok().map(Head::emptied))
    }

    fn count(&self, head: &Head, rewritten: usize) {
        metrics::gauge!("store_table_bytes").set(self.tables.bytes() as f64);
        metrics::counter!("store_flushes_total").increment(1);
        metrics::counter!("store_samples_total").increment(head.samples() as u64);
        metrics::counter!("store_rewritten_samples_total").increment(rewritten as u64);
        metrics::counter!("store_dead_letters_total").increment(head.letters().len() as u64);
    }

    fn settle_by(&self, writer: &mut Writer, samples: usize) -> Result<Settling, StoreError> {
        let Some(now) = self.heads.read().bookmark.at else {
            return Ok(Settling::Done);
        };
        // A clock that was set back is no reason to wait for the old time to come again.
        let is_within =
            |pause: i64| move |since: Timestamp| (0..pause).contains(&now.micros().saturating_sub(since.micros()));
        let pause = self.settle_after.as_micros() >= SETTLE_PAUSE_MICROS as u128;
        if pause && writer.settled_at.is_some_and(is_within(SETTLE_PAUSE_MICROS)) {
            return Ok(Settling::Done);
        }
        let after = i64::try_from(self.settle_after.as_micros()).unwrap_or(i64::MAX);
        let due_before = Timestamp::from_micros(now.micros().saturating_sub(after));
        let order = settle::Order { now, due_before, samples, rollups: self.rollups };
        let slice = settle::slice(&self.tables, &mut writer.settling, &mut writer.memory.marks, &order)?;
        metrics::counter!("store_settled_days_total").increment(slice.days as u64);
        metrics::counter!("store_unreadable_days_total").increment(slice.left as u64);
        writer.useless_bytes += slice.samples as u64;
        writer.settled_any |= slice.days > 0;
        if slice.swept && std::mem::take(&mut writer.settled_any) {
            // Days that waited to be settled may be too old by now.
            writer.retiring.begin_again();
        }
        let retired = self.retire_by(writer)?;
        if !slice.swept || !retired {
            return Ok(Settling::More);
        }
        metrics::gauge!("store_dirty_days").set(slice.waiting as f64);
        writer.settled_at = Some(now);
        let is_early = pause && writer.reclaimed_at.is_some_and(is_within(key::DAY_MICROS));
        if !is_early && reclaim::is_worth_it(&self.tables, &self.directory, writer.useless_bytes) {
            (writer.useless_bytes, writer.reclaimed_at) = (0, Some(now));
            reclaim::reclaim(&self.tables, &self.directory).map_err(|source| StoreError::Settle { source })?;
        }
        Ok(Settling::Done)
    }

    /// Deletes some of what is too old; whether nothing is left.
    fn retire_by(&self, writer: &mut Writer) -> Result<bool, StoreError> {
        if !self.retention.is_finite() {
            return Ok(true);
        }
        let (at, classes, horizons) = {
            let heads = self.heads.read();
            // What it is judged by changes with a flush alone.
            let through = heads.bookmark.through;
            let known = writer.judged.filter(|(judged_through, _)| *judged_through == through);
            let (_, at) = known.unwrap_or_else(|| (through, retention::judged_at(heads.bookmark.at, &heads.latest)));
            writer.judged = Some((through, at));
            (at, Arc::clone(&heads.classes), heads.horizons.clone())
        };
        let Some(at) = at else {
            return Ok(true);
        };
        let moved = horizons.moved(at, &self.retention);
        if moved != horizons {
            // Said before it is done, so that no question takes what is being deleted for what never was.
            moved.put(&self.tables)?;
            self.heads.write().horizons = moved;
        }
        let order = retire::Order { at, retention: &self.retention, classes: &classes, rollups: self.rollups };
        let slice = retire::slice(&self.tables, &mut writer.retiring, &order)?;
        self.days.lock().forget(&slice.days);
        slice.days.iter().for_each(|(channel, day)| writer.memory.tails.forget(*channel, *day));
        metrics::counter!("store_retired_days_total").increment(slice.days.len() as u64);
        metrics::counter!("store_retired_tallies_total").increment(slice.tallies as u64);
        writer.useless_bytes += slice.run_bytes as u64;
        Ok(slice.swept)
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.heads.read().stopped { Err(StoreError::Stopped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
