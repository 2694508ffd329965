//! Which occurrence of a repeated event is going on, and how old it is.

use crate::scenario::When;

/// One occurrence of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occurrence {
    /// 0 for the first.
    pub number: usize,
    /// Seconds since it began.
    pub age_s: f64,
}

/// The latest occurrence begun at `since_s`; `None` before the first.
pub fn latest(when: When, since_s: f64) -> Option<Occurrence> {
    let elapsed = since_s - when.at.seconds();
    if elapsed < 0.0 {
        return None;
    }
    match when.repeat.map(|repeat| repeat.seconds()).filter(|repeat| *repeat > 0.0) {
        None => Some(Occurrence { number: 0, age_s: elapsed }),
        Some(repeat) => {
            let number = libm::floor(elapsed / repeat);
            Some(Occurrence { number: number as usize, age_s: elapsed - number * repeat })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Span;

    #[test]
    fn occurrences_follow_each_other() {
        let when = When { at: Span(-60.0), repeat: Some(Span(100.0)) };
        assert_eq!(latest(when, -61.0), None);
        assert_eq!(latest(when, 0.0), Some(Occurrence { number: 0, age_s: 60.0 }));
        assert_eq!(latest(when, 45.0), Some(Occurrence { number: 1, age_s: 5.0 }));
        let once = When { at: Span(0.0), repeat: None };
        assert_eq!(latest(once, 1e6), Some(Occurrence { number: 0, age_s: 1e6 }));
    }
}
