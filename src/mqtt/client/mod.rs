//! The way in from an outside broker, over `rumqttc`.
//!
//! A message is acknowledged to the broker only when the journal has it on disk, in the order of arrival
//! ([MQTT-4.6.0-2]), and only on the connection that brought it: an acknowledgement names nothing but a packet
//! number, so one that is late acknowledges somebody else's message on the next connection.
//!
//! ```text
//!            poll task                            desk (one lock)                  waker task
//!  poll() -> publishes -> intake.accept -> FIFO of (packet number, seq)   <- durable number rises
//!         <- own ack comes round <------------ one acknowledgement <-------- head is due: client.try_ack
//!         -> all that are due, one flush
//! ```
//! The poll task waits for nothing but its connection: `accept` does not wait, the desk's lock is held for
//! microseconds, and no channel is ever awaited (awaiting `ack()` there deadlocks when the request channel is full).
//! `poll()` is never raced in a `select!`, because it is not documented to survive that. So that a rising durable
//! number can reach a task that sits in `poll()`, the waker sends *one* acknowledgement, the head's, through the
//! client's channel; when it comes round, the poll task writes all others that are due and flushes once. Flushing
//! each by itself costs two thirds of the rate.
//!
//! When the journal is full, publishes wait at the desk; a broker sends at most its in-flight window before it sees
//! acknowledgements, and past `waiting_bytes_max` the connection is dropped, so that the broker keeps the rest.
//!
//! What is published is a command to a device now and then ([`Client::tell`]), never more than fits the request channel
//! and never kept for a later connection.
//!
//! Left out: publishing with an acknowledgement (alerts go out through the edge), QoS 2 (asked for as QoS 1), MQTT 5 (every broker speaks
//! 3.1.1, and the crate's v5 side is little used).

mod backoff;
mod config;
mod desk;
mod options;

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, counter};
use parking_lot::Mutex;
use rumqttc::{
    AsyncClient, Event, EventLoop, Incoming, Outgoing, Packet, PubAck, Publish, QoS, SubscribeFilter,
    SubscribeReasonCode,
};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clock::Clock;
use crate::model::{Intake, SourceId};

use backoff::Backoff;
pub use config::Config;
use desk::{Desk, Handed};
pub use options::{ClientError, publisher_options};

/// Requests that may wait in the client's channel: the subscription, one acknowledgement and the goodbye.
const REQUESTS_MAX: usize = 8;
/// How long a burst of acknowledgements may take to leave.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a stop waits for outstanding acknowledgements.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the goodbye to the broker may take.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(500);

/// How the connection to one broker stands, for health and readiness.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether the broker has accepted us and every subscription.
    pub connected: bool,
    /// Connections lost since the start.
    pub losses: u64,
    /// Connections that found no session: what the broker held for us before is gone.
    pub sessions_lost: u64,
    /// The last thing that went wrong, until the next success.
    pub trouble: Option<String>,
}

/// A running connection to one broker.
pub struct Client {
    name: String,
    requests: AsyncClient,
    desk: Arc<Desk>,
    status: Arc<Mutex<Status>>,
    poll_ended: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Client {
    /// Begins to connect; returns at once. Messages go to `intake` under the name of `source`.
    ///
    /// # Errors
    /// When a certificate or password file cannot be read.
    pub fn start<I: Intake>(
        config: &Config,
        intake: Arc<I>,
        source: SourceId,
        clock: Clock,
    ) -> Result<Client, ClientError> {
        let (requests, mut events) = AsyncClient::new(options::mqtt_options(config)?, REQUESTS_MAX);
        events.network_options.set_connection_timeout(config.connect_timeout_seconds.into());
        // An acknowledgement is small and must not wait until the one before it is acknowledged by TCP.
        events.network_options.set_tcp_nodelay(true);
        let desk = Arc::new(Desk::new(source, config.waiting_bytes_max));
        let status = Arc::new(Mutex::new(Status::default()));
        let poll = Poll {
            events,
            requests: requests.clone(),
            desk: desk.clone(),
            status: status.clone(),
            intake: intake.clone(),
            clock,
            topics: config.filters(),
            name: config.name.clone(),
            is_connected: false,
            received: counter!("client_messages_total"),
            shed: counter!("client_shed_total"),
        };
        let backoff = Backoff::new(
            Duration::from_millis(config.backoff_min_ms.into()),
            Duration::from_millis(config.backoff_max_ms.into()),
        );
        let poll_ended = CancellationToken::new();
        let ended = Ended { status: status.clone(), _told: poll_ended.clone().drop_guard() };
        let polling = tokio::spawn(async move {
            let _ended = ended;
            poll.run(backoff).await;
        });
        let tasks = vec![polling, tokio::spawn(wake(intake, desk.clone(), requests.clone()))];
        Ok(Client { name: config.name.clone(), requests, desk, status, poll_ended, tasks })
    }

    /// How the connection stands.
    pub fn status(&self) -> Status {
        self.status.lock().clone()
    }

    /// Publishes with QoS 0, when the broker is connected and the request channel has room; whether it was handed over.
    pub fn tell(&self, topic: String, payload: Vec<u8>) -> bool {
        self.status.lock().connected && self.requests.try_publish(topic, QoS::AtMostOnce, false, payload).is_ok()
    }

    /// The source's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lets outstanding acknowledgements leave (for at most two seconds), then says goodbye to the broker, which
    /// keeps the session.
    pub async fn stop(&self) {
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, self.desk.drained()).await;
        let _ = self.requests.try_disconnect();
        // The poll task ends when the goodbye has left; if the broker is away there is nobody to say it to.
        let _ = tokio::time::timeout(GOODBYE_TIMEOUT, self.poll_ended.cancelled()).await;
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Says that nothing is read from the broker any more, however the poll task ends: a panic inside the crate must not
/// look like a connection.
struct Ended {
    status: Arc<Mutex<Status>>,
    _told: DropGuard,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let mut status = self.status.lock();
        status.connected = false;
        status.trouble = Some("nothing is read from the broker any more until a restart".to_owned());
    }
}

/// The one task that polls, and the only one that writes acknowledgements but for the head's.
struct Poll<I> {
    events: EventLoop,
    requests: AsyncClient,
    desk: Arc<Desk>,
    status: Arc<Mutex<Status>>,
    intake: Arc<I>,
    clock: Clock,
    topics: Vec<String>,
    name: String,
    /// Whether the broker has accepted us, from then until the connection is lost.
    is_connected: bool,
    received: Counter,
    shed: Counter,
}

impl<I: Intake> Poll<I> {
    async fn run(mut self, mut backoff: Backoff) {
        loop {
            let lost = match self.events.poll().await {
                Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
                Ok(event) => {
                    if matches!(event, Event::Incoming(Incoming::SubAck(_))) {
                        backoff.succeeded(tokio::time::Instant::now());
                    }
                    self.handle(event).await.err()
                }
                Err(error) => Some(error.to_string()),
            };
            if let Some(trouble) = lost {
                self.disconnected(&trouble);
                tokio::time::sleep(backoff.next(tokio::time::Instant::now())).await;
            }
        }
    }

    /// One event. An error means that this connection must not go on.
    async fn handle(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Incoming(Incoming::ConnAck(connected)) => self.connected(connected.session_present)?,
            Event::Incoming(Incoming::SubAck(answer)) => self.subscribed(&answer.return_codes),
            Event::Incoming(Incoming::Publish(publish)) => self.publishes(publish)?,
            Event::Outgoing(Outgoing::PubAck(_)) => self.desk.head_came_round(),
            _ => {}
        }
        self.acknowledge().await
    }

    fn connected(&mut self, session_present: bool) -> Result<(), String> {
        self.is_connected = true;
        if session_present {
            tracing::info!(broker = %self.name, "connected to the broker, which kept our session");
            let mut status = self.status.lock();
            (status.connected, status.trouble) = (true, None);
        } else {
            tracing::warn!(broker = %self.name, "connected to the broker, which has no session of ours");
            self.status.lock().sessions_lost += 1;
        }
        // Subscribing again is harmless where the session was kept, and mends one that lost a filter. All in one
        // packet: then one answer says how every filter stands.
        let filters = self.topics.iter().map(|topic| SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce));
        self.requests.try_subscribe_many(filters).map_err(|error| format!("cannot ask for the topics: {error}"))
    }

    fn subscribed(&mut self, codes: &[SubscribeReasonCode]) {
        let trouble = if codes.contains(&SubscribeReasonCode::Failure) {
            Some("the broker refuses a subscription: check our permissions there")
        } else if codes.contains(&SubscribeReasonCode::Success(QoS::AtMostOnce)) {
            Some("the broker grants less than QoS 1: what it sends while we are away is lost")
        } else {
            None
        };
        if let Some(trouble) = trouble {
            tracing::error!(broker = %self.name, "{trouble}");
        }
        let mut status = self.status.lock();
        status.connected = !codes.contains(&SubscribeReasonCode::Failure);
        status.trouble = trouble.map(str::to_owned);
    }

    /// This publish and whatever else the same read brought.
    fn publishes(&mut self, first: Publish) -> Result<(), String> {
        let mut publishes = vec![first];
        while matches!(self.events.state.events.front(), Some(Event::Incoming(Incoming::Publish(_)))) {
            if let Some(Event::Incoming(Incoming::Publish(publish))) = self.events.state.events.pop_front() {
                publishes.push(publish);
            }
        }
        self.received.increment(publishes.len() as u64);
        match self.desk.hand_in(publishes, self.clock.now(), &*self.intake) {
            Handed::Taken => Ok(()),
            Handed::Shed(count) => {
                self.shed.increment(count);
                Ok(())
            }
            Handed::Overflow => Err("the journal is full: leaving the messages with the broker".to_owned()),
            Handed::Stopped => Err("the journal has stopped: nothing can be taken until a restart".to_owned()),
        }
    }

    /// Writes every acknowledgement that is due, then flushes once.
    async fn acknowledge(&mut self) -> Result<(), String> {
        let due = self.desk.take_due(self.intake.durable().borrow().through);
        if due.is_empty() {
            return Ok(());
        }
        let Some(network) = self.events.network.as_mut() else { return Ok(()) };
        let burst = async {
            for packet_id in due {
                network.write(Packet::PubAck(PubAck::new(packet_id))).await?;
            }
            network.flush().await
        };
        match tokio::time::timeout(WRITE_TIMEOUT, burst).await {
            Ok(written) => written.map_err(|error| error.to_string()),
            Err(_) => Err("the broker does not read our acknowledgements".to_owned()),
        }
    }

    /// Forgets the connection: its packet numbers mean nothing on the next one.
    fn disconnected(&mut self, trouble: &str) {
        self.desk.forget();
        self.events.state.events.clear();
        // Once more after the desk is empty: the waker may have sent an acknowledgement while `poll` was failing.
        self.events.clean();
        let mut status = self.status.lock();
        if status.connected || status.trouble.is_none() {
            tracing::warn!(broker = %self.name, trouble, "lost the broker; trying again");
        }
        status.connected = false;
        status.losses += u64::from(std::mem::take(&mut self.is_connected));
        status.trouble = Some(trouble.to_owned());
    }
}

/// Sends the head's acknowledgement when it is due, so that the poll task comes round; and hands in what had to wait
/// for room.
async fn wake<I: Intake>(intake: Arc<I>, desk: Arc<Desk>, requests: AsyncClient) {
    let mut durable = intake.durable();
    loop {
        desk.hand_in_waiting(&*intake);
        let through = durable.borrow_and_update().through;
        desk.send_head(through, |packet_id| {
            let mut publish = Publish::new("", QoS::AtLeastOnce, Vec::new());
            publish.pkid = packet_id;
            requests.try_ack(&publish).is_ok()
        });
        if desk.is_waiting_for_room() {
            tokio::select! {
                () = intake.room() => {}
                changed = durable.changed() => if changed.is_err() { return },
            }
        } else {
            tokio::select! {
                changed = durable.changed() => if changed.is_err() { return },
                () = desk.changed() => {}
            }
        }
    }
}
