use super::*;
use crate::indices::quantity::{Millimetres, Month};

const SHIPPED: &str = include_str!("../../../config/indices.toml");

fn check(text: &str, expected: &[&str]) {
    let (_, mistakes) = read("a.toml", text);
    let found: Vec<String> = mistakes.iter().map(|m| format!("{} {}: {}", m.line, m.key, m.message)).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
    }
}

#[test]
fn the_shipped_file_is_right_and_says_what_is_not_confirmed() {
    check(SHIPPED, &[]);
    let (config, _) = read("indices.toml", SHIPPED);
    assert!(config.vn_aqi.unwrap().about.confirmed);
    let p = config.fire_danger_p.unwrap();
    assert!(!p.about.confirmed, "the province's own table was not found");
    assert_eq!(p.tables(None).1.of(Month::new(3).unwrap()), Millimetres(5.0));
    assert!(config.river_alarm.unwrap().gauges.iter().all(|gauge| !gauge.confirmed));
}

#[test]
fn a_zone_has_tables_of_its_own_and_the_rest_of_the_province() {
    let text = r#"
zone = "Asia/Ho_Chi_Minh"
[fire_danger_p]
kinds = "weather"
source = "x"
confirmed = false
scale = [5000, 10000, 15000, 20000]
[[fire_danger_p.zone]]
name = "2"
areas = ["03388"]
rain_limits = [5, 5, 5, 6.5, 6.5, 7.1, 7.1, 7.1, 5, 5, 5, 5]
"#;
    check(text, &[]);
    let p = read("a.toml", text).0.fire_danger_p.unwrap();
    let tables = |area: &str| p.tables(Some(&AreaId::new(area)));
    let june = Month::new(6).unwrap();
    assert_eq!((tables("03388").0, tables("03388").1.of(june)), (Scale::A, Millimetres(7.1)));
    assert_eq!((tables("03390").0, tables("03390").1.of(june)), (Scale::A, Millimetres(5.0)));
}

const WRONG: &str = r#"zone = "Lai_Chau"
look_back = "40d"
grace = "6m"
[vn_aqi]
kinds = ["air", "sea"]
completeness = 1.5
[fire_danger_p]
kinds = "weather"
source = "x"
confirmed = false
at = "1 pm"
scale = [1000, 2500, 2500, 10000]
rain_limits = [5, 6]
gap_days = 1.5
[fwi]
source = "x"
confirmed = true
kinds = "weather"
constant = "147"
[level_of_service]
kinds = "traffic"
source = "x"
confirmed = false
shares = [85, 90, 50, 40, 30]
free_flow = 0
[rain]
kinds = "rain"
source = "x"
confirmed = false
hours = [1, 2]
colour = "blue"
[river_alarm]
kinds = "river"
source = "x"
confirmed = false
[[river_alarm.station]]
id = "RV-1"
stages = [3, 2, 5]
hysteresis = 0
[landslide_rain]
kinds = "rain"
source = "x"
confirmed = false
formula = "guess"
"#;

#[test]
fn every_mistake_is_on_its_line() {
    check(
        WRONG,
        &[
            "1 zone: \"Lai_Chau\" is no time zone",
            "2 look_back: must be 1h to 31d",
            "3 grace: must be 0s to 5m",
            "4 vn_aqi.source: is missing",
            "4 vn_aqi.confirmed: is missing",
            "5 vn_aqi.kinds: must be some of traffic, air",
            "6 vn_aqi.completeness: must be more than 0",
            "11 fire_danger_p.at: must be a time of day",
            "12 fire_danger_p.scale: must be 4 numbers",
            "13 fire_danger_p.rain_limits: must be 12 numbers",
            "14 fire_danger_p.gap_days: must be a whole number",
            "19 fwi.constant: must be one of 147.2, 147.27723",
            "24 level_of_service.shares: must be 5 numbers",
            "25 level_of_service.free_flow: must be more than 0",
            "30 rain.hours: must be some of 1, 3",
            "31 rain.colour: unknown key",
            "36 river_alarm.station[0].datum: is missing",
            "36 river_alarm.station[0].confirmed: is missing",
            "38 river_alarm.station[0].stages: must be 3 numbers",
            "39 river_alarm.station[0].hysteresis: must be more than 0",
            "44 landslide_rain.formula: must be one of do_and_yin, caine",
        ],
    );
}
