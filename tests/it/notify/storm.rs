//! 10,000 stations cross a threshold within five seconds.

use std::time::{Duration, Instant};

use saola::clock::Clock;

use super::bench::{Pair, Receiver, begin, config, entries, new_state, sample, takes_all, time_of};
use crate::wait::eventually;

const STATIONS: u64 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_crossings_become_at_most_twenty_messages_that_add_up() {
    let receiver = Receiver::start(takes_all).await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), receiver.address, &["wall", "dispatch"]);
    let mut pair = Pair::open(folder.path(), &config, Clock::System, new_state());
    pair.take(&entries(1, begin(STATIONS as u32)));
    pair.run();
    let begun = Instant::now();
    let storm: Vec<_> = entries(3, (0..STATIONS).map(|station| sample(station as u32, time_of(station + 3), 20.0)));
    for (part, batch) in storm.chunks(200).enumerate() {
        // 2,000 a second.
        let due = begun + Duration::from_millis(100 * part as u64);
        tokio::time::sleep_until(due.into()).await;
        pair.take(batch);
    }
    let durable_after = begun.elapsed();
    eventually("everything to be told", async || (pair.waiting() == 0).then_some(())).await;
    let told_after = begun.elapsed();
    for lane in ["wall", "dispatch"] {
        let received = receiver.of(lane);
        let members: usize = received.iter().map(|one| one.members().len()).sum();
        println!(
            "{lane}: {} messages, {members} members; durable after {durable_after:?}, told after {told_after:?}",
            received.len()
        );
        assert!(received.len() <= 20, "{lane}: {} messages", received.len());
        assert_eq!(members, STATIONS as usize, "{lane}");
    }
    assert!(durable_after < Duration::from_secs(10), "{durable_after:?}");
    assert!(told_after < Duration::from_secs(60), "{told_after:?}");
    pair.stop().await;
}
