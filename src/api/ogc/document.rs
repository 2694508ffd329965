//! Features and pages of them as GeoJSON (RFC 7946) with the links that OGC API Features wants.

use serde_json::{Map, Value, json};

use super::collection::Collection;
use super::crs::Crs;
use super::found::{Found, Scene, Shape};
use crate::api::base::Base;
use crate::api::problem::Problem;
use crate::api::query::escaped;
use crate::api::stations::GEO_JSON;

/// One feature.
///
/// # Errors
/// A place outside the asked reference system is the caller's to deal with: nothing is left out silently.
pub(super) fn feature(
    scene: &Scene<'_>,
    collection: Collection,
    found: &Found<'_>,
    crs: Crs,
) -> Result<Map<String, Value>, Problem> {
    let id = scene.id(found);
    let geometry = match scene.shape(found) {
        None => Ok(Value::Null),
        Some(Shape::Point(at)) => crs.point(at),
        Some(Shape::Area(shape)) => crs.multi_polygon(&shape.polygon),
    };
    let geometry = geometry.map_err(|why| {
        Problem::parameter("crs", format!("{id}: {why}: narrow with bbox to what lies inside, or ask for CRS84"))
    })?;
    let named = collection.properties().iter().map(|name| ((*name).to_owned(), scene.property(found, name)));
    let properties: Map<String, Value> = named.collect();
    let mut feature = Map::new();
    feature.insert("type".to_owned(), json!("Feature"));
    feature.insert("id".to_owned(), json!(id));
    feature.insert("geometry".to_owned(), geometry);
    feature.insert("properties".to_owned(), Value::Object(properties));
    Ok(feature)
}

/// The links of one feature that is asked for alone.
pub(super) fn links_of_one(base: &Base, collection: Collection, id: &str, crs: Crs) -> Value {
    let path = format!("/ogc/collections/{}", collection.id());
    let own = format!("{path}/items/{}{}", escaped(id), query_of(crs));
    json!([
        { "href": base.link(&own), "rel": "self", "type": GEO_JSON },
        { "href": base.link(&path), "rel": "collection", "type": "application/json" },
    ])
}

fn query_of(crs: Crs) -> String {
    match crs {
        Crs::Crs84 => String::new(),
        Crs::Vn2000 => format!("?crs={}", escaped(crs.uri())),
    }
}

/// The links of a page: itself, and the next one if there is one. `asked` is the query as it came.
pub(super) fn links_of_page(base: &Base, collection: Collection, asked: &str, next: Option<&str>) -> Value {
    let path = format!("/ogc/collections/{}/items", collection.id());
    let kept: Vec<&str> = asked.split('&').filter(|part| !part.is_empty() && !part.starts_with("next=")).collect();
    let with = |last: Option<String>| {
        let parts: Vec<String> = kept.iter().map(|part| (*part).to_owned()).chain(last).collect();
        if parts.is_empty() { path.clone() } else { format!("{path}?{}", parts.join("&")) }
    };
    let own = if asked.is_empty() { path.clone() } else { format!("{path}?{asked}") };
    let mut links = vec![json!({ "href": base.link(&own), "rel": "self", "type": GEO_JSON })];
    if let Some(next) = next {
        let next = with(Some(format!("next={}", escaped(next))));
        links.push(json!({ "href": base.link(&next), "rel": "next", "type": GEO_JSON }));
    }
    let collection = base.link(&format!("/ogc/collections/{}", collection.id()));
    links.push(json!({ "href": collection, "rel": "collection", "type": "application/json" }));
    Value::Array(links)
}
