//! The embedded MQTT edge: devices connect here, and their PUBACK means "on disk".
//!
//! Offered: MQTT 3.1.1 (and 3.1) and 5, QoS 0, 1 and 2 in, alerts and commands out with QoS 0 and 1 (who asks for 2 is
//! granted 1, as the standard permits) and retained, new observations out with QoS 0, sessions that outlive their
//! connections and the process, wills, accounts with topic permissions, TLS, limits on everything. A message goes to
//! [`Intake`], which numbers it; its PUBACK (or PUBREC) leaves when the journal's durable number has reached that, in
//! the order of arrival, many in one write. See [`connection`] for the loop, [`window`] for the order of answers,
//! [`frame`] for the bytes, [`hello`] for the door, [`session`] and [`exchange`] for what is remembered of a client,
//! [`topics`] for the way out.
//!
//! Not a general broker, on purpose: what devices publish is not handed to subscribers, who can only have topics of
//! alerts, commands and observations; a device's RETAIN flag keeps nothing. Put mosquitto, EMQX or another in front
//! where that is wanted.
//!
//! Not offered: topic aliases (maximum 0), subscription identifiers, shared subscriptions, enhanced authentication.
//!
//! Whoever starts it has installed the metrics recorder and raised the limit of open files (RLIMIT_NOFILE): each
//! connection takes one.

mod access;
mod alerts;
mod answer;
mod certificate;
mod config;
mod connection;
mod devices;
mod exchange;
mod frame;
mod hello;
mod inward;
mod line;
mod listener;
mod meters;
mod outbox;
mod pace;
mod session;
mod socket;
mod throttle;
mod topics;
mod warnings;
mod websocket;
mod wills;
mod window;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{Duration, Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use access::{Access, Account, Accounts, Filter, Issue};
pub use alerts::{AlertError, AlertTopics, CommandError, CommandTopics, ObservationTopics, Retain, SentCommand};
pub use config::{ClientCertificates, Config, ConfigMistake, DeviceAccount, Limits, Tls, WebSocket};
pub use devices::Device;
pub use meters::{RefusedReason, Status};
pub use session::SessionsError;

use crate::clock::Clock;
use crate::model::{Intake, SourceId};
use alerts::Topics;
use line::Clients;
use listener::{Framing, Speech};
use meters::Meters;
use session::Sessions;
use socket::Desks;
use throttle::Throttle;
use warnings::Warnings;
use wills::Wills;

/// Longer than a connection may take for its last words.
const PARTING: Duration = Duration::from_secs(2);

/// Why the edge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The address is in use, not ours, or not allowed.
    #[error("cannot listen on {address} for MQTT")]
    Bind {
        /// The configured address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A PEM file cannot be read.
    #[error("cannot read {path}: {message}", path = path.display())]
    Pem {
        /// The configured path.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Certificate and key do not serve.
    #[error("cannot serve TLS with {path}", path = path.display())]
    Certificate {
        /// The certificate's path.
        path: PathBuf,
        /// What rustls says.
        source: tokio_rustls::rustls::Error,
    },
    /// The file of sessions cannot be used.
    #[error("the MQTT sessions")]
    Sessions(#[from] SessionsError),
    /// The configuration has mistakes.
    #[error("the edge's configuration has mistakes: {0:?}")]
    Config(Vec<ConfigMistake>),
}

/// What all connections share.
struct Shared<I> {
    intake: Arc<I>,
    source: SourceId,
    clock: Clock,
    limits: Limits,
    access: Arc<Access>,
    throttle: Throttle,
    /// Passwords being checked at the same time; further logins wait, with a time-out.
    logins: Arc<Semaphore>,
    clients: Arc<Clients>,
    topics: Arc<Topics>,
    sessions: Arc<Sessions>,
    wills: Wills,
    meters: Arc<Meters>,
    warnings: Warnings,
    desks: Arc<Desks>,
    /// The number of the next line.
    lines: AtomicU64,
    /// The journal's buffer was full: nobody reads until somebody has seen room.
    full: AtomicBool,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// A running edge. Dropping it does not stop it: call [`Edge::stop`].
pub struct Edge {
    address: SocketAddr,
    tls_address: Option<SocketAddr>,
    web_address: Option<SocketAddr>,
    web_tls_address: Option<SocketAddr>,
    access: Arc<Access>,
    clients: Arc<Clients>,
    topics: Arc<Topics>,
    sessions: Arc<Sessions>,
    meters: Arc<Meters>,
    stopping: CancellationToken,
    tasks: TaskTracker,
    stop_time: Duration,
}

impl Edge {
    /// Opens the listeners and serves; sessions and retained messages last as long as the process. Must be called
    /// inside a Tokio runtime.
    ///
    /// `access` is [`Access::open`] for a demo on the loopback, or [`Access::configured`] with `config.accounts`.
    pub fn start<I: Intake>(
        config: &Config,
        intake: Arc<I>,
        access: Access,
        source: SourceId,
        clock: Clock,
    ) -> Result<Edge, EdgeError> {
        Edge::start_with(config, (intake, source), access, clock, None)
    }

    /// As [`Edge::start`], with sessions and retained messages in the file `sessions`, made when it is missing: they
    /// are back at the next start. `way_in` is where messages go, and the name they go by.
    pub fn start_with<I: Intake>(
        config: &Config,
        way_in: (Arc<I>, SourceId),
        access: Access,
        clock: Clock,
        sessions: Option<&Path>,
    ) -> Result<Edge, EdgeError> {
        let mistakes = config.mistakes();
        if !mistakes.is_empty() {
            return Err(EdgeError::Config(mistakes));
        }
        let opened = open(config)?;
        let shared = Arc::new(share(config, way_in, access, clock, sessions)?);
        let (stopping, tasks) = (shared.stopping.clone(), shared.tasks.clone());
        let at = |framing: Framing, is_tls: bool| {
            let fitting = |one: &&Opened| one.2.framing == framing && one.2.tls.is_some() == is_tls;
            opened.iter().find(fitting).map(|one| one.1)
        };
        let edge = Edge {
            address: at(Framing::Bare, false).unwrap_or(config.listen),
            tls_address: at(Framing::Bare, true),
            web_address: at(Framing::WebSocket, false),
            web_tls_address: at(Framing::WebSocket, true),
            access: shared.access.clone(),
            clients: shared.clients.clone(),
            topics: shared.topics.clone(),
            sessions: shared.sessions.clone(),
            meters: shared.meters.clone(),
            stop_time: Duration::from_secs(shared.limits.stop_seconds) + PARTING,
            stopping,
            tasks,
        };
        let (address, tls_address) = (edge.address, edge.tls_address);
        tracing::info!(%address, ?tls_address, web = ?edge.web_address, "the MQTT edge listens");
        for (listener, _, speech) in opened {
            edge.tasks.spawn(listener::listen(shared.clone(), listener, speech));
        }
        edge.tasks.spawn(wills::keep(shared));
        Ok(edge)
    }

    /// Where the plain listener is; its real port when the configured one was 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the TLS listener is, if there is one.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls_address
    }

    /// Where the WebSocket listener is, if there is one.
    pub fn web_address(&self) -> Option<SocketAddr> {
        self.web_address
    }

    /// Where the WebSocket listener with TLS is, if there is one.
    pub fn web_tls_address(&self) -> Option<SocketAddr> {
        self.web_tls_address
    }

    /// The devices with credentials of their own, from now on. Whoever is connected with rights that no longer hold is
    /// cut off, and the sessions of devices that are gone are forgotten, also when their names were issued again;
    /// from the others what they may not have any more is taken.
    pub fn set_devices(&self, devices: Vec<Device>) {
        self.access.set_devices(devices);
        self.clients.revoke(|account| !self.access.still_holds(account));
        self.sessions.forget_those(&self.topics, |held| self.access.issued(&held.account, held.issue).is_none());
        self.sessions.limit(&self.topics, &self.access);
    }

    /// The way out for alerts.
    pub fn alerts(&self) -> AlertTopics {
        AlertTopics(self.topics.clone())
    }

    /// The way out for new observations.
    pub fn observations(&self) -> ObservationTopics {
        ObservationTopics(self.topics.clone())
    }

    /// The way out for commands.
    pub fn commands(&self) -> CommandTopics {
        CommandTopics(self.topics.clone())
    }

    /// Its health.
    pub fn status(&self) -> Status {
        Status { sessions: self.sessions.count(), ..self.meters.status() }
    }

    /// Whether sessions and retained messages can be written; when not, a restart is needed.
    pub fn keeps_sessions(&self) -> bool {
        !self.sessions.store().written().borrow().failed
    }

    /// Stops: accepts and reads nothing more, lets outstanding acknowledgements leave for as long as configured (the
    /// journal must still be writing), says good-bye, closes. Connections that do not end in time are left to the
    /// runtime.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.clients.stop();
        self.tasks.close();
        if timeout(self.stop_time, self.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.tasks.len(), "MQTT connections did not end in time");
        }
        let store = self.sessions.store().clone();
        if tokio::task::spawn_blocking(move || store.close()).await.is_err() {
            tracing::error!("the MQTT sessions were not closed well");
        }
    }
}

/// A listener, where it is, and how clients speak there.
type Opened = (TcpListener, SocketAddr, Speech);

/// Opens every configured listener.
fn open(config: &Config) -> Result<Vec<Opened>, EdgeError> {
    let tls = config.tls.as_ref().map(listener::acceptor).transpose()?;
    let wanted = config.tls.as_ref().map(|tls| tls.client_certificates).unwrap_or_default();
    let plain = |framing| Speech { tls: None, certificates: ClientCertificates::Optional, framing };
    let with_tls = |framing| Speech { tls: tls.clone(), certificates: wanted, framing };
    let web = config.websocket.as_ref();
    let listeners = [
        (Some(config.listen), plain(Framing::Bare)),
        (config.tls.as_ref().map(|tls| tls.listen), with_tls(Framing::Bare)),
        (web.and_then(|web| web.listen), plain(Framing::WebSocket)),
        (web.and_then(|web| web.tls_listen), with_tls(Framing::WebSocket)),
    ];
    let each = listeners.into_iter().filter_map(|(address, speech)| address.map(|address| (address, speech)));
    each.map(|(address, speech)| {
        let listener = listener::bind(address)?;
        let bound = listener.local_addr().map_err(|source| EdgeError::Bind { address, source })?;
        Ok((listener, bound, speech))
    })
    .collect()
}

/// What all connections share, with what was kept from before.
fn share<I: Intake>(
    config: &Config,
    (intake, source): (Arc<I>, SourceId),
    access: Access,
    clock: Clock,
    sessions: Option<&Path>,
) -> Result<Shared<I>, EdgeError> {
    let limits = config.limits.clone();
    let (access, meters) = (Arc::new(access), Arc::new(Meters::new()));
    let (sessions, found) = Sessions::open(sessions, &limits)?;
    let store = sessions.store().clone();
    let bounds = (limits.retained, limits.alerts_waiting);
    let topics = Topics::new(&config.alert_topics, bounds, meters.clone(), store.clone(), clock.clone());
    let now = clock.now();
    topics.restore_retained(found.retained, found.message_no);
    sessions.restore(found.sessions, &topics, &access, now);
    Ok(Shared {
        intake,
        source,
        access,
        throttle: Throttle::new(limits.wrong_passwords_per_minute, Instant::now()),
        logins: Arc::new(Semaphore::new(limits.logins_at_once)),
        clients: Arc::default(),
        topics: Arc::new(topics),
        sessions: Arc::new(sessions),
        wills: Wills::new(store, found.wills, now),
        meters,
        warnings: Warnings::default(),
        desks: Arc::new(Desks::new(limits.partial_packets_bytes)),
        lines: AtomicU64::new(0),
        full: AtomicBool::new(false),
        stopping: CancellationToken::new(),
        tasks: TaskTracker::new(),
        clock,
        limits,
    })
}
