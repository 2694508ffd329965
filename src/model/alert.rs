//! Alerts as the engine decides them and as everybody else sees them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AreaId, ChannelId, LocalName, Property, Seq, StationNo, Timestamp};

/// Severity, mapped to Viet Nam's five disaster risk colours (Decision 18/2021/QĐ-TTg Art. 4). A technical threshold,
/// never the official risk level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// 1, light blue.
    Low,
    /// 2, light yellow.
    Medium,
    /// 3, orange.
    High,
    /// 4, red.
    VeryHigh,
    /// 5, violet.
    Catastrophic,
}

impl Severity {
    /// Every severity, the lowest first.
    pub const ALL: [Severity; 5] =
        [Severity::Low, Severity::Medium, Severity::High, Severity::VeryHigh, Severity::Catastrophic];

    /// The word used in files, topics and answers.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::VeryHigh => "very_high",
            Severity::Catastrophic => "catastrophic",
        }
    }
}

/// Deterministic: made from the rule, the subject and the start, so that replay makes the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertId(pub Arc<str>);

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an alert stands. A condition that waits for its hold time is not an alert yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// The condition holds.
    Active,
    /// Below the clear level, waiting for the clear time.
    Recovering,
    /// The data stopped while it was active: neither normal nor cleared.
    Unknown,
    /// Over.
    Cleared,
    /// Over, and kept open by its rule until a person closes it.
    Latched,
}

impl AlertState {
    /// The word used in queries and answers.
    pub fn word(self) -> &'static str {
        match self {
            AlertState::Active => "active",
            AlertState::Recovering => "recovering",
            AlertState::Unknown => "unknown",
            AlertState::Cleared => "cleared",
            AlertState::Latched => "latched",
        }
    }

    /// Whether somebody may still have to act.
    pub fn is_open(self) -> bool {
        self != AlertState::Cleared
    }
}

/// What an alert is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// A channel of a station.
    Channel {
        /// The station.
        station: StationNo,
        /// The channel.
        channel: ChannelId,
        /// The station's commune at the time.
        area: Option<AreaId>,
    },
    /// The stations of an area together: the alert's value and threshold are numbers of stations.
    Area {
        /// The commune or province.
        area: AreaId,
        /// What is observed at the stations that are counted.
        property: Property,
    },
}

impl Subject {
    /// The station; `None` when it is about a whole area.
    pub fn station(&self) -> Option<StationNo> {
        match self {
            Subject::Channel { station, .. } => Some(*station),
            Subject::Area { .. } => None,
        }
    }

    /// The channel; `None` when it is about a whole area.
    pub fn channel(&self) -> Option<ChannelId> {
        match self {
            Subject::Channel { channel, .. } => Some(*channel),
            Subject::Area { .. } => None,
        }
    }

    /// The area itself, or the station's commune at the time; `None` for a station outside every known one.
    pub fn area(&self) -> Option<&AreaId> {
        match self {
            Subject::Channel { area, .. } => area.as_ref(),
            Subject::Area { area, .. } => Some(area),
        }
    }
}

/// Why an alert changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Values passed a threshold or a clear level, and stayed there for the hold or clear time.
    Value,
    /// No data came for longer than the rule allows.
    Silence,
    /// Data came again.
    Return,
    /// The rule was edited, disabled or removed.
    Rule,
    /// The station or its channel left the registry or the rule's scope.
    Withdrawn,
    /// The station went under maintenance: what it says is not to be acted upon.
    Maintenance,
    /// It began so often that it is open and muted from here on, until it has been quiet.
    Flapping,
    /// The flapping is over: it is told as any other alert again.
    Settled,
    /// The rule's calendar ended.
    Calendar,
    /// A person closed it.
    Closed,
}

impl Cause {
    /// The word used in answers.
    pub fn word(self) -> &'static str {
        match self {
            Cause::Value => "value",
            Cause::Silence => "silence",
            Cause::Return => "return",
            Cause::Rule => "rule",
            Cause::Withdrawn => "withdrawn",
            Cause::Maintenance => "maintenance",
            Cause::Flapping => "flapping",
            Cause::Settled => "settled",
            Cause::Calendar => "calendar",
            Cause::Closed => "closed",
        }
    }
}

/// One line of an alert's time-line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Event time.
    pub at: Timestamp,
    /// The state from here on.
    pub state: AlertState,
    /// The severity from here on.
    pub severity: Severity,
    /// The value that decided it; `None` for absence of data.
    pub value: Option<f64>,
    /// Why.
    pub cause: Cause,
}

/// Who closed an alert, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// The account.
    pub author: String,
    /// Why it could be closed.
    pub reason: String,
}

/// One alert with its time-line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Deterministic identifier.
    pub id: AlertId,
    /// The rule's name.
    pub rule: String,
    /// What to call it.
    pub title: LocalName,
    /// What it is about.
    pub subject: Subject,
    /// Where it stands.
    pub state: AlertState,
    /// The severity now (or at its end).
    pub severity: Severity,
    /// The threshold that the severity stands for, in the channel's unit; `None` for absence of data.
    pub threshold: Option<f64>,
    /// The newest value looked at.
    pub value: Option<f64>,
    /// When the condition began to hold (event time).
    pub started_at: Timestamp,
    /// When anything about it last changed (event time).
    pub changed_at: Timestamp,
    /// When it was cleared.
    pub ended_at: Option<Timestamp>,
    /// Everything that happened, oldest first; bounded by the engine.
    pub timeline: Vec<Moment>,
    /// The hazard by which alerts belong together: what the rule says, else the property that it watches.
    pub cause: String,
    /// How often its condition began within it: more than once for one that is latched or flapping.
    pub occurrences: u32,
    /// It began so often of late that it stays open and its comings and goings make no transition.
    pub flapping: bool,
    /// Made from data that came late, closed at once: nobody was told, and nobody is to be.
    pub retrospective: bool,
    /// Who closed it; `None` while it is open, and when it ended by itself.
    pub closed: Option<Closing>,
    /// Somebody shelved it, or closed it while its condition held: nobody is told of it until it is back. Its end goes to
    /// whoever was told of its beginning. Follows from the workflow, which a snapshot has.
    #[serde(skip)]
    pub quiet: bool,
}

impl Alert {
    /// How often its condition had begun, as far as its lines tell: `None` when it was flapping, as it comes again without
    /// a line then. Of an alert as of a past moment this is what is known.
    pub fn occurrences_told(&self) -> Option<u32> {
        self.timeline.iter().all(|moment| moment.cause != Cause::Flapping).then_some(self.occurrences)
    }
}

/// A change of state or severity, with the alert as it is after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The state before; `None` when the alert is new.
    pub from: Option<AlertState>,
    /// The alert after it.
    pub alert: Arc<Alert>,
    /// The journal's entry that brought it about; the state writes it when it has applied that entry.
    pub seq: Seq,
}
