//! Sessions that outlive their connections: subscriptions, what waits for them, and their bounds.

use saola::mqtt::edge::{CommandError, Edge, Retain};

use super::double::{HandIntake, config, edge, edge_at};
use crate::mqtt_client::{Client, V3, V5, Wish, connect_for, packet, puback, unsubscribe};
use crate::wait::eventually;

const SESSION: Wish<'static> = Wish { login: None, session_s: 3_600, fresh: false, will: None };
const TOPIC: &str = "saola/v1/alerts/12/high";

async fn arrive(edge: &Edge, version: u8, wish: &Wish<'_>) -> (Client, bool) {
    Client::arriving(edge.address(), version, "device", wish).await
}

/// A client with a session and a subscription to all alerts, that has gone again.
async fn been_there(edge: &Edge, version: u8) {
    let (mut client, present) = arrive(edge, version, &SESSION).await;
    assert!(!present);
    assert_eq!(client.subscribe("saola/v1/alerts/#", 1).await, 1);
    leave(edge, client).await;
}

async fn leave(edge: &Edge, mut client: Client) {
    client.send(&packet(0xE0, &[])).await;
    client.closed().await;
    eventually("the connection to end", async || (edge.status().connections == 0).then_some(())).await;
}

fn publish(edge: &Edge, payload: &str) -> usize {
    edge.alerts().publish(TOPIC, payload.to_owned(), Retain::No).unwrap()
}

async fn next_payload(client: &mut Client) -> (u16, String) {
    let (_, id, payload) = client.next().await.message(client.version);
    (id, String::from_utf8(payload).unwrap())
}

#[tokio::test]
async fn what_is_published_while_a_client_is_away_waits_for_it() {
    for version in [V3, V5] {
        let edge = edge(&config(), &HandIntake::instant());
        been_there(&edge, version).await;
        for payload in ["one", "two", "three"] {
            assert_eq!(publish(&edge, payload), 1);
        }
        let (mut client, present) = arrive(&edge, version, &SESSION).await;
        assert!(present);
        let mut ids = Vec::new();
        for expected in ["one", "two", "three"] {
            let (id, payload) = next_payload(&mut client).await;
            assert_eq!(payload, expected);
            ids.push(id);
        }
        client.send(&puback(ids[0])).await;
        client.nothing().await;
        drop(client);
        eventually("the connection to end", async || (edge.status().connections == 0).then_some(())).await;

        let (mut client, _) = arrive(&edge, version, &SESSION).await;
        for (id, expected) in [(ids[1], "two"), (ids[2], "three")] {
            let again = client.next().await;
            assert!(again.is_again(), "{again:?}");
            let (_, same_id, payload) = again.message(version);
            assert_eq!((same_id, payload.as_slice()), (id, expected.as_bytes()));
            client.send(&puback(same_id)).await;
        }
        publish(&edge, "four");
        let (id, payload) = next_payload(&mut client).await;
        assert_eq!(payload, "four");
        assert!(!ids[1..].contains(&id));
    }
}

#[tokio::test]
async fn a_session_is_back_after_a_restart() {
    for version in [V3, V5] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sessions.db");
        let before = edge_at(&config(), &HandIntake::instant(), &file);
        been_there(&before, version).await;
        publish(&before, "while away");
        before.alerts().publish("saola/v1/alerts/13/low", "kept", Retain::Keep).unwrap();
        before.alerts().publish("saola/v1/alerts/14/low", "cleared", Retain::Keep).unwrap();
        before.alerts().publish("saola/v1/alerts/14/low", "", Retain::Clear).unwrap();
        before.stop().await;

        let edge = edge_at(&config(), &HandIntake::instant(), &file);
        assert_eq!((edge.status().sessions, edge.alerts().retained()), (1, 1));
        publish(&edge, "after the restart");
        let (mut client, present) = arrive(&edge, version, &SESSION).await;
        assert!(present);
        for expected in ["while away", "kept", "cleared", "", "after the restart"] {
            let (id, payload) = next_payload(&mut client).await;
            assert_eq!(payload, expected);
            client.send(&puback(id)).await;
        }
        client.nothing().await;
        let mut other = Client::connected(edge.address(), version, "other").await;
        assert_eq!(other.subscribe("saola/v1/alerts/#", 0).await, 0);
        let retained = other.next().await;
        assert!(retained.is_retained());
        assert_eq!(retained.message(version).2, b"kept");
        other.nothing().await;
    }
}

#[tokio::test]
async fn a_session_ends_when_its_client_wants_none() {
    let edge = edge(&config(), &HandIntake::instant());
    been_there(&edge, V5).await;
    let (client, present) = arrive(&edge, V5, &Wish { session_s: 3_600, fresh: true, ..SESSION }).await;
    assert!(!present);
    leave(&edge, client).await;
    assert_eq!(publish(&edge, "nobody"), 0);
    // Resumed for this connection alone.
    let (client, present) = arrive(&edge, V5, &Wish { session_s: 0, ..SESSION }).await;
    assert!(present);
    leave(&edge, client).await;
    assert_eq!(edge.status().sessions, 0);
    been_there(&edge, V3).await;
    let (client, present) = arrive(&edge, V3, &Wish { session_s: 0, ..SESSION }).await;
    assert!(!present);
    leave(&edge, client).await;
    assert_eq!(edge.status().sessions, 0);
}

#[tokio::test]
async fn a_subscription_is_on_disk_when_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let edge = edge_at(&config(), &HandIntake::instant(), &file);
    let rows = |expected: i64| {
        let file = rusqlite::Connection::open(&file).unwrap();
        let count = file.query_row("SELECT count(*) FROM subscription", [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count, expected);
    };
    edge.alerts().publish(TOPIC, "kept", Retain::Keep).unwrap();
    let (mut client, _) = arrive(&edge, V5, &SESSION).await;
    for round in 0..20 {
        assert_eq!(client.subscribe("saola/v1/alerts/#", 1).await, 1, "{round}");
        rows(1);
        let (id, payload) = next_payload(&mut client).await;
        assert_eq!(payload, "kept", "after the answer");
        client.send(&puback(id)).await;
        client.send(&unsubscribe(V5, 5, "saola/v1/alerts/#")).await;
        assert_eq!(client.next().await.kind(), 11);
        rows(0);
    }
}

#[tokio::test]
async fn one_packet_asks_for_no_more_than_a_connection_may_have() {
    let mut config = config();
    config.limits.subscriptions = 2;
    let edge = edge(&config, &HandIntake::instant());
    let (mut client, _) = arrive(&edge, V3, &SESSION).await;
    let one = [&[0, 17][..], b"saola/v1/alerts/#", &[1]].concat();
    client.send(&packet(0x82, &[&[0, 9][..], &one, &one, &one].concat())).await;
    assert_eq!(client.next().await.body, [0, 9, 1, 1, 0x80]);
}

#[tokio::test]
async fn a_session_ends_with_its_time() {
    let mut config = config();
    config.limits.session_seconds = 1;
    let edge = edge(&config, &HandIntake::instant());
    let mut client = Client::open(edge.address(), V5).await;
    client.send(&connect_for(V5, "device", &SESSION)).await;
    let answer = client.next().await;
    assert!(answer.body.windows(5).any(|window| window == [0x11, 0, 0, 0, 1]), "told one second: {answer:x?}");
    assert_eq!(edge.status().sessions, 1);
    leave(&edge, client).await;
    eventually("the session to end", async || (edge.status().sessions == 0).then_some(())).await;
}

#[tokio::test]
async fn a_good_bye_may_change_how_long_a_session_is_kept() {
    let edge = edge(&config(), &HandIntake::instant());
    let (mut client, _) = arrive(&edge, V5, &SESSION).await;
    client.send(&packet(0xE0, &[0, 5, 0x11, 0, 0, 0, 0])).await;
    client.closed().await;
    eventually("the session to end", async || (edge.status().sessions == 0).then_some(())).await;
    let (mut client, _) = arrive(&edge, V5, &Wish { session_s: 0, ..SESSION }).await;
    client.send(&packet(0xE0, &[0, 5, 0x11, 0, 0, 0, 9])).await;
    assert_eq!(client.closed().await[0].reason(), 0x82, "a session that ends cannot be kept after all");
}

#[tokio::test]
async fn a_newer_connection_takes_the_session_over() {
    for version in [V3, V5] {
        let edge = edge(&config(), &HandIntake::instant());
        let (mut older, _) = arrive(&edge, version, &SESSION).await;
        assert_eq!(older.subscribe("saola/v1/alerts/#", 1).await, 1);
        publish(&edge, "unacknowledged");
        let (id, _) = next_payload(&mut older).await;
        let (mut newer, present) = arrive(&edge, version, &SESSION).await;
        assert!(present);
        let last_words = older.closed().await;
        let expected = if version == V5 { vec![0x8E] } else { vec![] };
        assert_eq!(last_words.iter().map(|packet| packet.reason()).collect::<Vec<_>>(), expected);
        let again = newer.next().await;
        assert!(again.is_again());
        assert_eq!(again.message(version).1, id);
    }
}

#[tokio::test]
async fn sessions_and_what_waits_in_them_are_bounded() {
    let mut config = config();
    (config.limits.sessions, config.limits.session_messages) = (1, 3);
    let edge = edge(&config, &HandIntake::instant());
    been_there(&edge, V5).await;
    for (version, reason) in [(V3, 3), (V5, 0x97)] {
        let mut second = Client::open(edge.address(), version).await;
        second.send(&connect_for(version, "second", &SESSION)).await;
        assert_eq!(second.next().await.reason(), reason);
    }
    for n in 0..5 {
        publish(&edge, &n.to_string());
    }
    assert_eq!(edge.status().alerts_dropped, 2);
    let (mut client, _) = arrive(&edge, V5, &SESSION).await;
    for expected in ["2", "3", "4"] {
        let (id, payload) = next_payload(&mut client).await;
        assert_eq!(payload, expected, "the oldest were dropped");
        client.send(&puback(id)).await;
    }
    client.nothing().await;
}

#[tokio::test]
async fn no_account_takes_all_sessions() {
    let mut config = config();
    config.limits.sessions_per_account = 1;
    let edge = edge(&config, &HandIntake::instant());
    been_there(&edge, V5).await;
    let mut second = Client::open(edge.address(), V5).await;
    second.send(&connect_for(V5, "second", &SESSION)).await;
    assert_eq!(second.next().await.reason(), 0x97);
    let (client, present) = arrive(&edge, V5, &Wish { session_s: 0, ..SESSION }).await;
    assert!(present);
    leave(&edge, client).await;
    let (_second, present) = Client::arriving(edge.address(), V5, "second", &SESSION).await;
    assert!(!present, "the first one has ended");
}

#[tokio::test]
async fn the_bytes_of_all_sessions_are_bounded() {
    let mut config = config();
    (config.limits.session_bytes, config.limits.sessions_bytes) = (1_024, 1_500);
    let edge = edge(&config, &HandIntake::instant());
    for name in ["first", "second"] {
        let (mut client, _) = Client::arriving(edge.address(), V3, name, &SESSION).await;
        assert_eq!(client.subscribe("saola/v1/alerts/#", 1).await, 1);
        leave(&edge, client).await;
    }
    // 523 bytes with its topic: one for each session, and a second one takes its place.
    let message = "x".repeat(500);
    assert_eq!((publish(&edge, &message), edge.status().alerts_dropped), (2, 0));
    assert_eq!((publish(&edge, &message), edge.status().alerts_dropped), (2, 2));
    // In the bounds of one session, but not beside what waits in the other.
    let large = "y".repeat(1_000);
    assert_eq!((publish(&edge, &large), edge.status().alerts_dropped), (0, 4));
    assert_eq!((publish(&edge, &"z".repeat(2_000)), edge.status().alerts_dropped), (0, 6), "too large for any queue");
    for name in ["first", "second"] {
        let (mut client, _) = Client::arriving(edge.address(), V3, name, &SESSION).await;
        assert_eq!(next_payload(&mut client).await.1, message, "nothing was dropped for what had no room");
        client.nothing().await;
    }
}

#[tokio::test]
async fn every_alert_that_makes_room_is_counted() {
    let mut config = config();
    config.limits.session_bytes = 1_024;
    let edge = edge(&config, &HandIntake::instant());
    been_there(&edge, V3).await;
    // 100 bytes each with its topic.
    for _ in 0..9 {
        assert_eq!(publish(&edge, &"x".repeat(77)), 1);
    }
    assert_eq!(edge.status().alerts_dropped, 0);
    assert_eq!(publish(&edge, &"y".repeat(700)), 1);
    assert_eq!(edge.status().alerts_dropped, 6, "three may stay");
}

#[tokio::test]
async fn a_command_waits_for_its_device_and_is_refused_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let first = edge_at(&config(), &HandIntake::instant(), &file);
    let nobody = first.commands().send("TR-1", "open", Retain::No, None).await;
    assert!(matches!(nobody, Err(CommandError::Nobody(topic)) if topic == "saola/v1/TR-1/commands"));
    let unspeakable = first.commands().send("a/b", "open", Retain::No, None).await;
    assert!(matches!(unspeakable, Err(CommandError::Station(_))));
    let (mut client, _) = arrive(&first, V5, &SESSION).await;
    assert_eq!(client.subscribe("saola/v1/TR-1/commands", 1).await, 1);
    let sent = first.commands().send("TR-1", "now", Retain::No, None).await.unwrap();
    assert_eq!((sent.connected, sent.waiting), (1, 0));
    let (id, payload) = next_payload(&mut client).await;
    assert_eq!(payload, "now");
    client.send(&puback(id)).await;
    client.publish("saola/v1/TR-1/commands", 5, b"forged").await;
    assert_eq!(client.next().await.reason(), 0x87, "devices do not command");
    leave(&first, client).await;
    let sent = first.commands().send("TR-1", "later", Retain::No, None).await.unwrap();
    assert_eq!((sent.connected, sent.waiting), (0, 1));
    let over = saola::clock::Clock::System.now();
    first.commands().send("TR-1", "too late", Retain::No, Some(over)).await.unwrap();
    first.commands().send("TR-1", "last word", Retain::Keep, None).await.unwrap();
    first.stop().await;

    let edge = edge_at(&config(), &HandIntake::instant(), &file);
    let (mut client, present) = arrive(&edge, V5, &SESSION).await;
    assert!(present);
    for expected in ["later", "last word"] {
        let (id, payload) = next_payload(&mut client).await;
        assert_eq!(payload, expected);
        client.send(&puback(id)).await;
    }
    client.nothing().await;
    let mut spare = Client::connected(edge.address(), V3, "spare").await;
    assert_eq!(spare.subscribe("saola/v1/TR-1/commands", 1).await, 1);
    assert_eq!(next_payload(&mut spare).await.1, "last word");
}

#[tokio::test]
async fn retained_messages_that_were_not_all_sent_are_sent_on_the_next_connection() {
    let mut config = config();
    config.limits.alerts_in_flight = 2;
    let edge = edge(&config, &HandIntake::instant());
    for n in 0..6 {
        edge.alerts().publish(&format!("saola/v1/alerts/{n}/high"), n.to_string(), Retain::Keep).unwrap();
    }
    let (mut client, _) = arrive(&edge, V3, &SESSION).await;
    assert_eq!(client.subscribe("saola/v1/alerts/#", 1).await, 1);
    assert_eq!(next_payload(&mut client).await.1, "0");
    drop(client);
    eventually("the connection to end", async || (edge.status().connections == 0).then_some(())).await;
    let (mut client, _) = arrive(&edge, V3, &SESSION).await;
    let mut heard = std::collections::BTreeSet::new();
    while heard.len() < 6 {
        let (id, payload) = next_payload(&mut client).await;
        heard.insert(payload);
        client.send(&puback(id)).await;
    }
}
