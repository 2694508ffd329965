//! River alarm stages BĐ1 to BĐ3 (Decision 05/2020/QĐ-TTg): fixed heights of the water at each gauge, with the way that the
//! water is going.
//!
//! A stage holds from its height on and ends a little (the hysteresis) under it, so that waves do not make it flicker.
//! The heights of Lai Châu's gauges were not found: they are configuration, on the gauge's own datum.

use super::quantity::Metres;

/// The alarm stage of a river.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Below BĐ1.
    #[default]
    None,
    /// BĐ1.
    One,
    /// BĐ2.
    Two,
    /// BĐ3.
    Three,
}

impl Stage {
    const ALARMS: [Stage; 3] = [Stage::One, Stage::Two, Stage::Three];

    /// 0 to 3, as the derived channel has it.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// A gauge's heights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heights {
    /// BĐ1, BĐ2 and BĐ3, ascending.
    pub stages: [Metres; 3],
    /// How far under its height a stage ends; more than 0.
    pub hysteresis: Metres,
}

impl Heights {
    /// The stage after a reading; `before` is the stage until then.
    pub fn stage(&self, before: Stage, level: Metres) -> Stage {
        let holds = |stage: Stage, height: Metres| match stage <= before {
            true => level.0 > height.0 - self.hysteresis.0,
            false => level.0 >= height.0,
        };
        let reached = Stage::ALARMS.into_iter().zip(self.stages).filter(|(stage, height)| holds(*stage, *height));
        reached.map(|(stage, _)| stage).max().unwrap_or_default()
    }
}

/// The way that the water is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tendency {
    /// It rises.
    Rising,
    /// It stands, within the tolerance.
    Steady,
    /// It falls.
    Falling,
}

impl Tendency {
    /// From two readings; differences up to `tolerance` are none.
    pub fn between(earlier: Metres, later: Metres, tolerance: Metres) -> Tendency {
        let change = later.0 - earlier.0;
        if change.abs() <= tolerance.0 {
            Tendency::Steady
        } else if change > 0.0 {
            Tendency::Rising
        } else {
            Tendency::Falling
        }
    }

    /// The word in answers.
    pub fn word(self) -> &'static str {
        match self {
            Tendency::Rising => "rising",
            Tendency::Steady => "steady",
            Tendency::Falling => "falling",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEIGHTS: Heights = Heights { stages: [Metres(3.0), Metres(4.0), Metres(5.0)], hysteresis: Metres(0.3) };

    #[test]
    fn a_stage_begins_at_its_height_and_ends_under_it() {
        let mut stage = Stage::None;
        for (level, expected) in [
            (2.99, 0),
            (3.0, 1),
            (2.71, 1),
            (2.7, 0),
            (2.9, 0),
            (5.2, 3),
            (4.8, 3),
            (4.6, 2),
            (3.75, 2),
            (3.69, 1),
            (4.0, 2),
            (1.0, 0),
        ] {
            stage = HEIGHTS.stage(stage, Metres(level));
            assert_eq!(stage.number(), expected, "at {level}");
        }
    }

    #[test]
    fn small_changes_are_none() {
        let check = |from: f64, to: f64, expected: Tendency| {
            assert_eq!(Tendency::between(Metres(from), Metres(to), Metres(0.02)), expected);
        };
        check(1.0, 1.01, Tendency::Steady);
        check(1.0, 1.1, Tendency::Rising);
        check(1.0, 0.9, Tendency::Falling);
    }
}
