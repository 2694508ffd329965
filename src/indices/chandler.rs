//! The Chandler burning index: fire danger from temperature and humidity alone.
//!
//! CBI = ((110 - 1.373 RH) - 0.54 (10.20 - T)) 124 · 10^(-0.0142 RH) / 60, T in degrees Celsius, RH in per cent. Classes as
//! in SHARPpy: below 50 low, to 75 moderate, to 90 high, to 97.5 very high, above extreme.

use super::quantity::{Celsius, Percent};

/// The index; may be negative in cold, damp air.
pub fn burning_index(temperature: Celsius, humidity: Percent) -> f64 {
    let (t, rh) = (temperature.0, humidity.0);
    ((110.0 - 1.373 * rh) - 0.54 * (10.20 - t)) * (124.0 * 10_f64.powf(-0.0142 * rh)) / 60.0
}

/// A class: where it begins, its name, a colour of ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Class {
    /// The least index of the class.
    pub from: f64,
    /// Vietnamese.
    pub vi: &'static str,
    /// English.
    pub en: &'static str,
    /// Red, green, blue.
    pub rgb: [u8; 3],
}

/// The classes, ascending. Extreme begins above its bound, the others at theirs.
pub const CLASSES: [Class; 5] = [
    Class { from: f64::NEG_INFINITY, vi: "Thấp", en: "Low", rgb: [0, 153, 68] },
    Class { from: 50.0, vi: "Trung bình", en: "Moderate", rgb: [62, 142, 208] },
    Class { from: 75.0, vi: "Cao", en: "High", rgb: [255, 214, 10] },
    Class { from: 90.0, vi: "Rất cao", en: "Very high", rgb: [255, 126, 0] },
    Class { from: 97.5, vi: "Cực kỳ cao", en: "Extreme", rgb: [220, 0, 20] },
];

/// The class of an index.
pub fn class(index: f64) -> Class {
    let place = match index {
        index if index > CLASSES[4].from => 4,
        index if index >= CLASSES[3].from => 3,
        index if index >= CLASSES[2].from => 2,
        index if index >= CLASSES[1].from => 1,
        _ => 0,
    };
    CLASSES[place]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_formula_worked_by_hand() {
        let check = |t: f64, rh: f64, expected: f64| {
            let found = burning_index(Celsius(t), Percent(rh));
            assert!((found - expected).abs() < 5e-3, "{t} {rh}: {found}");
        };
        // (110 - 0 - 0) 124 / 60.
        check(10.2, 0.0, 227.333);
        // (110 - 68.65 + 10.692) 124 · 10^-0.71 / 60 = 52.042 · 2.066667 · 0.194984.
        check(30.0, 50.0, 20.971);
        // (110 - 137.3 - 5.508) · 2.066667 · 0.038019.
        check(0.0, 100.0, -2.578);
    }

    #[test]
    fn classes_begin_at_their_bounds() {
        let names = [-3.0, 49.9, 50.0, 74.9, 75.0, 89.9, 90.0, 97.5, 97.51].map(|index| class(index).en);
        let expected = ["Low", "Low", "Moderate", "Moderate", "High", "High", "Very high", "Very high", "Extreme"];
        assert_eq!(names, expected);
    }
}
