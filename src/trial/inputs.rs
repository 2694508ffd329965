//! What a rule looks at: which channels, how far back, and in which unit.

use std::time::Duration;

use crate::alerts::Rule;
use crate::alerts::rules::{Condition, Of, Part};
use crate::model::{Catalogue, Channel, Freshness, Property, Station, StationId, Unit, fresh_for};

/// The most history that is read before the range.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// History that N of the last M samples are looked for in, at least.
const TIMES_BACK: Duration = Duration::from_secs(86_400);

/// Whether a rule reads a channel: one that it watches, or the other one of a difference.
pub(super) fn reads(rule: &Rule, catalogue: &Catalogue, station: &Station, channel: &Channel) -> bool {
    let is_named = properties(rule).any(|property| *property == channel.property);
    let is_other = ofs(rule).filter_map(other).any(|id| *id == station.id);
    let lead = Channel { property: rule.property.clone(), ..channel.clone() };
    is_named && !channel.retired && (is_other || rule.covers(catalogue, station, &lead))
}

/// How much history a rule needs before it judges as if it had always been in force, on these channels: the newest
/// values must be there that are not silent yet, and as many samples as it counts back.
pub(super) fn looks_back<'c>(rule: &Rule, channels: impl Iterator<Item = &'c Channel>) -> Duration {
    let (mut interval, mut silent) = (Duration::ZERO, Duration::ZERO);
    for channel in channels {
        interval = interval.max(channel.interval);
        silent = silent.max(fresh_for(channel, Freshness::Stale).unwrap_or_default());
    }
    let window = ofs(rule).map(|of| match of {
        Of::Window { over, .. } | Of::Rate { over, .. } => *over,
        Of::Sample | Of::Difference { .. } => Duration::ZERO,
    });
    let times = match &rule.condition {
        Condition::Levels { times: Some(times), .. } => interval.saturating_mul(times.of).max(TIMES_BACK),
        _ => Duration::ZERO,
    };
    let flapping = rule.flapping.map_or(Duration::ZERO, |flapping| flapping.within);
    let waits = (rule.hold + rule.clear_for).max(flapping);
    let back = window.max().unwrap_or_default().max(times);
    back.saturating_add(waits).saturating_add(silent).min(LONGEST)
}

/// The units of its thresholds by property, where it names one.
pub(super) fn units(rule: &Rule) -> Vec<(Property, Unit)> {
    let own = rule.unit.map(|unit| (rule.property.clone(), unit));
    let of_parts = parts(rule).iter().filter_map(|part| Some((part.property.clone(), part.unit?)));
    own.into_iter().chain(of_parts).collect()
}

fn parts(rule: &Rule) -> &[Part] {
    match &rule.condition {
        Condition::Joined { parts, .. } => parts,
        Condition::Count { part, .. } => std::slice::from_ref(part),
        Condition::Levels { .. } | Condition::Absence { .. } => &[],
    }
}

fn properties(rule: &Rule) -> impl Iterator<Item = &Property> {
    std::iter::once(&rule.property).chain(parts(rule).iter().map(|part| &part.property))
}

fn ofs(rule: &Rule) -> impl Iterator<Item = &Of> {
    std::iter::once(rule.condition.of()).chain(parts(rule).iter().map(|part| &part.of))
}

fn other(of: &Of) -> Option<&StationId> {
    match of {
        Of::Difference { to } => Some(to),
        Of::Sample | Of::Window { .. } | Of::Rate { .. } => None,
    }
}
