//! Into which area a station falls: in the boundaries of today, or in those of a date.
//!
//! A station belongs to the commune that it is declared in while that commune is in force on the date; else its position
//! decides, where the polygons of that date are known. Where nobody has them (the communes and districts before
//! 2025-07-01), what is known is into which commune of today each went, and none was split: a commune of today that is
//! made of one alone is that one, exactly. One that is made of several cannot be taken apart: which of them a station
//! stood in would be a guess (the nearest centre is wrong wherever a valley bends), and a report that is signed must not
//! rest on one. Its stations are told together, under its name of today with the names of those it is made of; and an area
//! of the date that went into such a one as well says so, since its own numbers lack what is told there.

use std::sync::Arc;

use hashbrown::HashMap;
use jiff::civil::Date;

use super::Parts;
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
    /// Areas of today into which a part of it went that cannot be told from others: stations of it may be told there, and
    /// its own numbers lack them. Empty when they are whole.
    pub also_in: Vec<AreaId>,
}

impl Placed {
    fn whole(area: &Area) -> Placed {
        Placed { area: area.clone(), merges: Vec::new(), also_in: Vec::new() }
    }
}

/// Boundaries of one level.
pub struct Boundaries<'a> {
    catalogue: &'a Catalogue,
    areas: &'a Areas,
    level: AreaLevel,
    date: Option<Date>,
    today: Date,
    /// By the area of today: those of the date that went into it and that nobody has drawn.
    former: HashMap<AreaId, Vec<&'a AreaShape>>,
}

impl<'a> Boundaries<'a> {
    /// Those of a level on a date; without one those in force `today`, as stations are declared. `catalogue` has the areas
    /// in force, `areas` every one with its dates.
    pub fn new(
        catalogue: &'a Catalogue,
        areas: &'a Areas,
        level: AreaLevel,
        date: Option<Date>,
        today: Date,
    ) -> Boundaries<'a> {
        let mut former: HashMap<AreaId, Vec<&AreaShape>> = HashMap::new();
        for shape in areas.at(level, date.unwrap_or(today)).filter(|shape| !shape.is_drawn()) {
            for heir in areas.heirs(shape) {
                former.entry(heir).or_default().push(shape);
            }
        }
        Boundaries { catalogue, areas, level, date, today, former }
    }

    /// Whether there is anything of the level at all.
    pub fn check(&self) -> Result<(), Problem> {
        let today = self.today;
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
    pub fn place(&self, position: Position, area: Option<&AreaId>) -> Option<Placed> {
        let date = self.date.unwrap_or(self.today);
        let declared = area.and_then(|area| {
            let mut chain = self.catalogue.with_parents(area).filter_map(|id| self.catalogue.area(id));
            chain.find(|area| area.level == self.level)
        });
        let holds = |area: &&Area| self.areas.find(&area.id).is_none_or(|shape| shape.facts.validity.holds_on(date));
        if let Some(declared) = declared.filter(|area| self.date.is_none() || holds(area)) {
            return Some(Placed::whole(declared));
        }
        if self.date.is_none() && !self.level.is_forest() {
            return None;
        }
        if let Some(shape) = self.areas.locate_at(position, self.level, date) {
            return Some(Placed::whole(&shape.area));
        }
        let today = area.and_then(|area| self.catalogue.area(area))?;
        match self.former.get(&today.id)?.as_slice() {
            [one] => {
                let is_shared = |heir: &AreaId| self.former.get(heir).is_some_and(|former| former.len() > 1);
                let also_in = self.areas.heirs(one).into_iter().filter(is_shared).collect();
                Some(Placed { also_in, ..Placed::whole(&one.area) })
            }
            several => {
                let merges = several.iter().map(|shape| shape.area.clone()).collect();
                Some(Placed { merges, ..Placed::whole(today) })
            }
        }
    }

    /// Whether all of an area lies in sight: a part of it would not be what its name says.
    pub fn is_in_sight(&self, id: &AreaId, sight: &Sight) -> bool {
        is_in_sight(self.catalogue, self.areas, id, sight)
    }
}

/// The areas of the present, by which those of a past moment are in sight or not.
pub struct Present {
    /// With the areas in force.
    pub catalogue: Arc<Catalogue>,
    areas: Arc<Areas>,
}

impl Present {
    /// Those that a service has now.
    pub fn of(parts: &Parts) -> Present {
        Present { catalogue: Arc::clone(&parts.state.read().catalogue), areas: (parts.areas)() }
    }

    /// Whether all of an area lies in sight, one in force or a former one.
    pub fn is_in_sight(&self, id: &AreaId, sight: &Sight) -> bool {
        is_in_sight(&self.catalogue, &self.areas, id, sight)
    }
}

/// Whether all of an area lies in sight, one in force or a former one: a former one is when all that it became is.
fn is_in_sight(catalogue: &Catalogue, areas: &Areas, id: &AreaId, sight: &Sight) -> bool {
    if catalogue.area(id).is_some() {
        return sight.reaches(Some(id));
    }
    let Some(shape) = areas.find(id) else { return false };
    if !shape.facts.successors.is_empty() {
        let heirs = areas.heirs(shape);
        let is_heir_in_sight = |heir: &AreaId| match areas.find(heir) {
            Some(unit) if unit.area.level.is_forest() => sight.reaches(areas.commune_of(unit).as_ref()),
            _ => sight.reaches(Some(heir)),
        };
        return matches!(sight, Sight::All) || (!heirs.is_empty() && heirs.iter().all(is_heir_in_sight));
    }
    if shape.area.level.is_forest() {
        return sight.reaches(areas.commune_of(shape).as_ref());
    }
    let up = |id: &AreaId| areas.find(id).and_then(|shape| shape.area.parent.clone());
    let mut above = std::iter::successors(Some(id.clone()), up).take(DEPTH_MAX);
    let own = above.find(|id| catalogue.area(id).is_some()).or_else(|| areas.locate(shape.label));
    sight.reaches(own.as_ref())
}
