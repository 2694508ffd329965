//! Who did what to whom, when and from where: written once, never changed, by triggers in the database.
//!
//! Each record is on disk before the act it tells of is answered; an act on accounts and its record are one
//! transaction. Left out on purpose: cutting old records (archive the file), and a chain of hashes.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::AuthError;
use crate::model::{Seq, Timestamp};

/// Letters of a detail or a subject; more is cut.
const TEXT_LENGTH_MAX: usize = 500;
/// Letters of what somebody said about an alert: the longest comment, and what stands before it.
const SAID_LENGTH_MAX: usize = 2_200;

macro_rules! acts {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// What can be done. A closed list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Act { $($(#[$doc])* $variant,)* }

        impl Act {
            /// Every act.
            pub const ALL: &'static [Act] = &[$(Act::$variant,)*];

            /// The word in the database and in answers.
            pub fn word(self) -> &'static str {
                match self { $(Act::$variant => $word,)* }
            }
        }
    };
}

acts! {
    /// An account signed in.
    SignedIn = "signed_in",
    /// A name and a password that do not belong together, or an account that is disabled.
    SignInRefused = "sign_in_refused",
    /// Too many tries.
    SignInHeldBack = "sign_in_held_back",
    /// A session ended by its owner.
    SignedOut = "signed_out",
    /// A known caller asked for what it may not have.
    AccessRefused = "access_refused",
    /// An account was made.
    AccountAdded = "account_added",
    /// An account's role or scope was changed.
    AccountChanged = "account_changed",
    /// An account was shut.
    AccountDisabled = "account_disabled",
    /// An account was opened again.
    AccountEnabled = "account_enabled",
    /// An account got another password.
    PasswordChanged = "password_changed",
    /// A token was issued.
    TokenIssued = "token_issued",
    /// A token was withdrawn.
    TokenRevoked = "token_revoked",
    /// Stations and areas were brought to what the files say, or changed by hand.
    RegistryChanged = "registry_changed",
    /// Rules were changed.
    RulesChanged = "rules_changed",
    /// A refused message was handed in again.
    DeadLetterReplayed = "dead_letter_replayed",
    /// Work at a station was announced.
    MaintenancePlanned = "maintenance_planned",
    /// Work at a station was called off or ended.
    MaintenanceWithdrawn = "maintenance_withdrawn",
    /// Samples of the past were corrected.
    SamplesCorrected = "samples_corrected",
    /// A device was let in.
    DeviceIssued = "device_issued",
    /// A device was shut out.
    DeviceRevoked = "device_revoked",
    /// A station's devices were told something.
    CommandSent = "command_sent",
    /// A person is told of alerts from now on.
    PersonAdded = "person_added",
    /// A person's addresses or wishes were changed.
    PersonChanged = "person_changed",
    /// A person is no longer told of alerts.
    PersonRemoved = "person_removed",
    /// Somebody looks after an alert.
    AlertAcknowledged = "alert_acknowledged",
    /// Nobody looks after an alert after all.
    AlertUnacknowledged = "alert_unacknowledged",
    /// An alert is somebody's.
    AlertAssigned = "alert_assigned",
    /// Something was said about an alert.
    AlertCommented = "alert_commented",
    /// Nobody is told of an alert for a while.
    AlertShelved = "alert_shelved",
    /// An alert is off the shelf.
    AlertUnshelved = "alert_unshelved",
    /// An alert was closed by hand.
    AlertClosed = "alert_closed",
    /// The duty roster was changed.
    RosterChanged = "roster_changed",
}

/// Something done, to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// The account; `command line` or `saola` when there was none.
    pub actor: &'a str,
    /// What.
    pub act: Act,
    /// To whom or what.
    pub subject: &'a str,
    /// How, for a person. Never a secret.
    pub detail: &'a str,
    /// From which network address.
    pub origin: Option<std::net::IpAddr>,
}

/// Something done, as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number, from 1, without gaps except where a transaction failed.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What: a word of [`Act`].
    pub act: String,
    /// To whom or what.
    pub subject: String,
    /// How.
    pub detail: String,
    /// From where.
    pub origin: Option<String>,
}

/// The audit of one database.
pub struct Audit<'d> {
    pub(super) database: &'d crate::database::Database,
}

impl<'d> Audit<'d> {
    pub(super) fn new(database: &'d crate::database::Database) -> Self {
        Self { database }
    }

    /// Records something; on disk when this returns.
    pub fn record(&self, deed: &Deed<'_>, now: Timestamp) -> Result<(), AuthError> {
        self.record_all(std::slice::from_ref(deed), now)
    }

    /// Records several things with one write to the disk.
    pub fn record_all(&self, deeds: &[Deed<'_>], now: Timestamp) -> Result<(), AuthError> {
        let mut connection = self.database.lock();
        let transaction = connection.transaction().map_err(AuthError::sqlite("begin a record"))?;
        for deed in deeds {
            write(&transaction, deed, now).map_err(AuthError::sqlite("write to the audit"))?;
        }
        transaction.commit().map_err(AuthError::sqlite("commit to the audit"))
    }

    /// Records after number `after`, oldest first, at most `limit`.
    pub fn records(&self, after: i64, limit: u32) -> Result<Vec<Record>, AuthError> {
        let connection = self.database.lock();
        let sql = "SELECT id, at, actor, act, subject, detail, origin FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut statement = connection.prepare_cached(sql).map_err(AuthError::sqlite("read the audit"))?;
        let rows = statement.query_map(params![after, limit], record).map_err(AuthError::sqlite("read the audit"))?;
        rows.collect::<Result<_, _>>().map_err(AuthError::sqlite("read the audit"))
    }

    /// The number of the newest record; 0 when there is none.
    pub fn newest(&self) -> Result<i64, AuthError> {
        let connection = self.database.lock();
        let newest: Option<Option<i64>> = connection
            .query_row("SELECT max(id) FROM audit", [], |row| row.get(0))
            .optional()
            .map_err(AuthError::sqlite("read the audit"))?;
        Ok(newest.flatten().unwrap_or(0))
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        id: row.get(0)?,
        at: Timestamp::from_micros(row.get(1)?),
        actor: row.get(2)?,
        act: row.get(3)?,
        subject: row.get(4)?,
        detail: row.get(5)?,
        origin: row.get(6)?,
    })
}

/// Writes one record inside the transaction of the act it tells of.
pub fn write(connection: &Connection, deed: &Deed<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO audit (at, actor, act, subject, detail, origin) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let origin = deed.origin.map(|address| address.to_canonical().to_string());
    let [actor, subject, detail] = [deed.actor, deed.subject, deed.detail].map(|text| clean(text, TEXT_LENGTH_MAX));
    insert.execute(params![now.micros(), actor, deed.act.word(), subject, detail, origin]).map(drop)
}

/// Writes the record of a journal's entry, unless it is there.
pub(super) fn write_of_entry(
    connection: &Connection,
    deed: &Deed<'_>,
    at: Timestamp,
    seq: Seq,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO audit (at, actor, act, subject, detail, origin, entry) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
         WHERE NOT EXISTS (SELECT 1 FROM audit WHERE entry = ?7)",
    )?;
    let origin = deed.origin.map(|address| address.to_canonical().to_string());
    let [actor, subject] = [deed.actor, deed.subject].map(|text| clean(text, TEXT_LENGTH_MAX));
    let (detail, entry) = (clean(deed.detail, SAID_LENGTH_MAX), i64::try_from(seq.0).unwrap_or(i64::MAX));
    insert.execute(params![at.micros(), actor, deed.act.word(), subject, detail, origin, entry]).map(drop)
}

/// One line, not too long, nothing that turns the reading direction: a record is read in terminals and logs.
fn clean(text: &str, length_max: usize) -> String {
    let harmful = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().take(length_max).map(|letter| if harmful(letter) { ' ' } else { letter }).collect()
}
