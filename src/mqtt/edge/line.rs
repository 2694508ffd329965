//! What others may say to a connection: alerts and observations for it, and the order to end. And who is connected.
//!
//! A connection's inbox is two bounded queues: when one is full its oldest message is dropped and counted, the publisher
//! never waits, and the subscriber is told nothing. Observations displace observations only, and are taken when no
//! alert waits. An empty inbox owns no memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytestring::ByteString;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::access::Account;
use super::alerts::{Delivery, Nature};

/// Observations that wait for one connection, at most.
const OBSERVATIONS_WAITING: usize = 256;

/// Why somebody else ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// A newer connection has its client identifier.
    TakenOver,
    /// The edge stops.
    Stop,
    /// Its account is no more.
    Revoked,
}

/// One client's connection, as the others see it.
pub(super) struct Line {
    /// Unique in this process.
    pub number: u64,
    pub client: ByteString,
    pub account: Arc<Account>,
    /// Rung when the inbox has something.
    pub bell: Notify,
    inbox: Mutex<Inbox>,
}

#[derive(Default)]
struct Inbox {
    order: Option<Order>,
    alerts: VecDeque<Delivery>,
    observations: VecDeque<Delivery>,
}

/// What became of a message for a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Posted {
    /// It waits, and so many older ones were dropped for it.
    Queued { displaced: u64 },
    /// There was no room, nor could have been made; so many older ones were dropped before that was seen.
    Refused { displaced: u64 },
}

impl Posted {
    /// How many messages will not be delivered.
    pub fn dropped(self) -> u64 {
        match self {
            Posted::Queued { displaced } => displaced,
            Posted::Refused { displaced } => displaced + 1,
        }
    }
}

impl Line {
    pub fn new(number: u64, client: ByteString, account: Arc<Account>) -> Self {
        Line { number, client, account, bell: Notify::new(), inbox: Mutex::default() }
    }

    /// Puts a message into the inbox, which holds `waiting_max` alerts.
    pub fn post(&self, delivery: Delivery, waiting_max: usize) -> Posted {
        let mut inbox = self.inbox.lock();
        let (queue, most) = match delivery.alert.nature {
            Nature::Alert | Nature::Command => (&mut inbox.alerts, waiting_max),
            Nature::Observation => (&mut inbox.observations, OBSERVATIONS_WAITING),
        };
        let mut displaced = 0;
        while queue.len() >= most && queue.pop_front().is_some() {
            displaced += 1;
        }
        queue.push_back(delivery);
        drop(inbox);
        self.bell.notify_one();
        Posted::Queued { displaced }
    }

    /// The oldest alert, if `wanted` agrees to take it.
    pub fn take_alert(&self, wanted: impl FnOnce(&Delivery) -> bool) -> Option<Delivery> {
        let mut inbox = self.inbox.lock();
        if !inbox.alerts.front().is_some_and(wanted) {
            return None;
        }
        take(&mut inbox.alerts)
    }

    /// The oldest observation.
    pub fn take_observation(&self) -> Option<Delivery> {
        take(&mut self.inbox.lock().observations)
    }

    /// Tells the connection to end; the first order stands.
    pub fn order(&self, order: Order) {
        self.inbox.lock().order.get_or_insert(order);
        self.bell.notify_one();
    }

    /// The order to end, if there is one.
    pub fn ordered(&self) -> Option<Order> {
        self.inbox.lock().order
    }
}

/// The oldest of a queue, which gives its memory back when it is empty.
fn take(queue: &mut VecDeque<Delivery>) -> Option<Delivery> {
    let delivery = queue.pop_front();
    if queue.is_empty() {
        *queue = VecDeque::new();
    }
    delivery
}

/// Everybody who is logged in, by client identifier.
#[derive(Default)]
pub(super) struct Clients {
    present: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    by_client: HashMap<ByteString, Arc<Line>>,
    stopping: bool,
}

/// Why a client cannot come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barred {
    /// Its identifier is in use by another account.
    OtherAccount,
    /// The edge stops.
    Stopping,
    /// Its account has changed, or is no more, since its login was checked.
    Revoked,
    /// There are as many sessions as may be.
    TooManySessions,
    /// An older connection does not leave the session, or it cannot be written.
    Busy,
}

/// Whether somebody had to go for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entered {
    New,
    TookOver,
}

impl Clients {
    /// Lets a client in; an older connection of the same client and account is told to end.
    pub fn enter(&self, line: &Arc<Line>) -> Result<Entered, Barred> {
        let mut present = self.present.lock();
        if present.stopping {
            return Err(Barred::Stopping);
        }
        if let Some(older) = present.by_client.get(&line.client) {
            if older.account.name != line.account.name {
                return Err(Barred::OtherAccount);
            }
            older.order(Order::TakenOver);
        }
        let older = present.by_client.insert(line.client.clone(), line.clone());
        Ok(if older.is_some() { Entered::TookOver } else { Entered::New })
    }

    /// A client has gone.
    pub fn leave(&self, line: &Arc<Line>) {
        let mut present = self.present.lock();
        if present.by_client.get(&line.client).is_some_and(|other| Arc::ptr_eq(other, line)) {
            present.by_client.remove(&line.client);
        }
    }

    /// Tells those whose accounts are no more to end.
    pub fn revoke(&self, is_gone: impl Fn(&Account) -> bool) {
        for line in self.present.lock().by_client.values().filter(|line| is_gone(&line.account)) {
            line.order(Order::Revoked);
        }
    }

    /// Tells everybody to end, and lets nobody in from now on.
    pub fn stop(&self) {
        let mut present = self.present.lock();
        present.stopping = true;
        for line in present.by_client.values() {
            line.order(Order::Stop);
        }
    }
}
