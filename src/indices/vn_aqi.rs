//! VN_AQI, the national air quality index: Decision 1459/QĐ-TCMT, 12 November 2019.
//!
//! Each pollutant has an index, linear between breakpoints: AQI_x = (I[i+1] - I[i]) / (BP[i+1] - BP[i]) (C - BP[i]) + I[i]. The
//! segments are continuous (0, 50, 100, ...), unlike those of the US EPA. Above the last breakpoint it is 500. The index of
//! a place is the greatest; without PM10 and PM2.5 there is none.
//!
//! Hours are labelled by their end: the day is 01:00 to 00:00 of the next one, and an 8 h mean is labelled by its last
//! hour. The decision has no rule of completeness besides NowCast's: who makes hourly means brings one.
//!
//! "To integer" is said without a direction. Half up fits every example of the decision but one (NO2 118.7 is printed as
//! 60, the formula gives 59.35).

use super::nowcast::{self, nowcast};
use super::quantity::MicrogramsPerCubicMetre;

/// What the index is made of; ozone twice, as it has a table for each of its means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pollutant {
    /// Ozone, mean of an hour.
    Ozone1h,
    /// Ozone, mean of eight hours.
    Ozone8h,
    /// Carbon monoxide, mean of an hour.
    CarbonMonoxide,
    /// Sulphur dioxide, mean of an hour.
    SulphurDioxide,
    /// Nitrogen dioxide, mean of an hour.
    NitrogenDioxide,
    /// Dust up to 10 micrometres: NowCast, or the mean of a day.
    Pm10,
    /// Dust up to 2.5 micrometres: NowCast, or the mean of a day.
    Pm2_5,
}

/// The indices that the breakpoints stand for.
const INDICES: [f64; 8] = [0.0, 50.0, 100.0, 150.0, 200.0, 300.0, 400.0, 500.0];
/// The index's end.
pub const MAX: f64 = 500.0;
/// Decimals have no exact binary form: what is so close under a half is one.
const HALF_SNAP: f64 = 1e-9;
const HOURS_A_DAY: usize = 24;
const OZONE_HOURS: usize = 8;

impl Pollutant {
    /// Every pollutant, in the order of the decision's table.
    pub const ALL: [Pollutant; 7] = [
        Pollutant::Ozone1h,
        Pollutant::Ozone8h,
        Pollutant::CarbonMonoxide,
        Pollutant::SulphurDioxide,
        Pollutant::NitrogenDioxide,
        Pollutant::Pm10,
        Pollutant::Pm2_5,
    ];

    /// The word in files and answers.
    pub fn word(self) -> &'static str {
        match self {
            Pollutant::Ozone1h => "o3_1h",
            Pollutant::Ozone8h => "o3_8h",
            Pollutant::CarbonMonoxide => "co",
            Pollutant::SulphurDioxide => "so2",
            Pollutant::NitrogenDioxide => "no2",
            Pollutant::Pm10 => "pm10",
            Pollutant::Pm2_5 => "pm25",
        }
    }

    /// BP[i], micrograms in a cubic metre, for each of [`INDICES`]; ozone's 8 h table ends at 300.
    fn breakpoints(self) -> &'static [f64] {
        match self {
            Pollutant::Ozone1h => &[0.0, 160.0, 200.0, 300.0, 400.0, 800.0, 1_000.0, 1_200.0],
            Pollutant::Ozone8h => &[0.0, 100.0, 120.0, 170.0, 210.0, 400.0],
            Pollutant::CarbonMonoxide => &[0.0, 10_000.0, 30_000.0, 45_000.0, 60_000.0, 90_000.0, 120_000.0, 150_000.0],
            Pollutant::SulphurDioxide => &[0.0, 125.0, 350.0, 550.0, 800.0, 1_600.0, 2_100.0, 2_630.0],
            Pollutant::NitrogenDioxide => &[0.0, 100.0, 200.0, 700.0, 1_200.0, 2_350.0, 3_100.0, 3_850.0],
            Pollutant::Pm10 => &[0.0, 50.0, 150.0, 250.0, 350.0, 420.0, 500.0, 600.0],
            Pollutant::Pm2_5 => &[0.0, 25.0, 50.0, 80.0, 150.0, 250.0, 350.0, 500.0],
        }
    }
}

/// One pollutant's index, 0 to 500, not rounded. `None` below zero, for what is no number, and for an 8 h mean of ozone
/// above 400: its table ends there, and the 1 h mean stands alone.
pub fn index_of(pollutant: Pollutant, concentration: MicrogramsPerCubicMetre) -> Option<f64> {
    let c = concentration.0;
    if !c.is_finite() || c < 0.0 {
        return None;
    }
    let points = pollutant.breakpoints();
    let Some(above) = points.iter().position(|point| c <= *point) else {
        return (points.len() == INDICES.len()).then_some(MAX);
    };
    let Some(below) = above.checked_sub(1) else { return Some(0.0) };
    let (low, high) = (points[below], points[above]);
    // Multiplied before it is divided: halves of the table's own numbers come out exact.
    Some((INDICES[above] - INDICES[below]) * (c - low) / (high - low) + INDICES[below])
}

/// To an integer, half up.
pub fn rounded(index: f64) -> u16 {
    (index + 0.5 + HALF_SNAP).floor().clamp(0.0, MAX) as u16
}

/// What a pollutant adds to an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Which.
    pub pollutant: Pollutant,
    /// The mean or NowCast that it was looked up with.
    pub concentration: MicrogramsPerCubicMetre,
    /// Its index, not rounded.
    pub index: f64,
}

/// An index with what made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Aqi {
    /// The greatest of the parts, not rounded.
    pub index: f64,
    /// In the order of the table.
    pub parts: Vec<Part>,
}

impl Aqi {
    /// From what is there; `None` without any dust.
    fn of(found: impl IntoIterator<Item = (Pollutant, Option<MicrogramsPerCubicMetre>)>) -> Option<Aqi> {
        let part = |(pollutant, concentration): (Pollutant, Option<MicrogramsPerCubicMetre>)| {
            let concentration = concentration?;
            Some(Part { pollutant, concentration, index: index_of(pollutant, concentration)? })
        };
        let parts: Vec<Part> = found.into_iter().filter_map(part).collect();
        let has_dust = parts.iter().any(|part| matches!(part.pollutant, Pollutant::Pm10 | Pollutant::Pm2_5));
        let index = parts.iter().map(|part| part.index).reduce(f64::max)?;
        has_dust.then_some(Aqi { index, parts })
    }

    /// To an integer, half up.
    pub fn rounded(&self) -> u16 {
        rounded(self.index)
    }
}

/// What the index of an hour is made of: 1 h means of gases, twelve of dust, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hour {
    /// Ozone.
    pub o3: Option<MicrogramsPerCubicMetre>,
    /// Carbon monoxide.
    pub co: Option<MicrogramsPerCubicMetre>,
    /// Sulphur dioxide.
    pub so2: Option<MicrogramsPerCubicMetre>,
    /// Nitrogen dioxide.
    pub no2: Option<MicrogramsPerCubicMetre>,
    /// Dust up to 10 micrometres.
    pub pm10: nowcast::Hours,
    /// Dust up to 2.5 micrometres.
    pub pm2_5: nowcast::Hours,
}

/// The index of an hour; `None` without a NowCast of PM10 or PM2.5.
pub fn hourly(hour: &Hour) -> Option<Aqi> {
    Aqi::of([
        (Pollutant::Ozone1h, hour.o3),
        (Pollutant::CarbonMonoxide, hour.co),
        (Pollutant::SulphurDioxide, hour.so2),
        (Pollutant::NitrogenDioxide, hour.no2),
        (Pollutant::Pm10, nowcast(&hour.pm10)),
        (Pollutant::Pm2_5, nowcast(&hour.pm2_5)),
    ])
}

/// Hourly means of one pollutant, oldest first.
pub type Means<const HOURS: usize> = [Option<MicrogramsPerCubicMetre>; HOURS];
/// A day's hours, 01:00 to 00:00.
pub type DayMeans = Means<HOURS_A_DAY>;
/// A day's hours with the seven before them, which the first 8 h means need.
pub type OzoneMeans = Means<{ HOURS_A_DAY + OZONE_HOURS - 1 }>;

/// What the index of a day is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Day {
    /// Ozone, from 18:00 of the day before on.
    pub o3: OzoneMeans,
    /// Carbon monoxide.
    pub co: DayMeans,
    /// Sulphur dioxide.
    pub so2: DayMeans,
    /// Nitrogen dioxide.
    pub no2: DayMeans,
    /// Dust up to 10 micrometres.
    pub pm10: DayMeans,
    /// Dust up to 2.5 micrometres.
    pub pm2_5: DayMeans,
}

impl Default for Day {
    /// A day of which nothing is known.
    fn default() -> Self {
        let none = [None; HOURS_A_DAY];
        Self { o3: [None; HOURS_A_DAY + OZONE_HOURS - 1], co: none, so2: none, no2: none, pm10: none, pm2_5: none }
    }
}

/// The least share of hours that a mean of several is made from, 0 to 1. Not in the decision: custom asks for 0.75.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Completeness(pub f64);

/// The mean of the hours that are there; `None` when they are too few.
pub fn mean(hours: &[Option<MicrogramsPerCubicMetre>], least: Completeness) -> Option<MicrogramsPerCubicMetre> {
    let found: Vec<f64> = hours.iter().flatten().map(|hour| hour.0).collect();
    let is_enough = !found.is_empty() && found.len() as f64 >= least.0 * hours.len() as f64;
    is_enough.then(|| MicrogramsPerCubicMetre(found.iter().sum::<f64>() / found.len() as f64))
}

/// The greatest 8 h mean of a day; each is labelled by its last hour, so there are 24.
pub fn greatest_8h_mean(hours: &OzoneMeans, least: Completeness) -> Option<MicrogramsPerCubicMetre> {
    hours.windows(OZONE_HOURS).filter_map(|window| mean(window, least)).reduce(greater)
}

fn greater(one: MicrogramsPerCubicMetre, other: MicrogramsPerCubicMetre) -> MicrogramsPerCubicMetre {
    if other.0 > one.0 { other } else { one }
}

/// The index of a day: dust by its 24 h mean, gases by their greatest 1 h mean, ozone by its greatest 8 h mean, too.
/// `None` without a mean of PM10 or PM2.5.
pub fn daily(day: &Day, least: Completeness) -> Option<Aqi> {
    let greatest = |hours: &[Option<MicrogramsPerCubicMetre>]| hours.iter().flatten().copied().reduce(greater);
    Aqi::of([
        (Pollutant::Ozone1h, greatest(&day.o3[OZONE_HOURS - 1..])),
        (Pollutant::Ozone8h, greatest_8h_mean(&day.o3, least)),
        (Pollutant::CarbonMonoxide, greatest(&day.co)),
        (Pollutant::SulphurDioxide, greatest(&day.so2)),
        (Pollutant::NitrogenDioxide, greatest(&day.no2)),
        (Pollutant::Pm10, mean(&day.pm10, least)),
        (Pollutant::Pm2_5, mean(&day.pm2_5, least)),
    ])
}

/// What an index means, with the decision's colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The greatest index of the level.
    pub to: u16,
    /// Vietnamese, as in the decision.
    pub vi: &'static str,
    /// English, ours.
    pub en: &'static str,
    /// The colour's name in the decision.
    pub colour_vi: &'static str,
    /// Red, green, blue.
    pub rgb: [u8; 3],
}

/// The levels, ascending.
pub const LEVELS: [Level; 6] = [
    Level { to: 50, vi: "Tốt", en: "Good", colour_vi: "xanh", rgb: [0, 228, 0] },
    Level { to: 100, vi: "Trung bình", en: "Moderate", colour_vi: "vàng", rgb: [255, 255, 0] },
    Level { to: 150, vi: "Kém", en: "Unhealthy for sensitive groups", colour_vi: "da cam", rgb: [255, 126, 0] },
    Level { to: 200, vi: "Xấu", en: "Unhealthy", colour_vi: "đỏ", rgb: [255, 0, 0] },
    Level { to: 300, vi: "Rất xấu", en: "Very unhealthy", colour_vi: "tím", rgb: [143, 63, 151] },
    Level { to: 500, vi: "Nguy hại", en: "Hazardous", colour_vi: "nâu", rgb: [126, 0, 35] },
];

/// The level of a rounded index.
pub fn level(rounded: u16) -> Level {
    LEVELS.into_iter().find(|level| rounded <= level.to).unwrap_or(LEVELS[LEVELS.len() - 1])
}

#[cfg(test)]
mod tests;
