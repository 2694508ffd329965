//! The one SQLite file of what changes rarely: registry, accounts, audit.
//!
//! Write-ahead log with `synchronous = FULL`: what a transaction committed survives a power cut. One connection
//! behind one lock, so one writer; whoever calls from async code does so on a blocking thread. The form of the tables
//! is numbered (`user_version`): older files are brought up one step after the other, each step in one transaction,
//! and files from a later version are refused, as is somebody else's SQLite file (`application_id`).
//!
//! Left out on purpose: a pool of readers (everything hot is answered from the catalogue in memory).

use std::path::{Path, PathBuf};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;

/// `SAOL` in ASCII: marks the file as ours for `file(1)` and for [`Database::open`].
const APPLICATION_ID: i32 = 0x5341_4F4C;

/// Step `n` turns form `n` into form `n + 1`. Steps are never edited once released; new ones are appended.
const STEPS: &[&str] = &[
    include_str!("database/0001_registry.sql"),
    include_str!("database/0002_accounts.sql"),
    include_str!("database/0003_changes.sql"),
    include_str!("database/0004_devices.sql"),
    include_str!("database/0005_workflow.sql"),
    include_str!("database/0006_people.sql"),
    include_str!("database/0007_areas.sql"),
    include_str!("database/0008_footprints.sql"),
];

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Written by a newer Saola.
    #[error(
        "{} was written by a later version of saola (form {found}, this one knows {known}): \
         start that version, or restore a backup made by this one", path.display()
    )]
    FromTheFuture {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: i64,
        /// The newest form known here.
        known: usize,
    },
    /// Written by an earlier Saola, and only to be read.
    #[error("{} was written by an earlier version of saola: start this one once, and it brings the file up", path.display())]
    FromThePast {
        /// The file.
        path: PathBuf,
    },
    /// A SQLite file of another program, or not a SQLite file.
    #[error("{} is not a file of saola's: move it away, or name another data folder", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The folder or the file cannot be made.
    #[error("cannot make {}", path.display())]
    Create {
        /// What was to be made.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// SQLite refuses.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: rusqlite::Error,
    },
}

/// An open file; shared by the parts that keep tables in it.
#[derive(Debug)]
pub struct Database {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Database {
    /// Opens the file, making it (readable by its owner only) and its folder when they are missing, and brings its
    /// tables to the present form.
    pub fn open(path: &Path) -> Result<Database, DatabaseError> {
        Database::open_with(path, STEPS)
    }

    /// Opens a file of another part, whose tables `steps` make, one form after the other; steps are only ever appended.
    pub fn open_with(path: &Path, steps: &[&str]) -> Result<Database, DatabaseError> {
        make_private(path).map_err(|source| DatabaseError::Create { path: path.to_owned(), source })?;
        let failed = |source: rusqlite::Error| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => DatabaseError::NotOurs { path: path.to_owned() },
            _ => DatabaseError::Open { path: path.to_owned(), source },
        };
        let mut connection = Connection::open(path).map_err(failed)?;
        let application: i32 = pragma(&connection, "application_id").map_err(failed)?;
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
        if application != APPLICATION_ID && (application != 0 || tables != 0) {
            return Err(DatabaseError::NotOurs { path: path.to_owned() });
        }
        let form: i64 = pragma(&connection, "user_version").map_err(failed)?;
        let Some(missing) = usize::try_from(form).ok().and_then(|form| steps.get(form..)) else {
            return Err(DatabaseError::FromTheFuture { path: path.to_owned(), found: form, known: steps.len() });
        };
        configure(&connection).map_err(failed)?;
        for (index, step) in missing.iter().enumerate() {
            bring_up(&mut connection, step, form + 1 + index as i64).map_err(failed)?;
        }
        Ok(Database { path: path.to_owned(), connection: Mutex::new(connection) })
    }

    /// Opens the file only to read it, without making or changing anything; `None` when there is no such file. Its
    /// tables must have the present form already.
    pub fn open_to_read(path: &Path) -> Result<Option<Database>, DatabaseError> {
        if !path.exists() {
            return Ok(None);
        }
        let failed = |source: rusqlite::Error| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => DatabaseError::NotOurs { path: path.to_owned() },
            _ => DatabaseError::Open { path: path.to_owned(), source },
        };
        let connection =
            Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
        connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(failed)?;
        let application: i32 = pragma(&connection, "application_id").map_err(failed)?;
        if application != APPLICATION_ID {
            return Err(DatabaseError::NotOurs { path: path.to_owned() });
        }
        let form: i64 = pragma(&connection, "user_version").map_err(failed)?;
        match usize::try_from(form) {
            Ok(form) if form == STEPS.len() => {
                Ok(Some(Database { path: path.to_owned(), connection: Mutex::new(connection) }))
            }
            Ok(form) if form < STEPS.len() => Err(DatabaseError::FromThePast { path: path.to_owned() }),
            _ => Err(DatabaseError::FromTheFuture { path: path.to_owned(), found: form, known: STEPS.len() }),
        }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The connection, for as long as the guard lives. Waits for whoever has it; never hold it across an await.
    pub fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock()
    }
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    // Without it, INSERT OR REPLACE would delete past the triggers that forbid deleting.
    connection.pragma_update(None, "recursive_triggers", "ON")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn bring_up(connection: &mut Connection, step: &str, form: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have made this step while we waited for the lock.
    let found: i64 = pragma(&transaction, "user_version")?;
    if found < form {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", form)?;
    }
    transaction.commit()
}

/// SQLite gives its log files the permissions of the file itself, so these are set before it first opens it.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_new_file_is_private_durable_and_opens_again() {
        let folder = folder();
        let path = folder.path().join("deep/saola.sqlite");
        for _ in 0..2 {
            let database = Database::open(&path).unwrap();
            let connection = database.lock();
            assert_eq!(pragma::<String>(&connection, "journal_mode").unwrap(), "wal");
            assert_eq!(pragma::<i64>(&connection, "synchronous").unwrap(), 2);
            assert_eq!(pragma::<i64>(&connection, "user_version").unwrap(), STEPS.len() as i64);
        }
        for file in ["deep/saola.sqlite", "deep/saola.sqlite-wal"] {
            if let Ok(found) = std::fs::metadata(folder.path().join(file)) {
                assert_eq!(found.permissions().mode() & 0o777, 0o600, "{file}");
            }
        }
    }

    #[test]
    fn a_file_from_a_later_version_is_refused_with_a_sentence() {
        let folder = folder();
        let path = folder.path().join("saola.sqlite");
        Database::open(&path).unwrap().lock().pragma_update(None, "user_version", 99).unwrap();
        let error = Database::open(&path).unwrap_err();
        assert!(matches!(error, DatabaseError::FromTheFuture { found: 99, .. }));
        assert!(error.to_string().contains("written by a later version of saola (form 99"), "{error}");
    }

    #[test]
    fn files_of_other_programs_are_left_alone() {
        let folder = folder();
        let other = folder.path().join("other.sqlite");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
        let text = folder.path().join("text.sqlite");
        std::fs::write(&text, "this is not a database, but long enough to look like one".repeat(20)).unwrap();
        for path in [other, text] {
            let error = Database::open(&path).unwrap_err();
            assert!(matches!(error, DatabaseError::NotOurs { .. }), "{error:?}");
        }
    }

    #[test]
    fn numbers_can_be_neither_deleted_nor_changed() {
        let folder = folder();
        let database = Database::open(&folder.path().join("saola.sqlite")).unwrap();
        let connection = database.lock();
        connection
            .execute_batch(
                "INSERT INTO source VALUES (0, 'edge');
                 INSERT INTO station VALUES (0, 'A', 'air', 'A', 'A', 103.0, 22.0, NULL, 0, 'files', NULL, NULL);
                 INSERT INTO channel VALUES (0, 0, 'pm10', 'ug/m3', 1, 0, 1, 'wired', NULL);",
            )
            .unwrap();
        for statement in [
            "DELETE FROM source",
            "DELETE FROM station",
            "DELETE FROM channel",
            "UPDATE source SET no = 1",
            "UPDATE station SET no = 1",
            "UPDATE station SET id = 'B'",
            "UPDATE channel SET unit = 'mg/m3'",
        ] {
            assert!(connection.execute(statement, []).is_err(), "{statement}");
        }
    }
}
