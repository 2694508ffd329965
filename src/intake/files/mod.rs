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
//! - A file that cannot be read to its end is read on behind what was taken, after a wait that doubles each time.
//! - A file that is written to within an hour after it was moved is put back and read again: its writer paused for
//!   longer than files are left to settle. A restart forgets which these are.
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

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::counter;
use parking_lot::Mutex;

use super::Stopped;
use crate::decode::source::config::Decoder;
use crate::decode::source::pattern::Pattern;
use crate::decode::{Limits, source};
use crate::model::{Message, RawMessage, Seq, SourceId, Timestamp};
use place::{Moved, Placed};
use progress::{Progress, Progresses};
use read::{Outcome, ReadError};
use scan::{Identity, Scan};

/// Files that are read before their rows are waited for and the files are moved.
const FILES_AT_ONCE: usize = 64;
/// How long after it was moved a file is looked at for what is still written to it, and how many are at a time; of more
/// the oldest are left.
const LOOKED_BACK_AT: Duration = Duration::from_secs(3600);
const LOOKED_BACK_MAX: usize = 20_000;
/// How long a file waits that could not be read to its end: at first, and at most.
const WAIT_MIN: Duration = Duration::from_secs(4);
const WAIT_MAX: Duration = Duration::from_secs(3600);

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
    /// Why nothing of the folder is read, in a sentence; `None` when the last look could look into it.
    pub blind: Option<String>,
    /// What is wrong with files or folders in it; `None` when the last look found nothing wrong.
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
    /// Files with something that is not to be done at once again, by path.
    held: HashMap<String, Held>,
    /// Files moved lately, oldest first.
    moved: VecDeque<Recent>,
    status: Arc<Mutex<Status>>,
}

/// A file that is known although it could not be read, or not be moved.
struct Held {
    identity: Identity,
    /// Known here too, since it may be that it cannot be noted.
    progress: Progress,
    /// Why, and how long from when on it is left alone.
    fault: Option<(String, Duration, Instant)>,
}

struct Recent {
    moved: Moved,
    at: Instant,
    /// When to look at it again.
    due: Instant,
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
            held: HashMap::new(),
            moved: VecDeque::new(),
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
        self.look_back(now, &mut troubles);
        let found = self.scan.look(&self.root, now, |path| self.topic.matches(path).is_some(), &mut troubles);
        self.progresses.keep_only(|path| found.may_have(path));
        self.held.retain(|path, _| found.may_have(path));
        let mut read: Vec<(String, Identity, Outcome)> = Vec::new();
        for (path, identity) in found.settled {
            let held = self.held.get(&path).filter(|held| held.identity == identity);
            if let Some((fault, wait, since)) = held.and_then(|held| held.fault.as_ref())
                && now.saturating_duration_since(*since) < *wait
            {
                troubles.push(fault.clone());
                continue;
            }
            match self.read(&path, identity, desk, &mut troubles) {
                Ok(outcome) => read.push((path, identity, outcome)),
                Err(ReadError::Stopped(stopped)) => {
                    self.settle(&mut read, now, desk, &mut troubles)?;
                    return Err(stopped);
                }
                Err(ReadError::File(error)) => troubles.push(format!("{path} cannot be read: {error}")),
            }
            if read.len() == FILES_AT_ONCE {
                self.settle(&mut read, now, desk, &mut troubles)?;
            }
        }
        self.settle(&mut read, now, desk, &mut troubles)?;
        let mut status = self.status.lock();
        status.waiting = self.scan.waiting();
        status.blind = found.blind;
        let more = troubles.len().saturating_sub(1);
        let first = troubles.into_iter().next();
        status.trouble =
            first.map(|first| if more == 0 { first } else { format!("{first}; and {more} more faults like it") });
        Ok(())
    }

    /// Puts files back that were written to after they were moved.
    fn look_back(&mut self, now: Instant, troubles: &mut Vec<String>) {
        let (root, scan) = (&self.root, &mut self.scan);
        self.moved.retain_mut(|recent| {
            if now < recent.due {
                return true;
            }
            let path = &recent.moved.path;
            match recent.moved.comes_back(root) {
                Ok(true) => {
                    scan.forget(path);
                    troubles.push(format!(
                        "{path} was written to after it was read and is read again: intake.settle is shorter than its \
                         writer's pauses"
                    ));
                    counter!("intake_files_total", "became" => "written_on").increment(1);
                    false
                }
                Ok(false) => {
                    let age = now.saturating_duration_since(recent.at);
                    // Rarer and rarer, so that many files cost a file share little.
                    recent.due = recent.at + (age.max(Duration::from_secs(1)) * 2).min(LOOKED_BACK_AT);
                    age < LOOKED_BACK_AT
                }
                Err(error) => {
                    troubles.push(format!("{path} was written to after it was read, and cannot be put back: {error}"));
                    true
                }
            }
        });
    }

    fn read(
        &self,
        path: &str,
        identity: Identity,
        desk: &mut impl Desk,
        troubles: &mut Vec<String>,
    ) -> Result<Outcome, ReadError> {
        let held = self.held.get(path).filter(|held| held.identity == identity);
        let reading = read::Reading {
            path: &self.root.join(path),
            topic: path,
            source: self.source,
            decoder: self.decoder,
            separator: self.separator,
            payload_bytes_max: self.payload_bytes_max,
            identity,
            progress: held.map_or_else(|| self.progresses.of(path, identity), |held| held.progress.clone()),
        };
        reading.run(desk, |progress| self.note(path, identity, progress, troubles))
    }

    fn note(&self, path: &str, identity: Identity, progress: &Progress, troubles: &mut Vec<String>) {
        if let Err(error) = self.progresses.note(path, identity, progress) {
            troubles.push(format!("how far {path} was read cannot be noted: {error}"));
        }
    }

    /// Waits until everything that was read is durable, and moves the files.
    fn settle(
        &mut self,
        read: &mut Vec<(String, Identity, Outcome)>,
        now: Instant,
        desk: &mut impl Desk,
        troubles: &mut Vec<String>,
    ) -> Result<(), Stopped> {
        if let Some(last) = read.iter().map(|(_, _, outcome)| outcome.seq).max() {
            desk.wait_durable(last)?;
        }
        for (path, identity, outcome) in read.drain(..) {
            if let Some(fault) = &outcome.fault {
                let fault = format!("{path} cannot be read to its end: {fault}");
                self.hold(path, identity, outcome.progress, Some((fault, now)), troubles);
                continue;
            }
            let placed = place::place(&self.root, &path, identity, &outcome, desk.now());
            match placed {
                Ok(Placed::Moved(moved)) => self.placed(moved, now, &outcome),
                // It was written to while it was read: it is a new file, to be looked at again.
                Ok(Placed::Changed) => self.scan.forget(&path),
                Err(error) => {
                    troubles.push(format!("{path} is read and cannot be moved: {error}"));
                    self.hold(path, identity, outcome.progress, None, troubles);
                }
            }
        }
        Ok(())
    }

    fn placed(&mut self, moved: Moved, now: Instant, outcome: &Outcome) {
        self.progresses.forget(&moved.path);
        self.scan.forget(&moved.path);
        self.held.remove(&moved.path);
        let mut status = self.status.lock();
        let (count, word) =
            if outcome.is_clean() { (&mut status.done, "done") } else { (&mut status.failed, "failed") };
        *count += 1;
        drop(status);
        counter!("intake_files_total", "became" => word).increment(1);
        if self.moved.len() == LOOKED_BACK_MAX {
            self.moved.pop_front();
        }
        // Due at the next look already: it may have been written to between its last look and the move.
        self.moved.push_back(Recent { moved, at: now, due: now });
    }

    /// Remembers how far a file was read that stays where it is.
    fn hold(
        &mut self,
        path: String,
        identity: Identity,
        progress: Progress,
        fault: Option<(String, Instant)>,
        troubles: &mut Vec<String>,
    ) {
        let before = self.held.get(&path).filter(|held| held.identity == identity);
        let is_known = before.is_some_and(|held| held.progress == progress);
        if !is_known && self.progresses.of(&path, identity) != progress {
            self.note(&path, identity, &progress, troubles);
        }
        let waited = before.and_then(|held| held.fault.as_ref()).map(|(_, wait, _)| *wait);
        let wait = waited.map_or(WAIT_MIN, |wait| (wait * 2).min(WAIT_MAX));
        let fault = fault.map(|(fault, since)| {
            troubles.push(fault.clone());
            (fault, wait, since)
        });
        self.held.insert(path, Held { identity, progress, fault });
    }
}

#[cfg(test)]
mod tests;
