//! The journal's two readers with a bookmark: derived state, and the store.
//!
//! Both run the same loop on a thread of their own: read what is durable, take it, rest. Neither holds anything up:
//! a slow store costs journal space, a stopped one a red readiness as well. What a reader has made durable of its own
//! (a snapshot, a flush) lets the journal delete.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::gauge;
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::derive::Touches;
use crate::journal::{Follower, Journal, Reader};
use crate::live::Feed;
use crate::model::{Durable, Entry, Seq};
use crate::state::{Effects, State, snapshot};
use crate::store::{Settling, Store};

/// Entries and bytes taken at a time: a few milliseconds of work under the state's lock.
const BATCH_ENTRIES: usize = 4_096;
const BATCH_BYTES: usize = 1024 * 1024;
/// How often what was taken is made durable by the reader itself, when there is anything new.
const REST_EVERY: Duration = Duration::from_secs(60);
/// How often a reader with nothing to take looks whether it is pressed.
const IDLE_LOOK: Duration = Duration::from_secs(1);
/// Samples that the store settles between two looks at the journal: some tens of milliseconds.
const SETTLED_AT_A_TIME: usize = 100_000;
/// How long a reader that failed waits before it tries the same again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The last thing that went wrong with a follower, until it succeeds again.
pub type Trouble = Arc<Mutex<Option<String>>>;

/// A reader of the journal.
pub trait Follows: Send {
    /// What it is called in logs, metrics and readiness.
    const NAME: &'static str;

    /// Takes durable entries, in order. After an error it is offered the same entries again.
    fn take(&mut self, entries: &[Entry]) -> anyhow::Result<()>;

    /// Makes durable what it took; called every minute, when it is pressed, and at the end.
    fn rest(&mut self) -> anyhow::Result<()>;

    /// Does a little of what can wait, when there is nothing to take; whether more of it is left.
    fn idle(&mut self) -> anyhow::Result<bool> {
        Ok(false)
    }

    /// Whether the journal is at its cap and has not let go of anything since the last rest: only a rest helps.
    fn is_pressed(&self) -> bool;
}

/// Follows until `stop`, then takes what is left and rests. Runs on a thread of its own.
pub fn follow<F: Follows>(
    mut follows: F,
    mut reader: Reader,
    mut durable: watch::Receiver<Durable>,
    runtime: &Handle,
    stop: &CancellationToken,
    trouble: &Trouble,
) {
    let mut rested_at = Instant::now();
    loop {
        // Asked before catching up: what is durable when the journal has closed is taken in any case.
        let is_ending = stop.is_cancelled();
        let step = catch_up(&mut follows, &mut reader, runtime, stop, trouble);
        let rest = if is_ending || follows.is_pressed() || rested_at.elapsed() >= REST_EVERY {
            rested_at = Instant::now();
            follows.rest()
        } else {
            Ok(())
        };
        let idle = if is_ending { Ok(false) } else { follows.idle() };
        let more = matches!(idle, Ok(true));
        note(F::NAME, trouble, step.and(rest).and(idle.map(drop)));
        if is_ending {
            return;
        }
        if more {
            continue;
        }
        runtime.block_on(async {
            tokio::select! {
                _ = durable.changed() => {}
                () = stop.cancelled() => {}
                () = tokio::time::sleep(IDLE_LOOK) => {}
            }
        });
    }
}

/// Takes everything that is durable by now, trying again whatever fails, until told to stop.
fn catch_up<F: Follows>(
    follows: &mut F,
    reader: &mut Reader,
    runtime: &Handle,
    stop: &CancellationToken,
    trouble: &Trouble,
) -> anyhow::Result<()> {
    let mut rested_at = Instant::now();
    loop {
        let entries = reader.next_batch(BATCH_ENTRIES, BATCH_BYTES)?;
        let Some(last) = entries.last() else { return Ok(()) };
        while let Err(error) = follows.take(&entries) {
            note(F::NAME, trouble, Err(error));
            runtime.block_on(async {
                tokio::select! {
                    () = tokio::time::sleep(RETRY_AFTER) => {}
                    () = stop.cancelled() => {}
                }
            });
            if stop.is_cancelled() {
                anyhow::bail!("told to stop before entry {} could be taken", last.seq);
            }
        }
        gauge!("journal_follower_seq", "follower" => F::NAME).set(last.seq.0 as f64);
        // Under a load that never lets it catch up, too.
        if follows.is_pressed() || rested_at.elapsed() >= REST_EVERY {
            rested_at = Instant::now();
            follows.rest()?;
        }
    }
}

fn note(follower: &'static str, trouble: &Trouble, outcome: anyhow::Result<()>) {
    let mut trouble = trouble.lock();
    match outcome {
        Ok(()) => *trouble = None,
        Err(error) => {
            let error = format!("{error:#}");
            // Told once, until it changes: the same is tried again every second.
            if trouble.as_ref() != Some(&error) {
                tracing::error!(follower, error, "A follower of the journal is in trouble; it tries again.");
            }
            *trouble = Some(error);
        }
    }
}

/// Who is told of what entries brought about, after they are in the state and before they can be in a snapshot. After
/// an error the same is offered again, before anything else.
pub type Outlet = Box<dyn FnMut(&State, &Effects) -> anyhow::Result<()> + Send>;

/// Live picture, alerts and ledger.
pub struct StateFollower {
    /// Shared with everybody who asks; written here alone.
    pub state: Arc<RwLock<State>>,
    /// Told after the state has changed.
    pub feed: Arc<Feed>,
    /// Where snapshots are kept.
    pub snapshots: PathBuf,
    /// The journal's bookmark.
    pub follower: Follower,
    /// Where transitions go.
    pub outlet: Outlet,
    /// The outbox's bookmark: it has looked through what was applied.
    pub outbox: Option<Follower>,
    /// The journal, asked whether it is full.
    pub journal: Arc<Journal>,
    /// The entry of the newest snapshot.
    pub saved: Seq,
    /// The entry that the journal was told to keep what follows.
    pub passed: Seq,
    /// Gathered while applying; its memory is kept.
    pub effects: Effects,
}

impl Follows for StateFollower {
    const NAME: &'static str = "state";

    fn take(&mut self, entries: &[Entry]) -> anyhow::Result<()> {
        let through = {
            let mut state = self.state.write();
            for entry in entries {
                state.apply(entry, &mut self.effects);
            }
            state.applied
        };
        self.effects.publish(&self.feed, through);
        if self.effects.concern_people() {
            (self.outlet)(&self.state.read(), &self.effects)?;
            self.effects.told();
        }
        Ok(())
    }

    fn rest(&mut self) -> anyhow::Result<()> {
        let state = self.state.read();
        // A snapshot says that its entries need not be looked through again.
        anyhow::ensure!(!self.effects.concern_people(), "what was applied last could not be passed on to the outbox");
        if state.applied > self.saved {
            let saved = snapshot::save(&self.snapshots, &state)?;
            (self.saved, self.passed) = (saved.through, saved.needs_after);
        } else if self.is_pressed() {
            // Nothing new can come while the journal is full: the older snapshot's entries are given up for room.
            self.passed = self.saved;
        }
        self.follower.passed(self.passed);
        if let Some(outbox) = &self.outbox {
            outbox.passed(state.applied);
        }
        Ok(())
    }

    fn is_pressed(&self) -> bool {
        self.journal.status().full && (self.passed < self.saved || self.saved < self.state.read().applied)
    }
}

/// History and dead letters.
pub struct StoreFollower {
    /// Shared with everybody who asks; written here alone.
    pub store: Arc<Store>,
    /// The journal's bookmark.
    pub follower: Follower,
    /// The journal, asked whether it is full.
    pub journal: Arc<Journal>,
    /// Set when the service ends: resting then means to write everything out.
    pub stop: CancellationToken,
    /// Who computes from what is stored.
    pub touches: Arc<Touches>,
}

impl Follows for StoreFollower {
    const NAME: &'static str = "store";

    fn take(&mut self, entries: &[Entry]) -> anyhow::Result<()> {
        self.store.apply(entries)?;
        self.touches.note(entries);
        self.follower.passed(self.store.checkpoint());
        Ok(())
    }

    fn rest(&mut self) -> anyhow::Result<()> {
        // Otherwise the store flushes by itself, when enough has gathered.
        if self.stop.is_cancelled() || self.is_pressed() {
            self.store.flush()?;
        } else {
            // Under a load that leaves no idle moment, too, but not before a stop.
            self.store.settle(SETTLED_AT_A_TIME)?;
        }
        self.follower.passed(self.store.checkpoint());
        Ok(())
    }

    fn idle(&mut self) -> anyhow::Result<bool> {
        Ok(self.store.settle(SETTLED_AT_A_TIME)? == Settling::More)
    }

    fn is_pressed(&self) -> bool {
        self.journal.status().full && self.store.checkpoint() < self.store.applied()
    }
}
