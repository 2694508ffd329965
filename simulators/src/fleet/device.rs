//! One device: when it publishes, and what its channels read at a moment.

use std::collections::BTreeMap;

use crate::phenomena::noise::{Noise, Stream, key};
use crate::phenomena::{Moment, Place, World};
use crate::scenario::Scenario;
use crate::stations::Station;

/// The first messages of all devices come within this many seconds, so that a map fills at once.
const FIRST_WITHIN_S: u64 = 12;
/// A tipping bucket counts rain by this much, mm.
const BUCKET_MM: f64 = 0.2;

/// A station's device.
#[derive(Debug)]
pub struct Device {
    /// Its station.
    pub station: Station,
    /// Its own number for chance.
    pub key: u64,
    /// Real seconds between its messages.
    pub every_s: u64,
    /// Real seconds from the start to its first message.
    pub first_s: u64,
    /// What its link adds between observing and publishing, ms; below a second.
    pub latency_ms: u64,
    /// Seconds between its observations by the station file.
    pub interval_s: f64,
    place: Place,
    /// For each channel: it is in every this many messages.
    in_every: Vec<u64>,
}

/// A value with the decimals that its sensor gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    /// The value.
    pub value: f64,
    /// Digits after the point.
    pub decimals: u8,
}

impl Device {
    /// The device of a station, publishing as the scenario's speed asks.
    pub fn new(station: Station, scenario: &Scenario, speed: f64, noise: Noise) -> Self {
        let key = key(&station.id);
        let shortest = station.channels.iter().map(|channel| channel.interval.seconds()).fold(f64::INFINITY, f64::min);
        let interval_s = if shortest.is_finite() { shortest.max(1.0) } else { 60.0 };
        let slowest = interval_s.max(1.0);
        let every = (interval_s / speed).clamp(scenario.fastest.seconds().clamp(1.0, slowest), slowest);
        let every_s = libm::round(every) as u64;
        let pick = |name: &str, below: u64| (noise.uniform(Stream::of(name, key), 0) * below as f64) as u64;
        let in_every =
            station.channels.iter().map(|channel| libm::round(channel.interval.seconds() / interval_s).max(1.0) as u64);
        Self {
            key,
            every_s,
            first_s: pick("first", every_s.min(FIRST_WITHIN_S)),
            latency_ms: 20 + pick("latency", 900),
            interval_s,
            place: Place::of([station.lon, station.lat]),
            in_every: in_every.collect(),
            station,
        }
    }

    /// What its channels read at a moment: `(channel's place in the station, value)`, those due in message `step`.
    /// `span_s` is the phenomenon time since the previous message: amounts are of that time.
    pub fn read(&self, world: &World, at: Moment, step: u64, span_s: f64) -> Vec<(usize, Value)> {
        let values = self.observe(world, at, span_s, |channel| self.in_every[channel]);
        let due = |channel: &usize| step.is_multiple_of(self.in_every[*channel]);
        let channels = (0..self.station.channels.len()).filter(due);
        channels
            .filter_map(|place| {
                let channel = &self.station.channels[place];
                let found = *values.get(channel.property.as_str())?;
                let value =
                    if found.value.is_finite() { found.value.clamp(channel.min, channel.max) } else { return None };
                Some((place, Value { value, decimals: found.decimals }))
            })
            .collect()
    }

    /// Every property that a device of its kind observes.
    fn observe(
        &self,
        world: &World,
        at: Moment,
        span_s: f64,
        in_every: impl Fn(usize) -> u64,
    ) -> BTreeMap<&'static str, Value> {
        let mut values = BTreeMap::new();
        let mut put = |name, value, decimals| {
            values.insert(name, Value { value, decimals });
        };
        let weather = world.weather(self.place, at);
        put("air_temperature", weather.temperature, 1);
        put("relative_humidity", weather.humidity, 1);
        put("air_pressure", weather.pressure, 1);
        put("dew_point", weather.dew_point, 1);
        put("wind_speed", weather.wind_ms, 1);
        put("wind_gust", weather.gust_ms, 1);
        put("wind_direction", libm::round(weather.wind_from_deg) % 360.0, 0);
        put("visibility", weather.visibility_km, 2);
        if let Some(channel) = self.station.channels.iter().position(|channel| channel.property == "rainfall") {
            put("rainfall", self.rain_mm(world, at, span_s * in_every(channel) as f64), 1);
        }
        match self.station.kind.as_str() {
            "traffic" => {
                let traffic = world.traffic(&self.station.id, self.key, self.place, at);
                put("vehicle_flow", traffic.flow_per_hour, 0);
                put("vehicle_speed", traffic.speed_kmh, 1);
                put("occupancy", traffic.occupancy, 2);
                put("travel_time", traffic.travel_time_s, 0);
            }
            "air" => {
                let air = world.air(self.key, self.place, at, &weather);
                for (name, value) in
                    [("pm2_5", air.pm2_5), ("pm10", air.pm10), ("so2", air.so2), ("no2", air.no2), ("o3", air.o3)]
                {
                    put(name, value, 1);
                }
                put("co", air.co, 0);
            }
            "river" => {
                if let Some(stage) = world.river(&self.station.id, self.key, at) {
                    put("water_level", stage.level_m, 3);
                    put("discharge", stage.discharge_m3s, 1);
                    put("water_flow", stage.discharge_m3s * 1000.0, 0);
                }
            }
            "rain" => put("battery_voltage", world.forest(self.key, self.place, at, &weather).battery_v, 2),
            "forest" => {
                let forest = world.forest(self.key, self.place, at, &weather);
                put("air_temperature", forest.temperature, 1);
                put("relative_humidity", forest.humidity, 1);
                put("smoke", forest.smoke, 3);
                put("camera_fire_score", forest.camera_fire, 3);
                put("acoustic_score", forest.acoustic, 3);
                put("battery_voltage", forest.battery_v, 2);
            }
            _ => {}
        }
        values
    }

    /// Rain of the last `span_s`, counted in tips of the bucket.
    fn rain_mm(&self, world: &World, at: Moment, span_s: f64) -> f64 {
        let rates = [5.0, 3.0, 1.0].map(|sixth| world.rain_mm_h(self.place, at.before(span_s * sixth / 6.0)));
        let fallen = rates.iter().sum::<f64>() / 3.0 * span_s / 3600.0;
        libm::round(fallen / BUCKET_MM) * BUCKET_MM
    }
}
