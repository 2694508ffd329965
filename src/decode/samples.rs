//! What the tests of the decoders share: the stored messages of `tests/fixtures/payloads`, a way to write down what a
//! message held, and mutations of real messages.

use proptest::prelude::*;
use serde_json::Value;

use super::{Event, Heard, Limits};
use crate::model::{Rejection, Timestamp};

/// 2017-06-29T23:49:39Z, the instant that the SenML authors resolved their examples at.
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_498_780_179);

/// A stored message.
pub(super) struct Sample {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) expected: Vec<Value>,
}

/// Reads `tests/fixtures/payloads/{name}.json`.
pub(super) fn sample(name: &str) -> Sample {
    let path = format!("{}/tests/fixtures/payloads/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let payload = match file["encoding"].as_str().unwrap() {
        "hex" => hex(file["payload"].as_str().unwrap()),
        "json" => serde_json::to_vec_pretty(&file["payload"]).unwrap(),
        other => panic!("{path}: encoding {other}"),
    };
    let topic = file["topic"].as_str().unwrap_or_default().to_owned();
    Sample { topic, payload, expected: file["expected"].as_array().unwrap().clone() }
}

/// Bytes of a hexadecimal text; white space is passed over.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

/// What a message held, one part a line: `device|name = value unit @time (lon lat)`, then texts, then events, then reasons.
pub(super) fn told(result: Result<(), Rejection>, heard: &Heard<'_>) -> String {
    if let Err(rejection) = result {
        assert!(heard.is_empty(), "nothing of a refused message is taken");
        assert!(rejection.detail.len() <= 200, "a detail is short");
        return format!("all {}", rejection.reason.word());
    }
    let mut lines = Vec::new();
    for observed in &heard.observed {
        assert!(observed.value.is_finite());
        let mut line = format!("{}|{} = {}", observed.device, observed.name, observed.value);
        line += &observed.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
        line += &observed.time.map(|time| format!(" @{time}")).unwrap_or_default();
        line += &observed.place.map(|(lon, lat)| format!(" ({lon} {lat})")).unwrap_or_default();
        lines.push(line);
    }
    lines.extend(heard.worded.iter().map(|worded| {
        let time = worded.time.map(|time| format!(" @{time}")).unwrap_or_default();
        format!("{}|{} is {:?}{time}", worded.device, worded.name, worded.word)
    }));
    lines.extend(heard.events.iter().map(|event| match event {
        Event::Joined { device } => format!("joined {device}"),
        Event::Silent { device } => format!("silent {device}"),
        Event::Rebirth { node } => format!("rebirth {node}"),
        Event::Gap { device, missed } => format!("gap {device} {missed}"),
        Event::Repeated { device, key } => format!("repeated {device} {key}"),
    }));
    lines.extend(heard.rejections.iter().map(|rejection| rejection.reason.word().to_owned()));
    lines.join("\n")
}

/// Small bounds, so that a test can reach them.
pub(super) const LIMITS: Limits = Limits { payload_bytes_max: 8192, readings_max: 60, keys_max: 64 };

/// Any bytes, and the given messages with bytes flipped, cut out, put in, and ends spliced together.
pub(super) fn mutated(messages: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let count = messages.len();
    let steps = prop::collection::vec((0_u8..5, any::<prop::sample::Index>(), any::<u8>()), 1..6);
    let changed = (0..count, 0..count, steps).prop_map(move |(first, second, steps)| {
        let mut bytes = messages[first].clone();
        for (kind, at, byte) in steps {
            let at = if bytes.is_empty() { 0 } else { at.index(bytes.len()) };
            match kind {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << (byte % 8),
                1 if !bytes.is_empty() => bytes[at] = byte,
                2 => bytes.truncate(at),
                3 => bytes.insert(at, byte),
                _ => {
                    let tail = &messages[second];
                    bytes.truncate(at);
                    bytes.extend_from_slice(&tail[at.min(tail.len())..]);
                }
            }
        }
        bytes
    });
    prop_oneof![changed, prop::collection::vec(any::<u8>(), 0..200)]
}
