//! The web pages, embedded from `dashboards/web/dist` when they have been built.
//!
//! Built by npm, never by cargo: without them every page is a plain notice and the API works all the same.
//! Texts are compressed once, when first asked for, and kept: a page would otherwise wait for it every time.
//! Left out on purpose: a catch-all for unknown addresses; they are 404 like everywhere else.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::door::House;
use super::gzip;
use super::headers::{PAGE_POLICY, knows};
use super::problem::{Code, Problem};

#[derive(RustEmbed)]
#[folder = "dashboards/web/dist/"]
#[allow_missing = true]
struct Built;

/// Of a megabyte some per cent smaller than the usual level, in less time.
const ZIP_LEVEL: i32 = 9;
/// Smaller files are sent as they are.
const ZIPPED_MIN_BYTES: usize = 256;

/// Files compressed, by the hash of what is in them: as many as there are.
#[derive(Default)]
pub struct Kept(Mutex<BTreeMap<[u8; 32], Bytes>>);

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
pub async fn serve(State(house): State<House>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if method != Method::GET && method != Method::HEAD {
        return Problem::new(Code::NotFound, format!("there is no address {} for {method}", uri.path()))
            .into_response();
    }
    match find(path) {
        Some((name, file)) => answer(house.pages(), &name, file, &headers).await,
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

async fn answer(kept: &Kept, name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash = file.metadata.sha256_hash();
    // Weak, because the file may be sent compressed.
    let tag = hash[..12].iter().fold("W/\"".to_owned(), |tag, byte| format!("{tag}{byte:02x}")) + "\"";
    // The build puts a hash into the names under assets/: such a file never changes.
    let caching = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let media_type = media_type(name, &file.metadata);
    let shrinks = file.data.len() >= ZIPPED_MIN_BYTES && !is_compressed(&media_type);
    let mut response = if knows(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if shrinks && gzip::is_taken(headers) {
        zipped(kept, hash, whole(file.data)).await
    } else {
        whole(file.data).into_response()
    };
    let out = response.headers_mut();
    let of_type = HeaderValue::from_str(&media_type).ok();
    out.insert(CONTENT_TYPE, of_type.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    if shrinks {
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

/// A file as gzip, as it was compressed when it was first asked for; as it is where that cannot be done.
async fn zipped(kept: &Kept, hash: [u8; 32], data: Bytes) -> Response {
    let found = kept.0.lock().get(&hash).cloned();
    gzip::answer(match found {
        Some(zipped) => zipped,
        None => {
            let plain = data.clone();
            // A megabyte takes some hundredths of a second.
            match tokio::task::spawn_blocking(move || gzip::zipped(&plain, ZIP_LEVEL)).await {
                Ok(Ok(zipped)) => kept.0.lock().entry(hash).or_insert_with(|| zipped.into()).clone(),
                _ => return data.into_response(),
            }
        }
    })
}

/// Letters and pictures of pixels are compressed as they are.
fn is_compressed(media_type: &str) -> bool {
    media_type != "image/svg+xml" && ["font/", "image/"].iter().any(|kind| media_type.starts_with(kind))
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
    use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderName, IF_NONE_MATCH};

    use super::*;

    const TEXT: &str = "Trạm đo mưa, trạm đo mưa, trạm đo mưa.\n";

    /// A file as the build would embed it.
    fn file(name: &str, data: &[u8]) -> EmbeddedFile {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, data).unwrap();
        rust_embed::utils::read_file_from_fs(&path).unwrap()
    }

    async fn asked(
        kept: &Kept,
        name: &str,
        data: &[u8],
        said: &[(HeaderName, &str)],
    ) -> (StatusCode, HeaderMap, Bytes) {
        let headers = said.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        let (head, body) = answer(kept, name, file(name, data), &headers).await.into_parts();
        (head.status, head.headers, axum::body::to_bytes(body, usize::MAX).await.unwrap())
    }

    #[tokio::test]
    async fn a_text_is_compressed_once_and_comes_back_whole() {
        let (kept, text) = (Kept::default(), TEXT.repeat(100));
        let gzip = [(ACCEPT_ENCODING, "br, gzip")];
        let (_, headers, first) = asked(&kept, "page.js", text.as_bytes(), &gzip).await;
        assert_eq!([&headers[CONTENT_ENCODING], &headers[VARY]], ["gzip", "accept-encoding"]);
        let mut back = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(first.as_ref()), &mut back).unwrap();
        assert_eq!(back, text);
        let (.., second) = asked(&kept, "page.js", text.as_bytes(), &gzip).await;
        assert_eq!(first.as_ptr(), second.as_ptr());
        let (_, headers, plain) = asked(&kept, "page.js", text.as_bytes(), &[(ACCEPT_ENCODING, "gzip;q=0")]).await;
        assert_eq!(
            (headers.get(CONTENT_ENCODING), &headers[VARY]),
            (None, &HeaderValue::from_static("accept-encoding"))
        );
        assert_eq!(plain, text);
    }

    #[tokio::test]
    async fn what_is_small_or_compressed_as_it_is_is_left_alone() {
        let (kept, text) = (Kept::default(), TEXT.repeat(100));
        for (name, data) in
            [("letters.woff2", text.as_bytes()), ("photo.png", text.as_bytes()), ("a.txt", b""), ("b.js", b"1")]
        {
            let (_, headers, body) = asked(&kept, name, data, &[(ACCEPT_ENCODING, "gzip")]).await;
            assert_eq!((headers.get(CONTENT_ENCODING), body.as_ref()), (None, data), "{name}");
        }
        let (_, headers, _) = asked(&kept, "mark.svg", text.as_bytes(), &[(ACCEPT_ENCODING, "gzip")]).await;
        assert_eq!(headers[CONTENT_ENCODING], "gzip");
    }

    #[tokio::test]
    async fn who_has_it_is_told_so_however_it_was_sent() {
        let (kept, text) = (Kept::default(), TEXT.repeat(100));
        let (_, headers, _) = asked(&kept, "page.js", text.as_bytes(), &[]).await;
        let tag = headers[ETAG].to_str().unwrap().to_owned();
        for known in [tag.as_str(), tag.trim_start_matches("W/")] {
            let said = [(ACCEPT_ENCODING, "gzip"), (IF_NONE_MATCH, known)];
            let (status, headers, body) = asked(&kept, "page.js", text.as_bytes(), &said).await;
            assert_eq!(
                (status, body.len(), &headers[VARY]),
                (StatusCode::NOT_MODIFIED, 0, &HeaderValue::from_static("accept-encoding"))
            );
        }
    }
}
