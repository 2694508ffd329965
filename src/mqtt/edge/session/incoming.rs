//! Messages of QoS 2 on their way in: which packet identifiers are in use, and how far each exchange has come.
//!
//! ```text
//! PUBLISH -> Intended (its intent is being written) -> Gathering (in the run offered to the journal)
//!         -> Taken (the journal has it; PUBREC when durable) -> PUBREL: forgotten, PUBCOMP when that is written
//! ```
//!
//! Invariant: a message whose identifier is Taken is never given to the journal again, nor one marked as sent again
//! (DUP) whose identifier is Known. A client that has lost its state uses an identifier of a former connection for a new
//! message: without that mark an exchange begins anew. A session that outlives its
//! connections writes its intent, with the time of arrival, before the journal gets the message, and that it was taken
//! after the journal has it on disk; so after a crash an exchange in between is Doubtful: sent again it goes to the
//! journal with its first time of arrival, where the same readings at the same times count as duplicates
//! ([`crate::model::Arrival::Repeated`]).

use std::collections::BTreeMap;

use super::store::Ticket;
use crate::model::{Seq, Timestamp};

/// How far one exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mqtt::edge) enum Stage {
    /// Left behind by a former connection: perhaps in the journal, perhaps not.
    Doubtful { received_at: Timestamp },
    /// To be given to the journal when the ticket is durable.
    Intended { received_at: Timestamp, ticket: Ticket },
    /// In the run that is being gathered.
    Gathering { received_at: Timestamp },
    /// In the journal under this number, not necessarily durable.
    Taken { seq: Seq },
    /// The same, and taken on a former connection: only a message that is marked as sent again can be that one.
    Known { seq: Seq },
}

/// The exchanges of one client.
#[derive(Debug, Default)]
pub(in crate::mqtt::edge) struct Incoming {
    stages: BTreeMap<u16, Stage>,
}

impl Incoming {
    pub fn restored(stages: BTreeMap<u16, Stage>) -> Incoming {
        Incoming { stages }
    }

    pub fn len(&self) -> usize {
        self.stages.len()
    }

    pub fn get(&self, packet_id: u16) -> Option<Stage> {
        self.stages.get(&packet_id).copied()
    }

    pub fn set(&mut self, packet_id: u16, stage: Stage) {
        self.stages.insert(packet_id, stage);
    }

    /// The exchange is over. Says whether there was one.
    pub fn release(&mut self, packet_id: u16) -> bool {
        self.stages.remove(&packet_id).is_some()
    }

    /// The run was taken by the journal.
    pub fn taken(&mut self, packet_ids: &[u16], seq: Seq) {
        for packet_id in packet_ids {
            self.set(*packet_id, Stage::Taken { seq });
        }
    }

    /// The run was not taken and will be gathered again.
    pub fn abandon(&mut self, packet_ids: &[u16]) {
        for packet_id in packet_ids {
            if let Some(Stage::Gathering { received_at }) = self.get(*packet_id) {
                self.set(*packet_id, Stage::Intended { received_at, ticket: Ticket::DONE });
            }
        }
    }

    /// The connection is over: all exchanges are of a former one from now on.
    pub fn leave(&mut self) {
        for stage in self.stages.values_mut() {
            *stage = match *stage {
                Stage::Intended { received_at, .. }
                | Stage::Gathering { received_at }
                | Stage::Doubtful { received_at } => Stage::Doubtful { received_at },
                Stage::Taken { seq } | Stage::Known { seq } => Stage::Known { seq },
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(1);

    #[test]
    fn an_abandoned_run_may_be_gathered_again_and_a_taken_one_not() {
        let mut incoming = Incoming::default();
        incoming.set(1, Stage::Gathering { received_at: AT });
        incoming.abandon(&[1]);
        assert_eq!(incoming.get(1), Some(Stage::Intended { received_at: AT, ticket: Ticket::DONE }));
        incoming.taken(&[1], Seq(7));
        incoming.abandon(&[1]);
        assert_eq!(incoming.get(1), Some(Stage::Taken { seq: Seq(7) }));
        assert!(incoming.release(1) && !incoming.release(1));
    }

    #[test]
    fn the_next_connection_finds_exchanges_of_a_former_one() {
        let mut incoming = Incoming::default();
        incoming.set(1, Stage::Intended { received_at: AT, ticket: Ticket::DONE });
        incoming.set(2, Stage::Taken { seq: Seq(3) });
        incoming.leave();
        assert_eq!(incoming.get(1), Some(Stage::Doubtful { received_at: AT }));
        assert_eq!(incoming.get(2), Some(Stage::Known { seq: Seq(3) }));
    }
}
