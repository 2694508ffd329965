//! What an area's feature says beside its name and place: dates, successors, what forest it is.

use jiff::civil::{Date, Time};
use serde_json::Value;

use super::area_file::Properties;
use super::field;
use crate::model::{AreaFacts, AreaId, AreaLevel, ForestType, Validity};

/// Areas that took the place of one: a district fell into fewer than this.
const SUCCESSORS_MAX: usize = 100;

/// A date, also at the beginning of a date with a time, as other people's files have it.
fn date_of(text: &str) -> Option<Date> {
    match text.split_once(['T', 't', ' ']) {
        None => text.parse().ok(),
        // The date that is written, whatever the offset says.
        Some((day, time)) => {
            let clock = time.trim_end_matches(['Z', 'z']);
            let clock = clock.split_once(['+', '-']).map_or(clock, |(clock, _)| clock);
            clock.parse::<Time>().ok().and(day.parse().ok())
        }
    }
}

/// The facts; `None` when one cannot be read, which is noted.
/// What only forest units say is another's own member at any other `level`, and left alone.
pub(super) fn read(properties: &Properties, level: AreaLevel, note: &dyn Fn(&str, String)) -> Option<AreaFacts> {
    let present = |key: &str| properties.get(key).filter(|value| !value.is_null());
    let date = |key: &str| -> Option<Option<Date>> {
        let Some(value) = present(key) else { return Some(None) };
        let date = value.as_str().and_then(date_of);
        if date.is_none() {
            note(&format!("properties.{key}"), "must be a date such as 2025-07-01".to_owned());
        }
        date.map(Some)
    };
    let (from, to) = (date("valid_from"), date("valid_to"));
    let successors = present("successors").map_or(Some(Vec::new()), |value| {
        let found = codes(value);
        if found.is_none() {
            note("properties.successors", format!("must be a list of codes, {SUCCESSORS_MAX} at most"));
        }
        found
    });
    let of_forest = |key: &str| present(key).filter(|_| level.is_forest());
    let forest_type = match of_forest("forest_type") {
        None => Some(None),
        Some(value) => {
            let found = value.as_str().and_then(ForestType::named);
            if found.is_none() {
                let words = ForestType::ALL.map(ForestType::word).join(", ");
                note("properties.forest_type", format!("must be one of {words}"));
            }
            found.map(Some)
        }
    };
    let owner = match of_forest("owner") {
        None => Some(None),
        Some(value) => {
            let named = value.as_str().ok_or_else(|| "must be a text".to_owned());
            let named = named.and_then(|text| field::shown_name(text).map(|()| text.to_owned()));
            named.map_err(|message| note("properties.owner", message)).ok().map(Some)
        }
    };
    let invented = present("invented").map_or(Some(false), Value::as_bool);
    if invented.is_none() {
        note("properties.invented", "must be true or false".to_owned());
    }
    let validity = Validity { from: from?, to: to? };
    Some(AreaFacts { validity, successors: successors?, forest_type: forest_type?, owner: owner?, invented: invented? })
}

fn codes(value: &Value) -> Option<Vec<AreaId>> {
    let list = value.as_array().filter(|list| list.len() <= SUCCESSORS_MAX)?;
    list.iter().map(|code| field::area_code(code.as_str()?).ok()).collect()
}

/// Notes what does not go together.
pub(super) fn check(level: AreaLevel, facts: &AreaFacts, note: &dyn Fn(&str, String)) {
    let Validity { from, to } = facts.validity;
    if from.zip(to).is_some_and(|(from, to)| to <= from) {
        note("properties.valid_to", "must be after valid_from".to_owned());
    }
    if level == AreaLevel::District && to.is_none() {
        note("properties.level", "a district needs valid_to: the last ones ended on 2025-07-01".to_owned());
    }
    if to.is_none() && !facts.successors.is_empty() {
        note("properties.successors", "is of former areas: say valid_to".to_owned());
    }
}
