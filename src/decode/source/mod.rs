//! Declared sources: which messages are whose, read by which decoder, and what their names mean here.
//!
//! A message of a way in goes to the first declared source of that way in whose topic matches. Below `saola/v1/` the
//! native form always holds, and it is what everything else falls back to. A message that is handed in again from the
//! dead letters goes to the source that refused it, as that is configured now; when it is no longer of that source, it
//! goes the way of any message of its ways in. Files and requests name their source themselves: their topic is the
//! path below the source's folder or address, and no path makes them another source's or native readings.

pub mod config;
mod format;
mod mapping;
pub mod pattern;

use std::borrow::Cow;

use hashbrown::HashMap;
use jiff::tz::TimeZone;

use super::layout::{Layout, Role};
use super::observed::Heard;
use super::time_form::TimeForm;
use super::{Decoded, Limits, csv_table, native, reject, tasmota};
use crate::model::{Arrival, RawMessage, Reason, Rejection, SourceId};
pub use config::{Config, Decoder, Named};
use format::Format;
use mapping::Mapping;
use pattern::{Captures, Pattern};

/// One source, ready for messages.
#[derive(Debug)]
struct Source {
    id: SourceId,
    from: Vec<SourceId>,
    topic: Pattern,
    format: Format,
    mapping: Mapping,
}

/// Every declared source.
#[derive(Debug, Default)]
pub struct Sources {
    sources: Vec<Source>,
    /// By way in, the places of its sources in the order of the configuration.
    by_way_in: HashMap<SourceId, Vec<usize>>,
    by_id: HashMap<SourceId, usize>,
}

/// A source whose number nobody knows yet: what can be said of its section alone.
struct Prepared {
    topic: Pattern,
    format: Format,
    mapping: Mapping,
}

impl Sources {
    /// Prepares all of them. `number` knows the numbers of sources and of ways in by their names. On an error: every
    /// mistake, as key and sentence.
    pub fn prepare(
        configs: &[Config],
        number: impl Fn(&str) -> Option<SourceId>,
    ) -> Result<Sources, Vec<(String, String)>> {
        let mut prepared = Sources::default();
        let mut mistakes = Vec::new();
        for (place, config) in configs.iter().enumerate() {
            let mut note = |key: &str, message: String| mistakes.push((format!("source[{place}].{key}"), message));
            let Some(Prepared { topic, format, mapping }) = prepare(config, &mut note) else { continue };
            let Some(id) = number(&config.name) else {
                note("name", format!("{} has no number", config.name));
                continue;
            };
            let from: Vec<SourceId> = config.from.iter().filter_map(|way| number(way)).collect();
            for way in &from {
                prepared.by_way_in.entry(*way).or_default().push(prepared.sources.len());
            }
            prepared.by_id.insert(id, prepared.sources.len());
            prepared.sources.push(Source { id, from, topic, format, mapping });
        }
        if mistakes.is_empty() { Ok(prepared) } else { Err(mistakes) }
    }

    /// Reads one message: its readings and what was refused of it go to `out`, what it says of the devices
    /// themselves stays in `heard`. Gives the source that it is counted by, and why it could not be read at all.
    pub fn decode<'a>(
        &'a self,
        raw: &RawMessage<'a>,
        limits: &Limits,
        heard: &mut Heard<'a>,
        out: &mut Decoded<'a>,
    ) -> (SourceId, Option<Rejection>) {
        let is_declared = self.by_id.contains_key(&raw.source);
        let is_native = raw.topic.starts_with(native::TOPIC_PREFIX) && !is_declared;
        let source = if is_native { None } else { self.of(raw) };
        match source {
            None if is_declared => {
                (raw.source, Some(reject(Reason::UnknownTopic, "not among the topics of its source")))
            }
            None => (raw.source, native::decode(raw.topic, raw.payload, limits, out).err()),
            Some((source, topic)) => {
                let refused = source.format.read(raw, &topic, limits, heard).err();
                source.mapping.apply(heard, &topic, out);
                (source.id, refused)
            }
        }
    }

    /// The source of a message, and what its topic captured.
    fn of<'a>(&self, raw: &RawMessage<'a>) -> Option<(&Source, Captures<'a>)> {
        let look = |place: &usize| {
            let source = self.sources.get(*place)?;
            source.topic.matches(raw.topic).map(|captures| (source, captures))
        };
        if let Some(places) = self.by_way_in.get(&raw.source) {
            return places.iter().find_map(look);
        }
        let own = self.by_id.get(&raw.source)?;
        let is_again = matches!(raw.arrival, Arrival::Again { .. });
        look(own).or_else(|| {
            let ways = self.sources.get(*own).filter(|_| is_again)?.from.iter();
            ways.filter_map(|way| self.by_way_in.get(way)).flatten().find_map(look)
        })
    }
}

/// Every mistake that can be seen in a source's section alone, as key and sentence.
pub fn mistakes(config: &Config) -> Vec<(String, String)> {
    let mut mistakes = Vec::new();
    prepare(config, &mut |key: &str, message| mistakes.push((key.to_owned(), message)));
    mistakes
}

/// The MQTT filter of a source's topics; `None` when its topic is wrong.
pub fn filter(config: &Config) -> Option<String> {
    Pattern::parse(&config.topic).ok().map(|topic| topic.filter())
}

fn prepare(config: &Config, note: &mut impl FnMut(&str, String)) -> Option<Prepared> {
    let topic = Pattern::parse(&config.topic).map_err(|message| note("topic", message)).ok()?;
    if config.decoder == Decoder::Zigbee2mqtt && topic.place("device").is_none() {
        note(
            "topic",
            "must capture the device, as in zigbee2mqtt/{device#}: some topics are not of a device".to_owned(),
        );
    }
    let zone = TimeZone::get(&config.time_zone).unwrap_or_else(|_| {
        note("time_zone", format!("{:?} is no time zone such as Asia/Ho_Chi_Minh", config.time_zone));
        TimeZone::UTC
    });
    let layout = lay_out(config, &zone, note);
    let is_named = topic.place("name").is_some();
    if is_named && config.value_at.is_none() {
        note("value_at", "is missing: the topic's {name} is the name of a value that stands there".to_owned());
    }
    if config.value_at.is_some() && config.name_at.is_none() && !is_named {
        note("name_at", "is missing: the value at value_at has no name (captured as {name}, or at a place)".to_owned());
    }
    let mapping = Mapping::prepare(config, &topic, note);
    if config.names.is_empty() {
        note("names", "must list at least one name of the sender's".to_owned());
    }
    let format = Format::new(config, layout, zone, topic.place("device"), note);
    Some(Prepared { topic, format, mapping })
}

fn lay_out(config: &Config, zone: &TimeZone, note: &mut impl FnMut(&str, String)) -> Layout {
    let (mut layout, decoder) = (Layout::new(config.unlisted), config.decoder);
    let form = match config.time_format.as_deref() {
        // Its times are numbers; their unit is the format's to know.
        _ if decoder == Decoder::LineProtocol => TimeForm::Rfc3339,
        None => TimeForm::Rfc3339,
        Some(text) => TimeForm::parse(text, zone).unwrap_or_else(|message| {
            note("time_format", message);
            TimeForm::Rfc3339
        }),
    };
    let places = [
        ("time_at", &config.time_at, Role::Time(form)),
        ("device_at", &config.device_at, Role::Device),
        ("name_at", &config.name_at, Role::Name),
        ("value_at", &config.value_at, Role::NamedValue),
        ("unit_at", &config.unit_at, Role::Unit),
    ];
    for (key, place, role) in places {
        let Some(place) = place else { continue };
        if decoder == Decoder::LineProtocol && key == "device_at" {
            continue;
        }
        if !decoder.is_mapped() {
            note(key, "is for json, cbor and csv: this decoder knows its messages".to_owned());
        } else if let Err(message) = layout.put(&pointer(decoder, place), role) {
            note(key, message);
        }
    }
    if decoder == Decoder::Tasmota
        && let Err(message) = tasmota::lay_out(&mut layout, zone.clone())
    {
        note("decoder", message);
    }
    // A name that stands in the message as a text has no place of its own.
    if config.value_at.is_none() && decoder.has_places() {
        for name in config.names.keys() {
            let placed = match decoder {
                Decoder::Csv => layout.put(&pointer(decoder, name), Role::Value(name.as_str().into())),
                _ if decoder.has_pointers() && !name.is_empty() && !name.starts_with('/') => {
                    Err("must be a JSON Pointer such as /air/temperature".to_owned())
                }
                _ => layout.value(name),
            };
            if let Err(message) = placed {
                note(&format!("names.{name}"), message);
            }
        }
    }
    for (place, name) in config.ignored.iter().enumerate().filter(|_| decoder.has_places()) {
        let is_place = !decoder.has_pointers() || name.starts_with('/');
        match is_place.then(|| layout.ignored(&pointer(decoder, name))) {
            Some(Err(message)) => note(&format!("ignored[{place}]"), message),
            None if config.value_at.is_none() => {
                note(&format!("ignored[{place}]"), "must be a JSON Pointer such as /meta".to_owned());
            }
            _ => {}
        }
    }
    layout
}

/// A place as it is written, but for a table's, which is a column's name.
fn pointer(decoder: Decoder, place: &str) -> Cow<'_, str> {
    if decoder == Decoder::Csv { Cow::Owned(csv_table::pointer(place)) } else { Cow::Borrowed(place) }
}

#[cfg(test)]
mod tests;
