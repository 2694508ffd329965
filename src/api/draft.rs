//! Stations as callers write them in JSON: every wrong field is named, all in one answer.
//!
//! A draft has the members of a definition (`definition.rs`); those that only tell (`retired`, `revision`,
//! `declared_by`) may be there and are not looked at, so that what was read can be changed and sent back. What a
//! channel leaves out is taken from the table of known properties, when it knows the property. What lies beyond one
//! field (an area that exists, a unit that stays) is judged by the registry.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::model::{
    AreaId, Footprint, LinkClass, LocalName, Position, Property, Range, Span, StationId, StationKind, Unit,
};
use crate::registry::{
    ChannelDeclaration, ChannelDefinition, Definition, PropertyDefaults, StationDeclaration, WrongField, read_footprint,
};

/// Members that tell and cannot be set.
const TOLD: [&str; 3] = ["retired", "revision", "declared_by"];

/// The words for links.
pub const LINKS: [(&str, LinkClass); 3] =
    [("wired", LinkClass::Wired), ("cellular", LinkClass::Cellular), ("lorawan", LinkClass::Lorawan)];

/// A JSON object that is read member by member.
pub struct Draft<'v> {
    members: &'v Map<String, Value>,
    at: String,
    known: Vec<&'static str>,
    wrong: Vec<WrongField>,
}

impl<'v> Draft<'v> {
    /// Over a value that must be an object; `at` is its own path, empty for the whole body.
    pub fn over(value: &'v Value, at: &str) -> Result<Self, Vec<WrongField>> {
        match value.as_object() {
            Some(members) => Ok(Self { members, at: at.to_owned(), known: Vec::new(), wrong: Vec::new() }),
            None => Err(vec![WrongField { field: at.to_owned(), message: "must be an object".to_owned() }]),
        }
    }

    /// Notes what is wrong with a member.
    pub fn wrong(&mut self, name: &str, message: impl Into<String>) {
        let field = if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) };
        self.wrong.push(WrongField { field, message: message.into() });
    }

    /// A member; null counts as absent.
    pub fn member(&mut self, name: &'static str) -> Option<&'v Value> {
        self.known.push(name);
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn required<T>(&mut self, name: &'static str, found: Option<T>) -> Option<T> {
        if found.is_none() && self.members.get(name).is_none_or(Value::is_null) {
            self.wrong(name, "is missing");
        }
        found
    }

    /// A text.
    pub fn text(&mut self, name: &'static str) -> Option<&'v str> {
        let value = self.member(name)?;
        if value.as_str().is_none() {
            self.wrong(name, "must be a text");
        }
        value.as_str()
    }

    /// A number.
    pub fn number(&mut self, name: &'static str) -> Option<f64> {
        let value = self.member(name)?;
        let number = value.as_f64().filter(|number| number.is_finite());
        if number.is_none() {
            self.wrong(name, "must be a number");
        }
        number
    }

    /// Yes or no.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.member(name)?;
        if value.as_bool().is_none() {
            self.wrong(name, "must be true or false");
        }
        value.as_bool()
    }

    /// One of some words.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(name, format!("must be one of {}", words.join(", ")));
        }
        found
    }

    /// Seconds, or a length of time such as `"5m"`.
    pub fn span(&mut self, name: &'static str) -> Option<Duration> {
        let span = match self.member(name)? {
            Value::String(text) => text.parse::<Span>().ok().map(Span::duration),
            Value::Number(seconds) => seconds.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            _ => None,
        };
        if span.is_none() {
            self.wrong(name, "must be a length of time such as \"5m\", or a number of seconds");
        }
        span
    }

    /// Everything wrong, with the members that nobody asked for.
    pub fn finish(mut self) -> Vec<WrongField> {
        let foreign: Vec<&String> = self.members.keys().filter(|name| !self.known.contains(&name.as_str())).collect();
        for name in foreign {
            self.wrong(name, format!("there is no such member here; there are {}", self.known.join(", ")));
        }
        self.wrong
    }
}

/// A station from a draft. `id` is the name in the address; without one the draft must have it.
pub fn station(value: &Value, id: Option<&str>) -> Result<StationDeclaration, Vec<WrongField>> {
    let mut draft = Draft::over(value, "")?;
    draft.known.extend(TOLD);
    let own = draft.text("id");
    if let (Some(own), Some(id)) = (own, id)
        && own != id
    {
        draft.wrong("id", format!("is {id:?} by the address: a station's name cannot be changed"));
    }
    let id = draft.required("id", own.or(id));
    let kinds = StationKind::ALL.map(|kind| (kind.word(), kind));
    let kind = draft.word("kind", &kinds);
    let kind = draft.required("kind", kind);
    let name = match draft.member("name") {
        None => draft.required("name", None),
        Some(value) => local_name(&mut draft, value),
    };
    let (lon, lat) = (draft.number("lon"), draft.number("lat"));
    let (lon, lat) = (draft.required("lon", lon), draft.required("lat", lat));
    let area = draft.text("area").map(AreaId::new);
    let maintenance = draft.flag("maintenance").unwrap_or(false);
    let link = draft.word("link", &LINKS).unwrap_or_default();
    let channels = match draft.member("channels") {
        None => draft.required("channels", None),
        Some(Value::Array(list)) => Some(channels(&mut draft, list, link)),
        Some(_) => {
            draft.wrong("channels", "must be a list");
            None
        }
    };
    let footprint = draft.member("footprint").and_then(|value| footprint(&mut draft, value));
    let wrong = draft.finish();
    let (Some(id), Some(kind), Some(name), Some(lon), Some(lat), Some(channels), true) =
        (id, kind, name, lon, lat, channels, wrong.is_empty())
    else {
        return Err(wrong);
    };
    let (id, position) = (StationId::new(id), Position { lon, lat });
    Ok(StationDeclaration { id, kind, name, position, area, maintenance, footprint, channels })
}

fn footprint(draft: &mut Draft<'_>, value: &Value) -> Option<Footprint> {
    let refuse = |wrong: Vec<(&'static str, String)>| {
        for (name, message) in wrong {
            let field = if name.is_empty() { "footprint".to_owned() } else { format!("footprint.{name}") };
            draft.wrong(&field, message);
        }
    };
    read_footprint(value).map_err(refuse).ok()
}

/// `{"vi": …, "en": …}`, or one text for both.
fn local_name(draft: &mut Draft<'_>, value: &Value) -> Option<LocalName> {
    if let Some(text) = value.as_str() {
        return Some(LocalName { vi: text.to_owned(), en: text.to_owned() });
    }
    let mut inner = match Draft::over(value, "name") {
        Ok(inner) => inner,
        Err(wrong) => {
            draft.wrong.extend(wrong);
            return None;
        }
    };
    let (vi, en) = (inner.text("vi"), inner.text("en"));
    let (vi, en) = (inner.required("vi", vi), inner.required("en", en));
    draft.wrong.extend(inner.finish());
    Some(LocalName { vi: vi?.to_owned(), en: en?.to_owned() })
}

fn channels(draft: &mut Draft<'_>, list: &[Value], link: LinkClass) -> Vec<ChannelDeclaration> {
    let mut channels = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        // Channels that are retired are told with the others; sent back, they stay so.
        if value.get("retired").and_then(Value::as_bool) == Some(true) {
            continue;
        }
        let at = match value.get("property").and_then(Value::as_str) {
            Some(property) => format!("channels.{property}"),
            None => format!("channels[{index}]"),
        };
        match channel(value, &at, None, link) {
            Ok(channel) => channels.push(channel),
            Err(wrong) => draft.wrong.extend(wrong),
        }
    }
    channels
}

/// A channel from a draft; `property` is the name in the address, if it is there.
pub fn channel(
    value: &Value,
    at: &str,
    property: Option<&str>,
    link: LinkClass,
) -> Result<ChannelDeclaration, Vec<WrongField>> {
    let mut draft = Draft::over(value, at)?;
    draft.known.extend(TOLD);
    let own = draft.text("property");
    if let (Some(own), Some(property)) = (own, property)
        && own != property
    {
        draft.wrong("property", format!("is {property:?} by the address"));
    }
    let property = draft.required("property", own.or(property));
    let defaults = property.and_then(PropertyDefaults::of);
    let unit = match draft.text("unit") {
        None => defaults.map(|known| known.unit),
        Some(code) => {
            let unit = Unit::parse(code);
            if unit.is_none() {
                let codes: Vec<&str> = Unit::ALL.iter().map(|unit| unit.code()).collect();
                draft.wrong("unit", format!("{code:?} is not a unit known here: use one of {}", codes.join(" ")));
            }
            unit
        }
    };
    let interval = draft.span("interval").or(defaults.map(|known| Duration::from_secs(known.interval_s)));
    // The table's limits are in the table's unit.
    let limit = |value: f64| defaults.zip(unit).and_then(|(known, unit)| known.unit.convert(value, unit));
    let min = draft.number("min").or_else(|| limit(defaults?.plausible.min));
    let max = draft.number("max").or_else(|| limit(defaults?.plausible.max));
    let link = draft.word("link", &LINKS).unwrap_or(link);
    let unit = draft.required("unit", unit);
    let interval = draft.required("interval", interval);
    let (min, max) = (draft.required("min", min), draft.required("max", max));
    let wrong = draft.finish();
    let (Some(property), Some(unit), Some(interval), Some(min), Some(max), true) =
        (property, unit, interval, min, max, wrong.is_empty())
    else {
        return Err(wrong);
    };
    Ok(ChannelDeclaration { property: Property::new(property), unit, interval, plausible: Range { min, max }, link })
}

/// A definition as a draft, for changing a part of it.
pub fn of(definition: &Definition) -> Value {
    let channels = definition.channels.iter().filter(|channel| !channel.retired).map(of_channel);
    serde_json::json!({
        "id": definition.id,
        "kind": definition.kind.word(),
        "name": definition.name,
        "lon": definition.position.lon,
        "lat": definition.position.lat,
        "area": definition.area,
        "maintenance": definition.maintenance,
        "footprint": definition.footprint,
        "channels": channels.collect::<Vec<_>>(),
    })
}

/// A channel as a draft.
pub fn of_channel(channel: &ChannelDefinition) -> Value {
    let link = LINKS.iter().find(|(_, link)| *link == channel.link).map_or("", |(word, _)| word);
    serde_json::json!({
        "property": channel.property,
        "unit": channel.unit.code(),
        "interval": Span::from(channel.interval).to_string(),
        "min": channel.plausible.min,
        "max": channel.plausible.max,
        "link": link,
    })
}

/// JSON Merge Patch (RFC 7396).
pub fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(members) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: &Value, expected: &[&str]) {
        let wrong = station(value, None).map_or_else(|wrong| wrong, |_| Vec::new());
        let found: Vec<String> = wrong.iter().map(|wrong| format!("{}: {}", wrong.field, wrong.message)).collect();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
        }
    }

    fn whole() -> Value {
        json!({"id": "A", "kind": "air", "name": {"vi": "A", "en": "A"}, "lon": 103.4, "lat": 22.4,
            "channels": [{"property": "pm2_5"}, {"property": "x", "unit": "m", "interval": 60, "min": 0, "max": 1}]})
    }

    #[test]
    fn every_wrong_field_is_named() {
        check(&whole(), &[]);
        check(&json!([]), &[": must be an object"]);
        check(
            &json!({"kind": "sea", "name": {"vi": 3}, "lon": "103", "colour": 1, "maintenance": 1,
                "channels": [{"property": "x"}, 7, {"unit": "µg"}, {"property": "pm10", "interval": "soon"}]}),
            &[
                "id: is missing",
                "kind: must be one of traffic",
                "name.vi: must be a text",
                "name.en: is missing",
                "lon: must be a number",
                "lat: is missing",
                "maintenance: must be true or false",
                "channels.x.unit: is missing",
                "channels.x.interval: is missing",
                "channels.x.min: is missing",
                "channels.x.max: is missing",
                "channels[1]: must be an object",
                "channels[2].property: is missing",
                "channels[2].unit: \"µg\" is not a unit",
                "channels[2].interval: is missing",
                "channels[2].min: is missing",
                "channels[2].max: is missing",
                "channels.pm10.interval: must be a length of time",
                "colour: there is no such member",
            ],
        );
    }

    #[test]
    fn known_properties_bring_their_defaults_in_the_unit_asked_for() {
        let mut value = whole();
        value["channels"] = json!([{"property": "visibility", "unit": "m"}]);
        let station = station(&value, None).unwrap();
        let channel = &station.channels[0];
        assert_eq!((channel.unit, channel.plausible), (Unit::Metre, Range { min: 0.0, max: 80_000.0 }));
        assert_eq!(channel.interval, Duration::from_secs(300));
    }

    #[test]
    fn a_merge_replaces_members_and_null_removes_them() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": [1, 2]});
        merge(&mut target, &json!({"a": {"b": null, "e": 3}, "d": [4], "f": {"g": null}}));
        assert_eq!(target, json!({"a": {"c": 2, "e": 3}, "d": [4], "f": {}}));
    }
}
