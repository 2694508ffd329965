//! Settling: a day that has rested becomes one thoroughly coded run beside its tallies, and its mark goes.
//!
//! A day is due when both its end and its last writing lie long enough back, judged by the time of the last entry
//! written. Late and corrected samples mark their day again, and it is settled again, with the same outcome as if they
//! had come in time. Everything of a day changes in one atomic batch that changes no sample, so readers see the same
//! before and after; the batch need not be on disk at once, since what it replaces says the same.
//!
//! The thread that applies entries settles when it has nothing else to do, a slice at a time, so neither the journal
//! nor a reader waits for it longer than a slice takes. A day that cannot be read whole stays marked as it is.

use fjall::{OwnedWriteBatch, Readable};

use crate::model::{ChannelId, Timestamp};

use super::StoreError;
use super::StoredSample;
use super::column::Effort;
use super::dirty::{self, Marks};
use super::kept::Raw;
use super::key::{DAY_MICROS, Day, DayKey, Key, Table};
use super::rollup::Rollups;
use super::run::{self, RUN_SAMPLES_MAX};
use super::tables::{DayRuns, Tables, run_of};

/// Marks looked at in one slice, due or not.
const MARKS_MAX: usize = 4_096;

/// Where settling goes on.
#[derive(Default)]
pub(super) struct Cursor {
    /// The mark looked at last.
    after: Option<[u8; DayKey::BYTES]>,
    waiting: usize,
}

/// What a slice did.
#[derive(Default)]
pub(super) struct Slice {
    pub(super) days: usize,
    /// Samples of those days: about as many bytes were replaced.
    pub(super) samples: usize,
    /// Days that could not be read.
    pub(super) left: usize,
    /// Marked days of the sweep that this slice is of, so far, that stay marked.
    pub(super) waiting: usize,
    /// Every mark was looked at since the sweep began.
    pub(super) swept: bool,
}

/// What a slice is to do.
pub(super) struct Order {
    /// The time of the entry last written.
    pub(super) now: Timestamp,
    /// Days that rested since then are due.
    pub(super) due_before: Timestamp,
    /// About so many samples.
    pub(super) samples: usize,
    pub(super) rollups: Rollups,
}

/// Settles some of the days that are due.
pub(super) fn slice(
    tables: &Tables,
    cursor: &mut Cursor,
    marks: &mut Marks,
    order: &Order,
) -> Result<Slice, StoreError> {
    let snapshot = tables.database.snapshot();
    let mut batch = tables.database.batch();
    let (mut done, mut samples) = (Slice { swept: true, ..Slice::default() }, 0);
    let mut after = cursor.after;
    let first = after.map_or_else(|| Table::Dirty.prefix().to_vec(), |after| after.to_vec());
    let end = Table::Minutes.prefix().to_vec();
    let mut settled = Vec::new();
    for (looked_at, guard) in snapshot.range(&tables.history, first..end).enumerate() {
        if looked_at == MARKS_MAX || samples >= order.samples {
            done.swept = false;
            break;
        }
        let (key, mark) = match guard.into_inner() {
            Ok(found) => found,
            Err(error) => {
                // Days behind it stay as they are: larger and slower, and just as right.
                tracing::error!(%error, "marks of unsettled days cannot be read; the days behind them are not settled");
                break;
            }
        };
        if after.is_some_and(|after| key[..] == after) {
            continue;
        }
        let Some(day) = DayKey::from_bytes(Table::Dirty, &key) else {
            continue;
        };
        after = Some(day.to_bytes());
        // A mark that cannot be read, or that a clock has made which was set back since, is as old as can be.
        let written_at = dirty::written_at(day, &mark).ok().filter(|written_at| *written_at <= order.now);
        let written_at = written_at.unwrap_or(Timestamp::from_micros(i64::MIN));
        let end = Timestamp::from_micros(day.day.first().micros().saturating_add(DAY_MICROS));
        if written_at.max(end) > order.due_before {
            cursor.waiting += 1;
            continue;
        }
        match settle(tables, &snapshot, &mut batch, (day.channel, day.day), order.rollups) {
            Some(count) => {
                batch.remove(&tables.history, day.to_bytes());
                settled.push((day.channel, day.day));
                samples += count;
            }
            None => {
                done.left += 1;
                cursor.waiting += 1;
            }
        }
    }
    (done.days, done.samples) = (settled.len(), samples);
    if !settled.is_empty() {
        batch.commit().map_err(|source| StoreError::Settle { source })?;
    }
    settled.into_iter().for_each(|(channel, day)| marks.forget(channel, day));
    done.waiting = cursor.waiting;
    *cursor = if done.swept { Cursor::default() } else { Cursor { after, ..*cursor } };
    Ok(done)
}

/// Adds one settled day to the batch: how many samples it has; `None` when it cannot be read whole.
fn settle(
    tables: &Tables,
    snapshot: &fjall::Snapshot,
    batch: &mut OwnedWriteBatch,
    (channel, day): (ChannelId, Day),
    rollups: Rollups,
) -> Option<usize> {
    let [first, last] = Key::days(channel, day, day);
    let mut decoded = DayRuns::default();
    let mut keys = Vec::new();
    let mut is_settled = true;
    for guard in snapshot.range(&tables.history, first..=last) {
        let (key, bytes) = run_of(channel, day, guard)
            .inspect_err(|error| tracing::debug!(%error, "a day is not settled: it cannot be read"))
            .ok()?;
        decoded.add(key, &bytes);
        is_settled &= run::is_settled(&bytes);
        keys.push(key);
    }
    let (samples, damages) = decoded.finish();
    if let Some(error) = damages.first() {
        tracing::debug!(%error, "a day is not settled: it cannot be read");
        return None;
    }
    if samples.is_empty() {
        return Some(0);
    }
    if tables.raw(channel, day) == Raw::Gone {
        // Samples that slipped in beside tallies which alone know the day: the tallies are worth more.
        tracing::error!(%channel, %day, samples = samples.len(), "samples of a day that was deleted for its age go");
        metrics::counter!("store_expired_samples_total").increment(samples.len() as u64);
        keys.iter().for_each(|key| batch.remove(&tables.history, key.to_bytes()));
        return Some(samples.len());
    }
    let chunks = samples.chunks(RUN_SAMPLES_MAX);
    if !is_settled || keys.len() > chunks.len() {
        put_runs(tables, batch, &keys, chunks);
    }
    rollups.put(tables, batch, (channel, day), &samples);
    Some(samples.len())
}

/// Puts the day's samples in place of its runs: there are never more chunks than there were runs.
fn put_runs(tables: &Tables, batch: &mut OwnedWriteBatch, keys: &[Key], chunks: std::slice::Chunks<'_, StoredSample>) {
    let written = chunks.len();
    assert!(written <= keys.len(), "runs hold at most {RUN_SAMPLES_MAX} samples");
    for (key, samples) in keys.iter().zip(chunks) {
        batch.insert(&tables.history, key.to_bytes(), run::encode(*key, samples, Effort::Thorough));
    }
    for key in &keys[written..] {
        batch.remove(&tables.history, key.to_bytes());
    }
}
