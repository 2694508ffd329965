//! Which areas an answer may speak of: the caller's scope, and the `area=` filter, with everything inside an area.

use hashbrown::HashSet;

use super::problem::Problem;
use crate::auth::Scope;
use crate::model::{AreaId, Catalogue, Station};

/// How deep areas nest: province, commune, and room for the forest's three.
const DEPTH_MAX: usize = 8;

/// A set of areas, closed downwards: an area brings those inside it.
pub enum Sight {
    /// Everything, also what stands in no known area.
    All,
    /// Only these.
    Areas(HashSet<AreaId>),
}

impl Sight {
    /// What a caller of this scope may see.
    pub fn of(scope: &Scope, catalogue: &Catalogue) -> Self {
        match scope {
            Scope::All => Sight::All,
            Scope::Areas(areas) => Sight::inside(catalogue, |id| areas.contains(id)),
        }
    }

    /// What lies in the area that `area=` names.
    pub fn in_area(catalogue: &Catalogue, wanted: Option<&AreaId>) -> Result<Self, Problem> {
        let Some(wanted) = wanted else {
            return Ok(Sight::All);
        };
        if catalogue.area(wanted).is_none() {
            return Err(Problem::parameter("area", format!("there is no area {:?}", wanted.as_str())));
        }
        Ok(Sight::inside(catalogue, |id| id == wanted))
    }

    fn inside(catalogue: &Catalogue, named: impl Fn(&AreaId) -> bool) -> Self {
        let chain_has = |id: &AreaId| {
            let up = |id: &AreaId| catalogue.area(id).and_then(|area| area.parent.clone());
            std::iter::successors(Some(id.clone()), up).take(DEPTH_MAX).any(|id| named(&id))
        };
        Sight::Areas(catalogue.areas().iter().map(|area| &area.id).filter(|id| chain_has(id)).cloned().collect())
    }

    /// Whether something in `area` is in sight; what stands in no area is only for those who see everything.
    pub fn reaches(&self, area: Option<&AreaId>) -> bool {
        match self {
            Sight::All => true,
            Sight::Areas(areas) => area.is_some_and(|area| areas.contains(area)),
        }
    }

    /// Whether a station is in sight.
    pub fn reaches_station(&self, station: &Station) -> bool {
        self.reaches(station.area.as_ref())
    }
}
