//! How many wrong passwords an address may try: a bucket per address that refills over a minute.
//!
//! Bounded: at [`ADDRESSES_MAX`] addresses those that have refilled are forgotten; when none has, the new address
//! shares one bucket with the other new ones, so that a flood from many addresses is slowed and not remembered.
//!
//! Left out on purpose (it comes later): growing delays, lock-out of accounts, networks instead of addresses.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

const ADDRESSES_MAX: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts wrong passwords by address.
pub(super) struct Throttle {
    per_minute: f64,
    counts: Mutex<Counts>,
}

struct Counts {
    by_address: HashMap<IpAddr, Count>,
    strangers: Count,
}

#[derive(Clone, Copy)]
struct Count {
    wrong: f64,
    at: Instant,
}

impl Count {
    fn new(now: Instant) -> Self {
        Count { wrong: 0.0, at: now }
    }

    fn settle(&mut self, now: Instant, per_minute: f64) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64() / MINUTE.as_secs_f64();
        self.wrong = (self.wrong - passed * per_minute).max(0.0);
        self.at = now;
        self.wrong
    }
}

impl Throttle {
    pub fn new(per_minute: u32, now: Instant) -> Self {
        let counts = Counts { by_address: HashMap::new(), strangers: Count::new(now) };
        Throttle { per_minute: f64::from(per_minute), counts: Mutex::new(counts) }
    }

    /// Whether `address` may have a password checked now.
    pub fn allows(&self, address: IpAddr, now: Instant) -> bool {
        let mut counts = self.counts.lock();
        let full = counts.by_address.len() >= ADDRESSES_MAX;
        let counts = &mut *counts;
        let count = match counts.by_address.get_mut(&address) {
            Some(count) => count,
            None if full => &mut counts.strangers,
            None => return true,
        };
        count.settle(now, self.per_minute) + 1.0 <= self.per_minute
    }

    /// A password from `address` was wrong.
    pub fn wrong(&self, address: IpAddr, now: Instant) {
        let mut counts = self.counts.lock();
        let counts = &mut *counts;
        if counts.by_address.len() >= ADDRESSES_MAX && !counts.by_address.contains_key(&address) {
            counts.by_address.retain(|_, count| count.settle(now, self.per_minute) > 0.0);
        }
        let count = if counts.by_address.len() < ADDRESSES_MAX || counts.by_address.contains_key(&address) {
            counts.by_address.entry(address).or_insert_with(|| Count::new(now))
        } else {
            &mut counts.strangers
        };
        count.settle(now, self.per_minute);
        count.wrong += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(number))
    }

    #[test]
    fn an_address_is_slowed_alone_and_forgiven_with_time() {
        let start = Instant::now();
        let throttle = Throttle::new(3, start);
        for _ in 0..3 {
            assert!(throttle.allows(address(1), start));
            throttle.wrong(address(1), start);
        }
        assert!(!throttle.allows(address(1), start));
        assert!(throttle.allows(address(2), start));
        assert!(throttle.allows(address(1), start + Duration::from_secs(21)));
    }

    #[test]
    fn a_flood_from_many_addresses_is_slowed_and_takes_no_more_memory() {
        let start = Instant::now();
        let throttle = Throttle::new(3, start);
        for number in 0..20_000 {
            throttle.wrong(address(number), start);
        }
        assert_eq!(throttle.counts.lock().by_address.len(), ADDRESSES_MAX);
        assert!(!throttle.allows(address(30_000), start));
        throttle.wrong(address(30_000), start + MINUTE);
        assert!(throttle.counts.lock().by_address.len() <= 1);
    }
}
