//! How far polygons would leave their outline without a point: what a map of a zoom does not show need not be drawn or
//! sent.
//!
//! Method: Douglas and Peucker 1973, once for every stretch of border that polygons share, as TopoJSON does, so that
//! neighbours leave out the same points and go on touching. A stretch ends where another border meets it.

use geo::{Coord, LineString, MultiPolygon, Polygon};
use hashbrown::HashMap;

use crate::model::METRES_PER_DEGREE;

/// A ring has three corners, and its first point again.
const RING_MIN: usize = 4;

/// Of every point how far the outline would go astray without it, metres; infinite where borders meet.
#[derive(Clone, Debug)]
pub(super) struct Outlines {
    /// By the polygon's number, and ring: each part's outer ring, then its holes.
    weights: HashMap<usize, Vec<Vec<f64>>>,
}

type Key = [u64; 2];

/// The points next to a point, in any ring.
#[derive(Default)]
struct Neighbours {
    seen: [Option<Key>; 2],
    is_meeting: bool,
}

impl Neighbours {
    fn add(&mut self, key: Key) {
        if self.seen.contains(&Some(key)) {
            return;
        }
        match self.seen.iter_mut().find(|slot| slot.is_none()) {
            Some(free) => *free = Some(key),
            None => self.is_meeting = true,
        }
    }
}

fn key(at: Coord<f64>) -> Key {
    // 0 and -0 are one place.
    [(at.x + 0.0).to_bits(), (at.y + 0.0).to_bits()]
}

fn rings(polygon: &MultiPolygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    polygon.iter().flat_map(|part| std::iter::once(part.exterior()).chain(part.interiors()))
}

/// A ring's points without the repeated last one.
fn open(ring: &LineString<f64>) -> &[Coord<f64>] {
    match ring.0.split_last() {
        Some((last, rest)) if rest.first() == Some(last) => rest,
        _ => &ring.0,
    }
}

impl Outlines {
    /// Weighs the points of numbered polygons that lie beside each other. All of them must be there: where borders meet
    /// depends on it.
    pub fn of<'a>(polygons: impl Iterator<Item = (usize, &'a MultiPolygon<f64>)> + Clone) -> Outlines {
        let mut around: HashMap<Key, Neighbours> = HashMap::new();
        for ring in polygons.clone().flat_map(|(_, polygon)| rings(polygon)).map(open) {
            for (at, point) in ring.iter().enumerate() {
                let neighbours = around.entry(key(*point)).or_default();
                neighbours.add(key(ring[(at + 1) % ring.len()]));
                neighbours.add(key(ring[(at + ring.len() - 1) % ring.len()]));
            }
        }
        let is_meeting = |at: Coord<f64>| around.get(&key(at)).is_some_and(|found| found.is_meeting);
        let of_rings = |polygon| rings(polygon).map(|ring| weigh_ring(open(ring), &is_meeting)).collect();
        Outlines { weights: polygons.map(|(number, polygon)| (number, of_rings(polygon))).collect() }
    }

    /// The polygon of that number with as few points as keep it within so many metres of its outline. Parts that are less
    /// than that are gone; of the first one the three weightiest corners stay when nothing else would.
    pub fn within(&self, number: usize, polygon: &MultiPolygon<f64>, metres: f64) -> MultiPolygon<f64> {
        let Some(weights) = self.weights.get(&number) else { return polygon.clone() };
        let mut of_rings = weights.iter();
        let mut kept = |ring: &LineString<f64>| with_weight(ring, of_rings.next().map_or(&[], Vec::as_slice), metres);
        let parts: Vec<Polygon<f64>> = polygon
            .iter()
            .filter_map(|part| {
                let outer = kept(part.exterior());
                let holes = part.interiors().iter().map(&mut kept).filter(|ring| ring.0.len() >= RING_MIN).collect();
                (outer.0.len() >= RING_MIN).then(|| Polygon::new(outer, holes))
            })
            .collect();
        if !parts.is_empty() {
            return MultiPolygon(parts);
        }
        let (Some(part), Some(weights)) = (polygon.0.first(), weights.first()) else { return polygon.clone() };
        let mut by_weight = weights.clone();
        by_weight.sort_by(|a, b| b.total_cmp(a));
        let third = by_weight.get(RING_MIN - 2).copied().unwrap_or(0.0);
        MultiPolygon(vec![Polygon::new(with_weight(part.exterior(), weights, third), Vec::new())])
    }
}

/// The points of a ring that weigh so much, and the first of them again.
fn with_weight(ring: &LineString<f64>, weights: &[f64], least: f64) -> LineString<f64> {
    let wanted = open(ring).iter().zip(weights).filter(|(_, weight)| **weight >= least);
    let mut points: Vec<Coord<f64>> = wanted.map(|(point, _)| *point).collect();
    points.extend(points.first().copied());
    LineString(points)
}

/// Of each point of a ring, which is not repeated at the end, its weight.
fn weigh_ring(ring: &[Coord<f64>], is_meeting: &impl Fn(Coord<f64>) -> bool) -> Vec<f64> {
    let count = ring.len();
    let mut weights = vec![f64::INFINITY; count];
    if count < RING_MIN - 1 {
        return weights;
    }
    let mut ends: Vec<usize> = (0..count).filter(|at| is_meeting(ring[*at])).collect();
    if ends.is_empty() {
        // An island, or a hole and what fills it: begun at the same point in both.
        let first = (0..count).min_by(|a, b| compare(ring[*a], ring[*b]));
        ends.extend(first);
    }
    for (place, &from) in ends.iter().enumerate() {
        let to = match ends.get(place + 1) {
            Some(&next) => next,
            None => ends[0] + count,
        };
        let places: Vec<usize> = (from..=to).map(|at| at % count).collect();
        let mut stretch: Vec<Coord<f64>> = places.iter().map(|at| ring[*at]).collect();
        // Both sides of a border weigh it from the same end.
        let is_backward = is_backward(&stretch);
        if is_backward {
            stretch.reverse();
        }
        let mut own = weigh(&stretch);
        if is_backward {
            own.reverse();
        }
        for (at, weight) in places.into_iter().zip(own) {
            weights[at] = weight;
        }
    }
    weights
}

fn compare(a: Coord<f64>, b: Coord<f64>) -> std::cmp::Ordering {
    a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y))
}

fn is_backward(stretch: &[Coord<f64>]) -> bool {
    let pairs = stretch.iter().zip(stretch.iter().rev());
    pairs.map(|(a, b)| compare(*a, *b)).find(|order| order.is_ne()).is_some_and(std::cmp::Ordering::is_gt)
}

/// Of each point of a line its weight; a point that is split off later never weighs more than the one before it.
fn weigh(line: &[Coord<f64>]) -> Vec<f64> {
    let mut weights = vec![f64::INFINITY; line.len()];
    let mut open = vec![(0, line.len() - 1, f64::INFINITY)];
    while let Some((from, to, above)) = open.pop() {
        let distances = (from + 1..to).map(|at| (at, distance_m(line[at], line[from], line[to])));
        let Some((at, far)) = distances.reduce(|a, b| if b.1 > a.1 { b } else { a }) else { continue };
        let weight = far.min(above);
        weights[at] = weight;
        open.extend([(from, at, weight), (at, to, weight)]);
    }
    weights
}

/// From a point to the straight line between two others, metres, on the plane that touches the earth there.
fn distance_m(point: Coord<f64>, from: Coord<f64>, to: Coord<f64>) -> f64 {
    let across = from.y.to_radians().cos();
    let flat = |at: Coord<f64>| ((at.x - from.x) * across * METRES_PER_DEGREE, (at.y - from.y) * METRES_PER_DEGREE);
    let ((px, py), (tx, ty)) = (flat(point), flat(to));
    let length = tx * tx + ty * ty;
    let share = if length > 0.0 { ((px * tx + py * ty) / length).clamp(0.0, 1.0) } else { 0.0 };
    (px - share * tx).hypot(py - share * ty)
}

#[cfg(test)]
mod tests {
    use geo::Area;
    use hashbrown::HashSet;

    use super::*;

    fn polygon(outer: &[(f64, f64)], holes: &[&[(f64, f64)]]) -> MultiPolygon<f64> {
        let ring = |points: &[(f64, f64)]| LineString::from(points.to_vec());
        MultiPolygon(vec![Polygon::new(ring(outer), holes.iter().map(|hole| ring(hole)).collect())])
    }

    /// Points from a to b, each off the straight line by up to `off`.
    fn ragged((ax, ay): (f64, f64), (bx, by): (f64, f64), count: usize, off: f64) -> Vec<(f64, f64)> {
        let step = |at: usize| {
            let share = at as f64 / count as f64;
            let aside = if at == 0 || at == count { 0.0 } else { off * ((at * 7919 % 101) as f64 / 50.0 - 1.0) };
            (ax + share * (bx - ax) + aside * (by - ay), ay + share * (by - ay) + aside * (ax - bx))
        };
        (0..=count).map(step).collect()
    }

    fn edges(polygon: &MultiPolygon<f64>) -> HashSet<[Key; 2]> {
        let of_ring =
            |ring: &LineString<f64>| ring.lines().map(|line| (key(line.start), key(line.end))).collect::<Vec<_>>();
        rings(polygon).flat_map(of_ring).map(|(a, b)| if a < b { [a, b] } else { [b, a] }).collect()
    }

    /// A province of two communes beside each other, with a third one inside of the first.
    fn neighbours() -> Vec<MultiPolygon<f64>> {
        let border = ragged((103.0, 22.0), (103.0, 22.2), 40, 0.05);
        let mut west = vec![(102.8, 22.2), (102.8, 22.0)];
        west.extend(&border);
        let mut east: Vec<(f64, f64)> = border.iter().rev().copied().collect();
        east.extend([(103.2, 22.0), (103.2, 22.2)]);
        let mut inner = ragged((102.88, 22.08), (102.92, 22.08), 20, 0.1);
        inner.extend(ragged((102.92, 22.08), (102.9, 22.13), 20, 0.1));
        inner.extend(ragged((102.9, 22.13), (102.88, 22.08), 20, 0.1));
        inner.dedup();
        let mut hole = inner[7..].to_vec();
        hole.extend(&inner[1..=7]);
        hole.reverse();
        vec![polygon(&west, &[&hole]), polygon(&east, &[]), polygon(&inner, &[])]
    }

    fn within(polygons: &[MultiPolygon<f64>], metres: f64) -> Vec<MultiPolygon<f64>> {
        let outlines = Outlines::of(polygons.iter().enumerate());
        polygons.iter().enumerate().map(|(number, polygon)| outlines.within(number, polygon, metres)).collect()
    }

    #[test]
    fn neighbours_go_on_touching() {
        let all = neighbours();
        for metres in [20.0, 100.0, 400.0] {
            let fewer = within(&all, metres);
            let points = |polygons: &[MultiPolygon<f64>]| polygons.iter().map(|one| edges(one).len()).sum::<usize>();
            assert!(points(&fewer) < points(&all), "{metres}");
            let (west, east, inner) = (edges(&fewer[0]), edges(&fewer[1]), edges(&fewer[2]));
            assert!(inner.is_subset(&west), "the hole is what fills it, {metres}");
            let is_outside = |edge: &[Key; 2]| edge.iter().any(|at| f64::from_bits(at[0]) > 103.19);
            assert!(east.iter().filter(|edge| !is_outside(edge)).all(|edge| west.contains(edge)), "{metres}");
            let whole = |polygons: &[MultiPolygon<f64>]| polygons.iter().map(Area::unsigned_area).sum::<f64>();
            assert!((whole(&fewer) - whole(&all)).abs() < 1e-9, "nothing is lost or had twice, {metres}");
        }
    }

    #[test]
    fn an_outline_stays_as_near_as_it_is_told() {
        for metres in [20.0, 100.0, 400.0] {
            for (before, after) in neighbours().iter().zip(within(&neighbours(), metres)) {
                let far = rings(before).flat_map(|ring| ring.coords()).map(|at| {
                    let lines = rings(&after).flat_map(LineString::lines);
                    lines.map(|line| distance_m(*at, line.start, line.end)).fold(f64::INFINITY, f64::min)
                });
                let far = far.fold(0.0, f64::max);
                assert!(far > 0.0 && far <= metres, "{far} m of {metres}");
            }
        }
    }

    #[test]
    fn what_asks_for_everything_gets_it_and_what_is_small_stays() {
        let all = neighbours();
        assert_eq!(within(&all, 0.0), all);
        let least = within(&all[2..], 50_000.0);
        assert_eq!((least[0].0.len(), edges(&least[0]).len()), (1, 3), "{least:?}");
        let triangle = [polygon(&[(103.0, 22.0), (103.001, 22.0), (103.001, 22.001)], &[])];
        assert_eq!(within(&triangle, 5_000.0), triangle);
        let beside = MultiPolygon(all[1].iter().chain(&triangle[0]).cloned().collect());
        assert_eq!(within(&[beside], 5_000.0)[0].0.len(), 1);
        assert_eq!(within(&[MultiPolygon(Vec::new())], 1.0), [MultiPolygon(Vec::new())]);
    }
}
