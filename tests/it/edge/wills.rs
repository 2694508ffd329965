//! Wills: published when a client goes without a good-bye, by the rules of its own messages.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use saola::clock::Clock;
use saola::model::{SourceId, Timestamp};
use saola::mqtt::edge::{Access, Edge};

use super::double::{HandIntake, config, edge};
use crate::mqtt_client::{Client, V3, V5, Wish, connect_for, packet};
use crate::wait::eventually;

const TOPIC: &str = "saola/v1/TR-1/status";

fn with_will(session_s: u32, delay_s: u32) -> Wish<'static> {
    Wish { session_s, will: Some((TOPIC, b"gone", delay_s)), ..Wish::default() }
}

async fn arrive(edge: &Edge, version: u8, wish: &Wish<'_>) -> Client {
    Client::arriving(edge.address(), version, "device", wish).await.0
}

/// Nothing is due: another client's will, due after everything before, comes and comes alone.
async fn is_quiet(edge: &Edge, intake: &HandIntake) {
    eventually("the connection to end", async || (edge.status().connections == 0).then_some(())).await;
    let witness = Wish { will: Some(("witness", b"gone", 0)), ..Wish::default() };
    drop(Client::arriving(edge.address(), V3, "witness", &witness).await);
    intake.has_taken(1).await;
    assert_eq!(intake.taken(), [("witness".to_owned(), b"gone".to_vec())]);
}

fn start(intake: &Arc<HandIntake>, clock: &Clock, file: Option<&Path>) -> Edge {
    let way_in = (intake.clone(), SourceId(0));
    Edge::start_with(&config(), way_in, Access::open(), clock.clone(), file).unwrap()
}

const BEGIN: Timestamp = Timestamp::from_seconds(1_000);

#[tokio::test]
async fn a_client_that_vanishes_leaves_its_will() {
    for version in [V3, V5] {
        let intake = HandIntake::instant();
        let edge = edge(&config(), &intake);
        drop(arrive(&edge, version, &with_will(0, 0)).await);
        intake.has_taken(1).await;
        assert_eq!(intake.taken(), [(TOPIC.to_owned(), b"gone".to_vec())]);
        eventually("it to be counted", async || (edge.status().wills_published == 1).then_some(())).await;
    }
}

#[tokio::test]
async fn a_good_bye_takes_the_will_along_unless_it_asks_for_it() {
    for version in [V3, V5] {
        let intake = HandIntake::instant();
        let edge = edge(&config(), &intake);
        let mut client = arrive(&edge, version, &with_will(0, 0)).await;
        client.send(&packet(0xE0, &[])).await;
        client.closed().await;
        is_quiet(&edge, &intake).await;
    }
    let intake = HandIntake::instant();
    let edge = edge(&config(), &intake);
    let mut client = arrive(&edge, V5, &with_will(0, 0)).await;
    client.send(&packet(0xE0, &[4, 0])).await;
    intake.has_taken(1).await;
}

#[tokio::test]
async fn a_client_back_within_the_delay_has_not_gone() {
    let (intake, clock) = (HandIntake::instant(), Clock::manual(BEGIN));
    let edge = start(&intake, &clock, None);
    drop(arrive(&edge, V5, &with_will(100, 10)).await);
    eventually("the connection to end", async || (edge.status().connections == 0).then_some(())).await;
    clock.set(BEGIN + Duration::from_secs(9));
    let mut client = arrive(&edge, V5, &Wish { session_s: 100, ..Wish::default() }).await;
    client.send(&packet(0xE0, &[])).await;
    client.closed().await;
    clock.set(BEGIN + Duration::from_secs(20));
    is_quiet(&edge, &intake).await;
    drop(arrive(&edge, V5, &with_will(100, 10)).await);
    eventually("the connection to end", async || (edge.status().connections == 0).then_some(())).await;
    clock.set(BEGIN + Duration::from_secs(30));
    intake.has_taken(2).await;
}

#[tokio::test]
async fn the_end_of_a_session_is_the_latest_moment_for_its_will() {
    let intake = HandIntake::instant();
    let edge = edge(&config(), &intake);
    drop(arrive(&edge, V5, &with_will(100, 100)).await);
    eventually("the connection to end", async || (edge.status().connections == 0).then_some(())).await;
    let _fresh = arrive(&edge, V5, &Wish { fresh: true, ..Wish::default() }).await;
    intake.has_taken(1).await;
}

#[tokio::test]
async fn a_take_over_publishes_the_will_of_the_older_connection() {
    for version in [V3, V5] {
        let intake = HandIntake::instant();
        let edge = edge(&config(), &intake);
        let _older = arrive(&edge, version, &with_will(0, 0)).await;
        let _newer = arrive(&edge, version, &Wish::default()).await;
        intake.has_taken(1).await;
    }
}

#[tokio::test]
async fn a_client_that_said_good_bye_and_is_back_at_once_leaves_no_will() {
    let intake = HandIntake::instant();
    let edge = edge(&config(), &intake);
    for _ in 0..20 {
        let older = arrive(&edge, V3, &with_will(0, 0)).await;
        let mut newer = Client::open(edge.address(), V3).await;
        // Both are under way when the edge's one thread gets to them.
        let goodbye = [crate::mqtt_client::publish(V3, "saola/v1/TR-1", 0, b"{}"), packet(0xE0, &[])].concat();
        older.stream.try_write(&goodbye).unwrap();
        newer.stream.try_write(&connect_for(V3, "device", &Wish::default())).unwrap();
        assert_eq!(newer.next().await.reason(), 0);
        newer.send(&packet(0xE0, &[])).await;
        newer.closed().await;
    }
    eventually("the connections to end", async || (edge.status().connections == 0).then_some(())).await;
    let topics: Vec<String> = intake.taken().into_iter().map(|(topic, _)| topic).collect();
    assert_eq!(topics, ["saola/v1/TR-1"; 20]);
}

#[tokio::test]
async fn a_will_that_could_not_be_published_is_refused() {
    let edge = edge(&config(), &HandIntake::instant());
    let cases = [("saola/v1/alerts/12/high", 5, 0x87), ("saola/v1/TR-1/commands", 5, 0x87), ("a/+", 5, 0x90)];
    for (topic, old, new) in cases {
        for (version, reason) in [(V3, old), (V5, new)] {
            let mut client = Client::open(edge.address(), version).await;
            let wish = Wish { will: Some((topic, b"x", 0)), ..Wish::default() };
            client.send(&connect_for(version, "device", &wish)).await;
            assert_eq!(client.next().await.reason(), reason, "{topic}");
        }
    }
    assert_eq!(edge.status().refused["will"], 6);
}

#[tokio::test]
async fn a_stop_says_nothing_of_the_devices() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let (intake, clock) = (HandIntake::instant(), Clock::manual(BEGIN));
    let first = start(&intake, &clock, Some(&file));
    let client = arrive(&first, V5, &with_will(0, 0)).await;
    first.stop().await;
    drop(client);
    let edge = start(&intake, &clock, Some(&file));
    let mut client = arrive(&edge, V5, &Wish::default()).await;
    client.send(&packet(0xE0, &[])).await;
    client.closed().await;
    // Past every patience.
    clock.set(BEGIN + Duration::from_secs(3_600));
    is_quiet(&edge, &intake).await;
}
