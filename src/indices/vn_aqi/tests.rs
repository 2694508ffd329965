use proptest::prelude::*;

use super::*;

const CUSTOM: Completeness = Completeness(0.75);

fn ug(value: f64) -> Option<MicrogramsPerCubicMetre> {
    Some(MicrogramsPerCubicMetre(value))
}

fn check(pollutant: Pollutant, concentration: f64, expected: Option<u16>) {
    let found = index_of(pollutant, MicrogramsPerCubicMetre(concentration)).map(rounded);
    assert_eq!(found, expected, "{pollutant:?} {concentration}");
}

#[test]
fn the_decisions_examples_come_out() {
    check(Pollutant::Ozone1h, 136.1, Some(43));
    check(Pollutant::Pm2_5, 20.3, Some(41));
    check(Pollutant::Ozone8h, 89.3, Some(45));
    check(Pollutant::Ozone1h, 114.6, Some(36));
    check(Pollutant::NitrogenDioxide, 130.8, Some(65));
    check(Pollutant::Pm2_5, 55.7, Some(110));
    // Printed as 60; the formula gives 59.35.
    check(Pollutant::NitrogenDioxide, 118.7, Some(59));
}

#[test]
fn segments_are_continuous_and_end_at_500() {
    for pollutant in Pollutant::ALL {
        for (point, index) in pollutant.breakpoints().iter().zip(INDICES) {
            check(pollutant, *point, Some(index as u16));
            check(
                pollutant,
                point + 1e-9,
                Some(index as u16).filter(|_| *point != 400.0 || pollutant != Pollutant::Ozone8h),
            );
        }
        let beyond = (pollutant != Pollutant::Ozone8h).then_some(500);
        check(pollutant, 1e9, beyond);
        check(pollutant, -0.1, None);
        check(pollutant, f64::NAN, None);
    }
}

#[test]
fn halves_go_up_whatever_their_binary_form() {
    check(Pollutant::Ozone1h, 123.2, Some(39));
    check(Pollutant::SulphurDioxide, 96.25, Some(39));
    check(Pollutant::Pm2_5, 73.1, Some(139));
    assert_eq!([38.499, 38.5, 38.501, 0.0, 500.0].map(rounded), [38, 39, 39, 0, 500]);
}

fn dust(value: Option<f64>) -> nowcast::Hours {
    [value.map(MicrogramsPerCubicMetre); nowcast::HOURS]
}

#[test]
fn an_hour_needs_dust_and_is_as_bad_as_its_worst() {
    let check = |hour: Hour, expected: Option<u16>| assert_eq!(hourly(&hour).map(|aqi| aqi.rounded()), expected);
    let gas = Hour { o3: ug(136.1), no2: ug(50.0), ..Hour::default() };
    check(gas.clone(), None);
    check(Hour { pm2_5: dust(Some(20.3)), ..gas.clone() }, Some(43));
    check(Hour { pm10: dust(Some(0.0)), ..gas.clone() }, Some(43));
    check(Hour { pm2_5: dust(Some(80.0)), ..gas }, Some(150));
    check(Hour { pm2_5: dust(Some(0.0)), ..Hour::default() }, Some(0));
}

#[test]
fn the_parts_say_what_made_the_index() {
    let hour = Hour { o3: ug(136.1), pm2_5: dust(Some(20.3)), ..Hour::default() };
    let parts: Vec<(&str, u16)> =
        hourly(&hour).unwrap().parts.iter().map(|part| (part.pollutant.word(), rounded(part.index))).collect();
    assert_eq!(parts, [("o3_1h", 43), ("pm25", 41)]);
}

/// Ozone's example: the greatest 8 h mean is labelled by its last hour and may begin on the day before.
#[test]
fn a_days_8h_means_reach_into_the_evening_before() {
    let mut hours: OzoneMeans = [ug(10.0); 31];
    hours[..8].fill(ug(90.0));
    assert_eq!(greatest_8h_mean(&hours, CUSTOM), ug(90.0));
    hours[..2].fill(None);
    assert_eq!(greatest_8h_mean(&hours, CUSTOM), ug(90.0), "six of eight are enough");
    hours[..3].fill(None);
    assert_eq!(greatest_8h_mean(&hours, CUSTOM), ug(460.0 / 6.0), "the first has five, the second six");
}

#[test]
fn a_day_takes_means_of_dust_and_the_worst_hour_of_gases() {
    let check = |day: Day, expected: Option<u16>| assert_eq!(daily(&day, CUSTOM).map(|aqi| aqi.rounded()), expected);
    let mut day = Day { pm2_5: [ug(55.7); 24], ..Day::default() };
    check(day.clone(), Some(110));
    day.no2[3] = ug(1_200.0);
    check(day.clone(), Some(200));
    day.pm2_5[..6].fill(None);
    check(day.clone(), Some(200));
    day.pm2_5[6] = None;
    check(day, None);
}

#[test]
fn an_8h_mean_above_400_is_dropped_and_the_1h_mean_stands() {
    let mut day = Day { pm10: [ug(0.0); 24], o3: [ug(401.0); 31], ..Day::default() };
    let aqi = daily(&day, CUSTOM).unwrap();
    assert_eq!(aqi.rounded(), 200);
    assert!(aqi.parts.iter().all(|part| part.pollutant != Pollutant::Ozone8h));
    day.o3 = [ug(400.0); 31];
    assert_eq!(daily(&day, CUSTOM).unwrap().rounded(), 300);
}

#[test]
fn levels_are_told_by_the_rounded_index() {
    let names = [0, 50, 51, 100, 101, 150, 151, 200, 201, 300, 301, 500].map(|index| level(index).vi);
    let expected = ["Tốt", "Trung bình", "Kém", "Xấu", "Rất xấu", "Nguy hại"].map(|name| [name; 2]);
    assert_eq!(names, expected.concat()[..]);
    assert_eq!(level(120).rgb, [255, 126, 0]);
}

proptest! {
    #[test]
    fn more_of_a_pollutant_is_never_better(place in 0_usize..7, low in 0.0_f64..200_000.0, more in 0.0_f64..50_000.0) {
        let pollutant = Pollutant::ALL[place];
        let (less, more) = (index_of(pollutant, MicrogramsPerCubicMetre(low)), index_of(pollutant, MicrogramsPerCubicMetre(low + more)));
        match (less, more) {
            (Some(less), Some(more)) => prop_assert!(less <= more),
            (None, more) => prop_assert_eq!(more, None, "once dropped, always dropped"),
            (Some(_), None) => prop_assert_eq!(pollutant, Pollutant::Ozone8h),
        }
    }
}
