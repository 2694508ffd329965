//! From TOML to rules, with every mistake.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Condition, Direction, LEVELS_MAX, Level, Levels, PATIENCE_MAX, RULES_MAX, Rule, Scope};
use crate::document::{Need, Page, Section};
use crate::model::{
    AreaId, Catalogue, Mistake, Property, RuleFile, Severity, Span, StationId, StationKind, Unit, fresh_until,
};
use crate::model::{Freshness, Timestamp};

const SEVERITIES: [(&str, Severity); 5] = [
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("very_high", Severity::VeryHigh),
    ("catastrophic", Severity::Catastrophic),
];

pub(super) fn read(
    files: &[RuleFile],
    catalogue: &Catalogue,
    doubts: &mut Vec<Mistake>,
) -> Result<Vec<Rule>, Vec<Mistake>> {
    let mut rules = Vec::new();
    let mut mistakes = Vec::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for file in files {
        let (page, table) = Page::parse(&file.name, &file.text);
        let mut root = page.root(&table);
        for mut section in root.sections("rule", Need::Optional) {
            let rule = read_rule(&mut section, &file.name, catalogue, doubts);
            if let Some(rule) = rule {
                let place = format!("{}:{}", file.name, section.line());
                if let Some(first) = names.insert(rule.name.clone(), place) {
                    section.mistake("name", format!("{:?} is the name of another rule already, at {first}", rule.name));
                }
                rules.push(rule);
            }
            section.finish();
        }
        root.finish();
        mistakes.extend(page.into_mistakes());
    }
    if rules.len() > RULES_MAX {
        let message = format!("there are {} rules in all; {RULES_MAX} are allowed", rules.len());
        let file = files.last().map(|file| file.name.clone()).unwrap_or_default();
        mistakes.push(Mistake { file, line: 0, key: String::new(), message });
    }
    if mistakes.is_empty() { Ok(rules) } else { Err(mistakes) }
}

/// Reads every key before it gives up, so that each mistake is told.
fn read_rule(
    section: &mut Section<'_, '_>,
    file: &str,
    catalogue: &Catalogue,
    doubts: &mut Vec<Mistake>,
) -> Option<Rule> {
    let name = read_name(section);
    let title = section.local_name("title", Need::Required);
    let property = read_property(section);
    let scope = read_scope(section, catalogue, doubts);
    let enabled = section.flag("enabled").unwrap_or(true);
    let hold = read_patience(section, "for", Need::Optional);
    let clear_for = read_patience(section, "clear_for", Need::Optional).unwrap_or_default();
    let unit = read_unit(section);
    let condition = read_condition(section, hold.is_some() || unit.is_some());
    let rule = Rule {
        name: name?,
        file: file.to_owned(),
        title: title?,
        property: property?,
        scope: scope?,
        unit,
        condition: condition?,
        hold: hold.unwrap_or_default(),
        clear_for,
        enabled,
    };
    check_channels(section, &rule, catalogue);
    Some(rule)
}

fn read_name(section: &mut Section<'_, '_>) -> Option<String> {
    let name = section.text("name", Need::Required)?;
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 40 || !name.chars().all(letters) {
        section.mistake("name", "must have 1 to 40 of the letters a to z, digits and '-'");
        return None;
    }
    Some(name.to_owned())
}

fn read_property(section: &mut Section<'_, '_>) -> Option<Property> {
    let property = section.text("property", Need::Required)?;
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if property.is_empty() || property.len() > 64 || !property.chars().all(letters) {
        section.mistake("property", "must have 1 to 64 of the letters a to z, digits and '_', such as \"pm2_5\"");
        return None;
    }
    Some(Property::new(property))
}

fn read_scope(section: &mut Section<'_, '_>, catalogue: &Catalogue, doubts: &mut Vec<Mistake>) -> Option<Scope> {
    let mut whole = true;
    let mut kinds = Vec::new();
    for word in section.texts("kind") {
        if let Some(kind) = StationKind::ALL.into_iter().find(|kind| kind.word() == word) {
            kinds.push(kind);
        } else {
            let known: Vec<_> = StationKind::ALL.iter().map(|kind| kind.word()).collect();
            section.mistake("kind", format!("{word:?} is not a kind of station; known: {}", known.join(", ")));
            whole = false;
        }
    }
    let mut areas = Vec::new();
    for code in section.texts("area") {
        areas.push(AreaId::new(code));
        if catalogue.area(&AreaId::new(code)).is_none() {
            section.mistake("area", format!("there is no area {code:?} in the registry"));
            whole = false;
        }
    }
    let mut stations = Vec::new();
    for name in section.texts("stations") {
        stations.push(StationId::new(name));
        if catalogue.station_named(name).is_none() {
            // It may come over HTTP, or have been called otherwise once: all other rules must go on.
            let message = format!("there is no station {name:?}: the rule watches it from when it is registered");
            doubts.push(section.doubt("stations", message));
        }
    }
    let except = section.texts("except").into_iter().map(StationId::new).collect();
    whole.then_some(Scope { kinds, areas, stations, except })
}

fn read_patience(section: &mut Section<'_, '_>, key: &'static str, need: Need) -> Option<Duration> {
    let span = section.span(key, need)?;
    if span.duration() > PATIENCE_MAX {
        section.mistake(key, format!("must be at most {}", Span::from(PATIENCE_MAX)));
        return None;
    }
    Some(span.duration())
}

fn read_unit(section: &mut Section<'_, '_>) -> Option<Unit> {
    let code = section.text("unit", Need::Optional)?;
    let unit = Unit::parse(code);
    if unit.is_none() {
        section.mistake("unit", format!("{code:?} is not a known unit: use a UCUM code such as Cel, mm, km/h"));
    }
    unit
}

/// Levels (with a time after which an open alert is unknown), or the absence of data; never both.
fn read_condition(section: &mut Section<'_, '_>, has_keys_of_levels: bool) -> Option<Condition> {
    if section.is_table("absence") {
        let mut absence = section.section("absence", Need::Required)?;
        let after = read_patience(&mut absence, "after", Need::Required);
        let severity = absence.word("severity", Need::Required, &SEVERITIES);
        absence.finish();
        if section.has("levels") || has_keys_of_levels {
            section.sections("levels", Need::Optional);
            section.mistake("absence", "a rule for absence has no levels, unit or for: write two rules");
            return None;
        }
        return Some(Condition::Absence { after: after?, severity: severity? });
    }
    let unknown_after = read_patience(section, "absence", Need::Optional);
    let levels = read_levels(section)?;
    Some(Condition::Levels { levels, unknown_after })
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
        let above = table.number("above", Need::Optional);
        let below = table.number("below", Need::Optional);
        let clear = table.number("clear", Need::Optional);
        let (direction, threshold) = match (above, below) {
            (Some(threshold), None) => (Direction::Above, threshold),
            (None, Some(threshold)) => (Direction::Below, threshold),
            (None, None) if table.has("above") || table.has("below") => continue,
            _ => {
                table.mistake("", "a level has either above or below");
                continue;
            }
        };
        let Some(severity) = severity else { continue };
        directions.push(direction);
        steps.push(Level { severity, threshold, clear: clear.unwrap_or(threshold) });
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

/// What only the channels in force can tell: units that cannot be converted, and patience shorter than an interval.
fn check_channels(section: &Section<'_, '_>, rule: &Rule, catalogue: &Catalogue) {
    let covered = |station: &&_| rule.scope.takes(catalogue, station);
    for station in catalogue.stations().iter().filter(covered) {
        let Some(channel) = catalogue.channel_of(station, rule.property.as_str()) else { continue };
        let name = format!("{}/{}", station.id, channel.property);
        if let Some(unit) = rule.unit
            && unit.convert(0.0, channel.unit).is_none()
        {
            let message = format!("{} cannot be converted to {}, the unit of {name}", unit.code(), channel.unit.code());
            section.mistake("unit", message);
            return;
        }
        let patience = match rule.condition {
            Condition::Levels { unknown_after, .. } => unknown_after,
            Condition::Absence { after, .. } => Some(after),
        };
        let usual = fresh_until(channel, Timestamp::EPOCH, Freshness::Live).map(|at| at.since(Timestamp::EPOCH));
        if let Some((patience, usual)) = patience.zip(usual)
            && patience < usual
        {
            let message = format!("{} is shorter than {name} may take: {}", Span::from(patience), Span::from(usual));
            section.mistake("absence", message);
            return;
        }
    }
}
