//! The desk between the poll task and the waker: what waits for room, and what waits for the disk. One lock, never
//! held across a wait.

use std::collections::VecDeque;

use parking_lot::Mutex;
use rumqttc::{Publish, QoS};
use tokio::sync::Notify;

use crate::model::{Arrival, Intake, RawMessage, Refusal, Seq, SourceId, Timestamp};

/// What became of publishes that were handed in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Handed {
    /// All are with the journal or wait for room.
    Taken,
    /// So many QoS 0 messages found no room; nothing was promised for them.
    Shed(u64),
    /// QoS 1 messages found no room: drop the connection, so that the broker keeps them.
    Overflow,
    /// The journal has stopped.
    Stopped,
}

/// What a message that waits costs besides its topic and payload, about: without it, many tiny ones would be free.
const WAITING_OVERHEAD_BYTES: usize = 256;

fn weight(publish: &Publish) -> usize {
    WAITING_OVERHEAD_BYTES + publish.topic.len() + publish.payload.len()
}

pub(super) struct Desk {
    source: SourceId,
    waiting_bytes_max: usize,
    inner: Mutex<Inner>,
    changed: Notify,
    drained: Notify,
}

#[derive(Default)]
struct Inner {
    /// Received, refused for want of room, in order. Bounded by `waiting_bytes_max`.
    waiting: VecDeque<(Publish, Timestamp)>,
    waiting_bytes: usize,
    /// Accepted, not acknowledged, in order of arrival. Bounded by the broker's in-flight window (at most 65,535).
    unacknowledged: VecDeque<(u16, Seq)>,
    /// The head's acknowledgement is in the client's channel; it must leave before any other.
    head_is_on_its_way: bool,
    stopped: bool,
}

impl Desk {
    pub(super) fn new(source: SourceId, waiting_bytes_max: usize) -> Self {
        let (changed, drained) = (Notify::new(), Notify::new());
        Self { source, waiting_bytes_max, inner: Mutex::default(), changed, drained }
    }

    /// Takes publishes in order of arrival, as far as there is room.
    pub(super) fn hand_in(&self, publishes: Vec<Publish>, now: Timestamp, intake: &impl Intake) -> Handed {
        let mut inner = self.inner.lock();
        let mut shed = 0;
        let mut is_full = !inner.waiting.is_empty();
        for publish in publishes {
            if !is_full {
                match self.accept(&mut inner, &publish, now, intake) {
                    Ok(()) => continue,
                    Err(Refusal::Full) => is_full = true,
                    Err(Refusal::Stopped) => return Handed::Stopped,
                }
            }
            let bytes = weight(&publish);
            if inner.waiting_bytes + bytes <= self.waiting_bytes_max {
                inner.waiting_bytes += bytes;
                inner.waiting.push_back((publish, now));
            } else if publish.qos == QoS::AtMostOnce {
                shed += 1;
            } else {
                return Handed::Overflow;
            }
        }
        drop(inner);
        self.changed.notify_one();
        if shed > 0 { Handed::Shed(shed) } else { Handed::Taken }
    }

    /// Offers what waits for room again, in order.
    pub(super) fn hand_in_waiting(&self, intake: &impl Intake) {
        let mut inner = self.inner.lock();
        while let Some((publish, received_at)) = inner.waiting.pop_front() {
            if self.accept(&mut inner, &publish, received_at, intake).is_err() {
                inner.waiting.push_front((publish, received_at));
                return;
            }
            inner.waiting_bytes -= weight(&publish);
        }
    }

    fn accept(
        &self,
        inner: &mut Inner,
        publish: &Publish,
        received_at: Timestamp,
        intake: &impl Intake,
    ) -> Result<(), Refusal> {
        let raw = RawMessage {
            source: self.source,
            topic: &publish.topic,
            payload: &publish.payload,
            received_at,
            arrival: if publish.retain { Arrival::Retained } else { Arrival::Fresh },
        };
        let accepted = intake.accept(std::slice::from_ref(&raw));
        inner.stopped |= accepted == Err(Refusal::Stopped);
        let seq = accepted?;
        if publish.qos != QoS::AtMostOnce {
            inner.unacknowledged.push_back((publish.pkid, seq));
        }
        Ok(())
    }

    /// Sends the head's acknowledgement when it is due and none is on its way. `send` says whether it went.
    pub(super) fn send_head(&self, through: Seq, send: impl FnOnce(u16) -> bool) {
        let mut inner = self.inner.lock();
        if inner.head_is_on_its_way {
            return;
        }
        if let Some((packet_id, seq)) = inner.unacknowledged.front().copied()
            && seq <= through
            && send(packet_id)
        {
            inner.unacknowledged.pop_front();
            inner.head_is_on_its_way = true;
        }
    }

    /// The head's acknowledgement has left.
    pub(super) fn head_came_round(&self) {
        self.inner.lock().head_is_on_its_way = false;
    }

    /// The packet numbers whose acknowledgements are due, in order; none while the head's is on its way.
    pub(super) fn take_due(&self, through: Seq) -> Vec<u16> {
        let mut inner = self.inner.lock();
        if inner.head_is_on_its_way {
            return Vec::new();
        }
        let due = inner.unacknowledged.iter().take_while(|(_, seq)| *seq <= through).count();
        let packet_ids = inner.unacknowledged.drain(..due).map(|(packet_id, _)| packet_id).collect();
        if inner.unacknowledged.is_empty() && inner.waiting.is_empty() {
            self.drained.notify_waiters();
        }
        packet_ids
    }

    /// Forgets everything that belongs to a connection. What was accepted stays accepted; the broker sends it again.
    pub(super) fn forget(&self) {
        let mut inner = self.inner.lock();
        inner.unacknowledged.clear();
        inner.waiting.clear();
        inner.waiting_bytes = 0;
        inner.head_is_on_its_way = false;
        drop(inner);
        self.drained.notify_waiters();
    }

    pub(super) fn is_waiting_for_room(&self) -> bool {
        let inner = self.inner.lock();
        !inner.waiting.is_empty() && !inner.stopped
    }

    /// Something was handed in.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Nothing waits for the disk or for room any more.
    pub(super) async fn drained(&self) {
        loop {
            let drained = self.drained.notified();
            tokio::pin!(drained);
            drained.as_mut().enable();
            {
                let inner = self.inner.lock();
                if inner.unacknowledged.is_empty() && inner.waiting.is_empty() && !inner.head_is_on_its_way {
                    return;
                }
            }
            drained.await;
        }
    }
}
