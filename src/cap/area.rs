//! Where a message is about: a circle around a station, or the outline of an area with few enough points to be sent.
//!
//! CAP's polygons are closed rings of `latitude,longitude` (WGS 84) without holes: what lies inside an area's hole is
//! warned, too. An outline is simplified (Douglas and Peucker, 1973) until it has at most [`POINTS_MAX`] points, by a
//! tolerance that begins at about 10 m and doubles.

use geo::{MultiPolygon, Simplify};

use crate::model::{AreaId, Position};

/// Points of one ring, the closing one among them.
pub const POINTS_MAX: usize = 100;

/// About 10 m, in degrees.
const TOLERANCE_MIN: f64 = 1e-4;

/// Where a message is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reach {
    /// Middle of the circle.
    pub station: Option<Position>,
    /// Closed rings.
    pub rings: Vec<Vec<Position>>,
    /// Code of the commune or area.
    pub area: Option<AreaId>,
}

/// The outer rings of an area, each with at most [`POINTS_MAX`] points. One that shrinks to less than a triangle on the
/// way is told by the box around it.
pub fn outline(polygon: &MultiPolygon<f64>) -> Vec<Vec<Position>> {
    polygon.iter().map(|part| ring(part.exterior())).filter(|ring| ring.len() >= 4).collect()
}

fn ring(line: &geo::LineString<f64>) -> Vec<Position> {
    let mut simple = line.clone();
    let mut tolerance = TOLERANCE_MIN;
    while simple.0.len() > POINTS_MAX {
        simple = line.simplify(tolerance);
        tolerance *= 2.0;
    }
    if simple.0.len() < 4 {
        simple = geo::BoundingRect::bounding_rect(line).map_or(simple, |bounds| bounds.to_polygon().exterior().clone());
    }
    simple.coords().map(|at| Position { lon: at.x, lat: at.y }).collect()
}

/// A ring as the standard writes it: `lat,lon lat,lon …`, five decimals (about a metre).
pub(super) fn ring_text(ring: &[Position]) -> String {
    let pairs: Vec<String> = ring.iter().map(|at| format!("{:.5},{:.5}", at.lat, at.lon)).collect();
    pairs.join(" ")
}

/// A circle as the standard writes it: `lat,lon radius`, the radius in kilometres.
pub(super) fn circle_text(middle: Position, radius_m: u32) -> String {
    format!("{:.5},{:.5} {}", middle.lat, middle.lon, f64::from(radius_m) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use geo::{Area, Polygon};

    use super::*;

    #[test]
    fn outlines_keep_their_extent_with_few_points() {
        let circle = (0..=1_000).map(|step| {
            let angle = f64::from(step % 1_000) * std::f64::consts::TAU / 1_000.0;
            (103.0 + 0.2 * angle.cos(), 22.0 + 0.2 * angle.sin())
        });
        let whole = MultiPolygon::new(vec![Polygon::new(circle.collect(), vec![])]);
        let rings = outline(&whole);
        assert_eq!(rings.len(), 1);
        assert!((4..=POINTS_MAX).contains(&rings[0].len()), "{}", rings[0].len());
        assert_eq!(rings[0].first(), rings[0].last());
        let told = Polygon::new(rings[0].iter().map(|at| (at.lon, at.lat)).collect(), vec![]);
        let share = told.unsigned_area() / whole.unsigned_area();
        assert!((0.98..=1.0).contains(&share), "{share}");
    }

    #[test]
    fn latitude_comes_first() {
        let at = Position { lon: 103.5, lat: 22.25 };
        assert_eq!(circle_text(at, 1_500), "22.25000,103.50000 1.5");
        assert_eq!(ring_text(&[at, at]), "22.25000,103.50000 22.25000,103.50000");
    }
}
