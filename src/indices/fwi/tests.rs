use proptest::prelude::*;

use super::*;

fn noon(month: u8, temperature: f64, humidity: f64, wind: f64, rain: f64) -> Noon {
    Noon {
        month: Month::new(month).unwrap(),
        temperature: Celsius(temperature),
        humidity: Percent(humidity),
        wind: KilometresPerHour(wind),
        rain: Millimetres(rain),
    }
}

/// The system once more, written straight down from the report's numbered equations with its names, for a day and five
/// numbers. Shares no line with the module.
mod report {
    pub fn day(c: f64, le: f64, lf: f64, before: [f64; 3], weather: [f64; 4]) -> [f64; 7] {
        let [f0, p0, d0] = before;
        let [t, h, w, ro] = weather;
        let f = litter(c, f0, t, h, w, ro);
        let p = duff(le, p0, t, h, ro);
        let d = deep(lf, d0, t, ro);
        let m = c * (101.0 - f) / (59.5 + f);
        let fw = f64::exp(0.05039 * w);
        let ff = 91.9 * f64::exp(-0.1386 * m) * (1.0 + if m > 0.0 { f64::exp(5.31 * m.ln()) } else { 0.0 } / 4.93e7);
        let r = 0.208 * fw * ff;
        let mut u = if p == 0.0 && d == 0.0 {
            0.0
        } else if p <= 0.4 * d {
            0.8 * p * d / (p + 0.4 * d)
        } else {
            p - (1.0 - 0.8 * d / (p + 0.4 * d)) * (0.92 + f64::powf(0.0114 * p, 1.7))
        };
        if u < 0.0 {
            u = 0.0;
        }
        let fd =
            if u > 80.0 { 1000.0 / (25.0 + 108.64 * f64::exp(-0.023 * u)) } else { 0.626 * f64::powf(u, 0.809) + 2.0 };
        let b = 0.1 * r * fd;
        let s = if b > 1.0 { f64::exp(2.72 * f64::powf(0.434 * f64::ln(b), 0.647)) } else { b };
        [f, p, d, r, u, s, 0.0272 * f64::powf(s, 1.77)]
    }

    fn litter(c: f64, f0: f64, t: f64, h: f64, w: f64, ro: f64) -> f64 {
        let mut mo = c * (101.0 - f0) / (59.5 + f0);
        if ro > 0.5 {
            let rf = ro - 0.5;
            let plain = 42.5 * rf * f64::exp(-100.0 / (251.0 - mo)) * (1.0 - f64::exp(-6.93 / rf));
            let wet = if mo > 150.0 { 0.0015 * (mo - 150.0) * (mo - 150.0) * f64::powf(rf, 0.5) } else { 0.0 };
            mo = f64::min(mo + plain + wet, 250.0);
        }
        let common = 0.18 * (21.1 - t) * (1.0 - f64::exp(-0.115 * h));
        let ed = 0.942 * f64::powf(h, 0.679) + 11.0 * f64::exp((h - 100.0) / 10.0) + common;
        let ew = 0.618 * f64::powf(h, 0.753) + 10.0 * f64::exp((h - 100.0) / 10.0) + common;
        let mut m = mo;
        if mo > ed {
            let ko =
                0.424 * (1.0 - f64::powf(h / 100.0, 1.7)) + 0.0694 * f64::sqrt(w) * (1.0 - f64::powf(h / 100.0, 8.0));
            m = ed + (mo - ed) / f64::powf(10.0, ko * 0.581 * f64::exp(0.0365 * t));
        }
        if mo < ed && mo < ew {
            let dry = (100.0 - h) / 100.0;
            let kl = 0.424 * (1.0 - f64::powf(dry, 1.7)) + 0.0694 * f64::sqrt(w) * (1.0 - f64::powf(dry, 8.0));
            m = ew - (ew - mo) / f64::powf(10.0, kl * 0.581 * f64::exp(0.0365 * t));
        }
        (59.5 * (250.0 - m) / (c + m)).clamp(0.0, 101.0)
    }

    fn duff(le: f64, p0: f64, t: f64, h: f64, ro: f64) -> f64 {
        let mut p = p0;
        if ro > 1.5 {
            let re = 0.92 * ro - 1.27;
            let mo = 20.0 + 280.0 / f64::exp(0.023 * p0);
            let b = match p0 {
                p0 if p0 > 65.0 => 6.2 * f64::ln(p0) - 17.2,
                p0 if p0 > 33.0 => 14.0 - 1.3 * f64::ln(p0),
                _ => 100.0 / (0.5 + 0.3 * p0),
            };
            let mr = mo + 1000.0 * re / (48.77 + b * re);
            p = f64::max(0.0, 43.43 * 5.6348 - 43.43 * f64::ln(mr - 20.0));
        }
        if t > -1.1 { p + 1.894 * (t + 1.1) * (100.0 - h) * le * 1e-4 } else { p }
    }

    fn deep(lf: f64, d0: f64, t: f64, ro: f64) -> f64 {
        let mut d = d0;
        if ro > 2.8 {
            let qr = 800.0 * f64::exp(-d0 / 400.0) + 3.937 * (0.83 * ro - 1.27);
            d = f64::max(0.0, 400.0 * f64::ln(800.0 / qr));
        }
        d + 0.5 * f64::max(0.0, 0.36 * (f64::max(t, -2.8) + 2.8) + lf)
    }
}

proptest! {
    #[test]
    fn it_equals_a_second_writing_of_the_report_on_any_weather(
        days in prop::collection::vec(
            (1_u8..=12, -15.0_f64..45.0, 1.0_f64..=100.0, 0.0_f64..70.0,
             prop_oneof![3 => Just(0.0), 2 => 0.0_f64..4.0, 1 => 0.0_f64..90.0]),
            1..80,
        ),
        latitude in prop_oneof![Just(22.4), -80.0_f64..80.0],
        is_cffdrs in any::<bool>(),
    ) {
        let constant = if is_cffdrs { Constant::CFFDRS } else { Constant::REPORT };
        let latitude = Latitude(latitude);
        let mut codes = Codes::START;
        for (month, temperature, humidity, wind, rain) in days {
            let before = [codes.ffmc, codes.dmc, codes.dc];
            let today = noon(month, temperature, humidity, wind, rain);
            let (le, lf) = (today.month.of(&day_length(latitude)), today.month.of(&drying_factor(latitude)));
            let expected = report::day(constant.0, le, lf, before, [temperature, humidity, wind, rain]);
            codes = codes.after(&today, latitude, constant);
            let indices = codes.indices(today.wind, constant);
            let found = [codes.ffmc, codes.dmc, codes.dc, indices.isi, indices.bui, indices.fwi, indices.dsr];
            for (found, expected) in found.into_iter().zip(expected) {
                let tolerance = 1e-7 * (1.0 + expected.abs());
                prop_assert!((found - expected).abs() < tolerance, "{found} is not {expected}");
                prop_assert!(found.is_finite() && found >= 0.0);
            }
            prop_assert!(codes.ffmc <= 101.0);
        }
    }
}

#[test]
fn every_branch_is_a_step_of_its_own() {
    let latitude = Latitude(22.4);
    let after = |codes: Codes, today: Noon| codes.after(&today, latitude, Constant::REPORT);
    let dry = noon(4, 30.0, 30.0, 20.0, 0.0);
    // Rain at its thresholds changes nothing: 0.5 for FFMC, 1.5 for DMC, 2.8 for DC.
    let start = Codes { ffmc: 85.0, dmc: 40.0, dc: 300.0 };
    let check = |rain: f64, changes: [bool; 3]| {
        let (without, with) = (after(start, dry), after(start, Noon { rain: Millimetres(rain), ..dry }));
        let found = [with.ffmc < without.ffmc, with.dmc < without.dmc, with.dc < without.dc];
        assert_eq!(found, changes, "{rain}");
    };
    check(0.5, [false; 3]);
    check(0.51, [true, false, false]);
    check(1.5, [true, false, false]);
    check(1.51, [true, true, false]);
    check(2.8, [true, true, false]);
    check(2.81, [true, true, true]);
    // DMC's three slopes of wetting, each drier layer losing more.
    for dmc in [0.0, 33.0, 33.1, 65.0, 65.1, 200.0] {
        let wet = after(Codes { dmc, ..start }, Noon { rain: Millimetres(20.0), ..dry });
        assert!(wet.dmc < dmc + 10.0 && wet.dmc >= 0.0, "{dmc}: {}", wet.dmc);
    }
    // Cold stops the drying of DMC (-1.1) and of DC (-2.8 with a negative factor in winter).
    let cold = noon(1, -10.0, 50.0, 5.0, 0.0);
    let still = after(start, cold);
    assert_eq!((still.dmc, still.dc), (40.0, 300.0));
    // Litter: drier than the air allows it takes up water; in between it stays.
    assert!(after(Codes { ffmc: 99.0, ..start }, noon(4, 20.0, 95.0, 5.0, 0.0)).ffmc < 99.0);
    let soaked = after(Codes { ffmc: 10.0, ..start }, noon(4, 20.0, 50.0, 5.0, 80.0)).ffmc;
    assert!((0.0..70.0).contains(&soaked), "at its wettest it dries a little: {soaked}");
}

#[test]
fn nothing_to_burn_is_no_danger() {
    let indices = Codes { ffmc: 0.0, dmc: 0.0, dc: 0.0 }.indices(KilometresPerHour(0.0), Constant::REPORT);
    assert_eq!((indices.bui, indices.fwi < 0.01), (0.0, true));
    // Above a build-up of 80 the other form of fD holds.
    assert!(fwi(10.0, 80.1) >= fwi(10.0, 80.0) - 0.1);
    // DMC alone, no deep drought: BUI is DMC less a little, never below 0.
    assert_eq!(bui(0.5, 0.0), 0.0);
    assert_eq!(bui(0.0, 100.0), 0.0);
}

#[test]
fn bands_of_latitude_are_those_of_cffdrs() {
    let check = |latitude: f64, le: f64, lf: f64| {
        let at = Latitude(latitude);
        assert_eq!((day_length(at)[0], drying_factor(at)[6]), (le, lf), "{latitude}");
    };
    check(45.0, 6.5, 6.4);
    check(30.0, 7.9, 6.4);
    check(22.4, 7.9, 6.4);
    check(20.0, 7.9, 1.4);
    check(10.0, 9.0, 1.4);
    check(0.0, 9.0, 1.4);
    check(-10.0, 10.1, 1.4);
    check(-20.0, 10.1, -1.6);
    check(-30.0, 11.5, -1.6);
}

#[test]
fn classes_end_at_their_bounds() {
    assert_eq!([0.0, 5.2, 5.3, 11.2, 21.4, 50.0, 50.1].map(|fwi| Classes::EFFIS.class(fwi)), [1, 1, 2, 2, 4, 5, 6]);
}
