//! What a viewer would call wrong: rush hours at night, rain in dry air, a flood that runs uphill.

use super::*;
use crate::{scenario, shipped, terrain};

const START_LOCAL_S: f64 = 1_776_150_000.0; // 2026-04-14T07:00 on a local clock, a Tuesday.

fn world(name: &str) -> World {
    World::new(terrain::parse(shipped::TERRAIN).unwrap(), shipped::scenario(name).unwrap(), 1)
}

fn world_of(text: &str) -> World {
    World::new(terrain::parse(shipped::TERRAIN).unwrap(), scenario::parse("test", text).unwrap(), 1)
}

fn hours(hours: f64) -> Moment {
    Moment::new(START_LOCAL_S, hours * 3600.0)
}

#[test]
fn the_local_day_and_week_are_read_from_the_clock() {
    let at = hours(0.0);
    assert_eq!((at.hour(), at.weekday()), (7.0, 1));
    assert_eq!(hours(5.0 * 24.0).weekday(), 6);
    assert!((at.year_share() - 0.285).abs() < 0.01);
}

#[test]
fn rush_hours_are_busier_and_slower_than_the_night() {
    let world = world("calm");
    let place = Place::of([103.472, 22.387]);
    let rush = world.traffic("TR-QL4D-07", 1, place, hours(10.0));
    let night = world.traffic("TR-QL4D-07", 1, place, hours(20.0));
    let sunday = world.traffic("TR-QL4D-07", 1, place, hours(5.0 * 24.0 - 0.1));
    assert!(rush.flow_per_hour > 8.0 * night.flow_per_hour, "{rush:?} {night:?}");
    assert!(rush.flow_per_hour > 1.4 * sunday.flow_per_hour, "{rush:?} {sunday:?}");
    assert!(rush.speed_kmh < night.speed_kmh && rush.occupancy > night.occupancy);
}

#[test]
fn weather_is_consistent_in_itself() {
    for name in ["calm", "flood", "lai_chau"] {
        let world = world(name);
        for step in 0..400 {
            let place = Place::of([102.4 + f64::from(step % 17) * 0.09, 21.8 + f64::from(step % 11) * 0.08]);
            let weather = world.weather(place, hours(f64::from(step) * 0.37));
            assert!(weather.dew_point <= weather.temperature, "{weather:?}");
            assert!((5.0..=100.0).contains(&weather.humidity), "{weather:?}");
            assert!(weather.gust_ms >= weather.wind_ms && weather.gust_ms < 60.0, "{weather:?}");
            assert!((700.0..1030.0).contains(&weather.pressure), "{weather:?}");
            assert!(weather.rain_mm_h < 20.0 || weather.humidity > 80.0, "{weather:?}");
            assert!((-8.0..42.0).contains(&weather.temperature), "{weather:?}");
        }
    }
}

#[test]
fn a_front_passes_the_west_before_the_east() {
    let world = world_of(
        "about = \"\"\n[[front]]\nwhen = { at = \"0m\" }\nahead_km = 100\ntoward_deg = 90\nspeed_kmh = 50\nwidth_km = 15\n\
         rain_mm_h = 20\ncooling = 6\ngust_ms = 12\n",
    );
    let wettest = |lon: f64| {
        let place = Place::of([lon, 22.3]);
        let rain = |minute: u32| world.rain_mm_h(place, hours(f64::from(minute) / 60.0));
        (0..400).max_by(|a, b| rain(*a).total_cmp(&rain(*b))).unwrap()
    };
    let (west, east) = (wettest(102.6), wettest(103.8));
    // 123 km at 50 km/h.
    assert!((i64::from(east) - i64::from(west) - 148).abs() < 25, "west at {west} min, east at {east} min");
    let east = Place::of([103.8, 22.3]);
    let quiet = world_of("about = \"\"");
    let behind = hours(4.0);
    assert!(quiet.weather(east, behind).temperature - world.weather(east, behind).temperature > 4.0);
}

#[test]
fn a_flood_wave_travels_down_the_gauges() {
    let world = world("flood");
    let crest = |gauge: &str| {
        let level = |step: u32| world.river(gauge, 1, hours(f64::from(step) / 6.0)).unwrap().level_m;
        let crest = (0..90).max_by(|a, b| level(*a).total_cmp(&level(*b))).unwrap();
        (crest, level(crest) - level(0))
    };
    let crests: Vec<_> = ["RV-NAMMU-01", "RV-NAMMU-02", "RV-NAMMU-03", "RV-NAMMU-04"].map(crest).into();
    assert!(crests.windows(2).all(|pair| pair[0].0 < pair[1].0), "{crests:?}");
    assert!(crests[0].1 > 2.0, "{crests:?}");
    assert!(crests.iter().all(|(_, grown)| (0.5..15.0).contains(grown)), "{crests:?}");
    assert_eq!(world.river("RV-NOBODY", 1, hours(0.0)).map(|stage| stage.level_m), None);
}

#[test]
fn smoke_is_downwind_and_comes_later_with_distance() {
    let world = world_of(
        "about = \"\"\n[wind]\nspeed_ms = 4\nfrom_deg = 270\n[[fire]]\nwhen = { at = \"0m\" }\nplaces = [[103.2, 22.3]]\n\
         growth = \"20m\"\nlasts = \"3h\"\nspread_kmh = 0.5\n",
    );
    let smoke = |east: f64, minutes: f64| world.smoke(Place { east, north: 0.0 }, hours(minutes / 60.0));
    assert!(smoke(3.0, 60.0) > 0.2, "{}", smoke(3.0, 60.0));
    assert!(smoke(-4.0, 60.0) < 0.001);
    let arrives = |east: f64| (0..200).find(|minute| smoke(east, f64::from(*minute)) > 0.05).unwrap();
    assert!(arrives(1.0) < arrives(5.0) && arrives(5.0) < arrives(12.0));
    assert!(smoke(3.0, 180.0 + 40.0) < 0.001, "smoke stays after the fire is out");
}

#[test]
fn a_slide_is_heard_and_closes_the_road() {
    let world =
        world_of("about = \"\"\n[[slide]]\nwhen = { at = \"1h\" }\nplace = [103.742, 22.357]\nclosed = \"4h\"\n");
    let post = Place::of([103.7300, 22.3700]);
    let road = Place::of([103.7600, 22.3530]);
    let heard = |hour: f64| world.forest(1, post, hours(hour), &world.weather(post, hours(hour))).acoustic;
    let passing = |hour: f64| world.traffic("TR-QL4D-15", 1, road, hours(hour));
    assert!(heard(1.05) > 0.8 && heard(0.9) < 0.5);
    assert!(passing(2.5).flow_per_hour < 0.2 * passing(0.8).flow_per_hour, "{:?} {:?}", passing(2.5), passing(0.8));
    assert!(passing(2.5).occupancy > passing(0.8).occupancy);
    assert!(passing(5.5).speed_kmh > 20.0);
}
