//! Data that stop, and a clock that jumps.

use super::*;

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
