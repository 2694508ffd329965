//! The polygons: which area a position lies in, where an area's name is written, how far it reaches, and all of that as
//! it was on a date.
//!
//! Degrees of WGS 84 treated as a plane, which is exact enough for "which commune" away from the poles and the date
//! line. A point on a border belongs to the area with the lower code, so the answer never depends on order.
//!
//! Three sorts stand side by side. **In force**: provinces and communes without an end; they alone are the catalogue's,
//! and stations belong to them. **Former** ones have an end (`valid_to`), from the moment on that a file says so: say it
//! when the new ones are in force. **Forest units** are in force or former, too. A former area may be undrawn: known by
//! its code, a point and its successors, as nobody has its polygon; nothing lies in it.
//!
//! Left out on purpose: areas across the 180th meridian.

use std::sync::OnceLock;

use geo::{BoundingRect, Coord, InteriorPoint, Intersects, MultiPolygon, Rect};
use hashbrown::{HashMap, HashSet};
use jiff::civil::Date;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::outlines::Outlines;
use crate::model::{Area, AreaFacts, AreaId, AreaLevel, LocalName, Position};

/// How deep areas nest: province, commune, the forest's three, and room.
const DEPTH_MAX: usize = 8;

/// One area with its polygon.
#[derive(Clone, Debug, PartialEq)]
pub struct AreaShape {
    /// Code, tier, name, parent.
    pub area: Area,
    /// When it is in force, what took its place, what forest it is.
    pub facts: AreaFacts,
    /// Degrees, longitude first; empty of an undrawn area.
    pub polygon: MultiPolygon<f64>,
    /// The smallest box around the polygon, degrees; of an undrawn area its label's point.
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
        Some(AreaShape { area, facts: AreaFacts::default(), polygon, bounds, label })
    }

    /// An area whose polygon nobody has.
    pub fn undrawn(area: Area, label: Position) -> AreaShape {
        let point = Coord { x: label.lon, y: label.lat };
        let (facts, polygon) = (AreaFacts::default(), MultiPolygon::new(Vec::new()));
        AreaShape { area, facts, polygon, bounds: Rect::new(point, point), label }
    }

    /// The same with what else is known of it.
    #[must_use]
    pub fn with_facts(self, facts: AreaFacts) -> AreaShape {
        AreaShape { facts, ..self }
    }

    /// Whether its polygon is known.
    pub fn is_drawn(&self) -> bool {
        !self.polygon.0.is_empty()
    }

    /// Whether it is one of the administration's areas in force.
    pub fn is_in_force(&self) -> bool {
        !self.area.level.is_forest() && self.facts.validity.to.is_none()
    }
}

/// Every area, looked up by code and by place. Immutable; the registry makes a new one when areas change.
#[derive(Clone, Debug, Default)]
pub struct Areas {
    /// Those in force first, then the others; each part by depth, then by code.
    shapes: Vec<AreaShape>,
    in_force_count: usize,
    by_id: HashMap<AreaId, usize>,
    index: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>,
    /// By level: of those without an end. Weighed when a map first asks.
    outlines: [OnceLock<Outlines>; AreaLevel::ALL.len()],
}

impl Areas {
    /// Sorts the shapes: those in force first, provinces before the rest, then by code.
    pub fn new(mut shapes: Vec<AreaShape>) -> Areas {
        let order = |shape: &AreaShape| (!shape.is_in_force(), shape.area.level.depth());
        shapes.sort_by(|a, b| (order(a), &a.area.id).cmp(&(order(b), &b.area.id)));
        let in_force_count = shapes.iter().take_while(|shape| shape.is_in_force()).count();
        let by_id = shapes.iter().enumerate().map(|(at, shape)| (shape.area.id.clone(), at)).collect();
        let boxes = shapes.iter().enumerate().filter(|(_, shape)| shape.is_drawn()).map(|(at, shape)| {
            let (low, high) = (shape.bounds.min(), shape.bounds.max());
            GeomWithData::new(Rectangle::from_corners([low.x, low.y], [high.x, high.y]), at)
        });
        let index = RTree::bulk_load(boxes.collect());
        Areas { shapes, in_force_count, by_id, index, outlines: Default::default() }
    }

    /// Names and label points of the communes in force, by which places are told.
    pub fn labels(&self) -> impl Iterator<Item = (&LocalName, Position)> {
        let communes = self.shapes().iter().filter(|shape| shape.area.level != AreaLevel::Province);
        communes.map(|shape| (&shape.area.name, shape.label))
    }

    /// Every area in force, without the forest's: provinces first, then by code.
    pub fn shapes(&self) -> &[AreaShape] {
        &self.shapes[..self.in_force_count]
    }

    /// Every area: those in force first, then former ones and the forest's.
    pub fn all(&self) -> &[AreaShape] {
        &self.shapes
    }

    /// The areas of a level that are in force on a date, by code; undrawn ones among them.
    pub fn at(&self, level: AreaLevel, date: Date) -> impl Iterator<Item = &AreaShape> {
        self.shapes.iter().filter(move |shape| shape.area.level == level && shape.facts.validity.holds_on(date))
    }

    /// One area by its code, in force, former or the forest's.
    pub fn find(&self, id: &AreaId) -> Option<&AreaShape> {
        self.shapes.get(*self.by_id.get(id)?)
    }

    /// The place of an area in [`Areas::all`].
    pub fn number_of(&self, id: &AreaId) -> Option<u32> {
        u32::try_from(*self.by_id.get(id)?).ok()
    }

    /// One area in force by its code.
    pub fn get(&self, id: &AreaId) -> Option<&AreaShape> {
        self.find(id).filter(|shape| shape.is_in_force())
    }

    /// An area's polygon, degrees.
    pub fn polygon(&self, id: &AreaId) -> Option<&MultiPolygon<f64>> {
        self.get(id).map(|shape| &shape.polygon)
    }

    /// The polygon of one of these areas with as few points as keep it within so many metres of its outline. Areas of its
    /// level without an end go on touching where they do.
    pub fn outline(&self, shape: &AreaShape, metres: f64) -> MultiPolygon<f64> {
        let level = shape.area.level;
        let Some(&number) = self.by_id.get(&shape.area.id) else { return shape.polygon.clone() };
        let outlines = self.outlines[level.depth()].get_or_init(|| {
            let lasting = |shape: &AreaShape| shape.area.level == level && shape.facts.validity.to.is_none();
            let wanted = self.shapes.iter().enumerate().filter(|(_, shape)| lasting(shape));
            Outlines::of(wanted.map(|(number, shape)| (number, &shape.polygon)))
        });
        outlines.within(number, &shape.polygon, metres)
    }

    /// The smallest box around an area, degrees.
    pub fn bounds(&self, id: &AreaId) -> Option<Rect<f64>> {
        self.get(id).map(|shape| shape.bounds)
    }

    /// Where an area's name is written.
    pub fn label(&self, id: &AreaId) -> Option<Position> {
        self.get(id).map(|shape| shape.label)
    }

    /// The smallest box around all areas in force; `None` when there are none.
    pub fn whole(&self) -> Option<Rect<f64>> {
        let boxes = self.shapes().iter().map(|shape| shape.bounds);
        boxes.reduce(|a, b| {
            let low = Coord { x: a.min().x.min(b.min().x), y: a.min().y.min(b.min().y) };
            let high = Coord { x: a.max().x.max(b.max().x), y: a.max().y.max(b.max().y) };
            Rect::new(low, high)
        })
    }

    /// The area in force of the lowest tier that a position lies in: its commune, else its province, else nothing.
    pub fn locate(&self, position: Position) -> Option<AreaId> {
        let found = self.around(position, AreaShape::is_in_force)?;
        Some(found.area.id.clone())
    }

    /// The area of a level that a position lay in on a date.
    pub fn locate_at(&self, position: Position, level: AreaLevel, date: Date) -> Option<&AreaShape> {
        self.around(position, |shape| shape.area.level == level && shape.facts.validity.holds_on(date))
    }

    /// The area of a level, without an end, that a position lies in.
    pub fn locate_in_force(&self, position: Position, level: AreaLevel) -> Option<&AreaShape> {
        self.around(position, |shape| shape.area.level == level && shape.facts.validity.to.is_none())
    }

    /// The deepest of the wanted areas that a position lies in; of several of one depth the one with the lowest code.
    fn around(&self, position: Position, wanted: impl Fn(&AreaShape) -> bool) -> Option<&AreaShape> {
        let point = Coord { x: position.lon, y: position.lat };
        let around = self.index.locate_in_envelope_intersecting(&AABB::from_point([point.x, point.y]));
        let mut candidates: Vec<&AreaShape> =
            around.map(|found| &self.shapes[found.data]).filter(|shape| wanted(shape)).collect();
        candidates.sort_by_key(|shape| (std::cmp::Reverse(shape.area.level.depth()), &shape.area.id));
        // Part by part: asked of all of them, `intersects` would measure each one's box at every look.
        candidates.into_iter().find(|shape| shape.polygon.iter().any(|part| part.intersects(&point)))
    }

    /// The commune in force that an area is part of: the first above it by parentage, else the one around its label.
    pub fn commune_of(&self, shape: &AreaShape) -> Option<AreaId> {
        let is_commune = |shape: &&AreaShape| shape.is_in_force() && shape.area.level == AreaLevel::Commune;
        let up = |shape: &&AreaShape| self.find(shape.area.parent.as_ref()?);
        let above = std::iter::successors(Some(shape), up).take(DEPTH_MAX).find(is_commune);
        let found = above.or_else(|| self.get(&self.locate(shape.label)?).filter(is_commune));
        found.map(|shape| shape.area.id.clone())
    }

    /// What an area became in the end: its successors, theirs, and so on, by code. Nothing of one that has no successors.
    pub fn heirs(&self, shape: &AreaShape) -> Vec<AreaId> {
        let (mut seen, mut heirs) = (HashSet::new(), Vec::new());
        let mut open: Vec<&AreaId> = shape.facts.successors.iter().collect();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            match self.find(id).filter(|shape| !shape.facts.successors.is_empty()) {
                Some(former) => open.extend(&former.facts.successors),
                None => heirs.push(id.clone()),
            }
        }
        heirs.sort();
        heirs
    }

    /// The area and everything in force that it contains, by parentage: what a person who is responsible for `id` may
    /// see.
    pub fn within(&self, id: &AreaId) -> Vec<AreaId> {
        let mut found = Vec::new();
        if self.get(id).is_some() {
            found.push(id.clone());
        }
        let mut next = 0;
        while let Some(parent) = found.get(next).cloned() {
            let children = self.shapes().iter().filter(|shape| shape.area.parent.as_ref() == Some(&parent));
            let new: Vec<AreaId> =
                children.map(|shape| shape.area.id.clone()).filter(|id| !found.contains(id)).collect();
            found.extend(new);
            next += 1;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use geo::polygon;

    use super::*;
    use crate::model::{LocalName, Validity};

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
    fn where_two_parts_of_an_area_touch_is_in_the_area() {
        let mut whole = square("a", AreaLevel::Commune, None, 100.0, 20.0, 1.0);
        whole.polygon.0.extend(square("b", AreaLevel::Commune, None, 101.0, 20.0, 1.0).polygon);
        let areas = Areas::new(vec![AreaShape::new(whole.area, whole.polygon, None).unwrap()]);
        for lon in [100.0, 100.5, 101.0, 101.5, 102.0] {
            let found = areas.locate(Position { lon, lat: 20.5 });
            assert_eq!(found.as_ref().map(AreaId::as_str), Some("a"), "{lon}");
        }
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

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn holding(shape: AreaShape, from: Option<&str>, to: Option<&str>) -> AreaShape {
        let validity = Validity { from: from.map(date), to: to.map(date) };
        shape.with_facts(AreaFacts { validity, ..AreaFacts::default() })
    }

    /// As [`areas`], with what was in place of the communes before 2025-07-01, and a forest compartment.
    fn through_time() -> Areas {
        let mut shapes = areas().all().to_vec();
        let old = [
            square("a-2024", AreaLevel::Commune, Some("p"), 100.0, 20.0, 0.5),
            square("b-2024", AreaLevel::Commune, Some("p"), 100.5, 20.0, 1.0),
        ];
        shapes.extend(old.map(|shape| holding(shape, None, Some("2025-07-01"))));
        let name = LocalName { vi: "c".into(), en: "c".into() };
        let area = Area { id: "c-2024".into(), level: AreaLevel::Commune, name, parent: Some("p".into()) };
        let undrawn = AreaShape::undrawn(area, Position { lon: 101.7, lat: 20.5 });
        shapes.push(holding(undrawn, None, Some("2025-07-01")));
        shapes.push(square("f1", AreaLevel::ForestCompartment, Some("a"), 100.2, 20.2, 0.2));
        for shape in &mut shapes {
            if shape.area.level == AreaLevel::Commune && !shape.area.id.as_str().ends_with("2024") {
                *shape = holding(shape.clone(), Some("2025-07-01"), None);
            }
        }
        Areas::new(shapes)
    }

    #[test]
    fn former_areas_and_forests_are_asked_for_by_their_date_and_level() {
        let areas = through_time();
        let at = |lon: f64, level, day: &str| {
            let position = Position { lon, lat: 20.3 };
            areas.locate_at(position, level, date(day)).map(|shape| shape.area.id.as_str().to_owned())
        };
        let commune = |lon, day| at(lon, AreaLevel::Commune, day);
        assert_eq!(commune(100.7, "2025-06-30").as_deref(), Some("b-2024"));
        assert_eq!(commune(100.7, "2025-07-01").as_deref(), Some("a"));
        assert_eq!(commune(101.7, "2025-06-30"), None, "nothing lies in what is not drawn");
        assert_eq!(at(100.3, AreaLevel::ForestCompartment, "2024-01-01").as_deref(), Some("f1"));
        let of_2024: Vec<&str> =
            areas.at(AreaLevel::Commune, date("2024-01-01")).map(|shape| shape.area.id.as_str()).collect();
        assert_eq!(of_2024, ["a-2024", "b-2024", "c-2024"]);
    }

    #[test]
    fn heirs_are_what_is_left_after_the_last_change() {
        let change = |id: &str, to: &str, successors: &[&str]| {
            let shape = holding(square(id, AreaLevel::Commune, None, 100.0, 20.0, 1.0), None, Some(to));
            let successors = successors.iter().map(|id| AreaId::new(id)).collect();
            AreaShape { facts: AreaFacts { successors, ..shape.facts.clone() }, ..shape }
        };
        let mut shapes = areas().all().to_vec();
        shapes.push(change("x-1990", "2000-01-01", &["x-2000", "y-2000"]));
        shapes.push(change("x-2000", "2025-07-01", &["a"]));
        shapes.push(change("y-2000", "2025-07-01", &["b", "a"]));
        shapes.push(change("round", "2000-01-01", &["trip"]));
        shapes.push(change("trip", "2000-01-01", &["round"]));
        let areas = Areas::new(shapes);
        let heirs = |id: &str| areas.heirs(areas.find(&AreaId::new(id)).unwrap());
        assert_eq!(heirs("x-1990"), [AreaId::new("a"), AreaId::new("b")]);
        assert_eq!(heirs("x-2000"), [AreaId::new("a")]);
        assert_eq!(heirs("a"), []);
        assert_eq!(heirs("round"), [], "what leads in a circle leads nowhere");
    }

    #[test]
    fn only_areas_in_force_hold_stations_and_are_the_catalogues() {
        let areas = through_time();
        let in_force: Vec<&str> = areas.shapes().iter().map(|shape| shape.area.id.as_str()).collect();
        assert_eq!(in_force, ["p", "a", "b"]);
        assert_eq!(areas.locate(Position { lon: 100.3, lat: 20.3 }), Some(AreaId::new("a")));
        assert_eq!(areas.within(&AreaId::new("p")).len(), 3);
        for other in ["a-2024", "c-2024", "f1"] {
            assert!(areas.get(&AreaId::new(other)).is_none() && areas.find(&AreaId::new(other)).is_some(), "{other}");
        }
    }
}
