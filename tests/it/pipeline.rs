//! The pipeline over a real journal and store, where the store falls behind.

use std::sync::Arc;
use std::time::Duration;

use saola::model::{
    Arrival, Body, Catalogue, ChannelId, Intake as _, RawMessage, Reason, Refusal, Seq, SourceId, StationKind,
    Timestamp, Unit,
};
use saola::store::{self, Settling};

use crate::workbench::{Workbench, one_station};

fn catalogue() -> Catalogue {
    one_station(StationKind::Rain, ("rainfall", Unit::Millimetre, [0.0, 100.0]), ["edge".to_owned()])
}

#[tokio::test]
async fn a_store_that_falls_behind_stops_the_intake_until_it_has_caught_up() {
    let Workbench { journal, store, pipeline, folder: _folder } = Workbench::new();
    let received_at = Timestamp::from_seconds(1_795_230_900);
    pipeline.install(received_at, Arc::new(catalogue())).unwrap();

    let mut sent = 0_i64;
    let last = loop {
        let objects: Vec<String> = (sent..sent + 5_000)
            .map(|number| format!("{{\"time\":{},\"rainfall\":1}}", 1_700_000_000 + number))
            .collect();
        let payload = format!("[{}]", objects.join(","));
        let (topic, source) = ("saola/v1/A", SourceId(0));
        let raw = RawMessage { source, topic, payload: payload.as_bytes(), received_at, arrival: Arrival::Fresh };
        match pipeline.accept(&[raw]) {
            Ok(seq) => {
                sent += 5_000;
                let mut durable = journal.durable();
                durable.wait_for(|durable| durable.through >= seq).await.unwrap();
            }
            Err(refusal) => break refusal,
        }
        assert!(sent < 1_000_000, "the intake is bounded by what the store has not followed");
    };
    assert_eq!(last, Refusal::Full);
    assert!(tokio::time::timeout(Duration::from_millis(50), pipeline.room()).await.is_err(), "there is no room yet");

    let mut reader = journal.reader(Seq(0));
    loop {
        let entries = reader.next_batch(100, 1 << 20).unwrap();
        if entries.is_empty() {
            break;
        }
        store.apply(&entries).unwrap();
    }
    tokio::time::timeout(crate::service::DEADLINE, pipeline.room()).await.expect("there is room again");
    let payload = b"{\"time\":1700000000,\"rainfall\":1}";
    let raw = RawMessage { source: SourceId(0), topic: "saola/v1/A", payload, received_at, arrival: Arrival::Fresh };
    pipeline.accept(&[raw]).unwrap();
    assert_eq!(store.stored_counts()[&SourceId(0)], sent as u64);
}

#[tokio::test]
async fn a_value_without_a_time_that_is_handed_in_again_is_not_observed_again() {
    let Workbench { journal, store: _, pipeline, folder: _folder } = Workbench::new();
    let first_at = Timestamp::from_seconds(1_795_230_900);
    pipeline.install(first_at, Arc::new(catalogue())).unwrap();
    let days_later = first_at + Duration::from_secs(3 * 86_400);
    let arrivals = [
        (first_at, Arrival::Fresh),
        (first_at, Arrival::Fresh),
        (days_later, Arrival::Fresh),
        (days_later, Arrival::Again { of: saola::model::Seq(1), first_at, was_retained: false }),
    ];
    let mut last = Seq(0);
    for (received_at, arrival) in arrivals {
        let (topic, payload, source) = ("saola/v1/A", b"{\"rainfall\":1}".as_slice(), SourceId(0));
        last = pipeline.accept(&[RawMessage { source, topic, payload, received_at, arrival }]).unwrap();
    }
    journal.durable().wait_for(|durable| durable.through >= last).await.unwrap();
    let entries = journal.reader(Seq(1)).next_batch(10, 1 << 20).unwrap();
    let told: Vec<(Vec<Timestamp>, u32)> = entries
        .iter()
        .map(|entry| match &entry.body {
            Body::Message(message) => {
                (message.samples.iter().map(|sample| sample.observed_at).collect(), message.duplicates)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let next = first_at + Duration::from_micros(1);
    let expected = [(vec![first_at], 0), (vec![next], 0), (vec![days_later], 0), (vec![], 1)];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_letter_that_is_handed_in_again_leaves_a_newer_correction_alone() {
    let Workbench { journal: _, store: _, pipeline, folder: _folder } = Workbench::new();
    let first_at = Timestamp::from_seconds(1_795_230_900);
    pipeline.install(first_at, Arc::new(catalogue())).unwrap();
    let again = Arrival::Again { of: Seq(1), first_at, was_retained: false };
    let (topic, source, received_at) = ("saola/v1/A", SourceId(0), first_at);
    for (value, arrival, expected) in
        [(1, Arrival::Fresh, (1, 0)), (2, Arrival::Fresh, (1, 0)), (1, again, (0, 1)), (2, again, (0, 1))]
    {
        let payload = format!("{{\"time\":1795230900,\"rainfall\":{value}}}");
        let raw = RawMessage { source, topic, payload: payload.as_bytes(), received_at, arrival };
        let (_, message) = pipeline.accept_one(&raw).unwrap();
        assert_eq!((message.samples.len(), message.duplicates), expected, "{value} {arrival:?}");
    }
}

#[tokio::test]
async fn a_reading_of_a_day_that_was_deleted_for_its_age_is_refused_each_time() {
    let mut config = store::Config { settle_after_s: 0, ..store::Config::default() };
    config.retention.rain.raw_days = 1;
    let Workbench { journal, store, pipeline, folder: _folder } = Workbench::keeping(&config);
    let first_at = Timestamp::from_seconds(1_795_230_900);
    pipeline.install(first_at, Arc::new(catalogue())).unwrap();
    let take = |days: u64, payload: &str| {
        let received_at = first_at + Duration::from_secs(days * 86_400);
        let (source, topic, payload) = (SourceId(0), "saola/v1/A", payload.as_bytes());
        pipeline.accept(&[RawMessage { source, topic, payload, received_at, arrival: Arrival::Fresh }]).unwrap()
    };
    let follow = async |through: Seq| {
        journal.durable().wait_for(|durable| durable.through >= through).await.unwrap();
        let entries = journal.reader(store.applied()).next_batch(100, 1 << 20).unwrap();
        store.apply(&entries).unwrap();
        store.flush().unwrap();
        while store.settle(1_000).unwrap() == Settling::More {}
        entries
    };
    let old = |value: u32| format!("{{\"time\":{},\"rainfall\":{value}}}", 1_795_230_900);
    take(0, &old(1));
    follow(take(5, &format!("{{\"time\":{},\"rainfall\":2}}", 1_795_230_900 + 5 * 86_400))).await;
    assert!(store.is_deleted(ChannelId(0), first_at));
    take(5, &old(1));
    let entries = follow(take(5, &old(3))).await;
    for entry in &entries {
        let Body::Message(message) = &entry.body else { panic!("{entry:?}") };
        let reasons: Vec<Reason> = message.rejections.iter().map(|rejection| rejection.reason).collect();
        assert_eq!((&message.samples[..], &reasons[..]), (&[][..], &[Reason::TooOld][..]));
    }
    assert_eq!((entries.len(), store.stored_counts()[&SourceId(0)]), (2, 2));
}
