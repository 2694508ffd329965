//! Sparkplug B 3.0: `spBv1.0/{group}/{message}/{node}[/{device}]` with a protobuf payload.
//!
//! Births tell names, data types and units; data may name a metric by its alias alone. A node is `group/node`, a device
//! `group/node/device`. Every metric that is a number or a truth value (1 or 0) is observed, `bdSeq` and controls too:
//! which of them mean something is the mapping's to say, and a text is for the mapping too. Dates and UUIDs describe a
//! device and are passed over; tables, templates, bytes, files and arrays are refused one by one. A null is no value.
//!
//! Time: the metric's, else the payload's. The property `engUnit` is the unit; the property `Quality` (section 6.4.12)
//! at other than 192 makes a value the value of a faulty device. Sequence (section 6.4.1): a gap is counted and the
//! node's birth is asked for, its data is taken all the same. A death silences the node and its devices, unless its
//! `bdSeq` is not that of the birth (section 6.4.25): then it is the death of an earlier connection.
//!
//! `STATE`, NCMD and DCMD hold nothing to observe; [`rebirth`] makes the one command that is sent. Left out: compressed payloads (refused), metadata, templates.

mod command;
mod proto;
mod session;

use std::borrow::Cow;

use bytes::Bytes;
use prost::Message as _;

pub use self::command::rebirth;
use self::proto::{Metric, Payload, PropertySet, Value, datatype};
pub use self::session::Session;
use self::session::{Births, Known, Order};
use super::observed::{Event, Observed};
use super::sink::{self, NAME_BYTES_MAX, Sink};
use super::{Heard, Limits, reject};
use crate::model::{Reason, Rejection, Status, Timestamp};

/// The first segment of every topic.
pub const NAMESPACE: &str = "spBv1.0";

/// The property `Quality`: 0 is bad, 500 stale.
const QUALITY_GOOD: u64 = 192;
/// The year 9999.
const MILLIS_MAX: u64 = 253_402_300_800_000;

/// Reads one message. An error leaves `session` as it was, but for a birth that is too large to be remembered.
pub fn decode<'a>(
    topic: &'a str,
    payload: &'a [u8],
    received_at: Timestamp,
    limits: &Limits,
    session: &mut Session,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    let Some(address) = Address::of(topic)? else { return Ok(()) };
    let message = Message::read(payload, limits)?;
    sink::fill(out, limits, |sink| match address.kind {
        Kind::Birth => birth(&address, message, session, received_at, sink),
        Kind::Data => data(&address, message, session, received_at, sink),
        Kind::Death => death(&address, &message, session, received_at, sink),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Birth,
    Data,
    Death,
}

/// Whom a message is about.
struct Address {
    kind: Kind,
    /// `group/node`.
    node: String,
    device: Option<String>,
}

impl Address {
    /// `None` for a message that holds nothing to observe.
    fn of(topic: &str) -> Result<Option<Self>, Rejection> {
        let unknown = || reject(Reason::UnknownTopic, "not spBv1.0/{group}/{message}/{node}[/{device}]");
        let segments: Vec<&str> = topic.splitn(6, '/').collect();
        if segments.iter().any(|segment| segment.is_empty()) {
            return Err(unknown());
        }
        let (group, word, node, device) = match segments[..] {
            [NAMESPACE, "STATE", _] | ["STATE", _] => return Ok(None),
            [NAMESPACE, group, word, node] => (group, word, node, None),
            [NAMESPACE, group, word, node, device] => (group, word, node, Some(device)),
            _ => return Err(unknown()),
        };
        let kind = match (word, device.is_some()) {
            ("NBIRTH", false) | ("DBIRTH", true) => Kind::Birth,
            ("NDATA", false) | ("DDATA", true) => Kind::Data,
            ("NDEATH", false) | ("DDEATH", true) => Kind::Death,
            ("NCMD", false) | ("DCMD", true) => return Ok(None),
            _ => return Err(unknown()),
        };
        if group.len() + node.len() + device.map_or(0, str::len) + 2 > NAME_BYTES_MAX {
            return Err(reject(Reason::WrongShape, format!("names of more than {NAME_BYTES_MAX} bytes")));
        }
        Ok(Some(Self { kind, node: format!("{group}/{node}"), device: device.map(str::to_owned) }))
    }

    fn thing<'a>(&self) -> Cow<'a, str> {
        Cow::Owned(self.device.as_ref().map_or_else(|| self.node.clone(), |device| format!("{}/{device}", self.node)))
    }

    fn node_name<'a>(&self) -> Cow<'a, str> {
        Cow::Owned(self.node.clone())
    }
}

/// A payload whose protobuf is known to be sound.
struct Message {
    sent: Option<u64>,
    seq: Option<u8>,
    metrics: Vec<Metric>,
}

impl Message {
    fn read(payload: &[u8], limits: &Limits) -> Result<Self, Rejection> {
        sink::bounded(payload, limits)?;
        let broken = |error: prost::DecodeError| reject(Reason::InvalidBinary, format!("Sparkplug B: {error}"));
        let payload = Payload::decode(Bytes::copy_from_slice(payload)).map_err(broken)?;
        if payload.uuid.as_deref() == Some("SPBV1.0_COMPRESSED") {
            return Err(reject(Reason::Unsupported, "a compressed Sparkplug payload: let the node send it plain"));
        }
        if payload.metrics.len() > limits.readings_max {
            return Err(reject(Reason::TooManyReadings, format!("more than {} metrics", limits.readings_max)));
        }
        let seq = payload.seq.map(u8::try_from).transpose();
        let seq = seq.map_err(|_| reject(Reason::WrongShape, "a sequence number is 0 to 255 (section 6.4.1)"))?;
        let metrics = payload.metrics.into_iter().map(Metric::decode).collect::<Result<_, _>>().map_err(broken)?;
        Ok(Self { sent: payload.timestamp, seq, metrics })
    }

    fn bd_seq(&self) -> Option<u64> {
        let metric = self.metrics.iter().find(|metric| metric.name.as_deref() == Some("bdSeq"))?;
        match metric.value {
            Some(Value::Int(value)) => Some(u64::from(value)),
            Some(Value::Long(value)) => Some(value),
            _ => None,
        }
    }
}

fn birth(
    address: &Address,
    message: Message,
    session: &mut Session,
    received_at: Timestamp,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Rejection> {
    if address.device.is_none() {
        session.forget(&address.node, None);
        session.node(&address.node).begin(message.seq, message.sent, message.bd_seq());
    } else if !is_new(address, &message, session, received_at, sink) {
        return Ok(());
    }
    let mut births = Births::default();
    for metric in &message.metrics {
        let Some(name) = &metric.name else {
            sink.refuse(Reason::WrongShape, "a birth's metric without a name (section 6.4.7)")?;
            continue;
        };
        let unit = Properties::of(metric).unit.map(String::into_boxed_str);
        let name = name.clone().into_boxed_str();
        births.tell(metric.alias, Known { name, datatype: metric.datatype.unwrap_or(0), unit });
    }
    sink.event(Event::Joined { device: address.thing() });
    for metric in &message.metrics {
        let Some(name) = &metric.name else { continue };
        value(address, metric, births.by_name(name), message.sent, sink)?;
    }
    session.remember(&address.node, address.device.as_deref(), births)
}

fn data(
    address: &Address,
    message: Message,
    session: &mut Session,
    received_at: Timestamp,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Rejection> {
    if !is_new(address, &message, session, received_at, sink) {
        return Ok(());
    }
    let node = session.node(&address.node);
    let births = node.births(address.device.as_deref());
    let mut is_birth_wanted = births.is_none();
    for metric in &message.metrics {
        let known = match (&metric.name, metric.alias) {
            (Some(name), _) => births.and_then(|births| births.by_name(name)),
            (None, Some(alias)) => births.and_then(|births| births.by_alias(alias)),
            (None, None) => {
                sink.refuse(Reason::WrongShape, "a metric with neither a name nor an alias (section 6.4.7)")?;
                continue;
            }
        };
        if known.is_none() && (metric.name.is_none() || metric.datatype.is_none()) {
            is_birth_wanted = true;
            let name = metric.name.clone().unwrap_or_else(|| format!("alias {}", metric.alias.unwrap_or(0)));
            sink.refuse(Reason::UnknownAlias, format!("{}: no birth has told {name}", address.thing()))?;
            continue;
        }
        value(address, metric, known, message.sent, sink)?;
    }
    if is_birth_wanted && node.ask(received_at) {
        sink.event(Event::Rebirth { node: address.node_name() });
    }
    Ok(())
}

fn death(
    address: &Address,
    message: &Message,
    session: &mut Session,
    received_at: Timestamp,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Rejection> {
    if address.device.is_some() {
        if is_new(address, message, session, received_at, sink) {
            session.forget(&address.node, address.device.as_deref());
            sink.event(Event::Silent { device: address.thing() });
        }
        return Ok(());
    }
    let node = session.node(&address.node);
    if let (Some(born), Some(dead)) = (node.bd_seq, message.bd_seq())
        && node.is_born
        && born != dead
    {
        return Ok(());
    }
    node.end();
    sink.event(Event::Silent { device: address.node_name() });
    for device in session.forget(&address.node, None) {
        sink.event(Event::Silent { device: Cow::Owned(format!("{}/{device}", address.node)) });
    }
    Ok(())
}

/// Follows the node's sequence. False when the message was here before.
fn is_new(
    address: &Address,
    message: &Message,
    session: &mut Session,
    received_at: Timestamp,
    sink: &mut Sink<'_, '_>,
) -> bool {
    let node = session.node(&address.node);
    let order = message.seq.map_or(Order::Due, |seq| node.follow(seq, message.sent));
    let is_birth_wanted = match order {
        Order::Again => {
            let key = Cow::Owned(format!("seq {}", message.seq.unwrap_or(0)));
            sink.event(Event::Repeated { device: address.node_name(), key });
            return false;
        }
        Order::Missed(missed) => {
            sink.event(Event::Gap { device: address.node_name(), missed });
            true
        }
        Order::Due => !node.is_born,
    };
    if is_birth_wanted && node.ask(received_at) {
        sink.event(Event::Rebirth { node: address.node_name() });
    }
    true
}

/// One metric's value, by its own data type or the one that its birth told.
fn value(
    address: &Address,
    metric: &Metric,
    known: Option<&Known>,
    sent: Option<u64>,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Rejection> {
    if metric.is_null == Some(true) {
        return Ok(());
    }
    let name = known.map(|known| known.name.to_string()).or_else(|| metric.name.clone()).unwrap_or_default();
    let datatype = metric.datatype.filter(|datatype| *datatype != 0).or(known.map(|known| known.datatype)).unwrap_or(0);
    let number = match number(datatype, metric.value.as_ref()) {
        Ok(number) => number,
        Err((reason, what)) => return sink.refuse(reason, format!("{name}: {what}")),
    };
    let is_past = metric.is_historical == Some(true);
    let time = match metric.timestamp.or(sent.filter(|_| !is_past)) {
        Some(millis) if millis < MILLIS_MAX => Some(Timestamp::from_millis(millis as i64)),
        None if !is_past => None,
        _ => return sink.refuse(Reason::InvalidTime, format!("{name}: no such time, or a past value without one")),
    };
    let Some(number) = number else {
        return match (&metric.value, datatype) {
            (Some(Value::Text(text)), 0 | datatype::STRING | datatype::TEXT) => match std::str::from_utf8(text) {
                Ok(text) => sink.word(&address.thing(), Cow::Owned(name), time, Cow::Owned(text.to_owned())),
                Err(_) => sink.refuse(Reason::InvalidUtf8, format!("{name}: a text that is not UTF-8")),
            },
            _ => Ok(()),
        };
    };
    let properties = Properties::of(metric);
    let unit = properties.unit.or_else(|| known.and_then(|known| known.unit.as_deref().map(str::to_owned)));
    sink.take(Observed {
        device: address.thing(),
        name: Cow::Owned(name),
        unit: unit.map(Cow::Owned),
        time,
        value: number,
        status: if properties.is_bad { Status::Fault } else { Status::Measuring },
        place: None,
    })
}

/// A number, or `None` for a text, date or UUID.
fn number(datatype: u32, value: Option<&Value>) -> Result<Option<f64>, (Reason, &'static str)> {
    const WRONG: (Reason, &str) = (Reason::WrongType, "the value is not of its data type (section 6.4.16)");
    let whole = match value {
        None => return Err((Reason::WrongShape, "neither a value nor null (section 6.4.7)")),
        Some(Value::Int(value)) => Some(u64::from(*value)),
        Some(Value::Long(value)) => Some(*value),
        Some(Value::Text(_)) if matches!(datatype, 0 | datatype::STRING | datatype::TEXT | datatype::UUID) => {
            return Ok(None);
        }
        Some(Value::Bytes(_) | Value::DataSet(_) | Value::Template(_) | Value::Extension(_)) => {
            return Err((Reason::NotAQuantity, "bytes, a table, a template, a file or an array"));
        }
        Some(_) => None,
    };
    Ok(match (datatype, value, whole) {
        (datatype::INT8, _, Some(whole)) => Some(f64::from(signed(whole, 8).ok_or(WRONG)? as i8)),
        (datatype::INT16, _, Some(whole)) => Some(f64::from(signed(whole, 16).ok_or(WRONG)? as i16)),
        (datatype::INT32, _, Some(whole)) => Some(f64::from(signed(whole, 32).ok_or(WRONG)? as i32)),
        (datatype::INT64, _, Some(whole)) => Some(whole as i64 as f64),
        (datatype::UINT8, _, Some(whole)) => Some(f64::from(u8::try_from(whole).map_err(|_| WRONG)?)),
        (datatype::UINT16, _, Some(whole)) => Some(f64::from(u16::try_from(whole).map_err(|_| WRONG)?)),
        (datatype::UINT32, _, Some(whole)) => Some(f64::from(u32::try_from(whole).map_err(|_| WRONG)?)),
        (datatype::UINT64, _, Some(whole)) => Some(whole as f64),
        (datatype::BOOLEAN, _, Some(whole @ (0 | 1))) => Some(whole as f64),
        (datatype::DATE_TIME, _, Some(_)) => None,
        (0 | datatype::BOOLEAN, Some(Value::Boolean(truth)), _) => Some(f64::from(u8::from(*truth))),
        (0 | datatype::FLOAT | datatype::DOUBLE, Some(Value::Float(value)), _) => Some(shortest(*value)),
        (0 | datatype::FLOAT | datatype::DOUBLE, Some(Value::Double(value)), _) => Some(*value),
        _ => return Err(WRONG),
    })
}

/// Two's complement of `bits` bits in a wider unsigned field, whether the sender extended the sign or not.
fn signed(whole: u64, bits: u32) -> Option<u64> {
    let is_bare = whole >> bits == 0;
    let is_extended = [32, 64].iter().any(|width| {
        let negative = whole | (u64::MAX.checked_shl(*width).unwrap_or(0));
        whole.checked_shr(*width).unwrap_or(0) == 0 && (negative as i64) >> (bits - 1) == -1
    });
    (is_bare || is_extended).then_some(whole)
}

/// The double that is written as a single float is: 12.1, not 12.100000381469727.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// The properties that mean something here; a set that cannot be read has none.
#[derive(Default)]
struct Properties {
    unit: Option<String>,
    is_bad: bool,
}

impl Properties {
    fn of(metric: &Metric) -> Self {
        let mut properties = Properties::default();
        let Some(set) = metric.properties.clone().and_then(|bytes| PropertySet::decode(bytes).ok()) else {
            return properties;
        };
        for (key, value) in set.keys.into_iter().zip(set.values) {
            match key.as_str() {
                "engUnit" => properties.unit = value.text.filter(|unit| !unit.is_empty()),
                "Quality" => {
                    let quality = value.int.map(u64::from).or(value.long);
                    properties.is_bad = quality.is_some_and(|quality| quality != QUALITY_GOOD);
                }
                _ => {}
            }
        }
        properties
    }
}

#[cfg(test)]
mod tests;
