use geo::{Bearing, Contains, Coord, Distance, Geodesic, LineString, MultiPolygon, Point, Polygon};
use proptest::prelude::*;

use super::*;
use crate::model::{
    Area, AreaFacts, AreaId, AreaLevel, Extent, Footprint, ForestType, LocalName, Position, StationNo, Validity,
};
use crate::registry::AreaShape;

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn shape(id: &str, level: AreaLevel, parent: Option<&str>, polygon: Polygon<f64>) -> AreaShape {
    let name = LocalName { vi: id.into(), en: id.into() };
    let area = Area { id: AreaId::new(id), level, name, parent: parent.map(AreaId::new) };
    AreaShape::new(area, MultiPolygon::new(vec![polygon]), None).unwrap()
}

fn ring(places: &[(f64, f64)]) -> LineString<f64> {
    places.iter().map(|(x, y)| Coord { x: *x, y: *y }).collect()
}

fn square(west: f64, south: f64, side: f64) -> Polygon<f64> {
    Polygon::new(
        ring(&[(west, south), (west + side, south), (west + side, south + side), (west, south + side)]),
        vec![],
    )
}

fn watcher(no: u32, lon: f64, lat: f64, extent: Extent) -> Watcher {
    let footprint = Footprint { extent, approximate: false };
    Watcher { station: StationNo(no), position: Position { lon, lat }, footprint }
}

fn coverage() -> Coverage {
    Coverage::new(Config::default())
}

/// Whether a station watches a point, by distance and direction alone.
fn watches(watcher: &Watcher, at: Point<f64>) -> bool {
    let station = Point::new(watcher.position.lon, watcher.position.lat);
    let within = |radius_m: f64| Geodesic.distance(station, at) <= radius_m;
    match &watcher.footprint.extent {
        Extent::Circle { radius_m } => within(*radius_m),
        Extent::Sector { radius_m, bearing, angle } => {
            let off = (Geodesic.bearing(station, at) - bearing + 540.0).rem_euclid(360.0) - 180.0;
            off.abs() <= angle / 2.0 && within(*radius_m)
        }
        Extent::Polygon { ring } => {
            let line: LineString<f64> = ring.iter().map(|[x, y]| Coord { x: *x, y: *y }).collect();
            Polygon::new(line, Vec::new()).contains(&at)
        }
    }
}

/// Shares of the forest and of each unit, by looking at points of a grid.
fn by_points(units: &[Polygon<f64>], watchers: &[Watcher], side: usize) -> f64 {
    let (mut forest, mut watched) = (0.0, 0.0);
    for row in 0..side {
        let lat = 22.0 + 0.2 * (row as f64 + 0.5) / side as f64;
        for column in 0..side {
            let at = Point::new(103.0 + 0.2 * (column as f64 + 0.5) / side as f64, lat);
            if units.iter().any(|unit| unit.contains(&at)) {
                let weight = lat.to_radians().cos();
                forest += weight;
                watched += if watchers.iter().any(|watcher| watches(watcher, at)) { weight } else { 0.0 };
            }
        }
    }
    watched / forest
}

fn extents() -> impl Strategy<Value = Extent> {
    let radius = 500.0..8_000.0_f64;
    prop_oneof![
        radius.clone().prop_map(|radius_m| Extent::Circle { radius_m }),
        (radius.clone(), 0.0..360.0_f64, 5.0..=360.0_f64).prop_map(|(radius_m, bearing, angle)| Extent::Sector {
            radius_m,
            bearing,
            angle
        }),
        (103.0..103.15_f64, 22.0..22.15_f64, 0.02..0.08_f64).prop_map(|(lon, lat, side)| Extent::Polygon {
            ring: vec![
                [lon, lat],
                [lon + side, lat + side / 3.0],
                [lon + side, lat + side],
                [lon + side / 4.0, lat + side]
            ]
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    /// Units with holes, footprints over each other: the shares are those that points of a grid tell.
    #[test]
    fn the_share_is_what_a_grid_of_points_tells(
        placed in prop::collection::vec((102.98..103.22_f64, 21.98..22.22_f64, extents()), 1..8),
        clearing in 0.01..0.05_f64,
    ) {
        let watchers: Vec<Watcher> =
            placed.into_iter().zip(0..).map(|((lon, lat, extent), no)| watcher(no, lon, lat, extent)).collect();
        let mut holed = square(103.01, 22.02, 0.1);
        holed.interiors_push(ring(&[
            (103.03, 22.04), (103.03 + clearing, 22.04), (103.03 + clearing, 22.04 + clearing), (103.03, 22.04 + clearing),
        ]));
        let units = [holed, square(103.11, 22.02, 0.07), square(103.02, 22.13, 0.06)];
        let shapes = units.iter().enumerate();
        let shapes = shapes.map(|(at, unit)| shape(&format!("f{at}"), AreaLevel::ForestPlot, None, unit.clone()));
        let areas = Arc::new(Areas::new(shapes.collect()));
        let coverage = coverage();
        let forest = coverage.forest(&areas, date("2026-01-01"));
        let measured = coverage.measure(&forest, &watchers);
        let watched: f64 = measured.watched_m2.iter().sum();
        let share = watched / forest.area_m2();
        let by_points = by_points(&units, &watchers, 220);
        prop_assert!((share - by_points).abs() < 0.005, "{} by polygons, {} by points", share, by_points);
        // What is left is the rest, unit by unit.
        for place in 0..forest.units.len() {
            use geo::Area as _;
            let left = measured.hole(&forest, place).unsigned_area();
            let unit = &forest.units[place];
            prop_assert!((left + measured.watched_m2[place] - unit.area_m2).abs() < unit.area_m2 * 1e-6);
        }
    }
}

#[test]
fn a_unit_lends_those_inside_it_what_they_do_not_say() {
    let facts = |forest_type, owner: Option<&str>| AreaFacts {
        forest_type,
        owner: owner.map(str::to_owned),
        ..AreaFacts::default()
    };
    let compartment = shape("t", AreaLevel::ForestCompartment, Some("c"), square(103.0, 22.0, 0.1))
        .with_facts(facts(Some(ForestType::Protection), Some("board")));
    let plot = shape("t-1", AreaLevel::ForestPlot, Some("t"), square(103.0, 22.0, 0.05));
    let sold = shape("t-2", AreaLevel::ForestPlot, Some("t"), square(103.05, 22.0, 0.05))
        .with_facts(facts(None, Some("village")));
    let felled = AreaFacts {
        validity: Validity { from: None, to: Some(date("2026-01-01")) },
        ..facts(Some(ForestType::Production), None)
    };
    let felled = shape("u", AreaLevel::ForestPlot, None, square(103.2, 22.0, 0.05)).with_facts(felled);
    let commune = shape("c", AreaLevel::Commune, None, square(102.9, 21.9, 0.5));
    let areas = Arc::new(Areas::new(vec![compartment, plot, sold, felled, commune]));
    let coverage = coverage();
    let told = |day: &str| -> Vec<String> {
        let forest = coverage.forest(&areas, date(day));
        let owner = |unit: &Unit| unit.owner.clone().unwrap_or_default();
        let commune = |unit: &Unit| unit.commune.clone().map(|id| id.to_string()).unwrap_or_default();
        let kind = |unit: &Unit| unit.forest_type.map_or("", ForestType::word);
        forest
            .units
            .iter()
            .map(|unit| format!("{} {} {} {}", unit.id, owner(unit), kind(unit), commune(unit)))
            .collect()
    };
    assert_eq!(told("2026-01-01"), ["t board protection c", "t-1 board protection c", "t-2 village protection c"]);
    assert_eq!(told("2025-12-31").len(), 4, "what was felled in 2026 was forest before");
    // Dates with the same units share one forest, and sets one measurement.
    let forests = ["2026-01-01", "2026-05-01"].map(|day| coverage.forest(&areas, date(day)));
    assert!(Arc::ptr_eq(&forests[0], &forests[1]));
    let set = [watcher(0, 103.02, 22.02, Extent::Circle { radius_m: 900.0 })];
    let measured = [(); 2].map(|()| coverage.measure(&forests[0], &set));
    assert!(Arc::ptr_eq(&measured[0], &measured[1]));
    assert!(!Arc::ptr_eq(&measured[0], &coverage.measure(&forests[0], &[])));
}

/// One plot in a corner of a compartment, drawn either way round, and one in that: no ground is lost and none counts twice.
#[test]
fn a_unit_with_units_inside_counts_by_them_and_by_what_they_leave() {
    let invented = AreaFacts { invented: true, ..AreaFacts::default() };
    let whole = square(103.0, 22.0, 0.1);
    let mut turned = square(103.0, 22.0, 0.05);
    turned.exterior_mut(|ring| ring.0.reverse());
    let areas = |shapes: &[AreaShape]| Arc::new(Areas::new(shapes.to_vec()));
    let compartment = shape("t", AreaLevel::ForestCompartment, None, whole).with_facts(invented);
    let sub = shape("t-1", AreaLevel::ForestSubcompartment, Some("t"), turned);
    let plot = shape("t-1-a", AreaLevel::ForestPlot, Some("t-1"), square(103.02, 22.02, 0.02));
    let coverage = coverage();
    let of = |shapes: &[AreaShape]| coverage.forest(&areas(shapes), date("2026-01-01"));
    let alone = of(std::slice::from_ref(&compartment)).area_m2();
    let forest = of(&[compartment.clone(), sub, plot]);
    assert!((forest.area_m2() / alone - 1.0).abs() < 1e-6, "{} of {alone}", forest.area_m2());
    let shares: Vec<f64> = forest.units.iter().map(|unit| (unit.area_m2 / alone * 100.0).round()).collect();
    assert_eq!(shares, [75.0, 21.0, 4.0]);
    assert!(forest.units.iter().all(|unit| unit.invented), "what is inside an invented unit is invented");
    // What is left of the compartment is watched where it is, not where the plots are.
    let measured = coverage.measure(&forest, &[watcher(0, 103.03, 22.03, Extent::Circle { radius_m: 500.0 })]);
    assert!(measured.watched_m2[0] == 0.0 && measured.watched_m2[2] > 7e5, "{:?}", measured.watched_m2);
    // Nothing is left of one that is all divided.
    let halves = [(0, 103.0), (1, 103.05)].map(|(no, west)| {
        let ring = ring(&[(west, 22.0), (west + 0.05, 22.0), (west + 0.05, 22.1), (west, 22.1)]);
        shape(&format!("h-{no}"), AreaLevel::ForestPlot, Some("t"), Polygon::new(ring, vec![]))
    });
    let [one, other] = halves;
    let divided: Vec<String> = of(&[compartment, one, other]).units.iter().map(|unit| unit.id.to_string()).collect();
    assert_eq!(divided, ["h-0", "h-1"]);
}

#[test]
fn what_was_asked_for_last_is_kept_longest() {
    let areas = Arc::new(Areas::new(vec![shape("f", AreaLevel::ForestPlot, None, square(103.0, 22.0, 0.05))]));
    let coverage = coverage();
    let forest = coverage.forest(&areas, date("2026-01-01"));
    let set = |no: u32| [watcher(no, 103.02, 22.02, Extent::Circle { radius_m: 500.0 })];
    let first = coverage.measure(&forest, &set(0));
    let second = coverage.measure(&forest, &set(1));
    for no in 2..MEASURED_MAX as u32 + 1 {
        coverage.measure(&forest, &set(no));
        assert!(Arc::ptr_eq(&first, &coverage.measure(&forest, &set(0))), "{no}");
    }
    assert_eq!(coverage.kept.lock().measured.len(), MEASURED_MAX);
    assert!(!Arc::ptr_eq(&second, &coverage.measure(&forest, &set(1))), "the one that nobody asked for is let go");
}

/// A polygon that is drawn the other way round than circles are.
#[test]
fn footprints_drawn_in_opposite_directions_do_not_cancel_each_other() {
    let areas = Arc::new(Areas::new(vec![shape("f", AreaLevel::ForestPlot, None, square(103.0, 22.0, 0.05))]));
    let coverage = coverage();
    let forest = coverage.forest(&areas, date("2026-01-01"));
    let mut ring = vec![[103.0, 22.0], [103.05, 22.0], [103.05, 22.05], [103.0, 22.05]];
    for _ in 0..2 {
        let circle = watcher(0, 103.0, 22.0, Extent::Circle { radius_m: 3_000.0 });
        let polygon = watcher(1, 103.0, 22.0, Extent::Polygon { ring: ring.clone() });
        let measured = coverage.measure(&forest, &[circle, polygon]);
        assert!((measured.watched_m2[0] / forest.units[0].area_m2 - 1.0).abs() < 1e-6);
        ring.reverse();
    }
}

#[test]
fn nothing_is_watched_where_nobody_watches_and_everything_under_one_footprint() {
    let areas = Arc::new(Areas::new(vec![shape("f", AreaLevel::ForestPlot, None, square(103.0, 22.0, 0.05))]));
    let coverage = coverage();
    let forest = coverage.forest(&areas, date("2026-01-01"));
    let share = |watchers: &[Watcher]| coverage.measure(&forest, watchers).watched_m2[0] / forest.units[0].area_m2;
    assert_eq!(share(&[]), 0.0);
    assert_eq!(share(&[watcher(0, 110.0, 10.0, Extent::Circle { radius_m: 100.0 })]), 0.0);
    assert!((share(&[watcher(0, 103.02, 22.02, Extent::Circle { radius_m: 9_000.0 })]) - 1.0).abs() < 1e-9);
    let none = Arc::new(Areas::new(Vec::new()));
    let empty = coverage.forest(&none, date("2026-01-01"));
    assert_eq!((empty.area_m2(), coverage.measure(&empty, &[]).watched_m2.len()), (0.0, 0));
}
