//! The shipped station files: enough of every kind, plausible, and inside the province.

use std::collections::{BTreeMap, BTreeSet};

use saola_sim::shipped;
use saola_sim::stations::{self, Station, is_recorded};
use saola_sim::terrain;
use serde_json::Value;

fn shipped_stations() -> Vec<Station> {
    stations::parse(&shipped::station_files()).expect("the shipped files are station files")
}

#[test]
fn there_are_enough_of_every_kind() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let all = shipped_stations();
    for station in all.iter().filter(|station| !is_recorded(station)) {
        *counts.entry(station.kind.clone()).or_default() += 1;
    }
    assert!(counts["traffic"] >= 40 && counts["forest"] >= 60, "{counts:?}");
    assert!(counts["air"] + counts["weather"] >= 20 && counts["river"] + counts["rain"] >= 15, "{counts:?}");
    assert_eq!(all.iter().filter(|station| is_recorded(station)).count(), 8);
}

#[test]
fn names_and_channels_are_whole() {
    let all = shipped_stations();
    let names: BTreeSet<&str> = all.iter().map(|station| station.id.as_str()).collect();
    assert_eq!(names.len(), all.len(), "two stations have one name");
    for station in &all {
        assert!(station.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{}", station.id);
        assert!(!station.channels.is_empty(), "{} observes nothing", station.id);
        let properties: BTreeSet<&str> = station.channels.iter().map(|channel| channel.property.as_str()).collect();
        assert_eq!(properties.len(), station.channels.len(), "{} observes a property twice", station.id);
        for channel in &station.channels {
            assert!(channel.min < channel.max && channel.interval.seconds() >= 1.0, "{} {channel:?}", station.id);
        }
    }
    let gust = all.iter().flat_map(|station| &station.channels).filter(|channel| channel.property.starts_with("wind_"));
    assert!(gust.filter(|channel| channel.property != "wind_direction").all(|channel| channel.max <= 75.0));
}

#[test]
fn terrain_and_stations_know_each_other() {
    let all = shipped_stations();
    let terrain = terrain::parse(shipped::TERRAIN).unwrap();
    let of_kind = |kind: &str| {
        let stations = all.iter().filter(|station| station.kind == kind && !is_recorded(station));
        stations.map(|station| station.id.clone()).collect::<BTreeSet<_>>()
    };
    assert_eq!(of_kind("traffic"), terrain.demand.keys().cloned().collect());
    assert_eq!(of_kind("river"), terrain.gauges.iter().map(|gauge| gauge.station.clone()).collect());
}

#[test]
fn every_station_stands_inside_the_province() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/areas/lai_chau_communes_2025.geojson");
    let communes: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut rings: Vec<Vec<(f64, f64)>> = Vec::new();
    for feature in communes["features"].as_array().unwrap() {
        gather_rings(&feature["geometry"]["coordinates"], &mut rings);
    }
    assert!(rings.len() >= 38);
    for station in shipped_stations() {
        // A point inside a hole crosses two rings: even, and so outside.
        let inside = rings.iter().filter(|ring| crosses_odd(ring, station.lon, station.lat)).count();
        assert_eq!(inside % 2, 1, "{} stands outside", station.id);
    }
}

fn gather_rings(value: &Value, rings: &mut Vec<Vec<(f64, f64)>>) {
    let Some(list) = value.as_array() else { return };
    let point = |point: &Value| Some((point.get(0)?.as_f64()?, point.get(1)?.as_f64()?));
    match list.iter().map(point).collect::<Option<Vec<_>>>() {
        Some(ring) if !ring.is_empty() => rings.push(ring),
        _ => list.iter().for_each(|inner| gather_rings(inner, rings)),
    }
}

fn crosses_odd(ring: &[(f64, f64)], x: f64, y: f64) -> bool {
    let crossings = ring.windows(2).filter(|edge| {
        let ((x1, y1), (x2, y2)) = (edge[0], edge[1]);
        (y1 > y) != (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1
    });
    crossings.count() % 2 == 1
}
