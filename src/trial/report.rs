//! What a trial on history found, as a document and as a text.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::Span;

/// What rules would have done over a stretch of stored history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// From this time on, RFC 3339.
    #[schema(example = "2013-01-01T00:00:00+07:00")]
    pub from: String,
    /// Up to and without this time.
    #[schema(example = "2014-01-01T00:00:00+07:00")]
    pub to: String,
    /// Its length in mean months of 30.44 days.
    pub months: f64,
    /// The rules, by name.
    pub rules: Vec<RuleReport>,
    /// What is to be known about these numbers.
    pub notes: Vec<String>,
}

/// What one rule would have done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuleReport {
    /// Its name.
    #[schema(example = "fire-danger-level")]
    pub rule: String,
    /// What it was judged by.
    pub read: Read,
    /// What it would have done.
    pub numbers: Numbers,
    /// The same for the rule of that name that is in force, when it is another.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<Numbers>,
    /// A threshold for the wished number of alerts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub suggestion: Option<Suggestion>,
}

/// What was read for a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Read {
    /// Stations.
    pub stations: u64,
    /// Channels.
    pub channels: u64,
    /// Of these, channels without any sample in that time: nothing is expected of them below.
    pub silent: u64,
    /// Samples.
    pub samples: u64,
    /// Of these, flagged ones: they neither raise nor clear.
    pub flagged: u64,
    /// Samples that the intervals of channels with data let expect.
    pub expected: u64,
    /// Samples over expected ones, channel by channel at most 1; null when nothing was expected.
    #[schema(example = 0.97)]
    pub completeness: Option<f64>,
    /// What the missing ones mean for the numbers.
    pub meaning: String,
    /// The channels that miss most, at most ten.
    pub worst: Vec<Hole>,
}

/// A channel that misses samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hole {
    /// STATION/PROPERTY.
    #[schema(example = "WX-01/rainfall")]
    pub channel: String,
    /// Samples.
    pub samples: u64,
    /// Expected ones.
    pub expected: u64,
}

/// How often, how long, where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Numbers {
    /// Alerts raised.
    pub alerts: u64,
    /// The same for a mean month.
    pub per_month: f64,
    /// Alerts that were open already when it begins: in none of the other numbers of alerts.
    pub open_at_begin: u64,
    /// Alerts that were still open when it ends; their durations end there.
    pub open_at_end: u64,
    /// By calendar month; months without any are left out.
    pub months: Vec<MonthCount>,
    /// Hours of alert, all together.
    pub hours: f64,
    /// Half of the alerts lasted no longer; null without alerts.
    pub minutes_median: Option<f64>,
    /// Nine of ten lasted no longer.
    pub minutes_p90: Option<f64>,
    /// The longest.
    pub minutes_longest: Option<f64>,
    /// By severity, those that occurred.
    pub severities: Vec<SeverityCount>,
    /// How restless it was.
    pub flapping: Flapping,
    /// How often data stopped while an alert was open.
    pub unknown: Unknown,
    /// By the stations' commune, `-` for none.
    pub areas: Vec<Where>,
    /// By station (or area, for rules about a whole area), the most alerts first.
    pub stations: Vec<Where>,
    /// Further stations with alerts.
    pub other_stations: usize,
}

/// Alerts of a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MonthCount {
    /// The month in the asked zone.
    #[schema(example = "2013-04")]
    pub month: String,
    /// Alerts raised in it.
    pub alerts: u64,
}

/// Alerts of a severity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeverityCount {
    /// low, medium, high, very_high, catastrophic.
    #[schema(example = "high")]
    pub severity: String,
    /// Alerts that came to it and no further.
    pub alerts: u64,
    /// Hours at it, of any alert.
    pub hours: f64,
}

/// Restlessness.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Flapping {
    /// Alerts raised within an hour of the end of the one before at the same place.
    pub again: u64,
    /// Returns from recovering to active inside alerts.
    pub wavered: u64,
    /// How often an alert came back so often that it was muted.
    pub muted: u64,
}

/// Data that stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Unknown {
    /// How often.
    pub times: u64,
    /// For how long, all together.
    pub hours: f64,
}

/// Alerts of a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Where {
    /// The station, or the area's code.
    #[schema(example = "WX-01")]
    pub name: String,
    /// The commune's code.
    pub area: Option<String>,
    /// Alerts.
    pub alerts: u64,
    /// Hours of alert.
    pub hours: f64,
}

/// A threshold for a wished number of alerts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Suggestion {
    /// Alerts a month that are wished for.
    pub wished_per_month: f64,
    /// `above` or `below`.
    #[schema(example = "above")]
    pub direction: String,
    /// Of the least severe level, in `unit`; it alone decides how many alerts there are.
    pub threshold: f64,
    /// Its clear level: as far from the threshold as in the rule.
    pub clear: f64,
    /// The rule's unit, or that of its channels.
    #[schema(example = "ug/m3")]
    pub unit: String,
    /// Alerts at this threshold over the same history, counted by the engine.
    pub alerts: u64,
    /// The same for a mean month.
    pub per_month: f64,
    /// Whether fewer alerts came with every more extreme threshold that was tried. Where not, alerts run into each
    /// other: a laxer threshold makes fewer and longer ones.
    pub is_monotone: bool,
    /// What was tried, the most extreme first.
    pub tried: Vec<Tried>,
    /// What it means, in a sentence.
    pub meaning: String,
}

/// A threshold that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tried {
    /// In the suggestion's unit.
    pub threshold: f64,
    /// Alerts with it.
    pub alerts: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} to {} ({:.1} months)", self.from, self.to, self.months)?;
        for rule in &self.rules {
            write!(f, "\n{rule}")?;
        }
        for note in &self.notes {
            write!(f, "\nnote: {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for RuleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Read { stations, channels, silent, samples, flagged, expected, completeness, meaning, worst } = &self.read;
        writeln!(f, "{}", self.rule)?;
        let share = completeness.map_or("-".to_owned(), |share| format!("{:.1} %", share * 100.0));
        writeln!(
            f,
            "  read        {samples} samples of {channels} channels at {stations} stations, {flagged} flagged"
        )?;
        if *silent > 0 {
            writeln!(f, "              {silent} of these channels have no data at all: nothing is said of them")?;
        }
        writeln!(f, "  complete    {share} of {expected} expected: {meaning}")?;
        for hole in worst {
            writeln!(f, "              {}: {} of {}", hole.channel, hole.samples, hole.expected)?;
        }
        write!(f, "{}", self.numbers)?;
        if let Some(before) = &self.before {
            writeln!(f, "  the rule in force, over the same history:")?;
            write!(f, "{before}")?;
        }
        if let Some(suggestion) = &self.suggestion {
            let Suggestion { direction, threshold, clear, unit, meaning, .. } = suggestion;
            writeln!(f, "  suggestion  {direction} {threshold} {unit}, clear {clear}: {meaning}")?;
            for tried in &suggestion.tried {
                writeln!(f, "              {} {}: {} alerts", direction, tried.threshold, tried.alerts)?;
            }
        }
        Ok(())
    }
}

/// Minutes as people write a time.
fn shown(minutes: f64) -> String {
    Span::from_seconds((minutes * 60.0).round() as u64).to_string()
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Numbers { alerts, per_month, open_at_begin, open_at_end, hours, .. } = self;
        writeln!(
            f,
            "  alerts      {alerts}, {per_month} a month; {open_at_begin} open before, {open_at_end} at the end"
        )?;
        if *alerts == 0 {
            return Ok(());
        }
        let months: Vec<String> = self.months.iter().map(|row| format!("{} {}", row.month, row.alerts)).collect();
        writeln!(f, "  by month    {}", months.join(", "))?;
        let minutes = |minutes: Option<f64>| minutes.map_or("-".to_owned(), shown);
        let [median, p90, longest] = [self.minutes_median, self.minutes_p90, self.minutes_longest].map(minutes);
        writeln!(f, "  lasted      median {median}, 90 % within {p90}, longest {longest}; {hours} h in all")?;
        let severities: Vec<String> =
            self.severities.iter().map(|row| format!("{} {} ({} h)", row.severity, row.alerts, row.hours)).collect();
        writeln!(f, "  severity    {}", severities.join(", "))?;
        let Flapping { again, wavered, muted } = &self.flapping;
        writeln!(
            f,
            "  restless    {again} raised again within an hour, {wavered} returns while recovering, {muted} muted"
        )?;
        writeln!(f, "  unknown     {} times, {} h", self.unknown.times, self.unknown.hours)?;
        let places = |rows: &[Where]| {
            let shown: Vec<String> =
                rows.iter().take(10).map(|row| format!("{} {} ({} h)", row.name, row.alerts, row.hours)).collect();
            shown.join(", ")
        };
        writeln!(f, "  communes    {}", places(&self.areas))?;
        writeln!(f, "  stations    {}", places(&self.stations))
    }
}
