//! Bytes from a socket -> packets.
//!
//! ```text
//! fixed header                     PUBLISH, the rest
//! +------+--------------------+    +-----------+-------+-------------+------------+---------+
//! | type | remaining length   |    | topic     | topic | packet id   | properties | payload |
//! | flags| 1 to 4 bytes, LEB  |    | length u16| UTF-8 | u16, QoS 1,2| MQTT 5     |         |
//! +------+--------------------+    +-----------+-------+-------------+------------+---------+
//! ```
//!
//! A PUBLISH is the hot path: it is taken apart where it lies and borrows from the read buffer, so that a message
//! costs no allocation (the codec boxes each one and counts references three times). Everything else, properties
//! included, is decoded by `rmqtt-codec`; a test holds both readings of a PUBLISH against each other.
//!
//! No byte from outside can panic here. Topics are checked by the caller, who knows the limits.

use std::num::NonZeroU16;

use bytes::{BufMut, BytesMut};
use bytestring::ByteString;
use rmqtt_codec::error::DecodeError;
use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::RetainHandling;
use rmqtt_codec::{v3, v5};
use tokio_util::codec::Decoder;

/// First byte of a CONNECT.
pub(super) const CONNECT: u8 = 0x10;
const PUBLISH: u8 = 0x30;

/// Which protocol a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// MQTT 3.1.1, and 3.1, which differs only in its CONNECT.
    V3,
    /// MQTT 5.
    V5,
}

/// What a client did that ends its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A packet above the limit.
    TooLarge,
    /// Bytes that are no packet.
    Malformed,
    /// A packet that has no place here.
    Protocol,
    /// A topic with NUL or wildcards, or none.
    TopicName,
    /// A topic alias, which is not offered.
    TopicAlias,
    /// More messages in flight than announced.
    Window,
    /// A message to a topic that the account may not publish to (MQTT 3.1.1 has no other answer).
    Denied,
    /// A subscription identifier, which is not offered.
    SubscriptionId,
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::MaxSizeExceeded { .. } => Fault::TooLarge,
            DecodeError::UnsupportedPacketType => Fault::Protocol,
            _ => Fault::Malformed,
        }
    }
}

/// A PUBLISH, borrowed from the bytes it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Publish<'a> {
    /// Valid UTF-8, otherwise unchecked.
    pub topic: &'a str,
    pub payload: &'a [u8],
    /// `None`: QoS 0.
    pub packet_id: Option<NonZeroU16>,
    pub qos: QoS,
    /// The client says that it may have sent it before.
    pub dup: bool,
}

/// The next thing in the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A message, and how many bytes it took.
    Publish(Publish<'a>, usize),
    /// Any other packet, whole, with its fixed header.
    Other(&'a [u8]),
    /// More bytes are needed: this many in all, as far as is known.
    Partial(usize),
}

/// Cuts the next packet off `input`; packets above `packet_max` bytes are refused as soon as their header says so.
pub(super) fn next(input: &[u8], version: Version, packet_max: usize) -> Result<Step<'_>, Fault> {
    let Some(header) = header(input)? else { return Ok(Step::Partial(input.len() + 1)) };
    let total = header.bytes + header.remaining;
    if total > packet_max {
        return Err(Fault::TooLarge);
    }
    let Some(packet) = input.get(..total) else { return Ok(Step::Partial(total)) };
    if header.first & 0xF0 != PUBLISH {
        return Ok(Step::Other(packet));
    }
    let body = packet.get(header.bytes..).ok_or(Fault::Malformed)?;
    Ok(Step::Publish(publish(header.first, body, version)?, total))
}

struct Header {
    first: u8,
    bytes: usize,
    remaining: usize,
}

/// The fixed header, or `None` when it is not all there.
fn header(input: &[u8]) -> Result<Option<Header>, Fault> {
    let Some((&first, rest)) = input.split_first() else { return Ok(None) };
    Ok(length(rest)?.map(|(remaining, bytes)| Header { first, bytes: 1 + bytes, remaining }))
}

/// A variable byte integer and how many bytes it took; `None` when it is not all there.
fn length(input: &[u8]) -> Result<Option<(usize, usize)>, Fault> {
    let mut value = 0;
    for (index, byte) in input.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((value, index + 1)));
        }
    }
    if input.len() >= 4 { Err(Fault::Malformed) } else { Ok(None) }
}

fn publish(first: u8, body: &[u8], version: Version) -> Result<Publish<'_>, Fault> {
    let (topic_bytes, rest) = body.split_first_chunk::<2>().ok_or(Fault::Malformed)?;
    let (topic, mut rest) =
        rest.split_at_checked(usize::from(u16::from_be_bytes(*topic_bytes))).ok_or(Fault::Malformed)?;
    let topic = std::str::from_utf8(topic).map_err(|_| Fault::Malformed)?;
    let qos = match (first >> 1) & 0b11 {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        2 => QoS::ExactlyOnce,
        _ => return Err(Fault::Malformed),
    };
    let packet_id = match qos {
        QoS::AtMostOnce => None,
        _ => {
            let (id, after) = rest.split_first_chunk::<2>().ok_or(Fault::Malformed)?;
            rest = after;
            Some(NonZeroU16::new(u16::from_be_bytes(*id)).ok_or(Fault::Malformed)?)
        }
    };
    if version == Version::V5 {
        let (properties, bytes) = length(rest)?.ok_or(Fault::Malformed)?;
        let end = bytes + properties;
        if properties > 0 {
            check_properties(rest.get(..end).ok_or(Fault::Malformed)?)?;
        }
        rest = rest.get(end..).ok_or(Fault::Malformed)?;
    }
    Ok(Publish { topic, payload: rest, packet_id, qos, dup: first & 0b1000 != 0 })
}

/// Lets the codec read the properties (with their length) in a message of QoS 0 without topic and payload.
fn check_properties(properties: &[u8]) -> Result<(), Fault> {
    let mut packet = BytesMut::with_capacity(properties.len() + 7);
    packet.put_u8(PUBLISH);
    put_length(2 + properties.len(), &mut packet);
    packet.put_u16(0);
    packet.put_slice(properties);
    match v5::Codec::new(0, 0).decode(&mut packet)? {
        Some((v5::Packet::Publish(publish), _)) => match publish.properties {
            Some(properties) if properties.topic_alias.is_some() => Err(Fault::TopicAlias),
            // Only a server sends subscription identifiers (MQTT-3.3.4-6).
            Some(properties) if !properties.subscription_ids.is_empty() => Err(Fault::Protocol),
            _ => Ok(()),
        },
        _ => Err(Fault::Malformed),
    }
}

/// A variable byte integer; at most 268,435,455.
pub(super) fn put_length(mut value: usize, out: &mut BytesMut) {
    loop {
        let low = (value & 0x7F) as u8;
        value >>= 7;
        if value == 0 {
            return out.put_u8(low);
        }
        out.put_u8(low | 0x80);
    }
}

/// A packet other than PUBLISH that a connected client may send.
#[derive(Debug)]
pub(super) enum Control {
    Subscribe {
        packet_id: NonZeroU16,
        wishes: Vec<Wish>,
    },
    Unsubscribe {
        packet_id: NonZeroU16,
        filters: Vec<ByteString>,
    },
    /// The client has an alert of QoS 1.
    Acknowledged(NonZeroU16),
    /// The client ends an exchange of QoS 2.
    Release(NonZeroU16),
    Ping,
    Disconnect {
        will: Parting,
        /// For how long its session is kept, when it changes its mind.
        expiry_s: Option<u32>,
    },
}

/// What becomes of the will at a good-bye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parting {
    WithoutWill,
    WithWill,
}

/// One subscription asked for.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub filter: ByteString,
    pub qos: QoS,
    pub retain_as_published: bool,
    pub retained: RetainHandling,
}

/// Decodes a whole packet other than PUBLISH.
pub(super) fn control(packet: &[u8], version: Version) -> Result<Control, Fault> {
    let mut bytes = BytesMut::from(packet);
    match version {
        Version::V3 => match v3::Codec::new(0).decode(&mut bytes)? {
            Some((packet, _)) => control_v3(packet),
            None => Err(Fault::Malformed),
        },
        Version::V5 => match v5::Codec::new(0, 0).decode(&mut bytes)? {
            Some((packet, _)) => control_v5(packet),
            None => Err(Fault::Malformed),
        },
    }
}

fn control_v3(packet: v3::Packet) -> Result<Control, Fault> {
    match packet {
        v3::Packet::Subscribe { packet_id, topic_filters } => {
            let wish =
                |(filter, qos)| Wish { filter, qos, retain_as_published: false, retained: RetainHandling::AtSubscribe };
            Ok(Control::Subscribe { packet_id, wishes: topic_filters.into_iter().map(wish).collect() })
        }
        v3::Packet::Unsubscribe { packet_id, topic_filters } => {
            Ok(Control::Unsubscribe { packet_id, filters: topic_filters })
        }
        v3::Packet::PublishAck { packet_id } => Ok(Control::Acknowledged(packet_id)),
        v3::Packet::PublishRelease { packet_id } => Ok(Control::Release(packet_id)),
        v3::Packet::PingRequest => Ok(Control::Ping),
        v3::Packet::Disconnect => Ok(Control::Disconnect { will: Parting::WithoutWill, expiry_s: None }),
        _ => Err(Fault::Protocol),
    }
}

fn control_v5(packet: v5::Packet) -> Result<Control, Fault> {
    match packet {
        v5::Packet::Subscribe(v5::Subscribe { id: Some(_), .. }) => Err(Fault::SubscriptionId),
        v5::Packet::Subscribe(v5::Subscribe { packet_id, topic_filters, .. }) => {
            let wish = |(filter, options): (ByteString, v5::SubscriptionOptions)| Wish {
                filter,
                qos: options.qos,
                retain_as_published: options.retain_as_published,
                retained: options.retain_handling,
            };
            Ok(Control::Subscribe { packet_id, wishes: topic_filters.into_iter().map(wish).collect() })
        }
        v5::Packet::Unsubscribe(v5::Unsubscribe { packet_id, topic_filters, .. }) => {
            Ok(Control::Unsubscribe { packet_id, filters: topic_filters })
        }
        v5::Packet::PublishAck(acknowledged) => Ok(Control::Acknowledged(acknowledged.packet_id)),
        v5::Packet::PublishRelease(release) => Ok(Control::Release(release.packet_id)),
        v5::Packet::PingRequest => Ok(Control::Ping),
        v5::Packet::Disconnect(goodbye) => {
            // Any other code than 0 asks for the will (MQTT-3.14.4-3).
            let normal = goodbye.reason_code == v5::DisconnectReasonCode::NormalDisconnection;
            let will = if normal { Parting::WithoutWill } else { Parting::WithWill };
            Ok(Control::Disconnect { will, expiry_s: goodbye.session_expiry_interval_secs })
        }
        _ => Err(Fault::Protocol),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 1 << 20;

    #[test]
    fn a_message_borrows_its_topic_and_payload() {
        let packet = b"\x32\x0a\x00\x03a/b\x00\x07\x7b\x7d\x0arest";
        let (packet_id, qos) = (NonZeroU16::new(7), QoS::AtLeastOnce);
        let expected = Publish { topic: "a/b", payload: b"{}\n", packet_id, qos, dup: false };
        assert_eq!(next(packet, Version::V3, MAX), Ok(Step::Publish(expected, 12)));
    }

    #[test]
    fn every_truncation_asks_for_more() {
        let packet = b"\x32\x0a\x00\x03a/b\x00\x07\x7b\x7d\x0a";
        for end in 0..packet.len() {
            let step = next(&packet[..end], Version::V3, MAX);
            assert!(matches!(step, Ok(Step::Partial(needed)) if needed > end), "{end} {step:?}");
        }
    }

    #[test]
    fn a_packet_above_the_limit_is_refused_by_its_header() {
        assert_eq!(next(b"\x30\xff\xff\xff\x7f", Version::V5, MAX), Err(Fault::TooLarge));
        assert_eq!(next(b"\x30\x80\x80\x80\x80", Version::V5, MAX), Err(Fault::Malformed));
        assert_eq!(next(b"\x30\x7e", Version::V3, 128), Ok(Step::Partial(128)));
        assert_eq!(next(b"\x30\x7f", Version::V3, 128), Err(Fault::TooLarge));
    }

    #[test]
    fn what_is_not_offered_is_told_apart() {
        assert_eq!(next(b"\x30\x07\x00\x01a\x03\x23\x00\x01", Version::V5, MAX), Err(Fault::TopicAlias));
        assert_eq!(next(b"\x30\x06\x00\x01a\x02\x0b\x01", Version::V5, MAX), Err(Fault::Protocol));
        assert_eq!(next(b"\x36\x05\x00\x01a\x00\x01", Version::V3, MAX), Err(Fault::Malformed));
        assert_eq!(next(b"\x32\x05\x00\x01a\x00\x00", Version::V3, MAX), Err(Fault::Malformed));
        assert_eq!(next(b"\x30\x03\x00\x01\xff", Version::V3, MAX), Err(Fault::Malformed));
    }

    #[test]
    fn packets_that_only_a_server_sends_are_refused() {
        for packet in [&b"\x20\x02\x00\x00"[..], b"\xd0\x00", b"\xb0\x02\x00\x01", b"\x50\x02\x00\x01"] {
            for version in [Version::V3, Version::V5] {
                assert!(control(packet, version).is_err(), "{packet:x?}");
            }
        }
        for first in [0x00, 0xF0, 0x80, 0xA0] {
            assert!(control(&[first, 2, 0, 1], Version::V3).is_err());
            assert!(control(&[first, 2, 0, 1], Version::V5).is_err());
        }
    }

    #[test]
    fn lengths_survive_a_round_trip() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455] {
            let mut out = BytesMut::new();
            put_length(value, &mut out);
            assert_eq!(length(&out), Ok(Some((value, out.len()))));
        }
    }

    type Read = (ByteString, Vec<u8>, Option<NonZeroU16>, QoS, bool);

    fn codec(packet: &[u8], version: Version) -> Option<Read> {
        let mut bytes = BytesMut::from(packet);
        let publish = match version {
            Version::V3 => match v3::Codec::new(0).decode(&mut bytes).ok()?? {
                (v3::Packet::Publish(publish), _) => publish,
                _ => return None,
            },
            Version::V5 => match v5::Codec::new(0, 0).decode(&mut bytes).ok()?? {
                (v5::Packet::Publish(publish), _) => publish,
                _ => return None,
            },
        };
        let properties = publish.properties.as_ref();
        let alias = properties.is_some_and(|properties| properties.topic_alias.is_some());
        let ids = properties.is_some_and(|properties| !properties.subscription_ids.is_empty());
        let read = (publish.topic.clone(), publish.payload.to_vec(), publish.packet_id, publish.qos, publish.dup);
        (!alias && !ids).then_some(read)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn a_message_reads_as_the_codec_reads_it(
            flags in 0u8..16,
            topic in prop::collection::vec(prop_oneof![Just(0xC4u8), Just(0x91u8), any::<u8>(), 0x61u8..0x66], 0..6),
            between in prop::collection::vec(prop_oneof![0u8..4, Just(0x23), Just(0x26), Just(0x0B), Just(0x01), any::<u8>()], 0..12),
            v5 in any::<bool>(),
        ) {
            let version = if v5 { Version::V5 } else { Version::V3 };
            let mut packet = vec![PUBLISH | flags, (2 + topic.len() + between.len()) as u8, 0, topic.len() as u8];
            packet.extend_from_slice(&topic);
            packet.extend_from_slice(&between);
            let read = match next(&packet, version, MAX) {
                Ok(Step::Publish(publish, total)) => {
                    prop_assert_eq!(total, packet.len());
                    // The codec refuses an empty topic in MQTT 3.1.1 only; the edge's caller does in both.
                    Some(publish).filter(|publish| v5 || !publish.topic.is_empty())
                }
                Ok(other) => { prop_assert!(false, "{:?}", other); None }
                Err(_) => None,
            };
            let read = read
                .map(|read| (ByteString::from(read.topic), read.payload.to_vec(), read.packet_id, read.qos, read.dup));
            prop_assert_eq!(read, codec(&packet, version));
        }

        #[test]
        fn any_bytes_at_all_are_answered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), v5 in any::<bool>()) {
            let version = if v5 { Version::V5 } else { Version::V3 };
            if let Ok(Step::Other(packet)) = next(&bytes, version, MAX) {
                let _ = control(packet, version);
            }
        }
    }
}
