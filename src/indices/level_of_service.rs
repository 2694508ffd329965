//! Traffic's level of service, A to F, by speed as a share of free flow.
//!
//! The shares are those of urban streets in the Highway Capacity Manual (recalled, not confirmed): above 85, 67, 50, 40 and
//! 30 per cent are A to E, the rest F. Density-based levels of freeways fit mountain roads with many motorcycles poorly.

use super::quantity::KilometresPerHour;

/// A to F.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LevelOfService {
    /// Free flow.
    A,
    /// Reasonably free.
    B,
    /// Stable.
    C,
    /// Approaching unstable flow.
    D,
    /// Unstable.
    E,
    /// Forced: congestion.
    F,
}

/// Shares of free flow in per cent: a speed above the first is A, above the second B, and so on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares(pub [f64; 5]);

impl Default for Shares {
    fn default() -> Self {
        Shares([85.0, 67.0, 50.0, 40.0, 30.0])
    }
}

impl LevelOfService {
    /// Every level, the best first.
    pub const ALL: [LevelOfService; 6] = [
        LevelOfService::A,
        LevelOfService::B,
        LevelOfService::C,
        LevelOfService::D,
        LevelOfService::E,
        LevelOfService::F,
    ];

    /// The letter.
    pub fn letter(self) -> &'static str {
        ["A", "B", "C", "D", "E", "F"][self as usize]
    }

    /// As the derived channel has it: 1 for A to 6 for F.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Vietnamese and English.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            LevelOfService::A => ("Thông suốt", "Free flow"),
            LevelOfService::B => ("Khá thông suốt", "Reasonably free flow"),
            LevelOfService::C => ("Ổn định", "Stable flow"),
            LevelOfService::D => ("Gần mất ổn định", "Approaching unstable flow"),
            LevelOfService::E => ("Không ổn định", "Unstable flow"),
            LevelOfService::F => ("Ùn tắc", "Congestion"),
        }
    }

    /// Red, green, blue: ours.
    pub fn rgb(self) -> [u8; 3] {
        match self {
            LevelOfService::A => [0, 153, 68],
            LevelOfService::B => [124, 190, 66],
            LevelOfService::C => [255, 224, 0],
            LevelOfService::D => [255, 167, 0],
            LevelOfService::E => [240, 84, 30],
            LevelOfService::F => [160, 0, 30],
        }
    }
}

/// The level of a speed; `None` when free flow or speed is no speed.
pub fn level_of_service(
    speed: KilometresPerHour,
    free_flow: KilometresPerHour,
    shares: &Shares,
) -> Option<LevelOfService> {
    if !(free_flow.0 > 0.0 && free_flow.0.is_finite() && speed.0 >= 0.0 && speed.0.is_finite()) {
        return None;
    }
    let percent = 100.0 * speed.0 / free_flow.0;
    let place = shares.0.iter().position(|share| percent > *share).unwrap_or(shares.0.len());
    LevelOfService::ALL.get(place).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_share_itself_belongs_to_the_worse_level() {
        let check = |speed: f64, expected: Option<&str>| {
            let found = level_of_service(KilometresPerHour(speed), KilometresPerHour(50.0), &Shares::default());
            assert_eq!(found.map(LevelOfService::letter), expected, "{speed}");
        };
        for (speed, letter) in
            [(60.0, "A"), (42.6, "A"), (42.5, "B"), (33.5, "C"), (25.0, "D"), (20.0, "E"), (15.0, "F"), (0.0, "F")]
        {
            check(speed, Some(letter));
        }
        check(-1.0, None);
        check(f64::NAN, None);
        assert_eq!(level_of_service(KilometresPerHour(1.0), KilometresPerHour(0.0), &Shares::default()), None);
        assert_eq!(LevelOfService::ALL.map(LevelOfService::number), [1, 2, 3, 4, 5, 6]);
    }

    proptest! {
        #[test]
        fn faster_is_never_worse(speed in 0.0_f64..120.0, more in 0.0_f64..50.0) {
            let of = |speed| level_of_service(KilometresPerHour(speed), KilometresPerHour(60.0), &Shares::default());
            prop_assert!(of(speed + more) <= of(speed));
        }
    }
}
