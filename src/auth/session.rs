//! Signing in, tokens, and who a token stands for.
//!
//! A sign-in answers as slowly for a name that is not there as for a wrong password, and in the same words; whether
//! it was the name, the password or a disabled account is only in the audit. Rights are read at each request, so a
//! lowered role or a withdrawn token holds from the next one on.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::accounts::{Accounts, AuthError, known, read_scope, record, role_from};
use super::audit::{self, Act, Deed};
use super::password::{BYTES_MAX, Busy};
use super::role::{Caller, Permission};
use super::throttle::Verdict;
use super::token::{self, IssuedToken, TokenRow};
use crate::model::{Span, Timestamp};

/// How exactly the last use of a token is kept: a write to the disk at most this often.
const LAST_USED_EVERY: Duration = Duration::from_secs(600);
/// Sessions that ended longer ago are cleared away at the next sign-in.
const ENDED_SESSIONS_KEPT: Duration = Duration::from_secs(30 * 86_400);
/// Told to those whom the hashing of passwords cannot take now.
const BUSY_RETRY: Duration = Duration::from_secs(1);

/// Somebody at the door.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// The name as typed.
    pub name: &'a str,
    /// The password as typed.
    pub password: &'a str,
    /// From which network address.
    pub origin: Option<IpAddr>,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// Known, with a token for the session.
    In(Session),
    /// The name and the password do not belong together, or the account is disabled.
    Refused,
    /// Too many tries for this name in the last minute, or too many at once for the machine.
    HeldBack {
        /// When to try again.
        retry_after: Duration,
    },
}

/// A session that has begun.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// The token: only its holder ever sees it.
    pub token: String,
    /// Who signed in.
    pub caller: Caller,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// Keeps the token out of logs.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("caller", &self.caller)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

struct Found {
    password_hash: String,
    disabled: bool,
}

impl Accounts {
    /// Takes a name and a password and, when they belong together, begins a session of `lifetime`. Takes tens of
    /// milliseconds and 19 MiB; no more than two at a time, and few wait.
    pub fn sign_in(&self, attempt: &Attempt<'_>, now: Timestamp, lifetime: Duration) -> Result<SignIn, AuthError> {
        let name = attempt.name.trim().to_ascii_lowercase();
        let verdict = self.throttle.lock().admit(&name, now);
        if let Verdict::StillHeldBack(retry_after) = verdict {
            return Ok(SignIn::HeldBack { retry_after });
        }
        let found = self.find(&name)?;
        if let Verdict::HeldBack(retry_after) = verdict {
            self.record_refusal(&found, &name, attempt, Act::SignInHeldBack, now)?;
            return Ok(SignIn::HeldBack { retry_after });
        }
        let password = if attempt.password.len() > BYTES_MAX { "" } else { attempt.password };
        let hash = found.as_ref().map(|found| found.password_hash.as_str());
        let right = match self.passwords.verify(password, hash) {
            Ok(right) => right,
            Err(Busy) => return Ok(SignIn::HeldBack { retry_after: BUSY_RETRY }),
        };
        if !right || found.as_ref().is_none_or(|found| found.disabled) {
            self.record_refusal(&found, &name, attempt, Act::SignInRefused, now)?;
            return Ok(SignIn::Refused);
        }
        self.throttle.lock().forgive(&name);
        let checked_hash = hash.unwrap_or_default();
        let (token, token_hash) = token::new_token()?;
        let expires_at = now + lifetime;
        let caller = self.change("sign in", |transaction| {
            // The hash took a while: whoever was disabled or got another password meanwhile must not slip in.
            let sql =
                "UPDATE account SET signed_in_at = ?2 WHERE name = ?1 AND disabled_at IS NULL AND password_hash = ?3";
            let changed = transaction.execute(sql, params![name, now.micros(), checked_hash]);
            if changed.map_err(AuthError::sqlite("note a sign-in"))? == 0 {
                return Ok(None);
            }
            let sql = "DELETE FROM token WHERE kind = 'session' AND expires_at < ?1";
            let old = (now - ENDED_SESSIONS_KEPT).micros();
            transaction.execute(sql, [old]).map_err(AuthError::sqlite("clear old sessions away"))?;
            insert(transaction, &token_hash, &name, ("session", "session"), now, expires_at)?;
            let deed = Deed { actor: &name, act: Act::SignedIn, subject: &name, detail: "", origin: attempt.origin };
            audit::write(transaction, &deed, now).map_err(AuthError::sqlite("write to the audit"))?;
            caller_of(transaction, &name).map(Some)
        })?;
        Ok(caller.map_or(SignIn::Refused, |caller| SignIn::In(Session { token, caller, expires_at })))
    }

    fn find(&self, name: &str) -> Result<Option<Found>, AuthError> {
        let connection = self.database.lock();
        let sql = "SELECT password_hash, disabled_at IS NOT NULL FROM account WHERE name = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok(Found { password_hash: row.get(0)?, disabled: row.get(1)? });
        connection.query_row(sql, [name], row).optional().map_err(AuthError::sqlite("look up an account"))
    }

    /// A name that nobody has may be a password typed into the wrong field: it is not written down.
    fn record_refusal(
        &self,
        found: &Option<Found>,
        name: &str,
        attempt: &Attempt<'_>,
        act: Act,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let (actor, detail) = match found {
            None => ("nobody", "no such account"),
            Some(found) if found.disabled => (name, "the account is disabled"),
            Some(_) => (name, ""),
        };
        self.audit().record(&Deed { actor, act, subject: actor, detail, origin: attempt.origin }, now)
    }

    /// Who a token stands for, with the rights of this moment; `None` when it is unknown, withdrawn or expired, or its
    /// account is disabled.
    pub fn caller(&self, token: &str, now: Timestamp) -> Result<Option<Caller>, AuthError> {
        let Some(hash) = token::hash(token) else { return Ok(None) };
        let connection = self.database.lock();
        let sql = "SELECT token.account, last_used_at FROM token JOIN account ON account.name = token.account
                   WHERE hash = ?1 AND revoked_at IS NULL AND expires_at > ?2 AND disabled_at IS NULL";
        let found: Option<(String, Option<i64>)> = connection
            .prepare_cached(sql)
            .and_then(|mut look| {
                look.query_row(params![hash, now.micros()], |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .map_err(AuthError::sqlite("look up a token"))?;
        let Some((name, last_used)) = found else { return Ok(None) };
        let last_used = last_used.map(Timestamp::from_micros);
        if last_used.is_none_or(|last| now.since(last) >= LAST_USED_EVERY) {
            let sql = "UPDATE token SET last_used_at = ?2 WHERE hash = ?1";
            connection.execute(sql, params![hash, now.micros()]).map_err(AuthError::sqlite("note a token's use"))?;
        }
        caller_of(&connection, &name).map(Some)
    }

    /// Signs out: withdraws the token that the holder shows. An unknown one is no mistake.
    pub fn revoke(&self, token: &str, now: Timestamp) -> Result<(), AuthError> {
        let Some(hash) = token::hash(token) else { return Ok(()) };
        self.change("sign out", |transaction| {
            let sql = "UPDATE token SET revoked_at = ?2 WHERE hash = ?1 AND revoked_at IS NULL RETURNING account";
            let account: Option<String> = transaction
                .query_row(sql, params![hash, now.micros()], |row| row.get(0))
                .optional()
                .map_err(AuthError::sqlite("withdraw a token"))?;
            match account {
                Some(account) => record(transaction, &account, Act::SignedOut, &account, "", now),
                None => Ok(()),
            }
        })
    }

    /// Issues a token for a program. `label` says what for.
    pub fn issue_token(
        &self,
        by: &str,
        name: &str,
        label: &str,
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<IssuedToken, AuthError> {
        let (token, hash) = token::new_token()?;
        let expires_at = now + lifetime;
        let label: String = label.chars().filter(|letter| !letter.is_control()).take(80).collect();
        self.change("issue a token", |transaction| {
            known(transaction, name)?;
            insert(transaction, &hash, name, (&label, "issued"), now, expires_at)?;
            let detail = format!("{}, for {}, {label}", id_of(&hash), Span::from(lifetime));
            record(transaction, by, Act::TokenIssued, name, &detail, now)
        })?;
        Ok(IssuedToken { token, expires_at })
    }

    /// Every token of an account, the newest first.
    pub fn tokens(&self, name: &str) -> Result<Vec<TokenRow>, AuthError> {
        let failed = || AuthError::sqlite("list tokens");
        let connection = self.database.lock();
        let sql = "SELECT hash, account, label, created_at, expires_at, last_used_at, revoked_at FROM token
                   WHERE account = ?1 ORDER BY created_at DESC, hash";
        let mut statement = connection.prepare_cached(sql).map_err(failed())?;
        let rows = statement.query_map([name], token_row).map_err(failed())?;
        rows.collect::<Result<_, _>>().map_err(failed())
    }

    /// Withdraws a token by its identifier in the list.
    pub fn revoke_token(&self, by: &str, id: &str, now: Timestamp) -> Result<(), AuthError> {
        self.change("withdraw a token", |transaction| {
            let sql = "UPDATE token SET revoked_at = ?2
                       WHERE lower(hex(substr(hash, 1, 8))) = ?1 AND revoked_at IS NULL RETURNING account";
            let account: Option<String> = transaction
                .query_row(sql, params![id, now.micros()], |row| row.get(0))
                .optional()
                .map_err(AuthError::sqlite("withdraw a token"))?;
            let account = account.ok_or_else(|| AuthError::NoSuchToken(id.chars().take(40).collect()))?;
            record(transaction, by, Act::TokenRevoked, &account, id, now)
        })
    }

    /// Records that a known caller asked for what it may not have.
    pub fn record_access_refused(
        &self,
        caller: &Caller,
        permission: Permission,
        path: &str,
        origin: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let detail = permission.word();
        self.audit().record(&Deed { actor: &caller.name, act: Act::AccessRefused, subject: path, detail, origin }, now)
    }
}

fn id_of(hash: &[u8]) -> String {
    token::hex(hash.get(..8).unwrap_or(hash))
}

fn token_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<TokenRow> {
    let time = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_micros));
    Ok(TokenRow {
        id: id_of(&row.get::<_, Vec<u8>>(0)?),
        account: row.get(1)?,
        label: row.get(2)?,
        created_at: Timestamp::from_micros(row.get(3)?),
        expires_at: Timestamp::from_micros(row.get(4)?),
        last_used_at: time(5)?,
        revoked_at: time(6)?,
    })
}

fn insert(
    connection: &Connection,
    hash: &[u8; 32],
    name: &str,
    (label, kind): (&str, &str),
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), AuthError> {
    let sql = "INSERT INTO token (hash, account, label, kind, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let row = params![hash, name, label, kind, now.micros(), expires_at.micros()];
    connection.execute(sql, row).map(drop).map_err(AuthError::sqlite("keep a token"))
}

/// An account's rights of this moment.
fn caller_of(connection: &Connection, name: &str) -> Result<Caller, AuthError> {
    let (role, scope): (String, String) = connection
        .prepare_cached("SELECT role, scope FROM account WHERE name = ?1")
        .and_then(|mut look| look.query_row([name], |row| Ok((row.get(0)?, row.get(1)?))))
        .map_err(AuthError::sqlite("read an account's rights"))?;
    let scope = read_scope(connection, name, &scope)?;
    Ok(Caller { name: name.to_owned(), role: role_from(name, &role)?, scope })
}
