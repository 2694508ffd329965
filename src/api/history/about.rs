//! What an answer is about: for the manifest beside a file, and for the formats that have a place for it.

use serde_json::{Map, Value, json};

use super::super::time::Zone;
use super::asked::Common;
use super::table::Series;
use crate::history::{Plan, Question};
use crate::model::Timestamp;

/// The names of the asked functions.
pub fn functions(question: &Question) -> Value {
    question.functions.iter().map(|function| Value::from(function.word())).collect()
}

/// The tiers that plans read, each once, in order: several stations may be read in several ways.
pub fn tier<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> String {
    let mut words: Vec<&str> = plans.into_iter().map(|plan| plan.reading.word()).collect();
    words.dedup();
    words.sort_unstable();
    words.dedup();
    words.join(",")
}

/// From when on an answer is whole, as a member; nothing where all of it is.
pub fn kept_since(since: impl IntoIterator<Item = Option<Timestamp>>, zone: &Zone) -> Option<(&'static str, Value)> {
    let since = since.into_iter().flatten().max()?;
    Some(("kept_since", json!(zone.show(since).to_string())))
}

/// What is common to all rows of an answer of buckets, as members of a JSON document.
pub fn of_question(question: &Question, zone: &Zone) -> Vec<(&'static str, Value)> {
    let mut members = vec![
        ("every", json!(question.every.to_string())),
        ("tz", json!(zone.name())),
        ("from", json!(zone.show(question.from).to_string())),
        ("to", json!(zone.show(question.to).to_string())),
        ("functions", functions(question)),
        ("quality", json!(question.quality.word())),
    ];
    match question.limit {
        Some(crate::history::Limit::Above(above)) => members.push(("above", json!(above))),
        Some(crate::history::Limit::Below(below)) => members.push(("below", json!(below))),
        None => {}
    }
    members
}

/// What is said of each series, for the manifest.
pub fn series(series: &[Series]) -> Value {
    let members =
        |series: &Series| series.members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    series.iter().map(|series| Value::Object(members(series))).collect()
}

/// The manifest: everything about an answer but its rows and its hash.
pub fn manifest(
    query: &str,
    common: &Common,
    members: &[(&'static str, Value)],
    group: &str,
    series: Value,
    now: Timestamp,
) -> String {
    let mut manifest = Map::new();
    manifest.insert("query".to_owned(), json!(query));
    manifest.insert("format".to_owned(), json!(common.format.word()));
    for (name, value) in members {
        manifest.insert((*name).to_owned(), value.clone());
    }
    manifest.insert(group.to_owned(), series);
    manifest.insert("made_at".to_owned(), json!(common.tz.show(now).to_string()));
    manifest.insert("made_by".to_owned(), json!(concat!("saola ", env!("CARGO_PKG_VERSION"))));
    Value::Object(manifest).to_string()
}
