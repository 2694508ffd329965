//! `GET /stations`: the registry with the newest samples.

use std::sync::Arc;

use axum::Json;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::atlas;
use super::choice::Choice;
use super::door::{Allowed, SeeMap};
use super::features::{Reporter, StationFeature};
use super::headers::REVALIDATE;
use super::problem::{Missing, Problem, Refused};
use super::query::{Asked, Bbox, FromParams, Id, NO_PLACE, Nothing, Params, limit, word};
use super::station_order::{Found, Order, Search};
use super::time::Zone;
use crate::layers::Layer;
use crate::model::{Seq, Station, StationNo};

/// The media type of GeoJSON.
pub const GEO_JSON: &str = "application/geo+json";

/// Stations in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;

/// Letters that can be looked for.
const SEARCH_MAX: usize = 100;

/// What `/stations` takes beside the stations that are chosen.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StationsAsked {
    /// Only inside this rectangle: west,south,east,north in WGS 84 degrees.
    #[param(value_type = Option<String>, example = "102.3,21.6,104.0,22.9")]
    bbox: Option<Bbox>,
    /// Only with each of these words in the identifier, the name or the commune's name; capitals and Vietnamese marks do
    /// not matter.
    #[param(value_type = Option<String>, example = "muong te")]
    q: Option<String>,
    /// `registered`: as they were registered. `need`: the worst open alert first, then silent, stale, late, live, in
    /// maintenance. `silence`: those that were not heard for longest first.
    #[param(value_type = Option<String>, default = "registered", example = "need")]
    order: Order,
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
            q: params.one("q", |text| match text.chars().count() {
                0..=SEARCH_MAX => Ok(text.to_owned()),
                _ => Err(format!("at most {SEARCH_MAX} letters can be looked for")),
            })?,
            order: params.one("order", |text| word(text, &Order::ALL, Order::word))?.unwrap_or(Order::Registered),
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", |text| Ok(text.to_owned()))?,
        })
    }
}

/// A list's parameters, and the stations that are chosen.
pub struct Wanted(StationsAsked, Choice);

impl FromParams for Wanted {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Wanted(StationsAsked::from_params(params)?, Choice::from_params(params)?))
    }
}

/// Stations as a GeoJSON feature collection.
#[derive(Serialize, ToSchema)]
pub struct StationCollection {
    /// Always `FeatureCollection`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "FeatureCollection")]
    kind: &'static str,
    /// The stations, in the order asked for.
    features: Vec<StationFeature>,
    /// Pass it as `next` for the following stations; null when there are no more, and in the orders that time changes.
    next: Option<String>,
    /// How many stations there are in all, on every page.
    total: usize,
    /// The journal's number that the picture includes; `last_event_id` of the stream goes on from it.
    #[schema(value_type = u64)]
    revision: Seq,
}

/// Stations with their newest samples, freshness and worst open severity. Retired stations are left out.
#[utoipa::path(get, path = "/api/v1/stations", operation_id = "listStations", tag = "map",
    params(StationsAsked, Choice),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The stations", body = StationCollection, content_type = "application/geo+json"),
        Refused,
    ))]
pub async fn list(door: Allowed<SeeMap>, Asked(Wanted(asked, choice)): Asked<Wanted>) -> Result<Response, Problem> {
    let parts = door.parts();
    // Before the picture: what is told twice costs less than what is missed.
    let revision = parts.feed.latest();
    let (picture, _) = door.picture(Layer::Stations, None).await?;
    let seen = atlas::seen(&door, &picture, None);
    let from = match &asked.next {
        None => None,
        Some(_) if asked.order != Order::Registered => {
            return Err(Problem::parameter("next", "only a list in the order of registration has further pages"));
        }
        Some(last) => {
            let (state, last) = (parts.state.read(), last.as_str());
            let sight = door.sight(&state.catalogue);
            let station = state.catalogue.station_named(last).filter(|station| sight.reaches_station(station));
            Some(station.ok_or_else(|| Problem::parameter("next", NO_PLACE))?.no)
        }
    };
    let sight = choice.within(&picture, seen, None)?;
    let search = Search { sight, wish: choice.wish(), bbox: asked.bbox, words: asked.q };
    let (order, limit) = (asked.order, asked.limit);
    let catalogue = Arc::clone(&picture.catalogue);
    // A search reads every name.
    let found = door.atlas().in_turn(move || search.find(&picture, order, (from, limit))).await?;
    let Found { page, has_more, total } = found;
    let last = page.last().filter(|_| has_more && order == Order::Registered);
    let next = last.and_then(|no| catalogue.station(*no)).map(|station| station.id.to_string());
    let zone = Zone::default();
    let state = parts.state.read();
    let reporter = Reporter { state: &state, now: parts.clock.now(), zone: &zone };
    // They may have been moved or taken out of service since.
    let sight = door.sight(&state.catalogue);
    let is_told = |station: &&Station| !station.retired && sight.reaches_station(station);
    let station = |no: &StationNo| state.catalogue.station(*no).filter(is_told);
    let features = page.iter().filter_map(station).map(|station| reporter.station(station)).collect();
    drop(state);
    let collection = StationCollection { kind: "FeatureCollection", features, next, total, revision };
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
