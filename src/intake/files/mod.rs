//! Folders that are watched: files that stations, loggers and other programs drop, one folder a source.
//!
//! A file's way: seen and unchanged for a while ([`scan`]) -> row by row, or whole, to the [`Desk`] ([`read`]) -> what it
//! held is durable -> moved to `done/` or `failed/` in the same folder ([`place`]).
//!
//! Invariants:
//! - A file is moved only when everything that it held is in the journal. `done/`: all of it was taken, or known
//!   already. `failed/`: something was refused, and a report beside it says what; the rest was taken.
//! - A file that was read and could not be moved is remembered ([`progress`]) and not read again while it is the same.
//!   After a kill in between, rows that come a second time are duplicates by their channel and time.
//! - Whatever is wrong with one file leaves the others alone; whatever is wrong with the folder is told in [`Status`]
//!   until it is mended.
//! - Memory does not grow with a file's length, and one file's rows wait for the disk before more are read: a backlog
//!   never fills the journal's buffer.
//!
//! Rows keep the times that they have: what is old is history handed in afterwards and alarms nobody. A row without a
//! time is refused, as a file may be of any age. Left out on purpose: events of the file system (file shares do not
//! tell them), links (a name in the folder must not open a file elsewhere), packed files, and tidying up `done/`.

mod place;
mod progress;
mod read;
mod scan;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use metrics::counter;
use parking_lot::Mutex;

use super::Stopped;
use crate::decode::source::config::Decoder;
use crate::decode::source::pattern::Pattern;
use crate::decode::{Limits, source};
use crate::model::{Message, RawMessage, Seq, SourceId, Timestamp};
use place::Placed;
use progress::Progresses;
use read::{Outcome, ReadError};
use scan::{Identity, Scan};

/// Files that are read before their rows are waited for and the files are moved.
const FILES_AT_ONCE: usize = 64;

/// Where rows go. Two of them: the service's own pipeline, and a test's.
pub trait Desk {
    /// The time.
    fn now(&self) -> Timestamp;

    /// Takes a batch of messages, waiting for room where that is needed; `tell` hears what became of each, in order.
    ///
    /// # Errors
    /// When nothing more is taken.
    fn take(&mut self, batch: &[RawMessage<'_>], tell: &mut dyn FnMut(&Message)) -> Result<Seq, Stopped>;

    /// Waits until everything up to `seq` is durable.
    ///
    /// # Errors
    /// When it will not be.
    fn wait_durable(&mut self, seq: Seq) -> Result<(), Stopped>;
}

/// How a folder stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What is wrong, in a sentence; `None` when the last look found nothing wrong.
    pub trouble: Option<String>,
    /// Files that are there and wait to be unchanged for long enough, or to be moved.
    pub waiting: usize,
    /// Files read since the start, all of which was taken.
    pub done: u64,
    /// Files read since the start, of which something was refused.
    pub failed: u64,
}

/// One folder.
pub struct Folder {
    source: SourceId,
    root: PathBuf,
    topic: Pattern,
    decoder: Decoder,
    separator: u8,
    payload_bytes_max: usize,
    scan: Scan,
    progresses: Progresses,
    status: Arc<Mutex<Status>>,
}

impl Folder {
    /// A declared source's folder; `None` when the source has none. `notes` is where it is remembered how far files
    /// were read; made when it is missing.
    ///
    /// # Errors
    /// When there can be no notes.
    pub fn of(
        config: &source::Config,
        limits: &super::Config,
        number: SourceId,
        notes: &std::path::Path,
    ) -> std::io::Result<Option<Folder>> {
        let (Some(root), Ok(topic)) = (config.folder.clone(), Pattern::parse(&config.topic)) else { return Ok(None) };
        let usual = if config.decoder == Decoder::StationFile { b'\t' } else { b',' };
        let separator = config.separator.as_deref().and_then(|text| text.bytes().next()).unwrap_or(usual);
        let is_open_at_end = config.decoder.rows();
        Ok(Some(Folder {
            source: number,
            root,
            topic,
            decoder: config.decoder,
            separator,
            payload_bytes_max: Limits::default().payload_bytes_max,
            scan: Scan::new(limits.settle.into(), is_open_at_end.then(|| limits.settle_open.into())),
            progresses: Progresses::open(&notes.join(&config.name), &format!("{config:?}"))?,
            status: Arc::default(),
        }))
    }

    /// How it stands, now and later.
    pub fn status(&self) -> Arc<Mutex<Status>> {
        Arc::clone(&self.status)
    }

    /// Looks once: reads what has been unchanged for long enough at `now`, and moves it.
    ///
    /// # Errors
    /// When the desk takes nothing more. What is wrong with the folder or its files is in [`Folder::status`].
    pub fn look(&mut self, now: Instant, desk: &mut impl Desk) -> Result<(), Stopped> {
        let mut troubles = Vec::new();
        let found = self.scan.look(&self.root, now, |path| self.topic.matches(path).is_some(), &mut troubles);
        self.progresses.keep_only(|path| found.all.contains(path));
        let mut read: Vec<(String, Identity, Outcome)> = Vec::new();
        for (path, identity) in found.settled {
            match self.read(&path, identity, desk) {
                Ok(outcome) => read.push((path, identity, outcome)),
                Err(ReadError::Stopped(stopped)) => {
                    self.settle(&mut read, desk, &mut troubles)?;
                    return Err(stopped);
                }
                Err(ReadError::File(error)) => troubles.push(format!("{path} cannot be read: {error}")),
            }
            if read.len() == FILES_AT_ONCE {
                self.settle(&mut read, desk, &mut troubles)?;
            }
        }
        self.settle(&mut read, desk, &mut troubles)?;
        let mut status = self.status.lock();
        status.waiting = self.scan.waiting();
        let more = troubles.len().saturating_sub(1);
        let first = troubles.into_iter().next();
        status.trouble =
            first.map(|first| if more == 0 { first } else { format!("{first}; and {more} more faults like it") });
        Ok(())
    }

    fn read(&self, path: &str, identity: Identity, desk: &mut impl Desk) -> Result<Outcome, ReadError> {
        let reading = read::Reading {
            path: &self.root.join(path),
            topic: path,
            source: self.source,
            decoder: self.decoder,
            separator: self.separator,
            payload_bytes_max: self.payload_bytes_max,
            identity,
            progress: self.progresses.of(path, identity),
        };
        reading.run(desk, |progress| self.progresses.note(path, identity, progress))
    }

    /// Waits until everything that was read is durable, and moves the files.
    fn settle(
        &mut self,
        read: &mut Vec<(String, Identity, Outcome)>,
        desk: &mut impl Desk,
        troubles: &mut Vec<String>,
    ) -> Result<(), Stopped> {
        if let Some(last) = read.iter().map(|(_, _, outcome)| outcome.seq).max() {
            desk.wait_durable(last)?;
        }
        for (path, identity, outcome) in read.drain(..) {
            match place::place(&self.root, &path, identity, &outcome, desk.now()) {
                Ok(Placed::Moved) => {
                    self.progresses.forget(&path);
                    self.scan.forget(&path);
                    let mut status = self.status.lock();
                    let (count, word) =
                        if outcome.is_clean() { (&mut status.done, "done") } else { (&mut status.failed, "failed") };
                    *count += 1;
                    counter!("intake_files_total", "became" => word).increment(1);
                }
                // It was written to while it was read: it is a new file, to be looked at again.
                Ok(Placed::Changed) => self.scan.forget(&path),
                Err(error) => {
                    troubles.push(format!("{path} is read and cannot be moved: {error}"));
                    let is_noted = self.progresses.of(&path, identity) == outcome.progress;
                    if !is_noted && let Err(error) = self.progresses.note(&path, identity, &outcome.progress) {
                        troubles.push(format!("how far {path} was read cannot be noted: {error}"));
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
