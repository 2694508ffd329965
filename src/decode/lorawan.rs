//! What the LoRaWAN network servers' formats have in common: frame counters against duplicates and for gaps, and values
//! in nested objects.
//!
//! Bounds: a [`Session`] holds two generations of [`GENERATION_MAX`] devices of 112 bytes, 16 MiB with their tables.
//! When the younger is full the older is forgotten: a device that was silent while so many others spoke begins anew.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use base64::Engine as _;

use super::observed::Event;
use super::sink::{NAME_BYTES_MAX, Sink};
use super::tree::Json;
use super::{cayenne, reject};
use crate::model::{Reason, Rejection, Timestamp};

/// Devices of one generation.
const GENERATION_MAX: usize = 32_768;
/// Uplinks of a device whose identifiers are remembered.
const RECENT: usize = 8;
/// Two frames with one counter are the same frame when the network heard them within this; a device that forgets its
/// counter in its sleep sends the same one again later.
const SAME_FRAME_SECONDS: u64 = 30;

/// What is remembered of devices between messages. Lost with the process: counting begins anew.
#[derive(Debug, Default)]
pub struct Session {
    hasher: RandomState,
    young: HashMap<u64, Device>,
    old: HashMap<u64, Device>,
}

#[derive(Clone, Copy, Debug)]
struct Device {
    /// The LoRaWAN session: its address or key.
    session: u64,
    counter: u32,
    heard_at: Timestamp,
    recent: [u64; RECENT],
    next: usize,
}

/// What identifies an uplink.
pub(super) struct Uplink<'m> {
    pub(super) device: &'m str,
    /// Device address or session key: with another one the counter begins anew.
    pub(super) session: &'m str,
    pub(super) counter: u32,
    /// The server's identifier; the same for the same uplink by another path.
    pub(super) id: &'m str,
    /// When the network heard it.
    pub(super) heard_at: Timestamp,
}

/// What a counter says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// A new frame, after so many that were not heard.
    New { missed: u64 },
    /// The same frame once more.
    Again,
}

impl Session {
    /// Takes note of an uplink.
    pub(super) fn uplink(&mut self, uplink: &Uplink<'_>) -> Order {
        let (key, session) = (self.hasher.hash_one(uplink.device), self.hasher.hash_one(uplink.session));
        // No identifier is none, not one that all such messages share; and 0 is no identifier.
        let id = if uplink.id.is_empty() { 0 } else { self.hasher.hash_one((uplink.id, uplink.counter)).max(1) };
        let Some(mut device) = self.young.get(&key).or_else(|| self.old.get(&key)).copied() else {
            let mut recent = [0; RECENT];
            recent[0] = id;
            let (counter, heard_at) = (uplink.counter, uplink.heard_at);
            self.keep(key, Device { session, counter, heard_at, recent, next: 1 });
            return Order::New { missed: 0 };
        };
        let apart = uplink.heard_at.since(device.heard_at).max(device.heard_at.since(uplink.heard_at));
        let is_same_frame =
            session == device.session && uplink.counter == device.counter && apart.as_secs() < SAME_FRAME_SECONDS;
        if (id != 0 && device.recent.contains(&id)) || is_same_frame {
            self.keep(key, device);
            return Order::Again;
        }
        device.recent[device.next % RECENT] = id;
        device.next = (device.next + 1) % RECENT;
        let is_late = session == device.session && uplink.heard_at < device.heard_at;
        let mut missed = 0;
        if !is_late {
            if session == device.session && uplink.counter > device.counter {
                missed = u64::from(uplink.counter - device.counter) - 1;
            }
            (device.session, device.counter, device.heard_at) = (session, uplink.counter, uplink.heard_at);
        }
        self.keep(key, device);
        Order::New { missed }
    }

    /// A device joined: its counter begins anew.
    pub(super) fn joined(&mut self, device: &str) {
        let key = self.hasher.hash_one(device);
        self.young.remove(&key);
        self.old.remove(&key);
    }

    fn keep(&mut self, key: u64, device: Device) {
        if self.young.len() >= GENERATION_MAX && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, device);
    }
}

/// Observes what `order` says; whether the message is new.
#[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
pub(super) fn follow<'a>(order: Order, device: &Cow<'a, str>, id: &Cow<'a, str>, sink: &mut Sink<'_, 'a>) -> bool {
    match order {
        Order::Again => {
            sink.event(Event::Repeated { device: device.clone(), key: id.clone() });
            return false;
        }
        Order::New { missed: 0 } => {}
        Order::New { missed } => sink.event(Event::Gap { device: device.clone(), missed }),
    }
    true
}

/// Observes every number and truth value of a decoded object under its path (`battery.voltage`, `levels.0`), and every
/// text for the mapping; a null is no value.
pub(super) fn nested<'a>(
    json: &Json<'a>,
    path: &str,
    of: &Values<'_, 'a>,
    sink: &mut Sink<'_, 'a>,
) -> Result<(), Rejection> {
    if path.len() > NAME_BYTES_MAX {
        return sink.refuse(Reason::WrongShape, format!("a path of more than {NAME_BYTES_MAX} bytes"));
    }
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let value = match json {
        Json::Number(value, _) => *value,
        Json::Bool(truth) => f64::from(u8::from(*truth)),
        Json::Null => return Ok(()),
        Json::Text(word) => return sink.word(of.device, Cow::Owned(path.to_owned()), of.time, word.clone()),
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                nested(item, &join(&index.to_string()), of, sink)?;
            }
            return Ok(());
        }
        Json::Object(members) => {
            for (key, value) in members {
                // A long key is not joined, lest every value below it hold a copy.
                nested(value, &if key.len() > NAME_BYTES_MAX { key.to_string() } else { join(key) }, of, sink)?;
            }
            return Ok(());
        }
    };
    let unit = (of.unit)(path).map(Cow::Borrowed);
    sink.observe(of.device, Cow::Owned(path.to_owned()), unit, of.time, value)
}

/// A payload that no codec decoded.
#[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
pub(super) fn frame<'a>(
    data: Option<&Json<'a>>,
    device: &Cow<'a, str>,
    time: Option<Timestamp>,
    sink: &mut Sink<'_, 'a>,
) -> Result<(), Rejection> {
    let text = match data {
        None | Some(Json::Null) => return Ok(()),
        Some(Json::Text(text)) => text,
        Some(other) => return sink.refuse(Reason::WrongType, format!("the payload is {}, not base64", other.kind())),
    };
    let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(text.as_bytes()) else {
        return sink.refuse(Reason::InvalidBinary, "the payload is not base64");
    };
    match cayenne::values(&bytes, device, time, sink)? {
        None => Ok(()),
        Some(rest) => sink.refuse(rest.reason, format!("no decoded object; {}", rest.detail)),
    }
}

/// Observes what the radio said, unless the payload has a value of that name. A field that is left out is zero.
#[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
pub(super) fn radio<'a>(
    fields: &[(&'static str, Option<&Json<'a>>, Option<&'static str>)],
    first: usize,
    device: &Cow<'a, str>,
    time: Option<Timestamp>,
    sink: &mut Sink<'_, 'a>,
) -> Result<(), Rejection> {
    for (name, value, unit) in fields {
        if sink.observed_from(first).iter().any(|observed| observed.name == *name) {
            continue;
        }
        match value.map_or(Some(0.0), Json::number) {
            Some(value) => sink.observe(device, Cow::Borrowed(name), unit.map(Cow::Borrowed), time, value)?,
            None => sink.refuse(Reason::WrongType, format!("{name} is not a number"))?,
        }
    }
    Ok(())
}

/// The gateway that heard an uplink best.
pub(super) fn best_gateway<'m, 'a>(gateways: Option<&'m Json<'a>>) -> Option<&'m Json<'a>> {
    let rssi = |gateway: &Json<'a>| gateway.get("rssi").and_then(Json::number);
    let heard = gateways.and_then(Json::array)?.iter().filter_map(|gateway| Some((rssi(gateway)?, gateway)));
    heard.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, gateway)| gateway)
}

/// A frame counter: left out when it is zero.
pub(super) fn counter(json: Option<&Json<'_>>) -> Result<u32, Rejection> {
    match json {
        None | Some(Json::Null) => Ok(0),
        Some(Json::Number(value, _)) if (0.0..=f64::from(u32::MAX)).contains(value) && value.fract() == 0.0 => {
            Ok(*value as u32)
        }
        Some(_) => Err(reject(Reason::WrongType, "the frame counter is a whole number of 32 bits")),
    }
}

/// Observes latitude, longitude and altitude, which are zero when they are left out, and says that the device is there.
#[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
pub(super) fn location<'a>(
    location: Option<&Json<'a>>,
    device: &Cow<'a, str>,
    time: Option<Timestamp>,
    sink: &mut Sink<'_, 'a>,
) -> Result<(), Rejection> {
    let Some(location) = location.filter(|location| location.object().is_some()) else {
        return Err(reject(Reason::NoReadings, "a location message without a location"));
    };
    let first = sink.count();
    let at = |name| location.get(name).map_or(Some(0.0), Json::number);
    for (name, unit) in [("latitude", "deg"), ("longitude", "deg"), ("altitude", "m")] {
        match at(name) {
            Some(value) => sink.observe(device, Cow::Borrowed(name), Some(Cow::Borrowed(unit)), time, value)?,
            None => sink.refuse(Reason::WrongType, format!("{name} is not a number"))?,
        }
    }
    if let (Some(lon), Some(lat)) = (at("longitude"), at("latitude")) {
        sink.place_from(first, (lon, lat));
    }
    Ok(())
}

/// Whose values they are, of when, and in which units.
pub(super) struct Values<'m, 'a> {
    pub(super) device: &'m Cow<'a, str>,
    pub(super) time: Option<Timestamp>,
    pub(super) unit: fn(&str) -> Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(session: &mut Session, address: &str, counter: u32, second: i64) -> Order {
        let heard_at = Timestamp::from_seconds(second);
        session.uplink(&Uplink { device: "d", session: address, counter, id: &second.to_string(), heard_at })
    }

    #[test]
    fn counters_tell_gaps_and_repetitions() {
        let mut session = Session::default();
        let new = |missed| Order::New { missed };
        assert_eq!(up(&mut session, "a", 7, 0), new(0), "the first says nothing");
        assert_eq!(up(&mut session, "a", 8, 60), new(0));
        assert_eq!(up(&mut session, "a", 8, 62), Order::Again, "one frame heard by two gateways");
        assert_eq!(up(&mut session, "a", 12, 120), new(3));
        assert_eq!(up(&mut session, "a", 8, 60), Order::Again, "an identifier of before");
        assert_eq!(up(&mut session, "a", 10, 90), new(0), "late, by another path");
        assert_eq!(up(&mut session, "a", 13, 180), new(0));
        assert_eq!(up(&mut session, "a", 0, 240), new(0), "a counter that begins anew");
        assert_eq!(up(&mut session, "a", 0, 300), new(0), "a device that forgets its counter");
        assert_eq!(up(&mut session, "b", 900, 360), new(0), "another LoRaWAN session");
        session.joined("d");
        assert_eq!(up(&mut session, "b", 905, 420), new(0));
        for second in [0, 60, 120] {
            let heard_at = Timestamp::from_seconds(second);
            let nameless = Uplink { device: "e", session: "", counter: 0, id: "", heard_at };
            assert_eq!(session.uplink(&nameless), new(0), "without identifier and counter");
        }
    }

    #[test]
    fn a_session_is_bounded() {
        assert!(size_of::<Device>() <= 112);
        let mut session = Session::default();
        for device in 0..3 * GENERATION_MAX {
            let (device, heard_at) = (device.to_string(), Timestamp::EPOCH);
            session.uplink(&Uplink { device: &device, session: "", counter: 1, id: "", heard_at });
        }
        assert!(session.young.len() <= GENERATION_MAX && session.old.len() <= GENERATION_MAX);
    }
}
