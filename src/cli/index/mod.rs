//! `saola index`: a function of the field over the rows of a CSV, to standard output with its result columns added.
//!
//! Nothing is written when anything is wrong: every mistake is told with its line and column (twenty at most).

mod air;
mod fire;
mod grid;
mod table;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use crate::indices::quantity::{Latitude, Millimetres};
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
        #[arg(long, default_value_t = 5.0)]
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
        #[arg(long, default_value_t = 45.0, allow_hyphen_values = true)]
        latitude: f64,
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
            Index::Vn2000 { .. } => grid::vn2000(&mut table),
        }
        table.into_text()
    }
}
