//! Incidents as they stood at a past moment, as far as their time-lines tell.
//!
//! An incident was open from its first line on until a line says otherwise. Its members then are the alerts that had joined
//! it, or one that it had taken by then; where a time-line has lost lines, what is a member now and no later merger brought
//! counts as one then. How severe a member was is told by the alert's own time-line. Which station of a gateway was
//! unheard first is not kept: whoever had not spoken at the moment since its last word counts. Of a gateway that was lost
//! again later, or let stations go, which were unheard then is not kept either: how many is said to be unknown.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::incident::{Happened, Incident, IncidentMoment, IncidentState, MOMENTS_MAX, Member, Outcut};
use super::{GATEWAY, Incidents};
use crate::model::{AlertId, AlertState, LocalName, Severity, Timestamp};

/// How an alert stood at the moment; `None` before it was raised, and for one that is not kept.
type Standing<'s> = &'s dyn Fn(&AlertId) -> Option<(AlertState, Severity)>;

/// How deep incidents were taken by others that were taken themselves.
const TAKEN_DEPTH_MAX: usize = 16;

impl Incidents {
    /// From when on every incident is known: of moments before it, some that were over soon after are not kept any more.
    /// `None`: none was ever dropped.
    pub fn known_since(&self) -> Option<Timestamp> {
        // By their own clock, of which differences alone are times.
        let over_at = self.over.first().map_or(self.clock - self.retention.keep_closed, |(over_at, _)| *over_at);
        (self.forgotten > 0).then(|| self.seen_at - self.clock.since(over_at))
    }

    /// The incidents that were open at a moment, as they stood then; the newest change first.
    pub fn open_at(&self, at: Timestamp, standing: Standing<'_>) -> Vec<Incident> {
        let mut open: Vec<Incident> =
            self.incidents.values().filter_map(|incident| self.as_of(incident, at, standing)).collect();
        open.sort_by(|a, b| (b.changed_at, &b.id).cmp(&(a.changed_at, &a.id)));
        open
    }

    fn as_of(&self, incident: &Incident, at: Timestamp, standing: Standing<'_>) -> Option<Incident> {
        let is_over = incident.state() != IncidentState::Open;
        if incident.timeline.first()?.at > at || is_over && incident.changed_at <= at || !was_open(incident, at) {
            return None;
        }
        let mut then = Incident::new(incident.id.clone(), incident.group.clone(), incident.title.clone(), at);
        (then.opened_at, then.dropped) = (incident.opened_at, incident.dropped);
        then.timeline = incident.timeline.iter().filter(|moment| moment.at <= at).cloned().collect();
        then.changed_at = then.timeline.last().map_or(incident.opened_at, |moment| moment.at);
        for alert in self.alerts_of(incident, at) {
            let Some(member) = self.member_then(&alert, at, standing) else { continue };
            then.count_in(&member);
            then.members.insert(alert, member);
        }
        then.children = incident.children.clone();
        then.children.retain(|_, child| child.heard_at <= at);
        then.children.values_mut().for_each(|child| child.returned_at = child.returned_at.filter(|back| *back <= at));
        then.outcut = incident.outcut.clone();
        if let Some(outcut) = &mut then.outcut {
            then.has_lost_children = is_begun_again(incident, at);
            let are_back = then.children.values().all(|child| child.returned_at.is_some());
            let is_over = is_given_up(&then.timeline) || are_back && !then.has_lost_children;
            *outcut = Outcut { is_over, back_at: outcut.back_at.filter(|back| *back <= at), ..outcut.clone() };
        }
        let told = then.timeline.iter().rev().find_map(|moment| match moment.what {
            Happened::Severity(severity) => Some(severity),
            _ => None,
        });
        then.severity = told.unwrap_or(Severity::Low);
        if incident.changed_at <= at {
            then.changed_at = incident.changed_at;
        }
        then.is_waited_for().then_some(then)
    }

    /// The alerts that were in an incident at a moment, over or not.
    fn alerts_of(&self, incident: &Incident, at: Timestamp) -> BTreeSet<AlertId> {
        let mut alerts = BTreeSet::new();
        self.gather(incident, at, &mut alerts, TAKEN_DEPTH_MAX);
        if incident.timeline.len() >= MOMENTS_MAX {
            let mut brought_later = BTreeSet::new();
            for moment in incident.timeline.iter().filter(|moment| moment.at > at) {
                match &moment.what {
                    Happened::Joined(alert) => {
                        brought_later.insert(alert.clone());
                    }
                    Happened::Took(other) => {
                        let end = Timestamp::from_micros(i64::MAX);
                        if let Some(other) = self.incidents.get(other) {
                            self.gather(other, end, &mut brought_later, TAKEN_DEPTH_MAX);
                        }
                    }
                    _ => {}
                }
            }
            alerts.extend(incident.members.keys().filter(|alert| !brought_later.contains(*alert)).cloned());
        }
        // Silence that a gateway's incident had gathered by then is in that one.
        alerts.retain(|alert| {
            let now = self.of_alert.get(alert).and_then(|id| self.incidents.get(id));
            let gateway = now.filter(|now| now.group == GATEWAY && now.id != incident.id);
            !gateway.is_some_and(|gateway| {
                let joined = |what: &Happened| matches!(what, Happened::Joined(joined) if joined == alert);
                gateway.timeline.iter().any(|moment| moment.at <= at && joined(&moment.what))
            })
        });
        alerts
    }

    fn gather(&self, incident: &Incident, at: Timestamp, alerts: &mut BTreeSet<AlertId>, depth: usize) {
        for moment in incident.timeline.iter().filter(|moment| moment.at <= at) {
            match &moment.what {
                Happened::Joined(alert) => {
                    alerts.insert(alert.clone());
                }
                Happened::Took(other) if depth > 0 => {
                    if let Some(other) = self.incidents.get(other) {
                        self.gather(other, at, alerts, depth - 1);
                    }
                }
                _ => {}
            }
        }
    }

    fn member_then(&self, alert: &AlertId, at: Timestamp, standing: Standing<'_>) -> Option<Member> {
        let holder = self.incidents.get(self.of_alert.get(alert)?)?;
        let mut member = holder.members.get(alert)?.clone();
        (member.state, member.severity) = standing(alert)?;
        member.over_at = None;
        let is_unmasking = |what: &Happened| matches!(what, Happened::Unmasked(unmasked) if *unmasked == *alert);
        if holder.timeline.iter().any(|moment| moment.at > at && is_unmasking(&moment.what)) {
            // By what is not kept.
            let name = LocalName { vi: "không còn rõ".to_owned(), en: "not known any more".to_owned() };
            member.masked_by = Some(Arc::new(name));
        }
        Some(member)
    }
}

/// Whether a gateway's stations at a moment are not all known by those that it has now: it was lost again since, which
/// forgets when they were heard before, or let some go; or lines that would say so are lost.
fn is_begun_again(incident: &Incident, at: Timestamp) -> bool {
    let mut later = incident.timeline.iter().filter(|moment| moment.at > at);
    incident.timeline.len() >= MOMENTS_MAX
        || later.any(|moment| matches!(moment.what, Happened::Reopened | Happened::LetGo(_)))
}

/// Whether the last word about a gateway is that it is not waited for.
fn is_given_up(timeline: &[IncidentMoment]) -> bool {
    let last = timeline.iter().rev().find_map(|moment| match moment.what {
        Happened::Closed | Happened::LeftBehind(_) => Some(true),
        Happened::Deaf(_) | Happened::Reopened => Some(false),
        _ => None,
    });
    last.unwrap_or(false)
}

/// Whether an incident was open at a moment at or after its first line. Where lines are lost, its members tell.
fn was_open(incident: &Incident, at: Timestamp) -> bool {
    let lines = incident.timeline.iter().filter(|moment| moment.at <= at);
    let last = lines.rev().find_map(|moment| match moment.what {
        Happened::Closed | Happened::Merged(_) => Some(false),
        Happened::Reopened => Some(true),
        _ => None,
    });
    last.unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::incidents::incident::Child;
    use crate::model::{IncidentId, SourceId, StationNo};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn id(text: &str) -> AlertId {
        AlertId(text.into())
    }

    fn member(state: AlertState) -> Member {
        Member {
            station: None,
            property: None,
            position: None,
            area: None,
            state,
            severity: Severity::High,
            started_at: at(0),
            masked_by: None,
            of_silence: false,
            over_at: None,
        }
    }

    fn incident(name: &str, members: &[&str], lines: Vec<(i64, Happened)>) -> Incident {
        let name = LocalName { vi: name.to_owned(), en: name.to_owned() };
        let mut made = Incident::new(IncidentId(name.en.as_str().into()), "fire".to_owned(), name, at(0));
        for (seconds, what) in lines {
            made.timeline.push(IncidentMoment { at: at(seconds), what });
            made.changed_at = at(seconds);
        }
        for alert in members {
            made.members.insert(id(alert), member(AlertState::Cleared));
        }
        made
    }

    /// `a` is raised at 100 in the first, `b` at 200 in the second; at 300 `c` makes them one; all is over at 500.
    fn incidents() -> Incidents {
        let mut incidents = Incidents::default();
        let [one, two] = ["one", "two"].map(|name| IncidentId(name.into()));
        let first = incident(
            "one",
            &["a", "b", "c"],
            vec![
                (100, Happened::Joined(id("a"))),
                (300, Happened::Took(two.clone())),
                (300, Happened::Joined(id("c"))),
                (500, Happened::Closed),
            ],
        );
        let mut second =
            incident("two", &[], vec![(200, Happened::Joined(id("b"))), (300, Happened::Merged(one.clone()))]);
        second.merged_into = Some(one.clone());
        for (alert, of) in ["a", "b", "c"].map(|alert| (id(alert), one.clone())) {
            incidents.of_alert.insert(alert, of);
        }
        incidents.incidents = BTreeMap::from([(one, first), (two, second)]);
        incidents
    }

    #[test]
    fn members_are_in_the_incident_that_had_them_then() {
        let incidents = incidents();
        let check = |seconds: i64, expected: &[(&str, &[&str])]| {
            let standing = |alert: &AlertId| {
                let raised = match &*alert.0 {
                    "a" => 100,
                    "b" => 200,
                    _ => 300,
                };
                let state = if seconds < 400 { AlertState::Active } else { AlertState::Cleared };
                (raised <= seconds).then_some((state, Severity::Medium))
            };
            let open = incidents.open_at(at(seconds), &standing);
            let mut told: Vec<(String, Vec<String>)> = open
                .iter()
                .map(|one| (one.id.to_string(), one.members().keys().map(ToString::to_string).collect()))
                .collect();
            told.sort();
            let expected: Vec<(String, Vec<String>)> = expected
                .iter()
                .map(|(id, alerts)| ((*id).to_owned(), alerts.iter().map(|alert| (*alert).to_owned()).collect()))
                .collect();
            assert_eq!(told, expected, "at {seconds}");
            assert!(open.iter().all(|one| one.severity() == Severity::Medium && one.state() == IncidentState::Open));
        };
        check(99, &[]);
        check(150, &[("one", &["a"])]);
        check(250, &[("one", &["a"]), ("two", &["b"])]);
        check(350, &[("one", &["a", "b", "c"])]);
        // Nothing in it is open any more, whatever its own line says later.
        check(450, &[]);
        check(500, &[]);
    }

    /// A gateway's incident: children with their last word and their first one after.
    fn outage(children: &[(u32, i64, Option<i64>)], lines: Vec<(i64, Happened)>) -> Incident {
        let mut made = incident("g", &["silent"], lines);
        (made.group, made.changed_at) = (GATEWAY.to_owned(), at(10_000));
        let child = |(no, heard, back): &(u32, i64, Option<i64>)| {
            (StationNo(*no), Child { area: None, heard_at: at(*heard), returned_at: back.map(at) })
        };
        made.children = children.iter().map(child).collect();
        let (source, severity) = (SourceId(0), Severity::Medium);
        made.outcut = Some(Outcut { source, is_declared: false, back_at: Some(at(390)), severity, is_over: true });
        made
    }

    /// At a moment: whether the gateway is waited for, and how many stations are not heard, if that is known.
    fn check_outage(incident: &Incident, seconds: i64, expected: Option<(bool, Option<usize>)>) {
        let mut incidents = Incidents::default();
        incidents.of_alert.insert(id("silent"), incident.id.clone());
        incidents.incidents.insert(incident.id.clone(), incident.clone());
        // The silence of one station lasts.
        let standing = |_: &AlertId| Some((AlertState::Active, Severity::High));
        let then = incidents.open_at(at(seconds), &standing);
        let told = then.first().map(|one| {
            let is_deaf = one.outcut.as_ref().is_some_and(|outcut| !outcut.is_over);
            (is_deaf, one.knows_children().then(|| one.unknown_children()))
        });
        assert_eq!(told, expected, "at {seconds}");
    }

    #[test]
    fn a_gateway_that_was_back_is_not_waited_for() {
        let lines = || vec![(100, Happened::Deaf(2)), (100, Happened::Joined(id("silent"))), (390, Happened::Back)];
        let outage = outage(&[(1, 50, Some(400)), (2, 60, Some(500))], lines());
        check_outage(&outage, 99, None);
        check_outage(&outage, 399, Some((true, Some(2))));
        check_outage(&outage, 499, Some((true, Some(1))));
        check_outage(&outage, 500, Some((false, Some(0))));
    }

    #[test]
    fn a_gateway_that_was_given_up_is_not_waited_for() {
        let lines = vec![
            (100, Happened::Deaf(2)),
            (100, Happened::Joined(id("silent"))),
            (390, Happened::Back),
            (600, Happened::LeftBehind(1)),
        ];
        let outage = outage(&[(1, 50, Some(400)), (2, 60, Some(900))], lines);
        check_outage(&outage, 599, Some((true, Some(1))));
        check_outage(&outage, 600, Some((false, Some(1))));
    }

    #[test]
    fn of_a_gateway_that_was_lost_again_the_number_of_before_is_unknown() {
        let lines = vec![
            (100, Happened::Deaf(2)),
            (100, Happened::Joined(id("silent"))),
            (400, Happened::Closed),
            (700, Happened::Reopened),
            (700, Happened::Deaf(2)),
        ];
        // Their last words before the first loss are overwritten.
        let outage = outage(&[(1, 650, Some(800)), (2, 660, Some(900))], lines);
        check_outage(&outage, 200, Some((true, None)));
        check_outage(&outage, 400, None);
        check_outage(&outage, 700, Some((true, Some(2))));
        check_outage(&outage, 850, Some((true, Some(1))));
        check_outage(&outage, 900, Some((false, Some(0))));
    }

    #[test]
    fn incidents_that_were_forgotten_are_told_of() {
        let mut incidents = incidents();
        assert_eq!(incidents.known_since(), None);
        (incidents.clock, incidents.seen_at) = (at(10_000), at(1_000_000));
        incidents.over.insert((at(9_000), IncidentId("one".into())));
        incidents.forgotten = 1;
        assert_eq!(incidents.known_since(), Some(at(999_000)));
    }
}
