//! From the sender's words to ours: station, property and unit. Prepared once; on the way of a message there are
//! look-ups in hash tables and nothing else.
//!
//! A value whose unit nobody says is refused: nothing is guessed. What the message says of its unit goes before what
//! the configuration says of its name. Converting to the channel's unit is the validation's part, which knows it.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};

use super::super::layout::Unlisted;
use super::super::observed::{Heard, Observed, Worded};
use super::super::{Decoded, Told, reject};
use super::config::{Config, Decoder};
use super::pattern::{Captures, Pattern};
use crate::model::{Reading, Reason, Rejection, Status, Unit};

/// The name of the decoder's own device in a station's template.
const DEVICE: &str = "device";
/// A captured level of this name names the values that have no name in the message.
const NAME: &str = "name";

/// Most bytes of a sender's word in a detail: writing one with quotes goes letter by letter.
const WORD_BYTES_MAX: usize = 80;

/// A piece of a station's name.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    Captured(u8),
    /// The device that the decoder tells.
    Device,
}

#[derive(Debug)]
struct Name {
    property: Box<str>,
    unit: Option<Unit>,
    scale: f64,
    offset: f64,
    words: HashMap<Box<str>, f64>,
}

/// A prepared mapping.
#[derive(Debug)]
pub(super) struct Mapping {
    decoder: Decoder,
    names: HashMap<Box<str>, Name>,
    name_captured: Option<u8>,
    unlisted: Unlisted,
    ignored: HashSet<Box<str>>,
    missing: HashSet<Box<str>>,
    missing_numbers: Vec<f64>,
    units: HashMap<Box<str>, Unit>,
    station: Vec<Part>,
    stations: HashMap<Box<str>, Box<str>>,
}

impl Mapping {
    /// Prepares a source's mapping; mistakes are noted as key and sentence.
    pub(super) fn prepare(config: &Config, topic: &Pattern, note: &mut impl FnMut(&str, String)) -> Mapping {
        let says_units = config.decoder.says_units() || config.unit_at.is_some();
        for (name, named) in &config.names {
            let key = |key: &str| format!("names.{name}.{key}");
            if named.unit.is_none() && !says_units {
                note(&key("unit"), "is missing: these messages do not say their units".to_owned());
            }
            if !named.scale.is_finite() || named.scale == 0.0 {
                note(&key("scale"), format!("must be a number other than 0, not {}", named.scale));
            }
            if !named.offset.is_finite() {
                note(&key("offset"), format!("must be a number, not {}", named.offset));
            }
            for (word, _) in named.words.iter().filter(|(_, value)| !value.is_finite()) {
                note(&key(&format!("words.{word}")), "must be a number".to_owned());
            }
        }
        let station = station(config, topic).unwrap_or_else(|message| {
            note("station", message);
            Vec::new()
        });
        let boxed = |text: &String| Box::<str>::from(text.as_str());
        Mapping {
            decoder: config.decoder,
            names: config.names.iter().map(|(name, named)| (boxed(name), Name::from(named))).collect(),
            name_captured: topic.place(NAME),
            unlisted: config.unlisted,
            ignored: config.ignored.iter().map(boxed).collect(),
            missing: config.missing.iter().map(boxed).collect(),
            missing_numbers: config.missing.iter().filter_map(|word| word.parse().ok()).collect(),
            units: config.units.iter().map(|(word, unit)| (boxed(word), *unit)).collect(),
            station,
            stations: config.stations.iter().map(|(device, station)| (boxed(device), boxed(station))).collect(),
        }
    }

    /// Takes what was heard, in our words, into `out`; what is left in `heard` are the events in the sender's words.
    pub(super) fn apply<'a>(&'a self, heard: &mut Heard<'a>, topic: &Captures<'a>, out: &mut Decoded<'a>) {
        out.rejections.append(&mut heard.rejections);
        for observed in heard.observed.drain(..) {
            match self.observed(observed, topic) {
                Ok(Some(reading)) => out.readings.push(reading),
                Ok(None) => {}
                Err(rejection) => out.rejections.push(rejection),
            }
        }
        for worded in heard.worded.drain(..) {
            match self.worded(worded, topic) {
                Ok(Some(reading)) => out.readings.push(reading),
                Ok(None) => {}
                Err(rejection) => out.rejections.push(rejection),
            }
        }
        for event in &heard.events {
            let station = self.station(event.device().clone(), topic).ok();
            out.told.push(Told { event: event.clone(), station });
        }
    }

    fn observed<'a>(&'a self, observed: Observed<'a>, topic: &Captures<'a>) -> Result<Option<Reading<'a>>, Rejection> {
        let Observed { device, name, unit, time, value, status, .. } = observed;
        let Some((shown, name)) = self.name(&name, topic)? else { return Ok(None) };
        if self.missing_numbers.contains(&value) {
            return Ok(None);
        }
        let mut reading = Reading { time, status, ..self.reading(shown, name, value)? };
        if let Some(word) = unit.filter(|word| !word.is_empty()) {
            let (unit, factor) = self.unit(shown, &word)?;
            (reading.unit, reading.value) = (Some(unit), reading.value * factor);
        }
        self.finish(reading, shown, device, topic)
    }

    fn worded<'a>(&'a self, worded: Worded<'a>, topic: &Captures<'a>) -> Result<Option<Reading<'a>>, Rejection> {
        let Worded { device, name, time, word } = worded;
        let Some((shown, name)) = self.name(&name, topic)? else { return Ok(None) };
        if self.missing.contains(&*word) {
            return Ok(None);
        }
        let Some(value) = name.words.get(&*word) else {
            return Err(reject(
                Reason::WrongType,
                format!("{}: {:?} is neither a number nor a known word", cut(shown), cut(&word)),
            ));
        };
        let reading = Reading { time, ..self.reading(shown, name, *value)? };
        self.finish(reading, shown, device, topic)
    }

    /// What a sender's name is here; `None` when it is passed over.
    fn name<'s, 'n>(&'s self, name: &'n str, topic: &Captures<'n>) -> Result<Option<(&'n str, &'s Name)>, Rejection> {
        let name = match self.name_captured {
            Some(place) if name.is_empty() => topic.get(place),
            _ => name,
        };
        match self.names.get(name) {
            Some(known) => Ok(Some((name, known))),
            None if self.unlisted == Unlisted::Ignore || self.ignored.contains(name) => Ok(None),
            None => Err(reject(Reason::UnknownProperty, format!("{:?} is not among the source's names", cut(name)))),
        }
    }

    fn unit(&self, name: &str, word: &str) -> Result<(Unit, f64), Rejection> {
        let own = self.units.get(word).map(|unit| (*unit, 1.0));
        let known = own.or_else(|| self.decoder.unit(word));
        known.ok_or_else(|| reject(Reason::WrongUnit, format!("{}: {:?} is no known unit", cut(name), cut(word))))
    }

    /// A reading of a station to be named.
    fn reading<'a>(&self, shown: &str, name: &'a Name, value: f64) -> Result<Reading<'a>, Rejection> {
        let value = value * name.scale + name.offset;
        if !value.is_finite() {
            return Err(reject(Reason::NotFinite, format!("{shown}: larger than a double can hold when it is scaled")));
        }
        let (station, property) = (Cow::Borrowed(""), Cow::Borrowed(&*name.property));
        Ok(Reading { station, property, time: None, value, unit: name.unit, status: Status::Measuring })
    }

    fn finish<'a>(
        &'a self,
        reading: Reading<'a>,
        shown: &str,
        device: Cow<'a, str>,
        topic: &Captures<'a>,
    ) -> Result<Option<Reading<'a>>, Rejection> {
        if reading.unit.is_none() {
            return Err(reject(
                Reason::WrongUnit,
                format!("{}: neither message nor mapping says its unit", cut(shown)),
            ));
        }
        Ok(Some(Reading { station: self.station(device, topic)?, ..reading }))
    }

    fn station<'a>(&'a self, device: Cow<'a, str>, topic: &Captures<'a>) -> Result<Cow<'a, str>, Rejection> {
        let needs_device = self.station.contains(&Part::Device);
        if needs_device && device.is_empty() {
            return Err(reject(Reason::UnknownStation, "the message does not say which device it is of"));
        }
        let station = match &*self.station {
            [Part::Device] => device,
            [Part::Captured(place)] => Cow::Borrowed(topic.get(*place)),
            [Part::Literal(literal)] => Cow::Borrowed(&**literal),
            parts => Cow::Owned(
                parts
                    .iter()
                    .map(|part| match part {
                        Part::Literal(literal) => literal,
                        Part::Captured(place) => topic.get(*place),
                        Part::Device => &*device,
                    })
                    .collect(),
            ),
        };
        if self.stations.is_empty() {
            return Ok(station);
        }
        match self.stations.get(&*station) {
            Some(named) => Ok(Cow::Borrowed(named)),
            None => {
                Err(reject(Reason::UnknownStation, format!("{:?} is not among the source's stations", cut(&station))))
            }
        }
    }
}

impl From<&super::config::Named> for Name {
    fn from(named: &super::config::Named) -> Name {
        Name {
            property: named.property.as_str().into(),
            unit: named.unit,
            scale: named.scale,
            offset: named.offset,
            words: named.words.iter().map(|(word, value)| (word.as_str().into(), *value)).collect(),
        }
    }
}

/// As much of a sender's word as a detail has room for.
fn cut(word: &str) -> &str {
    let end = (0..=WORD_BYTES_MAX.min(word.len())).rev().find(|at| word.is_char_boundary(*at));
    &word[..end.unwrap_or_default()]
}

/// Takes a station's template apart.
fn station(config: &Config, topic: &Pattern) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = config.station.as_str();
    while let Some((literal, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| "has a { without its }".to_owned())?;
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        parts.push(match topic.place(name) {
            Some(place) => Part::Captured(place),
            None if name == DEVICE && (config.decoder.says_devices() || config.device_at.is_some()) => Part::Device,
            None => {
                let mut known: Vec<String> = topic.names().map(|name| format!("{{{name}}}")).collect();
                known.dedup();
                let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
                return Err(format!("{{{name}}} is not known: the topic captures {known}"));
            }
        });
        rest = after;
    }
    if rest.contains('}') {
        return Err("has a } without its {".to_owned());
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.into()));
    }
    if parts.is_empty() { Err("must name a station".to_owned()) } else { Ok(parts) }
}
