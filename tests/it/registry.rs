//! The registry from files to the catalogue: numbers that last, seeding that can be repeated, real boundaries.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use saola::model::{
    AreaId, AreaLevel, Catalogue, Extent, Footprint, LinkClass, LocalName, Position, Property, Range, SourceId,
    StationId, StationKind, Timestamp, Unit,
};
use saola::registry::{ChannelDeclaration, Declared, Definition, Registry, SeedError, SeedReport, StationDeclaration};

const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);
const SMALL: &str = include_str!("../fixtures/seeds/stations/small.toml");

fn areas_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/areas")
}

/// A folder of seeds with the real boundaries and one file of stations.
struct Seeds {
    folder: tempfile::TempDir,
}

impl Seeds {
    fn new(stations: &str) -> Seeds {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("stations")).unwrap();
        std::os::unix::fs::symlink(areas_folder(), folder.path().join("areas")).unwrap();
        std::fs::write(folder.path().join("quality.toml"), "").unwrap();
        let seeds = Seeds { folder };
        seeds.write(stations);
        seeds
    }

    fn write(&self, stations: &str) {
        std::fs::write(self.folder.path().join("stations/all.toml"), stations).unwrap();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn registry(&self) -> Registry {
        Registry::open(&self.folder.path().join("saola.sqlite")).unwrap()
    }
}

fn seeded(seeds: &Seeds) -> (Registry, SeedReport) {
    let registry = seeds.registry();
    let report = registry.seed_from(seeds.path(), NOW).unwrap();
    (registry, report)
}

fn declaration(id: &str, properties: &[&str]) -> StationDeclaration {
    let channel = |property: &&str| ChannelDeclaration {
        property: Property::new(property),
        unit: Unit::Celsius,
        interval: Duration::from_secs(60),
        plausible: Range { min: -50.0, max: 60.0 },
        link: LinkClass::Cellular,
    };
    StationDeclaration {
        id: StationId::new(id),
        kind: StationKind::Weather,
        name: LocalName { vi: id.to_owned(), en: id.to_owned() },
        position: Position { lon: 103.4, lat: 22.4 },
        area: None,
        maintenance: false,
        footprint: None,
        channels: properties.iter().map(channel).collect(),
    }
}

#[test]
fn files_become_a_catalogue_with_communes_found_from_positions() {
    let seeds = Seeds::new(SMALL);
    let (registry, report) = seeded(&seeds);
    assert_eq!(
        (report.areas.added.len(), report.stations.added.len(), report.channels.added.len()),
        (39 + 8 + 106, 3, 4),
        "in force, and former districts and communes"
    );
    assert_eq!(report.warnings, []);

    let catalogue = registry.catalogue().unwrap();
    let station = catalogue.station_named("AQ-LC-01").unwrap();
    assert_eq!(station.area, Some(AreaId::new("03388")), "Đoàn Kết ward by its own label point");
    assert_eq!(catalogue.channel_named("AQ-LC-01/pm10").unwrap().link, LinkClass::Wired);
    assert!(catalogue.station_named("RV-Đà-01").unwrap().maintenance);
    let ward = catalogue.area(&AreaId::new("03388")).unwrap();
    assert_eq!((ward.name.vi.as_str(), ward.level), ("Đoàn Kết", AreaLevel::Commune));
    assert_eq!(ward.parent, Some(AreaId::new("12")));
    assert_eq!(catalogue.areas()[0].id, AreaId::new("12"));
}

#[test]
fn seeding_again_changes_nothing_and_survives_a_restart() {
    let seeds = Seeds::new(SMALL);
    let (registry, _) = seeded(&seeds);
    let catalogue = registry.catalogue().unwrap();
    drop(registry);
    let (registry, report) = seeded(&seeds);
    assert!(report.areas.is_unchanged() && report.stations.is_unchanged() && report.channels.is_unchanged());
    assert_eq!(registry.catalogue().unwrap(), catalogue);
    let reopened = seeds.registry();
    assert_eq!(reopened.catalogue().unwrap(), catalogue);
    assert_eq!(reopened.areas().shapes(), registry.areas().shapes());
}

#[test]
fn a_vanished_station_is_retired_and_a_returning_one_keeps_its_numbers() {
    let seeds = Seeds::new(SMALL);
    let (registry, _) = seeded(&seeds);
    let before = registry.catalogue().unwrap();
    let without_traffic: String =
        SMALL.split("\n[[station]]").filter(|part| !part.contains("TR-QL4D")).collect::<Vec<_>>().join("\n[[station]]");
    seeds.write(&without_traffic.replace("pm10", "no2"));
    let report = registry.seed_from(seeds.path(), NOW).unwrap();
    assert_eq!(report.stations.retired, ["TR-QL4D-01"]);
    assert_eq!(report.channels.retired, ["AQ-LC-01/pm10", "TR-QL4D-01/vehicle_flow"]);
    assert_eq!(report.channels.added, ["AQ-LC-01/no2"]);

    let between = registry.catalogue().unwrap();
    let gone = between.station_named("TR-QL4D-01").unwrap();
    assert!(gone.retired && between.channel_named("TR-QL4D-01/vehicle_flow").unwrap().retired);
    assert!(between.channel_named("AQ-LC-01/pm10").unwrap().retired);
    assert!(!between.station_named("AQ-LC-01").unwrap().retired);
    assert_eq!(between.channels().len(), before.channels().len() + 1);

    seeds.write(SMALL);
    let report = registry.seed_from(seeds.path(), NOW).unwrap();
    assert_eq!(report.stations.restored, ["TR-QL4D-01"]);
    assert_eq!(report.channels.restored, ["AQ-LC-01/pm10", "TR-QL4D-01/vehicle_flow"]);
    let after = registry.catalogue().unwrap();
    for station in before.stations() {
        let same = after.station_named(station.id.as_str()).unwrap();
        assert!(same.no == station.no && !same.retired);
    }
    assert!(after.channel_named("AQ-LC-01/no2").unwrap().retired);
}

#[test]
fn changes_are_reported_and_a_unit_cannot_change() {
    let seeds = Seeds::new(SMALL);
    let (registry, _) = seeded(&seeds);
    seeds.write(&SMALL.replace("Da river", "Black river").replace("max = 6000", "max = 7000"));
    let report = registry.seed_from(seeds.path(), NOW).unwrap();
    assert_eq!(
        (report.stations.changed, report.channels.changed),
        (vec!["RV-Đà-01".to_owned()], vec!["TR-QL4D-01/vehicle_flow".to_owned()])
    );
    assert_eq!(registry.catalogue().unwrap().channel_named("TR-QL4D-01/vehicle_flow").unwrap().plausible.max, 7000.0);

    let before = registry.catalogue().unwrap();
    seeds.write(&SMALL.replace("unit = \"m\"", "unit = \"cm\"").replace("Doan Ket air", "Another name"));
    let Err(SeedError::Mistakes(mistakes)) = registry.seed_from(seeds.path(), NOW) else { panic!("must be refused") };
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    let shown = mistakes[0].to_string();
    assert!(shown.contains("all.toml:40: RV-Đà-01.water_level.unit: stays in m"), "{shown}");
    assert_eq!(registry.catalogue().unwrap(), before, "nothing changes when anything is wrong");
}

#[test]
fn every_mistake_of_every_file_is_reported_in_one_run() {
    let seeds = Seeds::new(SMALL);
    let second = SMALL.replace("TR-QL4D-01", "TR-QL4D-02").replace("unit = \"m\"", "unit = \"fathom\"");
    std::fs::write(seeds.path().join("stations/second.toml"), second).unwrap();
    std::fs::write(seeds.path().join("stations/third.toml"), "[[station]]\nid = \"\n").unwrap();
    std::fs::write(seeds.path().join("stations/fourth.toml"), b"# \xff\n").unwrap();
    let more = "[[station]]\nid = \"X\"\nkind = \"rain\"\nname = { vi = \"X\", en = \"X\" }\nlon = 103.4\nlat = 22.4\narea = \"99999\"\n\
        [[station.channel]]\nproperty = \"rainfall\"\nunit = \"mm\"\ninterval = \"10m\"\nmin = 0\nmax = 100\n";
    std::fs::write(seeds.path().join("stations/fifth.toml"), more).unwrap();
    let mistakes = Declared::read(seeds.path()).unwrap_err();
    let shown: Vec<String> =
        mistakes.iter().map(|m| m.to_string().replace(&seeds.path().display().to_string(), "")).collect();
    let expected = [
        "/stations/fifth.toml:1: X.area: no area has the code 99999",
        "/stations/fourth.toml:1: is not UTF-8 text from here on",
        "/stations/second.toml:3: AQ-LC-01.id: AQ-LC-01 is declared already at",
        "/stations/second.toml:50: station[2].channel[0].unit: \"fathom\" is not a unit",
        "/stations/third.toml:2: ",
    ];
    assert_eq!(shown.len(), expected.len(), "{shown:#?}");
    for (shown, expected) in shown.iter().zip(expected) {
        assert!(shown.starts_with(expected), "{shown} does not start with {expected}");
    }
}

#[test]
fn parents_that_lead_in_a_circle_are_refused() {
    let seeds = Seeds::new(SMALL);
    let unit = |code: &str, parent: &str| {
        format!(
            "{{\"type\": \"Feature\", \"properties\": {{\"code\": \"{code}\", \"name\": \"{code}\", \"name_en\": \"{code}\",
             \"level\": \"forest_plot\", \"parent\": \"{parent}\"}}, \"geometry\": {{\"type\": \"Polygon\",
             \"coordinates\": [[[103, 22], [103.1, 22], [103.1, 22.1], [103, 22]]]}}}}"
        )
    };
    let units = [unit("f1", "f2"), unit("f2", "f1"), unit("f3", "f1"), unit("f4", "f4")].join(",\n");
    let text = format!("{{\"type\": \"FeatureCollection\", \"features\": [{units}]}}");
    // In place of the link to the real ones.
    std::fs::remove_file(seeds.path().join("areas")).unwrap();
    std::fs::create_dir(seeds.path().join("areas")).unwrap();
    std::fs::write(seeds.path().join("areas/circle.geojson"), text).unwrap();
    let mistakes = Declared::read(seeds.path()).unwrap_err();
    let found: Vec<(usize, &str)> = mistakes.iter().map(|mistake| (mistake.line, mistake.message.as_str())).collect();
    let message = "leads back to the area itself";
    assert_eq!(found, [(1, message), (4, message), (10, message)], "f3 is in no circle of its own: {mistakes:#?}");
}

#[test]
fn missing_folders_are_mistakes_and_an_empty_one_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let mistakes = Declared::read(folder.path()).unwrap_err();
    assert!(mistakes.len() == 2 && mistakes[0].message.contains("cannot be read"), "{mistakes:?}");
    let seeds = Seeds::new("");
    let declared = Declared::read(seeds.path()).unwrap();
    assert!(declared.warnings()[0].message.contains("no station"), "{:?}", declared.warnings());
}

#[test]
fn a_station_outside_every_area_is_a_warning() {
    let seeds = Seeds::new(&SMALL.replace("lon = 102.8", "lon = 112.8"));
    let (registry, report) = seeded(&seeds);
    assert!(report.warnings[0].to_string().contains(": RV-Đà-01.lon: lies outside every known area"), "{report:?}");
    assert_eq!(registry.catalogue().unwrap().station_named("RV-Đà-01").unwrap().area, None);
}

#[test]
fn the_real_communes_hold_their_own_label_points() {
    let seeds = Seeds::new(SMALL);
    let (registry, _) = seeded(&seeds);
    let areas = registry.areas();
    let communes: Vec<_> = areas.shapes().iter().filter(|shape| shape.area.level == AreaLevel::Commune).collect();
    assert_eq!(communes.len(), 38);
    for shape in &communes {
        assert_eq!(areas.locate(shape.label).as_ref(), Some(&shape.area.id), "{}", shape.area.name.vi);
    }
    assert_eq!(areas.within(&AreaId::new("12")).len(), 39);
    let whole = areas.whole().unwrap();
    assert!((whole.min().x - 102.32).abs() < 0.01 && (whole.max().y - 22.81).abs() < 0.01, "{whole:?}");
    assert_eq!(areas.locate(Position { lon: 105.85, lat: 21.03 }), None, "Hà Nội");
}

#[test]
fn sources_are_numbered_from_zero_once() {
    let seeds = Seeds::new(SMALL);
    let registry = seeds.registry();
    assert_eq!(registry.source("edge").unwrap(), SourceId(0));
    assert_eq!(registry.source("mosquitto").unwrap(), SourceId(1));
    assert_eq!(registry.source("edge").unwrap(), SourceId(0));
    assert_eq!(seeds.registry().source("lorawan").unwrap(), SourceId(2));
    assert_eq!(registry.catalogue().unwrap().sources(), ["edge", "mosquitto", "lorawan"]);
}

#[test]
fn a_programs_stations_are_not_retired_by_the_files() {
    let seeds = Seeds::new(SMALL);
    let (registry, _) = seeded(&seeds);
    let report = registry.seed_stations(vec![declaration("bench-1", &["air_temperature"])], NOW).unwrap();
    assert_eq!(report.stations.added, ["bench-1"]);
    let report = registry.seed_from(seeds.path(), NOW).unwrap();
    assert!(report.stations.is_unchanged());
    let catalogue = registry.catalogue().unwrap();
    assert!(catalogue.station_named("bench-1").unwrap().area.is_some());

    let wrong = vec![declaration("a b", &["time"]), declaration("bench-1", &["x", "x"]), declaration("bench-1", &[])];
    let Err(SeedError::Mistakes(mistakes)) = registry.seed_stations(wrong, NOW) else { panic!("must be refused") };
    assert_eq!(mistakes.len(), 5, "{mistakes:#?}");
}

#[test]
fn ten_thousand_stations_of_four_channels_take_seconds_at_most() {
    let seeds = Seeds::new(SMALL);
    let (registry, _) = seeded(&seeds);
    let properties = ["air_temperature", "dew_point", "soil_temperature", "water_temperature"];
    let stations: Vec<_> = (0..10_000).map(|at| declaration(&format!("D{at:05}"), &properties)).collect();
    let started = Instant::now();
    registry.seed_stations(stations.clone(), NOW).unwrap();
    let first = started.elapsed();
    let report = registry.seed_stations(stations, NOW).unwrap();
    let second = started.elapsed() - first;
    assert_eq!(report.channels.unchanged_count, 40_000);
    let catalogue = registry.catalogue().unwrap();
    assert_eq!((catalogue.stations().len(), catalogue.channels().len()), (10_003, 40_004));
    println!("first {first:?}, again {second:?}, with catalogue {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

/// Whatever is declared in whatever order, a name keeps the number it got first, and numbers are dense.
fn check_numbers_last(rounds: &[Vec<(u8, u8)>]) {
    let seeds = Seeds::new("");
    let registry = seeds.registry();
    let mut known: Vec<(String, u32)> = Vec::new();
    for round in rounds {
        let mut text = String::new();
        let mut named = std::collections::BTreeSet::new();
        for (station, channels) in round {
            if !named.insert(*station) {
                continue;
            }
            text.push_str(&format!(
                "[[station]]\nid = \"S{station}\"\nkind = \"air\"\nname = {{ vi = \"S\", en = \"S\" }}\nlon = 103.4\nlat = 22.4\n"
            ));
            for channel in 0..=channels % 4 {
                text.push_str(&format!(
                    "[[station.channel]]\nproperty = \"p{}\"\nunit = \"1\"\ninterval = \"1m\"\nmin = 0\nmax = 1\n",
                    (channel + station) % 6
                ));
            }
        }
        seeds.write(&text);
        registry.seed_from(seeds.path(), NOW).unwrap();
        let catalogue: Catalogue = registry.catalogue().unwrap();
        for (name, number) in &known {
            assert_eq!(catalogue.channel_named(name).map(|channel| channel.id.0), Some(*number), "{name}");
        }
        known = catalogue
            .channels()
            .iter()
            .map(|channel| {
                (format!("{}/{}", catalogue.stations()[channel.station.index()].id, channel.property), channel.id.0)
            })
            .collect();
        for station in catalogue.stations() {
            assert_eq!(
                station.retired,
                !named.contains(&station.id.as_str()[1..].parse::<u8>().unwrap()),
                "{}",
                station.id
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn numbers_last_through_any_history(rounds in prop::collection::vec(prop::collection::vec((0u8..6, any::<u8>()), 0..6), 1..6)) {
        check_numbers_last(&rounds);
    }
}

#[test]
fn a_station_of_a_program_is_in_an_area_that_there_is_when_the_areas_change() {
    let seeds = Seeds::new(SMALL);
    let (registry, _) = seeded(&seeds);
    let mut ours = declaration("ours", &["air_temperature"]);
    ours.position = Position { lon: 103.4088, lat: 22.4346 };
    registry.seed_stations(vec![ours], NOW).unwrap();
    let area = |registry: &Registry| registry.catalogue().unwrap().station_named("ours").unwrap().area.clone();
    assert_eq!(area(&registry), Some(AreaId::new("03388")));
    std::fs::remove_file(seeds.path().join("areas")).unwrap();
    std::fs::create_dir(seeds.path().join("areas")).unwrap();
    std::fs::write(
        seeds.path().join("areas/all.geojson"),
        r#"{"type": "FeatureCollection", "features": [{"type": "Feature",
        "properties": {"code": "12", "name": "Lai Châu", "name_en": "Lai Chau"},
        "geometry": {"type": "Polygon", "coordinates": [[[102, 21], [105, 21], [105, 23], [102, 23], [102, 21]]]}}]}"#,
    )
    .unwrap();
    registry.seed_from(seeds.path(), NOW).unwrap();
    assert_eq!(area(&registry), Some(AreaId::new("12")));
    let station = registry.catalogue().unwrap().station_named("ours").unwrap().no;
    let changes = registry.changes(station, None, 10).unwrap();
    assert_eq!((changes[0].author.as_str(), changes[0].revision), ("files", 2));
}

const INDICES: &str = r#"
zone = "Asia/Ho_Chi_Minh"
[cbi]
kinds = "weather"
source = "a book"
confirmed = true
"#;

#[test]
fn stations_of_files_and_of_others_get_the_channels_that_follow_from_theirs() {
    let seeds = Seeds::new(&SMALL.replace("\"river\"", "\"weather\""));
    let (registry, _) = seeded(&seeds);
    let mut dry = declaration("DRY", &["air_temperature"]);
    let mut humid = declaration("WX", &["air_temperature", "relative_humidity"]);
    (humid.channels[1].unit, dry.position.lat) = (Unit::Percent, 22.5);
    registry.seed_stations(vec![humid.clone(), dry], NOW).unwrap();
    assert_eq!(registry.catalogue().unwrap().derived(), []);

    std::fs::write(seeds.path().join("indices.toml"), INDICES).unwrap();
    registry.seed_from(seeds.path(), NOW).unwrap();
    let catalogue = registry.catalogue().unwrap();
    let index = catalogue.channel_named("WX/cbi").unwrap();
    let from: Vec<&str> = catalogue
        .derived_from(index.id)
        .unwrap()
        .iter()
        .map(|id| catalogue.channel(*id).unwrap().property.as_str())
        .collect();
    assert_eq!((from.as_slice(), catalogue.derived().len()), (["air_temperature", "relative_humidity"].as_slice(), 1));
    assert_eq!(Declared::read(seeds.path()).unwrap().catalogue().derived(), []);
    assert!(catalogue.channel_named("DRY/cbi").is_none());

    // Declared again without it, it stays; without its input, nothing is derived any more.
    registry.seed_stations(vec![humid.clone()], NOW).unwrap();
    assert_eq!(registry.catalogue().unwrap().derived(), catalogue.derived());
    humid.channels.pop();
    registry.seed_stations(vec![humid], NOW).unwrap();
    let without = registry.catalogue().unwrap();
    assert!(without.derived().is_empty() && without.channel_named("WX/cbi").unwrap().retired);
}

#[test]
fn what_a_station_watches_is_kept_with_what_it_watched_before() {
    let watching = |footprint: &str| {
        assert!(SMALL.contains("id = \"AQ-LC-01\""));
        SMALL.replace("id = \"AQ-LC-01\"", &format!("id = \"AQ-LC-01\"\n{footprint}"))
    };
    let text = watching("footprint = { shape = \"circle\", radius_m = 500 }");
    let seeds = Seeds::new(&text);
    let (registry, _) = seeded(&seeds);
    let no = registry.catalogue().unwrap().station_named("AQ-LC-01").unwrap().no;
    let radius = |footprint: Option<&Footprint>| match footprint.map(|footprint| &footprint.extent) {
        Some(Extent::Circle { radius_m }) => *radius_m,
        _ => 0.0,
    };
    assert_eq!(radius(registry.footprints().unwrap().of(no)), 500.0);

    const DAY: Duration = Duration::from_secs(86_400);
    let later = NOW + 2 * DAY;
    let text = watching("footprint = { shape = \"circle\", radius_m = 900, approximate = true }");
    seeds.write(&text);
    let report = registry.seed_from(seeds.path(), later).unwrap();
    assert_eq!((report.stations.changed.as_slice(), report.stations.retired.len()), (&["AQ-LC-01".to_owned()][..], 0));
    seeds.write(SMALL);
    registry.seed_from(seeds.path(), later + 2 * DAY).unwrap();

    let reopened = seeds.registry();
    for footprints in [registry.footprints().unwrap(), reopened.footprints().unwrap()] {
        let at = |tenths: u32| radius(footprints.at(no, NOW + tenths * DAY / 10));
        assert_eq!([0, 19, 20, 39, 40].map(at), [500.0, 500.0, 900.0, 900.0, 0.0]);
        assert_eq!(footprints.of(no), None);
    }
    let fields: Vec<String> = Definition::differences(
        registry.changes(no, None, 10).unwrap()[0].before.as_ref(),
        Some(&registry.station("AQ-LC-01").unwrap().unwrap().definition),
    )
    .into_iter()
    .map(|difference| difference.field)
    .collect();
    assert_eq!(fields, ["footprint"]);
}

#[test]
fn former_communes_are_kept_beside_those_in_force() {
    let seeds = Seeds::new(SMALL);
    let (registry, _) = seeded(&seeds);
    let reopened = seeds.registry();
    assert_eq!(reopened.areas().all(), registry.areas().all());
    let areas = reopened.areas();
    let count = |level, date: &str| areas.at(level, date.parse().unwrap()).count();
    assert_eq!([count(AreaLevel::Commune, "2025-06-30"), count(AreaLevel::Commune, "2025-07-01")], [106, 38]);
    assert_eq!([count(AreaLevel::District, "2025-06-30"), count(AreaLevel::District, "2025-07-01")], [8, 0]);
    let former = areas.find(&AreaId::new("03386-2024")).unwrap();
    assert_eq!((former.facts.successors.as_slice(), former.is_drawn()), (&[AreaId::new("03388")][..], false));
    // The catalogue, and with it the journal, has those in force alone.
    assert_eq!(reopened.catalogue().unwrap().areas().len(), 39);
}
