//! The passing of samples and of time.
//!
//! **Which samples count.** Only [`TimeClass::Live`] ones: late data never dispatches anybody, so a late sample
//! changes nothing here, not even the end of an absence. For levels also only good ones, in the order of their own
//! time per channel; an older one than the last is ignored, one of the same time is a correction. (A time from a clock
//! of ours that was set back since does not stand in the way: [`clock_was_set_back`].)
//!
//! **Whose time.** Levels are judged in the channel's event time. At a tick that is the last sample's own time plus
//! what has passed here since its receipt: the difference between a device's clock and ours never counts as time.
//! A hold or clear time completes at the instant at which it was due, by a tick or by the next sample, whichever comes
//! first; the passing of time completes it only while the channel is `live`, else it takes the next sample. A wait
//! over which the channel was `silent` begins anew with the next sample. So a restart of less than about five
//! intervals goes on from the persisted beginning, and a longer one begins the wait again.
//!
//! **Silence** is judged by ticks, by our own clock, from the last receipt of a sample that was not that of a faulty
//! device, and only while the device could be heard: sleep schedules and the times in which Saola itself was down are
//! not counted ([`Listening::due`]). After a gap between ticks of more than [`TICK_GAP`] that no known outage explains
//! (a clock set forward or back), it counts from the end of the gap. So a restart raises no storm of absences. A
//! device's death certificate makes what is open on its channels unknown at once.
//!
//! **Cost.** A sample on a quiet channel: one look-up, and one comparison for each rule. A tick: every machine that
//! waits or has an open alert, and the absence deadlines that have come. Deadlines are lazy: a sample moves none; one
//! that comes too early is set anew.

use std::time::Duration;

use super::book::Book;
use super::machine::{Heard, Machine};
use super::rules::Condition;
use super::settle::{Place, settle};
use super::watch::{Sort, Watch};
use super::{Alerts, Key, World};
use crate::model::{
    Cause, Freshness, Listening, Quality, Sample, TimeClass, Timestamp, Transition, clock_was_set_back, fresh_until,
};

/// A longer time between two ticks means that Saola was not listening.
pub const TICK_GAP: Duration = Duration::from_secs(5 * 60);

/// How far one tick may move the time by which closed alerts age: a clock that jumps years ahead for a minute must
/// not delete them.
const AGEING_PER_TICK_MAX: Duration = Duration::from_secs(60);

impl Alerts {
    /// Takes a sample in.
    pub(crate) fn hear(
        &mut self,
        world: World<'_>,
        sample: &Sample,
        received_at: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        if sample.time_class != TimeClass::Live {
            return;
        }
        let Some(ear) = self.ears.get_mut(sample.channel.index()) else { return };
        let is_alive = !sample.quality.has(Quality::FAULT);
        if is_alive {
            ear.spoken_at = received_at;
        }
        let in_order = sample.observed_at >= ear.good_at || clock_was_set_back(ear.good_at, received_at);
        let usable = in_order && sample.quality.is_good();
        if usable {
            ear.good_at = sample.observed_at;
        }
        for place in self.watches.of(sample.channel) {
            let watch = self.watches.at(place);
            if watch.muted {
                continue;
            }
            let key = Key { rule: watch.rule, channel: sample.channel };
            match watch.sort {
                Sort::Levels(levels) if usable => {
                    if watch.stirred || self.watches.levels(levels).begins(sample.value) {
                        self.judge(world, key, watch, sample, received_at, out);
                    }
                }
                Sort::Absence if watch.stirred && is_alive => self.hear_again(world, key, received_at, out),
                Sort::Levels(_) | Sort::Absence => {}
            }
        }
    }

    /// A good sample in time on a channel where something is, or begins.
    fn judge(
        &mut self,
        world: World<'_>,
        key: Key,
        watch: Watch,
        sample: &Sample,
        received_at: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        let Sort::Levels(levels) = watch.sort else { return };
        let levels = self.watches.levels(levels);
        let rule = &self.rules.list()[key.rule as usize];
        let Some(place) = Place::find(rule, Some(levels), world.catalogue, key) else { return };
        let at = sample.observed_at;
        let heard = Heard { observed_at: at, received_at, value: Some(sample.value) };
        let machine = self.machines.entry(key).or_insert_with(|| Machine::new(heard));
        if machine.is_broken_by(place.channel, at) {
            machine.wait_anew(at);
        } else {
            while let Some(due) = machine.next_by_time(rule, place.channel, at) {
                machine.step(rule, due);
                out.extend(settle(&mut self.book, machine, &place, due, Cause::Value));
            }
        }
        let cause = if machine.unknown { Cause::Return } else { Cause::Value };
        machine.take(levels, heard, sample.value);
        machine.step(rule, at);
        out.extend(settle(&mut self.book, machine, &place, at, cause));
        let idle = machine.is_idle();
        if idle {
            self.machines.remove(&key);
        }
        if idle == watch.stirred {
            self.watches.stir(key, !idle);
        }
    }

    /// A sample in time on a channel whose absence is an open alert.
    fn hear_again(&mut self, world: World<'_>, key: Key, received_at: Timestamp, out: &mut Vec<Transition>) {
        let rule = &self.rules.list()[key.rule as usize];
        let Some(place) = Place::find(rule, None, world.catalogue, key) else { return };
        let Some(machine) = self.machines.get_mut(&key) else { return };
        machine.turn(0, received_at);
        machine.heard.received_at = received_at;
        machine.step(rule, received_at);
        out.extend(settle(&mut self.book, machine, &place, received_at, Cause::Return));
        if machine.is_idle() {
            self.forget_machine(world, key, received_at);
        }
    }

    /// Judges what the passing of time brings about: `now` is this tick's, `before` the last one's time.
    pub(crate) fn tick(&mut self, world: World<'_>, before: Timestamp, now: Timestamp, out: &mut Vec<Transition>) {
        let gap = now.since(before).max(before.since(now));
        if gap.saturating_sub(world.listening.down_between(before, now)) > TICK_GAP {
            self.listening_since = now;
            self.listen_for_absences(world, now);
        }
        self.tick_machines(world, now, out);
        self.tick_deadlines(world, now, out);
        self.aged_to = if now < self.aged_to || self.aged_to == Timestamp::EPOCH {
            now
        } else {
            now.min(self.aged_to + AGEING_PER_TICK_MAX)
        };
        self.book.forget(self.retention.keep_closed, self.retention.keep_closed_count, self.aged_to);
    }

    fn tick_machines(&mut self, world: World<'_>, now: Timestamp, out: &mut Vec<Transition>) {
        let mut ended = Vec::new();
        for (key, machine) in &mut self.machines {
            let Some(watch) = self.watches.find(*key).filter(|watch| !watch.muted) else { continue };
            let rule = &self.rules.list()[key.rule as usize];
            let levels = match watch.sort {
                Sort::Levels(levels) => Some(self.watches.levels(levels)),
                Sort::Absence => None,
            };
            let Some(place) = Place::find(rule, levels, world.catalogue, *key) else { continue };
            let moment = Now { at: now, listening_since: self.listening_since, listening: world.listening };
            match rule.condition {
                Condition::Levels { unknown_after, .. } => {
                    pass_time(&mut self.book, machine, &place, moment, unknown_after, out);
                }
                Condition::Absence { after, .. } => {
                    pass_silence(&mut self.book, machine, &place, moment, after, out);
                }
            }
            if machine.is_idle() {
                ended.push(*key);
            }
        }
        for key in ended {
            self.forget_machine(world, key, now);
        }
    }

    /// Absences whose time may have come.
    fn tick_deadlines(&mut self, world: World<'_>, now: Timestamp, out: &mut Vec<Transition>) {
        while let Some((deadline, key)) = self.deadlines.first().copied()
            && deadline <= now
        {
            self.deadlines.pop_first();
            let Some((since, due)) = self.absence_of(world, key, now) else { continue };
            if now < due {
                self.deadlines.insert((due, key));
                continue;
            }
            let rule = &self.rules.list()[key.rule as usize];
            let Some(place) = Place::find(rule, None, world.catalogue, key) else { continue };
            let heard = Heard { observed_at: since, received_at: since, value: None };
            let mut machine = Machine::absent(heard);
            out.extend(settle(&mut self.book, &mut machine, &place, due, Cause::Silence));
            self.machines.insert(key, machine);
            self.watches.stir(key, true);
        }
    }

    /// Since when nothing has come in time where a rule for absence listens, and when that becomes an alert.
    fn absence_of(&self, world: World<'_>, key: Key, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let rule = self.rules.list().get(key.rule as usize)?;
        let Condition::Absence { after, .. } = rule.condition else { return None };
        let spoken_at = self.ears.get(key.channel.index())?.spoken_at;
        let began_at = if clock_was_set_back(spoken_at, now) { self.listening_since } else { spoken_at };
        let channel = world.catalogue.channel(key.channel)?;
        let begins = silence_begins(spoken_at, self.listening_since, now);
        Some((began_at, world.listening.due(channel, begins, after)))
    }

    /// Drops a machine that has nothing to remember; absence is listened for again.
    pub(super) fn forget_machine(&mut self, world: World<'_>, key: Key, now: Timestamp) {
        self.machines.remove(&key);
        self.watches.stir(key, false);
        if let Some((_, due)) = self.absence_of(world, key, now) {
            self.deadlines.insert((due, key));
        }
    }

    /// Sets every absence deadline anew: after an outage, too.
    pub(crate) fn listen_for_absences(&mut self, world: World<'_>, now: Timestamp) {
        let due = |key: Key| Some((self.absence_of(world, key, now)?.1, key));
        let quiet = |key: &Key| !self.machines.contains_key(key);
        self.deadlines = self.watches.absences().filter(quiet).filter_map(due).collect();
    }
}

/// From when on a silence counts: the last receipt, or the time since when Saola has been listening. A receipt far
/// ahead of now was noted while the clock stood wrong, and says nothing.
fn silence_begins(received_at: Timestamp, listening_since: Timestamp, now: Timestamp) -> Timestamp {
    if clock_was_set_back(received_at, now) { listening_since } else { received_at.max(listening_since) }
}

/// A tick's time.
#[derive(Clone, Copy)]
struct Now<'a> {
    at: Timestamp,
    listening_since: Timestamp,
    listening: &'a Listening,
}

impl Now<'_> {
    /// When a silence that began with the machine's last sample has lasted `limit`.
    fn silent_at(&self, machine: &Machine, place: &Place<'_>, limit: Duration) -> Timestamp {
        let begins = silence_begins(machine.heard.received_at, self.listening_since, self.at);
        self.listening.due(place.channel, begins, limit)
    }
}

/// Time passes for a machine of levels.
fn pass_time(
    book: &mut Book,
    machine: &mut Machine,
    place: &Place<'_>,
    now: Now<'_>,
    unknown_after: Option<Duration>,
    out: &mut Vec<Transition>,
) {
    let event_now = machine.event_time(now.at);
    while let Some(due) = machine.next_by_time(place.rule, place.channel, event_now) {
        machine.step(place.rule, due);
        out.extend(settle(book, machine, place, due, Cause::Value));
    }
    let observed_at = machine.heard.observed_at;
    let lasting =
        |fresh| fresh_until(place.channel, observed_at, fresh).map_or(Duration::MAX, |until| until.since(observed_at));
    if machine.raised() == 0 {
        if now.at >= now.silent_at(machine, place, lasting(Freshness::Stale)) {
            // The wait is void: the next sample would begin it anew.
            machine.turn(0, event_now);
        }
        return;
    }
    // Never less patient than the channel may take.
    let patience = unknown_after.map_or(lasting(Freshness::Stale), |after| after.max(lasting(Freshness::Live)));
    let died_at = now.listening.silenced_at(place.channel.id);
    let silent_at = died_at.unwrap_or_else(|| now.silent_at(machine, place, patience));
    if now.at >= silent_at && !machine.unknown {
        machine.unknown = true;
        let at = machine.event_time(silent_at);
        out.extend(settle(book, machine, place, at, Cause::Silence));
    }
}

/// Time passes for an open absence.
fn pass_silence(
    book: &mut Book,
    machine: &mut Machine,
    place: &Place<'_>,
    now: Now<'_>,
    after: Duration,
    out: &mut Vec<Transition>,
) {
    let silent_at = now.silent_at(machine, place, after);
    if machine.on() == 0 && now.at >= silent_at {
        machine.turn(1, silent_at);
        out.extend(settle(book, machine, place, silent_at, Cause::Silence));
    } else if let Some(due) = machine.due(place.rule).filter(|due| *due <= now.at) {
        machine.step(place.rule, due);
        out.extend(settle(book, machine, place, due, Cause::Return));
    }
}
