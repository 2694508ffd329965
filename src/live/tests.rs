use std::time::Duration;

use super::*;
use crate::model::{LinkClass, LocalName, Position, Property, Range, StationId, StationKind, Unit};

/// One station with a wired channel of 60 s: live 70 s, late 130 s, stale 310 s.
fn catalogue(maintenance: bool) -> Catalogue {
    let channel = Channel {
        id: ChannelId(0),
        station: StationNo(0),
        property: Property::new("pm2_5"),
        unit: Unit::MicrogramPerCubicMetre,
        interval: Duration::from_secs(60),
        plausible: Range { min: 0.0, max: 1000.0 },
        link: LinkClass::Wired,
        retired: false,
    };
    let station = Station {
        no: StationNo(0),
        id: StationId::new("AQ-01"),
        kind: StationKind::Air,
        name: LocalName { vi: "Đoàn Kết".into(), en: "Doan Ket".into() },
        position: Position { lon: 103.46, lat: 22.39 },
        area: None,
        maintenance,
        retired: false,
        channels: vec![ChannelId(0)],
    };
    Catalogue::new(vec!["edge".into()], vec![], vec![station], vec![channel]).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn sample(seconds: i64, value: f64, time_class: TimeClass) -> Sample {
    Sample { channel: ChannelId(0), observed_at: at(seconds), value, quality: Quality::GOOD, time_class }
}

fn live(catalogue: &Catalogue) -> Live {
    let mut live = Live::default();
    live.adopt(&Catalogue::default(), catalogue, &Policy::default());
    live
}

fn changed_by_tick(live: &mut Live, catalogue: &Catalogue, before: i64, now: i64) -> usize {
    let mut changed = 0;
    live.tick(catalogue, at(before), at(now), |_| changed += 1);
    changed
}

#[test]
fn the_newest_observation_is_shown_whatever_the_order_of_arrival() {
    let catalogue = catalogue(false);
    let mut live = live(&catalogue);
    let check = |live: &mut Live, sample: &Sample, received: i64, shown: f64, changes: bool| {
        assert_eq!(live.accept(sample, at(received), SourceId(0)).is_some(), changes);
        assert_eq!(live.latest(ChannelId(0)).unwrap().value, shown);
    };
    check(&mut live, &sample(0, 1.0, TimeClass::Live), 1, 1.0, true);
    check(&mut live, &sample(60, 2.0, TimeClass::Live), 61, 2.0, true);
    check(&mut live, &sample(30, 9.0, TimeClass::Late), 62, 2.0, false);
    check(&mut live, &sample(-90_000, 9.0, TimeClass::Backfill), 63, 2.0, false);
    // A correction of the same time replaces.
    check(&mut live, &sample(60, 3.0, TimeClass::Live), 64, 3.0, true);
}

#[test]
fn a_time_from_a_wrong_clock_gives_way_to_the_next_sample_in_time() {
    let catalogue = catalogue(false);
    let mut live = live(&catalogue);
    live.accept(&sample(10 * 365 * 86_400, 1.0, TimeClass::Live), at(10 * 365 * 86_400), SourceId(0));
    assert_eq!(live.accept(&sample(50, 2.0, TimeClass::Backfill), at(60), SourceId(0)), None, "history heals nothing");
    assert!(live.accept(&sample(60, 2.0, TimeClass::Live), at(60), SourceId(0)).is_some());
    assert_eq!(live.latest(ChannelId(0)).unwrap().value, 2.0);
}

#[test]
fn ageing_is_noticed_at_ticks_once_per_step() {
    let catalogue = catalogue(false);
    let mut live = live(&catalogue);
    assert_eq!(changed_by_tick(&mut live, &catalogue, 0, 1), 0, "silent from the beginning");
    live.accept(&sample(0, 1.0, TimeClass::Live), at(1), SourceId(0));
    let noticed: Vec<i64> =
        (2..=400).filter(|now| changed_by_tick(&mut live, &catalogue, now - 1, *now) == 1).collect();
    // Live again at the next tick; late after 70 s, stale after 130 s, silent after 310 s.
    assert_eq!(noticed, [2, 71, 131, 311]);
    let channel = catalogue.channel(ChannelId(0)).unwrap();
    assert_eq!(live.freshness(&catalogue, channel, at(70)), Freshness::Live);
    assert_eq!(live.freshness(&catalogue, channel, at(71)), Freshness::Late);
}

#[test]
fn time_that_goes_back_is_judged_anew() {
    let catalogue = catalogue(false);
    let mut live = live(&catalogue);
    live.accept(&sample(0, 1.0, TimeClass::Live), at(1), SourceId(0));
    changed_by_tick(&mut live, &catalogue, 0, 2);
    assert_eq!(changed_by_tick(&mut live, &catalogue, 2, 3_600), 1);
    assert_eq!(changed_by_tick(&mut live, &catalogue, 3_600, 4), 1, "live again");
}

#[test]
fn maintenance_shows_and_does_not_age() {
    let working = catalogue(false);
    let maintained = catalogue(true);
    let mut live = live(&working);
    live.accept(&sample(0, 1.0, TimeClass::Live), at(1), SourceId(0));
    changed_by_tick(&mut live, &working, 0, 2);
    live.adopt(&working, &maintained, &Policy::default());
    assert_eq!(live.latest(ChannelId(0)).unwrap().value, 1.0, "the value stays");
    assert_eq!(changed_by_tick(&mut live, &maintained, 2, 3), 1);
    assert_eq!(changed_by_tick(&mut live, &maintained, 3, 4_000), 0);
    let station = maintained.station(StationNo(0)).unwrap();
    assert_eq!(live.station_freshness(&maintained, station, at(5)), Freshness::Maintenance);
}

#[test]
fn a_corrected_unit_converts_and_another_property_forgets() {
    let before = catalogue(false);
    let other = |change: fn(&mut Channel)| {
        let mut channels = before.channels().to_vec();
        change(&mut channels[0]);
        Catalogue::new(vec![], vec![], before.stations().to_vec(), channels).unwrap()
    };
    let check = |after: &Catalogue, expected: Option<f64>| {
        let mut live = live(&before);
        live.accept(&sample(0, 1500.0, TimeClass::Live), at(1), SourceId(0));
        live.adopt(&before, after, &Policy::default());
        assert_eq!(live.latest(ChannelId(0)).map(|latest| latest.value), expected);
    };
    check(&other(|channel| channel.unit = Unit::MilligramPerCubicMetre), Some(1.5));
    check(&other(|channel| channel.unit = Unit::Celsius), None);
    check(&other(|channel| channel.property = Property::new("pm10")), None);
}
