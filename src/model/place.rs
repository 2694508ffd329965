//! Positions and names in two languages.

use serde::{Deserialize, Serialize};

/// WGS 84, degrees; longitude first, as GeoJSON (RFC 7946) writes it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// East of Greenwich, -180 to 180.
    pub lon: f64,
    /// North of the equator, -90 to 90.
    pub lat: f64,
}

/// Metres of a degree of latitude, on the sphere of 6,371,009 m: for planes that touch the earth in one place.
pub const METRES_PER_DEGREE: f64 = 111_195.0;

/// A name in Vietnamese and English.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalName {
    /// Vietnamese.
    pub vi: String,
    /// English.
    pub en: String,
}
