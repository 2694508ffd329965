//! Bytes to readings: pure functions, one file per wire format, chosen by the source's configuration.
//!
//! A decoder never looks at the registry, the clock or the network. It gives back readings and, beside them, the
//! parts that it had to refuse; a message that cannot be understood at all is one refused reading.

pub mod cayenne;
mod cbor;
pub mod chirpstack;
pub mod csv_row;
mod csv_table;
pub mod exported;
pub mod json;
mod layout;
pub mod line_protocol;
pub mod lorawan;
pub mod mapped_cbor;
pub mod mapping;
pub mod native;
pub mod ngsi;
mod number;
mod observed;
mod period;
mod points;
#[cfg(test)]
mod samples;
mod scan;
pub mod senml;
mod sink;
pub mod source;
pub mod sparkplug;
pub mod sta;
pub mod station_file;
pub mod tasmota;
mod time;
mod time_form;
mod tokens;
mod tree;
pub mod tts;
pub mod unit_word;
mod walk;
#[cfg(test)]
mod worst;
pub mod written;
pub mod zigbee2mqtt;

pub use layout::{Layout, Unlisted};
pub use observed::{Event, Heard, Observed, Worded};

use std::borrow::Cow;

use crate::model::{Reading, Reason, Rejection};

/// Bounds on one message; what lies beyond is refused, never cut.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest payload, bytes.
    pub payload_bytes_max: usize,
    /// Most readings in one message.
    pub readings_max: usize,
    /// Most keys in one object.
    pub keys_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { payload_bytes_max: 256 * 1024, readings_max: 10_000, keys_max: 256 }
    }
}

/// What a message held.
#[derive(Debug, Default)]
pub struct Decoded<'a> {
    /// Readings, in the order of the message.
    pub readings: Vec<Reading<'a>>,
    /// Parts that were refused while the rest was taken.
    pub rejections: Vec<Rejection>,
    /// What was said of the devices themselves.
    pub told: Vec<Told<'a>>,
}

/// An event, with the station that the source's mapping makes of its device.
#[derive(Clone, Debug, PartialEq)]
pub struct Told<'a> {
    /// What was said.
    pub event: Event<'a>,
    /// `None` when the mapping knows no station for it: an edge node, a gateway.
    pub station: Option<Cow<'a, str>>,
}

impl Decoded<'_> {
    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.readings.clear();
        self.rejections.clear();
        self.told.clear();
    }
}

/// A rejection whose detail is short.
pub(crate) fn reject(reason: Reason, detail: impl Into<String>) -> Rejection {
    let mut detail = detail.into();
    if detail.len() > DETAIL_BYTES_MAX {
        let cut = (0..=DETAIL_BYTES_MAX).rev().find(|at| detail.is_char_boundary(*at)).unwrap_or(0);
        detail.truncate(cut);
    }
    Rejection { reason, detail }
}

/// A detail is for a person to read, not a second copy of the payload.
const DETAIL_BYTES_MAX: usize = 200;
