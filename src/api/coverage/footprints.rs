//! `GET /coverage/footprints`: what stations watch, as GeoJSON.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::response::Response;
use geo::MultiPolygon as Polygons;
use hashbrown::HashSet;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::working::Look;
use super::{View, in_turn, is_approximate, rounded, settled};
use crate::api::door::{Allowed, SeeMap};
use crate::api::features::Name;
use crate::api::layer_features::MultiPolygon;
use crate::api::moment;
use crate::api::problem::{Costly, Problem, Refused};
use crate::api::query::{Asked, FromParams, Params};
use crate::api::stations::geo_json;
use crate::api::time::{Shown, When};
use crate::coverage::{Watcher, outline};
use crate::model::{AreaId, StationId, StationNo};

/// Footprints in one answer: more than anybody tells apart on a map.
const FOOTPRINTS_MAX: usize = 5_000;

/// What `/coverage/footprints` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FootprintsAsked {
    /// As it was then: RFC 3339, a date, `-24h`; now when absent.
    #[param(value_type = Option<String>, example = "-24h")]
    at: Option<When>,
}

impl FromParams for FootprintsAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self { at: moment::take(params)? })
    }
}

/// What stations watch.
#[derive(Serialize, ToSchema)]
pub struct FootprintCollection {
    /// Always `FeatureCollection`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "FeatureCollection")]
    kind: &'static str,
    /// The moment.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
    /// In the order of the stations; 5,000 at most.
    features: Vec<FootprintFeature>,
    /// Footprints beyond that.
    left_out: usize,
    /// Whether there are any that were estimated, not surveyed.
    approximate: bool,
}

/// What one station watches.
#[derive(Serialize, ToSchema)]
pub struct FootprintFeature {
    /// Always `Feature`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "Feature")]
    kind: &'static str,
    /// The station.
    #[schema(value_type = String, example = "FS-HL-01")]
    id: StationId,
    /// The ground.
    geometry: MultiPolygon,
    /// How it is watched.
    properties: FootprintReport,
}

/// How ground is watched.
#[derive(Serialize, ToSchema)]
pub struct FootprintReport {
    /// The station's name.
    name: Name,
    /// Code of the commune that it stood in.
    #[schema(value_type = Option<String>, example = "03388")]
    area: Option<AreaId>,
    /// Whether the station worked: what does not work watches nothing.
    working: bool,
    /// Whether the footprint was estimated, not surveyed.
    approximate: bool,
}

/// What stations in sight watch, working or not, as GeoJSON.
///
/// Of those that were in service at the moment. A station works while one of the channels by which it watches is live or
/// late.
#[utoipa::path(get, path = "/api/v1/coverage/footprints", operation_id = "readCoverageFootprints", tag = "map",
    params(FootprintsAsked), security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The footprints", body = FootprintCollection,
        content_type = "application/geo+json"), Refused, Costly))]
pub async fn read(door: Allowed<SeeMap>, Asked(asked): Asked<FootprintsAsked>) -> Result<Response, Problem> {
    let past = settled(&door, asked.at.as_ref()).await?;
    let (parts, sight) = (door.parts().clone(), door.sight(&door.parts().state.read().catalogue));
    let work = move |gone: Arc<AtomicBool>| View::new(Look::at(parts, past, gone)?, sight).footprints();
    let footprints = in_turn(&door, work).await?;
    Ok(geo_json(&footprints))
}

impl View {
    fn footprints(&self) -> Result<FootprintCollection, Problem> {
        let at = self.look.moment();
        let working = self.look.watchers_working()?;
        let installed = self.look.watchers_installed(&working);
        self.look.go_on()?;
        let works: HashSet<StationNo> = working.iter().map(|watcher| watcher.station).collect();
        let mut seen = self.in_sight(&installed, at);
        let approximate = is_approximate(seen.iter().copied());
        let left_out = seen.len().saturating_sub(FOOTPRINTS_MAX);
        seen.truncate(FOOTPRINTS_MAX);
        let projection = self.forest(at).projection;
        let feature = |watcher: &&Watcher| {
            let station = self.look.catalogue.station(watcher.station)?;
            let (_, area) = self.look.catalogue.place_at(station, at);
            let ground = Polygons::new(vec![outline(&watcher.footprint, watcher.position, projection)]);
            Some(FootprintFeature {
                kind: "Feature",
                id: station.id.clone(),
                geometry: MultiPolygon::from(&rounded(projection.degrees(&ground))),
                properties: FootprintReport {
                    name: Name::from(&station.name),
                    area: area.cloned(),
                    working: works.contains(&watcher.station),
                    approximate: watcher.footprint.approximate,
                },
            })
        };
        Ok(FootprintCollection {
            kind: "FeatureCollection",
            at: self.zone.show(at),
            features: seen.iter().filter_map(feature).collect(),
            left_out,
            approximate,
        })
    }
}
