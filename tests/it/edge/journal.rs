//! The contract of the PUBACK: after the journal, in order, never otherwise.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::double::{HandIntake, config, edge};
use crate::mqtt_client::{Client, V3, V5, packet, publish};

#[tokio::test]
async fn no_puback_leaves_before_its_message_is_durable() {
    for version in [V3, V5] {
        let intake = HandIntake::by_hand();
        let edge = edge(&config(), &intake);
        let mut client = Client::connected(edge.address(), version, "a").await;
        client.publish("saola/v1/a", 1, b"{}").await;
        intake.has_taken(1).await;
        client.nothing().await;
        client.publish("saola/v1/a", 2, b"{}").await;
        intake.has_taken(2).await;
        intake.commit(1);
        assert_eq!(client.pubacks(1).await, [1]);
        client.nothing().await;
        intake.commit(2);
        assert_eq!(client.pubacks(1).await, [2]);
        assert_eq!(edge.status().acknowledged, 2);
    }
}

#[tokio::test]
async fn pubacks_of_many_messages_leave_together_in_the_order_of_arrival() {
    for version in [V3, V5] {
        let intake = HandIntake::by_hand();
        let edge = edge(&config(), &intake);
        let mut client = Client::connected(edge.address(), version, "a").await;
        // Identifiers in no order, messages without one in between.
        let ids: Vec<u16> = (0..900u16).map(|n| (n * 7 % 1_000) + 1).collect();
        let mut bytes = Vec::new();
        for id in &ids {
            bytes.extend(publish(version, "saola/v1/a", *id, b"{\"pm10\": 1}"));
            bytes.extend(publish(version, "saola/v1/a", 0, b"{}"));
        }
        client.send(&bytes).await;
        intake.has_taken(1_800).await;
        client.nothing().await;
        intake.commit(1_800);
        assert_eq!(client.pubacks(900).await, ids);
        let status = edge.status();
        assert_eq!((status.messages_qos_0, status.messages_qos_1, status.acknowledged), (900, 900, 900));
    }
}

#[tokio::test]
async fn pings_and_subscriptions_are_answered_past_waiting_messages() {
    let intake = HandIntake::by_hand();
    let edge = edge(&config(), &intake);
    let mut client = Client::connected(edge.address(), V3, "a").await;
    client.publish("saola/v1/a", 5, b"{}").await;
    client.send(&packet(0xC0, &[])).await;
    assert_eq!(client.next().await.kind(), 13);
    assert_eq!(client.subscribe("saola/v1/alerts/#", 1).await, 1);
    intake.commit(1);
    assert_eq!(client.pubacks(1).await, [5]);
}

#[tokio::test]
async fn a_failed_journal_closes_without_an_answer_and_lets_nobody_in() {
    for version in [V3, V5] {
        let intake = HandIntake::by_hand();
        let edge = edge(&config(), &intake);
        let mut waiting = Client::connected(edge.address(), version, "waiting").await;
        let mut idle = Client::connected(edge.address(), version, "idle").await;
        waiting.publish("saola/v1/a", 1, b"{}").await;
        intake.has_taken(1).await;
        intake.fail();
        waiting.closed_silently().await;
        idle.publish("saola/v1/a", 1, b"{}").await;
        idle.closed_silently().await;
        let mut late = Client::open(edge.address(), version).await;
        assert_eq!(late.hello("late", None).await.reason(), if version == V3 { 3 } else { 0x88 });
        assert_eq!(intake.taken().len(), 1);
    }
}

#[tokio::test]
async fn a_full_journal_stops_the_reading_and_loses_nothing() {
    let intake = HandIntake::instant();
    let edge = edge(&config(), &intake);
    let mut first = Client::connected(edge.address(), V5, "first").await;
    let mut second = Client::connected(edge.address(), V3, "second").await;
    intake.set_full(true);
    for id in 1..=50 {
        first.publish("saola/v1/first", id, b"{}").await;
        second.publish("saola/v1/second", id, b"{}").await;
    }
    first.nothing().await;
    second.nothing().await;
    assert_eq!(intake.taken().len(), 0);
    assert!(edge.status().held_back > 0);
    intake.set_full(false);
    let expected: Vec<u16> = (1..=50).collect();
    assert_eq!(first.pubacks(50).await, expected);
    assert_eq!(second.pubacks(50).await, expected);
    assert_eq!(intake.taken().len(), 100);
}

#[tokio::test]
async fn a_sender_is_slowed_by_its_own_socket_while_the_journal_is_full() {
    let intake = HandIntake::instant();
    let edge = edge(&config(), &intake);
    let mut client = Client::connected(edge.address(), V3, "a").await;
    intake.set_full(true);
    let message = publish(V3, "saola/v1/a", 0, &[b'x'; 1_000]);
    let flood = async {
        for _ in 0..20_000 {
            client.send(&message).await;
        }
    };
    let flooded = tokio::time::timeout(std::time::Duration::from_millis(500), flood).await;
    assert!(flooded.is_err(), "20 MB went somewhere");
    assert_eq!(intake.taken().len(), 0);
}

#[tokio::test]
async fn mqtt_5_is_cut_off_beyond_the_window_and_3_1_1_is_not_read() {
    let mut config = config();
    config.limits.outstanding = 10;
    let intake = HandIntake::by_hand();
    let edge = edge(&config, &intake);

    let mut old = Client::connected(edge.address(), V3, "old").await;
    for id in 1..=25 {
        old.publish("saola/v1/a", id, b"{}").await;
    }
    intake.has_taken(10).await;
    old.nothing().await;
    assert_eq!(intake.taken().len(), 10);
    intake.commit(10);
    assert_eq!(old.pubacks(10).await, (1..=10).collect::<Vec<u16>>());
    intake.has_taken(20).await;
    intake.commit(20);
    assert_eq!(old.pubacks(10).await, (11..=20).collect::<Vec<u16>>());
    intake.has_taken(25).await;
    intake.commit(25);
    assert_eq!(old.pubacks(5).await, (21..=25).collect::<Vec<u16>>());

    let mut new = Client::connected(edge.address(), V5, "new").await;
    for id in 1..=11 {
        new.publish("saola/v1/a", id, b"{}").await;
    }
    let last_words = new.closed().await;
    assert_eq!((last_words[0].kind(), last_words[0].reason()), (14, 0x93));
}

#[tokio::test]
async fn a_client_that_ends_its_direction_still_gets_its_answers() {
    use tokio::io::AsyncWriteExt;
    let intake = HandIntake::by_hand();
    let edge = edge(&config(), &intake);
    let mut client = Client::connected(edge.address(), V3, "a").await;
    client.publish("saola/v1/a", 9, b"{}").await;
    client.stream.shutdown().await.unwrap();
    intake.has_taken(1).await;
    intake.commit(1);
    let answers = client.closed().await;
    assert_eq!((answers.len(), answers[0].kind(), answers[0].id()), (1, 4, 9));
}

#[tokio::test]
async fn a_stop_lets_outstanding_acknowledgements_leave_and_says_good_bye() {
    for version in [V3, V5] {
        let intake = HandIntake::by_hand();
        let edge = std::sync::Arc::new(edge(&config(), &intake));
        let mut client = Client::connected(edge.address(), version, "a").await;
        client.publish("saola/v1/a", 3, b"{}").await;
        intake.has_taken(1).await;
        let stop = tokio::spawn({
            let edge = edge.clone();
            async move { edge.stop().await }
        });
        client.nothing().await;
        intake.commit(1);
        assert_eq!(client.pubacks(1).await, [3]);
        let last_words = client.closed().await;
        match version {
            V3 => assert_eq!(last_words, []),
            _ => assert_eq!((last_words[0].kind(), last_words[0].reason()), (14, 0x8B)),
        }
        drop(client);
        stop.await.unwrap();
        assert!(tokio::net::TcpStream::connect(edge.address()).await.is_err());
        assert_eq!(edge.status().connections, 0);
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let mut config = config();
    config.limits.stop_seconds = 0;
    let intake = HandIntake::by_hand();
    let edge = edge(&config, &intake);
    let mut client = Client::connected(edge.address(), V3, "a").await;
    client.publish("saola/v1/a", 3, b"{}").await;
    intake.has_taken(1).await;
    edge.stop().await;
    client.closed_silently().await;
}

/// Commits, fills and empties the journal at random until everything is durable.
async fn unsteady_journal(intake: Arc<HandIntake>, seed: u64, messages: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    while intake.committed() < messages {
        match random.random_range(0..10) {
            0 => intake.set_full(true),
            1..=3 => intake.set_full(false),
            4..=6 => {
                let taken = intake.taken_count();
                intake.commit(random.random_range(intake.committed()..=taken));
            }
            _ => tokio::task::yield_now().await,
        }
        tokio::task::yield_now().await;
    }
    intake.set_full(false);
}

#[tokio::test]
async fn any_slicing_and_any_pause_keep_the_order_and_lose_nothing() {
    const MESSAGES: u64 = 3_000;
    for seed in 0..6 {
        let version = if seed % 2 == 0 { V3 } else { V5 };
        let mut random = StdRng::seed_from_u64(seed);
        let mut config = config();
        config.limits.outstanding = if version == V3 { 50 } else { u16::MAX };
        let intake = HandIntake::by_hand();
        let edge = edge(&config, &intake);
        let client = Client::connected(edge.address(), version, "a").await;
        let (mut reading, mut writing) = client.stream.into_split();
        let mut bytes = Vec::new();
        for n in 1..=MESSAGES {
            let payload = vec![b'x'; random.random_range(0..400)];
            bytes.extend(publish(version, &format!("saola/v1/{n}"), n as u16, &payload));
            if random.random_ratio(1, 10) {
                bytes.extend(packet(0xC0, &[]));
            }
        }
        let journal = tokio::spawn(unsteady_journal(intake.clone(), seed, MESSAGES));
        let sender = tokio::spawn(async move {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (slice, after) = rest.split_at(random.random_range(1..5_000).min(rest.len()));
                tokio::io::AsyncWriteExt::write_all(&mut writing, slice).await.unwrap();
                tokio::task::yield_now().await;
                rest = after;
            }
            writing
        });
        let mut answers = Client::over(tokio::io::join(&mut reading, tokio::io::sink()), version);
        let mut expected = 1;
        while expected <= MESSAGES {
            let answer = answers.next().await;
            if answer.kind() == 4 {
                assert_eq!(u64::from(answer.id()), expected, "seed {seed}");
                assert!(intake.committed() >= expected, "seed {seed}: {expected} was answered too early");
                expected += 1;
            }
        }
        journal.await.unwrap();
        drop(sender.await.unwrap());
        let topics: Vec<String> = intake.taken().into_iter().map(|(topic, _)| topic).collect();
        assert_eq!(topics, (1..=MESSAGES).map(|n| format!("saola/v1/{n}")).collect::<Vec<_>>(), "seed {seed}");
    }
}
