//! The workflow of alerts: what people say about them, and whom they are taken to when nobody does.
//!
//! All of it follows from the journal's entries: words ([`AlertCommand`]), the plan of escalation, failed deliveries,
//! the alerts' own transitions, and ticks. Nothing here reads a clock, so replay equals live.
//!
//! **Words never lose each other.** They are applied one after the other in the journal's order, the order in which
//! they arrived. Acknowledgements and comments always add; an order that takes the place of something (assign, shelve,
//! close and their opposites) may name the versions of the alert that it is meant for, and is refused when the alert
//! has another by then. A word under a key that was heard before is not applied again ([`memory`]).
//!
//! **Acknowledging** stands for the severity at which it was given: an alert that gets worse has to be acknowledged
//! anew. An alert that is over can still be acknowledged and commented: a phone may have been out of reach.
//!
//! **Shelving** is of a rule on a subject: the alert, and the same one if it is raised again meanwhile. Nobody is told
//! of it ([`Alert::quiet`]) and no step is taken. It is back at its end, by a tick, and at once when it gets worse than
//! when it was shelved; then its ladder begins anew.
//!
//! **Closing** ends an alert whose condition does not hold any more: it is recovering, latched, or its data stopped.
//! While the condition holds an alert can be closed only as of no matter (a false alarm, a test, a duplicate): it stays
//! in its state, because it is true, but nobody is told of it and no step is taken until the condition has ended once;
//! when it gets worse it is back. The same condition raised again later is a new alert.
//!
//! Escalation is in [`ladder`]. Bounds: a handling for each alert that the engine keeps, [`DEEDS_MAX`] deeds each,
//! [`SHELVES_MAX`] shelves, words remembered as [`memory`] says, one deadline for each open alert.

mod handling;
mod ladder;
mod memory;
mod orders;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Alerts, World};
use crate::model::{
    Alert, AlertCommand, AlertId, AlertState, Body, CommandKey, DeliveryFailed, Entry, Escalation, EscalationCause,
    EscalationPlan, Recipient, Seq, Subject, Timestamp, Transition,
};

pub use handling::{Acknowledgement, Closed, DEEDS_MAX, Deed, Did, Handling, Returned, Shelf};
pub use memory::{KEYS_MAX, OUTCOMES_MAX, Outcome, Refusal, Remembered};
pub use read::{ESCALATION_FILE, read_plan};

/// Rules and subjects that may be shelved at a time.
pub const SHELVES_MAX: usize = 1_000;

/// Handlings looked at by each tick, whether their alert is still kept.
const SWEPT_PER_TICK: usize = 64;

/// What people said about alerts, and what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    handlings: BTreeMap<AlertId, Handling>,
    shelves: Vec<Shelf>,
    plan: EscalationPlan,
    /// Of every open alert.
    tracks: BTreeMap<AlertId, ladder::Track>,
    memory: memory::Memory,
    /// The last handling that was looked at, whether its alert is still kept.
    swept_to: Option<AlertId>,
    /// When the last tick was.
    ticked_at: Option<Timestamp>,
    /// Of each track its deadline, when it has one.
    #[serde(skip)]
    deadlines: BTreeSet<(Timestamp, AlertId)>,
}

/// An entry, what the engine made of it, and where to put what follows.
pub(crate) struct Scene<'a> {
    pub entry: &'a Entry,
    pub world: World<'a>,
    pub alerts: &'a mut Alerts,
    /// Everything gathered so far; the entry's own begin at `first`.
    pub transitions: &'a mut Vec<Transition>,
    pub first: usize,
    pub escalations: &'a mut Vec<Escalation>,
    /// Alerts to look at again though they made no transition.
    pub changed: &'a mut Vec<AlertId>,
}

impl Scene<'_> {
    fn deed(&self, alert: &Alert, author: Option<&str>, did: Did) -> Deed {
        let (seq, at, author) = (self.entry.seq, self.entry.received_at, author.map(str::to_owned));
        Deed { seq, at, said_at: None, author, state: alert.state, severity: alert.severity, did }
    }
}

impl Workflow {
    /// What people did about an alert; `None` when they did nothing yet.
    pub fn handling(&self, alert: &AlertId) -> Option<&Handling> {
        self.handlings.get(alert)
    }

    /// The alert's version, for changes that are meant for one: 1 when nothing was said about it.
    pub fn version(&self, alert: &AlertId) -> u64 {
        self.handlings.get(alert).map_or(1, |handling| handling.version)
    }

    /// The shelf that an alert lies on.
    pub fn shelf(&self, alert: &Alert) -> Option<&Shelf> {
        let lies = |shelf: &&Shelf| shelf.severity >= alert.severity && is_of(shelf, alert);
        self.shelves.iter().find(lies).filter(|_| alert.state.is_open())
    }

    /// Who looks after an alert as severe as it is now.
    pub fn acknowledged(&self, alert: &Alert) -> Option<&Acknowledgement> {
        self.handlings.get(&alert.id)?.stands_for(alert.severity)
    }

    /// The plan in force.
    pub fn plan(&self) -> &EscalationPlan {
        &self.plan
    }

    /// What became of the word of an entry.
    pub fn outcome(&self, seq: Seq) -> Option<&Remembered> {
        self.memory.of(seq)
    }

    /// Whether an entry is a word that was done: not refused, not a repeat, and not so already.
    pub fn has_done(&self, seq: Seq) -> bool {
        let done = |known: &Remembered| known.seq == seq && matches!(known.outcome, Outcome::Done(_));
        self.memory.of(seq).is_some_and(done)
    }

    /// What became of an author's earlier word under a key, and whether it was the same request.
    pub fn known(&self, author: &str, key: &CommandKey) -> Option<(&Remembered, bool)> {
        self.memory.find(author, key)
    }

    /// Takes in an entry after the engine has.
    pub(crate) fn follow(&mut self, scene: &mut Scene<'_>) {
        match &scene.entry.body {
            Body::Alert(command) => self.hear(scene, command),
            Body::Escalation(plan) => self.adopt_plan(scene, plan),
            Body::DeliveryFailed(failed) => self.note_failure(scene, failed),
            _ => {}
        }
        for place in scene.first..scene.transitions.len() {
            self.note_transition(scene, place);
        }
        if matches!(scene.entry.body, Body::Tick) {
            self.pass_time(scene);
        }
    }

    fn hear(&mut self, scene: &mut Scene<'_>, command: &AlertCommand) {
        let (seq, at) = (scene.entry.seq, scene.entry.received_at);
        match command.key.as_ref().and_then(|key| self.memory.find(&command.author, key)) {
            Some((known, true)) => {
                let known = *known;
                self.memory.note_repeat(seq, known);
            }
            Some((_, false)) => self.memory.note_reuse(seq, at),
            None => {
                let outcome = self.obey(scene, command).unwrap_or_else(Outcome::Refused);
                self.memory.note(seq, at, command, outcome);
            }
        }
    }

    /// Follows one change of an alert: its track begins, begins anew or ends, and it may be back because it is worse.
    fn note_transition(&mut self, scene: &mut Scene<'_>, place: usize) {
        let Some(alert) = scene.transitions.get(place).map(|transition| transition.alert.clone()) else { return };
        let (seq, now) = (scene.entry.seq, scene.entry.received_at);
        if alert.state == AlertState::Cleared {
            self.drop_track(&alert.id);
            scene.alerts.set_quiet(&alert.id, false);
            return;
        }
        if self.take_back_worse(scene, &alert) || self.lost_attention(&alert) {
            self.restart(&alert, (seq, now));
        } else {
            self.begin_or_worsen(&alert, (seq, now));
        }
        let quiet = self.is_quiet(&alert);
        scene.alerts.set_quiet(&alert.id, quiet);
        if alert.quiet != quiet
            && let Some(transition) = scene.transitions.get_mut(place)
        {
            std::sync::Arc::make_mut(&mut transition.alert).quiet = quiet;
        }
        self.reschedule(scene.world.catalogue, &alert, quiet);
    }

    /// Takes an alert that is worse than when it was shelved or closed off the shelf; whether it was on one.
    fn take_back_worse(&mut self, scene: &Scene<'_>, alert: &Alert) -> bool {
        let shelves_before = self.shelves.len();
        self.shelves.retain(|shelf| !is_of(shelf, alert) || shelf.severity >= alert.severity);
        let mut is_back = self.shelves.len() < shelves_before;
        if let Some(handling) = self.handlings.get_mut(&alert.id)
            && handling.closed.as_ref().is_some_and(|closed| closed.severity < alert.severity)
        {
            handling.closed = None;
            is_back = true;
        }
        if is_back {
            let deed = scene.deed(alert, None, Did::Returned(Returned::Worse));
            let handling = self.handlings.entry(alert.id.clone()).or_default();
            handling.version += 1;
            handling.note(deed);
        }
        is_back
    }

    fn is_quiet(&self, alert: &Alert) -> bool {
        let closed = |handling: &Handling| handling.is_closed_at(alert.severity);
        self.shelf(alert).is_some() || self.handlings.get(&alert.id).is_some_and(closed)
    }

    /// Brings an open alert's quiet and deadline to what was said.
    fn refresh(&mut self, scene: &mut Scene<'_>, alert: &Alert) {
        let quiet = alert.state.is_open() && self.is_quiet(alert);
        scene.alerts.set_quiet(&alert.id, quiet);
        self.reschedule(scene.world.catalogue, alert, quiet);
    }

    fn pass_time(&mut self, scene: &mut Scene<'_>) {
        let now = scene.entry.received_at;
        self.follow_clock(scene, now);
        self.end_shelves(scene, now);
        self.climb(scene, now);
        self.sweep(scene.alerts);
    }

    /// Shelves whose time is up: what is still open on them is back.
    fn end_shelves(&mut self, scene: &mut Scene<'_>, now: Timestamp) {
        while let Some(place) = self.shelves.iter().position(|shelf| shelf.until <= now) {
            let shelf = self.shelves.remove(place);
            self.bring_back(scene, &shelf, Did::Returned(Returned::TimeIsUp), None);
        }
    }

    /// What lay on a shelf is heard of again: its ladder begins anew, and those whom it concerns are told.
    fn bring_back(&mut self, scene: &mut Scene<'_>, shelf: &Shelf, did: Did, command: Option<&AlertCommand>) {
        let lay = |alert: &&std::sync::Arc<Alert>| is_of(shelf, alert);
        let back: Vec<_> = scene.alerts.open().filter(lay).map(|alert| alert.id.clone()).collect();
        for id in back {
            let Some(alert) = scene.alerts.get(&id).cloned() else { continue };
            let handling = self.handlings.entry(id.clone()).or_default();
            handling.version += 1;
            let deed = scene.deed(&alert, command.map(|command| command.author.as_str()), did.clone());
            handling.note(Deed { said_at: command.and_then(|command| command.said_at), ..deed });
            self.restart(&alert, (scene.entry.seq, scene.entry.received_at));
            self.refresh(scene, &alert);
            if !self.is_quiet(&alert) {
                self.take_to(scene, &id, 0, Recipient::Subscribers, EscalationCause::Return);
            }
            scene.changed.push(id);
        }
    }

    /// A message reached nobody: the next step must not wait, unless one has been taken since.
    fn note_failure(&mut self, scene: &mut Scene<'_>, failed: &DeliveryFailed) {
        let Some(alert) = scene.alerts.get(&failed.alert).cloned() else { return };
        let did = Did::NotDelivered { person: failed.person.clone(), step: failed.step, of: failed.of };
        let handling = self.handlings.entry(alert.id.clone()).or_default();
        if handling.deeds.iter().any(|deed| deed.did == did) {
            return;
        }
        handling.note(scene.deed(&alert, None, did));
        scene.changed.push(alert.id.clone());
        self.hurry(scene, &alert, failed);
    }

    /// Forgets what was said about alerts that the engine has dropped, a few at each tick.
    fn sweep(&mut self, alerts: &Alerts) {
        let after = self.swept_to.take();
        let begin = after.as_ref().map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let looked: Vec<AlertId> = self
            .handlings
            .range::<AlertId, _>((begin, std::ops::Bound::Unbounded))
            .take(SWEPT_PER_TICK)
            .map(|(id, _)| id.clone())
            .collect();
        for id in looked.iter().filter(|id| alerts.get(id).is_none()) {
            self.handlings.remove(id);
        }
        self.swept_to = looked.into_iter().last();
    }

    /// Rebuilds what a snapshot leaves out.
    pub(crate) fn link(&mut self, alerts: &mut Alerts) {
        let open: Vec<_> = alerts.open().cloned().collect();
        for alert in &open {
            alerts.set_quiet(&alert.id, self.is_quiet(alert));
            // A snapshot from before there was a workflow has open alerts that nobody tracks.
            self.begin_or_worsen(alert, (Seq::default(), alert.changed_at));
        }
        let due = |(id, track): (&AlertId, &ladder::Track)| Some((track.due?, id.clone()));
        self.deadlines = self.tracks.iter().filter_map(due).collect();
    }
}

/// Whether a shelf is of an alert's rule and subject, however severe. A station may have moved meanwhile.
fn is_of(shelf: &Shelf, alert: &Alert) -> bool {
    let same_subject = match (&shelf.subject, &alert.subject) {
        (Subject::Channel { channel, .. }, Subject::Channel { channel: other, .. }) => channel == other,
        (shelved, subject) => shelved == subject,
    };
    same_subject && shelf.rule == alert.rule
}
