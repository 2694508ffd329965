//! Devices that send under names which no station or no channel has, derived from journal entries and nothing else.
//!
//! What is kept of each: the source, the name as it was sent, the properties, when it was seen, how often, and the
//! number of its last message, which is kept whole as a dead letter. A name leaves the list when the catalogue gets it.
//!
//! Bounds: [`DEVICES_MAX`] devices for each source, so that a flood in one source leaves the others' lists alone, and
//! [`PROPERTIES_MAX`] properties for each device. When a source's list is full, a new name takes the place of the one
//! with the fewest readings, the one silent longest among those: random names push each other out, and a device that
//! goes on sending stays. What leaves the list stays counted: of each source, listed + settled + unlisted readings are
//! all that were ever refused for an unknown name in its messages.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::model::{Again, Catalogue, Entry, Message, Seq, SourceId, Timestamp, Unit, UnknownName};

/// Devices listed of one source.
pub const DEVICES_MAX: usize = 500;
/// Properties listed of one device; readings of further ones are counted in [`Device::other_readings`].
pub const PROPERTIES_MAX: usize = 32;

/// The lists of all sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    sources: BTreeMap<SourceId, Names>,
}

/// One source's list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    devices: BTreeMap<String, Device>,
    /// Readings of names that had to leave the full list.
    pub unlisted_readings: u64,
    /// How often a name had to leave the full list.
    pub displaced: u64,
    /// Readings of names that the catalogue has got since.
    pub settled_readings: u64,
}

/// What is known of a device that nobody registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// When its first listed message was received.
    pub first_seen: Timestamp,
    /// When its last message was received.
    pub last_seen: Timestamp,
    /// The journal's number of its last message: that of the dead letter.
    pub last: Seq,
    /// Messages.
    pub messages: u64,
    /// Readings refused for the unknown name, those of unlisted properties included.
    pub readings: u64,
    /// Readings of properties beyond [`PROPERTIES_MAX`].
    pub other_readings: u64,
    properties: BTreeMap<String, Seen>,
}

/// What is known of a property.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Readings refused.
    pub readings: u64,
    /// What the sender measured in last, when it ever said so.
    pub unit: Option<Unit>,
}

impl Device {
    /// The properties by name.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Seen)> {
        self.properties.iter().map(|(name, seen)| (name.as_str(), seen))
    }

    fn new(at: Timestamp, seq: Seq) -> Self {
        let properties = BTreeMap::new();
        Self { first_seen: at, last_seen: at, last: seq, messages: 0, readings: 0, other_readings: 0, properties }
    }

    fn count(&mut self, name: &UnknownName) {
        self.readings += 1;
        let known = self.properties.contains_key(&name.property);
        if !known && self.properties.len() >= PROPERTIES_MAX {
            self.other_readings += 1;
            return;
        }
        let seen = self.properties.entry(name.property.clone()).or_default();
        seen.readings += 1;
        seen.unit = name.unit.or(seen.unit);
    }
}

impl Names {
    /// The devices by name.
    pub fn devices(&self) -> impl Iterator<Item = (&str, &Device)> {
        self.devices.iter().map(|(name, device)| (name.as_str(), device))
    }

    /// Readings of the devices listed.
    pub fn listed_readings(&self) -> u64 {
        self.devices.values().map(|device| device.readings).sum()
    }

    /// Makes room for one more.
    fn displace(&mut self) {
        if self.devices.len() < DEVICES_MAX {
            return;
        }
        let least = self.devices.iter().min_by_key(|(name, device)| (device.readings, device.last_seen, *name));
        if let Some(name) = least.map(|(name, _)| name.clone())
            && let Some(device) = self.devices.remove(&name)
        {
            self.unlisted_readings += device.readings;
            self.displaced += 1;
        }
    }
}

impl Unknown {
    /// A source's list; `None` when no unknown name ever came by it.
    pub fn source(&self, source: SourceId) -> Option<&Names> {
        self.sources.get(&source)
    }

    /// Every source with a list, by number.
    pub fn sources(&self) -> impl Iterator<Item = (SourceId, &Names)> {
        self.sources.iter().map(|(source, names)| (*source, names))
    }

    /// One device by its source and its name as sent.
    pub fn device(&self, source: SourceId, name: &str) -> Option<&Device> {
        self.sources.get(&source)?.devices.get(name)
    }

    pub(super) fn hear(&mut self, entry: &Entry, message: &Message) {
        if message.unknown.is_empty() {
            return;
        }
        let names = self.sources.entry(message.source).or_default();
        // One message may be of several stations; of each it is one message.
        let mut counted = HashSet::new();
        for name in &message.unknown {
            if !names.devices.contains_key(&name.station) {
                names.displace();
            }
            let first_at = message.again.map_or(entry.received_at, |again| again.first_at);
            let device = names.devices.entry(name.station.clone()).or_insert_with(|| Device::new(first_at, entry.seq));
            device.count(name);
            if counted.insert(name.station.as_str()) {
                device.messages += 1;
            }
            match message.again {
                None => (device.last_seen, device.last) = (entry.received_at, entry.seq),
                // Handing it in again is no sign of the device; but the dead letter has another number now.
                Some(Again { of, .. }) if of == device.last => device.last = entry.seq,
                Some(_) => {}
            }
        }
    }

    /// Takes from the lists what the catalogue knows.
    pub(super) fn settle(&mut self, catalogue: &Catalogue) {
        for names in self.sources.values_mut() {
            let mut settled = 0;
            names.devices.retain(|name, device| {
                let Some(station) = catalogue.station_named(name) else { return true };
                device.properties.retain(|property, seen| {
                    let known = catalogue.channel_of(station, property).is_some();
                    if known {
                        settled += seen.readings;
                        device.readings -= seen.readings;
                    }
                    !known
                });
                if device.properties.is_empty() {
                    settled += device.readings;
                }
                !device.properties.is_empty()
            });
            names.settled_readings += settled;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::tests::catalogue;
    use crate::model::{Body, Reason, Rejection};

    fn sent(seq: u64, names: &[(&str, &str)], again: Option<Again>) -> Entry {
        let rejection = |_: &(&str, &str)| Rejection { reason: Reason::UnknownStation, detail: String::new() };
        let message = Message {
            source: SourceId(1),
            received: names.len() as u32,
            duplicates: 0,
            samples: Vec::new(),
            rejections: names.iter().map(rejection).collect(),
            raw: None,
            unknown: names.iter().map(|(station, property)| UnknownName::new(station, property, None)).collect(),
            again,
        };
        Entry { seq: Seq(seq), received_at: Timestamp::from_seconds(seq as i64), body: Body::Message(message) }
    }

    fn hear(unknown: &mut Unknown, entry: &Entry) {
        let Body::Message(message) = &entry.body else { return };
        unknown.hear(entry, message);
    }

    fn total(unknown: &Unknown) -> u64 {
        let one = |names: &Names| names.listed_readings() + names.unlisted_readings + names.settled_readings;
        unknown.sources().map(|(_, names)| one(names)).sum()
    }

    #[test]
    fn a_flood_of_names_pushes_out_no_device_that_goes_on_sending_and_every_reading_stays_counted() {
        let mut unknown = Unknown::default();
        for seq in 1..=5_000u64 {
            let random = format!("flood-{seq}");
            hear(&mut unknown, &sent(seq, &[(&random, "x")], None));
            if seq % 100 == 0 {
                hear(&mut unknown, &sent(10_000 + seq, &[("Đồn-7", "a"), ("Đồn-7", "b")], None));
            }
        }
        let names = unknown.source(SourceId(1)).unwrap();
        assert_eq!(names.devices().count(), DEVICES_MAX);
        let device = unknown.device(SourceId(1), "Đồn-7").unwrap();
        assert_eq!((device.messages, device.readings, device.last), (50, 100, Seq(15_000)));
        assert_eq!(total(&unknown), 5_100);
        assert!(
            unknown.device(SourceId(1), "flood-5000").is_some() && unknown.device(SourceId(1), "flood-1").is_none()
        );
    }

    #[test]
    fn properties_beyond_the_bound_are_counted_together() {
        let mut unknown = Unknown::default();
        for seq in 1..=100u64 {
            hear(&mut unknown, &sent(seq, &[("A", &format!("p{seq}"))], None));
        }
        let device = unknown.device(SourceId(1), "A").unwrap();
        assert_eq!((device.properties().count(), device.other_readings), (PROPERTIES_MAX, 100 - PROPERTIES_MAX as u64));
        assert_eq!(total(&unknown), 100);
    }

    #[test]
    fn a_name_leaves_the_list_when_the_catalogue_gets_it() {
        let known = catalogue();
        let (station, property) = (known.stations()[0].id.clone(), known.channels()[0].property.clone());
        let mut unknown = Unknown::default();
        hear(&mut unknown, &sent(1, &[(station.as_str(), property.as_str()), (station.as_str(), "other")], None));
        hear(&mut unknown, &sent(2, &[("elsewhere", property.as_str())], None));
        unknown.settle(&known);
        let names = unknown.source(SourceId(1)).unwrap();
        let left: Vec<&str> = names.devices().map(|(name, _)| name).collect();
        assert_eq!((left.len(), names.settled_readings), (2, 1), "{left:?}");
        let device = unknown.device(SourceId(1), station.as_str()).unwrap();
        assert_eq!(device.properties().map(|(name, _)| name).collect::<Vec<_>>(), ["other"]);
        assert_eq!(total(&unknown), 3);
    }

    #[test]
    fn handing_in_again_is_no_sign_of_the_device_but_moves_its_last_message() {
        let mut unknown = Unknown::default();
        hear(&mut unknown, &sent(5, &[("A", "p")], None));
        let again = Again { of: Seq(5), first_at: Timestamp::from_seconds(5) };
        hear(&mut unknown, &sent(9, &[("A", "p")], Some(again)));
        let device = unknown.device(SourceId(1), "A").unwrap();
        assert_eq!((device.last, device.last_seen, device.readings), (Seq(9), Timestamp::from_seconds(5), 2));
    }
}
