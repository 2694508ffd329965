//! A reading on its way: as it arrived, as it was decoded, as it passed validation.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{ChannelId, Quality, Rejection, Seq, SourceId, Timestamp, Unit};

/// A message as it arrived: bytes, and what the transport knows of them.
#[derive(Clone, Copy, Debug)]
pub struct RawMessage<'a> {
    /// The way in.
    pub source: SourceId,
    /// MQTT topic (valid UTF-8, no wildcards), or the file's or hook's name.
    pub topic: &'a str,
    /// The bytes, unlooked at.
    pub payload: &'a [u8],
    /// When Saola received it.
    pub received_at: Timestamp,
    /// Whether it comes from a sender now, or from somewhere it was kept.
    pub arrival: Arrival,
}

/// Where a message was before it arrived: what its received time says about its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Just sent.
    Fresh,
    /// From a broker's retained store, or from a file: it may be arbitrarily old.
    Retained,
    /// Handed in again from the dead letters.
    Again {
        /// The dead letter's number.
        of: Seq,
        /// When it was first received.
        first_at: Timestamp,
        /// Whether it was a retained message then: it may have been arbitrarily old.
        was_retained: bool,
    },
    /// Sent again by a device that had no answer, and perhaps in the journal already: its readings without a time keep
    /// that of its first arrival, so that they are not taken twice.
    Repeated {
        /// When it was first received.
        first_at: Timestamp,
    },
    /// History that a person brings in: it is the past, whatever its time says.
    Imported,
}

/// What the device says of itself (station file codes 00, 01, 02).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// 00: measuring.
    #[default]
    Measuring,
    /// 01: calibrating.
    Calibrating,
    /// 02: device error.
    Fault,
}

/// One decoded value, still in the sender's words; borrows from the message.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading<'a> {
    /// The station's name, unchecked; owned only when the sender wrote it with escapes.
    pub station: Cow<'a, str>,
    /// The property's name, unchecked; owned only when the sender wrote it with escapes.
    pub property: Cow<'a, str>,
    /// Phenomenon time; `None` when the message had none.
    pub time: Option<Timestamp>,
    /// Finite, in `unit`.
    pub value: f64,
    /// What the sender measures in; `None` means the channel's own unit.
    pub unit: Option<Unit>,
    /// The device's own state.
    pub status: Status,
}

/// How old a sample was when it arrived, by its channel's own interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeClass {
    /// In time to be acted upon.
    Live,
    /// Too late for an alert, recent enough to be called a delay.
    Late,
    /// History handed in afterwards.
    Backfill,
    /// History that a person brought in, whatever its age: it goes to the store alone. It is no sign of life, so it
    /// neither moves the live picture nor is heard by an alert.
    Imported,
}

/// One value that passed every check: it has a channel, a plausible value and a believable time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The channel observed.
    pub channel: ChannelId,
    /// Phenomenon time.
    pub observed_at: Timestamp,
    /// In the channel's unit; finite.
    pub value: f64,
    /// Flags.
    pub quality: Quality,
    /// Age class at arrival.
    pub time_class: TimeClass,
}

/// Rows of a file with history, decoded: readings and refusals in the order of the rows, and what belongs to which.
#[derive(Debug, Default)]
pub struct Rows<'a> {
    /// Of all rows.
    pub readings: Vec<Reading<'a>>,
    /// Of all rows.
    pub rejections: Vec<Rejection>,
    /// In the order of the file.
    pub rows: Vec<Row<'a>>,
}

/// One row's part of [`Rows`].
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Line in the file, counted from 1; in files without lines, the row.
    pub line: u64,
    /// The row as it stands in the file; kept when anything in it is refused.
    pub text: &'a [u8],
    /// How many readings it has.
    pub readings: usize,
    /// How many refusals it has.
    pub rejections: usize,
}

/// What became of [`Rows`].
#[derive(Debug, Default)]
pub struct Judged {
    /// The last entry that holds any of it: durable up to here, all of it is.
    pub seq: Seq,
    /// Readings taken, corrections of former values among them.
    pub samples: Vec<Sample>,
    /// Readings known already with the same time and value.
    pub duplicates: u64,
    /// Readings refused, with their lines.
    pub refused: Vec<(u64, Rejection)>,
}
