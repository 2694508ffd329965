//! Warnings that an outsider can provoke, at most one of a kind every ten seconds.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(10);

/// One kind of warning.
#[derive(Default)]
struct Seldom {
    last: Mutex<Option<Instant>>,
    left_out: AtomicU64,
}

impl Seldom {
    /// Whether to speak now, and how many were left out since the last time.
    fn due(&self) -> Option<u64> {
        let now = Instant::now();
        let mut last = self.last.lock();
        if last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        *last = Some(now);
        Some(self.left_out.swap(0, Ordering::Relaxed))
    }
}

/// The kinds.
#[derive(Default)]
pub(super) struct Warnings {
    wrong_password: Seldom,
    connections: Seldom,
    accept: Seldom,
}

impl Warnings {
    pub fn wrong_password(&self, address: IpAddr, account: &str) {
        if let Some(left_out) = self.wrong_password.due() {
            tracing::warn!(%address, account, left_out, "an MQTT client gave a wrong name or password");
        }
    }

    pub fn connections(&self, limit: usize) {
        if let Some(left_out) = self.connections.due() {
            tracing::warn!(limit, left_out, "an MQTT client was turned away: the limit of connections is reached");
        }
    }

    pub fn accept(&self, error: &std::io::Error) {
        if let Some(left_out) = self.accept.due() {
            tracing::error!(%error, left_out, "no MQTT connection can be accepted; raise the limit of open files?");
        }
    }
}
