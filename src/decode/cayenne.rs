//! Cayenne LPP (Low Power Payload) with the extended types: channel, type, value, again and again, big-endian.
//!
//! Names are type and channel (`temperature_3`); a type of several numbers adds what each is (`accelerometer_9.x`).
//! A GPS value says where the device is, too. An unknown type has an unknown length: what came before it is kept, the
//! rest is one refused part. Left out: polylines (type 240, of variable length) count as unknown.

use std::borrow::Cow;

use super::sink::{self, Sink};
use super::{Heard, Limits};
use crate::model::{Reason, Rejection, Timestamp};

/// One number of a type: what it adds to the name, its bytes, whether it is signed, what it is divided by, its unit.
struct Part {
    suffix: &'static str,
    bytes: usize,
    is_signed: bool,
    divisor: f64,
    unit: &'static str,
}

const fn signed(suffix: &'static str, bytes: usize, divisor: f64, unit: &'static str) -> Part {
    Part { suffix, bytes, is_signed: true, divisor, unit }
}

const fn unsigned(suffix: &'static str, bytes: usize, divisor: f64, unit: &'static str) -> Part {
    Part { suffix, bytes, is_signed: false, divisor, unit }
}

const GPS: u8 = 136;

/// The types by number. 0 to 3, 101 to 104, 113, 115, 134 and 136 are the first specification's (myDevices, 2016), the
/// others the extension's that device makers use. Units are UCUM codes.
const TYPES: &[(u8, &str, &[Part])] = &[
    (0, "digital_in", &[unsigned("", 1, 1.0, "")]),
    (1, "digital_out", &[unsigned("", 1, 1.0, "")]),
    (2, "analog_in", &[signed("", 2, 100.0, "")]),
    (3, "analog_out", &[signed("", 2, 100.0, "")]),
    (100, "generic", &[unsigned("", 4, 1.0, "")]),
    (101, "luminosity", &[unsigned("", 2, 1.0, "lx")]),
    (102, "presence", &[unsigned("", 1, 1.0, "")]),
    (103, "temperature", &[signed("", 2, 10.0, "Cel")]),
    (104, "relative_humidity", &[unsigned("", 1, 2.0, "%")]),
    (
        113,
        "accelerometer",
        &[signed(".x", 2, 1000.0, "[g]"), signed(".y", 2, 1000.0, "[g]"), signed(".z", 2, 1000.0, "[g]")],
    ),
    (115, "barometric_pressure", &[unsigned("", 2, 10.0, "hPa")]),
    (116, "voltage", &[unsigned("", 2, 100.0, "V")]),
    (117, "current", &[unsigned("", 2, 1000.0, "A")]),
    (118, "frequency", &[unsigned("", 4, 1.0, "Hz")]),
    (120, "percentage", &[unsigned("", 1, 1.0, "%")]),
    (121, "altitude", &[signed("", 2, 1.0, "m")]),
    (125, "concentration", &[unsigned("", 2, 1.0, "[ppm]")]),
    (128, "power", &[unsigned("", 2, 1.0, "W")]),
    (130, "distance", &[unsigned("", 4, 1000.0, "m")]),
    (131, "energy", &[unsigned("", 4, 1000.0, "kW.h")]),
    (132, "direction", &[unsigned("", 2, 1.0, "deg")]),
    (133, "unix_time", &[unsigned("", 4, 1.0, "s")]),
    (
        134,
        "gyrometer",
        &[signed(".x", 2, 100.0, "deg/s"), signed(".y", 2, 100.0, "deg/s"), signed(".z", 2, 100.0, "deg/s")],
    ),
    (135, "colour", &[unsigned(".r", 1, 1.0, ""), unsigned(".g", 1, 1.0, ""), unsigned(".b", 1, 1.0, "")]),
    (
        GPS,
        "gps",
        &[
            signed(".latitude", 3, 10_000.0, "deg"),
            signed(".longitude", 3, 10_000.0, "deg"),
            signed(".altitude", 3, 100.0, "m"),
        ],
    ),
    (142, "switch", &[unsigned("", 1, 1.0, "")]),
];

/// Reads bare bytes from a topic: the device is the topic's to name, the time is the received one.
pub fn decode<'a>(
    _topic: &'a str,
    payload: &'a [u8],
    _received_at: Timestamp,
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    sink::bounded(payload, limits)?;
    sink::fill(out, limits, |sink| match values(payload, &Cow::Borrowed(""), None, sink)? {
        Some(rest) if sink.is_empty() => Err(rest),
        Some(rest) => sink.refuse(rest.reason, rest.detail),
        None => Ok(()),
    })
}

/// Observes the values at the beginning of `bytes`; what the rest is refused for, when there is a rest.
#[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
pub(super) fn values<'a>(
    bytes: &[u8],
    device: &Cow<'a, str>,
    time: Option<Timestamp>,
    sink: &mut Sink<'_, 'a>,
) -> Result<Option<Rejection>, Rejection> {
    let first = sink.count();
    let mut place = None;
    let mut rest = bytes;
    let refused = loop {
        let (channel, kind) = match rest {
            [] => break None,
            [channel, kind, ..] => (*channel, *kind),
            [_] => break Some(unread(Reason::InvalidBinary, "cut off", rest)),
        };
        let Some((_, name, parts)) = TYPES.iter().find(|(number, ..)| *number == kind) else {
            break Some(unread(Reason::Unsupported, &format!("type {kind} is not known"), rest));
        };
        let length: usize = parts.iter().map(|part| part.bytes).sum();
        let Some(mut value) = rest.get(2..2 + length) else {
            break Some(unread(Reason::InvalidBinary, &format!("{name}_{channel} is cut off"), rest));
        };
        rest = &rest[2 + length..];
        let mut numbers = [0.0; 3];
        for (part, number) in parts.iter().zip(&mut numbers) {
            let (own, later) = value.split_at(part.bytes);
            *number = part.number(own);
            let unit = Some(part.unit).filter(|unit| !unit.is_empty()).map(Cow::Borrowed);
            sink.observe(device, Cow::Owned(format!("{name}_{channel}{}", part.suffix)), unit, time, *number)?;
            value = later;
        }
        if kind == GPS {
            place = Some((numbers[1], numbers[0]));
        }
    };
    if let Some(place) = place {
        sink.place_from(first, place);
    }
    Ok(refused)
}

impl Part {
    fn number(&self, bytes: &[u8]) -> f64 {
        let raw = bytes.iter().fold(0_i64, |value, byte| value << 8 | i64::from(*byte));
        let limit = 1_i64 << (8 * self.bytes);
        let raw = if self.is_signed && raw >= limit / 2 { raw - limit } else { raw };
        raw as f64 / self.divisor
    }
}

fn unread(reason: Reason, what: &str, rest: &[u8]) -> Rejection {
    super::reject(reason, format!("Cayenne LPP: {what}; the last {} bytes are not read", rest.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{LIMITS, NOW, hex, mutated, sample, told};
    use super::*;

    fn decoded(payload: &[u8]) -> String {
        let mut out = Heard::default();
        let result = decode("", payload, NOW, &LIMITS, &mut out);
        told(result, &out)
    }

    fn check(payload: &str, expected: &str) {
        assert_eq!(decoded(&hex(payload)), expected, "{payload}");
    }

    #[test]
    fn the_twelve_first_types_mean_what_their_tests_say() {
        let sample = sample("cayenne-lpp-all12");
        let mut out = Heard::default();
        decode("", &sample.payload, NOW, &LIMITS, &mut out).unwrap();
        let mut expected = Vec::new();
        for (name, value) in sample.expected[0].as_object().unwrap() {
            match value.as_object() {
                Some(parts) => expected
                    .extend(parts.iter().map(|(part, value)| (format!("{name}.{part}"), value.as_f64().unwrap()))),
                None => expected.push((name.clone(), value.as_f64().unwrap())),
            }
        }
        let mut got: Vec<(String, f64)> = out.observed.iter().map(|seen| (seen.name.to_string(), seen.value)).collect();
        got.sort_by(|a, b| a.0.cmp(&b.0));
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(got, expected);
        assert!(out.rejections.is_empty());
        assert!(out.observed.iter().all(|seen| seen.place == Some((4.8885, 52.3655))));
    }

    #[test]
    fn signs_are_extended_where_the_type_has_one() {
        check("0367ffff", "|temperature_3 = -0.1 Cel");
        check("03678000", "|temperature_3 = -3276.8 Cel");
        check("0365ffff", "|luminosity_3 = 65535 lx");
        check("ff02ff9c", "|analog_in_255 = -1");
        check("0179ff9c", "|altitude_1 = -100 m");
        check("0168ff", "|relative_humidity_1 = 127.5 %");
    }

    #[test]
    fn the_extended_types_are_read() {
        check("0164ffffffff", "|generic_1 = 4294967295");
        check(
            "01740149 027503e8 037600000032 047864",
            "|voltage_1 = 3.29 V\n|current_2 = 1 A\n|frequency_3 = 50 Hz\n|percentage_4 = 100 %",
        );
        check(
            "017d01a4 02800064 0382000003e8 048300000bb8",
            "|concentration_1 = 420 [ppm]\n|power_2 = 100 W\n|distance_3 = 1 m\n|energy_4 = 3 kW.h",
        );
        check(
            "0184010e 02856553f100 0387ff8000 048e01",
            "|direction_1 = 270 deg\n|unix_time_2 = 1700000000 s\n|colour_3.r = 255\n|colour_3.g = 128\n|colour_3.b = 0\n|switch_4 = 1",
        );
    }

    #[test]
    fn what_follows_an_unknown_type_is_reported() {
        check("03670110 05f0 0102", "|temperature_3 = 27.2 Cel\nunsupported");
        check("03670110 0567 01", "|temperature_3 = 27.2 Cel\ninvalid_binary");
        check("03670110 05", "|temperature_3 = 27.2 Cel\ninvalid_binary");
        check("05f00102", "all unsupported");
        check("aa", "all invalid_binary");
        check("", "all empty_payload");
        check(&"010001".repeat(61), "all too_many_readings");
        check(&"00".repeat(8193), "all payload_too_large");
    }

    #[test]
    fn a_place_outside_the_earth_is_no_place() {
        check(
            "0188 100000 000001 000000",
            "|gps_1.latitude = 104.8576 deg\n|gps_1.longitude = 0.0001 deg\n|gps_1.altitude = 0 m",
        );
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_decoder(payload in mutated(vec![sample("cayenne-lpp-all12").payload])) {
            decoded(&payload);
        }
    }
}
