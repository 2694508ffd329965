//! An end-point that is down for an hour: everything arrives after, and nobody else waits.

use std::time::Duration;

use axum::http::StatusCode;
use saola::clock::Clock;

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
