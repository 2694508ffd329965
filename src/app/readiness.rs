//! How every part stands, in sentences.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::canary::Watch;
use super::folders::Folders;
use super::open::Opened;
use crate::api::Check;
use crate::clock::Clock;
use crate::follow::Trouble;
use crate::intake::files::Status;
use crate::journal::Journal;
use crate::mqtt::client::Client;
use crate::mqtt::edge::Edge;
use crate::pipeline::Pipeline;
use crate::state::State;
use crate::store::Store;

/// A tick older than this says that time does not pass for the alerts.
const TICK_AGE_MAX: Duration = Duration::from_secs(15);
/// Entries that the store may be behind before it counts as lagging: a few seconds of the heaviest load.
const LAG_MAX: u64 = 1_000_000;

pub(super) struct Readiness {
    journal: Arc<Journal>,
    store: Arc<Store>,
    pipeline: Arc<Pipeline>,
    state: Arc<RwLock<State>>,
    edge: Option<Arc<Edge>>,
    clients: Vec<(String, Arc<Client>)>,
    folders: Vec<(String, Arc<Mutex<Status>>)>,
    troubles: Vec<(&'static str, Trouble)>,
    canary: Option<Watch>,
    clock: Clock,
}

impl Readiness {
    pub(super) fn new(
        opened: &Opened,
        edge: &Option<Arc<Edge>>,
        clients: &[Arc<Client>],
        folders: &Folders,
        troubles: Vec<(&'static str, Trouble)>,
        clock: Clock,
    ) -> Self {
        Self {
            journal: opened.journal.clone(),
            store: opened.store.clone(),
            pipeline: opened.pipeline.clone(),
            state: opened.state.clone(),
            edge: edge.clone(),
            clients: clients.iter().map(|client| (client.name().to_owned(), client.clone())).collect(),
            folders: folders.statuses.clone(),
            troubles,
            canary: None,
            clock,
        }
    }

    /// The same, with the message that tells whether the whole way is open.
    pub(super) fn with_canary(self, canary: Option<Watch>) -> Self {
        Self { canary, ..self }
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        let mut checks = vec![self.journal(), self.intake(), self.tick()];
        checks.extend(self.troubles.iter().map(|(follower, trouble)| self.follower(follower, trouble)));
        checks.extend(self.edge.iter().map(|edge| {
            let status = edge.status();
            let ready = edge.keeps_sessions();
            let detail = match ready {
                true => format!("{} connections, {} sessions kept", status.connections, status.sessions),
                false => "sessions cannot be written to disk: mend it and restart".to_owned(),
            };
            Check { part: "edge".to_owned(), ready, detail }
        }));
        checks.extend(self.clients.iter().map(|(name, client)| {
            let status = client.status();
            let detail = match status.trouble {
                Some(trouble) => format!("{trouble}; {} connections lost so far", status.losses),
                None => "connected, every subscription granted".to_owned(),
            };
            Check { part: format!("broker {name}"), ready: status.connected, detail }
        }));
        checks.extend(self.folders.iter().map(|(name, status)| {
            let Status { blind, trouble, waiting, done, failed } = status.lock().clone();
            let detail = format!("{done} files read, {failed} with refusals, {waiting} waiting");
            // One file that is wrong holds up nothing else.
            let ready = blind.is_none();
            let detail = blind.or(trouble).map(|trouble| format!("{trouble} ({detail})")).unwrap_or(detail);
            Check { part: format!("folder {name}"), ready, detail }
        }));
        checks.extend(self.canary.iter().map(|canary| canary.check(self.clock.now())));
        checks
    }

    fn journal(&self) -> Check {
        let status = self.journal.status();
        let (ready, detail) = if status.failed {
            (false, "a write to disk failed: nothing is taken in any more; mend the disk and restart".to_owned())
        } else if status.no_space {
            (false, "the disk is full: senders wait, and it goes on by itself once there is space".to_owned())
        } else if status.full {
            (false, "at its size limit: senders wait until every follower has passed on".to_owned())
        } else {
            (
                true,
                format!(
                    "{} segments, {} bytes, on disk through entry {}",
                    status.segments, status.bytes, status.durable
                ),
            )
        };
        Check { part: "journal".to_owned(), ready, detail }
    }

    fn tick(&self) -> Check {
        let age = self.clock.now().since(self.state.read().ticked_at);
        let detail = format!("the last one {} ms ago", age.as_millis().min(u128::from(u64::MAX)));
        Check { part: "tick".to_owned(), ready: age <= TICK_AGE_MAX, detail }
    }

    /// The store's bound on what it has not followed also bounds the intake: say so before devices wonder.
    fn intake(&self) -> Check {
        let lags = self.pipeline.store_lags();
        let detail = if lags { "waits for the store to catch up" } else { "takes readings" };
        Check { part: "intake".to_owned(), ready: !lags, detail: detail.to_owned() }
    }

    fn follower(&self, name: &str, trouble: &Trouble) -> Check {
        let applied = if name == "store" { self.store.applied() } else { self.state.read().applied };
        let behind = self.journal.durable().borrow().through.0.saturating_sub(applied.0);
        let (ready, detail) = match &*trouble.lock() {
            Some(trouble) => (false, trouble.clone()),
            None => (behind <= LAG_MAX, format!("{behind} entries behind the journal")),
        };
        Check { part: name.to_owned(), ready, detail }
    }
}
