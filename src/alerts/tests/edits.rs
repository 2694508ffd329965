//! Rules and stations that change under open alerts.

use super::*;

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
fn an_edited_rule_does_not_judge_by_a_value_that_was_flagged() {
    let raised = "0 active high 60 (value)";
    // By the value it would be over by the new level; without it nothing is known until the next one.
    let higher = ONE_LEVEL.replace("50", "90").replace("40", "70");
    check_edit(ONE_LEVEL, "0=60 0!x 30.", &rule(&higher), "60=80", &[raised]);
    check_edit(ONE_LEVEL, "0=60 0!x 30.", &rule(&higher), "60=60", &[raised, "60 cleared high 60 (value)"]);
    // A corrected one counts as it is now.
    check_edit(ONE_LEVEL, "0=60 0!95 30.", &rule(&higher), "60=80", &[raised]);
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
