//! Packets of MQTT 3.1.1 (OASIS, 2014): those that a publisher or a counting subscriber sends and receives.
//!
//! ```text
//! byte 0      type << 4 | flags
//! 1..=4 bytes remaining length, 7 bits each, lowest first
//! …           variable header and payload
//! ```

/// Longest packet that is accepted from a broker.
const PACKET_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Largest remaining length that four bytes can say.
const REMAINING_MAX: usize = 268_435_455;

/// Quality of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qos {
    /// 0: sent once, never acknowledged.
    AtMostOnce,
    /// 1: acknowledged; sent again until it is.
    AtLeastOnce,
}

/// What the broker keeps between connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Nothing.
    Clean,
    /// Subscriptions and unacknowledged messages.
    Kept,
}

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Bytes that are no packet.
#[derive(Debug, thiserror::Error)]
pub enum PacketError {
    /// A remaining length of more than four bytes, or a packet longer than we accept.
    #[error("a packet of more than {PACKET_BYTES_MAX} bytes")]
    TooLong,
    /// Shorter than its type needs.
    #[error("a packet of type {0} is too short")]
    TooShort(u8),
    /// A type that a client must not receive.
    #[error("a packet of type {0} is not for a client")]
    Unexpected(u8),
}

/// A packet from the broker.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// Answer to CONNECT: return code and whether a session was there.
    ConnAck {
        /// 0 is yes.
        code: u8,
        /// The broker remembers us.
        session_present: bool,
    },
    /// A QoS 1 message is acknowledged.
    PubAck(u16),
    /// Return codes of a SUBSCRIBE.
    SubAck(&'a [u8]),
    /// A message.
    Publish {
        /// QoS 0, 1 or 2 as the broker says.
        qos: u8,
        /// 0 with QoS 0.
        packet_id: u16,
        /// Topic, as it came.
        topic: &'a [u8],
        /// Payload.
        payload: &'a [u8],
    },
    /// Answer to PINGREQ.
    Pong,
}

/// The first packet in `bytes` and its length; `None` when it is not there whole.
pub fn decode(bytes: &[u8]) -> Result<Option<(Incoming<'_>, usize)>, PacketError> {
    let Some(first) = bytes.first() else { return Ok(None) };
    let Some((remaining, header)) = remaining_length(bytes)? else { return Ok(None) };
    let Some(body) = bytes.get(header..header + remaining) else { return Ok(None) };
    let kind = first >> 4;
    let two = |at: usize| match body.get(at..at + 2) {
        Some([high, low]) => Ok(u16::from_be_bytes([*high, *low])),
        _ => Err(PacketError::TooShort(kind)),
    };
    let incoming = match kind {
        2 => {
            let word = two(0)?;
            Incoming::ConnAck { code: word as u8, session_present: word >> 8 & 1 == 1 }
        }
        3 => {
            let qos = first >> 1 & 3;
            let topic_bytes = two(0)? as usize;
            let topic = body.get(2..2 + topic_bytes).ok_or(PacketError::TooShort(kind))?;
            let (packet_id, rest) = if qos > 0 { (two(2 + topic_bytes)?, 4) } else { (0, 2) };
            Incoming::Publish { qos, packet_id, topic, payload: &body[topic_bytes + rest..] }
        }
        4 => Incoming::PubAck(two(0)?),
        9 => Incoming::SubAck(body.get(2..).ok_or(PacketError::TooShort(kind))?),
        13 => Incoming::Pong,
        other => return Err(PacketError::Unexpected(other)),
    };
    Ok(Some((incoming, header + remaining)))
}

/// CONNECT.
pub fn connect(
    out: &mut Vec<u8>,
    client_id: &str,
    credentials: Option<&Credentials>,
    session: Session,
    keep_alive_s: u16,
) {
    let mut body = Vec::with_capacity(64);
    text(&mut body, b"MQTT");
    let clean = if session == Session::Clean { 0x02 } else { 0 };
    let signed = if credentials.is_some() { 0xC0 } else { 0 };
    body.extend_from_slice(&[4, clean | signed]);
    body.extend_from_slice(&keep_alive_s.to_be_bytes());
    text(&mut body, client_id.as_bytes());
    if let Some(credentials) = credentials {
        text(&mut body, credentials.username.as_bytes());
        text(&mut body, credentials.password.as_bytes());
    }
    out.push(0x10);
    length(out, body.len());
    out.extend_from_slice(&body);
}

/// PUBLISH; `packet_id` is written with QoS 1 only.
pub fn publish(out: &mut Vec<u8>, topic: &[u8], payload: &[u8], qos: Qos, packet_id: u16) {
    let id_bytes = if qos == Qos::AtLeastOnce { 2 } else { 0 };
    out.push(if qos == Qos::AtLeastOnce { 0x32 } else { 0x30 });
    length(out, 2 + topic.len() + id_bytes + payload.len());
    text(out, topic);
    if qos == Qos::AtLeastOnce {
        out.extend_from_slice(&packet_id.to_be_bytes());
    }
    out.extend_from_slice(payload);
}

/// Whether topic and payload fit into a PUBLISH.
pub fn publish_fits(topic: &[u8], payload: &[u8]) -> bool {
    topic.len() <= usize::from(u16::MAX) && topic.len() + payload.len() + 4 <= REMAINING_MAX
}

/// SUBSCRIBE to one filter.
pub fn subscribe(out: &mut Vec<u8>, packet_id: u16, filter: &[u8], qos: Qos) {
    out.push(0x82);
    length(out, 2 + 2 + filter.len() + 1);
    out.extend_from_slice(&packet_id.to_be_bytes());
    text(out, filter);
    out.push(u8::from(qos == Qos::AtLeastOnce));
}

/// PUBACK.
pub fn puback(out: &mut Vec<u8>, packet_id: u16) {
    let [high, low] = packet_id.to_be_bytes();
    out.extend_from_slice(&[0x40, 2, high, low]);
}

/// PINGREQ.
pub const PING: [u8; 2] = [0xC0, 0];
/// DISCONNECT.
pub const DISCONNECT: [u8; 2] = [0xE0, 0];

/// What a CONNACK's code means; `None` when trying again may help.
pub fn refusal(code: u8) -> Option<&'static str> {
    match code {
        1 => Some("unacceptable protocol version"),
        2 => Some("client identifier rejected"),
        4 => Some("bad user name or password"),
        5 => Some("not authorised"),
        _ => None,
    }
}

/// `(remaining length, bytes of the fixed header)`.
fn remaining_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, PacketError> {
    let mut value = 0;
    for place in 0..4 {
        let Some(byte) = bytes.get(1 + place) else { return Ok(None) };
        value |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return if value > PACKET_BYTES_MAX { Err(PacketError::TooLong) } else { Ok(Some((value, 2 + place))) };
        }
    }
    Err(PacketError::TooLong)
}

fn length(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let byte = (value & 0x7F) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    debug_assert!(text.len() <= usize::from(u16::MAX), "callers check lengths");
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_reads_back_and_every_cut_waits() {
        let mut bytes = Vec::new();
        publish(&mut bytes, "đo/1".as_bytes(), &[7; 300], Qos::AtLeastOnce, 513);
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).unwrap().is_none(), "cut at {cut}");
        }
        let (incoming, used) = decode(&bytes).unwrap().unwrap();
        assert_eq!(used, bytes.len());
        let expected = Incoming::Publish { qos: 1, packet_id: 513, topic: "đo/1".as_bytes(), payload: &[7; 300] };
        assert_eq!(incoming, expected);
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(decode(&[0x20, 2, 1, 0]).unwrap(), Some((Incoming::ConnAck { code: 0, session_present: true }, 4)));
        assert_eq!(decode(&[0x40, 2, 1, 2, 9]).unwrap(), Some((Incoming::PubAck(258), 4)));
        assert_eq!(decode(&[0x90, 3, 0, 1, 0x80]).unwrap(), Some((Incoming::SubAck(&[0x80]), 5)));
        assert!(decode(&[0x40, 1, 1]).is_err());
        assert!(decode(&[0x10, 0]).is_err());
        assert!(decode(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0]).is_err());
    }

    #[test]
    fn random_bytes_never_panic() {
        let noise = crate::phenomena::Noise::new(11);
        let stream = crate::phenomena::noise::Stream::of("bytes", 0);
        for round in 0..2_000 {
            let bytes: Vec<u8> = (0..24).map(|i| (noise.uniform(stream, round * 24 + i) * 256.0) as u8).collect();
            let _ = decode(&bytes);
        }
    }
}
