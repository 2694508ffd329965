//! QoS 2 in: each message is taken once, however often it is sent, over reconnects and restarts.

use saola::mqtt::edge::Edge;

use super::double::{HandIntake, config, edge, edge_at};
use crate::mqtt_client::{Client, Packet, V3, V5, Wish, packet, publish_twice, pubrel};

const SESSION: Wish<'static> = Wish { login: None, session_s: 3_600, fresh: false, will: None };

/// PUBREC or PUBCOMP: kind, identifier, reason.
fn answer(packet: &Packet) -> (u8, u16, u8) {
    (packet.kind(), packet.id(), packet.reason())
}

async fn send(client: &mut Client, id: u16, payload: &[u8], again: bool) {
    client.send(&publish_twice(client.version, "saola/v1/TR-1", id, payload, again)).await;
}

#[tokio::test]
async fn pubrec_leaves_when_the_message_is_durable_and_pubcomp_ends_the_exchange() {
    for version in [V3, V5] {
        let intake = HandIntake::by_hand();
        let edge = edge(&config(), &intake);
        let mut client = Client::connected(edge.address(), version, "a").await;
        send(&mut client, 7, b"one", false).await;
        client.publish("saola/v1/TR-1", 8, b"two").await;
        intake.has_taken(2).await;
        client.nothing().await;
        intake.commit(2);
        assert_eq!(answer(&client.next().await), (5, 7, 0));
        assert_eq!(answer(&client.next().await), (4, 8, 0));
        client.send(&pubrel(7)).await;
        assert_eq!(answer(&client.next().await), (7, 7, 0));
        client.send(&pubrel(7)).await;
        let unknown = if version == V5 { 0x92 } else { 0 };
        assert_eq!(answer(&client.next().await), (7, 7, unknown));
        send(&mut client, 7, b"three", false).await;
        intake.has_taken(3).await;
        assert_eq!(edge.status().messages_qos_2, 2);
    }
}

#[tokio::test]
async fn a_message_sent_again_is_answered_again_and_not_taken_again() {
    for version in [V3, V5] {
        let intake = HandIntake::by_hand();
        let edge = edge(&config(), &intake);
        let mut client = Client::connected(edge.address(), version, "a").await;
        let both = [publish_twice(version, "a", 1, b"x", false), publish_twice(version, "a", 1, b"x", true)].concat();
        client.send(&both).await;
        intake.has_taken(1).await;
        send(&mut client, 1, b"x", true).await;
        client.nothing().await;
        intake.commit(1);
        for _ in 0..3 {
            assert_eq!(answer(&client.next().await), (5, 1, 0));
        }
        send(&mut client, 1, b"x", true).await;
        assert_eq!(answer(&client.next().await), (5, 1, 0));
        assert_eq!((intake.taken_count(), edge.status().repeated), (1, 3));
    }
}

async fn resumed(edge: &Edge, version: u8) -> Client {
    let (client, present) = Client::arriving(edge.address(), version, "device", &SESSION).await;
    assert!(present, "the session is there");
    client
}

#[tokio::test]
async fn a_session_knows_its_exchanges_on_the_next_connection_and_after_a_restart() {
    for version in [V3, V5] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sessions.db");
        let intake = HandIntake::by_hand();
        let edge = edge_at(&config(), &intake, &file);
        let (mut client, present) = Client::arriving(edge.address(), version, "device", &SESSION).await;
        assert!(!present);
        send(&mut client, 1, b"answered", false).await;
        intake.has_taken(1).await;
        intake.commit(1);
        assert_eq!(answer(&client.next().await), (5, 1, 0));
        send(&mut client, 2, b"unanswered", false).await;
        intake.has_taken(2).await;
        drop(client);

        let mut client = resumed(&edge, version).await;
        send(&mut client, 1, b"answered", true).await;
        assert_eq!(answer(&client.next().await), (5, 1, 0));
        send(&mut client, 2, b"unanswered", true).await;
        client.nothing().await;
        intake.commit(2);
        assert_eq!(answer(&client.next().await), (5, 2, 0));
        assert_eq!(intake.taken_count(), 2);
        client.send(&pubrel(2)).await;
        assert_eq!(answer(&client.next().await), (7, 2, 0));
        drop(client);
        edge.stop().await;

        let intake = HandIntake::instant();
        let edge = edge_at(&config(), &intake, &file);
        let mut client = resumed(&edge, version).await;
        send(&mut client, 1, b"answered", true).await;
        assert_eq!(answer(&client.next().await), (5, 1, 0));
        client.send(&pubrel(1)).await;
        assert_eq!(answer(&client.next().await), (7, 1, 0));
        assert_eq!(intake.taken_count(), 0, "not taken again");
        send(&mut client, 2, b"a new one", false).await;
        assert_eq!(answer(&client.next().await), (5, 2, 0));
        assert_eq!(intake.taken()[0].1, b"a new one");
    }
}

#[tokio::test]
async fn a_client_that_lost_its_state_loses_no_message_by_an_identifier_of_before() {
    for version in [V3, V5] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sessions.db");
        let intake = HandIntake::instant();
        let edge = edge_at(&config(), &intake, &file);
        let (mut client, _) = Client::arriving(edge.address(), version, "device", &SESSION).await;
        send(&mut client, 1, b"before", false).await;
        assert_eq!(answer(&client.next().await), (5, 1, 0));
        drop(client);
        let mut client = resumed(&edge, version).await;
        send(&mut client, 1, b"new", false).await;
        assert_eq!(answer(&client.next().await), (5, 1, 0));
        assert_eq!(intake.taken()[1..], [("saola/v1/TR-1".to_owned(), b"new".to_vec())]);
        drop(client);
        edge.stop().await;

        let intake = HandIntake::instant();
        let edge = edge_at(&config(), &intake, &file);
        let mut client = resumed(&edge, version).await;
        send(&mut client, 1, b"newest", false).await;
        assert_eq!(answer(&client.next().await), (5, 1, 0));
        assert_eq!(intake.taken(), [("saola/v1/TR-1".to_owned(), b"newest".to_vec())]);
    }
}

#[tokio::test]
async fn many_exchanges_of_a_session_share_writes() {
    let folder = tempfile::tempdir().unwrap();
    let intake = HandIntake::instant();
    let edge = edge_at(&config(), &intake, &folder.path().join("sessions.db"));
    let (mut client, _) = Client::arriving(edge.address(), V5, "device", &SESSION).await;
    let all: Vec<u8> =
        (1..=500).flat_map(|id| publish_twice(V5, "saola/v1/TR-1", id, &id.to_be_bytes(), false)).collect();
    client.send(&all).await;
    for id in 1..=500 {
        assert_eq!(answer(&client.next().await), (5, id, 0));
    }
    let all: Vec<u8> = (1..=500).flat_map(pubrel).collect();
    client.send(&all).await;
    for id in 1..=500 {
        assert_eq!(answer(&client.next().await), (7, id, 0));
    }
    assert_eq!(intake.taken_count(), 500);
    assert!(intake.taken().iter().zip(1u16..).all(|((_, payload), id)| *payload == id.to_be_bytes()));
}

#[tokio::test]
async fn a_full_journal_leaves_no_exchange_half_begun() {
    let intake = HandIntake::instant();
    let edge = edge(&config(), &intake);
    let mut client = Client::connected(edge.address(), V5, "a").await;
    intake.set_full(true);
    send(&mut client, 1, b"x", false).await;
    client.nothing().await;
    intake.set_full(false);
    assert_eq!(answer(&client.next().await), (5, 1, 0));
    assert_eq!(intake.taken_count(), 1);
}

#[tokio::test]
async fn exchanges_that_never_end_are_cut_off_at_the_announced_number() {
    let mut config = config();
    config.limits.outstanding = 10;
    for version in [V3, V5] {
        let intake = HandIntake::instant();
        let edge = edge(&config, &intake);
        let mut client = Client::connected(edge.address(), version, "a").await;
        for id in 1..=11 {
            send(&mut client, id, b"x", false).await;
        }
        let said = client.closed().await;
        let answered = said.iter().filter(|packet| packet.kind() == 5).count();
        assert_eq!((answered, intake.taken_count()), (10, 10));
        assert_eq!(
            said.last().map(|last| (last.kind() == 14).then(|| last.reason())),
            Some((version == V5).then_some(0x93))
        );
    }
}

#[tokio::test]
async fn packets_that_only_a_sender_of_qos_2_may_have_are_refused() {
    let edge = edge(&config(), &HandIntake::instant());
    // We send no QoS 2, so nobody has a PUBREC or PUBCOMP for us.
    for first in [0x50, 0x70] {
        let mut client = Client::connected(edge.address(), V5, "a").await;
        client.send(&packet(first, &[0, 1])).await;
        assert_eq!(client.closed().await[0].reason(), 0x82);
    }
}
