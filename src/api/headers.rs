//! Headers that every answer carries: nothing is sniffed, framed, embedded or cached unless its resource says so. And
//! those that a request may come with: `If-Match`, `If-None-Match`.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// The policy of pages: everything from here; MapLibre draws in a worker and colours by style attributes.
pub const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; child-src 'self' blob:; \
manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The policy of everything that is not a page.
const BARE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Answers for one caller: kept by its browser only, and asked for again each time.
pub const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Adds what the resource has not set itself.
pub async fn dress(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, BARE_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The versions that `If-Match` names; `None` for any. A tag that is no version of ours matches none.
pub fn versions<T: FromStr>(headers: &HeaderMap) -> Option<Vec<T>> {
    let tags = headers.get(IF_MATCH).map(|value| value.to_str().unwrap_or_default().trim())?;
    let version = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').parse().ok();
    (tags != "*").then(|| tags.split(',').filter_map(version).collect())
}

/// A body with a tag made of its content, or "not modified" to whoever has it already. The tag is weak: the same content
/// may be sent compressed.
pub fn revalidated(body: Vec<u8>, media_type: &'static str, request: &HeaderMap) -> Response {
    let digest = Sha256::digest(&body);
    let hex: String = digest[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("W/\"{hex}\"");
    let mut response =
        if knows(request, &tag) { StatusCode::NOT_MODIFIED.into_response() } else { Bytes::from(body).into_response() };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, REVALIDATE);
    headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (ETAG, tag)));
    response
}

/// Whether `If-None-Match` names a tag (RFC 9110, 13.1.2: compared weakly).
pub fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.split(',').any(|one| opaque(one) == opaque(tag))
}
