//! Alert topics: subscriptions, retained alerts, slow subscribers.

use saola::mqtt::edge::{AlertError, Retain};

use super::double::{HandIntake, config, edge};
use crate::mqtt_client::{Client, V3, V5, connect, puback, unsubscribe};

#[tokio::test]
async fn a_retained_alert_is_delivered_on_subscribe_and_cleared() {
    for version in [V3, V5] {
        let edge = edge(&config(), &HandIntake::instant());
        let alerts = edge.alerts();
        alerts.publish("saola/v1/alerts/03388/high", "cháy", Retain::Keep).unwrap();
        alerts.publish("saola/v1/alerts/12/low", "x", Retain::No).unwrap();
        let mut client = Client::connected(edge.address(), version, "a").await;
        assert_eq!(client.subscribe("saola/v1/alerts/+/high", 1).await, 1);
        let alert = client.next().await;
        let (topic, id, payload) = alert.message(version);
        assert_eq!((topic.as_str(), payload.as_slice()), ("saola/v1/alerts/03388/high", "cháy".as_bytes()));
        assert!(alert.is_retained() && id > 0);
        client.send(&puback(id)).await;
        client.nothing().await;

        assert_eq!(alerts.publish("saola/v1/alerts/03388/high", "", Retain::Clear), Ok(1));
        let cleared = client.next().await;
        assert!(!cleared.is_retained());
        assert_eq!(cleared.message(version).2, b"");
        let mut later = Client::connected(edge.address(), version, "b").await;
        assert_eq!(later.subscribe("saola/v1/alerts/#", 0).await, 0);
        later.nothing().await;
        assert_eq!(alerts.retained(), 0);
    }
}

#[tokio::test]
async fn vietnamese_topics_and_filters_work() {
    let mut config = config();
    config.alert_topics = "đ/#".to_owned();
    let intake = HandIntake::instant();
    let edge = edge(&config, &intake);
    let mut client = Client::connected(edge.address(), V5, "trạm").await;
    assert_eq!(client.subscribe("đ/#", 0).await, 0);
    edge.alerts().publish("đ", "một", Retain::No).unwrap();
    edge.alerts().publish("đ/đồi", "hai", Retain::No).unwrap();
    assert_eq!(client.next().await.message(V5).2, "một".as_bytes());
    assert_eq!(client.next().await.message(V5).0, "đ/đồi");
    client.publish("đồi/1/nhiệt", 1, b"{}").await;
    assert_eq!(client.pubacks(1).await, [1]);
    assert_eq!(intake.taken()[0].0, "đồi/1/nhiệt");
}

#[tokio::test]
async fn all_retained_alerts_reach_a_subscriber_with_a_small_window() {
    let mut config = config();
    config.limits.alerts_in_flight = 3;
    config.limits.alerts_waiting = 5;
    let edge = edge(&config, &HandIntake::instant());
    for n in 0..500 {
        edge.alerts().publish(&format!("saola/v1/alerts/{n:03}/high"), vec![b'x'; 100], Retain::Keep).unwrap();
    }
    let mut client = Client::connected(edge.address(), V3, "a").await;
    assert_eq!(client.subscribe("saola/v1/alerts/#", 1).await, 1);
    for n in 0..500 {
        let (topic, id, _) = client.next().await.message(V3);
        assert_eq!(topic, format!("saola/v1/alerts/{n:03}/high"));
        client.send(&puback(id)).await;
    }
    client.nothing().await;
}

#[tokio::test]
async fn unacknowledged_alerts_hold_back_further_ones() {
    let mut config = config();
    config.limits.alerts_in_flight = 2;
    let edge = edge(&config, &HandIntake::instant());
    let mut client = Client::connected(edge.address(), V3, "a").await;
    assert_eq!(client.subscribe("saola/v1/alerts/#", 1).await, 1);
    for n in 0..4u8 {
        edge.alerts().publish("saola/v1/alerts/12/high", vec![n], Retain::No).unwrap();
    }
    let first = client.next().await.message(V3).1;
    let second = client.next().await.message(V3).1;
    assert_ne!(first, second);
    client.nothing().await;
    client.send(&puback(first)).await;
    assert_eq!(client.next().await.message(V3).2, [2]);
    client.nothing().await;
}

#[tokio::test]
async fn a_subscriber_that_never_reads_costs_its_queue_and_nobody_else() {
    let mut config = config();
    config.limits.alerts_waiting = 50;
    let edge = edge(&config, &HandIntake::instant());
    let mut deaf = Client::connected(edge.address(), V3, "deaf").await;
    let mut awake = Client::connected(edge.address(), V3, "awake").await;
    for client in [&mut deaf, &mut awake] {
        assert_eq!(client.subscribe("saola/v1/alerts/#", 0).await, 0);
    }
    for n in 0..2_000u32 {
        let payload = [&n.to_be_bytes()[..], &[0; 8_000]].concat();
        assert_eq!(edge.alerts().publish("saola/v1/alerts/12/high", payload, Retain::No), Ok(2));
        let (_, _, payload) = awake.next().await.message(V3);
        assert_eq!(payload[..4], n.to_be_bytes());
    }
    let status = edge.status();
    // The kernel's buffers hold a few hundred of them, the queue fifty; the rest is dropped and counted.
    assert!(status.alerts_dropped > 500, "{status:?}");
    assert_eq!(deaf.next().await.message(V3).2[..4], 0u32.to_be_bytes());
}

#[tokio::test]
async fn subscriptions_end_and_options_of_mqtt_5_are_kept() {
    let edge = edge(&config(), &HandIntake::instant());
    let alerts = edge.alerts();
    alerts.publish("saola/v1/alerts/12/high", "old", Retain::Keep).unwrap();
    let mut client = Client::connected(edge.address(), V5, "a").await;
    // Retain handling 2: nothing retained now; retain as published: the flag is kept on what comes.
    assert_eq!(client.subscribe("saola/v1/alerts/#", 0b0010_1000).await, 0);
    client.nothing().await;
    alerts.publish("saola/v1/alerts/12/high", "new", Retain::Keep).unwrap();
    assert!(client.next().await.is_retained());
    // Retain handling 1: only for a new subscription, which this is not.
    assert_eq!(client.subscribe("saola/v1/alerts/#", 0b0001_0000).await, 0);
    client.nothing().await;
    client.send(&unsubscribe(V5, 9, "saola/v1/alerts/#")).await;
    assert_eq!(client.next().await.body, [0, 9, 0, 0]);
    client.send(&unsubscribe(V5, 10, "saola/v1/alerts/#")).await;
    assert_eq!(client.next().await.body, [0, 10, 0, 17]);
    assert_eq!(alerts.publish("saola/v1/alerts/12/high", "newer", Retain::Keep), Ok(0));
    client.nothing().await;
}

#[tokio::test]
async fn what_could_never_be_heard_or_is_too_much_is_refused() {
    let mut config = config();
    config.limits.subscriptions = 2;
    config.limits.retained = 1;
    let edge = edge(&config, &HandIntake::instant());
    for (version, denied, shared, invalid, quota) in [(V3, 0x80, 0x80, 0x80, 0x80), (V5, 0x87, 0x9E, 0x8F, 0x97)] {
        let mut client = Client::connected(edge.address(), version, "a").await;
        assert_eq!(client.subscribe("saola/v1/TR-1", 0).await, denied);
        assert_eq!(client.subscribe("$SYS/#", 0).await, denied);
        assert_eq!(client.subscribe("$share/g/saola/v1/alerts/#", 0).await, shared);
        assert_eq!(client.subscribe("saola/#/high", 0).await, invalid);
        assert_eq!(client.subscribe("#", 2).await, 1);
        assert_eq!(client.subscribe("saola/v1/alerts/1", 0).await, 0);
        assert_eq!(client.subscribe("saola/v1/alerts/2", 0).await, quota);
        assert_eq!(client.subscribe("#", 0).await, 0);
    }
    let alerts = edge.alerts();
    assert_eq!(alerts.publish("saola/v1/alerts/1", "x", Retain::Keep), Ok(1));
    let full = alerts.publish("saola/v1/alerts/2", "x", Retain::Keep);
    assert!(matches!(full, Err(AlertError::RetainedFull { limit: 1, .. })));
    assert!(matches!(alerts.publish("saola/v1/TR-1", "x", Retain::No), Err(AlertError::Topic { .. })));
    assert!(matches!(alerts.publish("saola/v1/alerts/+", "x", Retain::No), Err(AlertError::Topic { .. })));
    assert_eq!(edge.status().retained_full, 1);
}

#[tokio::test]
async fn a_subscriber_s_own_limits_are_kept() {
    let edge = edge(&config(), &HandIntake::instant());
    let mut client = Client::open(edge.address(), V5).await;
    let mut small = connect(V5, "small", None, 60);
    // Receive Maximum 1, Maximum Packet Size 60.
    small.splice(12..13, [8, 0x21, 0, 1, 0x27, 0, 0, 0, 60]);
    small[1] += 8;
    client.send(&small).await;
    assert_eq!(client.next().await.reason(), 0);
    assert_eq!(client.subscribe("saola/v1/alerts/#", 1).await, 1);
    for payload in ["first", "a payload that is far longer than this subscriber takes", "second"] {
        edge.alerts().publish("saola/v1/alerts/1", payload, Retain::No).unwrap();
    }
    let (_, id, payload) = client.next().await.message(V5);
    assert_eq!(payload, b"first");
    client.nothing().await;
    client.send(&puback(id)).await;
    assert_eq!(client.next().await.message(V5).2, b"second");
    assert_eq!(edge.status().alerts_dropped, 1);
}
