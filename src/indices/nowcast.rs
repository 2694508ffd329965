//! NowCast: the weighted mean of twelve hourly means by which PM10 and PM2.5 enter the hourly VN_AQI.
//!
//! Decision 1459/QĐ-TCMT (12 November 2019): c1 is the current hour, c12 the one eleven hours before; w* = Cmin / Cmax over
//! the twelve; w = max(1/2, w*). Fewer than two of c1..c3: no value. A missing hour has no weight.
//!
//! For w = 1/2 the decision prints the sum of (1/2)^i c_i, whose weights add up to 1 - 2^-12 with full data and to far less
//! with gaps: 94.494 against 94.517, and half of the truth when c1 is missing. [`nowcast`] divides by the weights that
//! are there, as the other case does; [`literal`] is the printed form, for comparison.

use super::quantity::MicrogramsPerCubicMetre;

/// Hours looked at.
pub const HOURS: usize = 12;
/// Of the newest three hours so many must be there.
const NEWEST: usize = 3;
const NEWEST_MIN: usize = 2;
const WEIGHT_MIN: f64 = 0.5;

/// The hourly means, newest first.
pub type Hours = [Option<MicrogramsPerCubicMetre>; HOURS];

/// Whether enough of the newest hours are there.
fn has_enough(hours: &Hours) -> bool {
    hours[..NEWEST].iter().flatten().count() >= NEWEST_MIN
}

/// w; 1 when every hour is zero, as nothing varies then.
fn weight(hours: &Hours) -> f64 {
    let found = hours.iter().flatten().map(|hour| hour.0);
    let (min, max) = found.fold((f64::INFINITY, 0.0_f64), |(min, max), hour| (min.min(hour), max.max(hour)));
    if max > 0.0 { (min / max).max(WEIGHT_MIN) } else { 1.0 }
}

/// The weighted mean; `None` with fewer than two of the newest three hours. All zeros are zero.
pub fn nowcast(hours: &Hours) -> Option<MicrogramsPerCubicMetre> {
    if !has_enough(hours) {
        return None;
    }
    let w = weight(hours);
    let (mut power, mut weights, mut sum) = (1.0, 0.0, 0.0);
    for hour in hours {
        if let Some(hour) = hour {
            weights += power;
            sum += power * hour.0;
        }
        power *= w;
    }
    Some(MicrogramsPerCubicMetre(sum / weights))
}

/// The form that the decision prints for w = 1/2, not normalised; `None` where w is greater, or there is no value.
pub fn literal(hours: &Hours) -> Option<MicrogramsPerCubicMetre> {
    if !has_enough(hours) || weight(hours) > WEIGHT_MIN {
        return None;
    }
    let mut power = 1.0;
    let terms = hours.iter().map(|hour| {
        power *= WEIGHT_MIN;
        hour.map_or(0.0, |hour| power * hour.0)
    });
    Some(MicrogramsPerCubicMetre(terms.sum()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hours(values: &[Option<f64>]) -> Hours {
        std::array::from_fn(|place| values.get(place).copied().flatten().map(MicrogramsPerCubicMetre))
    }

    fn check(values: &[Option<f64>], expected: Option<f64>) {
        let found = nowcast(&hours(values)).map(|found| found.0);
        match (found, expected) {
            (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-9, "{found} is not {expected}"),
            (found, expected) => assert_eq!(found, expected),
        }
    }

    #[test]
    fn two_of_the_newest_three_hours_are_needed() {
        let (some, none) = (Some(10.0), None);
        check(&[some, some, some], Some(10.0));
        check(&[none, some, some], Some(10.0));
        check(&[some, none, some], Some(10.0));
        check(&[some, none, none, some, some], None);
        check(&[none, none, some, some, some], None);
        check(&[], None);
    }

    #[test]
    fn still_air_is_zero_and_zeros_among_others_weigh_least() {
        check(&[Some(0.0); HOURS], Some(0.0));
        // w* = 0, so w = 1/2: (0 + 8 / 2) / (1 + 1/2).
        check(&[Some(0.0), Some(8.0)], Some(8.0 / 3.0));
    }

    #[test]
    fn the_printed_form_is_there_for_half_weights_alone() {
        assert_eq!(literal(&hours(&[Some(10.0), Some(9.0), Some(8.0)])), None);
        assert_eq!(literal(&hours(&[Some(10.0), None, Some(4.0)])), Some(MicrogramsPerCubicMetre(5.5)));
        assert_eq!(literal(&hours(&[Some(0.0); HOURS])), None);
    }

    proptest! {
        #[test]
        fn it_scales_with_its_hours_and_lies_among_them(
            values in prop::collection::vec(prop::option::of(0.0_f64..900.0), HOURS),
            factor in 0.001_f64..1000.0,
        ) {
            let scaled: Vec<Option<f64>> = values.iter().map(|value| value.map(|value| value * factor)).collect();
            let (plain, scaled) = (nowcast(&hours(&values)), nowcast(&hours(&scaled)));
            prop_assert_eq!(plain.is_some(), values[..3].iter().flatten().count() >= 2);
            if let (Some(plain), Some(scaled)) = (plain, scaled) {
                prop_assert!((plain.0 * factor - scaled.0).abs() <= 1e-9 * (1.0 + scaled.0));
                let min = values.iter().flatten().copied().fold(f64::INFINITY, f64::min);
                let max = values.iter().flatten().copied().fold(0.0, f64::max);
                prop_assert!(min - 1e-9 <= plain.0 && plain.0 <= max + 1e-9);
            }
        }
    }
}
