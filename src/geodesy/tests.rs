use proptest::prelude::*;

use super::*;

const LAI_CHAU: Position = Position { lon: 103.469, lat: 22.379 };

fn check_near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not {expected} within {within}");
}

#[test]
fn distances_are_those_on_the_ellipsoid() {
    let check = |from: (f64, f64), to: (f64, f64), metres: f64, within: f64| {
        let [from, to] = [from, to].map(|(lon, lat)| Position { lon, lat });
        check_near(distance_m(from, to), metres, within);
        check_near(distance_m(to, from), metres, within);
    };
    // A degree of the equator is a 360th of the ellipsoid's largest circle; a quarter of the meridian is known to the
    // tenth of a millimetre.
    check((0.0, 0.0), (1.0, 0.0), 2.0 * std::f64::consts::PI * 6_378_137.0 / 360.0, 1e-6);
    check((103.0, 0.0), (103.0, 90.0), 10_001_965.729_3, 1e-3);
    check((103.0, 22.0), (103.0, 22.0), 0.0, 0.0);
    // Sofia to Plovdiv, by GeographicLib.
    check((23.319941, 42.698334), (24.742168, 42.136097), 132_675.501_858_8, 1e-6);
}

#[test]
fn bearings_turn_clockwise_from_north() {
    let to = |lon: f64, lat: f64| bearing_deg(LAI_CHAU, Position { lon: 103.469 + lon, lat: 22.379 + lat });
    check_near(to(0.0, 0.1), 0.0, 1e-9);
    check_near(to(0.1, 0.0), 90.0, 0.05);
    check_near(to(0.0, -0.1), 180.0, 1e-9);
    check_near(to(-0.1, 0.0), 270.0, 0.05);
    assert_eq!(to(0.0, 0.0), 0.0);
}

#[test]
fn directions_are_apart_by_the_shorter_way_round() {
    let check = |one: f64, other: f64, apart: f64| {
        check_near(angle_between_deg(one, other), apart, 1e-9);
        check_near(angle_between_deg(other, one), apart, 1e-9);
    };
    check(350.0, 10.0, 20.0);
    check(90.0, 270.0, 180.0);
    check(0.0, 360.0, 0.0);
    check(-90.0, 45.0, 135.0);
    check(720.5, 0.0, 0.5);
}

#[test]
fn winds_are_named_in_both_languages() {
    let check = |degrees: f64, expected: Option<(&str, &str)>| {
        assert_eq!(Compass::of(degrees).map(|wind| (wind.vi(), wind.en())), expected, "{degrees}");
    };
    check(0.0, Some(("bắc", "north")));
    check(22.4, Some(("bắc", "north")));
    check(22.5, Some(("đông bắc", "north-east")));
    check(135.0, Some(("đông nam", "south-east")));
    check(247.4, Some(("tây nam", "south-west")));
    check(337.4, Some(("tây bắc", "north-west")));
    check(337.5, Some(("bắc", "north")));
    check(359.999, Some(("bắc", "north")));
    check(-90.0, Some(("tây", "west")));
    check(f64::NAN, None);
    check(f64::INFINITY, None);
    let turn = (0..8).map(|eighth| Compass::of(f64::from(eighth) * 45.0));
    assert!(turn.eq(Compass::ALL.map(Some)));
    assert_eq!(Compass::SouthWest.words(), LocalName { vi: "tây nam".into(), en: "south-west".into() });
}

#[test]
fn the_grid_agrees_with_proj_to_the_millimetre() {
    let text = include_str!("../../tests/fixtures/geodesy/vn2000_tm3_103_oracle.csv");
    let mut rows = 0;
    for line in text.lines().skip(1) {
        let numbers: Vec<f64> = line.split(',').skip(1).map(|cell| cell.parse().unwrap()).collect();
        let [lon, lat, east, north] = numbers[..] else { panic!("{line}") };
        let found = vn2000::tm3_103(lat, lon).unwrap();
        // Half of the last digit that the file has.
        check_near(found.0, east, 0.000_51);
        check_near(found.1, north, 0.000_51);
        let back = vn2000::from_tm3_103(east, north).unwrap();
        // Two millimetres: one for the file's digits, one for the heights between the datums.
        check_near(back.0, lat, 2e-8);
        check_near(back.1, lon, 2e-8);
        rows += 1;
    }
    assert_eq!(rows, 12);
}

#[test]
fn the_datums_are_apart_by_the_published_shift() {
    // By hand, at 22 N 103 E: the shift from WGS 84 is 191.9, 39.3 and 111.5 m along the earth's axes, 195.8 m west and
    // 105.2 m north there. Its turns, whichever their sign, add less than a metre; the wrong sign of the shift, 450 m.
    // North of the equator on the meridian without any shift: 0.9999 of the ellipsoid's arc.
    let (east, north) = vn2000::tm3_103(22.0, 103.0).unwrap();
    let arc = distance_m(Position { lon: 103.0, lat: 0.0 }, Position { lon: 103.0, lat: 22.0 });
    check_near(east, 500_000.0 - 195.8, 1.0);
    check_near(north, 0.9999 * arc + 105.2, 1.0);
}

#[test]
fn what_lies_outside_the_zone_is_refused() {
    for (lat, lon) in [
        (22.0, 100.99),
        (22.0, 105.01),
        (7.99, 103.0),
        (24.01, 103.0),
        (f64::NAN, 103.0),
        (22.0, f64::INFINITY),
        (103.4, 22.4),
    ] {
        let error = vn2000::tm3_103(lat, lon).unwrap_err();
        assert!(error.to_string().contains("is outside the zone VN-2000"), "{error}");
    }
    for (east, north) in
        [(0.0, 2_480_000.0), (541_886.0, 0.0), (2_480_000.0, 541_886.0), (f64::NAN, 2e6), (250_001.0, 2_690_000.0)]
    {
        let error = vn2000::from_tm3_103(east, north).unwrap_err();
        assert!(error.to_string().contains("is outside the zone VN-2000"), "{error}");
    }
}

proptest! {
    #[test]
    fn the_straight_line_stands_for_the_distance(
        lat in 8.0..24.0f64, lon in 101.0..105.0f64, north in -0.5..0.5f64, east in -0.5..0.5f64,
    ) {
        let (here, there) = (Position { lon, lat }, Position { lon: lon + east, lat: lat + north });
        let (a, b) = (geocentric_m(here), geocentric_m(there));
        let line = (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>().sqrt();
        let distance = distance_m(here, there);
        prop_assert!(line <= distance + 1e-6 && distance - line <= distance * 7e-6 + 1e-6, "{} {}", line, distance);
    }

    #[test]
    fn there_and_back_is_the_same_place(lat in 8.001..23.999f64, lon in 101.001..104.999f64) {
        let (east, north) = vn2000::tm3_103(lat, lon).unwrap();
        let (again_lat, again_lon) = vn2000::from_tm3_103(east, north).unwrap();
        let apart = distance_m(Position { lon, lat }, Position { lon: again_lon, lat: again_lat });
        prop_assert!(apart < 3e-3, "{} m", apart);
    }

    #[test]
    fn the_grid_and_the_ellipsoid_agree_on_distances(
        lat in 21.6..22.8f64, lon in 102.3..103.9f64, north in -0.05..0.05f64, east in -0.05..0.05f64,
    ) {
        let (here, there) = (Position { lon, lat }, Position { lon: lon + east, lat: lat + north });
        let (a, b) = (vn2000::tm3_103(here.lat, here.lon).unwrap(), vn2000::tm3_103(there.lat, there.lon).unwrap());
        let (on_grid, on_ellipsoid) = ((a.0 - b.0).hypot(a.1 - b.1), distance_m(here, there));
        // The scale is 0.9999 on the meridian and grows by 1.3e-4 to the province's border.
        prop_assert!((on_grid - on_ellipsoid).abs() <= on_ellipsoid * 1.5e-4 + 1e-6, "{} {}", on_grid, on_ellipsoid);
    }

    #[test]
    fn a_bearing_back_is_the_opposite(lat in 8.0..24.0f64, lon in 101.0..105.0f64, turn in 0.0..360.0f64) {
        let here = Position { lon, lat };
        let there = Position { lon: lon + 0.01 * turn.to_radians().sin(), lat: lat + 0.01 * turn.to_radians().cos() };
        let (out, back) = (bearing_deg(here, there), bearing_deg(there, here));
        prop_assert!((0.0..360.0).contains(&out) && (0.0..360.0).contains(&back));
        prop_assert!((angle_between_deg(out, back) - 180.0).abs() < 0.02, "{} {}", out, back);
    }

    #[test]
    fn no_number_panics(one: f64, other: f64) {
        let _ = (vn2000::tm3_103(one, other), vn2000::from_tm3_103(one, other), Compass::of(one));
        let _ = angle_between_deg(one, other);
    }
}
