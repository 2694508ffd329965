//! Lines and polygons cut to a tile with a margin, and snapped to its units.
//!
//! Method: Sutherland and Hodgman 1974 (rings, one side after another), Liang and Barsky 1984 (lines). A concave ring
//! that leaves and returns keeps edges along the margin's border, outside of what a map shows.

use geo::{LineString, MultiPolygon};

use super::mercator::{EXTENT, TileId, project};
use super::mvt::Shape;
use crate::model::Position;

/// Units of a tile beyond its border that lines and polygons reach, so that outlines do not end at it.
pub const MARGIN: i32 = 64;

/// A box in units of the tile.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    low: f64,
    high: f64,
}

impl Frame {
    /// A tile and so many units around it.
    pub fn with_margin(margin: i32) -> Frame {
        Frame { low: -f64::from(margin), high: f64::from(EXTENT) + f64::from(margin) }
    }
}

fn local(tile: TileId, at: &geo::Coord<f64>) -> [f64; 2] {
    tile.local_exact(project(Position { lon: at.x, lat: at.y.clamp(-89.9, 89.9) }))
}

/// A polygon's part in a tile; `None` when there is none, or less than a unit of it.
pub fn polygon(polygon: &MultiPolygon<f64>, tile: TileId, frame: Frame) -> Option<Shape> {
    let mut rings = Vec::new();
    for part in polygon {
        let Some(outer) = ring(part.exterior(), tile, frame, true) else { continue };
        rings.push(outer);
        rings.extend(part.interiors().iter().filter_map(|hole| ring(hole, tile, frame, false)));
    }
    (!rings.is_empty()).then_some(Shape::Rings(rings))
}

/// A line's parts in a tile.
pub fn line(points: &[Position], tile: TileId, frame: Frame) -> Option<Shape> {
    let points: Vec<[f64; 2]> = points.iter().map(|at| local(tile, &geo::Coord { x: at.lon, y: at.lat })).collect();
    let mut lines: Vec<Vec<[i32; 2]>> = Vec::new();
    let mut ends_at: Option<[f64; 2]> = None;
    for pair in points.windows(2) {
        let Some((from, to)) = segment(pair[0], pair[1], frame) else {
            ends_at = None;
            continue;
        };
        match lines.last_mut().filter(|_| ends_at == Some(from)) {
            Some(open) => open.push(snap(to)),
            None => lines.push(vec![snap(from), snap(to)]),
        }
        ends_at = Some(to);
    }
    lines.iter_mut().for_each(|line| line.dedup());
    lines.retain(|line| line.len() >= 2);
    (!lines.is_empty()).then_some(Shape::Lines(lines))
}

fn snap([x, y]: [f64; 2]) -> [i32; 2] {
    [x.round() as i32, y.round() as i32]
}

/// The part of a segment inside; `None` when there is none.
fn segment(from: [f64; 2], to: [f64; 2], frame: Frame) -> Option<([f64; 2], [f64; 2])> {
    let (mut first, mut last) = (0.0_f64, 1.0_f64);
    for axis in 0..2 {
        let step = to[axis] - from[axis];
        for (slope, room) in [(-step, from[axis] - frame.low), (step, frame.high - from[axis])] {
            if slope == 0.0 {
                if room < 0.0 {
                    return None;
                }
            } else if slope < 0.0 {
                first = first.max(room / slope);
            } else {
                last = last.min(room / slope);
            }
        }
    }
    let at = |part: f64| [from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])];
    (first <= last).then(|| (if first == 0.0 { from } else { at(first) }, if last == 1.0 { to } else { at(last) }))
}

/// A ring's part inside, with the turn that the format asks for.
fn ring(ring: &LineString<f64>, tile: TileId, frame: Frame, is_outer: bool) -> Option<Vec<[i32; 2]>> {
    let mut points: Vec<[f64; 2]> = ring.coords().map(|at| local(tile, at)).collect();
    if points.first() == points.last() {
        points.pop();
    }
    for axis in 0..2 {
        points = cut(&points, axis, |at| at >= frame.low, frame.low);
        points = cut(&points, axis, |at| at <= frame.high, frame.high);
    }
    let mut snapped: Vec<[i32; 2]> = points.into_iter().map(snap).collect();
    snapped.dedup();
    while snapped.len() > 1 && snapped.first() == snapped.last() {
        snapped.pop();
    }
    let area = area2(&snapped);
    if snapped.len() < 3 || area == 0 {
        return None;
    }
    if (area > 0) != is_outer {
        snapped.reverse();
    }
    Some(snapped)
}

/// Cuts a ring at one side.
fn cut(points: &[[f64; 2]], axis: usize, is_inside: impl Fn(f64) -> bool, border: f64) -> Vec<[f64; 2]> {
    let mut kept = Vec::with_capacity(points.len() + 4);
    let Some(mut before) = points.last().copied() else { return kept };
    for at in points.iter().copied() {
        if is_inside(at[axis]) != is_inside(before[axis]) {
            let part = (border - before[axis]) / (at[axis] - before[axis]);
            let mut crossing = [before[0] + part * (at[0] - before[0]), before[1] + part * (at[1] - before[1])];
            crossing[axis] = border;
            kept.push(crossing);
        }
        if is_inside(at[axis]) {
            kept.push(at);
        }
        before = at;
    }
    kept
}

/// Twice a ring's area in units of the tile; positive when it is clockwise with y to the south.
pub fn area2(ring: &[[i32; 2]]) -> i64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1])).sum()
}
