//! What nobody is to be told of: alerts that a known heat source explains, that somebody shelved or closed, that keep
//! coming back, that are latched, and what late data would have raised.

use std::time::Duration;

use saola::clock::Clock;
use saola::model::{
    AlertCommand, AlertId, AlertState, Body, CloseCause, Entry, EscalationPlan, Ladder, LadderStep, Order, Recipient,
    RuleFile, Seq, Severity, TimeClass, Timestamp,
};
use saola::notify::outbox::{Pace, Taken};

use super::bench::{NOW, Pair, begin, config, new_state, sample};

const LANE: &str = "webhook:hook";

/// One station at 22.3, 103.4; it is 10:15 there.
struct Script {
    pair: Pair,
    seq: u64,
    _folder: tempfile::TempDir,
}

fn at(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

/// A plan with a kiln at the station that burns until 10:20.
fn grouping() -> Body {
    let groups = "[[group]]\nname = 'fire'\ntitle = { vi = 'Cháy', en = 'Fire' }\ncauses = ['air_temperature']\n\
                  radius_km = 3\nspan = '10m'\nmasked = true\n";
    let kiln = "[[heat_source]]\nname = { vi = 'Lò', en = 'Kiln' }\nlat = 22.3\nlon = 103.4\nradius_km = 1\n\
                properties = ['air_temperature']\nzone = 'Asia/Ho_Chi_Minh'\n\
                hours = { from = '10:00', to = '10:20' }\n";
    let file = |name: &str, text: &str| RuleFile { name: name.to_owned(), text: text.to_owned() };
    let files = vec![file("incidents.toml", groups), file("heat_sources.toml", kiln)];
    Body::Grouping(files)
}

impl Script {
    /// With keys of the rule beside its levels.
    fn new(keys: &str) -> Script {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), "127.0.0.1:9".parse().unwrap(), &["hook"]);
        let pair = Pair::open(folder.path(), &config, Clock::manual(NOW), new_state());
        let mut script = Script { pair, seq: 0, _folder: folder };
        let [catalogue, _] = begin(1);
        let text = format!(
            "[[rule]]\nname = \"hot\"\ntitle = {{ vi = \"Nóng\", en = \"Hot\" }}\nproperty = \"air_temperature\"\n\
             unit = \"Cel\"\n{keys}\nlevels = [\n{{ severity = \"medium\", above = 10, clear = 5 }},\n\
             {{ severity = \"very_high\", above = 30, clear = 25 }}]\n"
        );
        let rules = vec![RuleFile { name: "test.toml".to_owned(), text }];
        script.enter(&[(0, catalogue), (0, Body::Rules(rules))]);
        assert!(script.pair.state.alerts.refused().is_empty(), "{:?}", script.pair.state.alerts.refused());
        script
    }

    /// The same beside a kiln that burns until 10:20.
    fn beside_a_kiln(keys: &str) -> Script {
        let mut script = Script::new(keys);
        script.enter(&[(0, grouping())]);
        assert!(script.pair.state.incidents.refused().is_empty(), "{:?}", script.pair.state.incidents.refused());
        script
    }

    /// Bodies by their seconds, as one batch.
    fn enter(&mut self, bodies: &[(u64, Body)]) {
        let entries: Vec<Entry> = bodies
            .iter()
            .map(|(seconds, body)| {
                self.seq += 1;
                Entry { seq: Seq(self.seq), received_at: at(*seconds), body: body.clone() }
            })
            .collect();
        self.pair.take(&entries);
    }

    fn hear(&mut self, seconds: u64, value: f64) {
        self.enter(&[(seconds, sample(0, at(seconds), value))]);
    }

    fn tick(&mut self, seconds: u64) {
        self.enter(&[(seconds, Body::Tick)]);
    }

    /// The open alert.
    fn alert(&self) -> AlertId {
        self.pair.state.alerts.open().next().unwrap().id.clone()
    }

    fn say(&mut self, seconds: u64, order: Order) {
        let (alert, author) = (self.alert(), "lan".to_owned());
        let command = AlertCommand { alert, author, order, said_at: None, versions: None, key: None, origin: None };
        self.enter(&[(seconds, Body::Alert(Box::new(command)))]);
    }

    /// Everything that waits arrives.
    fn deliver(&self) {
        let outbox = self.pair.desk.outbox();
        let pace = Pace { one_by_one_max: 1_000, digest_every: Duration::ZERO, digest_members_max: 2 };
        while let Taken::Errand(errand) = outbox.take(LANE, &pace, NOW).unwrap() {
            outbox.sent(errand.message, NOW).unwrap();
        }
    }

    /// What the machine is told, from the beginning on.
    fn check(&self, expected: &[(&str, &str)]) {
        let rows = self.pair.deliveries();
        let told: Vec<_> = rows.iter().rev().map(|row| (row.kind.as_str(), row.state.word())).collect();
        assert_eq!(told, expected);
    }
}

#[test]
fn what_a_heat_source_explains_is_told_when_it_explains_it_no_more() {
    let mut script = Script::beside_a_kiln("");
    script.hear(5, 20.0);
    assert!(script.pair.state.incidents.mask_of(&script.alert()).is_some());
    script.hear(200, 21.0);
    script.tick(290);
    script.check(&[]);
    script.tick(305);
    script.check(&[("raised", "queued")]);
    script.tick(370);
    script.deliver();
    script.hear(380, 1.0);
    script.check(&[("raised", "sent"), ("resolved", "queued")]);
}

#[test]
fn what_ends_while_it_is_explained_nobody_hears_of() {
    let mut script = Script::beside_a_kiln("");
    script.hear(5, 20.0);
    script.hear(10, 1.0);
    script.tick(305);
    script.check(&[]);
}

#[test]
fn what_gets_worse_than_a_heat_source_explains_is_told_once() {
    let mut script = Script::beside_a_kiln("");
    script.hear(5, 20.0);
    script.hear(10, 40.0);
    script.check(&[("raised", "queued")]);
}

#[test]
fn who_knew_of_an_alert_before_it_was_explained_hears_its_end_and_no_second_raise() {
    let mut script = Script::new("");
    script.hear(1, 20.0);
    script.deliver();
    script.check(&[("raised", "sent")]);
    script.enter(&[(2, grouping())]);
    assert!(script.pair.state.incidents.mask_of(&script.alert()).is_some());
    script.hear(200, 20.0);
    script.tick(305);
    assert!(script.pair.state.incidents.mask_of(&script.alert()).is_none());
    script.hear(310, 1.0);
    script.check(&[("raised", "sent"), ("resolved", "queued")]);
}

#[test]
fn a_batch_is_told_in_the_order_in_which_it_happened() {
    let mut script = Script::beside_a_kiln("");
    let heard = |seconds: u64, value: f64| (seconds, sample(0, at(seconds), value));
    script.enter(&[heard(5, 20.0), heard(200, 20.0), (305, Body::Tick), heard(310, 1.0)]);
    script.check(&[("raised", "withdrawn"), ("resolved", "withdrawn")]);
    script.enter(&[heard(320, 20.0), heard(330, 40.0)]);
    script.check(&[("raised", "withdrawn"), ("resolved", "withdrawn"), ("raised", "queued"), ("worse", "queued")]);
}

#[test]
fn nobody_is_taken_to_what_is_explained_and_the_time_for_it_begins_when_it_is_not() {
    let mut script = Script::beside_a_kiln("");
    let step = LadderStep { after: Duration::from_secs(60), to: Recipient::Subscribers };
    let plan = EscalationPlan { ladders: vec![Ladder { steps: vec![step], ..Ladder::default() }] };
    script.enter(&[(1, Body::Escalation(Box::new(plan)))]);
    script.hear(5, 20.0);
    script.tick(100);
    script.hear(200, 20.0);
    script.check(&[]);
    script.tick(305);
    script.check(&[("raised", "queued")]);
    script.tick(364);
    script.check(&[("raised", "queued")]);
    script.tick(366);
    script.check(&[("raised", "queued"), ("escalated", "queued")]);
}

#[test]
fn what_is_shelved_is_told_to_nobody_but_its_end_to_those_who_know() {
    let mut script = Script::new("");
    script.hear(5, 20.0);
    script.deliver();
    script.say(6, Order::Shelve { until: at(3_600), reason: "r".to_owned() });
    script.hear(10, 1.0);
    script.check(&[("raised", "sent"), ("resolved", "queued")]);
    script.deliver();
    // Raised again on its shelf.
    script.hear(20, 20.0);
    script.hear(30, 1.0);
    script.check(&[("raised", "sent"), ("resolved", "sent")]);
    // Worse than what was shelved.
    script.hear(40, 20.0);
    script.hear(50, 40.0);
    script.check(&[("raised", "sent"), ("resolved", "sent"), ("raised", "queued")]);
}

#[test]
fn what_is_closed_while_it_holds_says_no_more_than_its_end() {
    let mut script = Script::new("");
    script.hear(5, 40.0);
    script.deliver();
    script.say(6, Order::Close { cause: CloseCause::FalseAlarm, note: String::new() });
    // Milder, and silent, and back.
    script.hear(10, 20.0);
    script.tick(600);
    script.hear(610, 20.0);
    script.check(&[("raised", "sent")]);
    script.hear(620, 1.0);
    script.check(&[("raised", "sent"), ("resolved", "queued")]);
}

#[test]
fn what_keeps_coming_back_is_told_as_that_once_then_only_worse_and_its_end() {
    let mut script = Script::new("flapping = { raises = 3, within = \"10m\" }");
    for turn in 0..3 {
        script.hear(10 + turn * 20, 20.0);
        script.deliver();
        script.hear(20 + turn * 20, 1.0);
        script.deliver();
    }
    let mut told =
        vec![("raised", "sent"), ("resolved", "sent"), ("raised", "sent"), ("resolved", "sent"), ("raised", "sent")];
    script.check(&told);
    assert!(script.pair.state.alerts.get(&script.alert()).unwrap().flapping);
    // It comes and goes, and its data stop and come back.
    for turn in 0..20 {
        script.hear(80 + turn * 20, 20.0);
        script.hear(90 + turn * 20, 1.0);
    }
    script.tick(470 + 400);
    script.hear(470 + 410, 20.0);
    script.check(&told);
    script.hear(900, 40.0);
    told.push(("worse", "queued"));
    script.check(&told);
    script.deliver();
    script.hear(910, 1.0);
    for minute in 0..15 {
        script.hear(960 + minute * 60, 1.0);
        script.tick(970 + minute * 60);
    }
    assert_eq!(script.pair.state.alerts.open().count(), 0, "it has settled");
    told.pop();
    told.extend([("worse", "sent"), ("resolved", "queued")]);
    script.check(&told);
}

#[test]
fn what_is_latched_is_told_when_it_begins_and_when_somebody_closes_it() {
    let mut script = Script::new("latched = true");
    script.hear(5, 20.0);
    script.deliver();
    script.hear(10, 1.0);
    assert_eq!(script.pair.state.alerts.get(&script.alert()).unwrap().state, AlertState::Latched);
    script.check(&[("raised", "sent")]);
    // Its condition begins again.
    script.hear(20, 20.0);
    script.check(&[("raised", "sent"), ("raised", "queued")]);
    script.deliver();
    script.hear(30, 1.0);
    script.say(40, Order::Close { cause: CloseCause::Resolved, note: String::new() });
    script.check(&[("raised", "sent"), ("raised", "sent"), ("resolved", "queued")]);
}

#[test]
fn what_late_data_would_have_raised_is_told_to_nobody() {
    let mut script = Script::new("");
    script.hear(3_600, 1.0);
    for minute in 0..10 {
        let Body::Message(mut message) = sample(0, at(60 + minute * 60), 40.0) else { panic!("no message") };
        message.samples[0].time_class = TimeClass::Backfill;
        script.enter(&[(3_601 + minute, Body::Message(message))]);
    }
    script.tick(3_700);
    script.check(&[]);
    assert!(script.pair.state.alerts.open().all(|alert| alert.severity < Severity::VeryHigh));
}
