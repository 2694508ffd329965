//! Escalation and reminders: a ladder of steps for an alert that nobody acknowledges.
//!
//! A step is due a time after the alert was raised, got worse, came back from a shelf, or lost its acknowledgement, by
//! our own clock; it is taken by the first tick at or after that. After a time in which Saola was down every step that
//! was due meanwhile is taken by the first tick: nobody looked after the alert then. While an alert is acknowledged its
//! steps stand still and reminders come instead, one for each interval; those of a time in which Saola was down are
//! one. When the message of the last step, or the one with which the ladder began, reached nobody of those whom it was
//! for, the next step is taken at once.
//!
//! A plan that changes calls nobody for what is past: of an alert's new ladder, the steps whose time had passed at the
//! last tick count as taken, but none that the old ladder had too and had not taken. A clock that is set back sets the beginnings back with it; one that is set forward is believed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Did, Scene, Workflow};
use crate::model::{
    Alert, AlertId, AreaId, Catalogue, DeliveryFailed, Escalation, EscalationCause, EscalationPlan, Ladder, LadderStep,
    Recipient, Seq, Severity, Timestamp, clock_was_set_back,
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
    /// The entry that brought the last step about; before the first, the one with which the ladder began.
    last: Seq,
    /// Somebody looked after it when it was last looked at.
    attended: bool,
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
                && (ladder.causes.is_empty() || ladder.causes.contains(&alert.cause))
                && (ladder.areas.is_empty() || lies_in(catalogue, alert.subject.area(), &ladder.areas))
        };
        self.ladders.iter().find(fits)
    }
}

fn lies_in(catalogue: &Catalogue, area: Option<&AreaId>, wanted: &BTreeSet<AreaId>) -> bool {
    area.is_some_and(|area| catalogue.with_parents(area).any(|id| wanted.contains(id)))
}

impl Workflow {
    /// A new alert's track begins; one that got worse begins anew.
    pub(super) fn begin_or_worsen(&mut self, alert: &Alert, by: (Seq, Timestamp)) {
        if self.tracks.get(&alert.id).is_none_or(|track| track.severity < alert.severity) {
            self.restart(alert, by);
        }
    }

    /// Whether somebody looked after an alert as it was, and nobody does as it is now.
    pub(super) fn lost_attention(&self, alert: &Alert) -> bool {
        self.tracks.get(&alert.id).is_some_and(|track| track.attended) && self.acknowledged(alert).is_none()
    }

    /// The ladder begins at its foot, by an entry and its time.
    pub(super) fn restart(&mut self, alert: &Alert, (last, now): (Seq, Timestamp)) {
        let due = self.tracks.get(&alert.id).and_then(|track| track.due);
        let attended = self.acknowledged(alert).is_some();
        let (done, reminded, severity) = (0, 0, alert.severity);
        let track = Track { since: now, reminded_at: now, severity, done, last, attended, reminded, due };
        self.tracks.insert(alert.id.clone(), track);
    }

    /// An alert that nobody was to be told of concerns people from here on: its ladder begins at its foot.
    pub(crate) fn begin_anew(&mut self, catalogue: &Catalogue, alert: &Alert, by: (Seq, Timestamp)) {
        self.restart(alert, by);
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
        let attended = self.acknowledged(alert).is_some();
        let Some(track) = self.tracks.get_mut(&alert.id) else { return };
        track.attended = attended;
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

    /// The next step must not wait for its time, unless one was taken, or the ladder began anew, since the message that
    /// reached nobody.
    pub(super) fn hurry(&mut self, scene: &mut Scene<'_>, alert: &Alert, failed: &DeliveryFailed) {
        let is_last = self.tracks.get(&alert.id).is_some_and(|track| {
            // Before the first step every message since the beginning is one with which the alert itself went out.
            let is_of_it = if track.done == 0 { failed.of >= track.last } else { failed.of == track.last };
            is_of_it && failed.step == track.done
        });
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
            (track.done, track.last) = (number, scene.entry.seq);
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
        let theirs = || Some(Recipient::Account(assigned().or_else(acknowledged)?));
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
        // What came due since the last tick has not been taken, and is not past.
        let looked_at = self.ticked_at.unwrap_or(now);
        let before = std::mem::replace(&mut self.plan, plan.clone());
        let open: Vec<_> = scene.alerts.open().cloned().collect();
        for alert in &open {
            let Some(track) = self.tracks.get_mut(&alert.id) else { continue };
            let (ladder, old) =
                (plan.ladder(catalogue, alert, track.severity), before.ladder(catalogue, alert, track.severity));
            if ladder != old {
                let (since, taken) = (track.since, usize::from(track.done));
                let open = old.and_then(|old| old.steps.get(taken..)).unwrap_or_default();
                let is_past = |step: &&LadderStep| since + step.after <= looked_at && !open.contains(step);
                let past = ladder.map_or(0, |ladder| ladder.steps.iter().take_while(is_past).count());
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
