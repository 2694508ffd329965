//! The client of outside brokers against a broker played by hand: which acknowledgements leave, when, in which order
//! and on which connection; what happens when the journal is full or has stopped, and when a broker is strange.

use std::ops::RangeInclusive;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use saola::clock::Clock;
use saola::model::SourceId;
use saola::mqtt::client::{Client, Config, Status};
use tokio::net::{TcpListener, TcpStream};

use crate::edge::double::HandIntake;
use crate::mqtt_client::{Client as Peer, PATIENCE, Packet, V3, packet, publish};
use crate::service::eventually;

/// CONNACK's flag: the broker has kept the session.
const KEPT: u8 = 1;
const NO_SESSION: u8 = 0;

/// A broker that does what the test says.
struct Broker {
    listener: TcpListener,
}

/// One connection of the client to the broker, seen from the broker.
type Link = Peer<TcpStream>;

impl Broker {
    async fn listen() -> Broker {
        Broker { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn client(&self, intake: &Arc<HandIntake>) -> Client {
        self.client_with(intake, |_| {})
    }

    fn client_with(&self, intake: &Arc<HandIntake>, wish: impl FnOnce(&mut Config)) -> Client {
        let port = self.listener.local_addr().unwrap().port();
        let mut config = Config { port, backoff_min_ms: 5, backoff_max_ms: 10, ..Config::default() };
        wish(&mut config);
        Client::start(&config, intake.clone(), SourceId(1), Clock::System).unwrap()
    }

    /// The next connection, answered up to the SUBACK with these codes.
    async fn accept_granting(&self, session: u8, codes: &[u8]) -> Link {
        let mut link = self.accept_silently(session).await;
        let asked = link.next().await;
        assert_eq!(
            (asked.first, filters(&asked).as_slice()),
            (0x82, &["saola/v1/+", "saola/v1/+/+"].map(str::to_owned)[..])
        );
        assert!(asked.body.ends_with(&[1]), "asked with QoS 1");
        link.send(&packet(0x90, &[&asked.body[..2], codes].concat())).await;
        link
    }

    /// The next connection, with every subscription granted.
    async fn accept(&self, session: u8) -> Link {
        self.accept_granting(session, &[1, 1]).await
    }

    /// The next connection, answered with a CONNACK only.
    async fn accept_silently(&self, session: u8) -> Link {
        let accepted = tokio::time::timeout(PATIENCE, self.listener.accept()).await.expect("the client connects");
        let stream = accepted.unwrap().0;
        stream.set_nodelay(true).unwrap();
        let mut link = Peer::over(stream, V3);
        let hello = link.next().await;
        assert_eq!(hello.kind(), 1, "{hello:?}");
        assert_eq!(hello.body[7] & 0b10, 0, "the session is to be kept");
        link.send(&packet(0x20, &[session, 0])).await;
        link
    }
}

/// The filters of a SUBSCRIBE.
fn filters(asked: &Packet) -> Vec<String> {
    let mut rest = &asked.body[2..];
    let mut filters = Vec::new();
    while let [high, low, more @ ..] = rest {
        let (filter, after) = more.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        filters.push(String::from_utf8(filter.to_vec()).unwrap());
        rest = &after[1..];
    }
    filters
}

/// Sends messages of QoS 1 with these packet numbers.
async fn send(link: &mut Link, ids: RangeInclusive<u16>) {
    let messages = ids.flat_map(|id| publish(V3, "saola/v1/a", id, id.to_string().as_bytes()));
    link.send(&messages.collect::<Vec<_>>()).await;
}

async fn status(client: &Client, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
    eventually(what, async || Some(client.status()).filter(&wanted)).await
}

#[tokio::test]
async fn acknowledgements_leave_when_durable_in_order_of_arrival() {
    let (broker, intake) = (Broker::listen().await, HandIntake::by_hand());
    let _client = broker.client(&intake);
    let mut link = broker.accept(NO_SESSION).await;
    send(&mut link, 1..=5).await;
    intake.has_taken(5).await;
    link.nothing().await;
    intake.commit(2);
    assert_eq!(link.pubacks(2).await, [1, 2]);
    link.nothing().await;
    intake.commit(5);
    assert_eq!(link.pubacks(3).await, [3, 4, 5]);

    // Packet numbers in no order at all, messages of QoS 0 between them, and everything durable at once.
    let mut ids: Vec<u16> = (1..=2_000).collect();
    ids.shuffle(&mut StdRng::seed_from_u64(1));
    for id in &ids {
        link.publish("saola/v1/a", *id, b"1").await;
        link.publish("saola/v1/a", 0, b"0").await;
    }
    intake.has_taken(4_005).await;
    link.nothing().await;
    intake.commit(4_005);
    assert_eq!(link.pubacks(2_000).await, ids);
    link.nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_is_acknowledged_once_while_the_disk_lags_behind() {
    let (broker, intake) = (Broker::listen().await, HandIntake::by_hand());
    let _client = broker.client(&intake);
    let mut link = broker.accept(NO_SESSION).await;
    let disk = {
        let intake = intake.clone();
        tokio::spawn(async move {
            let mut chance = StdRng::seed_from_u64(2);
            while intake.committed() < 20_000 {
                let taken = intake.taken_count();
                let behind = taken.saturating_sub(intake.committed());
                intake.commit(taken - chance.random_range(0..=behind));
                tokio::task::yield_now().await;
            }
        })
    };
    // In fours, so that messages come while an acknowledgement is on its way.
    for first in (1..=20_000).step_by(4) {
        send(&mut link, first..=first + 3).await;
        tokio::task::yield_now().await;
    }
    assert!(link.pubacks(20_000).await.into_iter().eq(1..=20_000));
    disk.await.unwrap();
    link.nothing().await;
}

/// MQTT names an acknowledgement by a packet number alone: one that is late acknowledges somebody else's message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_connection_owed_is_never_acknowledged_on_the_next() {
    let (broker, intake) = (Broker::listen().await, HandIntake::by_hand());
    let client = broker.client(&intake);
    let mut chance = StdRng::seed_from_u64(3);
    let mut link = broker.accept(NO_SESSION).await;
    for round in 0..100 {
        let old = intake.taken_count();
        send(&mut link, 1..=5).await;
        intake.has_taken(old as usize + 5).await;
        // The disk moves just before the connection breaks, just after, or later.
        let part = old + chance.random_range(0..=5);
        if round % 3 == 0 {
            intake.commit(part);
        }
        drop(link);
        if round % 3 == 1 {
            intake.commit(part);
        }
        link = broker.accept(if round % 2 == 0 { NO_SESSION } else { KEPT }).await;

        let new = intake.taken_count();
        send(&mut link, 1..=5).await;
        intake.has_taken(new as usize + 5).await;
        intake.commit(new);
        if round % 5 == 0 {
            link.nothing().await;
        }
        intake.commit(new + 2);
        assert_eq!(link.pubacks(2).await, [1, 2], "round {round}");
        if round % 5 == 0 {
            link.nothing().await;
        }
        intake.commit(new + 5);
        assert_eq!(link.pubacks(3).await, [3, 4, 5], "round {round}");
    }
    link.nothing().await;
    assert_eq!(client.status().losses, 100);
    assert_eq!(client.status().sessions_lost, 51);
}

#[tokio::test]
async fn subscriptions_are_asked_for_on_every_connection() {
    let (broker, intake) = (Broker::listen().await, HandIntake::instant());
    let client = broker.client(&intake);
    for (session, lost) in [(NO_SESSION, 1), (KEPT, 1), (NO_SESSION, 2)] {
        let link = broker.accept(session).await;
        let status = status(&client, "every subscription", |status| status.connected && status.trouble.is_none()).await;
        assert_eq!(status.sessions_lost, lost);
        drop(link);
        self::status(&client, "the loss to be seen", |status| !status.connected && status.trouble.is_some()).await;
    }
}

async fn check_granted(codes: [u8; 2], connected: bool, trouble: Option<&str>) {
    for session in [NO_SESSION, KEPT] {
        let (broker, intake) = (Broker::listen().await, HandIntake::instant());
        let client = broker.client(&intake);
        let mut link = broker.accept_granting(session, &codes).await;
        // What is granted is read, whatever is refused; and once this is answered, the SUBACK has been seen.
        link.publish("saola/v1/a", 9, b"1").await;
        assert_eq!(link.pubacks(1).await, [9]);
        let status = client.status();
        assert_eq!((status.connected, status.trouble.as_deref()), (connected, trouble), "{codes:?} {session}");
    }
}

#[tokio::test]
async fn a_subscription_that_is_refused_or_cut_down_is_seen() {
    let refused = Some("the broker refuses a subscription: check our permissions there");
    let cut_down = Some("the broker grants less than QoS 1: what it sends while we are away is lost");
    check_granted([1, 1], true, None).await;
    check_granted([0x80, 1], false, refused).await;
    check_granted([1, 0x80], false, refused).await;
    check_granted([0x80, 0x80], false, refused).await;
    check_granted([1, 0], true, cut_down).await;
    check_granted([0, 0x80], false, refused).await;
}

#[tokio::test]
async fn any_topic_is_taken() {
    let (broker, intake) = (Broker::listen().await, HandIntake::instant());
    let client = broker.client(&intake);
    let mut link = broker.accept(NO_SESSION).await;
    let long = "ư".repeat(32_767);
    let deep = "a/".repeat(200);
    let topics = ["đ", "đồi/1/nhiệt", "🐂", "𠀀/1", "/", "//", "$SYS/x", "", &long, &deep, "a\u{1}b", "+", "#"];
    for (id, topic) in (1..).zip(topics) {
        link.publish(topic, id, b"1").await;
    }
    assert!(link.pubacks(topics.len()).await.into_iter().eq(1..=topics.len() as u16));
    assert!(intake.taken().iter().map(|(topic, _)| topic.as_str()).eq(topics));
    assert_eq!(client.status().losses, 0);
}

#[tokio::test]
async fn a_filter_may_begin_with_any_letter() {
    let (broker, intake) = (Broker::listen().await, HandIntake::instant());
    let wanted = ["đồi/+/nhiệt", "𠀀/#", "#"].map(str::to_owned);
    let client = broker.client_with(&intake, |config| config.topics = wanted.to_vec());
    let mut link = broker.accept_silently(NO_SESSION).await;
    let asked = link.next().await;
    assert_eq!(filters(&asked), wanted);
    link.send(&packet(0x90, &[asked.body[0], asked.body[1], 1, 1, 1])).await;
    status(&client, "every subscription", |status| status.connected).await;
}

#[tokio::test]
async fn while_the_journal_is_full_messages_wait_and_nothing_is_lost() {
    let (broker, intake) = (Broker::listen().await, HandIntake::by_hand());
    let _client = broker.client(&intake);
    let mut link = broker.accept(NO_SESSION).await;
    send(&mut link, 1..=3).await;
    intake.has_taken(3).await;
    intake.set_full(true);
    send(&mut link, 4..=500).await;
    // The first three are acknowledged although the others wait: by then these have been refused.
    intake.commit(3);
    assert_eq!(link.pubacks(3).await, [1, 2, 3]);
    link.nothing().await;
    assert_eq!(intake.taken_count(), 3);
    intake.set_full(false);
    intake.has_taken(500).await;
    link.nothing().await;
    intake.commit(500);
    assert!(link.pubacks(497).await.into_iter().eq(4..=500));
    let payloads = intake.taken().into_iter().map(|(_, payload)| payload);
    assert!(payloads.eq((1..=500).map(|id| id.to_string().into_bytes())), "in order of arrival, each once");
}

#[tokio::test]
async fn what_does_not_fit_while_the_journal_is_full_stays_with_the_broker() {
    let (broker, intake) = (Broker::listen().await, HandIntake::by_hand());
    let client = broker.client_with(&intake, |config| config.waiting_bytes_max = 10_000);
    let mut link = broker.accept(NO_SESSION).await;
    intake.set_full(true);
    let message = |id| publish(V3, "saola/v1/a", id, &[b'x'; 1_000]);
    for id in 1..=20 {
        link.send(&message(id)).await;
    }
    link.closed_silently().await;
    let status = status(&client, "the loss to be seen", |status| status.losses > 0).await;
    assert!(status.trouble.unwrap().contains("the journal is full"));
    assert_eq!(intake.taken_count(), 0);

    intake.set_full(false);
    let mut link = broker.accept(KEPT).await;
    for id in 1..=20 {
        link.send(&message(id)).await;
    }
    intake.has_taken(20).await;
    intake.commit(20);
    assert!(link.pubacks(20).await.into_iter().eq(1..=20));
}

#[tokio::test]
async fn small_messages_cannot_fill_the_memory_while_the_journal_is_full() {
    let (broker, intake) = (Broker::listen().await, HandIntake::by_hand());
    let _client = broker.client_with(&intake, |config| config.waiting_bytes_max = 100_000);
    let mut link = broker.accept(NO_SESSION).await;
    intake.set_full(true);
    for id in 1..=2_000 {
        // A broken pipe is what we are waiting for.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut link.stream, &publish(V3, "a", id, b"")).await;
    }
    link.closed_silently().await;
}

#[tokio::test]
async fn a_full_journal_sheds_qos_0_and_keeps_the_connection() {
    let (broker, intake) = (Broker::listen().await, HandIntake::by_hand());
    let client = broker.client_with(&intake, |config| config.waiting_bytes_max = 10_000);
    let mut link = broker.accept(NO_SESSION).await;
    intake.set_full(true);
    for _ in 0..20 {
        link.publish("saola/v1/a", 0, &[b'x'; 1_000]).await;
    }
    link.send(&packet(0x30, b"\0\x01alast")).await;
    // A message with a promise that still fits goes in behind those that wait.
    link.publish("saola/v1/a", 1, b"1").await;
    link.nothing().await;
    intake.set_full(false);
    eventually("the last to be taken", async || {
        intake.taken().iter().any(|(_, payload)| payload == b"1").then_some(())
    })
    .await;
    intake.commit(intake.taken_count());
    assert_eq!(link.pubacks(1).await, [1]);
    assert!((2..20).contains(&intake.taken_count()), "{} were taken", intake.taken_count());
    assert_eq!(client.status().losses, 0);
}

#[tokio::test]
async fn once_the_journal_has_failed_nothing_more_is_acknowledged() {
    let (broker, intake) = (Broker::listen().await, HandIntake::by_hand());
    let client = broker.client(&intake);
    let mut link = broker.accept(NO_SESSION).await;
    send(&mut link, 1..=4).await;
    intake.has_taken(4).await;
    intake.commit(2);
    assert_eq!(link.pubacks(2).await, [1, 2]);
    intake.fail();
    link.nothing().await;
    send(&mut link, 5..=6).await;
    link.closed_silently().await;
    let status = status(&client, "the reason", |status| status.losses > 0).await;
    assert!(!status.connected && status.trouble.unwrap().contains("the journal has stopped"));
    // The broker keeps them and offers them again, and again they are not acknowledged.
    let mut link = broker.accept(KEPT).await;
    send(&mut link, 3..=6).await;
    link.closed_silently().await;
    assert_eq!(intake.taken_count(), 4);
}

#[tokio::test]
async fn a_stop_lets_the_last_acknowledgements_leave_and_says_goodbye() {
    let (broker, intake) = (Broker::listen().await, HandIntake::by_hand());
    let client = broker.client(&intake);
    let mut link = broker.accept(NO_SESSION).await;
    send(&mut link, 1..=3).await;
    intake.has_taken(3).await;
    let (stopped, told) = tokio::join!(client.stop(), async {
        intake.commit(3);
        let acknowledged = link.pubacks(3).await;
        (acknowledged, link.closed().await)
    });
    let () = stopped;
    assert_eq!(told, (vec![1, 2, 3], vec![Packet { first: 0xE0, body: vec![] }]));
    assert!(!client.status().connected);
}

/// Whatever a broker sends, the next connection works.
#[tokio::test]
async fn a_broker_that_talks_nonsense_stops_nothing() {
    let (broker, intake) = (Broker::listen().await, HandIntake::instant());
    let client = broker.client(&intake);
    let mut chance = StdRng::seed_from_u64(4);
    let good = [
        publish(V3, "saola/v1/đồi", 7, b"{\"pm10\": 1}"),
        packet(0x90, &[0, 1, 1, 1]),
        packet(0x40, &[0, 1]),
        packet(0x62, &[0, 1]),
        packet(0xD0, &[]),
        packet(0x20, &[0, 0]),
        packet(0xE0, &[]),
    ];
    for _ in 0..400 {
        let mut link = broker.accept_silently(NO_SESSION).await;
        let mut bytes: Vec<u8> = (0..3).flat_map(|_| good[chance.random_range(0..good.len())].clone()).collect();
        for _ in 0..chance.random_range(1..6) {
            let at = chance.random_range(0..bytes.len());
            bytes[at] = chance.random();
        }
        // The client may have cut the connection already.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut link.stream, &bytes).await;
    }
    let mut link = broker.accept(NO_SESSION).await;
    link.publish("saola/v1/a", 3, b"the last").await;
    assert_eq!(link.pubacks(1).await, [3]);
    status(&client, "every subscription", |status| status.connected).await;
}
