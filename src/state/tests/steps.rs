//! Whatever may come, as entries of the journal.

use super::*;

/// What one entry is to be, before it gets its number and time.
#[derive(Clone, Debug)]
pub(super) enum Step {
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
pub(super) struct Heard {
    pub(super) channel: u32,
    /// How long before its receipt it was observed, seconds.
    pub(super) age: i64,
    pub(super) value: f64,
    pub(super) class: TimeClass,
    pub(super) fault: bool,
}

pub(super) fn heard() -> impl Strategy<Value = Heard> {
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
pub(super) fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
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

pub(super) fn rule_sets() -> [Vec<RuleFile>; 6] {
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

pub(super) fn entries(steps: &[(i64, Step)]) -> Vec<Entry> {
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
pub(super) struct Known {
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

pub(super) fn word(alert: AlertId, key: u8, order: u8, now: i64) -> Body {
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

pub(super) fn plan(more: bool) -> EscalationPlan {
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

pub(super) fn another_catalogue(maintained: u8, retired: u8, now: i64) -> Body {
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
pub(super) fn grouping(span: u16) -> Body {
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

pub(super) fn policy() -> Policy {
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

pub(super) fn message(source: u16, samples: &[Heard], refused: bool, now: i64) -> Body {
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
