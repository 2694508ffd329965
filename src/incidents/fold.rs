//! How incidents grow: an alert is taken in, followed, and what it bridges becomes one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::incident::{self, Happened, Incident, IncidentState, Member};
use super::masks::Heat;
use super::plan::{GATEWAY, Group};
use super::{Incidents, Told, World, plume};
use crate::model::{
    Alert, AlertId, AlertState, Catalogue, IncidentId, LocalName, Position, Property, StationNo, Subject, Timestamp,
};

/// What alerts about the absence of data are called in a group's causes.
const SILENCE: &str = "no_data";

impl Incidents {
    /// A new alert: into the incidents that it is linked to, which become one, or into one of its own.
    pub(super) fn take_in(&mut self, world: &World<'_>, now: Timestamp, alert: &Arc<Alert>, told: &mut Told) {
        if !alert.state.is_open() || self.of_alert.contains_key(&alert.id) {
            return;
        }
        let property = property_of(world.catalogue, alert);
        let position = position_of(world.catalogue, alert);
        let mut member = incident::member_of(alert, property, position);
        if member.of_silence
            && let Some(id) = member.station.and_then(|station| self.ears.waits_at(station))
        {
            return self.join(&id, alert, member, told);
        }
        let kind = member.station.and_then(|no| world.catalogue.station(no)).map(|station| station.kind);
        let group = self.plan.group_of(kind, word_of(&member, alert)).cloned();
        let Some(group) = group else { return };
        if group.masked {
            member.masked_by = self.mask(&member, alert);
        }
        let linked = self.linked(world, now, &group, &member, told);
        let survivor = linked.iter().filter_map(|id| self.incidents.get(id)).min_by_key(|i| (i.opened_at, &i.id));
        let id = match survivor.map(|survivor| survivor.id.clone()) {
            Some(id) => id,
            None => {
                let id = self.free_id(&format!("{}~{}", group.name, alert.id));
                self.open(Incident::new(id.clone(), group.name.clone(), group.title.clone(), alert.started_at));
                id
            }
        };
        for other in linked.into_iter().filter(|other| *other != id) {
            self.merge(&id, &other, alert.changed_at, told);
        }
        self.place(&group.name, &id, &member);
        if member.masked_by.is_some() {
            self.masked.insert(alert.id.clone());
        }
        self.join(&id, alert, member, told);
    }

    fn join(&mut self, id: &IncidentId, alert: &Alert, member: Member, told: &mut Told) {
        self.of_alert.insert(alert.id.clone(), id.clone());
        self.touch(id, alert.changed_at, told, |incident| {
            incident.note(alert.changed_at, Happened::Joined(alert.id.clone()));
            incident.count_in(&member);
            incident.members.insert(alert.id.clone(), member);
        });
    }

    /// Everything that a new member is linked to.
    fn linked(
        &self,
        world: &World<'_>,
        now: Timestamp,
        group: &Group,
        member: &Member,
        told: &mut Told,
    ) -> BTreeSet<IncidentId> {
        let Some(near) = self.near.get(&group.name) else { return BTreeSet::new() };
        let mut linked = near.around(member.position, member.area.as_ref(), &mut told.asked);
        let Some((plume, position)) = group.plume.as_ref().zip(member.position) else { return linked };
        let Some(part) = plume::part_of(plume, member.property.as_ref()) else { return linked };
        let Some(plumes) = self.plumes.get(&group.name) else { return linked };
        // The wind is asked once a source; for a new source that is once.
        let mut winds: BTreeMap<[u64; 2], Option<f64>> = BTreeMap::new();
        let asked = &mut told.asked;
        let mut carried = |source: Position, smoke: Position| {
            *asked += 1;
            let key = [source.lon.to_bits(), source.lat.to_bits()];
            let wind = winds.entry(key).or_insert_with(|| self.vanes.towards(plume, source, now, world));
            wind.is_some_and(|towards| plume::carries(plume, source, smoke, towards))
        };
        let is_one = |other: Position| match part {
            plume::Part::Smoke => carried(other, position),
            plume::Part::Source => carried(position, other),
        };
        let more = plumes.across((part, plume.reach_m), position, |id| linked.contains(id), is_one);
        linked.extend(more);
        linked
    }

    /// One incident takes the members of another, which is merged then.
    pub(super) fn merge(&mut self, into: &IncidentId, from: &IncidentId, at: Timestamp, told: &mut Told) {
        let Some(other) = self.incidents.get(from) else { return };
        let group = other.group.clone();
        let span = self.plan.group(&group).map(|group| group.span);
        let members = other.members.clone();
        for (alert, member) in &members {
            if span.is_some_and(|span| self.is_near(span, member)) {
                self.displace(&group, from, member);
                self.place(&group, into, member);
            }
            self.of_alert.insert(alert.clone(), into.clone());
        }
        let moved = self.touch(from, at, told, |incident| {
            incident.members.clear();
            let open = std::mem::take(&mut incident.open);
            incident.merged_into = Some(into.clone());
            let at = incident.note(at, Happened::Merged(into.clone()));
            incident.closed_at.get_or_insert(at);
            (open, std::mem::take(&mut incident.dropped))
        });
        let Some((open, dropped)) = moved else { return };
        self.touch(into, at, told, |incident| {
            incident.note(at, Happened::Took(from.clone()));
            incident.members.extend(members);
            incident.open.iter_mut().zip(open).for_each(|(count, more)| *count += more);
            incident.dropped += dropped;
        });
        self.thin_out(into);
    }

    /// An alert that is known has changed.
    pub(super) fn follow(&mut self, alert: &Arc<Alert>, told: &mut Told) {
        let Some(id) = self.of_alert.get(&alert.id).cloned() else { return };
        if self.masked.contains(&alert.id) {
            let mask = self.member(&alert.id).and_then(|member| self.mask(member, alert));
            if !alert.state.is_open() {
                self.masked.remove(&alert.id);
            } else if mask.is_none() {
                self.unmask(&alert.id, alert.changed_at, told);
            }
        }
        let clock = self.clock;
        let followed = self.touch(&id, alert.changed_at, told, |incident| {
            let mut member = incident.members.remove(&alert.id)?;
            incident.count_out(&member);
            let was_open = member.is_open();
            (member.state, member.severity) = (alert.state, alert.severity);
            if was_open && !member.is_open() {
                member.over_at = Some(clock);
            }
            incident.count_in(&member);
            incident.members.insert(alert.id.clone(), member);
            (was_open && alert.state == AlertState::Cleared).then(|| incident.group.clone())
        });
        let Some(group) = followed.flatten() else { return };
        if let Some(span) = self.plan.group(&group).map(|group| group.span) {
            self.leaving.insert((clock + span, alert.id.clone()));
        }
        self.thin_out(&id);
    }

    /// The heat source that explains a member as the alert stands.
    fn mask(&self, member: &Member, alert: &Alert) -> Option<Arc<LocalName>> {
        let (position, property) = member.position.zip(member.property.as_ref())?;
        let heat = Heat { position, property, severity: alert.severity, at: alert.changed_at };
        let source = self.plan.heat_sources.iter().find(|source| source.explains(heat))?;
        Some(Arc::new(source.name.clone()))
    }

    /// Time passes for known heat sources, too: what a kiln explained at noon it may not explain at midnight.
    pub(super) fn look_through_masks(&mut self, now: Timestamp, told: &mut Told) {
        let over = |alert: &&AlertId| {
            let Some(member) = self.member(alert) else { return true };
            let Some((position, property)) = member.position.zip(member.property.as_ref()) else { return true };
            let heat = Heat { position, property, severity: member.severity, at: now };
            !self.plan.heat_sources.iter().any(|source| source.explains(heat))
        };
        let over: Vec<AlertId> = self.masked.iter().filter(over).cloned().collect();
        for alert in over {
            self.unmask(&alert, now, told);
        }
    }

    /// Open alerts about the absence of data at stations that a gateway's incident has now: they are part of it.
    pub(super) fn gather_silent(&mut self, into: &IncidentId, stations: &BTreeSet<StationNo>, told: &mut Told) {
        let is_theirs = |member: &Member| {
            member.of_silence && member.is_open() && member.station.is_some_and(|station| stations.contains(&station))
        };
        let mut moving = Vec::new();
        for incident in self.incidents.values().filter(|incident| incident.group != GATEWAY) {
            let theirs = incident.members.iter().filter(|(_, member)| is_theirs(member));
            moving.extend(theirs.map(|(alert, member)| (incident.id.clone(), alert.clone(), member.clone())));
        }
        let at = self.incidents.get(into).map_or(self.seen_at, |incident| incident.changed_at);
        for (from, alert, member) in moving {
            let group = self.incidents.get(&from).map(|incident| incident.group.clone()).unwrap_or_default();
            self.displace(&group, &from, &member);
            self.touch(&from, at, told, |incident| {
                incident.count_out(&member);
                incident.members.remove(&alert);
                if incident.members.is_empty() && incident.state() != IncidentState::Merged {
                    incident.merged_into = Some(into.clone());
                    let at = incident.note(at, Happened::Merged(into.clone()));
                    incident.closed_at = Some(at);
                }
            });
            self.of_alert.insert(alert.clone(), into.clone());
            self.touch(into, at, told, |incident| {
                incident.note(at, Happened::Joined(alert.clone()));
                incident.count_in(&member);
                incident.members.insert(alert, member);
            });
        }
    }
}

/// What an alert goes by: silence by that alone, so that a rain gauge that is not heard is no rain.
fn word_of<'a>(member: &Member, alert: &'a Alert) -> &'a str {
    if member.of_silence { SILENCE } else { &alert.cause }
}

/// What is observed.
fn property_of(catalogue: &Catalogue, alert: &Alert) -> Option<Property> {
    match &alert.subject {
        Subject::Channel { channel, .. } => catalogue.channel(*channel).map(|channel| channel.property.clone()),
        Subject::Area { property, .. } => Some(property.clone()),
    }
}

/// Where an alert is: at its station, or in the middle of its area's stations, since an area has no place here.
fn position_of(catalogue: &Catalogue, alert: &Alert) -> Option<Position> {
    match &alert.subject {
        Subject::Channel { station, .. } => catalogue.station(*station).map(|station| station.position),
        Subject::Area { area, .. } => catalogue.middle_of(area),
    }
}
