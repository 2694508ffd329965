//! The web pages, embedded from `dashboards/web/dist` when they have been built.
//!
//! Built by npm, never by cargo: without them every page is a plain notice and the API works all the same.
//! Texts are compressed once, when first asked for, and kept: a page would otherwise wait for it every time.
//! Left out on purpose: a catch-all for unknown addresses; they are 404 like everywhere else.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::gzip;
use super::headers::PAGE_POLICY;
use super::problem::{Code, Problem};

#[derive(RustEmbed)]
#[folder = "dashboards/web/dist/"]
#[allow_missing = true]
struct Built;

/// Of a megabyte some per cent smaller than the usual level, in less time.
const ZIP_LEVEL: i32 = 9;
/// Files compressed, by the hash of what is in them: as many as there are, and where they are read from the disk, as were.
static ZIPPED: Mutex<BTreeMap<[u8; 32], Bytes>> = Mutex::new(BTreeMap::new());

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
        Some((name, file)) => answer(&name, file, &headers).await,
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

async fn answer(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash = file.metadata.sha256_hash();
    let tag: String = std::iter::once("\"".to_owned())
        .chain(hash[..12].iter().map(|byte| format!("{byte:02x}")))
        .chain(std::iter::once("\"".to_owned()))
        .collect();
    // The build puts a hash into the names under assets/: such a file never changes.
    let caching = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let fresh = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let media_type = media_type(name, &file.metadata);
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else if is_text(&media_type) && gzip::is_taken(headers) {
        zipped(hash, file.data).await
    } else {
        whole(file.data).into_response()
    };
    let out = response.headers_mut();
    let of_type = HeaderValue::from_str(&media_type).ok();
    out.insert(CONTENT_TYPE, of_type.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    if is_text(&media_type) {
        out.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    out.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    // Every file gets it: a worker runs under the policy of its own answer.
    out.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(ETAG, tag);
    }
    response
}

fn whole(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}

/// A file as gzip, as it was compressed when it was first asked for.
async fn zipped(hash: [u8; 32], data: Cow<'static, [u8]>) -> Response {
    let kept = ZIPPED.lock().get(&hash).cloned();
    let zipped = match kept {
        Some(zipped) => zipped,
        // A megabyte takes some hundredths of a second.
        None => match tokio::task::spawn_blocking(move || gzip::zipped(&data, ZIP_LEVEL)).await {
            Ok(Ok(zipped)) => ZIPPED.lock().entry(hash).or_insert_with(|| zipped.into()).clone(),
            Ok(Err(error)) => return Problem::internal(error).into_response(),
            Err(error) => return Problem::internal(error).into_response(),
        },
    };
    let mut response = zipped.into_response();
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

/// Whether compressing it makes it smaller: letters and pictures of pixels are compressed as they are.
fn is_text(media_type: &str) -> bool {
    media_type == "image/svg+xml" || !["font/", "image/"].iter().any(|kind| media_type.starts_with(kind))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_text_is_compressed_once_and_comes_back_whole() {
        let text = "Trạm đo mưa, trạm đo mưa, trạm đo mưa.\n".repeat(100);
        let hash = [7; 32];
        for _ in 0..2 {
            let response = zipped(hash, Cow::Owned(text.clone().into_bytes())).await;
            assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert!(body.len() < text.len() / 4, "{} of {}", body.len(), text.len());
            let mut back = String::new();
            std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(body.as_ref()), &mut back).unwrap();
            assert_eq!(back, text);
            assert_eq!(ZIPPED.lock()[&hash], body);
        }
    }

    #[test]
    fn what_is_compressed_as_it_is_is_left_alone() {
        for text in ["text/html; charset=utf-8", "application/javascript", "application/json", "image/svg+xml"] {
            assert!(is_text(text), "{text}");
        }
        for not in ["font/woff2", "image/png", "image/webp"] {
            assert!(!is_text(not), "{not}");
        }
    }
}
