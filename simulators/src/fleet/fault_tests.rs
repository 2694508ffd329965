//! Each fault does what its name says, and nothing else.

use std::collections::BTreeSet;

use super::*;
use crate::scenario::FaultKind;
use crate::span::Span;

const DEVICE: &str = "FS-TL-01";

fn start() -> Timestamp {
    "2026-11-21T01:00:00Z".parse().unwrap()
}

/// Two minutes of one device of the calm province, publishing every five seconds.
fn published(faults: Vec<Fault>) -> Vec<Outgoing> {
    let mut plan = Plan::shipped("calm").unwrap();
    plan.stations.retain(|station| station.id == DEVICE);
    plan.speed = Some(60.0);
    plan.faults = faults;
    messages(plan, start(), Duration::from_secs(120)).collect()
}

fn fault(kind: FaultKind) -> Fault {
    let mut fault = Fault::of(kind);
    fault.stations = vec!["FS-TL-*".into()];
    fault.after = Span(40.0);
    fault.lasts = Some(Span(40.0));
    fault
}

fn json(outgoing: &Outgoing) -> serde_json::Value {
    serde_json::from_slice(&outgoing.payload).unwrap()
}

fn time(outgoing: &Outgoing) -> Timestamp {
    json(outgoing)["time"].as_str().unwrap().parse().unwrap()
}

fn during(outgoing: &&Outgoing) -> bool {
    // The first second after the fault's edges belongs to the link's latency.
    (41_000..80_000).contains(&outgoing.due_ms)
}

#[test]
fn without_a_fault_times_are_real_and_values_move() {
    let all = published(Vec::new());
    assert_eq!(all.len(), 24);
    assert!(all.windows(2).all(|pair| time(&pair[1]).duration_since(time(&pair[0])).as_secs() == 5));
    let values: BTreeSet<String> = all.iter().map(|outgoing| json(outgoing)["smoke"].to_string()).collect();
    assert!(values.len() > 5, "{values:?}");
}

#[test]
fn silence_is_silent_and_ends() {
    let all = published(vec![fault(FaultKind::Silence)]);
    assert_eq!(all.iter().filter(during).count(), 0);
    assert!(all.iter().any(|outgoing| outgoing.due_ms > 80_000));
}

#[test]
fn stuck_values_stand_while_time_goes_on() {
    let all = published(vec![fault(FaultKind::Stuck)]);
    let stuck: Vec<_> = all.iter().filter(during).collect();
    let without_time = |outgoing: &Outgoing| {
        let mut value = json(outgoing);
        value.as_object_mut().unwrap().remove("time");
        value.to_string()
    };
    assert!(stuck.len() >= 7 && stuck.windows(2).all(|pair| without_time(pair[0]) == without_time(pair[1])));
    assert!(stuck.windows(2).all(|pair| time(pair[0]) < time(pair[1])));
}

#[test]
fn spikes_are_inside_and_outside_the_plausible_range() {
    let mut spike = fault(FaultKind::Spike);
    (spike.after, spike.lasts) = (Span(0.0), None);
    let mut plan = Plan::shipped("calm").unwrap();
    plan.stations.retain(|station| station.id == DEVICE);
    plan.speed = Some(60.0);
    plan.faults = vec![spike];
    let all: Vec<_> = messages(plan, start(), Duration::from_secs(2_000)).collect();
    let smoke: Vec<f64> = all.iter().map(|outgoing| json(outgoing)["smoke"].as_f64().unwrap()).collect();
    assert!(smoke.iter().any(|smoke| *smoke > 1.0), "none is implausible");
    assert!(smoke.iter().any(|smoke| (0.9..=1.0).contains(smoke)), "none is plausible");
    assert!(smoke.iter().filter(|smoke| **smoke < 0.2).count() > smoke.len() * 8 / 10, "it is ill too often");
}

#[test]
fn a_skewed_clock_says_another_time() {
    let mut fast = fault(FaultKind::ClockSkew);
    fast.amount = Some(Span(600.0));
    for (fault, expected) in [(fault(FaultKind::ClockSkew), -7_200), (fast, 600)] {
        let all = published(vec![fault]);
        for outgoing in all.iter().filter(during) {
            let skew = time(outgoing).duration_since(start()).as_secs() - (outgoing.due_ms / 1000) as i64;
            assert!((expected - 1..=expected).contains(&skew), "{skew}");
        }
    }
}

#[test]
fn duplicates_come_twice_and_equal() {
    let all = published(vec![fault(FaultKind::Duplicate)]);
    let twice: Vec<_> = all.iter().filter(during).collect();
    assert!(twice.len() >= 14 && twice.chunks(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn out_of_order_swaps_and_loses_nothing() {
    let healthy: Vec<Vec<u8>> = published(Vec::new()).into_iter().map(|outgoing| outgoing.payload).collect();
    let all = published(vec![fault(FaultKind::OutOfOrder)]);
    let swapped = all.windows(2).filter(|pair| time(&pair[0]) > time(&pair[1])).count();
    assert!(swapped >= 3, "{swapped} swaps");
    let mut sorted: Vec<_> = all.iter().collect();
    sorted.sort_by_key(|outgoing| time(outgoing));
    assert!(sorted.iter().map(|outgoing| &outgoing.payload).eq(&healthy));
}

#[test]
fn malformed_messages_go_through_every_class() {
    let mut plan = Plan::shipped("calm").unwrap();
    plan.stations.retain(|station| station.id == DEVICE);
    plan.speed = Some(60.0);
    plan.faults = vec![Fault { after: Span(0.0), lasts: None, ..fault(FaultKind::Malformed) }];
    let ill: Vec<_> = messages(plan, start(), Duration::from_secs(5 * 3 * 26)).collect();
    let topic = format!("saola/v1/{DEVICE}");
    let good = "{\"time\":\"2026-11-21T08:00:00+07:00\",\"smoke\":0.1}";
    let classes = Malformation::ALL.map(|class| class.specimen(&topic, "2026-11-21T08:00:00+07:00", good.as_bytes()));
    let distinct: BTreeSet<(&str, &[u8])> =
        classes.iter().map(|specimen| (specimen.topic.as_str(), specimen.payload.as_slice())).collect();
    assert_eq!(distinct.len(), Malformation::ALL.len());
    // Classes that JSON itself refuses, and those only a registry can refuse.
    let unreadable =
        ill.iter().filter(|outgoing| serde_json::from_slice::<serde_json::Value>(&outgoing.payload).is_err());
    assert!(unreadable.count() >= 9);
    assert!(ill.iter().any(|outgoing| outgoing.payload.is_empty()));
    assert!(ill.iter().any(|outgoing| outgoing.payload.len() > 200 * 1024));
    assert!(ill.iter().any(|outgoing| outgoing.topic.starts_with('đ')));
    let healthy = ill.iter().filter(|outgoing| outgoing.topic == topic && outgoing.payload.len() < 300).count();
    assert!(healthy > ill.len() / 2, "the device is gone, not ill");
}

#[test]
fn a_backlog_hands_in_sixty_days_oldest_first() {
    let all = published(vec![fault(FaultKind::Backlog)]);
    let backlog: Vec<_> = all.iter().filter(|outgoing| outgoing.payload.starts_with(b"[")).collect();
    let mut times = Vec::new();
    for outgoing in &backlog {
        assert!(outgoing.payload.len() < 60 * 1024, "{} bytes", outgoing.payload.len());
        let readings = json(outgoing);
        times.extend(
            readings.as_array().unwrap().iter().map(|r| r["time"].as_str().unwrap().parse::<Timestamp>().unwrap()),
        );
    }
    assert_eq!(times.len(), 60 * 86_400 / 300);
    assert!(times.windows(2).all(|pair| pair[1].duration_since(pair[0]).as_secs() == 300));
    assert!(times.last().unwrap() < &"2026-11-21T01:00:45Z".parse().unwrap());
    let due: BTreeSet<u64> = backlog.iter().map(|outgoing| outgoing.due_ms).collect();
    assert_eq!(due.len(), 1, "it comes at once");
    assert_eq!(all.len() - backlog.len(), 24, "live messages go on");
}

#[test]
fn a_share_of_the_fleet_is_chosen_by_the_seed() {
    let silent = |seed: u64| {
        let mut plan = Plan::shipped("lai_chau").unwrap();
        plan.scenario.faults.clear();
        (plan.seed, plan.faults) = (seed, vec![Fault { share: 0.2, ..Fault::of(FaultKind::Silence) }]);
        let every: BTreeSet<String> = plan.stations.iter().map(|station| format!("saola/v1/{}", station.id)).collect();
        let heard: BTreeSet<String> =
            messages(plan, start(), Duration::from_secs(20)).map(|outgoing| outgoing.topic).collect();
        every.into_iter().filter(|topic| !topic.contains("REC-") && !heard.contains(topic)).collect::<Vec<_>>()
    };
    let first = silent(1);
    assert!((15..60).contains(&first.len()), "{} of the fleet are silent", first.len());
    assert_eq!(first, silent(1));
    assert_ne!(first, silent(2));
}
