//! The province's station files, terrain and scenarios, embedded in the program so that a demo needs no folder.

use std::path::Path;

use crate::scenario::{self, Scenario, ScenarioError};

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!($folder, "/", $name, ".toml")))),*]
    };
}

/// `config/stations/*.toml` by name without the ending.
pub const STATIONS: &[(&str, &str)] = files!("../../config/stations":
    "air", "forest", "rain", "recorded", "river", "traffic", "weather");

/// `simulators/scenarios/*.toml` by name.
pub const SCENARIOS: &[(&str, &str)] = files!("../scenarios": "calm", "fire", "flood", "lai_chau");

/// `simulators/maps/*.toml` by name: how the recorded series are read.
pub const MAPS: &[(&str, &str)] = files!("../maps": "air_beijing", "traffic_mndot", "water_flow", "weather_ewr");

/// The province's heights, roads and rivers.
pub const TERRAIN: &str = include_str!("../terrain/lai_chau.toml");

/// The station files as [`crate::stations::parse`] takes them.
pub fn station_files() -> Vec<(String, String)> {
    STATIONS.iter().map(|(name, text)| (format!("{name}.toml"), (*text).to_owned())).collect()
}

/// A shipped scenario by its name, or the one in a file when the name is a path to a `.toml`.
pub fn scenario(name: &str) -> Result<Scenario, ScenarioError> {
    if let Some((_, text)) = SCENARIOS.iter().find(|(shipped, _)| *shipped == name) {
        return scenario::parse(name, text);
    }
    let unknown = || ScenarioError::Unknown {
        name: name.to_owned(),
        shipped: SCENARIOS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
    };
    let path = Path::new(name);
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Err(unknown());
    }
    scenario::parse(name, &std::fs::read_to_string(path).map_err(|_| unknown())?)
}
