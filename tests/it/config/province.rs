//! A check of the configuration covers the province's files, too.

use std::path::Path;

use saola::config;

use super::House;

#[test]
fn a_check_covers_stations_areas_and_rules_in_the_same_run() {
    let house = House::new();
    std::fs::create_dir(house.path("rules")).unwrap();
    house.put("stations/a.toml", "[[station]]\nid = \"\"\n", 0o644);
    house.put("areas/a.geojson", "{}", 0o644);
    house.put("incidents.toml", "[[group]]\nradius_km = 0\n", 0o644);
    house.put("heat_sources.toml", "[[heat_source]]\nlat = 99\n", 0o644);
    house.put("saola.toml", "tick = 1\n", 0o600);
    let found: Vec<String> = config::check(&house.path("saola.toml"))
        .mistakes
        .iter()
        .map(|mistake| mistake.to_string().replace(&format!("{}/", house.folder.path().display()), ""))
        .collect();
    assert!(found[0].starts_with("saola.toml:1: tick: "), "{found:#?}");
    assert!(found.iter().any(|mistake| mistake.starts_with("stations/a.toml:2: station[0].id")), "{found:#?}");
    assert!(found.iter().any(|mistake| mistake.starts_with("areas/a.geojson:1: ")), "{found:#?}");
    assert!(found.iter().any(|mistake| mistake.starts_with("incidents.toml:2: group[0].radius_km")), "{found:#?}");
    assert!(found.iter().any(|mistake| mistake.starts_with("heat_sources.toml:2: heat_source[0].lat")), "{found:#?}");
    std::fs::remove_file(house.path("incidents.toml")).unwrap();
    std::fs::remove_file(house.path("heat_sources.toml")).unwrap();

    // A wrong station does not hide a wrong rule.
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/seeds/stations/small.toml");
    let broken = std::fs::read_to_string(shipped).unwrap() + "[[station]]\nid = 5\n";
    house.put("stations/a.toml", &broken, 0o644);
    house.put("rules/a.toml", "[[rule]]\nname = 5\n", 0o644);
    let found = config::check(&house.path("saola.toml")).mistakes;
    assert!(found.iter().any(|mistake| mistake.file.ends_with("stations/a.toml")), "{found:#?}");
    assert!(found.iter().any(|mistake| mistake.file.ends_with("rules/a.toml")), "{found:#?}");

    house.put("stations/a.toml", "", 0o644);
    house.put("areas/a.geojson", "{\"type\":\"FeatureCollection\",\"features\":[]}", 0o644);
    house.put("rules/a.toml", "[[rule]]\nname = 5\n", 0o644);
    house.put("saola.toml", "[[history.counter]]\nchannel = \"M-1/energy\"\n", 0o600);
    let found = config::examine(&house.path("saola.toml"), &[]);
    assert!(!found.mistakes.is_empty());
    assert!(found.mistakes.iter().all(|mistake| mistake.file.ends_with("rules/a.toml")), "{:#?}", found.mistakes);
    assert!(found.warnings.iter().any(|warning| warning.message.contains("no station")));
    let counter = found.warnings.iter().find(|warning| warning.key == "history.counter[0].channel");
    assert_eq!(counter.map(|warning| warning.line), Some(2), "{:#?}", found.warnings);
}

#[test]
fn the_shipped_province_has_no_mistake() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/saola.toml");
    let found = config::examine(&shipped, &[]);
    assert_eq!(found.mistakes, [], "{:#?}", found.mistakes);
    assert_eq!(found.warnings, [], "{:#?}", found.warnings);
    assert_eq!(found.areas_count, 39 + 8 + 106, "in force, and former districts and communes");
    assert!(found.stations_count >= 100, "{}", found.stations_count);
}
