//! Talking to a server as its fastest clients do: connections are kept, bodies are made before the clock runs, and an
//! answer counts as given when its last byte is read.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::data::{self, Extent, Message, PROPERTIES};
use crate::engine::DEADLINE;

/// Requests under way at a time.
const CONNECTIONS: usize = 4;
/// Messages in the body of a request.
const BODY_MESSAGES: usize = 10_000;
/// Bodies that are made, then sent against the clock: about 25 MB.
const PIECE_BODIES: usize = 24;

pub struct Server {
    client: reqwest::Client,
    address: String,
}

impl Server {
    /// Waits until the server answers at a path.
    pub async fn reach(port: u16, path: &str) -> anyhow::Result<Server> {
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

    pub async fn post(&self, path: &str, body: Bytes) -> anyhow::Result<()> {
        let response = self.client.post(format!("{}{path}", self.address)).body(body).send().await?;
        let status = response.status();
        let said = response.bytes().await?;
        ensure!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&said));
        Ok(())
    }

    /// Posts every message of the extent; the time without the making of the text.
    pub async fn feed(&self, path: &str, extent: Extent) -> anyhow::Result<Duration> {
        let mut messages = extent.messages().peekable();
        let mut fed = Duration::ZERO;
        while messages.peek().is_some() {
            let bodies: Vec<Bytes> = (0..PIECE_BODIES)
                .map_while(|_| {
                    let mut body = Vec::with_capacity(BODY_MESSAGES * 110);
                    messages.by_ref().take(BODY_MESSAGES).for_each(|message| write_line(&mut body, &message));
                    (!body.is_empty()).then(|| Bytes::from(body))
                })
                .collect();
            let begun = Instant::now();
            let mut answers = stream::iter(bodies).map(|body| self.post(path, body)).buffer_unordered(CONNECTIONS);
            while let Some(answer) = answers.next().await {
                answer.context("cannot feed")?;
            }
            fed += begun.elapsed();
        }
        Ok(fed)
    }
}

/// A message as a line of InfluxDB's line protocol.
fn write_line(line: &mut Vec<u8>, message: &Message) {
    write!(line, "m,station={},area={}", message.station, data::area_of(message.station)).unwrap();
    for (place, (property, decimals)) in PROPERTIES.into_iter().enumerate() {
        write!(line, "{}{property}=", if place == 0 { ' ' } else { ',' }).unwrap();
        data::write_value(line, message.values[place], decimals);
    }
    writeln!(line, " {}", message.at).unwrap();
}
