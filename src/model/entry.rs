//! What the journal holds: everything that derived state is made from.

use serde::{Deserialize, Serialize};

use super::{
    Catalogue, Corrections, DeviceReport, MaintenanceCommand, Outage, Policy, Rejection, Sample, Seq, SourceId,
    Timestamp,
};

/// A durable, numbered, timed fact. Live state, alerts, ledger and store are functions of these and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place in the journal.
    pub seq: Seq,
    /// When Saola received or made it.
    pub received_at: Timestamp,
    /// What it says.
    pub body: Body,
}

/// The kinds of entry.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// What became of one message.
    Message(Message),
    /// Time passed: silence and hold times are judged at ticks, so that they replay like everything else.
    Tick,
    /// The stations, channels, areas and sources from here on.
    Catalogue(Box<Catalogue>),
    /// The alert rules from here on.
    Rules(Vec<RuleFile>),
    /// The quality checks and sleep schedules from here on.
    Policy(Box<Policy>),
    /// What devices said of themselves, beside the entry of their message.
    Devices(DeviceReport),
    /// Saola could not hear, or hears again.
    Outage(Outage),
    /// An operator's command about maintenance.
    Maintenance(MaintenanceCommand),
    /// Samples that take the place of others.
    Corrections(Corrections),
}

/// What became of one message: `received` = samples + duplicates + rejections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The way in.
    pub source: SourceId,
    /// Readings found in it; a message that could not be decoded counts as one.
    pub received: u32,
    /// Readings already stored with the same time and value.
    pub duplicates: u32,
    /// Readings taken.
    pub samples: Vec<Sample>,
    /// Readings refused.
    pub rejections: Vec<Rejection>,
    /// The whole message, kept when anything in it was refused.
    pub raw: Option<RawCopy>,
}

/// A refused message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawCopy {
    /// MQTT topic, or the file's or hook's name.
    pub topic: String,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// A file of alert rules as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFile {
    /// File name without folder.
    pub name: String,
    /// TOML.
    pub text: String,
}
