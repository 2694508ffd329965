//! Those who read the event stream: how many, in all and by address, and what was written for them.

use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::told::Told;

/// Counts open streams against their limits.
pub struct Readers {
    total_max: usize,
    per_address_max: usize,
    seats: Mutex<Seats>,
    told: Told,
}

#[derive(Default)]
struct Seats {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place among the readers, given back when it is dropped.
pub struct Seat {
    readers: Arc<Readers>,
    address: IpAddr,
}

impl Readers {
    /// At most `total_max`, and `per_address_max` from one address.
    pub fn new(total_max: usize, per_address_max: usize) -> Self {
        Self { total_max, per_address_max, seats: Mutex::default(), told: Told::new() }
    }

    /// A seat for one more; `None` when there is none.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let mut seats = self.seats.lock();
        let here = seats.by_address.get(&address).copied().unwrap_or(0);
        if seats.total >= self.total_max || here >= self.per_address_max {
            metrics::counter!("http_streams_refused_total").increment(1);
            return None;
        }
        seats.total += 1;
        seats.by_address.insert(address, here + 1);
        metrics::gauge!("http_streams").set(seats.total as f64);
        Some(Seat { readers: Arc::clone(self), address })
    }
}

impl Seat {
    /// What was told to the readers last.
    pub fn told(&self) -> &Told {
        &self.readers.told
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.readers.seats.lock();
        seats.total = seats.total.saturating_sub(1);
        if let Some(here) = seats.by_address.get_mut(&self.address) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                seats.by_address.remove(&self.address);
            }
        }
        metrics::gauge!("http_streams").set(seats.total as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_limited_and_given_back() {
        let readers = Arc::new(Readers::new(3, 2));
        let [one, other] = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        let first = readers.take(one);
        let _second = readers.take(one).unwrap();
        assert!(readers.take(one).is_none());
        let _third = readers.take(other).unwrap();
        assert!(readers.take(other).is_none());
        drop(first);
        assert!(readers.take(other).is_some());
        assert_eq!(readers.seats.lock().by_address.len(), 2);
    }
}
