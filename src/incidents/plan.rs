//! What belongs together: `incidents.toml` and `heat_sources.toml`, from TOML to a [`Plan`], with every mistake.
//!
//! ```toml
//! [[group]]                          # in the file's order: an alert belongs to the first group that takes it
//! name = "fire"                      # 1 to 40 of a-z, 0-9, '-'; begins the incidents' identifiers
//! title = { vi = "…", en = "…" }     # what people are shown
//! causes = ["smoke"]                 # what rules name as their cause, or their property; no_data: absence
//! kinds = ["forest"]                 # optional: only at stations of these kinds
//! radius_km = 3.0                    # alerts at most so far apart are one incident; 0.01 to 200
//! span = "3h"                        # and so long after the end of one; 0s to 31d
//! same_commune = true                # optional: alerts in one commune too, however far apart
//! masked = true                      # optional: known heat sources mask alerts of this group
//! [group.plume]                      # optional: smoke that the wind has carried
//! smoke = ["smoke"]                  # properties that see smoke
//! sources = ["camera_fire_score"]    # properties that see where it comes from
//! reach_km = 12.0                    # how far it is carried; 0.01 to 200
//! within_deg = 30.0                  # to either side of the direction in which the wind blows; 1 to 180
//! wind_least = 0.5                   # m/s; a slower wind has no direction; 0 to 20
//! wind_within_km = 40.0              # the nearest wind measured so near counts; 0.01 to 500
//! wind_age = "1h"                    # and not longer ago; 1m to 1d
//!
//! [gateway]                          # optional: without it a dead gateway is no incident
//! title = { vi = "…", en = "…" }
//! severity = "medium"
//! least = 3                          # stations that must have fallen silent together; 2 to 10000
//! share = 0.8                        # and what part of those that the source had; 0.1 to 1
//! after = "5m"                       # how long nothing may come of the source at all; 1m to 1d
//! patience = "30m"                   # how long stations may take to speak again once it is back; 0s to 31d
//! ```
//!
//! A file that is wrong is refused whole, both files together, and the plan before them stays in force.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::masks::{self, HeatSource};
use crate::document::{Need, Page, Section};
use crate::model::{LocalName, Mistake, Property, RuleFile, Severity, Span, StationKind};

/// The files' names in the province's folder.
pub const GROUPS_FILE: &str = "incidents.toml";
/// Where known heat sources stand.
pub const HEAT_SOURCES_FILE: &str = "heat_sources.toml";
/// Groups in force at once.
const GROUPS_MAX: usize = 100;
/// Known heat sources in force at once.
const HEAT_SOURCES_MAX: usize = 1_000;
/// The longest time that anything here may ask for.
const SPAN_MAX: Duration = Duration::from_secs(31 * 86_400);
/// The name that no group can have: gateways' incidents have it.
pub const GATEWAY: &str = "gateway";

pub(super) const SEVERITIES: [(&str, Severity); 5] = [
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("very_high", Severity::VeryHigh),
    ("catastrophic", Severity::Catastrophic),
];

/// Everything that says what belongs together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// In the order in which they are asked.
    pub groups: Vec<Group>,
    /// When a gateway is dead.
    pub gateway: Option<Gateway>,
    /// What is hot without being a fire.
    pub heat_sources: Vec<HeatSource>,
}

/// Alerts that fold into one incident when they are near each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Unique.
    pub name: String,
    /// What to call its incidents.
    pub title: LocalName,
    /// Properties and causes.
    pub causes: Vec<String>,
    /// Kinds of station; empty: all, and alerts without a station.
    pub kinds: Vec<StationKind>,
    /// Metres.
    pub radius_m: f64,
    /// After an alert's end.
    pub span: Duration,
    /// Whether one commune is near enough.
    pub by_commune: bool,
    /// Whether known heat sources mask its alerts.
    pub masked: bool,
    /// How smoke is carried.
    pub plume: Option<Plume>,
}

/// Smoke that the wind has carried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plume {
    /// Who sees it.
    pub smoke: Vec<Property>,
    /// Who sees where it comes from.
    pub sources: Vec<Property>,
    /// Metres.
    pub reach_m: f64,
    /// Degrees to either side.
    pub within_deg: f64,
    /// Metres a second.
    pub wind_least: f64,
    /// Metres.
    pub wind_within_m: f64,
    /// The oldest wind that counts.
    pub wind_age: Duration,
}

/// When a gateway is dead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gateway {
    /// What to call its incident, before the source's name.
    pub title: LocalName,
    /// How severe that is.
    pub severity: Severity,
    /// Stations.
    pub least: usize,
    /// Of the stations that the source had, 0 to 1.
    pub share: f64,
    /// Without any word.
    pub after: Duration,
    /// For stations to speak again.
    pub patience: Duration,
}

impl Plan {
    /// Reads both files, whichever are there: the plan, or every mistake.
    pub fn read(files: &[RuleFile]) -> Result<Plan, Vec<Mistake>> {
        let mut plan = Plan::default();
        let mut mistakes = Vec::new();
        for file in files {
            let (page, table) = Page::parse(&file.name, &file.text);
            let mut root = page.root(&table);
            match file.name.as_str() {
                GROUPS_FILE => {
                    read_groups(&mut root, &mut plan);
                    plan.gateway = root.section(GATEWAY, Need::Optional).and_then(read_gateway);
                }
                HEAT_SOURCES_FILE => {
                    let mut sections = root.sections("heat_source", Need::Optional);
                    if sections.len() > HEAT_SOURCES_MAX {
                        root.mistake("heat_source", format!("{HEAT_SOURCES_MAX} are allowed, not {}", sections.len()));
                        sections.truncate(HEAT_SOURCES_MAX);
                    }
                    plan.heat_sources.extend(sections.into_iter().filter_map(masks::read));
                }
                _ => root.mistake("", format!("only {GROUPS_FILE} and {HEAT_SOURCES_FILE} are read here")),
            }
            root.finish();
            mistakes.extend(page.into_mistakes());
        }
        if mistakes.is_empty() { Ok(plan) } else { Err(mistakes) }
    }

    /// The group of an alert: by its station's kind and its cause.
    pub fn group_of(&self, kind: Option<StationKind>, word: &str) -> Option<&Group> {
        self.groups.iter().find(|group| {
            let is_of_kind = group.kinds.is_empty() || kind.is_some_and(|kind| group.kinds.contains(&kind));
            is_of_kind && group.causes.iter().any(|cause| cause == word)
        })
    }

    /// A group by its name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }
}

fn read_groups(root: &mut Section<'_, '_>, plan: &mut Plan) {
    let sections = root.sections("group", Need::Optional);
    if sections.len() > GROUPS_MAX {
        root.mistake("group", format!("{GROUPS_MAX} are allowed, not {}", sections.len()));
    }
    for mut section in sections.into_iter().take(GROUPS_MAX) {
        let group = read_group(&mut section);
        if let Some(group) = &group
            && (group.name == GATEWAY || plan.group(&group.name).is_some())
        {
            section.mistake("name", format!("{:?} is the name of another group already", group.name));
        }
        plan.groups.extend(group);
        section.finish();
    }
}

fn read_group(section: &mut Section<'_, '_>) -> Option<Group> {
    let name = section.text("name", Need::Required).filter(|name| {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_name = !name.is_empty() && name.len() <= 40 && name.chars().all(letters);
        if !is_name {
            section.mistake("name", "must have 1 to 40 of the letters a to z, digits and '-'");
        }
        is_name
    });
    let title = section.local_name("title", Need::Required);
    let causes: Vec<String> = section.texts("causes").into_iter().map(str::to_owned).collect();
    if causes.is_empty() {
        section.mistake("causes", "must be a list of properties, or of causes that rules name");
    }
    let mut kinds = Vec::new();
    for word in section.texts("kinds") {
        match StationKind::ALL.into_iter().find(|kind| kind.word() == word) {
            Some(kind) => kinds.push(kind),
            None => section.mistake("kinds", format!("{word:?} is not a kind of station")),
        }
    }
    let radius_km = number(section, "radius_km", (0.01, 200.0));
    let span = span(section, "span", (Duration::ZERO, SPAN_MAX));
    let [by_commune, masked] = ["same_commune", "masked"].map(|key| section.flag(key).unwrap_or(false));
    let has_plume = section.has("plume");
    let plume = section.section("plume", Need::Optional).and_then(read_plume);
    if has_plume && plume.is_none() {
        return None;
    }
    let (radius_m, span) = (radius_km? * 1_000.0, span?);
    Some(Group { name: name?.to_owned(), title: title?, causes, kinds, radius_m, span, by_commune, masked, plume })
}

fn read_plume(mut section: Section<'_, '_>) -> Option<Plume> {
    let [smoke, sources] = ["smoke", "sources"].map(|key| {
        let properties: Vec<_> = section.texts(key).into_iter().map(Property::new).collect();
        if properties.is_empty() {
            section.mistake(key, "must be a list of properties");
        }
        properties
    });
    let reach_km = number(&mut section, "reach_km", (0.01, 200.0));
    let within_deg = number(&mut section, "within_deg", (1.0, 180.0));
    let wind_least = number(&mut section, "wind_least", (0.0, 20.0));
    let wind_within_km = number(&mut section, "wind_within_km", (0.01, 500.0));
    let wind_age = span(&mut section, "wind_age", (Duration::from_secs(60), Duration::from_secs(86_400)));
    section.finish();
    let (reach_m, wind_within_m) = (reach_km? * 1_000.0, wind_within_km? * 1_000.0);
    let (within_deg, wind_least, wind_age) = (within_deg?, wind_least?, wind_age?);
    Some(Plume { smoke, sources, reach_m, within_deg, wind_least, wind_within_m, wind_age })
}

fn read_gateway(mut section: Section<'_, '_>) -> Option<Gateway> {
    let title = section.local_name("title", Need::Required);
    let severity = section.word("severity", Need::Required, &SEVERITIES);
    let least = number(&mut section, "least", (2.0, 10_000.0));
    if least.is_some_and(|least| least.fract() != 0.0) {
        section.mistake("least", "must be a whole number");
    }
    let share = number(&mut section, "share", (0.1, 1.0));
    let after = span(&mut section, "after", (Duration::from_secs(60), Duration::from_secs(86_400)));
    let patience = span(&mut section, "patience", (Duration::ZERO, SPAN_MAX));
    section.finish();
    let least = least? as usize;
    Some(Gateway { title: title?, severity: severity?, least, share: share?, after: after?, patience: patience? })
}

/// A number between two others, both included.
pub(super) fn number(section: &mut Section<'_, '_>, key: &'static str, (least, most): (f64, f64)) -> Option<f64> {
    let number = section.number(key, Need::Required)?;
    let is_inside = (least..=most).contains(&number);
    if !is_inside {
        section.mistake(key, format!("must be {least} to {most}, not {number}"));
    }
    is_inside.then_some(number)
}

fn span(section: &mut Section<'_, '_>, key: &'static str, (least, most): (Duration, Duration)) -> Option<Duration> {
    let span = section.span(key, Need::Required)?.duration();
    let is_inside = (least..=most).contains(&span);
    if !is_inside {
        section.mistake(key, format!("must be {} to {}", Span::from(least), Span::from(most)));
    }
    is_inside.then_some(span)
}
