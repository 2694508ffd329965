//! The journal: everything that Saola has acknowledged, in order, on disk.
//!
//! Entries are appended to a buffer; one thread writes what has gathered as one group, syncs it, and only then says
//! that it is durable, while the next group gathers. Readers follow on the files. Segments that every follower has
//! passed are recycled.
//!
//! # What always holds
//!
//! - An entry is durable when the sync that covers it has returned, and [`Durable`] says so only then.
//! - Numbers ([`Seq`]) begin with 1, go up by one, never go back and are never given to two entries that anybody
//!   could have seen: only an entry that never became durable may lose its number to another one after a restart.
//! - After a failed sync nothing more is written until a restart: the kernel may have dropped what it could not write.
//! - Nothing readable is deleted without a copy (`*.damaged`), and no damage stops what is behind it from being read.
//! - No bytes on disk make it panic.
//!
//! # Bytes
//!
//! All numbers are little-endian. A segment is named `{first seq, 20 digits}-{salt, 8 hex digits}.seg`:
//!
//! ```text
//!        0 +------------------------------+
//!          | header, 64 bytes             |
//!     2048 | header again                 |     other sector: one torn or flipped copy does no harm
//!     4096 +------------------------------+
//!          | group                        |     written by one pwrite, durable by one fdatasync
//!          | group                        |
//!          | ...                          |
//!          | zeros, or an earlier life's  |     an earlier life's records have another salt: never believed
//!          +------------------------------+
//!
//! header    0  8  magic "SAOLAJNL"
//!           8  4  version, 1               (a later one is refused, and nothing is touched)
//!          12  4  salt, random             every CRC of a frame begins with it
//!          16  8  first seq
//!          24  1  1 when the file is recycled, 0 when zeros lie behind the last group
//!          25 35  zero
//!          60  4  CRC-32 of bytes 0..60
//!
//! group     mark frame, then one frame for each entry, seqs going up by one
//!
//! frame     0  4  bytes of the body, n
//!           4  4  number: seq - first seq of the segment (a mark's: of the entry behind it)
//!           8  4  CRC-32 from the salt over bytes 0..8        a length is believed when this one is right
//!          12  4  CRC-32 from that one over the body
//!          16  n  body
//!
//! mark      0  1  kind 0
//! (body)    1  8  durable: every entry up to this seq was synced before this group was written
//!           9  4  bytes of the group, this frame included
//!          13  4  entries of the group; 0 closes the segment
//!
//! entry     0  1  kind: 1 message, 2 tick, 3 catalogue, 4 rules, 20 policy, 21 devices, 22 outage,
//!                 23 maintenance, 24 corrections, 30 message with names, 31 catalogue with moves, 32 canary, 40 command,
//!                 55 word about an alert, 56 plan of escalation, 57 failed delivery, 65 plan of incidents,
//!                 70 catalogue with moves and derived channels
//! (body)    1  8  received at, microseconds since 1970, signed
//!           9     tick: nothing; the others but messages, moves and canary: postcard of the model's types;
//!                 message:
//!
//!   v source, v received, v duplicates
//!   v samples, each:     v channel
//!                        z observed at - received at, microseconds
//!                        8 value, IEEE 754 double
//!                        1 time class (2 low bits: 0 live, 1 late, 2 backfill, 3 imported) | quality << 2
//!                        2 quality, only when the 6 bits above are 63
//!   v rejections, each:  1 reason (its place in `Reason::ALL`), v bytes, detail in UTF-8
//!   1 with a copy of the message (0, 1), and then: v bytes, topic in UTF-8, v bytes, payload
//!
//!   of kind 30 also:
//!   v unknown names, each:  v bytes, station, v bytes, property, v unit (its place in `Unit::ALL` + 1; 0 none)
//!   1 handed in again (0, 1), and then: v number of the dead letter, 8 first received at
//!   of kinds 31 and 70 after the catalogue: postcard of its moves;  of kind 70 then: of its derived channels;
//!   of kind 32: 8 sent at
//!
//!   v: 7 bits a byte, low first, the high bit says that another follows;  z: the same of (n << 1) ^ (n >> 63)
//! ```
//!
//! A message of one sample takes about 45 bytes, each further sample about 15.
//!
//! # What a mark is for
//!
//! A group is written only after the one before it was synced. A hole with readable records behind it is therefore
//! damage when a later mark (or a later segment) proves that its group had been synced, and then everything behind it
//! is kept; otherwise it is the torn end of a group that nobody was told about, and the journal ends there. The same
//! rule reads a segment that could not be cut: what it holds at or after the next segment's first seq is not part of it.
//!
//! # What is left out
//!
//! Compression (the store compresses; the journal is short), an index (readers keep their place; finding one reads at
//! most one segment), more than one writer, encryption.

mod body;
mod config;
mod disk;
mod error;
mod frame;
mod group;
mod log;
mod reader;
mod recover;
mod report;
mod scan;
mod segment;
mod shared;
mod verify;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::watch;

use self::disk::{Disk, RealDisk};
use self::log::Log;
use self::shared::Shared;
use crate::model::{Body, Durable, Seq, Timestamp};

pub use config::{BUFFER_BYTES_MAX, Config, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
pub use error::{AppendError, JournalError};
pub use reader::Reader;
pub use report::{Damage, Damages, Fault, Recovery, Report, Torn};
pub use segment::VERSION;
pub use shared::Stuck;
pub use verify::{inspect, verify};

/// The journal of one directory, which it holds locked as long as it lives.
pub struct Journal {
    shared: Arc<Shared>,
    /// The committing thread; it returns how many entries it left unwritten.
    thread: Mutex<Option<JoinHandle<u64>>>,
    /// Keeps the directory's lock.
    _disk: Arc<dyn Disk>,
}

/// How the journal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Bytes of all segment files.
    pub bytes: u64,
    /// Segment files.
    pub segments: usize,
    /// First entry kept; zero when there is none.
    pub oldest: Seq,
    /// Last entry appended.
    pub appended: Seq,
    /// Last entry on disk.
    pub durable: Seq,
    /// Bytes that wait for the disk (besides those being written).
    pub waiting_bytes: usize,
    /// At its cap: nothing is taken in until the slowest follower passes on. An alarm.
    pub full: bool,
    /// The disk is full: nothing is acknowledged until there is space. An alarm.
    pub no_space: bool,
    /// A write failed: nothing more is written until a restart. An alarm.
    pub failed: bool,
    /// Each follower and where it stands.
    pub followers: Vec<(String, Seq)>,
}

impl Journal {
    /// Opens the journal in `dir` (made when it is missing, mode 0700), locks it against other processes, cuts a torn
    /// tail and says what it found. Blocks for as long as reading the segments takes, at most 1 GiB of them.
    pub fn open(dir: &Path, config: &Config) -> Result<(Arc<Journal>, Recovery), JournalError> {
        config.check()?;
        Self::open_on(Arc::new(RealDisk::lock(dir)?), config)
    }

    fn open_on(disk: Arc<dyn Disk>, config: &Config) -> Result<(Arc<Journal>, Recovery), JournalError> {
        let recovered = recover::recover(&*disk)?;
        disk::probe(&*disk).map_err(|error| JournalError::io("write to", "the journal's directory", error))?;
        let recovery = recovered.recovery.clone();
        let last = recovered.last;
        let (log, segments) = Log::new(Arc::clone(&disk), config, recovered);
        let shared = Arc::new(Shared::new(config, segments, last));
        let committing = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || shared::run(&committing, log))
            .map_err(|error| JournalError::io("start a thread for", "the journal", error))?;
        Ok((Arc::new(Journal { shared, thread: Mutex::new(Some(thread)), _disk: disk }), recovery))
    }

    /// Gives the entry its number and adds it to the group that is gathering. Never waits for the disk. It takes the
    /// entry even when [`Journal::has_room`] says no: asking first is what bounds memory.
    pub fn append(&self, received_at: Timestamp, body: &Body) -> Result<Seq, AppendError> {
        self.shared.append(received_at, body)
    }

    /// Whether senders should go on. False while the buffer is full, the journal is at its cap or the disk is full;
    /// true once it has stopped, since then appending says so.
    pub fn has_room(&self) -> bool {
        self.shared.has_room()
    }

    /// Returns when [`Journal::has_room`] does.
    pub async fn room(&self) {
        self.shared.room().await;
    }

    /// How far the journal is on disk, and its changes.
    pub fn durable(&self) -> watch::Receiver<Durable> {
        self.shared.durable()
    }

    /// Reads the durable entries after `after`. A reader that is no follower may find them reclaimed; it then goes on
    /// with the oldest ones and counts what it missed.
    pub fn reader(&self, after: Seq) -> Reader {
        Reader::new(Arc::clone(&self.shared), after)
    }

    /// Registers a follower that has seen everything up to `at`, durably. It keeps what comes after `at` from being
    /// reclaimed, also once the returned value is dropped. Register every follower before the first one passes on.
    ///
    /// A follower that is ahead of the journal (its files were lost) moves the numbers on, past what it has seen;
    /// an error when entries have been appended since opening.
    pub fn follower(&self, name: &str, at: Seq) -> Result<Follower, JournalError> {
        self.shared.follow(name, at)?;
        Ok(Follower { shared: Arc::clone(&self.shared), name: name.to_owned() })
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let picture = self.shared.picture();
        let durable = self.shared.durable_now();
        Status {
            bytes: self.shared.segments.bytes(),
            segments: self.shared.segments.count(),
            oldest: self.shared.segments.oldest().unwrap_or_default(),
            appended: picture.appended,
            durable: durable.through,
            waiting_bytes: picture.waiting_bytes,
            full: picture.stuck == Stuck::Full,
            no_space: picture.stuck == Stuck::NoSpace,
            failed: durable.failed,
            followers: picture.followers,
        }
    }

    /// Takes nothing more, writes and syncs what was appended, ends the thread. Blocks meanwhile. An error when
    /// something could not be written; a second call does nothing.
    pub fn close(&self) -> Result<(), JournalError> {
        self.shared.begin_closing();
        let Some(thread) = self.thread.lock().take() else { return Ok(()) };
        // A thread that panicked has said so in the log, and in `Durable::failed`.
        match thread.join().unwrap_or(0) {
            0 => Ok(()),
            entries => Err(JournalError::Unwritten { entries }),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!("{error}");
        }
    }
}

/// A part that keeps a checkpoint of its own and lets the journal forget what is behind it.
pub struct Follower {
    shared: Arc<Shared>,
    name: String,
}

impl Follower {
    /// Everything up to `seq` will not be needed again: call it once the checkpoint is durable. Never goes back.
    pub fn passed(&self, seq: Seq) {
        self.shared.passed(&self.name, seq);
    }
}
