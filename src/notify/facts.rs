//! What a notification says, apart from how: everything that its texts need, so that they can be made later, elsewhere
//! and again, and without a map. Kept with the transition in the outbox as JSON.

use serde::{Deserialize, Serialize};

use crate::geodesy;
use crate::model::{
    Alert, AlertState, AreaId, AreaLevel, Catalogue, LocalName, Position, Severity, StationKind, Subject, Timestamp,
    Transition, Unit,
};

/// Letters of a name or an advice in a text, at most; what is longer ends in `…`.
const NAME_LENGTH_MAX: usize = 120;
const ADVICE_LENGTH_MAX: usize = 600;

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// There is an alert, for this recipient for the first time.
    Raised,
    /// It has become more severe.
    Worse,
    /// It has become less severe.
    Milder,
    /// Its data stopped.
    Unknown,
    /// Its data came again, and it still holds.
    Returned,
    /// It is over.
    Resolved,
    /// Nobody has answered it in time, and the recipient is on duty.
    Escalated,
    /// It still waits for the recipient's answer.
    Reminder,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::Raised,
        Kind::Worse,
        Kind::Milder,
        Kind::Unknown,
        Kind::Returned,
        Kind::Resolved,
        Kind::Escalated,
        Kind::Reminder,
    ];

    /// The word in the database, in payloads and in answers.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Raised => "raised",
            Kind::Worse => "worse",
            Kind::Milder => "milder",
            Kind::Unknown => "unknown",
            Kind::Returned => "returned",
            Kind::Resolved => "resolved",
            Kind::Escalated => "escalated",
            Kind::Reminder => "reminder",
        }
    }

    /// From its word.
    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What a transition is to those who know of the alert; `None` for what is not told (it may go on as it was).
    /// `before` is the severity that the alert had before it.
    ///
    /// That a latched alert's condition has ended is not told: it is not over until somebody closes it, and a message
    /// that sounds like its end would make people leave it. When its condition begins again, that is a raise anew.
    pub fn of(transition: &Transition, before: Option<Severity>) -> Option<Kind> {
        let alert = &transition.alert;
        let by_severity = match before {
            Some(before) if before < alert.severity => Some(Kind::Worse),
            Some(before) if before > alert.severity => Some(Kind::Milder),
            _ => None,
        };
        match (transition.from, alert.state) {
            (_, AlertState::Cleared) => Some(Kind::Resolved),
            (None, _) | (Some(AlertState::Latched), AlertState::Active) => Some(Kind::Raised),
            (Some(AlertState::Unknown), AlertState::Unknown) => by_severity,
            (Some(_), AlertState::Unknown) => Some(Kind::Unknown),
            (Some(AlertState::Unknown), AlertState::Active) => by_severity.or(Some(Kind::Returned)),
            (Some(_), _) => by_severity,
        }
    }
}

/// A named place and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// What people call it.
    pub name: LocalName,
    /// Where its name is written on a map.
    pub position: Position,
}

impl From<(&LocalName, Position)> for Place {
    fn from((name, position): (&LocalName, Position)) -> Self {
        Self { name: name.clone(), position }
    }
}

/// The way from a named place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Near {
    /// The place.
    pub name: LocalName,
    /// How far, metres.
    pub distance_m: f64,
    /// In which direction from there, degrees clockwise from north.
    pub bearing_deg: f64,
}

/// Everything that is said of an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The alert's identifier.
    pub alert: String,
    /// The rule's name.
    pub rule: String,
    /// What it is called.
    pub title: LocalName,
    /// How severe.
    pub severity: Severity,
    /// Where it stands.
    pub state: AlertState,
    /// The station's identifier; `None` when it is about a whole area.
    pub station: Option<String>,
    /// The station's name.
    pub station_name: Option<LocalName>,
    /// The station's kind.
    pub kind: Option<StationKind>,
    /// The observed property.
    pub property: String,
    /// The hazard by which alerts belong together.
    pub cause: String,
    /// UCUM code of value and threshold.
    pub unit: String,
    /// The newest value; `None` for an absence.
    pub value: Option<f64>,
    /// What it went beyond; `None` for an absence.
    pub threshold: Option<f64>,
    /// Code of the area of the lowest tier.
    pub area: Option<AreaId>,
    /// Names of the areas that it lies in, the smallest first; the province only when there is no smaller one.
    pub places: Vec<LocalName>,
    /// Where the station stands, or the middle of the area's stations.
    pub position: Option<Position>,
    /// The nearest named place.
    pub near: Option<Near>,
    /// When the condition began to hold.
    pub started_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What to do about it.
    pub advice: Option<LocalName>,
    /// It comes and goes so often that its comings and goings are not told from here on.
    #[serde(default)]
    pub flapping: bool,
}

impl Facts {
    /// From an alert as it is now; `None` when what it is about is not in the catalogue.
    pub fn of(catalogue: &Catalogue, places: &[Place], alert: &Alert, advice: Option<&LocalName>) -> Option<Facts> {
        let (station, property, unit, position) = match &alert.subject {
            Subject::Channel { station, channel, .. } => {
                let (station, channel) = (catalogue.station(*station)?, catalogue.channel(*channel)?);
                (Some(station), &channel.property, channel.unit, Some(station.position))
            }
            Subject::Area { area, property } => (None, property, Unit::One, catalogue.middle_of(area)),
        };
        let name = |name: &LocalName| clean_name(name, NAME_LENGTH_MAX);
        let area = alert.subject.area();
        Some(Facts {
            alert: alert.id.to_string(),
            rule: alert.rule.clone(),
            title: name(&alert.title),
            severity: alert.severity,
            state: alert.state,
            station: station.map(|station| station.id.as_str().to_owned()),
            station_name: station.map(|station| name(&station.name)),
            kind: station.map(|station| station.kind),
            property: property.as_str().to_owned(),
            cause: alert.cause.clone(),
            unit: unit.code().to_owned(),
            value: alert.value,
            threshold: alert.threshold,
            area: area.cloned(),
            places: around(catalogue, area).iter().map(name).collect(),
            position,
            near: position.and_then(|position| nearest(places, position)),
            started_at: alert.started_at,
            changed_at: alert.changed_at,
            ended_at: alert.ended_at,
            advice: advice.map(|advice| clean_name(advice, ADVICE_LENGTH_MAX)),
            flapping: alert.flapping,
        })
    }
}

/// The names of an area and of those around it, the smallest first; the province only when there is no smaller one.
fn around(catalogue: &Catalogue, area: Option<&AreaId>) -> Vec<LocalName> {
    let mut found = Vec::new();
    let mut next = area.and_then(|id| catalogue.area(id));
    // Bounded: a registry whose areas contain each other in a circle must not hold this up.
    while let Some(area) = next.filter(|area| {
        let is_small = area.level != AreaLevel::Province;
        (is_small || found.is_empty()) && found.len() < 8
    }) {
        found.push(area.name.clone());
        next = area.parent.as_ref().and_then(|id| catalogue.area(id));
    }
    found
}

/// Codes of an area and of all those around it.
pub fn codes_around<'c>(catalogue: &'c Catalogue, area: Option<&'c AreaId>) -> Vec<&'c AreaId> {
    let mut found: Vec<&AreaId> = Vec::new();
    let mut next = area;
    while let Some(id) = next.filter(|id| !found.contains(id)) {
        found.push(id);
        next = catalogue.area(id).and_then(|area| area.parent.as_ref());
    }
    found
}

fn nearest(places: &[Place], position: Position) -> Option<Near> {
    let distance = |place: &&Place| geodesy::distance_m(place.position, position);
    let place = places.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    Some(Near {
        name: clean_name(&place.name, NAME_LENGTH_MAX),
        distance_m: distance(&place),
        bearing_deg: geodesy::bearing_deg(place.position, position),
    })
}

fn clean_name(name: &LocalName, length_max: usize) -> LocalName {
    LocalName { vi: clean(&name.vi, length_max), en: clean(&name.en, length_max) }
}

/// One line without letters that control anything: neither the end of a header nor the direction of reading.
pub fn clean(text: &str, length_max: usize) -> String {
    let harmful = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let plain: String = text.chars().map(|letter| if harmful(letter) { ' ' } else { letter }).collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if plain.chars().count() <= length_max {
        return plain;
    }
    plain.chars().take(length_max.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_one_harmless_line() {
        let check = |text: &str, expected: &str| assert_eq!(clean(text, 20), expected, "{text:?}");
        check("Sìn Hồ", "Sìn Hồ");
        check("a\r\nBcc: x@y", "a Bcc: x@y");
        check("\u{202e}evil\u{2066}\u{200b} \t name\u{0}", "evil name");
        check("012345678901234567890", "0123456789012345678…");
    }

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.word()), Some(kind));
        }
    }
}
