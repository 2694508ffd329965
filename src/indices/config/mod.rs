//! `indices.toml`: which indices are computed, for which stations, with which tables.
//!
//! An index whose section is absent is not computed. Every section says where its numbers come from (`source`) and whether
//! they were confirmed there (`confirmed`), which the API passes on. Decisions of provinces and stations (scales, limits
//! of rain, alarm stages, free flow) are here and not in the code. `config/indices.toml` documents every key.

mod outputs;
mod read;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::fire_danger_p::{RainLimits, Scale};
use super::fwi::{Classes, Constant};
use super::level_of_service::Shares;
use super::quantity::{KilometresPerHour, Metres};
use super::river::Heights;
use super::vn_aqi::Completeness;
use crate::model::{AreaId, StationId, StationKind};

pub use outputs::{DerivedChannel, Input, Outputs, output, property};
pub use read::read;

/// The file's name in the province's folder.
pub const FILE: &str = "indices.toml";

/// Everything that the file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What days and times of day are reckoned by.
    pub zone: TimeZone,
    /// How far back late and corrected inputs change what was derived.
    pub look_back: Duration,
    /// How long after its end an hour, and after its time a day, is computed.
    pub grace: Duration,
    /// VN_AQI, hourly and daily.
    pub vn_aqi: Option<VnAqi>,
    /// P.
    pub fire_danger_p: Option<FireDangerP>,
    /// Canadian system.
    pub fwi: Option<Fwi>,
    /// Chandler.
    pub cbi: Option<Cbi>,
    /// Traffic.
    pub level_of_service: Option<Service>,
    /// Rain over windows.
    pub rain: Option<Rain>,
    /// River stages.
    pub river_alarm: Option<RiverAlarm>,
    /// Landslide threshold.
    pub landslide_rain: Option<Landslide>,
}

impl Default for Config {
    /// Nothing is computed.
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            look_back: Duration::from_secs(3 * 86_400),
            grace: Duration::from_secs(240),
            vn_aqi: None,
            fire_danger_p: None,
            fwi: None,
            cbi: None,
            level_of_service: None,
            rain: None,
            river_alarm: None,
            landslide_rain: None,
        }
    }
}

/// What every section says.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// Which stations: of these kinds.
    pub kinds: Vec<StationKind>,
    /// Of these, only those named; all when empty.
    pub stations: Vec<StationId>,
    /// But not these.
    pub except: Vec<StationId>,
    /// Where formula and numbers come from.
    pub source: String,
    /// Whether the numbers were confirmed there.
    pub confirmed: bool,
}

impl About {
    /// Whether a station is meant.
    pub fn covers(&self, id: &StationId, kind: StationKind) -> bool {
        let is_named = self.stations.is_empty() || self.stations.contains(id);
        self.kinds.contains(&kind) && is_named && !self.except.contains(id)
    }
}

/// VN_AQI.
#[derive(Clone, Debug, PartialEq)]
pub struct VnAqi {
    /// What every section says.
    pub about: About,
    /// Of samples in an hour and of hours in a mean.
    pub completeness: Completeness,
}

/// An index of one noon after another.
#[derive(Clone, Debug, PartialEq)]
pub struct Daily {
    /// The time of day.
    pub at: Time,
    /// How old the air's readings may be then.
    pub within: Duration,
    /// Of the rain reports of 24 hours.
    pub completeness: Completeness,
    /// Days without a value that are bridged by the last one; after more the index begins anew.
    pub gap_days: u8,
}

/// P.
#[derive(Clone, Debug, PartialEq)]
pub struct FireDangerP {
    /// What every section says.
    pub about: About,
    /// When.
    pub daily: Daily,
    /// Where no zone says otherwise.
    pub scale: Scale,
    /// Where no zone says otherwise.
    pub rain_limits: RainLimits,
    /// Zones with tables of their own.
    pub zones: Vec<Zone>,
}

/// Communes with tables of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// For people.
    pub name: String,
    /// The communes.
    pub areas: Vec<AreaId>,
    /// Levels.
    pub scale: Scale,
    /// Rain that resets.
    pub rain_limits: RainLimits,
}

impl FireDangerP {
    /// The tables of a commune.
    pub fn tables(&self, area: Option<&AreaId>) -> (Scale, RainLimits) {
        let zone = area.and_then(|area| self.zones.iter().find(|zone| zone.areas.contains(area)));
        zone.map_or((self.scale, self.rain_limits), |zone| (zone.scale, zone.rain_limits))
    }
}

/// Canadian system.
#[derive(Clone, Debug, PartialEq)]
pub struct Fwi {
    /// What every section says.
    pub about: About,
    /// When.
    pub daily: Daily,
    /// Of the FFMC.
    pub constant: Constant,
    /// Of the FWI.
    pub classes: Classes,
}

/// Chandler.
#[derive(Clone, Debug, PartialEq)]
pub struct Cbi {
    /// What every section says.
    pub about: About,
}

/// Traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// What every section says.
    pub about: About,
    /// Shares of free flow.
    pub shares: Shares,
    /// Where a station does not say otherwise; `None`: only the named ones are computed.
    pub free_flow: Option<KilometresPerHour>,
    /// By station.
    pub stations: Vec<(StationId, KilometresPerHour)>,
}

impl Service {
    /// A station's free flow.
    pub fn free_flow(&self, id: &StationId) -> Option<KilometresPerHour> {
        self.stations.iter().find(|(named, _)| named == id).map(|(_, speed)| *speed).or(self.free_flow)
    }
}

/// Rain over windows.
#[derive(Clone, Debug, PartialEq)]
pub struct Rain {
    /// What every section says.
    pub about: About,
    /// Hours: some of 1, 3, 6, 12, 24, 72.
    pub hours: Vec<u64>,
    /// Of the reports of a window.
    pub completeness: Completeness,
}

/// River stages.
#[derive(Clone, Debug, PartialEq)]
pub struct RiverAlarm {
    /// What every section says.
    pub about: About,
    /// Differences up to this are no rise and no fall.
    pub steady: Metres,
    /// By gauge; others are not computed.
    pub gauges: Vec<Gauge>,
}

impl RiverAlarm {
    /// A gauge's heights.
    pub fn gauge(&self, id: &StationId) -> Option<&Gauge> {
        self.gauges.iter().find(|gauge| gauge.station == *id)
    }
}

/// One gauge.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// The station.
    pub station: StationId,
    /// Its alarm stages.
    pub heights: Heights,
    /// What they are above, for people.
    pub datum: String,
    /// Whether these were confirmed.
    pub confirmed: bool,
}

/// Landslide threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Landslide {
    /// What every section says.
    pub about: About,
    /// Which.
    pub formula: LandslideFormula,
    /// Of the reports of four days.
    pub completeness: Completeness,
}

/// Published thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LandslideFormula {
    /// Do and Yin 2018, for Hà Giang.
    DoAndYin,
    /// Caine 1980, worldwide.
    Caine,
}
