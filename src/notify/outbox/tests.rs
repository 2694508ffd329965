//! Who is told what, in which messages; and that a replay makes the same of it.

use std::time::Duration;

use super::*;
use crate::notify::facts::{Facts, Kind};
use crate::notify::person::Then;
use crate::notify::texts::{Language, tests::facts};

const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);
const PACE: Pace = Pace { one_by_one_max: 10, digest_every: Duration::from_secs(10), digest_members_max: 20_000 };

struct Bench {
    outbox: Outbox,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(&folder.path().join("outbox.db"), Seq(0)).unwrap();
        Bench { outbox, folder }
    }

    /// As after a kill.
    fn again(self) -> Bench {
        let Bench { outbox, folder } = self;
        drop(outbox);
        let outbox = Outbox::open(&folder.path().join("outbox.db"), Seq(99)).unwrap();
        Bench { outbox, folder }
    }

    fn queue(&self, seq: u64, alert: &str, kind: Option<Kind>, lanes: &[&str]) -> Queued {
        self.queue_held(seq, alert, kind, lanes, None)
    }

    fn queue_held(
        &self,
        seq: u64,
        alert: &str,
        kind: Option<Kind>,
        lanes: &[&str],
        hold: Option<(Timestamp, Then)>,
    ) -> Queued {
        let facts = Facts { alert: alert.to_owned(), ..facts() };
        let routes = lanes.iter().map(|lane| route(lane, hold)).collect();
        let event = Event { seq: Seq(seq), number: 0, facts, what: What::Transition(kind), routes };
        self.outbox.queue(&[event], Seq(seq), NOW, |_, _, _| hold).unwrap()
    }

    fn take(&self, lane: &str, now: Timestamp) -> Errand {
        match self.outbox.take(lane, &PACE, now).unwrap() {
            Taken::Errand(errand) => *errand,
            other => panic!("{other:?}"),
        }
    }

    fn states(&self) -> Vec<(String, String, &'static str)> {
        let filter = Filter { limit: 1_000, ..Filter::default() };
        let rows = self.outbox.list(&filter).unwrap().into_iter().rev();
        rows.map(|row| (row.recipient, row.kind, row.state.word())).collect()
    }

    fn check(&self, expected: &[(&str, &str, &str)]) {
        let found = self.states();
        let found: Vec<_> = found.iter().map(|(who, kind, state)| (who.as_str(), kind.as_str(), *state)).collect();
        assert_eq!(found, expected);
    }
}

fn raised(seq: u64, alert: &str) -> Event {
    let facts = Facts { alert: alert.to_owned(), ..facts() };
    let what = What::Transition(Some(Kind::Raised));
    Event { seq: Seq(seq), number: 0, facts, what, routes: vec![route("x", None)] }
}

fn route(lane: &str, hold: Option<(Timestamp, Then)>) -> Route {
    let lane = lane.to_owned();
    Route { recipient: lane.clone(), lane, channel: "sms".to_owned(), languages: vec![Language::Vi], hold }
}

#[test]
fn what_is_offered_again_is_queued_once_and_has_the_same_keys() {
    let bench = Bench::new();
    assert_eq!(bench.queue(1, "a", Some(Kind::Raised), &["x", "y"]).queued, 2);
    assert_eq!(bench.queue(1, "a", Some(Kind::Raised), &["x", "y"]).queued, 0, "it was looked through");
    let keys = |bench: &Bench| -> Vec<String> {
        bench.outbox.list(&Filter { limit: 10, ..Filter::default() }).unwrap().into_iter().map(|row| row.key).collect()
    };
    let other = Bench::new();
    other.queue(1, "a", Some(Kind::Raised), &["x", "y"]);
    assert_eq!(keys(&bench), keys(&other), "a replay makes the same keys");
    let bench = bench.again();
    assert_eq!(bench.outbox.checkpoint().unwrap(), Seq(1), "an outbox that is there keeps its own beginning");
}

#[test]
fn the_end_goes_to_those_who_were_told_and_to_nobody_else() {
    let bench = Bench::new();
    bench.queue(1, "a", Some(Kind::Raised), &["sent", "trying", "waiting", "refused", "unsure"]);
    let sent = bench.take("sent", NOW);
    bench.outbox.sent(sent.message, NOW).unwrap();
    bench.take("trying", NOW);
    let refused = bench.take("refused", NOW);
    bench.outbox.failed(refused.message, "answered 400", Certainty::Refused, NOW).unwrap();
    let unsure = bench.take("unsure", NOW);
    bench.outbox.failed(unsure.message, "no answer", Certainty::Unsure, NOW).unwrap();
    let queued = bench.queue(2, "a", Some(Kind::Resolved), &[]);
    assert_eq!(queued, Queued { queued: 3, withdrawn: 3 });
    bench.check(&[
        ("sent", "raised", "sent"),
        ("trying", "raised", "queued"),
        ("waiting", "raised", "withdrawn"),
        ("refused", "raised", "failed"),
        ("unsure", "raised", "failed"),
        ("sent", "resolved", "queued"),
        ("trying", "resolved", "queued"),
        ("waiting", "resolved", "withdrawn"),
        ("refused", "resolved", "withdrawn"),
        ("unsure", "resolved", "queued"),
    ]);
}

#[test]
fn the_end_is_withdrawn_where_the_raise_fails_after_it_was_queued() {
    let bench = Bench::new();
    bench.queue(1, "a", Some(Kind::Raised), &["refused", "unsure", "sent"]);
    let trying = ["refused", "unsure", "sent"].map(|lane| bench.take(lane, NOW));
    bench.queue(2, "a", Some(Kind::Resolved), &[]);
    bench.queue(3, "b", Some(Kind::Raised), &["refused"]);
    bench.outbox.failed(trying[0].message, "answered 400", Certainty::Refused, NOW).unwrap();
    bench.outbox.failed(trying[1].message, "no answer", Certainty::Unsure, NOW).unwrap();
    bench.outbox.sent(trying[2].message, NOW).unwrap();
    bench.check(&[
        ("refused", "raised", "failed"),
        ("unsure", "raised", "failed"),
        ("sent", "raised", "sent"),
        ("refused", "resolved", "withdrawn"),
        ("unsure", "resolved", "queued"),
        ("sent", "resolved", "queued"),
        ("refused", "raised", "queued"),
    ]);
}

#[test]
fn a_kill_repeats_the_message_under_way_and_no_other() {
    let bench = Bench::new();
    bench.queue(1, "a", Some(Kind::Raised), &["x"]);
    bench.queue(2, "b", Some(Kind::Raised), &["x"]);
    let first = bench.take("x", NOW);
    assert_eq!(bench.outbox.take("x", &PACE, NOW).unwrap(), Taken::Nothing, "one at a time");
    let bench = bench.again();
    let repeated = bench.take("x", NOW);
    assert_eq!((repeated.key.clone(), repeated.attempts), (first.key, 2));
    bench.outbox.sent(repeated.message, NOW).unwrap();
    let bench = bench.again();
    let second = bench.take("x", NOW);
    assert_eq!((second.members[0].1.facts.alert.as_str(), second.attempts), ("b", 1));
}

#[test]
fn those_who_want_only_severe_ones_hear_of_it_when_it_gets_so() {
    let bench = Bench::new();
    bench.queue(1, "a", Some(Kind::Raised), &["all"]);
    bench.queue(2, "a", Some(Kind::Worse), &["all", "severe"]);
    bench.queue(3, "a", Some(Kind::Milder), &[]);
    bench.queue(4, "other", Some(Kind::Milder), &["all"]);
    bench.check(&[
        ("all", "raised", "queued"),
        ("all", "worse", "queued"),
        ("severe", "raised", "queued"),
        ("all", "milder", "queued"),
        ("severe", "milder", "queued"),
    ]);
}

#[test]
fn quiet_hours_hold_a_message_and_what_is_cleared_in_them_is_never_sent() {
    let bench = Bench::new();
    let morning = NOW + Duration::from_secs(3_600);
    bench.queue_held(1, "a", Some(Kind::Raised), &["x"], Some((morning, Then::Tell)));
    bench.queue_held(2, "b", Some(Kind::Raised), &["x"], Some((morning, Then::Digest)));
    bench.queue_held(3, "c", Some(Kind::Raised), &["x"], Some((morning, Then::Digest)));
    assert_eq!(bench.outbox.due(NOW).unwrap(), []);
    assert_eq!(bench.outbox.take("x", &PACE, NOW).unwrap(), Taken::Nothing);
    bench.queue_held(4, "a", Some(Kind::Resolved), &[], Some((morning, Then::Tell)));
    let digest = bench.take("x", morning);
    assert_eq!(digest.members.len(), 2, "what waited for a digest comes as one");
    // Something severe of the same alert does not wait, and comes for the first time.
    let bench = Bench::new();
    bench.queue_held(1, "a", Some(Kind::Raised), &["x"], Some((morning, Then::Tell)));
    bench.queue(2, "a", Some(Kind::Worse), &["x"]);
    bench.check(&[("x", "raised", "withdrawn"), ("x", "raised", "queued")]);
}

#[test]
fn a_storm_becomes_few_messages_whose_members_add_up() {
    let bench = Bench::new();
    let (mut messages, mut members, mut alerts) = (0, 0, 0_u64);
    for second in 0..60 {
        let now = NOW + Duration::from_secs(second);
        let batch = alerts + 1..=alerts + if second < 5 { 2_000 } else { 0 };
        let events: Vec<Event> = batch.clone().map(|seq| raised(seq, &format!("a{seq}"))).collect();
        bench.outbox.queue(&events, Seq(*batch.end()), now, |_, _, _| None).unwrap();
        alerts = *batch.end();
        while let Taken::Errand(errand) = bench.outbox.take("x", &PACE, now).unwrap() {
            assert!(errand.members.len() <= PACE.digest_members_max as usize);
            bench.outbox.sent(errand.message, now).unwrap();
            (messages, members) = (messages + 1, members + errand.members.len());
        }
        if second == 5 {
            break;
        }
    }
    let later = NOW + Duration::from_secs(30);
    while let Taken::Errand(errand) = bench.outbox.take("x", &PACE, later).unwrap() {
        bench.outbox.sent(errand.message, later).unwrap();
        (messages, members) = (messages + 1, members + errand.members.len());
    }
    assert!(messages <= 20, "{messages} messages");
    assert_eq!(members, 10_000);
}

#[test]
fn what_cannot_be_read_is_given_up_and_holds_up_nothing() {
    let bench = Bench::new();
    for seq in 1..=13 {
        bench.queue(seq, &format!("a{seq}"), Some(Kind::Raised), &["x"]);
    }
    bench.outbox.database.lock().execute("UPDATE notice SET facts = '{' WHERE seq IN (1, 5)", []).unwrap();
    let digest = bench.take("x", NOW);
    assert_eq!(digest.members.len(), 11, "the others go");
    bench.outbox.sent(digest.message, NOW).unwrap();
    let states: Vec<_> = bench.states().into_iter().map(|(_, _, state)| state).collect();
    assert_eq!(states.iter().filter(|state| **state == "failed").count(), 2);
    assert_eq!((states[0], states[4]), ("failed", "failed"));
    assert_eq!(bench.outbox.failures(10, NOW).unwrap().len(), 2, "and it is told");
    // Alone in its message.
    bench.queue(20, "b", Some(Kind::Raised), &["y"]);
    bench.outbox.database.lock().execute("UPDATE notice SET facts = '{' WHERE seq = 20", []).unwrap();
    assert_eq!(bench.outbox.take("y", &PACE, NOW).unwrap(), Taken::Nothing);
    bench.queue(21, "c", Some(Kind::Raised), &["y"]);
    assert_eq!(bench.take("y", NOW).members.len(), 1);
}

#[test]
fn reports_go_forward_only_and_need_the_messages_token() {
    let bench = Bench::new();
    bench.queue(1, "a", Some(Kind::Raised), &["x"]);
    let errand = bench.take("x", NOW);
    let outbox = &bench.outbox;
    assert!(outbox.is_token(&errand.key, &outbox.token(&errand.key)));
    assert!(!outbox.is_token(&errand.key, &outbox.token("other")) && !outbox.is_token(&errand.key, ""));
    outbox.sent(errand.message, NOW).unwrap();
    for (report, expected) in [
        (Report::Seen, "seen"),
        (Report::Delivered, "seen"),
        (Report::Acknowledged, "acknowledged"),
        (Report::Seen, "acknowledged"),
    ] {
        assert_eq!(outbox.report(&errand.key, report, NOW).unwrap(), 1);
        bench.check(&[("x", "raised", expected)]);
    }
    assert_eq!(outbox.report("nobody's", Report::Seen, NOW).unwrap(), 0);
}

#[test]
fn failures_are_told_when_no_other_way_to_anybody_is_left() {
    let bench = Bench::new();
    let ways = [("lan", "sms"), ("lan", "mail"), ("minh", "push")]
        .map(|(person, lane)| Route { recipient: person.to_owned(), ..route(lane, None) });
    let event = Event {
        seq: Seq(1),
        number: 0,
        facts: facts(),
        what: What::Escalation(Kind::Escalated, 2),
        routes: ways.to_vec(),
    };
    bench.outbox.queue(&[event], Seq(1), NOW, |_, _, _| None).unwrap();
    for (lane, expected) in [("sms", Others::Waiting), ("mail", Others::Waiting), ("push", Others::None)] {
        let errand = bench.take(lane, NOW);
        bench.outbox.failed(errand.message, "answered 400", Certainty::Refused, NOW).unwrap();
        let failures = bench.outbox.failures(10, NOW).unwrap();
        assert_eq!((failures[0].step, failures[0].seq, failures[0].others), (2, Seq(1), expected), "{lane}");
    }
    for failure in bench.outbox.failures(10, NOW).unwrap() {
        bench.outbox.failures_told(&[failure.id]).unwrap();
    }
    assert_eq!(bench.outbox.failures(10, NOW).unwrap(), []);
}

#[test]
fn what_is_over_and_old_is_forgotten_and_what_is_open_is_not() {
    let bench = Bench::new();
    for (seq, alert, kind) in [(1, "over", Kind::Raised), (2, "open", Kind::Raised), (3, "over", Kind::Resolved)] {
        bench.queue(seq, alert, Some(kind), &["x"]);
        while let Taken::Errand(errand) = bench.outbox.take("x", &PACE, NOW).unwrap() {
            bench.outbox.sent(errand.message, NOW).unwrap();
        }
    }
    let later = NOW + Duration::from_secs(1);
    assert_eq!(bench.outbox.prune(NOW).unwrap(), 0);
    assert_eq!(bench.outbox.prune(later).unwrap(), 2);
    bench.check(&[("x", "raised", "sent")]);
}

#[test]
fn what_may_have_arrived_stays_so_for_every_part_of_a_digest() {
    let bench = Bench::new();
    for seq in 1..=12 {
        bench.queue(seq, &format!("a{seq}"), Some(Kind::Raised), &["x"]);
    }
    let digest = bench.take("x", NOW);
    bench.outbox.again(digest.message, "no answer", Certainty::Unsure, NOW).unwrap();
    let digest = bench.take("x", NOW);
    bench.outbox.split(digest.message, "answered 400", NOW, NOW).unwrap();
    // The last one is in the part that waits, and over meanwhile: they may have heard of it, so they hear that it is.
    let queued = bench.queue(13, "a12", Some(Kind::Resolved), &[]);
    assert_eq!(queued, Queued { queued: 1, withdrawn: 0 });
    for _ in 0..2 {
        let half = bench.take("x", NOW);
        assert_eq!(half.members.len(), 6);
        bench.outbox.failed(half.message, "answered 400", Certainty::Refused, NOW).unwrap();
    }
    assert_eq!(bench.take("x", NOW).members[0].1.kind, Kind::Resolved);
}

#[test]
fn a_failure_and_what_it_withdraws_are_one_transaction() {
    let bench = Bench::new();
    bench.queue(1, "a", Some(Kind::Raised), &["x"]);
    let raise = bench.take("x", NOW);
    bench.queue(2, "a", Some(Kind::Resolved), &[]);
    let fault = "CREATE TEMP TRIGGER fault BEFORE UPDATE ON delivery WHEN new.state = 'withdrawn' \
                 BEGIN SELECT raise(ABORT, 'full'); END";
    bench.outbox.database.lock().execute_batch(fault).unwrap();
    bench.outbox.failed(raise.message, "answered 400", Certainty::Refused, NOW).unwrap_err();
    bench.check(&[("x", "raised", "queued"), ("x", "resolved", "queued")]);
    bench.outbox.database.lock().execute_batch("DROP TRIGGER fault").unwrap();
    bench.outbox.failed(raise.message, "answered 400", Certainty::Refused, NOW).unwrap();
    bench.check(&[("x", "raised", "failed"), ("x", "resolved", "withdrawn")]);
}

#[test]
fn the_end_is_withdrawn_where_the_raise_cannot_be_read() {
    let bench = Bench::new();
    bench.queue(1, "a", Some(Kind::Raised), &["x"]);
    let raise = bench.take("x", NOW);
    bench.queue(2, "a", Some(Kind::Resolved), &[]);
    bench.outbox.again(raise.message, "no connection", Certainty::Refused, NOW).unwrap();
    bench.outbox.database.lock().execute("UPDATE notice SET facts = '{' WHERE seq = 1", []).unwrap();
    assert_eq!(bench.outbox.take("x", &PACE, NOW).unwrap(), Taken::Nothing);
    bench.check(&[("x", "raised", "failed"), ("x", "resolved", "withdrawn")]);
}
