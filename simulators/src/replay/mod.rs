//! Recorded series of real sensors as MQTT messages: rows with their own times, moved so that the last is now.
//!
//! A row becomes one message. Numbers are passed byte for byte, so that what is stored can be compared exactly with
//! the file; a blank is missing and left out. Order and spacing are the file's, its gaps and repeated times too.

mod map;
mod recording;

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::mqtt::{Credentials, MqttError, Publisher, Qos};

pub use map::{Map, MapError};
pub use recording::{Expected, ReadError, Recording, Row};

use crate::{json, mqtt};

/// Where the recorded times are moved to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shift {
    /// The latest row is now (to the second).
    LastRowNow,
    /// Not at all.
    Keep,
    /// By this many seconds, later or earlier.
    By(i64),
}

/// How to replay.
#[derive(Clone, Debug)]
pub struct Options {
    /// `host:port`.
    pub broker: String,
    /// How to sign in.
    pub credentials: Option<Credentials>,
    /// MQTT client identifier.
    pub client_id: String,
    /// Messages a second; as fast as the broker acknowledges when absent.
    pub rate: Option<f64>,
    /// Messages that may wait for their acknowledgement.
    pub window: usize,
    /// Told the number of rows published so far.
    pub progress: Option<watch::Sender<usize>>,
}

impl Options {
    /// At a broker, as fast as it acknowledges, 500 messages ahead.
    pub fn new(broker: impl Into<String>) -> Self {
        let client_id = format!("saola-replay-{}", std::process::id());
        Self { broker: broker.into(), credentials: None, client_id, rate: None, window: 500, progress: None }
    }
}

/// What a replay did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Rows of the file, without its header.
    pub rows: u64,
    /// Messages published.
    pub published: u64,
    /// Messages acknowledged.
    pub acknowledged: u64,
    /// Readings in the published messages.
    pub readings: u64,
    /// Blank fields of mapped columns, left out.
    pub blanks: u64,
    /// Rows with nothing but blanks: no message.
    pub empty_rows: u64,
    /// Readings whose station, property and time came before in the file.
    pub repeated: u64,
    /// Seconds that times were moved by.
    pub shifted_s: i64,
    /// Earliest time sent.
    pub first: Option<Timestamp>,
    /// Latest time sent.
    pub last: Option<Timestamp>,
}

impl Report {
    /// One JSON object.
    pub fn json(&self) -> String {
        let time = |at: Option<Timestamp>| at.map_or_else(|| "null".to_owned(), |at| format!("\"{at}\""));
        format!(
            concat!(
                "{{\"rows\":{},\"published\":{},\"acknowledged\":{},\"readings\":{},\"blanks\":{},\"empty_rows\":{},",
                "\"repeated\":{},\"shifted_s\":{},\"first\":{},\"last\":{}}}"
            ),
            self.rows,
            self.published,
            self.acknowledged,
            self.readings,
            self.blanks,
            self.empty_rows,
            self.repeated,
            self.shifted_s,
            time(self.first),
            time(self.last),
        )
    }
}

/// Topic and payload of a row whose time is moved by `shift_s`.
pub fn message(row: &Row, shift_s: i64) -> (String, Vec<u8>) {
    let mut object = json::Object::at(&recording::local(recording::moved(row.at, shift_s)));
    for (property, literal) in &row.readings {
        object.literal(property, literal);
    }
    (format!("saola/v1/{}", row.station), object.finish())
}

/// Publishes a recording until its end or `shutdown`, then waits up to a minute for the last acknowledgements.
pub async fn run(
    options: Options,
    recording: &Recording,
    shift_s: i64,
    shutdown: impl Future<Output = ()>,
) -> Result<Report, MqttError> {
    let mut connection = mqtt::Options::new(options.client_id);
    connection.credentials = options.credentials;
    connection.window = options.window;
    let publisher = Publisher::connect(&options.broker, connection).await?;
    let began = tokio::time::Instant::now();
    let mut shutdown = std::pin::pin!(shutdown);
    let mut readings = 0;
    for (number, row) in recording.rows.iter().enumerate() {
        let (topic, payload) = message(row, shift_s);
        let publish = async {
            if let Some(rate) = options.rate {
                tokio::time::sleep_until(began + Duration::from_secs_f64(number as f64 / rate)).await;
            }
            publisher.publish(&topic, &payload, Qos::AtLeastOnce).await
        };
        tokio::select! {
            published = publish => { published?; }
            () = &mut shutdown => break,
        }
        readings += row.readings.len() as u64;
        if let Some(progress) = &options.progress {
            progress.send_replace(number + 1);
        }
    }
    let totals = publisher.close(Duration::from_secs(60)).await;
    let times = || recording.rows.iter().take(totals.published as usize).map(|row| recording::moved(row.at, shift_s));
    Ok(Report {
        rows: recording.row_count,
        published: totals.published,
        acknowledged: totals.acknowledged,
        readings,
        blanks: recording.blanks,
        empty_rows: recording.empty_rows,
        repeated: recording.repeated,
        shifted_s: shift_s,
        first: times().min(),
        last: times().max(),
    })
}

#[cfg(test)]
mod tests;
