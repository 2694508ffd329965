//! What each order does to an alert.

use std::sync::Arc;

use super::super::CloseError;
use super::{Acknowledgement, Closed, Did, Handling, Outcome, Refusal, SHELVES_MAX, Scene, Shelf, Workflow, is_of};
use crate::model::{Alert, AlertCommand, CloseCause, Closing, Order, Timestamp};

/// People named as having acknowledged one alert; the deeds name more.
const ACKNOWLEDGED_MAX: usize = 100;

impl Workflow {
    /// Does what a word says, or tells why not.
    pub(super) fn obey(&mut self, scene: &mut Scene<'_>, command: &AlertCommand) -> Result<Outcome, Refusal> {
        let alert = scene.alerts.get(&command.alert).cloned().ok_or(Refusal::Gone)?;
        let version = self.version(&alert.id);
        let always_adds = matches!(command.order, Order::Acknowledge { .. } | Order::Comment { .. });
        if !always_adds && command.versions.as_ref().is_some_and(|versions| !versions.contains(&version)) {
            return Err(Refusal::Stale);
        }
        let did = match &command.order {
            Order::Acknowledge { note } => {
                let is_known = self.acknowledges_again(&alert, &command.author);
                if is_known && note.is_empty() {
                    return Ok(Outcome::Already(version));
                }
                if !is_known {
                    self.acknowledge(scene, &alert, &command.author);
                }
                Did::Acknowledged { note: note.clone() }
            }
            Order::Unacknowledge { note } => {
                self.unacknowledge(scene, &alert, &command.author)?;
                Did::Unacknowledged { note: note.clone() }
            }
            Order::Assign { to, note } => {
                open(&alert)?;
                self.handlings.entry(alert.id.clone()).or_default().assigned_to = to.clone();
                Did::Assigned { to: to.clone(), note: note.clone() }
            }
            Order::Comment { text } => Did::Commented { text: text.clone() },
            Order::Shelve { until, reason } => {
                open(&alert)?;
                self.shelve(scene, &alert, &command.author, (*until, reason))?;
                Did::Shelved { until: *until, reason: reason.clone() }
            }
            Order::Unshelve { note } => return self.unshelve(scene, &alert, command, note).map(Outcome::Done),
            Order::Close { cause, note } => {
                self.close(scene, &alert, &command.author, (*cause, note))?;
                Did::Closed { cause: *cause, note: note.clone() }
            }
        };
        let version = self.note(scene, &alert, command, did);
        // It may be over by now.
        if let Some(alert) = scene.alerts.get(&alert.id).cloned() {
            self.refresh(scene, &alert);
        }
        Ok(Outcome::Done(version))
    }

    fn note(&mut self, scene: &mut Scene<'_>, alert: &Alert, command: &AlertCommand, did: Did) -> u64 {
        let mut deed = scene.deed(alert, Some(&command.author), did);
        deed.said_at = command.said_at;
        let handling = self.handlings.entry(alert.id.clone()).or_default();
        handling.version += 1;
        handling.note(deed);
        scene.changed.push(alert.id.clone());
        handling.version
    }

    fn acknowledges_again(&self, alert: &Alert, author: &str) -> bool {
        let stands = |handling: &Handling| {
            let mut all = handling.acknowledged.iter();
            all.any(|known| known.by == author && known.severity >= alert.severity)
        };
        self.handlings.get(&alert.id).is_some_and(stands)
    }

    fn acknowledge(&mut self, scene: &Scene<'_>, alert: &Alert, author: &str) {
        let at = scene.entry.received_at;
        if self.acknowledged(alert).is_none() {
            self.begin_reminding(alert, at);
        }
        let known = &mut self.handlings.entry(alert.id.clone()).or_default().acknowledged;
        known.retain(|known| known.by != author);
        known.push(Acknowledgement { by: author.to_owned(), at, severity: alert.severity });
        if known.len() > ACKNOWLEDGED_MAX {
            known.remove(0);
        }
    }

    /// Takes the author's own back. Others go on looking after it; when nobody does, the ladder begins anew.
    fn unacknowledge(&mut self, scene: &Scene<'_>, alert: &Alert, author: &str) -> Result<(), Refusal> {
        open(alert)?;
        let stood = self.acknowledged(alert).is_some();
        let known = self.handlings.get_mut(&alert.id).map(|handling| &mut handling.acknowledged);
        let known = known.filter(|known| known.iter().any(|one| one.by == author)).ok_or(Refusal::NotAcknowledged)?;
        known.retain(|one| one.by != author);
        if stood && self.acknowledged(alert).is_none() {
            self.restart(alert, (scene.entry.seq, scene.entry.received_at));
        }
        Ok(())
    }

    fn shelve(
        &mut self,
        scene: &Scene<'_>,
        alert: &Alert,
        author: &str,
        (until, reason): (Timestamp, &str),
    ) -> Result<(), Refusal> {
        let is_another = |shelf: &Shelf| !is_of(shelf, alert);
        if self.shelves.len() >= SHELVES_MAX && self.shelves.iter().all(is_another) {
            return Err(Refusal::TooManyShelved);
        }
        self.shelves.retain(is_another);
        self.shelves.push(Shelf {
            rule: alert.rule.clone(),
            subject: alert.subject.clone(),
            severity: alert.severity,
            until,
            reason: reason.to_owned(),
            by: author.to_owned(),
            at: scene.entry.received_at,
            alert: alert.id.clone(),
        });
        Ok(())
    }

    fn unshelve(
        &mut self,
        scene: &mut Scene<'_>,
        alert: &Arc<Alert>,
        command: &AlertCommand,
        note: &str,
    ) -> Result<u64, Refusal> {
        let place = self.shelves.iter().position(|shelf| is_of(shelf, alert)).ok_or(Refusal::NotShelved)?;
        let shelf = self.shelves.remove(place);
        let did = Did::Unshelved { note: note.to_owned() };
        self.bring_back(scene, &shelf, did.clone(), Some(command));
        if alert.state.is_open() {
            return Ok(self.version(&alert.id));
        }
        // This alert is over; its rule is off the shelf for what is open and for what comes.
        Ok(self.note(scene, alert, command, did))
    }

    fn close(
        &mut self,
        scene: &mut Scene<'_>,
        alert: &Alert,
        author: &str,
        (cause, note): (CloseCause, &str),
    ) -> Result<(), Refusal> {
        open(alert)?;
        let at = scene.entry.received_at;
        let closing = Closing { author: author.to_owned(), reason: cause.word().to_owned() };
        match scene.alerts.close(&alert.id, at, closing) {
            Ok(transition) => scene.transitions.push(transition),
            Err(CloseError::Holds) if cause.is_of_no_matter() => {}
            Err(CloseError::Holds) => return Err(Refusal::Holds),
            Err(CloseError::Closed | CloseError::Unknown) => return Err(Refusal::Over),
        }
        let (by, note, severity) = (author.to_owned(), note.to_owned(), alert.severity);
        let handling = self.handlings.entry(alert.id.clone()).or_default();
        handling.closed = Some(Closed { by, at, cause, note, severity });
        Ok(())
    }
}

fn open(alert: &Alert) -> Result<(), Refusal> {
    if alert.state.is_open() { Ok(()) } else { Err(Refusal::Over) }
}
