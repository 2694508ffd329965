//! `/ogc`: OGC API Features, Part 1 (17-069r4: core, GeoJSON, OpenAPI 3.0) and Part 2 (18-058r1: coordinate reference
//! systems), for the maps of others (QGIS, ArcGIS, GDAL): stations, their newest samples, alerts, incidents, areas.
//!
//! Invariants: a caller is told of its areas alone, here as everywhere; a page is made of one picture of the state, and
//! pages put together give each feature once while nothing changes; a parameter that is not described is refused, as
//! the standard asks.
//! Left out on purpose: HTML (the landing page is for programs), CQL2 (Part 3), writing (Part 4).

mod asked;
mod collection;
mod crs;
mod description;
mod document;
mod found;
pub mod items;

use axum::Json;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::base::Base;
use super::door::{Allowed, SeeMap};
use super::problem::{Missing, Problem, Refused};
use super::query::{Asked, FromParams, Id, Params};
use super::stations::GEO_JSON;
use crate::auth::{self, Permission};
use collection::Collection;
use crs::Crs;

/// The media type of the description (OGC 17-069r4, clause 9).
const OPENAPI_3_0: &str = "application/vnd.oai.openapi+json;version=3.0";

/// What Saola keeps to.
const CONFORMANCE: [&str; 4] = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
];

/// The one parameter that every page of the service takes: `f=json`, what is sent anyhow.
pub struct OnlyJson;

impl FromParams for OnlyJson {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        OnlyJson::take(params)
    }
}

impl OnlyJson {
    fn take(params: &mut Params) -> Result<Self, Problem> {
        params.one("f", |text| match text {
            "json" => Ok(()),
            _ => Err(format!("{text:?} is not json, the only form there is")),
        })?;
        Ok(OnlyJson)
    }
}

/// A link of this service.
fn link(base: &Base, rel: &str, media_type: &str, path: &str) -> Value {
    json!({ "href": base.link(path), "rel": rel, "type": media_type })
}

/// Landing page of OGC API Features: links to everything else.
#[utoipa::path(get, path = "/ogc", operation_id = "readOgcLandingPage", tag = "standards",
    params(("f" = Option<String>, Query, description = "`json`, the only form there is")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The landing page", body = Object), Refused))]
pub async fn landing(_door: Allowed<SeeMap>, base: Base, Asked(OnlyJson): Asked<OnlyJson>) -> Json<Value> {
    const JSON: &str = "application/json";
    Json(json!({
        "title": "Saola",
        "description": "Trạm quan trắc, giá trị mới nhất, cảnh báo và địa bàn · Stations, their newest samples, alerts \
            and areas",
        "links": [
            link(&base, "self", JSON, "/ogc"),
            link(&base, "service-desc", OPENAPI_3_0, "/ogc/api"),
            link(&base, "service-doc", "text/html", "/docs"),
            link(&base, "conformance", JSON, "/ogc/conformance"),
            link(&base, "data", JSON, "/ogc/collections"),
        ],
    }))
}

/// The conformance classes of OGC API Features that this service keeps to.
#[utoipa::path(get, path = "/ogc/conformance", operation_id = "readOgcConformance", tag = "standards",
    params(("f" = Option<String>, Query, description = "`json`, the only form there is")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The classes", body = Object), Refused))]
pub async fn conformance(_door: Allowed<SeeMap>, Asked(OnlyJson): Asked<OnlyJson>) -> Json<Value> {
    Json(json!({ "conformsTo": CONFORMANCE }))
}

/// This part of the service in OpenAPI 3.0, as OGC API Features asks for it.
#[utoipa::path(get, path = "/ogc/api", operation_id = "readOgcDescription", tag = "standards",
    params(("f" = Option<String>, Query, description = "`json`, the only form there is")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The description", body = Object,
        content_type = "application/vnd.oai.openapi+json;version=3.0"), Refused))]
pub async fn api(_door: Allowed<SeeMap>, base: Base, Asked(OnlyJson): Asked<OnlyJson>) -> Response {
    let mut response = Json(description::of(&base)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OPENAPI_3_0));
    response
}

/// The collections of features that this caller can read.
#[utoipa::path(get, path = "/ogc/collections", operation_id = "listOgcCollections", tag = "standards",
    params(("f" = Option<String>, Query, description = "`json`, the only form there is")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The collections", body = Object), Refused))]
pub async fn collections(door: Allowed<SeeMap>, base: Base, Asked(OnlyJson): Asked<OnlyJson>) -> Json<Value> {
    let extent = extent(&door);
    let seen = Collection::ALL.into_iter().filter(|collection| may_see(&door, *collection));
    Json(json!({
        "links": [link(&base, "self", "application/json", "/ogc/collections")],
        "crs": Crs::ALL.map(Crs::uri),
        "collections": seen.map(|collection| told(collection, &base, &extent)).collect::<Vec<_>>(),
    }))
}

/// One collection of features.
#[utoipa::path(get, path = "/ogc/collections/{collection}", operation_id = "readOgcCollection", tag = "standards",
    params(("collection" = String, Path, description = "Its name", example = "stations"),
        ("f" = Option<String>, Query, description = "`json`, the only form there is")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The collection", body = Object), Refused, Missing))]
pub async fn collection(
    door: Allowed<SeeMap>,
    base: Base,
    Id(id): Id,
    Asked(OnlyJson): Asked<OnlyJson>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(told(named(&door, &id)?, &base, &extent(&door))))
}

/// The collection of a name, if this caller may see it.
fn named(door: &Allowed<SeeMap>, id: &str) -> Result<Collection, Problem> {
    let found = Collection::named(id).filter(|collection| may_see(door, *collection));
    found.ok_or_else(|| Problem::not_found("collection", id))
}

fn may_see(door: &Allowed<SeeMap>, collection: Collection) -> bool {
    match collection {
        Collection::Alerts | Collection::Incidents => auth::may(door.caller(), Permission::ReadAlerts),
        Collection::Stations | Collection::Observations | Collection::Areas => true,
    }
}

/// The rectangle around all areas; the whole earth when there are none.
fn extent(door: &Allowed<SeeMap>) -> Value {
    let areas = (door.parts().areas)();
    let whole = areas.whole().map(|whole| (whole.min(), whole.max()));
    match whole {
        Some((low, high)) => json!([low.x, low.y, high.x, high.y]),
        None => json!([-180, -90, 180, 90]),
    }
}

fn told(collection: Collection, base: &Base, extent: &Value) -> Value {
    let path = format!("/ogc/collections/{}", collection.id());
    let mut extent = json!({ "spatial": { "bbox": [extent], "crs": Crs::Crs84.uri() } });
    if collection.has_times() {
        extent["temporal"] = json!({ "interval": [[null, null]] });
    }
    json!({
        "id": collection.id(),
        "title": collection.title(),
        "description": collection.description(),
        "itemType": "feature",
        "extent": extent,
        "crs": Crs::ALL.map(Crs::uri),
        "storageCrs": Crs::Crs84.uri(),
        "links": [
            link(base, "self", "application/json", &path),
            link(base, "items", GEO_JSON, &format!("{path}/items")),
        ],
    })
}
