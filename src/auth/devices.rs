//! Credentials of devices: issued with a secret that is shown once, bound to stations, revoked.
//!
//! What a device may do follows from its stations alone; the MQTT edge works it out. A secret has 118 random bits, so
//! its SHA-256 is kept. A name that was revoked can be issued again, with another secret. Every change and its record
//! in the audit are one transaction. Left out on purpose: changing a device's stations (revoke it and issue it again).

use std::net::IpAddr;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::accounts::{AuthError, WithPassword};
use super::audit::{self, Act, Deed};
use super::password;
use crate::database::Database;
use crate::model::Timestamp;

/// Bytes of a name, at most: it is an MQTT user name.
const NAME_BYTES_MAX: usize = 128;
/// Stations of one device, at most.
const STATIONS_MAX: usize = 1_000;

/// A device as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its MQTT user name.
    pub name: String,
    /// SHA-256 of its secret.
    pub secret_hash: [u8; 32],
    /// Identifiers of the stations that it speaks for, in order.
    pub stations: Vec<String>,
    /// When it got its present secret.
    pub issued_at: Timestamp,
    /// When it was shut out; `None` while it may connect.
    pub revoked_at: Option<Timestamp>,
}

/// Who changes something, and when.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// The account, or `command line`.
    pub actor: &'a str,
    /// From which network address.
    pub origin: Option<IpAddr>,
    /// Now.
    pub now: Timestamp,
}

/// The devices of one installation.
pub struct Devices {
    database: Arc<Database>,
}

impl Devices {
    /// Over a file that is open already: the registry's, whose stations they are bound to.
    pub fn over(database: Arc<Database>) -> Devices {
        Devices { database }
    }

    /// Lets a device in, for these stations; the secret comes back this once.
    pub fn issue(&self, by: By<'_>, name: &str, stations: &[String]) -> Result<WithPassword, AuthError> {
        check_name(name)?;
        if stations.is_empty() || stations.len() > STATIONS_MAX {
            return Err(AuthError::StationsOfDevice);
        }
        let secret = password::random_password()?;
        let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        self.change("issue a device", |transaction| {
            let failed = || AuthError::sqlite("issue a device");
            if let Some(false) = is_revoked(transaction, name)? {
                return Err(AuthError::DeviceTaken(name.to_owned()));
            }
            let sql = "INSERT INTO device VALUES (?1, ?2, ?3, NULL) ON CONFLICT (name) \
                       DO UPDATE SET secret_hash = ?2, issued_at = ?3, revoked_at = NULL";
            transaction.execute(sql, params![name, hash, by.now.micros()]).map_err(failed())?;
            transaction.execute("DELETE FROM device_station WHERE device = ?1", [name]).map_err(failed())?;
            for station in stations {
                check_station(transaction, station)?;
                let sql = "INSERT OR IGNORE INTO device_station VALUES (?1, ?2)";
                transaction.execute(sql, [name, station]).map_err(failed())?;
            }
            record(transaction, by, Act::DeviceIssued, name, &format!("stations {}", stations.join(" ")))
        })?;
        Ok(WithPassword { name: name.to_owned(), password: secret })
    }

    /// Shuts a device out.
    pub fn revoke(&self, by: By<'_>, name: &str) -> Result<(), AuthError> {
        self.change("revoke a device", |transaction| {
            let sql = "UPDATE device SET revoked_at = ?2 WHERE name = ?1 AND revoked_at IS NULL";
            let changed = transaction.execute(sql, params![name, by.now.micros()]);
            if changed.map_err(AuthError::sqlite("revoke a device"))? == 0 {
                return Err(AuthError::NoSuchDevice(name.to_owned()));
            }
            record(transaction, by, Act::DeviceRevoked, name, "")
        })
    }

    /// Every device, by name.
    pub fn list(&self) -> Result<Vec<DeviceRow>, AuthError> {
        let failed = || AuthError::sqlite("list the devices");
        let connection = self.database.lock();
        let mut stations = connection
            .prepare_cached("SELECT station FROM device_station WHERE device = ?1 ORDER BY 1")
            .map_err(failed())?;
        let sql = "SELECT name, secret_hash, issued_at, revoked_at FROM device ORDER BY name";
        let mut statement = connection.prepare_cached(sql).map_err(failed())?;
        let rows = statement.query_map([], |row| {
            let name: String = row.get(0)?;
            let stations = stations.query_map([&name], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(DeviceRow {
                secret_hash: row.get(1)?,
                stations,
                issued_at: Timestamp::from_micros(row.get(2)?),
                revoked_at: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_micros),
                name,
            })
        });
        rows.map_err(failed())?.collect::<Result<_, _>>().map_err(failed())
    }

    /// A number that is another one after every change.
    pub fn version(&self) -> Result<i64, AuthError> {
        let read = self.database.lock().query_row("SELECT version FROM device_version", [], |row| row.get(0));
        read.map_err(AuthError::sqlite("read the version of the devices"))
    }

    fn change<T>(
        &self,
        doing: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, AuthError>,
    ) -> Result<T, AuthError> {
        let mut connection = self.database.lock();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(AuthError::sqlite(doing))?;
        let done = change(&transaction)?;
        transaction.execute("UPDATE device_version SET version = version + 1", []).map_err(AuthError::sqlite(doing))?;
        transaction.commit().map_err(AuthError::sqlite(doing))?;
        Ok(done)
    }
}

/// What the edge can take as a user name from which nothing else follows.
fn check_name(name: &str) -> Result<(), AuthError> {
    let forbidden = |letter: char| "+#/$".contains(letter) || letter.is_control();
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(forbidden) && name.trim() == name;
    if fits { Ok(()) } else { Err(AuthError::BadDeviceName(name.chars().take(NAME_BYTES_MAX).collect())) }
}

fn check_station(connection: &Connection, station: &str) -> Result<(), AuthError> {
    let sql = "SELECT 1 FROM station WHERE id = ?1 AND retired_at IS NULL";
    let found: Option<i64> = connection
        .query_row(sql, [station], |row| row.get(0))
        .optional()
        .map_err(AuthError::sqlite("look up a station"))?;
    // Slashes and wildcards cannot stand in one level of a topic.
    let can_be_told = !station.is_empty() && !station.contains(['/', '+', '#', '\0']);
    match found {
        Some(_) if can_be_told => Ok(()),
        Some(_) => Err(AuthError::StationUnspeakable(station.to_owned())),
        None => Err(AuthError::NoSuchStation(station.to_owned())),
    }
}

/// `None`: there is no such device.
fn is_revoked(connection: &Connection, name: &str) -> Result<Option<bool>, AuthError> {
    let sql = "SELECT revoked_at IS NOT NULL FROM device WHERE name = ?1";
    let found = connection.query_row(sql, [name], |row| row.get(0)).optional();
    found.map_err(AuthError::sqlite("look up a device"))
}

fn record(connection: &Connection, by: By<'_>, act: Act, subject: &str, detail: &str) -> Result<(), AuthError> {
    let deed = Deed { actor: by.actor, act, subject, detail, origin: by.origin };
    audit::write(connection, &deed, by.now).map_err(AuthError::sqlite("write to the audit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);
    const BY: By<'static> = By { actor: "test", origin: None, now: NOW };

    fn devices(folder: &tempfile::TempDir) -> Devices {
        let database = Database::open(&folder.path().join("registry.db")).unwrap();
        let station = "INSERT OR IGNORE INTO station (no, id, kind, name_vi, name_en, lon, lat, maintenance, origin, retired_at) \
                       VALUES (?1, ?2, 'air', 'A', 'A', 103.0, 22.0, 0, 'files', ?3)";
        for (no, id, retired) in [(0, "TR-1", None), (1, "đồi-1", None), (2, "OLD", Some(1)), (3, "a/b", None)] {
            database.lock().execute(station, params![no, id, retired]).unwrap();
        }
        Devices::over(Arc::new(database))
    }

    fn stations(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_device_is_issued_listed_revoked_and_issued_again() {
        let folder = tempfile::tempdir().unwrap();
        let devices = devices(&folder);
        let first = devices.version().unwrap();
        let issued = devices.issue(BY, "logger-1", &stations(&["đồi-1", "TR-1"])).unwrap();
        let row = devices.list().unwrap().remove(0);
        assert_eq!((row.name.as_str(), row.stations, row.revoked_at), ("logger-1", stations(&["TR-1", "đồi-1"]), None));
        assert_eq!(row.secret_hash, <[u8; 32]>::from(Sha256::digest(issued.password.as_bytes())));
        let again = devices.issue(BY, "logger-1", &stations(&["TR-1"]));
        assert!(matches!(again, Err(AuthError::DeviceTaken(_))));
        devices.revoke(BY, "logger-1").unwrap();
        assert!(matches!(devices.revoke(BY, "logger-1"), Err(AuthError::NoSuchDevice(_))));
        assert_eq!(devices.list().unwrap()[0].revoked_at, Some(NOW));
        let second = devices.issue(BY, "logger-1", &stations(&["TR-1"])).unwrap();
        assert_ne!(second.password, issued.password);
        assert_eq!(devices.list().unwrap()[0].stations, stations(&["TR-1"]));
        assert_eq!(devices.version().unwrap(), first + 3);
        let acts: Vec<String> = {
            let connection = devices.database.lock();
            let mut read = connection.prepare("SELECT act FROM audit ORDER BY id").unwrap();
            read.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(acts, ["device_issued", "device_revoked", "device_issued"]);
    }

    #[test]
    fn what_cannot_be_a_device_is_refused_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let devices = devices(&folder);
        let check = |name: &str, of: &[&str], expected: &str| {
            let error = devices.issue(BY, name, &stations(of)).unwrap_err().to_string();
            assert!(error.contains(expected), "{name:?} {of:?}: {error}");
        };
        check("a/b", &["TR-1"], "cannot be a device's name");
        check("", &["TR-1"], "cannot be a device's name");
        check("a", &[], "1 to 1000 stations");
        check("a", &["TR-9"], "there is no station TR-9");
        check("a", &["OLD"], "there is no station OLD");
        check("a", &["a/b"], "cannot stand in a topic");
        assert!(devices.list().unwrap().is_empty());
    }
}
