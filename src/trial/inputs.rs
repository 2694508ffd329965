//! What a rule looks at: which channels, and how far back.

use std::time::Duration;

use crate::alerts::Rule;
use crate::model::{Catalogue, Channel, Station};

/// Whether a rule reads a channel.
pub(super) fn reads(rule: &Rule, catalogue: &Catalogue, station: &Station, channel: &Channel) -> bool {
    rule.covers(catalogue, station, channel)
}

/// How much history a rule needs before it judges as if it had always been in force.
pub(super) fn looks_back(rule: &Rule) -> Duration {
    rule.hold + rule.clear_for
}
