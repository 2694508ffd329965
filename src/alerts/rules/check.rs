//! What only the channels in force can tell of a rule: units that cannot be converted, windows that hold too much or too
//! little, and patience shorter than an interval.

use super::Rule;
use super::condition::{Condition, Of};
use super::read_condition::Known;
use crate::alerts::window::SAMPLES_MAX;
use crate::document::Section;
use crate::model::{Catalogue, Channel, Freshness, Property, Span, Station, Unit, fresh_for};

/// Intervals that a window for a rate must hold: with fewer, one that comes a second late leaves nothing to compare.
const RATE_INTERVALS_MIN: u32 = 2;

/// Notes what does not fit the channels that a condition, or a part of it, would watch: the first of each sort.
pub(super) fn channels(section: &Section<'_, '_>, known: &Known<'_>, property: &Property, of: &Of, unit: Option<Unit>) {
    let Some(scope) = known.scope else { return };
    let covered = known.catalogue.stations().iter().filter(|station| scope.takes(known.catalogue, station));
    let found = |station| Some((station, known.catalogue.channel_of(station, property.as_str())?));
    for (station, channel) in covered.filter_map(found) {
        let mistake = unit_mistake(station, channel, unit)
            .or_else(|| window_mistake(station, channel, of).map(|message| ("of", message)));
        if let Some((key, message)) = mistake {
            section.mistake(key, message);
            return;
        }
    }
}

fn unit_mistake(station: &Station, channel: &Channel, unit: Option<Unit>) -> Option<(&'static str, String)> {
    let unit = unit.filter(|unit| unit.convert(0.0, channel.unit).is_none())?;
    let (from, to) = (unit.code(), channel.unit.code());
    Some(("unit", format!("{from} cannot be converted to {to}, the unit of {}/{}", station.id, channel.property)))
}

fn window_mistake(station: &Station, channel: &Channel, of: &Of) -> Option<String> {
    let over = of.span()?;
    let name = format!("{}/{}", station.id, channel.property);
    let interval = channel.interval.max(std::time::Duration::from_micros(1));
    if over.as_micros() / interval.as_micros() > SAMPLES_MAX as u128 {
        return Some(format!("{} holds more than {SAMPLES_MAX} samples of {name}", Span::from(over)));
    }
    if matches!(of, Of::Rate { .. }) && over < interval * RATE_INTERVALS_MIN {
        let least = Span::from(interval * RATE_INTERVALS_MIN);
        return Some(format!("{} is shorter than two intervals of {name}: {least}", Span::from(over)));
    }
    None
}

/// Notes patience that is shorter than a channel may take.
pub(super) fn patience(section: &Section<'_, '_>, rule: &Rule, catalogue: &Catalogue) {
    let patience = match rule.condition {
        Condition::Absence { after, .. } => Some(after),
        Condition::Levels { .. } | Condition::Joined { .. } | Condition::Count { .. } => rule.condition.unknown_after(),
    };
    let Some(patience) = patience else { return };
    for station in catalogue.stations().iter().filter(|station| rule.scope.takes(catalogue, station)) {
        let Some(channel) = catalogue.channel_of(station, rule.property.as_str()) else { continue };
        let usual = fresh_for(channel, Freshness::Live);
        if let Some(usual) = usual.filter(|usual| patience < *usual) {
            let name = format!("{}/{}", station.id, channel.property);
            let message = format!("{} is shorter than {name} may take: {}", Span::from(patience), Span::from(usual));
            section.mistake("absence", message);
            return;
        }
    }
}
