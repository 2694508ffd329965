//! Asking a running service over its own API, so that the command line and the pages can never disagree.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Method, Request, StatusCode};
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
        self.ask(Method::GET, path)
    }

    pub(super) fn post(&self, path: &str) -> anyhow::Result<String> {
        self.ask(Method::POST, path)
    }

    fn ask(&self, method: Method, path: &str) -> anyhow::Result<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(self.http)
                .await
                .with_context(|| format!("no service at {}; is `saola run` running there?", self.http))?;
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            let mut request = Request::builder().method(method).uri(path).header("host", self.http.to_string());
            if let Some(token) = &self.token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let answer = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
            let status = answer.status();
            let text = String::from_utf8(answer.into_body().collect().await?.to_bytes().to_vec())?;
            match status {
                StatusCode::UNAUTHORIZED => bail!("the service wants a token: give --token, see `saola token issue`"),
                status if status.is_success() => Ok(pretty(&text)),
                status => bail!("{status}: {}", pretty(&text)),
            }
        })
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
