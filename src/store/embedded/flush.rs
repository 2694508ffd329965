//! Writing a head: runs, marks on their days, what they replace, latest samples, dead letters, counters and bookmark
//! in one atomic batch, on disk when it returns.
//!
//! A flush gives each channel a few samples a day many times over. To keep runs few, a new run absorbs the day's
//! latest runs for as long as they are short and shorter than twice what is being written. So each short run of a day
//! is at least twice as long as the next, and a sample is rewritten at most a few times; long runs (two blocks of a
//! column) stay as they are until the day is settled.
//! What a flush absorbs is bounded by a budget in proportion to what it writes; channels left out for want of it come
//! first next time. A run that cannot be read is not absorbed and not touched: it stays as evidence, and writing goes
//! on beside it.

use fjall::{PersistMode, Readable, Snapshot};

use crate::model::{ChannelId, Timestamp};

use super::StoredSample;
use super::bookmark::Bookmark;
use super::column::Effort;
use super::dirty::Marks;
use super::earlier::{self, Brought};
use super::head::{Head, merge};
use super::kept::Raw;
use super::key::{Day, Key};
use super::latest;
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
    /// The latest samples that are new.
    pub(super) latest: Vec<(ChannelId, StoredSample)>,
    /// The first channel for which the budget did not suffice.
    pub(super) left_out: Option<ChannelId>,
    /// Samples of earlier runs that were written again.
    pub(super) rewritten: usize,
}

/// What a flush goes by.
pub(super) struct Before<'a> {
    pub(super) bookmark: &'a Bookmark,
    /// The channel that it begins with.
    pub(super) first: ChannelId,
    pub(super) bounds: &'a Bounds,
}

/// Writes `head` after what was written before.
pub(super) fn write(
    tables: &Tables,
    head: &Head,
    before: &Before<'_>,
    marks: &mut Marks,
) -> Result<Written, StoreError> {
    let snapshot = tables.database.snapshot();
    let bounds = before.bounds;
    let mut flush = Flush {
        tables,
        snapshot: &snapshot,
        batch: tables.database.batch().durability(Some(PersistMode::SyncAll)),
        base: before.bookmark.next_run,
        longest: 1,
        budget: head.samples() * bounds.rewritten_per_sample + bounds.rewritten_least,
        at: head.newest().unwrap_or(Timestamp::from_micros(0)),
        suspects: earlier::first_brought(head.suspects()),
        marks,
        written: Written {
            bookmark: before.bookmark.clone(),
            days: Vec::new(),
            latest: Vec::new(),
            left_out: None,
            rewritten: 0,
        },
    };
    let mut channels = head.channels();
    let start = channels.partition_point(|channel| *channel < before.first);
    channels.rotate_left(start);
    for channel in channels {
        let Some(series) = head.series(channel) else {
            continue;
        };
        let samples = series.all();
        for day in samples.chunk_by(|a, b| Day::of(a.observed_at) == Day::of(b.observed_at)) {
            flush.put_day(channel, day, series.floor());
        }
        flush.put_latest(channel, samples.last(), series.floor());
    }
    for (by, replaced) in head.replaced() {
        earlier::put(tables, &mut flush.batch, by, replaced);
    }
    if let Some(classes) = head.classes() {
        classes.put(tables, &mut flush.batch);
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
    bookmark.at = head.newest();
    bookmark.next_run = flush.base.checked_add(flush.longest).expect("four thousand million flushes are centuries");
    bookmark.put(tables, &mut flush.batch);
    flush.batch.commit().map_err(|source| StoreError::Write { through: head.through(), source })?;
    Ok(flush.written)
}

struct Flush<'a> {
    tables: &'a Tables,
    snapshot: &'a Snapshot,
    batch: fjall::OwnedWriteBatch,
    /// The number of new runs: greater than any earlier run's, so that they win.
    base: u32,
    /// Runs written for one day, the most so far.
    longest: u32,
    budget: usize,
    /// When the last entry was received.
    at: Timestamp,
    /// By channel and time.
    suspects: Vec<Brought>,
    marks: &'a mut Marks,
    written: Written,
}

impl Flush<'_> {
    /// Adds one day's new samples of a channel, with the runs that they absorb.
    /// `written` is the time of the latest sample written before.
    fn put_day(&mut self, channel: ChannelId, new: &[StoredSample], written: Option<Timestamp>) {
        let day = Day::of(new[0].observed_at);
        // A day later than anything written cannot have been deleted for its age; any other may have been, also with
        // samples later than its last one.
        let is_untouched = written.is_some_and(|written| Day::of(written) < day);
        if !is_untouched && self.tables.raw(channel, day) == Raw::Gone {
            metrics::counter!("store_expired_samples_total").increment(new.len() as u64);
            return;
        }
        self.put_earlier(channel, new);
        self.written.days.push((channel, day));
        self.marks.put(self.tables, &mut self.batch, (channel, day), self.at);
        let (merged, absorbed) = self.absorb(channel, day, new);
        let samples = merged.as_deref().unwrap_or(new);
        // All runs from the first absorbed one on are in the new run, so it may take the least of their numbers.
        let number = absorbed.last().map_or(self.base, |key| key.number);
        let mut written = 0;
        for samples in samples.chunks(RUN_SAMPLES_MAX) {
            let key = Key { channel, day, number: number + written };
            self.batch.insert(&self.tables.history, key.to_bytes(), run::encode(key, samples, Effort::Quick));
            written += 1;
        }
        self.longest = self.longest.max(written);
        for key in absorbed.iter().filter(|key| key.number >= number + written) {
            self.batch.remove(&self.tables.history, key.to_bytes());
        }
    }

    /// Adds what one day's new samples replace. Only samples not later than all that is written can.
    fn put_earlier(&mut self, channel: ChannelId, new: &[StoredSample]) {
        let day = Day::of(new[0].observed_at);
        let (first, last) = ((channel, new[0].observed_at), (channel, new[new.len() - 1].observed_at));
        let at = |brought: &Brought| (brought.channel, brought.sample.observed_at);
        let from = self.suspects.partition_point(|brought| at(brought) < first);
        let to = self.suspects.partition_point(|brought| at(brought) <= last);
        let suspects = &self.suspects[from..to];
        if suspects.is_empty() {
            return;
        }
        let (written, damages) = self.tables.day(self.snapshot, channel, day);
        for damage in damages {
            tracing::warn!(error = %damage, "what new samples may have replaced is not known");
        }
        for (by, replaced) in earlier::replacing(suspects, &written) {
            earlier::put(self.tables, &mut self.batch, &by, &replaced);
        }
    }

    /// Adds the channel's latest sample when it is new; a correction of it is.
    fn put_latest(&mut self, channel: ChannelId, new: Option<&StoredSample>, written: Option<Timestamp>) {
        if let Some(new) = new.filter(|new| Some(new.observed_at) >= written) {
            latest::put(self.tables, &mut self.batch, channel, new);
            self.written.latest.push((channel, *new));
        }
    }

    /// Merges `new` samples into the day's latest runs: the outcome, if there are any, and their keys, latest first.
    fn absorb(&mut self, channel: ChannelId, day: Day, new: &[StoredSample]) -> (Option<Vec<StoredSample>>, Vec<Key>) {
        let mut merged: Option<Vec<StoredSample>> = None;
        let [first, last] = Key::days(channel, day, day);
        let mut absorbed = Vec::new();
        for guard in self.snapshot.range(&self.tables.history, first..=last).rev() {
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
