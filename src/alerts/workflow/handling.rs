//! What people did about one alert.

use serde::{Deserialize, Serialize};

use crate::model::{
    AlertId, AlertState, CloseCause, EscalationCause, PersonId, Recipient, Seq, Severity, Subject, Timestamp,
};

/// Deeds kept of one alert: the first stays; of the others Saola's own go first, then the oldest, and are counted.
/// Journal and audit have all that people said.
pub const DEEDS_MAX: usize = 256;

/// Everything that was said about an alert, and how it stands by that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handling {
    /// 1 as it was raised; one more with every word, and when it comes back. What is measured does not change it.
    pub version: u64,
    /// Who acknowledged it, in order; one each.
    pub acknowledged: Vec<Acknowledgement>,
    /// Whose it is.
    pub assigned_to: Option<String>,
    /// That somebody closed it.
    pub closed: Option<Closed>,
    /// What was done, oldest first.
    pub deeds: Vec<Deed>,
    /// Deeds that are not kept any more.
    pub dropped: u64,
}

impl Default for Handling {
    fn default() -> Self {
        let (acknowledged, deeds) = (Vec::new(), Vec::new());
        Self { version: 1, acknowledged, assigned_to: None, closed: None, deeds, dropped: 0 }
    }
}

/// That somebody looks after an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The account.
    pub by: String,
    /// By the entry's time.
    pub at: Timestamp,
    /// How severe the alert was: it stands for that and less.
    pub severity: Severity,
}

/// That somebody closed an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The account.
    pub by: String,
    /// By the entry's time.
    pub at: Timestamp,
    /// Why.
    pub cause: CloseCause,
    /// What they said.
    pub note: String,
    /// How severe the alert was: when it gets worse it is back.
    pub severity: Severity,
}

/// That nobody is to be told of a rule's alerts on one subject for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// The rule's name.
    pub rule: String,
    /// What its alerts are about.
    pub subject: Subject,
    /// How severe it may get.
    pub severity: Severity,
    /// The first instant at which it is back.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// The account.
    pub by: String,
    /// By the entry's time.
    pub at: Timestamp,
    /// The alert of which it was said.
    pub alert: AlertId,
}

/// One line of what was done about an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// The entry.
    pub seq: Seq,
    /// The entry's time.
    pub at: Timestamp,
    /// By the clock of whoever said it.
    pub said_at: Option<Timestamp>,
    /// The account; `None` for Saola itself.
    pub author: Option<String>,
    /// The alert's state then.
    pub state: AlertState,
    /// The alert's severity then.
    pub severity: Severity,
    /// What.
    pub did: Did,
}

/// What was done about an alert. New ones are appended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Did {
    /// Somebody looks after it.
    Acknowledged {
        /// What they said.
        note: String,
    },
    /// Nobody does any more.
    Unacknowledged {
        /// What they said.
        note: String,
    },
    /// It is somebody's, or (`None`) nobody's.
    Assigned {
        /// Whose.
        to: Option<String>,
        /// What they said.
        note: String,
    },
    /// Something to know about it.
    Commented {
        /// What.
        text: String,
    },
    /// Nobody is told of it.
    Shelved {
        /// Until when.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// Somebody took it back.
    Unshelved {
        /// What they said.
        note: String,
    },
    /// It came back by itself.
    Returned(Returned),
    /// Somebody closed it.
    Closed {
        /// Why.
        cause: CloseCause,
        /// What they said.
        note: String,
    },
    /// It was taken to somebody.
    Escalated {
        /// Of the ladder or of the reminders, from 1; 0 for a return.
        step: u16,
        /// To whom.
        to: Recipient,
        /// Why.
        why: EscalationCause,
    },
    /// A message reached somebody by none of their ways.
    NotDelivered {
        /// Whom not.
        person: PersonId,
        /// Of which step.
        step: u16,
        /// The entry that brought the message about.
        of: Seq,
    },
}

/// Why an alert came back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Returned {
    /// Its time on the shelf is over.
    TimeIsUp,
    /// It is more severe than when it was shelved or closed.
    Worse,
}

impl Did {
    /// The word used in answers.
    pub fn word(&self) -> &'static str {
        match self {
            Did::Acknowledged { .. } => "acknowledged",
            Did::Unacknowledged { .. } => "unacknowledged",
            Did::Assigned { .. } => "assigned",
            Did::Commented { .. } => "commented",
            Did::Shelved { .. } => "shelved",
            Did::Unshelved { .. } => "unshelved",
            Did::Returned(Returned::TimeIsUp) => "returned",
            Did::Returned(Returned::Worse) => "returned_worse",
            Did::Closed { .. } => "closed",
            Did::Escalated { why: EscalationCause::Reminder, .. } => "reminded",
            Did::Escalated { .. } => "escalated",
            Did::NotDelivered { .. } => "not_delivered",
        }
    }

    /// What somebody said; empty for nothing.
    pub fn text(&self) -> &str {
        match self {
            Did::Acknowledged { note }
            | Did::Unacknowledged { note }
            | Did::Assigned { note, .. }
            | Did::Unshelved { note }
            | Did::Closed { note, .. } => note,
            Did::Commented { text } => text,
            Did::Shelved { reason, .. } => reason,
            Did::Returned(_) | Did::Escalated { .. } | Did::NotDelivered { .. } => "",
        }
    }
}

impl Handling {
    /// The acknowledgement that stands for a severity: the newest given at that or a worse one.
    pub fn stands_for(&self, severity: Severity) -> Option<&Acknowledgement> {
        self.acknowledged.iter().rev().find(|acknowledged| acknowledged.severity >= severity)
    }

    /// Whether somebody closed it although its condition held, and it is no worse.
    pub fn is_closed_at(&self, severity: Severity) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.severity >= severity)
    }

    pub(super) fn note(&mut self, deed: Deed) {
        self.deeds.push(deed);
        if self.deeds.len() > DEEDS_MAX {
            let own = self.deeds.iter().skip(1).position(|deed| deed.author.is_none());
            self.deeds.remove(own.map_or(1, |place| place + 1));
            self.dropped += 1;
        }
    }
}
