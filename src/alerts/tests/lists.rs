//! Identifiers, time-lines, lists and retention.

use super::*;

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
    let mut bench = Bench::new(catalogue(), &rule(&format!("{ONE_LEVEL}\nflapping = false")));
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
