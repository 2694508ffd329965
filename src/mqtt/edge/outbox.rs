//! Alerts on their way to one subscriber.
//!
//! Alerts are taken from the inbox only while little waits to be written and few of QoS 1 are unacknowledged, so a
//! subscriber that never reads costs its bounded inbox and nothing else. Where the session ends with the connection a
//! QoS 1 message is sent once; otherwise it waits in the session's queue ([`Held`]) until it is acknowledged, and what
//! went out on a former connection goes out again first.

use std::collections::VecDeque;
use std::num::NonZeroU16;

use bytes::BytesMut;
use rmqtt_codec::types::QoS;

use super::alerts::{Delivery, Topics, Written};
use super::answer;
use super::frame::Version;
use super::line::Line;
use super::meters::Meters;
use super::session::{Held, Parcel, Times};
use super::topics::Replay;
use crate::model::Timestamp;

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

    /// The subscriber has a message of QoS 1; an identifier that is not in flight is ignored.
    pub fn acknowledged(&mut self, packet_id: NonZeroU16, held: Option<&Held>) {
        match held {
            Some(held) => held.acknowledged(packet_id),
            None => self.in_flight.retain(|one| *one != packet_id),
        }
        self.pending = true;
    }

    /// Writes what is due and may be written.
    pub fn fill(&mut self, way: &Way<'_>, now: Timestamp, out: &mut BytesMut) {
        while self.pending && out.len() < AHEAD_BYTES {
            let Some(written) = self.next(way, now) else {
                // Either nothing waits, or an acknowledgement must come first and will set this again.
                self.pending = false;
                return;
            };
            let alert = &written.delivery.alert;
            if alert.bytes() + AROUND_BYTES > self.packet_max {
                // It could never be sent to this client.
                if let Some(packet_id) = written.packet_id {
                    self.acknowledged(packet_id, way.held);
                }
                way.meters.dropped(alert.nature).add(1);
                continue;
            }
            answer::alert(way.version, &written, out);
            way.meters.sent(alert.nature).add(1);
        }
    }

    fn next(&mut self, way: &Way<'_>, now: Timestamp) -> Option<Written> {
        let in_flight = way.held.map_or(self.in_flight.len(), Held::in_flight);
        let may_send = in_flight < self.in_flight_max;
        if let Some(held) = way.held.filter(|_| may_send)
            && let Some(parcel) = held.again()
        {
            return Some(written(parcel, now));
        }
        while let Some(replay) = self.replays.front_mut() {
            if !may_send && replay.qos() != QoS::AtMostOnce {
                return None;
            }
            match (way.topics.replay(replay), way.held) {
                (Some(delivery), Some(held)) if delivery.qos != QoS::AtMostOnce => {
                    return Some(written(held.pass(delivery), now));
                }
                (Some(delivery), _) => return Some(self.number(delivery, now)),
                (None, held) => {
                    let replay = self.replays.pop_front();
                    if let (Some(held), Some(replay)) = (held, replay) {
                        way.topics.replayed(held, replay.filter());
                    }
                }
            }
        }
        if let Some(held) = way.held.filter(|_| may_send) {
            let (parcel, expired) = held.next(now);
            way.meters.alerts_dropped.add(expired as u64);
            if let Some(parcel) = parcel {
                return Some(written(parcel, now));
            }
        }
        let alert = way.line.take_alert(|delivery| may_send || delivery.qos == QoS::AtMostOnce);
        let delivery = alert.or_else(|| way.line.take_observation())?;
        Some(self.number(delivery, now))
    }

    /// Gives a message its identifier, where the session ends with the connection.
    fn number(&mut self, delivery: Delivery, now: Timestamp) -> Written {
        let packet_id = (delivery.qos != QoS::AtMostOnce).then(|| self.next_id());
        self.in_flight.extend(packet_id);
        Written { expires_in_s: left(&delivery, now), delivery, packet_id, dup: false }
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

/// How a connection's messages go out.
pub(super) struct Way<'a> {
    pub version: Version,
    pub line: &'a Line,
    /// The session, when it outlives the connection.
    pub held: Option<&'a Held>,
    pub topics: &'a Topics,
    pub meters: &'a Meters,
}

fn written(parcel: Parcel, now: Timestamp) -> Written {
    let Parcel { delivery, packet_id, times, .. } = parcel;
    let dup = times == Times::Again;
    Written { expires_in_s: left(&delivery, now), delivery, packet_id: Some(packet_id), dup }
}

/// For how many seconds, rounded up, a message is still of use.
fn left(delivery: &Delivery, now: Timestamp) -> Option<u32> {
    let left = delivery.alert.expires_at?.since(now).as_millis().div_ceil(1_000);
    Some(u32::try_from(left).unwrap_or(u32::MAX).max(1))
}
