//! What becomes of messages that are refused, with a clock that is set and no network.

use std::collections::BTreeSet;

use super::*;
use crate::model::Seq;
use crate::notify::facts::{Facts, Kind};
use crate::notify::outbox::{DeliveryRow, Event, Filter, Outbox, Route, What};
use crate::notify::people::People;
use crate::notify::texts::{Language, tests::facts};

const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);

struct Bench {
    courier: Courier,
    clock: Clock,
    told: Arc<Mutex<BTreeSet<String>>>,
    tries: usize,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// With one raised alert a number for `sms`.
    fn new(alerts: u64) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Arc::new(Outbox::open(&folder.path().join("outbox.db"), Seq(0)).unwrap());
        let database = Arc::new(crate::database::Database::open(&folder.path().join("people.db")).unwrap());
        let config = Config::default();
        let desk = Arc::new(Desk::new(&config, outbox, Arc::new(People::over(database).unwrap())));
        let senders = Senders::new(&config, &folder.path().join("vapid.pem"), None).unwrap();
        let (clock, told) = (Clock::manual(NOW), Arc::new(Mutex::new(BTreeSet::new())));
        let heard = Arc::clone(&told);
        let on_failure = Box::new(move |failed: DeliveryFailed| heard.lock().insert(failed.alert.0.to_string()));
        let courier = Courier::new(desk, senders, &config, clock.clone(), on_failure);
        let bench = Bench { courier, clock, told, tries: 0, _folder: folder };
        let events: Vec<Event> = (1..=alerts).map(raised).collect();
        bench.courier.desk.outbox().queue(&events, Seq(alerts), NOW, |_, _, _| None).unwrap();
        bench
    }

    /// One more raised alert, by another way.
    fn queue(&self, seq: u64, channel: &str, lane: &str) {
        let mut event = raised(seq);
        (event.routes[0].lane, event.routes[0].channel) = (lane.to_owned(), channel.to_owned());
        self.courier.desk.outbox().queue(&[event], Seq(seq), NOW, |_, _, _| None).unwrap();
    }

    /// Tries until nothing waits, or for so long; how long it took.
    fn deliver(&mut self, longest: Duration, answer: impl Fn(&[u64]) -> Option<&'static str>) -> Duration {
        let outbox = Arc::clone(&self.courier.desk);
        while outbox.outbox().waiting().unwrap().count > 0 && self.clock.now().since(NOW) < longest {
            let now = self.clock.now();
            let until = self.courier.waiting.lock().get("sms").copied().filter(|until| *until > now);
            if let Some(until) = until {
                self.clock.set(until);
                continue;
            }
            match outbox.outbox().take("sms", &self.courier.pace(), now).unwrap() {
                Taken::Errand(errand) => {
                    let numbers: Vec<u64> =
                        errand.members.iter().map(|(_, member)| member.facts.alert.parse().unwrap()).collect();
                    let outcome =
                        answer(&numbers).map_or(Outcome::Sent, |error| Outcome::Unfit { error: error.to_owned() });
                    self.tries += 1;
                    self.courier.note(&errand, outcome).unwrap();
                }
                Taken::NotBefore(until) => self.clock.set(until),
                Taken::Nothing => panic!("something waits and nothing can be taken up"),
            }
        }
        for _ in 0..20 {
            self.courier.round();
        }
        self.clock.now().since(NOW)
    }

    fn failed(&self) -> Vec<u64> {
        let filter = Filter { limit: 100_000, ..Filter::default() };
        let rows = self.courier.desk.outbox().list(&filter).unwrap().into_iter().rev();
        let failed = |row: &DeliveryRow| row.state.word() == "failed";
        rows.filter(failed).map(|row| row.alert.parse().unwrap()).collect()
    }
}

fn raised(number: u64) -> Event {
    let route = Route {
        recipient: "lan".to_owned(),
        lane: "sms".to_owned(),
        channel: "sms".to_owned(),
        languages: vec![Language::Vi],
        hold: None,
    };
    Event {
        seq: Seq(number),
        number: 0,
        facts: Facts { alert: number.to_string(), ..facts() },
        what: What::Transition(Some(Kind::Raised)),
        routes: vec![route],
    }
}

#[test]
fn a_side_that_takes_nothing_fails_soon_and_somebody_else_hears_of_all() {
    let mut bench = Bench::new(10_000);
    let took = bench.deliver(Duration::from_secs(86_400), |_| Some("answered 400"));
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert!(bench.tries <= 20, "{} tries", bench.tries);
    assert_eq!(bench.failed().len(), 10_000);
    assert_eq!(bench.told.lock().len(), 10_000);
    assert!(bench.courier.failing.lock().contains_key("sms"));
}

#[test]
fn bad_members_cost_only_themselves() {
    let cases: [&[u64]; 6] =
        [&[1], &[700], &[1_000], &[1, 2, 3, 4], &[1, 2, 3, 500, 999], &[10, 20, 30, 40, 50, 60, 70]];
    for bad in cases {
        let mut bench = Bench::new(1_000);
        bench.deliver(Duration::from_secs(86_400), |members| {
            members.iter().any(|member| bad.contains(member)).then_some("answered 422")
        });
        assert_eq!(bench.failed(), bad);
        let told: BTreeSet<String> = bad.iter().map(u64::to_string).collect();
        assert_eq!(*bench.told.lock(), told);
        assert!(bench.tries <= 24 * bad.len(), "{} tries for {bad:?}", bench.tries);
    }
}

#[test]
fn a_side_that_stops_taking_anything_half_way_is_given_up_too() {
    let mut bench = Bench::new(1_000);
    let took = bench.deliver(Duration::from_secs(86_400), |members| {
        (members.len() > 100 || members.iter().any(|member| *member > 300)).then_some("answered 400")
    });
    assert!(took < Duration::from_secs(120), "{took:?}");
    assert_eq!(bench.failed(), (301..=1_000).collect::<Vec<u64>>());
}

#[test]
fn parting_ends_when_the_time_for_trying_is_over() {
    let mut bench = Bench::new(1_000);
    bench.courier.config.give_up_after = crate::model::Span::from_seconds(5);
    let clock = bench.clock.clone();
    let longest = Duration::from_secs(3_600);
    // Every try takes a second, and no answer is like the one before.
    bench.deliver(longest, |members| {
        clock.set(clock.now() + Duration::from_secs(1));
        Some(if members[0] % 2 == 0 { "answered 400" } else { "answered 413" })
    });
    assert!(bench.tries <= 24, "{} tries", bench.tries);
    assert_eq!(bench.failed().len(), 1_000);
}

#[tokio::test]
async fn a_dead_gateway_never_has_the_last_place() {
    for (places, of_the_gateway) in [(1, 1), (2, 1), (3, 2), (4, 2), (64, 32)] {
        let mut bench = Bench::new(0);
        bench.courier.config.tries_at_once = places;
        for number in 1..=64 {
            bench.queue(number, "sms", &format!("a{number:02}"));
        }
        bench.queue(65, "chat", "z");
        let courier = Arc::new(bench.courier);
        let mut tries = JoinSet::new();
        courier.look(&mut tries).await;
        let busy = courier.busy.lock().clone();
        let count = |way: &str| busy.values().filter(|other| *other == way).count();
        assert_eq!((count("sms"), count("chat")), (of_the_gateway, usize::from(places > 1)), "of {places}");
    }
}
