//! `GET /retired-stations`: what was taken out of service, whose history, definition and changes can still be read.

use axum::Json;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::door::{Allowed, SeeMap};
use super::features::Name;
use super::problem::{Problem, Refused};
use super::query::{Asked, FromParams, NO_PLACE, Params, limit};
use super::time::{Shown, Zone};
use crate::model::{AreaId, Station, StationId};

/// Stations in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;

/// What `/retired-stations` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RetiredAsked {
    /// How many at most: 1 to 10,000.
    #[param(value_type = Option<u32>, default = 1000, minimum = 1, maximum = 10000)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<String>,
}

impl FromParams for RetiredAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", |text| Ok(text.to_owned()))?,
        })
    }
}

/// A station that is out of service.
#[derive(Serialize, ToSchema)]
pub struct RetiredEntry {
    /// Name in topics and addresses.
    #[schema(value_type = String, example = "AQ-01")]
    id: StationId,
    /// What it was for: traffic, air, weather, river, rain, forest, meter.
    #[schema(value_type = String, example = "air")]
    kind: &'static str,
    /// What to call it.
    name: Name,
    /// East of Greenwich, WGS 84 degrees.
    lon: f64,
    /// North of the equator, WGS 84 degrees.
    lat: f64,
    /// Code of the commune that it stood in; null outside every known one.
    #[schema(value_type = Option<String>, example = "03388")]
    area: Option<AreaId>,
    /// Since when it is out of service; null when nobody recorded it.
    #[schema(value_type = Option<String>, format = DateTime)]
    retired_at: Option<Shown>,
}

/// A page of stations that are out of service.
#[derive(Serialize, ToSchema)]
pub struct RetiredList {
    /// In the order of registration.
    stations: Vec<RetiredEntry>,
    /// Pass it as `next` for the following stations; null when there are no more.
    next: Option<String>,
}

/// Stations that were taken out of service; who did is told at `/stations/{id}/changes`.
#[utoipa::path(get, path = "/api/v1/retired-stations", operation_id = "listRetiredStations", tag = "registry",
    params(RetiredAsked), security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The stations", body = RetiredList), Refused))]
pub async fn list(door: Allowed<SeeMap>, Asked(asked): Asked<RetiredAsked>) -> Result<Json<RetiredList>, Problem> {
    let catalogue = door.parts().state.read().catalogue.clone();
    let sight = door.sight(&catalogue);
    let is_told = |station: &&Station| sight.reaches_station(station);
    let from = match &asked.next {
        None => None,
        Some(last) => {
            let station = catalogue.station_named(last).filter(is_told);
            Some(station.ok_or_else(|| Problem::parameter("next", NO_PLACE))?.no)
        }
    };
    let registry = door.parts().registry.clone();
    // What was recorded is read once after each change, and that blocks.
    let service = tokio::task::spawn_blocking(move || registry.footprints()).await;
    let service = service.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let zone = Zone::default();
    let entry = |station: &Station| RetiredEntry {
        id: station.id.clone(),
        kind: station.kind.word(),
        name: Name::from(&station.name),
        lon: station.position.lon,
        lat: station.position.lat,
        area: station.area.clone(),
        retired_at: service.retired_at(station.no).map(|at| zone.show(at)),
    };
    let retired = catalogue.stations().iter().filter(|station| station.retired).filter(is_told);
    let mut rest = retired.filter(|station| from.is_none_or(|from| station.no > from)).peekable();
    let stations: Vec<RetiredEntry> = rest.by_ref().take(asked.limit).map(entry).collect();
    let next = stations.last().filter(|_| rest.peek().is_some()).map(|last| last.id.to_string());
    Ok(Json(RetiredList { stations, next }))
}
