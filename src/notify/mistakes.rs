//! What is wrong with a `[notify]` section whose values are of the right type.

use std::collections::BTreeSet;
use std::fmt;

use super::config::{Config, Gateway, Security, Topic, Wanted};
use super::guard::Network;
use super::template::Template;
use crate::model::AreaId;

/// Channels with a name of their own.
const OWN_CHANNELS: [&str; 4] = ["mail", "push", "webhook", "topic"];
/// Letters of a name, at most.
const NAME_LENGTH_MAX: usize = 64;

/// Every mistake as key inside the section and sentence.
pub(super) fn of(config: &Config) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut note = |key: String, message: String| found.push((key, message));
    if config.backoff_min > config.backoff_max {
        note("backoff_min".to_owned(), format!("must be at most backoff_max, {}", config.backoff_max));
    }
    for (place, text) in config.private_networks.iter().enumerate() {
        if let Err(why) = Network::parse(text) {
            note(format!("private_networks[{place}]"), why);
        }
    }
    if jiff::tz::TimeZone::get(&config.zone).is_err() {
        note("zone".to_owned(), format!("{:?} is not a time zone such as Asia/Ho_Chi_Minh", config.zone));
    }
    if !config.public_url.is_empty() && (http_url(&config.public_url).is_err() || config.public_url.ends_with('/')) {
        note("public_url".to_owned(), "must begin with http:// or https:// and not end with a slash".to_owned());
    }
    mail(config, &mut note);
    if let Some(push) = &config.push
        && !(push.contact.starts_with("mailto:") || push.contact.starts_with("https://"))
    {
        note("push.contact".to_owned(), "must be mailto:… or https://…: push services write there".to_owned());
    }
    let mut names = BTreeSet::new();
    for (place, gateway) in config.gateways.iter().enumerate() {
        let mut note = |key: &str, message| note(format!("gateway[{place}].{key}"), message);
        name(&gateway.name, &mut names, &mut note);
        self::gateway(gateway, &mut note);
    }
    for (place, webhook) in config.webhooks.iter().enumerate() {
        let mut note = |key: &str, message| note(format!("webhook[{place}].{key}"), message);
        name(&webhook.name, &mut names, &mut note);
        if let Err(why) = http_url(&webhook.url) {
            note("url", why);
        }
        if webhook.secret_file.is_none() {
            note("secret_file", "must be given: requests are signed with what is in it".to_owned());
        }
        wanted(&webhook.wanted(), &mut note);
    }
    for (place, topic) in config.topics.iter().enumerate() {
        let mut note = |key: &str, message| note(format!("topic[{place}].{key}"), message);
        name(&topic.name, &mut names, &mut note);
        self::topic(topic, &mut note);
    }
    found
}

fn mail(config: &Config, note: &mut impl FnMut(String, String)) {
    let Some(mail) = &config.mail else { return };
    let mut note = |key: &str, message: &str| note(format!("mail.{key}"), message.to_owned());
    if mail.host.trim().is_empty() {
        note("host", "must name a mail server");
    }
    if mail.from.parse::<lettre::message::Mailbox>().is_err() {
        note("from", "must be an address such as \"Saola <saola@example.vn>\"");
    }
    if mail.password_file.is_some() && mail.username.is_empty() {
        note("username", "must be given when there is a password_file");
    }
    if mail.password_file.is_some() && mail.security == Security::None {
        note("security", "must be \"tls\" or \"starttls\" when there is a password");
    }
}

fn gateway(gateway: &Gateway, note: &mut impl FnMut(&str, String)) {
    if let Err(why) = http_url(&gateway.url) {
        note("url", why);
    } else if let Err(why) = Template::parse(&gateway.url) {
        note("url", why.to_string());
    }
    if let Err(why) = Template::parse(&gateway.body) {
        note("body", why.to_string());
    }
    for (place, header) in gateway.headers.iter().enumerate() {
        if let Err(why) = self::header(header) {
            note(&format!("headers[{place}]"), why);
        }
    }
    let uses = |placeholder: &str| {
        [&gateway.url, &gateway.body].into_iter().chain(&gateway.headers).any(|text| text.contains(placeholder))
    };
    if uses("{secret}") && gateway.secret_file.is_none() {
        note("secret_file", "must be given, as {secret} stands in the request".to_owned());
    }
    if !uses("{text}") && http_url(&gateway.url).is_ok() && Template::parse(&gateway.body).is_ok() {
        note("body", "the text is sent nowhere: {text} stands neither in the body nor in the url".to_owned());
    }
}

/// A header's name and the template of its value.
pub(super) fn header(line: &str) -> Result<(reqwest::header::HeaderName, Template), String> {
    let wanted = || format!("{line:?} is not a header such as \"Authorization: Bearer {{secret}}\"");
    let (name, value) = line.split_once(':').ok_or_else(wanted)?;
    let name = name.trim().parse().map_err(|_| wanted())?;
    let value = Template::parse(value.trim()).map_err(|why| why.to_string())?;
    Ok((name, value))
}

fn topic(topic: &Topic, note: &mut impl FnMut(&str, String)) {
    let plain = topic.topic.replace("{area}", "a").replace("{severity}", "b");
    if plain.is_empty() || plain.contains(['+', '#', '{', '}', '\0']) {
        note("topic", "must be a topic; {area} and {severity} may stand in it".to_owned());
    }
    wanted(&topic.wanted(), note);
}

fn wanted(wanted: &Wanted, note: &mut impl FnMut(&str, String)) {
    for (place, area) in wanted.areas.iter().enumerate() {
        if !is_word(area.as_str()) {
            note(&format!("areas[{place}]"), not_a_word(area));
        }
    }
    for (place, cause) in wanted.causes.iter().enumerate() {
        if !is_word(cause) {
            note(&format!("causes[{place}]"), not_a_word(cause));
        }
    }
}

fn not_a_word(text: impl fmt::Display) -> String {
    format!("{text:?} is not a word of letters, digits, - and _", text = text.to_string())
}

/// Whether a text can be the code of an area, or the name of a property or a hazard.
pub fn is_word(text: &str) -> bool {
    (1..=NAME_LENGTH_MAX).contains(&text.chars().count())
        && text.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.'))
}

/// An area as the writer of a subscription means it.
pub fn is_area(area: &AreaId) -> bool {
    is_word(area.as_str())
}

fn name<'c>(name: &'c str, names: &mut BTreeSet<&'c str>, note: &mut impl FnMut(&str, String)) {
    if !is_word(name) {
        note("name", format!("must have 1 to {NAME_LENGTH_MAX} letters, digits, - or _"));
    } else if OWN_CHANNELS.contains(&name) {
        note("name", format!("{name} is the name of another channel"));
    } else if !names.insert(name) {
        note("name", format!("{name} is the name of another gateway, webhook or topic already"));
    }
}

fn http_url(text: &str) -> Result<(), String> {
    let wanted = || format!("{text:?} is not an address such as https://example.vn/hook");
    // Placeholders may stand in the path and the query, never in the host.
    let url = reqwest::Url::parse(text).map_err(|_| wanted())?;
    let plain = url.host_str().is_some_and(|host| !host.contains(['{', '}', '%']));
    if !matches!(url.scheme(), "http" | "https") || !plain || !url.username().is_empty() || url.password().is_some() {
        return Err(wanted());
    }
    Ok(())
}
