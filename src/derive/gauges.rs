//! Indices with a value for each sample: Chandler's, level of service, rain over windows, river stages.

use std::time::Duration;

use super::days::Judged;
use super::past::{Past, Reading, Readings, Source, Stretch, Trust};
use super::{Ingredient, Made, Slot};
use crate::indices::config::LandslideFormula;
use crate::indices::level_of_service::{Shares, level_of_service};
use crate::indices::quantity::{Celsius, KilometresPerHour, Metres, Millimetres, Percent};
use crate::indices::rain::{Accumulation, WINDOWS};
use crate::indices::river::{Heights, Stage};
use crate::indices::vn_aqi::Completeness;
use crate::indices::{chandler, landslide, rain};
use crate::model::{ChannelId, Quality, Timestamp, Unit};
use crate::store::StoreError;

const HOUR: Duration = Duration::from_secs(3_600);
const TICK: Duration = Duration::from_micros(1);
/// The rain of a day, after that of three days before.
const LANDSLIDE_HOURS: u64 = 96;

/// The readings in a stretch, both of its ends included.
fn inside(readings: &Readings, stretch: Stretch) -> &[Reading] {
    readings.within(stretch.from - TICK, stretch.to)
}

/// Chandler's index.
#[derive(Clone, Debug)]
pub struct Burning {
    /// Air temperature: its samples are the index's times.
    pub temperature: Source,
    /// Relative humidity, at most two intervals old.
    pub humidity: Source,
    /// Where it goes.
    pub output: ChannelId,
}

impl Burning {
    pub(super) fn compute(&self, past: &dyn Past, stretch: Stretch) -> Result<Vec<Slot>, StoreError> {
        let reach = self.humidity.interval * 2;
        let temperature = self.temperature.readings(past, stretch.from - TICK, stretch.to)?;
        let humidity = self.humidity.readings(past, stretch.from - reach, stretch.to)?;
        let slot = |t: &Reading| {
            let made = humidity.newest(t.at - reach, t.at).map(|h| {
                let index = chandler::burning_index(Celsius(t.value), Percent(h.value));
                let ingredients = vec![
                    Ingredient::new("air_temperature", t.value, Unit::Celsius),
                    Ingredient::new("relative_humidity", h.value, Unit::Percent),
                ];
                Made { value: (index * 1e4).round() / 1e4, trust: t.trust.max(h.trust), ingredients }
            });
            Slot { channel: self.output, at: t.at, made }
        };
        Ok(inside(&temperature, stretch).iter().map(slot).collect())
    }
}

/// Level of service.
#[derive(Clone, Debug)]
pub struct Road {
    /// Speed of vehicles.
    pub speed: Source,
    /// The road's.
    pub free_flow: KilometresPerHour,
    /// Of free flow.
    pub shares: Shares,
    /// Where it goes.
    pub output: ChannelId,
}

impl Road {
    pub(super) fn compute(&self, past: &dyn Past, stretch: Stretch) -> Result<Vec<Slot>, StoreError> {
        let speed = self.speed.readings(past, stretch.from - TICK, stretch.to)?;
        let slot = |speed: &Reading| {
            let level = level_of_service(KilometresPerHour(speed.value), self.free_flow, &self.shares);
            let made = level.map(|level| {
                let ingredients = vec![
                    Ingredient::new("vehicle_speed", speed.value, Unit::KilometrePerHour),
                    Ingredient::new("free_flow", self.free_flow.0, Unit::KilometrePerHour),
                ];
                Made { value: f64::from(level.number()), trust: speed.trust, ingredients }
            });
            Slot { channel: self.output, at: speed.at, made }
        };
        Ok(speed.all.iter().map(slot).collect())
    }
}

/// Rain over windows, and how far it is above the threshold of landslides.
#[derive(Clone, Debug)]
pub struct RainSums {
    /// The gauge.
    pub rain: Source,
    /// Hours, and where the sum goes; of how many of the reports.
    pub windows: (Completeness, Vec<(u64, ChannelId)>),
    /// Which formula, of how many of the reports, and where it goes.
    pub landslide: Option<((LandslideFormula, Completeness), ChannelId)>,
}

/// A gauge's rain, of its good reports and of all usable ones.
struct Gauge {
    good: Accumulation,
    all: Accumulation,
    interval: Duration,
}

impl Gauge {
    /// The rain of some hours; `None` when too little is known, or a report is of a longer time than that.
    fn sum(&self, to: Timestamp, hours: u64, least: Completeness) -> Option<(Millimetres, Trust)> {
        if !rain::is_window_of(hours, self.interval) {
            return None;
        }
        let sum = |of: &Accumulation, trust: Trust| {
            let sum = of.hours(to.micros(), hours);
            (sum.completeness >= least.0).then_some((sum.rain, trust))
        };
        sum(&self.good, Trust::Good).or_else(|| sum(&self.all, Trust::Estimated))
    }
}

impl RainSums {
    pub(super) fn outputs(&self) -> Vec<ChannelId> {
        let landslide = self.landslide.iter().map(|(_, output)| *output);
        self.windows.1.iter().map(|(_, output)| *output).chain(landslide).collect()
    }

    /// How much later than a report the sums are that hold it.
    pub(super) fn reach(&self) -> Duration {
        let hours = self.windows.1.iter().map(|(hours, _)| *hours).max().unwrap_or(0);
        let hours = if self.landslide.is_some() { hours.max(LANDSLIDE_HOURS) } else { hours };
        HOUR * u32::try_from(hours).unwrap_or(u32::MAX)
    }

    pub(super) fn compute(&self, past: &dyn Past, stretch: Stretch) -> Result<Vec<Slot>, StoreError> {
        let readings = self.rain.readings(past, stretch.from - self.reach() - TICK, stretch.to)?;
        let reports = |trust: Trust| {
            let taken = readings.all.iter().filter(move |reading| reading.trust <= trust);
            let reports = taken.map(|reading| (reading.at.micros(), Millimetres(reading.value)));
            Accumulation::new(reports, self.rain.interval)
        };
        let (good, all) = (reports(Trust::Good), reports(Trust::Estimated));
        let gauge = Gauge { good, all, interval: self.rain.interval };
        let mut slots = Vec::new();
        for report in inside(&readings, stretch) {
            for (hours, output) in &self.windows.1 {
                let made = gauge.sum(report.at, *hours, self.windows.0).map(|(rain, trust)| {
                    let ingredients = vec![Ingredient::new("rainfall", report.value, Unit::Millimetre)];
                    Made { value: rain.0, trust, ingredients }
                });
                slots.push(Slot { channel: *output, at: report.at, made });
            }
            if let Some(((formula, least), output)) = self.landslide {
                let made = margin(&gauge, formula, report.at, least);
                slots.push(Slot { channel: output, at: report.at, made });
            }
        }
        Ok(slots)
    }
}

fn margin(gauge: &Gauge, formula: LandslideFormula, at: Timestamp, least: Completeness) -> Option<Made> {
    match formula {
        LandslideFormula::DoAndYin => {
            let (day, one) = gauge.sum(at, 24, least)?;
            let (before, other) = gauge.sum(at - HOUR * 24, 72, least)?;
            let threshold = landslide::do_and_yin(before);
            let ingredients = vec![
                Ingredient::new("rain_24h", day.0, Unit::Millimetre),
                Ingredient::new("rain_72h_before", before.0, Unit::Millimetre),
                Ingredient::new("threshold", threshold.0, Unit::Millimetre),
            ];
            let value = landslide::do_and_yin_margin(day, before).0;
            Some(Made { value: (value * 1e6).round() / 1e6, trust: one.max(other), ingredients })
        }
        LandslideFormula::Caine => {
            let sums: Vec<(u64, Millimetres, Trust)> = WINDOWS
                .iter()
                .filter_map(|(hours, _)| gauge.sum(at, *hours, least).map(|(rain, trust)| (*hours, rain, trust)))
                .collect();
            let value = landslide::caine_margin(sums.iter().map(|(hours, rain, _)| (*hours as f64, *rain)))?.0;
            let trust = sums.iter().map(|(_, _, trust)| *trust).max().unwrap_or(Trust::Good);
            let names = WINDOWS.iter().filter(|(hours, _)| sums.iter().any(|(found, ..)| found == hours));
            let ingredients =
                names.zip(&sums).map(|((_, name), (_, rain, _))| Ingredient::new(name, rain.0, Unit::Millimetre));
            Some(Made { value: (value * 1e6).round() / 1e6, trust, ingredients: ingredients.collect() })
        }
    }
}

/// River alarm stages.
#[derive(Clone, Debug)]
pub struct Stages {
    /// The gauge.
    pub level: Source,
    /// Its stages.
    pub heights: Heights,
    /// Less than this in an hour is neither a rise nor a fall.
    pub steady: Metres,
    /// Where it goes.
    pub output: ChannelId,
}

impl Stages {
    /// How long a stage is remembered without a reading.
    pub(super) const MEMORY: Duration = Duration::from_secs(6 * 3_600);

    pub(super) fn compute(&self, past: &dyn Past, stretch: Stretch) -> Result<Vec<Slot>, StoreError> {
        let from = stretch.from - Self::MEMORY;
        let readings = self.level.readings(past, from, stretch.to)?;
        let stored = past.samples(self.output, from, stretch.from)?;
        let known = stored.iter().rev().find(|sample| !sample.quality.has(Quality::BAD));
        let mut before = known.map_or(Stage::None, |sample| stage(sample.value));
        let judged = Judged::read(past, self.output, stretch)?;
        let mut slots = Vec::new();
        for reading in inside(&readings, stretch) {
            let computed = self.heights.stage(before, Metres(reading.value));
            // What a person made of it is what the next one goes on from.
            before = judged.value(reading.at).map_or(computed, |given| stage(given.value));
            let hour = readings.newest(reading.at - HOUR * 2, reading.at - HOUR);
            let mut ingredients = vec![Ingredient::new("water_level", reading.value, Unit::Metre)];
            ingredients.extend(hour.map(|hour| Ingredient::new("change_1h", reading.value - hour.value, Unit::Metre)));
            let names = ["alarm_1", "alarm_2", "alarm_3"].into_iter().zip(self.heights.stages);
            ingredients.extend(names.map(|(name, height)| Ingredient::new(name, height.0, Unit::Metre)));
            let made = Made { value: f64::from(computed.number()), trust: reading.trust, ingredients };
            slots.push(Slot { channel: self.output, at: reading.at, made: Some(made) });
        }
        Ok(slots)
    }
}

fn stage(value: f64) -> Stage {
    [Stage::Three, Stage::Two, Stage::One]
        .into_iter()
        .find(|stage| value >= f64::from(stage.number()))
        .unwrap_or_default()
}
