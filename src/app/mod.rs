//! Builds the service from its configuration, starts its parts in order, and stops them in the opposite one.
//!
//! Start: journal, registry, state and store caught up with the journal, pipeline; then the ways in, followers, ticks
//! and API: nobody is let in before what was acknowledged in a former life is in state and store again. When a later
//! part cannot start, the process ends; what was acknowledged meanwhile is on disk like everything else.
//! Stop: canary, ways in (outstanding acknowledgements leave), ticks, journal, followers (snapshot, flush), API.

mod alert_topics;
mod births;
pub mod canary;
mod derive;
mod devices;
mod folders;
mod hooks;
mod import;
mod install;
mod notices;
mod observations;
mod open;
mod outages;
mod readiness;
mod replay;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Demo, HandedIn, Hooks};
use crate::auth::WithPassword;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::follow::{Follows, StateFollower, StoreFollower, Trouble, follow};
use crate::history::History;
use crate::journal::Reader;
use crate::model::Body;
use crate::mqtt::client::Client;
use crate::mqtt::edge::{Access, Edge};
use crate::notify::Courier;
use crate::notify::send::Senders;
use crate::pipeline::Pipeline;
use crate::state::Effects;

use alert_topics::AlertTopicsOutlet;
use folders::Folders;
pub use import::{DryRun, Importer};
pub use open::StartError;
use open::{Bookmarks, Opened};
use readiness::Readiness;

/// The file of stations, accounts and audit, in the folder of data.
pub const REGISTRY_FILE: &str = "registry.db";

/// The file of what people in the field reported, in the folder of data.
pub const FIELD_FILE: &str = "field.db";

/// The name of the embedded edge in the ledger.
pub const EDGE_SOURCE: &str = "edge";

/// A running service.
pub struct App {
    http: api::Server,
    edge: Option<Arc<Edge>>,
    clients: Vec<Arc<Client>>,
    folders: Folders,
    opened: Opened,
    /// Cancelled before the ways in stop: what nobody takes any more would wait at a broker for the next start.
    stop_canary: CancellationToken,
    /// Cancelled when the ways in have stopped: ticks and streams end.
    stop: CancellationToken,
    /// Cancelled when the journal is closed: followers take the rest and end.
    stop_followers: CancellationToken,
    followers: Vec<JoinHandle<()>>,
    /// Takes notifications out until ticks and streams end.
    courier: tokio::task::JoinHandle<()>,
    /// Computes indices.
    deriving: Option<JoinHandle<()>>,
    /// The administrator's first password, to be shown once.
    first_password: Option<WithPassword>,
}

/// What each follower is in trouble with.
type Troubles = Vec<(&'static str, Trouble)>;

/// How the service is entered.
pub struct Door {
    /// Whether pages and API let callers without a token in.
    pub demo: Demo,
    /// Who may publish to the embedded edge.
    pub devices: Access,
    /// How Saola's own message signs in there; `None` where everybody may.
    pub canary: Option<canary::Pass>,
}

impl App {
    /// Starts everything. When it returns, ports are open and everything acknowledged before is visible.
    ///
    /// # Errors
    /// What could not be opened, and why.
    pub async fn start(config: Config, door: Door, metrics: PrometheusHandle) -> Result<App, StartError> {
        let clock = Clock::System;
        let key = crate::mqtt::canary::Key::random();
        let (mut opened, bookmarks) = tokio::task::block_in_place(|| open::open(&config, &[], Some(key), &clock))?;
        let first_password = opened.accounts.first_start(clock.now()).map_err(StartError::Accounts)?;
        let (stop, stop_followers) = (CancellationToken::new(), CancellationToken::new());

        let edge = match config.mqtt.edge.enabled {
            true => Some(start_edge(&config, door.devices, &opened, &clock, &stop).await?),
            false => None,
        };
        let outlet = edge.as_ref().map(|edge| AlertTopicsOutlet::new(edge.alerts(), &opened.state.read()));
        let (followers, troubles) = start_followers(&opened, bookmarks, outlet, &stop_followers)?;

        let mut clients = Vec::new();
        for (client, source) in config.mqtt.clients.iter().zip(&opened.client_sources) {
            let client = config::with_topics(client, &config.sources);
            clients.push(Arc::new(Client::start(&client, opened.pipeline.clone(), *source, clock.clone())?));
        }
        watch_links(&config, &mut opened, &clients, &clock, &stop)?;
        let folders = Folders::start(&config, &opened, &clock)?;
        let deriving = derive::start(&opened, &clock, &stop)?;
        tokio::spawn(tick(opened.pipeline.clone(), clock.clone(), config.tick.into(), stop.clone()));

        let read: Vec<_> = config.mqtt.clients.iter().map(|c| config::with_topics(c, &config.sources)).collect();
        let watched = (opened.state.clone(), opened.store.clone());
        let (pass, stop_canary) = ((key, door.canary.as_ref()), stop.child_token());
        let canary = canary::start(&config.canary, pass, edge.as_deref(), &read, watched, &clock, &stop_canary)?;
        let courier = start_courier(&config, &opened, edge.as_deref(), &clock)?;
        let carrying = tokio::spawn(courier.clone().run(stop.clone()));
        let readiness = Readiness::new(&opened, &edge, &clients, &folders, troubles, clock.clone()).with_canary(canary);
        let http_config = config.http.clone();
        let command = devices::commander(edge.as_ref(), opened.pipeline.clone(), clock.clone());
        let hooks = hooks::hooks(&config, &opened.registry, &opened.pipeline)?;
        let outside = (command, hooks, courier);
        let parts = api_parts(config, door.demo, metrics, clock, &opened, readiness, outside, &stop);
        let parts = Arc::new(parts);
        if let Some(edge) = &edge {
            tokio::spawn(observations::tell(parts.clone(), edge.observations(), stop.clone()));
        }
        let http = api::Server::start(&http_config, api::router(parts), stop.clone()).await?;
        let courier = carrying;
        Ok(App {
            http,
            edge,
            clients,
            folders,
            opened,
            stop_canary,
            stop,
            stop_followers,
            followers,
            courier,
            deriving,
            first_password,
        })
    }

    /// Where pages and API are.
    pub fn http(&self) -> SocketAddr {
        self.http.address()
    }

    /// Where devices publish, when the embedded edge listens.
    pub fn mqtt(&self) -> Option<SocketAddr> {
        self.edge.as_ref().map(|edge| edge.address())
    }

    /// The administrator's password, when this was the first start: it is kept nowhere and must be shown now.
    pub fn first_password(&self) -> Option<&WithPassword> {
        self.first_password.as_ref()
    }

    /// Stops in order. What was acknowledged is on disk either way; this makes the next start quick.
    pub async fn stop(self) {
        self.stop_canary.cancel();
        if let Some(edge) = &self.edge {
            edge.stop().await;
        }
        for client in &self.clients {
            client.stop().await;
        }
        self.folders.stop().await;
        self.stop.cancel();
        if self.courier.await.is_err() {
            tracing::error!("the courier of notifications ended badly");
        }
        let journal = self.opened.journal.clone();
        let (stop_followers, followers, deriving) = (self.stop_followers, self.followers, self.deriving);
        let ended = tokio::task::spawn_blocking(move || {
            let derived_well = deriving.is_none_or(|thread| thread.join().is_ok());
            if let Err(error) = journal.close() {
                tracing::error!(%error, "the journal did not close well");
            }
            stop_followers.cancel();
            followers.into_iter().all(|thread| thread.join().is_ok()) && derived_well
        })
        .await;
        if !matches!(ended, Ok(true)) {
            tracing::error!("a follower of the journal or the thread of indices ended badly");
        }
        self.http.stopped().await;
    }
}

/// Starts what looks after the links to brokers: outages are journaled, births asked for.
fn watch_links(
    config: &Config,
    opened: &mut Opened,
    clients: &[Arc<Client>],
    clock: &Clock,
    stop: &CancellationToken,
) -> Result<(), StartError> {
    let link = |name: &str| clients.iter().find(|client| client.name() == name).cloned();
    let mut heard: Vec<outages::Heard> = Vec::new();
    for (client, source) in clients.iter().zip(&opened.client_sources) {
        heard.push(outages::Heard { source: *source, links: vec![client.clone()] });
    }
    for source in &config.sources {
        let links: Option<Vec<Arc<Client>>> = source.from.iter().map(|way| link(way)).collect();
        // Whatever is no broker's link is always heard.
        if let Some(links) = links.filter(|links| !links.is_empty()) {
            heard.push(outages::Heard { source: opened.registry.source(&source.name)?, links });
        }
    }
    let open = opened.state.read().live.listening().open_outages().collect();
    let (pipeline, clock) = (opened.pipeline.clone(), clock.clone());
    tokio::spawn(outages::watch(pipeline, heard, open, clock.clone(), stop.clone()));
    let clients = opened.client_sources.iter().copied().zip(clients.iter().cloned()).collect();
    let (_, closed) = mpsc::channel(1);
    let births = std::mem::replace(&mut opened.births, closed);
    tokio::spawn(births::ask(births, clients, clock, stop.clone()));
    Ok(())
}

/// The edge with the devices of now, and what keeps it informed of them.
async fn start_edge(
    config: &Config,
    access: Access,
    opened: &Opened,
    clock: &Clock,
    stop: &CancellationToken,
) -> Result<Arc<Edge>, StartError> {
    let credentials = opened.devices.clone();
    let (version, admitted) = tokio::task::block_in_place(|| devices::read(&credentials))?;
    // Before the sessions are read: whose account is gone is forgotten then.
    access.set_devices(admitted);
    let (way_in, sessions) = ((opened.pipeline.clone(), opened.edge_source), config.data_dir.join("sessions.db"));
    let edge = Edge::start_with(&config.mqtt.edge, way_in, access, clock.clone(), Some(sessions.as_path()))?;
    let edge = Arc::new(edge);
    tokio::spawn(devices::follow(credentials, edge.clone(), version, stop.clone()));
    Ok(edge)
}

fn start_followers(
    opened: &Opened,
    bookmarks: Bookmarks,
    outlet: Option<AlertTopicsOutlet>,
    stop: &CancellationToken,
) -> Result<(Vec<JoinHandle<()>>, Troubles), StartError> {
    let mut outlet = outlet;
    let notices = opened.notices.clone();
    let state = StateFollower {
        state: opened.state.clone(),
        feed: opened.feed.clone(),
        snapshots: opened.snapshots.clone(),
        follower: bookmarks.state,
        outlet: Box::new(move |state, effects| {
            notices.take(state, effects)?;
            if let Some(outlet) = &mut outlet {
                outlet.tell(state, effects);
            }
            Ok(())
        }),
        outbox: Some(bookmarks.outbox),
        journal: opened.journal.clone(),
        saved: opened.saved.through,
        passed: opened.saved.needs_after,
        effects: Effects::default(),
    };
    let store = StoreFollower {
        store: opened.store.clone(),
        journal: opened.journal.clone(),
        follower: bookmarks.store,
        stop: stop.clone(),
        touches: opened.touches.clone(),
    };
    let (state_from, store_from) = (opened.state.read().applied, opened.store.applied());
    let troubles = [(StateFollower::NAME, Trouble::default()), (StoreFollower::NAME, Trouble::default())];
    let threads = vec![
        spawn(state, opened.journal.reader(state_from), opened, stop, &troubles[0].1)?,
        spawn(store, opened.journal.reader(store_from), opened, stop, &troubles[1].1)?,
    ];
    Ok((threads, troubles.to_vec()))
}

fn spawn<F: Follows + 'static>(
    follows: F,
    reader: Reader,
    opened: &Opened,
    stop: &CancellationToken,
    trouble: &Trouble,
) -> Result<JoinHandle<()>, StartError> {
    let (durable, runtime, stop, trouble) =
        (opened.journal.durable(), Handle::current(), stop.clone(), trouble.clone());
    std::thread::Builder::new()
        .name(format!("follow-{}", F::NAME))
        .spawn(move || follow(follows, reader, durable, &runtime, &stop, &trouble))
        .map_err(StartError::Thread)
}

#[expect(clippy::too_many_arguments, reason = "the parts that one answer is made of")]
fn api_parts(
    config: Config,
    demo: Demo,
    metrics: PrometheusHandle,
    clock: Clock,
    opened: &Opened,
    readiness: Readiness,
    (command, hooks, courier): (devices::Commander, Hooks, Arc<Courier>),
    stop: &CancellationToken,
) -> api::Parts {
    let (registry, pipeline) = (opened.registry.clone(), opened.pipeline.clone());
    api::Parts {
        config: config.http,
        clock: clock.clone(),
        demo,
        state: opened.state.clone(),
        feed: opened.feed.clone(),
        store: opened.store.clone(),
        coverage: Arc::new(crate::coverage::Coverage::new(config.coverage)),
        history: Arc::new(History::new(opened.store.clone(), config.history, config.store.day_offset_minutes)),
        areas: Box::new(move || registry.areas()),
        registry: opened.registry.clone(),
        install: install::installer(opened.pipeline.clone(), opened.state.clone(), clock.clone()),
        editing: tokio::sync::Mutex::new(()),
        replaying: tokio::sync::Mutex::new(HandedIn::since(opened.journal.durable().borrow().through)),
        correcting: Arc::default(),
        accounts: opened.accounts.clone(),
        metrics,
        readiness: Box::new(move || readiness.checks()),
        intake_at: Box::new(move || pipeline.received_at()),
        replay: replay::taker(opened.pipeline.clone(), opened.state.clone(), opened.store.clone(), clock.clone()),
        devices: opened.devices.clone(),
        command,
        shelve_max: config.alerts.shelve_max.into(),
        cap: config.cap,
        open_data: config.open_data,
        rules: api::rules::Desk {
            files: opened.rule_files.clone(),
            install: install::rules_installer(opened.pipeline.clone(), opened.state.clone(), clock.clone()),
        },
        note: replay::noter(opened.pipeline.clone(), clock),
        hooks,
        field: opened.field.clone(),
        courier,
        stop: stop.clone(),
    }
}

/// What takes notifications out. A person whom nothing reached is journaled, so that somebody else is told.
fn start_courier(
    config: &Config,
    opened: &Opened,
    edge: Option<&Edge>,
    clock: &Clock,
) -> Result<Arc<Courier>, StartError> {
    let vapid = config.data_dir.join(notices::VAPID_FILE);
    let senders = Senders::new(&config.notify, &vapid, edge.map(|edge| notices::publisher(edge.alerts())))?;
    let (pipeline, at) = (opened.pipeline.clone(), clock.clone());
    let on_failure = Box::new(move |failed| pipeline.note(at.now(), &Body::DeliveryFailed(failed)).is_ok());
    let desk = opened.notices.desk.clone();
    Ok(Arc::new(Courier::new(desk, senders, &config.notify, clock.clone(), on_failure)))
}

/// Journals that time has passed. A full journal skips ticks; a stopped one ends them.
async fn tick(pipeline: Arc<Pipeline>, clock: Clock, every: Duration, stop: CancellationToken) {
    let mut interval = tokio::time::interval(every);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = stop.cancelled() => return,
        }
        if pipeline.tick(clock.now()) == Err(crate::model::Refusal::Stopped) {
            tracing::error!("the journal has stopped: time stands still until a restart");
            return;
        }
    }
}
