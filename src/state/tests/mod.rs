//! Replay equals live; and what must hold whatever comes.

mod absence;
mod snapshots;
mod steps;
mod workflow;

use std::fs;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::alerts::tests::{catalogue, edited, rule};
use crate::alerts::{Retention, rules::Condition};
use crate::live::Since;
use crate::model::{
    Again, AlertCommand, AlertId, AlertState, Awake, ChannelId, CloseCause, CommandKey, Deaf, DeliveryFailed, Derived,
    DeviceFact, EscalationPlan, FormerPlace, Freshness, Ladder, LadderStep, Limits, MaintenanceCommand, Order,
    PersonId, Policy, Quality, Reason, Recipient, Rejection, Reminders, Said, Sample, Severity, SourceId,
    Step as Step_, Stuck, TimeClass, UnknownName, Window,
};
use steps::{Heard, Step, entries, grouping, message, policy, steps};

fn run(state: &mut State, entries: &[Entry]) -> Effects {
    let mut effects = Effects::default();
    for entry in entries {
        state.apply(entry, &mut effects);
    }
    effects
}

fn fresh() -> State {
    State::new(Retention { keep_closed: Duration::from_secs(1800), keep_closed_count: 5 })
}

proptest! {
    /// All at once, or up to any point, through a snapshot, and on: the same state in every field, and the same
    /// transitions. Handing entries in twice changes nothing.
    #[test]
    fn replay_equals_live(steps in steps(), cut in any::<prop::sample::Index>()) {
        let entries = entries(&steps);
        let mut whole = fresh();
        let all = run(&mut whole, &entries);

        let (before, after) = entries.split_at(cut.index(entries.len() + 1));
        let mut part = fresh();
        let Effects { mut transitions, mut escalations, .. } = run(&mut part, before);
        let mut restored = State::restore(&part.snapshot().unwrap()).unwrap();
        prop_assert_eq!(&restored, &part);
        prop_assert_eq!(run(&mut restored, before), Effects::default());
        prop_assert_eq!(&restored, &part);
        let rest = run(&mut restored, after);
        transitions.extend(rest.transitions);
        escalations.extend(rest.escalations);

        prop_assert_eq!(&restored, &whole);
        prop_assert_eq!(transitions, all.transitions);
        prop_assert_eq!(escalations, all.escalations);
        prop_assert_eq!(State::restore(&whole.snapshot().unwrap()).unwrap(), whole);
    }

    /// Late data are shown and counted, and the alerts are what they would be without them.
    #[test]
    fn late_data_make_no_transition(steps in steps()) {
        let with = entries(&steps);
        let mut without = with.clone();
        for entry in &mut without {
            if let Body::Message(message) = &mut entry.body {
                message.samples.retain(|sample| sample.time_class == TimeClass::Live);
            }
        }
        let (mut one, mut other) = (fresh(), fresh());
        prop_assert_eq!(run(&mut one, &with).transitions, run(&mut other, &without).transitions);
        prop_assert_eq!(one.alerts.without_late(), other.alerts.without_late());
    }

    /// What a person brings in moves neither the live picture nor the alerts, and is remembered as taken.
    #[test]
    fn imported_history_is_seen_by_nobody(steps in steps()) {
        let with = entries(&steps);
        let mut without = with.clone();
        let mut newest = std::collections::BTreeMap::new();
        for entry in &mut without {
            if let Body::Message(message) = &mut entry.body {
                for sample in message.samples.extract_if(.., |sample| sample.time_class == TimeClass::Imported) {
                    let to = newest.entry(sample.channel).or_insert(sample.observed_at);
                    *to = sample.observed_at.max(*to);
                }
            }
        }
        let (mut one, mut other) = (fresh(), fresh());
        prop_assert_eq!(run(&mut one, &with), run(&mut other, &without));
        prop_assert_eq!(&one.live, &other.live);
        prop_assert_eq!(&one.alerts, &other.alerts);
        for channel in one.catalogue.channels() {
            let shown = one.live.latest(channel.id).map(|latest| latest.observed_at);
            prop_assert_eq!(one.newest(channel.id), shown.max(newest.get(&channel.id).copied()));
        }
    }

    /// Never active before the hold time in event time; every alert's time-line tells its own story; what is open is
    /// what the transitions left open; nothing is raised under maintenance; books balance; changes name everything.
    #[test]
    fn transitions_hold_together(steps in steps()) {
        let mut state = fresh();
        let mut open = std::collections::BTreeMap::new();
        for entry in entries(&steps) {
            let mut effects = Effects::default();
            state.apply(&entry, &mut effects);
            for Transition { from, alert, .. } in &effects.transitions {
                prop_assert_eq!(*from, open.get(&alert.id).copied());
                let moment = alert.timeline.last().unwrap();
                prop_assert_eq!((moment.state, moment.severity, moment.at), (alert.state, alert.severity, alert.changed_at));
                if from.is_none() {
                    let rule = state.alerts.rules().named(&alert.rule).unwrap();
                    let hold = match rule.condition {
                        Condition::Absence { after, .. } => after,
                        _ => rule.hold,
                    };
                    prop_assert!(alert.changed_at >= alert.started_at + hold, "{alert:?}");
                    let station = alert.subject.station().and_then(|no| state.catalogue.station(no));
                    prop_assert!(station.is_none_or(|station| !station.maintenance));
                    prop_assert_ne!(alert.state, AlertState::Cleared);
                }
                if alert.state.is_open() {
                    open.insert(alert.id.clone(), alert.state);
                } else {
                    open.remove(&alert.id);
                }
                prop_assert!(effects.changes.contains(&(entry.seq, Change::Alert(alert.id.clone()))));
                let named = |no| effects.changes.contains(&(entry.seq, Change::Station(no)));
                prop_assert!(alert.subject.station().is_none_or(named));
            }
            let left: Vec<_> = state.alerts.open().map(|alert| (alert.id.clone(), alert.state)).collect();
            prop_assert_eq!(left.len(), open.len());
            prop_assert!(left.iter().all(|(id, state)| open.get(id) == Some(state)));
        }
        prop_assert!(state.ledger.sources().all(|(_, counts)| counts.balances()));
    }
}

fn some_entries() -> Vec<Entry> {
    let tick = (30, Step::Tick);
    let samples = vec![
        Heard { channel: 0, age: 1, value: 90.0, class: TimeClass::Live, fault: false },
        Heard { channel: 1, age: 1, value: 0.01, class: TimeClass::Live, fault: false },
    ];
    let message = (30, Step::Message { source: 0, samples, refused: true });
    entries(&[
        message.clone(),
        tick.clone(),
        message.clone(),
        tick.clone(),
        message.clone(),
        tick.clone(),
        message,
        tick,
    ])
}

#[test]
fn effects_name_what_changed_once_and_feed_readers() {
    let feed = Feed::new(100, Seq(0));
    let mut state = fresh();
    let entries = some_entries();
    let mut effects = run(&mut state, &entries[..4]);
    assert_eq!((effects.resync_at, effects.changes.len()), (Some(Seq(1)), 0));
    effects.publish(&feed, state.applied);
    assert_eq!(feed.since(Seq(0)), Since::Resync);
    let mut effects = run(&mut state, &entries[4..5]);
    let stations = [(Seq(5), Change::Station(StationNo(0))), (Seq(5), Change::Station(StationNo(1)))];
    assert_eq!(effects.changes, stations);
    effects.publish(&feed, state.applied);
    assert_eq!(feed.since(Seq(4)), Since::Changes(stations.to_vec()));
    let mut effects = run(&mut state, &entries[5..]);
    assert_eq!(effects.transitions.len(), 1);
    let alert = &effects.transitions[0].alert.id;
    let incident = state.incidents.of_alert(alert).unwrap().clone();
    assert!(effects.changes.iter().any(|(_, change)| *change == Change::Incident(incident.clone())));
    effects.publish(&feed, state.applied);
    assert!(effects.changes.is_empty());
    assert_eq!(effects.transitions.len(), 1, "they wait for their taker");
    assert_eq!(state.alerts.worst_open(StationNo(0)), Some(crate::model::Severity::High));
}

#[test]
fn a_catalogue_said_again_changes_nothing() {
    let mut state = fresh();
    run(&mut state, &some_entries());
    let before = state.clone();
    let seq = state.applied.next();
    let body = Body::Catalogue(Box::new(catalogue()));
    let again = Entry { seq, received_at: state.ticked_at, body };
    let effects = run(&mut state, &[again]);
    assert_eq!(effects, Effects::default());
    assert_eq!(state, State { applied: seq, ..before });
}

fn entry(state: &State, seconds: i64, body: Body) -> Entry {
    Entry { seq: state.applied.next(), received_at: Timestamp::from_seconds(1_800_000_000 + seconds), body }
}

fn step(state: &mut State, seconds: i64, body: Body) -> Effects {
    let entry = entry(state, seconds, body);
    run(state, &[entry])
}

fn ticks(state: &mut State, seconds: std::ops::Range<i64>) -> Vec<Transition> {
    seconds.step_by(10).flat_map(|seconds| step(state, seconds, Body::Tick).transitions).collect()
}

fn one(seconds: i64, value: f64) -> Body {
    let heard = Heard { channel: 0, age: 0, value, class: TimeClass::Live, fault: false };
    message(0, &[heard], false, 1_800_000_000 + seconds)
}
