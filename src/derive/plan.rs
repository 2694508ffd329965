//! What is to be computed: the derived channels of the catalogue with their inputs and tables.

use std::time::Duration;

use hashbrown::HashMap;
use jiff::civil::Time;

use super::air::{AirDay, AirHour, POLLUTANTS};
use super::days::{FireWeather, RainAndAir, WeatherCodes, newest_before};
use super::gauges::{Burning, RainSums, Road, Stages};
use super::past::{Past, Source, Stretch};
use super::{Cadence, Slot};
use crate::indices::config::{Config, output, property};
use crate::indices::quantity::Latitude;
use crate::indices::rain::WINDOWS;
use crate::model::{Catalogue, Channel, ChannelId, Station, Timestamp, Unit};
use crate::store::StoreError;

const HOUR: Duration = Duration::from_secs(3_600);

/// One index of one station.
#[derive(Clone, Debug)]
pub enum Work {
    /// VN_AQI of hours.
    AirHour(AirHour),
    /// VN_AQI of days.
    AirDay(AirDay),
    /// P.
    FireWeather(FireWeather),
    /// The Canadian system.
    WeatherCodes(WeatherCodes),
    /// Chandler.
    Burning(Burning),
    /// Level of service.
    Road(Road),
    /// Rain over windows, and the landslide threshold.
    RainSums(RainSums),
    /// River stages.
    Stages(Stages),
}

/// Everything that is to be computed.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// By station.
    pub works: Vec<Work>,
    /// Places in `works`.
    by_output: HashMap<ChannelId, usize>,
}

impl Work {
    /// When it has values.
    pub fn cadence(&self) -> Cadence {
        match self {
            Work::AirHour(_) => Cadence::Hourly,
            Work::AirDay(_) => Cadence::Daily(Time::midnight()),
            Work::FireWeather(work) => Cadence::Daily(work.weather.at),
            Work::WeatherCodes(work) => Cadence::Daily(work.weather.at),
            Work::Burning(_) | Work::Road(_) | Work::RainSums(_) | Work::Stages(_) => Cadence::Samples,
        }
    }

    /// How much later than an input the values are that it can change; `None`: all later ones.
    pub fn reach(&self) -> Option<Duration> {
        match self {
            Work::AirHour(_) => Some(HOUR * 12),
            Work::AirDay(_) => Some(HOUR * 32),
            Work::FireWeather(_) | Work::WeatherCodes(_) => None,
            Work::Burning(work) => Some(work.humidity.interval * 2),
            Work::Road(_) => Some(Duration::ZERO),
            Work::RainSums(work) => Some(work.reach()),
            Work::Stages(_) => Some(Stages::MEMORY),
        }
    }

    /// What it is made from.
    pub fn inputs(&self) -> Vec<ChannelId> {
        let weather = |weather: &RainAndAir| [weather.temperature, weather.humidity, weather.rain].to_vec();
        let sources = match self {
            Work::AirHour(work) => work.pollutants.iter().flatten().copied().collect(),
            Work::AirDay(work) => work.pollutants.iter().flatten().copied().collect(),
            Work::FireWeather(work) => weather(&work.weather),
            Work::WeatherCodes(work) => [weather(&work.weather), vec![work.wind]].concat(),
            Work::Burning(work) => vec![work.temperature, work.humidity],
            Work::Road(work) => vec![work.speed],
            Work::RainSums(work) => vec![work.rain],
            Work::Stages(work) => vec![work.level],
        };
        sources.iter().map(|source: &Source| source.channel).collect()
    }

    /// What it makes and goes on from: a person's word on one of these changes what follows.
    pub fn chained(&self) -> Vec<ChannelId> {
        match self {
            Work::FireWeather(work) => vec![work.p],
            Work::WeatherCodes(work) => work.outputs[..3].to_vec(),
            Work::Stages(work) => vec![work.output],
            Work::AirHour(_) | Work::AirDay(_) | Work::Burning(_) | Work::Road(_) | Work::RainSums(_) => Vec::new(),
        }
    }

    /// From when on it is caught up at the start: days go on from their last value, however old.
    ///
    /// # Errors
    /// What the store says.
    pub fn resumes_at(&self, past: &dyn Past, floor: Timestamp) -> Result<Timestamp, StoreError> {
        let last = match self {
            Work::FireWeather(work) => newest_before(past, work.p, floor)?,
            Work::WeatherCodes(work) => newest_before(past, work.outputs[0], floor)?,
            _ => None,
        };
        Ok(last.unwrap_or(floor))
    }

    /// What it makes.
    pub fn outputs(&self) -> Vec<ChannelId> {
        match self {
            Work::AirHour(work) => vec![work.output],
            Work::AirDay(work) => vec![work.output],
            Work::FireWeather(work) => vec![work.p, work.level],
            Work::WeatherCodes(work) => work.outputs.to_vec(),
            Work::Burning(work) => vec![work.output],
            Work::Road(work) => vec![work.output],
            Work::RainSums(work) => work.outputs(),
            Work::Stages(work) => vec![work.output],
        }
    }

    /// Its values at the given instants, or at those of its inputs' samples in the stretch.
    ///
    /// # Errors
    /// What the store says.
    pub fn compute(
        &self,
        past: &dyn Past,
        stretch: Stretch,
        instants: &[super::Instant],
    ) -> Result<Vec<Slot>, StoreError> {
        match self {
            Work::AirHour(work) => work.compute(past, instants),
            Work::AirDay(work) => work.compute(past, instants),
            Work::FireWeather(work) => work.compute(past, instants),
            Work::WeatherCodes(work) => work.compute(past, instants),
            Work::Burning(work) => work.compute(past, stretch),
            Work::Road(work) => work.compute(past, stretch),
            Work::RainSums(work) => work.compute(past, stretch),
            Work::Stages(work) => work.compute(past, stretch),
        }
    }
}

/// One station while its works are made.
struct Site<'c> {
    catalogue: &'c Catalogue,
    station: &'c Station,
}

impl Site<'_> {
    fn channel(&self, property: &str) -> Option<&Channel> {
        self.catalogue.channel_of(self.station, property)
    }

    fn source(&self, property: &str, unit: Unit) -> Option<Source> {
        self.channel(property).and_then(|channel| Source::new(channel, unit))
    }

    fn output(&self, property: &str) -> Option<ChannelId> {
        let channel = self.channel(property).filter(|channel| !channel.retired)?;
        self.catalogue.is_derived(channel.id).then_some(channel.id)
    }

    fn air(&self, config: &Config, works: &mut Vec<Work>) {
        let Some(vn_aqi) = &config.vn_aqi else { return };
        let pollutants = POLLUTANTS.map(|property| self.source(property, Unit::MicrogramPerCubicMetre));
        let completeness = vn_aqi.completeness;
        let (hour, day) = (self.output(output::VN_AQI), self.output(output::VN_AQI_DAILY));
        works.extend(hour.map(|output| Work::AirHour(AirHour { pollutants, completeness, output })));
        works.extend(day.map(|output| Work::AirDay(AirDay { pollutants, completeness, output })));
    }

    fn weather(&self, daily: &crate::indices::config::Daily) -> Option<RainAndAir> {
        Some(RainAndAir {
            at: daily.at,
            within: daily.within,
            completeness: daily.completeness,
            gap_days: daily.gap_days,
            temperature: self.source(property::TEMPERATURE, Unit::Celsius)?,
            humidity: self.source(property::HUMIDITY, Unit::Percent)?,
            rain: self.source(property::RAIN, Unit::Millimetre)?,
        })
    }

    fn fire_weather(&self, config: &Config) -> Option<Work> {
        let settings = config.fire_danger_p.as_ref()?;
        let (scale, rain_limits) = settings.tables(self.station.area.as_ref());
        let (p, level) = (self.output(output::FIRE_DANGER_P)?, self.output(output::FIRE_DANGER_LEVEL)?);
        let weather = self.weather(&settings.daily)?;
        Some(Work::FireWeather(FireWeather { weather, scale, rain_limits, p, level }))
    }

    fn weather_codes(&self, config: &Config) -> Option<Work> {
        let settings = config.fwi.as_ref()?;
        let outputs: Vec<ChannelId> = output::FWI.iter().map(|name| self.output(name)).collect::<Option<_>>()?;
        Some(Work::WeatherCodes(WeatherCodes {
            weather: self.weather(&settings.daily)?,
            wind: self.source(property::WIND, Unit::KilometrePerHour)?,
            latitude: Latitude(self.station.position.lat),
            constant: settings.constant,
            outputs: outputs.try_into().ok()?,
        }))
    }

    fn burning(&self) -> Option<Work> {
        let temperature = self.source(property::TEMPERATURE, Unit::Celsius)?;
        let humidity = self.source(property::HUMIDITY, Unit::Percent)?;
        Some(Work::Burning(Burning { temperature, humidity, output: self.output(output::CBI)? }))
    }

    fn road(&self, config: &Config) -> Option<Work> {
        let settings = config.level_of_service.as_ref()?;
        let (free_flow, shares) = (settings.free_flow(&self.station.id)?, settings.shares);
        let speed = self.source(property::SPEED, Unit::KilometrePerHour)?;
        Some(Work::Road(Road { speed, free_flow, shares, output: self.output(output::LEVEL_OF_SERVICE)? }))
    }

    fn stages(&self, config: &Config) -> Option<Work> {
        let settings = config.river_alarm.as_ref()?;
        let (heights, steady) = (settings.gauge(&self.station.id)?.heights, settings.steady);
        let level = self.source(property::LEVEL, Unit::Metre)?;
        Some(Work::Stages(Stages { level, heights, steady, output: self.output(output::RIVER_ALARM_STAGE)? }))
    }

    fn rain(&self, config: &Config) -> Option<Work> {
        let rain = self.source(property::RAIN, Unit::Millimetre)?;
        let windows = config.rain.as_ref().map(|settings| settings.completeness);
        let landslide = config.landslide_rain.as_ref();
        let landslide = landslide.map(|settings| (settings.formula, settings.completeness));
        let landslide = landslide.zip(self.output(output::LANDSLIDE_RAIN_MARGIN));
        let windows = windows.map(|least| {
            let each = WINDOWS.iter().filter_map(|(hours, name)| Some((*hours, self.output(name)?)));
            (least, each.collect::<Vec<_>>())
        });
        let work = RainSums {
            rain,
            windows: windows.unwrap_or((crate::indices::vn_aqi::Completeness(1.0), Vec::new())),
            landslide,
        };
        (!work.outputs().is_empty()).then_some(Work::RainSums(work))
    }
}

impl Plan {
    /// From the stations in service and the configuration.
    pub fn new(catalogue: &Catalogue, config: &Config) -> Plan {
        let mut works = Vec::new();
        for station in catalogue.stations().iter().filter(|station| !station.retired) {
            if !station.channels.iter().any(|channel| catalogue.is_derived(*channel)) {
                continue;
            }
            let site = Site { catalogue, station };
            site.air(config, &mut works);
            let others = [
                site.fire_weather(config),
                site.weather_codes(config),
                site.burning(),
                site.road(config),
                site.stages(config),
                site.rain(config),
            ];
            works.extend(others.into_iter().flatten());
        }
        let each = works.iter().enumerate();
        let by_output = each.flat_map(|(place, work)| work.outputs().into_iter().map(move |id| (id, place))).collect();
        Plan { works, by_output }
    }

    /// What makes a channel.
    pub fn of(&self, channel: ChannelId) -> Option<&Work> {
        self.works.get(*self.by_output.get(&channel)?)
    }
}
