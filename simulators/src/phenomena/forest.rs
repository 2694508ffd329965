//! A fire and its smoke as forest posts see, smell and hear them; slides as they hear them.
//!
//! Smoke drifts with the wind of the place: a plume that widens with distance and arrives as late as the wind needs.
//! The fire's head runs before the wind and the burnt ground widens; near it the air is hot and dry.

use super::noise::Stream;
use super::weather::Weather;
use super::{Moment, Place, World, bell, events, rise};
use crate::scenario::Fire;
use crate::span::Span;

/// Time in which the smoke thins out once the fire is out, s.
const SMOULDER_S: f64 = 1500.0;

/// What a forest post observes.
#[derive(Clone, Copy, Debug)]
pub struct Forest {
    /// Air temperature, °C.
    pub temperature: f64,
    /// Relative humidity, %.
    pub humidity: f64,
    /// Smoke score, 0 to 1.
    pub smoke: f64,
    /// Camera's fire score, 0 to 1.
    pub camera_fire: f64,
    /// Score of chain saws, shots and slides, 0 to 1.
    pub acoustic: f64,
    /// Battery, V: a lead battery of 12 V under a solar panel.
    pub battery_v: f64,
}

impl World {
    /// What a forest post observes; `key` is its own number for chance.
    pub fn forest(&self, key: u64, place: Place, at: Moment, weather: &Weather) -> Forest {
        let (mut heat, mut seen) = (0.0, 0.0_f64);
        for fire in &self.scenario.fires {
            let Some(blaze) = self.blaze(fire, at) else { continue };
            heat += 46.0 * blaze.strength * bell(place.distance(blaze.middle), blaze.radius_km + 0.25);
            seen = seen.max(blaze.strength.min(1.0) * bell(place.distance(blaze.middle), 7.0));
        }
        let fog = rise(weather.humidity, 97.0, 99.8);
        let chance = |name: &str, period: f64| self.noise.rough(Stream::of(name, key), at.periods(Span(period)));
        let haze = 1.0 - libm::exp(-2.6 * self.smoke(place, at));
        let smoke = haze + 0.02 + 0.015 * chance("smoke", 900.0);
        let flicker = 0.04 + 0.03 * chance("camera", 700.0) + 0.16 * rise(chance("glare", 2_400.0), 0.8, 1.0);
        let camera_fire = (seen * (1.0 - 0.7 * fog) * (1.02 + 0.05 * chance("camera", 300.0))).max(flicker);
        let sun = rise(at.hour(), 6.5, 9.5) * (1.0 - rise(at.hour(), 16.0, 19.0));
        let cloud = rise(weather.humidity, 80.0, 100.0);
        Forest {
            temperature: (weather.temperature + heat).min(82.0),
            humidity: (weather.humidity * (1.0 - 0.7 * (heat / 46.0).min(1.0))).clamp(4.0, 100.0),
            smoke: smoke.clamp(0.0, 0.99),
            camera_fire: camera_fire.clamp(0.0, 0.99),
            acoustic: self.acoustic(key, place, at).clamp(0.0, 0.99),
            battery_v: 12.25 + 1.25 * sun * (1.0 - 0.6 * cloud) + 0.03 * chance("battery", 3_000.0),
        }
    }

    /// Density of smoke at a place; 1 is thick.
    pub fn smoke(&self, place: Place, at: Moment) -> f64 {
        let mut density = 0.0;
        for fire in &self.scenario.fires {
            let Some(blaze) = self.blaze(fire, at) else { continue };
            let (wind_ms, from_deg) = self.wind(blaze.middle, at);
            let (sin, cos) = libm::sincos((from_deg + 180.0).to_radians());
            let (east, north) = (place.east - blaze.middle.east, place.north - blaze.middle.north);
            let (along, across) = (east * sin + north * cos, east * cos - north * sin);
            density += if along > 0.0 {
                let delay_s = along / (wind_ms.max(1.0) * 3.6) * 3600.0;
                let strength = self.blaze(fire, at.before(delay_s)).map_or(0.0, |then| then.strength);
                strength * bell(across, 0.6 + 0.3 * along) / (1.0 + along / 5.0)
            } else {
                blaze.strength * bell(libm::hypot(along, across), 0.9)
            };
        }
        density
    }

    fn blaze(&self, fire: &Fire, at: Moment) -> Option<Blaze> {
        let now = events::latest(fire.when, at.since_s)?;
        let lasts = fire.lasts.seconds();
        if now.age_s > lasts + SMOULDER_S || fire.places.is_empty() {
            return None;
        }
        let strength = rise(now.age_s, 0.0, fire.growth.seconds()) * (1.0 - rise(now.age_s, lasts, lasts + SMOULDER_S));
        let lit = Place::of(fire.places[now.number % fire.places.len()]);
        let run_km = fire.spread_kmh * now.age_s.min(lasts) / 3600.0;
        let (_, from_deg) = self.wind(lit, at.before(now.age_s));
        Some(Blaze { strength, middle: lit.toward(from_deg + 180.0, run_km * 0.5), radius_km: 0.25 + run_km * 0.5 })
    }

    fn acoustic(&self, key: u64, place: Place, at: Moment) -> f64 {
        let chance = self.noise.rough(Stream::of("acoustic", key), at.periods(Span(1_300.0)));
        let mut score = 0.05 + 0.04 * chance + 0.35 * rise(chance, 0.82, 1.0);
        for slide in &self.scenario.slides {
            let Some(now) = events::latest(slide.when, at.since_s) else { continue };
            let rumble = rise(now.age_s, 0.0, 60.0) * libm::exp(-now.age_s / 1_500.0);
            score += 1.1 * rumble * bell(place.distance(Place::of(slide.place)), 6.0);
        }
        score
    }
}

/// A fire at a moment.
struct Blaze {
    strength: f64,
    middle: Place,
    radius_km: f64,
}
