//! How many wrong passwords an address may try, and how many an account may have tried on it from anywhere: a bucket
//! for each, which refills over a minute. Addresses of IPv6 count by their network of 64 bits, as one subscriber has at
//! least that.
//!
//! Somebody who guesses can so keep an account's clients out that have not signed in since the start; those that have,
//! and devices with credentials of their own or certificates, are let in without this being asked.
//!
//! Bounded: at [`KEYS_MAX`] addresses and accounts those that have refilled are forgotten; when none has, the new address
//! shares one bucket with the other new ones, so that a flood from many addresses is slowed and not remembered.
//!
//! Left out on purpose: growing delays (the bucket's rate is the bound), and locking until somebody unlocks.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

const KEYS_MAX: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    /// A digest of its name: anybody can make up long ones.
    Account(u64),
}

/// Counts wrong passwords by address and by account.
pub(super) struct Throttle {
    per_minute: f64,
    counts: Mutex<Counts>,
    names: RandomState,
}

struct Counts {
    by_key: HashMap<Key, Count>,
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
        let counts = Counts { by_key: HashMap::new(), strangers: Count::new(now) };
        Throttle { per_minute: f64::from(per_minute), counts: Mutex::new(counts), names: RandomState::new() }
    }

    fn keys(&self, address: IpAddr, account: &str) -> [Key; 2] {
        let network = match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address => address,
        };
        [Key::Address(network), Key::Account(self.names.hash_one(account))]
    }

    /// Whether `address` may have a password for `account` checked now.
    pub fn allows(&self, address: IpAddr, account: &str, now: Instant) -> bool {
        let mut counts = self.counts.lock();
        let full = counts.by_key.len() >= KEYS_MAX;
        let counts = &mut *counts;
        self.keys(address, account).iter().all(|key| {
            let count = match counts.by_key.get_mut(key) {
                Some(count) => count,
                None if full => &mut counts.strangers,
                None => return true,
            };
            count.settle(now, self.per_minute) + 1.0 <= self.per_minute
        })
    }

    /// A password for `account` from `address` was wrong.
    pub fn wrong(&self, address: IpAddr, account: &str, now: Instant) {
        let mut counts = self.counts.lock();
        let counts = &mut *counts;
        for key in self.keys(address, account) {
            if counts.by_key.len() >= KEYS_MAX && !counts.by_key.contains_key(&key) {
                counts.by_key.retain(|_, count| count.settle(now, self.per_minute) > 0.0);
            }
            let count = if counts.by_key.len() < KEYS_MAX || counts.by_key.contains_key(&key) {
                counts.by_key.entry(key).or_insert_with(|| Count::new(now))
            } else {
                &mut counts.strangers
            };
            count.settle(now, self.per_minute);
            count.wrong += 1.0;
        }
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
            assert!(throttle.allows(address(1), "a", start));
            throttle.wrong(address(1), "a", start);
        }
        assert!(!throttle.allows(address(1), "a", start));
        assert!(throttle.allows(address(2), "b", start));
        assert!(throttle.allows(address(1), "a", start + Duration::from_secs(21)));
    }

    #[test]
    fn a_flood_from_many_addresses_is_slowed_and_takes_no_more_memory() {
        let start = Instant::now();
        let throttle = Throttle::new(3, start);
        for number in 0..20_000 {
            throttle.wrong(address(number), "a", start);
        }
        assert_eq!(throttle.counts.lock().by_key.len(), KEYS_MAX);
        assert!(!throttle.allows(address(30_000), "b", start));
        throttle.wrong(address(30_000), "b", start + MINUTE * 20_000);
        assert!(throttle.counts.lock().by_key.len() <= 2);
    }

    #[test]
    fn an_account_is_guarded_against_guesses_from_many_addresses() {
        let start = Instant::now();
        let throttle = Throttle::new(3, start);
        (1..=3).for_each(|number| throttle.wrong(address(number), "a", start));
        assert!(!throttle.allows(address(4), "a", start));
        assert!(throttle.allows(address(4), "b", start));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let start = Instant::now();
        let throttle = Throttle::new(3, start);
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        for (place, text) in ["2001:db8::1", "2001:db8::2:0:0:1", "2001:db8::3"].into_iter().enumerate() {
            throttle.wrong(at(text), &place.to_string(), start);
        }
        assert!(!throttle.allows(at("2001:db8::4"), "b", start));
        assert!(throttle.allows(at("2001:db8:0:1::1"), "b", start));
        throttle.wrong(at("::ffff:192.0.2.1"), "c", start);
        assert!(throttle.allows(at("192.0.2.2"), "d", start));
    }
}
