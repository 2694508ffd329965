//! Alerts as messages of the Common Alerting Protocol 1.2 (OASIS, 2010-07-01), and the Atom feed that lists them.
//!
//! Every transition of an alert is one message: `Alert` when it is raised, `Update` while it goes on, `Cancel` when it
//! is over or when a person says that there was nothing. `references` names the message before it and the first one, so
//! whoever missed some finds the chain. A message's identifier says alert, time, state and severity: the same transition
//! has the same one at every request, after every restart and replay.
//!
//! Invariants: a message's text depends on nothing that changes after its transition but names, places and advice;
//! every message is valid by the schema, whatever names hold (`xml` sees to that); times have whole seconds and an
//! offset, as the standard wants.
//!
//! **Mapping** (CAP 1.2, 3.2.2; the words of our five levels stand in a `parameter`, too):
//!
//! | severity | CAP severity | | state | urgency | certainty |
//! |---|---|---|---|---|---|
//! | low | Minor | | active | Immediate from high on, else Expected | Observed |
//! | medium | Moderate | | recovering, latched | Expected | Observed |
//! | high | Severe | | unknown (the data stopped) | Unknown | Unknown |
//! | very_high, catastrophic | Extreme | | cleared | Past | Observed |
//!
//! Certainty of what Saola computes (an index) is `Likely` instead of `Observed`.
//!
//! **Left out on purpose**: alerts on missing data and on our own equipment, and records of late data (no hazard), alerts that a known heat source
//! explains (nobody is told of them), `expires` (an alert holds until it is cancelled), signatures (the way is TLS's
//! affair), and messages that are older than what is kept of a time-line. Shelving silences our own people, not the
//! messages: what is measured stays true.

mod area;
mod config;
mod feed;
mod message;
mod words;
mod xml;

pub use area::{POINTS_MAX, Reach, outline};
pub use config::{Config, Status};
pub use feed::{Entry, Feed};
pub use message::{Kind, Message, alert_of, chain};
pub use words::category;

use crate::model::{Alert, LocalName, StationKind, Unit};

/// The XML namespace of CAP 1.2.
pub const NAMESPACE: &str = "urn:oasis:names:tc:emergency:cap:1.2";

/// What a message says beside its transition.
pub struct About<'a> {
    /// The alert.
    pub alert: &'a Alert,
    /// What its station is for; `None` when it is about a whole area.
    pub station_kind: Option<StationKind>,
    /// Unit of its values.
    pub unit: Unit,
    /// Whether Saola computes the property.
    pub is_derived: bool,
    /// What it is about: station and commune, or the area.
    pub place: LocalName,
    /// Where.
    pub reach: Reach,
    /// What to do, as its rule says.
    pub advice: Option<LocalName>,
    /// The law or the science behind its rule.
    pub source: Option<String>,
}

/// A message as XML.
pub fn write(message: &Message, about: &About<'_>, config: &Config) -> std::io::Result<Vec<u8>> {
    message::write(message, about, config)
}
