//! `quality.toml`: what is expected of the samples of each property; and the same keys of single channels, and sleep
//! schedules, in the stations' files.
//!
//! ```toml
//! clock_ahead = "10s"              # optional: a device whose time is further ahead has a wrong clock; up to 1h
//!
//! [[property]]
//! name = "air_temperature"
//! unit = "Cel"                     # of every number below; converted for channels in other units
//! source = "…"                     # where the limits come from, for people
//! confidence = "confirmed"         # confirmed | partly | recalled | chosen
//! range = { min = -8, max = 45 }   # each of the three is optional: what is not there is not looked at
//! step = { by = 3, per_hour = 15 }
//! stuck = { after = "12h", tolerance = 0.05, except = [0] }
//!
//! [[station.channel]]              # in stations/*.toml
//! checks = { stuck = false, range = { min = 0, max = 30 } }      # in the channel's unit; false turns a check off
//! awake = { from = "06:00", to = "18:00", zone = "Asia/Ho_Chi_Minh" }    # or "solar"; also of a whole station
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use crate::document::{Need, Page, Section};
use crate::model::{Awake, Limits, Mistake, Policy, Property, Range, Span, Step, Stuck, Unit};

use super::field;

/// The table's name in the province's folder.
pub(super) const FILE: &str = "quality.toml";
/// A clock that is further ahead is refused or close to it.
const CLOCK_AHEAD_MAX: Duration = Duration::from_secs(3_600);
/// Values at which a channel may stand for ever.
const EXCEPT_MAX: usize = 8;

/// How sure the limits of a property are: for people, but always said.
const CONFIDENCES: [(&str, ()); 4] = [("confirmed", ()), ("partly", ()), ("recalled", ()), ("chosen", ())];

/// What a channel says of one check.
#[derive(Clone, Debug, Default, PartialEq)]
enum Own<T> {
    /// Nothing: the table holds.
    #[default]
    Table,
    /// It is not looked at.
    Off,
    /// Limits of its own.
    Limits(T),
}

impl<T> Own<T> {
    fn over(self, table: Option<T>) -> Option<T> {
        match self {
            Own::Table => table,
            Own::Off => None,
            Own::Limits(limits) => Some(limits),
        }
    }
}

/// What the station's file says of a channel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ChannelPolicy {
    property: Property,
    unit: Unit,
    checks: Option<(Own<Range>, Own<Step>, Own<Stuck>)>,
    awake: Option<Awake>,
}

/// What a station's file says beside what the registry keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StationPolicy {
    pub awake: Option<Awake>,
    pub channels: Vec<ChannelPolicy>,
    /// The stretch of road that it stands for; empty for none.
    pub segment: Vec<crate::model::Position>,
}

impl StationPolicy {
    /// Adds what it says to the policy, over the table that is in it.
    pub(super) fn put(&self, station: &crate::model::StationId, policy: &mut Policy) {
        if let Some(awake) = &self.awake {
            policy.awake.insert((station.clone(), None), awake.clone());
        }
        for channel in &self.channels {
            let key = (station.clone(), channel.property.clone());
            if let Some(awake) = &channel.awake {
                policy.awake.insert((key.0.clone(), Some(key.1.clone())), awake.clone());
            }
            let Some((range, step, stuck)) = channel.checks.clone() else { continue };
            let table = policy.properties.get(&channel.property).and_then(|table| table.converted(channel.unit));
            let table = table.unwrap_or(Limits { unit: channel.unit, range: None, step: None, stuck: None });
            let limits = Limits {
                unit: channel.unit,
                range: range.over(table.range),
                step: step.over(table.step),
                stuck: stuck.over(table.stuck),
            };
            policy.channels.insert(key, limits);
        }
    }
}

/// Reads the table.
pub(super) fn read(file: &str, text: &str) -> (Policy, Vec<Mistake>) {
    let (page, table) = Page::parse(file, text);
    let mut root = page.root(&table);
    let mut policy = Policy::default();
    if let Some(ahead) = root.span("clock_ahead", Need::Optional).map(Duration::from) {
        if ahead > CLOCK_AHEAD_MAX {
            root.mistake("clock_ahead", format!("must be at most {}", Span::from(CLOCK_AHEAD_MAX)));
        }
        policy.clock_ahead = ahead;
    }
    let mut properties = BTreeMap::new();
    for mut section in root.sections("property", Need::Optional) {
        let name = section.text("name", Need::Required);
        let name = name.and_then(|name| field::property(name).map_err(|wrong| section.mistake("name", wrong)).ok());
        let unit = section.text("unit", Need::Required);
        let unit = unit.and_then(|code| {
            let known = Unit::parse(code);
            if known.is_none() {
                section.mistake("unit", format!("{code:?} is not a unit known here"));
            }
            known
        });
        section.text("source", Need::Required);
        section.word("confidence", Need::Required, &CONFIDENCES);
        let (range, step, stuck) = checks(&mut section);
        let (range, step, stuck) = (range.over(None), step.over(None), stuck.over(None));
        if let (Some(name), Some(unit)) = (name, unit)
            && properties.insert(name.clone(), Limits { unit, range, step, stuck }).is_some()
        {
            section.mistake("name", format!("{name} has its limits already"));
        }
        section.finish();
    }
    policy.properties = properties;
    root.finish();
    (policy, page.into_mistakes())
}

/// Reads what a channel's section says; `None` when it says nothing.
pub(super) fn of_channel(section: &mut Section<'_, '_>, property: &Property, unit: Unit) -> Option<ChannelPolicy> {
    let checks = section.section("checks", Need::Optional).map(|mut section| {
        let found = checks(&mut section);
        section.finish();
        found
    });
    let awake = awake(section);
    let says = checks.is_some() || awake.is_some();
    says.then(|| ChannelPolicy { property: property.clone(), unit, checks, awake })
}

/// Reads the key `awake` of a station or channel.
pub(super) fn awake(section: &mut Section<'_, '_>) -> Option<Awake> {
    if !section.is_table("awake") {
        return section.word("awake", Need::Optional, &[("solar", ())]).map(|()| Awake::Solar);
    }
    let mut section = section.section("awake", Need::Optional)?;
    let [from, to] = ["from", "to"].map(|key| {
        let text = section.text(key, Need::Required)?;
        let minute = minute_of_day(text);
        if minute.is_none() {
            section.mistake(key, format!("must be a time of day such as \"06:00\", not {text:?}"));
        }
        minute
    });
    let zone = section.text("zone", Need::Required);
    let zone = zone.filter(|zone| {
        let known = jiff::tz::TimeZone::get(zone).is_ok();
        if !known {
            section.mistake("zone", format!("{zone:?} is no time zone such as Asia/Ho_Chi_Minh"));
        }
        known
    });
    if from.is_some() && from == to {
        section.mistake("to", "must not be the same as from: leave awake out for a device that never sleeps");
    }
    section.finish();
    Some(Awake::Daily { from_minute: from?, to_minute: to?, zone: zone?.to_owned() })
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let both = digits(hour) && digits(minute);
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (both && hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn checks(section: &mut Section<'_, '_>) -> (Own<Range>, Own<Step>, Own<Stuck>) {
    let range = own(section, "range", |section| {
        let (min, max) = (section.number("min", Need::Required)?, section.number("max", Need::Required)?);
        let range = Range { min, max };
        field::range(range).map_err(|wrong| section.mistake("min", wrong)).ok()?;
        Some(range)
    });
    let step = own(section, "step", |section| {
        let by = section.number("by", Need::Required)?;
        let per_hour = section.number("per_hour", Need::Optional).unwrap_or(0.0);
        if by <= 0.0 || per_hour < 0.0 {
            section.mistake("by", "must be more than 0, and per_hour not less");
            return None;
        }
        Some(Step { by, per_hour })
    });
    let stuck = own(section, "stuck", |section| {
        let after = Duration::from(section.span("after", Need::Required)?);
        let tolerance = section.number("tolerance", Need::Optional).unwrap_or(0.0);
        let except = section.numbers("except");
        if after.is_zero() || tolerance < 0.0 || except.len() > EXCEPT_MAX {
            section.mistake(
                "after",
                format!("must be more than 0s; tolerance not less than 0; except at most {EXCEPT_MAX} values"),
            );
            return None;
        }
        Some(Stuck { after, tolerance, except })
    });
    (range, step, stuck)
}

fn own<T>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    read: impl Fn(&mut Section<'_, '_>) -> Option<T>,
) -> Own<T> {
    if !section.has(key) {
        // Asked for all the same, so that it is told among the known keys.
        section.flag(key);
        return Own::Table;
    }
    if !section.is_table(key) {
        if section.flag(key) == Some(true) {
            section.mistake(key, "must be a table, or false");
        }
        return Own::Off;
    }
    let Some(mut section) = section.section(key, Need::Optional) else { return Own::Table };
    let limits = read(&mut section);
    section.finish();
    limits.map_or(Own::Table, Own::Limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StationId;

    const TABLE: &str = r#"
clock_ahead = "5s"
[[property]]
name = "air_temperature"
unit = "Cel"
source = "WMO"
confidence = "partly"
range = { min = -8, max = 45 }
stuck = { after = "12h", except = [0] }
"#;

    #[test]
    fn a_channel_keeps_what_it_does_not_say_and_turns_off_what_is_false() {
        let (mut policy, mistakes) = read("quality.toml", TABLE);
        assert_eq!(mistakes, []);
        assert_eq!(policy.clock_ahead, Duration::from_secs(5));
        let text = "[[station.channel]]\nchecks = { stuck = false, step = { by = 2 } }\n\
            awake = { from = \"06:00\", to = \"18:00\", zone = \"Asia/Ho_Chi_Minh\" }\n";
        let text = text.replace("station.channel", "channel");
        let (page, table) = Page::parse("a.toml", &text);
        let mut root = page.root(&table);
        let mut sections = root.sections("channel", Need::Required);
        let property = Property::new("air_temperature");
        let found = of_channel(&mut sections[0], &property, Unit::Celsius).unwrap();
        sections.into_iter().for_each(Section::finish);
        root.finish();
        assert_eq!(page.into_mistakes(), []);
        let own = StationPolicy { awake: Some(Awake::Solar), channels: vec![found], ..StationPolicy::default() };
        own.put(&StationId::new("A"), &mut policy);
        let limits = policy.limits(&"A".into(), &property).unwrap();
        assert_eq!(
            (limits.range.is_some(), limits.step, limits.stuck.is_some()),
            (true, Some(Step { by: 2.0, per_hour: 0.0 }), false)
        );
        assert!(policy.limits(&"B".into(), &property).unwrap().stuck.is_some());
        assert!(matches!(policy.awake(&"A".into(), &property), Some(Awake::Daily { from_minute: 360, .. })));
        assert_eq!(policy.awake(&"A".into(), &"rainfall".into()), Some(&Awake::Solar));
    }

    #[test]
    fn every_mistake_is_on_its_line() {
        let text = TABLE
            .replace("min = -8", "min = 80")
            .replace("\"Cel\"", "\"C\"")
            .replace("\"partly\"", "\"sure\"")
            .replace("except = [0]", "except = [\"a\"], colour = 1");
        let (_, mistakes) = read("quality.toml", &text);
        let found: Vec<String> = mistakes.iter().map(|m| format!("{} {}: {}", m.line, m.key, m.message)).collect();
        for (found, expected) in found.iter().zip([
            "5 property[0].unit: \"C\" is not a unit",
            "7 property[0].confidence: must be one of confirmed",
            "8 property[0].range.min: must be at most max",
            "9 property[0].stuck.except: must be a list of numbers",
            "9 property[0].stuck.colour: unknown key",
        ]) {
            assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
        }
        assert_eq!(found.len(), 5, "{found:#?}");
    }

    #[test]
    fn times_of_day_have_two_digits_each() {
        for (text, expected) in [
            ("06:00", Some(360)),
            ("23:59", Some(1439)),
            ("24:00", None),
            ("6:00", None),
            ("06:60", None),
            ("+6:00", None),
        ] {
            assert_eq!(minute_of_day(text), expected, "{text}");
        }
    }
}
