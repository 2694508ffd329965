//! Fire weather from day to day.

use super::*;

#[test]
fn p_goes_on_from_day_to_day_and_rain_at_the_limit_resets_it() {
    let mut bench = weather(&[("16", 0.0), ("17", 4.9), ("18", 5.0), ("19", 0.0)], "2026-11-19T13:00:00");
    bench.round("2026-11-19T13:04:00");
    let p = |bench: &Bench, day: &str| bench.value("fire_danger_p", &format!("2026-11-{day}T13:00:00"));
    assert_eq!(p(&bench, "16"), Some((357.191, "good")));
    assert_eq!(p(&bench, "17"), Some((714.382, "good")));
    assert_eq!(p(&bench, "18"), Some((0.0, "good")));
    assert_eq!(p(&bench, "19"), Some((357.191, "good")));
    assert_eq!(bench.value("fire_danger_level", "2026-11-19T13:00:00"), Some((1.0, "good")));
    // Rain that comes to light later changes that day and those after it.
    bench.put_flagged("rainfall", at("2026-11-16T20:00:00"), 9.0, Quality::GOOD, TimeClass::Late);
    let offer = bench.round("2026-11-19T14:00:00");
    assert_eq!((p(&bench, "17"), p(&bench, "18")), (Some((0.0, "good")), Some((0.0, "good"))));
    assert!(offer.new.is_empty() && !offer.again.is_empty());
}

#[test]
fn a_gap_is_bridged_as_estimated_and_a_long_one_begins_anew() {
    let days = [("10", 0.0), ("12", 0.0), ("17", 0.0)];
    let mut bench = weather(&days, "2026-11-17T13:00:00");
    bench.round("2026-11-17T13:04:00");
    let p = |day: &str| bench.value("fire_danger_p", &format!("2026-11-{day}T13:00:00"));
    assert_eq!(p("10"), Some((357.191, "good")));
    assert_eq!(p("11"), None);
    assert_eq!(p("12"), Some((714.382, "estimated")));
    assert_eq!(p("17"), Some((357.191, "estimated")), "less than the truth ends no alert");
}

/// The codes of the derived channels are those of the system itself over the same days.
#[test]
fn the_canadian_codes_go_on_from_what_was_stored() {
    use crate::indices::fwi::{Codes, Constant, Noon};
    use crate::indices::quantity::{Celsius, KilometresPerHour, Latitude, Millimetres, Percent};
    let mut bench = weather(&[("16", 0.0), ("17", 4.9), ("18", 0.0)], "2026-11-17T13:00:00");
    bench.round("2026-11-17T13:04:00");
    bench.round("2026-11-18T13:04:00");
    let mut codes = Codes::START;
    for (day, rain) in [("16", 0.0), ("17", 4.9), ("18", 0.0)] {
        let noon = Noon {
            month: Month::new(11).unwrap(),
            temperature: Celsius(24.0),
            humidity: Percent(50.0),
            wind: KilometresPerHour(18.0),
            rain: Millimetres(rain),
        };
        codes = codes.after(&noon, Latitude(22.4), Constant::REPORT);
        let fwi = codes.indices(noon.wind, Constant::REPORT).fwi;
        for (name, expected) in [("ffmc", codes.ffmc), ("dmc", codes.dmc), ("dc", codes.dc), ("fwi", fwi)] {
            let (found, quality) = bench.value(name, &format!("2026-11-{day}T12:00:00")).unwrap();
            assert!((found - expected).abs() < 1e-4 && quality == "good", "{name} of {day}: {found} is not {expected}");
        }
    }
}
