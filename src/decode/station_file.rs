//! Files of automatic stations (Circular 10/2021/TT-BTNMT, annex 15): one parameter a line.
//!
//! ```text
//! <symbol> TAB <value> TAB <unit> TAB <yyyyMMddHHmmss> TAB <status>
//! COD TAB 35.2000 TAB mg/L TAB 20260406143000 TAB 00
//! ```
//! Status 00 measuring, 01 calibrating, 02 device error. The time is local and has no offset. The value may have a
//! decimal comma, and may be empty when the device is not measuring. Lines end in LF or CR LF, the last one perhaps in
//! nothing. The name of the file begins with the station's and ends in a time: `LC_TD_KK1_20260406143000.txt`.
//!
//! Left out on purpose: the file's name as a time (each line has its own) and how files arrive.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::civil::DateTime;

use super::mapping::{Scale, Station};
use super::observed::Observed;
use super::written::{Decimal, LocalClock, number, short};
use super::{Decoded, Heard, Limits, reject, sink, unit_word};
use crate::model::{Reading, Reason, Rejection, Status, Timestamp};

/// How station files are read.
#[derive(Clone, Debug)]
pub struct StationFiles {
    /// Fixed, or named by the beginning of the file's name.
    pub station: Station,
    /// By symbol; those that are not named here follow [`property_of`] and the unit of their line.
    pub symbols: BTreeMap<String, (String, Scale)>,
    /// The stations' clock.
    pub clock: LocalClock,
    /// Between the fields; a tab by the circular.
    pub separator: u8,
}

/// The station's part of a file's name: without the ending, the time and what joins them.
pub fn station_of(file_name: &str) -> &str {
    let stem = file_name.strip_suffix(".txt").or_else(|| file_name.strip_suffix(".TXT")).unwrap_or(file_name);
    let digits = stem.bytes().rev().take_while(u8::is_ascii_digit).count();
    let is_timed = digits >= 14;
    let stem = if is_timed { &stem[..stem.len() - 14] } else { stem };
    stem.trim_end_matches('_')
}

/// The property that a symbol stands for where no map says otherwise: small letters, `_` for signs, without a unit in
/// brackets. `PM2,5` and `PM2.5` are `pm2_5`, `CO(mg/Nm3)` is `co`.
pub fn property_of(symbol: &str) -> String {
    let symbol = symbol.split_once('(').map_or(symbol, |(before, _)| before).trim();
    let letters = symbol.chars().flat_map(char::to_lowercase);
    letters.map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect()
}

impl StationFiles {
    /// Reads one line of `station`'s file into `out`; nothing for an empty line or a value that a device in error
    /// leaves out.
    pub fn read<'a>(&'a self, station: &'a str, line: &'a str, out: &mut Decoded<'a>) {
        match self.reading(station, line) {
            Ok(reading) => out.readings.extend(reading),
            Err(rejection) => out.rejections.push(rejection),
        }
    }

    fn reading<'a>(&'a self, station: &'a str, line: &'a str) -> Result<Option<Reading<'a>>, Rejection> {
        let Some(Parameter { symbol, written, unit, time, status }) = parameter(line, self.separator, &self.clock)?
        else {
            return Ok(None);
        };
        let (property, scale) = self.meaning(symbol, unit)?;
        let (value, unit, time) = (scale.apply(written), scale.unit, Some(time));
        Ok(Some(Reading { station: Cow::Borrowed(station), property, time, value, unit, status }))
    }

    /// The property and the unit of a symbol: as the map says, else as the line does.
    fn meaning<'a>(&'a self, symbol: &str, unit: &str) -> Result<(Cow<'a, str>, Scale), Rejection> {
        let mapped = self.symbols.get(symbol);
        if let Some((property, scale)) = mapped.filter(|(_, scale)| *scale != Scale::default()) {
            return Ok((Cow::Borrowed(property), *scale));
        }
        let written = unit_of(symbol, unit);
        let property =
            mapped.map_or_else(|| Cow::Owned(property_of(symbol)), |(property, _)| Cow::Borrowed(property.as_str()));
        if written.is_empty() {
            return Ok((property, Scale::default()));
        }
        let unknown = || {
            reject(
                Reason::WrongUnit,
                format!("{}: unit {:?} is not known; name it in a map", short(symbol), short(written)),
            )
        };
        let word = unit_word::parse(written).ok_or_else(unknown)?;
        let factor = (word.factor != 1.0).then_some(word.factor);
        Ok((property, Scale { unit: Some(word.unit), factor }))
    }
}

/// Reads lines as a message of a declared source: the device is the station's part of the file's name, which is the
/// topic's last level; a name is a symbol as it is written. Broken lines cost themselves.
pub(super) fn decode<'a>(
    clock: &LocalClock,
    separator: u8,
    topic: &'a str,
    payload: &'a [u8],
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    let text = sink::text(payload, limits)?;
    let device = station_of(topic.rsplit('/').next().unwrap_or_default());
    sink::fill(out, limits, |sink| {
        for line in text.trim_start_matches('\u{feff}').lines() {
            match parameter(line, separator, clock) {
                Ok(None) => {}
                Ok(Some(Parameter { symbol, written, unit, time, status })) => {
                    let unit = Some(unit_of(symbol, unit)).filter(|unit| !unit.is_empty()).map(Cow::Borrowed);
                    let (device, name) = (Cow::Borrowed(device), Cow::Borrowed(symbol));
                    sink.take(Observed { device, name, unit, time: Some(time), value: written, status, place: None })?;
                }
                Err(rejection) => sink.refuse(rejection.reason, rejection.detail)?,
            }
        }
        Ok(())
    })
}

/// One line, taken apart.
struct Parameter<'a> {
    symbol: &'a str,
    /// The value as it is written.
    written: f64,
    unit: &'a str,
    time: Timestamp,
    status: Status,
}

/// Nothing for an empty line and for a value that a device in error leaves out.
fn parameter<'a>(line: &'a str, separator: u8, clock: &LocalClock) -> Result<Option<Parameter<'a>>, Rejection> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    let mut parts = line.trim_end_matches(['\r', '\n']).split(char::from(separator)).map(str::trim);
    let fields: Vec<&str> = parts.by_ref().take(5).collect();
    let [symbol, value, unit, time, status] = fields[..] else {
        return Err(reject(Reason::WrongShape, format!("{} fields, a station's line has 5", fields.len())));
    };
    if parts.any(|more| !more.is_empty()) {
        return Err(reject(Reason::WrongShape, "more than 5 fields"));
    }
    let status = match status {
        "00" | "0" => Status::Measuring,
        "01" | "1" => Status::Calibrating,
        "02" | "2" => Status::Fault,
        _ => {
            let detail = format!("{}: status {:?}: 00, 01 and 02 are known", short(symbol), short(status));
            return Err(reject(Reason::InvalidStatus, detail));
        }
    };
    let time = instant(time, clock)?;
    if value.is_empty() && status != Status::Measuring {
        return Ok(None);
    }
    let written = number(value, Decimal::Either)
        .map_err(|reason| reject(reason, format!("{}: {:?} is no number", short(symbol), short(value))))?;
    Ok(Some(Parameter { symbol, written, unit, time, status }))
}

/// The unit that a line says, or its symbol in brackets.
fn unit_of<'a>(symbol: &'a str, unit: &'a str) -> &'a str {
    match unit {
        "" | "-" => symbol.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(""),
        unit => unit,
    }
}

fn instant(digits: &str, clock: &LocalClock) -> Result<Timestamp, Rejection> {
    let wrong = |why: &str| reject(Reason::InvalidTime, format!("time {:?} {why}", short(digits)));
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong("is not yyyyMMddHHmmss"));
    }
    let part = |from: usize, to: usize| digits[from..to].parse::<i16>().unwrap_or(-1);
    let small = |from: usize| i8::try_from(part(from, from + 2)).unwrap_or(-1);
    let local = DateTime::new(part(0, 4), small(4), small(6), small(8), small(10), small(12), 0);
    let local = local.map_err(|_| wrong("is no day and hour"))?;
    clock.instant(local).map_err(wrong)
}

#[cfg(test)]
mod tests;
