//! Silence: what counts as it, of stations, of their gateways, and of Saola itself.

use super::*;

/// The air station `AQ-01` (wired, every 60 s) under a rule for ten minutes without data.
fn watched() -> State {
    let mut state = fresh();
    step(&mut state, 0, Body::Catalogue(Box::new(catalogue())));
    let files = rule("property = 'pm2_5'\nstations = ['AQ-01']\nabsence = { after = '10m', severity = 'low' }");
    step(&mut state, 0, Body::Rules(files));
    step(&mut state, 0, Body::Tick);
    step(&mut state, 0, one(0, 1.0));
    ticks(&mut state, 10..101);
    state
}

fn freshness(state: &State, seconds: i64) -> Freshness {
    let channel = state.catalogue.channel(ChannelId(0)).unwrap();
    state.live.freshness(&state.catalogue, channel, Timestamp::from_seconds(1_800_000_000 + seconds))
}

#[test]
fn two_hours_down_are_not_counted_as_absence_and_the_rest_is() {
    let mut state = watched();
    let down = |from: i64, to: i64| {
        let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds);
        Body::Outage(Outage { of: Deaf::Everything, from: at(from), to: Some(at(to)) })
    };
    // Down from 100 s to 7300 s: 100 s of the ten minutes had passed.
    step(&mut state, 7_300, down(100, 7_300));
    assert_eq!(ticks(&mut state, 7_300..7_800), []);
    let told = ticks(&mut state, 7_800..7_801);
    assert_eq!(told.len(), 1, "the timer went on where it stood");
    assert_eq!(told[0].alert.started_at, Timestamp::from_seconds(1_800_000_000));
}

#[test]
fn absence_waits_while_the_link_of_its_source_is_down() {
    let mut state = watched();
    let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds);
    let of = Deaf::Source(SourceId(0));
    step(&mut state, 100, Body::Outage(Outage { of, from: at(100), to: None }));
    assert_eq!(ticks(&mut state, 110..3_000), []);
    step(&mut state, 3_000, Body::Outage(Outage { of, from: at(100), to: Some(at(3_000)) }));
    assert_eq!(ticks(&mut state, 3_000..3_500), []);
    assert_eq!(ticks(&mut state, 3_500..3_510).len(), 1);
    // Another source's link says nothing of it.
    let mut state = watched();
    let of = Deaf::Source(SourceId(1));
    step(&mut state, 100, Body::Outage(Outage { of, from: at(100), to: None }));
    assert_eq!(ticks(&mut state, 110..601).len(), 1);
}

#[test]
fn a_maintenance_window_mutes_its_station_while_it_lasts_and_no_longer() {
    let mut state = watched();
    let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds);
    let (reason, author) = ("new sensor".to_owned(), "an".to_owned());
    let window = Window { station: StationNo(0), from: at(200), to: at(2_000), reason, author };
    step(&mut state, 110, Body::Maintenance(MaintenanceCommand::Plan(window)));
    assert_eq!(freshness(&state, 110), Freshness::Late);
    assert_eq!(ticks(&mut state, 110..2_000), [], "its absence is expected");
    assert_eq!(freshness(&state, 1_990), Freshness::Maintenance);
    assert!(!state.declared().station(StationNo(0)).unwrap().maintenance);
    let effects = step(&mut state, 2_000, Body::Tick);
    assert!(effects.changes.contains(&(state.applied, Change::Station(StationNo(0)))), "{effects:?}");
    assert_eq!(freshness(&state, 2_000), Freshness::Silent);
    assert_eq!(ticks(&mut state, 2_010..2_600), []);
    assert_eq!(ticks(&mut state, 2_600..2_610).len(), 1, "ten minutes after its end");
}

#[test]
fn a_dead_device_is_silent_at_once_and_its_open_alert_unknown() {
    let mut state = watched();
    let levels = "property = 'pm2_5'\nstations = ['AQ-01']\nlevels = [{ severity = 'high', above = 50, clear = 40 }]";
    step(&mut state, 100, Body::Rules(rule(levels)));
    assert_eq!(step(&mut state, 110, one(110, 90.0)).transitions.len(), 1);
    let fact = DeviceFact { device: "g/n/AQ-01".into(), station: Some(StationNo(0)), said: Said::Silent };
    let report = DeviceReport { source: SourceId(0), facts: vec![fact] };
    step(&mut state, 115, Body::Devices(report));
    assert_eq!(freshness(&state, 115), Freshness::Silent);
    let told = ticks(&mut state, 120..121);
    assert_eq!(told.iter().map(|told| told.alert.state).collect::<Vec<_>>(), [AlertState::Unknown]);
    assert_eq!(step(&mut state, 130, one(130, 90.0)).transitions[0].alert.state, AlertState::Active);
    assert_eq!(freshness(&state, 130), Freshness::Live);
}

#[test]
fn a_gateway_that_speaks_keeps_no_dead_device_alive() {
    let mut state = watched();
    for seconds in (110..1_000).step_by(10) {
        // Samples of the other stations by the same source, and messages without any sample.
        let heard = Heard { channel: 2, age: 0, value: 1.0, class: TimeClass::Live, fault: false };
        step(&mut state, seconds, message(0, &[heard], false, 1_800_000_000 + seconds));
        step(&mut state, seconds, message(0, &[], false, 1_800_000_000 + seconds));
    }
    assert_eq!(freshness(&state, 1_000), Freshness::Silent);
}

#[test]
fn missed_messages_are_counted_by_station_and_by_device() {
    let mut state = watched();
    for (station, missed) in [(Some(StationNo(0)), 3), (Some(StationNo(0)), 4), (None, 5)] {
        let fact = DeviceFact { device: "g/n".into(), station, said: Said::Missed(missed) };
        step(&mut state, 100, Body::Devices(DeviceReport { source: SourceId(0), facts: vec![fact] }));
    }
    let missing = state.devices.missing_of(StationNo(0));
    assert_eq!((missing.gaps, missing.messages, state.devices.messages_missing()), (2, 7, 12));
    let unplaced: Vec<_> =
        state.devices.unplaced().map(|(source, device, missing)| (source, device, missing.messages)).collect();
    assert_eq!(unplaced, [(SourceId(0), "g/n", 5)]);
}

#[test]
fn a_correction_changes_what_is_shown_but_dispatches_nobody() {
    let mut state = watched();
    let levels = "property = 'pm2_5'\nstations = ['AQ-01']\nlevels = [{ severity = 'high', above = 50, clear = 40 }]";
    step(&mut state, 100, Body::Rules(rule(levels)));
    step(&mut state, 105, Body::Policy(Box::new(policy())));
    step(&mut state, 110, one(110, 10.0));
    let sample = Sample {
        channel: ChannelId(0),
        observed_at: Timestamp::from_seconds(1_800_000_110),
        value: 90.0,
        quality: Quality::EDITED,
        time_class: TimeClass::Backfill,
    };
    let (author, reason) = ("an".to_owned(), "misread".to_owned());
    let correction = Body::Corrections(Corrections { author, reason, samples: vec![sample] });
    // The checks remember it here as at the door: a restart takes this memory.
    let (mut judge, before) = (state.judge.clone(), state.judge.clone());
    let Entry { seq, received_at, body } = entry(&state, 120, correction.clone());
    judge.apply(seq, received_at, &body, (&state.catalogue, &state.catalogue));
    let effects = step(&mut state, 120, correction);
    assert!(judge != before && state.judge == judge);
    let latest = state.live.latest(ChannelId(0)).unwrap();
    assert_eq!((latest.value, latest.quality), (90.0, Quality::EDITED));
    assert_eq!((effects.transitions.len(), effects.changes.len()), (0, 1));
    assert_eq!(state.author_of(state.applied).map(|author| author.reason.as_str()), Some("misread"));
}

/// A late sample that is newer than the one in time must not keep a death from ending.
#[test]
fn a_sample_in_time_ends_a_death_though_a_late_one_is_newer() {
    let mut state = watched();
    let fact = DeviceFact { device: "d".into(), station: Some(StationNo(0)), said: Said::Silent };
    step(&mut state, 110, Body::Devices(DeviceReport { source: SourceId(0), facts: vec![fact] }));
    let heard = |age, class| Heard { channel: 0, age, value: 1.0, class, fault: false };
    step(&mut state, 120, message(0, &[heard(0, TimeClass::Late)], false, 1_800_000_120));
    assert_eq!(freshness(&state, 120), Freshness::Silent);
    step(&mut state, 121, message(0, &[heard(5, TimeClass::Live)], false, 1_800_000_121));
    assert_eq!(freshness(&state, 121), Freshness::Live);
}
