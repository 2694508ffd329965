//! Giving back what settling has made useless: replaced runs in the engine's tables, and its own log.
//!
//! The engine drops replaced values when it merges tables, which in a small store it seldom needs to, and it deletes
//! its log only after 64 MB of it. For a large store neither matters; a small one would be several times the size of
//! its history. So after settling, when what is useless is a fair part of the whole, such a store's tables are merged
//! and its log is turned: filled up to the length at which the engine begins a new one, and written out. At most once
//! a day, about a second of the thread that applies for each 100 MiB; nothing waits but the journal's follower.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use fjall::{AbstractTree, PersistMode};

use super::key::Table;
use super::tables::Tables;

/// Greater stores are left to the engine: what it leaves unmerged is then a small part of them.
const TABLE_BYTES_MAX: u64 = 1 << 30;
/// A log shorter than this is not worth its turning. A longer one is read at the next opening: 0.2 s for 32 MiB.
const LOG_BYTES_MIN: u64 = 4 << 20;
/// One part in so many may be useless.
const SHARE: u64 = 8;
/// The engine begins a new log when it writes out after this many bytes (fjall 3, `worker_pool.rs`).
pub(super) const LOG_TURNS_AT: u64 = 64_000_000;
const FILLER_BYTES: usize = 1 << 20;
const FILLER_KEY: &[u8] = &[Table::Notes as u8, u8::MAX];
const BLOCK_BYTES: u64 = 512;
/// How long the engine may take to write out; what is not done by then is done another time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether so many useless bytes are a fair part of a small store, and the disk has room for the work: tables twice,
/// and the log twice. A disk that fills up in the middle would stop the store.
pub(super) fn is_worth_it(tables: &Tables, directory: &Path, useless_bytes: u64) -> bool {
    let table_bytes = tables.bytes();
    let is_fair = useless_bytes > 0 && table_bytes <= TABLE_BYTES_MAX && useless_bytes * SHARE >= table_bytes;
    is_fair && free_bytes(directory).is_some_and(|free| free > 2 * table_bytes + 2 * LOG_TURNS_AT)
}

/// Free for this process, on the disk of a directory.
pub(super) fn free_bytes(directory: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(directory).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Merges the tables, and turns the log if that is worth it.
pub(super) fn reclaim(tables: &Tables, directory: &Path) -> Result<(), fjall::Error> {
    let table_bytes = tables.bytes();
    let began = Instant::now();
    // A file's blocks are known only when they are on disk.
    tables.database.persist(PersistMode::SyncAll)?;
    let log_bytes = log_bytes(directory);
    let turns = log_bytes > LOG_BYTES_MIN;
    if turns {
        fill(tables, LOG_TURNS_AT.saturating_sub(log_bytes) + FILLER_BYTES as u64)?;
    }
    tables.history.rotate_memtable()?;
    // The old log goes when everything in it is written out.
    while tables.history.tree.sealed_memtable_count() > 0 || turns && tables.database.journal_count() > 1 {
        if began.elapsed() > PATIENCE {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    tables.history.major_compact()?;
    // The engine lets go of replaced tables when the next one is written after them.
    tables.history.insert(FILLER_KEY, b"")?;
    tables.history.remove(FILLER_KEY)?;
    drop(tables.database.snapshot());
    tables.history.rotate_memtable()?;
    while tables.history.tree.sealed_memtable_count() > 0 && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    tracing::info!(
        tables.bytes.before = table_bytes,
        tables.bytes.after = tables.bytes(),
        log.bytes.before = log_bytes,
        took.ms = began.elapsed().as_millis() as u64,
        "useless history was given back to the disk"
    );
    Ok(())
}

/// Bytes on disk of the log's newest file: the engine makes its files longer than what is in them.
fn log_bytes(directory: &Path) -> u64 {
    let number = |path: &Path| path.file_stem()?.to_str()?.parse::<u64>().ok();
    let files = fs::read_dir(directory).into_iter().flatten().flatten().map(|file| file.path());
    let logs = files.filter(|path| path.extension().is_some_and(|extension| extension == "jnl"));
    let newest = logs.max_by_key(|path| number(path)).and_then(|path| path.metadata().ok());
    newest.map_or(0, |found| (found.blocks() * BLOCK_BYTES).min(found.len()))
}

/// Writes nothing of use, and takes it back.
fn fill(tables: &Tables, bytes: u64) -> Result<(), fjall::Error> {
    // The log compresses what can be compressed.
    let mut noise = 0x9E37_79B9_7F4A_7C15u64;
    let words = std::iter::repeat_with(|| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise.to_le_bytes()
    });
    let filler = fjall::Slice::from(words.take(FILLER_BYTES / 8).flatten().collect::<Vec<u8>>());
    let began = Instant::now();
    for _ in 0..bytes.div_ceil(FILLER_BYTES as u64) {
        // The engine makes a writer wait for ever when it cannot write out: do not get there.
        while tables.history.tree.sealed_memtable_count() > 1 {
            if began.elapsed() > PATIENCE {
                return tables.history.remove(FILLER_KEY);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        tables.history.insert(FILLER_KEY, filler.clone())?;
    }
    tables.history.remove(FILLER_KEY)
}
