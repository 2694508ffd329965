//! Escalation and reminders: a ladder of steps for an alert that nobody acknowledges.
//!
//! A step is due a time after the alert was raised, got worse, came back from a shelf, or lost its acknowledgement, by
//! our own clock; it is taken by the first tick at or after that. After a time in which Saola was down every step that
//! was due meanwhile is taken by the first tick: nobody looked after the alert then. While an alert is acknowledged its
//! steps stand still and reminders come instead, one for each interval; those of a time in which Saola was down are
//! one. A message that reached nobody takes the next step at once.
//!
//! A plan that changes calls nobody for what is past: of an alert's new ladder, the steps whose time has passed count
//! as taken. A clock that is set back sets the beginnings back with it; one that is set forward is believed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Did, Scene, Workflow};
use crate::model::{
    Alert, AlertId, AreaId, Catalogue, Escalation, EscalationCause, EscalationPlan, Ladder, PersonId, Recipient,
    Severity, Subject, Timestamp, clock_was_set_back,
};

/// Where an open alert stands on its ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Track {
    /// From when on steps count.
    since: Timestamp,
    /// From when on reminders count: the acknowledgement, or the reminder before.
    reminded_at: Timestamp,
    /// The worst severity since then: it decides the ladder.
    severity: Severity,
    /// Steps taken.
    done: u16,
    /// Reminders sent since the acknowledgement.
    reminded: u16,
    /// When the next of either is due.
    pub(super) due: Option<Timestamp>,
}

impl EscalationPlan {
    /// The ladder of an alert of this severity.
    fn ladder(&self, catalogue: &Catalogue, alert: &Alert, severity: Severity) -> Option<&Ladder> {
        let fits = |ladder: &&Ladder| {
            (ladder.severities.is_empty() || ladder.severities.contains(&severity))
                && (ladder.causes.is_empty() || hazard(catalogue, alert).is_some_and(|it| ladder.causes.contains(it)))
                && (ladder.areas.is_empty() || lies_in(catalogue, alert.subject.area(), &ladder.areas))
        };
        self.ladders.iter().find(fits)
    }
}

/// The hazard by which an alert is told from others: what is observed.
fn hazard<'a>(catalogue: &'a Catalogue, alert: &'a Alert) -> Option<&'a str> {
    match &alert.subject {
        Subject::Channel { channel, .. } => catalogue.channel(*channel).map(|channel| channel.property.as_str()),
        Subject::Area { property, .. } => Some(property.as_str()),
    }
}

fn lies_in(catalogue: &Catalogue, area: Option<&AreaId>, wanted: &BTreeSet<AreaId>) -> bool {
    area.is_some_and(|area| catalogue.with_parents(area).any(|id| wanted.contains(id)))
}

impl Workflow {
    /// A new alert's track begins; one that got worse begins anew.
    pub(super) fn begin_or_worsen(&mut self, alert: &Alert, now: Timestamp) {
        if self.tracks.get(&alert.id).is_none_or(|track| track.severity < alert.severity) {
            self.restart(alert, now);
        }
    }

    /// The ladder begins at its foot.
    pub(super) fn restart(&mut self, alert: &Alert, now: Timestamp) {
        let due = self.tracks.get(&alert.id).and_then(|track| track.due);
        let track = Track { since: now, reminded_at: now, severity: alert.severity, done: 0, reminded: 0, due };
        self.tracks.insert(alert.id.clone(), track);
    }

    /// An alert that nobody was to be told of concerns people from here on: its ladder begins at its foot.
    pub(crate) fn begin_anew(&mut self, catalogue: &Catalogue, alert: &Alert, now: Timestamp) {
        self.restart(alert, now);
        self.reschedule(catalogue, alert, self.is_quiet(alert));
    }

    /// Somebody acknowledged what nobody had: steps stand still, and it is worse only above this severity.
    pub(super) fn begin_reminding(&mut self, alert: &Alert, now: Timestamp) {
        if let Some(track) = self.tracks.get_mut(&alert.id) {
            (track.reminded_at, track.reminded, track.severity) = (now, 0, alert.severity);
        }
    }

    pub(super) fn drop_track(&mut self, id: &AlertId) {
        if let Some(due) = self.tracks.remove(id).and_then(|track| track.due) {
            self.deadlines.remove(&(due, id.clone()));
        }
    }

    /// Sets the deadline to what is due next.
    pub(super) fn reschedule(&mut self, catalogue: &Catalogue, alert: &Alert, quiet: bool) {
        let Some(track) = self.tracks.get(&alert.id) else { return };
        let (before, due) = (track.due, if quiet { None } else { self.next_due(catalogue, alert, track) });
        if before == due {
            return;
        }
        if let Some(before) = before {
            self.deadlines.remove(&(before, alert.id.clone()));
        }
        if let Some(due) = due {
            self.deadlines.insert((due, alert.id.clone()));
        }
        if let Some(track) = self.tracks.get_mut(&alert.id) {
            track.due = due;
        }
    }

    fn next_due(&self, catalogue: &Catalogue, alert: &Alert, track: &Track) -> Option<Timestamp> {
        let ladder = self.plan.ladder(catalogue, alert, track.severity)?;
        if self.acknowledged(alert).is_none() {
            return ladder.steps.get(usize::from(track.done)).map(|step| track.since + step.after);
        }
        let reminders = ladder.reminders.as_ref().filter(|reminders| track.reminded < reminders.at_most)?;
        Some(track.reminded_at + reminders.every)
    }

    /// Takes every step and sends every reminder that is due.
    pub(super) fn climb(&mut self, scene: &mut Scene<'_>, now: Timestamp) {
        while let Some((due, id)) = self.deadlines.first().cloned()
            && due <= now
        {
            let Some(alert) = scene.alerts.get(&id).cloned() else {
                self.deadlines.pop_first();
                self.tracks.remove(&id);
                continue;
            };
            if self.acknowledged(&alert).is_none() {
                self.take_step(scene, &alert, EscalationCause::Unacknowledged);
            } else {
                self.remind(scene, &alert, due, now);
            }
            self.refresh(scene, &alert);
        }
    }

    /// The next step must not wait for its time, unless one was taken since the message that did not arrive.
    pub(super) fn hurry(&mut self, scene: &mut Scene<'_>, alert: &Alert, failed_step: u16) {
        let is_last = self.tracks.get(&alert.id).is_some_and(|track| track.done == failed_step);
        if is_last && self.acknowledged(alert).is_none() && !self.is_quiet(alert) {
            self.take_step(scene, alert, EscalationCause::Undelivered);
            self.refresh(scene, alert);
        }
    }

    fn take_step(&mut self, scene: &mut Scene<'_>, alert: &Alert, why: EscalationCause) {
        let Some(track) = self.tracks.get(&alert.id) else { return };
        let ladder = self.plan.ladder(scene.world.catalogue, alert, track.severity);
        let Some(step) = ladder.and_then(|ladder| ladder.steps.get(usize::from(track.done))) else { return };
        let (number, to) = (track.done + 1, step.to.clone());
        if let Some(track) = self.tracks.get_mut(&alert.id) {
            track.done = number;
        }
        self.take_to(scene, &alert.id, number, to, why);
    }

    fn remind(&mut self, scene: &mut Scene<'_>, alert: &Alert, due: Timestamp, now: Timestamp) {
        let Some(track) = self.tracks.get(&alert.id) else { return };
        let ladder = self.plan.ladder(scene.world.catalogue, alert, track.severity);
        let Some(reminders) = ladder.and_then(|ladder| ladder.reminders.as_ref()) else { return };
        let every = reminders.every;
        let assigned = || self.handlings.get(&alert.id)?.assigned_to.clone();
        let acknowledged = || self.acknowledged(alert).map(|known| known.by.clone());
        let theirs = || Some(Recipient::Person(PersonId(assigned().or_else(acknowledged)?.into())));
        let Some(to) = reminders.to.clone().or_else(theirs) else { return };
        let number = track.reminded + 1;
        if let Some(track) = self.tracks.get_mut(&alert.id) {
            track.reminded = number;
            // Those of a time in which nobody counted are this one.
            track.reminded_at = if now.since(due) < every { due } else { now };
        }
        self.take_to(scene, &alert.id, number, to, EscalationCause::Reminder);
    }

    /// Tells that an alert is taken to somebody, and notes it.
    pub(super) fn take_to(
        &mut self,
        scene: &mut Scene<'_>,
        id: &AlertId,
        step: u16,
        to: Recipient,
        why: EscalationCause,
    ) {
        let Some(alert) = scene.alerts.get(id).cloned() else { return };
        let deed = scene.deed(&alert, None, Did::Escalated { step, to: to.clone(), why });
        self.handlings.entry(id.clone()).or_default().note(deed);
        let (seq, at) = (scene.entry.seq, scene.entry.received_at);
        scene.escalations.push(Escalation { seq, alert, step, to, at, why });
        scene.changed.push(id.clone());
    }

    /// Takes another plan.
    pub(super) fn adopt_plan(&mut self, scene: &mut Scene<'_>, plan: &EscalationPlan) {
        let (now, catalogue) = (scene.entry.received_at, scene.world.catalogue);
        let before = std::mem::replace(&mut self.plan, plan.clone());
        let open: Vec<_> = scene.alerts.open().cloned().collect();
        for alert in &open {
            let Some(track) = self.tracks.get_mut(&alert.id) else { continue };
            let ladder = plan.ladder(catalogue, alert, track.severity);
            if ladder != before.ladder(catalogue, alert, track.severity) {
                let since = track.since;
                let is_past = |after| since + after <= now;
                let past = ladder.map_or(0, |ladder| ladder.steps.iter().filter(|step| is_past(step.after)).count());
                track.done = u16::try_from(past).unwrap_or(u16::MAX);
                track.reminded_at = track.reminded_at.max(now);
            }
            self.refresh(scene, alert);
        }
    }

    /// When the clock was set back, nothing may wait for the difference.
    pub(super) fn follow_clock(&mut self, scene: &mut Scene<'_>, now: Timestamp) {
        if self.ticked_at.is_some_and(|before| clock_was_set_back(before, now)) {
            let ids: Vec<AlertId> = self.tracks.keys().cloned().collect();
            for id in ids {
                if let Some(track) = self.tracks.get_mut(&id) {
                    track.since = track.since.min(now);
                    track.reminded_at = track.reminded_at.min(now);
                }
                if let Some(alert) = scene.alerts.get(&id).cloned() {
                    self.refresh(scene, &alert);
                }
            }
        }
        self.ticked_at = Some(now);
    }
}
