//! The changes of stations: one row for each, with its author, never changed and never deleted.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::definition::Definition;
use super::footprint::FootprintChange;
use super::{RegistryError, load};
use crate::model::{StationNo, Timestamp};

macro_rules! acts {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// What a change did. A closed list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ChangeAct { $($(#[$doc])* $variant,)* }

        impl ChangeAct {
            /// Every act.
            pub const ALL: &'static [ChangeAct] = &[$(ChangeAct::$variant,)*];

            /// The word in the database and in answers.
            pub fn word(self) -> &'static str {
                match self { $(ChangeAct::$variant => $word,)* }
            }
        }
    };
}

acts! {
    /// It is there for the first time.
    Created = "created",
    /// Something of it is different.
    Changed = "changed",
    /// It stands elsewhere from an instant on; nothing else is different.
    Moved = "moved",
    /// It was taken out of service.
    Retired = "retired",
    /// It is in service again.
    Restored = "restored",
    /// A change was taken back.
    Undone = "undone",
}

impl ChangeAct {
    /// What a change from one definition to another is called.
    pub(super) fn of(before: Option<&Definition>, after: &Definition) -> ChangeAct {
        let Some(before) = before else { return ChangeAct::Created };
        let elsewhere = Definition {
            position: after.position,
            area: after.area.clone(),
            former_places: after.former_places.clone(),
            ..before.clone()
        };
        match (before.retired, after.retired) {
            (false, true) => ChangeAct::Retired,
            (true, false) => ChangeAct::Restored,
            _ if elsewhere == *after => ChangeAct::Moved,
            _ => ChangeAct::Changed,
        }
    }
}

/// One change as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct StationChange {
    /// Its number, unique over all stations.
    pub id: i64,
    /// The station's revision that it made.
    pub revision: i64,
    /// When.
    pub at: Timestamp,
    /// An account, or `files`.
    pub author: String,
    /// What it did.
    pub act: ChangeAct,
    /// `None` before there was one.
    pub before: Option<Definition>,
    /// From then on.
    pub after: Definition,
}

/// A station's revision: 1 as long as nothing was recorded.
pub(super) fn revision(connection: &Connection, station: StationNo) -> rusqlite::Result<i64> {
    let newest: Option<i64> =
        connection
            .query_row("SELECT max(revision) FROM station_change WHERE station = ?1", [station.0], |row| row.get(0))?;
    Ok(newest.unwrap_or(1))
}

/// A change about to be recorded.
pub(super) struct Recorded<'a> {
    pub station: StationNo,
    pub at: Timestamp,
    pub author: &'a str,
    pub act: ChangeAct,
    pub before: Option<&'a Definition>,
    pub after: &'a Definition,
}

/// Records a change; gives the revision that it makes.
pub(super) fn put(connection: &Connection, change: &Recorded<'_>) -> rusqlite::Result<i64> {
    let newest: Option<i64> = connection.query_row(
        "SELECT max(revision) FROM station_change WHERE station = ?1",
        [change.station.0],
        |row| row.get(0),
    )?;
    // A station from before changes were recorded has revision 1 without a row.
    let revision = match (newest, change.before) {
        (Some(newest), _) => newest + 1,
        (None, Some(_)) => 2,
        (None, None) => 1,
    };
    let json = |definition: &Definition| {
        serde_json::to_string(definition).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    };
    let (before, after) = (change.before.map(json).transpose()?, json(change.after)?);
    let mut insert = connection.prepare_cached(
        "INSERT INTO station_change (station, revision, at, author, act, before, after)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let (station, at, act) = (change.station.0, change.at.micros(), change.act.word());
    insert.execute(params![station, revision, at, change.author, act, before, after])?;
    Ok(revision)
}

const COLUMNS: &str = "id, revision, at, author, act, before, after";

/// A station's changes with revisions below `before`, newest first.
pub(super) fn list(
    connection: &Connection,
    station: StationNo,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<StationChange>, RegistryError> {
    let failed = RegistryError::sqlite;
    let sql = format!(
        "SELECT {COLUMNS} FROM station_change WHERE station = ?1 AND revision < ?2 ORDER BY revision DESC LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(failed("read the changes"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows =
        statement.query(params![station.0, before.unwrap_or(i64::MAX), limit]).map_err(failed("read the changes"))?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next().map_err(failed("read the changes"))? {
        changes.push(change(row).map_err(failed("read a change"))??);
    }
    Ok(changes)
}

/// One change of a station by its number.
pub(super) fn find(
    connection: &Connection,
    station: StationNo,
    id: i64,
) -> Result<Option<StationChange>, RegistryError> {
    let sql = format!("SELECT {COLUMNS} FROM station_change WHERE station = ?1 AND id = ?2");
    let found = connection.query_row(&sql, params![station.0, id], change).optional();
    found.map_err(RegistryError::sqlite("read a change"))?.transpose()
}

fn change(row: &Row<'_>) -> rusqlite::Result<Result<StationChange, RegistryError>> {
    let id: i64 = row.get(0)?;
    let unknown = |column, found| RegistryError::Unknown { table: "change", row: id.to_string(), column, found };
    let word: String = row.get(4)?;
    let Some(act) = ChangeAct::ALL.iter().copied().find(|act| act.word() == word) else {
        return Ok(Err(unknown("act", word)));
    };
    let (before, after): (Option<String>, String) = (row.get(5)?, row.get(6)?);
    let read =
        |column, text: &str| serde_json::from_str(text).map_err(|_| unknown(column, text.chars().take(80).collect()));
    let before = match before.as_deref().map(|text| read("before", text)).transpose() {
        Ok(before) => before,
        Err(error) => return Ok(Err(error)),
    };
    let after = match read("after", &after) {
        Ok(after) => after,
        Err(error) => return Ok(Err(error)),
    };
    let (revision, at) = (row.get(1)?, Timestamp::from_micros(row.get(2)?));
    Ok(Ok(StationChange { id, revision, at, author: row.get(3)?, act, before, after }))
}

/// Every change of what a station watches, and what it watched when it was made: by station, ascending.
pub(super) fn footprint_changes(connection: &Connection) -> Result<Vec<FootprintChange>, RegistryError> {
    let read = || {
        let mut statement = connection.prepare(
            "SELECT station, at, act, json_extract(before, '$.footprint'), json_extract(after, '$.footprint')
             FROM station_change
             WHERE before IS NULL
                OR json_extract(before, '$.footprint') IS NOT json_extract(after, '$.footprint')
             ORDER BY station, revision",
        )?;
        let text = |row: &Row<'_>, column| row.get::<_, Option<String>>(column);
        let rows = statement.query_map([], |row| {
            let (station, at, word) = (row.get::<_, u32>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?);
            Ok((station, at, word, text(row, 3)?, text(row, 4)?))
        })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    let rows = read().map_err(RegistryError::sqlite("read the former footprints"))?;
    let each = |(no, at, word, before, after): (u32, i64, String, Option<String>, Option<String>)| {
        let footprint = |text: Option<String>| text.map(|text| load::footprint(no, &text)).transpose();
        let Some(act) = ChangeAct::ALL.iter().copied().find(|act| act.word() == word) else {
            return Err(RegistryError::Unknown { table: "change", row: no.to_string(), column: "act", found: word });
        };
        let (station, at) = (StationNo(no), Timestamp::from_micros(at));
        Ok(FootprintChange { station, at, act, before: footprint(before)?, after: footprint(after)? })
    };
    rows.into_iter().map(each).collect()
}

/// From when on each station was in service (`true`) or not: by station, ascending.
pub(super) fn service_changes(connection: &Connection) -> Result<Vec<(StationNo, Timestamp, bool)>, RegistryError> {
    let read = || {
        let mut statement = connection.prepare(
            "SELECT station, at, json_extract(after, '$.retired') FROM station_change
             WHERE before IS NULL OR json_extract(before, '$.retired') IS NOT json_extract(after, '$.retired')
             ORDER BY station, revision",
        )?;
        let rows = statement.query_map([], |row| {
            let (station, at) = (StationNo(row.get(0)?), Timestamp::from_micros(row.get(1)?));
            Ok((station, at, !row.get::<_, bool>(2)?))
        })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    read().map_err(RegistryError::sqlite("read the service of stations"))
}
