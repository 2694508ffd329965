use super::*;
use crate::model::{
    Awake, DeviceFact, Freshness, LinkClass, LocalName, Position, Property, Range, Station, StationId, StationKind,
    StationNo, Unit,
};

/// A station with two wired channels, every 60 s: live for 70 s, late for 130 s, stale for 310 s.
fn catalogue() -> Catalogue {
    let channel = |id: u32, property: &str| Channel {
        id: ChannelId(id),
        station: StationNo(0),
        property: Property::new(property),
        unit: Unit::Celsius,
        interval: Duration::from_secs(60),
        plausible: Range { min: -50.0, max: 60.0 },
        link: LinkClass::Wired,
        retired: false,
    };
    let station = Station {
        no: StationNo(0),
        id: StationId::new("A"),
        kind: StationKind::Weather,
        name: LocalName { vi: "A".into(), en: "A".into() },
        position: Position { lon: 103.46, lat: 22.39 },
        area: None,
        maintenance: false,
        retired: false,
        channels: vec![ChannelId(0), ChannelId(1)],
    };
    Catalogue::new(vec![], vec![], vec![station], vec![channel(0, "air_temperature"), channel(1, "soil")]).unwrap()
}

const FIRST: SourceId = SourceId(3);
const SECOND: SourceId = SourceId(4);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn sample(channel: u32, seconds: i64, quality: Quality) -> Sample {
    let (channel, time_class) = (ChannelId(channel), TimeClass::Live);
    Sample { channel, observed_at: at(seconds), value: 1.0, quality, time_class }
}

fn take(listening: &mut Listening, sample: &Sample, source: SourceId) {
    listening.hear(sample, source);
    listening.see(sample);
}

fn listening(policy: &Policy) -> Listening {
    let mut listening = Listening::default();
    listening.adopt(&Catalogue::default(), &catalogue(), policy);
    take(&mut listening, &sample(0, 0, Quality::GOOD), FIRST);
    take(&mut listening, &sample(1, 0, Quality::GOOD), SECOND);
    listening
}

fn outage(of: Deaf, from: i64, to: Option<i64>) -> Outage {
    Outage { of, from: at(from), to: to.map(at) }
}

#[test]
fn timers_stand_still_while_saola_cannot_hear() {
    let check = |outages: &[Outage], limit: u64, due: [Option<i64>; 2]| {
        let mut listening = listening(&Policy::default());
        outages.iter().for_each(|outage| listening.pause(outage));
        for (channel, due) in catalogue().channels().iter().zip(due) {
            let found = listening.due(channel, at(0), Duration::from_secs(limit));
            assert_eq!(found, due.map_or(FOR_EVER, at), "{}", channel.property);
        }
    };
    let everything = Deaf::Everything;
    check(&[], 600, [Some(600), Some(600)]);
    check(&[outage(everything, 100, Some(7_300))], 600, [Some(7_800), Some(7_800)]);
    // Only the channels of the source that is down.
    check(&[outage(Deaf::Source(FIRST), 100, None)], 600, [None, Some(600)]);
    check(
        &[outage(Deaf::Source(FIRST), 100, None), outage(Deaf::Source(FIRST), 150, Some(200))],
        600,
        [Some(700), Some(600)],
    );
    // Two at once are counted once.
    let both = [outage(everything, 100, Some(200)), outage(Deaf::Source(FIRST), 150, Some(300))];
    check(&both, 600, [Some(800), Some(700)]);
    // After a pause there is at least one interval and the grace.
    check(&[outage(everything, 590, Some(1_000))], 600, [Some(1_070), Some(1_070)]);
    // What was due before the pause stays due.
    check(&[outage(everything, 600, Some(1_000))], 600, [Some(600), Some(600)]);
}

#[test]
fn outages_that_touch_become_one_and_an_open_one_is_told() {
    let mut listening = listening(&Policy::default());
    listening.pause(&outage(Deaf::Everything, 0, Some(100)));
    listening.pause(&outage(Deaf::Everything, 50, Some(200)));
    assert_eq!(listening.down_between(at(0), at(1_000)), Duration::from_secs(200));
    assert_eq!(listening.down_between(at(150), at(180)), Duration::from_secs(30));
    assert_eq!(listening.open_outages().count(), 0);
    listening.pause(&outage(Deaf::Source(FIRST), 10, None));
    assert_eq!(listening.open_outages().collect::<Vec<_>>(), [(Deaf::Source(FIRST), at(10))]);
    listening.pause(&outage(Deaf::Source(FIRST), 10, Some(20)));
    assert_eq!(listening.open_outages().count(), 0);
}

#[test]
fn freshness_does_not_hide_an_outage() {
    let mut listening = listening(&Policy::default());
    listening.pause(&outage(Deaf::Everything, 10, Some(7_200)));
    let catalogue = catalogue();
    let channel = catalogue.channel(ChannelId(0)).unwrap();
    assert_eq!(listening.freshness(channel, at(7_200)), Freshness::Silent, "the value is two hours old");
}

#[test]
fn a_sleeping_device_is_as_fresh_as_when_it_fell_asleep() {
    let mut policy = Policy::default();
    let (from_minute, to_minute) = (6 * 60, 18 * 60);
    let awake = Awake::Daily { from_minute, to_minute, zone: "Asia/Ho_Chi_Minh".to_owned() };
    policy.awake.insert((StationId::new("A"), None), awake);
    let mut listening = listening(&policy);
    let catalogue = catalogue();
    let channel = catalogue.channel(ChannelId(0)).unwrap();
    let time = |text: &str| Timestamp::parse(text).unwrap();
    let last = Sample { observed_at: time("2026-11-21T17:59:30+07:00"), ..sample(0, 0, Quality::GOOD) };
    take(&mut listening, &last, FIRST);
    let check = |now: &str, expected| assert_eq!(listening.freshness(channel, time(now)), expected, "at {now}");
    check("2026-11-22T03:00:00+07:00", Freshness::Live);
    check("2026-11-22T06:01:10+07:00", Freshness::Live);
    check("2026-11-22T06:01:11+07:00", Freshness::Late);
    check("2026-11-22T07:00:00+07:00", Freshness::Silent);
    assert!(listening.sleeps(channel.id, time("2026-11-22T03:00:00+07:00")));
    assert!(!listening.sleeps(channel.id, time("2026-11-22T07:00:00+07:00")));
}

#[test]
fn a_timer_of_absence_sleeps_with_its_device_and_waits_for_saola() {
    let mut policy = Policy::default();
    let (from_minute, to_minute) = (6 * 60, 18 * 60);
    let awake = Awake::Daily { from_minute, to_minute, zone: "Asia/Ho_Chi_Minh".to_owned() };
    policy.awake.insert((StationId::new("A"), Some(Property::new("air_temperature"))), awake);
    let mut listening = listening(&policy);
    let catalogue = catalogue();
    let time = |text: &str| Timestamp::parse(text).unwrap();
    let check = |listening: &Listening, channel: u32, due: &str| {
        let channel = catalogue.channel(ChannelId(channel)).unwrap();
        let found = listening.due(channel, time("2026-11-21T17:50:00+07:00"), Duration::from_secs(3_600));
        assert_eq!(found, time(due), "{}", channel.property);
    };
    // Ten minutes of the hour had passed at nightfall; the other sensor of the station does not sleep.
    check(&listening, 0, "2026-11-22T06:50:00+07:00");
    check(&listening, 1, "2026-11-21T18:50:00+07:00");
    // Down over the morning: the timer goes on when Saola does.
    let (from, to) = (time("2026-11-22T05:00:00+07:00"), Some(time("2026-11-22T07:30:00+07:00")));
    listening.pause(&Outage { of: Deaf::Everything, from, to });
    check(&listening, 0, "2026-11-22T08:20:00+07:00");
}

/// The station with one way to sleep, and its first channel with an interval of its own.
fn sleeper(hours: u64, awake: (u16, u16)) -> (Listening, Channel) {
    let mut policy = Policy::default();
    let awake =
        Awake::Daily { from_minute: 60 * awake.0, to_minute: 60 * awake.1, zone: "Asia/Ho_Chi_Minh".to_owned() };
    policy.awake.insert((StationId::new("A"), None), awake);
    let channel = catalogue().channel(ChannelId(0)).unwrap().clone();
    (listening(&policy), Channel { interval: Duration::from_secs(3_600 * hours), ..channel })
}

#[test]
fn a_dead_device_is_due_however_short_it_is_awake() {
    let time = |text: &str| Timestamp::parse(text).unwrap();
    let check = |(listening, channel): (Listening, Channel), last: &str, hours: u64, due: &str| {
        let limit = Duration::from_secs(3_600 * hours);
        assert_eq!(listening.due(&channel, time(last), limit), time(due), "{hours} h");
        assert_eq!(listening.due_awake(&channel, time(last), limit), time(due), "{hours} h");
    };
    // Once a day, awake for twelve hours: as much daylight as the limit, and from the last morning a whole day.
    check(sleeper(24, (6, 18)), "2026-11-21T07:00:00+07:00", 24, "2026-11-24T06:00:10+07:00");
    check(sleeper(24, (6, 18)), "2026-11-21T07:00:00+07:00", 72, "2026-11-28T06:00:10+07:00");
    // Once an hour, awake for one: an hour of its time each day.
    check(sleeper(1, (6, 7)), "2026-11-21T06:30:00+07:00", 1, "2026-11-22T07:00:10+07:00");
    check(sleeper(1, (6, 7)), "2026-11-21T06:30:00+07:00", 3, "2026-11-24T07:00:10+07:00");
    let (mut listening, channel) = sleeper(1, (6, 7));
    let last = time("2026-11-21T06:30:00+07:00");
    take(&mut listening, &Sample { observed_at: last, ..sample(0, 0, Quality::GOOD) }, FIRST);
    assert_eq!(listening.freshness(&channel, time("2026-11-22T06:59:00+07:00")), Freshness::Live);
    assert_eq!(listening.freshness(&channel, time("2026-11-28T06:00:00+07:00")), Freshness::Silent);
}

#[test]
fn frequent_outages_put_absence_off_by_their_own_length_and_one_interval() {
    let mut listening = listening(&Policy::default());
    // Ten seconds of every minute, for ten hours.
    (0..600).for_each(|minute| listening.pause(&outage(Deaf::Everything, 60 * minute, Some(60 * minute + 10))));
    let due = |listening: &Listening, limit| {
        listening.due(catalogue().channel(ChannelId(0)).unwrap(), at(10), Duration::from_secs(limit))
    };
    // Twelve stretches of fifty seconds; in the last one 70 s, and the outage within them.
    assert_eq!(due(&listening, 600), at(11 * 60 + 10 + 80));
    // The channel that was never heard waits for whatever could bring it.
    let mut unheard = Listening::default();
    unheard.adopt(&Catalogue::default(), &catalogue(), &Policy::default());
    assert_eq!(due(&unheard, 600), at(610));
    unheard.pause(&outage(Deaf::Source(SECOND), 100, Some(1_000)));
    assert_eq!(due(&unheard, 600), at(1_510));
    unheard.pause(&outage(Deaf::Source(FIRST), 1_200, None));
    assert_eq!(due(&unheard, 600), FOR_EVER);
}

#[test]
fn a_death_silences_its_own_channels_until_their_next_sample_in_time() {
    let mut listening = listening(&Policy::default());
    let catalogue = catalogue();
    let fact = DeviceFact { device: "g/n/A".into(), station: Some(StationNo(0)), said: Said::Silent };
    let report = DeviceReport { source: FIRST, facts: vec![fact] };
    assert_eq!(listening.note(&catalogue, &report, at(5)), [ChannelId(0)], "the other comes by another source");
    let fresh = |listening: &Listening| {
        catalogue.channels().iter().map(|channel| listening.freshness(channel, at(6))).collect::<Vec<_>>()
    };
    assert_eq!(fresh(&listening), [Freshness::Silent, Freshness::Live]);
    take(&mut listening, &Sample { time_class: TimeClass::Backfill, ..sample(0, 1, Quality::GOOD) }, FIRST);
    assert_eq!(fresh(&listening), [Freshness::Silent, Freshness::Live], "history is no sign of life");
    take(&mut listening, &sample(0, 6, Quality::GOOD), FIRST);
    assert_eq!(fresh(&listening), [Freshness::Live, Freshness::Live]);
}

#[test]
fn a_faulty_devices_samples_keep_nothing_alive() {
    let mut listening = listening(&Policy::default());
    let catalogue = catalogue();
    for seconds in (60..=600).step_by(60) {
        take(&mut listening, &sample(0, seconds, Quality::FAULT), FIRST);
        take(&mut listening, &sample(1, seconds, Quality::RATE), SECOND);
    }
    let fresh = |id: u32| listening.freshness(catalogue.channel(ChannelId(id)).unwrap(), at(610));
    assert_eq!((fresh(0), fresh(1)), (Freshness::Silent, Freshness::Live));
}
