//! Answers that are kept compressed: whether the caller takes them, and how they are made.

use axum::body::Bytes;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use libdeflater::{CompressionLvl, Compressor};

/// Whether the caller takes gzip (RFC 9110, 12.5.3): named itself, or else as `*`, with a weight above 0.
pub fn is_taken(headers: &HeaderMap) -> bool {
    let said = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let weights: Vec<(&str, f64)> = said.flat_map(|value| value.split(',')).map(weighed).collect();
    let weight_of = |wanted: &str| weights.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    weight_of("gzip").or_else(|| weight_of("*")).is_some_and(|(_, weight)| *weight > 0.0)
}

/// A coding with its weight, 0 to 1; 1 where none can be read.
fn weighed(one: &str) -> (&str, f64) {
    let (name, parameter) = one.split_once(';').unwrap_or((one, ""));
    let weight = parameter.trim().split_once('=').and_then(|(_, weight)| weight.trim().parse().ok());
    (name.trim(), weight.unwrap_or(1.0))
}

/// These bytes as gzip, at a level of 1 (fastest) to 12 (smallest); nothing of nothing.
///
/// # Errors
/// What the library says of a level out of range.
pub fn zipped(bytes: &[u8], level: i32) -> Result<Vec<u8>, String> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let level = CompressionLvl::new(level).map_err(|error| format!("{error:?}"))?;
    let mut compressor = Compressor::new(level);
    let mut zipped = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let length = compressor.gzip_compress(bytes, &mut zipped).map_err(|error| error.to_string())?;
    zipped.truncate(length);
    Ok(zipped)
}

/// What was compressed, for somebody who takes it.
pub fn answer(zipped: Bytes) -> Response {
    let mut response = zipped.into_response();
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_where_it_is_named_and_not_refused() {
        let of = |said: &str| HeaderMap::from_iter([(ACCEPT_ENCODING, said.parse().unwrap())]);
        for said in ["gzip", "br, gzip", "GZip;q=0.5, br", "*", "br;q=0, *;q=0.1"] {
            assert!(is_taken(&of(said)), "{said}");
        }
        for said in ["", "br", "gzip;q=0", "gzip; Q=0.000", "gzip;q=0, *", "*;q=0", "identity"] {
            assert!(!is_taken(&of(said)), "{said}");
        }
        assert!(!is_taken(&HeaderMap::new()));
    }
}
