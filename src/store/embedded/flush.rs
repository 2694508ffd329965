//! Writing a head: runs, dead letters, counters and bookmark in one atomic batch, on disk when it returns.
//!
//! A flush gives each channel a few samples a day many times over. To keep runs few, a new run absorbs the day's
//! latest runs for as long as they are short and shorter than twice what is being written. So each short run of a day
//! is at least twice as long as the next, and a sample is rewritten at most a few times; long runs (two blocks of a
//! column) stay as they are until the day is settled.
//! What a flush absorbs is bounded by a budget in proportion to what it writes; channels left out for want of it come
//! first next time. A run that cannot be read is not absorbed and not touched: it stays as evidence, and writing goes
//! on beside it.

use fjall::{PersistMode, Readable, Snapshot};

use crate::model::ChannelId;

use super::StoredSample;
use super::bookmark::Bookmark;
use super::column::Effort;
use super::head::{Head, merge};
use super::key::{Day, Key};
use super::run::{self, RUN_SAMPLES_MAX};
use super::tables::{Tables, run_of};
use super::{StoreError, letters};

/// A run shorter than this many times the new one is absorbed by it...
const ABSORB_RATIO: usize = 2;
/// ...unless it has this many samples: then absorbing it would save little.
const ABSORB_MAX: usize = 256;

/// What one flush may do at most, beside writing what is new.
pub(super) struct Bounds {
    /// Samples of earlier runs written again, for each new one.
    pub(super) rewritten_per_sample: usize,
    /// Samples of earlier runs that even the smallest flush may write again.
    pub(super) rewritten_least: usize,
    /// Bytes of dead letters kept.
    pub(super) letters_bytes: u64,
    /// Written dead letters dropped.
    pub(super) letters_dropped: usize,
}

impl Bounds {
    pub(super) fn new(letters_bytes: u64) -> Self {
        // 200,000 letters are more than a head of the smallest ones, so the cap holds whatever comes; only a cap that
        // was lowered takes several flushes to be reached.
        Self { rewritten_per_sample: 16, rewritten_least: 1 << 16, letters_bytes, letters_dropped: 200_000 }
    }
}

/// What a flush wrote.
pub(super) struct Written {
    pub(super) bookmark: Bookmark,
    /// Every day of a channel that has changed.
    pub(super) days: Vec<(ChannelId, Day)>,
    /// The first channel for which the budget did not suffice.
    pub(super) left_out: Option<ChannelId>,
    /// Samples of earlier runs that were written again.
    pub(super) rewritten: usize,
}

/// Writes `head` after `before`, beginning with the channel `first`.
pub(super) fn write(
    tables: &Tables,
    head: &Head,
    before: &Bookmark,
    first: ChannelId,
    bounds: &Bounds,
) -> Result<Written, StoreError> {
    let snapshot = tables.database.snapshot();
    let mut flush = Flush {
        tables,
        batch: tables.database.batch().durability(Some(PersistMode::SyncAll)),
        base: before.next_run,
        longest: 1,
        budget: head.samples() * bounds.rewritten_per_sample + bounds.rewritten_least,
        written: Written { bookmark: before.clone(), days: Vec::new(), left_out: None, rewritten: 0 },
    };
    let mut channels = head.channels();
    let start = channels.partition_point(|channel| *channel < first);
    channels.rotate_left(start);
    for channel in channels {
        let samples = head.series(channel).map(|series| series.all()).unwrap_or_default();
        for day in samples.chunk_by(|a, b| Day::of(a.observed_at) == Day::of(b.observed_at)) {
            flush.put_day(&snapshot, channel, day);
        }
    }
    let bookmark = &mut flush.written.bookmark;
    letters::put(tables, &snapshot, head, bounds, bookmark, &mut flush.batch);
    for (source, samples) in head.stored() {
        *bookmark.stored.entry(*source).or_default() += samples;
    }
    for (source, samples) in head.refused() {
        *bookmark.refused.entry(*source).or_default() += samples;
    }
    assert!(bookmark.through <= head.through(), "a bookmark only moves forward");
    bookmark.through = head.through();
    bookmark.next_run = flush.base.checked_add(flush.longest).expect("four thousand million flushes are centuries");
    bookmark.put(tables, &mut flush.batch);
    flush.batch.commit().map_err(|source| StoreError::Write { through: head.through(), source })?;
    Ok(flush.written)
}

struct Flush<'a> {
    tables: &'a Tables,
    batch: fjall::OwnedWriteBatch,
    /// The number of new runs: greater than any earlier run's, so that they win.
    base: u32,
    /// Runs written for one day, the most so far.
    longest: u32,
    budget: usize,
    written: Written,
}

impl Flush<'_> {
    /// Adds one day's new samples of a channel, with the runs that they absorb.
    fn put_day(&mut self, snapshot: &Snapshot, channel: ChannelId, new: &[StoredSample]) {
        let day = Day::of(new[0].observed_at);
        self.written.days.push((channel, day));
        let (merged, absorbed) = self.absorb(snapshot, channel, day, new);
        let samples = merged.as_deref().unwrap_or(new);
        // All runs from the first absorbed one on are in the new run, so it may take the least of their numbers.
        let number = absorbed.last().map_or(self.base, |key| key.number);
        let mut written = 0;
        for samples in samples.chunks(RUN_SAMPLES_MAX) {
            let key = Key { channel, day, number: number + written };
            self.batch.insert(&self.tables.runs, key.to_bytes(), run::encode(key, samples, Effort::Quick));
            written += 1;
        }
        self.longest = self.longest.max(written);
        for key in absorbed.iter().filter(|key| key.number >= number + written) {
            self.batch.remove(&self.tables.runs, key.to_bytes());
        }
    }

    /// Merges `new` samples into the day's latest runs: the outcome, if there are any, and their keys, latest first.
    fn absorb(
        &mut self,
        snapshot: &Snapshot,
        channel: ChannelId,
        day: Day,
        new: &[StoredSample],
    ) -> (Option<Vec<StoredSample>>, Vec<Key>) {
        let mut merged: Option<Vec<StoredSample>> = None;
        let [first, last] = Key::days(channel, day, day);
        let mut absorbed = Vec::new();
        for guard in snapshot.range(&self.tables.runs, first..=last).rev() {
            let (key, bytes) = match run_of(channel, day, guard) {
                Ok(found) => found,
                Err(error) => {
                    tracing::error!(%error, "stored samples cannot be read; new ones are written beside them");
                    break;
                }
            };
            let Ok(count) = run::count(&bytes) else {
                break;
            };
            let length = merged.as_ref().map_or(new.len(), Vec::len);
            if count >= ABSORB_MAX.min(ABSORB_RATIO * length) {
                break;
            }
            if count > self.budget {
                self.written.left_out.get_or_insert(channel);
                break;
            }
            let mut older = Vec::new();
            if let Err(damage) = run::decode(key, &bytes, &mut older) {
                tracing::error!(%channel, %day, run = key.number, %damage, "a run is damaged; it is left as it is");
                break;
            }
            self.budget -= count;
            self.written.rewritten += count;
            merged = Some(merge(&older, merged.unwrap_or_else(|| new.to_vec())));
            absorbed.push(key);
        }
        (merged, absorbed)
    }
}
