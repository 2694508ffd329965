//! Distances, bearings, words for directions, and the national grid: pure functions of WGS 84 positions.
//!
//! The earth is the WGS 84 ellipsoid; distances and bearings are those of the geodesic (Karney 2013, by crate `geo`),
//! good to well under a millimetre. Heights are left out on purpose: positions here have none, and in the mountains of
//! the province a path is longer than the line by far more than any model of the earth would change.

pub mod vn2000;

use geo::{Bearing, Distance, Geodesic, Point};

use crate::model::{LocalName, Position};

/// Metres along the ellipsoid between two positions; zero or more.
pub fn distance_m(from: Position, to: Position) -> f64 {
    Geodesic.distance(point(from), point(to))
}

/// The direction in which one leaves `from` to get to `to`: degrees clockwise from north, 0 up to but not including
/// 360; 0 when both are one place.
pub fn bearing_deg(from: Position, to: Position) -> f64 {
    if from == to {
        return 0.0;
    }
    turned(Geodesic.bearing(point(from), point(to)))
}

/// Metres from the earth's centre along its axes (towards 0 N 0 E, 0 N 90 E and the pole), on the ellipsoid's surface.
/// The straight line between two such points is shorter than [`distance_m`] by 4 parts in a million at 60 km: what
/// indexes of places may compare by.
pub fn geocentric_m(position: Position) -> [f64; 3] {
    vn2000::to_geocentric(position.lat.to_radians(), position.lon.to_radians())
}

/// The least angle between two directions, 0 to 180 degrees.
pub fn angle_between_deg(one: f64, other: f64) -> f64 {
    let apart = turned(one - other);
    apart.min(360.0 - apart)
}

/// A direction in degrees, brought to 0 up to but not including 360.
fn turned(degrees: f64) -> f64 {
    let turned = degrees.rem_euclid(360.0);
    // A tiny negative number rounds up to the whole circle.
    if turned == 360.0 { 0.0 } else { turned }
}

fn point(position: Position) -> Point {
    Point::new(position.lon, position.lat)
}

/// One of the eight winds, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compass {
    /// 337.5 to 22.5 degrees.
    North,
    /// 22.5 to 67.5.
    NorthEast,
    /// 67.5 to 112.5.
    East,
    /// 112.5 to 157.5.
    SouthEast,
    /// 157.5 to 202.5.
    South,
    /// 202.5 to 247.5.
    SouthWest,
    /// 247.5 to 292.5.
    West,
    /// 292.5 to 337.5.
    NorthWest,
}

impl Compass {
    /// Every wind, clockwise from north.
    pub const ALL: [Compass; 8] = [
        Compass::North,
        Compass::NorthEast,
        Compass::East,
        Compass::SouthEast,
        Compass::South,
        Compass::SouthWest,
        Compass::West,
        Compass::NorthWest,
    ];

    /// The wind nearest to a bearing in degrees clockwise from north, whatever its turn; `None` for what is no number.
    pub fn of(bearing_deg: f64) -> Option<Compass> {
        let eighths = (turned(bearing_deg) / 45.0).round();
        eighths.is_finite().then(|| Compass::ALL[eighths as usize % Compass::ALL.len()])
    }

    /// In Vietnamese, as inside a sentence: `đông bắc`.
    pub fn vi(self) -> &'static str {
        match self {
            Compass::North => "bắc",
            Compass::NorthEast => "đông bắc",
            Compass::East => "đông",
            Compass::SouthEast => "đông nam",
            Compass::South => "nam",
            Compass::SouthWest => "tây nam",
            Compass::West => "tây",
            Compass::NorthWest => "tây bắc",
        }
    }

    /// In English, as inside a sentence: `north-east`.
    pub fn en(self) -> &'static str {
        match self {
            Compass::North => "north",
            Compass::NorthEast => "north-east",
            Compass::East => "east",
            Compass::SouthEast => "south-east",
            Compass::South => "south",
            Compass::SouthWest => "south-west",
            Compass::West => "west",
            Compass::NorthWest => "north-west",
        }
    }

    /// In both languages.
    pub fn words(self) -> LocalName {
        LocalName { vi: self.vi().to_owned(), en: self.en().to_owned() }
    }
}

#[cfg(test)]
mod tests;
