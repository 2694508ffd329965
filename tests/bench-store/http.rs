//! Talking to a server as its fastest clients do: connections are kept, bodies are made before the clock runs, and an
//! answer counts as given when its last byte is read. Nothing is compressed on the way: on the same machine that costs
//! both sides more than it saves.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use futures_util::stream;

use crate::data::{Extent, Message};
use crate::engine::DEADLINE;

/// Requests under way at a time.
const CONNECTIONS: usize = 4;
/// Messages that are made into bodies, then sent against the clock: about 35 MB.
const PIECE_MESSAGES: usize = 320_000;

pub struct Server {
    client: reqwest::Client,
    address: String,
}

impl Server {
    /// Waits until the server answers at a path.
    pub async fn reach(port: u16, path: &str) -> anyhow::Result<Server> {
        // The crate has no cryptography of its own to begin with; an error says that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().tcp_nodelay(true).build()?;
        let server = Server { client, address: format!("http://127.0.0.1:{port}") };
        let begun = Instant::now();
        loop {
            let request = server.client.get(format!("{}{path}", server.address));
            match request.send().await {
                Ok(response) if response.status().is_success() => return Ok(server),
                outcome => ensure!(begun.elapsed() < DEADLINE, "no server at {}: {outcome:?}", server.address),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The whole body, and the time until its end.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<(Duration, Bytes)> {
        let request = self.client.get(format!("{}{path}", self.address)).query(query).build()?;
        let begun = Instant::now();
        let response = self.client.execute(request).await?;
        let status = response.status();
        let body = response.bytes().await?;
        let took = begun.elapsed();
        ensure!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&body));
        Ok((took, body))
    }

    /// Several at once; the time until the end of the last body.
    pub async fn get_all(&self, path: &str, queries: &[Vec<(&str, String)>]) -> anyhow::Result<(Duration, Vec<Bytes>)> {
        let begun = Instant::now();
        let answers = try_join_all(queries.iter().map(|query| self.get(path, query))).await?;
        let took = begun.elapsed();
        Ok((took, answers.into_iter().map(|(_, body)| body).collect()))
    }

    pub async fn post(&self, path: &str, body: Bytes) -> anyhow::Result<()> {
        let response = self.client.post(format!("{}{path}", self.address)).body(body).send().await?;
        let status = response.status();
        let said = response.bytes().await?;
        ensure!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&said));
        Ok(())
    }

    /// Posts every message of the extent, some in each body; the time without the making of the bodies.
    pub async fn feed(
        &self,
        path: &str,
        extent: Extent,
        body_messages: usize,
        body: impl Fn(&[Message]) -> Vec<u8>,
    ) -> anyhow::Result<Duration> {
        let mut messages = extent.messages();
        let mut fed = Duration::ZERO;
        loop {
            let piece: Vec<Message> = messages.by_ref().take(PIECE_MESSAGES).collect();
            if piece.is_empty() {
                return Ok(fed);
            }
            let bodies: Vec<Bytes> = piece.chunks(body_messages).map(|some| body(some).into()).collect();
            let begun = Instant::now();
            let mut answers = stream::iter(bodies).map(|body| self.post(path, body)).buffer_unordered(CONNECTIONS);
            while let Some(answer) = answers.next().await {
                answer.context("cannot feed")?;
            }
            fed += begun.elapsed();
        }
    }
}
