//! What the decoders of declared sources give back: values in the sender's words, before the source's mapping has
//! named their station, property and unit.
//!
//! A decoder never knows the mapping: the same Tasmota message means other things to two provinces. Invariants: every
//! value is finite; an error leaves nothing of the message in [`Heard`].

use std::borrow::Cow;

use crate::model::{Rejection, Status, Timestamp};

/// One value in the sender's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed<'a> {
    /// The sender's name of the thing; empty when the message does not say it (the topic may).
    pub device: Cow<'a, str>,
    /// The sender's name of the quantity.
    pub name: Cow<'a, str>,
    /// The sender's unit as it is written, when the message says one.
    pub unit: Option<Cow<'a, str>>,
    /// Phenomenon time; `None` when the message had none.
    pub time: Option<Timestamp>,
    /// Finite.
    pub value: f64,
    /// The device's own state.
    pub status: Status,
    /// Longitude and latitude in degrees (WGS 84), when the message says where the device is.
    pub place: Option<(f64, f64)>,
}

/// A text where a number is usual (`ON`, `OPEN`, `n/a`): the mapping may have a number for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worded<'a> {
    /// As [`Observed::device`].
    pub device: Cow<'a, str>,
    /// As [`Observed::name`].
    pub name: Cow<'a, str>,
    /// As [`Observed::time`].
    pub time: Option<Timestamp>,
    /// The text.
    pub word: Cow<'a, str>,
}

/// What a message says of a device or of a session rather than of a quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A device came into service, or came back.
    Joined {
        /// The sender's name of it.
        device: Cow<'a, str>,
    },
    /// A device's death certificate: nothing comes from it until it joins again.
    Silent {
        /// The sender's name of it.
        device: Cow<'a, str>,
    },
    /// What was said cannot be understood without a birth certificate: it must be asked for.
    Rebirth {
        /// The node to ask.
        node: Cow<'a, str>,
    },
    /// Sequence numbers were skipped: messages are missing.
    Gap {
        /// The sender's name of the device.
        device: Cow<'a, str>,
        /// How many.
        missed: u64,
    },
    /// The same message by another path: its values are not given again.
    Repeated {
        /// The sender's name of the device.
        device: Cow<'a, str>,
        /// What the sender calls both by.
        key: Cow<'a, str>,
    },
}

impl<'a> Event<'a> {
    /// The sender's name of whom it is about.
    pub fn device(&self) -> &Cow<'a, str> {
        match self {
            Event::Joined { device }
            | Event::Silent { device }
            | Event::Gap { device, .. }
            | Event::Repeated { device, .. } => device,
            Event::Rebirth { node } => node,
        }
    }
}

/// What a message held.
#[derive(Debug, Default, PartialEq)]
pub struct Heard<'a> {
    /// Values, in the order of the message.
    pub observed: Vec<Observed<'a>>,
    /// Texts in the places of values.
    pub worded: Vec<Worded<'a>>,
    /// Parts that were refused while the rest was taken.
    pub rejections: Vec<Rejection>,
    /// What was said of the devices themselves.
    pub events: Vec<Event<'a>>,
}

impl Heard<'_> {
    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.observed.clear();
        self.worded.clear();
        self.rejections.clear();
        self.events.clear();
    }

    /// Whether the message said nothing at all.
    pub fn is_empty(&self) -> bool {
        self.observed.is_empty() && self.worded.is_empty() && self.rejections.is_empty() && self.events.is_empty()
    }
}
