//! What a channel is called in InfluxDB.
//!
//! measurement = domain, tag `station`, one field per property, and beside it `PROPERTY_quality` with the flags; all
//! numbers are floats, because a field's type is fixed by whoever writes it first. River gauges are `water`; rain gauges
//! are `weather`, as rain is one of a weather station's properties; meters are `energy`, whatever they count.
//!
//! A name that line protocol cannot carry unchanged is refused, never mended: two stations must not become one.

use std::collections::HashSet;

use crate::model::{Catalogue, Channel, ChannelId, Station, StationKind};

/// Longest name taken, bytes: the registry's own names have at most 256.
const NAME_BYTES_MAX: usize = 256;
/// What is put behind a property's name for its flags.
const QUALITY: &str = "_quality";

/// Where a channel's samples are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The domain.
    pub measurement: &'static str,
    /// Value of the tag `station`.
    pub station: String,
    /// The field with the values.
    pub field: String,
    /// The field with the flags.
    pub quality: String,
}

/// Every channel's series, by number; or why it has none.
#[derive(Debug, Default)]
pub(super) struct Names {
    channels: Vec<Result<Series, &'static str>>,
}

impl Names {
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let name = |channel: &Channel| match catalogue.station(channel.station) {
            Some(station) => name(catalogue, station, channel),
            None => Err("its station is in no catalogue"),
        };
        Self { channels: catalogue.channels().iter().map(name).collect() }
    }

    pub(super) fn count(&self) -> usize {
        self.channels.len()
    }

    pub(super) fn series(&self, channel: ChannelId) -> Result<&Series, &'static str> {
        let found = self.channels.get(channel.index()).ok_or("the channel is in no catalogue")?;
        found.as_ref().map_err(|reason| *reason)
    }
}

/// The domain of a kind of station.
pub fn measurement(kind: StationKind) -> &'static str {
    match kind {
        StationKind::Traffic => "traffic",
        StationKind::Air => "air",
        StationKind::Weather | StationKind::Rain => "weather",
        StationKind::River => "water",
        StationKind::Forest => "forest",
        StationKind::Meter => "energy",
    }
}

fn name(catalogue: &Catalogue, station: &Station, channel: &Channel) -> Result<Series, &'static str> {
    let field = channel.property.as_str();
    let others: HashSet<&str> =
        station.channels.iter().filter_map(|id| catalogue.channel(*id)).map(|other| other.property.as_str()).collect();
    if field.strip_suffix(QUALITY).is_some_and(|stem| others.contains(stem)) {
        return Err("its property has the name of another property's flags");
    }
    Series::new(station.kind, station.id.as_str(), field)
}

impl Series {
    /// The series of a property at a station.
    ///
    /// # Errors
    /// What is wrong with a name that line protocol cannot carry.
    pub fn new(kind: StationKind, station: &str, property: &str) -> Result<Self, &'static str> {
        check_name(station)?;
        check_name(property)?;
        if property.contains('"') {
            // The readers of line protocol differ in whether a text begins there.
            return Err("its property has a quotation mark");
        }
        if property == "time" || property.starts_with('_') {
            return Err("its property has a name that InfluxDB keeps for itself");
        }
        let quality = format!("{property}{QUALITY}");
        Ok(Self { measurement: measurement(kind), station: station.to_owned(), field: property.to_owned(), quality })
    }
}

/// Refuses what would not come back as it was written.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("a name is empty");
    }
    if name.len() > NAME_BYTES_MAX {
        return Err("a name has more than 256 bytes");
    }
    if name.chars().any(char::is_control) {
        return Err("a name has a control letter");
    }
    if name.contains('\\') {
        // InfluxDB reads a backslash by what follows it, and cannot be told to take it as it is.
        return Err("a name has a backslash");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(station: &str, property: &str, expected: Result<(), &str>) {
        let found = Series::new(StationKind::Air, station, property);
        assert_eq!(found.map(|_| ()), expected, "{station:?} {property:?}");
    }

    #[test]
    fn names_that_would_not_come_back_are_refused() {
        check("QL4D-01", "pm2_5", Ok(()));
        check("đồi 1, =x\"$", "a b,c=d", Ok(()));
        check("a", "b\"c", Err("its property has a quotation mark"));
        check("", "a", Err("a name is empty"));
        check("a\nb", "a", Err("a name has a control letter"));
        check("a\\", "a", Err("a name has a backslash"));
        check("a", "time", Err("its property has a name that InfluxDB keeps for itself"));
        check("a", "_value", Err("its property has a name that InfluxDB keeps for itself"));
        check(&"x".repeat(257), "a", Err("a name has more than 256 bytes"));
    }
}
