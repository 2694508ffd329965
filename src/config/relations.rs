//! What can only be judged when values are looked at together, and what each part says of its own section.

use std::collections::HashMap;

use tracing_subscriber::EnvFilter;

use super::{Config, sources};
use crate::mqtt::{client, topic};

/// The name of the embedded edge in the ledger; no broker may have it too.
pub(super) const EDGE_SOURCE: &str = "edge";
/// The name of what Saola computes in the ledger; no way in may have it.
pub(crate) const DERIVED_SOURCE: &str = "derived";

/// Keys that are judged by another one's value: when that one is wrong, its default would be blamed on them.
const JUDGED_BY: [(&str, &str); 8] = [
    ("cap.sender", "cap.status"),
    ("canary.max_age", "canary.every"),
    ("mqtt.edge.listen", "http.listen"),
    ("mqtt.edge.limits.partial_packets_bytes", "mqtt.edge.limits.packet_bytes"),
    ("mqtt.edge.limits.sessions_bytes", "mqtt.edge.limits.session_bytes"),
    ("journal.cap_bytes", "journal.segment_bytes"),
    ("backoff_min_ms", "backoff_max_ms"),
    ("backoff_min", "backoff_max"),
];

/// The key by whose value another is judged.
pub(super) fn judged_by(key: &str) -> Option<String> {
    // What a source's section may say depends on its decoder; a wrong one must not be blamed on the rest.
    if let Some((section, rest)) = key.strip_prefix("source[").and_then(|rest| rest.split_once("]."))
        && !matches!(rest, "name" | "topic")
        && !rest.starts_with("from")
    {
        return Some(format!("source[{section}].decoder"));
    }
    let (judged, judge) = JUDGED_BY.iter().find(|(judged, _)| key.ends_with(judged))?;
    Some(format!("{}{judge}", key.strip_suffix(judged)?))
}

/// Every mistake as key and sentence.
pub(super) fn mistakes(config: &Config) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Err(error) = EnvFilter::try_new(&config.log) {
        found.push(("log".to_owned(), format!("is no list of directives such as info,saola::mqtt=debug: {error}")));
    }
    if config.data_dir.as_os_str().is_empty() {
        found.push(("data_dir".to_owned(), "must name a folder".to_owned()));
    }
    let (http, edge) = (config.http.listen, &config.mqtt.edge);
    if edge.enabled && http.port() != 0 && http == edge.listen {
        found.push(("mqtt.edge.listen".to_owned(), format!("{http} is http.listen already")));
    }
    found.extend(config.http.mistakes().into_iter().map(|(key, message)| (format!("http.{key}"), message)));
    found.extend(config.journal.mistakes().into_iter().map(|(key, message)| (format!("journal.{key}"), message)));
    let store = config.store.mistakes().into_iter();
    found.extend(store.map(|(key, message)| (format!("store.{key}"), message.to_owned())));
    found.extend(config.coverage.mistakes().into_iter().map(|(key, message)| (format!("coverage.{key}"), message)));
    found.extend(config.history.mistakes().into_iter().map(|(key, message)| (format!("history.{key}"), message)));
    let edge = edge.mistakes().into_iter();
    found.extend(edge.map(|mistake| (format!("mqtt.edge.{}", mistake.key), mistake.message)));
    let canary = &config.canary;
    if canary.max_age <= canary.every {
        let message = format!("must be longer than canary.every, which is {}", canary.every);
        found.push(("canary.max_age".to_owned(), message));
    }
    found.extend(clients(&config.mqtt.clients));
    found.extend(config.cap.mistakes().into_iter().map(|(key, message)| (format!("cap.{key}"), message)));
    let open_data = config.open_data.mistakes().into_iter();
    found.extend(open_data.map(|(key, message)| (format!("open_data.{key}"), message)));
    found.extend(config.notify.mistakes().into_iter().map(|(key, message)| (format!("notify.{key}"), message)));
    found.extend(sources::mistakes(config));
    found
}

fn clients(clients: &[client::Config]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut sessions: HashMap<(&str, u16, &str), usize> = HashMap::new();
    for (place, client) in clients.iter().enumerate() {
        let mut note = |key: &str, message: String| found.push((format!("mqtt.client[{place}].{key}"), message));
        if !is_source_name(&client.name) {
            note("name", "must have 1 to 64 letters, digits, - or _".to_owned());
        } else if sources::WAYS_IN.contains(&client.name.as_str()) || client.name == DERIVED_SOURCE {
            note("name", format!("{} is the name of another way in", client.name));
        } else if let Some(first) = names.insert(&client.name, place) {
            note("name", format!("{} is mqtt.client[{first}] already", client.name));
        }
        if client.host.trim().is_empty() {
            note("host", "must name a broker".to_owned());
        }
        if !(1..=65_535).contains(&client.client_id.len()) {
            note("client_id", "must not be empty: the broker keeps our session by it".to_owned());
        } else if let Some(first) = sessions.insert((&client.host, client.port, &client.client_id), place) {
            note("client_id", format!("is mqtt.client[{first}]'s at the same broker: each would throw the other out"));
        }
        for (at, filter) in client.topics.iter().enumerate().filter(|(_, filter)| !topic::valid_filter(filter)) {
            note(&format!("topics[{at}]"), format!("{filter:?} is no topic filter such as saola/v1/+"));
        }
        if client.password_file.is_some() && client.username.is_empty() {
            note("username", "must be given when there is a password_file".to_owned());
        }
        if client.backoff_min_ms > client.backoff_max_ms {
            note("backoff_min_ms", format!("must be at most backoff_max_ms, {}", client.backoff_max_ms));
        }
    }
    found
}

pub(super) fn is_source_name(name: &str) -> bool {
    (1..=64).contains(&name.chars().count())
        && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'))
}
