//! Rain over windows, river stages, landslide thresholds, and a road's level of service.

use std::time::Duration;

use super::table::{Sign, Table, fixed_or_blank};
use crate::indices::landslide;
use crate::indices::level_of_service::{LevelOfService, Shares, level_of_service};
use crate::indices::quantity::{KilometresPerHour, Metres, Millimetres};
use crate::indices::rain::{Accumulation, WINDOWS, is_window_of};
use crate::indices::river::{Heights, Stage};
use crate::indices::vn_aqi::Completeness;
use crate::model::Timestamp;

const TIME: [&str; 3] = ["timestamp_local", "time", "time_utc"];

/// The rain of each row's time and of the hours before it.
pub(super) fn rain(table: &mut Table, interval: Duration, least: Completeness) {
    let (time, rain) = (table.need(&TIME), table.need(&["rain_mm"]));
    let (Some(time), Some(rain)) = (time, rain) else { return };
    let mut times: Vec<Option<i64>> = Vec::with_capacity(table.len());
    let mut reports = Vec::new();
    for row in 0..table.len() {
        let (line, text) = (table.line(row), table.text(row, time).to_owned());
        let at = Timestamp::parse(&text).map(Timestamp::micros);
        match at {
            None => table.mistake(line, Some(time), &format!("{text:?} is no time such as 2026-11-21T10:00:00+07:00")),
            Some(at) if times.iter().flatten().next_back().is_some_and(|before| *before >= at) => {
                table.mistake(line, Some(time), &format!("{text} is not later than the row before it"));
            }
            Some(_) => {}
        }
        let fallen = table.number(row, rain, Sign::NotNegative).map(Millimetres);
        reports.extend(at.zip(fallen));
        times.push(at);
    }
    let gauge = Accumulation::new(reports, interval);
    for (hours, name) in WINDOWS {
        let sum = |at: &Option<i64>| {
            let sum = gauge.hours((*at)?, hours);
            (is_window_of(hours, interval) && sum.completeness >= least.0).then_some(sum.rain.0)
        };
        table.put(name, times.iter().map(|at| fixed_or_blank(sum(at), 3)).collect());
    }
}

/// The alarm stage of each reading, after the one before it.
pub(super) fn river_stage(table: &mut Table, heights: &Heights) {
    let Some(level) = table.need(&["water_level_m", "level_m"]) else { return };
    let (mut stage, mut cells) = (Stage::None, Vec::with_capacity(table.len()));
    for row in 0..table.len() {
        let read = table.number(row, level, Sign::Any);
        stage = read.map_or(stage, |level| heights.stage(stage, Metres(level)));
        cells.push(read.map_or_else(String::new, |_| stage.number().to_string()));
    }
    table.put("river_alarm_stage", cells);
}

/// How far the rain of each day is above the threshold.
pub(super) fn landslide(table: &mut Table) {
    let (day, before) = (table.need(&["rain_24h_mm"]), table.need(&["rain_72h_before_mm"]));
    let (Some(day), Some(before)) = (day, before) else { return };
    let (mut thresholds, mut margins) = (Vec::with_capacity(table.len()), Vec::with_capacity(table.len()));
    for row in 0..table.len() {
        let before = table.number(row, before, Sign::NotNegative).map(Millimetres);
        let day = table.number(row, day, Sign::NotNegative).map(Millimetres);
        thresholds.push(fixed_or_blank(before.map(|before| landslide::do_and_yin(before).0), 3));
        let margin = day.zip(before).map(|(day, before)| landslide::do_and_yin_margin(day, before).0);
        margins.push(fixed_or_blank(margin, 3));
    }
    table.put("threshold_mm", thresholds);
    table.put("landslide_rain_margin", margins);
}

/// The level of each speed.
pub(super) fn service(table: &mut Table, free_flow: KilometresPerHour) {
    let Some(speed) = table.need(&["speed_kmh", "vehicle_speed"]) else { return };
    let mut levels: Vec<Option<LevelOfService>> = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let speed = table.number(row, speed, Sign::NotNegative).map(KilometresPerHour);
        levels.push(speed.and_then(|speed| level_of_service(speed, free_flow, &Shares::default())));
    }
    let each = |show: &dyn Fn(LevelOfService) -> String| {
        levels.iter().map(|level| level.map_or_else(String::new, show)).collect()
    };
    table.put("level_of_service", each(&|level| level.number().to_string()));
    table.put("letter", each(&|level| level.letter().to_owned()));
}
