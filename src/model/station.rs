//! Stations and their channels (SensorThings: Thing and Datastream).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AreaId, ChannelId, LocalName, Position, Property, StationId, StationNo, Timestamp, Unit};

/// What a station is for; also the map's symbol and the domain of its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StationKind {
    /// Road traffic detector.
    Traffic,
    /// Air quality.
    Air,
    /// Weather.
    Weather,
    /// River stage or flow.
    River,
    /// Rain gauge.
    Rain,
    /// Forest watching: temperature, humidity, smoke, camera, acoustic.
    Forest,
    /// Electricity, water or gas meter.
    Meter,
}

impl StationKind {
    /// Every kind, in order.
    pub const ALL: [StationKind; 7] = [
        StationKind::Traffic,
        StationKind::Air,
        StationKind::Weather,
        StationKind::River,
        StationKind::Rain,
        StationKind::Forest,
        StationKind::Meter,
    ];

    /// The word used in files, queries and answers.
    pub fn word(self) -> &'static str {
        match self {
            StationKind::Traffic => "traffic",
            StationKind::Air => "air",
            StationKind::Weather => "weather",
            StationKind::River => "river",
            StationKind::Rain => "rain",
            StationKind::Forest => "forest",
            StationKind::Meter => "meter",
        }
    }
}

/// How a device is connected: how long a delay is ordinary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkClass {
    /// Fibre or mains-powered cable: 10 s of grace.
    Wired,
    /// Mobile network: 60 s of grace.
    #[default]
    Cellular,
    /// LoRaWAN: 300 s of grace.
    Lorawan,
}

impl LinkClass {
    /// The delay that is ordinary on this link. Our choice, not a standard's.
    pub fn grace(self) -> Duration {
        match self {
            LinkClass::Wired => Duration::from_secs(10),
            LinkClass::Cellular => Duration::from_secs(60),
            LinkClass::Lorawan => Duration::from_secs(300),
        }
    }
}

/// Plausible values, both ends included, in the channel's unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Lowest.
    pub min: f64,
    /// Highest.
    pub max: f64,
}

impl Range {
    /// Whether a value lies inside.
    pub fn contains(&self, value: f64) -> bool {
        self.min <= value && value <= self.max
    }
}

/// One observed property at one station.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Number, also its place in [`super::Catalogue::channels`].
    pub id: ChannelId,
    /// The station that carries it.
    pub station: StationNo,
    /// What is observed.
    pub property: Property,
    /// Unit of its values.
    pub unit: Unit,
    /// Expected time between samples.
    pub interval: Duration,
    /// Values outside are refused.
    pub plausible: Range,
    /// How it is connected.
    pub link: LinkClass,
    /// Taken out of service, by itself or with its station: history stays readable under its name, new readings are
    /// refused.
    pub retired: bool,
}

/// A place that carries channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Station {
    /// Number, also its place in [`super::Catalogue::stations`].
    pub no: StationNo,
    /// Name in topics and addresses.
    pub id: StationId,
    /// What it is for.
    pub kind: StationKind,
    /// Name on the map.
    pub name: LocalName,
    /// Where it stands.
    pub position: Position,
    /// The commune it stands in; `None` outside every known one.
    pub area: Option<AreaId>,
    /// Under maintenance: its values are shown as such and raise no alert.
    pub maintenance: bool,
    /// Taken out of service: its number and name are kept for its history, and all of its channels are retired.
    pub retired: bool,
    /// Its channels, in the order of the registry; retired ones among them.
    pub channels: Vec<ChannelId>,
}

/// Where a station stood before it was moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormerPlace {
    /// It stood here before this instant; from the place before, or from its beginning, on.
    pub until: Timestamp,
    /// Where.
    pub position: Position,
    /// The commune that this was in.
    pub area: Option<AreaId>,
}
