//! Waiting for what another process does: conditions with a deadline, never a sleep that hopes. The benchmarks too.

use std::net::TcpListener;
use std::time::{Duration, Instant};

/// The longest wait for anything: far more than a slow machine needs, and a test that gets there has failed.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asks `found` again and again until it gives something; panics at the deadline, saying what was waited for.
pub async fn eventually<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found().await {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
