//! A PUBLISH as a template: copied whole, then patched at fixed places.
//!
//! The payload is 150 bytes of native JSON with four values and a time in microseconds. Times of one connection
//! never fall, and grow by at least a microsecond from one round of its devices to the next, so that no sample of a
//! device repeats another's time.

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::mqtt::Qos;
use crate::mqtt::packet;

/// Length of every payload.
pub const PAYLOAD_BYTES: usize = 150;

/// The payload; each `#` is a digit that varies from message to message.
const PAYLOAD: &[u8; PAYLOAD_BYTES] =
    b"{\"time\":\"2026-01-01T00:00:00.000000+07:00\",\"air_temperature\":2#.##,\"relative_humidity\":6#.#,\"wind_speed\":#.#,\"air_pressure\":101#,\"status\":\"measuring\"}";
const TOPIC: &[u8] = b"saola/v1/load-00000";

/// Where the seconds begin and end in the payload: `2026-01-01T00:00:00`.
const SECONDS: std::ops::Range<usize> = 9..28;
/// Where the microseconds' six digits begin in the payload.
const MICROS: usize = 29;

/// A message to copy.
#[derive(Clone, Debug)]
pub struct Template {
    bytes: Vec<u8>,
    topic_digits: usize,
    packet_id: usize,
    payload: usize,
    varying: Vec<usize>,
    second: i64,
    last_us: i64,
    chance: u64,
}

impl Template {
    /// For one connection; `seed` makes its values differ from other connections'.
    pub fn new(qos: Qos, seed: u64) -> Self {
        let mut bytes = Vec::new();
        packet::publish(&mut bytes, TOPIC, PAYLOAD, qos, 0);
        let payload = bytes.len() - PAYLOAD_BYTES;
        let id_bytes = if qos == Qos::AtLeastOnce { 2 } else { 0 };
        Self {
            topic_digits: payload - id_bytes - 5,
            packet_id: payload - id_bytes,
            payload,
            varying: (payload..bytes.len()).filter(|place| bytes[*place] == b'#').collect(),
            bytes,
            second: i64::MIN,
            last_us: i64::MIN,
            chance: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        }
    }

    /// Length of a message, headers included.
    pub fn message_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Appends a message of device number `device` (below 100,000) at `now_us` microseconds since 1970.
    pub fn append(&mut self, out: &mut impl bytes::BufMut, device: u32, packet_id: u16, now_us: i64) {
        let at_us = now_us.max(self.last_us);
        self.last_us = at_us;
        let second = at_us.div_euclid(1_000_000);
        if second != self.second {
            self.write_second(second);
        }
        digits(&mut self.bytes[self.topic_digits..self.topic_digits + 5], device);
        let micros = self.payload + MICROS;
        digits(&mut self.bytes[micros..micros + 6], at_us.rem_euclid(1_000_000) as u32);
        if self.packet_id < self.payload {
            self.bytes[self.packet_id..self.packet_id + 2].copy_from_slice(&packet_id.to_be_bytes());
        }
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        for (place, byte) in self.varying.iter().zip(self.chance.to_le_bytes()) {
            self.bytes[*place] = b'0' + ((u16::from(byte) * 10) >> 8) as u8;
        }
        out.put_slice(&self.bytes);
    }

    /// Every device has had its message: the next times are later ones.
    pub fn next_round(&mut self) {
        self.last_us = self.last_us.saturating_add(1);
    }

    fn write_second(&mut self, second: i64) {
        self.second = second;
        if let Ok(at) = Timestamp::from_second(second) {
            let text = at.display_with_offset(Offset::constant(7)).to_string();
            let place = self.payload + SECONDS.start..self.payload + SECONDS.end;
            self.bytes[place].copy_from_slice(&text.as_bytes()[..SECONDS.len()]);
        }
    }
}

fn digits(place: &mut [u8], mut value: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::packet::Incoming;

    fn text(bytes: &[u8]) -> (String, u16, String) {
        let (incoming, used) = packet::decode(bytes).unwrap().unwrap();
        assert_eq!(used, bytes.len());
        let Incoming::Publish { topic, packet_id, payload, .. } = incoming else { panic!("{incoming:?}") };
        (String::from_utf8(topic.to_vec()).unwrap(), packet_id, String::from_utf8(payload.to_vec()).unwrap())
    }

    #[test]
    fn messages_are_whole_and_their_times_grow() {
        for qos in [Qos::AtMostOnce, Qos::AtLeastOnce] {
            let mut template = Template::new(qos, 3);
            let mut first = Vec::new();
            template.append(&mut first, 90_123, 777, 1_795_251_599_999_999);
            let (topic, id, payload) = text(&first);
            assert_eq!((topic.as_str(), id), ("saola/v1/load-90123", if qos == Qos::AtLeastOnce { 777 } else { 0 }));
            assert!(
                payload.starts_with("{\"time\":\"2026-11-21T15:59:59.999999+07:00\",\"air_temperature\":2"),
                "{payload}"
            );
            assert_eq!(payload.len(), PAYLOAD_BYTES);
            template.next_round();
            let mut second = Vec::new();
            template.append(&mut second, 4, 778, 1_795_251_599_000_000);
            let (topic, _, payload) = text(&second);
            assert_eq!(topic, "saola/v1/load-00004");
            assert!(payload.starts_with("{\"time\":\"2026-11-21T16:00:00.000000+07:00\""), "{payload}");
            let mut commas = payload.split(',').skip(1).map(|field| field.split(':').nth(1).unwrap());
            assert!((20.0..30.0).contains(&commas.next().unwrap().parse::<f64>().unwrap()));
            assert!((60.0..70.0).contains(&commas.next().unwrap().parse::<f64>().unwrap()));
            assert!((0.0..10.0).contains(&commas.next().unwrap().parse::<f64>().unwrap()));
            assert!((1010.0..1020.0).contains(&commas.next().unwrap().parse::<f64>().unwrap()));
        }
    }
}
