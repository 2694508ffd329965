//! What can go wrong between us and InfluxDB, in sentences for whoever has to mend it.

use std::time::Duration;

use super::answer;

/// Each says what to do about it, where anything can be done. What was taken in waits in the journal meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InfluxError {
    /// The token is wrong, or may not do this (401, 403).
    #[error(
        "it refuses the token ({status}: {told}): put one that may read and write the bucket into store.influx.token_file"
    )]
    Denied {
        /// HTTP status.
        status: u16,
        /// Its own words.
        told: String,
    },
    /// No such bucket or organisation (404).
    #[error("it has no such bucket or organisation ({told}): see store.influx.bucket and store.influx.org")]
    Missing {
        /// Its own words.
        told: String,
    },
    /// It cannot now (429, 5xx).
    #[error("it cannot take more now ({status}: {told}); the next request goes out after {} ms", wait.as_millis())]
    Busy {
        /// HTTP status.
        status: u16,
        /// Its own words.
        told: String,
        /// Until the next request.
        wait: Duration,
    },
    /// An answer that InfluxDB does not give.
    #[error("it answers as no InfluxDB does ({status}: {told}): see store.influx.url")]
    Foreign {
        /// HTTP status.
        status: u16,
        /// What it said.
        told: String,
    },
    /// No answer, or only a part of one.
    #[error("{0}")]
    Silent(String),
    /// It does not take a question of ours (400).
    #[error("it refuses the question: {0}")]
    Question(String),
    /// An answer that cannot be understood.
    #[error("its answer cannot be read: {0}")]
    Answer(#[from] answer::Mistake),
    /// The channel has no name there.
    #[error("channel {channel} cannot be kept in InfluxDB: {reason}")]
    Name {
        /// Its number.
        channel: u32,
        /// What is wrong with its name.
        reason: &'static str,
    },
    /// The token's file, the authorities' file or a socket of our own.
    #[error("{what}: {reason}")]
    Own {
        /// What was wanted.
        what: String,
        /// Why it cannot be had.
        reason: String,
    },
}
