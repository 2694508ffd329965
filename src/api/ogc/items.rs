//! `/ogc/collections/{collection}/items`: features, page by page, and one of them.

use axum::extract::RawQuery;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::asked::{ItemAsked, ItemsAsked};
use super::crs::Crs;
use super::found::{Found, Scene};
use super::{document, named};
use crate::api::base::Base;
use crate::api::door::{Allowed, SeeMap};
use crate::api::features::Reporter;
use crate::api::headers::REVALIDATE;
use crate::api::problem::{Missing, Problem, Refused};
use crate::api::query::{Asked, Id, TwoNames};
use crate::api::stations::GEO_JSON;
use crate::api::time::Zone;

/// The header that names the reference system of coordinates (18-058r1, clause 7.7).
const CONTENT_CRS: HeaderName = HeaderName::from_static("content-crs");

/// Features of a collection, page by page.
///
/// Besides the parameters below each property of the collection's features can be given with a value that it must
/// have, such as `kind=air`; other parameters are refused.
#[utoipa::path(get, path = "/ogc/collections/{collection}/items", operation_id = "listOgcFeatures", tag = "standards",
    params(
        ("collection" = String, Path, description = "Its name", example = "stations"),
        ("bbox" = Option<String>, Query, description = "Only what meets this rectangle: west,south,east,north"),
        ("bbox-crs" = Option<String>, Query, description = "Reference system of `bbox`; CRS84 when absent"),
        ("crs" = Option<String>, Query, description = "Reference system of the answer: CRS84 when absent, or \
            http://www.opengis.net/def/crs/EPSG/0/9205 (VN-2000 / TM-3 103-00)"),
        ("datetime" = Option<String>, Query, description = "Only what was then: an instant, or FROM/TO, of which one may \
            be `..`; what has no time is always sent"),
        ("limit" = Option<u32>, Query, description = "How many at most: 1 to 10,000; 1,000 when absent"),
        ("next" = Option<String>, Query, description = "Where to go on, as the link `next` has it"),
        ("f" = Option<String>, Query, description = "`json`, the only form there is")),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The features", body = Object, content_type = "application/geo+json",
            headers(("content-crs" = String, description = "The reference system of the coordinates"))),
        Refused, Missing))]
pub async fn items(
    door: Allowed<SeeMap>,
    base: Base,
    Id(id): Id,
    RawQuery(query): RawQuery,
    Asked(asked): Asked<ItemsAsked>,
) -> Result<Response, Problem> {
    let collection = named(&door, &id)?;
    asked.check(collection)?;
    let (features, matched, next) = with_scene(&door, |scene| {
        let (mut matched, mut page, mut more) = (0usize, Vec::new(), false);
        for found in scene.all(collection).filter(|found| scene.is_asked(found, &asked)) {
            matched += 1;
            if asked.next.as_ref().is_some_and(|place| !found.is_after(place)) {
                continue;
            }
            if page.len() < asked.limit {
                page.push(found);
            } else {
                more = true;
            }
        }
        let next = page.last().filter(|_| more).map(|last: &Found<'_>| last.place().text());
        let features = page.iter().map(|found| document::feature(scene, collection, found, asked.crs));
        Ok((features.collect::<Result<Vec<_>, _>>()?, matched, next))
    })?;
    let now = Zone::default().show(door.parts().clock.now());
    let query = query.unwrap_or_default();
    let body = json!({
        "type": "FeatureCollection",
        "numberMatched": matched,
        "numberReturned": features.len(),
        "timeStamp": now,
        "links": document::links_of_page(&base, collection, &query, next.as_deref()),
        "features": features,
    });
    Ok(answer(&body, asked.crs))
}

/// One feature of a collection.
#[utoipa::path(get, path = "/ogc/collections/{collection}/items/{feature}", operation_id = "readOgcFeature",
    tag = "standards",
    params(
        ("collection" = String, Path, description = "The collection's name", example = "stations"),
        ("feature" = String, Path, description = "The feature's `id`, percent-encoded", example = "TR-QL4D-01"),
        ("crs" = Option<String>, Query, description = "Reference system of the answer, as for all features"),
        ("f" = Option<String>, Query, description = "`json`, the only form there is")),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The feature", body = Object, content_type = "application/geo+json",
            headers(("content-crs" = String, description = "The reference system of the coordinates"))),
        Refused, Missing))]
pub async fn item(
    door: Allowed<SeeMap>,
    base: Base,
    TwoNames(collection, id): TwoNames,
    Asked(asked): Asked<ItemAsked>,
) -> Result<Response, Problem> {
    let collection = named(&door, &collection)?;
    let mut feature = with_scene(&door, |scene| {
        let found = scene.named(collection, &id).ok_or_else(|| Problem::not_found("feature", &id))?;
        document::feature(scene, collection, &found, asked.crs)
    })?;
    feature.insert("links".to_owned(), document::links_of_one(&base, collection, &id, asked.crs));
    Ok(answer(&Value::Object(feature), asked.crs))
}

/// One look at the state as it is now.
fn with_scene<T>(door: &Allowed<SeeMap>, look: impl FnOnce(&Scene<'_>) -> Result<T, Problem>) -> Result<T, Problem> {
    let parts = door.parts();
    let areas = (parts.areas)();
    let zone = Zone::default();
    let now = parts.clock.now();
    let state = parts.state.read();
    let sight = door.sight(&state.catalogue);
    look(&Scene { reporter: Reporter { state: &state, now, zone: &zone }, sight, areas: &areas })
}

fn answer(body: &Value, crs: Crs) -> Response {
    let mut response = axum::Json(body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(GEO_JSON));
    headers.insert(CACHE_CONTROL, REVALIDATE);
    if let Ok(crs) = HeaderValue::from_str(&format!("<{}>", crs.uri())) {
        headers.insert(CONTENT_CRS, crs);
    }
    response
}
