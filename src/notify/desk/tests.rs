//! Whom an alert concerns, and until when they wait.

use super::*;
use crate::model::{AreaId, Catalogue, StationKind};
use crate::notify::texts::tests::facts;

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
