//! One exchange with InfluxDB: a connection of its own, bounded in time and in bytes, over TLS when the URL says so.
//!
//! A connection an exchange costs a round trip and keeps no state: what a server did to one connection cannot
//! concern the next request. Redirects are an answer like any other, and not followed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{DATE, HOST, RETRY_AFTER};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::backoff::retry_after;
use super::config::{Config, Place};
use super::error::InfluxError;

/// Bytes of an answer: several times what a page of samples needs.
pub(super) const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Where InfluxDB is and how it is reached.
pub(super) struct Upstream {
    place: Place,
    tls: Option<TlsConnector>,
    timeout: Duration,
}

/// A whole answer.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

impl Upstream {
    pub(super) fn new(config: &Config) -> Result<Self, InfluxError> {
        let own = |what: &str, reason: &str| InfluxError::Own { what: what.to_owned(), reason: reason.to_owned() };
        let place = config.place().ok_or_else(|| own(&config.url, "is no URL of an InfluxDB"))?;
        let tls = match (&config.ca_file, place.is_encrypted) {
            (Some(path), true) => Some(connector(path)?),
            (None, true) => return Err(own(&config.url, "needs store.influx.ca_file")),
            (_, false) => None,
        };
        Ok(Self { place, tls, timeout: Duration::from_secs(config.request_timeout_s) })
    }

    /// Sends a request and takes the whole answer; the error says in a sentence what went wrong.
    pub(super) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answered, String> {
        tokio::time::timeout(self.timeout, self.connect_and_send(request))
            .await
            .map_err(|_| format!("it did not answer within {} s", self.timeout.as_secs()))?
    }

    async fn connect_and_send(&self, mut request: Request<Full<Bytes>>) -> Result<Answered, String> {
        let host = self.place.authority.parse().map_err(|_| "its name cannot stand in a request".to_owned())?;
        request.headers_mut().insert(HOST, host);
        let address = (self.place.host.as_str(), self.place.port);
        let tcp = TcpStream::connect(address).await.map_err(|error| format!("it cannot be reached: {error}"))?;
        let _ = tcp.set_nodelay(true);
        match &self.tls {
            None => send(tcp, request).await,
            Some(tls) => {
                let name = ServerName::try_from(self.place.host.clone()).map_err(|error| error.to_string())?;
                let encrypted = tls.connect(name, tcp).await.map_err(|error| format!("no TLS with it: {error}"))?;
                send(encrypted, request).await
            }
        }
    }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answered, String> {
    let broke = |error: hyper::Error| format!("it broke off: {error}");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broke)?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(broke)?;
        let (head, body) = answer.into_parts();
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let retry_after = header(RETRY_AFTER).and_then(|told| retry_after(told, header(DATE)));
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| format!("its answer broke off, or has more than 4 MiB: {error}"))?;
        Ok(Answered { status: head.status, retry_after, body: body.to_bytes() })
    };
    // The connection is driven here and dropped with the exchange, so that nothing outlives the time-out.
    let mut connection = std::pin::pin!(connection);
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answered = &mut exchange => answered,
        ended = &mut connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(broke(error)),
        },
    }
}

fn connector(path: &Path) -> Result<TlsConnector, InfluxError> {
    let broken = |reason: String| InfluxError::Own { what: format!("authorities {}", path.display()), reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| broken(error.to_string()))? {
        let certificate = certificate.map_err(|error| broken(error.to_string()))?;
        roots.add(certificate).map_err(|error| broken(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(broken("no PEM block".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(error.to_string()))?;
    Ok(TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
}
