//! Into which area a station falls: in the boundaries of today, or in those of a date.
//!
//! A station belongs to the commune that it is declared in while that commune is in force on the date; else its position
//! decides, where the polygons of that date are known. Where nobody has them (the communes and districts before
//! 2025-07-01), what is known is into which commune of today each went, and none was split: a commune of today that is
//! made of one alone is that one, exactly. One that is made of several cannot be taken apart: which of them a station
//! stood in would be a guess (the nearest centre is wrong wherever a valley bends), and a report that is signed must not
//! rest on one. Its stations are told together, under its name of today with the names of those it is made of.

use jiff::civil::Date;

use super::problem::Problem;
use super::sight::Sight;
use crate::model::{Area, AreaId, AreaLevel, Catalogue, Position};
use crate::registry::{AreaShape, Areas};

/// How deep areas nest; the same as for what a caller may see.
const DEPTH_MAX: usize = 8;

/// A group of stations.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The area; the one of today where several of the date cannot be told apart.
    pub area: Area,
    /// Those, when there are several; empty when the area is the one of the date.
    pub merges: Vec<Area>,
}

/// Boundaries of one level.
pub struct Boundaries<'a> {
    /// The areas in force, and where stations are declared.
    pub catalogue: &'a Catalogue,
    /// Every area with its dates.
    pub areas: &'a Areas,
    /// Which areas.
    pub level: AreaLevel,
    /// `None`: those in force, as stations are declared.
    pub date: Option<Date>,
}

impl Boundaries<'_> {
    /// Whether there is anything of the level at all.
    pub fn check(&self, today: Date) -> Result<(), Problem> {
        let date = self.date.unwrap_or(today);
        if date > today {
            return Err(Problem::parameter("boundaries", "lies in the future: those in force are told without it"));
        }
        let is_declared = self.date.is_none() && !self.level.is_forest() && self.level != AreaLevel::District;
        if is_declared || self.areas.at(self.level, date).next().is_some() {
            return Ok(());
        }
        let word = self.level.word();
        let former = self.areas.all().iter().filter(|shape| shape.area.level == self.level);
        let last = former.filter_map(|shape| shape.facts.validity.to).max();
        let why = match last {
            Some(last) => {
                format!("there is no {word} on {date}: the last ones ended on {last}, so say boundaries= a date before")
            }
            None => format!("no {word} is declared"),
        };
        Err(Problem::parameter("level", why))
    }

    /// Where a station falls that stands, or stood, at a position in an area in force.
    pub fn place(&self, position: Position, area: Option<&AreaId>, today: Date) -> Option<Placed> {
        let exact = |area: &Area| Placed { area: area.clone(), merges: Vec::new() };
        let date = self.date.unwrap_or(today);
        let declared = area.and_then(|area| {
            let mut chain = self.catalogue.with_parents(area).filter_map(|id| self.catalogue.area(id));
            chain.find(|area| area.level == self.level)
        });
        let holds = |area: &&Area| self.areas.find(&area.id).is_none_or(|shape| shape.facts.validity.holds_on(date));
        if let Some(declared) = declared.filter(|area| self.date.is_none() || holds(area)) {
            return Some(exact(declared));
        }
        if self.date.is_none() && !self.level.is_forest() {
            return None;
        }
        if let Some(shape) = self.areas.locate_at(position, self.level, date) {
            return Some(exact(&shape.area));
        }
        let today = area.and_then(|area| self.catalogue.area(area))?;
        let is_of = |shape: &&AreaShape| !shape.is_drawn() && shape.facts.successors.contains(&today.id);
        let former: Vec<&AreaShape> = self.areas.at(self.level, date).filter(is_of).collect();
        match former.as_slice() {
            [] => None,
            [one] => Some(exact(&one.area)),
            several => {
                let merges = several.iter().map(|shape| shape.area.clone()).collect();
                Some(Placed { area: today.clone(), merges })
            }
        }
    }

    /// Whether all of an area lies in sight: a part of it would not be what its name says.
    pub fn is_in_sight(&self, id: &AreaId, sight: &Sight) -> bool {
        if self.catalogue.area(id).is_some() {
            return sight.reaches(Some(id));
        }
        let Some(shape) = self.areas.find(id) else { return false };
        if !shape.facts.successors.is_empty() {
            return shape.facts.successors.iter().all(|successor| sight.reaches(Some(successor)));
        }
        let up = |id: &AreaId| self.areas.find(id).and_then(|shape| shape.area.parent.clone());
        let mut above = std::iter::successors(Some(id.clone()), up).take(DEPTH_MAX);
        let own = above.find(|id| self.catalogue.area(id).is_some()).or_else(|| self.areas.locate(shape.label));
        sight.reaches(own.as_ref())
    }
}
