//! Folding, merging, wind and masks.

use proptest::prelude::*;

use super::Deed::{Absent, Clear, Raise, Unknown, Worsen};
use super::*;

const SMOKE: (StationKind, &str) = (StationKind::Forest, "smoke");
const CAMERA: (StationKind, &str) = (StationKind::Forest, "camera_fire_score");
const RIVER: (StationKind, &str) = (StationKind::River, "water_level");

/// Stations of these sorts at these kilometres east and north.
fn bench(stations: &[((StationKind, &str), f64, f64)]) -> Bench {
    let rows: Vec<_> = stations.iter().map(|((kind, what), e, n)| (*kind, *what, place(*e, *n))).collect();
    Bench::new(&rows, GROUPS, "")
}

#[test]
fn alerts_of_one_cause_fold_when_they_are_near() {
    let mut bench = bench(&[(SMOKE, 0.0, 0.0), (CAMERA, 2.9, 0.0), (SMOKE, 10.0, 0.0), (RIVER, 0.1, 0.0)]);
    bench.enter(0, &[(0, Raise(Severity::Medium))]);
    bench.enter(60, &[(1, Raise(Severity::High)), (2, Raise(Severity::Low)), (3, Raise(Severity::High))]);
    assert!(bench.are_one(0, 1));
    assert!(!bench.are_one(0, 2) && !bench.are_one(0, 3));
    let fire = bench.of(0);
    assert_eq!(
        (fire.id.0.as_ref(), fire.severity(), fire.state()),
        ("fire~r~0~0", Severity::High, IncidentState::Open)
    );
    assert_eq!((fire.opened_at, fire.changed_at, fire.open_count()), (at(0), at(60), 2));
    assert_eq!(fire.title.vi, "Cháy rừng");
    bench.enter(120, &[(1, Clear)]);
    assert_eq!((bench.of(0).severity(), bench.of(0).open_count()), (Severity::Medium, 1));
    bench.enter(180, &[(0, Unknown)]);
    assert_eq!(bench.of(0).state(), IncidentState::Open, "unknown is not over");
    bench.enter(240, &[(0, Clear)]);
    let fire = bench.of(0);
    assert_eq!(
        (fire.state(), fire.closed_at, fire.severity()),
        (IncidentState::Closed, Some(at(240)), Severity::Medium)
    );
    let what: Vec<_> = fire.timeline().iter().map(|moment| &moment.what).collect();
    let [Happened::Joined(_), Happened::Severity(_), Happened::Joined(_), Happened::Severity(_), ..] = what[..] else {
        panic!("{what:?}")
    };
    assert_eq!(what.last(), Some(&&Happened::Closed));
}

#[test]
fn an_incident_is_opened_again_within_its_span_and_not_after() {
    let mut bench = bench(&[(SMOKE, 0.0, 0.0), (SMOKE, 1.0, 0.0), (SMOKE, 2.0, 0.0)]);
    bench.enter(0, &[(0, Raise(Severity::Low))]);
    bench.enter(60, &[(0, Clear)]);
    let first = bench.of(0).id.clone();
    bench.enter(660, &[(1, Raise(Severity::Low))]);
    assert_eq!(bench.of(1).id, first, "ten minutes after");
    assert_eq!((bench.of(1).state(), bench.of(1).closed_at), (IncidentState::Open, None));
    assert!(bench.of(1).timeline().iter().any(|moment| moment.what == Happened::Reopened));
    bench.enter(700, &[(1, Clear)]);
    bench.enter(1_301, &[(2, Raise(Severity::Low))]);
    assert_ne!(bench.of(2).id, first, "a second too late");
}

#[test]
fn a_bridge_makes_one_of_two_and_the_first_survives() {
    let mut bench = bench(&[(SMOKE, 0.0, 0.0), (SMOKE, 5.0, 0.0), (SMOKE, 2.5, 0.0), (SMOKE, 7.0, 0.0)]);
    bench.enter(0, &[(1, Raise(Severity::Low))]);
    bench.enter(60, &[(0, Raise(Severity::High))]);
    let (first, second) = (bench.of(1).id.clone(), bench.of(0).id.clone());
    assert_ne!(first, second);
    bench.enter(120, &[(2, Raise(Severity::Medium))]);
    assert!(bench.are_one(0, 1) && bench.are_one(1, 2));
    assert_eq!((&bench.of(0).id, bench.of(0).severity(), bench.of(0).open_count()), (&first, Severity::High, 3));
    let merged = bench.incidents.get(&second).unwrap();
    assert_eq!((merged.state(), merged.merged_into.as_ref()), (IncidentState::Merged, Some(&first)));
    assert!(merged.members().is_empty() && merged.closed_at == Some(at(120)));
    assert_eq!(merged.timeline().last().unwrap().what, Happened::Merged(first.clone()));
    // What was of the second is near as it was before.
    bench.enter(180, &[(3, Raise(Severity::Low))]);
    assert_eq!(bench.of(3).id, first);
    assert_eq!(bench.restored(), bench.incidents);
    assert_eq!(bench.incidents.count(), (1, 1));
}

#[test]
fn rivers_fold_along_their_commune() {
    let mut bench = bench(&[(RIVER, 1.0, 0.0), (RIVER, 40.0, 0.0), (RIVER, -1.0, 20.0), (RIVER, -9.0, 0.0)]);
    bench.enter(0, &[(0, Raise(Severity::Low)), (1, Raise(Severity::Low)), (3, Raise(Severity::Low))]);
    assert!(bench.are_one(0, 1), "one commune");
    assert!(!bench.are_one(0, 3), "another commune, ten kilometres away");
    bench.enter(60, &[(2, Raise(Severity::Low))]);
    assert!(bench.are_one(2, 3) && !bench.are_one(2, 0));
}

#[test]
fn an_alert_that_no_group_takes_is_in_no_incident() {
    let mut bench = Bench::new(&[(StationKind::Air, "pm2_5", place(0.0, 0.0))], GROUPS, "");
    bench.enter(0, &[(0, Raise(Severity::High))]);
    assert_eq!(bench.incidents.of_alert(&bench.alerts[&0].id), None);
    assert_eq!(bench.incidents.count(), (0, 0));
}

#[test]
fn a_gauge_that_is_not_heard_is_no_flood() {
    let mut bench = bench(&[(RIVER, 0.0, 0.0), (RIVER, 1.0, 0.0)]);
    bench.enter(0, &[(0, Raise(Severity::High)), (1, Absent)]);
    assert_eq!((bench.of(0).group.as_str(), bench.of(1).group.as_str()), ("flood", "silent"));
}

/// Smoke 8 km from a camera, in a wind measured where the test says; whether they are one fire.
fn check_wind(smoke: (f64, f64), vane: (f64, f64), wind: Option<(f64, f64, i64)>, expected: [bool; 2]) {
    // In both orders.
    for (first, expected) in [(0, expected[0]), (1, expected[1])] {
        let stations = [
            (CAMERA.0, CAMERA.1, place(0.0, 0.0)),
            (SMOKE.0, SMOKE.1, place(smoke.0, smoke.1)),
            (StationKind::Weather, "wind_direction wind_speed", place(vane.0, vane.1)),
        ];
        let mut bench = Bench::new(&stations, GROUPS, "");
        if let Some((from, speed, age)) = wind {
            bench.newest.insert(ChannelId(2), (from, at(60 - age)));
            bench.newest.insert(ChannelId(3), (speed, at(60 - age)));
        }
        bench.enter(0, &[(first, Raise(Severity::High))]);
        bench.enter(60, &[(1 - first, Raise(Severity::High))]);
        assert_eq!(bench.are_one(0, 1), expected, "{smoke:?} {vane:?} {wind:?} {first}");
        assert_eq!(bench.restored(), bench.incidents);
    }
}

#[test]
fn smoke_downwind_is_of_the_same_fire() {
    const YES: [bool; 2] = [true; 2];
    const NO: [bool; 2] = [false; 2];
    let west = Some((270.0, 3.0, 0));
    check_wind((8.0, 0.0), (5.0, 5.0), west, YES);
    check_wind((8.0, 4.0), (5.0, 5.0), west, YES);
    check_wind((8.0, 6.0), (5.0, 5.0), west, NO);
    check_wind((-8.0, 0.0), (5.0, 5.0), west, NO);
    check_wind((12.5, 0.0), (5.0, 5.0), west, NO);
    // Across north.
    check_wind((0.5, 8.0), (0.0, 0.0), Some((185.0, 3.0, 0)), YES);
    check_wind((0.5, 8.0), (0.0, 0.0), Some((175.0, 3.0, 0)), YES);
    // Nearer than the radius, whatever the wind.
    check_wind((-2.0, 0.0), (5.0, 5.0), west, YES);
    // No wind known: none measured, too far away, too old, or still air.
    check_wind((8.0, 0.0), (5.0, 5.0), None, NO);
    check_wind((8.0, 0.0), (0.0, 41.0), west, NO);
    check_wind((8.0, 0.0), (5.0, 5.0), Some((270.0, 3.0, 3_601)), NO);
    check_wind((8.0, 0.0), (5.0, 5.0), Some((270.0, 0.4, 0)), NO);
}

#[test]
fn two_clouds_of_smoke_are_not_carried_to_each_other() {
    let stations = [
        (SMOKE.0, SMOKE.1, place(0.0, 0.0)),
        (SMOKE.0, SMOKE.1, place(8.0, 0.0)),
        (StationKind::Weather, "wind_direction wind_speed", place(0.0, 0.0)),
    ];
    let mut bench = Bench::new(&stations, GROUPS, "");
    bench.newest.insert(ChannelId(2), (270.0, at(0)));
    bench.newest.insert(ChannelId(3), (3.0, at(0)));
    bench.enter(0, &[(0, Raise(Severity::High)), (1, Raise(Severity::High))]);
    assert!(!bench.are_one(0, 1));
}

const KILN: &str = "
[[heat_source]]
name = { vi = 'Lò gạch Tân Phong', en = 'Tân Phong kiln' }
lat = 22.4
lon = 103.4
radius_km = 0.5
properties = ['air_temperature']
zone = 'Asia/Ho_Chi_Minh'
hours = { from = '18:00', to = '05:00' }
";

#[test]
fn a_known_heat_source_masks_until_its_hours_are_over() {
    // 1,800,000,000 is 15:00 in Viet Nam on a Friday in January.
    let stations = [
        (StationKind::Forest, "air_temperature", place(0.0, 0.1)),
        (StationKind::Forest, "air_temperature", place(0.0, 0.7)),
    ];
    let mut bench = Bench::new(&stations, GROUPS, KILN);
    let evening = 4 * 3_600;
    bench.enter(evening, &[(0, Raise(Severity::High)), (1, Raise(Severity::Medium))]);
    let ids = [0, 1].map(|channel| bench.alerts[&channel].id.clone());
    assert_eq!(bench.incidents.mask_of(&ids[0]).unwrap().vi, "Lò gạch Tân Phong");
    assert_eq!(bench.incidents.mask_of(&ids[1]), None, "beside the kiln");
    assert_eq!(bench.of(0).severity(), Severity::Medium, "what is masked counts for the least");
    assert_eq!(bench.restored(), bench.incidents);
    // 04:59 is still its night; at 05:00 it is over, without a transition.
    let morning = 14 * 3_600;
    bench.tick(morning - 60);
    assert!(bench.incidents.mask_of(&ids[0]).is_some());
    bench.tick(morning);
    assert_eq!(bench.incidents.mask_of(&ids[0]), None);
    assert_eq!(bench.told.last().unwrap().1, [ids[0].clone()]);
    assert_eq!(bench.of(0).severity(), Severity::High);
    assert!(bench.of(0).timeline().iter().any(|moment| moment.what == Happened::Unmasked(ids[0].clone())));
    assert_eq!(bench.restored(), bench.incidents);
}

#[test]
fn what_a_heat_source_cannot_explain_is_not_masked() {
    let stations = [(StationKind::Forest, "air_temperature", place(0.0, 0.1))];
    let check = |heat: &str, seconds: i64, deeds: &[Deed], masked: bool| {
        let mut bench = Bench::new(&stations, GROUPS, heat);
        for (deed, later) in deeds.iter().zip(0..) {
            bench.enter(seconds + later, &[(0, *deed)]);
        }
        assert_eq!(bench.incidents.mask_of(&bench.alerts[&0].id).is_some(), masked, "{heat} {seconds} {deeds:?}");
    };
    let evening = 4 * 3_600;
    check(KILN, evening, &[Raise(Severity::High)], true);
    check(KILN, 0, &[Raise(Severity::High)], false);
    check(KILN, evening, &[Raise(Severity::VeryHigh)], false);
    check(KILN, evening, &[Raise(Severity::High), Worsen(Severity::VeryHigh)], false);
    // People who were told stay told.
    check(KILN, evening, &[Raise(Severity::VeryHigh), Worsen(Severity::High)], false);
    check(&format!("{KILN}up_to = 'very_high'\n"), evening, &[Raise(Severity::VeryHigh)], true);
    check(&KILN.replace("air_temperature", "smoke"), evening, &[Raise(Severity::High)], false);
}

/// What a small world does: at each step some channels are raised or cleared.
fn deeds() -> impl Strategy<Value = Vec<(i64, Vec<(u32, Deed)>)>> {
    let deed = prop_oneof![
        4 => Just(Raise(Severity::Low)), 2 => Just(Raise(Severity::High)), 4 => Just(Clear), 1 => Just(Absent),
        1 => Just(Unknown), 1 => Just(Worsen(Severity::VeryHigh)),
    ];
    let entry = prop::collection::btree_map(0..12u32, deed, 1..5).prop_map(|map| map.into_iter().collect());
    prop::collection::vec((prop_oneof![0..400i64, Just(601i64)], entry), 1..30)
}

fn world() -> impl Strategy<Value = Vec<(StationKind, &'static str, Position)>> {
    let sort = prop_oneof![Just(SMOKE), Just(CAMERA), Just(RIVER)];
    let station = (sort, -8.0..8.0f64, -8.0..8.0f64).prop_map(|((kind, what), e, n)| (kind, what, place(e, n)));
    prop::collection::vec(station, 12).prop_map(|mut stations| {
        stations.push((StationKind::Weather, "wind_direction wind_speed", place(0.0, 0.0)));
        stations
    })
}

fn windy(stations: &[(StationKind, &str, Position)], from: f64) -> Bench {
    let mut bench = Bench::new(stations, GROUPS, "");
    bench.newest.insert(ChannelId(12), (from, at(20_000)));
    bench.newest.insert(ChannelId(13), (3.0, at(20_000)));
    bench
}

/// One alert of the count of every pair.
struct Known {
    id: AlertId,
    station: usize,
    of_silence: bool,
    over_at: Option<i64>,
    set: usize,
}

/// Whether two alerts are near each other, said anew.
fn is_linked(bench: &Bench, stations: &[(StationKind, &str, Position)], from: f64, one: &Known, other: &Known) -> bool {
    let [(_, a, here), (_, b, there)] = [one, other].map(|known| stations[known.station]);
    let (p, q) = (geodesy::geocentric_m(here), geodesy::geocentric_m(there));
    let line = (0..3).map(|axis| (p[axis] - q[axis]).powi(2)).sum::<f64>().sqrt();
    if one.of_silence || other.of_silence {
        return one.of_silence == other.of_silence && line <= 20_000.0;
    }
    let area = |known: &Known| bench.catalogue.stations()[known.station].area.clone();
    let carried = |source: Position, smoke: Position| {
        geodesy::distance_m(source, smoke) <= 12_000.0
            && geodesy::angle_between_deg(geodesy::bearing_deg(source, smoke), from + 180.0) <= 30.0
    };
    match (a, b) {
        ("water_level", "water_level") => line <= 5_000.0 || area(one) == area(other),
        ("water_level", _) | (_, "water_level") => false,
        ("smoke", "camera_fire_score") => line <= 3_000.0 || carried(there, here),
        ("camera_fire_score", "smoke") => line <= 3_000.0 || carried(here, there),
        _ => line <= 3_000.0,
    }
}

/// The partition by looking at every pair, and joining sets by walking through all of them.
fn by_every_pair(
    bench: &mut Bench,
    stations: &[(StationKind, &str, Position)],
    from: f64,
    entries: &[(i64, Vec<(u32, Deed)>)],
) -> Vec<Known> {
    let mut known: Vec<Known> = Vec::new();
    let mut now = 0;
    for (pause, deeds) in entries {
        now += pause;
        let before = bench.alerts.clone();
        bench.enter(now, deeds);
        let is_open = |alerts: &BTreeMap<u32, Arc<Alert>>, channel: u32| {
            alerts.get(&channel).is_some_and(|alert| alert.state.is_open())
        };
        let changed: Vec<u32> = deeds.iter().map(|(channel, _)| *channel).collect();
        for channel in changed.iter().filter(|c| is_open(&before, **c) && !is_open(&bench.alerts, **c)) {
            let id = &bench.alerts[channel].id;
            known.iter_mut().filter(|k| k.id == *id).for_each(|k| k.over_at = Some(now));
        }
        for channel in changed.iter().filter(|c| !is_open(&before, **c) && is_open(&bench.alerts, **c)) {
            let alert = &bench.alerts[channel];
            let of_silence = alert.timeline[0].cause == Cause::Silence;
            let (station, set) = (*channel as usize, known.len());
            let new = Known { id: alert.id.clone(), station, of_silence, over_at: None, set };
            let near = |k: &&Known| {
                k.over_at.is_none_or(|over| now - over <= 600) && is_linked(bench, stations, from, &new, k)
            };
            let joined: Vec<usize> = known.iter().filter(near).map(|k| k.set).collect();
            known.iter_mut().filter(|k| joined.contains(&k.set)).for_each(|k| k.set = set);
            known.push(new);
        }
    }
    known
}

proptest! {
    #[test]
    fn incidents_are_what_every_pair_says(stations in world(), from in 0.0..360.0f64, entries in deeds()) {
        let mut bench = windy(&stations, from);
        let known = by_every_pair(&mut bench, &stations, from, &entries);
        for one in &known {
            for other in &known {
                let are_one = bench.incidents.of_alert(&one.id) == bench.incidents.of_alert(&other.id);
                prop_assert_eq!(are_one, one.set == other.set, "{} {}", &one.id, &other.id);
            }
            let incident = bench.incidents.get(bench.incidents.of_alert(&one.id).unwrap()).unwrap();
            prop_assert_eq!(incident.members()[&one.id].is_open(), one.over_at.is_none());
            prop_assert_eq!(incident.state() == IncidentState::Open, incident.members().values().any(Member::is_open));
        }
    }

    /// Whatever the order inside an entry, all of it is the same; and so it is after a restore at any place.
    #[test]
    fn order_and_restarts_make_no_difference(
        stations in world(), from in 0.0..360.0f64, entries in deeds(), cut: prop::sample::Index,
    ) {
        let (mut one, mut other) = (windy(&stations, from), windy(&stations, from));
        let (mut now, cut) = (0, cut.index(entries.len()));
        for (place, (pause, deeds)) in entries.iter().enumerate() {
            now += pause;
            one.enter(now, deeds);
            if place == cut {
                other.incidents = other.restored();
            }
            let turned: Vec<_> = deeds.iter().rev().copied().collect();
            other.enter(now, &turned);
            prop_assert_eq!(&one.incidents, &other.incidents);
            one.tick(now);
            other.tick(now);
        }
        prop_assert_eq!(&one.restored(), &one.incidents);
        prop_assert_eq!(one.told, other.told);
    }
}

#[test]
fn ten_thousand_alerts_are_folded_by_looking_at_few_of_them() {
    // A hundred by a hundred posts over the whole province, a kilometre apart: all of it one fire in the end.
    let stations: Vec<_> =
        (0..10_000).map(|k| (SMOKE.0, SMOKE.1, place(f64::from(k % 100), f64::from(k / 100)))).collect();
    let mut bench = Bench::new(&stations, GROUPS, "");
    let mut order: Vec<u32> = (0..10_000).collect();
    let mut seed = 7u64;
    for place in (1..order.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(place, (seed >> 33) as usize % (place + 1));
    }
    for (second, some) in order.chunks(2_000).enumerate() {
        let deeds: Vec<_> = some.iter().map(|channel| (*channel, Raise(Severity::High))).collect();
        bench.enter(second as i64, &deeds);
    }
    assert_eq!(bench.incidents.count().0, 1);
    assert_eq!(bench.of(0).open_count(), 10_000);
    // Every pair would be 50 million.
    assert!(bench.asked < 150_000, "{} places were asked", bench.asked);
}

#[test]
fn a_storm_in_one_valley_asks_nobody() {
    let stations: Vec<_> = (0..5_000).map(|k| (SMOKE.0, SMOKE.1, place(f64::from(k) * 1e-4, 0.0))).collect();
    let mut bench = Bench::new(&stations, GROUPS, "");
    let deeds: Vec<_> = (0..5_000).map(|channel| (channel, Raise(Severity::High))).collect();
    bench.enter(0, &deeds);
    assert_eq!(bench.incidents.count(), (1, 0));
    assert!(bench.asked < 10, "{}", bench.asked);
}

#[test]
fn closed_incidents_are_forgotten_by_age_and_by_number() {
    let mut bench = bench(&[(SMOKE, 0.0, 0.0), (RIVER, 0.0, 0.0)]);
    bench.incidents.set_retention(Retention { keep_closed: Duration::from_secs(3_600), keep_count: 3 });
    for round in 0..6 {
        bench.enter(round * 1_000, &[(0, Raise(Severity::Low))]);
        bench.enter(round * 1_000 + 1, &[(0, Clear)]);
        bench.tick(round * 1_000 + 2);
    }
    assert_eq!((bench.incidents.count(), bench.incidents.forgotten()), ((0, 3), 3));
    bench.tick(5_000 + 3_602);
    assert_eq!((bench.incidents.count(), bench.incidents.forgotten()), ((0, 0), 6));
    assert_eq!(bench.incidents, bench.restored());
    assert!(bench.incidents.of_alert.is_empty() && bench.incidents.leaving.is_empty());
}

/// Far apart fires and smokes with five hundred vanes: each asks only those in reach of it.
#[test]
fn a_storm_of_smoke_and_fire_asks_only_what_is_in_reach() {
    let spot = |no: i32| (f64::from(no % 20) * 13.0, f64::from(no / 20) * 13.0);
    let mut stations = Vec::new();
    for no in 0..400 {
        let (east, north) = spot(no);
        let (kind, what) = if no % 2 == 0 { SMOKE } else { CAMERA };
        stations.push((kind, what, place(east, north)));
    }
    for no in 0..500 {
        let (east, north) = spot(no);
        stations.push((StationKind::Weather, "wind_direction wind_speed", place(east, north + 1.0)));
    }
    let mut bench = Bench::new(&stations, GROUPS, "");
    let deeds: Vec<(u32, Deed)> = (0..400).map(|channel| (channel, Raise(Severity::High))).collect();
    bench.enter(0, &deeds);
    assert_eq!(bench.incidents.count().0, 400, "no wind carries anything");
    assert!(bench.asked < 4 * 400, "asked {}", bench.asked);
}
