//! The most expensive payloads that anybody could think of, at the largest size that is taken: no decoder may need
//! more than a fixed time for them, however they nest, repeat or announce lengths. The bound is for a debug build on a
//! busy machine; what it catches is work that grows with the square of the payload.

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::samples::NOW;
use super::{Heard, Limits, cayenne, chirpstack, lorawan, ngsi, senml, sparkplug, sta, tts};

const EACH_MAX: Duration = Duration::from_secs(4);

/// `begin`, as many `part`s as fit, `end`.
fn filled(begin: &str, part: impl Fn(usize) -> String, end: &str) -> Vec<u8> {
    let size = Limits::default().payload_bytes_max;
    let mut text = begin.to_owned();
    for index in 0.. {
        let part = part(index);
        if text.len() + part.len() + end.len() > size {
            break;
        }
        text += &part;
    }
    (text + end).into_bytes()
}

fn payloads() -> Vec<Vec<u8>> {
    let long = "k".repeat(120);
    let wide: Vec<String> = (0..200).map(|key| format!("\"{key}\":1")).collect();
    let wide = wide.join(",");
    let repeated = |bytes: &[u8]| bytes.repeat(Limits::default().payload_bytes_max / bytes.len());
    vec![
        filled("[", |_| "[],".to_owned(), "1]"),
        filled("[", |_| "{\"\":0},".to_owned(), "1]"),
        filled("[", |_| format!("{{{wide}}},"), "1]"),
        filled("[{\"a\":\"", |_| "\\n".to_owned(), "\"}]"),
        filled(&format!("[{{\"bn\":\"{long}{long}\"}}"), |_| ",{\"v\":1}".to_owned(), "]"),
        filled(
            &format!("{{\"deviceInfo\":{{\"devEui\":\"1\"}},\"object\":{{\"{long}\":{{\"{long}\":[0"),
            |_| ",1".to_owned(),
            "]}}}",
        ),
        filled(
            "{\"end_device_ids\":{\"device_id\":\"d\"},\"uplink_message\":{\"normalized_payload\":[{}",
            |_| ",{\"a\":{\"b\":1}}".to_owned(),
            "]}}",
        ),
        filled(
            &format!("[{{\"id\":\"{long}\\n\",\"type\":\"T\",\"t\":[{{\"value\":1}}"),
            |_| ",{\"value\":1}".to_owned(),
            "]}]",
        ),
        filled(
            "{\"Datastream\":{\"@iot.id\":1},\"components\":[\"result\"],\"dataArray\":[[0]",
            |_| ",[1]".to_owned(),
            "]}",
        ),
        repeated(&[0x12, 0x00]),
        repeated(&[0x12, 0x02, 0x4a, 0x00]),
        repeated(&[0x81]),
        repeated(&[0x9f]),
        [&[0x9f][..], &repeated(&[0xa0])[1..]].concat(),
        [&[0x9f][..], &repeated(&[0xa1, 0x02, 0xc4, 0x82, 0x00, 0x01])[6..], &[0xff]].concat(),
        repeated(&[1, 103, 0, 1]),
        repeated(b"\""),
        repeated(b"-"),
    ]
}

#[test]
fn no_payload_takes_long() {
    let limits = Limits::default();
    let zone = TimeZone::UTC;
    for (number, payload) in payloads().iter().enumerate() {
        assert!(payload.len() <= limits.payload_bytes_max);
        for decoder in 0..8 {
            let mut out = Heard::default();
            let begun = Instant::now();
            let taken = match decoder {
                0 => senml::decode_json("", payload, Some(NOW), &limits, &mut out),
                1 => senml::decode_cbor("", payload, Some(NOW), &limits, &mut out),
                2 => {
                    let mut session = sparkplug::Session::default();
                    sparkplug::decode("spBv1.0/G/NBIRTH/N", payload, NOW, &limits, &mut session, &mut out)
                }
                3 => {
                    let mut session = lorawan::Session::default();
                    chirpstack::decode("event/up", payload, NOW, &limits, &mut session, &mut out)
                }
                4 => tts::decode("", payload, NOW, &limits, &mut lorawan::Session::default(), &mut out),
                5 => ngsi::decode("", payload, NOW, &limits, &zone, &mut out),
                6 => sta::decode("Datastreams(1)", payload, NOW, &limits, &mut out),
                _ => cayenne::decode("", payload, NOW, &limits, &mut out),
            };
            let took = begun.elapsed();
            assert!(took < EACH_MAX, "payload {number}, decoder {decoder}: {took:?}");
            assert!(out.observed.len() + out.rejections.len() <= limits.readings_max, "{taken:?}");
        }
    }
}
