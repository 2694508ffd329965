//! `GET /field/photos/{key}`: photos that came with reports, for whoever may see the alert.

use std::sync::Arc;

use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::{blocking, report};
use crate::api::door::{Allowed, SeeAlerts};
use crate::api::problem::{Missing, Problem, Refused};
use crate::api::query::{Asked, Id, Nothing};

/// Never changes, and is only for who may see it: their browser may keep it for a day.
const CACHING: HeaderValue = HeaderValue::from_static("private, max-age=86400, immutable");

/// The photo of a report, as the phone sent it.
#[utoipa::path(get, path = "/api/v1/field/photos/{key}", operation_id = "readFieldPhoto", tag = "field",
    params(("key" = String, Path, description = "The report's key", example = "5f0c9c3e-6f0e-4b57-9d0a-0f6f1f7a1f10")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The photo", content(
            (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"))),
        Refused, Missing))]
pub async fn one(door: Allowed<SeeAlerts>, Id(id): Id, Asked(Nothing): Asked<Nothing>) -> Result<Response, Problem> {
    let missing = || Problem::not_found("photo", &id);
    let (parts, key) = (Arc::clone(door.parts()), report::key(&id).map_err(|_| missing())?);
    let photo = blocking(move || parts.field.photo(&key)).await?;
    let photo = photo.filter(|photo| door.sight(&door.parts().state.read().catalogue).reaches(photo.area.as_ref()));
    let photo = photo.ok_or_else(missing)?;
    let headers: [(HeaderName, HeaderValue); 3] = [
        (CONTENT_TYPE, HeaderValue::from_static(photo.media_type.word())),
        (CACHE_CONTROL, CACHING),
        (CONTENT_DISPOSITION, HeaderValue::from_static("inline")),
    ];
    Ok((headers, photo.bytes).into_response())
}
