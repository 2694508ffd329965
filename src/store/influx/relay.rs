//! A relay on the loopback between the crate `influxdb2` and InfluxDB, for what the crate cannot do.
//!
//! The crate hands out no headers (`Retry-After`), takes answers of any length into memory, follows redirects, has
//! panics in its reading of answers, and knows no TLS but an older one. So it speaks to this relay, which sends the
//! request on with the real token, compressed, bounded in time and bytes, and answers in one of three ways:
//!
//! ```text
//! InfluxDB's answer        what the crate is given
//! 204 to a write           204
//! 200 to a question        203 and the text: the crate hands it out unread, and answer.rs reads it
//! 2xx to anything else     as it is
//! everything else          520 and a `Told` as JSON
//! ```
//!
//! The relay takes requests from this process alone: what the crate is given as its token is a secret of the relay's,
//! made anew at each start. The real token never passes the loopback.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::config::Config;
use super::error::InfluxError;
use super::upstream::{Answered, Upstream};

/// What the crate is given when InfluxDB took a question.
pub(super) const UNREAD: u16 = 203;
/// What the crate is given when InfluxDB did not do what was asked.
pub(super) const TOLD: u16 = 520;

/// Requests at one time; more wait.
const CONNECTIONS_MAX: usize = 64;
/// Bytes of a request: more than the largest batch.
const REQUEST_BYTES_MAX: usize = 48 << 20;
/// Letters of InfluxDB's own words that are kept.
const TOLD_LETTERS_MAX: usize = 300;

/// What InfluxDB said instead of doing it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    /// HTTP status; 0 when there was no answer.
    pub(super) status: u16,
    pub(super) retry_after_s: Option<u64>,
    /// Whether it is InfluxDB's own form of an error.
    pub(super) is_influxdb: bool,
    /// Its own words, or why there was no answer.
    pub(super) text: String,
}

/// A running relay; it ends with its runtime.
pub(super) struct Relay {
    pub(super) address: SocketAddr,
    /// The token that it takes.
    pub(super) secret: String,
}

struct Inner {
    upstream: Upstream,
    secret: String,
    token_file: PathBuf,
    /// `Token …`; read again after it was refused.
    token: RwLock<HeaderValue>,
}

impl Relay {
    /// Must be called inside a runtime.
    pub(super) async fn start(config: &Config) -> Result<Relay, InfluxError> {
        let own = |error: std::io::Error| InfluxError::Own {
            what: "a socket on the loopback".to_owned(),
            reason: error.to_string(),
        };
        let token_file = config.token_file.clone().unwrap_or_default();
        let token = RwLock::new(read_token(&token_file)?);
        let secret = format!("{:032x}", rand::random::<u128>());
        let upstream = Upstream::new(config)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(own)?;
        let address = listener.local_addr().map_err(own)?;
        let inner = Arc::new(Inner { upstream, secret: secret.clone(), token_file, token });
        tokio::spawn(serve(listener, inner));
        Ok(Relay { address, secret })
    }
}

async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(turn) = turns.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let inner = inner.clone();
                tokio::spawn(async move {
                    serve_one(stream, inner).await;
                    drop(turn);
                });
            }
            // Out of file handles, most likely: the requests that hold them end by themselves.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve_one(stream: TcpStream, inner: Arc<Inner>) {
    let service = service_fn(move |request| {
        let inner = inner.clone();
        async move { Ok::<_, Infallible>(inner.answer(request).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
    // A peer that went away has nothing to be told.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

impl Inner {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let secret = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if secret.and_then(|value| value.strip_prefix("Token ")) != Some(self.secret.as_str()) {
            return plain(StatusCode::FORBIDDEN, Bytes::new());
        }
        let path = request.uri().path().to_owned();
        let answered = match self.outward(request).await {
            Ok(request) => self.upstream.exchange(request).await,
            Err(reason) => Err(reason),
        };
        match answered {
            Ok(answered) => self.inward(&path, answered),
            Err(text) => told(Told { status: 0, retry_after_s: None, is_influxdb: false, text }),
        }
    }

    /// The request as InfluxDB gets it.
    async fn outward(&self, request: Request<Incoming>) -> Result<Request<Full<Bytes>>, String> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, REQUEST_BYTES_MAX).collect().await;
        let mut body = body.map_err(|error| format!("the request was not whole: {error}"))?.to_bytes();
        let mut out = Request::new(Full::default());
        *out.method_mut() = head.method;
        let target = head.uri.path_and_query().ok_or("the request has no path")?.as_str();
        *out.uri_mut() = target.parse().map_err(|error| format!("the request's path is none: {error}"))?;
        let headers = out.headers_mut();
        headers.insert(AUTHORIZATION, self.token.read().clone());
        headers.insert(USER_AGENT, HeaderValue::from_static("saola"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/csv, application/json"));
        if let Some(kind) = head.headers.get(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, kind.clone());
        }
        if head.uri.path().ends_with("/write") && !body.is_empty() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            body = compressed(&body).map_err(|error| error.to_string())?;
        }
        *out.body_mut() = Full::new(body);
        Ok(out)
    }

    /// What the crate is given.
    fn inward(&self, path: &str, answered: Answered) -> Response<Full<Bytes>> {
        let Answered { status, retry_after, body } = answered;
        match (path, status) {
            ("/api/v2/write", StatusCode::NO_CONTENT) => return plain(status, Bytes::new()),
            ("/api/v2/query", StatusCode::OK) => {
                return plain(StatusCode::NON_AUTHORITATIVE_INFORMATION, body);
            }
            ("/api/v2/write" | "/api/v2/query", _) => {}
            (_, status) if status.is_success() => return plain(status, body),
            _ => {}
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            match read_token(&self.token_file) {
                Ok(token) => *self.token.write() = token,
                Err(error) => tracing::error!(%error, "the token of InfluxDB cannot be read again"),
            }
        }
        let (is_influxdb, text) = words(&body);
        let retry_after_s = retry_after.map(|wait| wait.as_secs());
        told(Told { status: status.as_u16(), retry_after_s, is_influxdb, text })
    }
}

fn compressed(body: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    std::io::Write::write_all(&mut encoder, body)?;
    encoder.finish().map(Bytes::from)
}

fn plain(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

fn told(told: Told) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(&told).unwrap_or_default();
    plain(StatusCode::from_u16(TOLD).unwrap_or(StatusCode::BAD_GATEWAY), body.into())
}

/// The `message` of an InfluxDB error, or the text as it is; one line, a few hundred letters. Whether it was the former.
fn words(body: &[u8]) -> (bool, String) {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(rename = "code")]
        _code: String,
        message: String,
    }
    let (is_influxdb, text) = match serde_json::from_slice(body) {
        Ok(Problem { message, .. }) => (true, message),
        Err(_) => (false, String::from_utf8_lossy(&body[..body.len().min(4 * TOLD_LETTERS_MAX)]).into_owned()),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|letter| !letter.is_control()).take(TOLD_LETTERS_MAX).collect();
    (is_influxdb, if line.is_empty() { "it gave no reason".to_owned() } else { line })
}

fn read_token(path: &Path) -> Result<HeaderValue, InfluxError> {
    let broken = |reason: String| InfluxError::Own { what: format!("token {}", path.display()), reason };
    let text = std::fs::read_to_string(path).map_err(|error| broken(error.to_string()))?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.is_empty() {
        return Err(broken("its first line is empty".to_owned()));
    }
    let mut header = HeaderValue::try_from(format!("Token {token}")).map_err(|error| broken(error.to_string()))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_influxdb_says_is_one_short_line() {
        let check = |body: &str, is_influxdb, expected: &str| {
            assert_eq!(words(body.as_bytes()), (is_influxdb, expected.to_owned()));
        };
        check(r#"{"code":"invalid","message":"unable to parse\n 'x'"}"#, true, "unable to parse 'x'");
        check(r#"{"message":"of somebody else"}"#, false, r#"{"message":"of somebody else"}"#);
        check("plain\r\n\u{1b}[31mtext", false, "plain [31mtext");
        check("", false, "it gave no reason");
        assert_eq!(words(&vec![b'x'; 1 << 20]).1.len(), TOLD_LETTERS_MAX);
    }
}
