//! Asking a running service over its own API, so that the command line and the pages can never disagree.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

/// Where the service is and who asks.
#[derive(Debug, clap::Args)]
pub(super) struct Service {
    /// Address of the running service
    #[arg(long, env = "SAOLA_HTTP", default_value = "127.0.0.1:8080", global = true)]
    http: SocketAddr,
    /// Access token (`saola token issue`); the demo needs none
    #[arg(long, env = "SAOLA_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
}

impl Service {
    pub(super) fn get(&self, path: &str) -> anyhow::Result<String> {
        self.ask(Method::GET, path, None)
    }

    pub(super) fn post(&self, path: &str) -> anyhow::Result<String> {
        self.ask(Method::POST, path, None)
    }

    pub(super) fn post_json(&self, path: &str, body: &serde_json::Value) -> anyhow::Result<String> {
        self.ask(Method::POST, path, Some(body))
    }

    /// Hands over a long answer piece by piece; gives its headers and its trailers.
    pub(super) fn download(
        &self,
        path: &str,
        mut take: impl FnMut(Bytes) -> anyhow::Result<()>,
    ) -> anyhow::Result<(HeaderMap, HeaderMap)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let answer = self.send(Method::GET, path, None).await?;
            let head = answer.headers().clone();
            let (mut body, mut trailers) = (answer.into_body(), HeaderMap::new());
            while let Some(frame) = body.frame().await {
                match frame.context("the answer was broken off: the service's log says why")?.into_data() {
                    Ok(bytes) => take(bytes)?,
                    Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
                }
            }
            Ok((head, trailers))
        })
    }

    fn ask(&self, method: Method, path: &str, json: Option<&serde_json::Value>) -> anyhow::Result<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let body = self.send(method, path, json).await?.into_body();
            Ok(pretty(&String::from_utf8(body.collect().await?.to_bytes().to_vec())?))
        })
    }

    /// The answer when it is a success; otherwise what the service said.
    async fn send(
        &self,
        method: Method,
        path: &str,
        json: Option<&serde_json::Value>,
    ) -> anyhow::Result<Response<Incoming>> {
        let stream = tokio::net::TcpStream::connect(self.http)
            .await
            .with_context(|| format!("no service at {}; is `saola run` running there?", self.http))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", self.http.to_string());
        // Long answers tell at their end what they held.
        request = request.header("te", "trailers");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if json.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = json.map(ToString::to_string).unwrap_or_default();
        let answer = sender.send_request(request.body(Full::<Bytes>::from(body))?).await?;
        match answer.status() {
            StatusCode::UNAUTHORIZED => bail!("the service wants a token: give --token, see `saola token issue`"),
            status if status.is_success() => Ok(answer),
            status => {
                let text = answer.into_body().collect().await?.to_bytes();
                bail!("{status}: {}", pretty(&String::from_utf8_lossy(&text)))
            }
        }
    }
}

fn pretty(text: &str) -> String {
    serde_json::from_str::<serde_json::Value>(text)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| text.to_owned())
}

/// Percent-encodes everything but letters, digits and `-_.~` (RFC 3986 section 2.3).
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
