//! Gateways, brokers and sources that are dead: one incident, and the stations behind them are its children, whose
//! state is unknown until they are heard again.
//!
//! It is known in three ways:
//! - the link to a source's broker is down ([`Outage`] of the source): its children are the stations that were last
//!   heard by the source and were not silent before; over when the link stands again;
//! - an edge node's death certificate names several stations at once ([`DeviceReport`]);
//! - nothing at all has come of a source for the plan's `after`, while so many of the stations that were alive at its
//!   last word have fallen silent that it is not they. More of them join as they fall silent.
//!
//! A station that fell silent while its source went on is nobody's child. While nobody could hear (Saola itself was
//! down, or its clock was set) no time passes here.
//!
//! Every message of a source says that it lives; a station's voice is what it observed in time. A source is what the
//! configuration calls one: gateways behind one source are not told apart, unless their death certificates name them.
//!
//! A child's first word ends its wait. The incident is over when every child has spoken, or the plan's patience after
//! the source was back: whoever is still silent then is so by itself, and is counted in the time-line.
//!
//! Cost: a word costs two stores. Stations are looked through once in ten seconds, and only those of mute sources.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::incident::{Child, Happened, Incident, Outcut};
use super::plan::{GATEWAY, Gateway};
use super::{Incidents, Told, World};
use crate::model::{
    Catalogue, Channel, Deaf, DeviceReport, Freshness, IncidentId, LocalName, Outage, Said, SourceId, Station,
    StationNo, Timestamp, fresh_for, freshness,
};

/// How often mute sources are looked at.
const LOOK_EVERY_MICROS: i64 = 10_000_000;
/// Stations that one death certificate must name: a device's own death is its own.
const DEATHS_LEAST: usize = 2;
/// Before every instant.
const NEVER: Timestamp = Timestamp::from_micros(i64::MIN);

/// What is known of one station's voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Voice {
    source: Option<SourceId>,
    heard_at: Timestamp,
}

/// Who spoke last by whom, and who is waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ears {
    /// By station.
    stations: Vec<Voice>,
    /// By source: its last word.
    sources: Vec<Timestamp>,
    /// Since when Saola has been listening without a break.
    listening_since: Timestamp,
    #[serde(skip)]
    waiting: BTreeMap<StationNo, IncidentId>,
}

impl Default for Ears {
    fn default() -> Self {
        Ears { stations: Vec::new(), sources: Vec::new(), listening_since: NEVER, waiting: BTreeMap::new() }
    }
}

impl Ears {
    /// Notes a word; whether its station was waited for.
    #[inline]
    pub(super) fn hear(&mut self, station: StationNo, source: SourceId, at: Timestamp) -> bool {
        if self.stations.len() <= station.index() {
            self.stations.resize(station.index() + 1, Voice { source: None, heard_at: NEVER });
        }
        self.stations[station.index()] = Voice { source: Some(source), heard_at: at };
        self.hear_source(source, at);
        !self.waiting.is_empty() && self.waiting.contains_key(&station)
    }

    /// Notes that something came of a source.
    #[inline]
    pub(super) fn hear_source(&mut self, source: SourceId, at: Timestamp) {
        if self.sources.len() <= source.index() {
            self.sources.resize(source.index() + 1, NEVER);
        }
        self.sources[source.index()] = at;
    }

    pub(super) fn waits_at(&self, station: StationNo) -> Option<IncidentId> {
        self.waiting.get(&station).cloned()
    }

    pub(super) fn wait_for(&mut self, waiting: Vec<(StationNo, IncidentId)>) {
        self.waiting = waiting.into_iter().collect();
    }

    fn voice(&self, station: StationNo) -> Option<Voice> {
        self.stations.get(station.index()).copied().filter(|voice| voice.source.is_some())
    }
}

/// Why stations are not heard.
struct Loss {
    source: SourceId,
    /// What is dead, for people.
    name: String,
    since: Timestamp,
    is_declared: bool,
}

impl Incidents {
    /// The link to a source broke or stands again, or Saola itself was down.
    pub(crate) fn note_outage(&mut self, world: &World<'_>, now: Timestamp, outage: &Outage, told: &mut Told) {
        self.advance(now);
        match (outage.of, outage.to) {
            (Deaf::Everything, Some(to)) => self.ears.listening_since = to,
            (Deaf::Everything, None) => {}
            (Deaf::Source(source), None) => {
                let behind = |station: &Station| {
                    let voice = self.ears.voice(station.no).filter(|voice| voice.source == Some(source));
                    voice.is_some_and(|voice| was_alive(world, station, voice, outage.from))
                };
                let children = self.free_stations(world, behind);
                let name = world.catalogue.source(source).to_owned();
                let loss = Loss { source, name, since: outage.from, is_declared: true };
                self.lose(world, loss, children, now, told);
            }
            (Deaf::Source(source), Some(to)) => {
                for id in self.deaf(|outcut| outcut.source == source) {
                    self.back(&id, to, told);
                }
                if let Some(heard_at) = self.ears.sources.get_mut(source.index()).filter(|at| **at != NEVER) {
                    *heard_at = (*heard_at).max(to);
                }
            }
        }
    }

    /// Devices said of themselves that they are dead.
    pub(crate) fn note_devices(&mut self, world: &World<'_>, now: Timestamp, report: &DeviceReport, told: &mut Told) {
        let dead = || report.facts.iter().filter(|fact| fact.said == Said::Silent);
        let named: BTreeSet<StationNo> = dead().filter_map(|fact| fact.station).collect();
        if named.len() < DEATHS_LEAST {
            return;
        }
        self.advance(now);
        let children = self.free_stations(world, |station| {
            let voice = self.ears.voice(station.no).filter(|_| named.contains(&station.no));
            voice.is_some_and(|voice| was_alive(world, station, voice, now))
        });
        if children.len() >= DEATHS_LEAST {
            let node = dead().next().map(|fact| fact.device.as_str()).unwrap_or_default();
            let name = format!("{} ({node})", world.catalogue.source(report.source));
            let loss = Loss { source: report.source, name, since: now, is_declared: false };
            self.lose(world, loss, children, now, told);
        }
    }

    /// What the passing of time brings about.
    pub(super) fn watch_gateways(&mut self, world: &World<'_>, before: Timestamp, now: Timestamp, told: &mut Told) {
        if world.listening.has_gap(before, now) {
            self.ears.listening_since = now;
        }
        if now.micros().div_euclid(LOOK_EVERY_MICROS) == before.micros().div_euclid(LOOK_EVERY_MICROS) {
            return;
        }
        self.let_go(world, now, told);
        let Some(plan) = self.plan.gateway.clone() else { return };
        self.lose_patience(&plan, now, told);
        let mute: Vec<(SourceId, Timestamp)> = (0..=u16::MAX)
            .map(SourceId)
            .zip(&self.ears.sources)
            .filter(|(_, heard_at)| **heard_at != NEVER)
            .filter(|(_, heard_at)| now.since((**heard_at).max(self.ears.listening_since)) >= plan.after)
            .map(|(source, heard_at)| (source, *heard_at))
            .collect();
        for (source, heard_at) in mute {
            self.look_at_mute(world, &plan, (source, heard_at), now, told);
        }
    }

    /// A source of which nothing has come: whether that is more than its stations' own silence.
    fn look_at_mute(
        &mut self,
        world: &World<'_>,
        plan: &Gateway,
        (source, heard_at): (SourceId, Timestamp),
        now: Timestamp,
        told: &mut Told,
    ) {
        if world.listening.open_outages().any(|(of, _)| of == Deaf::Source(source)) {
            return;
        }
        let of_source = |station: &&Station| {
            is_in_service(station)
                && self
                    .ears
                    .voice(station.no)
                    .is_some_and(|voice| voice.source == Some(source) && was_alive(world, station, voice, heard_at))
        };
        let had: Vec<&Station> = world.catalogue.stations().iter().filter(of_source).collect();
        let fell_silent =
            |station: &&&Station| self.ears.voice(station.no).is_some_and(|voice| is_lost(world, station, voice, now));
        let lost: BTreeSet<StationNo> = had.iter().filter(fell_silent).map(|station| station.no).collect();
        let is_gateway = lost.len() >= plan.least && lost.len() as f64 >= plan.share * had.len() as f64;
        let known = self.deaf(|outcut| outcut.source == source && outcut.back_at.is_none());
        if !is_gateway && known.is_empty() {
            return;
        }
        let children = self.free_stations(world, |station| lost.contains(&station.no));
        let name = world.catalogue.source(source).to_owned();
        let loss = Loss { source, name, since: heard_at, is_declared: false };
        match known.first() {
            Some(id) => self.add_children(&id.clone(), world, children, now, told),
            None => self.lose(world, loss, children, now, told),
        }
    }

    /// Stations in service that no other incident waits for.
    fn free_stations(&self, world: &World<'_>, is_one: impl Fn(&Station) -> bool) -> BTreeSet<StationNo> {
        let free = |station: &&Station| is_in_service(station) && !self.ears.waiting.contains_key(&station.no);
        world.catalogue.stations().iter().filter(free).filter(|s| is_one(s)).map(|station| station.no).collect()
    }

    fn lose(&mut self, world: &World<'_>, loss: Loss, children: BTreeSet<StationNo>, now: Timestamp, told: &mut Told) {
        let Some(plan) = self.plan.gateway.clone().filter(|_| !children.is_empty()) else { return };
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let word = match world.catalogue.source(loss.source) {
            name if name.chars().all(safe) => name.to_owned(),
            _ => format!("~{}", loss.source),
        };
        let LocalName { vi, en } = &plan.title;
        let title = LocalName { vi: format!("{vi}: {}", loss.name), en: format!("{en}: {}", loss.name) };
        if let Some(id) = self.recent(&loss, &title, &plan) {
            self.touch(&id, now, told, |incident| {
                if let Some(outcut) = &mut incident.outcut {
                    (outcut.is_over, outcut.back_at) = (false, None);
                }
            });
            return self.add_children(&id, world, children, now, told);
        }
        let id = self.free_id(&format!("{GATEWAY}~{word}~{}", loss.since.micros()));
        let mut incident = Incident::new(id.clone(), GATEWAY.to_owned(), title, loss.since);
        let (source, severity) = (loss.source, plan.severity);
        let is_declared = loss.is_declared;
        incident.outcut = Some(Outcut { source, is_declared, back_at: None, severity, is_over: false });
        incident.severity = severity;
        self.open(incident);
        self.add_children(&id, world, children, now, told);
    }

    fn add_children(
        &mut self,
        id: &IncidentId,
        world: &World<'_>,
        children: BTreeSet<StationNo>,
        now: Timestamp,
        told: &mut Told,
    ) {
        if children.is_empty() {
            return;
        }
        let child = |no: &StationNo| {
            let area = world.catalogue.station(*no).and_then(|station| station.area.clone());
            let heard_at = self.ears.voice(*no).map_or(now, |voice| voice.heard_at);
            (*no, Child { area, heard_at, returned_at: None })
        };
        let rows: Vec<_> = children.iter().map(child).collect();
        self.ears.waiting.extend(children.iter().map(|no| (*no, id.clone())));
        let more = self.touch(id, now, told, |incident| {
            incident.note(now, Happened::Deaf(u32::try_from(rows.len()).unwrap_or(u32::MAX)));
            let before = incident.children.len();
            incident.children.extend(rows);
            incident.children.len() - before
        });
        self.children_count += more.unwrap_or(0);
        self.gather_silent(id, &children, told);
    }

    /// A station that was waited for has spoken.
    pub(super) fn returned(&mut self, station: StationNo, source: SourceId, at: Timestamp, told: &mut Told) {
        let Some(id) = self.ears.waiting.remove(&station) else { return };
        self.advance(at);
        let speaks = self
            .incidents
            .get(&id)
            .and_then(|incident| incident.outcut.as_ref())
            .is_some_and(|outcut| outcut.source == source && !outcut.is_declared && outcut.back_at.is_none());
        self.touch(&id, at, told, |incident| {
            if let Some(child) = incident.children.get_mut(&station) {
                child.returned_at = Some(at);
            }
            let is_whole = incident.unknown_children() == 0;
            if let Some(outcut) = &mut incident.outcut {
                outcut.is_over |= is_whole;
            }
        });
        if speaks {
            self.back(&id, at, told);
        }
    }

    /// What stations speak through is back.
    fn back(&mut self, id: &IncidentId, at: Timestamp, told: &mut Told) {
        let clock = self.clock;
        self.touch(id, at, told, |incident| {
            if let Some(outcut) = incident.outcut.as_mut().filter(|outcut| outcut.back_at.is_none()) {
                outcut.back_at = Some(clock);
                incident.note(at, Happened::Back);
            }
        });
    }

    /// Closes what has been back for long enough; who is silent still is so by itself.
    fn lose_patience(&mut self, plan: &Gateway, now: Timestamp, told: &mut Told) {
        let clock = self.clock;
        let over = self.deaf(|outcut| outcut.back_at.is_some_and(|back_at| back_at + plan.patience <= clock));
        for id in over {
            self.ears.waiting.retain(|_, waits_in| *waits_in != id);
            self.touch(&id, now, told, |incident| {
                let left = u32::try_from(incident.unknown_children()).unwrap_or(u32::MAX);
                if left > 0 {
                    incident.note(now, Happened::LeftBehind(left));
                }
                if let Some(outcut) = &mut incident.outcut {
                    outcut.is_over = true;
                }
            });
        }
    }

    /// Stations that were retired or put under maintenance need not speak again.
    fn let_go(&mut self, world: &World<'_>, now: Timestamp, told: &mut Told) {
        let mut gone: BTreeMap<IncidentId, Vec<StationNo>> = BTreeMap::new();
        for (station, id) in &self.ears.waiting {
            if !world.catalogue.station(*station).is_some_and(is_in_service) {
                gone.entry(id.clone()).or_default().push(*station);
            }
        }
        for (id, stations) in gone {
            for station in &stations {
                self.ears.waiting.remove(station);
            }
            let dropped = self.touch(&id, now, told, |incident| {
                let before = incident.children.len();
                incident.children.retain(|station, _| !stations.contains(station));
                incident.note(now, Happened::LetGo(u32::try_from(stations.len()).unwrap_or(u32::MAX)));
                let is_whole = incident.unknown_children() == 0;
                if let Some(outcut) = &mut incident.outcut {
                    outcut.is_over |= is_whole;
                }
                before - incident.children.len()
            });
            self.children_count -= dropped.unwrap_or(0);
        }
    }

    /// The newest incident of the same that is over, when that is not longer ago than the plan's patience: a link that
    /// comes and goes is one incident.
    fn recent(&self, loss: &Loss, title: &LocalName, plan: &Gateway) -> Option<IncidentId> {
        let is_same = |incident: &Incident| {
            incident.outcut.as_ref().is_some_and(|outcut| {
                outcut.is_over && outcut.source == loss.source && outcut.is_declared == loss.is_declared
            }) && incident.title == *title
        };
        let recent = self.over.iter().rev().take_while(|(over_at, _)| *over_at + plan.patience >= self.clock);
        let mut found = recent.filter_map(|(_, id)| self.incidents.get(id));
        found.find(|incident| is_same(incident)).map(|incident| incident.id.clone())
    }

    /// Gateways' incidents that are not over.
    fn deaf(&self, is_one: impl Fn(&Outcut) -> bool) -> Vec<IncidentId> {
        let not_over = self.incidents.values().filter_map(|incident| Some((incident, incident.outcut.as_ref()?)));
        let found = not_over.filter(|(_, outcut)| !outcut.is_over && is_one(outcut));
        found.map(|(incident, _)| incident.id.clone()).collect()
    }
}

fn is_in_service(station: &Station) -> bool {
    !station.retired && !station.maintenance
}

/// The channel by which a station is judged: of those that it observes itself, the one that speaks most often. What is
/// computed of them, or read once a day, says nothing about who is silent.
fn pulse<'c>(catalogue: &'c Catalogue, station: &'c Station) -> Option<&'c Channel> {
    let channels = station.channels.iter().filter_map(|id| catalogue.channel(*id));
    let observed = channels.filter(|channel| !channel.retired && !catalogue.is_derived(channel.id));
    observed.min_by_key(|channel| (channel.interval, channel.id))
}

/// Whether a station was not silent yet at an instant.
fn was_alive(world: &World<'_>, station: &Station, voice: Voice, at: Timestamp) -> bool {
    pulse(world.catalogue, station).is_some_and(|channel| {
        freshness(channel, Some(voice.heard_at), at) != Freshness::Silent || world.listening.sleeps(channel.id, at)
    })
}

/// Whether a station has fallen silent as a whole, asleep or not listened to not counted.
fn is_lost(world: &World<'_>, station: &Station, voice: Voice, now: Timestamp) -> bool {
    pulse(world.catalogue, station).is_some_and(|channel| {
        let lasts = fresh_for(channel, Freshness::Stale);
        let is_due = lasts.is_some_and(|lasts| now > world.listening.due(channel, voice.heard_at, lasts));
        is_due || world.listening.silenced_at(channel.id).is_some()
    })
}
