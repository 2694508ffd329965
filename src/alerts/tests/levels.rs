//! Levels, hold and clear times of one channel.

use super::*;

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
fn after_a_restart_a_hold_completes_by_the_rule_to_the_second() {
    let body = HELD.replace("'2m'", "'10m'");
    let raised_after = |down_seconds: i64| {
        let mut bench = Bench::new(catalogue(), &rule(&body));
        bench.series("0=60 60=60");
        let bytes = postcard::to_stdvec(&bench.alerts).unwrap();
        bench.alerts = postcard::from_bytes(&bytes).unwrap();
        bench.alerts.link(&bench.catalogue).unwrap();
        let up = 60 + down_seconds;
        (bench.ticked, bench.now) = (up, up);
        let each_minute: Vec<_> = (0..=12).map(|minute| format!("{}=60", up + minute * 60)).collect();
        bench.series(&each_minute.join(" "));
        assert_eq!(bench.out.len(), 1);
        (bench.out[0].alert.changed_at.micros() - at(0).micros()) as f64 / 1e6
    };
    // Up to 310 s after the last sample it goes on from its beginning at 0 s.
    for down_seconds in [60, 61, 250, 310] {
        assert_eq!(raised_after(down_seconds), 600.0, "{down_seconds}");
    }
    for down_seconds in [311, 3_600, 7_200] {
        assert_eq!(raised_after(down_seconds), (60 + down_seconds + 600) as f64, "{down_seconds}");
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
