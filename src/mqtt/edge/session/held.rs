//! One session that outlives its connections, and a connection's stay in it.
//!
//! Invariants: at most one connection stays in a session at a time; a newer one waits until the older has left, so an
//! exchange of QoS 2 is never handled by two. What is in memory is the truth; each change is told to the [`Store`].
//! Lock order: the table of sessions, then the subscribers, then a session's own; while that is held nothing else is
//! locked except a line's inbox and the store's queue.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytestring::ByteString;
use parking_lot::Mutex;
use rmqtt_codec::types::QoS;
use tokio::sync::Notify;

use super::super::access::{Account, Issue};
use super::super::alerts::{Delivery, Nature};
use super::super::line::{Line, Posted};
use super::incoming::{Incoming, Stage};
use super::queue::{Entry, Parcel, Queue};
use super::store::{Op, SessionNo, Store, Ticket};
use crate::model::{Seq, Timestamp};

/// What all sessions share.
pub(in crate::mqtt::edge) struct Keeping {
    pub store: Arc<Store>,
    pub messages_max: usize,
    pub bytes_max: usize,
    pub all_bytes_max: usize,
    /// Of all queues together.
    pub all_bytes: AtomicUsize,
}

/// A session.
pub(in crate::mqtt::edge) struct Held {
    pub no: SessionNo,
    pub client: ByteString,
    /// Whose it is; nobody else's client comes in.
    pub account: Box<str>,
    /// Which holder of that name.
    pub issue: Issue,
    keeping: Arc<Keeping>,
    state: Mutex<State>,
    /// Rung when a connection has left it.
    left: Notify,
}

struct State {
    queue: Queue,
    /// Lent to the connection while there is one.
    incoming: Incoming,
    line: Option<Arc<Line>>,
    expiry_s: u32,
    left_at: Timestamp,
    /// Forgotten: nothing is kept for it any more.
    gone: bool,
}

impl State {
    fn is_over(&self, now: Timestamp) -> bool {
        let kept = Duration::from_secs(u64::from(self.expiry_s));
        self.line.is_none() && now.since(self.left_at) >= kept
    }
}

/// What an attempt to come in gave.
pub(in crate::mqtt::edge) enum Entered {
    In(Stay),
    Occupied,
    Gone,
}

impl Held {
    /// A new session, empty, left at `now` until somebody comes in.
    pub fn new(
        no: SessionNo,
        client: ByteString,
        account: &Account,
        expiry_s: u32,
        keeping: &Arc<Keeping>,
        now: Timestamp,
    ) -> Arc<Held> {
        Held::restored((no, client, account), (expiry_s, now), Vec::new(), Incoming::default(), keeping)
    }

    /// A session as it was kept.
    pub fn restored(
        (no, client, account): (SessionNo, ByteString, &Account),
        (expiry_s, left_at): (u32, Timestamp),
        queued: Vec<Entry>,
        incoming: Incoming,
        keeping: &Arc<Keeping>,
    ) -> Arc<Held> {
        let queue = Queue::restored(queued);
        keeping.all_bytes.fetch_add(queue.bytes(), Ordering::Relaxed);
        let state = State { queue, incoming, line: None, expiry_s, left_at, gone: false };
        let (keeping, left) = (keeping.clone(), Notify::new());
        let (account, issue) = (account.name.clone(), account.issue);
        Arc::new(Held { no, client, account, issue, keeping, state: Mutex::new(state), left })
    }

    /// Lets a connection in unless another one is; it has everything sent again that it did not acknowledge.
    pub fn enter(self: &Arc<Held>, line: &Arc<Line>, expiry_s: u32) -> Entered {
        let mut state = self.state.lock();
        if state.gone {
            return Entered::Gone;
        }
        if state.line.is_some() {
            return Entered::Occupied;
        }
        state.line = Some(line.clone());
        state.expiry_s = expiry_s;
        state.queue.begin_again();
        let incoming = std::mem::take(&mut state.incoming);
        let (store, begun_at) = (self.keeping.store.clone(), Timestamp::EPOCH);
        Entered::In(Stay { held: Some(self.clone()), incoming, expiry_s, store, begun_at })
    }

    /// Rings when a connection has left.
    pub fn left(&self) -> &Notify {
        &self.left
    }

    /// Whether its time is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.state.lock().is_over(now)
    }

    /// Whether its client is connected.
    pub fn is_connected(&self) -> bool {
        self.state.lock().line.is_some()
    }

    /// Keeps nothing more for it. Says whether it was there until now.
    pub fn give_up(&self) -> bool {
        self.give_up_locked(&mut self.state.lock())
    }

    /// The same if its time is over; nobody can come in between.
    pub fn give_up_over(&self, now: Timestamp) -> bool {
        let mut state = self.state.lock();
        state.is_over(now) && self.give_up_locked(&mut state)
    }

    fn give_up_locked(&self, state: &mut State) -> bool {
        let queue = std::mem::take(&mut state.queue);
        self.keeping.all_bytes.fetch_sub(queue.bytes(), Ordering::Relaxed);
        !std::mem::replace(&mut state.gone, true)
    }

    /// Puts a message before its client: now, or when it comes back. QoS 0 is for those who are there.
    pub fn post(&self, delivery: Delivery, waiting_max: usize) -> Posted {
        let mut state = self.state.lock();
        if state.gone {
            return Posted::Refused { displaced: 0 };
        }
        if delivery.qos == QoS::AtMostOnce {
            return state
                .line
                .as_ref()
                .map_or(Posted::Queued { displaced: 0 }, |line| line.post(delivery, waiting_max));
        }
        let bytes = delivery.alert.bytes();
        if self.keeping.store.lags() || !self.may_fit(&state.queue, &delivery) {
            return Posted::Refused { displaced: 0 };
        }
        let mut ops = Vec::with_capacity(1);
        let mut displaced = 0;
        while self.is_full((state.queue.len(), state.queue.bytes()), bytes, 0) {
            // Others' queues may have grown since it was seen to fit.
            let displaces = delivery.alert.nature == Nature::Alert;
            let Some(entry) = displaces.then(|| state.queue.displace()).flatten() else {
                self.keeping.store.submit(ops);
                return Posted::Refused { displaced };
            };
            self.take_out(&entry, &mut ops);
            displaced += 1;
        }
        self.keeping.all_bytes.fetch_add(bytes, Ordering::Relaxed);
        let (alert, retain) = (delivery.alert.clone(), delivery.retain);
        let no = state.queue.push(delivery);
        ops.push(Op::Queue { session: self.no, no, alert, retain, packet_id: None });
        // Under the lock, so that the file hears of changes in the order in which they were made.
        self.keeping.store.submit(ops);
        if let Some(line) = &state.line {
            line.bell.notify_one();
        }
        Posted::Queued { displaced }
    }

    /// Whether there is room, or displacing would make some. A command is not worth more than what waits already: it
    /// displaces nothing, and its sender is told instead.
    fn may_fit(&self, queue: &Queue, delivery: &Delivery) -> bool {
        let (held, more) = ((queue.len(), queue.bytes()), delivery.alert.bytes());
        if !self.is_full(held, more, 0) {
            return true;
        }
        let mut left = held;
        // As many as make room: a full queue is not gone through to its end for each alert.
        let makes_room = |entry: &Entry| {
            left = (left.0 - 1, left.1 - entry.bytes());
            !self.is_full(left, more, held.1 - left.1)
        };
        delivery.alert.nature == Nature::Alert && queue.displaceable().any(makes_room)
    }

    /// Whether `more` bytes have no room beside so many messages and bytes of this queue, when `freed` bytes were taken
    /// out of it.
    fn is_full(&self, (messages, bytes): (usize, usize), more: usize, freed: usize) -> bool {
        let all_bytes = self.keeping.all_bytes.load(Ordering::Relaxed).saturating_sub(freed);
        messages >= self.keeping.messages_max
            || bytes + more > self.keeping.bytes_max
            || all_bytes + more > self.keeping.all_bytes_max
    }

    fn take_out(&self, entry: &Entry, ops: &mut Vec<Op>) {
        self.keeping.all_bytes.fetch_sub(entry.bytes(), Ordering::Relaxed);
        ops.push(Op::Dequeue { session: self.no, no: entry.no });
    }

    /// Drops what waits of topics that its client may not read any more, and says how many. What has gone out already
    /// is not sent again.
    pub fn limit(&self, may_read: impl Fn(&str) -> bool) -> u64 {
        let mut state = self.state.lock();
        let dropped = state.queue.remove_those(|entry| !may_read(&entry.delivery.alert.topic));
        let mut ops = Vec::with_capacity(dropped.len());
        dropped.iter().for_each(|entry| self.take_out(entry, &mut ops));
        if !ops.is_empty() {
            self.keeping.store.submit(ops);
        }
        dropped.len() as u64
    }

    /// Messages sent on this connection and not acknowledged.
    pub fn in_flight(&self) -> usize {
        self.state.lock().queue.in_flight()
    }

    /// What must be sent again before anything new.
    pub fn again(&self) -> Option<Parcel> {
        self.state.lock().queue.again()
    }

    /// The next message, and how many were over before it could be sent.
    pub fn next(&self, now: Timestamp) -> (Option<Parcel>, usize) {
        let mut state = self.state.lock();
        let expired = state.queue.expire(now);
        let mut ops = Vec::new();
        expired.iter().for_each(|entry| self.take_out(entry, &mut ops));
        let parcel = state.queue.next();
        if let Some(Parcel { no, packet_id, .. }) = &parcel {
            ops.push(Op::Sent { session: self.no, no: *no, packet_id: packet_id.get() });
        }
        if !ops.is_empty() {
            self.keeping.store.submit(ops);
        }
        (parcel, expired.len())
    }

    /// A retained message for a new subscription, past those that wait. The caller bounds how many are in flight.
    pub fn pass(&self, delivery: Delivery) -> Parcel {
        let mut state = self.state.lock();
        self.keeping.all_bytes.fetch_add(delivery.alert.bytes(), Ordering::Relaxed);
        let (alert, retain) = (delivery.alert.clone(), delivery.retain);
        let parcel = state.queue.pass(delivery);
        let packet_id = Some(parcel.packet_id.get());
        self.keeping.store.submit([Op::Queue { session: self.no, no: parcel.no, alert, retain, packet_id }]);
        parcel
    }

    /// Its client has a message, or cannot take it.
    pub fn acknowledged(&self, packet_id: NonZeroU16) {
        let mut state = self.state.lock();
        if let Some(entry) = state.queue.acknowledged(packet_id) {
            let mut ops = Vec::with_capacity(1);
            self.take_out(&entry, &mut ops);
            self.keeping.store.submit(ops);
        }
    }

    /// All retained messages of a subscription have been sent.
    pub fn replayed(&self, filter: &str) {
        self.keeping.store.submit([Op::Replayed { session: self.no, filter: filter.to_owned() }]);
    }
}

/// A connection's stay in its session, or, for one that ends with the connection, the session itself.
pub(in crate::mqtt::edge) struct Stay {
    held: Option<Arc<Held>>,
    incoming: Incoming,
    expiry_s: u32,
    store: Arc<Store>,
    /// When the last exchange began.
    begun_at: Timestamp,
}

impl Stay {
    /// A session that ends with its connection.
    pub fn short(store: &Arc<Store>) -> Stay {
        let (store, begun_at) = (store.clone(), Timestamp::EPOCH);
        Stay { held: None, incoming: Incoming::default(), expiry_s: 0, store, begun_at }
    }

    /// The session, when it outlives the connection.
    pub fn held(&self) -> Option<&Arc<Held>> {
        self.held.as_ref()
    }

    /// How long it is kept after its client has left.
    pub fn expiry_s(&self) -> u32 {
        self.expiry_s
    }

    /// The client says how long, at its good-bye.
    pub fn set_expiry_s(&mut self, expiry_s: u32) {
        self.expiry_s = expiry_s;
    }

    /// Messages of QoS 2 whose exchanges are not over.
    pub fn open(&self) -> usize {
        self.incoming.len()
    }

    /// How far an exchange has come.
    pub fn stage(&self, packet_id: u16) -> Option<Stage> {
        self.incoming.get(packet_id)
    }

    /// Begins an exchange. Each has a time of arrival of its own, to the microsecond: a reading without a time is told
    /// from another one by it when it comes again.
    pub fn begin(&mut self, packet_id: u16, now: Timestamp) -> Stage {
        let received_at = now.max(self.begun_at + Duration::from_micros(1));
        self.begun_at = received_at;
        let stage = match &self.held {
            None => Stage::Intended { received_at, ticket: Ticket::DONE },
            Some(held) => {
                let ticket = self.store.submit([Op::Intend { session: held.no, packet_id, received_at }]);
                Stage::Intended { received_at, ticket }
            }
        };
        self.incoming.set(packet_id, stage);
        stage
    }

    /// Its message is in the run that is being gathered.
    pub fn gather(&mut self, packet_id: u16, received_at: Timestamp) {
        self.incoming.set(packet_id, Stage::Gathering { received_at });
    }

    /// The journal has taken the run.
    pub fn taken(&mut self, packet_ids: &[u16], seq: Seq) {
        self.incoming.taken(packet_ids, seq);
    }

    /// The journal has not taken the run.
    pub fn abandon(&mut self, packet_ids: &[u16]) {
        self.incoming.abandon(packet_ids);
    }

    /// Its message is on disk in the journal, and PUBREC leaves.
    pub fn confirm(&self, packet_id: u16) {
        if let Some(held) = &self.held {
            self.store.submit([Op::Took { session: held.no, packet_id }]);
        }
    }

    /// The exchange is over; PUBCOMP may leave when the ticket is durable. `None`: there was none.
    pub fn release(&mut self, packet_id: u16) -> Option<Ticket> {
        let there_was = self.incoming.release(packet_id);
        there_was.then(|| match &self.held {
            Some(held) => self.store.submit([Op::Release { session: held.no, packet_id }]),
            None => Ticket::DONE,
        })
    }

    /// The connection is over, and the session with it: nobody comes in any more. Says whether it was there until now.
    pub fn end(&mut self) -> bool {
        let Some(held) = self.held.take() else { return false };
        let mut state = held.state.lock();
        state.line = None;
        let was_there = held.give_up_locked(&mut state);
        drop(state);
        held.left.notify_waiters();
        was_there
    }

    /// The connection is over: the session is free for the next one, which finds what was left.
    pub fn leave(&mut self, now: Timestamp) {
        let Some(held) = self.held.take() else { return };
        let mut incoming = std::mem::take(&mut self.incoming);
        incoming.leave();
        let mut state = held.state.lock();
        (state.incoming, state.line, state.expiry_s, state.left_at) = (incoming, None, self.expiry_s, now);
        self.store.submit([Op::Leave { session: held.no, expiry_s: self.expiry_s, at: now }]);
        drop(state);
        held.left.notify_waiters();
    }
}

impl Drop for Stay {
    /// A connection that ended on its way in: as if it had never come.
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            let mut incoming = std::mem::take(&mut self.incoming);
            incoming.leave();
            let mut state = held.state.lock();
            (state.incoming, state.line) = (incoming, None);
            drop(state);
            held.left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::access::{Access, Recalled};
    use super::*;

    #[test]
    fn a_session_does_not_end_when_its_client_is_back_in_time() {
        let keeping = Keeping {
            store: Arc::new(Store::none().0),
            messages_max: 1,
            bytes_max: 1,
            all_bytes_max: 1,
            all_bytes: AtomicUsize::new(0),
        };
        let Recalled::Known(account) = Access::open().recall(None, None) else { panic!("the door is open") };
        let line = Arc::new(Line::new(1, "c".into(), account.clone()));
        let at = Timestamp::from_seconds;
        let held = Held::new(SessionNo(1), "c".into(), &account, 10, &Arc::new(keeping), at(0));
        assert!(!held.is_over(at(9)) && held.is_over(at(10)));
        let Entered::In(mut stay) = held.enter(&line, 10) else { panic!("it is there") };
        assert!(!held.give_up_over(at(10)), "somebody came in between");
        stay.leave(at(10));
        assert!(!held.give_up_over(at(19)) && held.give_up_over(at(20)) && !held.give_up());
        assert!(matches!(held.enter(&line, 10), Entered::Gone));
    }
}
