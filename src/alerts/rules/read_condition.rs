//! From TOML to a rule's condition, with every mistake.

use super::condition::{Condition, Join, Limit, Of, PARTS_MAX, Part, Reduce, TIMES_MAX, Times, WINDOW_MAX};
use super::levels::{Direction, Level, Levels};
use super::read::{read_count, read_name_of_kind, read_patience, read_unit};
use super::{LEVELS_MAX, Scope, check};
use crate::document::{Need, Section};
use crate::model::{AreaLevel, Catalogue, Mistake, Property, Severity, Span, StationId, Unit};

const SEVERITIES: [(&str, Severity); 5] = [
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("very_high", Severity::VeryHigh),
    ("catastrophic", Severity::Catastrophic),
];
/// Of a window that must be covered when the rule does not say.
const COMPLETENESS: f64 = 0.75;

/// What a condition is checked against.
pub(super) struct Known<'a> {
    pub catalogue: &'a Catalogue,
    /// `None` when the scope itself is wrong.
    pub scope: Option<&'a Scope>,
    pub doubts: &'a mut Vec<Mistake>,
}

/// The words of `of.fn`.
#[derive(Clone, Copy)]
enum Function {
    Window(Reduce),
    Rate,
    Difference,
}

/// What is watched, in what unit, and when it holds.
pub(super) fn read_condition(
    section: &mut Section<'_, '_>,
    known: &mut Known<'_>,
    has_hold: bool,
) -> Option<(Property, Option<Unit>, Condition)> {
    if section.has("all") || section.has("any") {
        let condition = read_joined(section, known)?;
        let Condition::Joined { parts, .. } = &condition else { return None };
        return Some((parts.first()?.property.clone(), None, condition));
    }
    let property = read_name_of_kind(section, "property").map(Property::new);
    let unit = read_unit(section);
    let condition = if section.has("count") {
        read_counted(section, known, property.as_ref(), unit)
    } else if section.is_table("absence") {
        read_absence(section, has_hold || unit.is_some())
    } else {
        read_single(section, known, property.as_ref(), unit)
    };
    Some((property?, unit, condition?))
}

/// The absence of data: never together with levels.
fn read_absence(section: &mut Section<'_, '_>, has_keys_of_levels: bool) -> Option<Condition> {
    let mut absence = section.section("absence", Need::Required)?;
    let after = read_patience(&mut absence, "after", Need::Required);
    let severity = absence.word("severity", Need::Required, &SEVERITIES);
    absence.finish();
    if section.has("levels") || has_keys_of_levels {
        section.sections("levels", Need::Optional);
        section.mistake("absence", "a rule for absence has no levels, unit or for: write two rules");
        return None;
    }
    Some(Condition::Absence { after: after?, severity: severity? })
}

/// Levels of one channel, with a time after which an open alert is unknown.
fn read_single(
    section: &mut Section<'_, '_>,
    known: &mut Known<'_>,
    property: Option<&Property>,
    unit: Option<Unit>,
) -> Option<Condition> {
    let unknown_after = read_patience(section, "absence", Need::Optional);
    let of = read_of(section, known);
    let times = read_times(section);
    if of.as_ref().is_some_and(|of| *of != Of::Sample) && section.has("times") {
        section.mistake("times", "goes with the samples themselves, not with of");
    }
    let levels = read_levels(section);
    if let Some((property, of)) = property.zip(of.as_ref()) {
        check::channels(section, known, property, of, unit);
    }
    Some(Condition::Levels { levels: levels?, of: of?, times: times?, unknown_after })
}

fn read_joined(section: &mut Section<'_, '_>, known: &mut Known<'_>) -> Option<Condition> {
    let both = section.has("all") && section.has("any");
    let (key, join) = if section.has("all") { ("all", Join::All) } else { ("any", Join::Any) };
    for key in ["property", "unit", "levels", "of", "times", "count"] {
        section.refuse(key, "does not go with all or any: it belongs to the parts");
    }
    if both {
        section.refuse("any", "a rule has either all or any");
    }
    let unknown_after = read_patience(section, "absence", Need::Optional);
    let severity = section.word("severity", Need::Required, &SEVERITIES);
    let mut tables = section.sections(key, Need::Required);
    if tables.is_empty() || tables.len() > PARTS_MAX {
        section.mistake(key, format!("must be a list of one to {PARTS_MAX} parts"));
        return None;
    }
    let parts: Vec<_> = tables.iter_mut().map(|table| read_part(table, known)).collect();
    tables.into_iter().for_each(Section::finish);
    let parts: Option<Vec<Part>> = parts.into_iter().collect();
    Some(Condition::Joined { join, parts: parts?, severity: severity?, unknown_after }).filter(|_| !both)
}

fn read_part(table: &mut Section<'_, '_>, known: &mut Known<'_>) -> Option<Part> {
    let property = read_name_of_kind(table, "property").map(Property::new);
    let unit = read_unit(table);
    read_rest_of_part(table, known, property.as_ref(), unit)
}

fn read_rest_of_part(
    table: &mut Section<'_, '_>,
    known: &mut Known<'_>,
    property: Option<&Property>,
    unit: Option<Unit>,
) -> Option<Part> {
    let of = read_of(table, known);
    let limit = read_limit(table, "a part has either above or below");
    if limit.is_some_and(|limit| limit.direction.beyond(limit.clear, limit.threshold)) {
        table.mistake("clear", "the clear level lies beyond its threshold: nothing would ever be raised");
        return None;
    }
    if let Some((property, of)) = property.zip(of.as_ref()) {
        check::channels(table, known, property, of, unit);
    }
    Some(Part { property: property?.clone(), of: of?, unit, limit: limit? })
}

fn read_counted(
    section: &mut Section<'_, '_>,
    known: &mut Known<'_>,
    property: Option<&Property>,
    unit: Option<Unit>,
) -> Option<Condition> {
    const TIERS: [(&str, AreaLevel); 2] = [("commune", AreaLevel::Commune), ("province", AreaLevel::Province)];
    let per = section.section("count", Need::Required).and_then(|mut count| {
        let per = count.word("per", Need::Required, &TIERS);
        count.finish();
        per
    });
    section.refuse("times", "does not go with count");
    let unknown_after = read_patience(section, "absence", Need::Optional);
    let part = read_rest_of_part(section, known, property, unit);
    let levels = read_levels(section)?;
    if levels.direction() == Direction::Below || levels.steps().iter().any(|step| step.clear < 0.0) {
        section.mistake("levels", "of a count are numbers of stations, all of them above");
        return None;
    }
    Some(Condition::Count { per: per?, part: part?, levels, unknown_after })
}

fn read_of(section: &mut Section<'_, '_>, known: &mut Known<'_>) -> Option<Of> {
    const FUNCTIONS: [(&str, Function); 6] = [
        ("sum", Function::Window(Reduce::Sum)),
        ("mean", Function::Window(Reduce::Mean)),
        ("min", Function::Window(Reduce::Min)),
        ("max", Function::Window(Reduce::Max)),
        ("rate", Function::Rate),
        ("difference", Function::Difference),
    ];
    if !section.has("of") {
        return Some(Of::Sample);
    }
    let mut table = section.section("of", Need::Required)?;
    let function = table.word("fn", Need::Required, &FUNCTIONS);
    let of = match function {
        None => {
            // What the other keys mean is not known: none of them is a mistake of its own.
            return None;
        }
        Some(Function::Difference) => {
            let to = table.text("to", Need::Required);
            if let Some(name) = to.filter(|name| known.catalogue.station_named(name).is_none()) {
                let message = format!("there is no station {name:?}: the rule judges from when it is registered");
                known.doubts.push(table.doubt("to", message));
            }
            to.map(|to| Of::Difference { to: StationId::new(to) })
        }
        Some(Function::Window(reduce)) => {
            read_window(&mut table).map(|(over, completeness)| Of::Window { reduce, over, completeness })
        }
        Some(Function::Rate) => read_window(&mut table).map(|(over, completeness)| Of::Rate { over, completeness }),
    };
    table.finish();
    of
}

fn read_window(table: &mut Section<'_, '_>) -> Option<(std::time::Duration, f64)> {
    let over = table.span("over", Need::Required).map(Span::duration);
    let completeness =
        table.number("completeness", Need::Optional).or((!table.has("completeness")).then_some(COMPLETENESS));
    if over.is_some_and(|over| over.is_zero() || over > WINDOW_MAX) {
        table.mistake("over", format!("must be longer than nothing and at most {}", Span::from(WINDOW_MAX)));
        return None;
    }
    if completeness.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        table.mistake("completeness", "must be a share from 0 to 1");
        return None;
    }
    Some((over?, completeness?))
}

/// The inner `None`: the rule judges the last sample alone.
#[expect(clippy::option_option, reason = "absent and wrong are two things")]
fn read_times(section: &mut Section<'_, '_>) -> Option<Option<Times>> {
    if !section.has("times") {
        return Some(None);
    }
    let most = u32::try_from(TIMES_MAX).unwrap_or(u32::MAX);
    let mut table = section.section("times", Need::Required)?;
    let n = read_count(&mut table, "n", 1..=most);
    let of = read_count(&mut table, "of", 1..=most);
    table.finish();
    let times = Times { n: n?, of: of? };
    if times.n > times.of {
        section.mistake("times", "n must not be greater than of: it could never be");
        return None;
    }
    Some(Some(times))
}

fn read_limit(table: &mut Section<'_, '_>, otherwise: &str) -> Option<Limit> {
    let above = table.number("above", Need::Optional);
    let below = table.number("below", Need::Optional);
    let clear = table.number("clear", Need::Optional);
    let (direction, threshold) = match (above, below) {
        (Some(threshold), None) => (Direction::Above, threshold),
        (None, Some(threshold)) => (Direction::Below, threshold),
        (None, None) if table.has("above") || table.has("below") => return None,
        _ => {
            table.mistake("", otherwise);
            return None;
        }
    };
    Some(Limit { direction, threshold, clear: clear.unwrap_or(threshold) })
}

fn read_levels(section: &mut Section<'_, '_>) -> Option<Levels> {
    let mut tables = section.sections("levels", Need::Required);
    if tables.is_empty() || tables.len() > LEVELS_MAX {
        if section.has("levels") {
            section.mistake("levels", "must be a list of one to five levels");
        }
        return None;
    }
    let mut directions = Vec::new();
    let mut steps = Vec::new();
    for table in &mut tables {
        let severity = table.word("severity", Need::Required, &SEVERITIES);
        let limit = read_limit(table, "a level has either above or below");
        let Some((severity, limit)) = severity.zip(limit) else { continue };
        directions.push(limit.direction);
        steps.push(Level { severity, threshold: limit.threshold, clear: limit.clear });
    }
    let whole = steps.len() == tables.len();
    let direction = directions.first().copied();
    let levels = if !whole {
        None
    } else if directions.iter().any(|other| Some(*other) != direction) {
        section.mistake("levels", "all levels of a rule go one way, above or below: write two rules");
        None
    } else {
        let checked = Levels::new(direction?, steps);
        checked.map_err(|(place, message)| tables.get(place).map(|table| table.mistake("", message))).ok()
    };
    tables.into_iter().for_each(Section::finish);
    levels
}
