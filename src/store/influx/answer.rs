//! Reading InfluxDB's answers: annotated CSV with the tables of one series.
//!
//! ```text
//! #datatype,string,long,dateTime:RFC3339,double,string
//! #group,false,false,false,false,true
//! #default,_result,,,,
//! ,result,table,_time,_value,_field
//! ,,0,2026-08-21T00:00:00Z,41.2,pm2_5
//! ```
//! An answer is whole or it is an error: a row that cannot be understood is never passed over. An error that came up
//! while InfluxDB was answering stands in the answer itself, as a table with the column `error`.
//! <https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/>

use super::names::Series;
use crate::model::{Quality, Timestamp};

/// What cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// Not CSV at all.
    #[error("row {row} is no CSV")]
    NotCsv {
        /// Counted from 1, without empty lines.
        row: u64,
    },
    /// A row before any header, or a header without a column that we asked for.
    #[error("row {row}: there is no column {column}")]
    NoColumn {
        /// Counted from 1, without empty lines.
        row: u64,
        /// The column's name.
        column: &'static str,
    },
    /// A cell that is not what its column holds.
    #[error("row {row}: {column} is {found:?}")]
    Cell {
        /// Counted from 1, without empty lines.
        row: u64,
        /// The column's name.
        column: &'static str,
        /// What it says, at most 60 letters.
        found: String,
    },
    /// InfluxDB's own words.
    #[error("it broke off: {0}")]
    Told(String),
}

/// The two tables of a series, in the order of the answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tables {
    pub(super) values: Vec<(Timestamp, f64)>,
    pub(super) qualities: Vec<(Timestamp, Quality)>,
}

/// The columns of the table at hand.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    defaults: Vec<String>,
}

impl Columns {
    fn cell<'a>(&'a self, row: &'a csv::StringRecord, column: &'static str, number: u64) -> Result<&'a str, Mistake> {
        let missing = Mistake::NoColumn { row: number, column };
        let place = self.names.iter().position(|name| name == column).ok_or(missing.clone())?;
        match row.get(place) {
            Some("") => Ok(self.defaults.get(place).map_or("", String::as_str)),
            Some(cell) => Ok(cell),
            None => Err(missing),
        }
    }
}

/// Reads an answer to one of our questions about a series.
pub(super) fn read(text: &str, series: &Series) -> Result<Tables, Mistake> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut tables = Tables::default();
    let mut columns = Columns::default();
    let mut row = csv::StringRecord::new();
    let (mut is_header_next, mut number) = (true, 0);
    loop {
        number += 1;
        if !reader.read_record(&mut row).map_err(|_| Mistake::NotCsv { row: number })? {
            return Ok(tables);
        }
        match row.get(0).unwrap_or_default() {
            "#default" => {
                columns.defaults = row.iter().map(str::to_owned).collect();
                is_header_next = true;
            }
            annotation if annotation.starts_with('#') => is_header_next = true,
            _ if is_header_next => {
                columns.names = row.iter().map(str::to_owned).collect();
                is_header_next = false;
            }
            _ => put(&mut tables, &columns, &row, series, number)?,
        }
    }
}

fn put(
    tables: &mut Tables,
    columns: &Columns,
    row: &csv::StringRecord,
    series: &Series,
    number: u64,
) -> Result<(), Mistake> {
    if columns.names.iter().any(|name| name == "error") {
        return Err(Mistake::Told(short(columns.cell(row, "error", number)?)));
    }
    let wrong = |column, found: &str| Mistake::Cell { row: number, column, found: short(found) };
    let time = columns.cell(row, "_time", number)?;
    let at = Timestamp::parse(time).ok_or_else(|| wrong("_time", time))?;
    let value = columns.cell(row, "_value", number)?;
    let measured =
        value.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| wrong("_value", value))?;
    let field = columns.cell(row, "_field", number)?;
    if field == series.field {
        tables.values.push((at, measured));
    } else if field == series.quality {
        let is_flags = (0.0..=f64::from(u16::MAX)).contains(&measured) && measured.fract() == 0.0;
        let flags = is_flags.then_some(Quality(measured as u16)).ok_or_else(|| wrong("_value", value))?;
        tables.qualities.push((at, flags));
    } else {
        return Err(wrong("_field", field));
    }
    Ok(())
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::StationKind;

    const GOOD: &str = "#datatype,string,long,dateTime:RFC3339,double,string\r\n#group,false,false,false,false,true\r\n\
        #default,_result,,,,\r\n,result,table,_time,_value,_field\r\n,,0,2026-08-21T00:00:00.000001Z,41.2,pm2_5\r\n\
        ,,0,2026-08-21T00:01:00Z,-1e-7,pm2_5\r\n,,1,2026-08-21T00:00:00.000001Z,4,pm2_5_quality\r\n\r\n";

    fn series() -> Series {
        Series::new(StationKind::Air, "A", "pm2_5").unwrap()
    }

    fn check(text: &str, expected: Result<(usize, usize), &str>) {
        let found = read(text, &series());
        let found =
            found.map(|tables| (tables.values.len(), tables.qualities.len())).map_err(|wrong| wrong.to_string());
        assert_eq!(found.as_ref().map_err(String::as_str).copied(), expected, "{text}");
    }

    #[test]
    fn both_tables_are_read_and_nothing_is_passed_over() {
        let tables = read(GOOD, &series()).unwrap();
        let at = Timestamp::from_micros(1_787_270_400_000_001);
        assert_eq!(tables.values[0], (at, 41.2));
        assert_eq!(tables.values[1].1, -1e-7);
        assert_eq!(tables.qualities, [(at, Quality::FAULT)]);
        check("", Ok((0, 0)));
        check("\r\n", Ok((0, 0)));
        check(",result,table,_time,_value,_field\r\n", Ok((0, 0)));
        check(
            "#group,true\r\n#default,,,,,pm2_5\r\n,a,b,_time,_value,_field\r\n,,,1970-01-01T00:00:00Z,1,\r\n",
            Ok((1, 0)),
        );
        let rows = |row: &str| format!(",result,table,_time,_value,_field\r\n{row}\r\n");
        check(&rows(",,0,today,1,pm2_5"), Err("row 2: _time is \"today\""));
        check(&rows(",,0,1970-01-01T00:00:00Z,,pm2_5"), Err("row 2: _value is \"\""));
        check(&rows(",,0,1970-01-01T00:00:00Z,NaN,pm2_5"), Err("row 2: _value is \"NaN\""));
        check(&rows(",,0,1970-01-01T00:00:00Z,1.5,pm2_5_quality"), Err("row 2: _value is \"1.5\""));
        check(&rows(",,0,1970-01-01T00:00:00Z,1,pm10"), Err("row 2: _field is \"pm10\""));
        check(&rows(",,0,1970-01-01T00:00:00Z"), Err("row 2: there is no column _value"));
        check("<html>\r\n<body>", Err("row 2: there is no column _time"));
        check(
            "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,out of memory,897\r\n",
            Err("it broke off: out of memory"),
        );
    }

    proptest! {
        /// Cut anywhere or with any byte changed, an answer is read or refused; it never makes the reader panic.
        #[test]
        fn junk_is_refused(cut in 0usize..400, place in 0usize..400, byte in any::<char>(), noise in ".{0,200}") {
            let mut text: Vec<char> = GOOD.chars().take(cut).collect();
            if let Some(letter) = text.get_mut(place) {
                *letter = byte;
            }
            let text: String = text.into_iter().collect();
            let _ = read(&text, &series());
            let _ = read(&noise, &series());
            let _ = read(&format!("{GOOD}{noise}"), &series());
        }
    }
}
