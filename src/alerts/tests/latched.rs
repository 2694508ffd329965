//! Alerts that wait for a person.

use super::*;
use crate::alerts::CloseError;

fn latched() -> Bench {
    Bench::new(catalogue(), &rule(&format!("{ONE_LEVEL}\nlatched = true")))
}

fn closing() -> Closing {
    Closing { author: "an".into(), reason: "seen to".into() }
}

#[test]
fn a_latched_alert_stays_until_it_is_closed_and_begins_again_within() {
    let mut bench = latched();
    bench.series("0=60 60=10 120=60 180=10 3600.");
    assert_eq!(
        bench.told(),
        [
            "0 active high 60 (value)",
            "60 latched high 10 (value)",
            "120 active high 60 (value)",
            "180 latched high 10 (value)",
        ]
    );
    let id = bench.alerts.open().next().unwrap().id.clone();
    assert_eq!(bench.alerts.get(&id).unwrap().occurrences, 2);
    let told = bench.alerts.close(&id, at(3_600), closing()).unwrap();
    assert_eq!((told.from, told.alert.state), (Some(AlertState::Latched), AlertState::Cleared));
    assert_eq!((&told.alert.closed, told.alert.ended_at), (&Some(closing()), Some(at(3_600))));
    assert_eq!(bench.alerts.close(&id, at(3_601), closing()), Err(CloseError::Closed));
    bench.series("3660=60");
    assert_eq!(bench.told(), ["3660 active high 60 (value)"]);
    assert_ne!(bench.alerts.open().next().unwrap().id, id);
}

#[test]
fn what_holds_is_not_closed_and_what_recovers_or_is_unknown_is() {
    let mut bench = Bench::new(catalogue(), &rule(HELD));
    bench.series("0=60 60=60 120=60");
    let id = bench.alerts.open().next().unwrap().id.clone();
    assert_eq!(bench.alerts.close(&id, at(130), closing()), Err(CloseError::Holds));
    assert_eq!(bench.alerts.close(&AlertId("x".into()), at(130), closing()), Err(CloseError::Unknown));
    let mut silent = bench.clone();
    bench.series("180=10");
    assert!(bench.alerts.close(&id, at(190), closing()).is_ok());
    silent.series("600.");
    assert!(silent.alerts.close(&id, at(600), closing()).is_ok());
    silent.series("660=60 720=60 780=60");
    assert_eq!(silent.told().last().unwrap(), "780 active high 60 (value)");
    assert_eq!(silent.alerts.count(), (1, 1));
}

#[test]
fn a_closed_alert_leaves_a_state_that_a_snapshot_takes() {
    let mut bench = latched();
    bench.series("0=60 60=10");
    let id = bench.alerts.open().next().unwrap().id.clone();
    bench.alerts.close(&id, at(60), closing()).unwrap();
    let bytes = postcard::to_stdvec(&bench.alerts).unwrap();
    let mut restored: Alerts = postcard::from_bytes(&bytes).unwrap();
    restored.set_receipts(Some(&bench.alerts.receipts())).unwrap();
    restored.link(&bench.catalogue).unwrap();
    assert_eq!(restored, bench.alerts);
}
