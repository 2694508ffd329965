//! Messages in flight: taken from a connection, given to the journal, not yet answered.
//!
//! ```text
//! release <- [ 7 8 9 | 10 11 | 12 13 ] <- push       acks: packet id and verdict, in order of arrival
//!             seq 40   seq 41  gathering              runs: how many acks wait for which journal number
//! ```
//!
//! Invariant: answers leave in the order of arrival (MQTT-4.6.0-2), none before its run's number is durable. A run's
//! number is never below the one before it, because a connection offers its runs one after the other.
//! Bounded by the caller, who stops taking messages at the limit.

use std::collections::VecDeque;

use super::answer::{Kind, Verdict};
use crate::model::Seq;

/// A queue that has been longer than this gives its memory back when it is empty.
const KEPT: usize = 64;

/// The messages of one connection that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct Window {
    acks: VecDeque<(Kind, u16, Verdict)>,
    runs: VecDeque<(Seq, usize)>,
    /// Acks at the end that belong to no run yet.
    gathering: usize,
}

impl Window {
    /// How many messages wait, those of the run being gathered included.
    pub fn len(&self) -> usize {
        self.acks.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.acks.is_empty()
    }

    /// One more message of the run being gathered.
    pub fn push(&mut self, kind: Kind, packet_id: u16, verdict: Verdict) {
        self.acks.push_back((kind, packet_id, verdict));
        self.gathering += 1;
    }

    /// The run is with the journal and will be durable with `seq`; `None` when nothing of it had to be stored.
    pub fn seal(&mut self, seq: Option<Seq>) {
        let before = self.runs.back().map_or(Seq(0), |(seq, _)| *seq);
        let seq = seq.unwrap_or(before);
        assert!(seq >= before, "the journal's numbers only grow");
        let count = std::mem::take(&mut self.gathering);
        match self.runs.back_mut() {
            _ if count == 0 => {}
            Some((last, acks)) if *last == seq => *acks += count,
            _ => self.runs.push_back((seq, count)),
        }
    }

    /// A number that no answer before it waits for a higher one than.
    pub fn at_least(&self, seq: Seq) -> Seq {
        self.runs.back().map_or(seq, |(last, _)| seq.max(*last))
    }

    /// The run was not taken by the journal and will be gathered again.
    pub fn abandon(&mut self) {
        self.acks.truncate(self.acks.len() - self.gathering);
        self.gathering = 0;
    }

    /// Hands out the answers that may leave now, in order. Returns how many.
    pub fn release(&mut self, durable: Seq, mut answer: impl FnMut(Kind, u16, Verdict)) -> usize {
        let mut released = 0;
        while let Some((seq, count)) = self.runs.front().copied()
            && seq <= durable
        {
            self.runs.pop_front();
            for (kind, packet_id, verdict) in self.acks.drain(..count) {
                answer(kind, packet_id, verdict);
            }
            released += count;
        }
        if self.acks.is_empty() && self.acks.capacity() > KEPT {
            *self = Window::default();
        }
        released
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn released(window: &mut Window, durable: u64) -> Vec<u16> {
        let mut ids = Vec::new();
        window.release(Seq(durable), |_, id, _| ids.push(id));
        ids
    }

    #[test]
    fn answers_wait_for_their_run_and_leave_in_order() {
        let mut window = Window::default();
        window.push(Kind::Ack, 7, Verdict::Stored);
        window.push(Kind::Ack, 8, Verdict::Denied);
        window.seal(Some(Seq(40)));
        window.push(Kind::Ack, 9, Verdict::Stored);
        window.seal(Some(Seq(42)));
        assert_eq!(released(&mut window, 39), [0_u16; 0]);
        assert_eq!(released(&mut window, 41), [7, 8]);
        assert_eq!(released(&mut window, 42), [9]);
        assert!(window.is_empty());
    }

    #[test]
    fn a_refusal_waits_for_the_messages_before_it() {
        let mut window = Window::default();
        window.push(Kind::Ack, 1, Verdict::Stored);
        window.seal(Some(Seq(5)));
        window.push(Kind::Ack, 2, Verdict::Denied);
        window.seal(None);
        assert_eq!(released(&mut window, 4), [0_u16; 0]);
        assert_eq!(released(&mut window, 5), [1, 2]);
        window.push(Kind::Ack, 3, Verdict::Denied);
        window.seal(None);
        assert_eq!(released(&mut window, 0), [3]);
    }

    #[test]
    fn an_abandoned_run_leaves_no_trace() {
        let mut window = Window::default();
        window.push(Kind::Ack, 1, Verdict::Stored);
        window.seal(Some(Seq(5)));
        window.push(Kind::Ack, 2, Verdict::Stored);
        window.abandon();
        assert_eq!(window.len(), 1);
        window.push(Kind::Ack, 2, Verdict::Stored);
        window.seal(Some(Seq(6)));
        assert_eq!(released(&mut window, 6), [1, 2]);
    }

    proptest! {
        #[test]
        fn every_message_is_answered_once_in_order(runs in prop::collection::vec((0usize..5, 0u64..3, 0u64..4, any::<bool>()), 1..50)) {
            let (mut window, mut seq, mut pushed, mut answered) = (Window::default(), 0, 0u16, Vec::new());
            let mut due = Vec::new();
            for (count, step, lag, abandoned) in runs {
                if abandoned {
                    (0..count).for_each(|_| window.push(Kind::Ack, 9_999, Verdict::Stored));
                    window.abandon();
                }
                seq += step;
                for _ in 0..count {
                    window.push(Kind::Ack, pushed, Verdict::Stored);
                    due.push(seq);
                    pushed += 1;
                }
                window.seal(Some(Seq(seq)));
                let durable = seq.saturating_sub(lag);
                window.release(Seq(durable), |_, id, _| answered.push(id));
                prop_assert!(answered.iter().all(|id| due[usize::from(*id)] <= seq));
                prop_assert!(due.iter().skip(answered.len()).all(|due| *due > durable));
            }
            window.release(Seq(seq), |_, id, _| answered.push(id));
            prop_assert_eq!(answered, (0..pushed).collect::<Vec<_>>());
        }
    }
}
