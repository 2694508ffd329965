//! `GET /areas`: the areas of a level on a date, with their polygons: provinces, communes, what they were before, and the
//! forest's units.

use axum::response::Response;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::boundaries::Boundaries;
use super::door::{Allowed, SeeMap};
use super::features::Name;
use super::layer_features::MultiPolygon;
use super::problem::{Problem, Refused};
use super::query::{self, Asked, Bbox, FromParams, NO_PLACE, Params, limit, word};
use super::sight::Sight;
use super::stations::geo_json;
use super::time::Zone;
use crate::model::{AreaId, AreaLevel};
use crate::registry::{AreaShape, Areas};

/// Areas in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 200;
const LIMIT_MAX: usize = 2_000;

/// What `/areas` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AreasAsked {
    /// province, district (until 2025-06-30), commune, forest_compartment, forest_subcompartment, forest_plot.
    #[param(value_type = Option<String>, default = "commune")]
    level: AreaLevel,
    /// Those in force on this date; today when absent.
    #[param(value_type = Option<String>, example = "2025-06-30")]
    on: Option<Date>,
    /// Only what touches this rectangle: west,south,east,north in WGS 84 degrees.
    #[param(value_type = Option<String>, example = "102.3,21.6,104.0,22.9")]
    bbox: Option<Bbox>,
    /// How many at most, 1 to 2000.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 2000, default = 200)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<AreaId>,
}

impl FromParams for AreasAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let level = params.one("level", |text| word(text, &AreaLevel::ALL, AreaLevel::word))?;
        Ok(Self {
            level: level.unwrap_or(AreaLevel::Commune),
            on: params.one("on", query::date)?,
            bbox: params.one("bbox", Bbox::parse)?,
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", |text| Ok(AreaId::new(text)))?,
        })
    }
}

/// Areas as a GeoJSON feature collection.
#[derive(Serialize, ToSchema)]
pub struct AreaCollection {
    /// Always `FeatureCollection`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "FeatureCollection")]
    kind: &'static str,
    /// By code.
    features: Vec<DatedAreaFeature>,
    /// Pass it as `next` for the following areas; null when there are no more.
    #[schema(value_type = Option<String>)]
    next: Option<AreaId>,
}

/// An area as a GeoJSON feature.
#[derive(Serialize, ToSchema)]
pub struct DatedAreaFeature {
    /// Always `Feature`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "Feature")]
    kind: &'static str,
    /// Code.
    #[schema(value_type = String, example = "03388")]
    id: AreaId,
    /// Its polygons; null of a former area whose polygon nobody has.
    geometry: Option<MultiPolygon>,
    /// What is known of it.
    properties: DatedAreaReport,
}

/// What is known of an area.
#[derive(Serialize, ToSchema)]
pub struct DatedAreaReport {
    /// As in the query.
    #[schema(value_type = String, example = "commune")]
    level: &'static str,
    /// Its name.
    name: Name,
    /// Code of the area that contains it.
    #[schema(value_type = Option<String>, example = "12")]
    parent: Option<AreaId>,
    /// Where its name is written: longitude, latitude.
    label: [f64; 2],
    /// The first date on which it was in force; null: not known, or from the beginning.
    #[schema(value_type = Option<String>, example = "2025-07-01")]
    valid_from: Option<Date>,
    /// The first date on which it was no more; null: it is in force.
    #[schema(value_type = Option<String>, example = "2025-07-01")]
    valid_to: Option<Date>,
    /// Codes of the areas that took its place.
    #[schema(value_type = Vec<String>)]
    successors: Vec<AreaId>,
    /// Of a forest unit that says so: `special_use`, `protection`, `production`; what the unit around it says goes for it
    /// otherwise.
    #[schema(value_type = Option<String>, example = "protection")]
    forest_type: Option<&'static str>,
    /// Of a forest unit that says so: who owns or looks after it.
    owner: Option<String>,
    /// Drawn for a demonstration: there is no such area.
    invented: bool,
}

/// Areas of a level on a date, by code, with their polygons.
#[utoipa::path(get, path = "/api/v1/areas", operation_id = "listAreas", tag = "map", params(AreasAsked),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The areas", body = AreaCollection, content_type = "application/geo+json"),
        Refused))]
pub async fn list(door: Allowed<SeeMap>, Asked(asked): Asked<AreasAsked>) -> Result<Response, Problem> {
    let catalogue = door.parts().state.read().catalogue.clone();
    let (areas, sight) = ((door.parts().areas)(), door.sight(&catalogue));
    let today = Zone::default().date(door.parts().clock.now());
    let date = asked.on.unwrap_or(today);
    // Thousands of polygons are looked through and written: on a thread that may block.
    let work = move || {
        let boundaries = Boundaries::new(&catalogue, &areas, asked.level, Some(date), today);
        page(&asked, &boundaries, &areas, (date, &sight)).map(|page| geo_json(&page))
    };
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
}

fn page(
    asked: &AreasAsked,
    boundaries: &Boundaries<'_>,
    areas: &Areas,
    (date, sight): (Date, &Sight),
) -> Result<AreaCollection, Problem> {
    let after = asked.next.as_ref();
    if after.is_some_and(|id| areas.find(id).is_none_or(|_| !boundaries.is_in_sight(id, sight))) {
        return Err(Problem::parameter("next", NO_PLACE));
    }
    let mut found: Vec<&AreaShape> = areas
        .at(asked.level, date)
        .filter(|shape| after.is_none_or(|after| shape.area.id > *after))
        .filter(|shape| asked.bbox.is_none_or(|bbox| bbox.touches_rect(&shape.bounds)))
        .collect();
    found.sort_unstable_by(|one, other| one.area.id.cmp(&other.area.id));
    // Sight is asked for no more of them than are told, and those hidden between.
    let in_sight = found.into_iter().filter(|shape| boundaries.is_in_sight(&shape.area.id, sight));
    let mut found: Vec<&AreaShape> = in_sight.take(asked.limit + 1).collect();
    let more = found.len() > asked.limit;
    found.truncate(asked.limit);
    let next = found.last().filter(|_| more).map(|shape| shape.area.id.clone());
    let features = found.into_iter().map(feature).collect();
    Ok(AreaCollection { kind: "FeatureCollection", features, next })
}

fn feature(shape: &AreaShape) -> DatedAreaFeature {
    let (area, facts) = (&shape.area, &shape.facts);
    DatedAreaFeature {
        kind: "Feature",
        id: area.id.clone(),
        geometry: shape.is_drawn().then(|| MultiPolygon::from(&shape.polygon)),
        properties: DatedAreaReport {
            level: area.level.word(),
            name: Name::from(&area.name),
            parent: area.parent.clone(),
            label: [shape.label.lon, shape.label.lat],
            valid_from: facts.validity.from,
            valid_to: facts.validity.to,
            successors: facts.successors.clone(),
            forest_type: facts.forest_type.map(|kind| kind.word()),
            owner: facts.owner.clone(),
            invented: facts.invented,
        },
    }
}
