//! The engine underneath: one fjall database with one keyspace, and the file that names the format.
//!
//! `format` is written before anything else and read before anything else, so a directory of another version is
//! refused before the engine opens (and by opening changes) it.
//!
//! Memory: block cache, write buffers in turn, filters and indices of the upper levels. Runs and tallies are
//! compressed already, so blocks are not compressed again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::config::{BlockSizePolicy, CompressionPolicy};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, Readable, Snapshot};
use serde::de::DeserializeOwned;

use crate::model::ChannelId;

use super::Config;
use super::StoreError;
use super::StoredSample;
use super::convert;
use super::kept::{self, Raw};
use super::key::{Day, DayKey, Key, Span, Table};
use super::reclaim::{LOG_TURNS_AT, free_bytes};
use super::run;
use super::sealed;

const FORMAT: &str = "saola store 3\n";
/// The layout before this one, and one that is being brought into this one: no older version is to open that.
const FORMAT_2: &str = "saola store 2\n";
const FORMAT_2_TO_3: &str = "saola store 2 to 3\n";
const FORMAT_FILE: &str = "format";
pub(super) const DATABASE_DIRECTORY: &str = "fjall";
/// What is read of a format file that is not ours.
const FORMAT_SHOWN_BYTES: usize = 100;

/// At most so many spans begin in a part that the engine cannot read: a block holds a few runs.
const UNREADABLE_SPANS: i64 = 64;

pub(super) struct Tables {
    pub(super) database: Database,
    /// Everything, addressed as drawn in `key.rs`.
    pub(super) history: Keyspace,
}

impl Tables {
    pub(super) fn open(path: &Path, config: &Config) -> Result<Self, StoreError> {
        let is_older = check_format(path)?;
        let failed = |source| StoreError::Open { path: path.to_owned(), source };
        let builder = Database::builder(path.join(DATABASE_DIRECTORY))
            .cache_size(config.block_cache_bytes)
            .manual_journal_persist(true)
            .max_journaling_size(config.write_ahead_bytes)
            .worker_threads(2);
        // The engine asserts some of what it reads back from its log (fjall 3, `journal/entry.rs`).
        let database = std::panic::catch_unwind(AssertUnwindSafe(|| builder.open()))
            .map_err(|_| StoreError::EngineGaveUp { path: path.to_owned() })?
            .map_err(failed)?;
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(config.write_buffer_bytes)
                .data_block_size_policy(BlockSizePolicy::all(8 << 10))
                .data_block_compression_policy(CompressionPolicy::disabled())
                .compaction_strategy(Arc::new(
                    fjall::compaction::Leveled::default().with_table_target_size(config.write_buffer_bytes),
                ))
        };
        let history = database.keyspace("history", options).map_err(failed)?;
        let tables = Self { history, database };
        if is_older {
            let failed = |source| StoreError::Directory { path: path.to_owned(), source };
            let file = path.join(FORMAT_FILE);
            let (needed, free) = (tables.bytes() + 2 * LOG_TURNS_AT, free_bytes(path).unwrap_or(u64::MAX));
            if free < needed {
                return Err(StoreError::NoRoom { needed, free });
            }
            write_format(path, &file, FORMAT_2_TO_3).map_err(failed)?;
            let runs = convert::from_layout_2(&tables)?;
            write_format(path, &file, FORMAT).map_err(failed)?;
            tracing::info!(runs, "the history was brought into this version's layout");
        }
        Ok(tables)
    }

    /// Bytes of sorted tables on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.history.disk_space()
    }

    /// A note that the store keeps for itself, if it was written; the names are what an engine that cannot read it, and
    /// bytes that are damaged, are told by.
    pub(super) fn note<T: DeserializeOwned>(
        &self,
        key: &[u8],
        [unreadable, damaged]: [&'static str; 2],
    ) -> Result<Option<T>, StoreError> {
        let found = self.database.snapshot().get(&self.history, key);
        let found = found.map_err(|source| StoreError::Read { what: unreadable, source })?;
        let unsealed = found.map(|bytes| sealed::unseal(key, &bytes)).transpose();
        unsealed.map_err(|damage| StoreError::DamagedNote { what: damaged, damage })
    }

    /// Whether the samples of a channel's day are gone for their age. A day that cannot be read is not.
    pub(super) fn raw(&self, channel: ChannelId, day: Day) -> Raw {
        let kept = self.history.get(DayKey::new(Table::Days, channel, day).to_bytes());
        kept.ok().flatten().map_or(Raw::Here, |bytes| kept::raw(&bytes))
    }

    /// The samples of one channel's day, ascending, one per time, and what of it cannot be read.
    pub(super) fn day(
        &self,
        snapshot: &Snapshot,
        channel: ChannelId,
        day: Day,
    ) -> (Vec<StoredSample>, Vec<StoreError>) {
        let [first, last] = Key::days(channel, day, day);
        let mut decoded = DayRuns::default();
        for guard in snapshot.range(&self.history, first..=last) {
            match run_of(channel, day, guard) {
                Ok((key, bytes)) => decoded.add(key, &bytes),
                Err(error) => decoded.damages.push(error),
            }
        }
        decoded.finish()
    }
}

/// The spans from one to another in which there may be runs, of whatever channel: all that there are, and those whose
/// first run cannot be read.
pub(super) fn spans<'a>(
    history: &'a Keyspace,
    snapshot: &'a Snapshot,
    from: Span,
    to: Span,
) -> impl Iterator<Item = Span> + 'a {
    let first = next_span(history, snapshot, from, to);
    std::iter::successors(first, move |span| next_span(history, snapshot, span.next()?, to))
}

/// The first of [`spans`].
pub(super) fn next_span(history: &Keyspace, snapshot: &Snapshot, from: Span, to: Span) -> Option<Span> {
    let next = |from: Span| {
        let end = to.next().map_or_else(|| Table::Dirty.prefix().to_vec(), |next| next.to_bytes().to_vec());
        if from > to {
            return Ok(None);
        }
        for guard in snapshot.range(history, from.to_bytes().to_vec()..end) {
            // What is no run's key is passed over.
            if let Some(span) = Span::of_key(&guard.key()?) {
                return Ok(Some(span));
            }
        }
        Ok::<_, fjall::Error>(None)
    };
    next(from).unwrap_or_else(|_| {
        // A span's first run is mostly another channel's: where it cannot be read, the one's that is looked for may
        // be. Every span before it meets it, too; only those nearest can begin in the same unreadable part.
        let readable = |number| Span::of_number(number).is_none_or(|span| next(span).is_ok());
        let readable = first_readable(from.number(), to.number(), readable).unwrap_or(to.number());
        Span::of_number((readable - UNREADABLE_SPANS).max(from.number()))
    })
}

/// What the engine hands out, as a run's address and bytes; `day` is what an error names.
pub(super) fn run_of(channel: ChannelId, day: Day, guard: fjall::Guard) -> Result<(Key, fjall::Slice), StoreError> {
    let (key, bytes) = guard.into_inner().map_err(|source| StoreError::UnreadableDay { channel, day, source })?;
    let key = Key::from_bytes(&key).ok_or(StoreError::DamagedKey { channel })?;
    Ok((key, bytes))
}

/// The least of `from..=to` that is readable, found by doubling steps and halving back: the engine cannot say where a
/// part that it cannot read ends.
pub(super) fn first_readable(from: i64, to: i64, mut readable: impl FnMut(i64) -> bool) -> Option<i64> {
    if from > to {
        return None;
    }
    if readable(from) {
        return Some(from);
    }
    let (mut bad, mut step) = (from, 1i64);
    let mut good = loop {
        let next = bad.saturating_add(step).min(to);
        if next == bad {
            return None;
        }
        if readable(next) {
            break next;
        }
        bad = next;
        step = step.saturating_mul(2);
    };
    while good - bad > 1 {
        let middle = bad + (good - bad) / 2;
        if readable(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Some(good)
}

/// The runs of one day, added in the order of their numbers: a later one wins at equal times.
#[derive(Default)]
pub(super) struct DayRuns {
    samples: Vec<StoredSample>,
    overlap: bool,
    pub(super) damages: Vec<StoreError>,
}

impl DayRuns {
    pub(super) fn add(&mut self, key: Key, bytes: &[u8]) {
        let start = self.samples.len();
        if let Err(damage) = run::decode(key, bytes, &mut self.samples) {
            metrics::counter!("store_damaged_runs_read_total").increment(1);
            let Key { channel, day, number: run } = key;
            self.damages.push(StoreError::DamagedRun { channel, day, run, damage });
        } else if start > 0 && self.samples[start].observed_at <= self.samples[start - 1].observed_at {
            self.overlap = true;
        }
    }

    pub(super) fn finish(mut self) -> (Vec<StoredSample>, Vec<StoreError>) {
        if self.overlap {
            // The sort is stable: of equal times the last one is of the latest run.
            self.samples.sort_by_key(|sample| sample.observed_at);
            self.samples.dedup_by(|later, kept| {
                let same = later.observed_at == kept.observed_at;
                if same {
                    *kept = *later;
                }
                same
            });
        }
        (self.samples, self.damages)
    }
}

/// Whether the store is of the layout before this one.
fn check_format(path: &Path) -> Result<bool, StoreError> {
    let failed = |source| StoreError::Directory { path: path.to_owned(), source };
    fs::create_dir_all(path).map_err(failed)?;
    let file = path.join(FORMAT_FILE);
    match fs::read(&file) {
        Ok(found) if found == FORMAT.as_bytes() => Ok(false),
        Ok(found) if [FORMAT_2, FORMAT_2_TO_3].map(str::as_bytes).contains(&&*found) => Ok(true),
        Ok(found) => Err(refused(file, &found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::exists(path.join(DATABASE_DIRECTORY)).map_err(failed)? {
                return Err(refused(file, b""));
            }
            write_format(path, &file, FORMAT).map_err(failed).map(|()| false)
        }
        Err(error) => Err(failed(error)),
    }
}

fn refused(path: PathBuf, found: &[u8]) -> StoreError {
    let found = String::from_utf8_lossy(&found[..found.len().min(FORMAT_SHOWN_BYTES)]).trim_end().to_owned();
    StoreError::Format { path, found, expected: FORMAT.trim_end() }
}

/// Whole or not at all: a torn format file would make a store that never opens again.
fn write_format(directory: &Path, file: &Path, format: &str) -> io::Result<()> {
    let unfinished = directory.join("format.new");
    let mut out = File::create(&unfinished)?;
    out.write_all(format.as_bytes())?;
    out.sync_all()?;
    fs::rename(unfinished, file)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_goes_on_right_after_the_part_that_cannot_be_read() {
        let check = |from, to, bad: std::ops::RangeInclusive<i64>, expected| {
            assert_eq!(first_readable(from, to, |place| !bad.contains(&place)), expected, "{from} {to} {bad:?}");
        };
        check(5, 4, 0..=0, None);
        check(5, 5, 0..=0, Some(5));
        check(5, 5, 5..=5, None);
        check(5, 9, 5..=5, Some(6));
        check(5, 1_000_000, 5..=777, Some(778));
        check(-200_000_000, 200_000_000, -200_000_000..=199_999_999, Some(200_000_000));
        check(0, i64::MAX, 0..=i64::MAX - 1, Some(i64::MAX));
    }
}
