//! The province as the phenomena see it (`simulators/terrain/*.toml`): heights, roads and rivers.
//!
//! It is not in the station files because a device does not know it: only the world it stands in does.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::span::Span;

/// A terrain file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TerrainError {
    /// Not TOML, or not a terrain.
    #[error("not a terrain file: {0}")]
    Malformed(Box<toml::de::Error>),
    /// A gauge below one that the file does not have before it: the water would run in a circle.
    #[error("gauge {gauge} lies below {upstream}, which is not listed before it")]
    Upstream {
        /// The lower one.
        gauge: String,
        /// The upper one.
        upstream: String,
    },
}

/// Heights, demand and gauges.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terrain {
    /// Demand by traffic station.
    #[serde(default)]
    pub demand: BTreeMap<String, Demand>,
    /// Known heights.
    #[serde(default)]
    pub relief: Vec<Height>,
    /// River gauges, upper ones first.
    #[serde(rename = "gauge", default)]
    pub gauges: Vec<Gauge>,
}

/// What passes a traffic detector.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// Vehicles in the busiest ordinary hour, both directions.
    pub peak_per_hour: f64,
    /// Speed of an empty road, km/h.
    pub free_flow_kmh: f64,
    /// Length of the stretch that the travel time is for, km.
    pub length_km: f64,
}

/// A place of known height.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Height {
    /// Its name, for the reader of the file.
    pub place: String,
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
    /// Metres above the sea.
    pub height_m: f64,
}

/// A river gauge and the land that drains to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gauge {
    /// Its station.
    pub station: String,
    /// Flow in dry weather, m³/s.
    pub base_m3s: f64,
    /// Reading of the staff at that flow, m.
    pub base_level_m: f64,
    /// Power by which the level grows with the flow.
    pub rating: f64,
    /// Area between this gauge and the ones above, km².
    pub area_km2: f64,
    /// Time by which that area's rain arrives, on the mean.
    pub concentration: Span,
    /// Points of that area, degrees east and north.
    pub catchment: Vec<[f64; 2]>,
    /// The next gauges above and the water's time from them.
    pub upstream: Vec<Upstream>,
}

/// A gauge above.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Its station.
    pub station: String,
    /// The water's time from it.
    pub lag: Span,
}

/// Reads a terrain and checks that water runs down the list.
pub fn parse(text: &str) -> Result<Terrain, TerrainError> {
    let terrain: Terrain = toml::from_str(text).map_err(|error| TerrainError::Malformed(Box::new(error)))?;
    for (place, gauge) in terrain.gauges.iter().enumerate() {
        for above in &gauge.upstream {
            if !terrain.gauges[..place].iter().any(|upper| upper.station == above.station) {
                return Err(TerrainError::Upstream { gauge: gauge.station.clone(), upstream: above.station.clone() });
            }
        }
    }
    Ok(terrain)
}
