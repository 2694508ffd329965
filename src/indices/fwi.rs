//! The Canadian Forest Fire Weather Index system: Van Wagner 1987 (Forestry Technical Report 35), as xclim and cffdrs have it.
//!
//! Three moisture codes remember the past from noon to noon: FFMC (litter), DMC (loose organic layer) and DC (deep layer).
//! ISI, BUI, FWI and DSR follow from them. The equations were fitted to noon local standard time.
//!
//! Two values of one constant of the FFMC are in use: 147.2 (the report, xclim) and 147.27723 (cffdrs): see [`Constant`].
//! Day lengths are those of bands of latitude; Lai Châu (22.4° N) is in the band of 10 to 30° N for DMC and in the northern
//! one for DC.

use super::quantity::{Celsius, KilometresPerHour, Latitude, Millimetres, Month, Percent};

/// The constant that turns FFMC into moisture and back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant(f64);

impl Constant {
    /// 147.2, as in the report and in xclim.
    pub const REPORT: Constant = Constant(147.2);
    /// 147.27723, as in cffdrs.
    pub const CFFDRS: Constant = Constant(147.27723);
}

/// A day's weather at noon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noon {
    /// Which table of day length.
    pub month: Month,
    /// Air temperature.
    pub temperature: Celsius,
    /// Relative humidity.
    pub humidity: Percent,
    /// Wind at 10 m.
    pub wind: KilometresPerHour,
    /// Rain of the 24 hours before.
    pub rain: Millimetres,
}

/// What is remembered from one noon to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Codes {
    /// Fine fuel moisture code, 0 to 101.
    pub ffmc: f64,
    /// Duff moisture code, 0 or more.
    pub dmc: f64,
    /// Drought code, 0 or more.
    pub dc: f64,
}

impl Codes {
    /// Three days after snow or a soaking rain: where a season begins.
    pub const START: Codes = Codes { ffmc: 85.0, dmc: 6.0, dc: 15.0 };
}

/// What follows from the codes and the wind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Indices {
    /// Initial spread index.
    pub isi: f64,
    /// Build-up index.
    pub bui: f64,
    /// Fire weather index.
    pub fwi: f64,
    /// Daily severity rating.
    pub dsr: f64,
}

/// Humidity above 100 % is a wet sensor's word for saturated air.
fn humidity(noon: &Noon) -> f64 {
    noon.humidity.0.clamp(0.0, 100.0)
}

impl Codes {
    /// The codes after a noon.
    #[must_use]
    pub fn after(&self, noon: &Noon, latitude: Latitude, constant: Constant) -> Codes {
        Codes {
            ffmc: ffmc(self.ffmc, noon, constant),
            dmc: dmc(self.dmc, noon, noon.month.of(&day_length(latitude))),
            dc: dc(self.dc, noon, noon.month.of(&drying_factor(latitude))),
        }
    }

    /// What they mean with this noon's wind.
    pub fn indices(&self, wind: KilometresPerHour, constant: Constant) -> Indices {
        let isi = isi(self.ffmc, wind, constant);
        let bui = bui(self.dmc, self.dc);
        let fwi = fwi(isi, bui);
        Indices { isi, bui, fwi, dsr: 0.0272 * fwi.powf(1.77) }
    }
}

/// Moisture of the litter in per cent, from the code.
fn moisture(ffmc: f64, constant: Constant) -> f64 {
    constant.0 * (101.0 - ffmc) / (59.5 + ffmc)
}

fn ffmc(before: f64, noon: &Noon, constant: Constant) -> f64 {
    let (t, h, w, rain) = (noon.temperature.0, humidity(noon), noon.wind.0.max(0.0), noon.rain.0);
    let old = moisture(before, constant);
    let mut mo = old;
    if rain > 0.5 {
        let rf = rain - 0.5;
        mo += 42.5 * rf * (-100.0 / (251.0 - old)).exp() * (1.0 - (-6.93 / rf).exp());
        if old > 150.0 {
            mo += 0.0015 * (old - 150.0).powi(2) * rf.sqrt();
        }
        mo = mo.min(250.0);
    }
    let wetting = ((h - 100.0) / 10.0).exp();
    let warmth = 0.18 * (21.1 - t) * (1.0 - (-0.115 * h).exp());
    let drying_to = 0.942 * h.powf(0.679) + 11.0 * wetting + warmth;
    let wetting_to = 0.618 * h.powf(0.753) + 10.0 * wetting + warmth;
    let rate = |share: f64| {
        let ko = 0.424 * (1.0 - share.powf(1.7)) + 0.0694 * w.sqrt() * (1.0 - share.powi(8));
        ko * 0.581 * (0.0365 * t).exp()
    };
    let m = if mo > drying_to {
        drying_to + (mo - drying_to) * 10_f64.powf(-rate(h / 100.0))
    } else if mo < wetting_to {
        wetting_to - (wetting_to - mo) * 10_f64.powf(-rate((100.0 - h) / 100.0))
    } else {
        mo
    };
    (59.5 * (250.0 - m) / (constant.0 + m)).clamp(0.0, 101.0)
}

fn dmc(before: f64, noon: &Noon, day_length: f64) -> f64 {
    let (t, h, rain) = (noon.temperature.0, humidity(noon), noon.rain.0);
    let drying = if t < -1.1 { 0.0 } else { 1.894 * (t + 1.1) * (100.0 - h) * day_length * 1e-4 };
    let mut code = before;
    if rain > 1.5 {
        let re = 0.92 * rain - 1.27;
        let mo = 20.0 + 280.0 * (-0.023 * code).exp();
        let b = if code <= 33.0 {
            100.0 / (0.5 + 0.3 * code)
        } else if code <= 65.0 {
            14.0 - 1.3 * code.ln()
        } else {
            6.2 * code.ln() - 17.2
        };
        let mr = mo + 1_000.0 * re / (48.77 + b * re);
        code = (43.43 * (5.6348 - (mr - 20.0).ln())).max(0.0);
    }
    code + drying
}

fn dc(before: f64, noon: &Noon, factor: f64) -> f64 {
    let (t, rain) = (noon.temperature.0.max(-2.8), noon.rain.0);
    let evaporation = (0.36 * (t + 2.8) + factor).max(0.0);
    let mut code = before;
    if rain > 2.8 {
        let rd = 0.83 * rain - 1.27;
        let q = 800.0 * (-code / 400.0).exp();
        code = (code - 400.0 * (1.0 + 3.937 * rd / q).ln()).max(0.0);
    }
    code + evaporation / 2.0
}

fn isi(ffmc: f64, wind: KilometresPerHour, constant: Constant) -> f64 {
    let m = moisture(ffmc, constant);
    let spread = 91.9 * (-0.1386 * m).exp() * (1.0 + m.powf(5.31) / 4.93e7);
    0.208 * (0.05039 * wind.0.max(0.0)).exp() * spread
}

fn bui(dmc: f64, dc: f64) -> f64 {
    if dmc <= 0.0 && dc <= 0.0 {
        return 0.0;
    }
    let bui = if dmc <= 0.4 * dc {
        0.8 * dmc * dc / (dmc + 0.4 * dc)
    } else {
        dmc - (1.0 - 0.8 * dc / (dmc + 0.4 * dc)) * (0.92 + (0.0114 * dmc).powf(1.7))
    };
    bui.max(0.0)
}

fn fwi(isi: f64, bui: f64) -> f64 {
    let duff =
        if bui <= 80.0 { 0.626 * bui.powf(0.809) + 2.0 } else { 1_000.0 / (25.0 + 108.64 * (-0.023 * bui).exp()) };
    let b = 0.1 * isi * duff;
    if b > 1.0 { (2.72 * (0.434 * b.ln()).powf(0.647)).exp() } else { b }
}

/// Le, the effective day length of the DMC in hours, by month (cffdrs).
pub fn day_length(latitude: Latitude) -> [f64; 12] {
    match latitude.0 {
        lat if lat > 30.0 => [6.5, 7.5, 9.0, 12.8, 13.9, 13.9, 12.4, 10.9, 9.4, 8.0, 7.0, 6.0],
        lat if lat > 10.0 => [7.9, 8.4, 8.9, 9.5, 9.9, 10.2, 10.1, 9.7, 9.1, 8.6, 8.1, 7.8],
        lat if lat > -10.0 => [9.0; 12],
        lat if lat > -30.0 => [10.1, 9.6, 9.1, 8.5, 8.1, 7.8, 7.9, 8.3, 8.9, 9.4, 9.9, 10.2],
        _ => [11.5, 10.5, 9.2, 7.9, 6.8, 6.2, 6.5, 7.4, 8.7, 10.0, 11.2, 11.8],
    }
}

/// Lf, the day length adjustment of the DC, by month (cffdrs).
pub fn drying_factor(latitude: Latitude) -> [f64; 12] {
    match latitude.0 {
        lat if lat > 20.0 => [-1.6, -1.6, -1.6, 0.9, 3.8, 5.8, 6.4, 5.0, 2.4, 0.4, -1.6, -1.6],
        lat if lat > -20.0 => [1.4; 12],
        _ => [6.4, 5.0, 2.4, 0.4, -1.6, -1.6, -1.6, -1.6, -1.6, 0.9, 3.8, 5.8],
    }
}

/// Upper ends of classes of FWI, each included; beyond the last is the highest. Regional: configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Classes(pub [f64; 5]);

impl Classes {
    /// Those of EFFIS for Europe (recalled, not confirmed).
    pub const EFFIS: Classes = Classes([5.2, 11.2, 21.3, 38.0, 50.0]);

    /// 1 to 6.
    pub fn class(&self, fwi: f64) -> u8 {
        1 + self.0.iter().filter(|end| fwi > **end).count() as u8
    }
}

#[cfg(test)]
mod tests;
