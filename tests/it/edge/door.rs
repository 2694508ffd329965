//! The door: logins, permissions, limits, take-over, and everything that is no MQTT.

use std::time::Duration;

use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use saola::mqtt::edge::{Access, DeviceAccount};

use super::double::{HandIntake, config, edge, edge_for};
use crate::mqtt_client::{Client, V3, V5, connect, packet, publish_bytes};

/// A cheap hash: tests need the form, not the cost.
pub fn account(name: &str, password: &str, publish: &[&str], subscribe: &[&str]) -> DeviceAccount {
    let salt = SaltString::encode_b64(b"0123456789abcdef").unwrap();
    let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    let owned = |filters: &[&str]| filters.iter().map(|filter| (*filter).to_owned()).collect();
    DeviceAccount {
        name: name.to_owned(),
        password_hash: cheap.hash_password(password.as_bytes(), &salt).unwrap().to_string(),
        publish: owned(publish),
        subscribe: owned(subscribe),
    }
}

fn two_accounts() -> Access {
    let accounts = [
        account("TR-1", "một", &["saola/v1/{account}", "saola/v1/{account}/+"], &[]),
        account("ranger", "hai", &[], &["saola/v1/alerts/12/#"]),
    ];
    Access::configured(&accounts).unwrap()
}

#[tokio::test]
async fn only_a_right_password_opens_a_configured_door() {
    let edge = edge_for(&config(), &HandIntake::instant(), two_accounts());
    for (version, code) in [(V3, 4), (V5, 0x86)] {
        for login in
            [None, Some(("TR-1", &b"sai"[..])), Some(("nobody", "một".as_bytes())), Some(("", b"")), Some(("#", b"x"))]
        {
            let mut client = Client::open(edge.address(), version).await;
            assert_eq!(client.hello("c", login).await.reason(), code, "{login:?}");
            client.closed_silently().await;
        }
        let mut client = Client::open(edge.address(), version).await;
        assert_eq!(client.hello("c", Some(("TR-1", "một".as_bytes()))).await.reason(), 0);
    }
    assert_eq!(edge.status().refused["login"], 10);
}

#[tokio::test]
async fn no_account_means_that_nobody_may_do_anything() {
    let edge = edge_for(&config(), &HandIntake::instant(), Access::configured(&[]).unwrap());
    let mut client = Client::open(edge.address(), V3).await;
    assert_eq!(client.hello("c", Some(("admin", b"admin"))).await.reason(), 4);
}

#[tokio::test]
async fn wrong_passwords_are_slowed_and_a_known_right_one_is_not() {
    let mut config = config();
    config.limits.wrong_passwords_per_minute = 3;
    let edge = edge_for(&config, &HandIntake::instant(), two_accounts());
    let login = async |password: &str| {
        let mut client = Client::open(edge.address(), V5).await;
        client.hello("c", Some(("TR-1", password.as_bytes()))).await.reason()
    };
    assert_eq!(login("một").await, 0);
    for _ in 0..3 {
        assert_eq!(login("sai").await, 0x86);
    }
    assert_eq!(login("sai").await, 0x9F);
    assert_eq!(login("một").await, 0);
    assert_eq!(edge.status().refused["throttled"], 1);
}

#[tokio::test]
async fn a_denied_publish_is_refused_and_never_stored() {
    let intake = HandIntake::by_hand();
    let edge = edge_for(&config(), &intake, two_accounts());
    let login = Some(("TR-1", "một".as_bytes()));

    let mut new = Client::open(edge.address(), V5).await;
    assert_eq!(new.hello("new", login).await.reason(), 0);
    new.publish("saola/v1/TR-1", 1, b"{}").await;
    new.publish("saola/v1/TR-2", 2, b"{}").await;
    new.publish("saola/v1/alerts/12/high", 3, b"{}").await;
    new.publish("saola/v1/TR-2", 0, b"{}").await;
    new.publish("saola/v1/TR-1/pm10", 4, b"{}").await;
    intake.has_taken(2).await;
    new.nothing().await;
    intake.commit(2);
    let mut answers = Vec::new();
    for _ in 0..4 {
        let answer = new.next().await;
        answers.push((answer.kind(), answer.id(), answer.reason()));
    }
    assert_eq!(answers, [(4, 1, 0), (4, 2, 0x87), (4, 3, 0x87), (4, 4, 0)]);

    let mut old = Client::open(edge.address(), V3).await;
    assert_eq!(old.hello("old", login).await.reason(), 0);
    old.publish("saola/v1/TR-2", 9, b"{}").await;
    old.closed_silently().await;
    assert_eq!(intake.taken().len(), 2);
    assert_eq!(edge.status().refused["publish"], 4);
}

#[tokio::test]
async fn a_subscription_needs_a_rule_that_covers_it() {
    let edge = edge_for(&config(), &HandIntake::instant(), two_accounts());
    let mut ranger = Client::open(edge.address(), V5).await;
    assert_eq!(ranger.hello("r", Some(("ranger", "hai".as_bytes()))).await.reason(), 0);
    assert_eq!(ranger.subscribe("saola/v1/alerts/12/+", 0).await, 0);
    for filter in ["#", "saola/v1/alerts/#", "saola/v1/alerts/+/high", "saola/v1/alerts/13/high"] {
        assert_eq!(ranger.subscribe(filter, 0).await, 0x87, "{filter}");
    }
    let mut device = Client::open(edge.address(), V3).await;
    assert_eq!(device.hello("d", Some(("TR-1", "một".as_bytes()))).await.reason(), 0);
    assert_eq!(device.subscribe("saola/v1/alerts/12/high", 0).await, 0x80);
}

#[tokio::test]
async fn a_client_takes_over_its_own_connection_and_no_others() {
    let intake = HandIntake::by_hand();
    let edge = edge_for(&config(), &intake, two_accounts());
    let (device, ranger) = (Some(("TR-1", "một".as_bytes())), Some(("ranger", "hai".as_bytes())));
    let mut older = Client::open(edge.address(), V5).await;
    assert_eq!(older.hello("same", device).await.reason(), 0);
    older.publish("saola/v1/TR-1", 1, b"{}").await;
    intake.has_taken(1).await;

    let mut thief = Client::open(edge.address(), V5).await;
    assert_eq!(thief.hello("same", ranger).await.reason(), 0x85);
    let mut old_thief = Client::open(edge.address(), V3).await;
    assert_eq!(old_thief.hello("same", ranger).await.reason(), 2);
    older.nothing().await;

    let mut newer = Client::open(edge.address(), V5).await;
    assert_eq!(newer.hello("same", device).await.reason(), 0);
    let last_words = older.closed().await;
    assert_eq!((last_words.len(), last_words[0].kind(), last_words[0].reason()), (1, 14, 0x8E));
    intake.commit(1);
    newer.publish("saola/v1/TR-1", 1, b"{}").await;
    intake.has_taken(2).await;
    intake.commit(2);
    assert_eq!(newer.pubacks(1).await, [1]);
    drop((older, newer));
}

#[tokio::test]
async fn clients_without_a_name_get_one() {
    let edge = edge(&config(), &HandIntake::instant());
    let mut new = Client::open(edge.address(), V5).await;
    let answer = new.hello("", None).await;
    assert_eq!(answer.reason(), 0);
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(text.contains("saola-"), "{text}");
    let _other = Client::connected(edge.address(), V3, "").await;
    let _third = Client::connected(edge.address(), V3, "").await;
    assert_eq!(edge.status().connections, 3);

    let mut unclean = connect(V3, "", None, 60);
    unclean[9] = 0;
    let mut refused = Client::open(edge.address(), V3).await;
    refused.send(&unclean).await;
    assert_eq!(refused.next().await.reason(), 2);
}

#[tokio::test]
async fn mqtt_5_is_told_what_is_offered() {
    let edge = edge(&config(), &HandIntake::instant());
    let mut client = Client::open(edge.address(), V5).await;
    let mut asks_for_a_session = connect(V5, "a", None, 60);
    // Session Expiry Interval 3,600 s.
    asks_for_a_session.splice(12..13, [5, 0x11, 0, 0, 0x0E, 0x10]);
    asks_for_a_session[1] += 5;
    client.send(&asks_for_a_session).await;
    let answer = client.next().await;
    assert_eq!(answer.reason(), 0);
    let has = |property: &[u8]| answer.body.windows(property.len()).any(|window| window == property);
    assert!(!has(&[0x11, 0, 0]), "its session is kept for as long as it asked: {answer:x?}");
    assert!(has(&[0x21, 0x03, 0xE8]), "receive maximum 1,000");
    assert!(!has(&[0x24]), "maximum QoS 2 by absence");
    assert!(has(&[0x27, 0, 0x20, 0, 0]), "maximum packet size 2 MiB");
    assert!(has(&[0x29, 0]) && has(&[0x2A, 0]), "no subscription identifiers, no shared subscriptions");
    assert!(!has(&[0x22]), "topic alias maximum is 0 by absence");
}

#[tokio::test]
async fn what_is_not_offered_ends_the_connection_with_its_reason() {
    let edge = edge(&config(), &HandIntake::instant());
    let cases: [(&str, Vec<u8>, u8); 8] = [
        ("topic alias", packet(0x30, b"\x00\x01a\x03\x23\x00\x01"), 0x94),
        ("NUL in the topic", publish_bytes(V5, b"a\0b", 1, b""), 0x90),
        ("wildcard in the topic", publish_bytes(V5, b"a/+", 1, b""), 0x90),
        ("no topic", publish_bytes(V5, b"", 1, b""), 0x90),
        ("topic that is not UTF-8", publish_bytes(V5, b"\xFF", 1, b""), 0x81),
        ("second CONNECT", connect(V5, "b", None, 1), 0x82),
        ("CONNACK from a client", packet(0x20, &[0, 0, 0]), 0x82),
        ("subscription identifier", packet(0x82, b"\x00\x01\x02\x0B\x01\x00\x01#\x00"), 0xA1),
    ];
    for (what, bytes, reason) in cases {
        let mut client = Client::connected(edge.address(), V5, "a").await;
        client.send(&bytes).await;
        let last_words = client.closed().await;
        assert_eq!(last_words.len(), 1, "{what}");
        assert_eq!((last_words[0].kind(), last_words[0].reason()), (14, reason), "{what}");
    }
}

#[tokio::test]
async fn topics_longer_or_deeper_than_allowed_are_refused() {
    let intake = HandIntake::instant();
    let edge = edge(&config(), &intake);
    let mut client = Client::connected(edge.address(), V5, "a").await;
    client.publish(&"x".repeat(1_025), 1, b"").await;
    assert_eq!(client.next().await.reason(), 0x90);
    client.publish(&"x/".repeat(40), 2, b"").await;
    assert_eq!(client.next().await.reason(), 0x90);
    client.publish(&"x".repeat(1_024), 3, b"").await;
    assert_eq!(client.pubacks(1).await, [3]);
    assert_eq!(intake.taken().len(), 1);
}

#[tokio::test]
async fn a_packet_above_the_limit_is_cut_off_and_one_at_the_limit_is_taken() {
    let intake = HandIntake::instant();
    let edge = edge(&config(), &intake);
    let limit = config().limits.packet_bytes;
    for version in [V3, V5] {
        // An empty packet's length takes one byte, one of this size three (four begin at 2 MiB without the header).
        let around = crate::mqtt_client::publish(version, "saola/v1/a", 1, b"").len() + 2;
        let mut client = Client::connected(edge.address(), version, "a").await;
        client.publish("saola/v1/a", 1, &vec![b'x'; limit - around]).await;
        assert_eq!(client.pubacks(1).await, [1]);
        client.publish("saola/v1/a", 2, &vec![b'x'; limit - around + 1]).await;
        let last_words = client.closed().await;
        match version {
            V3 => assert_eq!(last_words, []),
            _ => assert_eq!((last_words[0].kind(), last_words[0].reason()), (14, 0x95)),
        }
    }
    assert_eq!(intake.taken().len(), 2);
    assert_eq!(edge.status().refused["packet_size"], 2);
}

#[tokio::test]
async fn what_is_no_connect_is_cut_off_at_once() {
    let edge = edge(&config(), &HandIntake::instant());
    let huge = [&[0x10, 0xFF, 0xFF, 0xFF, 0x7F][..], b"\x00\x04MQTT"].concat();
    let cases: [&[u8]; 8] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        &packet(0x30, b"\x00\x01a"),
        &packet(0xC0, &[]),
        &huge,
        b"\x10\xFF\xFF\xFF\xFF\x7F",
        &packet(0x10, b"\x00\x04MQTX\x04\x02\x00\x3C\x00\x01a"),
        &packet(0x10, b"\x00\x04MQTT\x07\x02\x00\x3C\x00\x01a"),
    ];
    for bytes in cases {
        let mut client = Client::open(edge.address(), V3).await;
        client.send(bytes).await;
        client.closed_silently().await;
    }
    let mut method = connect(V5, "a", None, 60);
    method.splice(12..13, [4, 0x15, 0, 1, b'x']);
    method[1] += 4;
    let mut client = Client::open(edge.address(), V5).await;
    client.send(&method).await;
    assert_eq!(client.next().await.reason(), 0x8C);
}

#[tokio::test]
async fn silent_and_slow_beginners_are_cut_off() {
    let mut config = config();
    config.limits.connect_seconds = 1;
    let edge = edge(&config, &HandIntake::instant());
    let mut silent = Client::open(edge.address(), V3).await;
    let mut slow = Client::open(edge.address(), V3).await;
    slow.send(&connect(V3, "slow", None, 60)[..9]).await;
    silent.closed_silently().await;
    slow.closed_silently().await;
    assert_eq!(edge.status().refused["connect_timeout"], 2);
}

#[tokio::test]
async fn a_thousand_silent_connections_cost_little_and_go() {
    let mut config = config();
    config.limits.connect_seconds = 2;
    let edge = edge(&config, &HandIntake::instant());
    let before = resident_bytes();
    let mut silent = Vec::with_capacity(1_000);
    for _ in 0..1_000 {
        let mut client = Client::open(edge.address(), V3).await;
        client.send(&[0x10, 0xF0, 0x1F]).await;
        silent.push(client);
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 20 * 1024 * 1024, "{grown} bytes");
    for mut client in silent {
        client.closed_silently().await;
    }
    assert_eq!(edge.status().refused["connect_timeout"], 1_000);
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn a_client_that_breaks_its_keep_alive_is_cut_off() {
    let edge = edge(&config(), &HandIntake::instant());
    for version in [V3, V5] {
        let mut client = Client::open(edge.address(), version).await;
        let since = std::time::Instant::now();
        client.send(&connect(version, "a", None, 1)).await;
        assert_eq!(client.next().await.reason(), 0);
        let last_words = client.closed().await;
        let after = since.elapsed();
        assert!(after >= Duration::from_millis(1_500) && after < Duration::from_secs(4), "{after:?}");
        assert_eq!(last_words.first().map(|packet| packet.reason()), (version == V5).then_some(0x8D));
    }
}

#[tokio::test]
async fn messages_sent_with_the_connect_are_taken() {
    let intake = HandIntake::instant();
    let edge = edge(&config(), &intake);
    let mut client = Client::open(edge.address(), V3).await;
    let mut bytes = connect(V3, "eager", None, 60);
    bytes.extend(publish_bytes(V3, b"saola/v1/a", 1, b"{}"));
    bytes.extend(publish_bytes(V3, b"saola/v1/a", 2, b"{}"));
    client.send(&bytes).await;
    assert_eq!(client.next().await.kind(), 2);
    assert_eq!(client.pubacks(2).await, [1, 2]);
}

#[tokio::test]
async fn packets_that_come_byte_by_byte_are_put_together() {
    let intake = HandIntake::instant();
    let edge = edge(&config(), &intake);
    let mut client = Client::open(edge.address(), V5).await;
    for byte in connect(V5, "slow", None, 60) {
        client.send(&[byte]).await;
    }
    assert_eq!(client.next().await.reason(), 0);
    for byte in crate::mqtt_client::publish(V5, "saola/v1/a", 258, b"{\"pm10\": 1}") {
        client.send(&[byte]).await;
    }
    assert_eq!(client.pubacks(1).await, [258]);
    assert_eq!(intake.taken(), [("saola/v1/a".to_owned(), b"{\"pm10\": 1}".to_vec())]);
}

#[tokio::test]
async fn one_connection_too_many_is_closed() {
    let mut config = config();
    config.limits.connections = 2;
    let edge = edge(&config, &HandIntake::instant());
    let first = Client::connected(edge.address(), V3, "a").await;
    let _second = Client::connected(edge.address(), V3, "b").await;
    let mut third = Client::open(edge.address(), V3).await;
    third.closed_silently().await;
    drop(first);
    while edge.status().connections > 1 {
        tokio::task::yield_now().await;
    }
    let _fourth = Client::connected(edge.address(), V3, "d").await;
    assert_eq!(edge.status().refused["connections"], 1);
}

#[tokio::test]
async fn a_connection_that_sends_too_fast_is_read_more_slowly_and_loses_nothing() {
    let mut config = config();
    config.limits.packets_per_second = 100;
    let intake = HandIntake::instant();
    let edge = edge(&config, &intake);
    let mut client = Client::connected(edge.address(), V3, "a").await;
    let since = std::time::Instant::now();
    let mut bytes = Vec::new();
    for id in 1..=150 {
        bytes.extend(publish_bytes(V3, b"saola/v1/a", id, b"{}"));
    }
    client.send(&bytes).await;
    // What one read has brought is taken; the connection then owes half a second.
    assert_eq!(client.pubacks(150).await, (1..=150).collect::<Vec<u16>>());
    client.publish("saola/v1/a", 151, b"{}").await;
    assert_eq!(client.pubacks(1).await, [151]);
    assert!(since.elapsed() >= Duration::from_millis(400), "{:?}", since.elapsed());
    assert!(edge.status().paced > 0);
}

#[tokio::test]
async fn packets_in_parts_have_a_common_budget() {
    let mut config = config();
    config.limits.packet_bytes = 100_000;
    config.limits.partial_packets_bytes = 230_000;
    let intake = HandIntake::instant();
    let edge = edge(&config, &intake);
    let whole = crate::mqtt_client::publish(V5, "saola/v1/a", 1, &[b'x'; 90_000]);
    let mut waiting = Vec::new();
    for n in 0..2 {
        let mut client = Client::connected(edge.address(), V5, &n.to_string()).await;
        client.send(&whole[..80_000]).await;
        waiting.push(client);
    }
    let mut others = Client::connected(edge.address(), V5, "others").await;
    others.publish("saola/v1/b", 1, b"{}").await;
    assert_eq!(others.pubacks(1).await, [1]);
    let mut late = Client::connected(edge.address(), V5, "late").await;
    late.send(&whole[..80_000]).await;
    let last_words = late.closed().await;
    assert_eq!((last_words[0].kind(), last_words[0].reason()), (14, 0x97));
    for client in &mut waiting {
        client.send(&whole[80_000..]).await;
        assert_eq!(client.pubacks(1).await, [1]);
    }
    assert_eq!(edge.status().refused["memory"], 1);
    assert!(intake.taken().iter().filter(|(_, payload)| payload.len() == 90_000).count() == 2);
}
