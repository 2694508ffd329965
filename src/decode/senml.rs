//! SenML (RFC 8428) in JSON and in CBOR: a pack is an array of records; base fields hold from their record on.
//!
//! ```text
//! [{"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1276020076.001, "bu": "A", "n": "voltage", "u": "V", "v": 120.1},
//!  {"n": "current", "t": -5, "v": 1.2}]
//! ```
//! Section 4.5.1: the name is base name and name together. What is said about is its part before the last `:` or `/`
//! (or `_`, in a DEV URN), what is observed is the part behind it; a bare DEV URN is a thing with an empty name, told
//! apart by its unit. So a resolved pack (section 4.6) means the same as the pack it came from.
//! Section 4.5.3: times below 2^28 seconds are relative to when the pack was sent, for which its received time stands;
//! of a pack that was kept in between (retained, or from a file) they are refused. Exactly zero is "no time".
//! Section 4.5.4: values and sums are added to their bases; a sum is observed as `{name}#sum` in the unit times second.
//! `vb` is 1 or 0; `vs` is a text for the mapping; `vd` is no quantity and refused; `ut` and unknown labels are passed over.
//!
//! A pack is refused whole when a later record could mean something else: a label that ends in `_`, a base version over
//! 10, a bad or doubled base field. Left out: XML, EXI, streams (SensML) that are not closed.

mod record;

use std::borrow::Cow;

use self::record::Record;
use super::cbor::{Cbor, Item};
use super::scan::Scanner;
use super::sink::{self, NAME_BYTES_MAX, Sink};
use super::tree::Reader;
use super::{Heard, Limits, reject};
use crate::model::{Reason, Rejection, Timestamp};

/// Section 4.5.3: below this many seconds a time is relative.
const ABSOLUTE_FROM_SECONDS: f64 = 268_435_456.0;
/// Section 4.4: the version of RFC 8428.
const VERSION_MAX: f64 = 10.0;
/// The year 9999.
const SECONDS_MAX: f64 = 253_402_300_800.0;

/// `application/senml+json`. The topic says nothing.
pub fn decode_json<'a>(
    _topic: &'a str,
    payload: &'a [u8],
    sent_at: Option<Timestamp>,
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    let text = sink::text(payload, limits)?;
    sink::fill(out, limits, |sink| {
        let mut scanner = Scanner::new(text);
        let mut reader = Reader::new(limits);
        let mut pack = Pack::new(sent_at);
        if scanner.peek() != Some(b'[') {
            reader.value(&mut scanner)?;
            scanner.end()?;
            return Err(reject(Reason::WrongShape, "a SenML pack is an array of records (RFC 8428 section 5)"));
        }
        scanner.expect(b'[')?;
        if !scanner.take(b']') {
            loop {
                pack.record(Record::from_json(reader.value(&mut scanner)?)?, sink)?;
                if !scanner.take(b',') {
                    break;
                }
            }
            scanner.expect(b']')?;
        }
        scanner.end()?;
        pack.end()
    })
}

/// `application/senml+cbor`. The topic says nothing.
pub fn decode_cbor<'a>(
    _topic: &'a str,
    payload: &'a [u8],
    sent_at: Option<Timestamp>,
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    sink::bounded(payload, limits)?;
    sink::fill(out, limits, |sink| {
        let mut cbor = Cbor::new(payload);
        let mut pack = Pack::new(sent_at);
        let Item::Array(count) = cbor.item()? else {
            return Err(reject(Reason::WrongShape, "a SenML pack is an array of records (RFC 8428 section 6)"));
        };
        let mut read = 0_u64;
        while count.is_none_or(|count| read < count) {
            match cbor.item()? {
                Item::Break if count.is_none() => break,
                Item::Map(pairs) => pack.record(Record::from_cbor(&mut cbor, pairs, limits)?, sink)?,
                _ => return Err(reject(Reason::WrongShape, "a record is a map (RFC 8428 section 6)")),
            }
            read += 1;
        }
        cbor.end()?;
        pack.end()
    })
}

/// What holds from one record to the next.
struct Pack<'a> {
    /// What times are relative to; `None` when nobody knows.
    sent_at: Option<Timestamp>,
    records: usize,
    name: Cow<'a, str>,
    unit: Option<Cow<'a, str>>,
    time: f64,
    value: Option<f64>,
    sum: Option<f64>,
}

impl<'a> Pack<'a> {
    fn new(sent_at: Option<Timestamp>) -> Self {
        Self { sent_at, records: 0, name: Cow::Borrowed(""), unit: None, time: 0.0, value: None, sum: None }
    }

    fn record(&mut self, record: Record<'a>, sink: &mut Sink<'_, 'a>) -> Result<(), Rejection> {
        self.records += 1;
        if let Some(version) = record.base_version
            && !((1.0..=VERSION_MAX).contains(&version) && version.fract() == 0.0)
        {
            return Err(reject(Reason::Unsupported, format!("bver {version}: versions 1 to 10 are understood")));
        }
        if let Some(name) = record.base_name {
            self.name = name;
        }
        if let Some(unit) = record.base_unit {
            self.unit = Some(unit).filter(|unit| !unit.is_empty());
        }
        self.time = record.base_time.unwrap_or(self.time);
        self.value = record.base_value.or(self.value);
        self.sum = record.base_sum.or(self.sum);
        let name = record.name.unwrap_or_default();
        if self.name.len() + name.len() > NAME_BYTES_MAX {
            return sink.refuse(Reason::WrongShape, format!("a name of more than {NAME_BYTES_MAX} bytes"));
        }
        let name = joined(&self.name, name);
        if let Some((reason, what)) = record.refused {
            return sink.refuse(reason, format!("{name}: {what}"));
        }
        if record.values == 0 && record.sum.is_none() {
            return if record.is_base_only { Ok(()) } else { self.without_value(&name, sink) };
        }
        if name.is_empty() {
            return sink.refuse(Reason::WrongShape, "a record without a name or base name (section 4.5.1)");
        }
        if record.values > 1 {
            return sink.refuse(Reason::WrongShape, format!("{name}: more than one value (section 4.2)"));
        }
        let time = match self.time_of(record.time.unwrap_or(0.0)) {
            Ok(time) => time,
            Err((reason, why)) => return sink.refuse(reason, format!("{name}: {why}")),
        };
        let (device, quantity) = split(name);
        let unit = record.unit.filter(|unit| !unit.is_empty()).or_else(|| self.unit.clone());
        if self.sum.is_some() || record.sum.is_some() {
            let sum = self.sum.unwrap_or(0.0) + record.sum.unwrap_or(0.0);
            let unit = unit.as_ref().map(|unit| Cow::Owned(format!("{unit}.s")));
            sink.observe(&device, Cow::Owned(format!("{quantity}#sum")), unit, time, sum)?;
        }
        if let Some(truth) = record.truth {
            return sink.observe(&device, quantity, unit, time, f64::from(u8::from(truth)));
        }
        if let Some(word) = record.word {
            return sink.word(&device, quantity, time, word);
        }
        match record.value {
            Some(value) => sink.observe(&device, quantity, unit, time, self.value.unwrap_or(0.0) + value),
            None => Ok(()),
        }
    }

    fn without_value(&self, name: &str, sink: &mut Sink<'_, 'a>) -> Result<(), Rejection> {
        sink.refuse(Reason::NoReadings, format!("{name}: a record without a value (section 4.2)"))
    }

    /// The time of a record; `None` when it is "now".
    fn time_of(&self, time: f64) -> Result<Option<Timestamp>, (Reason, &'static str)> {
        let seconds = self.time + time;
        if seconds == 0.0 {
            return Ok(None);
        }
        if seconds.is_nan() || seconds.abs() >= SECONDS_MAX {
            return Err((Reason::InvalidTime, "no such time in the years 1 to 9999"));
        }
        let micros = (seconds * 1e6).round() as i64;
        let from = if seconds < ABSOLUTE_FROM_SECONDS { self.sent_at } else { Some(Timestamp::EPOCH) };
        let from =
            from.ok_or((Reason::RetainedWithoutTime, "its time is relative to when it was sent, which is not known"))?;
        Ok(Some(Timestamp::from_micros(from.micros().saturating_add(micros))))
    }

    fn end(&self) -> Result<(), Rejection> {
        if self.records == 0 { Err(reject(Reason::NoReadings, "an empty pack")) } else { Ok(()) }
    }
}

fn joined<'a>(base: &Cow<'a, str>, name: Cow<'a, str>) -> Cow<'a, str> {
    match (base.is_empty(), name.is_empty()) {
        (_, true) => base.clone(),
        (true, false) => name,
        (false, false) => Cow::Owned(format!("{base}{name}")),
    }
}

/// The thing and the quantity of a full name.
fn split(name: Cow<'_, str>) -> (Cow<'_, str>, Cow<'_, str>) {
    let at = match dev_urn(&name) {
        Some(length) if length == name.len() => return (name, Cow::Borrowed("")),
        Some(length) => Some(length),
        None => name.rfind([':', '/']),
    };
    let Some(at) = at else { return (Cow::Borrowed(""), name) };
    match name {
        Cow::Borrowed(name) => (Cow::Borrowed(&name[..at]), Cow::Borrowed(&name[at + 1..])),
        Cow::Owned(name) => (Cow::Owned(name[..at].to_owned()), Cow::Owned(name[at + 1..].to_owned())),
    }
}

/// The length of the device's own part of a DEV URN (RFC 9039 section 3): `urn:dev:{kind}:{identifier}`, up to the `:`,
/// `/` or `_` that begins a component. An `org`, `os` or `ops` identifier may itself hold `:`, so there only `_` and `/`
/// end it, and failing these the last `:`.
fn dev_urn(name: &str) -> Option<usize> {
    const PREFIX: &str = "urn:dev:";
    let rest =
        name.get(..PREFIX.len()).filter(|start| start.eq_ignore_ascii_case(PREFIX)).map(|_| &name[PREFIX.len()..])?;
    let (kind, identifier) = rest.split_once(':')?;
    let from = name.len() - identifier.len();
    let holds_colons = matches!(kind, "org" | "os" | "ops");
    let end = match identifier.find(['_', '/']) {
        Some(at) if holds_colons => Some(at),
        _ if holds_colons => identifier.rfind(':'),
        _ => identifier.find([':', '_', '/']),
    };
    Some(from + end.unwrap_or(identifier.len()))
}

#[cfg(test)]
mod tests;
