//! The weather, rivers, roads, air and forests of the province, as pure functions of place and phenomenon time.
//!
//! One thing drives another: fronts and storms bring rain, wind, cold and low pressure; rain fills rivers and slows
//! traffic and cleans the air; a fire's smoke drifts with that wind to posts and air stations; a slide is heard by
//! the posts and closes the road. Mathematics is `libm`'s, the same on every platform.
//!
//! Left out on purpose: physics that no viewer can see. The shapes are plausible, not predictive.

mod air;
mod events;
mod forest;
pub mod noise;
mod river;
mod traffic;
mod weather;

use crate::scenario::Scenario;
use crate::span::Span;
use crate::terrain::Terrain;

pub use air::Air;
pub use forest::Forest;
pub use noise::Noise;
pub use river::{Rivers, Stage};
pub use traffic::Traffic;
pub use weather::Weather;

/// Seconds of Viet Nam's time before Greenwich's.
pub const LOCAL_OFFSET_S: f64 = 7.0 * 3600.0;

/// The middle of the province.
const MIDDLE: [f64; 2] = [103.2, 22.3];

/// A place on a flat map in kilometres, east and north of the province's middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// East, km.
    pub east: f64,
    /// North, km.
    pub north: f64,
}

impl Place {
    /// From degrees east and north. Good to a percent inside the province.
    pub fn of(degrees: [f64; 2]) -> Self {
        Self { east: (degrees[0] - MIDDLE[0]) * 102.9, north: (degrees[1] - MIDDLE[1]) * 110.8 }
    }

    /// Kilometres to another place.
    pub fn distance(self, other: Place) -> f64 {
        libm::hypot(self.east - other.east, self.north - other.north)
    }

    /// This place after going `km` toward a bearing.
    pub fn toward(self, bearing_deg: f64, km: f64) -> Self {
        let (sin, cos) = libm::sincos(bearing_deg.to_radians());
        Self { east: self.east + sin * km, north: self.north + cos * km }
    }
}

/// A moment of phenomenon time.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Seconds since phenomenon time began; negative before.
    pub since_s: f64,
    /// Seconds since 1970 on a local clock.
    local_s: f64,
}

impl Moment {
    /// `since_s` after a beginning given in seconds since 1970 on a local clock.
    pub fn new(beginning_local_s: f64, since_s: f64) -> Self {
        Self { since_s, local_s: beginning_local_s + since_s }
    }

    /// This much earlier.
    pub fn before(self, span_s: f64) -> Self {
        Self { since_s: self.since_s - span_s, local_s: self.local_s - span_s }
    }

    /// Hour of the local day, 0 to 24.
    pub fn hour(self) -> f64 {
        (self.local_s / 3600.0).rem_euclid(24.0)
    }

    /// Day of the week, Monday 0.
    pub fn weekday(self) -> u8 {
        ((self.local_s / 86_400.0).div_euclid(1.0) + 3.0).rem_euclid(7.0) as u8
    }

    /// Time of the year, 0 to 1.
    pub fn year_share(self) -> f64 {
        (self.local_s / (365.2425 * 86_400.0)).rem_euclid(1.0)
    }

    /// For slow curves: periods since 1970.
    pub fn periods(self, length: Span) -> f64 {
        self.local_s / length.seconds()
    }
}

/// Everything that the devices stand in.
#[derive(Debug)]
pub struct World {
    noise: Noise,
    terrain: Terrain,
    scenario: Scenario,
    rivers: Rivers,
}

impl World {
    /// The province of a terrain under a scenario and a seed.
    pub fn new(terrain: Terrain, scenario: Scenario, seed: u64) -> Self {
        let rivers = Rivers::new(&terrain);
        Self { noise: Noise::new(seed), terrain, scenario, rivers }
    }

    /// The scenario that rules it.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Chance under its seed.
    pub fn noise(&self) -> Noise {
        self.noise
    }

    /// Metres above the sea: the mean of known heights, weighted by the inverse square of their distance.
    pub fn height_m(&self, place: Place) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for known in &self.terrain.relief {
            let distance = place.distance(Place::of([known.lon, known.lat]));
            let weight = 1.0 / (distance * distance + 0.25);
            sum += known.height_m * weight;
            weights += weight;
        }
        if weights > 0.0 { sum / weights } else { 800.0 }
    }
}

/// 0 below `from`, 1 above `to`, a smooth rise between.
fn rise(value: f64, from: f64, to: f64) -> f64 {
    let share = ((value - from) / (to - from)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// 1 at 0, falling like a bell with this half width.
fn bell(value: f64, width: f64) -> f64 {
    let share = value / width;
    libm::exp(-share * share)
}

#[cfg(test)]
mod tests;
