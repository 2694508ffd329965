//! HTTP: the only module that knows it. One file per resource.
//!
//! A request's way: `server` (connection, time-outs) -> `headers`, `problem` (what every answer carries) -> `door`
//! (who asks, and may they) -> `query` (what exactly is asked) -> a resource -> `features` (how it is told).
//!
//! Invariants: every answer is bounded in memory, however long; every query is asked with a caller and an area scope;
//! errors are problem documents of a closed list. Stages know nothing of this module.

pub mod administration;
pub mod alerts;
pub mod areas;
pub mod atlas;
pub mod audit;
pub mod base;
pub mod body;
pub mod boundaries;
pub mod cap;
pub mod choice;
pub mod commands;
pub mod config;
pub mod corrections;
pub mod coverage;
pub mod dead_letters;
pub mod definition;
pub mod deliveries;
pub mod devices;
pub mod door;
pub mod draft;
pub mod events;
pub mod features;
pub mod field;
pub mod gzip;
pub mod handling;
pub mod headers;
pub mod history;
pub mod horizon;
pub mod incidents;
pub mod indices;
pub mod intake;
pub mod layer_features;
pub mod layers;
pub mod ledger;
pub mod maintenance;
pub mod moment;
pub mod ogc;
pub mod open_data;
pub mod overview;
pub mod paced;
pub mod pages;
pub mod past;
pub mod past_features;
pub mod people;
pub mod problem;
pub mod prometheus;
pub mod push;
pub mod query;
pub mod readers;
pub mod replaying;
pub mod retired;
pub mod roster;
pub mod routes;
pub mod rule_change;
pub mod rules;
pub mod saying;
pub mod scale;
pub mod search;
pub mod server;
pub mod service;
pub mod session;
pub mod sight;
pub mod sta;
pub mod station_order;
pub mod stations;
pub mod stream;
pub mod tiles;
pub mod time;
mod told;
pub mod trial;
pub mod unknown_devices;
pub mod workflow;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;

use crate::auth::{Accounts, Devices};
use crate::clock::Clock;
use crate::coverage::Coverage;
use crate::field::Book;
use crate::history::History;
use crate::live::Feed;
use crate::model::{Body, Catalogue, Rejection, Seq, StationCommand, Timestamp};
use crate::notify::Courier;
use crate::registry::{Areas, Registry};
use crate::state::State;
use crate::store::{DeadLetter, Store};

pub use config::Config;
pub use door::Demo;
pub use intake::{Hooks, Pushed, Taken};
pub use replaying::HandedIn;
pub use routes::{openapi, openapi_json, router};
pub use server::{Server, ServerError};
pub use service::Check;

/// An entry of an operator's word: its number once it is durable, or a sentence why it was not taken.
pub type Noting = Pin<Box<dyn Future<Output = Result<Seq, String>> + Send>>;

/// What became of a dead letter that was handed in again.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Its number in the journal now.
    pub seq: Seq,
    /// Readings in it.
    pub received: u64,
    /// Readings taken.
    pub taken: u64,
    /// Readings that were there already.
    pub duplicate: u64,
    /// Readings refused again.
    pub rejections: Vec<Rejection>,
}

/// Dead letters on their way in again: of each what became of it or why it was left, once all of it is durable; or a
/// sentence why they were not taken.
pub type Replaying = Pin<Box<dyn Future<Output = Result<Vec<Result<Replayed, String>>, String>> + Send>>;

/// A catalogue on its way into force: the journal's number when the state has it, or a sentence why not.
pub type Installing = Pin<Box<dyn Future<Output = Result<Seq, String>> + Send>>;

/// A command on its way: where it went once it is on disk, or why it did not.
pub type Commanding = Pin<Box<dyn Future<Output = Result<commands::Commanded, commands::NotCommanded>> + Send>>;

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
    /// How much of the forest is watched, as it was measured.
    pub coverage: Arc<Coverage>,
    /// The polygons as they are now.
    pub areas: Box<dyn Fn() -> Arc<Areas> + Send + Sync>,
    /// Stations as they are declared, and their changes.
    pub registry: Arc<Registry>,
    /// Brings a new catalogue into force.
    pub install: Box<dyn Fn(Arc<Catalogue>) -> Installing + Send + Sync>,
    /// Held by whoever changes the registry: the journal gets catalogues in the order in which they were made.
    pub editing: tokio::sync::Mutex<()>,
    /// Held by whoever hands dead letters in again, from reading them until they are noted here: none goes in twice.
    pub replaying: tokio::sync::Mutex<HandedIn>,
    /// Held by whoever corrects samples, from reading them until the correction is journaled; in it the newest one's
    /// number.
    pub correcting: Arc<tokio::sync::Mutex<Seq>>,
    /// Accounts and tokens.
    pub accounts: Arc<Accounts>,
    /// The service's own measures.
    pub metrics: PrometheusHandle,
    /// How every part stands.
    pub readiness: Box<dyn Fn() -> Vec<Check> + Send + Sync>,
    /// When the newest message was received.
    pub intake_at: Box<dyn Fn() -> Option<Timestamp> + Send + Sync>,
    /// Takes dead letters in again, in order; resolves when they are durable.
    pub replay: Box<dyn Fn(Vec<DeadLetter>) -> Replaying + Send + Sync>,
    /// Credentials of devices.
    pub devices: Arc<Devices>,
    /// Journals a command and sends it to its station's devices.
    pub command: Box<dyn Fn(StationCommand) -> Commanding + Send + Sync>,
    /// Journals an operator's word about maintenance or samples; resolves when it is durable.
    pub note: Box<dyn Fn(Body) -> Noting + Send + Sync>,
    /// The longest time for which an alert may be shelved.
    pub shelve_max: std::time::Duration,
    /// The `[cap]` section.
    pub cap: crate::cap::Config,
    /// The `[open_data]` section.
    pub open_data: crate::open_data::Config,
    /// The province's rules, and the way of new ones into force.
    pub rules: rules::Desk,
    /// Sources that take requests.
    pub hooks: Hooks,
    /// What people in the field reported.
    pub field: Arc<Book>,
    /// People, what they are told, and what became of it.
    pub courier: Arc<Courier>,
    /// Cancelled when the service stops: streams end.
    pub stop: CancellationToken,
}
