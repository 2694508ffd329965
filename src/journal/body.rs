//! What an entry says, as bytes (drawn in the module's own documentation) and back.
//!
//! Decoding never panics and never reserves more memory than the bytes at hand can fill. Encoding a message
//! allocates nothing beyond the buffer it is given.

use crate::model::{
    Again, Body, Catalogue, ChannelId, Entry, Message, Quality, RawCopy, Reason, Rejection, Sample, Seq, SourceId,
    TimeClass, Timestamp, Unit, UnknownName,
};

/// Kind byte of a mark, which is no entry.
pub(super) const KIND_MARK: u8 = 0;
const KIND_MESSAGE: u8 = 1;
const KIND_TICK: u8 = 2;
const KIND_CATALOGUE: u8 = 3;
const KIND_RULES: u8 = 4;
const KIND_POLICY: u8 = 20;
const KIND_DEVICES: u8 = 21;
const KIND_OUTAGE: u8 = 22;
const KIND_MAINTENANCE: u8 = 23;
const KIND_CORRECTIONS: u8 = 24;
/// A message with names that nobody has, or one handed in again.
const KIND_MESSAGE_WITH_NAMES: u8 = 30;
/// A catalogue in which stations have moved.
const KIND_CATALOGUE_WITH_MOVES: u8 = 31;
const KIND_CANARY: u8 = 32;
const KIND_COMMAND: u8 = 40;
const KIND_ALERT: u8 = 55;
const KIND_ESCALATION: u8 = 56;
const KIND_DELIVERY_FAILED: u8 = 57;
/// A catalogue with derived channels, and the moves before them.
const KIND_CATALOGUE_WITH_DERIVED: u8 = 70;
const KIND_GROUPING: u8 = 65;

/// Kind byte and received time.
pub(super) const PREFIX_BYTES: usize = 9;
/// Least bytes that one sample takes: bounds what a count may reserve.
const SAMPLE_BYTES_MIN: usize = 11;
/// Quality that does not fit beside the time class: it follows as two bytes.
const QUALITY_ESCAPE: u16 = 63;

/// Bytes that are not an entry of this version, though their checksum holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not an entry: {0}")]
pub(super) struct Malformed(pub(super) &'static str);

/// Appends the entry's body to `out`. On an error `out` may hold a part of it.
pub(super) fn encode(received_at: Timestamp, body: &Body, out: &mut Vec<u8>) -> Result<(), postcard::Error> {
    let kind = match body {
        Body::Message(message) if message.unknown.is_empty() && message.again.is_none() => KIND_MESSAGE,
        Body::Message(_) => KIND_MESSAGE_WITH_NAMES,
        Body::Tick => KIND_TICK,
        Body::Catalogue(catalogue) if !catalogue.derived().is_empty() => KIND_CATALOGUE_WITH_DERIVED,
        Body::Catalogue(catalogue) if catalogue.moves().is_empty() => KIND_CATALOGUE,
        Body::Catalogue(_) => KIND_CATALOGUE_WITH_MOVES,
        Body::Rules(_) => KIND_RULES,
        Body::Policy(_) => KIND_POLICY,
        Body::Devices(_) => KIND_DEVICES,
        Body::Outage(_) => KIND_OUTAGE,
        Body::Maintenance(_) => KIND_MAINTENANCE,
        Body::Corrections(_) => KIND_CORRECTIONS,
        Body::Canary { .. } => KIND_CANARY,
        Body::Command(_) => KIND_COMMAND,
        Body::Alert(_) => KIND_ALERT,
        Body::Escalation(_) => KIND_ESCALATION,
        Body::DeliveryFailed(_) => KIND_DELIVERY_FAILED,
        Body::Grouping(_) => KIND_GROUPING,
    };
    out.push(kind);
    out.extend_from_slice(&received_at.micros().to_le_bytes());
    match body {
        Body::Message(message) => {
            encode_message(received_at, message, out);
            if kind == KIND_MESSAGE_WITH_NAMES {
                encode_names(message, out);
            }
        }
        Body::Tick => {}
        Body::Catalogue(catalogue) => {
            out.extend_from_slice(&postcard::to_stdvec(catalogue)?);
            if kind != KIND_CATALOGUE {
                out.extend_from_slice(&postcard::to_stdvec(catalogue.moves())?);
            }
            if kind == KIND_CATALOGUE_WITH_DERIVED {
                out.extend_from_slice(&postcard::to_stdvec(catalogue.derived())?);
            }
        }
        Body::Rules(rules) => out.extend_from_slice(&postcard::to_stdvec(rules)?),
        Body::Policy(policy) => out.extend_from_slice(&postcard::to_stdvec(policy)?),
        Body::Devices(report) => out.extend_from_slice(&postcard::to_stdvec(report)?),
        Body::Outage(outage) => out.extend_from_slice(&postcard::to_stdvec(outage)?),
        Body::Maintenance(command) => out.extend_from_slice(&postcard::to_stdvec(command)?),
        Body::Corrections(corrections) => out.extend_from_slice(&postcard::to_stdvec(corrections)?),
        Body::Canary { sent_at } => out.extend_from_slice(&sent_at.micros().to_le_bytes()),
        Body::Command(command) => out.extend_from_slice(&postcard::to_stdvec(command)?),
        Body::Alert(command) => out.extend_from_slice(&postcard::to_stdvec(command)?),
        Body::Escalation(plan) => out.extend_from_slice(&postcard::to_stdvec(plan)?),
        Body::DeliveryFailed(failed) => out.extend_from_slice(&postcard::to_stdvec(failed)?),
        Body::Grouping(files) => out.extend_from_slice(&postcard::to_stdvec(files)?),
    }
    Ok(())
}

fn encode_message(received_at: Timestamp, message: &Message, out: &mut Vec<u8>) {
    put_number(u64::from(message.source.0), out);
    put_number(u64::from(message.received), out);
    put_number(u64::from(message.duplicates), out);
    put_number(message.samples.len() as u64, out);
    for sample in &message.samples {
        put_number(u64::from(sample.channel.0), out);
        put_signed(sample.observed_at.micros().wrapping_sub(received_at.micros()), out);
        out.extend_from_slice(&sample.value.to_bits().to_le_bytes());
        let class = match sample.time_class {
            TimeClass::Live => 0,
            TimeClass::Late => 1,
            TimeClass::Backfill => 2,
            TimeClass::Imported => 3,
        };
        let quality = sample.quality.0;
        if quality < QUALITY_ESCAPE {
            out.push(class | (quality as u8) << 2);
        } else {
            out.push(class | (QUALITY_ESCAPE as u8) << 2);
            out.extend_from_slice(&quality.to_le_bytes());
        }
    }
    put_number(message.rejections.len() as u64, out);
    for rejection in &message.rejections {
        out.push(rejection.reason as u8);
        put_bytes(rejection.detail.as_bytes(), out);
    }
    match &message.raw {
        None => out.push(0),
        Some(raw) => {
            out.push(1);
            put_bytes(raw.topic.as_bytes(), out);
            put_bytes(&raw.payload, out);
        }
    }
}

fn encode_names(message: &Message, out: &mut Vec<u8>) {
    put_number(message.unknown.len() as u64, out);
    for name in &message.unknown {
        put_bytes(name.station.as_bytes(), out);
        put_bytes(name.property.as_bytes(), out);
        let unit = name.unit.and_then(|unit| Unit::ALL.iter().position(|known| *known == unit));
        put_number(unit.map_or(0, |place| place as u64 + 1), out);
    }
    match message.again {
        None => out.push(0),
        Some(again) => {
            out.push(1);
            put_number(again.of.0, out);
            out.extend_from_slice(&again.first_at.micros().to_le_bytes());
        }
    }
}

fn put_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Small numbers of either sign in few bytes ("zigzag").
fn put_signed(number: i64, out: &mut Vec<u8>) {
    put_number(((number << 1) ^ (number >> 63)) as u64, out);
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The entry whose body these bytes are, to the last byte.
pub(super) fn decode(seq: Seq, bytes: &[u8]) -> Result<Entry, Malformed> {
    let mut bytes = Bytes(bytes);
    let kind = bytes.byte()?;
    let received_at = Timestamp::from_micros(i64::from_le_bytes(bytes.array()?));
    let body = match kind {
        KIND_MESSAGE => Body::Message(decode_message(received_at, &mut bytes)?),
        KIND_MESSAGE_WITH_NAMES => {
            let mut message = decode_message(received_at, &mut bytes)?;
            decode_names(&mut message, &mut bytes)?;
            Body::Message(message)
        }
        KIND_TICK => Body::Tick,
        KIND_CATALOGUE => Body::Catalogue(Box::new(bytes.postcard("not a catalogue")?)),
        KIND_CATALOGUE_WITH_MOVES => {
            let catalogue: Catalogue = bytes.postcard("not a catalogue")?;
            Body::Catalogue(Box::new(catalogue.with_moves(bytes.postcard("not places of stations")?)))
        }
        KIND_CATALOGUE_WITH_DERIVED => {
            let catalogue: Catalogue = bytes.postcard("not a catalogue")?;
            let moved = catalogue.with_moves(bytes.postcard("not places of stations")?);
            Body::Catalogue(Box::new(moved.with_derived(bytes.postcard("not derived channels")?)))
        }
        KIND_RULES => Body::Rules(bytes.postcard("not alert rules")?),
        KIND_POLICY => Body::Policy(Box::new(bytes.postcard("not a policy")?)),
        KIND_DEVICES => Body::Devices(bytes.postcard("not what devices said")?),
        KIND_OUTAGE => Body::Outage(bytes.postcard("not an outage")?),
        KIND_MAINTENANCE => Body::Maintenance(bytes.postcard("not a command about maintenance")?),
        KIND_CORRECTIONS => Body::Corrections(bytes.postcard("not corrections")?),
        KIND_CANARY => Body::Canary { sent_at: Timestamp::from_micros(i64::from_le_bytes(bytes.array()?)) },
        KIND_COMMAND => Body::Command(Box::new(bytes.postcard("not a command")?)),
        KIND_ALERT => Body::Alert(Box::new(bytes.postcard("not a command about an alert")?)),
        KIND_ESCALATION => Body::Escalation(Box::new(bytes.postcard("not a plan of escalation")?)),
        KIND_DELIVERY_FAILED => Body::DeliveryFailed(bytes.postcard("not a failed delivery")?),
        KIND_GROUPING => Body::Grouping(bytes.postcard("not a plan of incidents")?),
        _ => return Err(Malformed("unknown kind")),
    };
    if bytes.0.is_empty() { Ok(Entry { seq, received_at, body }) } else { Err(Malformed("bytes left over")) }
}

fn decode_message(received_at: Timestamp, bytes: &mut Bytes<'_>) -> Result<Message, Malformed> {
    let source = SourceId(u16::try_from(bytes.number()?).map_err(|_| Malformed("source beyond 16 bits"))?);
    let received = bytes.number32()?;
    let duplicates = bytes.number32()?;
    let count = bytes.count(SAMPLE_BYTES_MIN)?;
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        samples.push(decode_sample(received_at, bytes)?);
    }
    let count = bytes.count(2)?;
    let mut rejections = Vec::with_capacity(count);
    for _ in 0..count {
        let reason = Reason::from_index(bytes.byte()?).ok_or(Malformed("unknown reason"))?;
        rejections.push(Rejection { reason, detail: bytes.text()? });
    }
    let raw = match bytes.byte()? {
        0 => None,
        1 => Some(RawCopy { topic: bytes.text()?, payload: bytes.counted()?.to_vec() }),
        _ => return Err(Malformed("neither with nor without a copy")),
    };
    Ok(Message { source, received, duplicates, samples, rejections, raw, unknown: Vec::new(), again: None })
}

fn decode_names(message: &mut Message, bytes: &mut Bytes<'_>) -> Result<(), Malformed> {
    let count = bytes.count(3)?;
    message.unknown.reserve(count);
    for _ in 0..count {
        let (station, property) = (bytes.text()?, bytes.text()?);
        let unit = match bytes.number()? {
            0 => None,
            place => {
                let known = usize::try_from(place - 1).ok().and_then(|place| Unit::ALL.get(place));
                Some(*known.ok_or(Malformed("unknown unit"))?)
            }
        };
        message.unknown.push(UnknownName { station, property, unit });
    }
    message.again = match bytes.byte()? {
        0 => None,
        1 => {
            let of = Seq(bytes.number()?);
            Some(Again { of, first_at: Timestamp::from_micros(i64::from_le_bytes(bytes.array()?)) })
        }
        _ => return Err(Malformed("neither new nor handed in again")),
    };
    Ok(())
}

fn decode_sample(received_at: Timestamp, bytes: &mut Bytes<'_>) -> Result<Sample, Malformed> {
    let channel = ChannelId(bytes.number32()?);
    let observed_at = Timestamp::from_micros(received_at.micros().wrapping_add(bytes.signed()?));
    let value = f64::from_bits(u64::from_le_bytes(bytes.array()?));
    let flags = bytes.byte()?;
    let time_class = match flags & 3 {
        0 => TimeClass::Live,
        1 => TimeClass::Late,
        2 => TimeClass::Backfill,
        _ => TimeClass::Imported,
    };
    let quality = match u16::from(flags >> 2) {
        QUALITY_ESCAPE => u16::from_le_bytes(bytes.array()?),
        quality => quality,
    };
    Ok(Sample { channel, observed_at, value, quality: Quality(quality), time_class })
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    #[inline]
    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed("cut off"))?;
        self.0 = rest;
        Ok(*first)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Malformed("cut off"))?;
        self.0 = rest;
        Ok(*array)
    }

    #[inline]
    fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Malformed("number beyond 64 bits"));
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed("number beyond 64 bits"))
    }

    fn number32(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.number()?).map_err(|_| Malformed("number beyond 32 bits"))
    }

    fn signed(&mut self) -> Result<i64, Malformed> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A count of things that take at least `each` bytes: never more than the bytes at hand can hold.
    fn count(&mut self, each: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(self.number()?).map_err(|_| Malformed("count beyond memory"))?;
        if count > self.0.len() / each { Err(Malformed("count beyond the bytes")) } else { Ok(count) }
    }

    fn counted(&mut self) -> Result<&'a [u8], Malformed> {
        let count = self.count(1)?;
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Malformed("cut off"))?;
        self.0 = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<String, Malformed> {
        let text = std::str::from_utf8(self.counted()?).map_err(|_| Malformed("text that is not UTF-8"))?;
        Ok(text.to_owned())
    }

    fn postcard<T: serde::de::DeserializeOwned>(&mut self, otherwise: &'static str) -> Result<T, Malformed> {
        let (value, rest) = postcard::take_from_bytes(self.0).map_err(|_| Malformed(otherwise))?;
        self.0 = rest;
        Ok(value)
    }
}
