//! `/ogc/api`: this part of the service in OpenAPI 3.0. The whole service is described in 3.1, which clients of OGC API
//! Features do not read.

use serde_json::{Map, Value, json};

use super::asked::{LIMIT_DEFAULT, LIMIT_MAX};
use super::collection::Collection;
use super::crs::Crs;
use crate::api::base::Base;
use crate::api::stations::GEO_JSON;

/// The description.
pub(super) fn of(base: &Base) -> Value {
    let mut paths = Map::new();
    for (path, id, summary) in [
        ("/", "readLandingPage", "Landing page"),
        ("/conformance", "readConformance", "Conformance classes"),
        ("/api", "readDescription", "This description"),
        ("/collections", "listCollections", "Collections"),
    ] {
        paths.insert(path.to_owned(), get(id, summary, &[], "application/json", &["400", "401", "403"]));
    }
    for collection in Collection::ALL {
        let (id, title) = (collection.id(), collection.title());
        let one = get(&format!("read_{id}_collection"), title, &[], "application/json", &["400", "401", "403", "404"]);
        paths.insert(format!("/collections/{id}"), one);
        let parameters = parameters(collection);
        let errors = ["400", "401", "403", "404"];
        let items = get(&format!("list_{id}"), collection.description(), &parameters, GEO_JSON, &errors);
        paths.insert(format!("/collections/{id}/items"), items);
        let feature = [
            json!({ "name": "featureId", "in": "path", "required": true, "schema": { "type": "string" } }),
            crs("crs"),
        ];
        let item = get(&format!("read_{id}"), title, &feature, GEO_JSON, &errors);
        paths.insert(format!("/collections/{id}/items/{{featureId}}"), item);
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Saola: OGC API Features",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Times are RFC 3339; values are in the unit (UCUM) that stands beside them.",
            "license": { "name": "Apache-2.0" },
        },
        "servers": [{ "url": base.link("/ogc") }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": { "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } } },
    })
}

fn get(id: &str, summary: &str, parameters: &[Value], media_type: &str, errors: &[&str]) -> Value {
    let problem = json!({
        "description": "A problem (RFC 9457)",
        "content": { "application/problem+json": { "schema": { "type": "object" } } },
    });
    let mut responses = Map::new();
    let answer = json!({ "description": summary, "content": { (media_type): { "schema": { "type": "object" } } } });
    responses.insert("200".to_owned(), answer);
    responses.extend(errors.iter().map(|status| ((*status).to_owned(), problem.clone())));
    json!({ "get": { "operationId": id, "summary": summary, "parameters": parameters, "responses": responses } })
}

fn parameters(collection: Collection) -> Vec<Value> {
    let mut parameters = vec![
        json!({
            "name": "bbox", "in": "query", "style": "form", "explode": false,
            "schema": { "type": "array", "minItems": 4, "maxItems": 6, "items": { "type": "number" } },
        }),
        crs("bbox-crs"),
        crs("crs"),
        json!({ "name": "datetime", "in": "query", "schema": { "type": "string" } }),
        json!({
            "name": "limit", "in": "query",
            "schema": { "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT },
        }),
        json!({ "name": "next", "in": "query", "schema": { "type": "string" } }),
    ];
    let own = collection.properties().iter().map(|name| {
        let schema = json!({ "type": "string" });
        json!({ "name": name, "in": "query", "description": "The value that the property must have", "schema": schema })
    });
    parameters.extend(own);
    parameters
}

fn crs(name: &str) -> Value {
    let schema = json!({ "type": "string", "format": "uri", "enum": Crs::ALL.map(Crs::uri) });
    json!({ "name": name, "in": "query", "schema": schema })
}
