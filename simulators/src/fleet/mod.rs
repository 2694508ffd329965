//! The fleet: every device of the station files publishes what it observes in the scenario.
//!
//! [`Generator`] makes the messages and is pure; [`run`] waits for their times and publishes them. When the broker
//! is away, `run` holds a window of messages and waits; it then hands in what is late, in order, each with the time
//! at which it was observed, as a logger with a memory does.

mod device;
mod fault;
mod generator;
mod malformed;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::mqtt::{self, Credentials, Publisher, Qos};
use crate::scenario::{Fault, Scenario, ScenarioError};
use crate::stations::{self, Station, StationsError};
use crate::terrain::{self, Terrain, TerrainError};
use crate::{clock, shipped};

pub use generator::{Generator, Outgoing};
pub use malformed::{Malformation, Specimen};

/// Connections that may break on one message: faulty devices publish what a broker need not take.
const GIVE_UP_AFTER: u32 = 3;

/// A fleet that cannot run.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// Of the station files.
    #[error(transparent)]
    Stations(#[from] StationsError),
    /// Of the scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// Of the terrain.
    #[error(transparent)]
    Terrain(#[from] TerrainError),
    /// Of the connection.
    #[error(transparent)]
    Mqtt(#[from] mqtt::MqttError),
}

/// What the fleet is and does, without where it publishes.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The devices' stations; those of recorded series are left alone.
    pub stations: Vec<Station>,
    /// The province they stand in.
    pub terrain: Terrain,
    /// What happens there.
    pub scenario: Scenario,
    /// Phenomenon seconds in a real second; the scenario's own when absent.
    pub speed: Option<f64>,
    /// Decides every chance.
    pub seed: u64,
    /// Faults beside the scenario's.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// The shipped province under a shipped scenario (or a scenario file's path).
    pub fn shipped(scenario: &str) -> Result<Self, FleetError> {
        Self::of(stations::parse(&shipped::station_files())?, shipped::scenario(scenario)?)
    }

    /// The stations of a folder under a scenario.
    pub fn from_folder(folder: &Path, scenario: &str) -> Result<Self, FleetError> {
        Self::of(stations::read_folder(folder)?, shipped::scenario(scenario)?)
    }

    /// Stations and scenario from texts: `(file name, text)` each.
    pub fn from_texts(files: &[(String, String)], scenario: (&str, &str)) -> Result<Self, FleetError> {
        Self::of(stations::parse(files)?, crate::scenario::parse(scenario.0, scenario.1)?)
    }

    fn of(stations: Vec<Station>, scenario: Scenario) -> Result<Self, FleetError> {
        let terrain = terrain::parse(shipped::TERRAIN)?;
        Ok(Self { stations, terrain, scenario, speed: None, seed: 1, faults: Vec::new() })
    }
}

/// Where and how the fleet publishes.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the fleet is and does.
    pub plan: Plan,
    /// `host:port`.
    pub broker: String,
    /// How it signs in.
    pub credentials: Option<Credentials>,
    /// MQTT client identifier.
    pub client_id: String,
    /// Stop after this long; without end when absent.
    pub lasts: Option<Duration>,
}

impl Options {
    /// A plan at a broker, without credentials, until it is told to stop.
    pub fn new(plan: Plan, broker: impl Into<String>) -> Self {
        let client_id = format!("saola-sim-{}", plan.seed);
        Self { plan, broker: broker.into(), credentials: None, client_id, lasts: None }
    }
}

/// What a fleet did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Devices that published.
    pub devices: usize,
    /// Messages handed to the connection.
    pub published: u64,
    /// Messages that the broker acknowledged.
    pub acknowledged: u64,
    /// Connections after the first.
    pub reconnects: u64,
    /// Messages given up because the broker closed the connection on them (a stranger's topic, for one).
    pub given_up: u64,
}

/// Publishes until `shutdown`, then waits up to two seconds for the last acknowledgements.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> Result<Report, FleetError> {
    let start = clock::now();
    let began = tokio::time::Instant::now();
    let generator = Generator::new(options.plan, start);
    let devices = generator.device_count();
    let mut connection = mqtt::Options::new(options.client_id);
    connection.credentials = options.credentials;
    connection.give_up_after = Some(GIVE_UP_AFTER);
    let mut shutdown = std::pin::pin!(shutdown);
    let publisher = tokio::select! {
        connected = Publisher::connect(&options.broker, connection) => connected?,
        () = &mut shutdown => return Ok(Report { devices, ..Report::default() }),
    };
    let mut outgoings = made_ahead(generator);
    while let Some(outgoing) = outgoings.recv().await {
        let due = Duration::from_millis(outgoing.due_ms);
        if options.lasts.is_some_and(|lasts| due > lasts) {
            break;
        }
        let publish = async {
            tokio::time::sleep_until(began + due).await;
            publisher.publish(&outgoing.topic, &outgoing.payload, Qos::AtLeastOnce).await
        };
        tokio::select! {
            published = publish => { published?; }
            () = &mut shutdown => break,
        }
    }
    let totals = publisher.close(Duration::from_secs(2)).await;
    Ok(Report {
        devices,
        published: totals.published,
        acknowledged: totals.acknowledged,
        reconnects: totals.reconnects,
        given_up: totals.given_up,
    })
}

/// The generator in a thread of its own: sixty days handed in at once are seconds of work, which must not hold up
/// whoever shares the runtime.
fn made_ahead(generator: Generator) -> mpsc::Receiver<Outgoing> {
    // Bounded: the thread waits when it is this far ahead, and ends when the receiver is gone.
    let (made, outgoings) = mpsc::channel(256);
    tokio::task::spawn_blocking(move || {
        for outgoing in generator {
            if made.blocking_send(outgoing).is_err() {
                return;
            }
        }
    });
    outgoings
}

/// The messages of a plan's first seconds, without a broker: what a dump and the tests look at.
pub fn messages(plan: Plan, start: Timestamp, lasts: Duration) -> impl Iterator<Item = Outgoing> {
    let end_ms = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
    Generator::new(plan, start).take_while(move |outgoing| outgoing.due_ms <= end_ms)
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod fault_tests;
