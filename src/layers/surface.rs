//! Surfaces: what the values at stations let expect between them, in bands.
//!
//! Method: inverse distance weighting (Shepard 1968) with power 2 over the nearest twelve stations within the field's
//! reach; where there is none within reach nothing is drawn. It knows no mountains: a picture to look at, not a
//! measurement, and the answer says so. Only good samples of channels that are live or late are taken, only of stations
//! that whoever asks may see.
//!
//! A surface of now is reckoned anew at most every [`KEPT_FOR`], and says of when it is. Bounded: a grid of at most 65 by
//! 65 corners, [`KEPT_MAX`] surfaces kept.

use std::sync::Arc;
use std::time::Duration;

use geo::{Coord, MultiPolygon, Rect};
use parking_lot::Mutex;
use rstar::RTree;
use rstar::primitives::GeomWithData;

use super::bands::Grid;
use super::picture::Picture;
use super::sight::Sight;
use crate::model::{METRES_PER_DEGREE, Timestamp};

/// How long a surface stands for the pictures after its own.
pub const KEPT_FOR: Duration = Duration::from_secs(30);
/// Surfaces kept: four for everybody, and those of people who see some areas only.
const KEPT_MAX: usize = 64;
/// Squares along the longer side of the grid.
const SQUARES: usize = 64;
/// Stations that a value is made from.
const NEAREST: usize = 12;
/// Of the distance.
pub const POWER: i32 = 2;

/// What a surface is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Air temperature.
    AirTemperature,
    /// Rain of 24 hours.
    Rain24h,
    /// Fine particles.
    Pm25,
    /// Forest fire danger P.
    FireDanger,
}

impl Field {
    /// Every field.
    pub const ALL: [Field; 4] = [Field::AirTemperature, Field::Rain24h, Field::Pm25, Field::FireDanger];

    /// The property that it is made from.
    pub fn property(self) -> &'static str {
        match self {
            Field::AirTemperature => "air_temperature",
            Field::Rain24h => "rain_24h",
            Field::Pm25 => "pm2_5",
            Field::FireDanger => "fire_danger_p",
        }
    }

    /// Where one band ends and the next begins, ascending, in the property's unit. Rain as the national service's classes
    /// (light to 16, moderate to 50, heavy to 100 mm in 24 h); particles and danger as their indices' ends, danger by
    /// the scale that `indices.toml` ships.
    pub fn levels(self) -> &'static [f64] {
        match self {
            Field::AirTemperature => &[0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0],
            Field::Rain24h => &[0.6, 6.0, 16.0, 50.0, 100.0],
            Field::Pm25 => &[25.0, 50.0, 80.0, 150.0],
            Field::FireDanger => &[1_000.0, 2_500.0, 5_000.0, 10_000.0],
        }
    }

    /// How far from a station anything is said, metres: temperature and rain change with the valley, dust and dryness
    /// less. Our choice.
    pub fn reach_m(self) -> f64 {
        match self {
            Field::AirTemperature | Field::Rain24h => 15_000.0,
            Field::Pm25 => 20_000.0,
            Field::FireDanger => 30_000.0,
        }
    }
}

/// A band of a surface.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Its number from the lowest.
    pub step: usize,
    /// Its least value; `None` for the lowest.
    pub from: Option<f64>,
    /// Where it ends; `None` for the highest.
    pub to: Option<f64>,
    /// Where it is, degrees.
    pub polygon: MultiPolygon<f64>,
}

/// A surface.
#[derive(Clone, Debug, PartialEq)]
pub struct Surface {
    /// Of which moment.
    pub at: Timestamp,
    /// The picture's revision that it was made from.
    pub revision: u64,
    /// Stations that it was made from.
    pub stations: usize,
    /// Its bands that are anywhere.
    pub bands: Vec<Band>,
}

/// Of what, and for whom: the field and the sight.
type Wanted = (Field, u64);

/// Surfaces that were reckoned already.
#[derive(Debug, Default)]
pub struct Surfaces {
    kept: Mutex<Vec<(Wanted, Arc<Surface>)>>,
}

impl Surfaces {
    fn get(&self, key: Wanted, picture: &Picture) -> Option<Arc<Surface>> {
        let kept = self.kept.lock();
        let (_, surface) = kept.iter().find(|(own, _)| *own == key)?;
        let is_of_now = surface.revision == picture.revision;
        let is_young = surface.at <= picture.at && picture.at.since(surface.at) < KEPT_FOR;
        (is_of_now || is_young).then(|| Arc::clone(surface))
    }

    fn put(&self, key: Wanted, surface: Arc<Surface>) {
        let mut kept = self.kept.lock();
        kept.retain(|(own, _)| *own != key);
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push((key, surface));
    }
}

/// Whether the surface of a field need not be reckoned.
pub fn is_kept(picture: &Picture, field: Field, sight: &Sight) -> bool {
    picture.surfaces.get((field, sight.number()), picture).is_some()
}

/// The surface of a field, kept or reckoned: that takes a processor for a while.
pub fn surface(picture: &Picture, field: Field, sight: &Sight) -> Arc<Surface> {
    let key = (field, sight.number());
    if let Some(kept) = picture.surfaces.get(key, picture) {
        return kept;
    }
    let surface = Arc::new(reckon(picture, field, sight));
    picture.surfaces.put(key, Arc::clone(&surface));
    surface
}

type Sample = GeomWithData<[f64; 2], f64>;

fn reckon(picture: &Picture, field: Field, sight: &Sight) -> Surface {
    let samples: Vec<([f64; 2], f64)> = samples(picture, field, sight);
    let stations = samples.len();
    let mut bands = Vec::new();
    if let Some(bounds) = bounds(picture, &samples) {
        let grid = interpolate(&samples, bounds, field.reach_m());
        let levels = field.levels();
        for step in 0..=levels.len() {
            let (from, to) = (step.checked_sub(1).map(|below| levels[below]), levels.get(step).copied());
            let polygon = grid.band(from, to);
            if !polygon.0.is_empty() {
                bands.push(Band { step, from, to, polygon });
            }
        }
    }
    Surface { at: picture.at, revision: picture.revision, stations, bands }
}

fn samples(picture: &Picture, field: Field, sight: &Sight) -> Vec<([f64; 2], f64)> {
    let Some((property, unit)) =
        picture.property(field.property()).and_then(|number| Some((number, picture.unit_of(number)?)))
    else {
        return Vec::new();
    };
    let sample = |shown: super::picture::Shown<'_>| {
        let (channel, look) = picture.look_at(&shown, property)?;
        let value = look.current()?.value;
        Some(([shown.pin.position.lon, shown.pin.position.lat], channel.unit.convert(value, unit)?))
    };
    picture.stations().filter(|shown| sight.reaches(shown.pin.area)).filter_map(sample).collect()
}

/// The box to be covered: that of the areas, else of the stations with their reach.
fn bounds(picture: &Picture, samples: &[([f64; 2], f64)]) -> Option<Rect<f64>> {
    samples.first()?;
    picture.areas.whole().or_else(|| {
        let fold = |low: bool, axis: usize| {
            let ends = samples.iter().map(|(at, _)| at[axis]);
            if low { ends.fold(f64::INFINITY, f64::min) } else { ends.fold(f64::NEG_INFINITY, f64::max) }
        };
        let margin = 0.2;
        let low = Coord { x: fold(true, 0) - margin, y: fold(true, 1) - margin };
        Some(Rect::new(low, Coord { x: fold(false, 0) + margin, y: fold(false, 1) + margin }))
    })
}

fn interpolate(samples: &[([f64; 2], f64)], bounds: Rect<f64>, reach_m: f64) -> Grid {
    let middle = bounds.center().y.clamp(-85.0, 85.0);
    let per_degree = [METRES_PER_DEGREE * middle.to_radians().cos(), METRES_PER_DEGREE];
    let metres = |at: [f64; 2]| [at[0] * per_degree[0], at[1] * per_degree[1]];
    let tree = RTree::bulk_load(samples.iter().map(|(at, value)| Sample::new(metres(*at), *value)).collect());
    let longer = (bounds.width() * per_degree[0]).max(bounds.height() * per_degree[1]).max(1.0) / SQUARES as f64;
    let squares = |degrees: f64, axis: usize| ((degrees * per_degree[axis] / longer).ceil() as usize).clamp(1, SQUARES);
    let squares = [squares(bounds.width(), 0), squares(bounds.height(), 1)];
    let step = [bounds.width() / squares[0] as f64, bounds.height() / squares[1] as f64];
    let step = step.map(|step| step.max(1e-6));
    let origin = [bounds.min().x, bounds.min().y];
    let size = squares.map(|squares| squares + 1);
    let mut values = Vec::with_capacity(size[0] * size[1]);
    for row in 0..size[1] {
        for column in 0..size[0] {
            let at = metres([origin[0] + column as f64 * step[0], origin[1] + row as f64 * step[1]]);
            values.push(expected(&tree, at, reach_m));
        }
    }
    Grid { origin, step, size, values }
}

/// What is to be expected at a place; `None` when no station is within reach.
fn expected(tree: &RTree<Sample>, at: [f64; 2], reach_m: f64) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    let nearest = tree.nearest_neighbor_iter_with_distance_2(&at);
    for (sample, distance_2) in nearest.take(NEAREST).take_while(|(_, distance_2)| *distance_2 <= reach_m * reach_m) {
        if distance_2 < 1.0 {
            return Some(sample.data);
        }
        let weight = distance_2.sqrt().powi(-POWER);
        sum += weight * sample.data;
        weights += weight;
    }
    (weights > 0.0).then(|| sum / weights)
}
