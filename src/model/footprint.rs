//! What a station watches: the ground that a camera, a smoke sensor or an ear can judge.
//!
//! A circle or a sector goes with its station when that is moved; a polygon lies where it lies. Written to the database
//! and in changes of stations as JSON: members are added, never renamed.

use serde::{Deserialize, Serialize};

/// The ground that a station watches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// Its form.
    #[serde(flatten)]
    pub extent: Extent,
    /// Estimated, not surveyed.
    #[serde(default)]
    pub approximate: bool,
}

/// The form of a footprint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "snake_case")]
pub enum Extent {
    /// All around the station.
    Circle {
        /// Metres on the ground, more than 0, up to [`Footprint::RADIUS_MAX_M`].
        radius_m: f64,
    },
    /// A slice of a circle: a camera's view.
    Sector {
        /// Metres on the ground, more than 0, up to [`Footprint::RADIUS_MAX_M`].
        radius_m: f64,
        /// The middle of the view: degrees clockwise from north, 0 up to but not 360.
        bearing: f64,
        /// From edge to edge of the view: degrees, more than 0, at most 360.
        angle: f64,
    },
    /// Surveyed ground.
    Polygon {
        /// One ring of positions, longitude first, WGS 84 degrees; the last one may repeat the first.
        ring: Vec<[f64; 2]>,
    },
}

impl Footprint {
    /// The widest view, metres: a watch tower's camera on a clear day sees less.
    pub const RADIUS_MAX_M: f64 = 100_000.0;
    /// Positions of a ring.
    pub const RING_MAX: usize = 1_000;
}
