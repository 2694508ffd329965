//! The accounts and their administration.
//!
//! Every change and its record in the audit are one transaction. An account is never deleted, as the audit speaks of
//! it: it is disabled. The last enabled administrator who sees everything can be neither disabled nor demoted.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::audit::{self, Act, Audit, Deed};
use super::password::{self, PasswordCost, Passwords};
use super::role::{Role, Scope};
use super::throttle::Throttle;
use crate::database::{Database, DatabaseError};
use crate::model::{AreaId, Timestamp};

/// Letters of an account's name.
const NAME_LENGTH_MAX: usize = 64;

/// Why accounts cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The file cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// SQLite refuses.
    #[error("cannot {doing}")]
    Sqlite {
        /// What was to be done.
        doing: &'static str,
        /// The reason.
        source: rusqlite::Error,
    },
    /// A row says something that no version of ours writes.
    #[error("account {account} has the unknown {column} {found:?}")]
    Unknown {
        /// The account.
        account: String,
        /// Which column.
        column: &'static str,
        /// What it says.
        found: String,
    },
    /// Two accounts of one name.
    #[error("there is an account {0} already")]
    NameTaken(String),
    /// Nobody of that name.
    #[error("there is no account {0}")]
    NoSuchAccount(String),
    /// No token of that identifier.
    #[error("there is no token {0}, or it was withdrawn before")]
    NoSuchToken(String),
    /// A device of that name may connect already.
    #[error("there is a device {0} already: revoke it first")]
    DeviceTaken(String),
    /// No device of that name, or it was revoked before.
    #[error("there is no device {0}, or it was revoked before")]
    NoSuchDevice(String),
    /// A device's name that cannot be used.
    #[error("{0:?} cannot be a device's name: 1 to 128 bytes without + # / $, control letters and spaces around it")]
    BadDeviceName(String),
    /// A device for nothing, or for too much.
    #[error("a device speaks for 1 to 1000 stations")]
    StationsOfDevice,
    /// No station of that identifier is in service.
    #[error("there is no station {0}")]
    NoSuchStation(String),
    /// A station whose devices could not publish for it.
    #[error("{0:?} cannot stand in a topic: no device can speak for a station of this name")]
    StationUnspeakable(String),
    /// A name that cannot be used.
    #[error("{0:?} cannot be an account's name: 1 to {NAME_LENGTH_MAX} of a-z 0-9 . _ @ -, a letter or digit first")]
    BadName(String),
    /// A password that may not be used.
    #[error("{0}")]
    BadPassword(String),
    /// Nobody would be left to look after the installation.
    #[error("{0} is the last administrator who sees everything: make another one first")]
    LastAdministrator(String),
    /// argon2id refuses.
    #[error("cannot hash a password: {0}")]
    Hash(String),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
}

impl AuthError {
    pub(super) fn sqlite(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> AuthError {
        move |source| AuthError::Sqlite { doing, source }
    }
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its name: small ASCII letters, digits, `.`, `_`, `@`, `-`.
    pub name: String,
    /// What the person is employed for.
    pub role: Role,
    /// Where.
    pub scope: Scope,
}

/// The password of an account from now on.
pub enum NewPassword<'a> {
    /// Chosen by somebody; checked.
    Chosen(&'a str),
    /// Made up here and shown once.
    Random,
}

/// An account with a password that is shown this once.
#[derive(Clone, PartialEq, Eq)]
pub struct WithPassword {
    /// The account.
    pub name: String,
    /// Its password.
    pub password: String,
}

/// Keeps the password out of logs.
impl fmt::Debug for WithPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithPassword").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An account as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// What the person is employed for.
    pub role: Role,
    /// Where.
    pub scope: Scope,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last signed in with its password.
    pub signed_in_at: Option<Timestamp>,
    /// When it was disabled; `None` while it is enabled.
    pub disabled_at: Option<Timestamp>,
}

/// The accounts of one installation.
pub struct Accounts {
    pub(super) database: Arc<Database>,
    pub(super) passwords: Passwords,
    pub(super) throttle: Mutex<Throttle>,
}

impl Accounts {
    /// Opens the database file (made when it is missing).
    pub fn open(path: &Path) -> Result<Accounts, AuthError> {
        Accounts::over(Arc::new(Database::open(path)?), PasswordCost::default())
    }

    /// Over a file that is open already: the registry shares it.
    pub fn over(database: Arc<Database>, cost: PasswordCost) -> Result<Accounts, AuthError> {
        Ok(Accounts { database, passwords: Passwords::new(cost)?, throttle: Mutex::default() })
    }

    /// The audit.
    pub fn audit(&self) -> Audit<'_> {
        Audit::new(&self.database)
    }

    /// At the first start, when there is no account at all: makes the administrator `admin` with a password that is
    /// shown once. `None` at every later start.
    pub fn first_start(&self, now: Timestamp) -> Result<Option<WithPassword>, AuthError> {
        let count: i64 = {
            let connection = self.database.lock();
            let counted = connection.query_row("SELECT count(*) FROM account", [], |row| row.get(0));
            counted.map_err(AuthError::sqlite("count the accounts"))?
        };
        if count > 0 {
            return Ok(None);
        }
        let admin = NewAccount { name: "admin".to_owned(), role: Role::Administrator, scope: Scope::All };
        self.add("saola", &admin, &NewPassword::Random, now)
    }

    /// Makes an account; the password comes back when it was made up here. `by` is the account, or `command line`.
    pub fn add(
        &self,
        by: &str,
        new: &NewAccount,
        password: &NewPassword<'_>,
        now: Timestamp,
    ) -> Result<Option<WithPassword>, AuthError> {
        check_name(&new.name)?;
        let (hash, shown) = self.hash_new(&new.name, password)?;
        self.change("add an account", |transaction| {
            if role_of(transaction, &new.name)?.is_some() {
                return Err(AuthError::NameTaken(new.name.clone()));
            }
            let failed = AuthError::sqlite("add an account");
            let sql =
                "INSERT INTO account (name, password_hash, role, scope, created_at) VALUES (?1, ?2, ?3, 'all', ?4)";
            transaction.execute(sql, params![new.name, hash, new.role.word(), now.micros()]).map_err(failed)?;
            write_scope(transaction, &new.name, &new.scope)?;
            let detail = format!("{}, {}", new.role.word(), scope_text(&new.scope));
            record(transaction, by, Act::AccountAdded, &new.name, &detail, now)
        })?;
        Ok(shown)
    }

    /// Gives an account another role and scope; they hold from its next request on.
    pub fn change_role(
        &self,
        by: &str,
        name: &str,
        role: Role,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        self.change("change an account", |transaction| {
            known(transaction, name)?;
            let sql = "UPDATE account SET role = ?2 WHERE name = ?1";
            transaction.execute(sql, params![name, role.word()]).map_err(AuthError::sqlite("change a role"))?;
            write_scope(transaction, name, scope)?;
            an_administrator_is_left(transaction, name)?;
            let detail = format!("{}, {}", role.word(), scope_text(scope));
            record(transaction, by, Act::AccountChanged, name, &detail, now)
        })
    }

    /// Gives an account another password and withdraws all of its tokens.
    pub fn change_password(
        &self,
        by: &str,
        name: &str,
        password: &NewPassword<'_>,
        now: Timestamp,
    ) -> Result<Option<WithPassword>, AuthError> {
        let (hash, shown) = self.hash_new(name, password)?;
        self.change("change a password", |transaction| {
            known(transaction, name)?;
            let sql = "UPDATE account SET password_hash = ?2 WHERE name = ?1";
            transaction.execute(sql, params![name, hash]).map_err(AuthError::sqlite("change a password"))?;
            withdraw_all(transaction, name, now)?;
            record(transaction, by, Act::PasswordChanged, name, "", now)
        })?;
        Ok(shown)
    }

    /// Shuts an account and withdraws all of its tokens.
    pub fn disable(&self, by: &str, name: &str, now: Timestamp) -> Result<(), AuthError> {
        self.change("disable an account", |transaction| {
            known(transaction, name)?;
            let sql = "UPDATE account SET disabled_at = ?2 WHERE name = ?1 AND disabled_at IS NULL";
            let changed = transaction.execute(sql, params![name, now.micros()]);
            if changed.map_err(AuthError::sqlite("disable an account"))? == 0 {
                return Ok(());
            }
            an_administrator_is_left(transaction, name)?;
            withdraw_all(transaction, name, now)?;
            record(transaction, by, Act::AccountDisabled, name, "", now)
        })
    }

    /// Opens an account again; its former tokens stay withdrawn.
    pub fn enable(&self, by: &str, name: &str, now: Timestamp) -> Result<(), AuthError> {
        self.change("enable an account", |transaction| {
            known(transaction, name)?;
            let sql = "UPDATE account SET disabled_at = NULL WHERE name = ?1 AND disabled_at IS NOT NULL";
            if transaction.execute(sql, [name]).map_err(AuthError::sqlite("enable an account"))? == 0 {
                return Ok(());
            }
            record(transaction, by, Act::AccountEnabled, name, "", now)
        })
    }

    /// Every account, by name.
    pub fn list(&self) -> Result<Vec<Account>, AuthError> {
        let connection = self.database.lock();
        let failed = || AuthError::sqlite("list the accounts");
        let sql = "SELECT name, role, scope, created_at, signed_in_at, disabled_at FROM account ORDER BY name";
        let mut statement = connection.prepare_cached(sql).map_err(failed())?;
        let mut rows = statement.query([]).map_err(failed())?;
        let mut accounts = Vec::new();
        while let Some(row) = rows.next().map_err(failed())? {
            let time = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_micros));
            let name: String = row.get(0).map_err(failed())?;
            let (role, scope): (String, String) = (row.get(1).map_err(failed())?, row.get(2).map_err(failed())?);
            accounts.push(Account {
                role: role_from(&name, &role)?,
                scope: read_scope(&connection, &name, &scope)?,
                created_at: time(3).map_err(failed())?.unwrap_or(Timestamp::EPOCH),
                signed_in_at: time(4).map_err(failed())?,
                disabled_at: time(5).map_err(failed())?,
                name,
            });
        }
        Ok(accounts)
    }

    fn hash_new(&self, name: &str, password: &NewPassword<'_>) -> Result<(String, Option<WithPassword>), AuthError> {
        match password {
            NewPassword::Chosen(chosen) => {
                password::check_new(name, chosen)?;
                Ok((self.passwords.hash(chosen)?, None))
            }
            NewPassword::Random => {
                let password = password::random_password()?;
                let hash = self.passwords.hash(&password)?;
                Ok((hash, Some(WithPassword { name: name.to_owned(), password })))
            }
        }
    }

    /// Runs a change in one transaction, which is undone when the change fails.
    pub(super) fn change<T>(
        &self,
        doing: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, AuthError>,
    ) -> Result<T, AuthError> {
        let mut connection = self.database.lock();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(AuthError::sqlite(doing))?;
        let done = change(&transaction)?;
        transaction.commit().map_err(AuthError::sqlite(doing))?;
        Ok(done)
    }
}

fn check_name(name: &str) -> Result<(), AuthError> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'@' | b'-');
    let first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    // `saola` acts in the audit by itself.
    if (1..=NAME_LENGTH_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && name.bytes().next().is_some_and(first)
        && name != "saola"
    {
        return Ok(());
    }
    Err(AuthError::BadName(name.chars().take(NAME_LENGTH_MAX).collect()))
}

fn role_of(connection: &Connection, name: &str) -> Result<Option<String>, AuthError> {
    let found = connection.query_row("SELECT role FROM account WHERE name = ?1", [name], |row| row.get(0)).optional();
    found.map_err(AuthError::sqlite("look up an account"))
}

/// Refuses when nobody has that name.
pub(super) fn known(connection: &Connection, name: &str) -> Result<(), AuthError> {
    role_of(connection, name)?.map(drop).ok_or_else(|| AuthError::NoSuchAccount(name.to_owned()))
}

fn an_administrator_is_left(connection: &Connection, name: &str) -> Result<(), AuthError> {
    let sql = "SELECT count(*) FROM account WHERE role = ?1 AND scope = 'all' AND disabled_at IS NULL";
    let count: i64 = connection
        .query_row(sql, [Role::Administrator.word()], |row| row.get(0))
        .map_err(AuthError::sqlite("count the administrators"))?;
    if count == 0 { Err(AuthError::LastAdministrator(name.to_owned())) } else { Ok(()) }
}

fn withdraw_all(connection: &Connection, name: &str, now: Timestamp) -> Result<(), AuthError> {
    let sql = "UPDATE token SET revoked_at = ?2 WHERE account = ?1 AND revoked_at IS NULL";
    connection.execute(sql, params![name, now.micros()]).map(drop).map_err(AuthError::sqlite("withdraw tokens"))
}

pub(super) fn record(
    connection: &Connection,
    actor: &str,
    act: Act,
    subject: &str,
    detail: &str,
    now: Timestamp,
) -> Result<(), AuthError> {
    let deed = Deed { actor, act, subject, detail, origin: None };
    audit::write(connection, &deed, now).map_err(AuthError::sqlite("write to the audit"))
}

pub(super) fn role_from(account: &str, word: &str) -> Result<Role, AuthError> {
    let unknown = || AuthError::Unknown { account: account.to_owned(), column: "role", found: word.to_owned() };
    Role::parse(word).ok_or_else(unknown)
}

fn scope_text(scope: &Scope) -> String {
    match scope {
        Scope::All => "everywhere".to_owned(),
        Scope::Areas(areas) => {
            let codes: Vec<&str> = areas.iter().map(AreaId::as_str).collect();
            format!("areas {}", codes.join(" "))
        }
    }
}

fn write_scope(connection: &Connection, name: &str, scope: &Scope) -> Result<(), AuthError> {
    let failed = || AuthError::sqlite("write a scope");
    let (word, areas) = match scope {
        Scope::All => ("all", None),
        Scope::Areas(areas) => ("areas", Some(areas)),
    };
    connection.execute("UPDATE account SET scope = ?2 WHERE name = ?1", [name, word]).map_err(failed())?;
    connection.execute("DELETE FROM account_area WHERE account = ?1", [name]).map_err(failed())?;
    for area in areas.into_iter().flatten() {
        let sql = "INSERT INTO account_area (account, area) VALUES (?1, ?2)";
        connection.execute(sql, [name, area.as_str()]).map_err(failed())?;
    }
    Ok(())
}

pub(super) fn read_scope(connection: &Connection, name: &str, word: &str) -> Result<Scope, AuthError> {
    match word {
        "all" => Ok(Scope::All),
        "areas" => {
            let failed = || AuthError::sqlite("read a scope");
            let sql = "SELECT area FROM account_area WHERE account = ?1";
            let mut statement = connection.prepare_cached(sql).map_err(failed())?;
            let rows = statement.query_map([name], |row| row.get::<_, String>(0)).map_err(failed())?;
            let areas: Result<BTreeSet<AreaId>, _> = rows.map(|code| code.map(|code| AreaId::new(&code))).collect();
            areas.map(Scope::Areas).map_err(failed())
        }
        other => Err(AuthError::Unknown { account: name.to_owned(), column: "scope", found: other.to_owned() }),
    }
}
