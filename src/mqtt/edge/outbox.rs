//! Alerts on their way to one subscriber.
//!
//! Alerts are taken from the inbox only while little waits to be written and few of QoS 1 are unacknowledged, so a
//! subscriber that never reads costs its bounded inbox and nothing else. A QoS 1 alert is sent once per connection:
//! there is no session that could outlive it.

use std::collections::VecDeque;
use std::num::NonZeroU16;

use bytes::BytesMut;
use rmqtt_codec::types::QoS;

use super::alerts::{Delivery, Replay, Topics};
use super::answer;
use super::frame::Version;
use super::line::Line;
use super::meters::Meters;

/// Alerts are written ahead up to this many bytes.
const AHEAD_BYTES: usize = 8 * 1024;
/// Bytes of an alert's packet around its topic and payload, at most.
const AROUND_BYTES: usize = 16;

/// The state of one subscriber's deliveries.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Sent with QoS 1 and not acknowledged; at most `in_flight_max`, then further ones wait in the inbox.
    in_flight: VecDeque<NonZeroU16>,
    in_flight_max: usize,
    last_id: NonZeroU16,
    /// At most one per subscription.
    replays: VecDeque<Replay>,
    packet_max: usize,
    /// Something may wait in the inbox or the replays.
    pending: bool,
}

impl Outbox {
    pub fn new(in_flight_max: u16, packet_max: usize) -> Self {
        Outbox {
            in_flight: VecDeque::new(),
            in_flight_max: usize::from(in_flight_max),
            last_id: NonZeroU16::MAX,
            replays: VecDeque::new(),
            packet_max,
            pending: false,
        }
    }

    /// Something came into the inbox.
    pub fn wake(&mut self) {
        self.pending = true;
    }

    /// Whether to come back as soon as bytes have been written.
    pub fn is_pending(&self) -> bool {
        self.pending
    }

    /// A subscription has begun: its retained alerts are due. A replay of the same filter begins again.
    pub fn begin(&mut self, replay: Replay) {
        self.end(replay.filter());
        self.replays.push_back(replay);
        self.pending = true;
    }

    /// A subscription has ended.
    pub fn end(&mut self, filter: &str) {
        self.replays.retain(|replay| replay.filter() != filter);
    }

    /// The subscriber has an alert of QoS 1; an identifier that is not in flight is ignored.
    pub fn acknowledged(&mut self, packet_id: NonZeroU16) {
        self.in_flight.retain(|one| *one != packet_id);
        self.pending = true;
    }

    /// Writes what is due and may be written.
    pub fn fill(&mut self, version: Version, line: &Line, topics: &Topics, meters: &Meters, out: &mut BytesMut) {
        while self.pending && out.len() < AHEAD_BYTES {
            let may_send = self.in_flight.len() < self.in_flight_max;
            let Some(delivery) = self.next(line, topics, may_send) else {
                // Either nothing waits, or an acknowledgement must come first and will set this again.
                self.pending = false;
                return;
            };
            let bytes = delivery.alert.topic.len() + delivery.alert.payload.len() + AROUND_BYTES;
            if bytes > self.packet_max {
                meters.alerts_dropped.add(1);
                continue;
            }
            let packet_id = (delivery.qos != QoS::AtMostOnce).then(|| self.next_id());
            answer::alert(version, &delivery, packet_id, out);
            self.in_flight.extend(packet_id);
            meters.alerts_sent.add(1);
        }
    }

    fn next(&mut self, line: &Line, topics: &Topics, may_send: bool) -> Option<Delivery> {
        while let Some(replay) = self.replays.front_mut() {
            if !may_send && replay.qos() != QoS::AtMostOnce {
                return None;
            }
            match topics.replay(replay) {
                Some(delivery) => return Some(delivery),
                None => self.replays.pop_front(),
            };
        }
        line.take_alert(|delivery| may_send || delivery.qos == QoS::AtMostOnce)
    }

    /// An identifier that is not in flight; there is one, because fewer than 65,535 are.
    fn next_id(&mut self) -> NonZeroU16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(NonZeroU16::MIN);
            if !self.in_flight.contains(&self.last_id) {
                return self.last_id;
            }
        }
    }
}
