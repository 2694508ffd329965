//! The HTTP/1.1 server: hyper with time-outs, a cap on connections and a graceful stop.
//!
//! Invariants: a peer that sends its headers too slowly, or stops reading an answer, is cut off; an idle connection is
//! closed after the header time-out; a connection above the cap is answered 503 and closed at once, so that those who
//! are being served stay served. A body's pace is watched where bodies are read (`body.rs`).
//! Left out on purpose: TLS and HTTP/2, which a reverse proxy adds; `axum::serve`, which has no header time-out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::config::Config;
use super::paced::Paced;

/// The most a connection buffers while it reads headers or writes an answer, in bytes.
const CONNECTION_BUFFER_BYTES: usize = 64 * 1024;

/// The most header lines of a request; more are answered 431.
const HEADERS_MAX: usize = 100;

/// How long to leave the listener alone after it failed (no descriptors left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a connection above the cap gets.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 5\r\n\
connection: close\r\ncontent-length: 143\r\n\r\n{\"type\":\"/problems#unavailable\",\"title\":\"Not available now\",\
\"status\":503,\"code\":\"unavailable\",\"detail\":\"all connections are in use, try again\"}";

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be had.
    #[error("cannot listen on http address {address}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on `config.listen` and serves `app` until `stop` is cancelled.
    pub async fn start(config: &Config, app: Router, stop: CancellationToken) -> Result<Server, ServerError> {
        let failed = |source| ServerError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let accepting = tokio::spawn(accept(listener, config.clone(), app, stop));
        Ok(Server { address, accepting })
    }

    /// Where it listens (the real port when 0 was asked for).
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when, after the stop, the last connection is gone or the stop's time-out has passed.
    pub async fn stopped(self) {
        if let Err(error) = self.accepting.await {
            tracing::error!(%error, "the http server ended badly");
        }
    }
}

async fn accept(listener: TcpListener, config: Config, app: Router, stop: CancellationToken) {
    // When no slot is left a new connection is refused: waiting here would let idle peers lock out everybody.
    let slots = Arc::new(Semaphore::new(config.connections_max));
    let graceful = GracefulShutdown::new();
    let builder = connection_builder(&config);
    let cut = CancellationToken::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    metrics::counter!("http_accept_failures_total").increment(1);
                    tracing::debug!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            refuse(&stream);
            continue;
        };
        let app = app.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            app.clone().oneshot(request)
        });
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(Paced::new(stream, config.write_timeout.duration()));
        let connection = graceful.watch(builder.serve_connection(io, service));
        let cut = cut.clone();
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = connection => ended,
                () = cut.cancelled() => Ok(()),
            };
            if let Err(error) = ended {
                tracing::debug!(%error, %peer, "an http connection ended early");
            }
            drop(slot);
        });
    }
    drop(listener);
    if tokio::time::timeout(config.stop_timeout.duration(), graceful.shutdown()).await.is_err() {
        tracing::warn!("http connections were cut: they had not ended {} after the stop", config.stop_timeout);
    }
    cut.cancel();
}

fn connection_builder(config: &Config) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout.duration())
        .max_headers(HEADERS_MAX)
        .max_buf_size(CONNECTION_BUFFER_BYTES);
    builder
}

fn refuse(stream: &TcpStream) {
    metrics::counter!("http_connections_refused_total").increment(1);
    // Best effort: whoever does not get it sees a closed connection.
    let _ = stream.try_write(BUSY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_is_one_whole_answer() {
        let text = std::str::from_utf8(BUSY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{} bytes", body.len());
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["code"], "unavailable");
    }
}
