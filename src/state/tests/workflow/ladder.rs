//! Who is told when: the steps of an escalation, and the shelf.

use super::*;

#[test]
fn steps_are_taken_at_their_time_until_somebody_acknowledges() {
    let mut desk = Desk::new();
    desk.pass(0..=590, 60.0);
    assert_eq!(desk.called(), [""; 0]);
    desk.pass(600..=700, 60.0);
    assert_eq!(desk.called(), ["600 1 duty:medium-1 unacknowledged"]);
    assert_eq!(desk.say(710, Order::Acknowledge { note: note() }), Outcome::Done(2));
    desk.pass(720..=2_000, 60.0);
    assert_eq!(desk.called(), ["1010 1 account:an reminder", "1310 2 account:an reminder"], "at most two");
    assert_eq!(desk.say(2_000, Order::Unacknowledge { note: note() }), Outcome::Done(3));
    desk.pass(2_010..=2_600, 60.0);
    assert_eq!(desk.called(), ["2600 1 duty:medium-1 unacknowledged"], "the ladder begins anew");
    desk.check_replay();
}

#[test]
fn what_gets_worse_has_its_own_ladder_and_must_be_acknowledged_anew() {
    let mut desk = Desk::new();
    desk.pass(0..=50, 60.0);
    desk.say(55, Order::Acknowledge { note: note() });
    desk.pass(60..=180, 120.0);
    assert_eq!(desk.called(), ["120 1 duty:high-1 unacknowledged", "180 2 duty:high-2 unacknowledged"]);
    assert!(desk.state.workflow.acknowledged(&desk.alert()).is_none());
    desk.say(185, Order::Acknowledge { note: note() });
    // Less severe and worse again: the acknowledgement of the worse still stands.
    desk.pass(240..=360, 60.0);
    desk.pass(420..=440, 120.0);
    assert_eq!(desk.alert().severity, Severity::High);
    assert!(desk.state.workflow.acknowledged(&desk.alert()).is_some());
    assert_eq!(desk.called(), [""; 0]);
    desk.check_replay();
}

#[test]
fn a_time_in_which_saola_was_down_is_made_up_for_by_the_first_tick() {
    let mut desk = Desk::new();
    desk.hear(0, 120.0);
    desk.enter(0, Body::Tick);
    desk.enter(7_200, Body::Tick);
    assert_eq!(desk.called(), ["7200 1 duty:high-1 unacknowledged", "7200 2 duty:high-2 unacknowledged"]);
    desk.say(7_200, Order::Acknowledge { note: note() });
    desk.enter(20_000, Body::Tick);
    assert_eq!(desk.called(), ["20000 1 account:an reminder"], "reminders of the time down are one");
    desk.enter(20_299, Body::Tick);
    desk.enter(20_300, Body::Tick);
    assert_eq!(desk.called(), ["20300 2 account:an reminder"]);
    desk.check_replay();
}

#[test]
fn a_clock_that_is_set_back_does_not_put_a_step_off() {
    let mut desk = Desk::new();
    desk.hear(7_200, 120.0);
    desk.enter(7_200, Body::Tick);
    desk.enter(0, Body::Tick);
    desk.enter(50, Body::Tick);
    assert_eq!(desk.called(), [""; 0]);
    desk.enter(60, Body::Tick);
    assert_eq!(desk.called(), ["60 1 duty:high-1 unacknowledged"]);
    desk.check_replay();
}

#[test]
fn a_message_that_reached_nobody_takes_the_next_step_at_once_and_once() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    let failed = |desk: &Desk, person: &str, step, of| {
        Body::DeliveryFailed(DeliveryFailed { alert: desk.id(), person: PersonId(person.into()), step, of })
    };
    let raised = desk.state.applied;
    let first = failed(&desk, "binh", 0, raised);
    desk.enter(20, first.clone());
    desk.enter(21, first);
    let second = failed(&desk, "chi", 0, raised);
    desk.enter(22, second);
    assert_eq!(desk.called(), ["20 1 duty:medium-1 undelivered"], "of step 0, one failure is enough");
    let third = failed(&desk, "dung", 1, Seq(raised.0 + 1));
    desk.say(30, Order::Acknowledge { note: note() });
    desk.enter(31, third);
    assert_eq!(desk.called(), [""; 0], "somebody looks after it");
    assert_eq!(
        desk.deeds(),
        ["20 - not_delivered", "20 - escalated", "22 - not_delivered", "30 an acknowledged", "31 - not_delivered"]
    );
    desk.check_replay();
}

#[test]
fn a_failure_of_a_message_from_before_the_ladder_began_anew_hurries_nothing_and_a_new_one_does() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    let raised = desk.state.applied;
    let failed = |desk: &Desk, of| {
        let (alert, person) = (desk.id(), PersonId("binh".into()));
        Body::DeliveryFailed(DeliveryFailed { alert, person, step: 0, of })
    };
    let old = failed(&desk, raised);
    desk.hear(60, 120.0);
    let worse = desk.state.applied;
    desk.enter(61, old);
    assert_eq!(desk.called(), [""; 0], "that message was of what it was before");
    let new = failed(&desk, worse);
    desk.enter(62, new);
    assert_eq!(desk.called(), ["62 1 duty:high-1 undelivered"], "the same person and step, of another message");
    desk.check_replay();
}

#[test]
fn what_swings_back_above_its_acknowledgement_begins_its_ladder_anew() {
    let mut desk = Desk::new();
    desk.hear(0, 120.0);
    desk.hear(1, 60.0);
    desk.hear(61, 60.0);
    assert_eq!(desk.alert().severity, Severity::Medium);
    desk.say(62, Order::Acknowledge { note: note() });
    desk.pass(70..=240, 60.0);
    desk.hear(250, 120.0);
    desk.enter(250, Body::Tick);
    assert_eq!(desk.called(), [""; 0], "its steps did not become due while somebody looked after it");
    desk.enter(310, Body::Tick);
    assert_eq!(desk.called(), ["310 1 duty:high-1 unacknowledged"]);
    desk.check_replay();
}

#[test]
fn a_new_plan_swallows_no_step_that_came_due_since_the_last_tick() {
    let mut desk = Desk::new();
    desk.pass(0..=30, 120.0);
    let edited = |first: &str| {
        let mut plan = plan();
        plan.ladders[0].steps[0].to = Recipient::Duty(first.into());
        Body::Escalation(Box::new(plan))
    };
    // Saola was down from 30 to 100, and the file was edited meanwhile.
    desk.enter(100, edited("other"));
    desk.enter(100, Body::Tick);
    assert_eq!(desk.called(), ["100 1 duty:other unacknowledged"]);
    // The second step came due in a gap, too; only the first is another now.
    desk.enter(200, edited("third"));
    desk.enter(200, Body::Tick);
    assert_eq!(desk.called(), ["200 2 duty:high-2 unacknowledged"]);
    desk.check_replay();
}

#[test]
fn a_new_plan_calls_nobody_for_what_is_past() {
    let mut desk = Desk::new();
    desk.enter(0, Body::Escalation(Box::default()));
    desk.pass(0..=900, 60.0);
    assert_eq!(desk.called(), [""; 0]);
    desk.enter(900, Body::Escalation(Box::new(plan())));
    desk.pass(910..=1_200, 60.0);
    assert_eq!(desk.called(), ["1200 2 duty:medium-2 unacknowledged"]);
    desk.check_replay();
}

#[test]
fn a_shelved_alert_is_quiet_until_its_end_and_then_begins_anew() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    let until = Timestamp::from_seconds(BEGIN + 1_000);
    let shelve = Order::Shelve { until, reason: "đang sửa".into() };
    assert_eq!(desk.say(10, shelve), Outcome::Done(2));
    assert!(desk.alert().quiet);
    desk.pass(60..=990, 60.0);
    assert_eq!(desk.called(), [""; 0]);
    assert!(desk.alert().quiet);
    desk.enter(1_000, Body::Tick);
    assert!(!desk.alert().quiet);
    desk.pass(1_020..=1_600, 60.0);
    assert_eq!(desk.called(), ["1000 0 subscribers return", "1600 1 duty:medium-1 unacknowledged"]);
    assert_eq!(desk.deeds(), ["10 an shelved", "1000 - returned", "1000 - escalated", "1600 - escalated"]);
    desk.check_replay();
}

#[test]
fn a_shelved_alert_that_is_raised_again_is_quiet_too_and_one_that_gets_worse_is_back() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    let until = Timestamp::from_seconds(BEGIN + 86_400);
    desk.say(10, Order::Shelve { until, reason: "r".into() });
    let first = desk.id();
    desk.pass(60..=180, 10.0);
    assert_eq!(desk.alert().state, AlertState::Cleared);
    desk.hear(240, 60.0);
    let again = desk.effects.transitions.last().unwrap();
    assert_ne!(again.alert.id, first);
    assert!((again.from.is_none(), again.alert.quiet) == (true, true), "{again:?}");
    desk.hear(300, 120.0);
    let worse = desk.effects.transitions.last().unwrap();
    assert_eq!((worse.alert.severity, worse.alert.quiet), (Severity::High, false));
    assert_eq!(desk.deeds(), ["300 - returned_worse"]);
    desk.pass(310..=360, 120.0);
    assert_eq!(desk.called(), ["360 1 duty:high-1 unacknowledged"]);
    assert_eq!(desk.say(370, Order::Unshelve { note: note() }), Outcome::Refused(Refusal::NotShelved));
    desk.check_replay();
}

#[test]
fn an_alert_taken_off_the_shelf_is_heard_of_at_once() {
    let mut desk = Desk::new();
    desk.hear(0, 60.0);
    let until = Timestamp::from_seconds(BEGIN + 86_400);
    desk.say(10, Order::Shelve { until, reason: "r".into() });
    assert_eq!(desk.say(100, Order::Unshelve { note: note() }), Outcome::Done(3));
    assert!(!desk.alert().quiet);
    assert_eq!(desk.called(), ["100 0 subscribers return"]);
    desk.check_replay();
}
