//! A past moment is drawn as it was drawn live, and what is not known of it is not drawn as it is today.

use jiff::civil::{Date, date};

use super::super::past::{FormerAreas, Known, Observed};
use super::*;
use crate::model::{Alert, Area, AreaFacts, Freshness, Validity};
use crate::registry::{Segments, Stands};

/// What was observed of a channel and when, in the order in which it came.
type Log = Vec<(u32, Timestamp, f64)>;

/// Observes after so many seconds each.
fn live_on(scene: &mut Scene, log: &mut Log, observed: &[(u32, u64, f64)], channels: u32) {
    for (channel, seconds, value) in observed {
        scene.now = scene.now + Duration::from_secs(*seconds);
        let channel = channel % channels;
        scene.observe(channel, *value);
        log.push((channel, scene.now, *value));
    }
}

/// The picture of a moment from the log and what the state says of it now.
fn drawn_then(scene: &Scene, log: &Log, at: Timestamp, segments: Arc<Segments>) -> Picture {
    let state = scene.state.read();
    let known = Known {
        at,
        catalogue: Arc::clone(&state.catalogue),
        areas: Arc::clone(&scene.areas),
        areas_then: Arc::clone(&scene.areas),
        stands: Arc::new(Stands::default()),
        in_windows: state.judge.maintenance.stations_at(at),
        maintained: BTreeSet::new(),
        listening: state.live.listening().clone(),
        alerts: state.alerts.open_at(at),
        rules_of_samples: state.alerts.rules().of_samples(),
        incidents: state.incidents.open_at(at, &|alert| state.alerts.standing_at(alert, at)),
        segments,
    };
    let observed = state.catalogue.channels().iter().map(|channel| {
        let by_then = log.iter().filter(|(of, observed_at, _)| *of == channel.id.0 && *observed_at <= at);
        let newest = by_then.max_by_key(|(_, observed_at, _)| *observed_at);
        let newest = newest.map(|(_, observed_at, value)| Newest {
            value: *value,
            observed_at: *observed_at,
            received_at: None,
            quality: Quality::GOOD,
        });
        Observed { newest, valid_at: newest.map(|newest| newest.observed_at) }
    });
    known.draw(&observed.collect::<Vec<_>>(), 7).unwrap()
}

/// What two pictures of one moment must have in common: all that is told of stations, alerts and areas.
fn check_same(live: &Picture, then: &Picture, rows: &[Row]) {
    assert_eq!(live.stations().count(), then.stations().count());
    for (a, b) in live.stations().zip(then.stations()) {
        assert_eq!((a.pin, a.station), (b.pin, b.station));
        for (a, b) in a.looks.iter().zip(b.looks) {
            let unreceived = |look: &Look| look.latest.map(|latest| Newest { received_at: None, ..latest });
            assert_eq!((unreceived(a), a.freshness, a.fresh_until), (unreceived(b), b.freshness, b.fresh_until));
        }
    }
    // Of one that was flapping it is not known how often it had come.
    let told = |picture: &Picture| {
        let told = |alert: &Arc<Alert>| (alert.occurrences_told(), Alert { occurrences: 0, ..Alert::clone(alert) });
        picture.alerts.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(told(live), told(then));
    assert_eq!(live.incidents, then.incidents);
    let places: Vec<World> = rows.iter().map(|row| row.0).take(6).collect();
    for layer in Layer::all() {
        for z in [0, 8, 14] {
            for (x, y) in tiles_of(z, &places) {
                let tile = TileId::new(z, x, y).unwrap();
                let [a, b] = [live, then].map(|picture| tile::draw(picture, layer, tile, &Sight::All));
                assert_eq!(a, b, "{} {z}/{x}/{y}", layer.id());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_moment_is_drawn_later_as_it_was_drawn_live(
        rows in prop::collection::vec((world(), 0_usize..7, prop::option::of(0_usize..2)), 1..40),
        before in prop::collection::vec((any::<u32>(), 0_u64..200, 0.0_f64..100.0), 0..40),
        pause in 0_u64..400,
        after in prop::collection::vec((any::<u32>(), 1_u64..200, 0.0_f64..100.0), 0..40),
    ) {
        let mut scene = Scene::of(&rows);
        let (mut log, channels) = (Log::new(), rows.len() as u32);
        live_on(&mut scene, &mut log, &before, channels);
        scene.now = scene.now + Duration::from_secs(pause);
        let live = scene.picture();
        let at = scene.now;
        let segments = Arc::clone(&live.segments);
        check_same(&live, &drawn_then(&scene, &log, at, Arc::clone(&segments)), &rows);
        live_on(&mut scene, &mut log, &after, channels);
        check_same(&live, &drawn_then(&scene, &log, at, segments), &rows);
    }
}

#[test]
fn of_a_time_before_everything_nothing_is_known_and_nothing_of_today_is_shown() {
    let place = World { x: 1_690_000_000, y: 936_000_000 };
    let mut scene = Scene::of(&[(place, 1, Some(0)), (place, 3, None)]);
    let mut log = Log::new();
    live_on(&mut scene, &mut log, &[(0, 1, 80.0), (1, 1, 2.0)], 2);
    for at in [Timestamp::from_micros(i64::MIN), Timestamp::EPOCH, NOW] {
        let then = drawn_then(&scene, &log, at, Arc::default());
        assert_eq!(then.len(), 2);
        for shown in then.stations() {
            assert_eq!((shown.pin.freshness, shown.pin.heard_at, shown.pin.severity), (Freshness::Silent, None, None));
            assert!(shown.looks.iter().all(|look| look.latest.is_none() && look.fresh_until.is_none()));
        }
        assert!(then.alerts.is_empty());
    }
}

#[test]
fn the_areas_of_a_date_are_those_in_force_then() {
    let ended = |shape: AreaShape, from: Option<&str>, to: Option<&str>| {
        let date = |text: &str| text.parse().unwrap();
        let validity = Validity { from: from.map(date), to: to.map(date) };
        shape.with_facts(AreaFacts { validity, ..AreaFacts::default() })
    };
    let name = name("undrawn");
    let undrawn = Area { id: "004".into(), level: AreaLevel::Commune, name, parent: None };
    let shapes = vec![
        ended(area("001", 103.0), Some("2025-07-01"), None),
        ended(area("003", 103.0), None, Some("2025-07-01")),
        ended(AreaShape::undrawn(undrawn, Position { lon: 104.0, lat: 22.0 }), None, Some("2025-07-01")),
    ];
    let areas = Arc::new(Areas::new(shapes));
    let former = FormerAreas::default();
    let on = |day| {
        let then = former.on(&areas, day);
        then.shapes().iter().map(|shape| shape.area.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(on(date(2025, 6, 30)), ["003"], "what nobody has drawn is not shown");
    assert_eq!(on(date(2025, 7, 1)), ["001"]);
    assert!(Arc::ptr_eq(&former.on(&areas, date(2026, 1, 1)), &areas));
}

#[test]
fn dates_with_the_same_areas_share_their_polygons_for_as_long_as_anybody_has_them() {
    let ended = |shape: AreaShape, from: Option<Date>, to: Option<Date>| {
        let validity = Validity { from, to };
        shape.with_facts(AreaFacts { validity, ..AreaFacts::default() })
    };
    let (first, second) = (date(2020, 1, 1), date(2025, 7, 1));
    let shapes = || {
        Arc::new(Areas::new(vec![
            ended(area("001", 103.0), None, Some(first)),
            ended(area("002", 103.0), Some(first), Some(second)),
            ended(area("003", 103.0), Some(second), None),
        ]))
    };
    let (areas, former) = (shapes(), FormerAreas::default());
    let [one, same, other] = [date(2021, 5, 1), date(2024, 5, 1), date(2019, 5, 1)].map(|day| former.on(&areas, day));
    assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &other));
    assert_eq!(other.shapes()[0].area.id.as_str(), "001");
    // Others of the same codes are not these.
    let changed = former.on(&shapes(), date(2021, 5, 1));
    assert!(!Arc::ptr_eq(&one, &changed));
    let gone = Arc::downgrade(&one);
    drop((one, same));
    assert!(gone.upgrade().is_none(), "nobody has it any more");
    assert_eq!(former.on(&areas, date(2022, 5, 1)).shapes()[0].area.id.as_str(), "002");
}
