//! The workflow of alerts, word by word: what is said, what becomes of it, and whom an alert is taken to.

mod ladder;

use std::time::Duration;

use super::super::*;
use crate::alerts::Retention;
use crate::alerts::tests::{catalogue, rule};
use crate::alerts::workflow::{DEEDS_MAX, KEYS_MAX, Outcome, Refusal};
use crate::model::{
    Alert, AlertCommand, AlertId, AlertState, CloseCause, CommandKey, DeliveryFailed, EscalationPlan, Ladder,
    LadderStep, Order, PersonId, Quality, Recipient, Reminders, Severity, SourceId,
};

const BEGIN: i64 = 1_800_000_000;

/// A state to which entries are given at seconds after the beginning.
struct Desk {
    state: State,
    effects: Effects,
    entries: Vec<Entry>,
}

fn note() -> String {
    String::new()
}

fn seconds(at: Timestamp) -> i64 {
    (at.micros() - Timestamp::from_seconds(BEGIN).micros()) / 1_000_000
}

impl Desk {
    /// One rule of two levels for dust; a ladder for each.
    fn new() -> Desk {
        let state = State::new(Retention { keep_closed: Duration::from_secs(86_400), keep_closed_count: 100 });
        let mut desk = Desk { state, effects: Effects::default(), entries: Vec::new() };
        desk.enter(0, Body::Catalogue(Box::new(catalogue())));
        desk.enter(
            0,
            Body::Rules(rule(
                "property = 'pm2_5'\nunit = 'ug/m3'\nclear_for = '60s'\nabsence = '1h'\nlevels = [\n\
                 { severity = 'medium', above = 50, clear = 40 }, { severity = 'high', above = 100, clear = 90 }]",
            )),
        );
        desk.enter(0, Body::Escalation(Box::new(plan())));
        desk
    }

    fn enter(&mut self, at: i64, body: Body) -> Seq {
        let seq = self.state.applied.next();
        let entry = Entry { seq, received_at: Timestamp::from_seconds(BEGIN + at), body };
        self.state.apply(&entry, &mut self.effects);
        self.entries.push(entry);
        seq
    }

    /// A good sample in time on the first channel.
    fn hear(&mut self, at: i64, value: f64) {
        let sample = Sample {
            channel: ChannelId(0),
            observed_at: Timestamp::from_seconds(BEGIN + at),
            value,
            quality: Quality::GOOD,
            time_class: TimeClass::Live,
        };
        let message = Message {
            source: SourceId(0),
            received: 1,
            duplicates: 0,
            samples: vec![sample],
            rejections: Vec::new(),
            raw: None,
            unknown: Vec::new(),
            again: None,
        };
        self.enter(at, Body::Message(message));
    }

    /// A tick every ten seconds, and a sample of this value every minute.
    fn pass(&mut self, seconds: std::ops::RangeInclusive<i64>, value: f64) {
        for at in seconds.step_by(10) {
            if at % 60 == 0 {
                self.hear(at, value);
            }
            self.enter(at, Body::Tick);
        }
    }

    fn alert(&self) -> Arc<Alert> {
        self.state.alerts.all(&crate::alerts::Filter::default())[0].clone()
    }

    fn id(&self) -> AlertId {
        self.alert().id.clone()
    }

    fn say_as(&mut self, author: &str, at: i64, order: Order) -> Outcome {
        let (alert, author) = (self.id(), author.to_owned());
        self.command(at, AlertCommand { alert, author, order, said_at: None, versions: None, key: None, origin: None })
    }

    fn say(&mut self, at: i64, order: Order) -> Outcome {
        self.say_as("an", at, order)
    }

    fn command(&mut self, at: i64, command: AlertCommand) -> Outcome {
        let seq = self.enter(at, Body::Alert(Box::new(command)));
        self.state.workflow.outcome(seq).unwrap().outcome
    }

    /// Whom the alert was taken to since the last look: `second step to why`.
    fn called(&mut self) -> Vec<String> {
        let told = self.effects.escalations.drain(..);
        told.map(|one| format!("{} {} {} {}", seconds(one.at), one.step, one.to, one.why.word())).collect()
    }

    fn deeds(&self) -> Vec<String> {
        let handling = self.state.workflow.handling(&self.id());
        let deeds = handling.map(|handling| handling.deeds.as_slice()).unwrap_or_default();
        let word = |deed: &crate::alerts::workflow::Deed| {
            format!("{} {} {}", seconds(deed.at), deed.author.as_deref().unwrap_or("-"), deed.did.word())
        };
        deeds.iter().map(word).collect()
    }

    /// The same from the entries alone, through a snapshot after each of them.
    fn check_replay(&self) {
        let mut replayed = State::new(Retention { keep_closed: Duration::from_secs(86_400), keep_closed_count: 100 });
        for entry in &self.entries {
            replayed.apply(entry, &mut Effects::default());
            let restored = State::restore(&replayed.snapshot().unwrap()).unwrap();
            assert!(restored == replayed, "after entry {}", entry.seq);
            replayed = restored;
        }
        assert!(replayed == self.state);
    }
}

fn plan() -> EscalationPlan {
    let step = |after, to: &str| LadderStep { after: Duration::from_secs(after), to: Recipient::Duty(to.to_owned()) };
    let reminders = Reminders { every: Duration::from_secs(300), at_most: 2, to: None };
    let of = |severity, steps| Ladder {
        severities: vec![severity],
        steps,
        reminders: Some(reminders.clone()),
        ..Ladder::default()
    };
    EscalationPlan {
        ladders: vec![
            of(Severity::High, vec![step(60, "high-1"), step(120, "high-2")]),
            of(Severity::Medium, vec![step(600, "medium-1"), step(1_200, "medium-2")]),
        ],
    }
}

#[test]
fn what_holds_is_closed_only_as_of_no_matter_and_until_it_has_ended_once() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    for cause in [CloseCause::Resolved, CloseCause::Other] {
        let outcome = desk.say(5, Order::Close { cause, note: note() });
        assert_eq!(outcome, Outcome::Refused(Refusal::Holds), "{cause:?}");
    }
    assert_eq!(desk.say(10, Order::Close { cause: CloseCause::FalseAlarm, note: note() }), Outcome::Done(2));
    assert_eq!((desk.alert().state, desk.alert().quiet), (AlertState::Active, true));
    desk.pass(20..=1_300, 60.0);
    assert_eq!(desk.called(), [""; 0]);
    desk.pass(1_320..=1_500, 10.0);
    assert_eq!((desk.alert().state, desk.alert().quiet), (AlertState::Cleared, false));
    assert!(desk.effects.transitions.last().unwrap().alert.quiet);
    desk.hear(1_560, 60.0);
    assert!(!desk.effects.transitions.last().unwrap().alert.quiet, "the condition began anew");
    desk.check_replay();
}

#[test]
fn what_is_closed_as_of_no_matter_is_back_when_it_gets_worse() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    desk.say(10, Order::Close { cause: CloseCause::Duplicate, note: note() });
    desk.hear(60, 120.0);
    let worse = desk.effects.transitions.last().unwrap();
    assert_eq!((worse.alert.severity, worse.alert.quiet), (Severity::High, false));
    assert!(desk.state.workflow.handling(&desk.id()).unwrap().closed.is_none());
    desk.check_replay();
}

#[test]
fn what_recovers_or_is_unknown_is_closed_and_its_condition_begins_anew() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    desk.hear(60, 10.0);
    assert_eq!(desk.alert().state, AlertState::Recovering);
    assert_eq!(desk.say(70, Order::Close { cause: CloseCause::Resolved, note: note() }), Outcome::Done(2));
    let alert = desk.alert();
    assert_eq!((alert.state, alert.timeline.last().unwrap().cause.word()), (AlertState::Cleared, "closed"));
    assert_eq!(
        desk.say(71, Order::Close { cause: CloseCause::Resolved, note: note() }),
        Outcome::Refused(Refusal::Over)
    );
    desk.hear(120, 60.0);
    assert_eq!(
        (desk.alert().state, desk.alert().started_at),
        (AlertState::Active, Timestamp::from_seconds(BEGIN + 120))
    );

    // Data stop: unknown, and closed by hand.
    for at in (130..=4_000).step_by(60) {
        desk.enter(at, Body::Tick);
    }
    assert_eq!(desk.alert().state, AlertState::Unknown);
    let closed = desk.say(4_010, Order::Close { cause: CloseCause::Other, note: "hỏng".into() });
    assert!(matches!(closed, Outcome::Done(_)));
    assert_eq!(desk.alert().state, AlertState::Cleared);
    desk.called();
    desk.pass(4_020..=6_000, 60.0);
    assert_eq!(desk.state.alerts.open().count(), 1, "the next sample beyond the level raises a new one");
    desk.check_replay();
}

#[test]
fn two_people_who_acknowledge_are_both_kept_and_one_is_kept_once() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    assert_eq!(desk.say_as("an", 1, Order::Acknowledge { note: note() }), Outcome::Done(2));
    assert_eq!(desk.say_as("binh", 2, Order::Acknowledge { note: note() }), Outcome::Done(3));
    assert_eq!(desk.say_as("an", 3, Order::Acknowledge { note: note() }), Outcome::Already(3));
    assert_eq!(desk.deeds(), ["1 an acknowledged", "2 binh acknowledged"]);
    assert_eq!(desk.say_as("an", 4, Order::Acknowledge { note: "đang đi".into() }), Outcome::Done(4));
    assert_eq!(desk.deeds().len(), 3, "what they said is kept");
    assert_eq!(desk.state.workflow.handling(&desk.id()).unwrap().acknowledged.len(), 2);
    desk.check_replay();
}

#[test]
fn who_takes_an_acknowledgement_back_takes_their_own() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    desk.say_as("an", 1, Order::Acknowledge { note: note() });
    desk.say_as("binh", 2, Order::Acknowledge { note: note() });
    let back = Order::Unacknowledge { note: note() };
    assert_eq!(desk.say_as("chi", 3, back.clone()), Outcome::Refused(Refusal::NotAcknowledged));
    assert_eq!(desk.say_as("an", 4, back.clone()), Outcome::Done(4));
    assert_eq!(desk.state.workflow.acknowledged(&desk.alert()).unwrap().by, "binh");
    desk.pass(10..=290, 60.0);
    assert_eq!(desk.called(), [""; 0]);
    assert_eq!(desk.say_as("binh", 295, back), Outcome::Done(5));
    desk.pass(300..=900, 60.0);
    assert_eq!(desk.called(), ["900 1 duty:medium-1 unacknowledged"], "nobody looks after it: 600 s from then on");
    desk.check_replay();
}

#[test]
fn what_was_refused_may_be_tried_again_under_its_key() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    let word = |desk: &Desk, key: &str, order: Order, versions: Option<Vec<u64>>| AlertCommand {
        alert: desk.id(),
        author: "an".into(),
        order,
        said_at: None,
        versions,
        key: Some(CommandKey { text: key.into(), request: [1; 16] }),
        origin: None,
    };
    let assign = || Order::Assign { to: Some("a".into()), note: note() };
    let stale = word(&desk, "k", assign(), Some(vec![7]));
    assert_eq!(desk.command(1, stale), Outcome::Refused(Refusal::Stale));
    let again = word(&desk, "k", assign(), Some(vec![1]));
    assert_eq!(desk.command(2, again.clone()), Outcome::Done(2));
    assert_eq!(desk.command(3, again), Outcome::Done(2), "a repeat of what was done");
    let close = || Order::Close { cause: CloseCause::Resolved, note: note() };
    let holds = word(&desk, "c", close(), None);
    assert_eq!(desk.command(4, holds.clone()), Outcome::Refused(Refusal::Holds));
    desk.hear(60, 10.0);
    assert_eq!(desk.command(61, holds), Outcome::Done(3));
    desk.check_replay();
}

#[test]
fn an_order_for_another_version_is_refused_and_what_adds_is_not() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    let word = |desk: &Desk, order, versions: &[u64]| AlertCommand {
        alert: desk.id(),
        author: "an".into(),
        order,
        said_at: None,
        versions: Some(versions.to_vec()),
        key: None,
        origin: None,
    };
    let assign = |to: &str| Order::Assign { to: Some(to.into()), note: note() };
    let first = word(&desk, assign("a"), &[1]);
    assert_eq!(desk.command(1, first), Outcome::Done(2));
    let second = word(&desk, assign("b"), &[1]);
    assert_eq!(desk.command(2, second), Outcome::Refused(Refusal::Stale));
    let comment = word(&desk, Order::Comment { text: "c".into() }, &[1]);
    assert_eq!(desk.command(3, comment), Outcome::Done(3));
    let handling = desk.state.workflow.handling(&desk.id()).unwrap();
    assert_eq!(handling.assigned_to.as_deref(), Some("a"));
    // What is measured changes no version.
    desk.hear(60, 120.0);
    let third = word(&desk, assign("b"), &[3, 9]);
    assert_eq!(desk.command(61, third), Outcome::Done(4));
    desk.check_replay();
}

#[test]
fn a_repeat_is_answered_like_the_first_and_applied_once_also_after_a_restart() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    let word = |desk: &Desk, author: &str, key: &str, text: &str| AlertCommand {
        alert: desk.id(),
        author: author.into(),
        order: Order::Comment { text: text.into() },
        said_at: Some(Timestamp::from_seconds(BEGIN - 900)),
        versions: None,
        key: Some(CommandKey { text: key.into(), request: [text.len() as u8; 16] }),
        origin: None,
    };
    let first = word(&desk, "an", "k", "a");
    assert_eq!(desk.command(1, first.clone()), Outcome::Done(2));
    desk.state = State::restore(&desk.state.snapshot().unwrap()).unwrap();
    assert_eq!(desk.command(2, first.clone()), Outcome::Done(2));
    let remembered = desk.state.workflow.outcome(desk.state.applied).unwrap();
    assert_eq!((remembered.seq, seconds(remembered.at)), (Seq(5), 1), "the first one's number and time");
    let other = word(&desk, "an", "k", "bb");
    assert_eq!(desk.command(3, other.clone()), Outcome::Refused(Refusal::KeyReused));
    let elses = word(&desk, "binh", "k", "bb");
    assert_eq!(desk.command(4, elses), Outcome::Done(3), "another's key is another key");
    assert_eq!(desk.deeds().len(), 2);
    desk.check_replay();

    // Bounded: what is long past is a new word; and nobody pushes another's keys out.
    for number in 0..=KEYS_MAX {
        let next = word(&desk, "chi", &format!("k{number}"), "a");
        desk.command(5, next);
    }
    assert_eq!(desk.command(6, first), Outcome::Done(2));
    let oldest = word(&desk, "chi", "k0", "a");
    assert_eq!(desk.command(6, oldest), Outcome::Done(5 + KEYS_MAX as u64));
    let handling = desk.state.workflow.handling(&desk.id()).unwrap();
    assert_eq!(handling.deeds.len(), DEEDS_MAX);
    assert_eq!(handling.dropped + DEEDS_MAX as u64, 4 + KEYS_MAX as u64);
    assert_eq!(handling.deeds[0].said_at, Some(Timestamp::from_seconds(BEGIN - 900)), "the first stays");
}

#[test]
fn what_was_said_of_a_forgotten_alert_is_forgotten() {
    let mut desk = Desk::new();
    desk.state.alerts.set_retention(Retention { keep_closed: Duration::from_secs(60), keep_closed_count: 100 });
    desk.hear(0, 60.0);
    let id = desk.id();
    desk.say(1, Order::Comment { text: "c".into() });
    desk.pass(60..=400, 10.0);
    assert!(desk.state.alerts.get(&id).is_none());
    desk.pass(410..=440, 10.0);
    assert!(desk.state.workflow.handling(&id).is_none());
    let command = AlertCommand {
        alert: id,
        author: "an".into(),
        order: Order::Acknowledge { note: note() },
        said_at: None,
        versions: None,
        key: None,
        origin: None,
    };
    assert_eq!(desk.command(441, command), Outcome::Refused(Refusal::Gone));
}
