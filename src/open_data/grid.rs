//! Places made coarse.

use crate::model::Position;

/// Metres of a degree of latitude, about: the mean of WGS 84's meridian.
const DEGREE_M: f64 = 111_133.0;

/// The middle of the cell that a place lies in. Cells are rows of equal height in degrees from the equator on, cut into
/// cells as wide as they are high, `side_m` metres; 0 leaves the place as it is.
///
/// The cells are fixed: the same place comes to the same middle at every time, so that an average over many answers is
/// no better than one. Coordinates are cut to 5 decimals, about a metre.
pub fn coarse(place: Position, side_m: u32) -> Position {
    if side_m == 0 {
        return place;
    }
    let height = f64::from(side_m) / DEGREE_M;
    let middle = |degrees: f64, side: f64| ((degrees / side).floor() + 0.5) * side;
    let lat = middle(place.lat, height).clamp(-90.0, 90.0);
    // A row at a pole is one cell.
    let width = (height / lat.to_radians().cos().max(1e-9)).min(360.0);
    let lon = middle(place.lon, width).clamp(-180.0, 180.0);
    let cut = |degrees: f64| (degrees * 1e5).round() / 1e5;
    Position { lon: cut(lon), lat: cut(lat) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geodesy;

    proptest! {
        #[test]
        fn a_coarse_place_is_near_and_the_same_for_its_whole_cell(
            lon in -180.0f64..180.0, lat in -80.0f64..80.0, side_m in 1u32..100_000,
        ) {
            let place = Position { lon, lat };
            let found = coarse(place, side_m);
            // Half a diagonal, the ellipsoid's flattening, and where the 180th meridian cuts a cell off.
            let away = geodesy::distance_m(place, found);
            prop_assert!(away <= f64::from(side_m) * 0.5 * std::f64::consts::SQRT_2 * 1.05 + 2.0, "{away} m");
            // But where the cell is cut at the meridian, its middle is in it.
            if found.lon.abs() < 180.0 && side_m >= 10 {
                prop_assert_eq!(coarse(found, side_m), found);
            }
        }
    }

    #[test]
    fn neighbours_fall_together_and_nothing_moves_without_a_grid() {
        let place = Position { lon: 103.456_789, lat: 22.345_678 };
        assert_eq!(coarse(place, 0), place);
        let middle = coarse(place, 5_000);
        for (east, north) in [(0.01, 0.0), (-0.01, 0.01), (0.0, -0.01)] {
            assert_eq!(coarse(Position { lon: middle.lon + east, lat: middle.lat + north }, 5_000), middle);
        }
        assert_ne!(middle, place);
    }
}
