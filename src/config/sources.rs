//! Declared sources beside the rest: names and ways in that there are, topics that are not in each other's way, and
//! properties, units and stations that the province has.

use std::collections::HashMap;

use super::files::resolved;
use super::relations::{DERIVED_SOURCE, EDGE_SOURCE, is_source_name};
use super::{Config, Findings};
use crate::decode::source;
use crate::decode::source::config::{FILES, HTTP};
use crate::model::{Catalogue, Channel};
use crate::mqtt::{client, topic};

/// Ways in that are no brokers.
pub(super) const WAYS_IN: [&str; 3] = [EDGE_SOURCE, HTTP, FILES];
/// What the native form keeps for itself.
const NATIVE: &str = "saola/v1/#";

/// A broker with what is asked of it: without topics of its own, those of the sources that read from it.
pub fn with_topics(client: &client::Config, sources: &[source::Config]) -> client::Config {
    let mut client = client.clone();
    if client.topics.is_empty() {
        let own = sources.iter().filter(|source| source.from.contains(&client.name));
        for filter in own.filter_map(source::filter) {
            if !client.topics.contains(&filter) {
                client.topics.push(filter);
            }
        }
    }
    client
}

/// Every mistake as key and sentence.
pub(super) fn mistakes(config: &Config) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut names: HashMap<&str, usize> = HashMap::new();
    for (place, source) in config.sources.iter().enumerate() {
        let mut note = |key: &str, message: String| found.push((format!("source[{place}].{key}"), message));
        if !is_source_name(&source.name) {
            note("name", "must have 1 to 64 letters, digits, - or _".to_owned());
        } else if WAYS_IN.contains(&source.name.as_str())
            || source.name == DERIVED_SOURCE
            || config.mqtt.clients.iter().any(|client| client.name == source.name)
        {
            note("name", format!("{} is the name of a way in", source.name));
        } else if let Some(first) = names.insert(&source.name, place) {
            note("name", format!("{} is source[{first}] already", source.name));
        }
        if source.from.is_empty() {
            note("from", format!("must name a way in: {} or the name of a broker", WAYS_IN.join(", ")));
        }
        for (at, way) in source.from.iter().enumerate() {
            let is_known =
                WAYS_IN.contains(&way.as_str()) || config.mqtt.clients.iter().any(|client| client.name == *way);
            if !is_known {
                let message = format!("{way:?} is neither {} nor the name of a broker", WAYS_IN.join(", "));
                note(&format!("from[{at}]"), message);
            }
        }
        own_ways_in(source, &mut note);
        let inside = |one: &source::Config, other: &source::Config| {
            one.folder
                .as_ref()
                .zip(other.folder.as_ref())
                .is_some_and(|(one, other)| resolved(one).starts_with(resolved(other)))
        };
        let mut earlier = config.sources[..place].iter();
        if let Some(other) = earlier.find(|other| inside(source, other) || inside(other, source)) {
            note(
                "folder",
                format!("is watched by {} already, or one inside the other: a file would be read twice", other.name),
            );
        }
        source::mistakes(source).into_iter().for_each(|(key, message)| note(&key, message));
        if let Some(filter) = source::filter(source) {
            if topic::covers(NATIVE, &filter) {
                note("topic", "lies below saola/v1/, where the native form holds".to_owned());
            } else if let Some(hidden) = hidden_behind(&config.sources[..place], source, &filter) {
                note("topic", format!("nothing is left for it: {hidden}, which stands before it, takes all of it"));
            }
        }
    }
    found
}

/// The ways in that are the source's own: they need to be said where they are.
fn own_ways_in(source: &source::Config, note: &mut impl FnMut(&str, String)) {
    let comes_by = |way: &str| source.from.iter().any(|named| named == way);
    match &source.folder {
        None if comes_by(FILES) => note("folder", "is missing: where the files are dropped".to_owned()),
        Some(_) if !comes_by(FILES) => note("folder", format!("is for sources whose from has {FILES:?}")),
        Some(folder) if folder.as_os_str().is_empty() => note("folder", "must name a folder".to_owned()),
        _ => {}
    }
    let is_hash = |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match &source.token_sha256 {
        None if comes_by(HTTP) => {
            note("token_sha256", "is missing: `saola token source` makes a token and prints its hash".to_owned());
        }
        Some(_) if !comes_by(HTTP) => note("token_sha256", format!("is for sources whose from has {HTTP:?}")),
        Some(hash) if !is_hash(hash) => {
            note("token_sha256", "must be the SHA-256 of the token, 64 hexadecimal digits".to_owned());
        }
        _ => {}
    }
}

/// An earlier source that takes everything of a later one. Files and requests find their own source.
fn hidden_behind<'c>(before: &'c [source::Config], later: &source::Config, filter: &str) -> Option<&'c str> {
    let takes_all = |earlier: &&source::Config| {
        later.from.iter().all(|way| earlier.from.contains(way) && way != HTTP && way != FILES)
            && source::filter(earlier).is_some_and(|outer| topic::covers(&outer, filter))
    };
    before.iter().find(takes_all).map(|earlier| earlier.name.as_str())
}

/// What is allowed, but probably not meant.
pub(super) fn warnings(config: &Config) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (place, source) in config.sources.iter().enumerate() {
        let Some(filter) = source::filter(source) else { continue };
        let key = format!("source[{place}].topic");
        for earlier in &config.sources[..place] {
            let shares = |way: &&String| earlier.from.contains(way) && *way != HTTP && *way != FILES;
            let shares_way_in = source.from.iter().any(|way| shares(&way));
            let Some(other) = source::filter(earlier).filter(|_| shares_way_in) else { continue };
            let is_in_order = topic::covers(&filter, &other) && filter != other;
            if topic::overlaps(&filter, &other) && !is_in_order {
                let message = format!("some topics are of {} too, which stands before it and takes them", earlier.name);
                found.push((key.clone(), message));
            }
        }
        for client in config.mqtt.clients.iter().filter(|client| source.from.contains(&client.name)) {
            let is_asked_for = client.topics.iter().any(|asked| topic::overlaps(asked, &filter));
            if !client.topics.is_empty() && !is_asked_for {
                found.push((key.clone(), format!("{} is not asked for {filter}: see its topics", client.name)));
            }
        }
    }
    found
}

/// What the sources say of properties, units and stations that the province does not have.
pub(super) fn beside(sources: &[source::Config], catalogue: &Catalogue) -> Findings {
    let mut found = Findings::default();
    if catalogue.channels().is_empty() {
        return found;
    }
    let mut by_property: HashMap<&str, Vec<&Channel>> = HashMap::new();
    for channel in catalogue.channels() {
        by_property.entry(channel.property.as_str()).or_default().push(channel);
    }
    for (place, source) in sources.iter().enumerate() {
        for (name, named) in &source.names {
            let key = |key: &str| format!("source[{place}].names.{name}.{key}");
            let Some(channels) = by_property.get(named.property.as_str()) else {
                // A station made over HTTP may have it: the registry is not looked at here.
                let message = format!("no station in the province's files has a channel {:?}", named.property);
                found.warnings.push((key("property"), message));
                continue;
            };
            let Some(unit) = named.unit else { continue };
            if channels.iter().all(|channel| unit.convert(1.0, channel.unit).is_none()) {
                let kept = channels.first().map_or("", |channel| channel.unit.code());
                let message = format!("{} cannot be converted: {} is kept in {kept}", unit.code(), named.property);
                found.mistakes.push((key("unit"), message));
            }
        }
        let constant = (!source.station.contains('{')).then_some(("station".to_owned(), source.station.as_str()));
        let listed = source.stations.iter().map(|(device, station)| (format!("stations.{device}"), station.as_str()));
        let constant = constant.filter(|_| source.stations.is_empty());
        for (key, station) in constant.into_iter().chain(listed) {
            if catalogue.station_named(station).is_none() {
                let message = format!("no file of the province declares a station {station:?}");
                found.warnings.push((format!("source[{place}].{key}"), message));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_asked_for_the_topics_of_their_sources() {
        let source = |name: &str, from: &str, topic: &str| {
            let text = format!("name = '{name}'\nfrom = ['{from}']\ntopic = '{topic}'\ndecoder = 'json'\n");
            toml::from_str::<source::Config>(&text).unwrap()
        };
        let sources = [
            source("a", "broker", "tele/{device}/SENSOR"),
            source("b", "edge", "x/{device}"),
            source("c", "broker", "zigbee2mqtt/{device#}"),
        ];
        let client = client::Config::default();
        assert_eq!(with_topics(&client, &sources).topics, ["tele/+/SENSOR", "zigbee2mqtt/#"]);
        assert!(with_topics(&client, &[]).topics.is_empty(), "the client falls back to the native ones");
        let own = client::Config { topics: vec!["mine/#".to_owned()], ..client };
        assert_eq!(with_topics(&own, &sources).topics, ["mine/#"]);
    }
}
