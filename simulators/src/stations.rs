//! The station files (`config/stations/*.toml`) as a device knows itself: its name, place and channels.
//!
//! Keys that a device does not need are passed over: the registry is the one that judges the files.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::span::Span;

/// A station file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StationsError {
    /// The folder or a file of it cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, or not stations.
    #[error("{file} is not a station file: {source}")]
    Malformed {
        /// Which one.
        file: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A folder without a station.
    #[error("no station in {0}")]
    Empty(String),
}

/// A device's station.
#[derive(Clone, Debug, Deserialize)]
pub struct Station {
    /// Name in topics.
    pub id: String,
    /// `traffic`, `air`, `weather`, `river`, `rain`, `forest`, `meter`.
    pub kind: String,
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
    /// What it observes, in the order of the file.
    #[serde(rename = "channel", default)]
    pub channels: Vec<Channel>,
}

/// One observed property of a station.
#[derive(Clone, Debug, Deserialize)]
pub struct Channel {
    /// Property name, also the field of the payload.
    pub property: String,
    /// Expected time between samples.
    pub interval: Span,
    /// Lowest plausible value.
    #[serde(default = "lowest")]
    pub min: f64,
    /// Highest plausible value.
    #[serde(default = "highest")]
    pub max: f64,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    station: Vec<Station>,
}

/// The stations of several files, each with its name for messages, in the order given.
pub fn parse(files: &[(String, String)]) -> Result<Vec<Station>, StationsError> {
    let mut stations = Vec::new();
    for (file, text) in files {
        let parsed: File = toml::from_str(text)
            .map_err(|source| StationsError::Malformed { file: file.clone(), source: Box::new(source) })?;
        stations.extend(parsed.station);
    }
    Ok(stations)
}

/// The stations of every `*.toml` in a folder, in the order of the file names.
pub fn read_folder(folder: &Path) -> Result<Vec<Station>, StationsError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| StationsError::Unreadable { path, source }
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
        files.push((path.display().to_string(), text));
    }
    let stations = parse(&files)?;
    if stations.is_empty() { Err(StationsError::Empty(folder.display().to_string())) } else { Ok(stations) }
}

/// Stations that stand for series recorded elsewhere: only `replay` publishes for them.
pub fn is_recorded(station: &Station) -> bool {
    station.id.starts_with("REC-")
}

fn lowest() -> f64 {
    f64::MIN
}

fn highest() -> f64 {
    f64::MAX
}
