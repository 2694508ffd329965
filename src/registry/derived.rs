//! Channels that follow from others: what the province's `indices.toml` makes of a station's declaration, and of the
//! catalogue which channel follows from which.
//!
//! They are channels like any other, with a number for ever. Which of them are derived is said by the configuration in
//! force, whoever declares them: a station that measures such a property itself is named under `except` there.

use super::station_file::{ChannelDeclaration, StationDeclaration};
use crate::indices::config::{Config, DerivedChannel, Input};
use crate::model::{Catalogue, Channel, ChannelId, Derived, Station};

fn declaration(derived: &DerivedChannel) -> ChannelDeclaration {
    ChannelDeclaration {
        property: derived.property.clone(),
        unit: derived.unit,
        interval: derived.interval,
        plausible: derived.plausible,
        link: derived.link,
    }
}

fn input(channel: &ChannelDeclaration) -> Input {
    let (property, unit) = (channel.property.clone(), channel.unit);
    Input { property, unit, interval: channel.interval, link: channel.link }
}

/// Adds the channels that follow from what a station observes; gives the names of those that it declares itself.
pub(super) fn extend(station: &mut StationDeclaration, config: &Config) -> Vec<String> {
    let observed: Vec<Input> = station.channels.iter().map(input).collect();
    let mut declared = Vec::new();
    for derived in config.outputs().of(&station.id, station.kind, &observed) {
        if station.channels.iter().any(|channel| channel.property == derived.property) {
            declared.push(derived.property.to_string());
        } else {
            station.channels.push(declaration(&derived));
        }
    }
    declared
}

/// The channels in service of a station as they would be declared, and those that are to follow from them.
pub(super) fn wanted(catalogue: &Catalogue, station: &Station, config: &Config) -> Vec<ChannelDeclaration> {
    let observed: Vec<Input> = in_service(catalogue, station).map(input_of).collect();
    config.outputs().of(&station.id, station.kind, &observed).iter().map(declaration).collect()
}

fn in_service<'c>(catalogue: &'c Catalogue, station: &'c Station) -> impl Iterator<Item = &'c Channel> {
    station.channels.iter().filter_map(|id| catalogue.channel(*id)).filter(|channel| !channel.retired)
}

fn input_of(channel: &Channel) -> Input {
    let (property, unit) = (channel.property.clone(), channel.unit);
    Input { property, unit, interval: channel.interval, link: channel.link }
}

/// Which channels in service follow from which.
pub(super) fn links(catalogue: &Catalogue, config: &Config) -> Vec<Derived> {
    let mut links = Vec::new();
    for station in catalogue.stations().iter().filter(|station| !station.retired) {
        let observed: Vec<Input> = in_service(catalogue, station).map(input_of).collect();
        for derived in config.outputs().of(&station.id, station.kind, &observed) {
            let of = |property: &str| catalogue.channel_of(station, property).filter(|channel| !channel.retired);
            let from: Vec<ChannelId> =
                derived.from.iter().filter_map(|property| of(property.as_str())).map(|channel| channel.id).collect();
            links.extend(of(derived.property.as_str()).map(|channel| Derived { channel: channel.id, from }));
        }
    }
    links
}
