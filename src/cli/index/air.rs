//! Air quality: single concentrations, hourly series, NowCast.

use std::collections::BTreeMap;

use super::table::{Column, Sign, Table, fixed, fixed_or_blank};
use crate::indices::nowcast::{self, HOURS, Hours};
use crate::indices::quantity::MicrogramsPerCubicMetre;
use crate::indices::vn_aqi::{self, Completeness, Day, Pollutant};
use crate::model::Timestamp;

const DECIMALS: usize = 6;
const MICROS_PER_HOUR: i64 = 3_600_000_000;
const MICROS_PER_MINUTE: i64 = 60_000_000;

/// Single concentrations when there is a column of parameters; otherwise a series.
pub(super) fn vn_aqi(table: &mut Table) {
    match table.find(&["parameter"]) {
        Some(parameter) => concentrations(table, parameter),
        None => series(table),
    }
}

fn pollutant(text: &str) -> Option<Pollutant> {
    let text = text.to_ascii_lowercase().replace("pm2.5", "pm25").replace("pm2_5", "pm25");
    Pollutant::ALL.into_iter().find(|pollutant| pollutant.word() == text)
}

fn concentrations(table: &mut Table, parameter: Column) {
    let Some(value) = table.need(&["value_ugm3"]) else { return };
    let mut indices = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let found = pollutant(table.text(row, parameter));
        if found.is_none() {
            let words = Pollutant::ALL.map(Pollutant::word).join(", ");
            let message = format!("{:?} is none of {words}", table.text(row, parameter));
            table.mistake(table.line(row), Some(parameter), &message);
        }
        let concentration = table.number(row, value, Sign::NotNegative).map(MicrogramsPerCubicMetre);
        indices.push(found.zip(concentration).and_then(|(pollutant, c)| vn_aqi::index_of(pollutant, c)));
    }
    put_indices(table, &indices);
}

fn put_indices(table: &mut Table, indices: &[Option<f64>]) {
    let each =
        |show: &dyn Fn(f64) -> String| indices.iter().map(|index| index.map_or_else(String::new, show)).collect();
    let level = |index| vn_aqi::level(vn_aqi::rounded(index));
    table.put("aqi_unrounded", each(&|index| fixed(index, DECIMALS)));
    table.put("aqi_half_up", each(&|index| vn_aqi::rounded(index).to_string()));
    table.put("level_vi", each(&|index| level(index).vi.to_owned()));
    table.put("level_en", each(&|index| level(index).en.to_owned()));
    table.put(
        "colour",
        each(&|index| {
            let [red, green, blue] = level(index).rgb;
            format!("#{red:02x}{green:02x}{blue:02x}")
        }),
    );
}

/// NowCast of rows that have their twelve hours.
pub(super) fn nowcast(table: &mut Table) {
    let names: [String; HOURS] = std::array::from_fn(|place| format!("c{}", place + 1));
    let columns: Vec<Option<Column>> = names.iter().map(|name| table.need(&[name])).collect();
    let (mut normalised, mut literal) = (Vec::with_capacity(table.len()), Vec::with_capacity(table.len()));
    for row in 0..table.len() {
        let hours: Hours = std::array::from_fn(|place| {
            table.number(row, columns[place]?, Sign::NotNegative).map(MicrogramsPerCubicMetre)
        });
        normalised.push(fixed_or_blank(nowcast::nowcast(&hours).map(|found| found.0), DECIMALS));
        literal.push(fixed_or_blank(nowcast::literal(&hours).map(|found| found.0), DECIMALS));
    }
    table.put("nowcast_normalised", normalised);
    table.put("nowcast_literal_half_formula", literal);
}

const SERIES: [&[&str]; 6] = [&["pm25", "pm2_5", "pm2.5"], &["pm10"], &["o3"], &["co"], &["so2"], &["no2"]];

/// Hourly means of one station, by the hour since 1970: a mean of an hour is labelled by a whole hour.
struct Series {
    hours: BTreeMap<i64, [Option<MicrogramsPerCubicMetre>; 6]>,
    /// Each row's hour, and whether a day ends with it there; `None` for a mistake.
    rows: Vec<Option<(i64, Midnight)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Midnight {
    Yes,
    No,
}

impl Series {
    fn read(table: &mut Table) -> Option<Series> {
        let time = table.need(&["timestamp_local", "time", "time_utc"]);
        let columns = SERIES.map(|names| table.find(names));
        if columns[0].is_none() && columns[1].is_none() {
            table.mistake(1, None, "there is neither column parameter (single values) nor pm25 or pm10 (a series)");
        }
        let time = time?;
        let mut series = Series { hours: BTreeMap::new(), rows: Vec::with_capacity(table.len()) };
        for row in 0..table.len() {
            let values =
                columns.map(|column| table.number(row, column?, Sign::NotNegative).map(MicrogramsPerCubicMetre));
            let (line, text) = (table.line(row), table.text(row, time).to_owned());
            let at = Timestamp::parse(&text);
            // By the clock that the text is in, which may be half an hour apart from others.
            let is_whole = |at: &Timestamp| text.get(14..16) == Some("00") && at.micros() % MICROS_PER_MINUTE == 0;
            let hour = at.filter(is_whole).map(|at| at.micros().div_euclid(MICROS_PER_HOUR));
            let wrong = match (at, hour) {
                (None, _) => Some(format!("{text:?} is no time such as 2026-11-21T10:00:00+07:00")),
                (Some(_), None) => Some(format!("{text} is not on the hour")),
                (_, Some(hour)) if series.hours.insert(hour, values).is_some() => {
                    Some(format!("the hour of {text} is there already"))
                }
                _ => None,
            };
            if let Some(wrong) = &wrong {
                table.mistake(line, Some(time), wrong);
            }
            let midnight = if text.get(11..13) == Some("00") { Midnight::Yes } else { Midnight::No };
            series.rows.push(hour.map(|hour| (hour, midnight)));
        }
        Some(series)
    }

    /// The means of hours, the newest first.
    fn before<const N: usize>(&self, at: i64, place: usize) -> [Option<MicrogramsPerCubicMetre>; N] {
        std::array::from_fn(|back| self.hours.get(&(at - back as i64)).and_then(|values| values[place]))
    }

    /// The same, the oldest first.
    fn until<const N: usize>(&self, at: i64, place: usize) -> [Option<MicrogramsPerCubicMetre>; N] {
        let mut means = self.before(at, place);
        means.reverse();
        means
    }
}

/// The index of every hour of a series.
fn series(table: &mut Table) {
    let Some(series) = Series::read(table) else { return };
    let (mut pm2_5, mut pm10, mut indices) = (Vec::new(), Vec::new(), Vec::new());
    for (at, _) in series.rows.iter().flatten().copied() {
        let now = series.hours.get(&at).copied().unwrap_or_default();
        let (fine, coarse): (Hours, Hours) = (series.before(at, 0), series.before(at, 1));
        let hour = vn_aqi::Hour { o3: now[2], co: now[3], so2: now[4], no2: now[5], pm10: coarse, pm2_5: fine };
        pm2_5.push(fixed_or_blank(nowcast::nowcast(&fine).map(|found| found.0), DECIMALS));
        pm10.push(fixed_or_blank(nowcast::nowcast(&coarse).map(|found| found.0), DECIMALS));
        indices.push(vn_aqi::hourly(&hour).map(|aqi| aqi.index));
    }
    table.put("nowcast_pm25", pm2_5);
    table.put("nowcast_pm10", pm10);
    put_indices(table, &indices);
}

/// The index of every day of a series, in the row of the midnight that ends it.
pub(super) fn vn_aqi_daily(table: &mut Table, completeness: Completeness) {
    let Some(series) = Series::read(table) else { return };
    let rows = series.rows.iter().flatten().copied();
    let index = |(at, midnight): (i64, Midnight)| {
        let day = Day {
            o3: series.until(at, 2),
            co: series.until(at, 3),
            so2: series.until(at, 4),
            no2: series.until(at, 5),
            pm10: series.until(at, 1),
            pm2_5: series.until(at, 0),
        };
        let aqi = vn_aqi::daily(&day, completeness).filter(|_| midnight == Midnight::Yes);
        aqi.map(|aqi| aqi.index)
    };
    let indices: Vec<Option<f64>> = rows.map(index).collect();
    put_indices(table, &indices);
}
