//! Channels whose values Saola computes from those of others, and such values.

use serde::{Deserialize, Serialize};

use super::{ChannelId, Quality, TimeClass, Timestamp};

/// A channel whose values Saola computes from those of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derived {
    /// The channel.
    pub channel: ChannelId,
    /// What it is computed from.
    pub from: Vec<ChannelId>,
}

/// A value of a derived channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DerivedValue {
    /// The channel.
    pub channel: ChannelId,
    /// What it is of: the end of its hour, the time of its inputs.
    pub at: Timestamp,
    /// In the channel's unit; finite.
    pub value: f64,
    /// Good, or what its inputs leave of it.
    pub quality: Quality,
    /// The best that it can be: what late inputs made dispatches nobody, however young it is.
    pub class: TimeClass,
}
