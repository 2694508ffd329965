//! From transitions to numbers: how often, how long, where, how severe, how restless. Bounded: of an alert that is over
//! a few numbers stay.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::case::name_of;
use super::report::{Flapping, MonthCount, Numbers, SeverityCount, Unknown, Where};
use crate::model::{AlertId, AlertState, Catalogue, Cause, Severity, Timestamp, Transition};

/// An alert that is raised again so soon after it was over was not over.
pub const AGAIN_WITHIN: Duration = Duration::from_secs(3600);
/// Durations kept for the median; after so many alerts of one rule it is that of the first ones.
const DURATIONS_MAX: usize = 1_000_000;
/// Stations in a report; the others are told by their number.
const STATIONS_SHOWN: usize = 100;
/// A month in a mean: a twelfth of a year of 365.2425 days, in seconds.
pub const MONTH_SECONDS: f64 = 365.2425 * 86_400.0 / 12.0;

/// An alert that is open.
struct Open {
    subject: String,
    area: Option<String>,
    raised_at: Timestamp,
    worst: Severity,
    /// As it stands, and since when.
    severity: Severity,
    state: AlertState,
    since: Timestamp,
    /// Raised before the report begins.
    is_early: bool,
}

/// Alerts of one rule.
#[derive(Default)]
pub(super) struct Account {
    open: HashMap<AlertId, Open>,
    cleared_at: HashMap<String, Timestamp>,
    early: u64,
    months: BTreeMap<String, u64>,
    severities: [(u64, f64); 5],
    seconds: Vec<f64>,
    total_seconds: f64,
    alerts: u64,
    again: u64,
    wavered: u64,
    muted: u64,
    unknown: (u64, f64),
    stations: BTreeMap<String, (Option<String>, u64, f64)>,
    areas: BTreeMap<Option<String>, (u64, f64)>,
}

impl Account {
    /// Takes a transition in. What was raised before `from` is counted apart.
    pub(super) fn note(&mut self, transition: &Transition, catalogue: &Catalogue, from: Timestamp, zone: &TimeZone) {
        let alert = &transition.alert;
        if transition.from.is_none() {
            let subject = name_of(&alert.subject, catalogue);
            let is_early = alert.changed_at < from;
            if is_early {
                self.early += 1;
            } else {
                self.raise(&subject, alert.changed_at, zone);
            }
            let open = Open {
                subject,
                area: alert.subject.area().map(ToString::to_string),
                raised_at: alert.changed_at,
                worst: alert.severity,
                severity: alert.severity,
                state: alert.state,
                since: alert.changed_at.max(from),
                is_early,
            };
            self.open.insert(alert.id.clone(), open);
            return;
        }
        let Some(mut open) = self.open.remove(&alert.id) else { return };
        self.pass(&open, alert.changed_at);
        self.wavered += u64::from(open.state == AlertState::Recovering && alert.state == AlertState::Active);
        let cause = alert.timeline.last().map(|moment| moment.cause);
        self.muted += u64::from(cause == Some(Cause::Flapping));
        self.unknown.0 += u64::from(alert.state == AlertState::Unknown);
        open.since = alert.changed_at.max(open.since);
        (open.severity, open.state) = (alert.severity, alert.state);
        open.worst = open.worst.max(alert.severity);
        if alert.state.is_open() {
            self.open.insert(alert.id.clone(), open);
        } else {
            self.cleared_at.insert(open.subject.clone(), alert.changed_at);
            self.end(&open, alert.changed_at);
        }
    }

    fn raise(&mut self, subject: &str, at: Timestamp, zone: &TimeZone) {
        self.alerts += 1;
        let month = at.to_jiff().to_zoned(zone.clone()).strftime("%Y-%m").to_string();
        *self.months.entry(month).or_default() += 1;
        let before = self.cleared_at.get(subject);
        self.again += u64::from(before.is_some_and(|cleared_at| at.since(*cleared_at) <= AGAIN_WITHIN));
    }

    /// Time passes over an open alert.
    fn pass(&mut self, open: &Open, until: Timestamp) {
        let seconds = until.since(open.since).as_secs_f64();
        self.severities[place(open.severity)].1 += seconds;
        if open.state == AlertState::Unknown {
            self.unknown.1 += seconds;
        }
    }

    fn end(&mut self, open: &Open, at: Timestamp) {
        if open.is_early {
            return;
        }
        let seconds = at.since(open.raised_at).as_secs_f64();
        self.total_seconds += seconds;
        if self.seconds.len() < DURATIONS_MAX {
            self.seconds.push(seconds);
        }
        self.severities[place(open.worst)].0 += 1;
        let station = self.stations.entry(open.subject.clone()).or_insert((open.area.clone(), 0, 0.0));
        (station.1, station.2) = (station.1 + 1, station.2 + seconds);
        let area = self.areas.entry(open.area.clone()).or_default();
        (area.0, area.1) = (area.0 + 1, area.1 + seconds);
    }

    /// Alerts raised so far, since the report begins.
    pub(super) fn alerts(&self) -> u64 {
        self.alerts
    }

    /// The numbers; what is still open counts up to `to`.
    pub(super) fn numbers(mut self, from: Timestamp, to: Timestamp) -> Numbers {
        let open: Vec<Open> = std::mem::take(&mut self.open).into_values().collect();
        for open in &open {
            self.pass(open, to);
            self.end(open, to);
        }
        self.seconds.sort_by(f64::total_cmp);
        let share = |share: f64| {
            let place = ((self.seconds.len() as f64 - 1.0) * share).round();
            self.seconds.get(place.max(0.0) as usize).map(|seconds| minutes(*seconds))
        };
        let severities = Severity::ALL.into_iter().map(|severity| {
            let (alerts, seconds) = self.severities[place(severity)];
            SeverityCount { severity: severity.word().to_owned(), alerts, hours: hours(seconds) }
        });
        let mut stations: Vec<Where> = self
            .stations
            .iter()
            .map(|(name, (area, alerts, seconds))| row(name, area.clone(), *alerts, *seconds))
            .collect();
        stations.sort_by(|a, b| b.alerts.cmp(&a.alerts).then_with(|| a.name.cmp(&b.name)));
        let other_stations = stations.len().saturating_sub(STATIONS_SHOWN);
        stations.truncate(STATIONS_SHOWN);
        let area = |(area, (alerts, seconds)): (&Option<String>, &(u64, f64))| {
            row(area.as_deref().unwrap_or("-"), area.clone(), *alerts, *seconds)
        };
        Numbers {
            alerts: self.alerts,
            per_month: round(self.alerts as f64 / (to.since(from).as_secs_f64() / MONTH_SECONDS).max(1e-9)),
            open_at_begin: self.early,
            open_at_end: open.len() as u64,
            months: self
                .months
                .iter()
                .map(|(month, alerts)| MonthCount { month: month.clone(), alerts: *alerts })
                .collect(),
            hours: hours(self.total_seconds),
            minutes_median: share(0.5),
            minutes_p90: share(0.9),
            minutes_longest: share(1.0),
            severities: severities.filter(|row| row.alerts > 0 || row.hours > 0.0).collect(),
            flapping: Flapping { again: self.again, wavered: self.wavered, muted: self.muted },
            unknown: Unknown { times: self.unknown.0, hours: hours(self.unknown.1) },
            areas: self.areas.iter().map(area).collect(),
            stations,
            other_stations,
        }
    }
}

fn row(name: &str, area: Option<String>, alerts: u64, seconds: f64) -> Where {
    Where { name: name.to_owned(), area, alerts, hours: hours(seconds) }
}

fn place(severity: Severity) -> usize {
    Severity::ALL.iter().position(|one| *one == severity).unwrap_or_default()
}

fn hours(seconds: f64) -> f64 {
    round(seconds / 3600.0)
}

fn minutes(seconds: f64) -> f64 {
    round(seconds / 60.0)
}

/// To two decimals.
pub(super) fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
