//! Facts and commands beside samples: what devices said of themselves, when Saola could not hear, what is under
//! maintenance, and what was corrected. All of them are journal entries, so that replay knows them.

use serde::{Deserialize, Serialize};

use super::{Sample, Seq, SourceId, StationNo, Timestamp};

/// What the devices of one message said of themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// The source that the message is counted by.
    pub source: SourceId,
    /// In the order of the message.
    pub facts: Vec<DeviceFact>,
}

/// One thing that was said of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFact {
    /// The sender's name of it, at most 200 bytes.
    pub device: String,
    /// The station that the source's mapping makes of it; `None` when it is none of ours.
    pub station: Option<StationNo>,
    /// What was said.
    pub said: Said,
}

/// What a device says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// It came into service, or came back. Its channels are alive with their next sample, not before.
    Joined,
    /// A death certificate: its channels are silent until their next sample.
    Silent,
    /// So many of its messages are missing.
    Missed(u64),
}

/// Whom Saola could not hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Deaf {
    /// Anybody: the process was down.
    Everything,
    /// The devices of one source: its broker's link was down.
    Source(SourceId),
}

/// A time in which Saola itself could not hear: no device is to blame for silence in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// Whom.
    pub of: Deaf,
    /// Since when.
    pub from: Timestamp,
    /// Until when; `None` while it lasts. The entry that ends an outage has the same `of`.
    pub to: Option<Timestamp>,
}

/// A time in which people work at a station: what it says then is not to be acted upon, and its silence is expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The station.
    pub station: StationNo,
    /// From here on.
    pub from: Timestamp,
    /// Up to here, this instant not included.
    pub to: Timestamp,
    /// Why, for people.
    pub reason: String,
    /// Whose word it is.
    pub author: String,
}

/// An operator's command about maintenance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MaintenanceCommand {
    /// A window; the entry's number is its identifier.
    Plan(Window),
    /// A window is not to be, or ends now when it has begun.
    Withdraw {
        /// The window's identifier.
        window: Seq,
        /// Whose word it is.
        author: String,
    },
}

/// Samples that take the place of others of the same channel and time. The store keeps what they replace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Corrections {
    /// Whose word it is; [`Corrections::CHECKS`] for the automatic checks.
    pub author: String,
    /// Why, for people.
    pub reason: String,
    /// The samples as they are from now on; their age class is of no interest.
    pub samples: Vec<Sample>,
}

impl Corrections {
    /// The author of what the automatic checks know only afterwards. No account can have this name.
    pub const CHECKS: &'static str = "(quality checks)";
    /// The author of derived values that other inputs gave. No account can have this name.
    pub const INDICES: &'static str = "(indices)";

    /// Whether no person made them.
    pub fn is_automatic(&self) -> bool {
        self.author == Self::CHECKS || self.author == Self::INDICES
    }
}
