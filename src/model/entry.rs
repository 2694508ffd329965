//! What the journal holds: everything that derived state is made from.

use serde::{Deserialize, Serialize};

use super::{
    AlertCommand, Catalogue, Corrections, DeliveryFailed, DeviceReport, EscalationPlan, MaintenanceCommand, Outage,
    Policy, Rejection, Sample, Seq, SourceId, Timestamp, Unit,
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
    /// Saola's own message went the whole way in: told by the message's time, counted nowhere.
    Canary {
        /// When it was sent.
        sent_at: Timestamp,
    },
    /// An operator told a station's devices something.
    Command(Box<StationCommand>),
    /// Somebody says something about an alert.
    Alert(Box<AlertCommand>),
    /// Whom alerts are taken to from here on.
    Escalation(Box<EscalationPlan>),
    /// A message about an alert reached somebody by none of their ways.
    DeliveryFailed(DeliveryFailed),
    /// Which alerts belong together, and what is hot without being a fire, from here on.
    Grouping(Vec<RuleFile>),
}

/// A command to the devices of a station. It stands in the journal before it goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationCommand {
    /// The station's identifier.
    pub station: String,
    /// The account that sent it.
    pub author: String,
    /// What the devices get.
    pub payload: String,
    /// What becomes of it for devices that subscribe later.
    pub keep: Keep,
    /// From when on it is not delivered any more.
    pub expires_at: Option<Timestamp>,
}

/// What becomes of a command for devices that subscribe later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// It is the topic's last word.
    LastWord,
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
    /// The names that no station or no channel has, one for each reading refused for it.
    pub unknown: Vec<UnknownName>,
    /// Set when it was handed in again from the dead letters.
    pub again: Option<Again>,
}

/// A station's and a property's name as they were sent, of a reading that was refused because nobody has that name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownName {
    /// The station, at most [`UnknownName::BYTES_MAX`] bytes of it.
    pub station: String,
    /// The property, at most [`UnknownName::BYTES_MAX`] bytes of it.
    pub property: String,
    /// What the sender measures in, when it said so.
    pub unit: Option<Unit>,
}

impl UnknownName {
    /// Longer than any name that a station or a property can have (64 letters), so that nothing that could be
    /// registered is cut.
    pub const BYTES_MAX: usize = 256;

    /// From names of any length: what is longer is cut, at a letter's end.
    pub fn new(station: &str, property: &str, unit: Option<Unit>) -> Self {
        let cut = |text: &str| {
            let end = (0..=text.len().min(Self::BYTES_MAX)).rev().find(|at| text.is_char_boundary(*at));
            text[..end.unwrap_or(0)].to_owned()
        };
        Self { station: cut(station), property: cut(property), unit }
    }
}

/// Where a message that is handed in again comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// The dead letter, which this attempt takes the place of.
    pub of: Seq,
    /// When the message was received for the first time.
    pub first_at: Timestamp,
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
