//! `saola index`: a function of the field over the rows of a CSV, to standard output with its result columns added.
//!
//! Nothing is written when anything is wrong: every mistake is told with its line and column (twenty at most).

mod air;
mod fire;
mod grid;
mod table;
#[cfg(test)]
mod tests;
mod water;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Subcommand;

use crate::indices::quantity::{KilometresPerHour, Latitude, Metres, Millimetres};
use crate::indices::river::Heights;
use crate::indices::vn_aqi::Completeness;
use table::Table;

/// A CSV with a header row goes in, the same with result columns comes out. Columns are found by name, in any order;
/// others are passed on as they are. A blank cell, NA or NaN is a missing value: its row has no result that needs it. A
/// result column that is there already is computed anew, in its place. Comma, semicolon or tab; UTF-8 with or without
/// BOM; LF or CRLF.
#[derive(Debug, Subcommand)]
pub(super) enum Index {
    /// VN_AQI: of single concentrations, or hourly of a series
    ///
    /// In: parameter (o3_1h, o3_8h, co, so2, no2, pm10, pm25), value_ugm3.
    /// Out: aqi_unrounded, aqi_half_up, level_vi, level_en, colour (#rrggbb).
    ///
    /// Or, of a series of hourly means in µg/m³, in: timestamp_local (RFC 3339; also time or time_utc) and any of pm25,
    /// pm10, o3, co, so2, no2. Out: nowcast_pm25, nowcast_pm10, aqi_unrounded, aqi_half_up, level_vi, level_en, colour.
    /// Hours that are not in the file are missing hours; rows may be in any order. One file is one station.
    #[command(name = "vn_aqi", alias = "vn-aqi")]
    VnAqi {
        /// The CSV
        file: PathBuf,
    },
    /// NowCast of twelve hourly means
    ///
    /// In: c1 (the current hour) to c12. Out: nowcast_normalised, and nowcast_literal_half_formula (as the decision
    /// prints it, only where w = 1/2).
    Nowcast {
        /// The CSV
        file: PathBuf,
    },
    /// Viet Nam's forest fire danger P, day by day
    ///
    /// In: t13_c (or temp_c), rh13_pct (or rh_pct), rain_24h_mm (or rain_mm); one row a day, in order. Out: es_hpa, d13_hpa,
    /// K, P_vn, level_table_A_hue2022, level_table_B_1000_2500_5000_10000, dewpoint_c, NI_classic_reset_gt3mm. A row with a
    /// missing value has no P (unless its rain resets it), and the next goes on from the last that there was.
    #[command(name = "fire_danger_p", alias = "fire-danger-p")]
    FireDangerP {
        /// The CSV
        file: PathBuf,
        /// Rain of a day from which P begins anew, mm
        #[arg(long, default_value_t = 5.0, value_parser = millimetres)]
        rain_limit: f64,
    },
    /// The Canadian Fire Weather Index, day by day
    ///
    /// In: month (1 to 12), temp_c, rh_pct, wind_kmh, rain_mm, at noon; one row a day, in order; begins with FFMC 85, DMC 6,
    /// DC 15. Out: ffmc, dmc, dc, isi, bui, fwi, dsr, each twice: with the ending _xclim by the constant 147.2, with
    /// _cffdrsR by 147.27723. A row with a missing value has no result, and the next goes on from the last that there was.
    Fwi {
        /// The CSV
        file: PathBuf,
        /// Degrees north, for the length of days; Lai Châu is 22.4
        #[arg(long, default_value_t = 22.4, allow_hyphen_values = true, value_parser = latitude)]
        latitude: f64,
    },
    /// VN_AQI of days
    ///
    /// In: timestamp_local (RFC 3339; also time or time_utc; an hour is labelled by its end) and any of pm25, pm10, o3, co,
    /// so2, no2: hourly means in µg/m³. Out, in the row of the midnight that ends the day: aqi_unrounded, aqi_half_up,
    /// level_vi, level_en, colour.
    #[command(name = "vn_aqi_daily", alias = "vn-aqi-daily")]
    VnAqiDaily {
        /// The CSV
        file: PathBuf,
        /// The least share of hours that a mean is made from, 0 to 1
        #[arg(long, default_value_t = 0.75, value_parser = share)]
        completeness: f64,
    },
    /// Rain of 1, 3, 6, 12, 24 and 72 hours
    ///
    /// In: timestamp_local (RFC 3339; also time or time_utc), rain_mm (since the report before), in order of time. Out:
    /// rain_1h to rain_72h in mm; blank when too few reports are there, or reports are further apart than the window.
    Rain {
        /// The CSV
        file: PathBuf,
        /// Minutes between reports, 1 to 1440
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_440))]
        interval_minutes: u32,
        /// The least share of a window that reports cover, 0 to 1
        #[arg(long, default_value_t = 0.75, value_parser = share)]
        completeness: f64,
    },
    /// River alarm stages, reading by reading
    ///
    /// In: water_level_m (or level_m), in order of time. Out: river_alarm_stage, 0 to 3.
    #[command(name = "river_stage", alias = "river-stage")]
    RiverStage {
        /// The CSV
        file: PathBuf,
        /// Heights of BĐ1, BĐ2 and BĐ3 in metres, ascending, on the datum of the readings
        #[arg(long, num_args = 3, value_names = ["BD1", "BD2", "BD3"], required = true, allow_hyphen_values = true)]
        stages: Vec<f64>,
        /// How far under its height a stage ends, m
        #[arg(long, default_value_t = 0.1, value_parser = metres)]
        hysteresis: f64,
    },
    /// Rain above the landslide threshold of Do and Yin 2018
    ///
    /// In: rain_24h_mm, rain_72h_before_mm (of the three days before). Out: threshold_mm, landslide_rain_margin (reached
    /// from 0 on), in mm.
    Landslide {
        /// The CSV
        file: PathBuf,
    },
    /// Level of service of traffic
    ///
    /// In: speed_kmh (or vehicle_speed). Out: level_of_service (1 to 6), letter (A to F).
    #[command(name = "level_of_service", alias = "level-of-service")]
    LevelOfService {
        /// The CSV
        file: PathBuf,
        /// The road's speed without traffic, km/h
        #[arg(long, value_parser = speed)]
        free_flow: f64,
    },
    /// The Chandler burning index
    ///
    /// In: temp_c, rh_pct. Out: cbi, cbi_class.
    Cbi {
        /// The CSV
        file: PathBuf,
    },
    /// WGS 84 to VN-2000 / TM-3 103-00 (EPSG:9205)
    ///
    /// In: lon_wgs84 (or lon), lat_wgs84 (or lat), in degrees. Out: easting_epsg9205_m, northing_epsg9205_m.
    Vn2000 {
        /// The CSV
        file: PathBuf,
    },
}

impl Index {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let file = match self {
            Index::VnAqi { file }
            | Index::Nowcast { file }
            | Index::FireDangerP { file, .. }
            | Index::Fwi { file, .. }
            | Index::Cbi { file }
            | Index::VnAqiDaily { file, .. }
            | Index::Rain { file, .. }
            | Index::RiverStage { file, .. }
            | Index::Landslide { file }
            | Index::LevelOfService { file, .. }
            | Index::Vn2000 { file } => file,
        };
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        match self.over(file, &bytes) {
            Ok(text) => {
                use std::io::Write as _;
                // A reader that went away (`saola index … | head`) is no failure.
                let _ = std::io::stdout().write_all(text.as_bytes());
                Ok(ExitCode::SUCCESS)
            }
            Err(mistakes) => {
                mistakes.iter().for_each(|mistake| eprintln!("{mistake}"));
                Ok(ExitCode::FAILURE)
            }
        }
    }

    /// The CSV with its results, or every mistake.
    fn over(&self, file: &Path, bytes: &[u8]) -> Result<String, Vec<String>> {
        let mut table = Table::read(&file.display().to_string(), bytes)?;
        match self {
            Index::VnAqi { .. } => air::vn_aqi(&mut table),
            Index::Nowcast { .. } => air::nowcast(&mut table),
            Index::FireDangerP { rain_limit, .. } => fire::danger_p(&mut table, Millimetres(*rain_limit)),
            Index::Fwi { latitude, .. } => fire::fwi(&mut table, Latitude(*latitude)),
            Index::Cbi { .. } => fire::cbi(&mut table),
            Index::VnAqiDaily { completeness, .. } => air::vn_aqi_daily(&mut table, Completeness(*completeness)),
            Index::Rain { interval_minutes, completeness, .. } => {
                let interval = Duration::from_secs(60 * u64::from(*interval_minutes));
                water::rain(&mut table, interval, Completeness(*completeness));
            }
            Index::RiverStage { stages, hysteresis, .. } => {
                water::river_stage(&mut table, &heights(stages, *hysteresis)?);
            }
            Index::Landslide { .. } => water::landslide(&mut table),
            Index::LevelOfService { free_flow, .. } => water::service(&mut table, KilometresPerHour(*free_flow)),
            Index::Vn2000 { .. } => grid::vn2000(&mut table),
        }
        table.into_text()
    }
}

fn heights(stages: &[f64], hysteresis: f64) -> Result<Heights, Vec<String>> {
    let [one, two, three] = stages else { return Err(vec!["--stages takes three heights".to_owned()]) };
    if !(one.is_finite() && three.is_finite() && one < two && two < three) {
        return Err(vec![format!("--stages {one} {two} {three}: the heights must ascend")]);
    }
    Ok(Heights { stages: [*one, *two, *three].map(Metres), hysteresis: Metres(hysteresis) })
}

/// A number of an option that is within a range.
fn within(text: &str, (least, most): (f64, f64)) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "is not a number".to_owned())?;
    if (least..=most).contains(&number) { Ok(number) } else { Err(format!("must be {least} to {most}")) }
}

fn latitude(text: &str) -> Result<f64, String> {
    within(text, (-90.0, 90.0))
}

fn millimetres(text: &str) -> Result<f64, String> {
    within(text, (0.1, 500.0))
}

fn metres(text: &str) -> Result<f64, String> {
    within(text, (0.001, 10.0))
}

fn share(text: &str) -> Result<f64, String> {
    within(text, (0.0, 1.0))
}

fn speed(text: &str) -> Result<f64, String> {
    within(text, (1.0, 200.0))
}
