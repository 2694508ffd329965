//! Samples go by class and age, their tallies stay; nothing goes by one clock alone.

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::model::{
    Body, Catalogue, Channel, Entry, LinkClass, LocalName, Message, Position, Property, Quality, Range, Sample,
    SourceId, Station, StationId, StationKind, StationNo, TimeClass, Unit,
};
use crate::store::embedded::{Embedded, Settling};
use crate::store::{Config, KeptSince, Tally, Tier};

/// 2026-08-21T00:00:00Z.
const FIRST: i64 = 1_787_270_400;
const DAY: i64 = 86_400;

fn config(retention: Retention) -> Config {
    Config { settle_after_s: 0, retention, ..Config::default() }
}

/// Channel 0 counts traffic, channel 1 watches a river.
fn catalogue() -> Catalogue {
    let kinds = [StationKind::Traffic, StationKind::River];
    let station = |place: u32| Station {
        no: StationNo(place),
        id: StationId::new(&format!("s{place}")),
        kind: kinds[place as usize],
        name: LocalName { vi: "Cầu".to_owned(), en: "Bridge".to_owned() },
        position: Position { lon: 107.6, lat: 16.5 },
        area: None,
        maintenance: false,
        retired: false,
        channels: vec![ChannelId(place)],
    };
    let channel = |place: u32| Channel {
        id: ChannelId(place),
        station: StationNo(place),
        property: Property::new("x"),
        unit: Unit::MetrePerSecond,
        interval: Duration::from_secs(60),
        plausible: Range { min: -1e9, max: 1e9 },
        link: LinkClass::Wired,
        retired: false,
    };
    let (stations, channels) = ((0..2).map(station).collect(), (0..2).map(channel).collect());
    Catalogue::new(vec!["edge".into()], Vec::new(), stations, channels).unwrap()
}

/// The journal: the catalogue, then a sample of both channels every ten minutes, for so many days.
fn entries(days: i64) -> Vec<Entry> {
    let body = Body::Catalogue(Box::new(catalogue()));
    let mut entries = vec![Entry { seq: Seq(1), received_at: Timestamp::from_seconds(FIRST), body }];
    for place in 0..days * 144 {
        entries.push(message(place as u64 + 2, FIRST + place * 600, FIRST + place * 600, (place % 37) as f64 / 10.0));
    }
    entries
}

fn message(seq: u64, received: i64, observed: i64, value: f64) -> Entry {
    let sample = |channel| Sample {
        channel: ChannelId(channel),
        observed_at: Timestamp::from_seconds(observed),
        value,
        quality: Quality::GOOD,
        time_class: TimeClass::Live,
    };
    let samples = vec![sample(0), sample(1)];
    let message = Message {
        source: SourceId(0),
        received: 2,
        duplicates: 0,
        samples,
        rejections: Vec::new(),
        raw: None,
        unknown: Vec::new(),
        again: None,
    };
    Entry { seq: Seq(seq), received_at: Timestamp::from_seconds(received), body: Body::Message(message) }
}

fn day(day: i64) -> Timestamp {
    Timestamp::from_seconds(FIRST + day * DAY)
}

fn settle(store: &Embedded) {
    store.flush().unwrap();
    while store.settle(1_000).unwrap() == Settling::More {}
}

/// The days, counted from the first, of which a channel has samples.
fn days_of_samples(store: &Embedded, channel: u32) -> Vec<i64> {
    let times = store.range(ChannelId(channel), day(-100), day(4_000)).map(|sample| sample.unwrap().observed_at);
    let mut days: Vec<i64> = times.map(|at| (at.micros() / 1_000_000 - FIRST).div_euclid(DAY)).collect();
    days.dedup();
    days
}

fn days_of_tallies(store: &Embedded, channel: u32, tier: Tier) -> Vec<i64> {
    let tallies = store.tallies(ChannelId(channel), tier, day(-100), day(4_000)).unwrap();
    let mut days: Vec<i64> =
        tallies.iter().map(|(at, _)| (at.micros() / 1_000_000 + 7 * 3_600 - FIRST).div_euclid(DAY)).collect();
    days.dedup();
    days
}

fn traffic(raw_days: u32, minute_days: u32, hour_days: u32, day_days: u32) -> Retention {
    Retention { traffic: Spans { raw_days, minute_days, hour_days, day_days }, ..Retention::default() }
}

#[test]
fn samples_go_and_their_tallies_stay() {
    let directory = TempDir::new().unwrap();
    let [kept, expected] = [traffic(2, 4, 6, 0), Retention::default()].map(|retention| {
        let place = directory.path().join(retention.traffic.raw_days.to_string());
        let store = Embedded::open(&place, &config(retention)).unwrap();
        for entries in entries(9).chunks(100) {
            store.apply(entries).unwrap();
            settle(&store);
        }
        drop(store);
        // What was learnt from the catalogue is still known, and another sweep finds nothing more.
        let store = Embedded::open(&place, &config(retention)).unwrap();
        settle(&store);
        store
    });
    assert_eq!(days_of_samples(&kept, 1), (0..9).collect::<Vec<_>>());
    // The last sample is of day 8, before midnight: day 5 ended two days before its day began.
    assert_eq!(days_of_samples(&kept, 0), [6, 7, 8]);
    let all = |tier, from: i64| -> Vec<(Timestamp, Tally)> {
        expected.tallies(ChannelId(0), tier, day(from), day(100)).unwrap()
    };
    let found = |tier| kept.tallies(ChannelId(0), tier, day(-100), day(100)).unwrap();
    assert_eq!(found(Tier::Minute), all(Tier::Minute, 4));
    assert_eq!(found(Tier::Hour), all(Tier::Hour, 2));
    assert_eq!(found(Tier::Day), all(Tier::Day, -2));
    assert_eq!(kept.last(ChannelId(0)).unwrap(), expected.last(ChannelId(0)).unwrap());
    assert_eq!(kept.stored_counts(), expected.stored_counts(), "what was taken was taken");
}

#[test]
fn it_is_known_from_when_on_history_is_whole() {
    let directory = TempDir::new().unwrap();
    let check = |store: &Embedded| {
        let [traffic, river] = [0, 1].map(|channel| store.kept_since(ChannelId(channel)));
        assert_eq!((traffic.samples, traffic.tier(Tier::Minute)), (Some(day(6)), Some(day(4))));
        assert_eq!((traffic.tier(Tier::Hour), traffic.tier(Tier::Day)), (Some(day(2)), None));
        assert_eq!(river, KeptSince::default());
        let is_deleted = |channel, at| store.is_deleted(ChannelId(channel), at);
        assert!(is_deleted(0, day(5)) && !is_deleted(0, day(6)) && !is_deleted(1, day(5)));
        assert!(!is_deleted(0, day(-3)), "nothing was ever there: history may be brought in");
    };
    {
        let store = Embedded::open(directory.path(), &config(traffic(2, 4, 6, 0))).unwrap();
        store.apply(&entries(9)).unwrap();
        settle(&store);
        check(&store);
    }
    check(&Embedded::open(directory.path(), &config(traffic(2, 4, 6, 0))).unwrap());
    // Rules that keep more bring nothing back.
    check(&Embedded::open(directory.path(), &config(Retention::default())).unwrap());
}

/// The coarsest tallies of a day take the note that its samples are gone with them.
#[test]
fn a_day_of_which_nothing_is_kept_takes_no_more_either() {
    let directory = TempDir::new().unwrap();
    let store = Embedded::open(directory.path(), &config(traffic(1, 1, 1, 2))).unwrap();
    assert!(!store.is_deleted(ChannelId(0), day(0)));
    store.apply(&entries(6)).unwrap();
    settle(&store);
    assert_eq!(days_of_tallies(&store, 0, Tier::Day), [3, 4, 5, 6]);
    assert!(store.is_deleted(ChannelId(0), day(0)) && !store.is_deleted(ChannelId(1), day(0)));
}

#[test]
fn a_day_whose_samples_are_gone_takes_no_more() {
    let directory = TempDir::new().unwrap();
    let store = Embedded::open(directory.path(), &config(traffic(2, 2, 0, 0))).unwrap();
    store.apply(&entries(6)).unwrap();
    settle(&store);
    assert_eq!(days_of_samples(&store, 0), [3, 4, 5]);
    let hours = |channel| store.tallies(ChannelId(channel), Tier::Hour, day(0), day(2)).unwrap();
    let before = [hours(0), hours(1)];
    let (at, again) = (FIRST + 6 * DAY - 60, FIRST + DAY + 30);
    store.apply(&[message(6 * 144 + 2, at, again, 50.0)]).unwrap();
    assert_eq!(hours(0), before[0], "in memory it is no answer either");
    settle(&store);
    assert_eq!(hours(0), before[0]);
    assert_ne!(hours(1), before[1], "the river is kept, and takes late samples");
    assert_eq!(days_of_samples(&store, 0), [3, 4, 5]);
    assert_eq!(store.contains(ChannelId(0), Timestamp::from_seconds(again)).unwrap(), None);
}

/// A device falls silent in the middle of a day; when it comes back with the day's rest, the day's samples are gone.
#[test]
fn late_samples_after_the_last_one_of_a_deleted_day_do_not_replace_its_tallies() {
    let directory = TempDir::new().unwrap();
    let store = Embedded::open(directory.path(), &config(traffic(2, 2, 0, 0))).unwrap();
    let silent_from = Timestamp::from_seconds(FIRST + 10 * 3_600);
    let mut entries = entries(6);
    for entry in &mut entries {
        if let Body::Message(message) = &mut entry.body {
            message.samples.retain(|sample| sample.channel == ChannelId(1) || sample.observed_at < silent_from);
        }
    }
    store.apply(&entries).unwrap();
    settle(&store);
    assert!(days_of_samples(&store, 0).is_empty());
    let tallies = || {
        [Tier::Minute, Tier::Hour, Tier::Day].map(|tier| store.tallies(ChannelId(0), tier, day(-1), day(2)).unwrap())
    };
    let before = tallies();
    assert_eq!(before[1].len(), 10, "an hour each");
    store.apply(&[message(6 * 144 + 2, FIRST + 6 * DAY - 60, FIRST + 20 * 3_600, 50.0)]).unwrap();
    settle(&store);
    assert_eq!(tallies(), before);
    assert!(days_of_samples(&store, 0).is_empty());
}

#[test]
fn where_history_begins_is_never_told_too_late() {
    let directory = TempDir::new().unwrap();
    let spans = Spans { raw_days: 2, ..Spans::default() };
    let config = config(Retention { traffic: spans, river: spans, ..Retention::default() });
    let store = Embedded::open(directory.path(), &config).unwrap();
    store.apply(&entries(9)).unwrap();
    store.flush().unwrap();
    assert_eq!(store.begins_at(), Some(day(0)));
    settle(&store);
    let newest = |store: &Embedded, at| {
        let then = store.moment(&[ChannelId(0), ChannelId(1)], at).into_iter();
        then.map(|then| then.unwrap().newest.map(|newest| newest.observed_at)).collect::<Vec<_>>()
    };
    let check = |store: &Embedded, first: i64| {
        assert_eq!([0, 1].map(|channel| days_of_samples(store, channel)[0]), [first; 2]);
        // Days go one by one, and are told by the spans that are left: the one at hand has begun on day 2.
        assert_eq!(store.begins_at(), Some(day(2)));
        assert_eq!(newest(store, Timestamp::from_micros(day(first).micros() - 1)), [None; 2]);
        assert_eq!(newest(store, day(first)), [Some(day(first)); 2]);
    };
    check(&store, 6);
    drop(store);
    let store = Embedded::open(directory.path(), &config).unwrap();
    check(&store, 6);
    // A day that never was takes late samples.
    let late = message(9 * 144 + 2, FIRST + 9 * DAY - 60, FIRST - 300 * DAY, 1.0);
    store.apply(&[late]).unwrap();
    for _ in 0..2 {
        assert_eq!(store.begins_at(), Some(day(-300)));
        assert_eq!(newest(&store, day(-299)), [Some(day(-300)); 2]);
        store.flush().unwrap();
    }
    settle(&store);
    check(&store, 6);
}

#[test]
fn everything_goes_in_the_end() {
    let directory = TempDir::new().unwrap();
    let store = Embedded::open(directory.path(), &config(traffic(1, 1, 1, 2))).unwrap();
    store.apply(&entries(6)).unwrap();
    let corrected = message(6 * 144 + 2, FIRST + 6 * DAY - 60, FIRST + DAY, 99.0);
    store.apply(&[corrected]).unwrap();
    settle(&store);
    assert_eq!(store.earlier(ChannelId(1), day(0), day(6)).unwrap().len(), 1);
    assert_eq!(store.earlier(ChannelId(0), day(0), day(6)).unwrap(), []);
    assert_eq!(days_of_samples(&store, 0), [4, 5]);
    assert_eq!(days_of_tallies(&store, 0, Tier::Hour), [4, 5, 6]);
    assert_eq!(days_of_tallies(&store, 0, Tier::Day), [3, 4, 5, 6]);
}

#[test]
fn a_clock_that_jumps_ahead_deletes_nothing() {
    let directory = TempDir::new().unwrap();
    let store = Embedded::open(directory.path(), &config(traffic(1, 1, 1, 1))).unwrap();
    store.apply(&entries(2)).unwrap();
    let received_at = day(4_000);
    store.apply(&[Entry { seq: Seq(2 * 144 + 2), received_at, body: Body::Tick }]).unwrap();
    settle(&store);
    assert_eq!(days_of_samples(&store, 0), [0, 1]);
}

#[test]
fn a_slice_is_bounded_and_the_rest_follows() {
    let directory = TempDir::new().unwrap();
    let store = Embedded::open(directory.path(), &config(traffic(1, 0, 0, 0))).unwrap();
    store.apply(&entries(40)).unwrap();
    store.flush().unwrap();
    let mut slices = 0;
    while store.settle(1).unwrap() == Settling::More {
        slices += 1;
    }
    assert!(slices > 70, "{slices} slices for about 80 days");
    assert_eq!(days_of_samples(&store, 0), [38, 39]);
    assert_eq!(days_of_tallies(&store, 0, Tier::Minute).len(), 41, "made before the samples went");
}
