//! Replay equals live; and what must hold whatever comes.

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
    /// Of a source or of everything, how long ago it began, and whether it is over.
    Outage {
        source: Option<u16>,
        ago: i64,
        over: bool,
    },
    /// A station's device dies, and has missed messages.
    Death(u32),
    /// From and to, seconds from now.
    Maintenance {
        station: u32,
        from: i64,
        lasts: i64,
    },
    /// One of the first windows.
    Withdraw(usize),
    Correction {
        channel: u32,
        age: i64,
    },
    Policy,
    /// About one of the alerts known by then, under one of a few keys, what of it.
    Word {
        alert: usize,
        key: u8,
        order: u8,
    },
    Plan(bool),
    DeliveryFailed {
        alert: usize,
        step: u16,
    },
    /// Seconds.
    Grouping(u16),
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
        2 => prop_oneof![0..6usize, Just(4)].prop_map(Step::Rules),
        1 => (prop::option::of(0..3u16), 0..600i64, any::<bool>())
            .prop_map(|(source, ago, over)| Step::Outage { source, ago, over }),
        1 => (0..3u32).prop_map(Step::Death),
        1 => (0..3u32, -60..300i64, 1..900i64)
            .prop_map(|(station, from, lasts)| Step::Maintenance { station, from, lasts }),
        1 => (0..8usize).prop_map(Step::Withdraw),
        1 => (0..3u32, 0..60i64).prop_map(|(channel, age)| Step::Correction { channel, age }),
        1 => Just(Step::Policy),
        4 => (0..4usize, 0..12u8, 0..10u8).prop_map(|(alert, key, order)| Step::Word { alert, key, order }),
        1 => any::<bool>().prop_map(Step::Plan),
        1 => (0..4usize, 0..3u16).prop_map(|(alert, step)| Step::DeliveryFailed { alert, step }),
        1 => prop_oneof![Just(0), Just(300u16)].prop_map(Step::Grouping),
    ];
    let pause =
        prop_oneof![20 => 0..60i64, 2 => 60..900i64, 1 => Just(7_200i64), 1 => Just(-3_600i64), 1 => Just(-3i64)];
    prop::collection::vec((pause, step), 1..120)
}

fn rule_sets() -> [Vec<RuleFile>; 6] {
    let levels = "property = 'pm2_5'\nkind = 'air'\nunit = 'ug/m3'\nlevels = [\n\
        { severity = 'medium', above = 50, clear = 45 }, { severity = 'high', above = 80, clear = 70 }]\n";
    let more = "\n[[rule]]\nname = 'no-data'\ntitle = { vi = 'Mất số liệu', en = 'No data' }\nproperty = 'pm2_5'\n\
        absence = { after = '10m', severity = 'low' }\n[[rule]]\nname = 'river'\n\
        title = { vi = 'Mực nước', en = 'Stage' }\nproperty = 'water_level'\n\
        levels = [{ severity = 'high', below = 20, clear = 30 }]\nabsence = '5m'\n";
    let named =
        |name: &str, body: &str| format!("[[rule]]\nname = '{name}'\ntitle = {{ vi = 'x', en = 'x' }}\n{body}\n");
    let level = "levels = [{ severity = 'high', above = 50, clear = 40 }]";
    let all = [
        named(
            "sum",
            &format!("property = 'water_level'\nof = {{ fn = 'sum', over = '3m', completeness = 0.3 }}\n{level}"),
        ),
        named(
            "rate",
            &format!("property = 'water_level'\nof = {{ fn = 'rate', over = '5m', completeness = 0 }}\n{level}"),
        ),
        named("less", &format!("property = 'pm2_5'\nof = {{ fn = 'difference', to = 'AQ-01' }}\n{level}\nfor = '1m'")),
        named(
            "times",
            &format!(
                "property = 'pm2_5'\ntimes = {{ n = 2, of = 3 }}\n{level}\nflapping = {{ raises = 2, within = '5m' }}"
            ),
        ),
        named("any", "severity = 'low'\nany = [{ property = 'pm2_5', above = 60 }]\nlatched = true"),
        named(
            "count",
            "property = 'pm2_5'\nabove = 0.05\nunit = 'mg/m3'\ncount = { per = 'province' }\nfor = '1m'\n\
            levels = [{ severity = 'low', above = 0 }]",
        ),
        named(
            "night",
            &format!("property = 'pm2_5'\n{level}\ncalendar = {{ from = '15:05', to = '15:35' }}\nfor = '1m'"),
        ),
    ];
    let all = vec![RuleFile { name: "all.toml".into(), text: all.concat() }];
    [
        rule(&format!("{levels}for = '2m'\nclear_for = '3m'\n{more}")),
        rule(levels),
        rule(&format!("{levels}for = '1m'\n{more}")),
        rule("property = 'pm2_5'"),
        all,
        Vec::new(),
    ]
}

fn entries(steps: &[(i64, Step)]) -> Vec<Entry> {
    let rules = rule_sets();
    let mut now = 1_800_000_000;
    let mut bodies =
        vec![(now, Body::Catalogue(Box::new(catalogue()))), (now, Body::Rules(rules[0].clone())), (now, Body::Tick)];
    bodies.push((now, grouping(60)));
    let mut windows = Vec::new();
    let mut known = Known { state: fresh(), applied: 0 };
    for (pause, step) in steps {
        now += pause;
        let at = |seconds: i64| Timestamp::from_seconds(now + seconds);
        let body = match step {
            Step::Tick if now % 7 == 0 => Body::Canary { sent_at: Timestamp::from_seconds(now - 1) },
            Step::Tick => Body::Tick,
            Step::Rules(which) => Body::Rules(rules[*which].clone()),
            Step::Outage { source, ago, over } => Body::Outage(Outage {
                of: source.map_or(Deaf::Everything, |source| Deaf::Source(SourceId(source))),
                from: at(-ago),
                to: over.then(|| at(0)),
            }),
            Step::Death(station) => {
                let station = Some(StationNo(*station));
                let fact = |said| DeviceFact { device: "a".into(), station, said };
                let facts = vec![fact(Said::Missed(3)), fact(Said::Silent)];
                Body::Devices(DeviceReport { source: SourceId(0), facts })
            }
            Step::Maintenance { station, from, lasts } => {
                windows.push(Seq(bodies.len() as u64 + 1));
                Body::Maintenance(MaintenanceCommand::Plan(Window {
                    station: StationNo(*station),
                    from: at(*from),
                    to: at(from + lasts),
                    reason: "r".into(),
                    author: "a".into(),
                }))
            }
            Step::Withdraw(which) => {
                let window = windows.get(*which).copied().unwrap_or(Seq(1));
                Body::Maintenance(MaintenanceCommand::Withdraw { window, author: "a".into() })
            }
            Step::Correction { channel, age } => {
                let sample = Sample {
                    channel: ChannelId(*channel),
                    observed_at: at(-age),
                    value: 1.0,
                    quality: Quality::EDITED,
                    time_class: TimeClass::Backfill,
                };
                let (author, reason) = ("a".into(), "r".into());
                Body::Corrections(Corrections { author, reason, samples: vec![sample] })
            }
            Step::Policy => Body::Policy(Box::new(policy())),
            Step::Plan(more) => Body::Escalation(Box::new(plan(*more))),
            Step::Word { .. } | Step::DeliveryFailed { .. } => known.said(&bodies, step, now),
            Step::Grouping(span) => grouping(*span),
            Step::Catalogue { maintained, retired } => another_catalogue(*maintained, *retired, now),
            Step::Message { source, samples, refused } => message(*source, samples, *refused, now),
        };
        bodies.push((now, body));
    }
    let numbered = bodies.into_iter().zip(1..);
    numbered
        .map(|((now, body), seq)| Entry { seq: Seq(seq), received_at: Timestamp::from_seconds(now), body })
        .collect()
}

/// What has been applied so far, to know which alerts there are.
struct Known {
    state: State,
    applied: usize,
}

impl Known {
    /// A word about one of the newest alerts, or about one that there is not.
    fn said(&mut self, bodies: &[(i64, Body)], step: &Step, now: i64) -> Body {
        for (at, body) in &bodies[self.applied..] {
            let (seq, received_at) = (self.state.applied.next(), Timestamp::from_seconds(*at));
            self.state.apply(&Entry { seq, received_at, body: body.clone() }, &mut Effects::default());
        }
        self.applied = bodies.len();
        let all = self.state.alerts.all(&crate::alerts::Filter::default());
        let id = |place: usize| all.get(place).map_or(AlertId("none".into()), |alert| alert.id.clone());
        match step {
            Step::Word { alert, key, order } => word(id(*alert), *key, *order, now),
            Step::DeliveryFailed { alert, step } => {
                let person = PersonId(format!("p{step}").into());
                Body::DeliveryFailed(DeliveryFailed {
                    alert: id(*alert),
                    person,
                    step: *step,
                    of: Seq(bodies.len() as u64),
                })
            }
            _ => Body::Tick,
        }
    }
}

fn word(alert: AlertId, key: u8, order: u8, now: i64) -> Body {
    let note = String::new();
    let order = match order {
        0 | 1 => Order::Acknowledge { note },
        2 => Order::Unacknowledge { note },
        3 => Order::Assign { to: Some("b".into()), note },
        4 => Order::Comment { text: "c".into() },
        5 | 6 => Order::Shelve { until: Timestamp::from_seconds(now + 120), reason: "r".into() },
        7 => Order::Unshelve { note },
        8 => Order::Close { cause: CloseCause::FalseAlarm, note },
        _ => Order::Close { cause: CloseCause::Resolved, note },
    };
    let request = [u8::from(matches!(order, Order::Comment { .. })); 16];
    let author = ["a", "b"][usize::from(key % 2)].to_owned();
    let key = (key < 8).then(|| CommandKey { text: format!("k{key}"), request });
    Body::Alert(Box::new(AlertCommand { alert, author, order, said_at: None, versions: None, key, origin: None }))
}

fn plan(more: bool) -> EscalationPlan {
    let step = |after, to: &str| LadderStep { after: Duration::from_secs(after), to: Recipient::Duty(to.to_owned()) };
    let reminders = Some(Reminders { every: Duration::from_secs(60), at_most: 2, to: None });
    let severe = Ladder {
        severities: vec![Severity::High],
        steps: vec![step(60, "a"), step(180, "b")],
        reminders,
        ..Ladder::default()
    };
    let any = Ladder { areas: ["12".into()].into(), steps: vec![step(120, "c")], ..Ladder::default() };
    EscalationPlan { ladders: if more { vec![severe, any] } else { vec![any] } }
}

fn another_catalogue(maintained: u8, retired: u8, now: i64) -> Body {
    let place = FormerPlace {
        until: Timestamp::from_seconds(now - 9),
        position: crate::model::Position { lon: 103.0, lat: 22.0 },
        area: None,
    };
    let moves = vec![(StationNo(u32::from(maintained) % 3), vec![place])];
    let edited = edited(&catalogue(), |stations, channels| {
        for (place, (station, channel)) in stations.iter_mut().zip(channels).enumerate() {
            station.maintenance = maintained & (1 << place) != 0;
            station.retired = retired & (1 << place) != 0;
            channel.retired = station.retired;
        }
    });
    let derived = Derived { channel: ChannelId(u32::from(maintained) % 2), from: vec![ChannelId(2)] };
    Body::Catalogue(Box::new(edited.with_moves(moves).with_derived(vec![derived])))
}

/// What belongs together: dust in one place, rivers, and stations that are not heard.
fn grouping(span: u16) -> Body {
    let group = |name: &str, cause: &str| {
        format!(
            "[[group]]\nname = '{name}'\ntitle = {{ vi = 'a', en = 'a' }}\ncauses = ['{cause}']\nradius_km = 1\n\
             span = '{span}s'\nsame_commune = true\n"
        )
    };
    let gateway = "[gateway]\ntitle = { vi = 'a', en = 'a' }\nseverity = 'low'\nleast = 2\nshare = 0.5\nafter = '1m'\n\
        patience = '5m'\n";
    let groups = [group("dust", "pm2_5"), group("river", "water_level"), group("silent", "no_data"), gateway.into()];
    Body::Grouping(vec![RuleFile { name: "incidents.toml".into(), text: groups.concat() }])
}

fn policy() -> Policy {
    let limits = Limits {
        unit: crate::model::Unit::MicrogramPerCubicMetre,
        range: None,
        step: Some(Step_ { by: 10.0, per_hour: 0.0 }),
        stuck: Some(Stuck { after: Duration::from_secs(300), tolerance: 1.0, except: vec![] }),
    };
    let mut policy = Policy::default();
    policy.properties.insert("pm2_5".into(), limits);
    let zone = "Asia/Ho_Chi_Minh".to_owned();
    policy.awake.insert(("RV-01".into(), None), Awake::Daily { from_minute: 360, to_minute: 1080, zone });
    policy
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
    restored.set_retention(Retention { keep_closed: Duration::from_secs(1800), keep_closed_count: 5 });
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
    // Written by the version that had format 4, after the same entries.
    let fourth = include_bytes!("../../../tests/fixtures/snapshots/format4.snapshot");
    type Former = (Arc<Catalogue>, Live, alerts::Former, Ledger, Seq, Timestamp);
    let (_, behind): (Former, &[u8]) = postcard::take_from_bytes(&fourth[9..]).unwrap();
    let first = fourth[..fourth.len() - behind.len()].to_vec();
    let second = [&first[..], &[0]].concat();
    let third = [&second[..], &[0; 4]].concat();
    for old in [of_format(1, first), of_format(2, second), of_format(3, third), fourth.to_vec()] {
        let mut restored = State::restore(&old).unwrap();
        assert_eq!((&restored.ledger, &restored.catalogue), (&state.ledger, &state.catalogue));
        assert_eq!(restored.alerts.rules(), state.alerts.rules());
        let open = |state: &State| state.alerts.open().cloned().collect::<Vec<_>>();
        assert_eq!(open(&restored), open(&state));
        assert_eq!(open(&restored).len(), 1);
        let fresh = |state: &State| {
            let of = |channel| (state.newest(channel), state.live.listening().valid_at(channel));
            state.catalogue.channels().iter().map(|channel| of(channel.id)).collect::<Vec<_>>()
        };
        assert_eq!(fresh(&restored), fresh(&state));
        assert_eq!(State::restore(&restored.snapshot().unwrap()).unwrap(), restored);
        // What was open goes on, and is cleared like any other.
        let mut state = state.clone();
        let goes_on = |state: &mut State| -> Vec<_> {
            let told = (240..600).step_by(60).flat_map(|at| step(state, at, one(at, 1.0)).transitions);
            told.map(|told| (told.from, told.alert)).collect()
        };
        let told = goes_on(&mut state);
        assert_eq!(told.last().map(|(_, alert)| alert.state), Some(AlertState::Cleared));
        assert_eq!(goes_on(&mut restored), told);
    }
}

#[test]
fn a_snapshot_without_receipts_of_good_samples_is_read() {
    let mut state = fresh();
    run(&mut state, &some_entries());
    let whole = state.snapshot().unwrap();
    let receipts = postcard::to_stdvec(&state.alerts.receipts()).unwrap();
    let fifth = of_format(5, whole.strip_suffix(receipts.as_slice()).unwrap().to_vec());
    let restored = State::restore(&fifth).unwrap();
    assert_eq!(restored.alerts.open().collect::<Vec<_>>(), state.alerts.open().collect::<Vec<_>>());
    assert_eq!((&restored.live, &restored.incidents), (&state.live, &state.incidents));
    assert_eq!(State::restore(&restored.snapshot().unwrap()).unwrap(), restored);
}

#[test]
fn what_was_open_before_there_were_incidents_is_taken_in() {
    let mut state = fresh();
    run(&mut state, &some_entries());
    let mut restored = State { incidents: Incidents::default(), ..state.clone() };
    restored.set_retention(Retention { keep_closed: Duration::from_secs(1800), keep_closed_count: 5 });
    let alert = restored.alerts.open().next().unwrap().id.clone();
    assert_eq!(restored.incidents.of_alert(&alert), None);
    step(&mut restored, 1_000, grouping(60));
    assert_eq!(restored.incidents.of_alert(&alert), state.incidents.of_alert(&alert));
    assert!(restored.incidents.of_alert(&alert).is_some());
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

/// The air station `AQ-01` (wired, every 60 s) under a rule for ten minutes without data.
fn watched() -> State {
    let mut state = fresh();
    step(&mut state, 0, Body::Catalogue(Box::new(catalogue())));
    let files = rule("property = 'pm2_5'\nstations = ['AQ-01']\nabsence = { after = '10m', severity = 'low' }");
    step(&mut state, 0, Body::Rules(files));
    step(&mut state, 0, Body::Tick);
    step(&mut state, 0, one(0, 1.0));
    ticks(&mut state, 10..101);
    state
}

fn freshness(state: &State, seconds: i64) -> Freshness {
    let channel = state.catalogue.channel(ChannelId(0)).unwrap();
    state.live.freshness(&state.catalogue, channel, Timestamp::from_seconds(1_800_000_000 + seconds))
}

#[test]
fn two_hours_down_are_not_counted_as_absence_and_the_rest_is() {
    let mut state = watched();
    let down = |from: i64, to: i64| {
        let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds);
        Body::Outage(Outage { of: Deaf::Everything, from: at(from), to: Some(at(to)) })
    };
    // Down from 100 s to 7300 s: 100 s of the ten minutes had passed.
    step(&mut state, 7_300, down(100, 7_300));
    assert_eq!(ticks(&mut state, 7_300..7_800), []);
    let told = ticks(&mut state, 7_800..7_801);
    assert_eq!(told.len(), 1, "the timer went on where it stood");
    assert_eq!(told[0].alert.started_at, Timestamp::from_seconds(1_800_000_000));
}

#[test]
fn absence_waits_while_the_link_of_its_source_is_down() {
    let mut state = watched();
    let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds);
    let of = Deaf::Source(SourceId(0));
    step(&mut state, 100, Body::Outage(Outage { of, from: at(100), to: None }));
    assert_eq!(ticks(&mut state, 110..3_000), []);
    step(&mut state, 3_000, Body::Outage(Outage { of, from: at(100), to: Some(at(3_000)) }));
    assert_eq!(ticks(&mut state, 3_000..3_500), []);
    assert_eq!(ticks(&mut state, 3_500..3_510).len(), 1);
    // Another source's link says nothing of it.
    let mut state = watched();
    let of = Deaf::Source(SourceId(1));
    step(&mut state, 100, Body::Outage(Outage { of, from: at(100), to: None }));
    assert_eq!(ticks(&mut state, 110..601).len(), 1);
}

#[test]
fn a_maintenance_window_mutes_its_station_while_it_lasts_and_no_longer() {
    let mut state = watched();
    let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds);
    let (reason, author) = ("new sensor".to_owned(), "an".to_owned());
    let window = Window { station: StationNo(0), from: at(200), to: at(2_000), reason, author };
    step(&mut state, 110, Body::Maintenance(MaintenanceCommand::Plan(window)));
    assert_eq!(freshness(&state, 110), Freshness::Late);
    assert_eq!(ticks(&mut state, 110..2_000), [], "its absence is expected");
    assert_eq!(freshness(&state, 1_990), Freshness::Maintenance);
    assert!(!state.declared().station(StationNo(0)).unwrap().maintenance);
    let effects = step(&mut state, 2_000, Body::Tick);
    assert!(effects.changes.contains(&(state.applied, Change::Station(StationNo(0)))), "{effects:?}");
    assert_eq!(freshness(&state, 2_000), Freshness::Silent);
    assert_eq!(ticks(&mut state, 2_010..2_600), []);
    assert_eq!(ticks(&mut state, 2_600..2_610).len(), 1, "ten minutes after its end");
}

#[test]
fn a_dead_device_is_silent_at_once_and_its_open_alert_unknown() {
    let mut state = watched();
    let levels = "property = 'pm2_5'\nstations = ['AQ-01']\nlevels = [{ severity = 'high', above = 50, clear = 40 }]";
    step(&mut state, 100, Body::Rules(rule(levels)));
    assert_eq!(step(&mut state, 110, one(110, 90.0)).transitions.len(), 1);
    let fact = DeviceFact { device: "g/n/AQ-01".into(), station: Some(StationNo(0)), said: Said::Silent };
    let report = DeviceReport { source: SourceId(0), facts: vec![fact] };
    step(&mut state, 115, Body::Devices(report));
    assert_eq!(freshness(&state, 115), Freshness::Silent);
    let told = ticks(&mut state, 120..121);
    assert_eq!(told.iter().map(|told| told.alert.state).collect::<Vec<_>>(), [AlertState::Unknown]);
    assert_eq!(step(&mut state, 130, one(130, 90.0)).transitions[0].alert.state, AlertState::Active);
    assert_eq!(freshness(&state, 130), Freshness::Live);
}

#[test]
fn a_gateway_that_speaks_keeps_no_dead_device_alive() {
    let mut state = watched();
    for seconds in (110..1_000).step_by(10) {
        // Samples of the other stations by the same source, and messages without any sample.
        let heard = Heard { channel: 2, age: 0, value: 1.0, class: TimeClass::Live, fault: false };
        step(&mut state, seconds, message(0, &[heard], false, 1_800_000_000 + seconds));
        step(&mut state, seconds, message(0, &[], false, 1_800_000_000 + seconds));
    }
    assert_eq!(freshness(&state, 1_000), Freshness::Silent);
}

#[test]
fn missed_messages_are_counted_by_station_and_by_device() {
    let mut state = watched();
    for (station, missed) in [(Some(StationNo(0)), 3), (Some(StationNo(0)), 4), (None, 5)] {
        let fact = DeviceFact { device: "g/n".into(), station, said: Said::Missed(missed) };
        step(&mut state, 100, Body::Devices(DeviceReport { source: SourceId(0), facts: vec![fact] }));
    }
    let missing = state.devices.missing_of(StationNo(0));
    assert_eq!((missing.gaps, missing.messages, state.devices.messages_missing()), (2, 7, 12));
    let unplaced: Vec<_> =
        state.devices.unplaced().map(|(source, device, missing)| (source, device, missing.messages)).collect();
    assert_eq!(unplaced, [(SourceId(0), "g/n", 5)]);
}

#[test]
fn a_correction_changes_what_is_shown_but_dispatches_nobody() {
    let mut state = watched();
    let levels = "property = 'pm2_5'\nstations = ['AQ-01']\nlevels = [{ severity = 'high', above = 50, clear = 40 }]";
    step(&mut state, 100, Body::Rules(rule(levels)));
    step(&mut state, 105, Body::Policy(Box::new(policy())));
    step(&mut state, 110, one(110, 10.0));
    let sample = Sample {
        channel: ChannelId(0),
        observed_at: Timestamp::from_seconds(1_800_000_110),
        value: 90.0,
        quality: Quality::EDITED,
        time_class: TimeClass::Backfill,
    };
    let (author, reason) = ("an".to_owned(), "misread".to_owned());
    let correction = Body::Corrections(Corrections { author, reason, samples: vec![sample] });
    // The checks remember it here as at the door: a restart takes this memory.
    let (mut judge, before) = (state.judge.clone(), state.judge.clone());
    let Entry { seq, received_at, body } = entry(&state, 120, correction.clone());
    judge.apply(seq, received_at, &body, (&state.catalogue, &state.catalogue));
    let effects = step(&mut state, 120, correction);
    assert!(judge != before && state.judge == judge);
    let latest = state.live.latest(ChannelId(0)).unwrap();
    assert_eq!((latest.value, latest.quality), (90.0, Quality::EDITED));
    assert_eq!((effects.transitions.len(), effects.changes.len()), (0, 1));
    assert_eq!(state.author_of(state.applied).map(|author| author.reason.as_str()), Some("misread"));
}

/// A late sample that is newer than the one in time must not keep a death from ending.
#[test]
fn a_sample_in_time_ends_a_death_though_a_late_one_is_newer() {
    let mut state = watched();
    let fact = DeviceFact { device: "d".into(), station: Some(StationNo(0)), said: Said::Silent };
    step(&mut state, 110, Body::Devices(DeviceReport { source: SourceId(0), facts: vec![fact] }));
    let heard = |age, class| Heard { channel: 0, age, value: 1.0, class, fault: false };
    step(&mut state, 120, message(0, &[heard(0, TimeClass::Late)], false, 1_800_000_120));
    assert_eq!(freshness(&state, 120), Freshness::Silent);
    step(&mut state, 121, message(0, &[heard(5, TimeClass::Live)], false, 1_800_000_121));
    assert_eq!(freshness(&state, 121), Freshness::Live);
}
