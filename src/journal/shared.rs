//! What the appending, committing and reading sides share, and the committing thread's loop.
//!
//! Two buffers: entries gather in one while the other is on its way to disk. The lock is held to encode one entry or
//! to swap the buffers, never across a system call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, watch};

use super::config::Config;
use super::group::Group;
use super::log::{CommitError, Log};
use super::segment::Segments;
use super::{AppendError, JournalError};
use crate::model::{Body, Durable, Seq, Timestamp};

/// Waiting for space or for followers begins with this and doubles.
const RETRY_MIN: Duration = Duration::from_millis(10);
/// The longest wait between two tries: D7 allows ten seconds in all.
const RETRY_MAX: Duration = Duration::from_secs(1);

/// Why nothing is being written although entries wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stuck {
    /// It is not.
    #[default]
    No,
    /// At the cap: a follower is too far behind.
    Full,
    /// The disk is full.
    NoSpace,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Open,
    Closing,
    Stopped,
}

/// What the committing thread waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// Nothing: it looks at the buffer again by itself.
    No,
    /// Any entry.
    Entry,
    /// Company for the first entry; wakes by itself soon.
    Company,
}

struct Gathering {
    group: Group,
    next: Seq,
    /// What `next` was before the first entry of this run.
    opened: Seq,
    waiting: Waiting,
    run: Run,
    /// A follower has passed a segment.
    passed: bool,
    stuck: Stuck,
    followers: BTreeMap<String, Seq>,
}

/// The journal without its thread.
pub(super) struct Shared {
    pub(super) segments: Arc<Segments>,
    gathering: Mutex<Gathering>,
    wake: Condvar,
    durable: watch::Sender<Durable>,
    room: Notify,
    buffer_bytes: usize,
    company_wait: Duration,
}

/// The numbers behind [`super::Status`].
pub(super) struct Picture {
    pub(super) appended: Seq,
    pub(super) waiting_bytes: usize,
    pub(super) stuck: Stuck,
    pub(super) followers: Vec<(String, Seq)>,
}

impl Shared {
    pub(super) fn new(config: &Config, segments: Arc<Segments>, last: Seq) -> Self {
        let gathering = Gathering {
            group: Group::default(),
            next: last.next(),
            opened: last.next(),
            waiting: Waiting::No,
            run: Run::Open,
            passed: false,
            stuck: Stuck::No,
            followers: BTreeMap::new(),
        };
        Self {
            segments,
            gathering: Mutex::new(gathering),
            wake: Condvar::new(),
            durable: watch::Sender::new(Durable { through: last, failed: false }),
            room: Notify::new(),
            buffer_bytes: config.buffer_bytes,
            company_wait: Duration::from_millis(config.company_wait_ms),
        }
    }

    pub(super) fn append(&self, received_at: Timestamp, body: &Body) -> Result<Seq, AppendError> {
        let mut gathering = self.gathering.lock();
        if gathering.run != Run::Open {
            return Err(AppendError::Stopped);
        }
        let seq = gathering.next;
        gathering.group.push(seq, received_at, body)?;
        gathering.next = seq.next();
        let wake = match gathering.waiting {
            Waiting::No => false,
            Waiting::Entry => true,
            Waiting::Company => gathering.group.len() >= self.buffer_bytes / 2,
        };
        if wake {
            gathering.waiting = Waiting::No;
            drop(gathering);
            self.wake.notify_one();
        }
        Ok(seq)
    }

    /// True also when nothing more is taken: appending then says so.
    pub(super) fn has_room(&self) -> bool {
        let gathering = self.gathering.lock();
        gathering.run != Run::Open || (gathering.stuck == Stuck::No && gathering.group.len() < self.buffer_bytes)
    }

    pub(super) async fn room(&self) {
        loop {
            let changed = self.room.notified();
            if self.has_room() {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn durable(&self) -> watch::Receiver<Durable> {
        self.durable.subscribe()
    }

    pub(super) fn durable_now(&self) -> Durable {
        *self.durable.borrow()
    }

    /// Registers a follower. One that is ahead of everything ever written moves the numbers past it, as long as none
    /// has been given out since opening: entries with numbers that it has seen would be lost to it.
    pub(super) fn follow(&self, name: &str, at: Seq) -> Result<(), JournalError> {
        let mut gathering = self.gathering.lock();
        let last = Seq(gathering.next.0 - 1);
        if at > last {
            if gathering.next != gathering.opened {
                return Err(JournalError::FollowerAhead { name: name.to_owned(), at, last });
            }
            tracing::error!(
                follower = name,
                "the journal ends at {last} but {name} has seen {at}: entries between them are lost; going on behind it"
            );
            gathering.next = at.next();
            gathering.opened = at.next();
            self.durable.send_replace(Durable { through: at, failed: false });
        }
        if let Some(oldest) = self.segments.oldest().filter(|oldest| at.next() < *oldest) {
            tracing::error!(follower = name, "{name} stands at {at} but the journal begins with {oldest}");
        }
        gathering.followers.insert(name.to_owned(), at);
        Ok(())
    }

    /// A follower has seen everything up to `seq`, durably.
    pub(super) fn passed(&self, name: &str, seq: Seq) {
        let mut gathering = self.gathering.lock();
        if let Some(at) = gathering.followers.get_mut(name) {
            *at = seq.max(*at);
        }
        let passed = gathering.followers.values().min().copied().unwrap_or_default();
        if self.segments.passed(passed).is_some() {
            gathering.passed = true;
            drop(gathering);
            self.wake.notify_one();
        }
    }

    pub(super) fn picture(&self) -> Picture {
        let gathering = self.gathering.lock();
        Picture {
            appended: Seq(gathering.next.0 - 1),
            waiting_bytes: gathering.group.len(),
            stuck: gathering.stuck,
            followers: gathering.followers.iter().map(|(name, at)| (name.clone(), *at)).collect(),
        }
    }

    /// Nothing more is taken; the thread writes what there is and ends.
    pub(super) fn begin_closing(&self) {
        let mut gathering = self.gathering.lock();
        if gathering.run == Run::Open {
            gathering.run = Run::Closing;
        }
        drop(gathering);
        self.wake.notify_one();
        self.room.notify_waiters();
    }

    /// Everything up to `through` is on disk.
    pub(super) fn publish(&self, through: Seq) {
        self.durable.send_replace(Durable { through, failed: false });
    }

    /// Nothing more becomes durable until a restart.
    fn fail(&self) {
        self.gathering.lock().run = Run::Stopped;
        self.durable.send_modify(|durable| durable.failed = true);
        self.room.notify_waiters();
        metrics::gauge!("journal_failed").set(1.0);
    }

    fn set_stuck(&self, stuck: Stuck) {
        let before = std::mem::replace(&mut self.gathering.lock().stuck, stuck);
        if before == stuck {
            return;
        }
        match stuck {
            Stuck::No => tracing::info!("the journal writes again"),
            Stuck::Full => tracing::warn!("the journal is at its cap: nothing is taken in until its followers pass on"),
            Stuck::NoSpace => tracing::warn!("no space for the journal: nothing is acknowledged until there is"),
        }
        metrics::gauge!("journal_stuck").set(if stuck == Stuck::No { 0.0 } else { 1.0 });
        if stuck == Stuck::No {
            self.room.notify_waiters();
        }
    }

    /// Waits for entries and swaps them into `group`, which must be empty. It stays empty when the thread is to
    /// reclaim or to end.
    fn gather(&self, group: &mut Group) -> Work {
        let mut gathering = self.gathering.lock();
        if gathering.group.is_empty() && !gathering.passed && gathering.run == Run::Open {
            gathering.waiting = Waiting::Entry;
            while gathering.group.is_empty() && !gathering.passed && gathering.run == Run::Open {
                self.wake.wait(&mut gathering);
            }
            // The disk is idle: one entry alone waits a little for others to share its sync.
            if !gathering.group.is_empty() && !self.company_wait.is_zero() {
                gathering.waiting = Waiting::Company;
                let until = Instant::now() + self.company_wait;
                while gathering.waiting == Waiting::Company && gathering.run == Run::Open && !gathering.passed {
                    if self.wake.wait_until(&mut gathering, until).timed_out() {
                        break;
                    }
                }
            }
            gathering.waiting = Waiting::No;
        }
        std::mem::swap(&mut gathering.group, group);
        let work = Work {
            passed: std::mem::take(&mut gathering.passed)
                .then(|| gathering.followers.values().min().copied().unwrap_or_default()),
            closing: gathering.run != Run::Open,
        };
        drop(gathering);
        self.room.notify_waiters();
        work
    }

    /// Waits before the next try, shorter when a follower passes or the journal closes.
    fn pause(&self, pause: Duration) -> Work {
        let mut gathering = self.gathering.lock();
        if !gathering.passed && gathering.run == Run::Open {
            self.wake.wait_for(&mut gathering, pause);
        }
        Work {
            passed: std::mem::take(&mut gathering.passed)
                .then(|| gathering.followers.values().min().copied().unwrap_or_default()),
            closing: gathering.run != Run::Open,
        }
    }
}

struct Work {
    passed: Option<Seq>,
    closing: bool,
}

/// The committing thread. Returns how many entries were left unwritten (the disk was full when it was told to end).
pub(super) fn run(shared: &Shared, mut log: Log) -> u64 {
    let guard = FailOnPanic(shared);
    let mut group = Group::default();
    let ended = loop {
        let work = shared.gather(&mut group);
        let done = reclaim(&mut log, work.passed).and_then(|()| commit(shared, &mut log, &mut group));
        match done {
            Ok(()) if group.is_empty() && work.closing => break log.close(),
            Ok(()) if group.is_empty() => {}
            Ok(()) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    std::mem::forget(guard);
    match ended {
        // The closing mark is a courtesy to the next start.
        Ok(()) | Err(CommitError::NoSpace(_) | CommitError::Full) => {}
        Err(CommitError::Failed { operation, file, source }) => {
            tracing::error!("the journal has stopped until a restart: cannot {operation} {file}: {source}");
            shared.fail();
        }
    }
    u64::from(group.entries()) + u64::from(shared.gathering.lock().group.entries())
}

fn reclaim(log: &mut Log, passed: Option<Seq>) -> Result<(), CommitError> {
    passed.map_or(Ok(()), |passed| log.reclaim(passed))
}

/// Writes the group, waiting for space or followers as long as it takes. The group is empty afterwards, except when
/// the journal was closed while it waited.
fn commit(shared: &Shared, log: &mut Log, group: &mut Group) -> Result<(), CommitError> {
    if group.is_empty() {
        return Ok(());
    }
    let mut pause = RETRY_MIN;
    loop {
        let started = Instant::now();
        match log.commit(group) {
            Ok(()) => {
                metrics::histogram!("journal_commit_seconds").record(started.elapsed().as_secs_f64());
                metrics::counter!("journal_entries_total").increment(u64::from(group.entries()));
                metrics::counter!("journal_written_bytes_total").increment(group.len() as u64);
                metrics::gauge!("journal_bytes").set(shared.segments.bytes() as f64);
                group.clear(2 * shared.buffer_bytes);
                shared.publish(log.durable());
                shared.set_stuck(Stuck::No);
                return Ok(());
            }
            Err(CommitError::Full) => shared.set_stuck(Stuck::Full),
            Err(CommitError::NoSpace(_)) => shared.set_stuck(Stuck::NoSpace),
            Err(error @ CommitError::Failed { .. }) => return Err(error),
        }
        let work = shared.pause(pause);
        reclaim(log, work.passed)?;
        if work.closing {
            return Ok(());
        }
        pause = (pause * 2).min(RETRY_MAX);
    }
}

/// A thread that ends by a panic must not leave senders waiting for an answer that never comes.
struct FailOnPanic<'a>(&'a Shared);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        self.0.fail();
    }
}
