//! Who did what to whom, when and from where: written once, never changed, by triggers in the database.
//!
//! Each record is on disk before the act it tells of is answered; an act on accounts and its record are one
//! transaction. Left out on purpose: cutting old records (archive the file), and a chain of hashes.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::AuthError;
use crate::model::{LocalName, Seq, Timestamp};

/// Letters of a detail or a subject; more is cut.
const TEXT_LENGTH_MAX: usize = 500;
/// Letters of what somebody said about an alert: the longest comment, and what stands before it.
const SAID_LENGTH_MAX: usize = 2_200;

macro_rules! acts {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $vi:literal, $en:literal;)*) => {
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

            /// What it is called.
            pub fn name(self) -> LocalName {
                let (vi, en) = match self { $(Act::$variant => ($vi, $en),)* };
                LocalName { vi: vi.to_owned(), en: en.to_owned() }
            }
        }
    };
}

acts! {
    /// An account signed in.
    SignedIn = "signed_in", "Đăng nhập", "Signed in";
    /// A name and a password that do not belong together, or an account that is disabled.
    SignInRefused = "sign_in_refused", "Đăng nhập bị từ chối", "Sign-in refused";
    /// Too many tries.
    SignInHeldBack = "sign_in_held_back", "Đăng nhập bị hoãn vì thử quá nhiều lần", "Sign-in held back: too many tries";
    /// A session ended by its owner.
    SignedOut = "signed_out", "Đăng xuất", "Signed out";
    /// A known caller asked for what it may not have.
    AccessRefused = "access_refused", "Truy cập bị từ chối", "Access refused";
    /// An account was made.
    AccountAdded = "account_added", "Thêm tài khoản", "Account added";
    /// An account's role or scope was changed.
    AccountChanged = "account_changed", "Sửa tài khoản", "Account changed";
    /// An account was shut.
    AccountDisabled = "account_disabled", "Khoá tài khoản", "Account disabled";
    /// An account was opened again.
    AccountEnabled = "account_enabled", "Mở lại tài khoản", "Account enabled";
    /// An account got another password.
    PasswordChanged = "password_changed", "Đổi mật khẩu", "Password changed";
    /// A token was issued.
    TokenIssued = "token_issued", "Cấp mã truy cập", "Token issued";
    /// A token was withdrawn.
    TokenRevoked = "token_revoked", "Thu hồi mã truy cập", "Token revoked";
    /// Stations and areas were brought to what the files say, or changed by hand.
    RegistryChanged = "registry_changed", "Sửa trạm, địa bàn", "Stations or areas changed";
    /// Rules were changed.
    RulesChanged = "rules_changed", "Sửa quy tắc cảnh báo", "Alert rules changed";
    /// A refused message was handed in again.
    DeadLetterReplayed = "dead_letter_replayed", "Nạp lại bản tin bị từ chối", "Refused message handed in again";
    /// Work at a station was announced.
    MaintenancePlanned = "maintenance_planned", "Lên lịch bảo trì", "Maintenance planned";
    /// Work at a station was called off or ended.
    MaintenanceWithdrawn = "maintenance_withdrawn", "Huỷ hoặc kết thúc bảo trì", "Maintenance called off or ended";
    /// Samples of the past were corrected.
    SamplesCorrected = "samples_corrected", "Hiệu chỉnh số liệu", "Samples corrected";
    /// A device was let in.
    DeviceIssued = "device_issued", "Cấp quyền cho thiết bị", "Device let in";
    /// A device was shut out.
    DeviceRevoked = "device_revoked", "Thu quyền của thiết bị", "Device shut out";
    /// A station's devices were told something.
    CommandSent = "command_sent", "Gửi lệnh tới trạm", "Command sent to a station";
    /// A person is told of alerts from now on.
    PersonAdded = "person_added", "Thêm người nhận cảnh báo", "Person added to those told of alerts";
    /// A person's addresses or wishes were changed.
    PersonChanged = "person_changed", "Sửa người nhận cảnh báo", "Person told of alerts changed";
    /// A person is no longer told of alerts.
    PersonRemoved = "person_removed", "Xoá người nhận cảnh báo", "Person removed from those told of alerts";
    /// Somebody looks after an alert.
    AlertAcknowledged = "alert_acknowledged", "Nhận xử lý cảnh báo", "Alert acknowledged";
    /// Nobody looks after an alert after all.
    AlertUnacknowledged = "alert_unacknowledged", "Thôi nhận xử lý cảnh báo", "Alert no longer acknowledged";
    /// An alert is somebody's.
    AlertAssigned = "alert_assigned", "Giao cảnh báo", "Alert assigned";
    /// Something was said about an alert.
    AlertCommented = "alert_commented", "Ghi chú cảnh báo", "Comment on an alert";
    /// Nobody is told of an alert for a while.
    AlertShelved = "alert_shelved", "Tạm gác cảnh báo", "Alert shelved";
    /// An alert is off the shelf.
    AlertUnshelved = "alert_unshelved", "Bỏ tạm gác cảnh báo", "Alert off the shelf";
    /// An alert was closed by hand.
    AlertClosed = "alert_closed", "Đóng cảnh báo", "Alert closed by hand";
    /// The duty roster was changed.
    RosterChanged = "roster_changed", "Sửa lịch trực", "Duty roster changed";
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

/// Which records are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only with lower numbers.
    pub before: Option<i64>,
    /// Only what this account did.
    pub actor: Option<String>,
    /// Only these acts; all when empty.
    pub acts: Vec<Act>,
    /// Only what was done to this.
    pub subject: Option<String>,
}

/// Records as they were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The newest first.
    pub records: Vec<Record>,
    /// Older ones begin below this number; `None` when all were looked at.
    pub before: Option<i64>,
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

    /// What is wanted, the newest first, at most `limit` of the newest `looked_at_max` records: a question that few answer
    /// holds up nobody who signs in.
    pub fn newest_first(&self, wanted: &Wanted, limit: usize, looked_at_max: usize) -> Result<Found, AuthError> {
        let before = match wanted.before {
            Some(before) => before,
            None => self.newest()?.saturating_add(1),
        };
        let from = before.saturating_sub(i64::try_from(looked_at_max).unwrap_or(i64::MAX)).max(1);
        let acts: Vec<&str> = wanted.acts.iter().map(|act| act.word()).collect();
        // Words of a closed list hold no comma.
        let acts = (!acts.is_empty()).then(|| format!(",{},", acts.join(",")));
        let sql = "SELECT id, at, actor, act, subject, detail, origin FROM audit
            WHERE id < ?1 AND id >= ?2 AND (?3 IS NULL OR actor = ?3) AND (?4 IS NULL OR subject = ?4)
                AND (?5 IS NULL OR instr(?5, ',' || act || ',') > 0)
            ORDER BY id DESC LIMIT ?6";
        let connection = self.database.lock();
        let failed = AuthError::sqlite;
        let mut statement = connection.prepare_cached(sql).map_err(failed("read the audit"))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement
            .query_map(params![before, from, wanted.actor, wanted.subject, acts, limit], record)
            .map_err(failed("read the audit"))?;
        let records = rows.collect::<rusqlite::Result<Vec<_>>>().map_err(failed("read the audit"))?;
        let is_full = i64::try_from(records.len()).is_ok_and(|count| count == limit);
        let reached = records.last().map(|last| last.id).filter(|_| is_full).unwrap_or(from);
        Ok(Found { records, before: (reached > 1).then_some(reached) })
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Accounts, PasswordCost};
    use super::*;
    use crate::database::Database;

    #[test]
    fn records_are_found_newest_first_and_each_once_however_few_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let database = Arc::new(Database::open(&folder.path().join("a.db")).unwrap());
        let accounts = Accounts::over(database, PasswordCost { memory_kib: 8, passes: 1 }).unwrap();
        let acts = [Act::SignedIn, Act::RulesChanged, Act::SignedOut];
        for number in 0..30_usize {
            let (actor, subject) = (["an", "binh"][number % 2], format!("s{}", number % 5));
            let deed = Deed { actor, act: acts[number % 3], subject: &subject, detail: "", origin: None };
            accounts.audit().record(&deed, Timestamp::from_seconds(number as i64)).unwrap();
        }
        let all = accounts.audit().records(0, 100).unwrap();
        let wishes = [
            Wanted::default(),
            Wanted { actor: Some("an".into()), ..Wanted::default() },
            Wanted { acts: vec![Act::SignedOut, Act::RulesChanged], ..Wanted::default() },
            Wanted { subject: Some("s3".into()), actor: Some("binh".into()), ..Wanted::default() },
            Wanted { actor: Some("nobody".into()), ..Wanted::default() },
        ];
        for wanted in &wishes {
            let is_wanted = |record: &&Record| {
                wanted.actor.as_ref().is_none_or(|actor| *actor == record.actor)
                    && wanted.subject.as_ref().is_none_or(|subject| *subject == record.subject)
                    && (wanted.acts.is_empty() || wanted.acts.iter().any(|act| act.word() == record.act))
            };
            let expected: Vec<Record> = all.iter().rev().filter(is_wanted).cloned().collect();
            for (limit, looked_at_max) in [(1, 1), (2, 7), (100, 4), (3, 100), (100, 100)] {
                let (mut found, mut before) = (Vec::new(), None);
                loop {
                    let asked = Wanted { before, ..wanted.clone() };
                    let page = accounts.audit().newest_first(&asked, limit, looked_at_max).unwrap();
                    assert!(page.records.len() <= limit);
                    found.extend(page.records);
                    before = page.before;
                    if before.is_none() {
                        break;
                    }
                }
                assert_eq!(found, expected, "{wanted:?} {limit} {looked_at_max}");
            }
        }
    }

    #[test]
    fn every_act_has_a_word_of_its_own_and_a_name_in_both_languages() {
        for (place, act) in Act::ALL.iter().enumerate() {
            let LocalName { vi, en } = act.name();
            assert!(!vi.is_empty() && !en.is_empty() && !act.word().contains(','), "{act:?}");
            assert!(Act::ALL[..place].iter().all(|other| other.word() != act.word()), "{act:?}");
        }
    }
}
