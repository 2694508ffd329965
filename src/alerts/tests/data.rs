//! Data as they come: incomplete, out of order, corrected afterwards, flagged.

use super::*;

/// The valley with rain gauges that measure no less than nothing.
fn wet_valley() -> Catalogue {
    edited(&valley(), |_, channels| {
        for channel in channels.iter_mut().filter(|channel| channel.property.as_str() == "rainfall") {
            channel.plausible.min = 0.0;
        }
    })
}

#[track_caller]
fn check_rain(body: &str, series: &str, expected: &[&str]) -> Bench {
    let mut bench = Bench::new(wet_valley(), &rule(body));
    bench.series(series);
    assert_eq!(bench.told(), expected);
    bench
}

const RAIN: &str = "property = 'rainfall'\nstations = ['WX-01']\n\
    of = { fn = 'sum', over = '10m' }\nlevels = [{ severity = 'medium', above = 10, clear = 4 }, \
    { severity = 'high', above = 20, clear = 10 }]";

#[test]
fn an_incomplete_sum_that_can_only_grow_raises_and_clears_nothing() {
    // Complete from 420 s on (seven and a half of ten minutes).
    check_rain(
        RAIN,
        "0@2=6 60@2=6 120@2=0 180@2=9 240@2=0",
        &["60 active medium 12 (value)", "180 active high 21 (value)"],
    );
    // A gap: what is left of the sum is less than the clear level, which says nothing, until the window is whole.
    check_rain(
        RAIN,
        "0@2=12 300@2=1 660@2=0 720@2=0 780@2=0 840@2=0 900@2=0 960@2=0 1020@2=0 1080@2=0 1140@2=0",
        &["0 active medium 12 (value)", "610 unknown medium 13 (silence)", "1080 cleared medium 0 (return)"],
    );
    // A temperature may be below zero: what is missing may take away.
    let mut bench = Bench::new(valley(), &rule(RAIN));
    bench.series("0@2=60 60@2=60");
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn an_incomplete_sum_holds_in_parts_and_counts_but_is_no_proof_of_dryness() {
    let part = "{ property = 'rainfall', above = 10, clear = 4, of = { fn = 'sum', over = '10m' } }";
    check_rain(
        &format!(
            "stations = ['WX-01']\nseverity = 'high'\nall = [{part}, {{ property = 'air_temperature', above = 30 }}]"
        ),
        "0@0=35 0@2=12 60@2=0",
        &["0 active high 12 (value)"],
    );
    let counted = "property = 'rainfall'\nabove = 10\nclear = 4\nof = { fn = 'sum', over = '10m' }\n\
        count = { per = 'commune' }\nlevels = [{ severity = 'medium', above = 0 }]";
    check_rain(
        counted,
        "0@2=12 60@2=1 700@2=1 760@2=0",
        &["0 active medium 1 (value)", "370 unknown medium 1 (silence)"],
    );
}

#[test]
fn a_correction_reaches_the_window_and_the_next_verdict() {
    let mean = RAIN.replace("fn = 'sum', over = '10m'", "fn = 'mean', over = '3m', completeness = 1");
    let mut bench = Bench::new(wet_valley(), &rule(&mean));
    bench.series("0@2=9 60@2=9 120@2=9 60@2!30 130.");
    assert_eq!(bench.told(), [""; 0], "a correction by itself tells nobody");
    bench.series("180@2=9");
    assert_eq!(bench.told(), ["180 active medium 16 (value)"]);
    // What is flagged afterwards is taken out, and what is good afterwards is taken in, the newest too.
    check_rain(RAIN, "0@2=0 60@2=9 120@2=0 60@2!x 180@2=9", &[]);
    check_rain(RAIN, "0@2=0 60@2*9 120@2=0 180@2*9 60@2!9 180@2!1 240@2=1", &["240 active medium 11 (value)"]);
    check_rain(RAIN, "0@2=3 60@2=9 120@2=0", &["60 active medium 12 (value)"]);
    check_rain(RAIN, "0@2=3 0@2!x 60@2=9 120@2=0", &[]);
}

#[test]
fn a_correction_ends_a_wait_and_begins_none() {
    let mut bench = Bench::new(catalogue(), &rule(HELD));
    bench.series("0=60 60=60 60!10 130.");
    assert_eq!(bench.told(), [""; 0], "it was not above the level");
    bench.series("180=10 240=10 240!60 310. 360=60 420=60 480=60");
    assert_eq!(bench.told(), ["480 active high 60 (value)"], "the wait begins with the next sample");
    bench.series("540=10 600=10 660=10 660!60 725.");
    assert_eq!(bench.told(), ["540 recovering high 10 (value)"]);
    bench.series("730=60");
    assert_eq!(bench.told(), ["730 active high 60 (value)"]);
    // Flagged: nothing is known any more that could be waited for.
    check(HELD, "0=60 60=60 60!x 130.", &[]);
    // Of an older sample than the newest a level knows nothing.
    check(HELD, "0=60 60=60 0!10 120=60", &["120 active high 60 (value)"]);
}

#[test]
fn a_correction_reaches_counts_and_parts() {
    let wet = "property = 'rainfall'\nabove = 10\nclear = 5\ncount = { per = 'commune' }\n\
        levels = [{ severity = 'medium', above = 0 }, { severity = 'high', above = 1 }]";
    check_in_valley(
        wet,
        "0@2=11 10@5=8 10@5!12 60@2=11 60@2!3 120@5=12",
        &["0 active medium 1 (value)", "60 active high 2 (value)", "120 active medium 1 (value)"],
    );
    // A holder whose word is withdrawn is in doubt until its next one.
    check_in_valley(
        wet,
        "0@2=11 0@5=11 0@5!x 60@2=11 70@5=11",
        &["0 active medium 1 (value)", "0 active high 2 (value)"],
    );
    // Two that were corrected to hold are judged with the next word of any, though nothing was open.
    check_in_valley(wet, "0@2=8 0@2!11 60@5=0", &["60 active medium 1 (value)"]);
    let parts = "severity = 'high'\nall = [{ property = 'air_temperature', above = 35 }, \
        { property = 'relative_humidity', below = 40 }]";
    check_in_valley(parts, "0@0=36 0@1=50 0@1!30 60@0=36", &["60 active high 36 (value)"]);
    check_in_valley(parts, "0@0=36 0@1=50 60@1=30 60@1!x 120@0=37", &["60 active high 36 (value)"]);
}

#[test]
fn a_counted_station_whose_data_are_all_flagged_is_doubted() {
    let wet = "property = 'rainfall'\nabove = 10\nclear = 5\ncount = { per = 'commune' }\n\
        levels = [{ severity = 'medium', above = 0 }, { severity = 'high', above = 1 }]";
    let mut bench = Bench::new(valley(), &rule(wet));
    bench.series("0@2=11 0@5=11");
    for minute in 1..=12 {
        bench.series(&format!("{0}@2=0 {0}@5*11", minute * 60));
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
}

/// The valley where WX-01 has lost some of its channels.
fn without(lost: &'static [usize]) -> Catalogue {
    edited(&valley(), |_, channels| lost.iter().for_each(|place| channels[*place].retired = true))
}

#[test]
fn any_watches_the_channels_that_there_are_and_all_needs_every_one() {
    let of = |join: &str| {
        format!(
            "severity = 'low'\nstations = ['WX-01']\n{join} = [{{ property = 'air_temperature', above = 35 }}, \
            {{ property = 'relative_humidity', below = 40 }}, {{ property = 'rainfall', above = 20 }}]"
        )
    };
    let told = |join: &str, lost, series: &str| {
        let mut bench = Bench::new(without(lost), &rule(&of(join)));
        bench.series(series);
        bench.told()
    };
    assert_eq!(told("any", &[2], "0@0=36 60@0=20"), ["0 active low 36 (value)", "60 cleared low 20 (value)"]);
    assert_eq!(told("any", &[0, 1], "0@2=25 60@2=0"), ["0 active low 25 (value)", "60 cleared low 0 (value)"]);
    assert_eq!(told("all", &[2], "0@0=36 0@1=30 60@0=36"), [""; 0]);
    // A channel more or less is the same watch: what is open stays, whichever of them comes first.
    let mut bench = Bench::new(without(&[0, 1]), &rule(&of("any")));
    bench.series("0@2=25");
    for catalogue in [valley(), without(&[1])] {
        let old = std::mem::replace(&mut bench.catalogue, catalogue);
        let mut listening = bench.listening.clone();
        listening.adopt(&old, &bench.catalogue, &Policy::default());
        bench.listening = listening;
        let world = World { catalogue: &bench.catalogue, listening: &bench.listening };
        bench.alerts.adopt_catalogue(&old, world, at(30), &mut bench.out);
    }
    assert_eq!(bench.told(), ["0 active low 25 (value)"]);
    bench.series("60@2=25 120@0=20 120@2=0");
    assert_eq!(bench.told(), ["120 cleared low 20 (value)"]);
}

#[test]
fn a_sample_in_time_but_out_of_order_enters_the_window() {
    check_rain(RAIN, "0@2=1 60@2=1 180@2=1 120@2=30", &["180 active high 33 (value)"]);
    let times = "property = 'rainfall'\nstations = ['WX-01']\ntimes = { n = 3, of = 5 }\n\
        levels = [{ severity = 'high', above = 1 }]";
    check_rain(times, "0@2=2 120@2=2 60@2=2", &["120 active high 2 (value)"]);
    // Of a time before the window it changes nothing, and the newest value stays the newest.
    check_rain(RAIN, "1200@2=1 1260@2=1 60@2=30", &[]);
    check(ONE_LEVEL, "120=10 60=60", &[]);
    // An hour is the same in whichever order its samples come.
    let falls: Vec<String> = (0..60).map(|minute| format!("{}@2={}", minute * 60, minute % 3)).collect();
    let backwards: Vec<String> = falls.chunks(5).flat_map(|five| five.iter().rev().cloned()).collect();
    let [forth, back] = [falls, backwards].map(|series| check_window(&series.join(" ")));
    assert_eq!(forth, back);
}

fn check_window(series: &str) -> Option<window::Ring> {
    let mut bench = Bench::new(wet_valley(), &rule(RAIN));
    bench.series(series);
    bench.alerts.rings.remove(&ChannelId(2))
}
