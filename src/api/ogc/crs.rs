//! The coordinate reference systems of answers: WGS 84 longitude and latitude, and the national grid's zone.

use serde_json::{Value, json};

use crate::geodesy::vn2000::{OutsideZone, tm3_103};
use crate::model::Position;

/// A coordinate reference system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crs {
    /// WGS 84, longitude and latitude in degrees (OGC CRS84).
    Crs84,
    /// VN-2000 / TM-3 103-00 (EPSG:9205): east and north in metres, in this order, good to about 1 m.
    Vn2000,
}

impl Crs {
    /// Every one.
    pub const ALL: [Crs; 2] = [Crs::Crs84, Crs::Vn2000];

    /// Its identifier.
    pub fn uri(self) -> &'static str {
        match self {
            Crs::Crs84 => "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
            Crs::Vn2000 => "http://www.opengis.net/def/crs/EPSG/0/9205",
        }
    }

    /// By its identifier.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = || Crs::ALL.map(Crs::uri).join(" or ");
        Crs::ALL.into_iter().find(|crs| crs.uri() == text).ok_or_else(|| format!("{text:?} is not {}", known()))
    }

    /// A place in this system.
    pub fn coordinates(self, at: Position) -> Result<[f64; 2], OutsideZone> {
        match self {
            Crs::Crs84 => Ok([at.lon, at.lat]),
            // To the millimetre, finer than the datum's own metre.
            Crs::Vn2000 => tm3_103(at.lat, at.lon).map(|(east, north)| [east, north].map(to_millimetres)),
        }
    }

    /// A GeoJSON point.
    pub fn point(self, at: Position) -> Result<Value, OutsideZone> {
        Ok(json!({ "type": "Point", "coordinates": self.coordinates(at)? }))
    }

    /// A GeoJSON multi-polygon.
    pub fn multi_polygon(self, polygons: &geo::MultiPolygon<f64>) -> Result<Value, OutsideZone> {
        let ring = |line: &geo::LineString<f64>| {
            line.coords().map(|at| self.coordinates(Position { lon: at.x, lat: at.y })).collect::<Result<Vec<_>, _>>()
        };
        let rings = |polygon: &geo::Polygon<f64>| {
            std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(ring).collect::<Result<Vec<_>, _>>()
        };
        let coordinates = polygons.iter().map(rings).collect::<Result<Vec<_>, _>>()?;
        Ok(json!({ "type": "MultiPolygon", "coordinates": coordinates }))
    }
}

fn to_millimetres(metres: f64) -> f64 {
    (metres * 1_000.0).round() / 1_000.0
}
