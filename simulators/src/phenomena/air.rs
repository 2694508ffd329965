//! Concentrations of the air: traffic and cooking in the towns, inversions at night, smoke of fires, rain that cleans.

use super::noise::Stream;
use super::weather::Weather;
use super::{Moment, Place, World, bell, rise};
use crate::span::Span;

/// Concentrations, µg/m³.
#[derive(Clone, Copy, Debug)]
pub struct Air {
    /// Fine dust.
    pub pm2_5: f64,
    /// Dust.
    pub pm10: f64,
    /// Sulphur dioxide.
    pub so2: f64,
    /// Nitrogen dioxide.
    pub no2: f64,
    /// Carbon monoxide.
    pub co: f64,
    /// Ozone.
    pub o3: f64,
}

impl World {
    /// The air at a place; `key` is the station's own number for chance.
    pub fn air(&self, key: u64, place: Place, at: Moment, weather: &Weather) -> Air {
        let chance =
            |name: &str, period: f64| 1.0 + 0.12 * self.noise.rough(Stream::of(name, key), at.periods(Span(period)));
        let hour = at.hour();
        let town = 0.25 + 0.75 * self.noise.uniform(Stream::of("town", key), 0);
        let rush = bell(hour - 7.2, 1.3)
            + 0.9 * bell(hour - 17.4, 1.5)
            + 0.35 * rise(hour, 7.0, 10.0) * (1.0 - rise(hour, 19.0, 23.0));
        // Cold, calm nights keep what is made in the valley; a scenario's inversion keeps it all day.
        let night = 1.0 - rise(hour, 7.5, 11.0) * (1.0 - rise(hour, 17.5, 21.0));
        let lid = 1.0 + (0.5 * night + 1.6 * self.scenario.inversion) / (1.0 + weather.wind_ms * 0.5);
        let clean = 1.0 / (1.0 + weather.rain_mm_h * 0.35);
        let dry_season = 0.5 + 0.5 * libm::cos(std::f64::consts::TAU * (at.year_share() - 0.2));
        let smoke = self.smoke(place, at);
        let local = town * rush * lid;
        let pm2_5 = ((9.0 + 14.0 * dry_season + 16.0 * local) * lid.min(2.2) * clean + 320.0 * smoke)
            * chance("pm2_5", 1_500.0);
        let sun =
            rise(hour, 7.0, 13.0) * (1.0 - rise(hour, 15.0, 20.0)) * (1.0 - rise(weather.humidity, 70.0, 100.0) * 0.7);
        let no2 = (6.0 + 34.0 * local) * clean.max(0.5) * chance("no2", 1_200.0) + 12.0 * smoke;
        Air {
            pm2_5,
            pm10: pm2_5 * (1.45 + 0.3 * dry_season) * chance("pm10", 1_800.0) + 6.0 * town * rush * clean,
            so2: (3.0 + 5.0 * town) * lid * chance("so2", 2_400.0),
            no2,
            co: (280.0 + 620.0 * local) * chance("co", 1_500.0) + 4_200.0 * smoke,
            o3: ((32.0 + 85.0 * sun) * chance("o3", 3_000.0) - 0.35 * no2).max(2.0),
        }
    }
}
