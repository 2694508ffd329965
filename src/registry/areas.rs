//! The polygons: which area a position lies in, where an area's name is written, how far it reaches.
//!
//! Degrees of WGS 84 treated as a plane, which is exact enough for "which commune" away from the poles and the date
//! line. A point on a border belongs to the area with the lower code, so the answer never depends on order. Left out
//! on purpose: validity dates, and areas across the 180th meridian.

use geo::{BoundingRect, Coord, InteriorPoint, Intersects, MultiPolygon, Rect};
use hashbrown::HashMap;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use crate::model::{Area, AreaId, AreaLevel, Position};

/// One area with its polygon.
#[derive(Clone, Debug, PartialEq)]
pub struct AreaShape {
    /// Code, tier, name, parent.
    pub area: Area,
    /// Degrees, longitude first.
    pub polygon: MultiPolygon<f64>,
    /// The smallest box around the polygon, degrees.
    pub bounds: Rect<f64>,
    /// Where its name is written.
    pub label: Position,
}

impl AreaShape {
    /// `label` defaults to a point inside; `None` when the polygon has no extent.
    pub fn new(area: Area, polygon: MultiPolygon<f64>, label: Option<Position>) -> Option<AreaShape> {
        let bounds = polygon.bounding_rect()?;
        let label = match label {
            Some(label) => label,
            None => {
                let inside = polygon.interior_point()?;
                Position { lon: inside.x(), lat: inside.y() }
            }
        };
        Some(AreaShape { area, polygon, bounds, label })
    }
}

/// Every area, looked up by code and by place. Immutable; the registry makes a new one when areas change.
#[derive(Clone, Debug, Default)]
pub struct Areas {
    shapes: Vec<AreaShape>,
    by_id: HashMap<AreaId, usize>,
    index: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>,
}

impl Areas {
    /// Sorts the shapes, provinces first, then by code.
    pub fn new(mut shapes: Vec<AreaShape>) -> Areas {
        shapes.sort_by(|a, b| (depth(&a.area), &a.area.id).cmp(&(depth(&b.area), &b.area.id)));
        let by_id = shapes.iter().enumerate().map(|(at, shape)| (shape.area.id.clone(), at)).collect();
        let boxes = shapes.iter().enumerate().map(|(at, shape)| {
            let (low, high) = (shape.bounds.min(), shape.bounds.max());
            GeomWithData::new(Rectangle::from_corners([low.x, low.y], [high.x, high.y]), at)
        });
        let index = RTree::bulk_load(boxes.collect());
        Areas { shapes, by_id, index }
    }

    /// Every area: provinces first, then by code.
    pub fn shapes(&self) -> &[AreaShape] {
        &self.shapes
    }

    /// One area by its code.
    pub fn get(&self, id: &AreaId) -> Option<&AreaShape> {
        self.shapes.get(*self.by_id.get(id)?)
    }

    /// An area's polygon, degrees.
    pub fn polygon(&self, id: &AreaId) -> Option<&MultiPolygon<f64>> {
        self.get(id).map(|shape| &shape.polygon)
    }

    /// The smallest box around an area, degrees.
    pub fn bounds(&self, id: &AreaId) -> Option<Rect<f64>> {
        self.get(id).map(|shape| shape.bounds)
    }

    /// Where an area's name is written.
    pub fn label(&self, id: &AreaId) -> Option<Position> {
        self.get(id).map(|shape| shape.label)
    }

    /// The smallest box around all areas; `None` when there are none.
    pub fn whole(&self) -> Option<Rect<f64>> {
        let boxes = self.shapes.iter().map(|shape| shape.bounds);
        boxes.reduce(|a, b| {
            let low = Coord { x: a.min().x.min(b.min().x), y: a.min().y.min(b.min().y) };
            let high = Coord { x: a.max().x.max(b.max().x), y: a.max().y.max(b.max().y) };
            Rect::new(low, high)
        })
    }

    /// The area of the lowest tier that a position lies in: its commune, else its province, else nothing.
    pub fn locate(&self, position: Position) -> Option<AreaId> {
        let point = Coord { x: position.lon, y: position.lat };
        let around = self.index.locate_in_envelope_intersecting(&AABB::from_point([point.x, point.y]));
        let mut candidates: Vec<usize> = around.map(|found| found.data).collect();
        candidates.sort_by_key(|at| (std::cmp::Reverse(depth(&self.shapes[*at].area)), *at));
        let found = candidates.into_iter().find(|at| self.shapes[*at].polygon.intersects(&point))?;
        Some(self.shapes[found].area.id.clone())
    }

    /// The area and everything it contains, by parentage: what a person who is responsible for `id` may see.
    pub fn within(&self, id: &AreaId) -> Vec<AreaId> {
        let mut found = Vec::new();
        if self.by_id.contains_key(id) {
            found.push(id.clone());
        }
        let mut next = 0;
        while let Some(parent) = found.get(next).cloned() {
            let children = self.shapes.iter().filter(|shape| shape.area.parent.as_ref() == Some(&parent));
            let new: Vec<AreaId> =
                children.map(|shape| shape.area.id.clone()).filter(|id| !found.contains(id)).collect();
            found.extend(new);
            next += 1;
        }
        found
    }
}

/// How far down the tiers an area stands.
fn depth(area: &Area) -> u8 {
    match area.level {
        AreaLevel::Province => 0,
        AreaLevel::Commune => 1,
    }
}

#[cfg(test)]
mod tests {
    use geo::polygon;

    use super::*;
    use crate::model::LocalName;

    fn square(id: &str, level: AreaLevel, parent: Option<&str>, x: f64, y: f64, side: f64) -> AreaShape {
        let name = LocalName { vi: id.into(), en: id.into() };
        let area = Area { id: AreaId::new(id), level, name, parent: parent.map(AreaId::new) };
        let polygon = polygon![(x: x, y: y), (x: x + side, y: y), (x: x + side, y: y + side), (x: x, y: y + side)];
        AreaShape::new(area, MultiPolygon::new(vec![polygon]), None).unwrap()
    }

    /// A province of three by two degrees with two communes side by side in its lower half.
    fn areas() -> Areas {
        Areas::new(vec![
            square("b", AreaLevel::Commune, Some("p"), 101.0, 20.0, 1.0),
            square("a", AreaLevel::Commune, Some("p"), 100.0, 20.0, 1.0),
            square("p", AreaLevel::Province, None, 100.0, 20.0, 3.0),
        ])
    }

    fn check(lon: f64, lat: f64, expected: Option<&str>) {
        assert_eq!(areas().locate(Position { lon, lat }).as_ref().map(AreaId::as_str), expected, "{lon} {lat}");
    }

    #[test]
    fn a_position_lies_in_its_commune_else_in_its_province() {
        check(100.5, 20.5, Some("a"));
        check(101.5, 20.5, Some("b"));
        check(101.0, 20.5, Some("a"));
        check(102.5, 22.5, Some("p"));
        check(99.0, 20.5, None);
        check(f64::NAN, 20.5, None);
    }

    #[test]
    fn areas_are_found_by_code_and_by_parentage() {
        let areas = areas();
        let order: Vec<&str> = areas.shapes().iter().map(|shape| shape.area.id.as_str()).collect();
        assert_eq!(order, ["p", "a", "b"]);
        assert_eq!(areas.within(&AreaId::new("p")).len(), 3);
        assert_eq!(areas.within(&AreaId::new("a")), [AreaId::new("a")]);
        assert_eq!(areas.within(&AreaId::new("x")), []);
        assert_eq!(areas.whole().unwrap().max(), Coord { x: 103.0, y: 23.0 });
        let label = areas.label(&AreaId::new("b")).unwrap();
        assert_eq!(areas.locate(label), Some(AreaId::new("b")));
    }
}
