//! VN_AQI of hours and days, from the means of hours that end on the hour.

use std::time::Duration;

use super::past::{Past, Readings, Source, Trust};
use super::{Ingredient, Instant, Made, Slot};
use crate::indices::nowcast;
use crate::indices::quantity::MicrogramsPerCubicMetre;
use crate::indices::vn_aqi::{self, Aqi, Completeness, Day, Hour};
use crate::model::{ChannelId, Timestamp, Unit};
use crate::store::StoreError;

const HOUR: Duration = Duration::from_secs(3_600);
/// An 8 h mean of the day's first hour reaches this far back.
const OZONE_HOURS: usize = 31;

/// In the order that everything here has them.
pub const POLLUTANTS: [&str; 6] = ["pm2_5", "pm10", "o3", "co", "so2", "no2"];
const PM2_5: usize = 0;
const PM10: usize = 1;
const O3: usize = 2;
const CO: usize = 3;
const SO2: usize = 4;
const NO2: usize = 5;

type Mean = Option<(MicrogramsPerCubicMetre, Trust)>;

/// An hour's index.
#[derive(Clone, Debug)]
pub struct AirHour {
    /// What the station measures.
    pub pollutants: [Option<Source>; 6],
    /// Of samples in an hour.
    pub completeness: Completeness,
    /// Where it goes.
    pub output: ChannelId,
}

/// A day's index.
#[derive(Clone, Debug)]
pub struct AirDay {
    /// What the station measures.
    pub pollutants: [Option<Source>; 6],
    /// Of samples in an hour, and of hours.
    pub completeness: Completeness,
    /// Where it goes.
    pub output: ChannelId,
}

/// Everything that was measured in some hours.
struct Air {
    readings: [Option<(Source, Readings)>; 6],
    completeness: Completeness,
}

impl Air {
    /// The hours before the first instant and up to the last.
    fn read(
        past: &dyn Past,
        pollutants: &[Option<Source>; 6],
        completeness: Completeness,
        instants: &[Instant],
        hours: usize,
    ) -> Result<Option<Air>, StoreError> {
        let (Some(first), Some(last)) = (instants.first(), instants.last()) else { return Ok(None) };
        let after = first.at - HOUR * hours as u32;
        let mut readings = [const { None }; 6];
        for (place, source) in readings.iter_mut().zip(pollutants) {
            if let Some(source) = source {
                *place = Some((*source, source.readings(past, after, last.at)?));
            }
        }
        Ok(Some(Air { readings, completeness }))
    }

    /// The mean of the hour that ends at an instant. Below zero is the noise of a clean instrument.
    fn mean(&self, pollutant: usize, end: Timestamp) -> Mean {
        let (source, readings) = self.readings[pollutant].as_ref()?;
        let (mean, trust) = readings.mean((end - HOUR, end), source.interval, self.completeness)?;
        Some((MicrogramsPerCubicMetre(mean.max(0.0)), trust))
    }

    /// The means of hours, the newest first.
    fn before<const N: usize>(&self, pollutant: usize, end: Timestamp) -> [Mean; N] {
        std::array::from_fn(|back| self.mean(pollutant, end - HOUR * back as u32))
    }

    /// The same, the oldest first.
    fn until<const N: usize>(&self, pollutant: usize, end: Timestamp) -> [Mean; N] {
        let mut means = self.before(pollutant, end);
        means.reverse();
        means
    }
}

fn values<const N: usize>(means: &[Mean; N]) -> [Option<MicrogramsPerCubicMetre>; N] {
    means.map(|mean| mean.map(|(value, _)| value))
}

fn trust<'m>(means: impl IntoIterator<Item = &'m Mean>) -> Trust {
    means.into_iter().flatten().map(|(_, trust)| *trust).max().unwrap_or(Trust::Good)
}

fn slot(output: ChannelId, at: Timestamp, aqi: Option<Aqi>, trust: Trust) -> Slot {
    let made = aqi.map(|aqi| {
        let unit = Unit::MicrogramPerCubicMetre;
        let ingredients = aqi.parts.iter().map(|part| {
            let index = Some(f64::from(vn_aqi::rounded(part.index)));
            Ingredient { index, ..Ingredient::new(part.pollutant.word(), part.concentration.0, unit) }
        });
        Made { value: f64::from(aqi.rounded()), trust, ingredients: ingredients.collect() }
    });
    Slot { channel: output, at, made }
}

impl AirHour {
    pub(super) fn compute(&self, past: &dyn Past, instants: &[Instant]) -> Result<Vec<Slot>, StoreError> {
        let air = Air::read(past, &self.pollutants, self.completeness, instants, nowcast::HOURS)?;
        let Some(air) = air else { return Ok(Vec::new()) };
        let hour = |instant: &Instant| {
            let at = instant.at;
            let (fine, coarse) = (air.before(PM2_5, at), air.before(PM10, at));
            let gases = [O3, CO, SO2, NO2].map(|gas| air.mean(gas, at));
            let [o3, co, so2, no2] = values(&gases);
            let hour = Hour { o3, co, so2, no2, pm10: values(&coarse), pm2_5: values(&fine) };
            slot(self.output, at, vn_aqi::hourly(&hour), trust(fine.iter().chain(&coarse).chain(&gases)))
        };
        Ok(instants.iter().map(hour).collect())
    }
}

impl AirDay {
    pub(super) fn compute(&self, past: &dyn Past, instants: &[Instant]) -> Result<Vec<Slot>, StoreError> {
        let air = Air::read(past, &self.pollutants, self.completeness, instants, OZONE_HOURS)?;
        let Some(air) = air else { return Ok(Vec::new()) };
        let day = |instant: &Instant| {
            let at = instant.at;
            let o3 = air.until::<OZONE_HOURS>(O3, at);
            let others = [CO, SO2, NO2, PM10, PM2_5].map(|pollutant| air.until::<24>(pollutant, at));
            let [co, so2, no2, pm10, pm2_5] = others.each_ref().map(values);
            let day = Day { o3: values(&o3), co, so2, no2, pm10, pm2_5 };
            let trust = trust(others.iter().flatten().chain(&o3));
            slot(self.output, at, vn_aqi::daily(&day, self.completeness), trust)
        };
        Ok(instants.iter().map(day).collect())
    }
}
