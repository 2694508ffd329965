//! How much of the forest a set of stations watches, and what they leave.

use geo::{Area as _, BooleanOps, BoundingRect, MultiPolygon, Polygon, unary_union};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::forest::Forest;
use super::outline::outline;
use crate::model::{Footprint, Position, StationNo};

/// A station that watches.
#[derive(Clone, Debug, PartialEq)]
pub struct Watcher {
    /// Which.
    pub station: StationNo,
    /// Where it stands.
    pub position: Position,
    /// What it watches.
    pub footprint: Footprint,
}

/// What a set of stations watches of the forest.
#[derive(Debug)]
pub struct Measured {
    /// Square metres watched, by the forest's units.
    pub watched_m2: Vec<f64>,
    /// The footprints on the plane, those near the forest.
    outlines: Vec<Polygon<f64>>,
    index: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>,
}

impl Measured {
    /// Measures a set of stations. Footprints are united unit by unit, so that ground counts once and a forest that is
    /// watched from end to end costs no more for each of its units than a few footprints.
    pub fn of(forest: &Forest, watchers: &[Watcher]) -> Measured {
        let outline = |watcher: &Watcher| outline(&watcher.footprint, watcher.position, forest.projection);
        let mut outlines: Vec<Polygon<f64>> = watchers.iter().map(outline).collect();
        outlines.retain(|outline| !forest.near(outline).is_empty());
        let boxes = outlines.iter().enumerate().filter_map(|(at, outline)| {
            let bounds = outline.bounding_rect()?;
            let corners = ([bounds.min().x, bounds.min().y], [bounds.max().x, bounds.max().y]);
            Some(GeomWithData::new(Rectangle::from_corners(corners.0, corners.1), at))
        });
        let index = RTree::bulk_load(boxes.collect());
        let mut measured = Measured { watched_m2: vec![0.0; forest.units.len()], outlines, index };
        for (place, unit) in forest.units.iter().enumerate() {
            let near = measured.near(&unit.polygon);
            if !near.0.is_empty() {
                // What is rounded in the making of edges must not make more than there is.
                measured.watched_m2[place] = unit.polygon.intersection(&near).unsigned_area().min(unit.area_m2);
            }
        }
        measured
    }

    /// What is not watched of one of the forest's units, on the plane.
    pub fn hole(&self, forest: &Forest, place: usize) -> MultiPolygon<f64> {
        let Some(unit) = forest.units.get(place) else { return MultiPolygon::new(Vec::new()) };
        let near = self.near(&unit.polygon);
        if near.0.is_empty() { unit.polygon.clone() } else { unit.polygon.difference(&near) }
    }

    /// The union of the footprints around some polygons.
    fn near(&self, polygons: &MultiPolygon<f64>) -> MultiPolygon<f64> {
        let Some(bounds) = polygons.bounding_rect() else { return MultiPolygon::new(Vec::new()) };
        let wanted = AABB::from_corners([bounds.min().x, bounds.min().y], [bounds.max().x, bounds.max().y]);
        let mut places: Vec<usize> =
            self.index.locate_in_envelope_intersecting(&wanted).map(|found| found.data).collect();
        // In one order, so that the same set has the same rounding.
        places.sort_unstable();
        unary_union(places.into_iter().map(|place| &self.outlines[place]))
    }
}
