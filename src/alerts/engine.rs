//! The passing of samples and of time.
//!
//! **Which samples count.** Only [`TimeClass::Live`] ones: late data never dispatches anybody, so a late sample
//! changes nothing here, not even the end of an absence; what it would have raised is written down apart
//! (`retrospect.rs`). For levels also only good ones, in the order of their own
//! time per channel; one of the same time is a correction, and an older one than the last only enters what looks back
//! (windows, rates, N of M), which is judged anew as of the newest. (A time from a clock of ours that was set back since
//! does not stand in the way: [`clock_was_set_back`].)
//!
//! **Whose time.** Levels are judged in the channel's event time. At a tick that is the last sample's own time plus
//! what has passed here since its receipt: the difference between a device's clock and ours never counts as time.
//! A hold or clear time completes at the instant at which it was due, by a tick or by the next sample, whichever comes
//! first; the passing of time completes it only while the channel is `live`, else it takes the next sample. A wait
//! over which the channel was `silent` begins anew with the next sample.
//!
//! **A restart** is nothing but a time without samples and ticks. When the first good sample after it is at most five
//! intervals and the link's grace newer than the last one before it, a hold or clear time goes on from its persisted
//! beginning; when it is newer, the wait begins anew at that sample. With one sample a minute over wire the limit is
//! 310 s: after 1 minute down a hold of 10 minutes still completes 10 minutes after it began, after 2 hours down 10
//! minutes after the first sample. One that came due while nothing was heard completes with the first sample after, at
//! its own instant only when the channel was live (one interval and the grace) all the while.
//!
//! **Calendars** close at their own instant, by tick or by the next sample, unless the channel is silent then: what is
//! on is off from then on. When they open, a condition that held all the while begins to hold with the next sample.
//!
//! **Silence** is judged by ticks, by our own clock, from the last receipt of a sample that was not that of a faulty
//! device, and only while the device could be heard: sleep schedules and the times in which Saola itself was down are
//! not counted ([`Listening::due`]). After a gap between ticks of more than [`TICK_GAP`](crate::model::TICK_GAP) that no known outage explains
//! (a clock set forward or back), it counts from the end of the gap. So a restart raises no storm of absences. A
//! device's death certificate makes what is open on its channels unknown at once.
//!
//! **Cost.** A sample on a quiet channel: one look-up, and one comparison for each rule. A tick: every machine that
//! waits or has an open alert, and the absence deadlines that have come. Deadlines are lazy: a sample moves none; one
//! that comes too early is set anew.

use std::collections::btree_map::Entry;
use std::time::Duration;

use super::book::Book;
use super::machine::{Heard, Machine};
use super::rules::Condition;
use super::settle::{Place, settle};
use super::signal::{Memory, Standing, Verdict};
use super::tally::Tally;
use super::watch::Sort;
use super::{Alerts, Key, Spot, World};
use crate::model::{
    Cause, ChannelId, Freshness, Listening, Quality, Sample, TimeClass, Timestamp, Transition, clock_was_set_back,
    fresh_for,
};

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
            self.hear_late(world, sample);
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
            ear.value = Some(sample.value);
            ear.heard_at = received_at;
        }
        let mut kept = false;
        for place in self.watches.of(sample.channel) {
            let watch = self.watches.at(place);
            if watch.muted {
                continue;
            }
            let key = Key { rule: watch.rule, spot: Spot::Channel(sample.channel) };
            let heard = Heard { observed_at: sample.observed_at, received_at, value: Some(sample.value) };
            match watch.sort {
                Sort::Levels(levels)
                    if usable && (watch.stirred || self.watches.levels(levels).begins(sample.value)) =>
                {
                    self.judge(world, key, heard, out);
                }
                Sort::Absence if watch.stirred && is_alive => self.hear_again(world, key, received_at, out),
                Sort::Single(_) | Sort::Part(_) | Sort::Member(_) if usable => {
                    if !kept {
                        self.keep(sample);
                        kept = true;
                    }
                    self.hear_signal(world, (key, watch.sort), heard, out);
                }
                _ => {}
            }
        }
        if sample.quality.is_good() && !in_order {
            self.hear_out_of_order(world, sample, out);
        }
    }

    /// A good sample in time, but after one that is newer.
    fn hear_out_of_order(&mut self, world: World<'_>, sample: &Sample, out: &mut Vec<Transition>) {
        let channel = sample.channel;
        let Some(need) = self.watches.need(channel) else { return };
        let ring = self.rings.entry(channel).or_default();
        if !ring.insert(sample.observed_at, sample.value, need) {
            return;
        }
        let Some(ear) = self.ears.get(channel.index()) else { return };
        let heard = Heard { observed_at: ear.good_at, received_at: ear.heard_at, value: ear.value };
        for place in self.watches.of(channel) {
            let watch = self.watches.at(place);
            let looks_back = matches!(watch.sort, Sort::Single(_) | Sort::Part(_) | Sort::Member(_));
            let key = Key { rule: watch.rule, spot: Spot::Channel(channel) };
            let machine = self.machines.get(&self.watches.stand(watch.sort, key));
            // What is unknown waits for a newer sample: this one says nothing of the present.
            if looks_back && !watch.muted && machine.is_none_or(|machine| !machine.unknown) {
                self.hear_signal(world, (key, watch.sort), heard, out);
            }
        }
    }

    /// Remembers a good sample in time for the rules that look back.
    fn keep(&mut self, sample: &Sample) {
        if let Some(need) = self.watches.need(sample.channel) {
            self.rings.entry(sample.channel).or_default().push(sample.observed_at, sample.value, need);
        }
    }

    /// A good sample in time for a condition that looks at more than it.
    fn hear_signal(&mut self, world: World<'_>, (key, sort): (Key, Sort), heard: Heard, out: &mut Vec<Transition>) {
        let own = key;
        let key = self.watches.stand(sort, own);
        if let (Sort::Member(member), Spot::Channel(channel)) = (sort, own.spot) {
            let member = self.watches.member(member);
            let Some(channel) = world.catalogue.channel(channel) else { return };
            let memory = Memory { ears: &self.ears, rings: &self.rings };
            let held = self.tallies.get(&key).is_some_and(|tally| tally.holds(channel.id));
            let number = member.reading.of(memory, world, channel, heard.observed_at);
            let Some(value) = number.and_then(|number| number.against(member.limit, held)) else { return };
            if held || member.limit.begins(value) {
                let tally = self.tallies.entry(key).or_default();
                tally.hear(channel.id, member.limit, value);
                if tally.is_empty() && !self.machines.contains_key(&key) {
                    self.tallies.remove(&key);
                }
            } else if !self.machines.contains_key(&key) && !self.tallies.contains_key(&key) {
                return;
            }
        }
        // Of several channels, the newest of their times.
        let last = self.machines.get(&key).map(|machine| machine.heard);
        let last = last.filter(|last| !clock_was_set_back(last.observed_at, heard.received_at)).unwrap_or(heard);
        let observed_at = last.observed_at.max(heard.observed_at);
        let received_at = last.received_at.max(heard.received_at);
        self.judge(world, key, Heard { observed_at, received_at, ..heard }, out);
    }

    /// A good sample in time where something is, or may begin. `heard` says when, and its own value.
    fn judge(&mut self, world: World<'_>, key: Key, heard: Heard, out: &mut Vec<Transition>) {
        let Some(place) = Place::find(&self.rules, &self.watches, world.catalogue, key) else { return };
        let nothing = Tally::default();
        let tally = self.tallies.get(&key).unwrap_or(&nothing);
        let Some(signal) = place.signal(&self.watches, tally, heard.value) else { return };
        let memory = Memory { ears: &self.ears, rings: &self.rings };
        let at = heard.observed_at;
        let is_open = place.rule.is_open_at(at);
        let machine = match self.machines.entry(key) {
            Entry::Occupied(machine) => machine.into_mut(),
            Entry::Vacant(vacant) => {
                let verdict = signal.verdict(memory, world, at, Standing::default());
                if !is_open || verdict.is_none_or(|verdict| verdict.on == 0) {
                    return;
                }
                vacant.insert(Machine::new(heard))
            }
        };
        if machine.is_broken_by(place.channel, at) {
            machine.wait_anew(at);
        } else {
            pass_until(&mut self.book, machine, &place, at, out);
        }
        if let Some(verdict) = signal.verdict(memory, world, at, machine.standing()) {
            let on = if is_open { verdict.on } else { 0 };
            let cause = match (machine.unknown, verdict.on == on) {
                (true, _) => Cause::Return,
                (false, true) => Cause::Value,
                (false, false) => Cause::Calendar,
            };
            machine.take(Verdict { on, ..verdict }, Heard { value: verdict.value, ..heard });
            machine.step(place.rule, at);
            out.extend(settle(&mut self.book, machine, &place, at, cause));
        }
        let idle = machine.is_idle();
        let stirred = place.watch.stirred;
        if idle {
            self.machines.remove(&key);
        }
        if idle == stirred {
            self.watches.stir(key, !idle);
        }
    }

    /// A sample in time on a channel whose absence is, or was, an open alert.
    fn hear_again(&mut self, world: World<'_>, key: Key, received_at: Timestamp, out: &mut Vec<Transition>) {
        let Some(place) = Place::find(&self.rules, &self.watches, world.catalogue, key) else { return };
        let Some(machine) = self.machines.get_mut(&key) else { return };
        machine.turn(0, received_at);
        (machine.heard.observed_at, machine.heard.received_at) = (received_at, received_at);
        machine.step(place.rule, received_at);
        out.extend(settle(&mut self.book, machine, &place, received_at, Cause::Return));
        if machine.is_idle() {
            self.forget_machine(world, key, received_at);
        }
    }

    /// Judges what the passing of time brings about: `now` is this tick's, `before` the last one's time.
    pub(crate) fn tick(&mut self, world: World<'_>, before: Timestamp, now: Timestamp, out: &mut Vec<Transition>) {
        if world.listening.has_gap(before, now) {
            self.listening_since = now;
            self.listen_for_absences(world, now);
        }
        self.tick_tallies(world, now);
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
            let Some(place) = Place::find(&self.rules, &self.watches, world.catalogue, *key) else { continue };
            if place.watch.muted {
                continue;
            }
            let moment = Now { at: now, listening_since: self.listening_since, listening: world.listening };
            match place.rule.condition {
                Condition::Absence { after, .. } => {
                    pass_silence(&mut self.book, machine, &place, moment, after, out);
                }
                Condition::Levels { .. } | Condition::Joined { .. } | Condition::Count { .. } => {
                    pass_time(&mut self.book, machine, &place, moment, out);
                }
            }
            machine.raises.forget(place.rule.flapping, machine.event_time(now));
            if machine.is_idle() {
                ended.push(*key);
            }
        }
        for key in ended {
            self.forget_machine(world, key, now);
        }
    }

    /// Counted stations from which nothing good comes any more, by the same clock as a machine's data.
    fn tick_tallies(&mut self, world: World<'_>, now: Timestamp) {
        let Alerts { tallies, ears, listening_since, .. } = self;
        let is_silent = |id: ChannelId| {
            let (Some(channel), Some(ear)) = (world.catalogue.channel(id), ears.get(id.index())) else { return true };
            let begins = silence_begins(ear.heard_at, *listening_since, now);
            let lasts = fresh_for(channel, Freshness::Stale).unwrap_or(Duration::MAX);
            world.listening.silenced_at(id).is_some() || now >= world.listening.due(channel, begins, lasts)
        };
        for tally in tallies.values_mut() {
            tally.doubt(is_silent);
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
            let Some(place) = Place::find(&self.rules, &self.watches, world.catalogue, key) else { continue };
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
        let Spot::Channel(channel) = key.spot else { return None };
        let spoken_at = self.ears.get(channel.index())?.spoken_at;
        let began_at = if clock_was_set_back(spoken_at, now) { self.listening_since } else { spoken_at };
        let channel = world.catalogue.channel(channel)?;
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

/// Everything that comes about by `until` without a sample, each at its own instant.
fn pass_until(book: &mut Book, machine: &mut Machine, place: &Place<'_>, until: Timestamp, out: &mut Vec<Transition>) {
    while let Some((at, cause)) = machine.next(place.rule, place.channel, until) {
        machine.come_about(place.rule, at, cause);
        out.extend(settle(book, machine, place, at, cause));
    }
}

/// Time passes for a machine that judges values.
fn pass_time(book: &mut Book, machine: &mut Machine, place: &Place<'_>, now: Now<'_>, out: &mut Vec<Transition>) {
    let event_now = machine.event_time(now.at);
    pass_until(book, machine, place, event_now, out);
    let lasting = |fresh| fresh_for(place.channel, fresh).unwrap_or(Duration::MAX);
    if machine.raised() == 0 {
        if now.at >= now.silent_at(machine, place, lasting(Freshness::Stale)) {
            // The wait is void: the next sample would begin it anew.
            machine.turn(0, event_now);
        }
        return;
    }
    // Never less patient than the channel may take.
    let unknown_after = place.rule.condition.unknown_after();
    let patience = unknown_after.map_or(lasting(Freshness::Stale), |after| after.max(lasting(Freshness::Live)));
    // One station's death says nothing of its area.
    let died_at = now.listening.silenced_at(place.channel.id).filter(|_| place.area.is_none());
    let silent_at = died_at.unwrap_or_else(|| now.silent_at(machine, place, patience));
    if now.at >= silent_at && !machine.unknown {
        machine.unknown = true;
        let at = machine.event_time(silent_at);
        out.extend(settle(book, machine, place, at, Cause::Silence));
    }
}

/// Time passes for an absence that is open, or was a while ago.
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
        // A new alert counts from the last word; one that goes on, from when it is absent again.
        let since = if machine.raised() == 0 { machine.heard.received_at } else { silent_at };
        machine.turn(1, since);
        machine.step(place.rule, silent_at);
        out.extend(settle(book, machine, place, silent_at, Cause::Silence));
    } else if let Some(due) = machine.due(place.rule).filter(|due| *due <= now.at) {
        machine.step(place.rule, due);
        out.extend(settle(book, machine, place, due, Cause::Return));
    }
    if let Some(at) = machine.raises.settles_at(place.rule.flapping).filter(|at| *at <= now.at) {
        machine.raises.flapping = false;
        out.extend(settle(book, machine, place, at, Cause::Settled));
    }
}
