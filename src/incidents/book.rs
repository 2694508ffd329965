//! Every incident with the orders in which it is asked for, and what is made anew from them after a restore.
//!
//! Invariants: an incident is in `by_change` under its `changed_at`, and in `over` from when it is closed or merged
//! until it is opened again. A member is among the near as long as it is open, and for its group's span after.

use std::collections::BTreeSet;
use std::time::Duration;

use super::incident::{Happened, Incident, IncidentState, MEMBERS_MAX, Member};
use super::near::Near;
use super::plume::{Plumes, Vanes};
use super::{Incidents, Told};
use crate::model::{AlertId, Catalogue, IncidentId, Severity, Timestamp};

/// What to ask for; the default asks for everything but merged ones.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Any of these states; empty: open and closed.
    pub states: Vec<IncidentState>,
    /// Changed at or after this instant.
    pub since: Option<Timestamp>,
    /// After this one in the order of the answer.
    pub after: Option<(Timestamp, IncidentId)>,
}

impl Filter {
    /// Whether it takes one of a list of other incidents: as of a past moment.
    pub fn takes_page(&self, incident: &Incident) -> bool {
        let place = (incident.changed_at, &incident.id);
        self.takes(incident)
            && self.since.is_none_or(|since| incident.changed_at >= since)
            && self.after.as_ref().is_none_or(|(changed_at, id)| place < (*changed_at, id))
    }

    fn takes(&self, incident: &Incident) -> bool {
        let state = incident.state();
        self.states.contains(&state) || self.states.is_empty() && state != IncidentState::Merged
    }
}

impl Incidents {
    /// Incidents that a filter takes, the newest change first.
    pub fn all(&self, mut filter: Filter) -> impl Iterator<Item = &Incident> {
        let keys: Box<dyn Iterator<Item = &(Timestamp, IncidentId)>> = match filter.after.take() {
            Some(after) => Box::new(self.by_change.range(..after).rev()),
            None => Box::new(self.by_change.iter().rev()),
        };
        let since = filter.since;
        let newer = keys.take_while(move |(changed_at, _)| since.is_none_or(|since| *changed_at >= since));
        newer.filter_map(|(_, id)| self.incidents.get(id)).filter(move |incident| filter.takes(incident))
    }

    /// How many are open and how many are not.
    pub fn count(&self) -> (usize, usize) {
        (self.incidents.len() - self.over.len(), self.over.len())
    }

    /// Changes an incident at `at` and keeps the orders right.
    pub(super) fn touch<R>(
        &mut self,
        id: &IncidentId,
        at: Timestamp,
        told: &mut Told,
        change: impl FnOnce(&mut Incident) -> R,
    ) -> Option<R> {
        let incident = self.incidents.get_mut(id)?;
        self.by_change.remove(&(incident.changed_at, id.clone()));
        let before = incident.standing();
        let result = change(incident);
        incident.changed_at = incident.changed_at.max(at);
        incident.settle(before, at);
        let is_over = incident.state() != IncidentState::Open;
        match (is_over, incident.over_at) {
            (true, None) => {
                incident.over_at = Some(self.clock);
                self.over.insert((self.clock, id.clone()));
            }
            (false, Some(over_at)) => {
                incident.over_at = None;
                self.over.remove(&(over_at, id.clone()));
            }
            _ => {}
        }
        self.by_change.insert((incident.changed_at, id.clone()));
        told.changed.insert(id.clone());
        Some(result)
    }

    /// Puts a new incident in; it counts as open.
    pub(super) fn open(&mut self, incident: Incident) {
        self.by_change.insert((incident.changed_at, incident.id.clone()));
        self.incidents.insert(incident.id.clone(), incident);
    }

    /// An identifier that nothing has.
    pub(super) fn free_id(&self, base: &str) -> IncidentId {
        let mut id = IncidentId(base.into());
        let mut again = 1u32;
        while self.incidents.contains_key(&id) {
            again += 1;
            id = IncidentId(format!("{base}~{again}").into());
        }
        id
    }

    /// Whether a member can still be linked to.
    pub(super) fn is_near(&self, span: Duration, member: &Member) -> bool {
        member.is_open() || member.over_at.is_some_and(|over_at| over_at + span >= self.clock)
    }

    pub(super) fn place(&mut self, group: &str, incident: &IncidentId, member: &Member) {
        let Some(group) = self.plan.group(group) else { return };
        if let Some(near) = self.near.get_mut(&group.name) {
            near.add(incident, member);
        }
        if let Some((plume, plumes)) = group.plume.as_ref().zip(self.plumes.get_mut(&group.name)) {
            plumes.add(plume, incident, member);
        }
    }

    pub(super) fn displace(&mut self, group: &str, incident: &IncidentId, member: &Member) {
        let Some(group) = self.plan.group(group) else { return };
        if let Some(near) = self.near.get_mut(&group.name) {
            near.take(incident, member);
        }
        if let Some((plume, plumes)) = group.plume.as_ref().zip(self.plumes.get_mut(&group.name)) {
            plumes.take(plume, incident, member);
        }
    }

    /// A member that is over is near nobody any more.
    pub(super) fn unplace(&mut self, alert: &AlertId) {
        let Some(id) = self.of_alert.get(alert).cloned() else { return };
        let Some(incident) = self.incidents.get(&id) else { return };
        let Some(member) = incident.members.get(alert).cloned() else { return };
        let group = incident.group.clone();
        self.displace(&group, &id, &member);
    }

    /// Drops the oldest members that are over, when there are too many of them: a tenth at a time.
    pub(super) fn thin_out(&mut self, id: &IncidentId) {
        let Some(incident) = self.incidents.get(id) else { return };
        let over_count = incident.members.len() - incident.open_count() as usize;
        if over_count <= MEMBERS_MAX {
            return;
        }
        let mut over: Vec<_> =
            incident.members.iter().filter_map(|(alert, member)| Some((member.over_at?, alert.clone()))).collect();
        over.sort();
        over.truncate(over_count - MEMBERS_MAX + MEMBERS_MAX / 10);
        for (_, alert) in over {
            self.drop_member(id, &alert);
            if let Some(incident) = self.incidents.get_mut(id) {
                incident.dropped += 1;
            }
        }
    }

    /// Takes a member that is over out of everything.
    fn drop_member(&mut self, id: &IncidentId, alert: &AlertId) {
        let Some(incident) = self.incidents.get(id) else { return };
        let Some(member) = incident.members.get(alert).cloned() else { return };
        let group = incident.group.clone();
        let span = self.plan.group(&group).map(|group| group.span);
        if let Some((span, over_at)) = span.zip(member.over_at)
            && self.leaving.remove(&(over_at + span, alert.clone()))
        {
            self.displace(&group, id, &member);
        }
        self.of_alert.remove(alert);
        if let Some(incident) = self.incidents.get_mut(id) {
            incident.members.remove(alert);
        }
    }

    /// Drops incidents that have been over for too long, and the oldest of too many.
    pub(super) fn forget(&mut self) {
        let horizon = self.clock - self.retention.keep_closed;
        let keep = self.retention.keep_count;
        while let Some((over_at, _)) = self.over.first()
            && (*over_at < horizon || self.over.len() > keep || self.of_alert.len() + self.children_count > keep)
            && let Some((_, id)) = self.over.pop_first()
        {
            let alerts: Vec<AlertId> =
                self.incidents.get(&id).map(|incident| incident.members.keys().cloned().collect()).unwrap_or_default();
            for alert in alerts {
                self.drop_member(&id, &alert);
            }
            if let Some(incident) = self.incidents.remove(&id) {
                self.by_change.remove(&(incident.changed_at, id));
                self.children_count -= incident.children.len();
                self.forgotten += 1;
            }
        }
    }

    /// Makes anew everything that follows from incidents, plan and catalogue.
    pub(super) fn index(&mut self, catalogue: &Catalogue) {
        self.vanes = Vanes::new(catalogue);
        let all = || self.incidents.values();
        self.by_change = all().map(|incident| (incident.changed_at, incident.id.clone())).collect();
        self.over = all().filter_map(|incident| Some((incident.over_at?, incident.id.clone()))).collect();
        let named = || self.plan.groups.iter().map(|group| (group.name.clone(), group));
        self.near = named().map(|(name, group)| (name, Near::new(group))).collect();
        self.plumes =
            named().filter(|(_, group)| group.plume.is_some()).map(|(name, _)| (name, Plumes::default())).collect();
        self.children_count = all().map(|incident| incident.children.len()).sum();
        (self.leaving, self.of_alert, self.masked) = Default::default();
        let (mut members, mut waiting) = (Vec::new(), Vec::new());
        for incident in self.incidents.values() {
            for (alert, member) in &incident.members {
                members.push((incident.id.clone(), incident.group.clone(), alert.clone(), member.clone()));
            }
            if incident.outcut.as_ref().is_some_and(|outcut| !outcut.is_over) {
                let missed = incident.children.iter().filter(|(_, child)| child.returned_at.is_none());
                waiting.extend(missed.map(|(station, _)| (*station, incident.id.clone())));
            }
        }
        self.ears.wait_for(waiting);
        for (id, group, alert, member) in members {
            if member.is_open() && member.masked_by.is_some() {
                self.masked.insert(alert.clone());
            }
            if let Some(span) = self.plan.group(&group).map(|group| group.span)
                && self.is_near(span, &member)
            {
                self.place(&group, &id, &member);
                self.leaving.extend(member.over_at.map(|over_at| (over_at + span, alert.clone())));
            }
            self.of_alert.insert(alert, id);
        }
    }

    /// Rebuilds what a snapshot leaves out, and checks that its parts fit each other.
    pub(crate) fn link(&mut self, catalogue: &Catalogue) -> Result<(), &'static str> {
        let mut seen = BTreeSet::new();
        for incident in self.incidents.values() {
            if !incident.members.keys().all(|alert| seen.insert(alert)) {
                return Err("an alert is in two incidents");
            }
            let mut counted = [0; Severity::ALL.len()];
            for member in incident.members.values().filter(|member| member.is_open()) {
                counted[member.attention() as usize] += 1;
            }
            if counted != incident.open {
                return Err("an incident miscounts its members");
            }
        }
        self.index(catalogue);
        Ok(())
    }

    /// What is noted when a known heat source no longer explains an open alert.
    pub(super) fn unmask(&mut self, alert: &AlertId, at: Timestamp, told: &mut Told) {
        self.masked.remove(alert);
        let Some(id) = self.of_alert.get(alert).cloned() else { return };
        self.touch(&id, at, told, |incident| {
            let Some(mut member) = incident.members.remove(alert) else { return };
            incident.count_out(&member);
            member.masked_by = None;
            incident.count_in(&member);
            incident.members.insert(alert.clone(), member);
            incident.note(at, Happened::Unmasked(alert.clone()));
        });
        told.unmasked.push(alert.clone());
    }
}
