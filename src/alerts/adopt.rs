//! New rules and new catalogues: what is open is carried over, or ended with a moment that says why.
//!
//! An alert belongs to its rule's *name* and its channel. Under new rules it stays when the rule of that name still
//! watches the channel: its severity is fitted to the new levels, and the last value is judged by them at once. It
//! ends when the rule is gone, disabled, now judges something else, or no longer covers the station. A station under
//! maintenance raises nothing: what is open there becomes unknown until it measures again, waits are dropped, and an
//! absence is over, because it is expected. A channel whose unit was corrected begins anew.

use super::machine::Machine;
use super::rules::{self, Condition, Rule, Rules};
use super::settle::{Place, end, settle};
use super::watch::{Sort, Watch, Watches};
use super::{Alerts, Ear, Key, NEVER, World};
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
struct Now {
    at: Timestamp,
    edited: bool,
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
    pub(crate) fn adopt_checked(
        &mut self,
        new: Rules,
        world: World<'_>,
        now: Timestamp,
        out: &mut Vec<Transition>,
    ) {
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
                Some((ear, _)) => Ear { spoken_at: now, ..*ear },
                None => Ear { good_at: NEVER, spoken_at: now },
            }
        };
        self.ears = new.channels().iter().map(ear_of).collect();
        let rules = self.rules.clone();
        self.relink(&Before { rules: &rules, catalogue: old, cause: Cause::Withdrawn }, world, now, out);
    }

    fn relink(&mut self, before: &Before<'_>, world: World<'_>, now: Timestamp, out: &mut Vec<Transition>) {
        let catalogue = world.catalogue;
        self.watches = Watches::resolve(&self.rules, catalogue);
        for (old_key, machine) in std::mem::take(&mut self.machines) {
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
            self.carry(catalogue, key, watch, machine, Now { at, edited }, out);
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
        let key = Key { rule, channel: old_key.channel };
        let watch = self.watches.find(key)?;
        let old = before.catalogue.channel(key.channel)?;
        let was_absence = matches!(old_rule.condition, Condition::Absence { .. });
        let goes_on = is_same(old, catalogue.channel(key.channel)?) && was_absence == (watch.sort == Sort::Absence);
        goes_on.then_some((key, watch))
    }

    /// Goes on with a machine under its present rule; that may be another than before.
    fn carry(
        &mut self,
        catalogue: &Catalogue,
        key: Key,
        watch: Watch,
        mut machine: Machine,
        now: Now,
        out: &mut Vec<Transition>,
    ) {
        let rule = &self.rules.list()[key.rule as usize];
        let levels = match watch.sort {
            Sort::Levels(levels) => Some(self.watches.levels(levels)),
            Sort::Absence => None,
        };
        let Some(place) = Place::find(rule, levels, catalogue, key) else { return };
        if watch.muted && machine.alert.is_none() {
            return;
        }
        if let Some(levels) = levels.filter(|_| now.edited) {
            let severity = machine.alert.as_ref().and_then(|id| self.book.get(id)).map(|alert| alert.severity);
            machine.refit(levels, severity, now.at);
            if machine.next_by_time(rule, place.channel, now.at).is_some() {
                machine.step(rule, now.at);
            }
        }
        if let Some(id) = &machine.alert {
            self.book.retitle(id, &rule.title);
        }
        machine.unknown |= watch.muted;
        let cause = if watch.muted { Cause::Maintenance } else { Cause::Rule };
        out.extend(settle(&mut self.book, &mut machine, &place, now.at, cause));
        if !machine.is_idle() {
            self.machines.insert(key, machine);
            self.watches.stir(key, true);
        }
    }
}

fn is_same(before: &Channel, after: &Channel) -> bool {
    before.station == after.station && before.property == after.property && before.unit == after.unit
}

fn in_service(catalogue: &Catalogue, channel: &Channel) -> bool {
    !channel.retired && catalogue.station(channel.station).is_some_and(|station| !station.maintenance)
}
