//! The shipped rules over the shipped stations.

use saola::alerts::{Rules, check_rules, rules::Condition};
use saola::model::{Catalogue, RuleFile, Timestamp};
use saola::registry::Registry;

use std::path::Path;

fn shipped() -> (Catalogue, Vec<RuleFile>) {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(&folder.path().join("registry.db")).unwrap();
    registry.seed_from(&config, Timestamp::EPOCH).unwrap();
    let mut files = Vec::new();
    for file in std::fs::read_dir(config.join("rules")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            files.push(RuleFile { name, text: std::fs::read_to_string(&path).unwrap() });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    (registry.catalogue().unwrap(), files)
}

fn rules(catalogue: &Catalogue, files: &[RuleFile]) -> Rules {
    check_rules(files, catalogue).unwrap_or_else(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

#[test]
fn the_shipped_rules_are_valid_and_each_watches_something() {
    let (catalogue, files) = shipped();
    let rules = rules(&catalogue, &files);
    assert!(rules.list().len() >= 25);
    for rule in rules.list() {
        let watched = catalogue.channels().iter().filter(|channel| {
            let station = catalogue.station(channel.station).unwrap();
            rule.covers(&catalogue, station, channel)
        });
        assert!(watched.count() > 0, "{} watches nothing", rule.name);
        // A title without a diacritic is one that somebody typed without Vietnamese letters.
        assert!(!rule.title.vi.is_ascii(), "{}: {}", rule.name, rule.title.vi);
        assert_ne!(rule.title.vi, rule.title.en);
    }
}

#[test]
fn every_working_station_of_the_fleet_is_missed_when_it_falls_silent() {
    let (catalogue, files) = shipped();
    let rules = rules(&catalogue, &files);
    let absences = || rules.list().iter().filter(|rule| matches!(rule.condition, Condition::Absence { .. }));
    for station in catalogue.stations().iter().filter(|station| !station.id.as_str().starts_with("REC-")) {
        let missed = station
            .channels
            .iter()
            .filter_map(|id| catalogue.channel(*id))
            .any(|channel| absences().any(|rule| rule.covers(&catalogue, station, channel)));
        assert!(missed, "{}", station.id);
    }
}
