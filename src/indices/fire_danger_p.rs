//! Viet Nam's forest fire danger index P, by the modified Nesterov formula: P[n] = K (P[n-1] + t13 d13).
//!
//! t13 is the air temperature and d13 the saturation deficit (millibars) at 13:00; K is 0 on a day whose rain reaches the
//! limit and 1 otherwise, so the sum runs since the last wetting rain. Levels I to V and the limit are the province's
//! (Decree 156/2018, article 46(2)): two scales are in use, and limits of 5 to 10 mm by month and zone. Lai Châu's own
//! table was not found, so all of it is configuration.
//!
//! Not the classic Nesterov index, which takes the dew point: see [`super::nesterov`].

use super::moisture::saturation_deficit;
use super::quantity::{Celsius, Hectopascals, Millimetres, Month, Percent};

/// What one day adds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Day {
    /// Air temperature at 13:00.
    pub temperature: Celsius,
    /// Relative humidity at 13:00.
    pub humidity: Percent,
    /// Rain of the 24 hours up to 13:00.
    pub rain: Millimetres,
}

/// Whether a day's rain wets the fuel: at exactly the limit it does.
pub fn resets(rain: Millimetres, limit: Millimetres) -> bool {
    rain >= limit
}

/// P after a day. `before` is that of the day before, 0 at the beginning. Never negative: below freezing, where the
/// product would be, a day adds nothing.
pub fn step(before: f64, day: &Day, limit: Millimetres) -> f64 {
    if resets(day.rain, limit) {
        return 0.0;
    }
    let Hectopascals(deficit) = saturation_deficit(day.temperature, day.humidity);
    before.max(0.0) + (day.temperature.0 * deficit).max(0.0)
}

/// Upper ends of levels I to IV, each included; beyond the last is V.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale(pub [f64; 4]);

impl Scale {
    /// Scale A: Huế, Decision 33/2022/QĐ-UBND (confirmed for Huế).
    pub const A: Scale = Scale([5_000.0, 10_000.0, 15_000.0, 20_000.0]);
    /// Scale B: research, and other provinces (confirmed in use).
    pub const B: Scale = Scale([1_000.0, 2_500.0, 5_000.0, 10_000.0]);

    /// I to V as 1 to 5.
    pub fn level(&self, p: f64) -> u8 {
        1 + self.0.iter().filter(|end| p > **end).count() as u8
    }
}

/// The limit of rain, by month.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RainLimits(pub [Millimetres; 12]);

impl RainLimits {
    /// The same all the year.
    pub fn all_year(limit: Millimetres) -> RainLimits {
        RainLimits([limit; 12])
    }

    /// A month's.
    pub fn of(&self, month: Month) -> Millimetres {
        month.of(&self.0)
    }
}

/// A level's number on the sign, and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// I to V.
    pub roman: &'static str,
    /// Vietnamese.
    pub vi: &'static str,
    /// English.
    pub en: &'static str,
    /// Red, green, blue: ours, the sign's colours were not confirmed.
    pub rgb: [u8; 3],
}

/// Levels I to V.
pub const LEVELS: [Level; 5] = [
    Level { roman: "I", vi: "Thấp", en: "Low: fire is unlikely", rgb: [0, 153, 68] },
    Level { roman: "II", vi: "Trung bình", en: "Moderate: fire is possible", rgb: [62, 142, 208] },
    Level { roman: "III", vi: "Cao", en: "High", rgb: [255, 214, 10] },
    Level { roman: "IV", vi: "Nguy hiểm", en: "Dangerous: fire starts very easily", rgb: [255, 126, 0] },
    Level {
        roman: "V", vi: "Cực kỳ nguy hiểm", en: "Extremely dangerous: fire spreads widely", rgb: [220, 0, 20]
    },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Millimetres = Millimetres(5.0);

    fn day(temperature: f64, humidity: f64, rain: f64) -> Day {
        Day { temperature: Celsius(temperature), humidity: Percent(humidity), rain: Millimetres(rain) }
    }

    #[test]
    fn exactly_the_limit_resets_and_just_under_it_does_not() {
        assert_eq!(step(8_000.0, &day(29.7, 38.0, 5.0), LIMIT), 0.0);
        assert!(step(8_000.0, &day(29.7, 38.0, 4.999), LIMIT) > 8_000.0);
        assert_eq!(step(8_000.0, &day(29.7, 100.0, 0.0), LIMIT), 8_000.0, "saturated air adds nothing");
    }

    #[test]
    fn the_ends_of_levels_belong_to_them() {
        let check = |scale: Scale, p: f64, level: u8| assert_eq!(scale.level(p), level, "{p}");
        for (place, end) in Scale::A.0.into_iter().enumerate() {
            check(Scale::A, end, place as u8 + 1);
            check(Scale::A, end + 0.1, place as u8 + 2);
        }
        check(Scale::B, 0.0, 1);
        check(Scale::B, 1_000.0, 1);
        check(Scale::B, 1_001.0, 2);
        check(Scale::B, 10_000.1, 5);
    }

    proptest! {
        #[test]
        fn it_is_never_negative_and_grows_until_it_rains(
            days in prop::collection::vec((-20.0_f64..45.0, 0.0_f64..=100.0, 0.0_f64..12.0), 1..60),
        ) {
            let mut p = 0.0;
            for (temperature, humidity, rain) in days {
                let next = step(p, &day(temperature, humidity, rain), LIMIT);
                if rain >= 5.0 {
                    prop_assert_eq!(next, 0.0);
                } else {
                    prop_assert!(next >= p && next >= 0.0);
                }
                p = next;
            }
        }
    }
}
