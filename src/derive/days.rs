//! Fire danger, one day after another: P, and the Canadian codes.
//!
//! A day goes on from the value of the day before it. Days without a value are bridged by the last one, as far as the
//! configuration allows, and what follows says that it is estimated; after a longer gap the index begins anew by itself, as
//! on its first day: then it is less than the truth, never more, and says that it is estimated as well, so that no alert
//! ends by it. P is good again with the rain that begins it anew; the codes, when rain leaves nothing of DMC and DC.
//! What a person made of a day's value is what the next day goes on from.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Time;

use super::past::{Past, Readings, Source, Stretch, Trust};
use super::{Ingredient, Instant, Made, Slot};
use crate::indices::fire_danger_p::{self, RainLimits, Scale};
use crate::indices::fwi::{Codes, Constant, Noon};
use crate::indices::quantity::{Celsius, KilometresPerHour, Latitude, Millimetres, Percent};
use crate::indices::rain::Accumulation;
use crate::indices::vn_aqi::Completeness;
use crate::model::{ChannelId, Quality, Timestamp, Unit};
use crate::store::{StoreError, StoredSample};

const DAY: Duration = Duration::from_secs(86_400);
/// A value before that is not looked for: a year has one dry season.
const MEMORY: Duration = Duration::from_secs(400 * 86_400);
const TICK: Duration = Duration::from_micros(1);
const MICROS_PER_DAY: f64 = 86_400e6;

/// What both need of the weather.
#[derive(Clone, Debug)]
pub struct RainAndAir {
    /// Time of day.
    pub at: Time,
    /// How old the air's readings may be.
    pub within: Duration,
    /// Of the rain's reports.
    pub completeness: Completeness,
    /// Days that are bridged.
    pub gap_days: u8,
    /// Air temperature.
    pub temperature: Source,
    /// Relative humidity.
    pub humidity: Source,
    /// Rain.
    pub rain: Source,
}

/// P.
#[derive(Clone, Debug)]
pub struct FireWeather {
    /// Its inputs.
    pub weather: RainAndAir,
    /// Levels.
    pub scale: Scale,
    /// Rain that resets.
    pub rain_limits: RainLimits,
    /// Where P goes.
    pub p: ChannelId,
    /// Where its level goes.
    pub level: ChannelId,
}

/// The Canadian system.
#[derive(Clone, Debug)]
pub struct WeatherCodes {
    /// Its inputs.
    pub weather: RainAndAir,
    /// Wind.
    pub wind: Source,
    /// For the length of days.
    pub latitude: Latitude,
    /// Of the FFMC.
    pub constant: Constant,
    /// FFMC, DMC, DC, ISI, BUI, FWI.
    pub outputs: [ChannelId; 6],
}

/// The readings of several days.
struct Weather {
    temperature: Readings,
    humidity: Readings,
    rain: Readings,
}

/// The rain of a day.
#[derive(Clone, Copy)]
struct DayRain {
    sum: Millimetres,
    trust: Trust,
    /// `None` when reports are missing: then the sum is the least that it was.
    complete: Option<()>,
}

impl RainAndAir {
    fn read(&self, past: &dyn Past, instants: &[Instant]) -> Result<Option<Weather>, StoreError> {
        let (Some(first), Some(last)) = (instants.first(), instants.last()) else { return Ok(None) };
        let (first, last) = (first.at, last.at);
        Ok(Some(Weather {
            temperature: self.temperature.readings(past, first - self.within, last)?,
            humidity: self.humidity.readings(past, first - self.within, last)?,
            rain: self.rain.readings(past, first - DAY, last)?,
        }))
    }

    /// The rain of the 24 hours up to an instant.
    fn rain(&self, weather: &Weather, at: Timestamp) -> DayRain {
        let window = weather.rain.within(at - DAY, at);
        let sum = |trust: Trust| {
            let taken = window.iter().filter(|reading| reading.trust <= trust);
            let reports = taken.map(|reading| (reading.at.micros(), Millimetres(reading.value)));
            let sum = Accumulation::new(reports, self.rain.interval).window(at.micros(), DAY);
            (sum.completeness >= self.completeness.0, sum.rain)
        };
        let (good, all) = (sum(Trust::Good), sum(Trust::Estimated));
        match (good.0, all.0) {
            (true, _) => DayRain { sum: good.1, trust: Trust::Good, complete: Some(()) },
            (false, true) => DayRain { sum: all.1, trust: Trust::Estimated, complete: Some(()) },
            (false, false) => DayRain { sum: good.1, trust: Trust::Good, complete: None },
        }
    }

    /// Whole days from one value to the next: 1 when none is missing.
    fn days_between(before: Timestamp, at: Timestamp) -> u32 {
        (at.since(before).as_micros() as f64 / MICROS_PER_DAY).round() as u32
    }

    /// What a day goes on from: the value before it, or the beginning; and how far that can be trusted here.
    fn go_on<T>(&self, before: Option<(Timestamp, T, Trust)>, at: Timestamp, start: T) -> (T, Trust) {
        let Some((then, value, trust)) = before else { return (start, Trust::Good) };
        match Self::days_between(then, at) {
            0 | 1 => (value, trust),
            days if days <= u32::from(self.gap_days) + 1 => (value, Trust::Estimated),
            _ => (start, Trust::Estimated),
        }
    }
}

/// When the newest value of a derived channel before an instant is of, if one holds.
pub(super) fn newest_before(
    past: &dyn Past,
    channel: ChannelId,
    before: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let stored = past.samples(channel, before - MEMORY, before)?;
    Ok(held(stored).next_back().map(|sample| sample.observed_at))
}

/// What persons made of the values of derived channels in a stretch.
pub(super) struct Judged(BTreeMap<Timestamp, StoredSample>);

impl Judged {
    pub(super) fn read(past: &dyn Past, channel: ChannelId, stretch: Stretch) -> Result<Judged, StoreError> {
        let stored = past.samples(channel, stretch.from, stretch.to + TICK)?;
        let judged = stored.into_iter().filter(|sample| sample.quality.has(Quality::EDITED));
        Ok(Judged(judged.map(|sample| (sample.observed_at, sample)).collect()))
    }

    /// The value that somebody gave.
    pub(super) fn value(&self, at: Timestamp) -> Option<&StoredSample> {
        self.0.get(&at).filter(|sample| !sample.quality.has(Quality::BAD))
    }

    /// Whether somebody said that it is wrong, without saying what is right.
    pub(super) fn is_disowned(&self, at: Timestamp) -> bool {
        self.0.get(&at).is_some_and(|sample| sample.quality.has(Quality::BAD))
    }
}

/// Stored values of a derived channel that hold.
fn held(samples: Vec<StoredSample>) -> impl DoubleEndedIterator<Item = StoredSample> {
    samples.into_iter().filter(|sample| !sample.quality.has(Quality::BAD))
}

fn rounded(value: f64, places: f64) -> f64 {
    (value * places).round() / places
}

impl FireWeather {
    pub(super) fn compute(&self, past: &dyn Past, instants: &[Instant]) -> Result<Vec<Slot>, StoreError> {
        let Some(weather) = self.weather.read(past, instants)? else { return Ok(Vec::new()) };
        let stretch = Stretch { from: instants[0].at, to: instants[instants.len() - 1].at };
        let stored = past.samples(self.p, stretch.from - MEMORY, stretch.from)?;
        let judged = Judged::read(past, self.p, stretch)?;
        let mut before = held(stored).next_back().map(|p| (p.observed_at, p.value, Trust::of(p.quality)));
        let mut slots = Vec::with_capacity(2 * instants.len());
        for instant in instants {
            let at = instant.at;
            let made = self.day(&weather, instant, self.weather.go_on(before, at, 0.0));
            let computed = made.as_ref().map(|made| (made.value, made.trust)).filter(|_| !judged.is_disowned(at));
            let given = judged.value(at).map(|sample| (sample.value, Trust::of(sample.quality)));
            let holds = given.or(computed);
            let level = holds.map(|(p, trust)| {
                let ingredients = made.as_ref().map_or_else(Vec::new, |made| made.ingredients.clone());
                Made { value: f64::from(self.scale.level(p)), trust, ingredients }
            });
            before = holds.map(|(p, trust)| (at, p, trust)).or(before);
            slots.push(Slot { channel: self.p, at, made });
            slots.push(Slot { channel: self.level, at, made: level });
        }
        Ok(slots)
    }

    fn day(&self, weather: &Weather, instant: &Instant, (before, trust): (f64, Trust)) -> Option<Made> {
        let (at, limit) = (instant.at, self.rain_limits.of(instant.month));
        let rain = self.weather.rain(weather, at);
        let mut ingredients = vec![
            Ingredient::new("rain_24h", rain.sum.0, Unit::Millimetre),
            Ingredient::new("rain_limit", limit.0, Unit::Millimetre),
        ];
        // Rain enough is enough, even when reports are missing.
        if fire_danger_p::resets(rain.sum, limit) {
            return Some(Made { value: 0.0, trust: rain.trust, ingredients });
        }
        rain.complete?;
        let temperature = weather.temperature.newest(at - self.weather.within, at)?;
        let humidity = weather.humidity.newest(at - self.weather.within, at)?;
        let day = fire_danger_p::Day {
            temperature: Celsius(temperature.value),
            humidity: Percent(humidity.value.clamp(0.0, 100.0)),
            rain: rain.sum,
        };
        ingredients.extend([
            Ingredient::new("air_temperature", temperature.value, Unit::Celsius),
            Ingredient::new("relative_humidity", humidity.value, Unit::Percent),
            Ingredient::new("p_before", before, Unit::One),
        ]);
        let value = rounded(fire_danger_p::step(before, &day, limit), 1e3);
        let trust = trust.max(rain.trust).max(temperature.trust).max(humidity.trust);
        Some(Made { value, trust, ingredients })
    }
}

impl WeatherCodes {
    pub(super) fn compute(&self, past: &dyn Past, instants: &[Instant]) -> Result<Vec<Slot>, StoreError> {
        let Some(weather) = self.weather.read(past, instants)? else { return Ok(Vec::new()) };
        let (first, last) = (instants[0].at, instants[instants.len() - 1].at);
        let wind = self.wind.readings(past, first - self.weather.within, last)?;
        let mut before = self.stored(past, first)?;
        let [ffmc, dmc, dc, ..] = self.outputs;
        let judged = |channel| Judged::read(past, channel, Stretch { from: first, to: last });
        let judged = [judged(ffmc)?, judged(dmc)?, judged(dc)?];
        let mut slots = Vec::with_capacity(6 * instants.len());
        for instant in instants {
            let start = self.weather.go_on(before, instant.at, Codes::START);
            let made = self.day((&weather, &wind), instant, start, &judged);
            if let Some((codes, _, trust, _)) = &made
                && !judged.iter().any(|judged| judged.is_disowned(instant.at))
            {
                before = Some((instant.at, *codes, *trust));
            }
            for (place, channel) in self.outputs.into_iter().enumerate() {
                let made = made.as_ref().map(|(_, values, trust, ingredients)| Made {
                    value: values[place],
                    trust: *trust,
                    ingredients: ingredients.clone(),
                });
                slots.push(Slot { channel, at: instant.at, made });
            }
        }
        Ok(slots)
    }

    /// The newest codes before an instant that are all there.
    fn stored(&self, past: &dyn Past, before: Timestamp) -> Result<Option<(Timestamp, Codes, Trust)>, StoreError> {
        let from = before - MEMORY;
        let [ffmc, dmc, dc, ..] = self.outputs;
        let held_by_time = |channel| -> Result<BTreeMap<Timestamp, f64>, StoreError> {
            Ok(held(past.samples(channel, from, before)?).map(|sample| (sample.observed_at, sample.value)).collect())
        };
        let (dmc, dc) = (held_by_time(dmc)?, held_by_time(dc)?);
        let found = held(past.samples(ffmc, from, before)?).rev().find_map(|ffmc| {
            let then = ffmc.observed_at;
            let codes = Codes { ffmc: ffmc.value, dmc: *dmc.get(&then)?, dc: *dc.get(&then)? };
            Some((then, codes, Trust::of(ffmc.quality)))
        });
        Ok(found)
    }

    fn day(
        &self,
        (weather, wind): (&Weather, &Readings),
        instant: &Instant,
        (before, trust): (Codes, Trust),
        judged: &[Judged; 3],
    ) -> Option<(Codes, [f64; 6], Trust, Vec<Ingredient>)> {
        let (at, after) = (instant.at, instant.at - self.weather.within);
        let rain = self.weather.rain(weather, at);
        rain.complete?;
        let temperature = weather.temperature.newest(after, at)?;
        let humidity = weather.humidity.newest(after, at)?;
        let wind = wind.newest(after, at)?;
        let noon = Noon {
            month: instant.month,
            temperature: Celsius(temperature.value),
            humidity: Percent(humidity.value),
            wind: KilometresPerHour(wind.value),
            rain: rain.sum,
        };
        let codes = before.after(&noon, self.latitude, self.constant);
        let anew = Codes { dmc: 0.0, dc: 0.0, ..before }.after(&noon, self.latitude, self.constant);
        let trust = if (anew.dmc, anew.dc) == (codes.dmc, codes.dc) { Trust::Good } else { trust };
        let [ffmc, dmc, dc] = judged.each_ref().map(|judged| judged.value(at).map(|sample| sample.value));
        let codes = Codes {
            ffmc: ffmc.unwrap_or_else(|| rounded(codes.ffmc, 1e6)),
            dmc: dmc.unwrap_or_else(|| rounded(codes.dmc, 1e6)),
            dc: dc.unwrap_or_else(|| rounded(codes.dc, 1e6)),
        };
        let indices = codes.indices(noon.wind, self.constant);
        let values = [codes.ffmc, codes.dmc, codes.dc, indices.isi, indices.bui, indices.fwi];
        let ingredients = vec![
            Ingredient::new("air_temperature", temperature.value, Unit::Celsius),
            Ingredient::new("relative_humidity", humidity.value, Unit::Percent),
            Ingredient::new("wind_speed", wind.value, Unit::KilometrePerHour),
            Ingredient::new("rain_24h", rain.sum.0, Unit::Millimetre),
            Ingredient::new("ffmc_before", before.ffmc, Unit::One),
            Ingredient::new("dmc_before", before.dmc, Unit::One),
            Ingredient::new("dc_before", before.dc, Unit::One),
        ];
        let trust = trust.max(rain.trust).max(temperature.trust).max(humidity.trust).max(wind.trust);
        Some((codes, values.map(|value| rounded(value, 1e6)), trust, ingredients))
    }
}
