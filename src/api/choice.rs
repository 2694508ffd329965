//! Which stations are asked for: `kind`, `area`, `freshness` and `severity`, alike in lists, counts and tiles.

use utoipa::IntoParams;

use super::boundaries::Present;
use super::problem::Problem;
use super::query::{FromParams, Params, word};
use super::sight::Sight;
use crate::layers::{self, Picture, Wish};
use crate::model::{AreaId, Freshness, Severity, StationKind};

/// See the module. Nothing named in a group means all of it.
#[derive(Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Choice {
    /// Only these kinds: traffic, air, weather, river, rain, forest, meter; may be repeated or a list with commas.
    #[param(value_type = Option<String>, example = "air,weather")]
    kind: Vec<StationKind>,
    /// Only in this area and those inside it, by its code.
    #[param(value_type = Option<String>, example = "03388")]
    area: Option<AreaId>,
    /// Only as fresh as this: live, late, stale, silent, maintenance; may be repeated or a list with commas.
    #[param(value_type = Option<String>, example = "silent")]
    freshness: Vec<Freshness>,
    /// Only with this as the worst of its open alerts: low, medium, high, very_high, catastrophic; may be repeated or a
    /// list with commas.
    #[param(value_type = Option<String>, example = "high")]
    severity: Vec<Severity>,
}

impl FromParams for Choice {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            kind: params.many("kind", |text| word(text, &StationKind::ALL, StationKind::word))?,
            area: params.one("area", |text| Ok(AreaId::new(text)))?,
            freshness: params.many("freshness", |text| word(text, &Freshness::ALL, Freshness::word))?,
            severity: params.many("severity", |text| word(text, &Severity::ALL, Severity::word))?,
        })
    }
}

impl Choice {
    /// What it admits of a picture's stations, wherever they stand.
    pub fn wish(&self) -> Wish {
        Wish::only(&self.kind, &self.freshness, &self.severity)
    }

    /// What of somebody's sight lies in the area. In one of the present lay, in the picture of a past moment, also the
    /// former ones all of which became it: `present` says so, and is `None` of the picture of now.
    pub fn within(
        &self,
        picture: &Picture,
        sight: layers::Sight,
        present: Option<&Present>,
    ) -> Result<layers::Sight, Problem> {
        if self.area.is_none() {
            return Ok(sight);
        }
        let inside = Sight::in_area(&picture.catalogue, self.area.as_ref())?;
        // One that was a former area itself is none of the present.
        let heirs = present.and_then(|present| {
            Sight::in_area(&present.catalogue, self.area.as_ref()).ok().map(|inside| (present, inside))
        });
        let became = |id: &AreaId| heirs.as_ref().is_some_and(|(present, inside)| present.is_in_sight(id, inside));
        let lies_inside = |id: &AreaId| inside.reaches(Some(id)) || became(id);
        let areas = (0_u32..).zip(picture.catalogue.areas());
        let seen = areas.map(|(number, area)| sight.reaches(number) && lies_inside(&area.id));
        Ok(layers::Sight::Areas(seen.collect()))
    }

    /// Whether it asks for nothing in particular.
    pub fn is_any(&self) -> bool {
        self.area.is_none() && self.wish().is_any()
    }
}
