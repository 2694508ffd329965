//! An end-point that is down for an hour: everything arrives after, and nobody else waits.

use std::time::Duration;

use axum::http::StatusCode;
use saola::clock::Clock;
use saola::model::{PersonId, Severity};
use saola::notify::config::{Config, ContentType, Gateway, Topic};
use saola::notify::people::Wished;
use saola::notify::person::Subscription;

use super::bench::{NOW, Pair, Receiver, begin, config, entries, new_state, sample, takes_all, time_of};
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_point_that_is_down_for_an_hour_gets_everything_after_and_delays_nobody() {
    let receiver = Receiver::start(|received| match received.lane.as_str() {
        "down" => (StatusCode::SERVICE_UNAVAILABLE, Duration::ZERO),
        _ => (StatusCode::OK, Duration::ZERO),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), receiver.address, &["down", "up"]);
    let clock = Clock::manual(NOW);
    let mut pair = Pair::open(folder.path(), &config, clock.clone(), new_state());
    pair.take(&entries(1, begin(60)));
    pair.run();
    for minute in 0..60_u64 {
        clock.set(NOW + Duration::from_secs(60 * minute));
        let seq = minute + 3;
        pair.take(&entries(seq, [sample(minute as u32, time_of(seq), 20.0)]));
        let told = usize::try_from(minute).unwrap() + 1;
        eventually("the other one to be told", async || (receiver.of("up").len() == told).then_some(())).await;
    }
    let tries = receiver.refused.lock().len();
    assert!((10..=60).contains(&tries), "backs off to five minutes: {tries} tries in an hour");
    assert!(receiver.of("down").is_empty());
    receiver.behave(takes_all);
    let mut minutes = 60;
    eventually("everything to be told", async || {
        minutes += 1;
        clock.set(NOW + Duration::from_secs(60 * minutes));
        pair.courier.ring();
        (pair.waiting() == 0).then_some(())
    })
    .await;
    let members: usize = receiver.of("down").iter().map(|one| one.members().len()).sum();
    assert_eq!(members, 60);
    let rows = pair.deliveries();
    assert!(rows.iter().all(|row| row.state.word() == "sent"));
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_end_points_that_hang_leave_room_for_the_living() {
    let receiver = Receiver::start(|received| match received.lane.as_str() {
        "alive" => (StatusCode::OK, Duration::ZERO),
        _ => (StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(30)),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..50).map(|number| format!("dead-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).chain(["alive"]).collect();
    let config = config(folder.path(), receiver.address, &names);
    let mut pair = Pair::open(folder.path(), &config, Clock::System, new_state());
    pair.take(&entries(1, begin(1)));
    pair.run();
    let begun = std::time::Instant::now();
    pair.take(&entries(3, [sample(0, time_of(3), 20.0)]));
    eventually("the living one to be told", async || (receiver.of("alive").len() == 1).then_some(())).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_hangs_for_hundreds_of_addresses_leaves_room_for_another() {
    let receiver = Receiver::start(|received| match received.lane.as_str() {
        "chat" => (StatusCode::OK, Duration::ZERO),
        _ => (StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(60)),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let gateway = |name: &str| Gateway {
        name: name.to_owned(),
        url: format!("http://{}/{name}", receiver.address),
        body: "{text}".to_owned(),
        content_type: ContentType::Plain,
        ..Gateway::default()
    };
    let gateways = vec![gateway("dead"), gateway("chat")];
    let config = Config { gateways, ..config(folder.path(), receiver.address, &[]) };
    let mut pair = Pair::open(folder.path(), &config, Clock::System, new_state());
    let add = |number: usize, channel: &str| {
        let person = Wished {
            id: PersonId(format!("p-{number}").into()),
            name: format!("Người {number}"),
            account: None,
            contacts: vec![(channel.to_owned(), number.to_string())],
            subscriptions: vec![Subscription { least_severity: Severity::Low, ..Subscription::default() }],
        };
        pair.people.add(&person, NOW).unwrap();
    };
    (0..300).for_each(|number| add(number, "dead"));
    add(300, "chat");
    pair.take(&entries(1, begin(1)));
    pair.take(&entries(3, [sample(0, time_of(3), 20.0)]));
    pair.run();
    eventually("the other gateway to be asked", async || (receiver.of("chat").len() == 1).then_some(())).await;
    let ended = pair.deliveries().into_iter().filter(|row| row.channel == "dead" && row.error.is_some()).count();
    assert_eq!(ended, 0, "it waited for no try of the dead one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_try_that_panics_is_made_again_and_stops_nothing() {
    let receiver = Receiver::start(takes_all).await;
    let folder = tempfile::tempdir().unwrap();
    let topic = Topic { name: "wall".to_owned(), topic: "saola/x".to_owned(), ..Topic::default() };
    let config = Config { topics: vec![topic], ..config(folder.path(), receiver.address, &[]) };
    let clock = Clock::manual(NOW);
    let times = std::sync::atomic::AtomicU32::new(0);
    let publish = Box::new(move |_: &str, _: Vec<u8>| {
        let before = times.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert!(before > 0, "the first time it breaks");
        Ok(())
    });
    let mut pair = Pair::publishing(folder.path(), &config, clock.clone(), new_state(), Some(publish));
    pair.take(&entries(1, begin(1)));
    pair.take(&entries(3, [sample(0, time_of(3), 20.0)]));
    pair.run();
    let mut seconds = 0;
    eventually("it to be told", async || {
        seconds += 1;
        clock.set(NOW + Duration::from_secs(seconds));
        pair.courier.ring();
        (pair.waiting() == 0).then_some(())
    })
    .await;
    let row = pair.deliveries().remove(0);
    assert_eq!((row.state.word(), row.attempts), ("sent", 2));
    pair.stop().await;
}
