//! What every decoder of a declared source does at its edges: the bounds on a payload, and the bounds and the checks
//! on what goes into [`Heard`]. Invariant: an error leaves [`Heard`] as it was.

use std::borrow::Cow;

use super::observed::{Event, Heard, Observed, Worded};
use super::{Limits, reject};
use crate::model::{Reason, Rejection, Status, Timestamp};

/// Longest name of a device or a quantity, and longest unit. Joined names (base names, nested keys) could otherwise
/// multiply a payload's size by its number of values.
pub(super) const NAME_BYTES_MAX: usize = 256;

/// The payload's size is within bounds.
pub(super) fn bounded(payload: &[u8], limits: &Limits) -> Result<(), Rejection> {
    if payload.is_empty() {
        return Err(reject(Reason::EmptyPayload, "the message has no bytes"));
    }
    if payload.len() > limits.payload_bytes_max {
        let detail = format!("{} bytes, at most {} are taken", payload.len(), limits.payload_bytes_max);
        return Err(reject(Reason::PayloadTooLarge, detail));
    }
    Ok(())
}

/// The payload as a text within bounds.
pub(super) fn text<'a>(payload: &'a [u8], limits: &Limits) -> Result<&'a str, Rejection> {
    bounded(payload, limits)?;
    std::str::from_utf8(payload)
        .map_err(|error| reject(Reason::InvalidUtf8, format!("not UTF-8 from byte {}", error.valid_up_to())))
}

/// Fills `out` through a [`Sink`]; on an error nothing of the message stays in it.
pub(super) fn fill<'a>(
    out: &mut Heard<'a>,
    limits: &Limits,
    decode: impl FnOnce(&mut Sink<'_, 'a>) -> Result<(), Rejection>,
) -> Result<(), Rejection> {
    let (observed, worded, rejections, events) =
        (out.observed.len(), out.worded.len(), out.rejections.len(), out.events.len());
    let parts_max = (observed + worded + rejections).saturating_add(limits.readings_max);
    let result = decode(&mut Sink { out, parts_max, readings_max: limits.readings_max });
    if result.is_err() {
        out.observed.truncate(observed);
        out.worded.truncate(worded);
        out.rejections.truncate(rejections);
        out.events.truncate(events);
    }
    result
}

/// Takes values, refusals and events of one message, at most [`Limits::readings_max`] values and refusals.
pub(super) struct Sink<'o, 'a> {
    out: &'o mut Heard<'a>,
    parts_max: usize,
    readings_max: usize,
}

impl<'a> Sink<'_, 'a> {
    /// A value of a device that is measuring.
    #[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
    pub(super) fn observe(
        &mut self,
        device: &Cow<'a, str>,
        name: Cow<'a, str>,
        unit: Option<Cow<'a, str>>,
        time: Option<Timestamp>,
        value: f64,
    ) -> Result<(), Rejection> {
        if device.len() > NAME_BYTES_MAX {
            return self.refuse(
                Reason::WrongShape,
                format!("{name}: its device's name is longer than {NAME_BYTES_MAX} bytes"),
            );
        }
        let (device, status, place) = (device.clone(), Status::Measuring, None);
        self.take(Observed { device, name, unit, time, value, status, place })
    }

    /// A value. One that is not finite is refused by itself, and so is one whose names are too long.
    pub(super) fn take(&mut self, observed: Observed<'a>) -> Result<(), Rejection> {
        let unit_bytes = observed.unit.as_ref().map_or(0, |unit| unit.len());
        if observed.device.len().max(observed.name.len()).max(unit_bytes) > NAME_BYTES_MAX {
            let detail = format!("names and units have at most {NAME_BYTES_MAX} bytes");
            return self.refuse(Reason::WrongShape, detail);
        }
        if !observed.value.is_finite() {
            return self.refuse(Reason::NotFinite, format!("{}: not a number that a double can hold", observed.name));
        }
        self.out.observed.push(observed);
        self.within_bounds()
    }

    /// A text in the place of a value: the mapping may have a number for it.
    #[expect(clippy::ptr_arg, reason = "a borrowed name is cloned without a copy")]
    pub(super) fn word(
        &mut self,
        device: &Cow<'a, str>,
        name: Cow<'a, str>,
        time: Option<Timestamp>,
        word: Cow<'a, str>,
    ) -> Result<(), Rejection> {
        if device.len().max(name.len()).max(word.len()) > NAME_BYTES_MAX {
            return self.refuse(Reason::NotAQuantity, format!("{name}: a text of more than {NAME_BYTES_MAX} bytes"));
        }
        self.out.worded.push(Worded { device: device.clone(), name, time, word });
        self.within_bounds()
    }

    /// A part that is not taken.
    pub(super) fn refuse(&mut self, reason: Reason, detail: impl Into<String>) -> Result<(), Rejection> {
        self.out.rejections.push(reject(reason, detail));
        self.within_bounds()
    }

    /// Something about a device. At most one for each thing in the message, so bounded by the payload.
    pub(super) fn event(&mut self, event: Event<'a>) {
        self.out.events.push(event);
    }

    /// Says where the device is, for the values from number `from` on.
    pub(super) fn place_from(&mut self, from: usize, place: (f64, f64)) {
        let (lon, lat) = place;
        if (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat) {
            self.out.observed[from..].iter_mut().for_each(|observed| observed.place = Some(place));
        }
    }

    /// How many values were taken so far.
    pub(super) fn count(&self) -> usize {
        self.out.observed.len()
    }

    /// Whether nothing at all came of the message so far, `out` having been empty.
    pub(super) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The values taken from number `from` on.
    pub(super) fn observed_from(&self, from: usize) -> &[Observed<'a>] {
        &self.out.observed[from..]
    }

    fn within_bounds(&self) -> Result<(), Rejection> {
        if self.out.observed.len() + self.out.worded.len() + self.out.rejections.len() > self.parts_max {
            return Err(reject(Reason::TooManyReadings, format!("more than {} readings", self.readings_max)));
        }
        Ok(())
    }
}
