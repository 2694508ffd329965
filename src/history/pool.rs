//! The numbers that percentiles are made of: all walks together hold a bounded number of them.
//!
//! A percentile needs every sample of its bucket at once. One bucket's are bounded by
//! [`super::fold::PERCENTILE_SAMPLES_MAX`], those of everybody who asks at the same time by the pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Numbers taken from the pool at a time.
pub const PIECE: usize = 4_096;

/// How many numbers may still be held.
#[derive(Debug)]
pub struct Pool(AtomicUsize);

/// The pool has no more.
#[derive(Debug, PartialEq, Eq)]
pub struct Exhausted;

impl Pool {
    /// Of so many numbers, 8 bytes each.
    pub fn of(numbers: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(numbers)))
    }

    fn take(&self) -> Result<(), Exhausted> {
        let less = |left: usize| left.checked_sub(PIECE);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).map(drop).map_err(|_| Exhausted)
    }
}

/// Numbers held.
#[derive(Debug)]
pub struct Held {
    pool: Arc<Pool>,
    numbers: Vec<f64>,
    taken: usize,
}

impl Held {
    /// None yet.
    pub fn none(pool: Arc<Pool>) -> Self {
        Self { pool, numbers: Vec::new(), taken: 0 }
    }

    /// One more.
    pub fn push(&mut self, number: f64) -> Result<(), Exhausted> {
        if self.numbers.len() == self.taken {
            self.pool.take()?;
            self.taken += PIECE;
        }
        self.numbers.push(number);
        Ok(())
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// All of them, in any order.
    pub fn numbers(&mut self) -> &mut [f64] {
        &mut self.numbers
    }

    /// Gives them back. A little is kept for the next bucket.
    pub fn clear(&mut self) {
        self.numbers.clear();
        self.numbers.shrink_to(PIECE);
        self.give_back();
    }

    fn give_back(&mut self) {
        self.pool.0.fetch_add(std::mem::take(&mut self.taken), Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_holds_is_missing_to_others_until_it_is_given_back() {
        let pool = Pool::of(2 * PIECE);
        let (mut one, mut other) = (Held::none(Arc::clone(&pool)), Held::none(pool));
        (0..=PIECE).for_each(|number| one.push(number as f64).unwrap());
        assert_eq!(other.push(1.0), Err(Exhausted));
        one.clear();
        (0..2 * PIECE).for_each(|number| other.push(number as f64).unwrap());
        assert_eq!(other.push(1.0), Err(Exhausted));
        drop(other);
        assert_eq!(one.push(1.0), Ok(()));
        assert_eq!(one.numbers(), [1.0]);
    }
}
