//! InfluxDB away, broken or busy: nothing is lost, nothing is there twice, and nobody is asked more often than agreed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use saola::store::StoreError;
use saola::store::influx::InfluxError;
use tokio_rustls::TlsAcceptor;

use super::fixture::{FROM, House, TO, air, check_all_there, entries, follow, told};
use super::scripted::{Deed, Scripted};

const BUSY: &str = "{\"code\":\"unavailable\",\"message\":\"engine is busy\"}";

fn nothing_gets_through() -> Deed {
    Deed::Answer("500 Internal Server Error", "", "")
}

#[test]
fn what_came_while_influxdb_was_away_is_there_once_afterwards() {
    let server = Scripted::start();
    let (house, catalogue, entries) = (House::new(&server.url()), air(5), entries(6_000, 5));
    let mut store = house.open(&catalogue);
    follow(&store, &entries[..100]);
    server.habit(nothing_gets_through());
    let mut journaled = 100;
    for _ in 0..5 {
        journaled += 1_000;
        let from = store.applied().0 as usize;
        assert!(store.apply(&entries[from..journaled]).is_err());
        // Killed: what was in memory is gone, and the books are where they were last flushed.
        drop(store);
        store = house.open(&catalogue);
        assert_eq!(store.applied(), store.checkpoint());
    }
    server.habit(Deed::Serve);
    let from = store.applied().0 as usize;
    for piece in entries[from..].chunks(700) {
        follow(&store, piece);
    }
    check_all_there(&server, &catalogue, &entries);
    assert_eq!((store.applied().0, store.stored_counts().values().sum()), (6_000, 6_000u64));
    assert!(store.checkpoint() <= store.applied());
    store.flush().unwrap();
    assert_eq!(store.checkpoint().0, 6_000);
    drop(store);
    assert_eq!(house.open(&catalogue).stored_counts().values().sum::<u64>(), 6_000);
}

#[test]
fn a_server_that_is_not_there_is_named_and_found_again() {
    let server = Scripted::start();
    let (address, url) = (server.address, server.url());
    let (house, catalogue, entries) = (House::new(&url), air(1), entries(10, 1));
    drop(server);
    let store = house.open(&catalogue);
    let error = told(&store.apply(&entries).unwrap_err());
    assert!(error.starts_with(&format!("InfluxDB at {url}: it cannot be reached: ")), "{error}");
    assert!(store.range(saola::model::ChannelId(0), FROM, TO).next().unwrap().is_err(), "reading says so, too");
    let server = Scripted::start_on(Some(address), None);
    follow(&store, &entries);
    check_all_there(&server, &catalogue, &entries);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever happens to requests and answers, what is there at the end is what was taken, each point once.
    #[test]
    fn broken_answers_lose_and_double_nothing(choices in prop::collection::vec(0usize..6, 1..12)) {
        let server = Scripted::start();
        let (mut house, catalogue, entries) = (House::new(&server.url()), air(3), entries(300, 3));
        house.config.influx.batch_points = 40;
        server.does(choices.iter().map(|choice| match choice {
            0 => Deed::Reset,
            1 => Deed::ServeThenReset,
            2 => Deed::ServeThenHalf,
            3 => Deed::Answer("503 Service Unavailable", "", BUSY),
            4 => nothing_gets_through(),
            _ => Deed::Serve,
        }));
        let store = house.open(&catalogue);
        let errors = follow(&store, &entries);
        check_all_there(&server, &catalogue, &entries);
        prop_assert_eq!(store.applied().0, 300);
        let faults = choices.iter().filter(|choice| **choice < 5).count();
        prop_assert!(errors.is_empty() == (faults == 0), "{:?}", errors);
        prop_assert!(server.count("/api/v2/write") <= 8 + faults, "one request per back-off step");
    }
}

#[test]
fn an_answer_that_never_ends_costs_the_time_out_and_no_memory() {
    let server = Scripted::start();
    let (house, catalogue, entries) = (House::new(&server.url()), air(1), entries(50, 1));
    let store = house.open(&catalogue);
    follow(&store, &entries[..1]);
    let resident = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
    };
    let before = resident();
    for (deed, expected) in [
        (Deed::ServeThenSilence, "it did not answer within 1 s"),
        (Deed::Drip, "it did not answer within 1 s"),
        (Deed::Endless, "its answer broke off, or has more than 4 MiB"),
        (Deed::Answer("302 Found", "location: /api/v2/write\r\n", ""), "it answers as no InfluxDB does (302"),
        (Deed::Answer("307 Moved", "location: http://127.0.0.1:1/\r\n", ""), "it answers as no InfluxDB does (307"),
        (Deed::Answer("200 OK", "", "<html>router login</html>"), "it answers as no InfluxDB does (200: <html>"),
        (Deed::Answer("999 What\r\n\r\n", "", ""), "it answers as no InfluxDB does (999"),
    ] {
        server.habit(deed.clone());
        let begun = Instant::now();
        let write = told(&store.apply(&entries).unwrap_err());
        assert!(write.contains(expected), "{write}");
        if !matches!(deed, Deed::Answer("200 OK", ..) | Deed::ServeThenSilence) {
            let read = store.last(saola::model::ChannelId(0)).unwrap_err();
            assert!(told(&read).contains(expected), "{}", told(&read));
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{deed:?} took {:?}", begun.elapsed());
        std::thread::sleep(Duration::from_millis(25));
    }
    assert!(resident() < before + (16 << 20), "{} more bytes", resident() - before);
    server.habit(Deed::Serve);
    follow(&store, &entries);
    check_all_there(&server, &catalogue, &entries);
}

#[test]
fn the_time_that_influxdb_names_is_waited_for() {
    let date = "date: Fri, 21 Aug 2026 00:00:00 GMT\r\nretry-after: Fri, 21 Aug 2026 00:00:01 GMT\r\n";
    for (status, headers) in [("429 Too Many Requests", "retry-after: 1\r\n"), ("503 Service Unavailable", date)] {
        let server = Scripted::start();
        let (house, catalogue, entries) = (House::new(&server.url()), air(1), entries(10, 1));
        server.does([Deed::Answer(status, headers, BUSY)]);
        let store = house.open(&catalogue);
        let errors = follow(&store, &entries);
        let asked = server.inner.lock().asked.clone();
        assert_eq!(asked.len(), 2, "one refused, one taken");
        let waited = asked[1].at - asked[0].at;
        assert!((1_000..2_000).contains(&waited.as_millis()), "{waited:?}");
        assert!(errors.len() > 10 && errors.iter().all(|error| error == &errors[0]), "one sentence, all the while");
        assert!(errors[0].contains("it cannot take more now ("), "{}", errors[0]);
        check_all_there(&server, &catalogue, &entries);
    }
}

#[test]
fn ten_minutes_of_500_cost_one_request_per_step() {
    let server = Scripted::start();
    let (mut house, catalogue, entries) = (House::new(&server.url()), air(1), entries(10, 1));
    (house.config.influx.backoff_min_ms, house.config.influx.backoff_max_ms) = (10, 100);
    server.habit(nothing_gets_through());
    let store = house.open(&catalogue);
    let begun = Instant::now();
    let mut offers = 0;
    while begun.elapsed() < Duration::from_secs(2) {
        assert!(store.apply(&entries).is_err());
        offers += 1;
        std::thread::sleep(Duration::from_millis(1));
    }
    let requests = server.count("/api/v2/write");
    // 10, 20, 40, 80, then 100 ms each, all with jitter down to the half: 4 + 2000 / 50 at most.
    assert!((10..=44).contains(&requests) && offers > 5 * requests, "{requests} requests in {offers} offers");
    server.habit(Deed::Serve);
    follow(&store, &entries);
    check_all_there(&server, &catalogue, &entries);
}

#[test]
fn a_refused_token_keeps_the_spool_until_its_file_is_mended() {
    let server = Scripted::start();
    let (house, catalogue, entries) = (House::new(&server.url()), air(1), entries(10, 1));
    let store = house.open(&catalogue);
    server.inner.lock().token = "rotated-0Xy".to_owned();
    let error = store.apply(&entries).unwrap_err();
    assert!(matches!(&error, StoreError::Influx { source: InfluxError::Denied { status: 401, .. }, .. }), "{error:?}");
    let expected = "it refuses the token (401: unauthorized access): put one that may read and write the bucket into \
                    store.influx.token_file";
    assert!(told(&error).ends_with(expected), "{}", told(&error));
    assert_eq!((store.applied().0, store.dead_letter_totals().count), (0, 0));
    std::fs::write(house.config.influx.token_file.as_ref().unwrap(), "rotated-0Xy\n").unwrap();
    follow(&store, &entries);
    check_all_there(&server, &catalogue, &entries);
}

#[test]
fn a_missing_bucket_keeps_the_spool_until_it_is_there() {
    let server = Scripted::start();
    let (house, catalogue, entries) = (House::new(&server.url()), air(1), entries(10, 1));
    let store = house.open(&catalogue);
    let bucket = server.inner.lock().bucket.take();
    let error = told(&store.apply(&entries).unwrap_err());
    assert!(error.contains("it has no such bucket or organisation (bucket"), "{error}");
    assert_eq!((store.applied().0, store.dead_letter_totals().count), (0, 0));
    server.inner.lock().bucket = bucket;
    follow(&store, &entries);
    check_all_there(&server, &catalogue, &entries);
}

fn certificate() -> (String, TlsAcceptor) {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    (signed.cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

#[test]
fn only_the_server_with_the_right_certificate_gets_the_token() {
    let ((pem, acceptor), (other_pem, _)) = (certificate(), certificate());
    let server = Scripted::start_encrypted(acceptor);
    let mut house = House::new(&format!("https://localhost:{}", server.address.port()));
    let (catalogue, entries) = (air(1), entries(10, 1));
    let ca_file = house.folder.path().join("ca.pem");
    house.config.influx.ca_file = Some(ca_file.clone());
    std::fs::write(&ca_file, other_pem).unwrap();
    let store = house.open(&catalogue);
    let error = told(&store.apply(&entries).unwrap_err());
    assert!(error.contains("no TLS with it: invalid peer certificate"), "{error}");
    assert_eq!(server.inner.lock().asked.len(), 0);
    drop(store);
    std::fs::write(&ca_file, pem).unwrap();
    follow(&house.open(&catalogue), &entries);
    check_all_there(&server, &catalogue, &entries);
}
