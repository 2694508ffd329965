//! Bands between levels of a grid's values, as polygons: marching triangles.
//!
//! Each square of the grid is two triangles, on which the value is linear; the part of a triangle between two levels is
//! a polygon with at most five corners. Neighbours' parts share whole edges, which run both ways and fall out; what is
//! left are the borders of the band. Points are whole 1,024ths of a square and reckoned from the same end of an edge on
//! both of its sides, so that what is shared is equal and not nearly so. (Marching squares needs a rule for saddles;
//! triangles have none.)
//!
//! A square without a value at one of its corners is in no band.

use std::collections::BTreeMap;

use geo::{Coord, LineString, MultiPolygon, Polygon};

/// Parts of a square's side.
const PARTS: i32 = 1_024;

/// Values at the corners of squares, row by row from the south-west.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Degrees of the south-west corner: longitude, latitude.
    pub origin: [f64; 2],
    /// Degrees between neighbours: eastwards, northwards; more than 0.
    pub step: [f64; 2],
    /// Corners in a row, and rows.
    pub size: [usize; 2],
    /// As many as corners; `None` where nothing is known.
    pub values: Vec<Option<f64>>,
}

type Point = [i32; 2];

impl Grid {
    /// The polygons of values from `from` to below `to`, degrees; `None` for no end.
    pub fn band(&self, from: Option<f64>, to: Option<f64>) -> MultiPolygon<f64> {
        let mut edges: BTreeMap<(Point, Point), i32> = BTreeMap::new();
        for row in 0..self.size[1].saturating_sub(1) {
            for column in 0..self.size[0].saturating_sub(1) {
                let corner = |east: usize, north: usize| self.corner(column + east, row + north, from, to);
                let corners = [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)];
                let [Some(a), Some(b), Some(c), Some(d)] = corners else { continue };
                for triangle in [[a, b, c], [a, c, d]] {
                    let part = between(&triangle, from, to);
                    let next = part.iter().cycle().skip(1);
                    for (one, other) in part.iter().zip(next).filter(|(one, other)| one != other) {
                        let (edge, way) = if one < other { ((*one, *other), 1) } else { ((*other, *one), -1) };
                        *edges.entry(edge).or_default() += way;
                    }
                }
            }
        }
        self.polygons(rings(edges))
    }

    fn corner(&self, column: usize, row: usize, from: Option<f64>, to: Option<f64>) -> Option<(Point, f64)> {
        let value = (*self.values.get(row * self.size[0] + column)?)?;
        // A value that is a level itself counts as above it, and its crossing is not in a corner.
        let on = |level: Option<f64>| level.is_some_and(|level| level == value);
        let value = if on(from) || on(to) { value + value.abs().max(1.0) * 1e-9 } else { value };
        Some(([column as i32 * PARTS, row as i32 * PARTS], value))
    }

    fn polygons(&self, rings: Vec<Vec<Point>>) -> MultiPolygon<f64> {
        let (mut outer, holes): (Vec<_>, Vec<_>) = rings.into_iter().partition(|ring| area2(ring) > 0);
        // The smallest that contains a hole is its own.
        outer.sort_by_key(|ring| area2(ring));
        let mut holes_of: Vec<Vec<Vec<Point>>> = vec![Vec::new(); outer.len()];
        for hole in holes {
            let own = outer.iter().position(|outer| hole.iter().all(|at| is_in_or_on(*at, outer)));
            if let Some(holes) = own.and_then(|own| holes_of.get_mut(own)) {
                holes.push(hole);
            }
        }
        let degrees = |ring: &Vec<Point>| -> LineString<f64> {
            let degree =
                |at: &Point, axis: usize| self.origin[axis] + f64::from(at[axis]) / f64::from(PARTS) * self.step[axis];
            ring.iter().chain(ring.first()).map(|at| Coord { x: degree(at, 0), y: degree(at, 1) }).collect()
        };
        let polygon = |(outer, holes): (&Vec<Point>, &Vec<Vec<Point>>)| {
            Polygon::new(degrees(outer), holes.iter().map(degrees).collect())
        };
        MultiPolygon::new(outer.iter().zip(&holes_of).map(polygon).collect())
    }
}

/// The part of a triangle between two levels, in its own turn.
fn between(triangle: &[(Point, f64); 3], from: Option<f64>, to: Option<f64>) -> Vec<Point> {
    let mut part: Vec<(Point, f64)> = triangle.to_vec();
    for (level, sign) in [(from, 1.0), (to, -1.0)] {
        let Some(level) = level else { continue };
        let mut kept = Vec::with_capacity(part.len() + 2);
        for place in 0..part.len() {
            let (before, at) = (part[(place + part.len() - 1) % part.len()], part[place]);
            let is_inside = |(_, value): (Point, f64)| (value - level) * sign > 0.0;
            if is_inside(before) != is_inside(at) {
                kept.push((crossing(triangle, before, at, level), level));
            }
            if is_inside(at) {
                kept.push(at);
            }
        }
        part = kept;
    }
    part.into_iter().map(|(at, _)| at).collect()
}

/// Where a level crosses the way from one point to another: reckoned on the whole side of the triangle that they are
/// on, from its lesser end, when they are on one; else on their own way, which is inside.
fn crossing(triangle: &[(Point, f64); 3], one: (Point, f64), other: (Point, f64), level: f64) -> Point {
    let side = [(0, 1), (1, 2), (2, 0)].into_iter().map(|(a, b)| (triangle[a], triangle[b]));
    let on = |(a, b): &((Point, f64), (Point, f64))| is_on(one.0, a.0, b.0) && is_on(other.0, a.0, b.0);
    let (a, b) = side.into_iter().find(on).unwrap_or((one, other));
    let (a, b) = if a.0 <= b.0 { (a, b) } else { (b, a) };
    let part = ((level - a.1) / (b.1 - a.1)).clamp(0.0, 1.0);
    let along = |axis: usize| a.0[axis] + (f64::from(b.0[axis] - a.0[axis]) * part).round() as i32;
    [along(0), along(1)]
}

/// Whether a point is on a side of a triangle: level, upright or at 45 degrees, so that this is exact.
fn is_on(at: Point, a: Point, b: Point) -> bool {
    turn(a, b, at) == 0
        && (a[0].min(b[0])..=a[0].max(b[0])).contains(&at[0])
        && (a[1].min(b[1])..=a[1].max(b[1])).contains(&at[1])
}

fn turn(a: Point, b: Point, c: Point) -> i64 {
    let step = |from: Point, to: Point, axis: usize| i64::from(to[axis]) - i64::from(from[axis]);
    step(a, b, 0) * step(a, c, 1) - step(a, b, 1) * step(a, c, 0)
}

/// Joins edges to rings. Where two rings touch, each turns back to its own side.
fn rings(edges: BTreeMap<(Point, Point), i32>) -> Vec<Vec<Point>> {
    let mut from: BTreeMap<Point, Vec<Point>> = BTreeMap::new();
    for ((a, b), ways) in edges {
        let (start, end) = if ways > 0 { (a, b) } else { (b, a) };
        (0..ways.unsigned_abs()).for_each(|_| from.entry(start).or_default().push(end));
    }
    let mut rings = Vec::new();
    while let Some((first, ends)) = from.first_key_value() {
        let first = *first;
        if ends.is_empty() {
            from.pop_first();
            continue;
        }
        let mut ring = vec![first];
        let mut before: Option<Point> = None;
        let mut at = first;
        while let Some(ends) = from.get_mut(&at).filter(|ends| !ends.is_empty()) {
            let place = match before {
                Some(before) if ends.len() > 1 => leftmost(before, at, ends),
                _ => 0,
            };
            let next = ends.swap_remove(place);
            (before, at) = (Some(at), next);
            if at == first {
                break;
            }
            ring.push(at);
        }
        let ring = straightened(ring);
        if ring.len() >= 3 {
            rings.push(ring);
        }
    }
    rings
}

/// The way on that keeps the band, which is on the left, in one piece.
fn leftmost(before: Point, at: Point, ends: &[Point]) -> usize {
    let back = angle(at, before);
    let turned = |end: &Point| (angle(at, *end) - back).rem_euclid(std::f64::consts::TAU);
    let order = |a: &(usize, &Point), b: &(usize, &Point)| turned(a.1).total_cmp(&turned(b.1));
    // The last before one would go back, against the clock.
    ends.iter().enumerate().max_by(order).map_or(0, |(place, _)| place)
}

fn angle(from: Point, to: Point) -> f64 {
    f64::from(to[1] - from[1]).atan2(f64::from(to[0] - from[0]))
}

/// Without the points in the middle of straight lines.
fn straightened(ring: Vec<Point>) -> Vec<Point> {
    let count = ring.len();
    let is_corner =
        |place: &usize| turn(ring[(place + count - 1) % count], ring[*place], ring[(place + 1) % count]) != 0;
    (0..count).filter(is_corner).map(|place| ring[place]).collect()
}

fn area2(ring: &[Point]) -> i64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1])).sum()
}

fn is_in_or_on(at: Point, ring: &[Point]) -> bool {
    let mut inside = false;
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        if is_on(at, *a, *b) {
            return true;
        }
        if (a[1] > at[1]) != (b[1] > at[1]) {
            let side = turn(*a, *b, at);
            inside ^= (side > 0) == (b[1] > a[1]);
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use geo::{Area, Contains, Point as GeoPoint};
    use proptest::prelude::*;

    use super::*;

    fn grid(size: [usize; 2], values: Vec<Option<f64>>) -> Grid {
        Grid { origin: [100.0, 20.0], step: [0.5, 0.25], size, values }
    }

    #[test]
    fn a_slope_is_cut_where_it_crosses_the_levels() {
        let slope = grid([3, 2], [0.0, 10.0, 20.0, 0.0, 10.0, 20.0].map(Some).to_vec());
        let band = slope.band(Some(5.0), Some(15.0));
        assert_eq!(band.0.len(), 1);
        let mut corners: Vec<(f64, f64)> = band.0[0].exterior().coords().skip(1).map(|at| (at.x, at.y)).collect();
        corners.sort_by(|a, b| a.partial_cmp(b).unwrap());
        assert_eq!(corners, [(100.25, 20.0), (100.25, 20.25), (100.75, 20.0), (100.75, 20.25)]);
    }

    #[test]
    fn a_hill_is_a_ring_around_its_top() {
        let mut values = vec![Some(0.0); 25];
        values[12] = Some(10.0);
        let hill = grid([5, 5], values);
        let ring = hill.band(Some(2.0), Some(8.0));
        assert_eq!((ring.0.len(), ring.0[0].interiors().len()), (1, 1));
        let unknown = grid([2, 2], vec![Some(1.0), None, Some(1.0), Some(1.0)]);
        assert!(unknown.band(None, None).0.is_empty());
    }

    proptest! {
        /// The bands of all levels cover what is known once: areas add up, and the middle of a triangle is in the band of
        /// its value and in no other.
        #[test]
        fn bands_cover_what_is_known_once(
            values in prop::collection::vec(prop::option::weighted(0.9, -20_i32..20), 36),
            levels in prop::collection::btree_set(-15_i32..15, 1..5),
        ) {
            let grid = grid([6, 6], values.iter().map(|value| value.map(f64::from)).collect());
            let levels: Vec<f64> = levels.into_iter().map(f64::from).collect();
            let ends = |place: usize| (place.checked_sub(1).map(|place| levels[place]), levels.get(place).copied());
            let bands: Vec<MultiPolygon<f64>> =
                (0..=levels.len()).map(|place| grid.band(ends(place).0, ends(place).1)).collect();
            let known = |place: usize| [0, 1, 6, 7].iter().all(|next| values[place + next].is_some());
            let squares = (0..29).filter(|place| place % 6 < 5 && known(*place)).collect::<Vec<_>>();
            let sum: f64 = bands.iter().map(Area::unsigned_area).sum();
            prop_assert!((sum - squares.len() as f64 * 0.125).abs() < 1e-9, "{sum} of {}", squares.len());
            for place in squares {
                let value = |next: usize| f64::from(values[place + next].unwrap());
                let middle = (value(0) + value(1) + value(7)) / 3.0;
                if levels.iter().any(|level| (level - middle).abs() < 0.2) {
                    continue;
                }
                let at = GeoPoint::new(
                    100.0 + 0.5 * ((place % 6) as f64 + 2.0 / 3.0),
                    20.0 + 0.25 * ((place / 6) as f64 + 1.0 / 3.0),
                );
                for (number, band) in bands.iter().enumerate() {
                    let (from, to) = ends(number);
                    let expected = from.is_none_or(|from| from <= middle) && to.is_none_or(|to| middle < to);
                    prop_assert_eq!(band.contains(&at), expected, "{} in {:?}..{:?}", middle, from, to);
                }
            }
        }
    }
}
