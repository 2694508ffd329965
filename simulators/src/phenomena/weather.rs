//! Temperature, humidity, wind, rain, pressure and visibility, consistent with each other.
//!
//! The dew point is the state; humidity follows from it and the temperature by Magnus' formula. Fronts cross the
//! province as lines, storms as drifting cells; both bring rain, gusts and cold. Heights matter: 6 °C a kilometre
//! (the usual lapse of moist air) and the standard atmosphere for pressure.

use super::noise::Stream;
use super::{Moment, Place, World, bell, events, rise};
use crate::scenario::{Front, Storm};
use crate::span::Span;

/// The weather at a place and a moment.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Air temperature, °C.
    pub temperature: f64,
    /// Dew point, °C; never above the temperature.
    pub dew_point: f64,
    /// Relative humidity, %.
    pub humidity: f64,
    /// Mean wind, m/s.
    pub wind_ms: f64,
    /// Gusts, m/s; never below the mean.
    pub gust_ms: f64,
    /// Where the wind comes from, degrees `0..360`.
    pub wind_from_deg: f64,
    /// Rain, mm/h.
    pub rain_mm_h: f64,
    /// The station's own pressure, hPa.
    pub pressure: f64,
    /// Visibility, km.
    pub visibility_km: f64,
}

/// What fronts and storms do at a place.
#[derive(Clone, Copy, Debug, Default)]
struct Disturbance {
    rain_mm_h: f64,
    cooling: f64,
    gust_ms: f64,
    pressure: f64,
    moisture: f64,
}

impl World {
    /// The weather at a place.
    pub fn weather(&self, place: Place, at: Moment) -> Weather {
        let disturbance = self.disturbance(place, at);
        let height_km = self.height_m(place) / 1000.0;
        let rain = disturbance.rain_mm_h;
        let cloud =
            (0.4 + 0.4 * self.slow("cloud", place, at, Span(21_600.0)) + rain / 8.0 + 0.4 * disturbance.moisture)
                .clamp(0.0, 1.0);
        let season = libm::cos(std::f64::consts::TAU * (at.year_share() - 0.54));
        let sun = libm::cos(std::f64::consts::TAU * (at.hour() - 14.5) / 24.0);
        let day_mean = 24.5 + 5.5 * season - 6.0 * height_km + 2.0 * self.slow("synoptic", place, at, Span(260_000.0));
        let temperature = day_mean + 5.0 * (1.0 - 0.65 * cloud) * sun - disturbance.cooling - 0.06 * rain.min(40.0)
            + 0.4 * self.local("temperature", place, at, Span(1_800.0));
        let dryness = (5.5 - 2.5 * season + 1.5 * self.slow("dryness", place, at, Span(180_000.0))).max(0.8);
        let wetting = (1.0 - 0.9 * disturbance.moisture) * libm::exp(-rain / 6.0);
        let depression = (temperature - (day_mean - disturbance.cooling - dryness)).max(0.3) * wetting;
        let dew_point = temperature - depression.max(0.1);
        let humidity = (100.0 * saturation_hpa(dew_point) / saturation_hpa(temperature)).clamp(5.0, 100.0);
        let (wind_ms, wind_from_deg) = self.wind(place, at);
        let gust_ms = wind_ms * (1.45 + 0.2 * self.local("gust", place, at, Span(300.0))) + disturbance.gust_ms;
        let tide = 1.2 * libm::cos(std::f64::consts::TAU * (at.hour() - 10.0) / 12.0);
        let sea_level = 1011.0 - 6.0 * season
            + 3.0 * self.slow("pressure", place, at, Span(250_000.0))
            + tide
            + disturbance.pressure;
        let fog = rise(humidity, 95.5, 99.5);
        Weather {
            temperature,
            dew_point,
            humidity,
            wind_ms: wind_ms + 0.45 * disturbance.gust_ms,
            gust_ms,
            wind_from_deg,
            rain_mm_h: rain,
            pressure: sea_level * libm::pow(1.0 - height_km / 44.33, 5.255),
            visibility_km: 32.0 * (1.0 - 0.96 * fog) / (1.0 + rain / 6.0),
        }
    }

    /// Rain alone, mm/h: what the rivers and roads ask for.
    pub fn rain_mm_h(&self, place: Place, at: Moment) -> f64 {
        self.disturbance(place, at).rain_mm_h
    }

    /// The ordinary wind: speed (m/s) and where it comes from (degrees).
    pub fn wind(&self, place: Place, at: Moment) -> (f64, f64) {
        let wind = self.scenario.wind;
        let day = rise(at.hour(), 7.0, 13.0) * (1.0 - rise(at.hour(), 17.0, 21.0));
        let speed = wind.speed_ms * (0.65 + 0.55 * day) * (1.0 + 0.3 * self.local("wind", place, at, Span(900.0)));
        let from = wind.from_deg
            + 18.0 * self.slow("veer", place, at, Span(10_800.0))
            + 12.0 * self.local("veer", place, at, Span(900.0));
        (speed.max(0.1), from.rem_euclid(360.0))
    }

    fn disturbance(&self, place: Place, at: Moment) -> Disturbance {
        let mut sum = Disturbance::default();
        for (number, front) in self.scenario.fronts.iter().enumerate() {
            self.add_front(&mut sum, number as u64, front, place, at);
        }
        for (number, storm) in self.scenario.storms.iter().enumerate() {
            self.add_storm(&mut sum, number as u64, storm, place, at);
        }
        sum
    }

    fn add_front(&self, sum: &mut Disturbance, number: u64, front: &Front, place: Place, at: Moment) {
        let Some(now) = events::latest(front.when, at.since_s) else { return };
        let (sin, cos) = libm::sincos(front.toward_deg.to_radians());
        let along = place.east * sin + place.north * cos;
        let behind = front.speed_kmh * now.age_s / 3600.0 - front.ahead_km - along;
        // A front that has gone this far no longer matters; beyond it the repetition begins without a jump.
        let old = 1.0 - rise(behind, 180.0, 320.0);
        let line = bell(behind, front.width_km);
        sum.rain_mm_h += front.rain_mm_h * line * self.texture(number, place, at);
        sum.gust_ms += front.gust_ms * bell(behind, front.width_km * 0.7);
        sum.cooling += front.cooling * rise(behind, -4.0, 18.0) * old;
        sum.pressure += 2.5 * rise(behind, 0.0, 30.0) * old - 3.0 * bell(behind, front.width_km * 1.6);
        sum.moisture = (sum.moisture + bell(behind - front.width_km * 0.5, front.width_km * 1.8)).min(1.0);
    }

    fn add_storm(&self, sum: &mut Disturbance, number: u64, storm: &Storm, place: Place, at: Moment) {
        let Some(now) = events::latest(storm.when, at.since_s) else { return };
        let lasts = storm.lasts.seconds();
        if now.age_s > lasts {
            return;
        }
        let strength = rise(now.age_s, 0.0, lasts * 0.12) * (1.0 - rise(now.age_s, lasts * 0.75, lasts));
        let middle = Place::of(storm.place).toward(storm.toward_deg, storm.speed_kmh * now.age_s / 3600.0);
        let near = bell(place.distance(middle), storm.radius_km) * strength;
        sum.rain_mm_h += storm.rain_mm_h * near * self.texture(1000 + number, place, at);
        sum.gust_ms += 9.0 * near;
        sum.cooling += 3.0 * near;
        sum.pressure -= 1.5 * near;
        sum.moisture = (sum.moisture + near * 1.5).min(1.0);
    }

    /// Showers inside the rain: 0.55 to 1.45, in cells of 6 km that change within 20 minutes.
    fn texture(&self, number: u64, place: Place, at: Moment) -> f64 {
        let cell = (libm::floor(place.east / 6.0) as i64 as u64)
            ^ (libm::floor(place.north / 6.0) as i64 as u64).rotate_left(32);
        1.0 + 0.45 * self.noise.smooth(Stream::of("shower", cell ^ number.rotate_left(16)), at.periods(Span(1_200.0)))
    }

    /// A curve that the whole province shares, moving over it from west to east at 40 km/h.
    pub(super) fn slow(&self, name: &str, place: Place, at: Moment, period: Span) -> f64 {
        self.noise.smooth(Stream::of(name, 0), at.periods(period) - place.east / 40.0 * 3600.0 / period.seconds())
    }

    /// A curve of this place alone.
    pub(super) fn local(&self, name: &str, place: Place, at: Moment, period: Span) -> f64 {
        let here = (place.east * 50.0) as i64 as u64 ^ ((place.north * 50.0) as i64 as u64).rotate_left(32);
        self.noise.rough(Stream::of(name, here), at.periods(period))
    }
}

/// Saturation pressure of water vapour, hPa (Magnus, 17.62 and 243.12).
fn saturation_hpa(celsius: f64) -> f64 {
    6.112 * libm::exp(17.62 * celsius / (243.12 + celsius))
}
