//! New rules and new catalogues: what is open is carried over, or ended with a moment that says why.
//!
//! An alert belongs to its rule's *name* and its channel. Under new rules it stays when the rule of that name still
//! watches the channel: its severity is fitted to the new levels, and the last value is judged by them at once. It
//! ends when the rule is gone, disabled, now judges something else, or no longer covers the station. A station under
//! maintenance raises nothing: what is open there becomes unknown until it measures again, waits are dropped, and an
//! absence is over, because it is expected. A channel whose unit was corrected begins anew.
//!
//! What windows hold is the channel's, not a rule's: an edited rule judges by what is there at once, and a longer window
//! than before fills up from then on. Who is counted for an area is told anew from the newest values. Runs of late
//! samples begin anew.

use std::collections::BTreeMap;
use std::mem::{discriminant, take};

use super::machine::Machine;
use super::rules::{self, Rule, Rules};
use super::settle::{Place, end, settle};
use super::signal::Memory;
use super::tally::{Doubt, Tally};
use super::watch::{Sort, Watch, Watches};
use super::{Alerts, Ear, Key, NEVER, Spot, World};
use crate::model::{Catalogue, Cause, Channel, Mistake, RuleFile, Timestamp, Transition};

/// Mistakes kept of a refused set of rules: enough to begin with.
const REFUSED_MAX: usize = 100;

/// What was in force.
struct Before<'a> {
    rules: &'a Rules,
    catalogue: &'a Catalogue,
    /// Why an alert that is not carried over ends.
    cause: Cause,
}

/// The channel's event time, and whether the rule there is another than before.
#[derive(Clone, Copy)]
struct Now<'a> {
    at: Timestamp,
    edited: bool,
    old_rule: &'a Rule,
}

impl Alerts {
    /// Takes new rules, all or (with every mistake) none of them; then the old ones stay in force.
    pub(crate) fn adopt_rules(
        &mut self,
        files: &[RuleFile],
        world: World<'_>,
        now: Timestamp,
        out: &mut Vec<Transition>,
    ) -> Result<(), Vec<Mistake>> {
        let new = match rules::parse(files, world.catalogue, &mut Vec::new()) {
            Ok(new) => new,
            Err(mistakes) => {
                self.refused = mistakes.iter().take(REFUSED_MAX).cloned().collect();
                return Err(mistakes);
            }
        };
        self.refused = Vec::new();
        self.adopt_checked(new, world, now, out);
        Ok(())
    }

    /// Takes rules that were checked already.
    pub(crate) fn adopt_checked(&mut self, new: Rules, world: World<'_>, now: Timestamp, out: &mut Vec<Transition>) {
        if new != self.rules {
            let old = std::mem::replace(&mut self.rules, new);
            let before = Before { rules: &old, catalogue: world.catalogue, cause: Cause::Rule };
            self.relink(&before, world, now, out);
        }
    }

    /// Takes a new catalogue.
    pub(crate) fn adopt_catalogue(
        &mut self,
        old: &Catalogue,
        world: World<'_>,
        now: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        let new = world.catalogue;
        let ear_of = |channel: &Channel| {
            let known = self.ears.get(channel.id.index()).zip(old.channel(channel.id));
            match known.filter(|(_, before)| is_same(before, channel)) {
                Some((ear, before)) if in_service(old, before) || !in_service(new, channel) => *ear,
                Some((ear, _)) => Ear { spoken_at: now, heard_at: now, ..*ear },
                None => Ear { good_at: NEVER, spoken_at: now, value: None, heard_at: now },
            }
        };
        let ears = new.channels().iter().map(ear_of).collect();
        let goes_on = |id| old.channel(id).zip(new.channel(id)).is_some_and(|(old, new)| is_same(old, new));
        self.rings.retain(|channel, _| goes_on(*channel));
        self.ears = ears;
        let rules = self.rules.clone();
        self.relink(&Before { rules: &rules, catalogue: old, cause: Cause::Withdrawn }, world, now, out);
    }

    fn relink(&mut self, before: &Before<'_>, world: World<'_>, now: Timestamp, out: &mut Vec<Transition>) {
        let catalogue = world.catalogue;
        self.watches = Watches::resolve(&self.rules, catalogue);
        self.rings.retain(|channel, _| self.watches.need(*channel).is_some());
        self.late.begin_anew();
        self.recount(before, world);
        for (old_key, machine) in take(&mut self.machines) {
            let Some(old_rule) = before.rules.list().get(old_key.rule as usize) else { continue };
            let at = machine.event_time(now);
            let mut end_by = |book, cause| {
                out.extend(machine.alert.as_ref().and_then(|id| end(book, id, at, cause)));
            };
            let Some((key, watch)) = self.successor(before, old_rule, old_key, catalogue) else {
                end_by(&mut self.book, before.cause);
                continue;
            };
            if watch.muted && watch.sort == Sort::Absence {
                end_by(&mut self.book, Cause::Maintenance);
                continue;
            }
            let edited = self.rules.list()[key.rule as usize] != *old_rule;
            self.carry(world, key, machine, Now { at, edited, old_rule }, out);
        }
        self.listen_for_absences(world, now);
    }

    /// The watch that goes on with what an old rule did on a channel.
    fn successor(
        &self,
        before: &Before<'_>,
        old_rule: &Rule,
        old_key: Key,
        catalogue: &Catalogue,
    ) -> Option<(Key, Watch)> {
        let rule = u32::try_from(self.rules.index_of(&old_rule.name)?).ok()?;
        let spot = successor_of(old_key.spot, before.catalogue, catalogue)?;
        let key = self.watches.lead(Key { rule, spot });
        let watch = self.watches.find(key)?;
        let new_rule = self.rules.list().get(rule as usize)?;
        (discriminant(&old_rule.condition) == discriminant(&new_rule.condition)).then_some((key, watch))
    }

    /// Who holds where stations are counted: as before, and by the newest values.
    fn recount(&mut self, before: &Before<'_>, world: World<'_>) {
        let mut held = BTreeMap::new();
        for (key, tally) in take(&mut self.tallies) {
            let Some(rule) =
                before.rules.list().get(key.rule as usize).and_then(|rule| self.rules.index_of(&rule.name))
            else {
                continue;
            };
            held.extend(tally.holders().map(|(channel, doubt)| ((rule, channel), doubt)));
        }
        let memory = Memory { ears: &self.ears, rings: &self.rings };
        for (channel, key, member) in self.watches.counted() {
            let Some(found) = world.catalogue.channel(channel) else { continue };
            let was = held.get(&(key.rule as usize, channel)).copied();
            let good_at = self.ears.get(channel.index()).map_or(NEVER, |ear| ear.good_at);
            let number = member.reading.of(memory, world, found, good_at);
            let holds = match number.and_then(|number| number.against(member.limit, was.is_some())) {
                Some(value) => member.limit.begins(value) || was.is_some() && member.limit.goes_on(value),
                None => was.is_some(),
            };
            if holds {
                let tally: &mut Tally = self.tallies.entry(key).or_default();
                tally.take_over(channel, was.unwrap_or(Doubt::Sure));
            }
        }
    }

    /// Goes on with a machine under its present rule; that may be another than before.
    fn carry(&mut self, world: World<'_>, key: Key, mut machine: Machine, now: Now<'_>, out: &mut Vec<Transition>) {
        let Some(place) = Place::find(&self.rules, &self.watches, world.catalogue, key) else { return };
        let muted = place.watch.muted;
        if muted && machine.alert.is_none() {
            return;
        }
        if now.edited && place.watch.sort != Sort::Absence {
            if let Some((levels, alert)) = place.levels.zip(machine.alert.as_ref().and_then(|id| self.book.get(id))) {
                machine.refit(levels, alert.severity);
            }
            let nothing = Tally::default();
            let tally = self.tallies.get(&key).unwrap_or(&nothing);
            let memory = Memory { ears: &self.ears, rings: &self.rings };
            let is_alike = now.old_rule.condition.of() == place.rule.condition.of();
            let last = machine.heard.value.filter(|_| is_alike).or_else(|| self.newest(key));
            let at = machine.heard.observed_at;
            let signal = place.signal(&self.watches, tally, last);
            let verdict = signal.and_then(|signal| signal.verdict(memory, world, at, machine.standing()));
            machine.rejudge(verdict, place.levels_count(), now.at);
            if machine.next_by_time(place.rule, place.channel, now.at).is_some() {
                machine.step(place.rule, now.at);
            }
        }
        if let Some(id) = &machine.alert {
            self.book.retitle(id, &place.rule.title, &place.rule.cause);
        }
        machine.unknown |= muted;
        let cause = if muted { Cause::Maintenance } else { Cause::Rule };
        out.extend(settle(&mut self.book, &mut machine, &place, now.at, cause));
        if !machine.is_idle() {
            self.machines.insert(key, machine);
            self.watches.stir(key, true);
        }
    }

    /// A channel's newest good value.
    fn newest(&self, key: Key) -> Option<f64> {
        let Spot::Channel(channel) = key.spot else { return None };
        self.ears.get(channel.index())?.value
    }
}

/// The same channel or area in another catalogue.
fn successor_of(spot: Spot, old: &Catalogue, new: &Catalogue) -> Option<Spot> {
    match spot {
        Spot::Channel(channel) => is_same(old.channel(channel)?, new.channel(channel)?).then_some(spot),
        Spot::Area(place) => {
            let code = &old.areas().get(place as usize)?.id;
            let place = new.areas().iter().position(|area| area.id == *code)?;
            u32::try_from(place).ok().map(Spot::Area)
        }
    }
}

fn is_same(before: &Channel, after: &Channel) -> bool {
    before.station == after.station && before.property == after.property && before.unit == after.unit
}

fn in_service(catalogue: &Catalogue, channel: &Channel) -> bool {
    !channel.retired && catalogue.station(channel.station).is_some_and(|station| !station.maintenance)
}
