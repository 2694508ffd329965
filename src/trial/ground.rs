//! A test's own small world: stations of the registry as they are, invented ones for the others.

use std::collections::BTreeMap;
use std::time::Duration;

use super::inputs;
use crate::alerts::rules::Rule;
use crate::model::{
    AreaId, Catalogue, Channel, ChannelId, LinkClass, LocalName, Position, Property, Range, Station, StationId,
    StationKind, StationNo, Unit,
};
use crate::registry::PropertyDefaults;

/// The name of a station that neither the test nor its rule names.
const NAMELESS: &str = "TRIAL";
/// Invented stations stand in the town of Lai Châu.
const POSITION: Position = Position { lon: 103.4690, lat: 22.3790 };
/// Invented channels take any value; one of a property that is never negative, any from zero on.
const VALUE_MAX: f64 = 1e12;

/// What a test says of its stations.
pub(super) struct Ground<'c> {
    registered: &'c Catalogue,
    /// Where a series without a station belongs.
    pub station: String,
    pub kind: StationKind,
    pub area: Option<AreaId>,
    /// By station.
    pub areas: BTreeMap<String, String>,
    pub link: LinkClass,
    pub interval: Duration,
    /// By property.
    pub units: BTreeMap<String, Unit>,
    /// What the rule's thresholds are in, by property.
    rule_units: Vec<(Property, Unit)>,
    /// Property names by station's name, in the order of the test.
    channels: BTreeMap<String, Vec<String>>,
}

impl<'c> Ground<'c> {
    /// What is taken when the test says nothing: what fits the rule.
    pub(super) fn new(registered: &'c Catalogue, rule: Option<&Rule>, interval: Duration) -> Ground<'c> {
        let scope = rule.map(|rule| &rule.scope);
        let station = scope.and_then(|scope| scope.stations.first()).map_or(NAMELESS, StationId::as_str);
        Ground {
            registered,
            station: station.to_owned(),
            kind: scope.and_then(|scope| scope.kinds.first()).copied().unwrap_or(StationKind::Weather),
            area: scope.and_then(|scope| scope.areas.first()).cloned(),
            areas: BTreeMap::new(),
            link: LinkClass::Wired,
            interval,
            units: BTreeMap::new(),
            rule_units: rule.map(inputs::units).unwrap_or_default(),
            channels: BTreeMap::new(),
        }
    }

    /// The same, with the channels of these series.
    pub(super) fn with<'n>(mut self, series: impl Iterator<Item = &'n str>) -> Ground<'c> {
        for name in series {
            let (station, property) = self.place(name);
            let (station, property) = (station.to_owned(), property.to_owned());
            self.channels.entry(station).or_default().push(property);
        }
        self
    }

    /// Station and property of a series' name.
    pub(super) fn place<'n>(&'n self, name: &'n str) -> (&'n str, &'n str) {
        name.rsplit_once('/').unwrap_or((&self.station, name))
    }

    /// The stations as a catalogue of their own, with every area of the registry.
    pub(super) fn catalogue(&self) -> Result<Catalogue, String> {
        let (mut stations, mut channels) = (Vec::new(), Vec::<Channel>::new());
        for ((name, properties), no) in self.channels.iter().zip(0u32..) {
            let registered = self.registered.station_named(name);
            let no = StationNo(no);
            let first = channels.len() as u32;
            for (property, id) in properties.iter().zip(first..) {
                let known = registered.and_then(|station| self.registered.channel_of(station, property));
                let channel = known.cloned().unwrap_or_else(|| self.channel(property));
                channels.push(Channel { id: ChannelId(id), station: no, retired: false, ..channel });
            }
            let station = registered.cloned().unwrap_or_else(|| self.station(name));
            stations.push(Station {
                no,
                maintenance: false,
                retired: false,
                channels: (first..channels.len() as u32).map(ChannelId).collect(),
                ..station
            });
        }
        let areas = self.registered.areas().to_vec();
        Catalogue::new(vec!["trial".to_owned()], areas, stations, channels).map_err(|error| error.to_string())
    }

    fn station(&self, name: &str) -> Station {
        Station {
            no: StationNo(0),
            id: StationId::new(name),
            kind: self.kind,
            name: LocalName { vi: name.to_owned(), en: name.to_owned() },
            position: POSITION,
            area: self.areas.get(name).map(|code| code.as_str().into()).or_else(|| self.area.clone()),
            maintenance: false,
            retired: false,
            channels: Vec::new(),
        }
    }

    fn channel(&self, property: &str) -> Channel {
        let of_rule = self.rule_units.iter().find(|(known, _)| known.as_str() == property).map(|(_, unit)| *unit);
        let registered = || {
            let mut channels = self.registered.channels().iter();
            channels.find(|channel| channel.property.as_str() == property).map(|channel| channel.unit)
        };
        let known = || PropertyDefaults::of(property).map(|defaults| defaults.unit);
        let unit = self.units.get(property).copied().or(of_rule).or_else(registered).or_else(known);
        let is_positive = PropertyDefaults::of(property).is_some_and(|known| known.plausible.min >= 0.0);
        Channel {
            id: ChannelId(0),
            station: StationNo(0),
            property: Property::new(property),
            unit: unit.unwrap_or(Unit::One),
            interval: self.interval,
            plausible: Range { min: if is_positive { 0.0 } else { -VALUE_MAX }, max: VALUE_MAX },
            link: self.link,
            retired: false,
        }
    }
}
