//! `GET /stations`: the registry with the newest samples.

use axum::Json;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::door::{Allowed, SeeMap};
use super::features::{Reporter, StationFeature};
use super::headers::REVALIDATE;
use super::problem::{Missing, Problem, Refused};
use super::query::{Asked, Bbox, FromParams, Id, NO_PLACE, Nothing, Params, limit, word};
use super::search::fold;
use super::sight::Sight;
use super::time::Zone;
use crate::model::{AreaId, Seq, Station, StationKind};

/// The media type of GeoJSON.
pub const GEO_JSON: &str = "application/geo+json";

/// Stations in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;

/// What `/stations` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StationsAsked {
    /// Only inside this rectangle: west,south,east,north in WGS 84 degrees.
    #[param(value_type = Option<String>, example = "102.3,21.6,104.0,22.9")]
    bbox: Option<Bbox>,
    /// Only these kinds: traffic, air, weather, river, rain, forest, meter; may be repeated or a list with commas.
    #[param(value_type = Option<String>, example = "air,weather")]
    kind: Vec<StationKind>,
    /// Only in this area and those inside it, by its code.
    #[param(value_type = Option<String>, example = "03388")]
    area: Option<AreaId>,
    /// Only with this in the identifier or the name; capitals and Vietnamese marks do not matter.
    #[param(value_type = Option<String>, example = "muong te")]
    q: Option<String>,
    /// How many at most: 1 to 10,000.
    #[param(value_type = Option<u32>, default = 1000, minimum = 1, maximum = 10000)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<String>,
}

impl FromParams for StationsAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            bbox: params.one("bbox", Bbox::parse)?,
            kind: params.many("kind", |text| word(text, &StationKind::ALL, StationKind::word))?,
            area: params.one("area", |text| Ok(AreaId::new(text)))?,
            q: params.one("q", |text| Ok(fold(text)))?,
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", |text| Ok(text.to_owned()))?,
        })
    }
}

impl StationsAsked {
    fn wants(&self, station: &Station) -> bool {
        let found = |text: &str, q: &str| fold(text).contains(q);
        self.bbox.is_none_or(|bbox| bbox.contains(station.position))
            && (self.kind.is_empty() || self.kind.contains(&station.kind))
            && self.q.as_deref().is_none_or(|q| {
                [station.id.as_str(), &station.name.vi, &station.name.en].iter().any(|text| found(text, q))
            })
    }
}

/// Stations as a GeoJSON feature collection.
#[derive(Serialize, ToSchema)]
pub struct StationCollection {
    /// Always `FeatureCollection`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "FeatureCollection")]
    kind: &'static str,
    /// The stations, in the order in which they were registered.
    features: Vec<StationFeature>,
    /// Pass it as `next` for the following stations; null when there are no more.
    next: Option<String>,
    /// The journal's number that the picture includes; `last_event_id` of the stream goes on from it.
    #[schema(value_type = u64)]
    revision: Seq,
}

/// Stations with their newest samples, freshness and worst open severity. Retired stations are left out.
#[utoipa::path(get, path = "/api/v1/stations", operation_id = "listStations", tag = "map", params(StationsAsked),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The stations", body = StationCollection, content_type = "application/geo+json"),
        Refused,
    ))]
pub async fn list(door: Allowed<SeeMap>, Asked(asked): Asked<StationsAsked>) -> Result<Response, Problem> {
    let parts = door.parts();
    let revision = parts.feed.latest();
    let state = parts.state.read();
    let catalogue = &state.catalogue;
    let sight = door.sight(catalogue);
    let area = Sight::in_area(catalogue, asked.area.as_ref())?;
    let first = match &asked.next {
        None => 0,
        Some(last) => match catalogue.station_named(last).filter(|station| sight.reaches_station(station)) {
            Some(station) => station.no.index() + 1,
            None => return Err(Problem::parameter("next", NO_PLACE)),
        },
    };
    let zone = Zone::default();
    let reporter = Reporter { state: &state, now: parts.clock.now(), zone: &zone };
    let mut wanted = catalogue.stations()[first..].iter().filter(|station| {
        !station.retired && sight.reaches_station(station) && area.reaches_station(station) && asked.wants(station)
    });
    let page: Vec<&Station> = wanted.by_ref().take(asked.limit).collect();
    let next = wanted.next().and_then(|_| page.last()).map(|station| station.id.to_string());
    let features = page.into_iter().map(|station| reporter.station(station)).collect();
    drop(state);
    let collection = StationCollection { kind: "FeatureCollection", features, next, revision };
    Ok(geo_json(&collection))
}

/// One station with its newest samples. The `ETag` is the revision of its definition, for `If-Match`.
#[utoipa::path(get, path = "/api/v1/stations/{id}", operation_id = "readStation", tag = "map",
    params(("id" = String, Path, description = "The station's name", example = "TR-QL4D-01")),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The station", body = StationFeature, content_type = "application/geo+json"),
        Refused,
        Missing,
    ))]
pub async fn one(door: Allowed<SeeMap>, Id(id): Id, Asked(Nothing): Asked<Nothing>) -> Result<Response, Problem> {
    let parts = door.parts();
    let missing = || Problem::not_found("station", &id);
    let no = {
        let state = parts.state.read();
        let sight = door.sight(&state.catalogue);
        let station = state.catalogue.station_named(&id).filter(|station| sight.reaches_station(station));
        station.ok_or_else(missing)?.no
    };
    // The revision first: one that is older than what is shown costs a refused change, a newer one would lose one.
    let registry = parts.registry.clone();
    let revision = tokio::task::spawn_blocking(move || registry.revision(no)).await;
    let revision = revision.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let feature = {
        let state = parts.state.read();
        let sight = door.sight(&state.catalogue);
        let station = state.catalogue.station(no).filter(|station| sight.reaches_station(station));
        let zone = Zone::default();
        let reporter = Reporter { state: &state, now: parts.clock.now(), zone: &zone };
        reporter.station(station.ok_or_else(missing)?)
    };
    let mut response = geo_json(&feature);
    // Weak: the values change without the definition.
    if let Ok(tag) = HeaderValue::from_str(&format!("W/\"{revision}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// An answer in GeoJSON, kept by nobody without asking again.
pub fn geo_json<T: Serialize>(body: &T) -> Response {
    let mut response = Json(body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(GEO_JSON));
    response.headers_mut().insert(CACHE_CONTROL, REVALIDATE);
    response
}
