//! Incidents as the state applies entries: after the alerts, by the same entry.

use super::{Effects, State};
use crate::alerts;
use crate::incidents::{self, Newest, Told, World};
use crate::live::Change;
use crate::model::{AlertId, Body, ChannelId, Entry, Transition};

/// Closed incidents are kept as long, and hold as many alerts, as closed alerts are.
pub(super) fn retention_of_incidents(retention: alerts::Retention) -> incidents::Retention {
    let alerts::Retention { keep_closed, keep_closed_count } = retention;
    incidents::Retention { keep_closed, keep_count: keep_closed_count }
}

impl State {
    /// Takes the configured retention: a snapshot has that of its time.
    pub(super) fn set_retention(&mut self, retention: alerts::Retention) {
        self.alerts.set_retention(retention);
        self.incidents.set_retention(retention_of_incidents(retention));
    }

    /// What an entry brings about for incidents, when the rest of the state has taken it.
    pub(super) fn apply_to_incidents(&mut self, entry: &Entry, transitions: &[Transition], told: &mut Told) {
        let State { incidents, catalogue, live, alerts, .. } = self;
        let newest = |channel: ChannelId| {
            let latest = live.latest(channel)?;
            Some(Newest { value: latest.value, observed_at: latest.observed_at, quality: latest.quality })
        };
        let world = World { catalogue, listening: live.listening(), newest: &newest };
        let now = entry.received_at;
        incidents.observe(&world, now, transitions, told);
        match &entry.body {
            Body::Tick => incidents.tick(&world, now, told),
            Body::Outage(outage) => incidents.note_outage(&world, now, outage, told),
            Body::Devices(report) => incidents.note_devices(&world, now, report, told),
            Body::Grouping(files) => {
                if let Err(mistakes) = incidents.adopt_plan(files, &world, now, alerts.open(), told) {
                    tracing::warn!(
                        journal.seq = entry.seq.0,
                        mistakes = mistakes.len(),
                        first = mistakes.first().map(ToString::to_string),
                        "The journaled plan of incidents is not valid; the plan before it stays in force."
                    );
                }
            }
            _ => {}
        }
    }

    /// Notes of whom nobody is to be told, of the transitions and escalations of an entry from `first` on, and what is
    /// everybody's business from here on: whoever is to look after it gets the time for it anew.
    pub(super) fn follow_masks(&mut self, entry: &Entry, effects: &mut Effects, first: (usize, usize), told: Told) {
        effects.changes.extend(told.changed.into_iter().map(|id| (entry.seq, Change::Incident(id))));
        let changed = effects.transitions[first.0..].iter().map(|transition| &transition.alert.id);
        let taken = effects.escalations[first.1..].iter().map(|escalation| &escalation.alert.id);
        let masked = changed.chain(taken).filter(|id| self.incidents.mask_of(id).is_some());
        effects.masked.extend(masked.map(|id: &AlertId| (entry.seq, id.clone())));
        for id in told.unmasked {
            let Some(alert) = self.alerts.get(&id).cloned().filter(|alert| alert.state.is_open()) else { continue };
            self.workflow.begin_anew(&self.catalogue, &alert, (entry.seq, entry.received_at));
            effects.unmasked.push((entry.seq, alert));
        }
    }
}

#[cfg(test)]
mod tests;
