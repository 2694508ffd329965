//! The set of acknowledged messages: all below a number, and a few beyond it.

use std::collections::BTreeSet;

/// Numbers of acknowledged messages. Messages are numbered from 0 in the order of publishing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acknowledged {
    below: u64,
    beyond: BTreeSet<u64>,
}

impl Acknowledged {
    /// Notes a number; `false` when it was noted before.
    pub fn note(&mut self, number: u64) -> bool {
        if number < self.below || !self.beyond.insert(number) {
            return false;
        }
        while self.beyond.remove(&self.below) {
            self.below += 1;
        }
        true
    }

    /// Whether message `number` was acknowledged.
    pub fn contains(&self, number: u64) -> bool {
        number < self.below || self.beyond.contains(&number)
    }

    /// How many were.
    pub fn count(&self) -> u64 {
        self.below + self.beyond.len() as u64
    }

    /// Every message below this number was acknowledged.
    pub fn all_below(&self) -> u64 {
        self.below
    }

    /// Their numbers, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.below).chain(self.beyond.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_close() {
        let mut set = Acknowledged::default();
        for number in [1, 0, 3, 3, 0] {
            set.note(number);
        }
        assert_eq!((set.count(), set.all_below(), set.contains(2)), (3, 2, false));
        assert!(set.note(2));
        assert_eq!((set.all_below(), set.numbers().count()), (4, 4));
    }
}
