//! Facts in words: Vietnamese and English, from one catalogue of phrases (`texts/phrases.toml`).
//!
//! A text works without a map: level, place, distance and bearing from the nearest named place, coordinates in WGS 84
//! and VN-2000, value and threshold with unit, since when and until when, what to do.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::facts::{Facts, Kind};
use crate::geodesy::{self, Compass};
use crate::model::{LocalName, Position, Severity, Timestamp};

/// Members that a digest names one by one in words; the others are counted.
const LISTED_MAX: usize = 100;
/// Nearer to a place's centre than this is at it, metres.
const HERE_M: f64 = 50.0;

/// The languages of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Vietnamese.
    Vi,
    /// English.
    En,
}

impl Language {
    /// The code in files, the database and answers.
    pub fn word(self) -> &'static str {
        match self {
            Language::Vi => "vi",
            Language::En => "en",
        }
    }

    /// From its code.
    pub fn parse(word: &str) -> Option<Language> {
        [Language::Vi, Language::En].into_iter().find(|language| language.word() == word)
    }

    /// A name in it.
    pub fn of(self, name: &LocalName) -> &str {
        match self {
            Language::Vi => &name.vi,
            Language::En => &name.en,
        }
    }
}

macro_rules! phrases {
    ($($variant:ident = $word:literal,)*) => {
        /// A phrase of the catalogue, beside the words of kinds and severities.
        #[derive(Clone, Copy, Debug)]
        pub(super) enum Phrase { $($variant,)* }

        impl Phrase {
            #[cfg(test)]
            const ALL: &'static [Phrase] = &[$(Phrase::$variant,)*];

            fn word(self) -> &'static str {
                match self { $(Phrase::$variant => $word,)* }
            }
        }
    };
}

phrases! {
    Head = "head",
    At = "at",
    AtArea = "at_area",
    Near = "near",
    NearHere = "near_here",
    Wgs84 = "wgs84",
    Vn2000 = "vn2000",
    Value = "value",
    ValueAlone = "value_alone",
    NoData = "no_data",
    Since = "since",
    FromUntil = "from_until",
    Flapping = "flapping",
    Advice = "advice",
    Technical = "technical",
    Digest = "digest",
    DigestKind = "digest_kind",
    DigestLine = "digest_line",
    DigestRest = "digest_rest",
    ShortHead = "short_head",
    ShortSince = "short_since",
    ShortLimit = "short_limit",
    ShortDigest = "short_digest",
    ShortRest = "short_rest",
}

/// The catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    vi: BTreeMap<String, String>,
    en: BTreeMap<String, String>,
}

/// A message in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// One line.
    pub subject: String,
    /// All of it, line by line; the first is the subject.
    pub text: String,
}

/// One member of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// What it is to this recipient.
    pub kind: Kind,
    /// What is said.
    pub facts: Facts,
}

/// What is said of one alert in one language, part by part, each a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Kind, title and level.
    pub head: String,
    /// Station, or the whole area, with the areas around it.
    pub place: String,
    /// The way from the nearest named place.
    pub near: Option<String>,
    /// In WGS 84, and on the national grid where its zone reaches.
    pub coordinates: Vec<String>,
    /// Value and threshold.
    pub value: String,
    /// Since when and until when.
    pub when: String,
    /// That it comes and goes.
    pub flapping: Option<String>,
    /// What to do.
    pub advice: Option<String>,
}

/// Makes texts.
#[derive(Debug)]
pub struct Texts {
    catalogue: Catalogue,
    zone: TimeZone,
    public_url: String,
}

impl Texts {
    /// With the shipped phrases; times are shown in `zone`, addresses begin with `public_url` (empty: none are).
    pub fn new(zone: TimeZone, public_url: &str) -> Texts {
        let catalogue = toml::from_str(include_str!("texts/phrases.toml"))
            .expect("the catalogue is part of the program, and a test reads it");
        Texts { catalogue, zone, public_url: public_url.to_owned() }
    }

    fn find(&self, language: Language, word: &str) -> &str {
        let phrases = match language {
            Language::Vi => &self.catalogue.vi,
            Language::En => &self.catalogue.en,
        };
        phrases.get(word).map_or("", String::as_str)
    }

    /// A phrase with values in its places.
    pub(super) fn phrase(&self, language: Language, phrase: Phrase, values: &[(&str, &str)]) -> String {
        let template = self.find(language, phrase.word());
        let mut filled = String::with_capacity(template.len() + 32);
        let mut rest = template;
        // Values are not looked at again: braces in a name stay braces.
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, from)| Some((before, from.split_once('}')?)))
        {
            filled.push_str(before);
            filled.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
            rest = after;
        }
        filled + rest
    }

    /// What a kind is called.
    pub(super) fn kind(&self, language: Language, kind: Kind) -> &str {
        self.find(language, kind.word())
    }

    /// What a severity's colour is called.
    pub(super) fn colour(&self, language: Language, severity: Severity) -> &str {
        self.find(language, severity.word())
    }

    /// A time on the clock of the configured zone.
    pub(super) fn time(&self, language: Language, at: Timestamp) -> String {
        let form = match language {
            Language::Vi => "%H:%M %d/%m/%Y",
            Language::En => "%Y-%m-%d %H:%M",
        };
        at.to_jiff().to_zoned(self.zone.clone()).strftime(form).to_string()
    }

    /// The same without the year.
    pub(super) fn short_time(&self, at: Timestamp) -> String {
        at.to_jiff().to_zoned(self.zone.clone()).strftime("%H:%M %d/%m").to_string()
    }

    /// Everything that is said in these languages, one after the other.
    pub fn say(&self, languages: &[Language], members: &[Member]) -> Said {
        let mut said: Vec<Said> = languages.iter().map(|language| self.say_in(*language, members)).collect();
        let text = said.iter().map(|said| said.text.as_str()).collect::<Vec<_>>().join("\n\n");
        let subject = if said.is_empty() { String::new() } else { said.swap_remove(0).subject };
        Said { subject, text }
    }

    fn say_in(&self, language: Language, members: &[Member]) -> Said {
        let lines = match members {
            [member] => self.one(language, member),
            _ => self.digest(language, members),
        };
        Said { subject: lines.first().cloned().unwrap_or_default(), text: lines.join("\n") }
    }

    fn one(&self, language: Language, member: &Member) -> Vec<String> {
        let Told { head, place, near, coordinates, value, when, flapping, advice } = self.tell(language, member);
        let mut lines = vec![head, place];
        lines.extend(near);
        lines.extend(coordinates);
        lines.extend([value, when]);
        lines.extend(flapping.into_iter().chain(advice));
        if !self.public_url.is_empty() {
            lines.push(self.address(&member.facts.alert));
        }
        lines.push(self.phrase(language, Phrase::Technical, &[]));
        lines
    }

    /// What is said of one alert, part by part.
    pub fn tell(&self, language: Language, Member { kind, facts }: &Member) -> Told {
        let say = |phrase, values: &[(&str, &str)]| self.phrase(language, phrase, values);
        let places = facts.places.iter().map(|name| language.of(name)).collect::<Vec<_>>().join(", ");
        let place = match (&facts.station, &facts.station_name) {
            (Some(id), Some(name)) => {
                let at = say(Phrase::At, &[("station", language.of(name)), ("id", id)]);
                [at, places].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
            }
            _ => say(Phrase::AtArea, &[("area", &places)]),
        };
        let since = self.time(language, facts.started_at);
        let when = match facts.ended_at {
            Some(ended_at) => say(Phrase::FromUntil, &[("since", &since), ("until", &self.time(language, ended_at))]),
            None => say(Phrase::Since, &[("since", &since)]),
        };
        let is_over = *kind == Kind::Resolved;
        let advice = facts.advice.as_ref().filter(|_| !is_over);
        Told {
            head: self.head(language, *kind, facts),
            place,
            near: self.near(language, facts),
            coordinates: facts.position.iter().flat_map(|position| self.coordinates(language, *position)).collect(),
            value: self.value(language, facts),
            when,
            flapping: (facts.flapping && !is_over).then(|| say(Phrase::Flapping, &[])),
            advice: advice.map(|advice| say(Phrase::Advice, &[("text", language.of(advice))])),
        }
    }

    /// Where people read of an alert; empty without a public address.
    pub fn address(&self, alert: &str) -> String {
        if self.public_url.is_empty() {
            return String::new();
        }
        let mut escaped = String::new();
        for byte in alert.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                escaped.push(char::from(byte));
            } else {
                escaped.push_str(&format!("%{byte:02X}"));
            }
        }
        format!("{}/?alert={escaped}", self.public_url)
    }

    fn head(&self, language: Language, kind: Kind, facts: &Facts) -> String {
        let (level, colour) = (level(facts.severity), self.colour(language, facts.severity));
        let title = language.of(&facts.title);
        let values =
            [("kind", self.kind(language, kind)), ("title", title), ("level", level.as_str()), ("colour", colour)];
        self.phrase(language, Phrase::Head, &values)
    }

    /// In WGS 84, and on the national grid where its zone reaches.
    fn coordinates(&self, language: Language, position: Position) -> Vec<String> {
        let (lat, lon) = (format!("{:.5}", position.lat), format!("{:.5}", position.lon));
        let mut lines = vec![self.phrase(language, Phrase::Wgs84, &[("lat", &lat), ("lon", &lon)])];
        if let Ok((east_m, north_m)) = geodesy::vn2000::tm3_103(position.lat, position.lon) {
            let (east, north) = (format!("{east_m:.0}"), format!("{north_m:.0}"));
            lines.push(self.phrase(language, Phrase::Vn2000, &[("north", &north), ("east", &east)]));
        }
        lines
    }

    /// The way from the nearest named place.
    fn near(&self, language: Language, facts: &Facts) -> Option<String> {
        let near = facts.near.as_ref()?;
        let place = language.of(&near.name);
        if near.distance_m < HERE_M {
            return Some(self.phrase(language, Phrase::NearHere, &[("place", place)]));
        }
        let (distance, direction) = (distance(language, near.distance_m), direction(language, near.bearing_deg)?);
        let values = [("place", place), ("distance", distance.as_str()), ("direction", direction)];
        Some(self.phrase(language, Phrase::Near, &values))
    }

    /// Value and threshold, each with the unit.
    fn value(&self, language: Language, facts: &Facts) -> String {
        let quantity = |value: f64| quantity(language, value, &facts.unit);
        match (facts.value.map(quantity), facts.threshold.map(quantity)) {
            (Some(value), Some(threshold)) => {
                self.phrase(language, Phrase::Value, &[("value", &value), ("threshold", &threshold)])
            }
            (Some(value), None) => self.phrase(language, Phrase::ValueAlone, &[("value", &value)]),
            (None, _) => self.phrase(language, Phrase::NoData, &[]),
        }
    }

    /// Counted by kind, and named one by one, the most severe first.
    fn digest(&self, language: Language, members: &[Member]) -> Vec<String> {
        let Some(worst) = members.iter().map(|member| member.facts.severity).max() else { return Vec::new() };
        let (count, level_worst) = (members.len().to_string(), level(worst));
        let values =
            [("count", count.as_str()), ("level", level_worst.as_str()), ("colour", self.colour(language, worst))];
        let mut lines = vec![self.phrase(language, Phrase::Digest, &values)];
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        members.iter().for_each(|member| *counts.entry(member.kind).or_default() += 1);
        lines.extend(counts.iter().map(|(kind, count)| {
            let values = [("kind", self.kind(language, *kind)), ("count", &count.to_string())];
            self.phrase(language, Phrase::DigestKind, &values)
        }));
        let mut sorted: Vec<&Member> = members.iter().collect();
        sorted.sort_by_key(|member| std::cmp::Reverse(member.facts.severity));
        lines.extend(sorted.iter().take(LISTED_MAX).map(|Member { kind, facts }| {
            let place = [facts.station_name.as_ref(), facts.places.first()];
            let place = place.into_iter().flatten().map(|name| language.of(name)).collect::<Vec<_>>().join(", ");
            let values = [
                ("kind", self.kind(language, *kind)),
                ("level", &level(facts.severity)),
                ("title", language.of(&facts.title)),
                ("place", &place),
            ];
            self.phrase(language, Phrase::DigestLine, &values)
        }));
        if sorted.len() > LISTED_MAX {
            let rest = (sorted.len() - LISTED_MAX).to_string();
            lines.push(self.phrase(language, Phrase::DigestRest, &[("count", &rest)]));
        }
        if !self.public_url.is_empty() {
            lines.push(self.public_url.clone());
        }
        lines.push(self.phrase(language, Phrase::Technical, &[]));
        lines
    }

    /// A name in one language.
    pub(super) fn name<'n>(&self, language: Language, name: &'n LocalName) -> &'n str {
        language.of(name)
    }
}

/// 1 to 5, as Decision 18/2021/QĐ-TTg numbers its levels.
pub(super) fn level(severity: Severity) -> String {
    (Severity::ALL.iter().position(|known| *known == severity).unwrap_or(0) + 1).to_string()
}

/// A direction in words.
pub(super) fn direction(language: Language, bearing_deg: f64) -> Option<&'static str> {
    let compass = Compass::of(bearing_deg)?;
    Some(match language {
        Language::Vi => compass.vi(),
        Language::En => compass.en(),
    })
}

/// A distance as people say it: to 10 m below a kilometre, to 100 m below ten, to a kilometre beyond.
pub(super) fn distance(language: Language, metres: f64) -> String {
    if metres < 995.0 {
        format!("{:.0} m", (metres / 10.0).round() * 10.0)
    } else if metres < 9_950.0 {
        format!("{} km", decimal(language, format!("{:.1}", metres / 1_000.0)))
    } else {
        format!("{:.0} km", metres / 1_000.0)
    }
}

/// A value with its unit: four digits that count, no zeros behind the point.
pub(super) fn quantity(language: Language, value: f64, unit: &str) -> String {
    let magnitude = if value == 0.0 || !value.is_finite() { 0.0 } else { value.abs().log10().floor() };
    let decimals = (3.0 - magnitude).clamp(0.0, 6.0) as usize;
    let mut text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    let unit = match unit {
        "1" => "",
        "Cel" => " °C",
        "%" => " %",
        "ug/m3" => " µg/m³",
        "mg/m3" => " mg/m³",
        "m3/s" => " m³/s",
        "m3" => " m³",
        "deg" => "°",
        "W/m2" => " W/m²",
        "kW.h" => " kWh",
        "W.h" => " Wh",
        other => return format!("{} {other}", decimal(language, text)),
    };
    decimal(language, text) + unit
}

fn decimal(language: Language, text: String) -> String {
    match language {
        Language::Vi => text.replace('.', ","),
        Language::En => text,
    }
}

#[cfg(test)]
#[path = "texts/tests.rs"]
pub(super) mod tests;
