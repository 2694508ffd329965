//! From TOML to rules, with every mistake.

use std::collections::BTreeMap;
use std::time::Duration;

use super::calendar::Zone;
use super::condition::RAISES_MAX;
use super::read_condition::{Known, read_condition};
use super::{Calendar, Flapping, PATIENCE_MAX, RULES_MAX, Rule, Scope, check};
use crate::document::{Need, Page, Section};
use crate::model::{AreaId, Catalogue, LocalName, Mistake, RuleFile, Span, StationId, StationKind, Unit};

/// Characters of what to do, in each language, and of a source.
const ADVICE_MAX: usize = 500;
/// Where a calendar's clock stands when the rule does not say.
const ZONE: &str = "Asia/Ho_Chi_Minh";

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
    section.may_have(&["all", "any", "calendar", "cause", "count", "of", "source", "text", "times"]);
    let name = read_name(section);
    let title = section.local_name("title", Need::Required);
    let text = read_advice(section);
    let source = read_source(section);
    let cause = section.has("cause").then(|| read_name_of_kind(section, "cause"));
    let scope = read_scope(section, catalogue, doubts);
    let enabled = section.flag("enabled").unwrap_or(true);
    let hold = read_patience(section, "for", Need::Optional);
    let clear_for = read_patience(section, "clear_for", Need::Optional).unwrap_or_default();
    let calendar = read_calendar(section);
    let latched = section.flag("latched").unwrap_or(false);
    let flapping = read_flapping(section);
    let has_hold = hold.is_some();
    let mut known = Known { catalogue, scope: scope.as_ref(), doubts };
    let (property, unit, condition) = read_condition(section, &mut known, has_hold)?;
    let rule = Rule {
        name: name?,
        file: file.to_owned(),
        title: title?,
        text: text.ok()?,
        source: source.ok()?,
        cause: cause.map_or(Some(property.as_str().to_owned()), |cause| cause.map(str::to_owned))?,
        property,
        scope: scope?,
        unit,
        condition,
        hold: hold.unwrap_or_default(),
        clear_for,
        calendar: calendar.ok()?,
        latched,
        flapping: flapping.ok()?,
        enabled,
    };
    check::patience(section, &rule, catalogue);
    Some(rule)
}

/// A key was there and wrong; the mistake is noted.
#[derive(Debug)]
struct Wrong;

fn read_name(section: &mut Section<'_, '_>) -> Option<String> {
    let name = section.text("name", Need::Required)?;
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 40 || !name.chars().all(letters) {
        section.mistake("name", "must have 1 to 40 of the letters a to z, digits and '-'");
        return None;
    }
    Some(name.to_owned())
}

/// The name of a property or a hazard.
pub(super) fn read_name_of_kind<'t>(section: &mut Section<'t, '_>, key: &'static str) -> Option<&'t str> {
    let name = section.text(key, Need::Required)?;
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(letters) {
        section.mistake(key, "must have 1 to 64 of the letters a to z, digits and '_', such as \"pm2_5\"");
        return None;
    }
    Some(name)
}

fn is_plain(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most && !text.contains(char::is_control)
}

/// What to do, in both languages.
fn read_advice(section: &mut Section<'_, '_>) -> Result<Option<LocalName>, Wrong> {
    if !section.has("text") {
        return Ok(None);
    }
    let mut both = section.section("text", Need::Optional).ok_or(Wrong)?;
    let [vi, en] = ["vi", "en"].map(|language| {
        let text = both.text(language, Need::Required)?;
        if !is_plain(text, ADVICE_MAX) {
            let message = format!("must have 1 to {ADVICE_MAX} characters, none of them a control character");
            both.mistake(language, message);
            return None;
        }
        Some(text.to_owned())
    });
    both.finish();
    Ok(Some(LocalName { vi: vi.ok_or(Wrong)?, en: en.ok_or(Wrong)? }))
}

fn read_source(section: &mut Section<'_, '_>) -> Result<Option<String>, Wrong> {
    if !section.has("source") {
        return Ok(None);
    }
    let source = section.text("source", Need::Optional).ok_or(Wrong)?;
    if !is_plain(source, ADVICE_MAX) {
        let message = format!("must have 1 to {ADVICE_MAX} characters, none of them a control character");
        section.mistake("source", message);
        return Err(Wrong);
    }
    Ok(Some(source.to_owned()))
}

/// `false`, a table, or nothing: the default.
fn read_flapping(section: &mut Section<'_, '_>) -> Result<Option<Flapping>, Wrong> {
    if !section.is_table("flapping") {
        let is_muted = section.flag("flapping").unwrap_or(true);
        return Ok(is_muted.then_some(Flapping::DEFAULT));
    }
    let mut table = section.section("flapping", Need::Required).ok_or(Wrong)?;
    let raises = read_count(&mut table, "raises", 2..=RAISES_MAX);
    let within = read_patience(&mut table, "within", Need::Required);
    if within == Some(Duration::ZERO) {
        table.mistake("within", "must be longer than nothing");
    }
    table.finish();
    Ok(Some(Flapping { raises: raises.ok_or(Wrong)?, within: within.ok_or(Wrong)? }))
}

/// A whole number.
pub(super) fn read_count(
    section: &mut Section<'_, '_>,
    key: &'static str,
    range: std::ops::RangeInclusive<u32>,
) -> Option<u32> {
    let number = section.number(key, Need::Required)?;
    let found = range.clone().find(|whole| f64::from(*whole) == number);
    if found.is_none() {
        section.mistake(key, format!("must be a whole number from {} to {}", range.start(), range.end()));
    }
    found
}

fn read_calendar(section: &mut Section<'_, '_>) -> Result<Option<Calendar>, Wrong> {
    if !section.has("calendar") {
        return Ok(None);
    }
    let mut table = section.section("calendar", Need::Optional).ok_or(Wrong)?;
    let months = read_months(&mut table);
    let days = read_days(&mut table);
    let from_minute = read_minute(&mut table, "from", 0, 1_439);
    let to_minute = read_minute(&mut table, "to", 1_440, 1_440);
    if from_minute.is_some() && from_minute == to_minute {
        table.mistake("to", "is the same as from: leave both out for the whole day");
    }
    let name = if table.has("zone") { table.text("zone", Need::Optional) } else { Some(ZONE) };
    let zone = name.and_then(|name| {
        let zone = Zone::named(name);
        if zone.is_none() {
            table.mistake("zone", format!("{name:?} is not a time zone of the IANA database"));
        }
        zone
    });
    table.finish();
    let whole = || {
        let (from_minute, to_minute) = (from_minute?, to_minute?);
        Some(Calendar { months: months?, days: days?, from_minute, to_minute, zone: zone? })
    };
    whole().map(Some).ok_or(Wrong)
}

/// As bits; all of them when none is named.
fn read_months(table: &mut Section<'_, '_>) -> Option<u16> {
    if !table.has("months") {
        return Some(0xfff);
    }
    let numbers = table.numbers("months");
    let months = (1..=12u16).filter(|month| numbers.contains(&f64::from(*month)));
    let bits = months.fold(0, |bits, month| bits | 1 << (month - 1));
    if bits == 0 || numbers.iter().any(|number| !(1..=12u16).any(|month| f64::from(month) == *number)) {
        table.mistake("months", "must be a list of numbers from 1 to 12");
        return None;
    }
    Some(bits)
}

fn read_days(table: &mut Section<'_, '_>) -> Option<u8> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    if !table.has("days") {
        return Some(0x7f);
    }
    let words = table.texts("days");
    if words.is_empty() || words.iter().any(|word| !DAYS.contains(word)) {
        table.mistake("days", format!("must be a list of {}", DAYS.join(", ")));
        return None;
    }
    let named = DAYS.iter().zip(0..).filter(|(day, _)| words.contains(day));
    Some(named.fold(0, |bits, (_, place)| bits | 1 << place))
}

/// Minutes after midnight of `HH:MM`.
fn read_minute(table: &mut Section<'_, '_>, key: &'static str, default: u16, most: u16) -> Option<u16> {
    if !table.has(key) {
        return Some(default);
    }
    let text = table.text(key, Need::Optional)?;
    let two = |digits: &str| digits.parse::<u16>().ok().filter(|_| digits.len() == 2);
    let minutes = text.split_once(':').and_then(|(hours, minutes)| {
        let minutes = two(minutes).filter(|minutes| *minutes < 60)?;
        Some(two(hours)? * 60 + minutes).filter(|minutes| *minutes <= most)
    });
    if minutes.is_none() {
        table.mistake(key, format!("must be a time of day such as \"06:00\", not {text:?}"));
    }
    minutes
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

pub(super) fn read_patience(section: &mut Section<'_, '_>, key: &'static str, need: Need) -> Option<Duration> {
    let span = section.span(key, need)?;
    if span.duration() > PATIENCE_MAX {
        section.mistake(key, format!("must be at most {}", Span::from(PATIENCE_MAX)));
        return None;
    }
    Some(span.duration())
}

pub(super) fn read_unit(section: &mut Section<'_, '_>) -> Option<Unit> {
    let code = section.text("unit", Need::Optional)?;
    let unit = Unit::parse(code);
    if unit.is_none() {
        section.mistake("unit", format!("{code:?} is not a known unit: use a UCUM code such as Cel, mm, km/h"));
    }
    unit
}
