//! Rain that sets off landslides: how far the rain of a day is above the threshold of the rain before it.
//!
//! - Do and Yin 2018, for Hà Giang (the same mountains, landslides of 1957 to 2013): daily rain of at least
//!   40.8 - 0.201 R3ad mm, where R3ad is the rain of the three days before. Their other criterion, more than 40 mm of a
//!   rain event that lasts longer than 0.3 day, needs what they call an event, which was not found; the rain of a day
//!   that holds such an event is above 40 mm, so it is at most 0.8 mm short of the threshold here.
//! - Caine 1980, worldwide: I = 14.82 D^-0.39 mm/h for rain of D hours, 0.167 to 240 (recalled, not confirmed).
//!
//! Technical thresholds of a place's rain, never the official level of risk.

use super::quantity::Millimetres;

/// Rain sets slopes off, not a dry day after rain: the least that a gauge tells.
const LEAST: Millimetres = Millimetres(0.1);

/// Rain of a day at which slopes may fail, after the rain of the three days before; when that alone was enough, the
/// least rain that there is.
pub fn do_and_yin(three_days_before: Millimetres) -> Millimetres {
    Millimetres((40.8 - 0.201 * three_days_before.0).max(LEAST.0))
}

/// How far a day's rain is above the threshold: at 0 and more it is reached.
pub fn do_and_yin_margin(day: Millimetres, three_days_before: Millimetres) -> Millimetres {
    Millimetres(day.0 - do_and_yin(three_days_before).0)
}

/// Rain in so many hours at which slopes may fail; `None` outside the durations that it was made for.
pub fn caine(hours: f64) -> Option<Millimetres> {
    (0.167..=240.0).contains(&hours).then(|| Millimetres(14.82 * hours.powf(-0.39) * hours))
}

/// The greatest difference between rain and Caine's threshold over windows of several lengths (hours, rain in them).
pub fn caine_margin(windows: impl IntoIterator<Item = (f64, Millimetres)>) -> Option<Millimetres> {
    let margins = windows.into_iter().filter_map(|(hours, rain)| Some(rain.0 - caine(hours)?.0));
    margins.reduce(f64::max).map(Millimetres)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_it_rained_the_less_is_needed() {
        let check = |day: f64, before: f64, expected: f64| {
            let found = do_and_yin_margin(Millimetres(day), Millimetres(before)).0;
            assert!((found - expected).abs() < 1e-9, "{day} after {before}: {found}");
        };
        check(40.8, 0.0, 0.0);
        check(0.0, 0.0, -40.8);
        check(20.7, 100.0, 0.0);
        check(5.0, 1_000.0, 4.9);
        check(0.1, 203.0, 0.0);
        check(0.0, 1_000.0, -0.1);
    }

    #[test]
    fn caine_is_for_its_durations_alone() {
        assert_eq!(caine(0.1), None);
        assert_eq!(caine(241.0), None);
        assert!((caine(1.0).unwrap().0 - 14.82).abs() < 1e-9);
        assert!((caine(24.0).unwrap().0 - 14.82 * 24_f64.powf(0.61)).abs() < 1e-9);
        let margin = caine_margin([(1.0, Millimetres(20.0)), (24.0, Millimetres(20.0)), (300.0, Millimetres(1e6))]);
        assert!((margin.unwrap().0 - 5.18).abs() < 1e-9);
        assert_eq!(caine_margin([]), None);
    }
}
