//! Alerts as snapshots up to format 4 hold them: read, and carried over.
//!
//! Rules were levels and absences then, and an alert was about a channel. What is open goes on; windows, counts and
//! records were not known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::machine::{Heard, Machine};
use super::rules::{Condition, Flapping, LEVELS_MAX, Levels, Of, Rule, Rules, Scope};
use super::{Alerts, Ear, Key, Retention, Spot};
use crate::model::{
    Alert, AlertId, AlertState, AreaId, ChannelId, LocalName, Mistake, Moment, Property, Severity, StationNo, Subject,
    Timestamp, Unit,
};

/// See the module.
#[derive(Deserialize)]
pub struct Former {
    rules: Vec<FormerRule>,
    refused: Vec<Mistake>,
    alerts: HashMap<AlertId, FormerAlert>,
    forgotten: u64,
    ears: Vec<(Timestamp, Timestamp)>,
    machines: BTreeMap<FormerKey, FormerMachine>,
    deadlines: BTreeSet<(Timestamp, FormerKey)>,
    listening_since: Timestamp,
    aged_to: Timestamp,
    retention: Retention,
}

type FormerKey = (u32, ChannelId);

#[derive(Deserialize)]
struct FormerRule {
    name: String,
    file: String,
    title: LocalName,
    property: Property,
    scope: Scope,
    unit: Option<Unit>,
    condition: FormerCondition,
    hold: Duration,
    clear_for: Duration,
    enabled: bool,
}

#[derive(Deserialize)]
enum FormerCondition {
    Levels { levels: Levels, unknown_after: Option<Duration> },
    Absence { after: Duration, severity: Severity },
}

#[derive(Deserialize)]
struct FormerMachine {
    on: u8,
    raised: u8,
    since: [Timestamp; LEVELS_MAX],
    heard: Heard,
    unknown: bool,
    alert: Option<AlertId>,
}

#[derive(Deserialize)]
struct FormerAlert {
    id: AlertId,
    rule: String,
    title: LocalName,
    subject: (StationNo, ChannelId, Option<AreaId>),
    state: AlertState,
    severity: Severity,
    threshold: Option<f64>,
    value: Option<f64>,
    started_at: Timestamp,
    changed_at: Timestamp,
    ended_at: Option<Timestamp>,
    timeline: Vec<Moment>,
}

impl Former {
    /// As they are held now. `property_of` names what a channel observes, and `newest` its newest good value.
    pub fn into_alerts(
        self,
        property_of: impl Fn(ChannelId) -> Option<Property>,
        newest: impl Fn(ChannelId, Timestamp) -> Option<f64>,
    ) -> Alerts {
        let key = |(rule, channel): FormerKey| Key { rule, spot: Spot::Channel(channel) };
        let ear = |((good_at, spoken_at), channel): ((Timestamp, Timestamp), u32)| Ear {
            good_at,
            spoken_at,
            value: newest(ChannelId(channel), good_at),
            heard_at: spoken_at,
        };
        let alert = |(id, alert): (AlertId, FormerAlert)| {
            let cause = property_of(alert.subject.1).map_or_else(String::new, |property| property.as_str().to_owned());
            (id, Arc::new(alert.into_alert(cause)))
        };
        let mut alerts = Alerts::new(self.retention);
        alerts.rules = Rules::of(self.rules.into_iter().map(FormerRule::into_rule).collect());
        alerts.refused = self.refused;
        alerts.book.put_back(self.alerts.into_iter().map(alert).collect(), self.forgotten);
        alerts.ears = self.ears.into_iter().zip(0u32..).map(ear).collect();
        alerts.machines = self.machines.into_iter().map(|(at, machine)| (key(at), machine.into_machine())).collect();
        alerts.deadlines = self.deadlines.into_iter().map(|(at, of)| (at, key(of))).collect();
        alerts.listening_since = self.listening_since;
        alerts.aged_to = self.aged_to;
        alerts
    }
}

impl FormerRule {
    fn into_rule(self) -> Rule {
        let condition = match self.condition {
            FormerCondition::Levels { levels, unknown_after } => {
                Condition::Levels { levels, of: Of::Sample, times: None, unknown_after }
            }
            FormerCondition::Absence { after, severity } => Condition::Absence { after, severity },
        };
        Rule {
            name: self.name,
            file: self.file,
            title: self.title,
            text: None,
            source: None,
            cause: self.property.as_str().to_owned(),
            property: self.property,
            scope: self.scope,
            unit: self.unit,
            condition,
            hold: self.hold,
            clear_for: self.clear_for,
            calendar: None,
            latched: false,
            flapping: Some(Flapping::DEFAULT),
            enabled: self.enabled,
        }
    }
}

impl FormerMachine {
    fn into_machine(self) -> Machine {
        let counts = (self.on, self.raised, self.since);
        let mut machine = Machine::recalled(counts, self.heard);
        (machine.unknown, machine.alert) = (self.unknown, self.alert);
        machine
    }
}

impl FormerAlert {
    fn into_alert(self, cause: String) -> Alert {
        let (station, channel, area) = self.subject;
        Alert {
            id: self.id,
            rule: self.rule,
            title: self.title,
            subject: Subject::Channel { station, channel, area },
            state: self.state,
            severity: self.severity,
            threshold: self.threshold,
            value: self.value,
            started_at: self.started_at,
            changed_at: self.changed_at,
            ended_at: self.ended_at,
            timeline: self.timeline,
            cause,
            occurrences: 1,
            flapping: false,
            retrospective: false,
            closed: None,
            quiet: false,
        }
    }
}
