//! The publisher survives its broker and tells the truth about acknowledgements.

use std::collections::BTreeSet;
use std::time::Duration;

use saola_sim::mqtt::{Credentials, MqttError, Options, Publisher, Qos};

use crate::broker::{Broker, Manner};

fn quick() -> Options {
    let mut options = Options::new("test");
    options.back_off_min = Duration::from_millis(1);
    options.back_off_max = Duration::from_millis(10);
    options
}

#[tokio::test]
async fn acknowledged_messages_are_known_exactly() {
    let broker = Broker::start(Manner::default());
    let publisher = Publisher::connect(&broker.address, quick()).await.unwrap();
    for number in 0..500_u64 {
        let qos = if number % 5 == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce };
        assert_eq!(publisher.publish("đo/1", number.to_string().as_bytes(), qos).await.unwrap(), number);
    }
    assert!(publisher.settled(Duration::from_secs(10)).await);
    let acknowledged = publisher.acknowledged();
    assert_eq!(acknowledged.count(), 400);
    assert!(!acknowledged.contains(0) && acknowledged.contains(1) && !acknowledged.contains(500));
    let totals = publisher.close(Duration::from_secs(1)).await;
    assert_eq!(
        (totals.published, totals.acknowledged, totals.sent_unacknowledged, totals.reconnects),
        (500, 400, 100, 0)
    );
    let texts: Vec<String> = broker.got().into_iter().map(|got| String::from_utf8(got.payload).unwrap()).collect();
    assert_eq!(texts, (0..500).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_cut_connection_loses_nothing_and_repeats_with_dup() {
    let manner = Manner { cut_after: Some(70), unacknowledged: 13, cuts: 4, ..Manner::default() };
    let broker = Broker::start(manner);
    let mut options = quick();
    options.window = 32;
    let publisher = Publisher::connect(&broker.address, options).await.unwrap();
    for number in 0..1_000_u64 {
        publisher.publish("t", &number.to_be_bytes(), Qos::AtLeastOnce).await.unwrap();
    }
    assert!(publisher.settled(Duration::from_secs(10)).await);
    let totals = publisher.close(Duration::from_secs(1)).await;
    assert_eq!((totals.acknowledged, totals.reconnects), (1_000, 4));
    assert!(totals.resent >= 4 * 13, "{totals:?}");
    let got = broker.got();
    let distinct: BTreeSet<Vec<u8>> = got.iter().map(|got| got.payload.clone()).collect();
    assert_eq!(distinct.len(), 1_000);
    let mut seen = BTreeSet::new();
    for message in &got {
        // Whatever comes again was sent again, and nothing is sent again that was acknowledged.
        assert!(!seen.contains(&(&message.payload, true)), "an acknowledged message came again");
        assert!(message.dup || !seen.contains(&(&message.payload, false)), "a repetition without DUP");
        seen.insert((&message.payload, message.acknowledged));
    }
}

#[tokio::test]
async fn aborting_says_what_was_acknowledged_until_then() {
    let manner = Manner { cut_after: Some(50), unacknowledged: 8, cuts: usize::MAX, ..Manner::default() };
    let broker = Broker::start(manner);
    let mut options = quick();
    options.window = 64;
    options.back_off_min = Duration::from_secs(60);
    let publisher = Publisher::connect(&broker.address, options).await.unwrap();
    for number in 0..60_u64 {
        publisher.publish("t", &number.to_be_bytes(), Qos::AtLeastOnce).await.unwrap();
    }
    let mut totals = publisher.totals();
    totals.wait_for(|totals| totals.acknowledged == 42).await.unwrap();
    let acknowledged = publisher.abort();
    assert_eq!(acknowledged.numbers().collect::<Vec<_>>(), (0..42).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_refusal_is_final_and_nobody_is_reported() {
    let broker = Broker::start(Manner { connack: 5, ..Manner::default() });
    let mut options = quick();
    options.credentials = Some(Credentials { username: "đài".into(), password: "mật khẩu".into() });
    let refused = Publisher::connect(&broker.address, options).await.unwrap_err();
    assert!(matches!(refused, MqttError::Refused { code: 5, .. }), "{refused}");
    let connect = &broker.connects()[0];
    let has = |text: &str| connect.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("đài") && has("mật khẩu"));

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut options = quick();
    options.connect_within = Duration::from_millis(50);
    let unreachable = Publisher::connect(&free, options).await.unwrap_err();
    assert!(matches!(unreachable, MqttError::Unreachable { .. }), "{unreachable}");
}

#[tokio::test]
async fn a_message_that_the_broker_never_takes_is_given_up_when_asked() {
    let broker = Broker::start(Manner { forbids: Some("forbidden"), ..Manner::default() });
    let mut options = quick();
    options.give_up_after = Some(3);
    let publisher = Publisher::connect(&broker.address, options).await.unwrap();
    for number in 0..100_u64 {
        let topic = if number == 40 || number == 41 { "forbidden" } else { "t" };
        publisher.publish(topic, &number.to_be_bytes(), Qos::AtLeastOnce).await.unwrap();
    }
    assert!(publisher.settled(Duration::from_secs(10)).await);
    let acknowledged = publisher.acknowledged();
    assert!(!acknowledged.contains(40) && !acknowledged.contains(41) && acknowledged.count() == 98);
    let totals = publisher.close(Duration::from_secs(1)).await;
    assert_eq!((totals.given_up, totals.acknowledged), (2, 98));
}
