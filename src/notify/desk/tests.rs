//! Whom an alert concerns, and until when they wait.

use super::*;
use crate::model::{AlertState, AreaId, Catalogue, Cause, Moment, StationKind, StationNo, Subject};
use crate::notify::texts::tests::facts;

static NO_MASKS: BTreeSet<(Seq, AlertId)> = BTreeSet::new();
const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);

fn desk(folder: &std::path::Path, people: &[(&str, Vec<Subscription>)]) -> Desk {
    let outbox = Arc::new(Outbox::open(&folder.join("outbox.db"), Seq(0)).unwrap());
    let database = Arc::new(crate::database::Database::open(&folder.join("people.db")).unwrap());
    let known = People::over(database).unwrap();
    for (id, subscriptions) in people {
        let wished = crate::notify::people::Wished {
            id: PersonId((*id).into()),
            name: (*id).to_owned(),
            account: None,
            contacts: vec![("sms".to_owned(), "+84".to_owned()), ("mail".to_owned(), "a@b.vn".to_owned())],
            subscriptions: subscriptions.clone(),
        };
        known.add(&wished, NOW).unwrap();
    }
    Desk::new(&Config::default(), outbox, Arc::new(known))
}

fn happened(catalogue: &Catalogue) -> Happened<'_> {
    Happened {
        catalogue,
        places: &[],
        transitions: &[],
        escalations: Vec::new(),
        masked: &NO_MASKS,
        unmasked: &[],
        advice: &|_| None,
        through: Seq(1),
        now: NOW,
    }
}

#[test]
fn a_wish_takes_what_it_names_and_nothing_else() {
    let catalogue = Catalogue::default();
    let check = |wish: Subscription, expected: usize| {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path(), &[("lan", vec![wish.clone()])]);
        let routes = desk.routes(&desk.people().directory(), &happened(&catalogue), &facts());
        assert_eq!(routes.len(), expected, "{wish:?}");
    };
    let any = Subscription::default;
    check(any(), 2);
    check(Subscription { channels: vec!["sms".to_owned()], ..any() }, 1);
    check(Subscription { least_severity: Severity::High, ..any() }, 2);
    check(Subscription { least_severity: Severity::VeryHigh, ..any() }, 0);
    check(Subscription { areas: vec![AreaId::new("03478")], ..any() }, 2);
    check(Subscription { areas: vec![AreaId::new("03388")], ..any() }, 0);
    check(Subscription { kinds: vec![StationKind::Forest], ..any() }, 2);
    check(Subscription { kinds: vec![StationKind::River], ..any() }, 0);
    check(Subscription { causes: vec!["fire".to_owned()], ..any() }, 2);
    check(Subscription { causes: vec!["pm2_5".to_owned()], ..any() }, 2);
    check(Subscription { causes: vec!["rain".to_owned()], ..any() }, 0);
}

#[test]
fn who_wants_something_at_once_by_one_wish_does_not_wait_for_another() {
    let later = NOW + std::time::Duration::from_secs(60);
    let check = |holds: Vec<Option<(Timestamp, Then)>>, expected| {
        assert_eq!(least(holds.into_iter()), expected);
    };
    check(vec![Some((later, Then::Tell)), None], None);
    check(vec![Some((later, Then::Digest)), Some((NOW, Then::Tell))], Some((NOW, Then::Tell)));
    check(vec![Some((later, Then::Digest))], Some((later, Then::Digest)));
}

#[test]
fn nothing_happened_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path(), &[("lan", vec![Subscription::default()])]);
    let catalogue = Catalogue::default();
    assert_eq!(desk.take(&happened(&catalogue)).unwrap(), Queued::default());
    assert_eq!(desk.outbox().checkpoint().unwrap(), Seq(0));
}

/// A transition that an entry could bring about: the state before, the alert's state after it, the severities before and
/// after, and what else is to be so.
fn transition(
    from: Option<AlertState>,
    state: AlertState,
    severities: [Severity; 2],
    change: impl FnOnce(&mut Alert),
) -> Transition {
    let name = LocalName { vi: "x".to_owned(), en: "x".to_owned() };
    let moment = |severity| Moment { at: NOW, state, severity, value: None, cause: Cause::Value };
    let mut alert = Alert {
        id: AlertId("a".into()),
        rule: "r".to_owned(),
        title: name,
        subject: Subject::Channel { station: StationNo(0), channel: crate::model::ChannelId(0), area: None },
        state,
        severity: severities[1],
        threshold: None,
        value: None,
        started_at: NOW,
        changed_at: NOW,
        ended_at: None,
        timeline: severities.map(moment).to_vec(),
        cause: "fire".to_owned(),
        occurrences: 1,
        flapping: false,
        retrospective: false,
        closed: None,
        quiet: false,
    };
    change(&mut alert);
    Transition { from, alert: Arc::new(alert), seq: Seq(1) }
}

#[test]
fn who_is_told_of_what() {
    use AlertState::{Active, Cleared, Latched, Recovering, Unknown};
    let (same, worse, milder) =
        ([Severity::Medium, Severity::Medium], [Severity::Medium, Severity::High], [Severity::High, Severity::Medium]);
    let steps = [
        (None, Active, same, Kind::Raised),
        (Some(Active), Active, worse, Kind::Worse),
        (Some(Active), Active, milder, Kind::Milder),
        (Some(Active), Unknown, same, Kind::Unknown),
        (Some(Unknown), Active, same, Kind::Returned),
        (Some(Latched), Active, same, Kind::Raised),
        (Some(Recovering), Cleared, same, Kind::Resolved),
        (Some(Latched), Cleared, same, Kind::Resolved),
    ];
    let check = |change: fn(&mut Alert), mask: Mask, expected: &[Kind]| {
        for (from, state, severities, kind) in steps {
            let told = told_of(&transition(from, state, severities, change), mask);
            assert_eq!(told, expected.contains(&kind).then_some(kind), "{from:?} to {state:?}");
        }
    };
    check(|_| {}, Mask::None, &Kind::ALL);
    check(|_| {}, Mask::Explained, &[Kind::Resolved]);
    check(|alert| alert.quiet = true, Mask::None, &[Kind::Resolved]);
    check(|alert| alert.flapping = true, Mask::None, &[Kind::Raised, Kind::Worse, Kind::Resolved]);
    check(|alert| alert.retrospective = true, Mask::None, &[]);
    // That a condition has ended and waits to be closed is not told.
    for from in [Active, Recovering, Unknown] {
        assert_eq!(told_of(&transition(Some(from), Latched, same, |_| {}), Mask::None), None);
    }
    assert_eq!(told_of(&transition(Some(Active), Recovering, same, |_| {}), Mask::None), None);
}
