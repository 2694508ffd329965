//! How far a sample can be trusted, as flags: a sample without flags is good.
//!
//! What is physically impossible (outside a channel's plausible range) is refused and never becomes a sample. What is
//! only suspicious is taken as it is and flagged: nothing is silently changed, and whoever asks for good data does not
//! get it.

use serde::{Deserialize, Serialize};

/// Flags on a sample. Alerts and default queries use samples that [`Quality::is_good`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quality(pub u16);

impl Quality {
    /// Nothing to say against it.
    pub const GOOD: Quality = Quality(0);
    /// The message had no time; the received time stands in. Says how, not how bad: still good.
    pub const RECEIVED_TIME: Quality = Quality(1 << 0);
    /// The device said that it was calibrating (station file code 01).
    pub const CALIBRATING: Quality = Quality(1 << 1);
    /// The device said that it was at fault (station file code 02).
    pub const FAULT: Quality = Quality(1 << 2);
    /// Plausible, but outside what is to be expected of the property here.
    pub const RANGE: Quality = Quality(1 << 3);
    /// Further from the sample before than the property can change in that time. Provisional: the next sample
    /// confirms the new level (and is good), or shows that this one was a [`Quality::SPIKE`].
    pub const RATE: Quality = Quality(1 << 4);
    /// The value has not moved for longer than the property stands still.
    pub const STUCK: Quality = Quality(1 << 5);
    /// A single point up or down and back: known when the sample after it came.
    pub const SPIKE: Quality = Quality(1 << 6);
    /// The device's clock is ahead of ours, by less than would be refused. The value is good; its time is a little off.
    pub const CLOCK_SKEW: Quality = Quality(1 << 7);
    /// Not measured but estimated, by a person.
    pub const ESTIMATED: Quality = Quality(1 << 8);
    /// Observed while its station was under maintenance.
    pub const MAINTENANCE: Quality = Quality(1 << 9);
    /// A person judged it to be wrong.
    pub const BAD: Quality = Quality(1 << 10);
    /// A person gave this value or this verdict. Says who, not how bad: still good.
    pub const EDITED: Quality = Quality(1 << 11);

    /// Every flag with its word, the worst first: [`Quality::word`] is the first that is set.
    pub const WORDS: [(Quality, &'static str); 12] = [
        (Quality::BAD, "bad"),
        (Quality::FAULT, "fault"),
        (Quality::MAINTENANCE, "maintenance"),
        (Quality::CALIBRATING, "calibrating"),
        (Quality::SPIKE, "spike"),
        (Quality::STUCK, "stuck"),
        (Quality::RATE, "rate"),
        (Quality::RANGE, "range"),
        (Quality::ESTIMATED, "estimated"),
        (Quality::CLOCK_SKEW, "clock_skew"),
        (Quality::EDITED, "edited"),
        (Quality::RECEIVED_TIME, "received_time"),
    ];
    /// Flags that say nothing against the value.
    const HARMLESS: Quality = Quality(Quality::RECEIVED_TIME.0 | Quality::CLOCK_SKEW.0 | Quality::EDITED.0);
    /// What the automatic checks say: a person's verdict takes their place.
    pub const SUSPICIONS: Quality = Quality(Quality::RANGE.0 | Quality::RATE.0 | Quality::STUCK.0 | Quality::SPIKE.0);
    /// The value is not one of the property as it is outdoors: the checks leave it alone and do not remember it.
    pub const APART: Quality = Quality(Quality::CALIBRATING.0 | Quality::FAULT.0 | Quality::MAINTENANCE.0);

    /// Both sets of flags.
    #[must_use]
    pub const fn with(self, other: Quality) -> Quality {
        Quality(self.0 | other.0)
    }

    /// These flags without those of `other`.
    #[must_use]
    pub const fn without(self, other: Quality) -> Quality {
        Quality(self.0 & !other.0)
    }

    /// Whether every flag of `other` is set.
    pub const fn has(self, other: Quality) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any flag of `other` is set.
    pub const fn has_any(self, other: Quality) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the value may be used for alerts and averages.
    pub const fn is_good(self) -> bool {
        self.0 & !Quality::HARMLESS.0 == 0
    }

    /// The worst thing to be said against it, in one word; `good` when there is nothing.
    pub fn word(self) -> &'static str {
        if self.is_good() {
            return "good";
        }
        self.words().next().unwrap_or("good")
    }

    /// Every flag that is set, in words, the worst first.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Quality::WORDS.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, word)| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_worst_and_harmless_flags_stay_good() {
        let check = |quality: Quality, word: &str, words: &[&str]| {
            assert_eq!(quality.word(), word);
            assert_eq!(quality.words().collect::<Vec<_>>(), words);
            assert_eq!(quality.is_good(), word == "good");
        };
        check(Quality::GOOD, "good", &[]);
        check(Quality::RECEIVED_TIME.with(Quality::CLOCK_SKEW), "good", &["clock_skew", "received_time"]);
        check(Quality::EDITED, "good", &["edited"]);
        check(Quality::RATE.with(Quality::SPIKE).with(Quality::EDITED), "spike", &["spike", "rate", "edited"]);
        check(Quality::FAULT.with(Quality::RANGE), "fault", &["fault", "range"]);
        for (flag, word) in Quality::WORDS {
            assert_eq!(flag.0.count_ones(), 1, "{word}");
        }
        let all = Quality::WORDS.iter().fold(Quality::GOOD, |all, (flag, _)| all.with(*flag));
        assert_eq!(all.0, (1 << 12) - 1, "every flag has a word");
    }
}
