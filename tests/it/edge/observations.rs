//! New observations at the edge: who hears them, and that they take no alert's place.

use saola::mqtt::edge::Retain;

use super::double::{HandIntake, config, edge};
use crate::mqtt_client::{Client, V3, V5, unsubscribe};

const TOPIC: &str = "v1.1/Datastreams('A:pm2_5')/Observations";

#[tokio::test]
async fn observations_reach_those_who_have_subscribed_while_they_are_connected() {
    let edge = edge(&config(), &HandIntake::instant());
    let observations = edge.observations();
    assert!(!observations.are_heard());
    let mut alerts_only = Client::connected(edge.address(), V5, "alerts").await;
    assert_eq!(alerts_only.subscribe("saola/v1/alerts/#", 1).await, 1);
    assert!(!observations.are_heard(), "alerts are none");
    assert_eq!(observations.publish(TOPIC, "nobody"), 0);

    let filters = [TOPIC, "v1.1/+/Observations", "v1.1/#", "#"];
    let mut clients = Vec::new();
    for (n, filter) in filters.into_iter().enumerate() {
        let version = [V3, V5][n % 2];
        let mut client = Client::connected(edge.address(), version, filter).await;
        client.subscribe(filter, 1).await;
        // Twice the same for one client is told once.
        client.subscribe("v1.1/+/+", 0).await;
        clients.push((client, version, filter));
    }
    assert!(observations.are_heard());
    assert_eq!(observations.publish(TOPIC, "12.5"), filters.len());
    for (client, version, filter) in &mut clients {
        let packet = client.next().await;
        assert!(!packet.is_retained());
        assert_eq!(packet.message(*version), (TOPIC.to_owned(), 0, b"12.5".to_vec()), "{filter}");
        client.nothing().await;
    }
    alerts_only.nothing().await;

    for not_ours in ["v1.1/Datastreams(1)/Observations/x", "v1.1/+/Observations", "saola/v1/alerts/12/high", ""] {
        assert_eq!(observations.publish(not_ours, "x"), 0, "{not_ours}");
    }
    for (mut client, version, filter) in clients {
        for (n, filter) in [filter, "v1.1/+/+"].into_iter().enumerate() {
            client.send(&unsubscribe(version, 10 + n as u16, filter)).await;
            assert_eq!(client.next().await.kind(), 11);
        }
    }
    assert!(!observations.are_heard(), "everybody has gone");
    assert_eq!(edge.status().observations_sent, filters.len() as u64);
}

#[tokio::test]
async fn observations_give_way_and_take_no_alerts_place() {
    let mut config = config();
    config.limits.alerts_waiting = 50;
    let edge = edge(&config, &HandIntake::instant());
    let mut deaf = Client::connected(edge.address(), V3, "deaf").await;
    deaf.subscribe("#", 0).await;
    // More than the kernel's buffers and the inbox hold together.
    for n in 0..4_000u32 {
        let payload = [&n.to_be_bytes()[..], &[0; 8_000]].concat();
        assert_eq!(edge.observations().publish(TOPIC, payload), 1);
    }
    for n in 0..50u8 {
        edge.alerts().publish("saola/v1/alerts/12/high", vec![n], Retain::No).unwrap();
    }
    let mut alerts = Vec::new();
    let mut newest = None;
    while alerts.len() < 50 || newest != Some(3_999) {
        let (topic, _, payload) = deaf.next().await.message(V3);
        match topic == TOPIC {
            true => newest = Some(u32::from_be_bytes(payload[..4].try_into().unwrap())),
            false => alerts.push(payload[0]),
        }
    }
    assert_eq!(alerts, (0..50).collect::<Vec<u8>>(), "every alert, in order");
    let status = edge.status();
    assert!(status.observations_dropped > 1_000, "{status:?}");
    assert_eq!(status.observations_dropped + status.observations_sent, 4_000);
    assert_eq!((status.alerts_sent, status.alerts_dropped), (50, 0));
}
