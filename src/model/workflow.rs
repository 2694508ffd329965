//! What people say about an alert, and whom it is taken to when nobody does: all of it stands in the journal.
//!
//! Left out on purpose: who is on duty (the roster's) and how somebody is reached (the notifications').

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Alert, AlertId, AreaId, Seq, Severity, Timestamp};

/// A person whom messages reach.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub Arc<str>);

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person's word about an alert, as it is journaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertCommand {
    /// The alert.
    pub alert: AlertId,
    /// The account.
    pub author: String,
    /// What is to become of it.
    pub order: Order,
    /// When the person said it by the clock of their own device, which may have been out of reach. It is kept beside
    /// the entry's time and decides nothing.
    pub said_at: Option<Timestamp>,
    /// The versions of the alert that the order is meant for; `None`: whichever it has.
    pub versions: Option<Vec<u64>>,
    /// By which a repeat of the same request is known.
    pub key: Option<CommandKey>,
    /// The network address that it came from, for the audit.
    pub origin: Option<IpAddr>,
}

/// A word that was obeyed, with its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The entry.
    pub seq: Seq,
    /// Its time.
    pub at: Timestamp,
    /// The word.
    pub command: Box<AlertCommand>,
}

/// A client's own name of a request, and what the request was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommandKey {
    /// The client's text, at most 128 bytes; of each author apart.
    pub text: String,
    /// The first bytes of the SHA-256 of what was asked: another request under the same key is told from a repeat.
    pub request: [u8; 16],
}

/// What is to become of an alert. New ones are appended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Somebody has seen it and looks after it.
    Acknowledge {
        /// What they say; empty for nothing.
        note: String,
    },
    /// Nobody looks after it after all.
    Unacknowledge {
        /// What they say; empty for nothing.
        note: String,
    },
    /// It is somebody's.
    Assign {
        /// Whose: an account or a person; `None`: nobody's any more.
        to: Option<String>,
        /// What they say; empty for nothing.
        note: String,
    },
    /// Something to know about it.
    Comment {
        /// What.
        text: String,
    },
    /// Nobody is to be told of it for a while.
    Shelve {
        /// Until when.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// The while is over.
    Unshelve {
        /// What they say; empty for nothing.
        note: String,
    },
    /// It is over, or it is none.
    Close {
        /// Why.
        cause: CloseCause,
        /// What they say; empty for nothing.
        note: String,
    },
}

/// Why somebody closed an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseCause {
    /// What there was to do is done.
    Resolved,
    /// There was nothing.
    FalseAlarm,
    /// Somebody tried it out.
    Test,
    /// Another alert stands for it.
    Duplicate,
    /// Something else: the note says what.
    Other,
}

impl CloseCause {
    /// Every cause.
    pub const ALL: [CloseCause; 5] =
        [CloseCause::Resolved, CloseCause::FalseAlarm, CloseCause::Test, CloseCause::Duplicate, CloseCause::Other];

    /// The word used in bodies and answers.
    pub fn word(self) -> &'static str {
        match self {
            CloseCause::Resolved => "resolved",
            CloseCause::FalseAlarm => "false_alarm",
            CloseCause::Test => "test",
            CloseCause::Duplicate => "duplicate",
            CloseCause::Other => "other",
        }
    }

    /// Whether it says that nobody has to act although the condition holds.
    pub fn is_of_no_matter(self) -> bool {
        matches!(self, CloseCause::FalseAlarm | CloseCause::Test | CloseCause::Duplicate)
    }
}

/// A message about an alert reached none of those whom it was for, by none of their ways: the next step must not wait
/// for its time. One for each person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryFailed {
    /// The alert.
    pub alert: AlertId,
    /// Whom it did not reach.
    pub person: PersonId,
    /// [`Escalation::step`] of the message; 0 for the one with which the alert itself went out.
    pub step: u16,
    /// The entry that brought the message about: [`Escalation::seq`] or [`super::Transition::seq`]. A failure of an
    /// earlier message than that of the last step taken hurries nothing.
    pub of: Seq,
}

/// Whom an alert is taken to while nobody has acknowledged it, as the province's file has it. The first ladder that
/// fits an alert is the alert's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationPlan {
    /// In the order of the file.
    pub ladders: Vec<Ladder>,
}

/// Steps for some alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// For alerts of these severities; empty: of all.
    pub severities: Vec<Severity>,
    /// For these hazards: the rule's cause; empty: for all.
    pub causes: BTreeSet<String>,
    /// In these areas and those inside them; empty: everywhere.
    pub areas: BTreeSet<AreaId>,
    /// The earliest first.
    pub steps: Vec<LadderStep>,
    /// While it is acknowledged and open.
    pub reminders: Option<Reminders>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LadderStep {
    /// How long after the alert was raised, got worse or came back.
    pub after: Duration,
    /// To whom.
    pub to: Recipient,
}

/// Being reminded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminders {
    /// How long after the acknowledgement, and after the reminder before.
    pub every: Duration,
    /// So many and no more.
    pub at_most: u16,
    /// Whom; `None`: whoever it is assigned to, else who acknowledged it.
    pub to: Option<Recipient>,
}

/// Whom an alert is taken to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Recipient {
    /// Whoever is on duty in this role then, by the roster: `duty:forest`.
    Duty(String),
    /// One person: `person:ID`.
    Person(PersonId),
    /// Everybody with this role: `role:operator`.
    Role(String),
    /// Those to whom the alert itself goes.
    Subscribers,
    /// Whoever signs in with this account, else the person of this identifier: `account:NAME`.
    Account(String),
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recipient::Duty(role) => write!(f, "duty:{role}"),
            Recipient::Person(person) => write!(f, "person:{person}"),
            Recipient::Role(role) => write!(f, "role:{role}"),
            Recipient::Subscribers => f.write_str("subscribers"),
            Recipient::Account(name) => write!(f, "account:{name}"),
        }
    }
}

/// An alert is taken to somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Escalation {
    /// The entry that brought it about.
    pub seq: Seq,
    /// The alert as it is then.
    pub alert: Arc<Alert>,
    /// The step of its ladder or the number of the reminder, from 1; 0 for a return.
    pub step: u16,
    /// To whom.
    pub to: Recipient,
    /// When, by the entry's time.
    pub at: Timestamp,
    /// Why.
    pub why: EscalationCause,
}

/// Why an alert is taken to somebody. New ones are appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EscalationCause {
    /// Nobody acknowledged it in the step's time.
    Unacknowledged,
    /// The message before reached nobody.
    Undelivered,
    /// It is acknowledged, and still open.
    Reminder,
    /// It was shelved, and is back.
    Return,
}

impl EscalationCause {
    /// The word used in answers.
    pub fn word(self) -> &'static str {
        match self {
            EscalationCause::Unacknowledged => "unacknowledged",
            EscalationCause::Undelivered => "undelivered",
            EscalationCause::Reminder => "reminder",
            EscalationCause::Return => "return",
        }
    }
}
