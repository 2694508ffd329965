//! The durable outbox: SQLite, one file, one writer.
//!
//! ```text
//!  follower --one transaction--> notice, delivery (queued), checkpoint
//!  courier  --one transaction--> message (attempts + 1, in flight), its deliveries point at it
//!             ... the request leaves ...
//!           --one transaction--> sent | failed | next_at
//! ```
//!
//! Invariants:
//! - What an entry brought about and the checkpoint behind it are one transaction, made before that entry can be in a
//!   snapshot of the state. So after a restart entries up to the checkpoint are looked through already, and those
//!   after it come again: nothing is lost and nothing is queued twice.
//! - A key is made of the alert, the entry, the kind, the recipient and the lane, so a replay makes it again. What
//!   leaves has the key of its delivery, or as a digest one made of its members'. A message is written down before it
//!   leaves: after a kill the same one is repeated with the same key.
//! - A lane (one contact, or one machine) has at most one message under way. What is cleared before the raise was
//!   taken up is withdrawn together with it; whoever was told, or may have been, is told that it is over.
//! - A checkpoint is written only when there is something to tell: no transition, no SQL.

mod list;
mod part;
mod queue;
mod take;

use std::path::Path;

use ring::hmac;
use rusqlite::{Transaction, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use crate::database::{Database, DatabaseError};
use crate::model::{Seq, Timestamp};

pub use list::{Delivered, DeliveryRow, DeliveryState, Failure, Filter, Others, Report};
pub use queue::{Event, Queued, Route, What};
pub use take::{Certainty, Due, Errand, Pace, Taken, Waiting};

const STEPS: &[&str] =
    &[include_str!("0001_outbox.sql"), include_str!("0002_parting.sql"), include_str!("0003_unsure.sql")];

/// Why the outbox could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The file.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// SQLite refuses.
    #[error("cannot {doing}")]
    Sqlite {
        /// What.
        doing: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// What is in the file cannot be read.
    #[error("cannot read what is said by {what}")]
    Unreadable {
        /// A key, or an alert.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
}

pub(super) fn sqlite(doing: &'static str) -> impl Fn(rusqlite::Error) -> OutboxError + Copy {
    move |source| OutboxError::Sqlite { doing, source }
}

/// The outbox.
#[derive(Debug)]
pub struct Outbox {
    database: Database,
    secret: hmac::Key,
}

impl Outbox {
    /// Opens the file, making it when it is missing. A new outbox begins behind the entry `begins_at`: what happened
    /// before there was one is told to nobody. Messages that were in flight when the process ended may have arrived.
    pub fn open(path: &Path, begins_at: Seq) -> Result<Outbox, OutboxError> {
        let failed = sqlite("open the outbox");
        let database = Database::open_with(path, STEPS)?;
        let secret: Vec<u8> = {
            let connection = database.lock();
            let sql = "INSERT OR IGNORE INTO checkpoint (only, seq, secret) VALUES (1, ?1, ?2)";
            let random: [u8; 32] = rand::random();
            let is_new = connection.execute(sql, params![begins_at.0 as i64, random]).map_err(failed)? == 1;
            if is_new && begins_at > Seq::default() {
                tracing::info!(journal.seq = begins_at.0, "The outbox is new: it begins at this entry.");
            }
            let unsure = "UPDATE delivery SET unsure = 1 WHERE state = 'queued' \
                          AND message IN (SELECT id FROM message WHERE in_flight = 1)";
            connection.execute(unsure, []).map_err(failed)?;
            connection.execute("UPDATE message SET in_flight = 0 WHERE in_flight = 1", []).map_err(failed)?;
            connection.query_row("SELECT secret FROM checkpoint", [], |row| row.get(0)).map_err(failed)?
        };
        Ok(Outbox { database, secret: hmac::Key::new(hmac::HMAC_SHA256, &secret) })
    }

    /// The last entry that has been looked through and told something.
    pub fn checkpoint(&self) -> Result<Seq, OutboxError> {
        let seq: i64 = self
            .database
            .lock()
            .query_row("SELECT seq FROM checkpoint", [], |row| row.get(0))
            .map_err(sqlite("read the outbox"))?;
        Ok(Seq(u64::try_from(seq).unwrap_or(0)))
    }

    /// By what whoever has a message reports what became of it: 128 bits that only we can make from its key.
    pub fn token(&self, key: &str) -> String {
        hex(&hmac::sign(&self.secret, key.as_bytes()).as_ref()[..16])
    }

    /// Whether a token belongs to a key; takes as long for a wrong one.
    pub fn is_token(&self, key: &str, token: &str) -> bool {
        let expected = self.token(key);
        expected.len() == token.len()
            && expected.bytes().zip(token.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }

    fn transact<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, OutboxError>,
    ) -> Result<T, OutboxError> {
        let mut connection = self.database.lock();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite(doing))?;
        let done = work(&transaction)?;
        transaction.commit().map_err(sqlite(doing))?;
        Ok(done)
    }

    /// Forgets finished deliveries of alerts that ended before `before`, at most some thousands at a time; how many.
    pub fn prune(&self, before: Timestamp) -> Result<usize, OutboxError> {
        let failed = sqlite("prune the outbox");
        self.transact("prune the outbox", |transaction| {
            let gone = "DELETE FROM delivery WHERE id IN (SELECT d.id FROM notice n JOIN delivery d ON d.alert = n.alert \
                        WHERE n.ends = 1 AND n.at < ?1 AND d.state <> 'queued' LIMIT 5000)";
            let gone = transaction.execute(gone, [before.micros()]).map_err(failed)?;
            let notices = "DELETE FROM notice WHERE id IN (SELECT n.id FROM notice n WHERE n.at < ?1 \
                           AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.notice = n.id) LIMIT 5000)";
            transaction.execute(notices, [before.micros()]).map_err(failed)?;
            let messages = "DELETE FROM message WHERE id IN (SELECT m.id FROM message m WHERE m.finished_at < ?1 \
                            AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.id) LIMIT 5000)";
            transaction.execute(messages, [before.micros()]).map_err(failed)?;
            Ok(gone)
        })
    }
}

/// A key of what it is made of.
fn key_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize()[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn optional_time(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp::from_micros)
}

#[cfg(test)]
mod tests;
