//! The engine, table by table: a series in, transitions out.

use std::time::Duration;

use super::*;
use crate::model::{
    AlertState, Area, AreaId, AreaLevel, Channel, LinkClass, LocalName, Policy, Position, Property, Quality, Range,
    RuleFile, Sample, Station, StationId, StationKind, TimeClass, Transition, Unit,
};

fn name(text: &str) -> LocalName {
    LocalName { vi: text.into(), en: text.into() }
}

/// Stations with one channel each, every 60 s over wire: live for 70 s, silent after 310 s.
fn catalogue_of(stations: &[(&str, StationKind, &str, Unit)]) -> Catalogue {
    let areas = vec![
        Area { id: AreaId::new("12"), level: AreaLevel::Province, name: name("Lai Châu"), parent: None },
        Area {
            id: AreaId::new("03388"),
            level: AreaLevel::Commune,
            name: name("Tân Phong"),
            parent: Some("12".into()),
        },
    ];
    let numbered = || stations.iter().zip(0u32..);
    let channel = |(row, no): (&(&str, StationKind, &str, Unit), u32)| Channel {
        id: ChannelId(no),
        station: StationNo(no),
        property: Property::new(row.2),
        unit: row.3,
        interval: Duration::from_secs(60),
        plausible: Range { min: -1e6, max: 1e6 },
        link: LinkClass::Wired,
        retired: false,
    };
    let station = |(row, no): (&(&str, StationKind, &str, Unit), u32)| Station {
        no: StationNo(no),
        id: StationId::new(row.0),
        kind: row.1,
        name: name(row.0),
        position: Position { lon: 103.5, lat: 22.4 },
        area: (no == 0).then(|| "03388".into()),
        maintenance: false,
        retired: false,
        channels: vec![ChannelId(no)],
    };
    Catalogue::new(vec![], areas, numbered().map(station).collect(), numbered().map(channel).collect()).unwrap()
}

pub(crate) fn catalogue() -> Catalogue {
    catalogue_of(&[
        ("AQ-01", StationKind::Air, "pm2_5", Unit::MicrogramPerCubicMetre),
        ("Đồi-2", StationKind::Air, "pm2_5", Unit::MilligramPerCubicMetre),
        ("RV-01", StationKind::River, "water_level", Unit::Metre),
    ])
}

pub(crate) fn edited(catalogue: &Catalogue, edit: impl FnOnce(&mut Vec<Station>, &mut Vec<Channel>)) -> Catalogue {
    let mut stations = catalogue.stations().to_vec();
    let mut channels = catalogue.channels().to_vec();
    edit(&mut stations, &mut channels);
    Catalogue::new(vec![], catalogue.areas().to_vec(), stations, channels).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

pub(crate) fn rule(body: &str) -> Vec<RuleFile> {
    let text = format!("[[rule]]\nname = \"dust\"\ntitle = {{ vi = \"Bụi\", en = \"Dust\" }}\n{body}\n");
    vec![RuleFile { name: "dust.toml".into(), text }]
}

/// Alerts with their clock: ticks every 10 s.
#[derive(Clone)]
struct Bench {
    catalogue: Catalogue,
    listening: Listening,
    alerts: Alerts,
    now: i64,
    ticked: i64,
    out: Vec<Transition>,
}

impl Bench {
    fn new(catalogue: Catalogue, rules: &[RuleFile]) -> Bench {
        let mut alerts = Alerts::new(Retention::default());
        let mut out = Vec::new();
        let mut listening = Listening::default();
        listening.adopt(&Catalogue::default(), &catalogue, &Policy::default());
        let world = World { catalogue: &catalogue, listening: &listening };
        alerts.adopt_catalogue(&Catalogue::default(), world, at(-10), &mut out);
        alerts.adopt_rules(rules, world, at(-10), &mut out).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        alerts.tick(world, Timestamp::EPOCH, at(-10), &mut out);
        Bench { catalogue, listening, alerts, now: -10, ticked: -10, out }
    }

    fn pass(&mut self, until: i64) {
        while self.ticked + 10 <= until {
            self.tick(self.ticked + 10);
        }
        self.now = until;
    }

    fn tick(&mut self, now: i64) {
        let world = World { catalogue: &self.catalogue, listening: &self.listening };
        self.alerts.tick(world, at(self.ticked), at(now), &mut self.out);
        self.ticked = now;
    }

    fn hear(&mut self, sample: Sample) {
        let world = World { catalogue: &self.catalogue, listening: &self.listening };
        self.alerts.hear(world, &sample, at(self.now), &mut self.out);
    }

    /// `60=5` a good sample in time, `60~5` one that comes late, `60?5` one from a device at fault, `60.` only ticks.
    fn series(&mut self, text: &str) {
        for word in text.split_whitespace() {
            let mark = word.find(['=', '~', '?', '.']).unwrap();
            let seconds: i64 = word[..mark].parse().unwrap();
            self.pass(seconds.max(self.now));
            let rest = &word[mark + 1..];
            let good = Sample {
                channel: ChannelId(0),
                observed_at: at(seconds),
                value: rest.parse().unwrap_or(0.0),
                quality: Quality::GOOD,
                time_class: TimeClass::Live,
            };
            match &word[mark..=mark] {
                "=" => self.hear(good),
                "~" => self.hear(Sample { time_class: TimeClass::Late, ..good }),
                "?" => self.hear(Sample { quality: Quality::FAULT, ..good }),
                _ => {}
            }
        }
    }

    /// `60 active high 5` for every transition since the last call.
    fn told(&mut self) -> Vec<String> {
        let line = |transition: &Transition| {
            let moment = transition.alert.timeline.last().unwrap();
            assert_eq!(moment.at, transition.alert.changed_at);
            assert_eq!((moment.state, moment.severity), (transition.alert.state, transition.alert.severity));
            assert_eq!(transition.alert.ended_at.is_some(), moment.state == AlertState::Cleared);
            let seconds = (moment.at.micros() - at(0).micros()) / 1_000_000;
            let value = moment.value.map_or(String::new(), |value| format!(" {value}"));
            format!("{seconds} {} {}{value} ({})", moment.state.word(), moment.severity.word(), moment.cause.word())
        };
        let told = self.out.iter().map(line).collect();
        self.out.clear();
        told
    }
}

#[track_caller]
fn check(body: &str, series: &str, expected: &[&str]) {
    let mut bench = Bench::new(catalogue(), &rule(body));
    bench.series(series);
    assert_eq!(bench.told(), expected);
}

const ONE_LEVEL: &str =
    "property = 'pm2_5'\nkind = 'air'\nlevels = [{ severity = 'high', above = 50, clear = 40 }]\nunit = 'ug/m3'";
const HELD: &str = "property = 'pm2_5'\nlevels = [{ severity = 'high', above = 50, clear = 40 }]\n\
    unit = 'ug/m3'\nfor = '2m'\nclear_for = '3m'";
const THREE_LEVELS: &str = "property = 'pm2_5'\nunit = 'ug/m3'\nfor = '1m'\nclear_for = '1m'\nlevels = [\n\
    { severity = 'medium', above = 50, clear = 45 },\n{ severity = 'high', above = 80, clear = 70 },\n\
    { severity = 'catastrophic', above = 150, clear = 120 },\n]";
const ABSENCE: &str = "property = 'pm2_5'\nkind = 'air'\nstations = ['AQ-01']\n\
    absence = { after = '10m', severity = 'low' }";

#[test]
fn a_threshold_is_strict_and_clears_at_its_clear_level() {
    check(
        ONE_LEVEL,
        "0=10 60=50 120=50.1 180=45 240=40.1 300=40",
        &["120 active high 50.1 (value)", "300 cleared high 40 (value)"],
    );
}

#[test]
fn falling_levels_mirror_rising_ones() {
    let body = "property = 'pm2_5'\nunit = 'ug/m3'\nlevels = [{ severity = 'low', below = 5, clear = 8 }, \
        { severity = 'high', below = 2 }]";
    check(
        body,
        "0=9 60=5 120=4 180=1 240=2 300=7.9 360=8",
        &[
            "120 active low 4 (value)",
            "180 active high 1 (value)",
            "240 active low 2 (value)",
            "360 cleared low 8 (value)",
        ],
    );
}

#[test]
fn flapping_inside_the_band_makes_no_transition() {
    check(ONE_LEVEL, "0=51 60=41 120=50 180=49 240=40.5 300=51 360=44", &["0 active high 51 (value)"]);
    let series: Vec<String> = (0..600).map(|i| format!("{i}={}", if i % 2 == 0 { 49.9 } else { 50.1 })).collect();
    check(ONE_LEVEL, &series.join(" "), &["1 active high 50.1 (value)"]);
}

#[test]
fn a_hold_completes_at_its_instant_by_tick_or_by_sample() {
    check(HELD, "0=60 60=60 125=60", &["120 active high 60 (value)"]);
    check(HELD, "0=60 60=61 120=62", &["120 active high 61 (value)"]);
    // A dip below the threshold, even inside the band, breaks a hold that was not complete.
    check(HELD, "0=60 60=45 120=60 180=60 235=60", &[]);
    check(HELD, "0=60 60=45 120=60 180=60 240=61", &["240 active high 60 (value)"]);
}

#[test]
fn without_ticks_the_samples_complete_the_same_hold() {
    let mut bench = Bench::new(catalogue(), &rule(HELD));
    for seconds in [0, 60, 119, 170] {
        bench.now = seconds;
        let sample = Sample {
            channel: ChannelId(0),
            observed_at: at(seconds),
            value: 60.0,
            quality: Quality::GOOD,
            time_class: TimeClass::Live,
        };
        bench.hear(sample);
    }
    assert_eq!(bench.told(), ["120 active high 60 (value)"]);
}

#[test]
fn a_tick_completes_a_hold_only_while_the_channel_is_live() {
    // Live until 70 s after the last sample: at 120 s nobody knows whether it still holds.
    check(HELD, "0=60 200.", &[]);
    // The next sample knows.
    check(HELD, "0=60 200=60", &["200 active high 60 (value)"]);
    // Over a silence the wait begins anew.
    check(HELD, "0=60 400=60 460=60 515=60", &[]);
    check(HELD, "0=60 400=60 460=60 520=60", &["520 active high 60 (value)"]);
}

#[test]
fn a_clear_time_is_waited_for_and_broken() {
    check(
        HELD,
        "0=60 60=60 120=60 180=30 240=30 300=55 360=30 420=30 480=30 540=30",
        &[
            "120 active high 60 (value)",
            "180 recovering high 30 (value)",
            "300 active high 55 (value)",
            "360 recovering high 30 (value)",
            "540 cleared high 30 (value)",
        ],
    );
}

#[test]
fn severity_goes_both_ways_level_by_level() {
    check(
        THREE_LEVELS,
        "0=60 60=200 120=200 180=110 240=110 300=60 360=60 420=10 480=10",
        &[
            "60 active medium 60 (value)",
            "120 active catastrophic 200 (value)",
            "240 active high 110 (value)",
            "360 active medium 60 (value)",
            "420 recovering medium 10 (value)",
            "480 cleared medium 10 (value)",
        ],
    );
}

#[test]
fn late_and_bad_samples_neither_raise_nor_clear() {
    check(ONE_LEVEL, "0=10 60?90 120~90 180=10", &[]);
    check(ONE_LEVEL, "0=60 60?10 120~10 180=60", &["0 active high 60 (value)"]);
}

#[test]
fn an_older_sample_is_ignored_and_a_correction_is_not() {
    check(ONE_LEVEL, "60=10 30=90 120=10", &[]);
    check(ONE_LEVEL, "60=90 60=10 120=10", &["60 active high 90 (value)", "60 cleared high 10 (value)"]);
}

#[test]
fn silence_makes_an_open_alert_unknown_until_data_return() {
    // Silent after five intervals and the grace of a wire: 310 s.
    check(
        ONE_LEVEL,
        "0=60 400. 430=55 490=30",
        &[
            "0 active high 60 (value)",
            "310 unknown high 60 (silence)",
            "430 active high 55 (return)",
            "490 cleared high 30 (value)",
        ],
    );
    // Bad data are no data.
    check(
        &format!("{ONE_LEVEL}\nabsence = '2m'"),
        "0=60 60?60 90~60 120?60 130.",
        &["0 active high 60 (value)", "120 unknown high 60 (silence)"],
    );
    // Back below the clear level it recovers, by a clear time that begins with the return.
    check(
        HELD,
        "0=60 60=60 120=60 600=10 660=10 720=10 780=10",
        &[
            "120 active high 60 (value)",
            "430 unknown high 60 (silence)",
            "600 recovering high 10 (return)",
            "780 cleared high 10 (value)",
        ],
    );
}

#[test]
fn absence_is_an_alert_of_its_own() {
    check(ABSENCE, "0=1 60=1 700. 720=1 780=1", &["660 active low (silence)", "720 cleared low (return)"]);
    // Never heard of: it counts from when the channel became known.
    check(ABSENCE, "600.", &["590 active low (silence)"]);
    // Neither late data nor those of a device at fault end it, and the latter do not keep it away.
    check(ABSENCE, "0=1 700~1 710?1", &["600 active low (silence)"]);
    check(ABSENCE, "0=1 300?1 500?1 700.", &["600 active low (silence)"]);
    let slow = format!("{ABSENCE}\nclear_for = '5m'");
    check(
        &slow,
        "0=1 610=1 660=1 900=1 920. 1600.",
        &[
            "600 active low (silence)",
            "610 recovering low (return)",
            "910 cleared low (return)",
            "1500 active low (silence)",
        ],
    );
}

#[test]
fn only_good_samples_raise_and_hold_an_alert() {
    for (flag, word) in Quality::WORDS {
        let mut bench = Bench::new(catalogue(), &rule(ONE_LEVEL));
        for seconds in [0, 60, 120] {
            bench.pass(seconds);
            let (channel, time_class) = (ChannelId(0), TimeClass::Live);
            bench.hear(Sample { channel, observed_at: at(seconds), value: 1_000.0, quality: flag, time_class });
        }
        assert_eq!(!bench.told().is_empty(), flag.is_good(), "{word}");
    }
}

#[test]
fn after_a_stop_silence_counts_from_the_start() {
    let mut bench = Bench::new(catalogue(), &rule(ABSENCE));
    bench.series("0=1 60=1");
    bench.tick(7_200);
    assert_eq!(bench.told(), [""; 0], "two hours down are not two hours of silence");
    bench.pass(7_790);
    assert_eq!(bench.told(), [""; 0]);
    bench.pass(7_810);
    assert_eq!(bench.told(), ["7800 active low (silence)"]);
}

#[test]
fn a_sample_received_a_moment_after_the_tick_was_taken_is_no_absence() {
    let mut bench = Bench::new(catalogue(), &rule(ABSENCE));
    bench.series("0=1 595.");
    bench.now = 601;
    bench.hear(Sample {
        channel: ChannelId(0),
        observed_at: at(601),
        value: 1.0,
        quality: Quality::GOOD,
        time_class: TimeClass::Live,
    });
    // The tick's time was read before the sample's, and journaled after it.
    bench.tick(600);
    assert_eq!(bench.told(), [""; 0]);
    bench.series("1190. 1210.");
    assert_eq!(bench.told(), ["1201 active low (silence)"]);
}

#[test]
fn a_stop_inside_a_hold_goes_on_when_short_and_begins_anew_when_long() {
    let check = |down_seconds: i64, expected: &[&str]| {
        let mut bench = Bench::new(catalogue(), &rule(HELD));
        bench.series("0=60 60=60");
        let up = 60 + down_seconds;
        (bench.ticked, bench.now) = (60, up);
        bench.tick(up);
        bench.series(&format!("{up}=60 {}=60 {}=60", up + 60, up + 120));
        assert_eq!(bench.told(), expected);
    };
    check(60, &["120 active high 60 (value)"]);
    check(180, &["240 active high 60 (value)"]);
    check(7_200, &["7380 active high 60 (value)"]);
}

#[test]
fn a_clock_that_jumps_changes_nothing() {
    for jump in [-3_600, 3_600, 10 * 365 * 86_400] {
        let mut bench = Bench::new(catalogue(), &rule(&format!("{HELD}\nenabled = true")));
        bench.series("0=60 60=60");
        bench.tick(60 + jump);
        bench.tick(70 + jump);
        bench.tick(80);
        bench.series("115=60");
        assert_eq!(bench.told(), [""; 0], "{jump}");
        bench.series("120=60 180=60 300=60");
        assert_eq!(bench.told(), ["120 active high 60 (value)"], "{jump}");
        let mut bench = Bench::new(catalogue(), &rule(ABSENCE));
        bench.series("0=1");
        bench.tick(jump);
        bench.tick(10);
        bench.series("60=1 600=1 660=1");
        assert_eq!(bench.told(), [""; 0], "{jump}");
    }
}

#[test]
fn a_device_whose_clock_is_behind_is_held_as_long_as_any_other() {
    let mut bench = Bench::new(catalogue(), &rule(HELD));
    // Its own time is 50 s behind ours.
    for own in [0, 60, 115] {
        bench.pass(own + 50);
        let sample = Sample {
            channel: ChannelId(0),
            observed_at: at(own),
            value: 60.0,
            quality: Quality::GOOD,
            time_class: TimeClass::Live,
        };
        bench.hear(sample);
    }
    assert_eq!(bench.told(), [""; 0]);
    bench.pass(180);
    assert_eq!(bench.told(), ["120 active high 60 (value)"]);
}

#[test]
fn thresholds_are_converted_to_each_channel() {
    let mut bench = Bench::new(catalogue(), &rule(ONE_LEVEL));
    let sample = Sample {
        channel: ChannelId(1),
        observed_at: at(0),
        value: 0.051,
        quality: Quality::GOOD,
        time_class: TimeClass::Live,
    };
    bench.hear(sample);
    let alert = Arc::clone(&bench.out[0].alert);
    assert_eq!(alert.threshold, Some(0.05));
    assert_eq!(alert.id.to_string(), "dust~~1~pm2_5~1800000000000000", "a name that is no address is a number");
    assert_eq!(bench.alerts.worst_open(StationNo(1)), Some(Severity::High));
    assert_eq!(bench.alerts.worst_open(StationNo(0)), None);
}

#[test]
fn a_station_under_maintenance_raises_nothing_and_keeps_what_was_open() {
    let working = catalogue();
    let maintained = edited(&working, |stations, _| stations[0].maintenance = true);
    let switch = |bench: &mut Bench, to: &Catalogue| {
        let now = at(bench.now);
        let world = World { catalogue: to, listening: &bench.listening };
        bench.alerts.adopt_catalogue(&bench.catalogue, world, now, &mut bench.out);
        bench.catalogue = to.clone();
    };
    let mut bench = Bench::new(working.clone(), &rule(ONE_LEVEL));
    bench.series("0=60 60.");
    switch(&mut bench, &maintained);
    bench.series("100=10 160=90 2000.");
    switch(&mut bench, &working);
    bench.series("2060=90 2120=10");
    assert_eq!(
        bench.told(),
        [
            "0 active high 60 (value)",
            "60 unknown high 60 (maintenance)",
            "2060 active high 90 (return)",
            "2120 cleared high 10 (value)",
        ]
    );
    let mut bench = Bench::new(maintained.clone(), &rule(ONE_LEVEL));
    bench.series("0=60 60=60");
    assert_eq!(bench.told(), [""; 0]);
    // An absence is expected then, and counts anew afterwards.
    let mut bench = Bench::new(working.clone(), &rule(ABSENCE));
    bench.series("0=1 600.");
    switch(&mut bench, &maintained);
    bench.series("2000.");
    switch(&mut bench, &working);
    bench.series("2590. 2610.");
    assert_eq!(
        bench.told(),
        ["600 active low (silence)", "600 cleared low (maintenance)", "2600 active low (silence)",]
    );
}

#[test]
fn a_withdrawn_station_ends_its_alerts() {
    let before = catalogue();
    let after = edited(&before, |stations, channels| {
        stations[0].retired = true;
        channels[0].retired = true;
    });
    let mut bench = Bench::new(before.clone(), &rule(ONE_LEVEL));
    bench.series("0=60 30.");
    let world = World { catalogue: &after, listening: &bench.listening };
    bench.alerts.adopt_catalogue(&before, world, at(30), &mut bench.out);
    assert_eq!(bench.told(), ["0 active high 60 (value)", "30 cleared high (withdrawn)"]);
    assert_eq!(bench.alerts.count(), (0, 1));
}

#[track_caller]
fn check_edit(first: &str, series: &str, second: &[RuleFile], more: &str, expected: &[&str]) {
    let mut bench = Bench::new(catalogue(), &rule(first));
    bench.series(series);
    let now = at(bench.now);
    bench
        .alerts
        .adopt_rules(second, World { catalogue: &bench.catalogue, listening: &bench.listening }, now, &mut bench.out)
        .unwrap();
    bench.series(more);
    assert_eq!(bench.told(), expected);
}

#[test]
fn an_edited_rule_keeps_its_alert() {
    let raised = "0 active high 60 (value)";
    // The same text again, and another title.
    check_edit(ONE_LEVEL, "0=60 30.", &rule(ONE_LEVEL), "60=60", &[raised]);
    // A higher threshold: the alert is over by the new clear level.
    let higher = ONE_LEVEL.replace("50", "90").replace("40", "70");
    check_edit(ONE_LEVEL, "0=60 30.", &rule(&higher), "60=60", &[raised, "30 cleared high 60 (rule)"]);
    // Another severity for the same threshold.
    let worse = ONE_LEVEL.replace("'high'", "'very_high'");
    check_edit(ONE_LEVEL, "0=60 30.", &rule(&worse), "60=60", &[raised, "30 active very_high 60 (rule)"]);
    // A shorter hold counts from the same beginning.
    let sooner = HELD.replace("'2m'", "'1m'");
    check_edit(HELD, "0=60 55=60", &rule(&sooner), "65=60", &["60 active high 60 (value)"]);
}

#[test]
fn a_removed_disabled_or_narrowed_rule_ends_its_alert() {
    let expected = ["0 active high 60 (value)", "30 cleared high (rule)"];
    check_edit(ONE_LEVEL, "0=60 30.", &[], "60=60", &expected);
    check_edit(ONE_LEVEL, "0=60 30.", &rule(&format!("{ONE_LEVEL}\nenabled = false")), "60=60", &expected);
    check_edit(ONE_LEVEL, "0=60 30.", &rule(&format!("{ONE_LEVEL}\nstations = ['Đồi-2']")), "60=60", &expected);
    check_edit(ONE_LEVEL, "0=60 30.", &rule(ABSENCE), "60=60", &expected);
}

#[test]
fn refused_rules_leave_the_old_ones_in_force() {
    let mut bench = Bench::new(catalogue(), &rule(ONE_LEVEL));
    let wrong = rule("property = 'pm2_5'");
    let mistakes = bench
        .alerts
        .adopt_rules(&wrong, World { catalogue: &bench.catalogue, listening: &bench.listening }, at(0), &mut bench.out)
        .unwrap_err();
    assert_eq!(mistakes.len(), 1);
    assert_eq!(bench.alerts.refused(), mistakes);
    bench.series("0=60");
    assert_eq!(bench.told(), ["0 active high 60 (value)"]);
    bench
        .alerts
        .adopt_rules(
            &rule(ONE_LEVEL),
            World { catalogue: &bench.catalogue, listening: &bench.listening },
            at(1),
            &mut bench.out,
        )
        .unwrap();
    assert!(bench.alerts.refused().is_empty());
}

#[test]
fn identifiers_say_rule_subject_and_start() {
    let mut bench = Bench::new(catalogue(), &rule(HELD));
    bench.series("0=10 60=60 120=60 180=60");
    let alert = Arc::clone(&bench.out[0].alert);
    assert_eq!(alert.id.to_string(), "dust~AQ-01~pm2_5~1800000060000000");
    assert_eq!((alert.started_at, alert.changed_at), (at(60), at(180)));
    assert_eq!(alert.subject.area(), Some(&"03388".into()));
    assert!(Arc::ptr_eq(bench.alerts.get(&alert.id).unwrap(), &alert));
}

#[test]
fn a_time_line_is_bounded_and_keeps_its_beginning() {
    let body = format!("{ONE_LEVEL}\nclear_for = '1h'");
    let mut bench = Bench::new(catalogue(), &rule(&body));
    let swings: Vec<String> = (0..300).map(|i| format!("{}={}", i * 60, if i % 2 == 0 { 60 } else { 10 })).collect();
    bench.series(&swings.join(" "));
    let alert = bench.alerts.open().next().unwrap();
    assert_eq!(alert.timeline.len(), MOMENTS_MAX);
    assert_eq!((alert.timeline[0].at, alert.timeline[MOMENTS_MAX - 1].at), (at(0), at(299 * 60)));
}

#[test]
fn closed_alerts_are_kept_by_age_and_number() {
    let retention = Retention { keep_closed: Duration::from_secs(1800), keep_closed_count: 3 };
    let mut bench = Bench::new(catalogue(), &rule(ONE_LEVEL));
    bench.alerts.set_retention(retention);
    for i in 0..5 {
        bench.series(&format!("{}=60 {}=10", i * 120, i * 120 + 60));
    }
    bench.pass(600);
    assert_eq!(bench.alerts.count(), (0, 3), "the oldest go first");
    assert_eq!(bench.alerts.forgotten(), 2);
    let newest = bench.alerts.all(&Filter { limit: 1, ..Filter::default() });
    assert_eq!(newest[0].started_at, at(480));
    // A clock that jumps ahead deletes nothing.
    bench.tick(86_400 * 3_650);
    bench.tick(610);
    assert_eq!(bench.alerts.count(), (0, 3));
    bench.pass(540 + 30 * 60 + 10);
    assert_eq!(bench.alerts.count(), (0, 0));
}

#[test]
fn alerts_are_found_by_state_severity_area_and_time() {
    let mut bench = Bench::new(catalogue(), &rule(THREE_LEVELS));
    bench.series("0=60 60=60 120=10 180=10 240=200 300=200 360=200");
    let far = Sample {
        channel: ChannelId(1),
        observed_at: at(360),
        value: 0.06,
        quality: Quality::GOOD,
        time_class: TimeClass::Live,
    };
    bench.hear(far);
    bench.pass(420);
    bench.hear(Sample { observed_at: at(420), ..far });
    let starts = |filter: &Filter| -> Vec<i64> {
        let found = bench.alerts.all(filter);
        found.iter().map(|alert| (alert.started_at.micros() - at(0).micros()) / 1_000_000).collect()
    };
    let everything = Filter::default();
    assert_eq!(starts(&everything), [360, 240, 0]);
    assert_eq!(starts(&Filter { states: vec![AlertState::Cleared], ..everything.clone() }), [0]);
    assert_eq!(starts(&Filter { severity_at_least: Some(Severity::High), ..everything.clone() }), [240]);
    assert_eq!(starts(&Filter { areas: Some(["03388".into()].into()), ..everything.clone() }), [240, 0]);
    assert_eq!(starts(&Filter { station: Some(StationNo(1)), ..everything.clone() }), [360]);
    assert_eq!(starts(&Filter { since: Some(at(300)), ..everything.clone() }), [360, 240]);
    let page = bench.alerts.all(&Filter { limit: 2, ..everything.clone() });
    let after = Some((page[1].changed_at, page[1].id.clone()));
    assert_eq!(starts(&Filter { after, ..everything }), [0]);
}
