//! Corrections: samples that a person, the checks or other inputs gave another value or quality.
//!
//! What is past dispatches nobody: a correction makes no transition, and nothing begins or ends by it. It changes what
//! the next verdict is made of: windows and samples looked back upon, a channel's newest good value, and who holds where
//! stations are counted. A wait that the corrected data do not bear out is dropped, because else the passing of time
//! alone would complete it: a level that was on waits no more to be raised, and one that was off not to be taken back.
//!
//! A sample that is flagged is taken out, and one that is good afterwards is taken in, whether it was flagged or came
//! late before: it is vouched for. Runs of late samples are left as they are.

use super::settle::Place;
use super::signal::{Memory, Verdict};
use super::tally::Tally;
use super::watch::Sort;
use super::{Alerts, Key, Spot, World};
use crate::model::{Sample, Timestamp};

impl Alerts {
    /// Takes a corrected sample in, at `now` by the entry.
    pub(crate) fn correct(&mut self, world: World<'_>, sample: &Sample, now: Timestamp) {
        if !self.correct_memory(sample, now) {
            return;
        }
        for place in self.watches.of(sample.channel) {
            let watch = self.watches.at(place);
            if watch.muted {
                continue;
            }
            let own = Key { rule: watch.rule, spot: Spot::Channel(sample.channel) };
            let key = self.watches.stand(watch.sort, own);
            match watch.sort {
                Sort::Absence | Sort::Area(_) => {}
                Sort::Levels(_) => self.correct_level(world, key, sample, now),
                Sort::Single(_) | Sort::Part(_) => self.drop_wait(world, key, None, now),
                Sort::Member(member) => {
                    self.correct_tally(world, key, member, sample);
                    self.drop_wait(world, key, None, now);
                }
            }
        }
    }

    /// What is remembered of the channel's samples; whether it was among them.
    fn correct_memory(&mut self, sample: &Sample, now: Timestamp) -> bool {
        let Some(ear) = self.ears.get_mut(sample.channel.index()) else { return false };
        let at = sample.observed_at;
        let is_newer = at > ear.good_at;
        if is_newer && at > now {
            return false;
        }
        let mut ring = self.rings.get_mut(&sample.channel);
        if !sample.quality.is_good() {
            let was_there = ring.as_mut().is_some_and(|ring| ring.remove(at));
            if ear.good_at != at {
                return was_there;
            }
            // What was good before it is known only where a rule looks back.
            match ring.and_then(|ring| ring.newest()) {
                Some((before, value)) => (ear.good_at, ear.value) = (before, Some(value)),
                None => ear.value = None,
            }
            return true;
        }
        let need = self.watches.need(sample.channel);
        let is_there = ring.zip(need).is_some_and(|(ring, need)| ring.insert(at, sample.value, need));
        if is_newer || ear.good_at == at {
            (ear.good_at, ear.value) = (at, Some(sample.value));
            return true;
        }
        is_there
    }

    /// A level knows the newest sample alone.
    fn correct_level(&mut self, world: World<'_>, key: Key, sample: &Sample, now: Timestamp) {
        let Some(machine) = self.machines.get_mut(&key) else { return };
        if machine.heard.observed_at == sample.observed_at {
            let value = sample.quality.is_good().then_some(sample.value);
            // A rule that is edited judges anew by it.
            machine.heard.value = value;
            self.drop_wait(world, key, value, now);
        }
    }

    fn correct_tally(&mut self, world: World<'_>, key: Key, member: u32, sample: &Sample) {
        let member = self.watches.member(member);
        let Some(channel) = world.catalogue.channel(sample.channel) else { return };
        let Some(ear) = self.ears.get(channel.id.index()) else { return };
        let memory = Memory { ears: &self.ears, rings: &self.rings };
        let held = self.tallies.get(&key).is_some_and(|tally| tally.holds(channel.id));
        let number = member.reading.of(memory, world, channel, ear.good_at);
        let value = number.and_then(|number| number.against(member.limit, held));
        if held || value.is_some_and(|value| member.limit.begins(value)) {
            let tally = self.tallies.entry(key).or_default();
            tally.correct(channel.id, member.limit, value);
            if tally.is_empty() {
                self.tallies.remove(&key);
            }
        }
    }

    /// What waits is dropped where the data as they are now do not say so. `value` is the newest one of a plain level.
    /// Where the calendar is closed, or has closed since the last judgement, nothing is on, whatever they say.
    fn drop_wait(&mut self, world: World<'_>, key: Key, value: Option<f64>, now: Timestamp) {
        let Some(place) = Place::find(&self.rules, &self.watches, world.catalogue, key) else { return };
        let Some(machine) = self.machines.get_mut(&key) else { return };
        let nothing = Tally::default();
        let tally = self.tallies.get(&key).unwrap_or(&nothing);
        let memory = Memory { ears: &self.ears, rings: &self.rings };
        let at = machine.heard.observed_at;
        let signal = place.signal(&self.watches, tally, value);
        let verdict = signal.and_then(|signal| signal.verdict(memory, world, at, machine.standing()));
        let until = machine.event_time(now).max(at);
        let is_closed =
            place.rule.calendar.as_ref().is_some_and(|calendar| calendar.closes_within(at, until).is_some());
        machine.correct(verdict.map(|verdict| Verdict { on: if is_closed { 0 } else { verdict.on }, ..verdict }));
    }
}
