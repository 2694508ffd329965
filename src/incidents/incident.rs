//! One incident: its members, its stations that nobody hears, and its time-line.
//!
//! Invariants: the counts by severity are those of the open members; an incident is open while a member is, or while a
//! gateway's stations are waited for; a merged one has neither. Bounded: [`MOMENTS_MAX`] moments (the first stays) and
//! [`MEMBERS_MAX`] members that are over (the oldest go, and are counted).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{
    Alert, AlertId, AlertState, AreaId, Cause, IncidentId, LocalName, Position, Property, Severity, SourceId,
    StationNo, Timestamp,
};

/// Moments kept of one incident.
pub const MOMENTS_MAX: usize = 128;
/// Members that are over kept in one incident.
pub const MEMBERS_MAX: usize = 10_000;

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IncidentState {
    /// Something in it is not over.
    Open,
    /// Everything in it is over.
    Closed,
    /// It turned out to be one with another, which has its members now.
    Merged,
}

impl IncidentState {
    /// Every state.
    pub const ALL: [IncidentState; 3] = [IncidentState::Open, IncidentState::Closed, IncidentState::Merged];

    /// The word used in queries and answers.
    pub fn word(self) -> &'static str {
        match self {
            IncidentState::Open => "open",
            IncidentState::Closed => "closed",
            IncidentState::Merged => "merged",
        }
    }
}

/// An alert as its incident knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The station, unless it is about an area.
    pub station: Option<StationNo>,
    /// What is observed.
    pub property: Option<Property>,
    /// Where it was when it was raised; an area's is the middle of its stations.
    pub position: Option<Position>,
    /// The commune at the time.
    pub area: Option<AreaId>,
    /// Where it stands.
    pub state: AlertState,
    /// How severe it is, or was at its end.
    pub severity: Severity,
    /// When its condition began (event time).
    pub started_at: Timestamp,
    /// The known heat source that explains it.
    pub masked_by: Option<Arc<LocalName>>,
    /// Whether it is about the absence of data.
    pub(super) of_silence: bool,
    /// By the incidents' own clock: when its end was noticed.
    pub(super) over_at: Option<Timestamp>,
}

impl Member {
    /// Whether somebody may still have to act.
    pub fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// What it counts for in people's attention: a masked one is the least there is.
    pub fn attention(&self) -> Severity {
        if self.masked_by.is_some() { Severity::Low } else { self.severity }
    }
}

/// A station behind a gateway that is dead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// Its commune.
    pub area: Option<AreaId>,
    /// Its last word before.
    pub heard_at: Timestamp,
    /// Its first word after; until then what it would say is unknown.
    pub returned_at: Option<Timestamp>,
}

/// What a gateway's incident knows beside its children.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcut {
    /// The source's number.
    pub(super) source: SourceId,
    /// Whether only the link to it, or its own death certificate, can say that it is back.
    pub(super) is_declared: bool,
    /// When it was back, by the incidents' own clock.
    pub(super) back_at: Option<Timestamp>,
    /// How severe it is to be deaf.
    pub(super) severity: Severity,
    /// Whether it is over.
    pub(super) is_over: bool,
}

/// What happened to an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happened {
    /// An alert was raised in it; the first one began it.
    Joined(AlertId),
    /// The worst of what is open changed.
    Severity(Severity),
    /// Everything in it is over.
    Closed,
    /// An alert joined it after that.
    Reopened,
    /// Another incident turned out to be the same.
    Took(IncidentId),
    /// It turned out to be the same as another.
    Merged(IncidentId),
    /// So many stations were not heard any more.
    Deaf(u32),
    /// What they speak through is back; some may still be waited for.
    Back,
    /// So many stations had not spoken again when the incident was closed.
    LeftBehind(u32),
    /// An alert that a known heat source had explained is not explained any more.
    Unmasked(AlertId),
    /// So many stations are not waited for any more: they were retired, or put under maintenance.
    LetGo(u32),
}

/// One line of the time-line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentMoment {
    /// Event time; never before the line above.
    pub at: Timestamp,
    /// What.
    pub what: Happened,
}

/// One incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Deterministic identifier.
    pub id: IncidentId,
    /// The group that its alerts have in common, or [`super::GATEWAY`].
    pub group: String,
    /// What to call it.
    pub title: LocalName,
    /// Its first alert's beginning, or since when nothing was heard (event time).
    pub opened_at: Timestamp,
    /// When anything about it last changed (event time).
    pub changed_at: Timestamp,
    /// When the last of it was over; `None` while it is open.
    pub closed_at: Option<Timestamp>,
    /// The one that has its members now.
    pub merged_into: Option<IncidentId>,
    /// Members that were over and are not kept any more.
    pub dropped: u64,
    pub(super) members: BTreeMap<AlertId, Member>,
    pub(super) children: BTreeMap<StationNo, Child>,
    /// As of a past moment: stations were lost again, or let go, since, and which ones were unheard then is not kept.
    #[serde(skip)]
    pub(super) has_lost_children: bool,
    pub(super) outcut: Option<Outcut>,
    /// By the incidents' own clock: when it was closed or merged.
    pub(super) over_at: Option<Timestamp>,
    /// Open members by what they count for.
    pub(super) open: [u32; Severity::ALL.len()],
    /// The worst while it was open last.
    pub(super) severity: Severity,
    pub(super) timeline: Vec<IncidentMoment>,
}

impl Incident {
    pub(super) fn new(id: IncidentId, group: String, title: LocalName, at: Timestamp) -> Incident {
        Incident {
            id,
            group,
            title,
            opened_at: at,
            changed_at: at,
            closed_at: None,
            merged_into: None,
            dropped: 0,
            members: BTreeMap::new(),
            children: BTreeMap::new(),
            has_lost_children: false,
            outcut: None,
            over_at: None,
            open: [0; Severity::ALL.len()],
            severity: Severity::Low,
            timeline: Vec::new(),
        }
    }

    /// Where it stands.
    pub fn state(&self) -> IncidentState {
        match (&self.merged_into, self.is_waited_for()) {
            (Some(_), _) => IncidentState::Merged,
            (None, true) => IncidentState::Open,
            (None, false) => IncidentState::Closed,
        }
    }

    pub(super) fn is_waited_for(&self) -> bool {
        self.open_count() > 0 || self.outcut.as_ref().is_some_and(|outcut| !outcut.is_over)
    }

    /// Alerts in it that are not over.
    pub fn open_count(&self) -> u32 {
        self.open.iter().sum()
    }

    /// The worst of what is open; once it is closed, the worst at its end. What a known heat source explains counts
    /// for the least.
    pub fn severity(&self) -> Severity {
        self.worst_open().unwrap_or(self.severity)
    }

    fn worst_open(&self) -> Option<Severity> {
        let of_members = (0..self.open.len()).rev().find(|place| self.open[*place] > 0);
        let of_outcut = self.outcut.as_ref().filter(|outcut| !outcut.is_over).map(|outcut| outcut.severity);
        of_members.map(|place| Severity::ALL[place]).max(of_outcut)
    }

    /// Every alert in it that is kept.
    pub fn members(&self) -> &BTreeMap<AlertId, Member> {
        &self.members
    }

    /// The stations that nobody hears, or heard, because of it.
    pub fn children(&self) -> &BTreeMap<StationNo, Child> {
        &self.children
    }

    /// Whether those are all; not always known of a past moment.
    pub fn knows_children(&self) -> bool {
        !self.has_lost_children
    }

    /// What happened, oldest first.
    pub fn timeline(&self) -> &[IncidentMoment] {
        &self.timeline
    }

    /// Notes what happened; time does not run backwards.
    pub(super) fn note(&mut self, at: Timestamp, what: Happened) -> Timestamp {
        let at = at.max(self.changed_at);
        self.changed_at = at;
        self.timeline.push(IncidentMoment { at, what });
        if self.timeline.len() > MOMENTS_MAX {
            self.timeline.remove(1);
        }
        at
    }

    /// Counts a member in or out, when it is open.
    pub(super) fn count_in(&mut self, member: &Member) {
        if member.is_open() {
            self.open[place_of(member.attention())] += 1;
        }
    }

    pub(super) fn count_out(&mut self, member: &Member) {
        if member.is_open() {
            self.open[place_of(member.attention())] -= 1;
        }
    }

    /// Closes or opens it, as its members and children say, and notes a change of the worst. `before` is how it stood.
    pub(super) fn settle(&mut self, before: (IncidentState, Severity), at: Timestamp) {
        let worst = self.worst_open();
        self.severity = worst.unwrap_or(before.1);
        match (before.0, self.state()) {
            (IncidentState::Open, IncidentState::Closed) => {
                self.closed_at = Some(self.note(at, Happened::Closed));
            }
            // A new one has not been closed yet.
            (IncidentState::Closed, IncidentState::Open) if self.closed_at.is_some() => {
                self.closed_at = None;
                self.note(at, Happened::Reopened);
            }
            _ => {}
        }
        if worst.is_some_and(|worst| worst != before.1) {
            self.note(at, Happened::Severity(self.severity));
        }
    }

    /// How it stands, for [`Incident::settle`].
    pub(super) fn standing(&self) -> (IncidentState, Severity) {
        (self.state(), self.severity())
    }

    /// Stations that have not spoken again.
    pub fn unknown_children(&self) -> usize {
        self.children.values().filter(|child| child.returned_at.is_none()).count()
    }
}

/// What an incident needs to know of an alert that it takes in.
pub(super) fn member_of(alert: &Alert, property: Option<Property>, position: Option<Position>) -> Member {
    Member {
        station: alert.subject.station(),
        property,
        position,
        area: alert.subject.area().cloned(),
        state: alert.state,
        severity: alert.severity,
        started_at: alert.started_at,
        masked_by: None,
        of_silence: is_silence(alert),
        over_at: None,
    }
}

/// Whether an alert is about the absence of data.
pub(super) fn is_silence(alert: &Alert) -> bool {
    alert.timeline.first().is_some_and(|moment| moment.cause == Cause::Silence)
}

fn place_of(severity: Severity) -> usize {
    severity as usize
}
