//! Footprints as polygons on the plane.
//!
//! An arc becomes a chain of edges of at most [`STEP_DEGREES`]; its radius is stretched a little so that the area is the
//! arc's own (a factor of 1.0006). Directions and distances are geodesics' (Karney 2013, by `geo`).

use geo::orient::{Direction, Orient};
use geo::{Coord, Destination, Geodesic, LineString, Point, Polygon};

use super::projection::Projection;
use crate::model::{Extent, Footprint, Position};

/// The longest edge of an arc, degrees of its circle.
const STEP_DEGREES: f64 = 5.0;

/// The ground that a station at `position` watches.
pub fn outline(footprint: &Footprint, position: Position, projection: Projection) -> Polygon<f64> {
    let ring: Vec<Coord<f64>> = match &footprint.extent {
        Extent::Circle { radius_m } => arc(position, *radius_m, 0.0, 360.0),
        Extent::Sector { radius_m, angle, .. } if *angle >= 360.0 => arc(position, *radius_m, 0.0, 360.0),
        Extent::Sector { radius_m, bearing, angle } => {
            let mut ring = vec![Coord { x: position.lon, y: position.lat }];
            ring.extend(arc(position, *radius_m, bearing - angle / 2.0, *angle));
            ring
        }
        Extent::Polygon { ring } => ring.iter().map(|[lon, lat]| Coord { x: *lon, y: *lat }).collect(),
    };
    let ring: Vec<Coord<f64>> = ring.into_iter().map(|at| projection.forward(at)).collect();
    // `Polygon::new` closes the ring. All turn one way: a union of footprints counts turns, and those of opposite ways
    // would cancel each other.
    Polygon::new(LineString::new(ring), Vec::new()).orient(Direction::Default)
}

/// Points of an arc, clockwise from a direction.
fn arc(middle: Position, radius_m: f64, from: f64, angle: f64) -> Vec<Coord<f64>> {
    let edges = (angle / STEP_DEGREES).ceil().max(1.0);
    let step = angle / edges;
    let radius_m = radius_m * (step.to_radians() / step.to_radians().sin()).sqrt();
    let middle = Point::new(middle.lon, middle.lat);
    let at = |edge: usize| Geodesic.destination(middle, from + step * edge as f64, radius_m).0;
    (0..=edges as usize).map(at).collect()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use geo::Area;

    use super::*;

    fn check(extent: Extent, expected_m2: f64) {
        let footprint = Footprint { extent, approximate: false };
        let position = Position { lon: 103.2, lat: 22.1 };
        let area = outline(&footprint, position, Projection::around(103.0, 22.3)).unsigned_area();
        // The straight edges of a sector of 20 km are straight on the plane, which costs 2 in 10,000.
        assert!((area / expected_m2 - 1.0).abs() < 3e-4, "{footprint:?}: {area} for {expected_m2}");
    }

    #[test]
    fn circles_and_sectors_have_their_own_areas() {
        for radius_m in [50.0, 1_500.0, 20_000.0] {
            let circle = PI * radius_m * radius_m;
            check(Extent::Circle { radius_m }, circle);
            for angle in [0.5, 7.0, 120.0, 270.0, 359.0, 360.0] {
                check(Extent::Sector { radius_m, bearing: 225.0, angle }, circle * angle / 360.0);
            }
        }
    }
}
