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
use crate::model::{Intake as _, Refusal, Seq, SourceId};
use crate::pipeline::Pipeline;
use crate::state::State;
use crate::store::Store;

/// What derived values are counted by in the ledger.
pub(super) const SOURCE: &str = "derived";

/// How often it is looked what follows.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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
        while !self.rests() {
            let now = self.clock.now();
            let catalogue = self.state.read().catalogue.clone();
            deriver.adopt(&catalogue, now);
            let noted = deriver.gather();
            if deriver.is_idle() || self.store.readable_through() < noted.max(self.offered) {
                continue;
            }
            let store = self.store.clone();
            match deriver.round(now, store.as_ref(), &mut |offer| self.take(&offer)) {
                Ok(()) => is_told = false,
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
