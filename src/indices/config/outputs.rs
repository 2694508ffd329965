//! Which channels follow from which: what a station gets for what it observes in a unit that the index can take.

use std::time::Duration;

use super::{About, Config};
use crate::indices::rain::{WINDOWS, is_window_of};
use crate::model::{LinkClass, Property, Range, StationId, StationKind, Unit};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// A channel that a station has.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// What is observed.
    pub property: Property,
    /// Its unit.
    pub unit: Unit,
    /// Expected time between samples.
    pub interval: Duration,
    /// How it is connected.
    pub link: LinkClass,
}

/// A channel that follows from others.
#[derive(Clone, Debug, PartialEq)]
pub struct DerivedChannel {
    /// What it is called.
    pub property: Property,
    /// Unit of its values.
    pub unit: Unit,
    /// Time between its values.
    pub interval: Duration,
    /// What its values can be.
    pub plausible: Range,
    /// How late it can ordinarily be.
    pub link: LinkClass,
    /// The properties that it is made from, as far as the station has them.
    pub from: Vec<Property>,
}

/// The properties that indices are made from.
pub mod property {
    /// Of VN_AQI: dust, of which one is needed.
    pub const DUST: [&str; 2] = ["pm2_5", "pm10"];
    /// Of VN_AQI: gases, as far as they are there.
    pub const GASES: [&str; 4] = ["o3", "co", "so2", "no2"];
    /// Air temperature.
    pub const TEMPERATURE: &str = "air_temperature";
    /// Relative humidity.
    pub const HUMIDITY: &str = "relative_humidity";
    /// Wind.
    pub const WIND: &str = "wind_speed";
    /// Rain since the last report.
    pub const RAIN: &str = "rainfall";
    /// Speed of vehicles.
    pub const SPEED: &str = "vehicle_speed";
    /// Stage of a river.
    pub const LEVEL: &str = "water_level";
}

/// The names of derived channels that have no list of their own.
pub mod output {
    /// VN_AQI of an hour.
    pub const VN_AQI: &str = "vn_aqi";
    /// VN_AQI of a day.
    pub const VN_AQI_DAILY: &str = "vn_aqi_daily";
    /// P.
    pub const FIRE_DANGER_P: &str = "fire_danger_p";
    /// Level of P, 1 to 5.
    pub const FIRE_DANGER_LEVEL: &str = "fire_danger_level";
    /// The Canadian system, in the order in which it is computed.
    pub const FWI: [&str; 6] = ["ffmc", "dmc", "dc", "isi", "bui", "fwi"];
    /// Chandler's index.
    pub const CBI: &str = "cbi";
    /// Level of service, 1 (A) to 6 (F).
    pub const LEVEL_OF_SERVICE: &str = "level_of_service";
    /// River alarm stage, 0 to 3.
    pub const RIVER_ALARM_STAGE: &str = "river_alarm_stage";
    /// Rain above the landslide threshold.
    pub const LANDSLIDE_RAIN_MARGIN: &str = "landslide_rain_margin";
}

/// What a station gets.
pub struct Outputs<'c> {
    config: &'c Config,
}

impl Config {
    /// The channels that follow from what a station observes itself.
    pub fn outputs(&self) -> Outputs<'_> {
        Outputs { config: self }
    }
}

impl Outputs<'_> {
    /// For one station. A channel of the same name that it declares itself is not in `observed`, or is not derived.
    pub fn of(&self, id: &StationId, kind: StationKind, observed: &[Input]) -> Vec<DerivedChannel> {
        let has = |property: &str, wanted: Unit| {
            let is_usable = |input: &&Input| input.unit.convert(1.0, wanted).is_some();
            observed.iter().find(|input| input.property.as_str() == property).filter(is_usable)
        };
        let pollutant = |name: &&str| has(name, Unit::MicrogramPerCubicMetre);
        let config = self.config;
        let covers = |about: &About| about.covers(id, kind);
        let mut found = Vec::new();
        if config.vn_aqi.as_ref().is_some_and(|vn_aqi| covers(&vn_aqi.about)) {
            let dust = property::DUST.iter().filter_map(pollutant);
            let from: Vec<&Input> = dust.clone().chain(property::GASES.iter().filter_map(pollutant)).collect();
            if dust.count() > 0 {
                found.extend(
                    [(output::VN_AQI, HOUR), (output::VN_AQI_DAILY, DAY)]
                        .map(|(name, interval)| scheduled(name, Unit::One, interval, (0.0, 500.0), &from)),
                );
            }
        }
        let air = [
            has(property::TEMPERATURE, Unit::Celsius),
            has(property::HUMIDITY, Unit::Percent),
            has(property::RAIN, Unit::Millimetre),
            has(property::WIND, Unit::KilometrePerHour),
        ];
        if config.fire_danger_p.as_ref().is_some_and(|p| covers(&p.about))
            && let [Some(t), Some(h), Some(rain), _] = air
        {
            let from = [t, h, rain];
            found.push(scheduled(output::FIRE_DANGER_P, Unit::One, DAY, (0.0, 1e7), &from));
            found.push(scheduled(output::FIRE_DANGER_LEVEL, Unit::One, DAY, (1.0, 5.0), &from));
        }
        if config.fwi.as_ref().is_some_and(|fwi| covers(&fwi.about))
            && let [Some(t), Some(h), Some(rain), Some(wind)] = air
        {
            let from = [t, h, rain, wind];
            found.extend(output::FWI.map(|name| scheduled(name, Unit::One, DAY, (0.0, 1e6), &from)));
        }
        if config.cbi.as_ref().is_some_and(|cbi| covers(&cbi.about))
            && let [Some(t), Some(h), ..] = air
        {
            found.push(at_samples(output::CBI, Unit::One, (-100.0, 1_000.0), &[t, h]));
        }
        self.roads_and_water(id, kind, &has, &mut found);
        found
    }

    fn roads_and_water<'i>(
        &self,
        id: &StationId,
        kind: StationKind,
        has: &impl Fn(&str, Unit) -> Option<&'i Input>,
        found: &mut Vec<DerivedChannel>,
    ) {
        let config = self.config;
        let service = config.level_of_service.as_ref().filter(|service| service.about.covers(id, kind));
        if let (Some(_), Some(speed)) =
            (service.and_then(|service| service.free_flow(id)), has(property::SPEED, Unit::KilometrePerHour))
        {
            found.push(at_samples(output::LEVEL_OF_SERVICE, Unit::One, (1.0, 6.0), &[speed]));
        }
        let river = config.river_alarm.as_ref().filter(|river| river.about.covers(id, kind));
        if let (Some(_), Some(level)) = (river.and_then(|river| river.gauge(id)), has(property::LEVEL, Unit::Metre)) {
            found.push(at_samples(output::RIVER_ALARM_STAGE, Unit::One, (0.0, 3.0), &[level]));
        }
        let Some(rain) = has(property::RAIN, Unit::Millimetre) else { return };
        if let Some(windows) = config.rain.as_ref().filter(|windows| windows.about.covers(id, kind)) {
            let is_wanted = |hours: &u64| windows.hours.contains(hours) && is_window_of(*hours, rain.interval);
            let wanted = WINDOWS.iter().filter(|(hours, _)| is_wanted(hours));
            found.extend(wanted.map(|(_, name)| at_samples(name, Unit::Millimetre, (0.0, 10_000.0), &[rain])));
        }
        if config.landslide_rain.as_ref().is_some_and(|landslide| landslide.about.covers(id, kind)) {
            let name = output::LANDSLIDE_RAIN_MARGIN;
            found.push(at_samples(name, Unit::Millimetre, (-5_000.0, 10_000.0), &[rain]));
        }
    }
}

fn derived(name: &str, unit: Unit, (min, max): (f64, f64), from: &[&Input]) -> DerivedChannel {
    let first = from.first();
    DerivedChannel {
        property: Property::new(name),
        unit,
        interval: first.map_or(HOUR, |input| input.interval),
        plausible: Range { min, max },
        link: first.map_or(LinkClass::Cellular, |input| input.link),
        from: from.iter().map(|input| input.property.clone()).collect(),
    }
}

/// One value for each sample of the first input.
fn at_samples(name: &str, unit: Unit, range: (f64, f64), from: &[&Input]) -> DerivedChannel {
    derived(name, unit, range, from)
}

/// One value an hour or a day. Its link is the slowest: the grace after the hour is ordinary.
fn scheduled(name: &str, unit: Unit, interval: Duration, range: (f64, f64), from: &[&Input]) -> DerivedChannel {
    DerivedChannel { interval, link: LinkClass::Lorawan, ..derived(name, unit, range, from) }
}
