//! Sessions on disk: one thread writes what changed, many changes in one transaction, off everybody's way.
//!
//! ```text
//! connections, publishers -- Op --> pending (in memory) --> one transaction --> durable number --> who waits for it
//! ```
//!
//! A change has a [`Ticket`]; it is on disk when the number that is told to everybody has reached it. While one
//! transaction is being synced the next ones gather, so the rate does not depend on the disk's latency. The memory is
//! the truth while the process lives; the file is read at the start alone.
//!
//! Bounded: at [`PENDING_MAX`] changes the store says that it [lags](Store::lags), and who can wait or leave out does.
//! After a failed write nothing more is written or kept for writing, and sessions are told so: what they are owed may
//! not be there.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::super::access::Issue;
use super::super::alerts::AlertMessage;
use super::sql::{self, Found};
use crate::database::{Database, DatabaseError};
use crate::model::Timestamp;

/// The forms of the file's tables.
const STEPS: &[&str] = &[include_str!("0001_sessions.sql"), include_str!("0002_issue.sql")];
/// Changes that may wait for the disk before somebody has to.
const PENDING_MAX: usize = 65_536;

/// The number of a session in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::mqtt::edge) struct SessionNo(pub i64);

/// One change.
#[derive(Clone, Debug)]
pub(in crate::mqtt::edge) enum Op {
    Open { session: SessionNo, client: String, account: String, issue: Issue, expiry_s: u32 },
    Issued { session: SessionNo, issue: Issue },
    Resume { session: SessionNo, expiry_s: u32 },
    Leave { session: SessionNo, expiry_s: u32, at: Timestamp },
    Forget { session: SessionNo },
    Subscribe { session: SessionNo, filter: String, qos: u8, as_published: bool, replaying: bool },
    Unsubscribe { session: SessionNo, filter: String },
    Replayed { session: SessionNo, filter: String },
    Queue { session: SessionNo, no: i64, alert: Arc<AlertMessage>, retain: bool, packet_id: Option<u16> },
    Sent { session: SessionNo, no: i64, packet_id: u16 },
    Dequeue { session: SessionNo, no: i64 },
    Intend { session: SessionNo, packet_id: u16, received_at: Timestamp },
    Took { session: SessionNo, packet_id: u16 },
    Release { session: SessionNo, packet_id: u16 },
    Keep { alert: Arc<AlertMessage> },
    Clear { topic: String },
    Will { no: i64, client: String, account: String, topic: String, payload: Vec<u8>, delay_s: u32 },
    WillDue { no: i64, at: Timestamp },
    NoWill { no: i64 },
}

/// When a change is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::mqtt::edge) struct Ticket(u64);

impl Ticket {
    /// Of what needs no disk.
    pub const DONE: Ticket = Ticket(0);
}

/// How far the file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::mqtt::edge) struct Written {
    through: u64,
    /// A write failed: nothing more will become durable.
    pub failed: bool,
}

impl Written {
    /// Whether a change is on disk.
    pub fn has(&self, ticket: Ticket) -> bool {
        ticket.0 <= self.through
    }
}

/// The writer's end and everybody's.
pub(in crate::mqtt::edge) struct Store {
    /// `None`: nothing is kept on disk, and every ticket is done.
    pending: Option<Arc<Pending>>,
    written: watch::Receiver<Written>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Pending {
    changes: Mutex<Changes>,
    ready: Condvar,
}

#[derive(Default)]
struct Changes {
    ops: Vec<Op>,
    given: u64,
    closed: bool,
    /// Nothing is written any more: changes are only counted.
    failed: bool,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SessionsError {
    /// It cannot be opened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// It cannot be read.
    #[error("cannot read the sessions")]
    Read(#[source] rusqlite::Error),
    /// No thread could be had to write it.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

impl Store {
    /// Keeps nothing: sessions last as long as the process.
    pub fn none() -> (Store, Found) {
        let (_, written) = watch::channel(Written { through: u64::MAX, failed: false });
        (Store { pending: None, written, thread: Mutex::default() }, Found::default())
    }

    /// Opens the file (made when it is missing) and reads it.
    pub fn open(path: &Path) -> Result<(Store, Found), SessionsError> {
        let database = Database::open_with(path, STEPS)?;
        let found = sql::read(&database.lock()).map_err(SessionsError::Read)?;
        let pending = Arc::new(Pending::default());
        let (told, written) = watch::channel(Written::default());
        let taking = pending.clone();
        let thread = std::thread::Builder::new()
            .name("mqtt-sessions".to_owned())
            .spawn(move || write_all(&database, &taking, &told))
            .map_err(SessionsError::Thread)?;
        Ok((Store { pending: Some(pending), written, thread: Mutex::new(Some(thread)) }, found))
    }

    /// Hands changes over, in order; they become durable together. Never waits.
    pub fn submit(&self, ops: impl IntoIterator<Item = Op>) -> Ticket {
        let Some(pending) = &self.pending else { return Ticket::DONE };
        let mut changes = pending.changes.lock();
        let before = changes.ops.len();
        changes.ops.extend(ops);
        changes.given += (changes.ops.len() - before) as u64;
        if changes.failed {
            changes.ops = Vec::new();
        }
        let ticket = Ticket(changes.given);
        drop(changes);
        pending.ready.notify_one();
        ticket
    }

    /// Whether more waits for the disk than should.
    pub fn lags(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.changes.lock().ops.len() >= PENDING_MAX)
    }

    /// How far it is written, and its changes.
    pub fn written(&self) -> watch::Receiver<Written> {
        self.written.clone()
    }

    /// Whether a change is on disk.
    pub fn has(&self, ticket: Ticket) -> bool {
        ticket == Ticket::DONE || self.written.borrow().has(ticket)
    }

    /// Returns when a change is on disk (`true`), or never will be.
    pub async fn wait(&self, ticket: Ticket) -> bool {
        let mut written = self.written();
        ticket == Ticket::DONE
            || written.wait_for(|written| written.has(ticket) || written.failed).await.is_ok_and(|now| now.has(ticket))
    }

    /// Writes what is pending and ends the thread. Blocks.
    pub fn close(&self) {
        if let Some(pending) = &self.pending {
            pending.changes.lock().closed = true;
            pending.ready.notify_one();
        }
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes MQTT sessions ended badly");
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// Writes until it is closed and nothing is pending, or a write fails.
fn write_all(database: &Database, pending: &Pending, told: &watch::Sender<Written>) {
    loop {
        let (ops, through) = {
            let mut changes = pending.changes.lock();
            while changes.ops.is_empty() && !changes.closed {
                pending.ready.wait(&mut changes);
            }
            if changes.ops.is_empty() {
                return;
            }
            (std::mem::take(&mut changes.ops), changes.given)
        };
        match sql::write(&mut database.lock(), &ops) {
            Ok(()) => told.send_modify(|written| written.through = through),
            Err(error) => {
                tracing::error!(%error, "MQTT sessions cannot be written any more: mend the disk and restart");
                let mut changes = pending.changes.lock();
                (changes.failed, changes.ops) = (true, Vec::new());
                drop(changes);
                told.send_modify(|written| written.failed = true);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(session: i64) -> Op {
        let (client, account, issue) = ("device".to_owned(), "account".to_owned(), Issue::Secret([7; 32]));
        Op::Open { session: SessionNo(session), client, account, issue, expiry_s: 60 }
    }

    #[tokio::test]
    async fn after_a_failed_write_nothing_gathers() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(&folder.path().join("sessions.db")).unwrap();
        store.submit([open(1), open(1)]);
        // The same number twice under another client.
        let (client, account, issue) = ("other".to_owned(), "account".to_owned(), Issue::Configured);
        let ticket = store.submit([Op::Open { session: SessionNo(1), client, account, issue, expiry_s: 60 }]);
        assert!(!store.wait(ticket).await);
        for _ in 0..10 {
            assert!(!store.wait(store.submit([open(2)])).await);
        }
        assert!(store.pending.as_ref().unwrap().changes.lock().ops.is_empty());
    }

    #[tokio::test]
    async fn a_client_s_next_session_takes_the_place_of_its_last_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sessions.db");
        let (store, _) = Store::open(&file).unwrap();
        store.submit([open(1)]);
        let ticket = store.submit([open(2)]);
        assert!(store.wait(ticket).await, "{:?}", *store.written().borrow());
        // Late words of the session before.
        let ticket = store.submit([Op::Resume { session: SessionNo(1), expiry_s: 60 }]);
        assert!(store.wait(ticket).await);
        store.close();
        let (_, found) = Store::open(&file).unwrap();
        let each = found.sessions.iter().map(|session| (session.no, session.issue));
        assert_eq!(each.collect::<Vec<_>>(), [(SessionNo(2), Some(Issue::Secret([7; 32])))]);
    }
}
