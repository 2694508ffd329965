//! Reading from InfluxDB gives what the embedded store gives.

use proptest::prelude::*;
use saola::model::{ChannelId, Entry, Quality, Seq, StationKind, Timestamp};
use saola::store::{Config, Kind, Store, StoredSample, Tally, Tier};

use super::fixture::{FROM, House, START, TO, air, catalogue, entries, entry, follow, sample, told};
use super::scripted::{Deed, Scripted};

fn embedded(entries: &[Entry]) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), &Config { kind: Kind::Embedded, ..Config::default() }).unwrap();
    store.apply(entries).unwrap();
    (folder, store)
}

fn range(store: &Store, channel: u32, from: Timestamp, to: Timestamp) -> Vec<StoredSample> {
    store.range(ChannelId(channel), from, to).map(|sample| sample.unwrap()).collect()
}

/// Sums are rounded in another order when a store keeps tallies of parts.
fn near(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

fn same(a: &Tally, b: &Tally) -> bool {
    (a.count, a.flagged, a.flags, a.min, a.max, a.first, a.last)
        == (b.count, b.flagged, b.flags, b.min, b.max, b.first, b.last)
        && near(a.sum, b.sum)
        && near(a.squares, b.squares)
        && near(a.increase, b.increase)
}

fn check_same(influx: &Store, embedded: &Store, channel: u32, from: Timestamp, to: Timestamp) {
    assert_eq!(range(influx, channel, from, to), range(embedded, channel, from, to));
    let id = ChannelId(channel);
    for tier in Tier::ALL {
        let (found, expected) =
            (influx.tallies(id, tier, from, to).unwrap(), embedded.tallies(id, tier, from, to).unwrap());
        assert_eq!(found.len(), expected.len(), "{tier:?}");
        for ((at, found), (expected_at, expected)) in found.iter().zip(&expected) {
            assert!(at == expected_at && same(found, expected), "{tier:?} {at}: {found:?} is not {expected:?}");
        }
    }
    assert_eq!(influx.last(id).unwrap(), embedded.last(id).unwrap());
}

fn any_sample() -> impl Strategy<Value = (u32, i64, f64, Quality)> {
    // A few days in quarters of an hour and microseconds: equal times, late ones, all in any order.
    let at = (0i64..400, 0i64..3).prop_map(|(quarter, micros)| (START + quarter * 900) * 1_000_000 + micros);
    let value = prop_oneof![-500.0f64..500.0, Just(0.0), Just(-0.0), Just(1e-300), Just(1.7e150), Just(0.1)];
    let quality = prop_oneof![Just(0u16), Just(1), Just(2), Just(4), Just(6)].prop_map(Quality);
    (0u32..2, at, value, quality)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn both_stores_answer_the_same(
        samples in prop::collection::vec(any_sample(), 0..120),
        windows in prop::collection::vec((0i64..400, 0i64..400), 1..4),
    ) {
        let entries: Vec<Entry> = samples.chunks(3).zip(1..).map(|(some, seq)| {
            entry(seq, some.iter().map(|(channel, at, value, quality)| sample(*channel, *at, *value, *quality)).collect())
        }).collect();
        let server = Scripted::start();
        let house = House::new(&server.url());
        let influx = house.open(&air(2));
        follow(&influx, &entries);
        let (_folder, embedded) = embedded(&entries);
        for channel in 0..2 {
            check_same(&influx, &embedded, channel, FROM, TO);
            for (a, b) in &windows {
                let at = |quarter: i64| Timestamp::from_seconds(START + quarter * 900);
                check_same(&influx, &embedded, channel, at(*a), at(*b));
            }
        }
    }
}

#[test]
fn a_long_range_comes_in_pages_whoever_stops_in_the_middle() {
    let server = Scripted::start();
    let entries: Vec<Entry> = entries(20_000, 2);
    let house = House::new(&server.url());
    let influx = house.open(&air(2));
    follow(&influx, &entries);
    let (_folder, embedded) = embedded(&entries);
    check_same(&influx, &embedded, 1, FROM, TO);
    server.inner.lock().asked.clear();
    assert_eq!(range(&influx, 1, FROM, TO).len(), 10_000);
    assert_eq!(server.count("/api/v2/query"), 3, "4,096 + 4,096 + 1,808");
    server.inner.lock().asked.clear();
    assert_eq!(influx.range(ChannelId(0), FROM, TO).take(10).count(), 10);
    assert_eq!(server.count("/api/v2/query"), 1, "what nobody takes is not asked for");
    let everything = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));
    assert_eq!(range(&influx, 0, everything.0, everything.1).len(), 10_000);
    assert_eq!(influx.tallies(ChannelId(0), Tier::Day, everything.0, everything.1).unwrap().len(), 1);
    assert_eq!(range(&influx, 0, TO, FROM), []);
    assert_eq!(range(&influx, 0, Timestamp::EPOCH, Timestamp::EPOCH), []);
}

#[test]
fn points_of_others_are_read_as_far_as_they_can_be() {
    let server = Scripted::start();
    let house = House::new(&server.url());
    let influx = house.open(&air(1));
    let key = |field: &str| ("air".to_owned(), "AQ-0".to_owned(), field.to_owned());
    {
        let mut inner = server.inner.lock();
        inner.points.entry(key("pm2_5")).or_default().extend([(1_000_000, 1.5), (2_000_000, 2.5)]);
        inner.points.entry(key("pm2_5_quality")).or_default().extend([(2_000_000, 4.0), (3_000_000, 2.0)]);
    }
    let one = |at, value, quality| StoredSample { observed_at: Timestamp::from_seconds(at), value, quality };
    let expected = [one(1, 1.5, Quality::GOOD), one(2, 2.5, Quality::FAULT)];
    assert_eq!(range(&influx, 0, FROM, TO), expected, "no flags are good, flags of nothing are nobody's");
    assert_eq!(influx.last(ChannelId(0)).unwrap(), Some(expected[1]));
}

#[test]
fn an_answer_that_cannot_be_understood_is_an_error_and_the_end() {
    let server = Scripted::start();
    let house = House::new(&server.url());
    let influx = house.open(&air(1));
    for (body, expected) in [
        ("<html>", None),
        (",result,table,_time,_value,_field\r\n,,0,2026-08-21T00:00:00Z,x,pm2_5\r\n", Some("row 2: _value is \"x\"")),
        (",result,table,_time,_value,_field\r\n,,0,2026-08-21T00:00:00Z,1,pm10\r\n", Some("row 2: _field is \"pm10\"")),
        (
            "#datatype,string\r\n#default,\r\n,error,reference\r\n,out of memory,\r\n",
            Some("it broke off: out of memory"),
        ),
        ("\u{0}\u{0},,,\"\r\n\"\",", None),
    ] {
        server.habit(Deed::Answer("200 OK", "", body));
        for answered in
            [influx.last(ChannelId(0)).map(|_| ()), influx.tallies(ChannelId(0), Tier::Day, FROM, TO).map(|_| ())]
        {
            match (answered, expected) {
                (Err(error), Some(expected)) => assert!(told(&error).ends_with(expected), "{}", told(&error)),
                (Err(_), None) | (Ok(()), None) => {}
                (Ok(()), Some(_)) => panic!("{body} was taken for an answer"),
            }
        }
        if expected.is_some() {
            let items: Vec<_> = influx.range(ChannelId(0), FROM, TO).collect();
            assert!(items.len() == 1 && items[0].is_err());
        }
    }
    server.habit(Deed::Answer("400 Bad Request", "", "{\"code\":\"invalid\",\"message\":\"error in range\"}"));
    let error = told(&influx.last(ChannelId(0)).unwrap_err());
    assert!(error.ends_with("it refuses the question: error in range"), "{error}");
    let error = told(&influx.last(ChannelId(7)).unwrap_err());
    assert!(error.ends_with("channel 7 cannot be kept in InfluxDB: the channel is in no catalogue"), "{error}");
}

#[test]
fn a_catalogue_in_the_journal_names_new_channels_and_an_old_one_unnames_none() {
    let server = Scripted::start();
    let house = House::new(&server.url());
    let at = START * 1_000_000;
    let body = |catalogue| saola::model::Body::Catalogue(Box::new(catalogue));
    let told = |seq, body| Entry { seq: Seq(seq), received_at: Timestamp::from_seconds(START), body };
    let influx = house.open(&air(1));
    let larger = catalogue(&[
        ("AQ-0", StationKind::Air, &["pm2_5"]),
        ("R-1", StationKind::Rain, &["rain_1h"]),
        ("M-1", StationKind::Meter, &["water_volume"]),
    ]);
    let entries = [
        told(1, body(larger)),
        entry(2, (0..3).map(|channel| sample(channel, at, 1.5, Quality::GOOD)).collect()),
        told(3, body(air(1))),
        entry(4, vec![sample(1, at + 1, 2.5, Quality::GOOD)]),
    ];
    follow(&influx, &entries);
    let inner = server.inner.lock();
    let at = Timestamp::from_micros(at);
    assert_eq!(inner.value("weather", "R-1", "rain_1h", at), Some(1.5));
    assert_eq!(inner.value("weather", "R-1", "rain_1h", Timestamp::from_micros(at.micros() + 1)), Some(2.5));
    assert_eq!(inner.value("energy", "M-1", "water_volume", at), Some(1.5));
    assert_eq!(inner.value("energy", "M-1", "water_volume_quality", at), Some(0.0));
}
