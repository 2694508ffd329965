//! Who is on duty when: shifts with a role, a person, and maybe an area. Shifts may overlap.
//!
//! Left out on purpose: repeating patterns (whoever makes the roster writes the shifts), and checking that a person is
//! known: people are kept elsewhere, and a roster is often made before them.

use rusqlite::{Connection, Row, params};

use super::{Registry, RegistryError};
use crate::model::{AreaId, PersonId, Timestamp};

/// Shifts kept at a time.
pub const SHIFTS_MAX: i64 = 100_000;

/// A shift as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewShift {
    /// Of duty: what the plan of escalation calls `duty:ROLE`.
    pub role: String,
    /// Who.
    pub person: PersonId,
    /// Where, areas inside it included; `None`: everywhere.
    pub area: Option<AreaId>,
    /// Its first instant.
    pub begins_at: Timestamp,
    /// The first instant after it; later than the first.
    pub ends_at: Timestamp,
    /// For people.
    pub note: String,
}

/// A shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Its number.
    pub id: i64,
    /// What it is.
    pub shift: NewShift,
}

/// Which shifts to list, and where to go on.
#[derive(Clone, Debug, Default)]
pub struct ShiftsAsked {
    /// Those that end after it.
    pub from: Option<Timestamp>,
    /// Those that begin before it.
    pub to: Option<Timestamp>,
    /// Only of this role.
    pub role: Option<String>,
    /// Only of this person.
    pub person: Option<PersonId>,
    /// After this one in the order of the list: by beginning, then by number.
    pub after: Option<(Timestamp, i64)>,
    /// At most so many.
    pub limit: usize,
}

const COLUMNS: &str = "id, role, person, area, begins_at, ends_at, note";

fn shift(row: &Row<'_>) -> rusqlite::Result<Shift> {
    let (person, area): (String, Option<String>) = (row.get(2)?, row.get(3)?);
    let shift = NewShift {
        role: row.get(1)?,
        person: PersonId(person.into()),
        area: area.map(|area| AreaId::new(&area)),
        begins_at: Timestamp::from_micros(row.get(4)?),
        ends_at: Timestamp::from_micros(row.get(5)?),
        note: row.get(6)?,
    };
    Ok(Shift { id: row.get(0)?, shift })
}

/// Who is on duty in a role at an instant, for something in `area`: those of the area, of one that it lies in, and of
/// everywhere. For something in no known area: those of everywhere. By name, each once.
pub fn on_duty(
    connection: &Connection,
    role: &str,
    area: Option<&AreaId>,
    at: Timestamp,
) -> Result<Vec<PersonId>, RegistryError> {
    let failed = || RegistryError::sqlite("read the roster");
    let sql = "WITH RECURSIVE above (id, depth) AS (
                   SELECT ?3, 0 WHERE ?3 IS NOT NULL
                   UNION ALL
                   SELECT area.parent, above.depth + 1 FROM area JOIN above ON area.id = above.id
                   WHERE area.parent IS NOT NULL AND above.depth < 8)
               SELECT DISTINCT person FROM duty_shift
               WHERE role = ?1 AND begins_at <= ?2 AND ends_at > ?2
                 AND (area IS NULL OR area IN (SELECT id FROM above))
               ORDER BY person";
    let mut statement = connection.prepare_cached(sql).map_err(failed())?;
    let person = |row: &Row<'_>| row.get::<_, String>(0).map(|person| PersonId(person.into()));
    let rows = statement.query_map(params![role, at.micros(), area.map(AreaId::as_str)], person).map_err(failed())?;
    rows.collect::<Result<_, _>>().map_err(failed())
}

impl Registry {
    /// Shifts by beginning.
    pub fn shifts(&self, asked: &ShiftsAsked) -> Result<Vec<Shift>, RegistryError> {
        let failed = || RegistryError::sqlite("list the shifts");
        let sql = format!(
            "SELECT {COLUMNS} FROM duty_shift
             WHERE (?1 IS NULL OR ends_at > ?1) AND (?2 IS NULL OR begins_at < ?2) AND (?3 IS NULL OR role = ?3)
               AND (?4 IS NULL OR person = ?4) AND (?5 IS NULL OR (begins_at, id) > (?5, ?6))
             ORDER BY begins_at, id LIMIT ?7"
        );
        let connection = self.database.lock();
        let mut statement = connection.prepare_cached(&sql).map_err(failed())?;
        let micros = |at: Option<Timestamp>| at.map(Timestamp::micros);
        let (after, id) = asked.after.map_or((None, 0), |(at, id)| (Some(at.micros()), id));
        let limit = i64::try_from(asked.limit).unwrap_or(i64::MAX);
        let person = asked.person.as_ref().map(|person| &*person.0);
        let asked = params![micros(asked.from), micros(asked.to), asked.role, person, after, id, limit];
        let rows = statement.query_map(asked, shift).map_err(failed())?;
        rows.collect::<Result<_, _>>().map_err(failed())
    }

    /// Adds a shift; `None` when there are [`SHIFTS_MAX`] already.
    pub fn add_shift(&self, new: NewShift) -> Result<Option<Shift>, RegistryError> {
        let failed = || RegistryError::sqlite("add a shift");
        let connection = self.database.lock();
        let sql = "INSERT INTO duty_shift (role, person, area, begins_at, ends_at, note)
                   SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE (SELECT count(*) FROM duty_shift) < ?7";
        let (begins_at, ends_at) = (new.begins_at.micros(), new.ends_at.micros());
        let (area, person) = (new.area.as_ref().map(AreaId::as_str), &*new.person.0);
        let row = params![new.role, person, area, begins_at, ends_at, new.note, SHIFTS_MAX];
        let added = connection.execute(sql, row).map_err(failed())?;
        Ok((added == 1).then(|| Shift { id: connection.last_insert_rowid(), shift: new }))
    }

    /// Changes a shift; as it was before, `None` when there is none of this number.
    pub fn change_shift(&self, id: i64, new: &NewShift) -> Result<Option<Shift>, RegistryError> {
        let failed = || RegistryError::sqlite("change a shift");
        let mut connection = self.database.lock();
        let transaction = connection.transaction().map_err(failed())?;
        let before = find(&transaction, id)?;
        let sql = "UPDATE duty_shift SET role = ?2, person = ?3, area = ?4, begins_at = ?5, ends_at = ?6, note = ?7
                   WHERE id = ?1";
        let (begins_at, ends_at) = (new.begins_at.micros(), new.ends_at.micros());
        let (area, person) = (new.area.as_ref().map(AreaId::as_str), &*new.person.0);
        transaction.execute(sql, params![id, new.role, person, area, begins_at, ends_at, new.note]).map_err(failed())?;
        transaction.commit().map_err(failed())?;
        Ok(before)
    }

    /// Removes a shift; as it was, `None` when there is none of this number.
    pub fn remove_shift(&self, id: i64) -> Result<Option<Shift>, RegistryError> {
        let failed = || RegistryError::sqlite("remove a shift");
        let mut connection = self.database.lock();
        let transaction = connection.transaction().map_err(failed())?;
        let before = find(&transaction, id)?;
        transaction.execute("DELETE FROM duty_shift WHERE id = ?1", [id]).map_err(failed())?;
        transaction.commit().map_err(failed())?;
        Ok(before)
    }

    /// One shift.
    pub fn shift(&self, id: i64) -> Result<Option<Shift>, RegistryError> {
        find(&self.database.lock(), id)
    }
}

fn find(connection: &Connection, id: i64) -> Result<Option<Shift>, RegistryError> {
    use rusqlite::OptionalExtension as _;
    let sql = format!("SELECT {COLUMNS} FROM duty_shift WHERE id = ?1");
    connection.query_row(&sql, [id], shift).optional().map_err(RegistryError::sqlite("read a shift"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + hours * 3_600)
    }

    /// Two communes of one province.
    fn registry() -> (Registry, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(&folder.path().join("registry.db")).unwrap();
        let areas = folder.path().join("areas");
        std::fs::create_dir_all(&areas).unwrap();
        std::fs::create_dir_all(folder.path().join("stations")).unwrap();
        let feature = |code: &str, more: &str| {
            format!(
                r#"{{"type":"Feature","properties":{{"code":"{code}","name":"{code}","name_en":"{code}"{more}}},
                "geometry":{{"type":"Polygon","coordinates":[[[103,22],[104,22],[104,23],[103,23],[103,22]]]}}}}"#
            )
        };
        let inside = r#","province_code":"12""#;
        let features = [feature("12", ""), feature("001", inside), feature("002", inside)].join(",");
        let text = format!(r#"{{"type":"FeatureCollection","features":[{features}]}}"#);
        std::fs::write(areas.join("all.geojson"), text).unwrap();
        registry.seed_from(folder.path(), at(0)).unwrap();
        (registry, folder)
    }

    fn add(registry: &Registry, role: &str, person: &str, area: Option<&str>, hours: (i64, i64)) -> i64 {
        let shift = NewShift {
            role: role.into(),
            person: PersonId(person.into()),
            area: area.map(AreaId::new),
            begins_at: at(hours.0),
            ends_at: at(hours.1),
            note: String::new(),
        };
        registry.add_shift(shift).unwrap().unwrap().id
    }

    #[test]
    fn those_on_duty_are_of_the_role_the_hour_and_the_area_or_one_around_it() {
        let (registry, _folder) = registry();
        add(&registry, "forest", "an", Some("001"), (0, 8));
        add(&registry, "forest", "binh", Some("12"), (0, 8));
        add(&registry, "forest", "chi", None, (4, 12));
        add(&registry, "forest", "chi", None, (5, 6));
        add(&registry, "operations", "dung", None, (0, 24));
        let check = |role: &str, area: Option<&str>, hour: i64, expected: &[&str]| {
            let area = area.map(AreaId::new);
            let found = on_duty(&registry.database.lock(), role, area.as_ref(), at(hour)).unwrap();
            let found: Vec<&str> = found.iter().map(|person| &*person.0).collect();
            assert_eq!(found, expected, "{role} {area:?} {hour}");
        };
        check("forest", Some("001"), 5, &["an", "binh", "chi"]);
        check("forest", Some("002"), 5, &["binh", "chi"]);
        check("forest", None, 5, &["chi"]);
        check("forest", Some("001"), 0, &["an", "binh"]);
        check("forest", Some("001"), 8, &["chi"]);
        check("forest", Some("001"), 12, &[]);
        check("operations", Some("999"), 5, &["dung"]);
    }

    #[test]
    fn shifts_are_listed_by_beginning_and_page_by_page() {
        let (registry, _folder) = registry();
        let ids = [(4, 8), (0, 4), (0, 8)].map(|hours| add(&registry, "forest", "an", None, hours));
        let listed = |asked: ShiftsAsked| -> Vec<i64> {
            registry.shifts(&ShiftsAsked { limit: 2, ..asked }).unwrap().iter().map(|shift| shift.id).collect()
        };
        assert_eq!(listed(ShiftsAsked::default()), [ids[1], ids[2]]);
        assert_eq!(listed(ShiftsAsked { after: Some((at(0), ids[2])), ..ShiftsAsked::default() }), [ids[0]]);
        assert_eq!(listed(ShiftsAsked { from: Some(at(4)), ..ShiftsAsked::default() }), [ids[2], ids[0]]);
        assert_eq!(listed(ShiftsAsked { to: Some(at(0)), ..ShiftsAsked::default() }), [0; 0]);
        let other = ShiftsAsked { role: Some("operations".into()), ..ShiftsAsked::default() };
        assert_eq!(listed(other), [0; 0]);
        let changed = NewShift { note: "đổi ca".into(), ..registry.shift(ids[0]).unwrap().unwrap().shift };
        assert_eq!(registry.change_shift(ids[0], &changed).unwrap().unwrap().shift.note, "");
        assert_eq!(registry.remove_shift(ids[0]).unwrap().unwrap().shift, changed);
        assert_eq!(registry.remove_shift(ids[0]).unwrap(), None);
        assert_eq!(registry.change_shift(ids[0], &changed).unwrap(), None);
    }
}
