//! Alert rules that were made by hand: every version of each with its author, never changed and never deleted.
//!
//! What a rule means is not known here: it is a text that whoever writes it has checked.

use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};

use super::{Registry, RegistryError};
use crate::model::Timestamp;

/// What a version did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleAct {
    /// The rule is there for the first time, or again after it was removed.
    Created,
    /// It says something else.
    Changed,
    /// It is watched again.
    Enabled,
    /// It is watched no longer.
    Disabled,
    /// It says again what it said in an earlier version.
    Restored,
    /// It is gone.
    Removed,
}

impl RuleAct {
    /// Every act.
    pub const ALL: [RuleAct; 6] =
        [RuleAct::Created, RuleAct::Changed, RuleAct::Enabled, RuleAct::Disabled, RuleAct::Restored, RuleAct::Removed];

    /// The word in the database and in answers.
    pub fn word(self) -> &'static str {
        match self {
            RuleAct::Created => "created",
            RuleAct::Changed => "changed",
            RuleAct::Enabled => "enabled",
            RuleAct::Disabled => "disabled",
            RuleAct::Restored => "restored",
            RuleAct::Removed => "removed",
        }
    }
}

/// One version of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVersion {
    /// The rule's name.
    pub name: String,
    /// From 1, without gaps.
    pub version: i64,
    /// When it was made.
    pub at: Timestamp,
    /// By which account.
    pub author: String,
    /// What it did.
    pub act: RuleAct,
    /// Why; may be empty.
    pub reason: String,
    /// The rule as TOML; `None` when it was removed.
    pub text: Option<String>,
}

/// A version to be.
#[derive(Clone, Copy, Debug)]
pub struct NewRuleVersion<'a> {
    /// The rule's name.
    pub name: &'a str,
    /// Now.
    pub at: Timestamp,
    /// By which account.
    pub author: &'a str,
    /// What it does.
    pub act: RuleAct,
    /// Why.
    pub reason: &'a str,
    /// The rule as TOML; `None` to remove it.
    pub text: Option<&'a str>,
}

const COLUMNS: &str = "name, version, at, author, act, reason, text";

impl Registry {
    /// The rules in force, by name: the newest version of each that is not removed.
    pub fn rules_made(&self) -> Result<Vec<RuleVersion>, RegistryError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM rule_version AS newest WHERE text IS NOT NULL AND version =
                 (SELECT max(version) FROM rule_version WHERE name = newest.name) ORDER BY name"
        );
        read(&self.database.lock(), &sql, [])
    }

    /// The newest version of a rule, removed ones too; `None` when there never was one of this name.
    pub fn rule_made(&self, name: &str) -> Result<Option<RuleVersion>, RegistryError> {
        let sql = format!("SELECT {COLUMNS} FROM rule_version WHERE name = ?1 ORDER BY version DESC LIMIT 1");
        Ok(read(&self.database.lock(), &sql, [name])?.pop())
    }

    /// A rule's versions below `before`, the newest first, at most `limit`.
    pub fn rule_versions(
        &self,
        name: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<RuleVersion>, RegistryError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM rule_version WHERE name = ?1 AND version < ?2 ORDER BY version DESC LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        read(&self.database.lock(), &sql, params![name, before.unwrap_or(i64::MAX), limit])
    }

    /// Writes a version, and what belongs beside it in the same transaction, by its number.
    pub fn write_rule(
        &self,
        new: &NewRuleVersion<'_>,
        beside: impl FnOnce(&Connection, i64) -> rusqlite::Result<()>,
    ) -> Result<i64, RegistryError> {
        let failed = || RegistryError::sqlite("write a version of a rule");
        let mut connection = self.database.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed())?;
        let newest: Option<i64> = transaction
            .query_row("SELECT max(version) FROM rule_version WHERE name = ?1", [new.name], |row| row.get(0))
            .optional()
            .map_err(failed())?
            .flatten();
        let version = newest.unwrap_or(0) + 1;
        let sql = "INSERT INTO rule_version VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let row = params![new.name, version, new.at.micros(), new.author, new.act.word(), new.reason, new.text];
        transaction.execute(sql, row).map_err(failed())?;
        beside(&transaction, version).map_err(failed())?;
        transaction.commit().map_err(failed())?;
        Ok(version)
    }
}

fn read(connection: &Connection, sql: &str, asked: impl rusqlite::Params) -> Result<Vec<RuleVersion>, RegistryError> {
    let failed = || RegistryError::sqlite("read versions of rules");
    let mut statement = connection.prepare_cached(sql).map_err(failed())?;
    let mut rows = statement.query(asked).map_err(failed())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed())? {
        found.push(version(row).map_err(failed())??);
    }
    Ok(found)
}

fn version(row: &Row<'_>) -> rusqlite::Result<Result<RuleVersion, RegistryError>> {
    let (name, word): (String, String) = (row.get(0)?, row.get(4)?);
    let Some(act) = RuleAct::ALL.into_iter().find(|act| act.word() == word) else {
        return Ok(Err(RegistryError::Unknown { table: "rule_version", row: name, column: "act", found: word }));
    };
    let (version, at, author) = (row.get(1)?, Timestamp::from_micros(row.get(2)?), row.get(3)?);
    Ok(Ok(RuleVersion { name, version, at, author, act, reason: row.get(5)?, text: row.get(6)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_stays_and_the_newest_is_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(&folder.path().join("registry.db")).unwrap();
        let at = Timestamp::from_seconds(1_800_000_000);
        let write = |name: &str, act, text: Option<&str>| {
            registry
                .write_rule(&NewRuleVersion { name, at, author: "an", act, reason: "thử", text }, |_, _| Ok(()))
                .unwrap()
        };
        assert_eq!(write("dust", RuleAct::Created, Some("1")), 1);
        assert_eq!(write("smoke", RuleAct::Created, Some("a")), 1);
        assert_eq!(write("dust", RuleAct::Changed, Some("2")), 2);
        assert_eq!(write("smoke", RuleAct::Removed, None), 2);
        let made: Vec<_> = registry.rules_made().unwrap().into_iter().map(|rule| (rule.name, rule.text)).collect();
        assert_eq!(made, [("dust".to_owned(), Some("2".to_owned()))]);
        let versions = |before, limit| -> Vec<i64> {
            registry.rule_versions("dust", before, limit).unwrap().iter().map(|rule| rule.version).collect()
        };
        assert_eq!((versions(None, 9), versions(Some(2), 9), versions(None, 1)), (vec![2, 1], vec![1], vec![2]));
        let gone = registry.rule_made("smoke").unwrap().unwrap();
        assert_eq!((gone.act, gone.text, gone.author.as_str()), (RuleAct::Removed, None, "an"));
        assert_eq!(registry.rule_made("other").unwrap(), None);
        let connection = registry.database.lock();
        for statement in ["DELETE FROM rule_version", "UPDATE rule_version SET text = 'x'"] {
            assert!(connection.execute(statement, []).is_err(), "{statement}");
        }
    }
}
