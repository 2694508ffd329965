//! Messages of QoS 2 at a connection: taken once, however often they come.
//!
//! A session that ends with its connection remembers exchanges in memory alone. One that outlives it writes its intent
//! first; all messages of QoS 2 that have arrived together share one write, and the connection waits for it. See
//! [`super::session`] for what a crash in between comes to.

use rmqtt_codec::types::QoS;

use super::answer::{self, Completed, Verdict};
use super::connection::{Connection, Owed};
use super::frame::{self, Publish, Step};
use super::session::{Stage, Ticket};
use crate::model::{Intake, Seq, Timestamp};

/// What is done with a message of QoS 2 that may be stored.
pub(super) enum Exchange {
    /// It belongs to the run, with its first time of arrival.
    Gathered(Timestamp),
    /// The journal has it: its identifier, and the number to wait for.
    Repeated(u16, Seq),
    /// Its intent is not on disk yet.
    Unwritten,
    /// More exchanges are open than announced.
    TooMany,
}

impl<I: Intake> Connection<I> {
    /// Looks up, or begins, the exchange of a message.
    pub(super) fn exchange(&mut self, publish: &Publish<'_>, now: Timestamp) -> Exchange {
        let Some(packet_id) = publish.packet_id.map(|id| id.get()) else { return Exchange::TooMany };
        let stage = match self.stay.stage(packet_id) {
            Some(Stage::Taken { seq }) => return Exchange::Repeated(packet_id, seq),
            // Twice in one run: both are answered when the run is durable, and the run has the first alone.
            Some(Stage::Gathering { .. }) => return Exchange::Repeated(packet_id, Seq(0)),
            Some(Stage::Known { seq }) if publish.dup => return Exchange::Repeated(packet_id, seq),
            Some(Stage::Doubtful { received_at }) if publish.dup => {
                Stage::Intended { received_at, ticket: Ticket::DONE }
            }
            Some(stage @ Stage::Intended { .. }) => stage,
            // Left over from a former connection, and this is a new message.
            Some(Stage::Known { .. } | Stage::Doubtful { .. }) => self.stay.begin(packet_id, now),
            None if self.stay.open() >= usize::from(self.shared.limits.outstanding) => return Exchange::TooMany,
            None => self.stay.begin(packet_id, now),
        };
        let Stage::Intended { received_at, ticket } = stage else { return Exchange::Unwritten };
        if !self.shared.sessions.store().has(ticket) {
            self.intent = Some(ticket);
            return Exchange::Unwritten;
        }
        self.stay.gather(packet_id, received_at);
        self.gathered_twos.push(packet_id);
        Exchange::Gathered(received_at)
    }

    /// Begins the exchanges of the messages that follow, so that all wait for one write.
    pub(super) fn intend_ahead(&mut self, mut input: &[u8], now: Timestamp) {
        let room = usize::from(self.shared.limits.outstanding);
        while let Ok(Step::Publish(publish, length)) = frame::next(input, self.version, self.shared.limits.packet_bytes)
        {
            input = input.get(length..).unwrap_or_default();
            let Some(packet_id) = publish.packet_id.map(|id| id.get()) else { continue };
            let is_new = publish.qos == QoS::ExactlyOnce && self.stay.stage(packet_id).is_none();
            if is_new
                && self.stay.open() < room
                && self.judge(&publish) == Ok(Verdict::Stored)
                && let Stage::Intended { ticket, .. } = self.stay.begin(packet_id, now)
            {
                self.intent = self.intent.max(Some(ticket));
            }
        }
    }

    /// The client ends an exchange: its identifier is free when PUBCOMP leaves, and that is on disk by then.
    pub(super) fn release(&mut self, packet_id: u16) {
        match self.stay.release(packet_id) {
            Some(ticket) if ticket != Ticket::DONE => self.owed.push_back((ticket, Owed::Completion(packet_id))),
            Some(_) => answer::complete(self.version, packet_id, Completed::Known, &mut self.out.bytes),
            None => answer::complete(self.version, packet_id, Completed::Unknown, &mut self.out.bytes),
        }
    }
}
