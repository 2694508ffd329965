//! Trials against the engine as it runs live: a tick each second, one sample after the other.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::bench::Bench;
use super::*;
use crate::alerts::tests::{catalogue, rule};
use crate::alerts::{self, Retention};
use crate::model::{
    Body, Catalogue, ChannelId, Entry, Message, Policy, Quality, RuleFile, Sample, Seq, SourceId, TimeClass, Timestamp,
    Transition,
};
use crate::state::{Effects, State};
use crate::store::{self, Store};

/// A whole minute, so that samples on whole minutes meet the grid.
const START: i64 = 1_799_999_940;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(START + seconds)
}

fn sample(channel: u32, seconds: i64, value: f64, quality: Quality) -> Sample {
    let (channel, observed_at) = (ChannelId(channel), at(seconds));
    Sample { channel, observed_at, value, quality, time_class: TimeClass::Live }
}

fn entry(seq: u64, received_at: Timestamp, body: Body) -> Entry {
    Entry { seq: Seq(seq), received_at, body }
}

fn message(samples: Vec<Sample>) -> Body {
    Body::Message(Message {
        source: SourceId(0),
        received: samples.len() as u32,
        duplicates: 0,
        samples,
        rejections: Vec::new(),
        raw: None,
        unknown: Vec::new(),
        again: None,
    })
}

/// What the engine makes of samples live, with a tick each second.
fn live(catalogue: &Catalogue, files: &[RuleFile], samples: &[Sample], end: i64) -> Vec<Transition> {
    let (mut state, mut effects, mut seq) = (State::new(Retention::default()), Effects::default(), 0);
    let mut apply = |received_at, body| {
        seq += 1;
        state.apply(&entry(seq, received_at, body), &mut effects);
    };
    apply(at(0), Body::Catalogue(Box::new(catalogue.clone())));
    apply(at(0), Body::Rules(files.to_vec()));
    for second in 0..=end {
        apply(at(second), Body::Tick);
        for sample in samples.iter().filter(|sample| sample.observed_at == at(second)) {
            apply(at(second), message(vec![*sample]));
        }
    }
    effects.transitions
}

fn tried(catalogue: &Catalogue, files: &[RuleFile], samples: &[Sample], end: i64, step: u64) -> Vec<Transition> {
    let rules = alerts::check_rules(files, catalogue, &mut Vec::new()).unwrap();
    let mut bench = Bench::new(catalogue.clone(), &Policy::default(), rules, at(0), Duration::from_secs(step));
    for group in samples.chunk_by(|a, b| a.observed_at == b.observed_at) {
        bench.hear(group[0].observed_at, group.to_vec());
    }
    bench.end_at(at(end));
    bench.take()
}

fn lines(transitions: &[Transition]) -> Vec<String> {
    let line = |transition: &Transition| {
        let (alert, moment) = (&transition.alert, transition.alert.timeline.last().unwrap());
        format!("{} {} {} {:?} {:?}", alert.id, moment.at, moment.state.word(), moment.severity, moment.cause)
    };
    let mut lines: Vec<String> = transitions.iter().map(line).collect();
    // Different channels at one instant: their order is told by nothing.
    lines.sort();
    lines
}

fn rules_of_every_kind() -> impl Strategy<Value = Vec<RuleFile>> {
    let levels = "levels = [{ severity = 'low', above = 4, clear = 3 }, { severity = 'high', above = 7, clear = 6 }]";
    let bodies = (0u64..200, 0u64..200, 0u64..3).prop_map(move |(hold, clear, kind)| match kind {
        0 => format!("property = 'pm2_5'\n{levels}\nfor = '{hold}s'\nclear_for = '{clear}s'"),
        1 => format!("property = 'pm2_5'\n{levels}\nfor = '{hold}s'\nabsence = '90s'"),
        _ => format!("property = 'pm2_5'\nabsence = {{ after = '{}s', severity = 'medium' }}", 90 + hold),
    });
    bodies.prop_map(|body| rule(&body))
}

/// Gaps of up to eight minutes, values around the levels, some flagged; two channels.
fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let gap = prop_oneof![6 => Just(60i64), 2 => 1i64..130, 1 => 300i64..500];
    let quality = prop_oneof![8 => Just(Quality::GOOD), 1 => Just(Quality::FAULT), 1 => Just(Quality::SPIKE)];
    prop::collection::vec((gap, 0u32..2, 0.0f64..9.0, quality), 1..40).prop_map(|rows| {
        let mut seconds = 0;
        let next = |(gap, channel, value, quality)| {
            seconds += gap;
            sample(channel, seconds, value, quality)
        };
        rows.into_iter().map(next).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_tried_on_history_is_what_happens_live(files in rules_of_every_kind(), samples in samples(), step in 20u64..300) {
        let known = catalogue();
        let end = (samples.last().unwrap().observed_at.micros() - at(0).micros()) / 1_000_000 + 400;
        let live = lines(&live(&known, &files, &samples, end));
        prop_assert_eq!(lines(&tried(&known, &files, &samples, end, step)), live);
    }
}

/// A store with samples of `AQ-01/pm2_5`, one a minute from the start on.
fn stored(values: &[f64]) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), &store::Config::default()).unwrap();
    store.apply(&[entry(1, at(0), Body::Catalogue(Box::new(catalogue())))]).unwrap();
    let rows = values.iter().zip(1i64..).map(|(value, minute)| {
        let sample = Sample { time_class: TimeClass::Imported, ..sample(0, minute * 60, *value, Quality::GOOD) };
        entry(minute as u64 + 1, at(minute * 60), message(vec![sample]))
    });
    store.apply(&rows.collect::<Vec<_>>()).unwrap();
    (folder, store)
}

fn asked(known: &Catalogue, files: &[RuleFile], minutes: i64, wish: Option<f64>) -> Report {
    asked_of(&stored(&waves(minutes)).1, known, files, minutes, wish).unwrap()
}

fn asked_of(
    store: &Store,
    known: &Catalogue,
    files: &[RuleFile],
    minutes: i64,
    wish: Option<f64>,
) -> Result<Report, TrialError> {
    let rules = alerts::check_rules(files, known, &mut Vec::new()).unwrap();
    let asked = Asked {
        catalogue: known,
        policy: &Policy::default(),
        rules,
        in_force: alerts::check_rules(&rule(RULE), known, &mut Vec::new()).unwrap(),
        from: at(0),
        to: at(minutes * 60 + 60),
        now: at(1_000_000_000),
        zone: TimeZone::UTC,
        alerts_per_month: wish,
        samples_max: 100_000,
    };
    backtest(store, &asked, |_| true, &AtomicBool::new(false))
}

const RULE: &str = "property = 'pm2_5'\nstations = ['AQ-01']\nunit = 'ug/m3'\n\
    levels = [{ severity = 'low', above = 8, clear = 7 }, { severity = 'high', above = 9.5, clear = 9 }]\nfor = '3m'";

/// Hills of many heights.
fn waves(minutes: i64) -> Vec<f64> {
    (0..minutes).map(|minute| 5.0 + 5.0 * (minute as f64 / 9.0).sin() * (minute as f64 / 400.0).sin()).collect()
}

#[test]
fn a_backtest_over_the_store_counts_what_happens_live() {
    let known = catalogue();
    let minutes = 2_000;
    let samples: Vec<Sample> = waves(minutes)
        .iter()
        .zip(1i64..)
        .map(|(value, minute)| sample(0, minute * 60, *value, Quality::GOOD))
        .collect();
    let transitions = live(&known, &rule(RULE), &samples, minutes * 60 + 59);
    let raised = transitions.iter().filter(|transition| transition.from.is_none()).count() as u64;
    assert!(raised > 5, "{raised}");
    let report = asked(&known, &rule(RULE), minutes, None);
    let [of_rule] = report.rules.as_slice() else { panic!("{report:?}") };
    assert_eq!(of_rule.numbers.alerts, raised);
    assert_eq!((of_rule.read.samples, of_rule.read.expected, of_rule.read.channels), (2_000, 2_001, 1));
    assert_eq!(of_rule.numbers.stations[0].name, "AQ-01");
    assert_eq!(of_rule.numbers.areas[0].area.as_deref(), Some("03388"));
    assert_eq!(of_rule.before, None, "the rule in force is the same");
    assert!(report.to_string().contains("nothing is missing"), "{report}");
}

#[test]
fn a_channel_of_one_sample_a_day_is_warmed_up_by_days() {
    const DAY: i64 = 86_400;
    let known = crate::alerts::tests::edited(&catalogue(), |_, channels| {
        channels[0].interval = Duration::from_secs(86_400);
    });
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), &store::Config::default()).unwrap();
    store.apply(&[entry(1, at(0), Body::Catalogue(Box::new(known.clone())))]).unwrap();
    for day in 1..=12 {
        let sample = Sample { time_class: TimeClass::Imported, ..sample(0, day * DAY, 9.0, Quality::GOOD) };
        store.apply(&[entry(day as u64 + 1, at(day * DAY), message(vec![sample]))]).unwrap();
    }
    let open_at_begin = |body: &str| {
        let body = format!("property = 'pm2_5'\nstations = ['AQ-01']\n{body}");
        let rules = alerts::check_rules(&rule(&body), &known, &mut Vec::new()).unwrap();
        let asked = Asked {
            catalogue: &known,
            policy: &Policy::default(),
            rules,
            in_force: alerts::Rules::default(),
            from: at(10 * DAY + DAY / 2),
            to: at(12 * DAY),
            now: at(1_000_000_000),
            zone: TimeZone::UTC,
            alerts_per_month: None,
            samples_max: 100_000,
        };
        let report = backtest(&store, &asked, |_| true, &AtomicBool::new(false)).unwrap();
        (report.rules[0].numbers.open_at_begin, report.rules[0].numbers.alerts)
    };
    assert_eq!(open_at_begin("levels = [{ severity = 'low', above = 8 }]"), (1, 0));
    assert_eq!(open_at_begin("times = { n = 4, of = 6 }\nlevels = [{ severity = 'low', above = 8 }]"), (1, 0));
}

#[test]
fn an_edited_rule_stands_beside_the_one_in_force() {
    let (known, edited) = (catalogue(), rule(&RULE.replace("above = 8", "above = 7.5")));
    let report = asked(&known, &edited, 2_000, None);
    let before = report.rules[0].before.as_ref().unwrap();
    assert_eq!(*before, asked(&known, &rule(RULE), 2_000, None).rules[0].numbers);
    assert_ne!(*before, report.rules[0].numbers);
}

#[test]
fn a_suggested_threshold_gives_the_alerts_that_it_says() {
    let known = catalogue();
    for wish in [30.0, 150.0, 400.0] {
        let report = asked(&known, &rule(RULE), 4_000, Some(wish));
        let suggestion = report.rules[0].suggestion.as_ref().unwrap();
        let (threshold, clear) = (suggestion.threshold, suggestion.clear);
        let levels = format!("levels = [{{ severity = 'low', above = {threshold:?}, clear = {clear:?} }}]");
        let body = format!("property = 'pm2_5'\nstations = ['AQ-01']\nunit = 'ug/m3'\n{levels}\nfor = '3m'");
        let again = asked(&known, &rule(&body), 4_000, None);
        assert_eq!(again.rules[0].numbers.alerts, suggestion.alerts, "wish {wish}: {suggestion:?}");
        assert_eq!(again.rules[0].numbers.per_month, suggestion.per_month);
        assert!(suggestion.tried.iter().any(|tried| tried.threshold == threshold && tried.alerts == suggestion.alerts));
        let falls = suggestion.tried.windows(2).all(|pair| pair[0].alerts <= pair[1].alerts);
        assert_eq!(suggestion.is_monotone, falls);
    }
}

#[test]
fn what_would_be_too_much_is_refused_with_what_to_do() {
    let (known, minutes) = (catalogue(), 500);
    let (_folder, store) = stored(&waves(minutes));
    let refused = asked_of(&store, &known, &rule(RULE), minutes, Some(1.0)).map(|report| report.rules.len());
    assert!(refused.is_ok(), "a few hundred samples are no trouble: {refused:?}");
    let check = |body: &str, wish, expected: &str| {
        let error = asked_of(&store, &known, &rule(body), minutes, wish).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("property = 'no2'\nlevels = [{ severity = 'low', above = 1 }]", None, "no rule of these watches a channel");
    check(
        "property = 'pm2_5'\nabsence = { after = '90s', severity = 'low' }",
        Some(1.0),
        "a rule for absence has none",
    );
    let (_folder, dense) = stored(&waves(60_000));
    let error = asked_of(&dense, &known, &rule(RULE), 60_000, Some(1.0)).unwrap_err();
    assert!(matches!(error, TrialError::TooCostly { max: 1_600_000, .. }), "{error}");
    assert!(error.to_string().contains("ask for a shorter time"), "{error}");
}

fn mistakes(text: &str) -> Vec<String> {
    let known = catalogue();
    let rules = alerts::check_rules(&rule(RULE), &known, &mut Vec::new()).unwrap();
    let file = RuleFile { name: "tests/dust.toml".into(), text: text.into() };
    read(&file, &rules, &known).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn mistakes_in_tests_are_told_with_file_and_line() {
    let check = |text: &str, expected: &[&str]| {
        let found = mistakes(text);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
        }
    };
    check(
        "[[test]]\nrule = 'dusk'\nevery = '1m'\nseries = { pm2_5 = '5 y' }\nexpect = ['soon active low', '5m open low',\n'5m active']\nfoo = 1\n",
        &[
            "tests/dust.toml:2: test[0].rule: there is no rule \"dusk\"; known: dust",
            "tests/dust.toml:4: test[0].series.pm2_5: \"y\" is no sample",
            "tests/dust.toml:5: test[0].expect: \"soon\" is neither",
            "tests/dust.toml:5: test[0].expect: \"open\" must be one of active",
            "tests/dust.toml:6: test[0].expect: \"5m active\" does not say how severe",
            "tests/dust.toml:7: test[0].foo: unknown key",
        ],
    );
    check(
        "[[test]]\n",
        &[
            "tests/dust.toml:1: test[0].rule: must name the rule",
            "tests/dust.toml:1: test[0].every: is missing",
            "tests/dust.toml:1: test[0].series: is missing",
            "tests/dust.toml:1: test[0].expect: is missing",
        ],
    );
    let test = |more: &str| format!("[[test]]\nrule = 'dust'\nevery = '1m'\nexpect = []\n{more}\n");
    check(
        &test("series = { 'AQ-01/pm2_5' = '2e6' }"),
        &["tests/dust.toml:5: test[0].series.AQ-01/pm2_5: 2000000 would be refused: pm2_5 2000000 ug/m3 is outside"],
    );
    check(&test("series = { 'AQ-09/pm2_5' = '5' }"), &["tests/dust.toml:5: test[0].series: dust watches none"]);
    check(&test("series = { pm2_5 = '5' }\narea = '99'"), &["tests/dust.toml:6: test[0].area: there is no area"]);
    check(&test("series = { pm2_5 = '5' }\ntick = '1ms'"), &["tests/dust.toml:6: test[0].tick: must be 100ms to 5m"]);
    check("[[test]]\nrule = 'dust\n", &["tests/dust.toml:2: "]);
}

#[test]
fn a_failed_test_shows_what_came_beside_what_was_expected() {
    let known = catalogue();
    let rules = alerts::check_rules(&rule(RULE), &known, &mut Vec::new()).unwrap();
    let test = |expect: &str| {
        let text =
            format!("[[test]]\nrule = 'dust'\nevery = '1m'\nseries = {{ pm2_5 = '5x3 9x6 5' }}\nexpect = {expect}\n");
        let file = RuleFile { name: "dust.toml".into(), text };
        read(&file, &rules, &known).unwrap()[0].run()
    };
    let passed = test("['6m active low value', '9m cleared low of AQ-01 by dust']");
    assert!(passed.passed(), "{:?}", passed.lines);
    assert_eq!(passed.raised, ["dust"]);
    let failed = test("['6m active high', '9m cleared low']");
    let told: Vec<String> = failed.lines.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["- 6m active high", "+ 6m active low value", "  9m cleared low value"]);
    assert!(!test("[]").passed(), "what nobody expected is a failure");
}
