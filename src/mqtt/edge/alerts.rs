//! What Saola says over MQTT: alerts and new observations to whoever has subscribed, commands to stations.
//!
//! [`AlertTopics`], [`CommandTopics`] and [`ObservationTopics`] are the ends that others hold; behind them is one table
//! of subscribers and one of retained messages ([`Topics`]). Observations are of QoS 0: they wait beside the alerts, in
//! few places, and give way.

use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use rmqtt_codec::types::QoS;

pub(super) use super::topics::Topics;
use crate::model::Timestamp;

/// The topics of commands: `saola/v1/{station}/commands`.
pub(super) const COMMANDS: &str = "saola/v1/+/commands";
/// How they end; checked first, because it tells nearly every other topic apart.
pub(super) const COMMANDS_END: &str = "/commands";

/// The topics of new observations (OGC 18-088, clause 14.2): `v1.1/Datastreams('ID')/Observations`.
pub(super) const OBSERVATIONS: &str = "v1.1/+/Observations";

/// What becomes of a message for those who subscribe later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retain {
    /// It is kept as its topic's last word.
    Keep,
    /// Whatever was kept for its topic is forgotten; the payload (which may be empty) still goes to the subscribers.
    Clear,
    /// Nothing changes.
    No,
}

/// Why an alert was not published, or not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlertError {
    /// Not a topic name, or not an alert topic.
    #[error("{topic:?} is not a topic under {allowed}")]
    Topic {
        /// The topic given.
        topic: String,
        /// The configured filter.
        allowed: String,
    },
    /// Published to the subscribers, but not retained.
    #[error("{topic} was published and not retained: {limit} topics are")]
    RetainedFull {
        /// The topic given.
        topic: String,
        /// The configured limit.
        limit: usize,
    },
}

/// Why a command was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The station's name cannot stand in a topic.
    #[error("{0:?} cannot stand in a topic: devices of a station of this name get no commands")]
    Station(String),
    /// Nobody has subscribed, and it was not to be retained.
    #[error("no device has subscribed to {0}, and the command is not to be retained")]
    Nobody(String),
    /// Every subscriber's queue is full.
    #[error("{0} devices have subscribed and the queues of all are full")]
    Full(usize),
    /// Too many topics are retained.
    #[error("{limit} topics are retained already")]
    RetainedFull {
        /// The configured limit.
        limit: usize,
    },
    /// It could not be written to disk.
    #[error("MQTT sessions cannot be written to disk")]
    NotWritten,
}

/// The way out for alerts. Cheap to clone; never waits.
#[derive(Clone)]
pub struct AlertTopics(pub(super) Arc<Topics>);

impl AlertTopics {
    /// Publishes to everybody who has subscribed. Returns how many that are.
    pub fn publish(&self, topic: &str, payload: impl Into<Bytes>, retain: Retain) -> Result<usize, AlertError> {
        self.0.publish_alert(topic, payload.into(), retain)
    }

    /// How many topics are retained, those of commands included.
    pub fn retained(&self) -> usize {
        self.0.retained_count()
    }

    /// The retained alerts: topic and payload. They outlive a restart, so whoever publishes them compares.
    pub fn retained_alerts(&self) -> Vec<(String, Bytes)> {
        self.0.retained_alerts()
    }
}

/// A command that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentCommand {
    /// Where.
    pub topic: String,
    /// Devices that have subscribed and are connected.
    pub connected: usize,
    /// Devices that have subscribed and get it when they come back.
    pub waiting: usize,
    /// Devices that have subscribed and do not get it, because their queues are full.
    pub refused: usize,
}

/// The way out for commands. Cheap to clone.
#[derive(Clone)]
pub struct CommandTopics(pub(super) Arc<Topics>);

impl CommandTopics {
    /// Sends a command to the devices of a station; when this returns it is on disk for those that are away, and as
    /// the topic's last word when it is retained. It is not delivered any more from `expires_at` on.
    pub async fn send(
        &self,
        station: &str,
        payload: impl Into<Bytes>,
        retain: Retain,
        expires_at: Option<Timestamp>,
    ) -> Result<SentCommand, CommandError> {
        self.0.send_command(station, payload.into(), retain, expires_at).await
    }
}

/// The way out for new observations. Cheap to clone; never waits.
#[derive(Clone)]
pub struct ObservationTopics(pub(super) Arc<Topics>);

impl ObservationTopics {
    /// Whether anybody has subscribed.
    pub fn are_heard(&self) -> bool {
        self.0.observations_are_heard()
    }

    /// Publishes to everybody who has subscribed and is connected, with QoS 0. Returns how many that are. A topic that
    /// is none of [`OBSERVATIONS`] is nobody's.
    pub fn publish(&self, topic: &str, payload: impl Into<Bytes>) -> usize {
        self.0.publish_observation(topic, payload.into())
    }
}

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// Its successor says everything again.
    Alert,
    /// Said once.
    Command,
    /// What was measured: of no weight beside the others, and never kept.
    Observation,
}

/// A message as it is published.
#[derive(Debug)]
pub(super) struct AlertMessage {
    /// Unique among those that are kept on disk.
    pub no: i64,
    pub topic: ByteString,
    pub payload: Bytes,
    pub expires_at: Option<Timestamp>,
    pub nature: Nature,
}

impl AlertMessage {
    /// What it counts for against bounds.
    pub fn bytes(&self) -> usize {
        self.topic.len() + self.payload.len()
    }

    /// Whether it must not be delivered any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// A message on its way to one subscriber.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub alert: Arc<AlertMessage>,
    pub qos: QoS,
    pub retain: bool,
}

/// A message as it is written to a subscriber.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub delivery: Delivery,
    /// For QoS 1.
    pub packet_id: Option<NonZeroU16>,
    pub dup: bool,
    /// For how long it is still of use, in seconds.
    pub expires_in_s: Option<u32>,
}
