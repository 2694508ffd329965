//! What is hot without being a fire: kilns, flares, swidden burnt with a permit.
//!
//! ```toml
//! [[heat_source]]
//! name = { vi = "…", en = "…" }     # what people are shown beside a masked alert
//! lat = 22.3960                     # WGS 84 degrees
//! lon = 103.4700
//! radius_km = 0.5                   # of the place; 0.01 to 50
//! properties = ["air_temperature"]  # what it disturbs
//! zone = "Asia/Ho_Chi_Minh"         # whose clock and calendar the following mean
//! months = [2, 3, 4]                # optional: only in these
//! hours = { from = "18:00", to = "05:00" }      # optional: only then; past midnight is still the evening's day
//! valid = { from = "2027-02-01", to = "2027-04-30" }   # optional: only on these days, both included
//! up_to = "high"                    # optional: a more severe alert is never masked; default high
//! ```
//!
//! Hours past midnight belong to the day on which they began: a night of April that ends on the first of May is
//! masked until it ends, and so is the last night of a permit.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::plan::{SEVERITIES, number};
use crate::document::{Need, Section};
use crate::geodesy;
use crate::model::{LocalName, Position, Property, Severity, Timestamp};

/// One known heat source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeatSource {
    /// For people.
    pub name: LocalName,
    /// Its middle.
    pub position: Position,
    /// Metres around it.
    pub radius_m: f64,
    /// What it disturbs.
    pub properties: Vec<Property>,
    /// The zone of its clock and calendar.
    pub zone: String,
    /// 1 to 12; empty: all.
    pub months: Vec<i8>,
    /// Minutes of the day, from and up to; `None`: always.
    pub minutes: Option<(u16, u16)>,
    /// First and last day, as `yyyymmdd`.
    pub days: Option<(u32, u32)>,
    /// The worst severity that it explains.
    pub up_to: Severity,
}

/// What is asked of a heat source: an alert as it stands at an instant.
#[derive(Clone, Copy, Debug)]
pub struct Heat<'a> {
    /// Where.
    pub position: Position,
    /// Of what.
    pub property: &'a Property,
    /// How severe.
    pub severity: Severity,
    /// When (event time).
    pub at: Timestamp,
}

impl HeatSource {
    /// Whether it explains an alert.
    pub fn explains(&self, heat: Heat<'_>) -> bool {
        self.properties.contains(heat.property)
            && heat.severity <= self.up_to
            && self.burns_at(heat.at)
            && geodesy::distance_m(self.position, heat.position) <= self.radius_m
    }

    /// Whether it may be burning at an instant: by the clock and the calendar of its zone. Never in a zone that is not
    /// known any more.
    pub fn burns_at(&self, at: Timestamp) -> bool {
        let Ok(zone) = jiff::tz::TimeZone::get(&self.zone) else { return false };
        let local = at.to_jiff().to_zoned(zone).datetime();
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
        let day = match self.minutes {
            None => Some(local.date()),
            Some((from, to)) if from < to => (from..to).contains(&minute).then(|| local.date()),
            Some((from, _)) if minute >= from => Some(local.date()),
            Some((_, to)) if minute < to => local.date().yesterday().ok(),
            Some(_) => None,
        };
        day.is_some_and(|day| {
            let in_month = self.months.is_empty() || self.months.contains(&day.month());
            in_month && self.days.is_none_or(|(first, last)| (first..=last).contains(&number_of(day)))
        })
    }
}

/// `yyyymmdd`; 0 before the year 1.
fn number_of(day: Date) -> u32 {
    let number = i32::from(day.year()) * 10_000 + i32::from(day.month()) * 100 + i32::from(day.day());
    u32::try_from(number).unwrap_or(0)
}

pub(super) fn read(mut section: Section<'_, '_>) -> Option<HeatSource> {
    let name = section.local_name("name", Need::Required);
    let lat = number(&mut section, "lat", (-90.0, 90.0));
    let lon = number(&mut section, "lon", (-180.0, 180.0));
    let radius_km = number(&mut section, "radius_km", (0.01, 50.0));
    let properties: Vec<_> = section.texts("properties").into_iter().map(Property::new).collect();
    if properties.is_empty() {
        section.mistake("properties", "must be a list of properties");
    }
    let zone = section.text("zone", Need::Required).filter(|zone| {
        let is_known = jiff::tz::TimeZone::get(zone).is_ok();
        if !is_known {
            section.mistake("zone", format!("{zone:?} is no time zone such as Asia/Ho_Chi_Minh"));
        }
        is_known
    });
    let months = section.numbers("months");
    let is_month = |month: &f64| month.fract() == 0.0 && (1.0..=12.0).contains(month);
    if !months.iter().all(is_month) {
        section.mistake("months", "must be whole numbers from 1 to 12");
    }
    let minutes = section.section("hours", Need::Optional).map(|mut section| {
        let [from, to] = ["from", "to"].map(|key| minute_of_day(&mut section, key));
        if from.is_some() && from == to {
            section.mistake("to", "must not be the same as from: leave hours out for the whole day");
        }
        section.finish();
        from.zip(to).filter(|(from, to)| from != to)
    });
    let days = section.section("valid", Need::Optional).map(|mut section| {
        let [from, to] = ["from", "to"].map(|key| day(&mut section, key));
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            section.mistake("to", "must not be before from");
        }
        section.finish();
        from.zip(to)
    });
    let up_to = section.word("up_to", Need::Optional, &SEVERITIES).unwrap_or(Severity::High);
    section.finish();
    let position = Position { lon: lon?, lat: lat? };
    Some(HeatSource {
        name: name?,
        position,
        radius_m: radius_km? * 1_000.0,
        properties,
        zone: zone?.to_owned(),
        months: months.into_iter().map(|month| month as i8).collect(),
        minutes: flattened(minutes)?,
        days: flattened(days)?,
        up_to,
    })
}

/// What was not written is absent; what was written wrong makes the whole absent.
fn flattened<T>(written: Option<Option<T>>) -> Option<Option<T>> {
    match written {
        None => Some(None),
        Some(None) => None,
        Some(right) => Some(right),
    }
}

fn minute_of_day(section: &mut Section<'_, '_>, key: &'static str) -> Option<u16> {
    let text = section.text(key, Need::Required)?;
    let minute = text.split_once(':').and_then(|(hour, minute)| {
        let number = |text: &str| -> Option<u16> {
            let is_two_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            if is_two_digits { text.parse().ok() } else { None }
        };
        let (hour, minute) = (number(hour)?, number(minute)?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    });
    if minute.is_none() {
        section.mistake(key, format!("must be a time of day such as \"18:00\", not {text:?}"));
    }
    minute
}

fn day(section: &mut Section<'_, '_>, key: &'static str) -> Option<u32> {
    let text = section.text(key, Need::Required)?;
    let day = text.parse::<Date>().ok().filter(|day| day.year() > 0 && text.len() == 10);
    if day.is_none() {
        section.mistake(key, format!("must be a day such as \"2027-02-01\", not {text:?}"));
    }
    day.map(number_of)
}
