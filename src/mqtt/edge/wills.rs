//! Wills: what a client wants said when it goes without a good-bye, and when that is due.
//!
//! A will is taken by the rules of the client's own messages (topic, permission, and the journal when it is published);
//! one that could not be published is refused together with its CONNECT. It is on disk from the CONNECT on and goes
//! when the client says good-bye, or when it is on disk in the journal. Those that were in force when Saola stopped, or
//! was killed, are published after the next start unless their clients are back within [`GRACE`]: that Saola was away
//! says nothing of its devices. So are those whose delay ran: their clients could not come back either. One without a
//! delay was due before.
//!
//! Bounded: one for each connection, and one for each session whose client has gone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytestring::ByteString;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Shared;
use super::session::{FoundWill, Op, Presence, Store};
use crate::model::{Arrival, Durable, Intake, RawMessage, Refusal, Timestamp};

/// How long clients have to come back after a start before they are taken as gone.
const GRACE: Duration = Duration::from_secs(30);
/// How often it is looked whether something is due.
const EVERY: Duration = Duration::from_millis(500);

/// A client's will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Will {
    /// Its number on disk; 0 until it is left with [`Wills`].
    pub no: i64,
    pub account: Box<str>,
    pub topic: ByteString,
    pub payload: Vec<u8>,
    /// How long after the client has gone, in seconds.
    pub delay_s: u32,
}

struct Pending {
    will: Will,
    due_at: Timestamp,
    /// In force, or not due yet, when Saola stopped.
    is_old: bool,
}

/// All wills whose clients have gone.
pub(super) struct Wills {
    pending: Mutex<HashMap<ByteString, Pending>>,
    last_no: AtomicI64,
    store: Arc<Store>,
    /// Rung when something is due at once.
    due: Notify,
}

impl Wills {
    /// With those that were in force when the file was last written.
    pub fn new(store: Arc<Store>, found: Vec<FoundWill>, now: Timestamp) -> Wills {
        let last_no = AtomicI64::new(found.iter().map(|will| will.no).max().unwrap_or(0));
        let mut pending = HashMap::new();
        for FoundWill { no, client, account, topic, payload, delay_s, due_at } in found {
            let (account, topic) = (account.into_boxed_str(), topic.into());
            let delay = GRACE.max(Duration::from_secs(u64::from(delay_s)));
            let (due_at, is_old) = match due_at {
                None => (now + delay, true),
                Some(due_at) if delay_s > 0 => (due_at.max(now + GRACE), true),
                Some(due_at) => (due_at, false),
            };
            let will = Will { no, account, topic, payload, delay_s };
            // Of two of one client the newer says more.
            if let Some(older) = pending.insert(ByteString::from(client), Pending { will, due_at, is_old }) {
                store.submit([Op::NoWill { no: older.will.no }]);
            }
        }
        Wills { pending: Mutex::new(pending), last_no, store, due: Notify::new() }
    }

    /// A client has come with a will, and its session is kept for `expiry_s` seconds after it has gone.
    pub fn leave(&self, client: &ByteString, mut will: Will, expiry_s: u32) -> Will {
        will.no = self.last_no.fetch_add(1, Ordering::Relaxed) + 1;
        let (client, account, topic) = (client.to_string(), will.account.to_string(), will.topic.to_string());
        let (no, payload, delay_s) = (will.no, will.payload.clone(), will.delay_s.min(expiry_s));
        self.store.submit([Op::Will { no, client, account, topic, payload, delay_s }]);
        will
    }

    /// The client has said good-bye.
    pub fn drop(&self, will: &Will) {
        self.store.submit([Op::NoWill { no: will.no }]);
    }

    /// The client has gone without a good-bye; its session is kept for `expiry_s` seconds, and its end is the latest
    /// moment.
    pub fn arm(&self, client: &ByteString, will: Will, expiry_s: u32, now: Timestamp) {
        let delay = Duration::from_secs(u64::from(will.delay_s.min(expiry_s)));
        let due_at = now + delay;
        self.store.submit([Op::WillDue { no: will.no, at: due_at }]);
        let older = self.pending.lock().insert(client.clone(), Pending { will, due_at, is_old: false });
        if let Some(older) = older {
            self.store.submit([Op::NoWill { no: older.will.no }]);
        }
        if delay.is_zero() {
            self.due.notify_one();
        }
    }

    /// A client is there (again): what waits for its absence is void when its session goes on, and due when that has
    /// ended.
    pub fn arrived(&self, client: &ByteString, session: Presence, now: Timestamp) {
        let mut pending = self.pending.lock();
        let Some(waiting) = pending.get_mut(client) else { return };
        if waiting.is_old || (session == Presence::Present && waiting.due_at > now) {
            self.store.submit([Op::NoWill { no: waiting.will.no }]);
            pending.remove(client);
        } else {
            waiting.due_at = waiting.due_at.min(now);
            self.due.notify_one();
        }
    }

    fn take_due(&self, now: Timestamp) -> Vec<Will> {
        let mut pending = self.pending.lock();
        pending.extract_if(|_, waiting| waiting.due_at <= now).map(|(_, waiting)| waiting.will).collect()
    }
}

/// Publishes what is due and ends what is over, until the edge stops.
pub(super) async fn keep<I: Intake>(shared: Arc<Shared<I>>) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = shared.wills.due.notified() => {}
            _ = every.tick() => {}
        }
        let now = shared.clock.now();
        shared.sessions.expire(&shared.topics, now);
        shared.topics.expire(now);
        let due = shared.wills.take_due(now);
        if due.is_empty() {
            continue;
        }
        tokio::select! {
            // They are on disk still, and due at the next start.
            () = shared.stopping.cancelled() => return,
            () = publish(&shared, due) => {}
        }
    }
}

/// Gives wills to the journal and forgets them when they are durable there.
async fn publish<I: Intake>(shared: &Shared<I>, due: Vec<Will>) {
    // The account may have changed since the will was left.
    let may = |will: &Will| {
        let account = shared.access.named(&will.account);
        account.is_some_and(|account| account.may_publish(&will.topic)) && !shared.topics.is_ours(&will.topic)
    };
    let (wanted, refused): (Vec<Will>, Vec<Will>) = due.into_iter().partition(may);
    refused.iter().for_each(|will| shared.wills.drop(will));
    let (source, received_at, arrival) = (shared.source, shared.clock.now(), Arrival::Fresh);
    let each =
        wanted.iter().map(|Will { topic, payload, .. }| RawMessage { source, topic, payload, received_at, arrival });
    let batch: Vec<RawMessage<'_>> = each.collect();
    if batch.is_empty() {
        return;
    }
    let seq = loop {
        match shared.intake.accept(&batch) {
            Ok(seq) => break seq,
            Err(Refusal::Full) => shared.intake.room().await,
            Err(Refusal::Stopped) => return,
        }
    };
    let mut durable = shared.intake.durable();
    let reached = durable.wait_for(|durable: &Durable| durable.failed || durable.through >= seq).await;
    if reached.is_ok_and(|durable| !durable.failed) {
        shared.meters.wills_published.add(wanted.len() as u64);
        wanted.iter().for_each(|will| shared.wills.drop(will));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn will(delay_s: u32) -> Will {
        Will { no: 0, account: "a".into(), topic: "t".into(), payload: Vec::new(), delay_s }
    }

    fn wills(found: Vec<FoundWill>) -> Wills {
        Wills::new(Arc::new(Store::none().0), found, NOW)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000 + seconds)
    }

    /// After how many seconds a will is due, with its delay and its session's time.
    fn check(delay_s: u32, expiry_s: u32, expected: i64) {
        let wills = wills(Vec::new());
        wills.arm(&"c".into(), will(delay_s), expiry_s, NOW);
        if expected > 0 {
            assert!(wills.take_due(at(expected - 1)).is_empty(), "{delay_s} {expiry_s}");
        }
        assert_eq!(wills.take_due(at(expected)).len(), 1, "{delay_s} {expiry_s}");
    }

    #[test]
    fn a_will_is_due_after_its_delay_or_at_the_end_of_its_session() {
        check(0, 0, 0);
        check(0, 100, 0);
        check(10, 100, 10);
        check(100, 10, 10);
        check(100, 0, 0);
    }

    #[test]
    fn a_client_that_comes_back_in_time_has_not_died() {
        let wills = wills(Vec::new());
        wills.arm(&"c".into(), will(10), 100, NOW);
        wills.arrived(&"c".into(), Presence::Present, at(5));
        assert!(wills.take_due(at(100)).is_empty());
        wills.arm(&"c".into(), will(10), 100, NOW);
        wills.arrived(&"c".into(), Presence::New, at(5));
        assert_eq!(wills.take_due(at(5)).len(), 1, "the session has ended");
    }

    #[test]
    fn after_a_start_clients_have_time_to_come_back() {
        let wills = wills(vec![found("back", 0, None), found("gone", 0, None)]);
        wills.arrived(&"back".into(), Presence::New, at(1));
        assert!(wills.take_due(at(29)).is_empty());
        assert_eq!(wills.take_due(at(30)).len(), 1);
    }

    fn found(client: &str, delay_s: u32, due_at: Option<Timestamp>) -> FoundWill {
        let (client, account, topic) = (client.to_owned(), "a".to_owned(), "t".to_owned());
        FoundWill { no: 1, client, account, topic, payload: Vec::new(), delay_s, due_at }
    }

    /// After how many seconds a will is due that was read back, with its delay and when it was due.
    fn check_found(delay_s: u32, due_at: Option<i64>, expected: i64) {
        let wills = wills(vec![found("c", delay_s, due_at.map(at))]);
        assert!(wills.take_due(at(expected - 1)).is_empty(), "{delay_s} {due_at:?}");
        assert_eq!(wills.take_due(at(expected)).len(), 1, "{delay_s} {due_at:?}");
    }

    #[test]
    fn a_delay_that_ran_while_saola_was_away_leaves_time_to_come_back() {
        check_found(100, None, 100);
        check_found(10, Some(-5), 30);
        check_found(10, Some(5), 30);
        check_found(100, Some(60), 60);
        check_found(0, Some(-5), -5);
        let wills = wills(vec![found("c", 10, Some(at(-5)))]);
        wills.arrived(&"c".into(), Presence::Present, at(29));
        assert!(wills.take_due(at(100)).is_empty());
    }

    #[test]
    fn on_disk_a_will_is_due_no_later_than_its_session_ends() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sessions.db");
        let (store, _) = Store::open(&file).unwrap();
        let wills = Wills::new(Arc::new(store), Vec::new(), NOW);
        for (client, delay_s, expiry_s) in [("a", 100, 10), ("b", 10, 100)] {
            wills.leave(&client.into(), will(delay_s), expiry_s);
        }
        wills.store.close();
        let (_, found) = Store::open(&file).unwrap();
        assert_eq!(found.wills.iter().map(|will| will.delay_s).collect::<Vec<_>>(), [10, 10]);
    }
}
