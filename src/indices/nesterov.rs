//! The classic Nesterov index: the sum of t (t - dew point) since the last day with more than 3 mm of rain.
//!
//! The name is the same as that of Viet Nam's P index ([`super::fire_danger_p`]), the index is another one: bands 300,
//! 1,000, 4,000 and 10,000. Source: wikifire.wsl.ch; SantanderMetGroup/fireDanger.

use super::moisture::dew_point;
use super::quantity::{Celsius, Millimetres, Percent};

/// More than this resets the sum; exactly this does not.
const RESET_ABOVE: Millimetres = Millimetres(3.0);

/// The index after a day; `before` is that of the day before, 0 at the beginning. A day at or below freezing adds
/// nothing, nor does one without a dew point (air without vapour).
pub fn step(before: f64, temperature: Celsius, humidity: Percent, rain: Millimetres) -> f64 {
    if rain > RESET_ABOVE {
        return 0.0;
    }
    let depression = dew_point(temperature, humidity).map_or(0.0, |dew| temperature.0 - dew.0);
    before + temperature.0.max(0.0) * depression
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_three_millimetres_reset_it() {
        let check = |rain: f64, expected: f64| {
            let found = step(100.0, Celsius(20.0), Percent(100.0), Millimetres(rain));
            assert!((found - expected).abs() < 1e-9, "{rain}: {found}");
        };
        check(0.0, 100.0);
        check(3.0, 100.0);
        check(3.01, 0.0);
    }
}
