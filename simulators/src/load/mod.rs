//! Load: many devices publishing as fast as asked, and a subscriber that only counts.
//!
//! Built not to be the bottleneck: a message is a template of 150 bytes copied and patched in place; a connection
//! fills its buffer and hands it to the socket in one call; the clock is read once a batch. Connections multiplex
//! devices. Nothing is sent again after a broken connection: it ends, and the report says so.

mod count;
mod histogram;
mod message;
mod sender;
pub mod stations;

use std::time::Duration;

use tokio::time::Instant;

use crate::mqtt::{Credentials, MqttError, Qos};

pub use count::{CountOptions, Counted, count};
pub use histogram::Histogram;
pub use message::{PAYLOAD_BYTES, Template};

/// How to load a broker.
#[derive(Clone, Debug)]
pub struct Options {
    /// `host:port`.
    pub broker: String,
    /// Devices `load-00000` and so on.
    pub devices: u32,
    /// Messages a second over all devices; 0: as fast as possible.
    pub rate: u32,
    /// Quality of service.
    pub qos: Qos,
    /// How long to send.
    pub lasts: Duration,
    /// Connections that share the devices; at most as many as devices.
    pub connections: u32,
    /// QoS 1 messages of a connection that may wait for their acknowledgement; at most 60,000.
    pub window: u32,
    /// How every connection signs in.
    pub credentials: Option<Credentials>,
    /// Beginning of the client identifiers; `-` and a number follow.
    pub client_id: String,
}

impl Options {
    /// 100 devices over one connection, QoS 1, a window of 1,000, as fast as possible for ten seconds.
    pub fn new(broker: impl Into<String>) -> Self {
        Self {
            broker: broker.into(),
            devices: 100,
            rate: 0,
            qos: Qos::AtLeastOnce,
            lasts: Duration::from_secs(10),
            connections: 1,
            window: 1_000,
            credentials: None,
            client_id: format!("saola-load-{}", std::process::id()),
        }
    }
}

/// What a load did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Messages handed to sockets.
    pub sent: u64,
    /// QoS 1 messages acknowledged.
    pub acknowledged: u64,
    /// Bytes of the messages sent, headers included.
    pub bytes: u64,
    /// From the first message to the end of sending, s.
    pub sending_s: f64,
    /// From the first message to the last acknowledgement, s.
    pub acknowledging_s: f64,
    /// From handing a message to the socket's buffer to reading its acknowledgement, µs.
    pub latency_us: Histogram,
    /// Connections that broke or never came up.
    pub failed_connections: u32,
    /// Why the first of them did.
    pub first_failure: Option<String>,
}

impl Report {
    /// Messages a second while sending.
    pub fn sent_per_s(&self) -> f64 {
        self.sent as f64 / self.sending_s.max(1e-9)
    }

    /// Acknowledgements a second until the last one.
    pub fn acknowledged_per_s(&self) -> f64 {
        self.acknowledged as f64 / self.acknowledging_s.max(1e-9)
    }

    /// One JSON object.
    pub fn json(&self, options: &Options) -> String {
        let ms = |us: u64| us as f64 / 1000.0;
        let failure = self.first_failure.as_deref().unwrap_or_default().replace(['"', '\\'], "'");
        format!(
            concat!(
                "{{\"devices\":{},\"connections\":{},\"qos\":{},\"window\":{},\"rate_asked\":{},\"sent\":{},",
                "\"acknowledged\":{},\"unacknowledged\":{},\"bytes\":{},\"seconds\":{:.3},\"sent_per_s\":{:.0},",
                "\"acknowledged_per_s\":{:.0},\"ack_ms\":{{\"p50\":{:.3},\"p90\":{:.3},\"p99\":{:.3},\"p999\":{:.3},",
                "\"max\":{:.3}}},\"failed_connections\":{},\"first_failure\":\"{}\"}}"
            ),
            options.devices,
            options.connections.min(options.devices.max(1)),
            u8::from(options.qos == Qos::AtLeastOnce),
            options.window,
            options.rate,
            self.sent,
            self.acknowledged,
            if options.qos == Qos::AtLeastOnce { self.sent - self.acknowledged } else { 0 },
            self.bytes,
            self.sending_s,
            self.sent_per_s(),
            self.acknowledged_per_s(),
            ms(self.latency_us.quantile(0.5)),
            ms(self.latency_us.quantile(0.9)),
            ms(self.latency_us.quantile(0.99)),
            ms(self.latency_us.quantile(0.999)),
            ms(self.latency_us.max()),
            self.failed_connections,
            failure,
        )
    }

    fn add(&mut self, other: Report) {
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.bytes += other.bytes;
        self.sending_s = self.sending_s.max(other.sending_s);
        self.acknowledging_s = self.acknowledging_s.max(other.acknowledging_s);
        self.latency_us.add(&other.latency_us);
        self.failed_connections += other.failed_connections;
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }
}

/// Connects everything, then sends from one common moment on. Fails only when no connection comes up.
pub async fn run(options: &Options) -> Result<Report, MqttError> {
    let connections = options.connections.clamp(1, options.devices.max(1));
    let mut opened = Vec::with_capacity(connections as usize);
    let mut report = Report::default();
    for number in 0..connections {
        match sender::Sender::connect(options, number, connections).await {
            Ok(sender) => opened.push(sender),
            Err(error) if opened.is_empty() => return Err(error),
            Err(error) => {
                report.failed_connections += 1;
                report.first_failure.get_or_insert(error.to_string());
            }
        }
    }
    let began = Instant::now();
    // One task a connection, as many as asked for; each is bounded by its window and its buffer.
    let tasks: Vec<_> = opened.into_iter().map(|sender| tokio::spawn(sender.run(began))).collect();
    for task in tasks {
        match task.await {
            Ok(done) => report.add(done),
            Err(error) => {
                report.failed_connections += 1;
                report.first_failure.get_or_insert(error.to_string());
            }
        }
    }
    Ok(report)
}
