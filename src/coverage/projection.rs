//! Degrees of WGS 84 on a plane of true areas, and back.
//!
//! Lambert's cylindrical equal-area projection of the ellipsoid (Snyder, Map Projections: A Working Manual, USGS 1395,
//! 1987, equations 3-12, 3-16 and 10-13 to 10-16), true to scale at one latitude. Areas are those on the ellipsoid; what
//! is not exact is that an edge is taken as straight on this plane: for an edge of 10 km, one degree from that latitude,
//! it lies less than 1 m beside the straight line in degrees. Lengths are out by about 0.8 % at that distance.

use geo::{Coord, MapCoords, MultiPolygon, Polygon};

/// WGS 84: half the longer axis, metres; flattening.
const A: f64 = 6_378_137.0;
const F: f64 = 1.0 / 298.257_223_563;
const E2: f64 = F * (2.0 - F);
/// Beyond it a cylinder is of no use, and the inverse does not settle.
const LATITUDE_MAX: f64 = 89.0;

/// A plane of true areas, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    lon_0: f64,
    k_0: f64,
}

impl Projection {
    /// True to scale at a latitude, degrees; `lon_0` degrees is where x is nothing.
    pub fn around(lon_0: f64, latitude: f64) -> Projection {
        let sin = latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX).to_radians().sin();
        let cos = (1.0 - sin * sin).sqrt();
        Projection { lon_0, k_0: cos / (1.0 - E2 * sin * sin).sqrt() }
    }

    /// From degrees, longitude first, to metres.
    pub fn forward(self, at: Coord<f64>) -> Coord<f64> {
        let latitude = at.y.clamp(-LATITUDE_MAX, LATITUDE_MAX).to_radians();
        Coord { x: A * self.k_0 * (at.x - self.lon_0).to_radians(), y: A * q(latitude) / (2.0 * self.k_0) }
    }

    /// From metres to degrees, longitude first.
    pub fn inverse(self, at: Coord<f64>) -> Coord<f64> {
        let wanted = 2.0 * at.y * self.k_0 / A;
        let mut latitude = (wanted / 2.0).clamp(-1.0, 1.0).asin();
        // Newton's steps on q, which double the digits each.
        for _ in 0..6 {
            let sin = latitude.sin();
            let slope = 2.0 * (1.0 - E2) * latitude.cos() / (1.0 - E2 * sin * sin).powi(2);
            latitude += (wanted - q(latitude)) / slope.max(1e-9);
        }
        Coord { x: self.lon_0 + (at.x / (A * self.k_0)).to_degrees(), y: latitude.to_degrees() }
    }

    /// A polygon in degrees, in metres.
    pub fn polygon(self, polygon: &Polygon<f64>) -> Polygon<f64> {
        polygon.map_coords(|at| self.forward(at))
    }

    /// Polygons in degrees, in metres.
    pub fn polygons(self, polygons: &MultiPolygon<f64>) -> MultiPolygon<f64> {
        polygons.map_coords(|at| self.forward(at))
    }

    /// Polygons in metres, in degrees.
    pub fn degrees(self, polygons: &MultiPolygon<f64>) -> MultiPolygon<f64> {
        polygons.map_coords(|at| self.inverse(at))
    }
}

/// Snyder 3-12: the area between the equator and a latitude, by half the squared axis and radian.
fn q(latitude: f64) -> f64 {
    let (sin, e) = (latitude.sin(), E2.sqrt());
    (1.0 - E2) * (sin / (1.0 - E2 * sin * sin) + (e * sin).atanh() / e)
}

#[cfg(test)]
mod tests {
    use geo::{Area, GeodesicArea, polygon};

    use super::*;

    #[test]
    fn areas_are_those_on_the_ellipsoid() {
        for (lon, lat) in [(103.0, 22.0), (102.4, 22.7), (-60.0, -3.0), (10.0, 60.0)] {
            let square = polygon![(x: lon, y: lat), (x: lon + 0.05, y: lat), (x: lon + 0.05, y: lat + 0.05), (x: lon, y: lat + 0.05)];
            let projection = Projection::around(lon + 0.5, lat - 1.0);
            let (ours, theirs) = (projection.polygon(&square).unsigned_area(), square.geodesic_area_unsigned());
            assert!((ours / theirs - 1.0).abs() < 2e-6, "{lon} {lat}: {ours} {theirs}");
        }
    }

    #[test]
    fn degrees_come_back() {
        let projection = Projection::around(103.0, 22.3);
        for (x, y) in [(103.0, 22.3), (102.3, 21.6), (104.1, 22.9), (100.0, -10.0), (103.0, 85.0)] {
            let back = projection.inverse(projection.forward(Coord { x, y }));
            assert!((back.x - x).abs() < 1e-10 && (back.y - y).abs() < 1e-10, "{x} {y}: {back:?}");
        }
    }

    #[test]
    fn the_area_of_the_whole_ellipsoid_is_right() {
        // 510,065,622 km² (Moritz 1980, GRS 80; WGS 84 differs in the tenth digit).
        let whole = 2.0 * std::f64::consts::PI * A * A * q(std::f64::consts::FRAC_PI_2);
        assert!((whole / 510_065_621.724e6 - 1.0).abs() < 1e-9, "{whole}");
    }
}
