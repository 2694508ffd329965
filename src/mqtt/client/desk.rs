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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::sync::watch;

    use super::*;
    use crate::model::Durable;

    /// Numbers messages; its journal is moved by the test, and takes only so many.
    struct Counting {
        taken: AtomicU64,
        room_for: AtomicU64,
    }

    impl Counting {
        fn with_room_for(count: u64) -> Self {
            Self { taken: AtomicU64::new(0), room_for: AtomicU64::new(count) }
        }
    }

    impl Intake for Counting {
        fn accept(&self, batch: &[RawMessage<'_>]) -> Result<Seq, Refusal> {
            let taken = self.taken.load(Ordering::Relaxed) + batch.len() as u64;
            if taken > self.room_for.load(Ordering::Relaxed) {
                return Err(Refusal::Full);
            }
            self.taken.store(taken, Ordering::Relaxed);
            Ok(Seq(taken))
        }

        fn durable(&self) -> watch::Receiver<Durable> {
            watch::channel(Durable::default()).1
        }

        async fn room(&self) {}
    }

    fn publishes(packet_ids: &[u16]) -> Vec<Publish> {
        let publish = |packet_id: &u16| {
            let mut publish = Publish::new("saola/v1/a", QoS::AtLeastOnce, "1");
            publish.pkid = *packet_id;
            publish
        };
        packet_ids.iter().map(publish).collect()
    }

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn nothing_overtakes_the_head_that_is_on_its_way() {
        let (desk, intake) = (Desk::new(SourceId(1), 1_000), Counting::with_room_for(10));
        assert_eq!(desk.hand_in(publishes(&[9, 3, 7]), NOW, &intake), Handed::Taken);
        let mut sent = Vec::new();
        desk.send_head(Seq(0), |packet_id| {
            sent.push(packet_id);
            true
        });
        assert!(sent.is_empty(), "it is not on disk");
        // A channel without room for it changes nothing.
        desk.send_head(Seq(3), |_| false);
        for _ in 0..2 {
            desk.send_head(Seq(3), |packet_id| {
                sent.push(packet_id);
                true
            });
        }
        assert_eq!(sent, [9], "once");
        assert!(desk.take_due(Seq(3)).is_empty(), "the others wait for it");
        desk.head_came_round();
        assert_eq!(desk.take_due(Seq(2)), [3]);
        assert_eq!(desk.take_due(Seq(3)), [7]);
    }

    #[test]
    fn a_lost_connection_leaves_nothing_to_the_next() {
        let (desk, intake) = (Desk::new(SourceId(1), 1_000), Counting::with_room_for(2));
        assert_eq!(desk.hand_in(publishes(&[1, 2, 3]), NOW, &intake), Handed::Taken);
        desk.send_head(Seq(2), |_| true);
        assert!(desk.is_waiting_for_room());
        desk.forget();
        assert!(!desk.is_waiting_for_room());
        intake.room_for.store(10, Ordering::Relaxed);
        desk.hand_in_waiting(&intake);
        assert_eq!(intake.taken.load(Ordering::Relaxed), 2, "the broker sends the third again");
        assert_eq!(desk.hand_in(publishes(&[1]), NOW, &intake), Handed::Taken);
        assert!(desk.take_due(Seq(2)).is_empty(), "number 1 is another message now");
        assert_eq!(desk.take_due(Seq(3)), [1]);
    }

    #[test]
    fn what_waits_is_bounded_and_keeps_its_order() {
        let (desk, intake) = (Desk::new(SourceId(1), 3 * 300), Counting::with_room_for(0));
        assert_eq!(desk.hand_in(publishes(&[5, 4, 6]), NOW, &intake), Handed::Taken);
        assert_eq!(desk.hand_in(publishes(&[1]), NOW, &intake), Handed::Overflow);
        intake.room_for.store(2, Ordering::Relaxed);
        desk.hand_in_waiting(&intake);
        assert_eq!(desk.take_due(Seq(9)), [5, 4]);
        assert_eq!(desk.hand_in(publishes(&[8]), NOW, &intake), Handed::Taken, "behind the one that waits");
        intake.room_for.store(9, Ordering::Relaxed);
        desk.hand_in_waiting(&intake);
        assert_eq!(desk.take_due(Seq(9)), [6, 8]);
    }
}
