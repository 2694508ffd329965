//! A publisher that survives its broker and knows exactly which messages were acknowledged.
//!
//! One task owns the socket. QoS 1 messages stay in the window until their PUBACK; after a reconnect they are sent
//! again in order with DUP set, before anything new. [`Publisher::publish`] waits while the window is full, so memory
//! is bounded by the window. QoS 0 messages on a breaking connection are lost, as MQTT says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::connection::{Connection, Moved};
use super::packet::{self, Credentials, Incoming, Qos, Session};
use super::{Acknowledged, MqttError};

/// Bytes waiting for the socket above which no new message is taken.
const OUTGOING_BYTES_MAX: usize = 256 * 1024;
/// Largest window: packet identifiers are 16 bits and some must stay free.
const WINDOW_MAX: usize = 60_000;

/// How a publisher connects and behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// MQTT client identifier.
    pub client_id: String,
    /// How it signs in.
    pub credentials: Option<Credentials>,
    /// What the broker keeps between connections.
    pub session: Session,
    /// Silence after which the broker is asked whether it is there.
    pub keep_alive: Duration,
    /// Messages sent and not yet acknowledged, at most.
    pub window: usize,
    /// First pause before connecting again; it doubles.
    pub back_off_min: Duration,
    /// Longest pause before connecting again.
    pub back_off_max: Duration,
    /// How long [`Publisher::connect`] keeps trying.
    pub connect_within: Duration,
    /// A broker may close the connection on a message that it will never take (a topic it forbids). With a number
    /// here, the oldest unacknowledged message is dropped and counted when so many connections in a row broke on it;
    /// absent: it is sent for ever, as a device that must lose nothing does.
    pub give_up_after: Option<u32>,
}

impl Options {
    /// A clean session, a window of 100, back-off from 0.1 to 5 s, 30 s for the first connection.
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            credentials: None,
            session: Session::Clean,
            keep_alive: Duration::from_secs(30),
            window: 100,
            back_off_min: Duration::from_millis(100),
            back_off_max: Duration::from_secs(5),
            connect_within: Duration::from_secs(30),
            give_up_after: None,
        }
    }
}

/// Number of a message: 0 for the first published, without gaps. QoS 0 messages count too, and are never acknowledged.
pub type Ticket = u64;

/// What a publisher has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages taken.
    pub published: u64,
    /// QoS 1 messages acknowledged.
    pub acknowledged: u64,
    /// QoS 0 messages handed to a socket.
    pub sent_unacknowledged: u64,
    /// Connections after the first.
    pub reconnects: u64,
    /// Messages sent again with DUP.
    pub resent: u64,
    /// Messages given up, see [`Options::give_up_after`].
    pub given_up: u64,
}

impl Totals {
    /// Messages of which nothing more will be heard.
    fn done(&self) -> u64 {
        self.acknowledged + self.sent_unacknowledged + self.given_up
    }
}

/// A connection that publishes. Dropping it cuts the connection without a word, as a crash would.
#[derive(Debug)]
pub struct Publisher {
    messages: mpsc::Sender<Message>,
    next: Arc<Mutex<Ticket>>,
    shared: Arc<Shared>,
    closing: watch::Sender<bool>,
    driver: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    acknowledged: Mutex<Acknowledged>,
    totals: watch::Sender<Totals>,
}

#[derive(Debug)]
struct Message {
    ticket: Ticket,
    topic: Bytes,
    payload: Bytes,
    qos: Qos,
}

impl Publisher {
    /// Connects, trying again with growing pauses for `connect_within`; refusals that trying cannot mend return at once.
    pub async fn connect(broker: &str, options: Options) -> Result<Self, MqttError> {
        let began = Instant::now();
        let mut pause = options.back_off_min;
        let connection = loop {
            match open(broker, &options).await {
                Ok(connection) => break connection,
                Err(refused @ MqttError::Refused { .. }) => return Err(refused),
                Err(error) if began.elapsed() + pause > options.connect_within => {
                    let waited_s = began.elapsed().as_secs();
                    return Err(MqttError::Unreachable {
                        broker: broker.to_owned(),
                        waited_s,
                        last: error.to_string(),
                    });
                }
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(options.back_off_max);
        };
        // Bounded: when the driver does not take messages (window full, broker away), `publish` waits.
        let (messages, taken) = mpsc::channel(options.window.clamp(1, 1024));
        let (closing, closed) = watch::channel(false);
        let shared = Arc::new(Shared { acknowledged: Mutex::default(), totals: watch::Sender::new(Totals::default()) });
        let driver = Driver {
            broker: broker.to_owned(),
            window: options.window.clamp(1, WINDOW_MAX),
            options,
            messages: taken,
            closing: closed,
            shared: Arc::clone(&shared),
            in_flight: BTreeMap::new(),
            ticket_of: vec![None; usize::from(u16::MAX) + 1],
            last_id: 0,
            broke_on: (None, 0),
        };
        let driver = tokio::spawn(driver.run(connection));
        Ok(Self { messages, next: Arc::default(), shared, closing, driver })
    }

    /// Hands a message over; waits while the window is full. Returning says nothing about acknowledgement.
    pub async fn publish(&self, topic: &str, payload: &[u8], qos: Qos) -> Result<Ticket, MqttError> {
        self.publish_bytes(Bytes::copy_from_slice(topic.as_bytes()), Bytes::copy_from_slice(payload), qos).await
    }

    /// [`Self::publish`] without a copy.
    pub async fn publish_bytes(&self, topic: Bytes, payload: Bytes, qos: Qos) -> Result<Ticket, MqttError> {
        if !packet::publish_fits(&topic, &payload) {
            return Err(MqttError::TooLarge(topic.len() + payload.len()));
        }
        let permit = self.messages.reserve().await.map_err(|_| MqttError::Closed)?;
        // The number and the place in the queue are given under one lock: tickets are in the order of sending.
        let mut next = lock(&self.next);
        let ticket = *next;
        *next += 1;
        permit.send(Message { ticket, topic, payload, qos });
        self.shared.totals.send_modify(|totals| totals.published += 1);
        Ok(ticket)
    }

    /// Exactly which messages were acknowledged so far.
    pub fn acknowledged(&self) -> Acknowledged {
        lock(&self.shared.acknowledged).clone()
    }

    /// Whether one message was acknowledged.
    pub fn is_acknowledged(&self, ticket: Ticket) -> bool {
        lock(&self.shared.acknowledged).contains(ticket)
    }

    /// Counters, and a way to wait for their change.
    pub fn totals(&self) -> watch::Receiver<Totals> {
        self.shared.totals.subscribe()
    }

    /// Waits until everything published is acknowledged (QoS 0: written); `false` when `within` passed before.
    pub async fn settled(&self, within: Duration) -> bool {
        let mut totals = self.shared.totals.subscribe();
        let settled = totals.wait_for(|totals| totals.done() >= totals.published);
        matches!(tokio::time::timeout(within, settled).await, Ok(Ok(_)))
    }

    /// Waits up to `within` for outstanding acknowledgements, disconnects, and says what was done.
    pub async fn close(mut self, within: Duration) -> Totals {
        self.settled(within).await;
        self.closing.send_replace(true);
        // A driver that hangs in the socket is cut by dropping `self`.
        let _ = tokio::time::timeout(Duration::from_secs(1), &mut self.driver).await;
        *self.shared.totals.borrow()
    }

    /// Cuts the connection without a word and says which messages were acknowledged until then.
    pub fn abort(self) -> Acknowledged {
        self.driver.abort();
        lock(&self.shared.acknowledged).clone()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

struct Driver {
    broker: String,
    options: Options,
    window: usize,
    messages: mpsc::Receiver<Message>,
    closing: watch::Receiver<bool>,
    shared: Arc<Shared>,
    /// Sent and not acknowledged, in the order of publishing.
    in_flight: BTreeMap<Ticket, (u16, Bytes)>,
    ticket_of: Vec<Option<Ticket>>,
    last_id: u16,
    /// The oldest message in flight when the connection broke, and how often in a row it was this one.
    broke_on: (Option<Ticket>, u32),
}

enum Ended {
    Closed,
    Broken,
}

impl Driver {
    async fn run(mut self, mut connection: Connection) {
        loop {
            match self.serve(connection).await {
                Ended::Closed => return,
                Ended::Broken => self.consider_giving_up(),
            }
            let Some(again) = self.reconnect().await else { return };
            connection = again;
            self.shared.totals.send_modify(|totals| totals.reconnects += 1);
            self.resend(&mut connection);
        }
    }

    /// Moves messages until the connection breaks or the publisher is closed.
    async fn serve(&mut self, mut connection: Connection) -> Ended {
        let mut heard = Instant::now();
        let mut ping_at = heard + self.options.keep_alive / 2;
        loop {
            let room = self.in_flight.len() < self.window && connection.outgoing.len() < OUTGOING_BYTES_MAX;
            tokio::select! {
                moved = connection.exchange() => match moved {
                    Ok(Moved::Read) => {
                        heard = Instant::now();
                        if let Err(error) = self.take_answers(&mut connection) {
                            tracing::warn!(%error, "the broker's answer cannot be read; connecting again");
                            return Ended::Broken;
                        }
                    }
                    Ok(Moved::Written) => {}
                    Err(error) => {
                        tracing::debug!(%error, "connection lost");
                        return Ended::Broken;
                    }
                },
                message = self.messages.recv(), if room => match message {
                    Some(message) => self.send(message, &mut connection),
                    None => return Ended::Closed,
                },
                () = closed(&mut self.closing) => {
                    let _ = tokio::time::timeout(Duration::from_millis(500), connection.finish()).await;
                    return Ended::Closed;
                }
                () = tokio::time::sleep_until(ping_at) => {
                    if heard.elapsed() > self.options.keep_alive * 2 {
                        return Ended::Broken;
                    }
                    connection.outgoing.extend_from_slice(&packet::PING);
                    ping_at = Instant::now() + self.options.keep_alive / 2;
                }
            }
        }
    }

    /// Writes a message and as many others as wait and fit.
    fn send(&mut self, message: Message, connection: &mut Connection) {
        let mut next = Some(message);
        while let Some(message) = next {
            let mut bytes = Vec::with_capacity(message.topic.len() + message.payload.len() + 12);
            match message.qos {
                Qos::AtMostOnce => {
                    packet::publish(&mut bytes, &message.topic, &message.payload, message.qos, 0);
                    self.shared.totals.send_modify(|totals| totals.sent_unacknowledged += 1);
                    connection.outgoing.extend_from_slice(&bytes);
                }
                Qos::AtLeastOnce => {
                    let id = self.free_id();
                    packet::publish(&mut bytes, &message.topic, &message.payload, message.qos, id);
                    connection.outgoing.extend_from_slice(&bytes);
                    self.ticket_of[usize::from(id)] = Some(message.ticket);
                    self.in_flight.insert(message.ticket, (id, bytes.into()));
                }
            }
            let room = self.in_flight.len() < self.window && connection.outgoing.len() < OUTGOING_BYTES_MAX;
            next = if room { self.messages.try_recv().ok() } else { None };
        }
    }

    fn take_answers(&mut self, connection: &mut Connection) -> Result<(), packet::PacketError> {
        let mut count = 0;
        {
            let mut acknowledged = lock(&self.shared.acknowledged);
            while let Some((incoming, used)) = packet::decode(&connection.incoming)? {
                if let Incoming::PubAck(id) = incoming
                    && let Some(ticket) = self.ticket_of[usize::from(id)].take()
                {
                    self.in_flight.remove(&ticket);
                    count += u64::from(acknowledged.note(ticket));
                }
                connection.incoming.advance(used);
            }
        }
        if count > 0 {
            self.shared.totals.send_modify(|totals| totals.acknowledged += count);
        }
        Ok(())
    }

    /// Drops the oldest message when the connection broke on it too often.
    fn consider_giving_up(&mut self) {
        let oldest = self.in_flight.keys().next().copied();
        let times = if self.broke_on.0 == oldest { self.broke_on.1 + 1 } else { 1 };
        self.broke_on = (oldest, times);
        if let Some(ticket) = oldest
            && self.options.give_up_after.is_some_and(|limit| times >= limit)
            && let Some((id, _)) = self.in_flight.remove(&ticket)
        {
            tracing::warn!(ticket, times, "the broker closes the connection on a message; it is given up");
            self.ticket_of[usize::from(id)] = None;
            self.shared.totals.send_modify(|totals| totals.given_up += 1);
        }
    }

    /// Everything unacknowledged again, in order, with DUP.
    fn resend(&mut self, connection: &mut Connection) {
        for (_, bytes) in self.in_flight.values() {
            let from = connection.outgoing.len();
            connection.outgoing.extend_from_slice(bytes);
            connection.outgoing[from] |= 0x08;
        }
        let count = self.in_flight.len() as u64;
        self.shared.totals.send_modify(|totals| totals.resent += count);
    }

    /// Tries until it succeeds; `None` when the publisher was closed meanwhile.
    async fn reconnect(&mut self) -> Option<Connection> {
        let mut pause = self.options.back_off_min;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = closed(&mut self.closing) => return None,
            }
            match open(&self.broker, &self.options).await {
                Ok(connection) => return Some(connection),
                Err(error) => tracing::debug!(%error, "still no connection"),
            }
            pause = (pause * 2).min(self.options.back_off_max);
        }
    }

    fn free_id(&mut self) -> u16 {
        loop {
            self.last_id = if self.last_id == u16::MAX { 1 } else { self.last_id + 1 };
            if self.ticket_of[usize::from(self.last_id)].is_none() {
                return self.last_id;
            }
        }
    }
}

async fn open(broker: &str, options: &Options) -> Result<Connection, MqttError> {
    let keep_alive_s = u16::try_from(options.keep_alive.as_secs()).unwrap_or(u16::MAX);
    Connection::open(broker, &options.client_id, options.credentials.as_ref(), options.session, keep_alive_s).await
}

/// Resolves when the publisher is closed or gone.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// A lock whose holder cannot panic half way: the state is whole even if it was poisoned.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
