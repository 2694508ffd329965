//! Windows, rates, N of M, differences, several channels, counts and calendars.

use super::*;
use crate::model::Subject;

const RAIN: &str = "property = 'rainfall'\nstations = ['WX-01']\n\
    of = { fn = 'sum', over = '5m', completeness = 0.6 }\nlevels = [{ severity = 'high', above = 10, clear = 4 }]";
const RISE: &str = "property = 'water_level'\nstations = ['RV-01']\nof = { fn = 'rate', over = '10m' }\n\
    unit = 'cm'\nlevels = [{ severity = 'high', above = 60, clear = 30 }]";
const GRADIENT: &str = "property = 'water_level'\nstations = ['RV-01']\n\
    of = { fn = 'difference', to = 'RV-02' }\nlevels = [{ severity = 'high', above = 2, clear = 1 }]";
const THREE_OF_FIVE: &str = "property = 'rainfall'\nstations = ['WX-01']\ntimes = { n = 3, of = 5 }\n\
    levels = [{ severity = 'high', above = 1 }]";
const FIRE_WEATHER: &str = "severity = 'high'\nall = [\n\
    { property = 'air_temperature', above = 35, clear = 33, unit = 'Cel' },\n\
    { property = 'relative_humidity', below = 40 },\n]";
const HARSH: &str = "severity = 'low'\nany = [\n\
    { property = 'air_temperature', above = 35, clear = 33 }, { property = 'rainfall', above = 20 },\n]";
const WET_STATIONS: &str = "property = 'rainfall'\nabove = 10\nclear = 5\ncount = { per = 'commune' }\n\
    levels = [{ severity = 'medium', above = 0 }, { severity = 'high', above = 1 }]";

#[test]
fn a_window_is_judged_at_each_sample_when_it_is_complete() {
    // Three of five minutes are covered from 120 s on; 300 s falls out of the window at 600 s.
    check_in_valley(
        RAIN,
        "0@2=6 60@2=6 120@2=0 180@2=0 240@2=0 300@2=0 360@2=4 420@2=0",
        &["120 active high 12 (value)", "360 cleared high 4 (value)"],
    );
}

#[test]
fn a_gap_leaves_a_window_unjudged_until_it_is_unknown() {
    check_in_valley(
        RAIN,
        "0@2=6 60@2=6 120@2=0 480@2=0 540@2=0 600@2=0 660@2=0",
        &["120 active high 12 (value)", "430 unknown high 12 (silence)", "600 cleared high 0 (return)"],
    );
}

#[test]
fn a_rate_is_per_hour_in_the_units_of_the_rule() {
    // 1 m in eight minutes are 750 cm an hour; after four minutes it is too early to tell.
    check_in_valley(
        RISE,
        "0@9=1 240@9=2 480@9=2 720@9=2 960@9=2",
        &["480 active high 7.5 (value)", "720 cleared high 0 (value)"],
    );
}

#[test]
fn a_difference_takes_the_other_stations_newest_value_while_it_speaks() {
    check_in_valley(
        GRADIENT,
        "0@9=9 60@10=300 120@9=4 180@9=5.5 240@10=480 300@9=5.5",
        &["180 active high 2.5 (value)", "300 cleared high 0.7000000000000002 (value)"],
    );
    // RV-02 is silent from 370 s on: no judgement, and from 610 s on nobody knows.
    check_in_valley(
        GRADIENT,
        "60@10=300 300@9=5.5 420@9=1 480@9=1 540@9=1 600@9=1 660@9=1",
        &["300 active high 2.5 (value)", "610 unknown high 2.5 (silence)"],
    );
}

#[test]
fn n_of_the_last_m_samples_are_enough() {
    check_in_valley(
        THREE_OF_FIVE,
        "0@2=2 60@2=0 120@2=2 180@2=0 240@2=2 300@2=0 360@2=0",
        &["240 active high 2 (value)", "300 cleared high 0 (value)"],
    );
    check_in_valley(THREE_OF_FIVE, "0@2=2 60@2=2 600@2=2 660@2=0 720@2=2", &[]);
}

#[test]
fn all_parts_hold_each_until_its_own_clear_level() {
    check_in_valley(
        FIRE_WEATHER,
        "0@0=36 0@1=50 60@1=39 60@0=36 120@0=34 120@1=39 180@0=33 180@1=30 240@0=34",
        &["60 active high 36 (value)", "180 cleared high 33 (value)"],
    );
    // The other station's humidity is another matter, and a part that was never heard makes no judgement.
    check_in_valley(FIRE_WEATHER, "0@0=36 60@4=20 120@0=36", &[]);
    // One that has fallen silent neither, so what was raised is unknown; one that does not hold is enough to end it.
    check_in_valley(
        FIRE_WEATHER,
        "0@1=30 60@0=36 120@0=36 180@0=36 240@0=36 300@0=36 360@0=36 420@0=36 480@0=36 540@0=36 600@0=36 660@0=30",
        &["60 active high 36 (value)", "610 unknown high 36 (silence)", "660 cleared high 30 (return)"],
    );
}

#[test]
fn any_part_is_enough() {
    check_in_valley(
        HARSH,
        "0@0=20 0@2=25 60@2=0 120@0=36 120@2=0 180@0=34 180@2=0 240@0=33",
        &[
            "0 active low 20 (value)",
            "60 cleared low 20 (value)",
            "120 active low 36 (value)",
            "240 cleared low 33 (value)",
        ],
    );
}

#[test]
fn stations_of_a_commune_are_counted_and_the_alert_is_the_communes() {
    let mut bench = Bench::new(valley(), &rule(WET_STATIONS));
    bench.series("0@2=11 0@8=11 60@5=12 120@2=6 120@5=5 180@2=5 240@8=11");
    let alerts: Vec<_> = bench.out.iter().map(|told| told.alert.id.to_string()).collect();
    assert_eq!(alerts[0], "dust~@03388~rainfall~1800000000000000");
    assert_eq!(alerts[1], "dust~@03389~rainfall~1800000000000000");
    let first = Arc::clone(&bench.out[0].alert);
    assert_eq!(first.subject, Subject::Area { area: "03388".into(), property: Property::new("rainfall") });
    assert_eq!(
        bench.told(),
        [
            "0 active medium 1 (value)",
            "0 active medium 1 (value)",
            "60 active high 2 (value)",
            "120 active medium 1 (value)",
            "180 cleared medium 0 (value)",
        ]
    );
    assert_eq!(bench.alerts.open().count(), 1);
    assert_eq!(bench.alerts.open_of(StationNo(2)).count(), 0);
}

#[test]
fn a_counted_station_that_falls_silent_does_not_end_the_count() {
    let mut bench = Bench::new(valley(), &rule(WET_STATIONS));
    bench.series("0@2=11 0@5=11");
    // WX-01 goes on and holds no more; WX-02 is silent from 310 s on, and its word is missed.
    for minute in 1..=12 {
        bench.series(&format!("{}@2=0", minute * 60));
    }
    assert_eq!(
        bench.told(),
        [
            "0 active medium 1 (value)",
            "0 active high 2 (value)",
            "60 active medium 1 (value)",
            "610 unknown medium 1 (silence)",
        ]
    );
    bench.series("780@5=0");
    assert_eq!(bench.told(), ["780 cleared medium 0 (return)"]);
}

#[test]
fn a_count_whose_limit_is_edited_is_told_anew_from_the_newest_values() {
    let mut bench = Bench::new(valley(), &rule(WET_STATIONS));
    bench.series("0@2=11 0@5=8");
    let world = World { catalogue: &bench.catalogue, listening: &bench.listening };
    let lower = rule(&WET_STATIONS.replace("above = 10", "above = 7"));
    bench.alerts.adopt_rules(&lower, world, at(30), &mut bench.out).unwrap();
    assert_eq!(bench.told(), ["0 active medium 1 (value)", "30 active high 2 (rule)"]);
    // What held before the edit holds until its clear level: 6 is not above 7, and above 5.
    bench.series("60@2=6 120@5=5");
    assert_eq!(bench.told(), ["120 active medium 1 (value)"]);
}

#[test]
fn a_province_counts_all_of_its_communes() {
    let body = WET_STATIONS.replace("commune", "province");
    let mut bench = Bench::new(valley(), &rule(&body));
    bench.series("0@2=11 60@8=11");
    assert_eq!(bench.out[0].alert.subject.area(), Some(&"12".into()));
    assert_eq!(bench.told(), ["0 active medium 1 (value)", "60 active high 2 (value)"]);
}

#[test]
fn outside_its_calendar_nothing_is_raised_and_what_is_raised_recovers() {
    // 2027-01-15 08:00 UTC is 15:00 in Viet Nam.
    assert_eq!(at(0), Timestamp::parse("2027-01-15T08:00:00Z").unwrap());
    let body = format!("{HELD}\ncalendar = {{ from = '15:10', to = '15:20' }}");
    let each_minute = |from: i64, to: i64| (from..=to).map(|minute| format!("{}=60 ", minute * 60)).collect::<String>();
    check(
        &body,
        &each_minute(0, 30),
        &["720 active high 60 (value)", "1200 recovering high 60 (calendar)", "1380 cleared high 60 (value)"],
    );
    // A hold that would be complete with the closing itself is not.
    check(&body.replace("15:10", "15:18"), &each_minute(0, 30), &[]);
    // By samples alone, without ticks, at the same instants.
    let mut bench = Bench::new(catalogue(), &rule(&body));
    for minute in 0..=30 {
        (bench.now, bench.ticked) = (minute * 60, minute * 60);
        bench.series(&format!("{}=60", minute * 60));
    }
    assert_eq!(
        bench.told(),
        ["720 active high 60 (value)", "1200 recovering high 60 (calendar)", "1380 cleared high 60 (value)"]
    );
}

#[test]
fn a_correction_while_the_calendar_is_closed_holds_up_no_end() {
    let expected = ["720 active high 60 (value)", "1200 recovering high 60 (calendar)", "1380 cleared high 60 (value)"];
    let each_minute = |from: i64, to: i64| (from..=to).map(|minute| format!("{}=60 ", minute * 60)).collect::<String>();
    let mean = "property = 'pm2_5'\nunit = 'ug/m3'\nstations = ['AQ-01']\nfor = '2m'\nclear_for = '3m'\n\
        of = { fn = 'mean', over = '2m' }\nlevels = [{ severity = 'high', above = 50, clear = 40 }]";
    for body in [HELD, mean] {
        let body = format!("{body}\ncalendar = {{ from = '15:10', to = '15:20' }}");
        // The sample was judged before the closing, then after it.
        check(&body, &format!("{} 1210. 1140!60 {}", each_minute(0, 19), each_minute(21, 30)), &expected);
        check(&body, &format!("{} 1270. 1260!60 {}", each_minute(0, 21), each_minute(22, 30)), &expected);
    }
}

#[test]
fn an_edited_window_judges_by_what_is_there() {
    let mut bench = Bench::new(valley(), &rule(RAIN));
    bench.series("0@2=3 60@2=3 120@2=3");
    let adopt = |bench: &mut Bench, body: &str| {
        let world = World { catalogue: &bench.catalogue, listening: &bench.listening };
        bench.alerts.adopt_rules(&rule(body), world, at(bench.now), &mut bench.out).unwrap();
    };
    adopt(&mut bench, &RAIN.replace("above = 10, clear = 4", "above = 8, clear = 4"));
    bench.series("180@2=0");
    assert_eq!(bench.told(), ["180 active high 9 (value)"]);
    // Twice as long and half full: not complete, so nothing is known, and nothing ends.
    adopt(&mut bench, &RAIN.replace("'5m'", "'10m'").replace("above = 10, clear = 4", "above = 8, clear = 4"));
    bench.series("240@2=0 300@2=0");
    assert_eq!(bench.told(), [""; 0]);
    bench.series("360@2=0 420@2=0 480@2=0 540@2=0 600@2=0 660@2=0");
    assert_eq!(bench.told(), ["660 cleared high 3 (value)"]);
}
