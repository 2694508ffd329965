//! Points that InfluxDB refuses for good: they alone become dead letters, and the books balance.

use std::collections::BTreeMap;

use saola::model::{Quality, Reason, SourceId};
use saola::store::{DeadLetterFilter, Store};

use super::fixture::{House, air, catalogue, check_all_there, entries, entry, follow, sample, told};
use super::protocol::Line;
use super::scripted::{Deed, Scripted};
use saola::model::StationKind;

const CONFLICT: &str = "failure writing points to database: partial write: field type conflict dropped=1";

fn letters(store: &Store) -> Vec<(u64, String, String, String)> {
    let filter = DeadLetterFilter { reason: Some(Reason::RefusedByStore), ..DeadLetterFilter::default() };
    let page = store.dead_letters(None, usize::MAX, &filter).unwrap();
    let one = |letter: saola::store::DeadLetter| {
        let payload = String::from_utf8(letter.payload).unwrap();
        (letter.id.0, letter.topic, payload, letter.rejections[0].detail.clone())
    };
    page.letters.into_iter().map(one).collect()
}

fn counts(store: &Store) -> (u64, u64) {
    let sum = |counts: BTreeMap<SourceId, u64>| counts.values().sum();
    (sum(store.stored_counts()), sum(store.refused_counts()))
}

/// A judge that refuses the points with this value.
fn refuses(value: f64) -> Box<dyn Fn(&Line) -> Option<&'static str> + Send> {
    Box::new(move |line: &Line| (line.fields[0].1 == value).then_some(CONFLICT))
}

#[test]
fn one_bad_point_among_5000_is_found_in_20_requests_and_the_rest_is_stored() {
    let server = Scripted::start();
    let (house, catalogue, mut entries) = (House::new(&server.url()), air(3), entries(5_000, 3));
    server.inner.lock().judge = refuses(3_333.0 / 8.0);
    let store = house.open(&catalogue);
    assert_eq!(follow(&store, &entries), [] as [String; 0], "a bad point stops nobody");
    let requests = server.count("/api/v2/write");
    assert!(requests <= 20, "{requests} requests");
    let expected = (
        3_333,
        "saola/v1/AQ-0".to_owned(),
        "[{\"pm2_5\":416.625,\"status\":\"measuring\",\"time\":\"2026-08-21T00:55:33.000001Z\"}]".to_owned(),
        format!("pm2_5 at 2026-08-21T00:55:33.000001Z: {CONFLICT}"),
    );
    assert_eq!(letters(&store), [expected.clone()]);
    assert_eq!(counts(&store), (4_999, 1));
    entries.remove(3_332);
    check_all_there(&server, &catalogue, &entries);
    // The books survive.
    store.flush().unwrap();
    drop(store);
    let store = house.open(&catalogue);
    assert_eq!((counts(&store), letters(&store)), ((4_999, 1), vec![expected]));
}

#[test]
fn a_message_keeps_its_own_rejections_and_its_bytes() {
    let server = Scripted::start();
    let house = House::new(&server.url());
    let names = catalogue(&[("AQ-0", StationKind::Air, &["pm2_5", "pm10"]), ("AQ-1", StationKind::Air, &["pm2_5"])]);
    server.inner.lock().judge = refuses(-1.0);
    let at = super::fixture::START * 1_000_000;
    // Samples of two stations have no topic in common: such a letter must not be replayed to one of them.
    let two = vec![
        sample(0, at, -1.0, Quality::FAULT),
        sample(1, at, 5.0, Quality::GOOD),
        sample(2, at, -1.0, Quality::GOOD),
    ];
    let store = house.open(&names);
    follow(&store, &[entry(1, two)]);
    let [(_, topic, payload, _)] = &letters(&store)[..] else { panic!("one letter") };
    assert_eq!(topic, "saola/v1");
    let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
    assert_eq!(payload[0]["station"], "AQ-0");
    assert_eq!((&payload[0]["status"], &payload[1]["station"]), (&"fault".into(), &"AQ-1".into()));
    assert_eq!(counts(&store), (1, 2));
}

#[test]
fn a_search_that_is_broken_off_goes_on_where_it_was() {
    let server = Scripted::start();
    let (mut house, catalogue, mut entries) = (House::new(&server.url()), air(1), entries(64, 1));
    house.config.influx.request_timeout_s = 5;
    server.inner.lock().judge = Box::new(|line| (line.fields[0].1 < 4.0).then_some(CONFLICT));
    // Every third request fails in another way.
    server.does((0..600).map(|number| if number % 3 == 2 { Deed::Reset } else { Deed::Serve }));
    let store = house.open(&catalogue);
    let errors = follow(&store, &entries);
    assert!(!errors.is_empty());
    assert_eq!(counts(&store), (33, 31));
    entries.drain(..31);
    check_all_there(&server, &catalogue, &entries);
}

#[test]
fn a_batch_that_is_too_large_is_halved_and_remembered() {
    let server = Scripted::start();
    let (house, catalogue, entries) = (House::new(&server.url()), air(2), entries(4_000, 2));
    server.inner.lock().lines_max = 300;
    let store = house.open(&catalogue);
    follow(&store, &entries[..2_000]);
    let first = server.count("/api/v2/write");
    follow(&store, &entries[2_000..]);
    let second = server.count("/api/v2/write") - first;
    assert!(second <= 9 && second < first, "{second} requests after {first}");
    check_all_there(&server, &catalogue, &entries);
}

#[test]
fn a_refusal_that_is_not_influxdbs_own_costs_no_point() {
    let server = Scripted::start();
    let (house, catalogue, entries) = (House::new(&server.url()), air(1), entries(20, 1));
    let page = "<html><center>The plain HTTP request was sent to HTTPS port</center></html>";
    server.habit(Deed::Answer("400 Bad Request", "", page));
    let store = house.open(&catalogue);
    let error = told(&store.apply(&entries).unwrap_err());
    assert!(error.contains("it answers as no InfluxDB does (400: <html>"), "{error}");
    assert_eq!((store.dead_letter_totals().count, server.count("/api/v2/write")), (0, 1));
    server.habit(Deed::Serve);
    follow(&store, &entries);
    check_all_there(&server, &catalogue, &entries);
}

#[test]
fn of_two_values_of_one_time_the_later_one_stays() {
    let server = Scripted::start();
    let (house, names) = (House::new(&server.url()), air(1));
    let at = super::fixture::START * 1_000_000;
    let one = |seq, value, quality| entry(seq, vec![sample(0, at, value, quality)]);
    let store = house.open(&names);
    follow(&store, &[one(1, 1.0, Quality::GOOD), one(2, 2.0, Quality::FAULT)]);
    follow(&store, &[one(3, 3.0, Quality::CALIBRATING)]);
    let last = store.last(saola::model::ChannelId(0)).unwrap().unwrap();
    assert_eq!((last.value, last.quality), (3.0, Quality::CALIBRATING));
    assert_eq!((counts(&store), server.count("/api/v2/write")), ((3, 0), 2), "a correction counts as one more");
}

#[test]
fn a_channel_that_has_no_name_there_is_a_dead_letter_and_stops_nobody() {
    let server = Scripted::start();
    let house = House::new(&server.url());
    let names =
        catalogue(&[("AQ-0", StationKind::Air, &["pm2_5", "pm2_5_quality"]), ("AQ\\1", StationKind::Air, &["pm2_5"])]);
    let at = super::fixture::START * 1_000_000;
    let store = house.open(&names);
    let samples = (0..4).map(|channel| sample(channel, at, 1.0, Quality::GOOD)).collect();
    follow(&store, &[entry(1, samples)]);
    let letter = store.dead_letter(saola::model::Seq(1)).unwrap().unwrap();
    let told: Vec<_> = letter.rejections.iter().map(|refused| refused.detail.clone()).collect();
    let reasons = [
        "its property has the name of another property's flags",
        "a name has a backslash",
        "the channel is in no catalogue",
    ];
    assert_eq!(told.len(), 3, "{told:?}");
    for (told, reason) in told.iter().zip(reasons) {
        assert!(told.ends_with(reason), "{told}");
    }
    assert_eq!(counts(&store), (1, 3));
}
