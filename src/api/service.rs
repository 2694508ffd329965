//! Whether the service lives, whether it is ready and why not, what it measures, and what its API is.

use std::sync::Arc;

use axum::Json;
use axum::extract::Extension;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::door::{Allowed, Anyone, SeeMetrics};
use super::problem::{Problem, Refused};
use super::query::{Asked, Nothing};

/// One part of the service as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Check {
    /// The part: `journal`, `store`, `tick`, `edge`, `broker <name>`, `folder <source>`, `canary`.
    #[schema(example = "journal")]
    pub part: String,
    /// Whether it does its work.
    pub ready: bool,
    /// A sentence: how it stands, or what is wrong and what to do.
    #[schema(example = "2 segments, 12 MiB, everything on disk")]
    pub detail: String,
}

/// Whether the service is ready, part by part.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// Whether every part is.
    ready: bool,
    /// The parts.
    checks: Vec<Check>,
}

/// Liveness.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// Always `alive`: whoever reads it has an answer.
    #[schema(value_type = String, example = "alive")]
    status: &'static str,
    /// The service's version.
    #[schema(value_type = String, example = "0.1.0")]
    version: &'static str,
}

/// Answers as long as the process can answer at all.
#[utoipa::path(get, path = "/healthz", operation_id = "readLiveness", tag = "service", security(()),
    responses((status = 200, description = "Alive", body = Health)))]
pub async fn alive(Asked(Nothing): Asked<Nothing>) -> Json<Health> {
    Json(Health { status: "alive", version: env!("CARGO_PKG_VERSION") })
}

/// Whether every part does its work, with the causes when one does not.
#[utoipa::path(get, path = "/readyz", operation_id = "readReadiness", tag = "service", security(()),
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "Not ready; `checks` says why", body = Readiness)))]
pub async fn ready(anyone: Anyone, Asked(Nothing): Asked<Nothing>) -> Response {
    let checks = (anyone.parts().readiness)();
    let ready = checks.iter().all(|check| check.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, checks })).into_response()
}

/// The service's own measures in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "readMetrics", tag = "service",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The measures", body = String, content_type = "text/plain"), Refused))]
pub async fn metrics(door: Allowed<SeeMetrics>, Asked(Nothing): Asked<Nothing>) -> Response {
    let text = door.parts().metrics.render();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// The API's description as it is sent.
#[derive(Clone)]
pub struct Description(pub Arc<str>);

/// This description, in OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", operation_id = "readDescription", tag = "service", security(()),
    responses((status = 200, description = "The description", body = Object, content_type = "application/json")))]
pub async fn openapi(
    Extension(Description(text)): Extension<Description>,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Response, Problem> {
    Ok(([(CONTENT_TYPE, "application/json")], text.to_string()).into_response())
}
