//! 10,000 stations cross a threshold within five seconds.
//!
//! How long it takes until everything is on disk is measured by `make bench`, step `storm`.

use std::collections::HashSet;
use std::time::Duration;

use saola::clock::Clock;
use saola::model::Seq;
use saola::notify::outbox::{Filter, Outbox};

use super::bench::{NOW, Pair, Receiver, begin, config, entries, new_state, sample, takes_all, time_of};
use crate::wait::eventually;

const STATIONS: u64 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_crossings_become_at_most_twenty_messages_that_add_up() {
    let receiver = Receiver::start(takes_all).await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), receiver.address, &["wall", "dispatch"]);
    let clock = Clock::manual(NOW);
    let mut pair = Pair::open(folder.path(), &config, clock.clone(), new_state());
    pair.take(&entries(1, begin(STATIONS as u32)));
    pair.run();
    let storm: Vec<_> = entries(3, (0..STATIONS).map(|station| sample(station as u32, time_of(station + 3), 20.0)));
    for (batch, passed) in storm.chunks(200).zip(1u32..) {
        // 2,000 a second.
        clock.set(NOW + Duration::from_millis(100) * passed);
        pair.take(batch);
    }
    let mut seconds = 5;
    eventually("everything to be told", async || {
        seconds += 1;
        clock.set(NOW + Duration::from_secs(seconds));
        pair.courier.ring();
        (pair.waiting() == 0).then_some(())
    })
    .await;
    for lane in ["wall", "dispatch"] {
        let received = receiver.of(lane);
        let members: usize = received.iter().map(|one| one.members().len()).sum();
        println!("{lane}: {} messages, {members} members", received.len());
        assert!(received.len() <= 20, "{lane}: {} messages", received.len());
        assert_eq!(members, STATIONS as usize, "{lane}");
    }
    pair.stop().await;
    drop(pair);
    // As whoever opens the file afterwards finds it.
    let outbox = Outbox::open(&folder.path().join("outbox.db"), Seq(0)).unwrap();
    assert_eq!(outbox.checkpoint().unwrap(), Seq(STATIONS + 2));
    let rows = outbox.list(&Filter { limit: 1_000_000, ..Filter::default() }).unwrap();
    assert!(rows.iter().all(|row| row.state.word() == "sent"));
    let told: HashSet<(String, String)> = rows.into_iter().map(|row| (row.alert, row.recipient)).collect();
    assert_eq!(told.len(), STATIONS as usize * 2, "every crossing is on disk for both");
}
