//! Air quality: single concentrations, hourly series, NowCast.

use std::collections::BTreeMap;

use super::table::{Column, Sign, Table, fixed, fixed_or_blank};
use crate::indices::nowcast::{self, HOURS, Hours};
use crate::indices::quantity::MicrogramsPerCubicMetre;
use crate::indices::vn_aqi::{self, Pollutant};
use crate::model::Timestamp;

const DECIMALS: usize = 6;
const MICROS_PER_HOUR: i64 = 3_600_000_000;

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

/// Hourly means of one station.
fn series(table: &mut Table) {
    let time = table.need(&["timestamp_local", "time", "time_utc"]);
    let columns = SERIES.map(|names| table.find(names));
    if columns[0].is_none() && columns[1].is_none() {
        table.mistake(1, None, "there is neither column parameter (single values) nor pm25 or pm10 (a series)");
    }
    let Some(time) = time else { return };
    // By the hour since 1970, as means of an hour are labelled by whole hours.
    let mut hours: BTreeMap<i64, [Option<MicrogramsPerCubicMetre>; 6]> = BTreeMap::new();
    let mut rows: Vec<Option<i64>> = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let values = columns.map(|column| table.number(row, column?, Sign::NotNegative).map(MicrogramsPerCubicMetre));
        let at = Timestamp::parse(table.text(row, time)).map(|at| at.micros().div_euclid(MICROS_PER_HOUR));
        let (line, text) = (table.line(row), table.text(row, time).to_owned());
        match at {
            None => table.mistake(line, Some(time), &format!("{text:?} is no time such as 2026-11-21T10:00:00+07:00")),
            Some(hour) if hours.insert(hour, values).is_some() => {
                table.mistake(line, Some(time), &format!("the hour of {text} is there already"));
            }
            Some(_) => {}
        }
        rows.push(at);
    }
    let before = |at: i64, place: usize| -> Hours {
        std::array::from_fn(|back| hours.get(&(at - back as i64)).and_then(|values| values[place]))
    };
    let (mut pm2_5, mut pm10, mut indices) = (Vec::new(), Vec::new(), Vec::new());
    for at in rows.into_iter().flatten() {
        let now = hours.get(&at).copied().unwrap_or_default();
        let (fine, coarse) = (before(at, 0), before(at, 1));
        let hour = vn_aqi::Hour { o3: now[2], co: now[3], so2: now[4], no2: now[5], pm10: coarse, pm2_5: fine };
        pm2_5.push(fixed_or_blank(nowcast::nowcast(&fine).map(|found| found.0), DECIMALS));
        pm10.push(fixed_or_blank(nowcast::nowcast(&coarse).map(|found| found.0), DECIMALS));
        indices.push(vn_aqi::hourly(&hour).map(|aqi| aqi.index));
    }
    table.put("nowcast_pm25", pm2_5);
    table.put("nowcast_pm10", pm10);
    put_indices(table, &indices);
}
