//! What people did about an alert, as it is told: how the alert stands by it, and one time-line of states and deeds.

use serde::Serialize;
use utoipa::ToSchema;

use super::features::{AlertMoment, Reporter, severity_schema};
use super::time::Shown;
use crate::alerts::workflow::{Acknowledgement, Closed, Deed, Did, Returned, Shelf};
use crate::model::{Alert, EscalationCause, Moment, Timestamp};

/// How an alert stands by what people did about it.
#[derive(Serialize, ToSchema)]
pub struct HandlingDocument {
    /// Whether somebody looks after it, as severe as it is now.
    acknowledged: bool,
    /// Who acknowledged it, in order; the time-line has what they said.
    acknowledged_by: Vec<AcknowledgementDocument>,
    /// Whose it is: an account or a person; null: nobody's.
    assigned_to: Option<String>,
    /// That nobody is told of it for a while; null when it is not shelved.
    shelved: Option<ShelfDocument>,
    /// That somebody closed it; null when nobody did. While `state` is not cleared: nobody is told of it until its
    /// condition has ended once, or it gets worse.
    closed: Option<ClosedDocument>,
    /// Whether nobody is told of it and no step is taken: shelved, or closed while its condition holds.
    quiet: bool,
    /// Lines of the time-line that are not kept here any more; the audit has them.
    dropped: u64,
}

/// That somebody looks after an alert.
#[derive(Serialize, ToSchema)]
pub struct AcknowledgementDocument {
    /// The account.
    by: String,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
    /// How severe the alert was: the acknowledgement stands for that and less.
    #[schema(schema_with = severity_schema)]
    severity: &'static str,
}

/// That nobody is told of a rule's alerts on one subject for a while.
#[derive(Serialize, ToSchema)]
pub struct ShelfDocument {
    /// When it is back by itself; at once when it gets worse than `severity`.
    #[schema(value_type = String, format = DateTime)]
    until: Shown,
    /// Why.
    reason: String,
    /// The account.
    by: String,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
    /// How severe it may get.
    #[schema(schema_with = severity_schema)]
    severity: &'static str,
    /// The alert of which it was said: the same one may have been raised again since.
    alert: String,
}

/// That somebody closed an alert.
#[derive(Serialize, ToSchema)]
pub struct ClosedDocument {
    /// Why: resolved, false_alarm, test, duplicate, other.
    #[schema(value_type = String, example = "false_alarm")]
    cause: &'static str,
    /// What they said.
    note: String,
    /// The account.
    by: String,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
}

/// One thing that was done about an alert.
#[derive(Default, Serialize, ToSchema)]
pub struct DeedDocument {
    /// acknowledged, unacknowledged, assigned, commented, shelved, unshelved, returned, returned_worse, closed,
    /// escalated, reminded, not_delivered.
    #[schema(value_type = String, example = "acknowledged")]
    what: &'static str,
    /// The account; absent for what Saola did by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    /// When the author said it, by the clock of their device; absent when it did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    said_at: Option<Shown>,
    /// What was said: the note, comment or reason.
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    /// To whom it was assigned or taken, or whom it did not reach: an account or a person, `duty:ROLE`, `person:ID`,
    /// `role:ROLE`, `account:NAME`, `subscribers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// Until when it is shelved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Shown>,
    /// Why it was closed, or taken to somebody: unacknowledged, undelivered, reminder, return.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    why: Option<&'static str>,
    /// The step of escalation, or the number of the reminder.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u16>,
    /// The entry's number.
    #[schema(example = "48211")]
    number: String,
}

impl Reporter<'_> {
    /// How an alert stands by what people did about it.
    pub fn handling(&self, alert: &Alert) -> HandlingDocument {
        let workflow = &self.state.workflow;
        let handling = workflow.handling(&alert.id);
        let acknowledged = handling.map(|handling| handling.acknowledged.as_slice()).unwrap_or_default();
        HandlingDocument {
            acknowledged: workflow.acknowledged(alert).is_some(),
            acknowledged_by: acknowledged.iter().map(|one| self.acknowledgement(one)).collect(),
            assigned_to: handling.and_then(|handling| handling.assigned_to.clone()),
            shelved: workflow.shelf(alert).map(|shelf| self.shelf(shelf)),
            closed: handling.and_then(|handling| handling.closed.as_ref()).map(|closed| self.closed(closed)),
            quiet: alert.quiet,
            dropped: handling.map_or(0, |handling| handling.dropped),
        }
    }

    /// How an alert stood at a past moment by what people had done by then, as far as its deeds are kept; `alert` is as of
    /// that moment.
    pub fn handling_then(&self, alert: &Alert, at: Timestamp) -> HandlingDocument {
        let handling = self.state.workflow.handling(&alert.id);
        let deeds = handling.map(|handling| handling.deeds.as_slice()).unwrap_or_default();
        let mut told = HandlingDocument {
            acknowledged: false,
            acknowledged_by: Vec::new(),
            assigned_to: None,
            shelved: None,
            closed: None,
            quiet: false,
            dropped: handling.map_or(0, |handling| handling.dropped),
        };
        told.shelved = self.shelf_then(alert, at);
        let mut known: Vec<Acknowledgement> = Vec::new();
        for deed in deeds.iter().filter(|deed| deed.at <= at) {
            let (by, severity) = (deed.author.clone().unwrap_or_default(), deed.severity);
            match &deed.did {
                Did::Acknowledged { .. } => {
                    if !known.iter().any(|one| one.by == by && one.severity >= severity) {
                        known.retain(|one| one.by != by);
                        known.push(Acknowledgement { by, at: deed.at, severity });
                    }
                }
                Did::Unacknowledged { .. } => known.retain(|one| one.by != by),
                Did::Assigned { to, .. } => told.assigned_to = to.clone(),
                Did::Closed { cause, note } => {
                    let (cause, note, at) = (cause.word(), note.clone(), self.zone.show(deed.at));
                    told.closed = Some(ClosedDocument { cause, note, by, at });
                }
                Did::Returned(Returned::Worse) => told.closed = None,
                Did::Shelved { .. } | Did::Unshelved { .. } | Did::Returned(Returned::TimeIsUp) => {}
                Did::Commented { .. } | Did::Escalated { .. } | Did::NotDelivered { .. } => {}
            }
        }
        told.acknowledged = known.iter().any(|one| one.severity >= alert.severity);
        told.acknowledged_by = known.iter().map(|one| self.acknowledgement(one)).collect();
        told.quiet = told.shelved.is_some() || told.closed.is_some();
        told
    }

    /// The shelf that an alert lay on at a past moment: it may have been said of one before, of the same rule and subject.
    fn shelf_then(&self, alert: &Alert, at: Timestamp) -> Option<ShelfDocument> {
        let deeds = |id| Some((id, self.state.workflow.handling(id)?.deeds.as_slice()));
        let kin = self.state.alerts.kin(alert).into_iter().filter_map(deeds);
        let said = kin.flat_map(|(id, deeds)| deeds.iter().map(move |deed| (deed.seq, id, deed)));
        let is_about_it = |did: &Did| matches!(did, Did::Shelved { .. } | Did::Unshelved { .. } | Did::Returned(_));
        let said = said.filter(|(_, _, deed)| deed.at <= at && is_about_it(&deed.did));
        let (_, id, deed) = said.max_by_key(|(seq, ..)| *seq)?;
        let Did::Shelved { until, reason } = &deed.did else { return None };
        (*until > at && deed.severity >= alert.severity).then(|| ShelfDocument {
            until: self.zone.show(*until),
            reason: reason.clone(),
            by: deed.author.clone().unwrap_or_default(),
            at: self.zone.show(deed.at),
            severity: deed.severity.word(),
            alert: id.to_string(),
        })
    }

    /// The time-line up to a past moment; `alert` is as of that moment.
    pub fn timeline_then(&self, alert: &Alert, at: Timestamp) -> Vec<AlertMoment> {
        let deeds = self.state.workflow.handling(&alert.id).map(|handling| handling.deeds.as_slice());
        self.lines(alert, deeds.unwrap_or_default().iter().filter(|deed| deed.at <= at))
    }

    /// The alert's states by the data's own time and what was done about it by the time of receipt, both in the order in
    /// which they came about.
    pub fn timeline(&self, alert: &Alert) -> Vec<AlertMoment> {
        let deeds = self.state.workflow.handling(&alert.id).map(|handling| handling.deeds.as_slice());
        self.lines(alert, deeds.unwrap_or_default().iter())
    }

    fn lines<'d>(&self, alert: &Alert, deeds: impl Iterator<Item = &'d Deed>) -> Vec<AlertMoment> {
        let mut states = alert.timeline.iter().peekable();
        let mut lines = Vec::new();
        // Neither gives way to a clock that was set back: each keeps its own order.
        for deed in deeds {
            while let Some(moment) = states.next_if(|moment| moment.at <= deed.at) {
                lines.push(self.moment(moment));
            }
            lines.push(self.done(deed));
        }
        lines.extend(states.map(|moment| self.moment(moment)));
        lines
    }

    fn moment(&self, moment: &Moment) -> AlertMoment {
        AlertMoment {
            at: self.zone.show(moment.at),
            state: moment.state.word(),
            severity: moment.severity.word(),
            value: moment.value,
            cause: moment.cause.word(),
            deed: None,
        }
    }

    fn done(&self, deed: &Deed) -> AlertMoment {
        AlertMoment {
            at: self.zone.show(deed.at),
            state: deed.state.word(),
            severity: deed.severity.word(),
            value: None,
            cause: if deed.author.is_some() { "person" } else { "time" },
            deed: Some(self.deed(deed)),
        }
    }

    fn deed(&self, deed: &Deed) -> DeedDocument {
        let told = DeedDocument {
            what: deed.did.word(),
            author: deed.author.clone(),
            said_at: deed.said_at.map(|at| self.zone.show(at)),
            number: deed.seq.to_string(),
            text: deed.did.text().to_owned(),
            ..DeedDocument::default()
        };
        match &deed.did {
            Did::Acknowledged { .. }
            | Did::Unacknowledged { .. }
            | Did::Unshelved { .. }
            | Did::Commented { .. }
            | Did::Returned(_) => told,
            Did::Assigned { to, .. } => DeedDocument { to: to.clone(), ..told },
            Did::Shelved { until, .. } => DeedDocument { until: Some(self.zone.show(*until)), ..told },
            Did::Closed { cause, .. } => DeedDocument { why: Some(cause.word()), ..told },
            Did::Escalated { step, to, why } => {
                let step = (*why != EscalationCause::Return).then_some(*step);
                DeedDocument { step, to: Some(to.to_string()), why: Some(why.word()), ..told }
            }
            Did::NotDelivered { person, step, .. } => {
                DeedDocument { step: Some(*step), to: Some(format!("person:{person}")), ..told }
            }
        }
    }

    fn acknowledgement(&self, one: &Acknowledgement) -> AcknowledgementDocument {
        let (by, at) = (one.by.clone(), self.zone.show(one.at));
        AcknowledgementDocument { by, at, severity: one.severity.word() }
    }

    fn shelf(&self, shelf: &Shelf) -> ShelfDocument {
        ShelfDocument {
            until: self.zone.show(shelf.until),
            reason: shelf.reason.clone(),
            by: shelf.by.clone(),
            at: self.zone.show(shelf.at),
            severity: shelf.severity.word(),
            alert: shelf.alert.to_string(),
        }
    }

    fn closed(&self, closed: &Closed) -> ClosedDocument {
        let (by, at) = (closed.by.clone(), self.zone.show(closed.at));
        ClosedDocument { cause: closed.cause.word(), note: closed.note.clone(), by, at }
    }
}
