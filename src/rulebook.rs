//! The alert rules of the province's files and those that were made by hand, brought together.
//!
//! A file wins its names: a rule made by hand under a name that a file has by now is not in force. All are checked
//! together by the one reader of rules; what is made here is written as TOML for it, so a rule's JSON has the members
//! that a file's table has. A rule made by hand that no longer fits (its area is gone, say) is set aside, so that the
//! others can be in force; a mistake in a file, or in the rule that is being changed, refuses everything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::alerts;
use crate::model::{Catalogue, Mistake, RuleFile};
use crate::registry::RuleVersion;

/// What the name of a rule's file begins with when it was made by hand; the rule's name follows.
pub const MADE: &str = "api/";

/// The rules that can be in force together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Together {
    /// Every file, those of rules made by hand among them.
    pub files: Vec<RuleFile>,
    /// Rules made by hand whose name a file has: the name, and the file.
    pub overridden: Vec<(String, String)>,
    /// Why rules made by hand are set aside.
    pub set_aside: Vec<Mistake>,
    /// What is allowed, but probably not meant.
    pub doubts: Vec<Mistake>,
}

impl Together {
    /// Says in the log what is not in force, and what is probably not meant.
    pub fn tell(&self) {
        for doubt in &self.doubts {
            tracing::warn!(rule.file = doubt.file, rule.line = doubt.line, "{doubt}");
        }
        for (name, file) in &self.overridden {
            tracing::warn!(
                rule.name = name,
                rule.file = file,
                "a rule made by hand is not in force: a file has its name"
            );
        }
        for mistake in &self.set_aside {
            tracing::error!(rule.file = mistake.file, "a rule made by hand is not in force: {mistake}");
        }
    }
}

/// The rules of a file by name, as tables; empty when it is no TOML.
pub fn rules_in(file: &RuleFile) -> BTreeMap<String, toml::Table> {
    let table: toml::Table = file.text.parse().unwrap_or_default();
    let rules = table.get("rule").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let named = |rule: toml::Value| match rule {
        toml::Value::Table(rule) => Some((rule.get("name")?.as_str()?.to_owned(), rule)),
        _ => None,
    };
    rules.into_iter().filter_map(named).collect()
}

/// How many rules a file has, those without a name and with the same one too; `None` when that cannot be told, and its
/// reader says why.
pub fn count_in(file: &RuleFile) -> Option<usize> {
    let table: toml::Table = file.text.parse().ok()?;
    table.get("rule").map_or(Some(0), |rules| rules.as_array().map(Vec::len))
}

/// The file that has a rule of this name.
pub fn file_with<'a>(files: &'a [RuleFile], name: &str) -> Option<&'a RuleFile> {
    files.iter().find(|file| rules_in(file).contains_key(name))
}

/// Brings files and rules made by hand together. `changed` is the rule that somebody is changing, whose mistakes are
/// theirs to mend.
///
/// # Errors
/// Every mistake in the files and in the changed rule.
pub fn together(
    files: &[RuleFile],
    made: &[RuleVersion],
    changed: Option<&str>,
    catalogue: &Catalogue,
) -> Result<Together, Vec<Mistake>> {
    let names: BTreeMap<String, &str> =
        files.iter().flat_map(|file| rules_in(file).into_keys().map(|name| (name, file.name.as_str()))).collect();
    let mut found = Together { files: files.to_vec(), ..Together::default() };
    for rule in made {
        if let Some(file) = names.get(&rule.name) {
            found.overridden.push((rule.name.clone(), (*file).to_owned()));
        } else if let Some(text) = &rule.text {
            found.files.push(RuleFile { name: format!("{MADE}{}", rule.name), text: text.clone() });
        }
    }
    let changed = changed.map(|name| format!("{MADE}{name}"));
    loop {
        found.doubts.clear();
        let Err(mistakes) = alerts::check_rules(&found.files, catalogue, &mut found.doubts) else { return Ok(found) };
        let is_anothers =
            |mistake: &&Mistake| mistake.file.starts_with(MADE) && changed.as_ref() != Some(&mistake.file);
        let (others, own): (Vec<_>, Vec<_>) = mistakes.iter().partition(is_anothers);
        if !own.is_empty() {
            return Err(own.into_iter().cloned().collect());
        }
        let broken: BTreeSet<&str> = others.iter().map(|mistake| mistake.file.as_str()).collect();
        found.files.retain(|file| !broken.contains(file.name.as_str()));
        found.set_aside.extend(others.into_iter().cloned());
    }
}

/// A rule in JSON as the text of a file with this one rule. Members that are null are left out.
///
/// # Errors
/// What cannot be written as TOML, in a sentence.
pub fn text_of(rule: &Value) -> Result<String, String> {
    let rule = toml::Value::try_from(without_nulls(rule)).map_err(|error| error.to_string())?;
    text_of_table(rule.as_table().ok_or("a rule is an object")?)
}

/// The text of a file with one rule.
pub fn text_of_table(rule: &toml::Table) -> Result<String, String> {
    let rules = toml::Value::Array(vec![toml::Value::Table(rule.clone())]);
    let file = toml::Table::from_iter([("rule".to_owned(), rules)]);
    toml::to_string(&file).map_err(|error| error.to_string())
}

/// A rule's table in JSON.
pub fn json_of(rule: &toml::Table) -> Value {
    // Texts, numbers, lists and tables alone; a number that is none has no JSON and becomes null.
    serde_json::to_value(rule).unwrap_or_default()
}

/// The same rule, watched or not.
pub fn enabled(text: &str, enabled: bool) -> Option<String> {
    let file = RuleFile { name: String::new(), text: text.to_owned() };
    let (_, mut rule) = rules_in(&file).pop_first()?;
    rule.insert("enabled".to_owned(), toml::Value::Boolean(enabled));
    text_of_table(&rule).ok()
}

/// Whether a rule's table says that it is watched.
pub fn is_enabled(rule: &toml::Table) -> bool {
    rule.get("enabled").and_then(toml::Value::as_bool).unwrap_or(true)
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().filter(|item| !item.is_null()).map(without_nulls).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::alerts::tests::catalogue;
    use crate::model::Timestamp;
    use crate::registry::RuleAct;

    fn made(name: &str, area: &str) -> RuleVersion {
        let text = format!(
            "[[rule]]\nname = '{name}'\ntitle = {{ vi = 'Bụi', en = 'Dust' }}\nproperty = 'pm2_5'\narea = '{area}'\n\
             levels = [{{ severity = 'high', above = 50 }}]\n"
        );
        let (author, reason) = ("an".to_owned(), String::new());
        RuleVersion {
            name: name.to_owned(),
            version: 1,
            at: Timestamp::EPOCH,
            author,
            act: RuleAct::Created,
            reason,
            text: Some(text),
        }
    }

    fn file(name: &str, rule: &str) -> RuleFile {
        RuleFile { name: name.to_owned(), text: made(rule, "12").text.unwrap() }
    }

    #[test]
    fn a_file_wins_its_names_and_a_broken_rule_stands_in_nobodys_way() {
        let files = [file("air.toml", "dust")];
        let rules = [made("dust", "12"), made("gone", "99"), made("smoke", "12")];
        let found = together(&files, &rules, None, &catalogue()).unwrap();
        let names: Vec<_> = found.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["air.toml", "api/smoke"]);
        assert_eq!(found.overridden, [("dust".to_owned(), "air.toml".to_owned())]);
        assert_eq!((found.set_aside.len(), found.set_aside[0].file.as_str()), (1, "api/gone"));
        // Whoever changes the broken one has to mend it.
        let mistakes = together(&files, &rules, Some("gone"), &catalogue()).unwrap_err();
        assert_eq!((mistakes[0].line, mistakes[0].key.as_str()), (5, "rule[0].area"));
        // A mistake in a file is a mistake.
        let wrong = [RuleFile { name: "air.toml".into(), text: "[[rule]]\nnam = 'x'".into() }];
        assert!(together(&wrong, &rules, None, &catalogue()).is_err());
    }

    #[test]
    fn json_and_toml_say_the_same() {
        let rule = json!({
            "name": "dust", "title": { "vi": "Bụi", "en": "Dust" }, "property": "pm2_5", "kind": ["air"],
            "levels": [{ "severity": "medium", "above": 50, "clear": 45.5 }, { "severity": "high", "above": 80 }],
            "for": "10m", "unit": null, "calendar": { "months": [1, 2], "from": "06:00" },
        });
        let text = text_of(&rule).unwrap();
        let (_, table) = rules_in(&RuleFile { name: "a".into(), text: text.clone() }).pop_first().unwrap();
        let mut expected = rule.clone();
        expected.as_object_mut().unwrap().remove("unit");
        assert_eq!(json_of(&table), expected);
        assert!(is_enabled(&table));
        let off = enabled(&text, false).unwrap();
        let (_, table) = rules_in(&RuleFile { name: "a".into(), text: off }).pop_first().unwrap();
        assert!(!is_enabled(&table));
        assert_eq!(text_of(&json!([1])).unwrap_err(), "a rule is an object");
        assert!(text_of(&json!({ "name": u64::MAX })).is_err());
    }
}
