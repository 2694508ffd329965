//! Sessions that outlive their connections: what a client has subscribed to, what waits for it, and which messages of
//! QoS 2 it is in the middle of sending.
//!
//! Kept in memory and, by a thread of its own, in a SQLite file ([`store`] and [`sql`]); [`queue`] and [`incoming`] are
//! the two halves of a session, [`held`] the session and a connection's stay in it. Subscriptions stand in
//! [`Topics`], like everybody's. A client that asks for no such session touches none of this, and no message of QoS 0
//! or 1 on its way in does.
//!
//! Bounded: sessions, of all and of one account (a further one is refused), messages and bytes per session and bytes of all (the oldest alert that
//! has never gone out is dropped and counted; a command is refused, and its sender told). A session ends when its
//! client has been away for as long as it asked, at most as long as configured; MQTT 3.1.1 cannot ask and gets the
//! latter. It belongs to the account that made it, and not to a later holder of the same name.

mod held;
mod incoming;
mod queue;
mod sql;
mod store;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use bytestring::ByteString;
use parking_lot::Mutex;
use tokio::time::{Duration, timeout};

pub(super) use held::{Entered, Held, Keeping, Stay};
pub(super) use incoming::Stage;
pub(super) use queue::{Parcel, Times};
pub(super) use sql::{Found, FoundSession, FoundSubscription, FoundWill};
pub use store::SessionsError;
pub(super) use store::{Op, SessionNo, Store, Ticket, Written};

use super::access::{Access, Issue};
use super::alerts::Topics;
use super::config::Limits;
use super::line::{Barred, Line};
use crate::model::Timestamp;
use incoming::Incoming;

/// How long a newer connection waits for an older one of its session to leave.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a client asks of its session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub start: Start,
    /// How long it is to be kept after the client has left, in seconds; 0: it ends with the connection.
    pub expiry_s: u32,
}

/// What becomes of a session that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It goes on.
    Resume,
    /// It is forgotten.
    Fresh,
}

/// A client that is in its session.
pub(super) struct Arrived {
    pub stay: Stay,
    pub present: Presence,
    /// The session is on disk when this is.
    pub ticket: Ticket,
}

/// Whether there was a session already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Present,
    New,
}

/// All sessions that outlive their connections.
pub(super) struct Sessions {
    table: Mutex<Table>,
    keeping: Arc<Keeping>,
    last_no: AtomicI64,
    sessions_max: usize,
    per_account_max: usize,
}

/// The sessions of now, and how many each account has.
#[derive(Default)]
struct Table {
    by_client: HashMap<ByteString, Arc<Held>>,
    of_account: HashMap<Box<str>, usize>,
}

impl Table {
    /// A session of a client that has none.
    fn insert(&mut self, held: Arc<Held>) {
        *self.of_account.entry(held.account.clone()).or_default() += 1;
        self.by_client.insert(held.client.clone(), held);
    }

    fn remove(&mut self, held: &Arc<Held>) {
        if !self.by_client.get(&held.client).is_some_and(|other| Arc::ptr_eq(other, held)) {
            return;
        }
        self.by_client.remove(&held.client);
        if let Some(count) = self.of_account.get_mut(&held.account) {
            *count -= 1;
            if *count == 0 {
                self.of_account.remove(&held.account);
            }
        }
    }

    fn count_of(&self, account: &str) -> usize {
        self.of_account.get(account).copied().unwrap_or(0)
    }
}

impl Sessions {
    /// In the file, or for as long as the process lasts; and what the file held.
    pub fn open(path: Option<&Path>, limits: &Limits) -> Result<(Sessions, Found), SessionsError> {
        let (store, found) = path.map_or_else(|| Ok(Store::none()), Store::open)?;
        let keeping = Keeping {
            store: Arc::new(store),
            messages_max: limits.session_messages,
            bytes_max: limits.session_bytes,
            all_bytes_max: limits.sessions_bytes,
            all_bytes: AtomicUsize::new(0),
        };
        let (table, keeping, last_no) = (Mutex::default(), Arc::new(keeping), AtomicI64::new(0));
        let (sessions_max, per_account_max) = (limits.sessions, limits.sessions_per_account);
        Ok((Sessions { table, keeping, last_no, sessions_max, per_account_max }, found))
    }

    /// Takes up the sessions that were kept, each with what its account may still have; an account that is gone takes
    /// its sessions along.
    pub fn restore(&self, found: Vec<FoundSession>, topics: &Topics, access: &Access, now: Timestamp) {
        for session in found {
            self.last_no.fetch_max(session.no.0, Ordering::Relaxed);
            let named = access.named(&session.account);
            let Some(account) = named.filter(|now| session.issue.is_none_or(|issue| issue == now.issue)) else {
                self.store().submit([Op::Forget { session: session.no }]);
                continue;
            };
            if session.issue.is_none() {
                self.store().submit([Op::Issued { session: session.no, issue: account.issue }]);
            }
            let client = ByteString::from(session.client);
            let whose = (session.no, client, &*account);
            let left_at = session.left_at.unwrap_or(now);
            let incoming = Incoming::restored(session.received);
            let held = Held::restored(whose, (session.expiry_s, left_at), session.queued, incoming, &self.keeping);
            if session.left_at.is_none() {
                self.store().submit([Op::Leave { session: session.no, expiry_s: session.expiry_s, at: now }]);
            }
            topics.restore_subscriptions(&held, session.subscriptions, &account);
            self.table.lock().insert(held);
        }
    }

    /// Where changes are written.
    pub fn store(&self) -> &Arc<Store> {
        &self.keeping.store
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.table.lock().by_client.len()
    }

    /// Whether a client identifier stands for a session of another account.
    pub fn is_of_another(&self, line: &Line) -> bool {
        self.table.lock().by_client.get(&line.client).is_some_and(|held| held.account != line.account.name)
    }

    /// Brings a client into its session. An older connection of the same client has been told to end already.
    pub async fn arrive(
        &self,
        line: &Arc<Line>,
        wanted: Wanted,
        (topics, access): (&Topics, &Access),
        now: Timestamp,
    ) -> Result<Arrived, Barred> {
        loop {
            let known = self.table.lock().by_client.get(&line.client).cloned();
            let Some(held) = known else {
                match self.begin(line, wanted, now)? {
                    Some(arrived) => return Ok(arrived),
                    None => continue,
                }
            };
            if held.account != line.account.name {
                return Err(Barred::OtherAccount);
            }
            if held.issue != line.account.issue {
                // Of two holders of one name the present one has no use for what the former one left.
                if !access.still_holds(&line.account) {
                    return Err(Barred::Revoked);
                }
                self.forget(&held, topics, Held::give_up);
                continue;
            }
            let left = held.left().notified();
            let mut stay = match held.enter(line, wanted.expiry_s) {
                Entered::In(stay) => stay,
                Entered::Gone => continue,
                Entered::Occupied => {
                    timeout(PATIENCE, left).await.map_err(|_| Barred::Busy)?;
                    continue;
                }
            };
            if wanted.start == Start::Fresh {
                self.end(&mut stay, topics);
                continue;
            }
            topics.limit(&held, &line.account);
            let resume = Op::Resume { session: held.no, expiry_s: wanted.expiry_s };
            return Ok(Arrived { stay, present: Presence::Present, ticket: self.store().submit([resume]) });
        }
    }

    /// A first session; `None` when somebody was quicker.
    fn begin(&self, line: &Arc<Line>, wanted: Wanted, now: Timestamp) -> Result<Option<Arrived>, Barred> {
        let store = self.store();
        if wanted.expiry_s == 0 {
            let stay = Stay::short(store);
            return Ok(Some(Arrived { stay, present: Presence::New, ticket: Ticket::DONE }));
        }
        let mut table = self.table.lock();
        if table.by_client.contains_key(&line.client) {
            return Ok(None);
        }
        let one_more = table.by_client.len() < self.sessions_max;
        if !one_more || table.count_of(&line.account.name) >= self.per_account_max || store.lags() {
            return Err(Barred::TooManySessions);
        }
        let no = SessionNo(self.last_no.fetch_add(1, Ordering::Relaxed) + 1);
        let held = Held::new(no, line.client.clone(), &line.account, wanted.expiry_s, &self.keeping, now);
        let Entered::In(stay) = held.enter(line, wanted.expiry_s) else { return Ok(None) };
        table.insert(held.clone());
        let (client, account, issue) = (held.client.to_string(), held.account.to_string(), held.issue);
        let ticket = store.submit([Op::Open { session: no, client, account, issue, expiry_s: wanted.expiry_s }]);
        Ok(Some(Arrived { stay, present: Presence::New, ticket }))
    }

    /// Ends the session of a stay, and the stay.
    pub fn end(&self, stay: &mut Stay, topics: &Topics) {
        if let Some(held) = stay.held().cloned() {
            self.forget(&held, topics, |_| stay.end());
        }
    }

    /// Ends the sessions whose time is over.
    pub fn expire(&self, topics: &Topics, now: Timestamp) {
        for held in self.those(|held| held.is_over(now)) {
            // Its client may have come back since.
            self.forget(&held, topics, |held| held.give_up_over(now));
        }
    }

    /// Ends sessions by whose they are, also where a client is in one.
    pub fn forget_those(&self, topics: &Topics, unwanted: impl Fn(&Held) -> bool) {
        for held in self.those(unwanted) {
            self.forget(&held, topics, Held::give_up);
        }
    }

    /// Takes from all sessions what their accounts may not have any more.
    pub fn limit(&self, topics: &Topics, access: &Access) {
        // Configured accounts do not change while the edge runs.
        for held in self.those(|held| held.issue != Issue::Configured) {
            if let Some(account) = access.issued(&held.account, held.issue) {
                topics.limit(&held, &account);
            }
        }
    }

    fn those(&self, wanted: impl Fn(&Held) -> bool) -> Vec<Arc<Held>> {
        self.table.lock().by_client.values().filter(|held| wanted(held)).cloned().collect()
    }

    /// Forgets a session with all that it kept, if `give_up` says that it has just ended.
    fn forget(&self, held: &Arc<Held>, topics: &Topics, give_up: impl FnOnce(&Held) -> bool) {
        let mut table = self.table.lock();
        if !give_up(held) {
            return;
        }
        table.remove(held);
        topics.forget_held(held.no);
        // Under the lock: the file must hear of it before it hears of the client's next session.
        self.store().submit([Op::Forget { session: held.no }]);
    }
}
