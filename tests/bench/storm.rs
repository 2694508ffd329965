//! A storm: 10,000 stations cross a threshold within five seconds, and everybody who wants to hear of it is on disk.
//!
//! Measured is, for each crossing, the time from its journal entry to the end of the transaction that holds its
//! notifications. State and outbox run as the follower of the journal runs them, in batches of a tenth of a second.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use saola::clock::Clock;
use saola::model::{Entry, Seq};
use saola::notify::outbox::{Filter, Outbox};
use saola_sim::load::Histogram;

use crate::pair::{self, Pair};

/// Stations that cross.
const STATIONS: u32 = 10_000;
/// Within this time.
const LASTS: Duration = Duration::from_secs(5);
/// Entries taken at once.
const BATCH: u32 = 200;
/// Machines that are told.
const MACHINES: [&str; 2] = ["wall", "dispatch"];

/// From entry to disk, microseconds, of every crossing.
pub async fn measure() -> Histogram {
    let folder = tempfile::tempdir().unwrap();
    let receiver = pair::Receiver::start(pair::takes_all).await;
    let config = pair::config(folder.path(), receiver.address, &MACHINES);
    let mut pair = Pair::open(folder.path(), &config, Clock::System, pair::new_state());
    pair.take(&pair::entries(1, pair::begin(STATIONS)));
    pair.run();
    let mut histogram = Histogram::default();
    let begun = Instant::now();
    for first in (0..STATIONS).step_by(BATCH as usize) {
        let crossings: Vec<(Instant, Entry)> = (first..first + BATCH)
            .map(|station| {
                let due = begun + LASTS * station / STATIONS;
                let received_at = Clock::System.now() + due.saturating_duration_since(Instant::now());
                let body = pair::sample(station, received_at, 20.0);
                (due, Entry { seq: Seq(u64::from(station) + 3), received_at, body })
            })
            .collect();
        // The batch ends with its last entry.
        tokio::time::sleep_until(crossings[crossings.len() - 1].0.into()).await;
        let entries: Vec<Entry> = crossings.iter().map(|(_, entry)| entry.clone()).collect();
        pair.take(&entries);
        for (due, _) in &crossings {
            histogram.note(u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
    }
    pair.stop().await;
    drop(pair);
    // What is on disk, read by somebody else.
    let outbox = Outbox::open(&folder.path().join("outbox.db"), Seq(0)).unwrap();
    let rows = outbox.list(&Filter { limit: 1_000_000, ..Filter::default() }).unwrap();
    let told: HashSet<(String, String)> = rows.into_iter().map(|row| (row.alert, row.recipient)).collect();
    assert_eq!(told.len(), STATIONS as usize * MACHINES.len(), "every crossing is on disk for everybody");
    histogram
}
