//! The web pages, embedded from `dashboards/web/dist` when they have been built.
//!
//! Built by npm, never by cargo: without them every page is a plain notice and the API works all the same.
//! Left out on purpose: a catch-all for unknown addresses; they are 404 like everywhere else.

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::headers::PAGE_POLICY;
use super::problem::{Code, Problem};

#[derive(RustEmbed)]
#[folder = "dashboards/web/dist/"]
#[allow_missing = true]
struct Built;

/// Addresses that a page of another name draws; `/docs`, `/field`, `/history` and `/admin` have files of their names.
const DRAWN_BY: [(&str, &str); 4] =
    [("", "index.html"), ("operations", "index.html"), ("ranger", "field.html"), ("planner", "history.html")];

/// Pages that have a file of their own, for the notice when none has been built.
const PAGES: [&str; 4] = ["docs", "field", "history", "admin"];

const NOTICE: &str = "<!doctype html><html lang=\"vi\"><meta charset=\"utf-8\"><title>Saola</title>\
<h1>Saola</h1><p>Trang web chưa được dựng; API vẫn hoạt động. \
<p lang=\"en\">The web pages have not been built (<code>make web</code>); the API works: \
<a href=\"/openapi.json\">openapi.json</a>, <a href=\"/readyz\">readyz</a>.</html>";

/// Everything that no route has taken: a page, one of its files, or nothing.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if method != Method::GET && method != Method::HEAD {
        return Problem::new(Code::NotFound, format!("there is no address {} for {method}", uri.path()))
            .into_response();
    }
    match find(path) {
        Some((name, file)) => answer(&name, file, &headers),
        None if PAGES.contains(&path) || DRAWN_BY.iter().any(|(address, _)| *address == path) => notice(),
        None => Problem::new(Code::NotFound, format!("there is no page or file {:?}", uri.path())).into_response(),
    }
}

fn find(path: &str) -> Option<(String, EmbeddedFile)> {
    // Names are looked up as they stand, undecoded: no address can climb out of the table.
    let name = DRAWN_BY.iter().find(|(address, _)| *address == path).map_or(path, |(_, page)| *page);
    if let Some(file) = Built::get(name) {
        return Some((name.to_owned(), file));
    }
    if name.contains(['/', '.']) {
        return None;
    }
    let page = format!("{name}.html");
    Built::get(&page).map(|file| (page, file))
}

fn notice() -> Response {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, PAGE_POLICY)];
    (headers, NOTICE).into_response()
}

fn answer(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash = file.metadata.sha256_hash();
    let tag: String = std::iter::once("\"".to_owned())
        .chain(hash[..12].iter().map(|byte| format!("{byte:02x}")))
        .chain(std::iter::once("\"".to_owned()))
        .collect();
    // The build puts a hash into the names under assets/: such a file never changes.
    let caching = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let fresh = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response =
        if fresh { StatusCode::NOT_MODIFIED.into_response() } else { file.data.into_owned().into_response() };
    let out = response.headers_mut();
    let media_type = HeaderValue::from_str(&media_type(name, &file.metadata)).ok();
    out.insert(CONTENT_TYPE, media_type.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    out.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    // Every file gets it: a worker runs under the policy of its own answer.
    out.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(ETAG, tag);
    }
    response
}

fn media_type(name: &str, metadata: &rust_embed::Metadata) -> String {
    let guessed = metadata.mimetype();
    if name.ends_with(".webmanifest") {
        return "application/manifest+json".to_owned();
    }
    if guessed.starts_with("text/") || guessed == "application/javascript" {
        return format!("{guessed}; charset=utf-8");
    }
    guessed.to_owned()
}
