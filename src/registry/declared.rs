//! The folder of seeds as a whole: `areas/*.geojson` and `stations/*.toml`, checked against each other.
//!
//! Reads no database: the same code answers `saola check` and seeds the registry.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::area_file::{self, DeclaredArea};
use super::areas::{AreaShape, Areas};
use super::derived;
use super::field;
use super::policy_file;
use super::station_file::{self, DeclaredStation, StationDeclaration};
use crate::document::read_text;
use crate::indices::config as indices;
use crate::model::{Catalogue, Channel, ChannelId, Mistake, Policy, Station, StationId, StationNo};

/// What the files declare, without a mistake.
#[derive(Debug, Default)]
pub struct Declared {
    pub(super) areas: Vec<DeclaredArea>,
    pub(super) stations: Vec<DeclaredStation>,
    pub(super) shapes: Areas,
    pub(super) warnings: Vec<Mistake>,
    policy: Policy,
    indices: indices::Config,
}

impl Declared {
    /// Reads the folder; either everything is right or every mistake is returned.
    pub fn read(folder: &Path) -> Result<Declared, Vec<Mistake>> {
        let (declared, mistakes) = Declared::read_what_is_right(folder);
        if mistakes.is_empty() { Ok(declared) } else { Err(mistakes) }
    }

    /// Reads the folder: what is right, and every mistake. Only for looking at: nothing is seeded from a part.
    pub fn read_what_is_right(folder: &Path) -> (Declared, Vec<Mistake>) {
        let mut mistakes = Vec::new();
        let mut areas = Vec::new();
        for (file, text) in texts(&folder.join("areas"), "geojson", &mut mistakes) {
            let (found, wrong) = area_file::read(&file, &text);
            areas.extend(found);
            mistakes.extend(wrong);
        }
        // An area that could not be read would make its stations look wrong, so references wait until all are right.
        let areas_are_right = mistakes.is_empty();
        let mut stations = Vec::new();
        for (file, text) in texts(&folder.join("stations"), "toml", &mut mistakes) {
            let (found, wrong) = station_file::read(&file, &text);
            stations.extend(found);
            mistakes.extend(wrong);
        }
        mistakes.extend(area_references(&areas, areas_are_right));
        let shapes = Areas::new(areas.iter().map(|area| area.shape.clone()).collect());
        mistakes.extend(duplicate_stations(&mut stations));
        if areas_are_right {
            mistakes.extend(stations.iter().filter_map(|declared| unknown_area(declared, &shapes)));
        }
        mistakes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        let mut warnings = Vec::new();
        if stations.is_empty() && mistakes.is_empty() {
            let message = "declares no station: every reading will be refused".to_owned();
            warnings.push(Mistake { file: shown(&folder.join("stations")), line: 0, key: String::new(), message });
        }
        warnings.extend(place(&mut stations, &shapes));
        let policy = policy(folder, &stations, &mut mistakes, &mut warnings);
        let indices = indices(folder, &mut mistakes);
        warnings.extend(derive(&mut stations, &indices));
        (Declared { areas, stations, shapes, warnings, policy, indices }, mistakes)
    }

    /// The warnings: what is allowed, but probably not meant.
    pub fn warnings(&self) -> &[Mistake] {
        &self.warnings
    }

    /// The quality checks and sleep schedules.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Which indices are computed.
    pub fn indices(&self) -> &indices::Config {
        &self.indices
    }

    /// Stretches of road, by the stations that stand for them.
    pub fn segments(&self) -> super::Segments {
        let own = self.stations.iter().filter(|declared| !declared.policy.segment.is_empty());
        own.map(|declared| (declared.station.id.clone(), declared.policy.segment.clone())).collect()
    }

    /// How many stations and areas are declared.
    pub fn counts(&self) -> (usize, usize) {
        (self.stations.len(), self.areas.len())
    }
}

impl Declared {
    /// The catalogue that an empty registry would have: to check rules against, its numbers mean nothing.
    pub fn catalogue(&self) -> Catalogue {
        let mut channels = Vec::new();
        let mut stations = Vec::with_capacity(self.stations.len());
        for (place, DeclaredStation { station, .. }) in self.stations.iter().enumerate() {
            let no = StationNo(place as u32);
            let first = channels.len() as u32;
            channels.extend(station.channels.iter().zip(first..).map(|(channel, id)| Channel {
                id: ChannelId(id),
                station: no,
                property: channel.property.clone(),
                unit: channel.unit,
                interval: channel.interval,
                plausible: channel.plausible,
                link: channel.link,
                retired: false,
            }));
            stations.push(Station {
                no,
                id: station.id.clone(),
                kind: station.kind,
                name: station.name.clone(),
                position: station.position,
                area: station.area.clone(),
                maintenance: station.maintenance,
                retired: false,
                channels: (first..channels.len() as u32).map(ChannelId).collect(),
            });
        }
        let areas = self.shapes.shapes().iter().map(|shape| shape.area.clone()).collect();
        // Reading has made sure that names are unique, and the numbers are given out just here.
        let catalogue = Catalogue::new(Vec::new(), areas, stations, channels).unwrap_or_default();
        let derived = derived::links(&catalogue, &self.indices);
        catalogue.with_derived(derived)
    }
}

/// Which indices are computed; none without the file.
fn indices(folder: &Path, mistakes: &mut Vec<Mistake>) -> indices::Config {
    let path = folder.join(indices::FILE);
    if !path.exists() {
        return indices::Config::default();
    }
    match read_text(&path) {
        Err(mistake) => {
            mistakes.push(mistake);
            indices::Config::default()
        }
        Ok(text) => {
            let (config, wrong) = indices::read(&shown(&path), &text);
            mistakes.extend(wrong);
            config
        }
    }
}

/// Adds the channels that follow from what stations observe; warns of those that a station declares itself.
fn derive(stations: &mut [DeclaredStation], config: &indices::Config) -> Vec<Mistake> {
    let mut warnings = Vec::new();
    for declared in stations {
        for property in derived::extend(&mut declared.station, config) {
            let message = format!(
                "is computed here, and what the station sends is refused: name the station under `except` in {}",
                indices::FILE
            );
            warnings.push(declared.mistake(&property, message));
        }
    }
    warnings
}

/// The table of quality checks, and what stations say differently. Without the table nothing is checked.
fn policy(
    folder: &Path,
    stations: &[DeclaredStation],
    mistakes: &mut Vec<Mistake>,
    warnings: &mut Vec<Mistake>,
) -> Policy {
    let path = folder.join(policy_file::FILE);
    let mut policy = Policy::default();
    if path.exists() {
        match read_text(&path) {
            Err(mistake) => mistakes.push(mistake),
            Ok(text) => {
                let (read, wrong) = policy_file::read(&shown(&path), &text);
                policy = read;
                mistakes.extend(wrong);
            }
        }
    } else if !stations.is_empty() {
        let message = "is not there: suspicious values are not flagged".to_owned();
        warnings.push(Mistake { file: shown(&path), line: 0, key: String::new(), message });
    }
    for declared in stations {
        declared.policy.put(&declared.station.id, &mut policy);
    }
    policy
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The folder's files of one ending, by name, with their text.
fn texts(folder: &Path, ending: &str, mistakes: &mut Vec<Mistake>) -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = match std::fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect(),
        Err(error) => {
            let message = format!("the folder cannot be read: {error}");
            mistakes.push(Mistake { file: shown(folder), line: 0, key: String::new(), message });
            return Vec::new();
        }
    };
    paths.retain(|path| path.extension().is_some_and(|found| found == ending));
    paths.sort();
    let mut texts = Vec::with_capacity(paths.len());
    for path in paths {
        match read_text(&path) {
            Ok(text) => texts.push((shown(&path), text)),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    texts
}

/// How far a circle of parents is followed: no area lies deeper.
const AREA_DEPTH_MAX: usize = 64;

/// Areas declared twice, parents that are not there, and parents that lead in a circle.
fn area_references(areas: &[DeclaredArea], parents_are_known: bool) -> Vec<Mistake> {
    let mut first: HashMap<&str, &DeclaredArea> = HashMap::new();
    let mut mistakes = Vec::new();
    let mistake = |area: &DeclaredArea, key: &str, message| Mistake {
        file: area.file.clone(),
        line: area.line,
        key: key.to_owned(),
        message,
    };
    for declared in areas {
        let code = declared.shape.area.id.as_str();
        if let Some(first) = first.get(code) {
            let message = format!("{code} is declared already at {}:{}", first.file, first.line);
            mistakes.push(mistake(declared, "properties.code", message));
        } else {
            first.insert(code, declared);
        }
    }
    for declared in areas.iter().filter(|_| parents_are_known) {
        let AreaShape { area, facts, .. } = &declared.shape;
        if let Some(parent) = area.parent.as_ref().filter(|parent| !first.contains_key(parent.as_str())) {
            mistakes.push(mistake(declared, "properties.parent", format!("no area has the code {parent}")));
        }
        let up = |area: &&DeclaredArea| first.get(area.shape.area.parent.as_ref()?.as_str()).copied();
        let mut above = std::iter::successors(up(&declared), up).take(AREA_DEPTH_MAX);
        if above.any(|above| above.shape.area.id == area.id) {
            mistakes.push(mistake(declared, "properties.parent", "leads back to the area itself".to_owned()));
        }
        if let Some(successor) = facts.successors.iter().find(|code| !first.contains_key(code.as_str())) {
            mistakes.push(mistake(declared, "properties.successors", format!("no area has the code {successor}")));
        }
    }
    mistakes
}

/// Stations declared twice; only the first of a name stays.
fn duplicate_stations(stations: &mut Vec<DeclaredStation>) -> Vec<Mistake> {
    let mut first: HashMap<StationId, (String, usize)> = HashMap::with_capacity(stations.len());
    let mut mistakes = Vec::new();
    stations.retain(|declared| {
        let id = &declared.station.id;
        if let Some((file, line)) = first.get(id) {
            mistakes.push(declared.mistake("id", format!("{id} is declared already at {file}:{line}")));
            return false;
        }
        first.insert(id.clone(), (declared.file.clone(), declared.line));
        true
    });
    mistakes
}

fn unknown_area(declared: &DeclaredStation, shapes: &Areas) -> Option<Mistake> {
    let area = declared.station.area.as_ref()?;
    shapes.get(area).is_none().then(|| declared.mistake("area", format!("no area has the code {area}")))
}

impl DeclaredStation {
    /// A mistake in this station as a whole.
    pub(super) fn mistake(&self, key: &str, message: String) -> Mistake {
        Mistake { file: self.file.clone(), line: self.line, key: format!("{}.{key}", self.station.id), message }
    }
}

/// Finds the area of every station that names none; warns of those outside every area.
fn place(stations: &mut [DeclaredStation], shapes: &Areas) -> Vec<Mistake> {
    let mut warnings = Vec::new();
    for declared in stations {
        if declared.station.area.is_some() {
            continue;
        }
        declared.station.area = shapes.locate(declared.station.position);
        if declared.station.area.is_none() && !shapes.shapes().is_empty() {
            let message = "lies outside every known area".to_owned();
            warnings.push(declared.mistake("lon", message));
        }
    }
    warnings
}

/// What is wrong with stations that a program declares, by the rules of the files.
pub(super) fn check(stations: &[StationDeclaration], shapes: &Areas) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut seen = std::collections::HashSet::with_capacity(stations.len());
    for station in stations {
        let mut note = |key: &str, checked: Result<(), String>| {
            if let Err(message) = checked {
                let (file, key) = ("program".to_owned(), format!("{}.{key}", station.id));
                mistakes.push(Mistake { file, line: 0, key, message });
            }
        };
        note("id", field::station_id(station.id.as_str()).map(drop));
        note("lon", field::longitude(station.position.lon));
        note("lat", field::latitude(station.position.lat, Some(station.position.lon)));
        if !seen.insert(&station.id) {
            note("id", Err("is declared twice".to_owned()));
        }
        if station.area.as_ref().is_some_and(|area| shapes.get(area).is_none()) {
            note("area", Err("no area has this code".to_owned()));
        }
        if !(1..=super::CHANNELS_PER_STATION_MAX).contains(&station.channels.len()) {
            note("channel", Err(format!("1 to {} channels a station", super::CHANNELS_PER_STATION_MAX)));
        }
        for (index, channel) in station.channels.iter().enumerate() {
            note("property", field::property(channel.property.as_str()).map(drop));
            note("interval", field::interval(channel.interval));
            note("min", field::range(channel.plausible));
            if station.channels[..index].iter().any(|former| former.property == channel.property) {
                note("property", Err(format!("the station has {} already", channel.property)));
            }
        }
    }
    mistakes
}
