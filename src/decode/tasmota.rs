//! Tasmota's telemetry: `tele/{device}/SENSOR` (and `STATE`) with one object a sensor.
//!
//! ```text
//! {"Time":"2019-01-01T00:00:00","AM2301":{"Temperature":24.6,"Humidity":58.2},"TempUnit":"C"}
//! ```
//! `Time` is the device's clock without a zone: the source's configuration says which (its own default is none, so a
//! device may well be set to UTC). `TempUnit`, `PressureUnit` and `SpeedUnit` say the units of what is measured in
//! them; other values have none in the message. Names are the keys joined with dots: `AM2301.Temperature`.

use jiff::tz::TimeZone;

use super::layout::{Layout, Note, Role};
use super::observed::Heard;
use super::time_form::TimeForm;
use super::{Limits, json};
use crate::model::{Rejection, Unit};

/// What is measured in which of the message's units, by the last key.
const MEASURED_IN: [(Note, &[&str]); 3] = [
    (Note::Temperature, &["Temperature", "DewPoint", "HeatIndex"]),
    (Note::Pressure, &["Pressure", "SeaPressure"]),
    (Note::Speed, &["Speed"]),
];

/// Adds the places that all of Tasmota's messages have.
pub(super) fn lay_out(layout: &mut Layout, zone: TimeZone) -> Result<(), String> {
    layout.put("/Time", Role::Time(TimeForm::Local(zone)))?;
    layout.put("/TempUnit", Role::Note(Note::Temperature))?;
    layout.put("/PressureUnit", Role::Note(Note::Pressure))?;
    layout.put("/SpeedUnit", Role::Note(Note::Speed))
}

/// Reads one message into `out`. On an error nothing of the message is there.
pub fn decode<'a>(
    layout: &'a Layout,
    payload: &'a [u8],
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    let before = out.observed.len();
    let notes = json::with_notes(layout, payload, limits, out)?;
    for observed in &mut out.observed[before..] {
        let last = observed.name.rsplit(['.', '/']).next().unwrap_or_default();
        let note = MEASURED_IN.iter().find(|(_, keys)| keys.contains(&last)).map(|(note, _)| *note);
        observed.unit = note.and_then(|note| notes[note as usize].clone());
    }
    Ok(())
}

/// Tasmota's words for units (`SetOption8`, `SetOption24`, `SpeedUnit`).
pub(super) fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "C" => Unit::Celsius,
        "F" => Unit::Fahrenheit,
        "hPa" => Unit::Hectopascal,
        "mmHg" => Unit::MillimetreOfMercury,
        "inHg" => Unit::InchOfMercury,
        "m/s" => Unit::MetrePerSecond,
        "km/h" => Unit::KilometrePerHour,
        "kn" => Unit::Knot,
        "mph" => Unit::MilePerHour,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
