use proptest::prelude::*;

use super::super::layout::Unlisted;
use super::*;
use crate::model::{Reason, Timestamp};

fn layout(unlisted: Unlisted, names: &[&str]) -> Layout {
    let mut layout = Layout::new(unlisted);
    lay_out(&mut layout, TimeZone::get("Asia/Ho_Chi_Minh").unwrap()).unwrap();
    names.iter().for_each(|name| layout.value(name).unwrap());
    layout
}

fn check(layout: &Layout, payload: &str, time: Option<&str>, expected: &[(&str, f64, Option<&str>)]) {
    let mut out = Heard::default();
    decode(layout, payload.as_bytes(), &Limits::default(), &mut out).unwrap();
    assert_eq!(out.rejections, [], "{payload}");
    let found: Vec<_> = out.observed.iter().map(|o| (&*o.name, o.value, o.unit.as_deref())).collect();
    assert_eq!(found, expected, "{payload}");
    let time = time.and_then(Timestamp::parse);
    assert!(out.observed.iter().all(|observed| observed.time == time), "{:?}", out.observed);
}

/// The sample of Tasmota's own documentation, in the zone of the source.
#[test]
fn the_documented_message_has_two_values() {
    let sample = include_str!("../../../tests/fixtures/payloads/tasmota-AM2301.json");
    let sample: serde_json::Value = serde_json::from_str(sample).unwrap();
    let expected = &sample["expected"][0];
    let (temperature, humidity) = ("AM2301.Temperature", "AM2301.Humidity");
    check(
        &layout(Unlisted::Reject, &[temperature, humidity]),
        &sample["payload"].to_string(),
        Some("2018-12-31T17:00:00Z"),
        &[
            (humidity, expected[humidity].as_f64().unwrap(), None),
            (temperature, expected[temperature].as_f64().unwrap(), Some("C")),
        ],
    );
}

#[test]
fn the_message_says_its_units() {
    let names = ["BME280.Temperature", "BME280.DewPoint", "/BME280/Pressure", "PMS5003.PM2.5", "ENERGY.Power.1"];
    let layout = layout(Unlisted::Ignore, &names);
    check(
        &layout,
        r#"{"Time":"2026-11-21T10:15:00","BME280":{"Temperature":71.2,"DewPoint":60.1,"Pressure":740.2},
            "PMS5003":{"PM2.5":12},"ENERGY":{"Power":[3,4]},"PressureUnit":"mmHg","TempUnit":"F"}"#,
        Some("2026-11-21T03:15:00Z"),
        &[
            ("BME280.Temperature", 71.2, Some("F")),
            ("BME280.DewPoint", 60.1, Some("F")),
            ("/BME280/Pressure", 740.2, Some("mmHg")),
            ("PMS5003.PM2.5", 12.0, None),
            ("ENERGY.Power.1", 4.0, None),
        ],
    );
    check(&layout, r#"{"BME280":{"Temperature":21.0}}"#, None, &[("BME280.Temperature", 21.0, None)]);
}

#[test]
fn a_time_with_an_offset_or_without_sense_costs_the_message() {
    for time in ["2026-11-21T10:15:00Z", "yesterday", ""] {
        let payload = format!(r#"{{"Time":"{time}","A":{{"B":1}}}}"#);
        let (mut out, layout) = (Heard::default(), layout(Unlisted::Reject, &["A.B"]));
        decode(&layout, payload.as_bytes(), &Limits::default(), &mut out).unwrap();
        assert!(out.observed.is_empty() && out.rejections[0].reason == Reason::InvalidTime, "{out:?}");
    }
}

#[test]
fn every_word_for_a_unit_is_known() {
    for (word, expected) in [("C", "Cel"), ("F", "[degF]"), ("hPa", "hPa"), ("mmHg", "mm[Hg]"), ("km/h", "km/h")] {
        assert_eq!(unit(word).map(Unit::code), Some(expected));
    }
    assert_eq!(unit("K"), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[{}\\[\\]\":,TimeUnpa0-9. -]{0,120}") {
        let layout = layout(Unlisted::Reject, &["A.Temperature", "T"]);
        for payload in [&bytes[..], text.as_bytes()] {
            let mut out = Heard::default();
            let accepted = decode(&layout, payload, &Limits::default(), &mut out).is_ok();
            prop_assert!(accepted || out.is_empty());
        }
    }
}
