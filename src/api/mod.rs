//! HTTP: the only module that knows it. One file per resource.
//!
//! A request's way: `server` (connection, time-outs) -> `headers`, `problem` (what every answer carries) -> `door`
//! (who asks, and may they) -> `query` (what exactly is asked) -> a resource -> `features` (how it is told).
//!
//! Invariants: every answer is bounded in memory, however long; every query is asked with a caller and an area scope;
//! errors are problem documents of a closed list. Stages know nothing of this module.

pub mod alerts;
pub mod body;
pub mod config;
pub mod dead_letters;
pub mod door;
pub mod events;
pub mod features;
pub mod headers;
pub mod history;
pub mod intake;
pub mod layers;
pub mod ledger;
pub mod legend;
pub mod paced;
pub mod pages;
pub mod problem;
pub mod query;
pub mod readers;
pub mod routes;
pub mod search;
pub mod server;
pub mod service;
pub mod session;
pub mod sight;
pub mod stations;
pub mod stream;
pub mod time;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;

use crate::auth::Accounts;
use crate::clock::Clock;
use crate::history::History;
use crate::live::Feed;
use crate::model::{Seq, Timestamp};
use crate::registry::Areas;
use crate::state::State;
use crate::store::{DeadLetter, Store};

pub use config::Config;
pub use door::Demo;
pub use intake::{Hooks, Pushed, Taken};
pub use routes::{openapi, openapi_json, router};
pub use server::{Server, ServerError};
pub use service::Check;

/// A message's second arrival: its number in the journal once it is durable, or a sentence why it was not taken.
pub type Replaying = Pin<Box<dyn Future<Output = Result<Seq, String>> + Send>>;

/// What the application gives the API.
pub struct Parts {
    /// The `[http]` section.
    pub config: Config,
    /// Where the time comes from.
    pub clock: Clock,
    /// Whether callers without a token are let in.
    pub demo: Demo,
    /// The derived state; locked for reading, briefly.
    pub state: Arc<RwLock<State>>,
    /// What changed.
    pub feed: Arc<Feed>,
    /// The dead letters, and what was stored.
    pub store: Arc<Store>,
    /// Questions about the past, to the same store.
    pub history: Arc<History>,
    /// The polygons as they are now.
    pub areas: Box<dyn Fn() -> Arc<Areas> + Send + Sync>,
    /// Accounts and tokens.
    pub accounts: Arc<Accounts>,
    /// The service's own measures.
    pub metrics: PrometheusHandle,
    /// How every part stands.
    pub readiness: Box<dyn Fn() -> Vec<Check> + Send + Sync>,
    /// When the newest message was received.
    pub intake_at: Box<dyn Fn() -> Option<Timestamp> + Send + Sync>,
    /// Takes a dead letter in again; resolves when it is durable.
    pub replay: Box<dyn Fn(DeadLetter) -> Replaying + Send + Sync>,
    /// Sources that take requests.
    pub hooks: Hooks,
    /// Cancelled when the service stops: streams end.
    pub stop: CancellationToken,
}
