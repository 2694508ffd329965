//! Derived channels at work: a thread that computes what follows from the store once a second, and offers it to the
//! pipeline like any other source.
//!
//! It waits for the store: what it computes from must be there, its own former values as well.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::open::{Opened, StartError};
use crate::clock::Clock;
use crate::derive::{DeriveError, Deriver, Offer};
use crate::model::{Intake as _, Refusal, Seq, SourceId, Timestamp};
use crate::pipeline::Pipeline;
use crate::state::State;
use crate::store::Store;

/// What derived values are counted by in the ledger.
pub(super) use crate::config::DERIVED_SOURCE as SOURCE;

/// How often it is looked what follows.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The store that is waited for longer is worth a line.
const LONG: Duration = Duration::from_secs(60);

/// Begins to compute; ends with `stop`, or when the journal stops. `None` where no index is configured.
pub(super) fn start(
    opened: &Opened,
    clock: &Clock,
    stop: &CancellationToken,
) -> Result<Option<JoinHandle<()>>, StartError> {
    let Some(source) = opened.derived_source else { return Ok(None) };
    let desk = Desk {
        state: opened.state.clone(),
        store: opened.store.clone(),
        pipeline: opened.pipeline.clone(),
        source,
        clock: clock.clone(),
        runtime: Handle::current(),
        stop: stop.clone(),
        offered: Seq::default(),
    };
    let deriver = Deriver::new(opened.registry.indices(), opened.touches.clone());
    let thread = std::thread::Builder::new().name("derive".to_owned()).spawn(move || desk.run(deriver));
    thread.map(Some).map_err(StartError::Thread)
}

/// What the store must have before the next round. Fixed until the round is done: a store that is always a little behind
/// (a server that takes its time) catches up with it, though never with the newest entry.
#[derive(Debug, Default)]
struct Waiting {
    /// The entry, since when it is waited for, and whether that was told.
    wanted: Option<(Seq, Timestamp, Told)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    NotYet,
    Already,
}

impl Waiting {
    /// The entry that is waited for; `gather` says which, when none is.
    fn begin(&mut self, now: Timestamp, gather: impl FnOnce() -> Seq) -> Seq {
        self.wanted.get_or_insert_with(|| (gather(), now, Told::NotYet)).0
    }

    /// Whether it has become long; said once.
    fn is_long(&mut self, now: Timestamp) -> bool {
        let Some((_, since, told)) = &mut self.wanted else { return false };
        let is_long = *told == Told::NotYet && now.since(*since) > LONG;
        if is_long {
            *told = Told::Already;
        }
        is_long
    }
}

struct Desk {
    state: Arc<RwLock<State>>,
    store: Arc<Store>,
    pipeline: Arc<Pipeline>,
    source: SourceId,
    clock: Clock,
    runtime: Handle,
    stop: CancellationToken,
    /// The last entry with values from here.
    offered: Seq,
}

impl Desk {
    fn run(mut self, mut deriver: Deriver) {
        let mut is_told = false;
        let mut waiting = Waiting::default();
        while !self.rests() {
            let now = self.clock.now();
            let catalogue = self.state.read().catalogue.clone();
            deriver.adopt(&catalogue, now);
            if deriver.is_idle() {
                continue;
            }
            let offered = self.offered;
            let wanted = waiting.begin(now, || deriver.gather().max(offered));
            if self.store.readable_through() < wanted {
                if waiting.is_long(now) {
                    tracing::warn!(
                        journal.seq = wanted.0,
                        "Derived channels wait for the store: what they are computed from cannot be read back yet."
                    );
                }
                continue;
            }
            let store = self.store.clone();
            match deriver.round(now, store.as_ref(), &mut |offer| self.take(&offer)) {
                Ok(()) => {
                    is_told = false;
                    waiting = Waiting::default();
                }
                Err(DeriveError::Stopped) => return,
                Err(error) if !is_told => {
                    is_told = true;
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(%error, cause, "Derived channels stand still; it is tried again every second.");
                }
                Err(_) => {}
            }
        }
    }

    /// Waits until the next look; whether the service stops.
    fn rests(&self) -> bool {
        let stop = &self.stop;
        self.runtime.block_on(async { tokio::time::timeout(LOOK_EVERY, stop.cancelled()).await.is_ok() })
    }

    fn take(&mut self, offer: &Offer) -> Result<(), DeriveError> {
        loop {
            if self.stop.is_cancelled() {
                return Err(DeriveError::Stopped);
            }
            let now = self.clock.now();
            let taken = match (offer.new.is_empty(), offer.again.is_empty()) {
                (false, _) => self.pipeline.derive(self.source, now, &offer.new),
                (true, false) => self.pipeline.derive_again(now, &offer.again),
                (true, true) => return Ok(()),
            };
            match taken {
                Ok(seq) => {
                    self.offered = self.offered.max(seq);
                    return Ok(());
                }
                Err(Refusal::Stopped) => return Err(DeriveError::Stopped),
                Err(Refusal::Full) => {
                    let (pipeline, stop) = (self.pipeline.clone(), self.stop.clone());
                    self.runtime.block_on(async move {
                        tokio::select! {
                            () = pipeline.room() => {}
                            () = stop.cancelled() => {}
                        }
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_always_a_little_behind_is_waited_for_once_and_not_for_ever() {
        let mut waiting = Waiting::default();
        let at = |second: u64| Timestamp::from_seconds(1_800_000_000 + second as i64);
        let rounds = (0..200_u64).filter(|second| {
            let (newest, readable) = (Seq(1_000 + 10 * second), Seq(1_000 + 10 * second - 50));
            let is_round = waiting.begin(at(*second), || newest) <= readable;
            if is_round {
                waiting = Waiting::default();
            }
            is_round
        });
        assert_eq!(rounds.count(), 33, "every sixth second");
    }

    #[test]
    fn a_long_wait_is_told_once() {
        let mut waiting = Waiting::default();
        let at = |second: i64| Timestamp::from_seconds(1_800_000_000 + second);
        assert!(!waiting.is_long(at(0)), "nothing is waited for");
        waiting.begin(at(0), || Seq(7));
        let told: Vec<i64> = (0..300).filter(|second| waiting.is_long(at(*second))).collect();
        assert_eq!((told, waiting.begin(at(300), || Seq(9))), (vec![61], Seq(7)));
    }
}
