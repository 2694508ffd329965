//! Alerts that keep coming back.

use super::*;

const SWINGS: &str = "0=60 60=10 120=60 180=10 240=60 300=10 360=60 420=10";

fn thrice(more: &str) -> String {
    format!("{ONE_LEVEL}\nflapping = {{ raises = 3, within = '10m' }}\n{more}")
}

#[test]
fn the_raise_that_is_one_too_many_is_told_and_then_no_more_until_it_is_quiet() {
    let mut bench = Bench::new(catalogue(), &rule(&thrice("")));
    bench.series(SWINGS);
    assert_eq!(
        bench.told(),
        [
            "0 active high 60 (value)",
            "60 cleared high 10 (value)",
            "120 active high 60 (value)",
            "180 cleared high 10 (value)",
            "240 active high 60 (flapping)",
        ]
    );
    let muted = bench.alerts.open().next().unwrap();
    assert_eq!((muted.flapping, muted.occurrences, muted.value), (true, 2, Some(10.0)));
    for minute in 8..=20 {
        bench.series(&format!("{}=10", minute * 60));
    }
    assert_eq!(bench.told(), ["960 cleared high 10 (settled)"]);
    // From here on it is an alert like any other.
    bench.series("1260=60 1320=10");
    assert_eq!(bench.told(), ["1260 active high 60 (value)", "1320 cleared high 10 (value)"]);
}

#[test]
fn an_alert_that_flapped_and_stays_is_told_again_as_it_is() {
    let mut bench = Bench::new(catalogue(), &rule(&thrice("")));
    bench.series("0=60 60=10 120=60 180=10 240=60 300=60 360=60");
    bench.out.clear();
    for minute in 7..=15 {
        bench.series(&format!("{}=60", minute * 60));
    }
    assert_eq!(bench.told(), ["840 active high 60 (settled)"]);
    bench.series("960=10");
    assert_eq!(bench.told(), ["960 cleared high 10 (value)"]);
}

#[test]
fn a_muted_alert_that_gets_worse_or_goes_silent_is_told() {
    let body = "property = 'pm2_5'\nunit = 'ug/m3'\nflapping = { raises = 2, within = '1h' }\n\
        levels = [{ severity = 'medium', above = 50, clear = 45 }, { severity = 'high', above = 80 }]";
    let mut bench = Bench::new(catalogue(), &rule(body));
    bench.series("0=60 60=10 120=60 180=10 240=60 300=90 360=10 420=90 480=60 900.");
    assert_eq!(
        bench.told(),
        [
            "0 active medium 60 (value)",
            "60 cleared medium 10 (value)",
            "120 active medium 60 (flapping)",
            "300 active high 90 (value)",
            "790 unknown high 60 (silence)",
        ]
    );
}

#[test]
fn raises_further_apart_or_a_rule_that_says_false_never_flap() {
    let mut bench = Bench::new(catalogue(), &rule(&thrice("")));
    bench.series("0=60 60=10 400=60 460=10 720=60 780=10");
    assert!(bench.told().iter().all(|told| !told.contains("flapping")));
    let mut bench = Bench::new(catalogue(), &rule(&format!("{ONE_LEVEL}\nflapping = false")));
    let swings: Vec<String> = (0..40).map(|i| format!("{}={}", i * 60, if i % 2 == 0 { 60 } else { 10 })).collect();
    bench.series(&swings.join(" "));
    assert_eq!(bench.told().len(), 40);
}

#[test]
fn a_latched_alert_flaps_within_itself() {
    let mut bench = Bench::new(catalogue(), &rule(&thrice("latched = true")));
    bench.series(SWINGS);
    assert_eq!(
        bench.told(),
        [
            "0 active high 60 (value)",
            "60 latched high 10 (value)",
            "120 active high 60 (value)",
            "180 latched high 10 (value)",
            "240 active high 60 (flapping)",
        ]
    );
    assert_eq!(bench.alerts.open().next().unwrap().occurrences, 4);
    bench.series("1000.");
    assert_eq!(bench.told(), ["960 latched high 10 (settled)"]);
    assert_eq!(bench.alerts.count(), (1, 0));
}

#[test]
fn absences_that_come_and_go_flap_too() {
    let body = format!("{ABSENCE}\nflapping = {{ raises = 2, within = '1h' }}");
    let mut bench = Bench::new(catalogue(), &rule(&body));
    bench.series("0=1 610=1 1220=1 1900=1 1960.");
    assert_eq!(bench.told(), ["600 active low (silence)", "610 cleared low (return)", "1210 active low (flapping)"]);
    for minute in 33..=95 {
        bench.series(&format!("{}=1", minute * 60));
    }
    assert_eq!(bench.told(), ["5420 cleared low (settled)"]);
}

#[test]
fn nothing_is_remembered_of_raises_of_long_ago() {
    let mut bench = Bench::new(catalogue(), &rule(&thrice("")));
    bench.series("0=60 60=10");
    assert_eq!(bench.alerts.machines.len(), 1);
    bench.series("600. 700.");
    assert_eq!(bench.alerts.machines.len(), 0);
}

#[test]
fn an_alert_that_swings_between_severities_flaps_and_one_that_climbs_does_not() {
    let levels = "property = 'pm2_5'\nunit = 'ug/m3'\nflapping = { raises = 3, within = '10m' }\nlevels = [\
        { severity = 'low', above = 20 }, { severity = 'medium', above = 50 }, { severity = 'high', above = 80 }]";
    let mut bench = Bench::new(catalogue(), &rule(levels));
    bench.series("0=30 60=60 120=90 180=60 240=90 300=60 360=90 420=60 480=90 540=60");
    assert_eq!(
        bench.told(),
        [
            "0 active low 30 (value)",
            "60 active medium 60 (value)",
            "120 active high 90 (value)",
            "180 active medium 60 (value)",
            "240 active high 90 (value)",
            "300 active medium 60 (value)",
            "360 active high 90 (flapping)",
        ]
    );
    for minute in 10..=20 {
        bench.series(&format!("{}=60", minute * 60));
    }
    assert_eq!(bench.told(), ["1080 active medium 60 (settled)"], "ten minutes after the last raise, at 480 s");
}
