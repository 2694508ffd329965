//! How often a password may be guessed: ten times a minute and account, whether the account is there or not.
//!
//! Somebody who guesses can so keep the owner from signing in; sessions that are open go on, and the command line
//! issues tokens. That is the lesser evil. Kept in memory: a restart forgives.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashMap;

use crate::model::Timestamp;

/// Tries in a window.
const TRIES_MAX: usize = 10;
/// The window.
const WINDOW: Duration = Duration::from_secs(60);
/// Names remembered; beyond it the longest quiet ones are forgotten, which costs a guesser as many tries as names.
const NAMES_MAX: usize = 10_000;

/// What is done with a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The password may be looked at.
    Admitted,
    /// The first try too many: worth a line in the audit.
    HeldBack(Duration),
    /// One more of them: a line for each would let a guesser fill the disk.
    StillHeldBack(Duration),
}

/// The tries of the last minute by name.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    tries: HashMap<String, Tries>,
}

#[derive(Debug, Default)]
struct Tries {
    at: VecDeque<Timestamp>,
    held_back_at: Option<Timestamp>,
}

impl Throttle {
    /// Counts a try before its outcome is known, so that tries at the same time count too.
    pub(super) fn admit(&mut self, name: &str, now: Timestamp) -> Verdict {
        if !self.tries.contains_key(name) && self.tries.len() >= NAMES_MAX {
            self.forget(now);
        }
        let tries = self.tries.entry(name.to_owned()).or_default();
        tries.at.retain(|at| is_recent(*at, now));
        if tries.at.len() < TRIES_MAX {
            tries.at.push_back(now);
            return Verdict::Admitted;
        }
        let oldest = tries.at.front().copied().unwrap_or(now);
        let wait = WINDOW.saturating_sub(now.since(oldest)).max(Duration::from_secs(1));
        if tries.held_back_at.is_some_and(|at| is_recent(at, now)) {
            return Verdict::StillHeldBack(wait);
        }
        tries.held_back_at = Some(now);
        Verdict::HeldBack(wait)
    }

    /// The password was right: the account's slate is clean.
    pub(super) fn forgive(&mut self, name: &str) {
        self.tries.remove(name);
    }

    fn forget(&mut self, now: Timestamp) {
        self.tries.retain(|_, tries| tries.at.back().is_some_and(|last| is_recent(*last, now)));
        if self.tries.len() >= NAMES_MAX {
            let mut last: Vec<Timestamp> = self.tries.values().filter_map(|tries| tries.at.back().copied()).collect();
            let middle = last.len() / 2;
            let (_, median, _) = last.select_nth_unstable(middle);
            let median = *median;
            self.tries.retain(|_, tries| tries.at.back().is_some_and(|last| *last > median));
        }
    }
}

/// Within the window on either side: a clock that was set back must not lock anybody out for long.
fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.since(at) < WINDOW && at.since(now) < WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_eleventh_try_in_a_minute_waits_until_the_first_is_a_minute_old() {
        let mut throttle = Throttle::default();
        for second in 0..10 {
            assert_eq!(throttle.admit("an", at(second)), Verdict::Admitted);
        }
        assert_eq!(throttle.admit("an", at(20)), Verdict::HeldBack(seconds(40)));
        assert_eq!(throttle.admit("an", at(21)), Verdict::StillHeldBack(seconds(39)));
        assert_eq!(throttle.admit("binh", at(20)), Verdict::Admitted, "others are not held back");
        assert_eq!(throttle.admit("an", at(60)), Verdict::Admitted);
        assert_ne!(throttle.admit("an", at(60)), Verdict::Admitted, "one has left the window, one has entered");
    }

    #[test]
    fn a_right_password_cleans_the_slate() {
        let mut throttle = Throttle::default();
        for _ in 0..10 {
            throttle.admit("an", at(0));
        }
        throttle.forgive("an");
        assert_eq!(throttle.admit("an", at(0)), Verdict::Admitted);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let mut throttle = Throttle::default();
        for _ in 0..10 {
            throttle.admit("an", at(0));
        }
        assert_eq!(throttle.admit("an", at(-86_400)), Verdict::Admitted);
    }

    #[test]
    fn names_without_end_do_not_fill_the_memory() {
        let mut throttle = Throttle::default();
        for at_micros in 0..50_000 {
            throttle.admit(&format!("name{at_micros}"), Timestamp::from_micros(at_micros));
            assert!(throttle.tries.len() <= NAMES_MAX);
        }
        for number in 0..15_000 {
            throttle.admit(&format!("same instant {number}"), at(0));
            assert!(throttle.tries.len() <= NAMES_MAX);
        }
    }
}
