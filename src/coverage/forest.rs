//! The forest on a date: its units on a plane of true areas.
//!
//! A unit with units inside it counts by these and by what they leave of it, so that no ground counts twice and none is
//! lost; what it says of type and owner goes for those inside it that say nothing, and what is inside an invented one is
//! invented. Units are taken as not overlapping, as the law has them: ground that two
//! units claim counts in each.

use geo::orient::{Direction, Orient};
use geo::{Area as _, BooleanOps, BoundingRect, MultiPolygon, Polygon, unary_union};
use hashbrown::HashMap;
use jiff::civil::Date;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::projection::Projection;
use crate::model::{AreaId, AreaLevel, ForestType, LocalName};
use crate::registry::{AreaShape, Areas};

/// Deeper than the forest's three tiers and the administration's above them.
const DEPTH_MAX: usize = 8;

/// Square metres of a unit below which nothing is left of it beside the units inside: what rounding leaves.
const REST_MIN_M2: f64 = 1.0;

/// A forest unit without those inside it.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its code.
    pub id: AreaId,
    /// Its tier.
    pub level: AreaLevel,
    /// What it is called.
    pub name: LocalName,
    /// The commune in force that it lies in: as its file says, else that of its label.
    pub commune: Option<AreaId>,
    /// Who owns or looks after it.
    pub owner: Option<String>,
    /// What the forest is for.
    pub forest_type: Option<ForestType>,
    /// Drawn for a demonstration.
    pub invented: bool,
    /// On the plane, metres; without the units inside it.
    pub polygon: MultiPolygon<f64>,
    /// Square metres of the polygon.
    pub area_m2: f64,
}

/// The forest's units on a date.
#[derive(Debug)]
pub struct Forest {
    /// By code.
    pub units: Vec<Unit>,
    /// The plane.
    pub projection: Projection,
    index: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>,
}

impl Forest {
    /// The units in force on a date.
    pub fn of(areas: &Areas, date: Date) -> Forest {
        let shapes: Vec<&AreaShape> = areas
            .all()
            .iter()
            .filter(|shape| shape.area.level.is_forest() && shape.is_drawn() && shape.facts.validity.holds_on(date))
            .collect();
        let mut inside: HashMap<&AreaId, Vec<&AreaShape>> = HashMap::new();
        for shape in &shapes {
            if let Some(parent) = &shape.area.parent {
                inside.entry(parent).or_default().push(shape);
            }
        }
        let by_id: HashMap<&AreaId, &AreaShape> = shapes.iter().map(|shape| (&shape.area.id, *shape)).collect();
        let bounds = shapes.iter().fold(None, |whole: Option<[f64; 4]>, shape| {
            let (low, high) = (shape.bounds.min(), shape.bounds.max());
            let [west, south, east, north] = whole.unwrap_or([low.x, low.y, high.x, high.y]);
            Some([west.min(low.x), south.min(low.y), east.max(high.x), north.max(high.y)])
        });
        let [west, south, east, north] = bounds.unwrap_or_default();
        let projection = Projection::around((west + east) / 2.0, (south + north) / 2.0);
        let unit = |shape: &&AreaShape| {
            let polygon = match inside.get(&shape.area.id) {
                None => projection.polygons(&shape.polygon),
                Some(inside) => rest(shape, inside, projection)?,
            };
            Some(unit(areas, &by_id, shape, polygon))
        };
        let mut units: Vec<Unit> = shapes.iter().filter_map(unit).collect();
        units.sort_by(|a, b| a.id.cmp(&b.id));
        let boxes = units.iter().enumerate().filter_map(|(at, unit)| {
            let bounds = unit.polygon.bounding_rect()?;
            let corners = ([bounds.min().x, bounds.min().y], [bounds.max().x, bounds.max().y]);
            Some(GeomWithData::new(Rectangle::from_corners(corners.0, corners.1), at))
        });
        let index = RTree::bulk_load(boxes.collect());
        Forest { units, projection, index }
    }

    /// The places of units whose boxes meet the box around a polygon on the plane.
    pub fn near(&self, polygon: &impl BoundingRect<f64, Output = Option<geo::Rect<f64>>>) -> Vec<usize> {
        let Some(bounds) = polygon.bounding_rect() else { return Vec::new() };
        let wanted = AABB::from_corners([bounds.min().x, bounds.min().y], [bounds.max().x, bounds.max().y]);
        self.index.locate_in_envelope_intersecting(&wanted).map(|found| found.data).collect()
    }

    /// Square metres of all units.
    pub fn area_m2(&self) -> f64 {
        self.units.iter().map(|unit| unit.area_m2).sum()
    }
}

/// What the units inside leave of one, on the plane; `None` when that is nothing.
fn rest(shape: &AreaShape, inside: &[&AreaShape], projection: Projection) -> Option<MultiPolygon<f64>> {
    // Drawn in opposite directions they would cancel each other where they overlap.
    let on_plane = inside.iter().flat_map(|shape| projection.polygons(&shape.polygon));
    let inside: Vec<Polygon<f64>> = on_plane.map(|polygon| polygon.orient(Direction::Default)).collect();
    let rest = projection.polygons(&shape.polygon).difference(&unary_union(&inside));
    (rest.unsigned_area() >= REST_MIN_M2).then_some(rest)
}

fn unit(areas: &Areas, by_id: &HashMap<&AreaId, &AreaShape>, shape: &AreaShape, polygon: MultiPolygon<f64>) -> Unit {
    let up = |shape: &&AreaShape| by_id.get(shape.area.parent.as_ref()?).copied();
    let chain: Vec<&AreaShape> = std::iter::successors(Some(shape), up).take(DEPTH_MAX).collect();
    Unit {
        id: shape.area.id.clone(),
        level: shape.area.level,
        name: shape.area.name.clone(),
        commune: areas.commune_of(shape),
        owner: chain.iter().find_map(|shape| shape.facts.owner.clone()),
        forest_type: chain.iter().find_map(|shape| shape.facts.forest_type),
        invented: chain.iter().any(|shape| shape.facts.invented),
        area_m2: polygon.unsigned_area(),
        polygon,
    }
}
