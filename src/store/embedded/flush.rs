//! Writing a head: runs, marks on their days, what they replace, first and latest samples, dead letters, counters and
//! bookmark in one atomic batch, on disk when it returns.
//!
//! A flush gives each channel a few samples a day many times over. To keep runs few, a new run absorbs the day's
//! latest runs for as long as they are short and shorter than twice what is being written. So each short run of a day
//! is at least twice as long as the next, and a sample is rewritten at most a few times; long runs (a block of a column)
//! stay as they are until the day is settled.
//! What a flush absorbs is bounded by a budget in proportion to what it writes; channels left out for want of it come
//! first next time. A large head is drafted by several threads (`draft.rs`). A run that cannot be read is not absorbed and not touched: it stays as evidence, and writing goes
//! on beside it.

use std::num::NonZero;
use std::panic;
use std::thread;

use fjall::PersistMode;

use crate::model::{ChannelId, Timestamp};

use super::StoredSample;
use super::bookmark::Bookmark;
use super::dirty::Marks;
use super::draft::{Draft, From};
use super::earlier;
use super::first;
use super::head::Head;
use super::key::Day;
use super::tables::Tables;
use super::tails::Tails;
use super::{StoreError, letters};

/// Threads that draft, at most.
const THREADS_MAX: usize = 4;
/// A thread is worth its start for so many samples.
const SAMPLES_PER_THREAD: usize = 1 << 16;

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
#[derive(Default)]
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
pub(super) struct Since<'a> {
    pub(super) bookmark: &'a Bookmark,
    /// The channel that it begins with.
    pub(super) first: ChannelId,
    /// Channels whose first sample is in the head.
    pub(super) firsts: &'a [(ChannelId, Timestamp)],
    pub(super) bounds: &'a Bounds,
}

/// What is remembered from one flush to the next.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) marks: Marks,
    pub(super) tails: Tails,
}

/// Writes `head` after what was written before.
pub(super) fn write(
    tables: &Tables,
    head: &Head,
    since: &Since<'_>,
    memory: &mut Memory,
) -> Result<Written, StoreError> {
    let snapshot = tables.database.snapshot();
    let bounds = since.bounds;
    let mut bookmark = since.bookmark.clone();
    let suspects = earlier::first_brought(head.suspects());
    let from =
        From { tables, snapshot: &snapshot, head, tails: &memory.tails, base: bookmark.next_run, suspects: &suspects };
    let mut channels = head.channels();
    let start = channels.partition_point(|channel| *channel < since.first);
    channels.rotate_left(start);
    let drafts = drafts(from, &channels, head.samples() * bounds.rewritten_per_sample + bounds.rewritten_least);

    let mut batch = tables.database.batch().durability(Some(PersistMode::SyncAll));
    let mut written = Written::default();
    let mut runs = 1;
    let at = head.newest().unwrap_or(Timestamp::from_micros(0));
    for draft in drafts {
        for (key, value) in draft.changes {
            match value {
                Some(value) => batch.insert(&tables.history, key, value),
                None => batch.remove(&tables.history, key),
            }
        }
        for (channel, day, samples) in draft.days {
            memory.marks.put(tables, &mut batch, (channel, day), at);
            memory.tails.wrote(channel, day, samples);
            written.days.push((channel, day));
        }
        written.latest.extend(draft.latest);
        written.left_out = written.left_out.or(draft.left_out);
        written.rewritten += draft.rewritten;
        runs = runs.max(draft.runs_of_a_day);
    }
    for (by, replaced) in head.replaced() {
        let (key, value) = earlier::note(by, replaced);
        batch.insert(&tables.history, key, value);
    }
    first::put(since.firsts, head.through(), tables, &mut batch);
    if let Some(classes) = head.classes() {
        classes.put(tables, &mut batch);
    }
    letters::put(tables, &snapshot, head, bounds, &mut bookmark, &mut batch);
    advance(&mut bookmark, head, runs);
    bookmark.put(tables, &mut batch);
    batch.commit().map_err(|source| StoreError::Write { through: head.through(), source })?;
    Ok(Written { bookmark, ..written })
}

/// The bookmark moves to the end of the head, and its counters with it.
fn advance(bookmark: &mut Bookmark, head: &Head, runs: u32) {
    for (source, samples) in head.stored() {
        *bookmark.stored.entry(*source).or_default() += samples;
    }
    for (source, samples) in head.refused() {
        *bookmark.refused.entry(*source).or_default() += samples;
    }
    assert!(bookmark.through <= head.through(), "a bookmark only moves forward");
    bookmark.through = head.through();
    bookmark.at = head.newest();
    bookmark.next_run = bookmark.next_run.checked_add(runs).expect("four thousand million flushes are centuries");
}

/// By several threads when there is enough to do, the caller's among them; in the order of channels.
fn drafts(from: From<'_>, channels: &[ChannelId], budget: usize) -> Vec<Draft> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    let threads = threads.min(from.head.samples() / SAMPLES_PER_THREAD).max(1);
    let mut parts = channels.chunks(channels.len().div_ceil(threads).max(1));
    let Some(first) = parts.next() else {
        return Vec::new();
    };
    let budget = budget / threads;
    thread::scope(|scope| {
        let others: Vec<_> = parts.map(|part| scope.spawn(move || Draft::of(from, part, budget))).collect();
        let mut drafts = vec![Draft::of(from, first, budget)];
        for other in others {
            drafts.push(other.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        }
        drafts
    })
}
