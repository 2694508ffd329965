//! Map files (`simulators/maps/*.toml`): which columns of a recorded file are which station, time and properties.
//!
//! ```toml
//! about = "…"
//! [time]
//! column = "timestamp_local"
//! format = "%Y-%m-%d %H:%M:%S"     # or "rfc3339" (the default): times with their offset
//! zone = "America/Chicago"          # of times without an offset
//! [station]
//! column = "sensor_id"              # or: fixed = "REC-EWR"
//! map = { "mndot-387" = "REC-MNDOT-387" }
//! [long]                            # one reading a row …
//! property = "metric"
//! value = "value"
//! map = { speed = "vehicle_speed" }
//! [[column]]                        # … or several: a column for each property
//! name = "wind_dir"
//! property = "wind_direction"
//! read = "wind_words"               # "number" (the default) or words like NNE
//! ```

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Deserialize;

/// A map that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// Not TOML, or not a map.
    #[error("not a map file: {0}")]
    Malformed(Box<toml::de::Error>),
    /// A time zone that nobody knows.
    #[error("no time zone is named `{0}`")]
    Zone(String),
    /// A time format without an offset needs a zone, one with an offset must not have one.
    #[error("time.zone is {0}")]
    ZoneAndFormat(&'static str),
    /// The station comes from a column or is fixed.
    #[error("station needs either `fixed` or `column`, and `map` only with `column`")]
    Station,
    /// A row has one reading or several.
    #[error("a map needs either [long] or at least one [[column]]")]
    Shape,
}

/// How a recorded file is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// What the file is, in a sentence.
    pub about: String,
    pub(super) time: Time,
    pub(super) station: Station,
    pub(super) long: Option<Long>,
    #[serde(rename = "column", default)]
    pub(super) columns: Vec<Column>,
    #[serde(skip)]
    pub(super) zone: Option<TimeZone>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Time {
    pub column: String,
    #[serde(default = "rfc3339")]
    pub format: String,
    pub zone: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Station {
    pub fixed: Option<String>,
    pub column: Option<String>,
    pub map: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Long {
    pub property: String,
    pub value: String,
    pub map: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    pub name: String,
    pub property: String,
    #[serde(default)]
    pub read: Read,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Read {
    #[default]
    Number,
    WindWords,
}

impl Time {
    pub fn is_rfc3339(&self) -> bool {
        self.format == "rfc3339"
    }
}

impl Map {
    /// Reads a map and finds its time zone.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        let mut map: Map = toml::from_str(text).map_err(|error| MapError::Malformed(Box::new(error)))?;
        let offset_in_format =
            map.time.is_rfc3339() || map.time.format.contains("%z") || map.time.format.contains("%:z");
        map.zone = match (&map.time.zone, offset_in_format) {
            (None, true) => None,
            (Some(name), false) => Some(TimeZone::get(name).map_err(|_| MapError::Zone(name.clone()))?),
            (None, false) => return Err(MapError::ZoneAndFormat("missing: the format has no offset")),
            (Some(_), true) => return Err(MapError::ZoneAndFormat("one too many: the format has an offset")),
        };
        if map.station.fixed.is_some() == map.station.column.is_some()
            || map.station.fixed.is_some() && map.station.map.is_some()
        {
            return Err(MapError::Station);
        }
        if map.long.is_some() != map.columns.is_empty() {
            return Err(MapError::Shape);
        }
        Ok(map)
    }
}

/// The sixteen points of the wind rose in degrees, as JSON numbers; north is 0.
pub(super) fn wind_degrees(word: &str) -> Option<&'static str> {
    const ROSE: [(&str, &str); 16] = [
        ("N", "0"),
        ("NNE", "22.5"),
        ("NE", "45"),
        ("ENE", "67.5"),
        ("E", "90"),
        ("ESE", "112.5"),
        ("SE", "135"),
        ("SSE", "157.5"),
        ("S", "180"),
        ("SSW", "202.5"),
        ("SW", "225"),
        ("WSW", "247.5"),
        ("W", "270"),
        ("WNW", "292.5"),
        ("NW", "315"),
        ("NNW", "337.5"),
    ];
    ROSE.iter().find(|(point, _)| *point == word).map(|(_, degrees)| *degrees)
}

fn rfc3339() -> String {
    "rfc3339".to_owned()
}
