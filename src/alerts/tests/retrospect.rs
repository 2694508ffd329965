//! What late data would have raised.

use super::*;

fn records(bench: &Bench) -> Vec<String> {
    let seconds = |at_: Timestamp| (at_.micros() - at(0).micros()) / 1_000_000;
    let line = |record: &Arc<Alert>| {
        assert!(record.retrospective && record.state == AlertState::Cleared);
        assert_eq!(record.ended_at, Some(record.changed_at));
        assert_eq!(bench.alerts.get(&record.id), Some(record));
        let (from, to) = (seconds(record.started_at), seconds(record.changed_at));
        format!("{from} to {to} {} {}", record.severity.word(), record.value.unwrap())
    };
    bench.alerts.retrospective(&Filter::default()).iter().map(line).collect()
}

#[track_caller]
fn check_records(body: &str, series: &str, expected: &[&str]) {
    let mut bench = Bench::new(catalogue(), &rule(body));
    bench.series(series);
    assert_eq!(bench.told(), [""; 0]);
    assert_eq!(bench.alerts.count(), (0, 0));
    assert_eq!(records(&bench), expected);
}

#[test]
fn a_late_sample_makes_a_record_and_no_alert() {
    check_records(ONE_LEVEL, "600=10 60~60", &["60 to 60 high 60"]);
    check_records(ONE_LEVEL, "600=10 60~50 120~49", &[]);
}

#[test]
fn a_run_of_late_samples_must_hold_as_long_as_any() {
    check_records(HELD, "3600=10 60~60 120~60 180~60 240~55 300~10 360~10", &["60 to 360 high 10"]);
    check_records(HELD, "3600=10 60~60 120~60 170~60 175~10", &[]);
    // A silence in between begins another run, and so does a sample that is older.
    check_records(HELD, "3600=10 60~60 600~60 660~60", &[]);
    check_records(HELD, "3600=10 120~60 180~60 60~60 100~60", &[]);
}

#[test]
fn a_record_has_the_worst_of_its_run() {
    check_records(THREE_LEVELS, "3600=10 60~60 120~200 180~200 240~60 300~60", &["60 to 300 catastrophic 60"]);
}

#[test]
fn windows_look_back_over_the_late_samples_alone() {
    let body = "property = 'pm2_5'\nstations = ['AQ-01']\nof = { fn = 'mean', over = '3m', completeness = 1 }\n\
        levels = [{ severity = 'high', above = 50 }]";
    check_records(body, "3600=10 60~60 120~60", &[]);
    check_records(body, "3600=10 60~60 120~60 180~60 240~10", &["180 to 240 high 60"]);
}

#[test]
fn nothing_is_recorded_of_a_time_with_an_alert() {
    let mut bench = Bench::new(catalogue(), &rule(ONE_LEVEL));
    bench.series("0=60 120=60 60~70");
    assert_eq!(bench.told(), ["0 active high 60 (value)"]);
    assert_eq!(records(&bench), [""; 0]);
}

#[test]
fn nothing_is_recorded_of_a_time_whose_alert_is_closed() {
    let mut bench = Bench::new(catalogue(), &rule(ONE_LEVEL));
    bench.series("60=60 120=60 300=10 360=10 240~70 270~65 400~70 20~70");
    assert_eq!(bench.told(), ["60 active high 60 (value)", "300 cleared high 10 (value)"]);
    assert_eq!(records(&bench), ["400 to 400 high 70", "20 to 20 high 70"]);
    // A snapshot remembers as much.
    let bytes = postcard::to_stdvec(&bench.alerts).unwrap();
    bench.alerts = postcard::from_bytes(&bytes).unwrap();
    bench.alerts.link(&bench.catalogue).unwrap();
    bench.series("500=10 100~70");
    assert_eq!(records(&bench).len(), 2);
}

#[test]
fn records_are_bounded_and_the_same_run_makes_the_same_one() {
    let mut bench = Bench::new(catalogue(), &rule(ONE_LEVEL));
    bench.series("600=10 60~60 120~10 60~60 120~10");
    assert_eq!(records(&bench).len(), 1);
    let late = |seconds: usize| Sample {
        channel: ChannelId(0),
        observed_at: at(-i64::try_from(seconds).unwrap()),
        value: 60.0,
        quality: Quality::GOOD,
        time_class: TimeClass::Backfill,
    };
    for place in 0..RECORDS_MAX + 5 {
        bench.hear(late(place));
    }
    assert_eq!(bench.alerts.retrospective(&Filter::default()).len(), RECORDS_MAX);
}

#[test]
fn two_alerts_with_one_start_are_both_remembered() {
    let mut bench = Bench::new(catalogue(), &rule(ONE_LEVEL));
    bench.series("0=60 300=10");
    let first = Arc::clone(&bench.out.last().unwrap().alert);
    let id = AlertId(format!("{}~2", first.id.0).into());
    let standing = |state| book::Standing {
        state,
        severity: first.severity,
        threshold: first.threshold,
        flapping: false,
        occurrences: 1,
    };
    let second = Alert { id: id.clone(), state: AlertState::Active, ended_at: None, ..(*first).clone() };
    bench.alerts.book.raise(second);
    bench.alerts.book.note(&id, None, &standing(AlertState::Cleared), at(200), crate::model::Cause::Value).unwrap();
    let had_one = |alerts: &Alerts, seconds| alerts.book.had_one(ChannelId(0), "dust", at(seconds), at(seconds));
    let had = |alerts: &Alerts| [-1, 0, 100, 250, 300, 301].map(|seconds| had_one(alerts, seconds));
    assert_eq!(had(&bench.alerts), [false, true, true, true, true, false]);
    let mut restored: Alerts = postcard::from_bytes(&postcard::to_stdvec(&bench.alerts).unwrap()).unwrap();
    restored.link(&bench.catalogue).unwrap();
    assert_eq!(had(&restored), had(&bench.alerts));
    // The one that ended first is forgotten first, and the other stays.
    bench.alerts.book.forget(Duration::from_secs(86_400), 1, at(400));
    assert!(bench.alerts.get(&id).is_none() && had_one(&bench.alerts, 250));
}

#[test]
fn a_run_does_not_go_on_past_an_alert() {
    let body = HELD.replace("'2m'", "'1m'").replace("\nclear_for = '3m'", "");
    let mut bench = Bench::new(catalogue(), &rule(&body));
    bench.series("100=60 160=60 170=10 60~60 180~60");
    assert_eq!(bench.told(), ["160 active high 60 (value)", "170 cleared high 10 (value)"]);
    assert_eq!(records(&bench), [""; 0], "of the time of the alert nothing is recorded");
    bench.series("250~60");
    assert_eq!(records(&bench), ["180 to 250 high 60"]);
}
