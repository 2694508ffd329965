//! Alerts as they stood at a past moment, as far as their time-lines tell.
//!
//! A time-line keeps its first line and the newest after it: between the two, an alert was open and in which state is not
//! known. Then it is `unknown`, as severe as the worse of its neighbours. What no line tells is left out: the value is the
//! one that decided the state, and the threshold is known while the severity is that of the present. While an alert is
//! flapping its occurrences are counted without a line: how many they were is not known ([`Alert::occurrences_told`]).

use std::sync::Arc;

use super::book::MOMENTS_MAX;
use super::{Alerts, Filter};
use crate::model::{Alert, AlertId, AlertState, Cause, Moment, Severity, Timestamp};

impl Alerts {
    /// The alerts that were open at a moment, as they stood then; the newest change first. See [`Alerts::known_since`].
    pub fn open_at(&self, at: Timestamp) -> Vec<Arc<Alert>> {
        let mut open: Vec<Arc<Alert>> =
            self.book.open_after(at).filter_map(|alert| as_of(alert, at)).map(Arc::new).collect();
        open.sort_by(|a, b| (b.changed_at, &b.id).cmp(&(a.changed_at, &a.id)));
        open
    }

    /// Those of them that a filter takes.
    pub fn all_at(&self, at: Timestamp, filter: &Filter) -> Vec<Arc<Alert>> {
        let mut open = self.open_at(at);
        open.retain(|alert| filter.takes_page(alert));
        open
    }

    /// How an alert stood at a moment; `None` before it was raised, and for one that is not kept.
    pub fn standing_at(&self, id: &AlertId, at: Timestamp) -> Option<(AlertState, Severity)> {
        standing(self.book.get(id)?, at).map(|(state, severity, _)| (state, severity))
    }

    /// The alerts of the same rule on the same subject that are kept, this one among them: a shelf is for them all.
    pub fn kin<'k>(&'k self, alert: &'k Alert) -> Vec<&'k AlertId> {
        match alert.subject.channel() {
            Some(channel) => self.book.of_rule(channel, &alert.rule).map(|kin| &kin.id).collect(),
            None => {
                let is_kin = |kin: &&Arc<Alert>| kin.rule == alert.rule && kin.subject == alert.subject;
                self.book.open_after(Timestamp::from_micros(i64::MIN)).filter(is_kin).map(|kin| &kin.id).collect()
            }
        }
    }

    /// From when on every alert is known: of moments before it, some that were over soon after are not kept any more.
    /// `None`: none was ever dropped.
    pub fn known_since(&self) -> Option<Timestamp> {
        let kept_since = self.aged_to - self.retention.keep_closed;
        (self.book.forgotten() > 0).then(|| self.book.first_end().unwrap_or(kept_since))
    }
}

/// State and severity at a moment, with the line that says so; `None` before the first line.
fn standing(alert: &Alert, at: Timestamp) -> Option<(AlertState, Severity, &Moment)> {
    let place = alert.timeline.iter().rposition(|moment| moment.at <= at)?;
    let moment = alert.timeline.get(place)?;
    let after = alert.timeline.get(place + 1);
    match after.filter(|_| place == 0 && alert.timeline.len() >= MOMENTS_MAX) {
        Some(after) => Some((AlertState::Unknown, moment.severity.max(after.severity), moment)),
        None => Some((moment.state, moment.severity, moment)),
    }
}

/// An alert as it stood at a moment; `None` when it was not open.
fn as_of(alert: &Alert, at: Timestamp) -> Option<Alert> {
    let (state, severity, moment) = standing(alert, at).filter(|(state, ..)| state.is_open())?;
    let changed_at = moment.at;
    let value = moment.value;
    let timeline: Vec<Moment> = alert.timeline.iter().filter(|moment| moment.at <= at).cloned().collect();
    let is_mark = |moment: &&Moment| matches!(moment.cause, Cause::Flapping | Cause::Settled);
    let begun_again = timeline.windows(2).filter(|pair| {
        let [before, after] = pair else { return false };
        before.state == AlertState::Latched && after.state == AlertState::Active
    });
    let begun = u32::try_from(begun_again.count()).unwrap_or(u32::MAX).saturating_add(1);
    Some(Alert {
        state,
        severity,
        threshold: alert.threshold.filter(|_| alert.severity == severity),
        value,
        changed_at,
        ended_at: None,
        occurrences: if alert.changed_at <= at { alert.occurrences } else { begun.min(alert.occurrences) },
        flapping: timeline.iter().rfind(is_mark).is_some_and(|moment| moment.cause == Cause::Flapping),
        closed: None,
        quiet: false,
        timeline,
        id: alert.id.clone(),
        rule: alert.rule.clone(),
        title: alert.title.clone(),
        subject: alert.subject.clone(),
        started_at: alert.started_at,
        cause: alert.cause.clone(),
        retrospective: alert.retrospective,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelId, LocalName, StationNo, Subject};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// Of lines: when, state, severity, why.
    fn alert(lines: &[(i64, AlertState, Severity, Cause)]) -> Alert {
        let moment = |(seconds, state, severity, cause): &(i64, AlertState, Severity, Cause)| Moment {
            at: at(*seconds),
            state: *state,
            severity: *severity,
            value: Some(*seconds as f64),
            cause: *cause,
        };
        let (_, state, severity, _) = lines[lines.len() - 1];
        let last = at(lines[lines.len() - 1].0);
        Alert {
            id: AlertId("a".into()),
            rule: "r".into(),
            title: LocalName { vi: "r".into(), en: "r".into() },
            subject: Subject::Channel { station: StationNo(0), channel: ChannelId(0), area: None },
            state,
            severity,
            threshold: Some(9.0),
            value: Some(99.0),
            started_at: at(lines[0].0 - 5),
            changed_at: last,
            ended_at: (!state.is_open()).then_some(last),
            timeline: lines.iter().map(moment).collect(),
            cause: "rain".into(),
            occurrences: 3,
            flapping: false,
            retrospective: false,
            closed: None,
            quiet: false,
        }
    }

    #[test]
    fn an_alert_stands_as_its_last_line_before_the_moment_says() {
        use AlertState::{Active, Cleared, Recovering};
        let alert = alert(&[
            (100, Active, Severity::Medium, Cause::Value),
            (200, Active, Severity::High, Cause::Value),
            (300, Active, Severity::High, Cause::Flapping),
            (400, Recovering, Severity::High, Cause::Settled),
            (500, Cleared, Severity::High, Cause::Value),
        ]);
        let check = |seconds, expected: Option<(AlertState, Severity, Option<f64>, bool)>| {
            let then = as_of(&alert, at(seconds));
            let told = then.as_ref().map(|then| (then.state, then.severity, then.threshold, then.flapping));
            assert_eq!(told, expected, "at {seconds}");
            if let Some(then) = then {
                assert_eq!((then.ended_at, then.value), (None, Some(then.changed_at.seconds() as f64)));
                assert!(then.timeline.iter().all(|moment| moment.at <= at(seconds)));
            }
        };
        check(99, None);
        check(100, Some((Active, Severity::Medium, None, false)));
        check(199, Some((Active, Severity::Medium, None, false)));
        check(200, Some((Active, Severity::High, Some(9.0), false)));
        let occurrences = |seconds| as_of(&alert, at(seconds)).unwrap().occurrences_told();
        assert_eq!((occurrences(299), occurrences(300), occurrences(499)), (Some(1), None, None));
        check(399, Some((Active, Severity::High, Some(9.0), true)));
        check(499, Some((Recovering, Severity::High, Some(9.0), false)));
        check(500, None);
    }

    #[test]
    fn lines_that_were_dropped_make_the_state_unknown() {
        let mut lines = vec![(0, AlertState::Active, Severity::High, Cause::Value)];
        lines.extend(
            (1..MOMENTS_MAX as i64).map(|line| (1_000 + line, AlertState::Active, Severity::Low, Cause::Value)),
        );
        let then = as_of(&alert(&lines), at(500)).unwrap();
        assert_eq!((then.state, then.severity), (AlertState::Unknown, Severity::High));
        assert_eq!(as_of(&alert(&lines), at(1_001)).unwrap().state, AlertState::Active);
        lines.pop();
        assert_eq!(as_of(&alert(&lines), at(500)).unwrap().state, AlertState::Active, "none can be missing");
    }
}
