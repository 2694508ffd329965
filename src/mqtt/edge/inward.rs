//! The way in of a connection: bytes -> packets -> runs of messages for the journal, and answers to everything else.
//!
//! Invariants: a run is what stands between two packets of another kind, so nothing is done twice when the journal
//! has no room and the run is gathered again; a message that may not be stored is never answered as if it were; a
//! message of QoS 2 whose exchange is open is answered and never offered again ([`super::exchange`]).

use std::sync::atomic::Ordering;

use bytes::BytesMut;
use rmqtt_codec::types::QoS;
use tokio::time::{Duration, Instant};

use super::answer::{self, End, Grant, Kind, Verdict};
use super::connection::{Connection, Owed};
use super::exchange::Exchange;
use super::frame::{self, Control, Fault, Parting, Publish, Step, Version, Wish};
use super::meters::RefusedReason;
use super::session::Ticket;
use super::socket::{Desk, emptied};
use super::topics::{Hearer, Replay};
use crate::model::{Arrival, Intake, RawMessage, Refusal, Seq};
use crate::mqtt::topic;

/// How long to wait before offering again what was refused although there seemed to be room.
const REFUSED_AGAIN: Duration = Duration::from_millis(1);

/// Why a run of messages ends.
enum Stop<'a> {
    Partial,
    WindowFull,
    /// The intent of a message of QoS 2 must be on disk first.
    Intent,
    Control(&'a [u8]),
    Fault(Fault),
}

/// What a run holds, counted when the journal has taken it.
#[derive(Clone, Copy, Default)]
struct Tally {
    qos_0: u64,
    qos_1: u64,
    qos_2: u64,
    repeated: u64,
    denied: u64,
    topic: u64,
    /// The highest number that a repeated message waits for.
    known: Option<Seq>,
}

impl<I: Intake> Connection<I> {
    /// Bytes have come.
    pub(super) fn read(&mut self, mut desk: Desk, at: usize, count: usize, now: Instant) -> Result<(), End> {
        self.heard_at = now;
        if count == 0 {
            self.half_closed = true;
            self.shared.desks.give_back(desk);
            return Ok(());
        }
        let kept = if at == self.leftover.len() {
            self.leftover.copy_to(&mut desk);
            let mut batch = desk.take_batch();
            let bytes = desk.bytes.get(..at + count).unwrap_or_default();
            let done = self.take_in(bytes, &mut batch, now);
            let kept = done.and_then(|done| Ok(self.leftover.replace(bytes.get(done..).unwrap_or_default())?));
            let batch = emptied(batch);
            desk.keep_batch(batch);
            kept
        } else {
            self.unread = true;
            self.leftover.extend(desk.bytes.get(..count).unwrap_or_default()).map_err(End::from)
        };
        self.shared.desks.give_back(desk);
        kept
    }

    /// Takes whole packets from `input` until one is missing or the connection is held. Returns how many bytes are
    /// done with; messages that the journal had no room for are not.
    pub(super) fn take_in<'a>(
        &mut self,
        input: &'a [u8],
        batch: &mut Vec<RawMessage<'a>>,
        now: Instant,
    ) -> Result<usize, End> {
        let mut done = 0;
        self.unread = true;
        while !self.is_held() {
            batch.clear();
            self.gathered_twos.clear();
            let mut tally = Tally::default();
            let (taken, stop) = self.gather(input.get(done..).unwrap_or_default(), batch, &mut tally);
            if taken > 0 {
                if !self.offer(batch, tally, now)? {
                    break;
                }
                done += taken;
            }
            match stop {
                Stop::Control(packet) => {
                    self.control(packet)?;
                    self.spend(1, now);
                    done += packet.len();
                }
                Stop::Partial => {
                    self.unread = false;
                    break;
                }
                Stop::WindowFull | Stop::Intent => break,
                Stop::Fault(fault) => return Err(End::Fault(fault)),
            }
        }
        Ok(done)
    }

    /// Lists the messages that stand at the beginning of `input`, up to anything else. Returns how many bytes they are.
    fn gather<'a>(&mut self, input: &'a [u8], batch: &mut Vec<RawMessage<'a>>, tally: &mut Tally) -> (usize, Stop<'a>) {
        let received_at = self.shared.clock.now();
        let mut taken = 0;
        loop {
            let rest = input.get(taken..).unwrap_or_default();
            let (publish, length) = match frame::next(rest, self.version, self.shared.limits.packet_bytes) {
                Ok(Step::Publish(publish, length)) => (publish, length),
                Ok(Step::Other(packet)) => return (taken, Stop::Control(packet)),
                Ok(Step::Partial(_)) => return (taken, Stop::Partial),
                Err(fault) => return (taken, Stop::Fault(fault)),
            };
            if publish.packet_id.is_some() && self.window.len() >= usize::from(self.shared.limits.outstanding) {
                let stop = match self.version {
                    Version::V3 => Stop::WindowFull,
                    Version::V5 => Stop::Fault(Fault::Window),
                };
                return (taken, stop);
            }
            let verdict = match self.judge(&publish) {
                Ok(verdict) => verdict,
                Err(fault) => return (taken, Stop::Fault(fault)),
            };
            let (mut arrived_at, mut arrival) = (received_at, Arrival::Fresh);
            let kind = if publish.qos == QoS::ExactlyOnce { Kind::Rec } else { Kind::Ack };
            if kind == Kind::Rec && verdict == Verdict::Stored {
                match self.exchange(&publish, received_at) {
                    // Perhaps the journal has it, from another connection: then the same reading at the same time
                    // is no second one.
                    Exchange::Gathered(first_at) if first_at < self.since => arrival = Arrival::Repeated { first_at },
                    Exchange::Gathered(first_at) => arrived_at = first_at,
                    Exchange::Repeated(packet_id, seq) => {
                        (tally.repeated, tally.known) = (tally.repeated + 1, tally.known.max(Some(seq)));
                        self.window.push(Kind::Rec, packet_id, Verdict::Stored);
                        taken += length;
                        continue;
                    }
                    Exchange::Unwritten => {
                        self.intend_ahead(rest.get(length..).unwrap_or_default(), received_at);
                        return (taken, Stop::Intent);
                    }
                    Exchange::TooMany => return (taken, Stop::Fault(Fault::Window)),
                }
            }
            tally.count(verdict, publish.qos);
            if verdict == Verdict::Stored {
                let Publish { topic, payload, .. } = publish;
                let (source, received_at) = (self.shared.source, arrived_at);
                batch.push(RawMessage { source, topic, payload, received_at, arrival });
            }
            if let Some(packet_id) = publish.packet_id {
                self.window.push(kind, packet_id.get(), verdict);
            }
            taken += length;
        }
    }

    /// Whether a message may go to its topic. MQTT 3.1.1 has no negative answer: there a refusal ends the connection.
    pub(super) fn judge(&self, publish: &Publish<'_>) -> Result<Verdict, Fault> {
        let limits = &self.shared.limits;
        if !topic::valid_topic_within(publish.topic, limits.topic_bytes, limits.topic_levels) {
            return match self.version {
                Version::V5 if topic::valid_topic(publish.topic) => Ok(Verdict::TopicRefused),
                _ => Err(Fault::TopicName),
            };
        }
        if self.shared.topics.is_ours(publish.topic) || !self.line.account.may_publish(publish.topic) {
            return match self.version {
                Version::V5 => Ok(Verdict::Denied),
                Version::V3 => Err(Fault::Denied),
            };
        }
        Ok(Verdict::Stored)
    }

    /// Offers a run to the journal. Says whether it was taken.
    fn offer(&mut self, batch: &[RawMessage<'_>], tally: Tally, now: Instant) -> Result<bool, End> {
        let seq = match batch {
            [] => None,
            batch => match self.shared.intake.accept(batch) {
                Ok(seq) => Some(seq),
                Err(Refusal::Stopped) => return Err(End::JournalStopped),
                Err(Refusal::Full) => {
                    self.window.abandon();
                    self.stay.abandon(&self.gathered_twos);
                    self.full = true;
                    self.shared.full.store(true, Ordering::Release);
                    self.shared.meters.held_back.add(1);
                    if std::mem::replace(&mut self.offered_again, true) {
                        self.resume_at = Some(now + REFUSED_AGAIN);
                    }
                    return Ok(false);
                }
            },
        };
        self.offered_again = false;
        if let Some(seq) = seq {
            self.stay.taken(&self.gathered_twos, seq);
        }
        let known = tally.known.map(|known| self.window.at_least(known));
        self.window.seal(seq.or(known));
        let meters = &self.shared.meters;
        meters.messages_qos_0.add(tally.qos_0);
        meters.messages_qos_1.add(tally.qos_1);
        meters.messages_qos_2.add(tally.qos_2);
        meters.repeated.add(tally.repeated);
        meters.refuse_many(RefusedReason::Publish, tally.denied);
        meters.refuse_many(RefusedReason::Topic, tally.topic);
        self.spend(tally.packets(), now);
        Ok(true)
    }

    fn spend(&mut self, packets: usize, now: Instant) {
        if let Some(until) = self.pace.spend(packets, now) {
            self.resume_at = Some(until);
            self.shared.meters.paced.add(1);
        }
    }

    /// Answers a packet that is no message.
    fn control(&mut self, packet: &[u8]) -> Result<(), End> {
        match frame::control(packet, self.version).map_err(End::Fault)? {
            Control::Ping => answer::pong(&mut self.out.bytes),
            Control::Disconnect { will, expiry_s } => return Err(self.goodbye(will, expiry_s)),
            Control::Acknowledged(packet_id) => {
                let held = self.stay.held().map(|held| &**held);
                self.outbox.acknowledged(packet_id, held);
            }
            Control::Release(packet_id) => self.release(packet_id.get()),
            Control::Subscribe { packet_id, wishes } => {
                let mut replays = Vec::new();
                let grants: Vec<Grant> =
                    wishes.iter().enumerate().map(|(place, wish)| self.subscribe(wish, place, &mut replays)).collect();
                let mut bytes = BytesMut::new();
                answer::subscribed(self.version, packet_id, &grants, &mut bytes);
                self.owe(bytes, replays);
            }
            Control::Unsubscribe { packet_id, filters } => {
                let hearer = self.hearer();
                let mut existed = Vec::with_capacity(filters.len());
                for filter in &filters {
                    self.end_replay(filter);
                    existed.push(self.shared.topics.unsubscribe(&hearer, filter));
                }
                let mut bytes = BytesMut::new();
                answer::unsubscribed(self.version, packet_id, &existed, &mut bytes);
                self.owe(bytes, Vec::new());
            }
        }
        Ok(())
    }

    /// Answers a change of subscriptions, at once or, where the session outlives the connection, when it is on disk.
    fn owe(&mut self, bytes: BytesMut, replays: Vec<Replay>) {
        // Nothing of its own: it is on disk when all that was handed over before is.
        let ticket = self.stay.held().map_or(Ticket::DONE, |_| self.shared.sessions.store().submit([]));
        if ticket == Ticket::DONE {
            self.out.bytes.extend_from_slice(&bytes);
            replays.into_iter().for_each(|replay| self.outbox.begin(replay));
        } else {
            self.owed.push_back((ticket, Owed::Answer(bytes.freeze(), replays)));
        }
    }

    fn end_replay(&mut self, filter: &str) {
        self.outbox.end(filter);
        for (_, owed) in &mut self.owed {
            if let Owed::Answer(_, replays) = owed {
                replays.retain(|replay| replay.filter() != filter);
            }
        }
    }

    fn hearer(&self) -> Hearer {
        self.stay.held().map_or_else(|| Hearer::Line(self.line.clone()), |held| Hearer::Held(held.clone()))
    }

    /// Enters the subscription at this place of its packet.
    fn subscribe(&self, wish: &Wish, place: usize, replays: &mut Vec<Replay>) -> Grant {
        let (hearer, shared) = (self.hearer(), &self.shared);
        let subscriptions_max = shared.limits.subscriptions;
        // One filter over and over is no further subscription, but each time a change to write.
        let (grant, replay) = if place < subscriptions_max {
            shared.topics.subscribe(&hearer, &self.line.account, wish, subscriptions_max)
        } else {
            (Grant::TooMany, None)
        };
        if !matches!(grant, Grant::Granted(_)) {
            shared.meters.refuse(RefusedReason::Subscribe);
        }
        replays.extend(replay);
        grant
    }

    /// What a DISCONNECT comes to.
    fn goodbye(&mut self, will: Parting, expiry_s: Option<u32>) -> End {
        if let Some(expiry_s) = expiry_s {
            // A session that was to end with its connection cannot be kept after all (MQTT-3.14.2.2.2).
            if self.stay.expiry_s() == 0 && expiry_s > 0 {
                return End::Fault(Fault::Protocol);
            }
            self.stay.set_expiry_s(expiry_s.min(self.shared.limits.session_seconds));
        }
        match will {
            Parting::WithoutWill => End::Left,
            Parting::WithWill => End::LeftWithWill,
        }
    }
}

impl Tally {
    fn count(&mut self, verdict: Verdict, qos: QoS) {
        match (verdict, qos) {
            (Verdict::Stored, QoS::AtMostOnce) => self.qos_0 += 1,
            (Verdict::Stored, QoS::AtLeastOnce) => self.qos_1 += 1,
            (Verdict::Stored, QoS::ExactlyOnce) => self.qos_2 += 1,
            (Verdict::Denied, _) => self.denied += 1,
            (Verdict::TopicRefused, _) => self.topic += 1,
        }
    }

    fn packets(&self) -> usize {
        (self.qos_0 + self.qos_1 + self.qos_2 + self.repeated + self.denied + self.topic) as usize
    }
}
