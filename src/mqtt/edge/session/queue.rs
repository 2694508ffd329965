//! What waits for one session's client: messages of QoS 1, in order, sent ones in front.
//!
//! ```text
//! acknowledged <- [ 7 8 | 9 10 11 ] <- push      sent: how many in front went out on this connection
//! ```
//!
//! Invariants: a message leaves only by an acknowledgement, by its expiry, by being displaced or because its
//! client may not read it any more; one that has gone out
//! once keeps its packet identifier (MQTT-4.4.0-1) and is never displaced. Everything sent on this connection stands
//! before everything that was not. The bounds are the caller's.

use std::collections::VecDeque;
use std::num::NonZeroU16;

use super::super::alerts::{Delivery, Nature};
use crate::model::Timestamp;

/// One message of the queue.
#[derive(Clone, Debug)]
pub(in crate::mqtt::edge) struct Entry {
    /// Its number in this session; grows.
    pub no: i64,
    pub delivery: Delivery,
    /// Given to it when it first goes out.
    pub packet_id: Option<NonZeroU16>,
}

impl Entry {
    /// What it counts for against the bounds.
    pub fn bytes(&self) -> usize {
        self.delivery.alert.bytes()
    }

    fn is_displaceable(&self) -> bool {
        self.packet_id.is_none() && self.delivery.alert.nature == Nature::Alert
    }
}

/// A message to be written now.
#[derive(Clone, Debug)]
pub(in crate::mqtt::edge) struct Parcel {
    pub no: i64,
    pub delivery: Delivery,
    pub packet_id: NonZeroU16,
    pub times: Times,
}

/// Whether a message may have reached its client before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mqtt::edge) enum Times {
    First,
    /// The DUP flag is set.
    Again,
}

/// The queue of one session.
#[derive(Debug, Default)]
pub(in crate::mqtt::edge) struct Queue {
    entries: VecDeque<Entry>,
    sent: usize,
    bytes: usize,
    last_no: i64,
    last_id: u16,
}

impl Queue {
    /// As it was read back: what had gone out first, then the rest, each in its order.
    pub fn restored(mut entries: Vec<Entry>) -> Queue {
        entries.sort_by_key(|entry| (entry.packet_id.is_none(), entry.no));
        let bytes = entries.iter().map(Entry::bytes).sum();
        let last_no = entries.iter().map(|entry| entry.no).max().unwrap_or(0);
        let last_id = entries.iter().filter_map(|entry| entry.packet_id).map(NonZeroU16::get).max().unwrap_or(0);
        Queue { entries: entries.into(), sent: 0, bytes, last_no, last_id }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Messages sent on this connection and not acknowledged.
    pub fn in_flight(&self) -> usize {
        self.sent
    }

    /// A new connection: everything is to be sent on it.
    pub fn begin_again(&mut self) {
        self.sent = 0;
    }

    /// Adds a message behind all others. Returns its number.
    pub fn push(&mut self, delivery: Delivery) -> i64 {
        self.insert(self.entries.len(), delivery, None)
    }

    fn insert(&mut self, at: usize, delivery: Delivery, packet_id: Option<NonZeroU16>) -> i64 {
        self.last_no += 1;
        let entry = Entry { no: self.last_no, delivery, packet_id };
        self.bytes += entry.bytes();
        self.entries.insert(at, entry);
        self.last_no
    }

    /// Takes out the oldest alert that has never gone out, to make room; commands are not displaced.
    pub fn displace(&mut self) -> Option<Entry> {
        let at = self.entries.iter().position(Entry::is_displaceable)?;
        self.remove(at)
    }

    /// What could be displaced, in the order of [`Queue::displace`].
    pub fn displaceable(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.is_displaceable())
    }

    /// Takes out what must not be delivered any more and has never gone out.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Entry> {
        self.remove_those(|entry| entry.packet_id.is_none() && entry.delivery.alert.is_over(now))
    }

    /// Takes out what is not to be delivered, sent or not.
    pub fn remove_those(&mut self, unwanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let mut removed = Vec::new();
        let mut at = 0;
        while let Some(entry) = self.entries.get(at) {
            if unwanted(entry) {
                removed.extend(self.remove(at));
            } else {
                at += 1;
            }
        }
        removed
    }

    /// What went out on a former connection and was not acknowledged, the oldest first.
    pub fn again(&mut self) -> Option<Parcel> {
        let entry = self.entries.get(self.sent)?;
        let packet_id = entry.packet_id?;
        self.sent += 1;
        Some(Parcel { no: entry.no, delivery: entry.delivery.clone(), packet_id, times: Times::Again })
    }

    /// The oldest message that has never gone out; it has its identifier from now on.
    pub fn next(&mut self) -> Option<Parcel> {
        let at = self.sent;
        self.entries.get(at)?;
        let packet_id = self.free_id();
        let entry = self.entries.get_mut(at)?;
        entry.packet_id = Some(packet_id);
        self.sent += 1;
        Some(Parcel { no: entry.no, delivery: entry.delivery.clone(), packet_id, times: Times::First })
    }

    /// A message that goes out at once, past those that wait.
    pub fn pass(&mut self, delivery: Delivery) -> Parcel {
        let packet_id = self.free_id();
        let no = self.insert(self.sent, delivery.clone(), Some(packet_id));
        self.sent += 1;
        Parcel { no, delivery, packet_id, times: Times::First }
    }

    /// The client has it; `None` when no message sent on this connection has that identifier.
    pub fn acknowledged(&mut self, packet_id: NonZeroU16) -> Option<Entry> {
        let at = self.entries.iter().take(self.sent).position(|entry| entry.packet_id == Some(packet_id))?;
        self.remove(at)
    }

    fn remove(&mut self, at: usize) -> Option<Entry> {
        let entry = self.entries.remove(at)?;
        self.bytes -= entry.bytes();
        if at < self.sent {
            self.sent -= 1;
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
        Some(entry)
    }

    /// An identifier that no message here has; there is one, because the queue is shorter than 65,535.
    fn free_id(&mut self) -> NonZeroU16 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = NonZeroU16::new(self.last_id)
                && self.entries.iter().take(self.sent + 1).all(|entry| entry.packet_id != Some(id))
            {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::edge::alerts::AlertMessage;
    use rmqtt_codec::types::QoS;
    use std::sync::Arc;

    fn message(text: &str, nature: Nature, expires_at: Option<Timestamp>) -> Delivery {
        let alert = AlertMessage { no: 1, topic: "t".into(), payload: text.to_owned().into(), expires_at, nature };
        Delivery { alert: Arc::new(alert), qos: QoS::AtLeastOnce, retain: false }
    }

    fn queue(texts: &[&str]) -> Queue {
        let mut queue = Queue::default();
        for text in texts {
            queue.push(message(text, Nature::Alert, None));
        }
        queue
    }

    fn text(parcel: &Parcel) -> (String, u16) {
        (String::from_utf8(parcel.delivery.alert.payload.to_vec()).unwrap(), parcel.packet_id.get())
    }

    #[test]
    fn what_was_not_acknowledged_goes_out_again_first_with_its_identifier() {
        let mut queue = queue(&["a", "b", "c"]);
        let first: Vec<_> = [queue.next(), queue.next()].into_iter().map(|parcel| text(&parcel.unwrap())).collect();
        assert_eq!(first, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
        assert!(queue.acknowledged(NonZeroU16::MIN).is_some());
        assert!(queue.acknowledged(NonZeroU16::MIN).is_none());
        queue.begin_again();
        assert_eq!(queue.in_flight(), 0);
        let again = queue.again().unwrap();
        assert_eq!((text(&again), again.times), (("b".to_owned(), 2), Times::Again));
        assert!(queue.again().is_none());
        assert_eq!(text(&queue.next().unwrap()), ("c".to_owned(), 3));
        assert!(queue.next().is_none());
    }

    #[test]
    fn a_queue_read_back_goes_on_where_it_was() {
        let mut before = queue(&["a", "b", "c"]);
        before.next().unwrap();
        before.pass(message("retained", Nature::Alert, None));
        let entries: Vec<Entry> = before.entries.iter().rev().cloned().collect();
        let mut after = Queue::restored(entries);
        assert_eq!((after.len(), after.bytes()), (4, before.bytes()));
        let again: Vec<_> = std::iter::from_fn(|| after.again()).map(|parcel| text(&parcel)).collect();
        assert_eq!(again, [("a".to_owned(), 1), ("retained".to_owned(), 2)]);
        assert_eq!(text(&after.next().unwrap()), ("b".to_owned(), 3));
    }

    #[test]
    fn only_alerts_that_never_went_out_are_displaced() {
        let mut queue = Queue::default();
        queue.push(message("sent", Nature::Alert, None));
        queue.next().unwrap();
        queue.push(message("command", Nature::Command, None));
        queue.push(message("alert", Nature::Alert, None));
        assert_eq!(&queue.displace().unwrap().delivery.alert.payload[..], b"alert");
        assert!(queue.displace().is_none());
        assert_eq!(queue.len(), 2);
    }

    #[test]
    fn what_is_over_is_not_sent() {
        let mut queue = Queue::default();
        let at = Timestamp::from_seconds(100);
        queue.push(message("soon over", Nature::Command, Some(at)));
        queue.push(message("lasting", Nature::Command, None));
        assert!(queue.expire(Timestamp::from_seconds(99)).is_empty());
        assert_eq!(queue.expire(at).len(), 1);
        assert_eq!(text(&queue.next().unwrap()).0, "lasting");
    }

    #[test]
    fn identifiers_in_use_are_passed_over_when_they_come_round() {
        let mut queue = queue(&["kept"]);
        assert_eq!(text(&queue.next().unwrap()).1, 1);
        for _ in 0..65_534 {
            queue.push(message("x", Nature::Alert, None));
            let parcel = queue.next().unwrap();
            assert_ne!(parcel.packet_id.get(), 1);
            queue.acknowledged(parcel.packet_id).unwrap();
        }
        queue.push(message("x", Nature::Alert, None));
        assert_eq!(text(&queue.next().unwrap()).1, 2);
    }
}
