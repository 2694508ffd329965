//! The crate `influxdb2` as transport, from threads that may wait.
//!
//! A small runtime of its own carries the requests: whoever calls waits on a channel, so that it may be a thread of
//! any kind. Each request is a task: a panic in the crate is an error here. Every wait is bounded.

use std::future::Future;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use influxdb2::api::write::TimestampPrecision;
use influxdb2::models::Query;
use influxdb2::{Client, ClientBuilder, RequestError};
use tokio::runtime::Runtime;

use super::config::Config;
use super::error::InfluxError;
use super::relay::{Relay, TOLD, Told, UNREAD};

/// What the crate may take longer than the exchange with InfluxDB itself.
const GRACE: Duration = Duration::from_secs(2);

/// Requests to one InfluxDB.
pub(super) struct Transport {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    client: Client,
    org: String,
    bucket: String,
    timeout: Duration,
}

/// Why a request did not do what it should.
#[derive(Debug)]
pub(super) struct Failure {
    /// HTTP status; 0 when there was no answer.
    pub(super) status: u16,
    /// How long InfluxDB asks us to wait.
    pub(super) retry_after: Option<Duration>,
    /// Whether InfluxDB itself said so, in its form, and not something in between.
    pub(super) is_influxdb: bool,
    /// Its own words, or why there was no answer.
    pub(super) text: String,
}

impl Transport {
    /// Starts the relay; sends nothing.
    pub(super) fn new(config: &Config) -> Result<Self, InfluxError> {
        let own = |reason: String| InfluxError::Own { what: "the way to InfluxDB".to_owned(), reason };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("influx")
            .enable_all()
            .build()
            .map_err(|error| own(error.to_string()))?;
        let timeout = Duration::from_secs(config.request_timeout_s) + GRACE;
        let starting = config.clone();
        let relay = wait(&runtime, timeout, async move { Relay::start(&starting).await }).map_err(own)??;
        // The system's proxies are not for the loopback, and the relay's time-out comes first.
        let builder = builder_of(ClientBuilder::with_builder).no_proxy().timeout(timeout);
        let base = format!("http://{}", relay.address);
        let client = ClientBuilder::with_builder(builder, base, config.org.clone(), relay.secret)
            .build()
            .map_err(|error| own(error.to_string()))?;
        let (org, bucket) = (config.org.clone(), config.bucket.clone());
        Ok(Self { runtime: Some(runtime), client, org, bucket, timeout })
    }

    /// The bucket that is written to.
    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The organisation that it belongs to.
    pub(super) fn org(&self) -> &str {
        &self.org
    }

    /// Writes lines whose times are microseconds; when it returns, InfluxDB has them on disk.
    pub(super) fn write(&self, lines: Vec<u8>) -> Result<(), Failure> {
        let (client, org, bucket) = (self.client.clone(), self.org.clone(), self.bucket.clone());
        let precision = TimestampPrecision::Microseconds;
        self.request(async move { client.write_line_protocol_with_precision(&org, &bucket, lines, precision).await })
    }

    /// Asks in Flux: the answer's text, unread.
    pub(super) fn ask(&self, flux: String) -> Result<String, Failure> {
        let client = self.client.clone();
        let answered = self.request(async move {
            match client.query_raw(Some(Query::new(flux))).await {
                Err(RequestError::Http { status, text }) if status.as_u16() == UNREAD => Ok(text),
                Err(error) => Err(error),
                Ok(_) => Ok(String::new()),
            }
        });
        answered
    }

    /// Any other request of the crate's.
    pub(super) fn call<T: Send + 'static, F>(&self, call: impl FnOnce(Client) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, RequestError>> + Send + 'static,
    {
        self.request(call(self.client.clone()))
    }

    fn request<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, RequestError>> + Send + 'static,
    ) -> Result<T, Failure> {
        let Some(runtime) = &self.runtime else { return Err(Failure::silent("the store is being closed".to_owned())) };
        match wait(runtime, self.timeout, request) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(RequestError::Http { status, text })) if status.as_u16() == TOLD => Err(Failure::told(&text)),
            Ok(Err(error)) => Err(Failure::silent(error.to_string())),
            Err(reason) => Err(Failure::silent(reason)),
        }
    }
}

/// Runs a future on a runtime and waits for it on this thread.
fn wait<T: Send + 'static>(
    runtime: &Runtime,
    timeout: Duration,
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, String> {
    let (tell, told) = sync_channel(1);
    runtime.spawn(async move {
        // Nobody waits any more when the time is up: the outcome is dropped.
        let _ = tell.send(future.await);
    });
    told.recv_timeout(timeout + GRACE).map_err(|error| match error {
        RecvTimeoutError::Timeout => "the request did not end in time".to_owned(),
        RecvTimeoutError::Disconnected => "the request ended badly inside us".to_owned(),
    })
}

impl Drop for Transport {
    fn drop(&mut self) {
        // A runtime must not be waited for on a thread of another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An empty builder of the crate's own HTTP library, which we do not name ourselves.
fn builder_of<B: Default>(_: impl Fn(B, String, String, String) -> ClientBuilder) -> B {
    B::default()
}

impl Failure {
    fn told(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(Told { status, retry_after_s, is_influxdb, text }) => {
                Self { status, retry_after: retry_after_s.map(Duration::from_secs), is_influxdb, text }
            }
            Err(error) => Self::silent(error.to_string()),
        }
    }

    fn silent(text: String) -> Self {
        Self { status: 0, retry_after: None, is_influxdb: false, text }
    }

    /// The sentence for whoever has to mend it; `wait` is how long the next request waits.
    pub(super) fn error(self, wait: Duration) -> InfluxError {
        let Self { status, text: told, .. } = self;
        match status {
            0 => InfluxError::Silent(told),
            401 | 403 => InfluxError::Denied { status, told },
            404 => InfluxError::Missing { told },
            429 | 500..=599 => InfluxError::Busy { status, told, wait },
            _ => InfluxError::Foreign { status, told },
        }
    }
}
