//! Replay equals live; and what must hold whatever comes.

use std::fs;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::alerts::tests::{catalogue, edited, rule};
use crate::alerts::{Retention, rules::Condition};
use crate::live::Since;
use crate::model::{
    Again, AlertState, ChannelId, FormerPlace, Quality, Reason, Rejection, Sample, SourceId, TimeClass, UnknownName,
};

/// What one entry is to be, before it gets its number and time.
#[derive(Clone, Debug)]
enum Step {
    Message {
        source: u16,
        samples: Vec<Heard>,
        refused: bool,
    },
    Tick,
    /// Which stations are under maintenance, and which are retired.
    Catalogue {
        maintained: u8,
        retired: u8,
    },
    Rules(usize),
}

#[derive(Clone, Debug)]
struct Heard {
    channel: u32,
    /// How long before its receipt it was observed, seconds.
    age: i64,
    value: f64,
    class: TimeClass,
    fault: bool,
}

fn heard() -> impl Strategy<Value = Heard> {
    // Channel 9 is unknown: an entry may be older than a catalogue that lost it.
    let channel = prop_oneof![9 => 0..3u32, 1 => Just(9u32)];
    let age = prop_oneof![6 => -20..60i64, 2 => 60..900i64, 1 => 3_600..90_000i64];
    let value = prop_oneof![(0..100u32).prop_map(f64::from), Just(50.0), Just(45.0)];
    let class = prop_oneof![
        5 => Just(TimeClass::Live),
        1 => Just(TimeClass::Late),
        1 => Just(TimeClass::Backfill),
        1 => Just(TimeClass::Imported),
    ];
    (channel, age, value, class, prop::bool::weighted(0.1)).prop_map(|(channel, age, value, class, fault)| Heard {
        channel,
        age,
        value,
        class,
        fault,
    })
}

/// Steps with the seconds that pass before each; sometimes Saola stops, sometimes its clock is set.
fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let message = (0..3u16, prop::collection::vec(heard(), 0..4), any::<bool>())
        .prop_map(|(source, samples, refused)| Step::Message { source, samples, refused });
    let step = prop_oneof![
        12 => message,
        12 => Just(Step::Tick),
        1 => (0..8u8, 0..8u8).prop_map(|(maintained, retired)| Step::Catalogue { maintained, retired: retired & 2 }),
        1 => (0..5usize).prop_map(Step::Rules),
    ];
    let pause =
        prop_oneof![20 => 0..60i64, 2 => 60..900i64, 1 => Just(7_200i64), 1 => Just(-3_600i64), 1 => Just(-3i64)];
    prop::collection::vec((pause, step), 1..120)
}

fn rule_sets() -> [Vec<RuleFile>; 5] {
    let levels = "property = 'pm2_5'\nkind = 'air'\nunit = 'ug/m3'\nlevels = [\n\
        { severity = 'medium', above = 50, clear = 45 }, { severity = 'high', above = 80, clear = 70 }]\n";
    let more = "\n[[rule]]\nname = 'no-data'\ntitle = { vi = 'Mất số liệu', en = 'No data' }\nproperty = 'pm2_5'\n\
        absence = { after = '10m', severity = 'low' }\n[[rule]]\nname = 'river'\n\
        title = { vi = 'Mực nước', en = 'Stage' }\nproperty = 'water_level'\n\
        levels = [{ severity = 'high', below = 20, clear = 30 }]\nabsence = '5m'\n";
    [
        rule(&format!("{levels}for = '2m'\nclear_for = '3m'\n{more}")),
        rule(levels),
        rule(&format!("{levels}for = '1m'\n{more}")),
        rule("property = 'pm2_5'"),
        Vec::new(),
    ]
}

fn entries(steps: &[(i64, Step)]) -> Vec<Entry> {
    let rules = rule_sets();
    let mut now = 1_800_000_000;
    let mut bodies =
        vec![(now, Body::Catalogue(Box::new(catalogue()))), (now, Body::Rules(rules[0].clone())), (now, Body::Tick)];
    for (pause, step) in steps {
        now += pause;
        let body = match step {
            Step::Tick if now % 7 == 0 => Body::Canary { sent_at: Timestamp::from_seconds(now - 1) },
            Step::Tick => Body::Tick,
            Step::Rules(which) => Body::Rules(rules[*which].clone()),
            Step::Catalogue { maintained, retired } => {
                let place = FormerPlace {
                    until: Timestamp::from_seconds(now - 9),
                    position: crate::model::Position { lon: 103.0, lat: 22.0 },
                    area: None,
                };
                let moves = vec![(StationNo(u32::from(*maintained) % 3), vec![place])];
                let edited = edited(&catalogue(), |stations, channels| {
                    for (place, (station, channel)) in stations.iter_mut().zip(channels).enumerate() {
                        station.maintenance = maintained & (1 << place) != 0;
                        station.retired = retired & (1 << place) != 0;
                        channel.retired = station.retired;
                    }
                });
                Body::Catalogue(Box::new(edited.with_moves(moves)))
            }
            Step::Message { source, samples, refused } => message(*source, samples, *refused, now),
        };
        bodies.push((now, body));
    }
    let numbered = bodies.into_iter().zip(1..);
    numbered
        .map(|((now, body), seq)| Entry { seq: Seq(seq), received_at: Timestamp::from_seconds(now), body })
        .collect()
}

fn message(source: u16, samples: &[Heard], refused: bool, now: i64) -> Body {
    let sample = |heard: &Heard| Sample {
        channel: ChannelId(heard.channel),
        observed_at: Timestamp::from_seconds(now - heard.age),
        value: heard.value,
        quality: if heard.fault { Quality::FAULT } else { Quality::GOOD },
        time_class: heard.class,
    };
    let samples: Vec<Sample> = samples.iter().map(sample).collect();
    let rejection = || Rejection { reason: Reason::Implausible, detail: "too much".into() };
    let rejections: Vec<_> = refused.then(rejection).into_iter().collect();
    let received = u32::try_from(samples.len() + rejections.len()).unwrap() + 1;
    // Some are refused for an unknown name, some are handed in again; which ones follows from the time.
    let name = || UnknownName::new(["nobody", "s0", "ai"][now as usize % 3], "pm2_5", None);
    let unknown = refused.then(name).into_iter().collect();
    let again = (now % 4 == 0).then(|| Again { of: Seq(3), first_at: Timestamp::from_seconds(now - 60) });
    let source = SourceId(source);
    Body::Message(Message { source, received, duplicates: 1, samples, rejections, raw: None, unknown, again })
}

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
        let mut transitions = run(&mut part, before).transitions;
        let mut restored = State::restore(&part.snapshot().unwrap()).unwrap();
        prop_assert_eq!(&restored, &part);
        prop_assert_eq!(run(&mut restored, before), Effects::default());
        prop_assert_eq!(&restored, &part);
        transitions.extend(run(&mut restored, after).transitions);

        prop_assert_eq!(&restored, &whole);
        prop_assert_eq!(transitions, all.transitions);
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
        prop_assert_eq!(one.alerts, other.alerts);
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
            for Transition { from, alert } in &effects.transitions {
                prop_assert_eq!(*from, open.get(&alert.id).copied());
                let moment = alert.timeline.last().unwrap();
                prop_assert_eq!((moment.state, moment.severity, moment.at), (alert.state, alert.severity, alert.changed_at));
                if from.is_none() {
                    let rule = state.alerts.rules().named(&alert.rule).unwrap();
                    let hold = match rule.condition {
                        Condition::Absence { after, .. } => after,
                        Condition::Levels { .. } => rule.hold,
                    };
                    prop_assert!(alert.changed_at >= alert.started_at + hold, "{alert:?}");
                    prop_assert!(!state.catalogue.station(alert.subject.station).unwrap().maintenance);
                    prop_assert_ne!(alert.state, AlertState::Cleared);
                }
                if alert.state.is_open() {
                    open.insert(alert.id.clone(), alert.state);
                } else {
                    open.remove(&alert.id);
                }
                prop_assert!(effects.changes.contains(&(entry.seq, Change::Alert(alert.id.clone()))));
                prop_assert!(effects.changes.contains(&(entry.seq, Change::Station(alert.subject.station))));
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
    let mut effects = run(&mut state, &entries[..3]);
    assert_eq!((effects.resync_at, effects.changes.len()), (Some(Seq(1)), 0));
    effects.publish(&feed, state.applied);
    assert_eq!(feed.since(Seq(0)), Since::Resync);
    let mut effects = run(&mut state, &entries[3..4]);
    let stations = [(Seq(4), Change::Station(StationNo(0))), (Seq(4), Change::Station(StationNo(1)))];
    assert_eq!(effects.changes, stations);
    effects.publish(&feed, state.applied);
    assert_eq!(feed.since(Seq(3)), Since::Changes(stations.to_vec()));
    let mut effects = run(&mut state, &entries[4..]);
    assert_eq!(effects.transitions.len(), 1);
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

#[test]
fn a_snapshot_is_refused_when_cut_or_changed_anywhere() {
    let mut state = fresh();
    run(&mut state, &some_entries());
    let whole = state.snapshot().unwrap();
    for length in 0..whole.len() {
        assert!(State::restore(&whole[..length]).is_err(), "cut at {length}");
    }
    for place in 0..whole.len() {
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed[place] ^= 1 << bit;
            assert!(State::restore(&changed).is_err(), "bit {bit} of byte {place}");
        }
    }
    assert!(State::restore(&[whole.as_slice(), b"x"].concat()).is_err());
}

#[test]
fn a_broken_snapshot_is_moved_aside_and_the_one_before_it_serves() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let retention = Retention::default();
    assert!(snapshot::load(dir, retention).unwrap().state.is_none());
    let entries = some_entries();
    let mut state = fresh();
    let mut saved = Vec::new();
    for entry in &entries[..4] {
        state.apply(entry, &mut Effects::default());
        saved.push(snapshot::save(dir, &state).unwrap());
    }
    assert_eq!(saved[3], snapshot::Saved { through: Seq(4), needs_after: Seq(3) });
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["00000000000000000003.snapshot", "00000000000000000004.snapshot"]);

    let loaded = snapshot::load(dir, retention).unwrap();
    assert!(loaded.broken.is_empty());
    assert_eq!(loaded.needs_after, Seq(3));
    assert_eq!(loaded.state.unwrap().applied, Seq(4));

    let newest = dir.join(&names[1]);
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, &bytes).unwrap();
    let loaded = snapshot::load(dir, retention).unwrap();
    assert!(matches!(loaded.broken[0].1, SnapshotError::Checksum { .. }));
    assert_eq!(fs::read(&loaded.broken[0].0).unwrap(), bytes, "nothing is deleted");
    let mut restored = loaded.state.unwrap();
    assert_eq!(restored.applied, Seq(3));
    run(&mut restored, &entries);
    run(&mut state, &entries);
    restored.alerts.set_retention(Retention { keep_closed: Duration::from_secs(1800), keep_closed_count: 5 });
    assert_eq!(restored, state);
}

/// The snapshot with another format byte and the checksum that goes with it.
fn of_format(format: u8, mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[4] = format;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[4..5]);
    hasher.update(&bytes[9..]);
    bytes[5..9].copy_from_slice(&hasher.finalize().to_le_bytes());
    bytes
}

#[test]
fn snapshots_of_earlier_formats_are_read() {
    let mut state = fresh();
    let mut entries = some_entries();
    for entry in &mut entries {
        if let Body::Message(message) = &mut entry.body {
            (message.unknown, message.again) = (Vec::new(), None);
        }
    }
    entries.retain(|entry| !matches!(entry.body, Body::Canary { .. }));
    run(&mut state, &entries);
    let mut bytes = state.snapshot().unwrap();
    assert_eq!(bytes.split_off(bytes.len() - 4), [0; 4], "nothing replayed, nobody unknown, no canary, no moves");
    assert_eq!(State::restore(&of_format(2, bytes.clone())).unwrap(), state);
    assert_eq!(bytes.pop(), Some(0), "no import, an empty list");
    assert_eq!(State::restore(&of_format(1, bytes)).unwrap(), state);
}

#[test]
fn a_snapshot_of_another_format_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = of_format(200, fresh().snapshot().unwrap());
    let path = folder.path().join("00000000000000000009.snapshot");
    fs::write(&path, &bytes).unwrap();
    let error = snapshot::load(folder.path(), Retention::default()).unwrap_err();
    assert!(matches!(error, SnapshotError::Format { found: 200 }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
