//! Who has subscribed to what, and what is retained.
//!
//! Invariants: only Saola publishes here, clients never do; a new subscriber misses nothing, because it is entered
//! before its retained messages are read, and the last thing it hears of a topic is the newest. Retained messages are
//! handed to a subscriber as it reads them, straight from the one table, so a subscription costs no copy of it. They
//! and the subscriptions of sessions that outlive their connections are on disk, written by the sessions' store.
//!
//! Alerts and commands are few, so their publisher walks all subscribers. Observations are many and their subscribers
//! few: who may hear one is known apart. Left out on purpose: any other index of subscriptions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use bytestring::ByteString;
use parking_lot::RwLock;
use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::RetainHandling;

use super::access::Account;
use super::alerts::{
    AlertError, AlertMessage, COMMANDS, COMMANDS_END, CommandError, Delivery, Nature, OBSERVATIONS, Retain, SentCommand,
};
use super::answer::Grant;
use super::frame::Wish;
use super::line::{Line, Posted};
use super::meters::Meters;
use super::session::{FoundSubscription, Held, Op, SessionNo, Store};
use crate::clock::Clock;
use crate::model::Timestamp;
use crate::mqtt::topic;

/// The state behind [`super::AlertTopics`] and [`super::CommandTopics`].
pub(super) struct Topics {
    allowed: String,
    retained_max: usize,
    waiting_max: usize,
    meters: Arc<Meters>,
    store: Arc<Store>,
    clock: Clock,
    last_no: AtomicI64,
    /// Bounded by `retained_max`; at the limit a further topic is not kept, and its publisher is told.
    retained: RwLock<BTreeMap<ByteString, Arc<AlertMessage>>>,
    subscribers: RwLock<HashMap<Key, Subscriber>>,
    /// Those of them who may hear observations; locked after them, and kept in step by [`Topics::note`].
    observers: RwLock<HashSet<Key>>,
}

/// Who hears.
#[derive(Clone)]
pub(super) enum Hearer {
    /// A connection whose session ends with it.
    Line(Arc<Line>),
    /// A session that outlives its connections.
    Held(Arc<Held>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Line(u64),
    Held(SessionNo),
}

impl Hearer {
    fn key(&self) -> Key {
        match self {
            Hearer::Line(line) => Key::Line(line.number),
            Hearer::Held(held) => Key::Held(held.no),
        }
    }

    fn session(&self) -> Option<SessionNo> {
        match self {
            Hearer::Line(_) => None,
            Hearer::Held(held) => Some(held.no),
        }
    }

    fn is_connected(&self) -> bool {
        match self {
            Hearer::Line(_) => true,
            Hearer::Held(held) => held.is_connected(),
        }
    }

    fn post(&self, delivery: Delivery, waiting_max: usize) -> Posted {
        match self {
            Hearer::Line(line) => line.post(delivery, waiting_max),
            Hearer::Held(held) => held.post(delivery, waiting_max),
        }
    }
}

struct Subscriber {
    hearer: Hearer,
    subscriptions: Vec<Subscription>,
}

/// One subscription.
#[derive(Debug)]
struct Subscription {
    filter: ByteString,
    qos: QoS,
    as_published: bool,
    /// Not all of its retained messages have been sent.
    replaying: bool,
}

/// A walk through the retained messages of a new subscription.
#[derive(Debug)]
pub(super) struct Replay {
    filter: ByteString,
    qos: QoS,
    after: Option<ByteString>,
}

impl Replay {
    pub fn filter(&self) -> &str {
        &self.filter
    }

    pub fn qos(&self) -> QoS {
        self.qos
    }
}

impl Topics {
    pub fn new(
        allowed: &str,
        (retained_max, waiting_max): (usize, usize),
        meters: Arc<Meters>,
        store: Arc<Store>,
        clock: Clock,
    ) -> Self {
        let (retained, subscribers, observers) = (RwLock::default(), RwLock::default(), RwLock::default());
        let (allowed, last_no) = (allowed.to_owned(), AtomicI64::new(0));
        Topics { allowed, retained_max, waiting_max, meters, store, clock, last_no, retained, subscribers, observers }
    }

    /// Takes up what was retained; `message_no` is the largest number on disk.
    pub fn restore_retained(&self, found: Vec<Arc<AlertMessage>>, message_no: i64) {
        self.last_no.store(message_no, Ordering::Relaxed);
        let now = self.clock.now();
        for alert in found {
            if alert.is_over(now) {
                self.store.submit([Op::Clear { topic: alert.topic.to_string() }]);
                continue;
            }
            let AlertMessage { topic, payload, expires_at, nature, .. } = &*alert;
            let alert = self.message(topic, payload.clone(), *expires_at, *nature);
            self.retained.write().insert(alert.topic.clone(), alert);
        }
    }

    /// Takes up the subscriptions of a session as far as its account may have them.
    pub fn restore_subscriptions(&self, held: &Arc<Held>, found: Vec<FoundSubscription>, account: &Account) {
        let subscription = |one: FoundSubscription| Subscription {
            filter: one.filter.into(),
            qos: one.qos,
            as_published: one.as_published,
            replaying: one.replaying,
        };
        let subscriptions = found.into_iter().map(subscription).collect();
        let hearer = Hearer::Held(held.clone());
        self.subscribers.write().insert(hearer.key(), Subscriber { hearer, subscriptions });
        self.limit(held, account);
    }

    /// Takes from a session what its account may not have (any more): subscriptions, and what they brought.
    pub fn limit(&self, held: &Held, account: &Account) {
        // Locked from here on, so that nothing is delivered in between.
        let mut subscribers = self.subscribers.write();
        self.meters.alerts_dropped.add(held.limit(|topic| account.may_subscribe(topic)));
        let Some(subscriber) = subscribers.get_mut(&Key::Held(held.no)) else { return };
        subscriber.subscriptions.retain(|one| {
            let may = account.may_subscribe(&one.filter);
            if !may {
                self.store.submit([Op::Unsubscribe { session: held.no, filter: one.filter.to_string() }]);
            }
            may
        });
        self.note(Key::Held(held.no), Some(subscriber));
    }

    /// Notes whether a subscriber may hear observations, after its subscriptions have changed.
    fn note(&self, key: Key, subscriber: Option<&Subscriber>) {
        let hears = |one: &Subscription| topic::overlaps(OBSERVATIONS, &one.filter);
        let mut observers = self.observers.write();
        match subscriber.is_some_and(|subscriber| subscriber.subscriptions.iter().any(hears)) {
            true => observers.insert(key),
            false => observers.remove(&key),
        };
    }

    /// Whether anybody may hear an observation.
    pub fn observations_are_heard(&self) -> bool {
        !self.observers.read().is_empty()
    }

    pub fn publish_observation(&self, topic: &str, payload: Bytes) -> usize {
        if !topic::valid_topic(topic) || !topic::matches(OBSERVATIONS, topic) {
            return 0;
        }
        let message = self.message(topic, payload, None, Nature::Observation);
        let subscribers = self.subscribers.read();
        let observers = self.observers.read();
        let told = observers.iter().filter_map(|key| subscribers.get(key)).filter(|subscriber| {
            subscriber.subscriptions.iter().any(|one| topic::matches(&one.filter, topic))
                && subscriber.hearer.is_connected()
        });
        told.inspect(|subscriber| {
            let delivery = Delivery { alert: message.clone(), qos: QoS::AtMostOnce, retain: false };
            let posted = subscriber.hearer.post(delivery, self.waiting_max);
            self.meters.observations_dropped.add(posted.dropped());
        })
        .count()
    }

    /// Whether `topic` belongs to Saola, so that no client may publish to it.
    pub fn is_ours(&self, topic: &str) -> bool {
        // On the hot path: nearly every topic is told apart by its beginning or its end.
        (topic.starts_with(topic::literal_prefix(&self.allowed)) && topic::matches(&self.allowed, topic))
            || (topic.ends_with(COMMANDS_END) && topic::matches(COMMANDS, topic))
    }

    fn message(&self, topic: &str, payload: Bytes, expires_at: Option<Timestamp>, nature: Nature) -> Arc<AlertMessage> {
        let no = self.last_no.fetch_add(1, Ordering::Relaxed) + 1;
        Arc::new(AlertMessage { no, topic: topic.into(), payload, expires_at, nature })
    }

    pub fn publish_alert(&self, topic: &str, payload: Bytes, retain: Retain) -> Result<usize, AlertError> {
        let is_alert = topic::valid_topic(topic) && topic::matches(&self.allowed, topic);
        if !is_alert || (topic.ends_with(COMMANDS_END) && topic::matches(COMMANDS, topic)) {
            return Err(AlertError::Topic { topic: topic.to_owned(), allowed: self.allowed.clone() });
        }
        let alert = self.message(topic, payload, None, Nature::Alert);
        // First the table, then the subscribers: one who comes in between hears it twice, never not at all.
        let kept = self.settle(&alert, retain);
        let told = self.deliver(&alert, retain == Retain::Keep);
        let full = AlertError::RetainedFull { topic: topic.to_owned(), limit: self.retained_max };
        if kept { Ok(told.connected + told.waiting) } else { Err(full) }
    }

    pub async fn send_command(
        &self,
        station: &str,
        payload: Bytes,
        retain: Retain,
        expires_at: Option<Timestamp>,
    ) -> Result<SentCommand, CommandError> {
        let topic = format!("saola/v1/{station}{COMMANDS_END}");
        if !topic::valid_topic(&topic) || !topic::matches(COMMANDS, &topic) {
            return Err(CommandError::Station(station.to_owned()));
        }
        let alert = self.message(&topic, payload, expires_at, Nature::Command);
        if !self.settle(&alert, retain) {
            return Err(CommandError::RetainedFull { limit: self.retained_max });
        }
        let told = self.deliver(&alert, retain == Retain::Keep);
        // Everything above was submitted before this, so when this is on disk all of it is.
        let ticket = self.store.submit([]);
        if retain == Retain::No && told.connected + told.waiting == 0 {
            return Err(if told.refused > 0 { CommandError::Full(told.refused) } else { CommandError::Nobody(topic) });
        }
        if !self.store.wait(ticket).await {
            return Err(CommandError::NotWritten);
        }
        Ok(SentCommand { topic, ..told })
    }

    /// Brings the table of retained messages up to date. Says whether it had room.
    fn settle(&self, alert: &Arc<AlertMessage>, retain: Retain) -> bool {
        match retain {
            Retain::No => true,
            Retain::Clear => {
                let mut retained = self.retained.write();
                if retained.remove(&alert.topic).is_some() {
                    self.store.submit([Op::Clear { topic: alert.topic.to_string() }]);
                }
                true
            }
            Retain::Keep => {
                let mut retained = self.retained.write();
                if retained.len() >= self.retained_max && !retained.contains_key(&alert.topic) {
                    self.meters.retained_full.add(1);
                    return false;
                }
                retained.insert(alert.topic.clone(), alert.clone());
                self.store.submit([Op::Keep { alert: alert.clone() }]);
                true
            }
        }
    }

    fn deliver(&self, alert: &Arc<AlertMessage>, kept: bool) -> SentCommand {
        let mut told = SentCommand { topic: String::new(), connected: 0, waiting: 0, refused: 0 };
        for subscriber in self.subscribers.read().values() {
            let fitting = subscriber.subscriptions.iter().filter(|one| topic::matches(&one.filter, &alert.topic));
            // Overlapping subscriptions of one client: once, with the highest QoS.
            let Some(best) = fitting.max_by_key(|one| one.qos) else { continue };
            let is_connected = subscriber.hearer.is_connected();
            if best.qos == QoS::AtMostOnce && !is_connected {
                continue;
            }
            let delivery = Delivery { alert: alert.clone(), qos: best.qos, retain: kept && best.as_published };
            let posted = subscriber.hearer.post(delivery, self.waiting_max);
            self.meters.alerts_dropped.add(posted.dropped());
            match (posted, is_connected) {
                (Posted::Refused { .. }, _) => told.refused += 1,
                (_, true) => told.connected += 1,
                (_, false) => told.waiting += 1,
            }
        }
        told
    }

    /// Enters a subscription, if the account may have it; the replay is the retained messages to begin with.
    pub fn subscribe(
        &self,
        hearer: &Hearer,
        account: &Account,
        wish: &Wish,
        subscriptions_max: usize,
    ) -> (Grant, Option<Replay>) {
        if wish.filter.starts_with("$share/") {
            return (Grant::Shared, None);
        }
        if !topic::valid_filter(&wish.filter) {
            return (Grant::NotAFilter, None);
        }
        // A subscription that could never hear anything is refused rather than left silent for ever.
        let may_hear = [&self.allowed, COMMANDS, OBSERVATIONS].iter().any(|ours| topic::overlaps(ours, &wish.filter));
        if !account.may_subscribe(&wish.filter) || !may_hear {
            return (Grant::Denied, None);
        }
        let qos = wish.qos.less_value(QoS::AtLeastOnce);
        let mut subscribers = self.subscribers.write();
        let subscriber = subscribers
            .entry(hearer.key())
            .or_insert_with(|| Subscriber { hearer: hearer.clone(), subscriptions: Vec::new() });
        let older = subscriber.subscriptions.iter().position(|one| one.filter == wish.filter);
        if older.is_none() && subscriber.subscriptions.len() >= subscriptions_max {
            return (Grant::TooMany, None);
        }
        let replaying = match wish.retained {
            RetainHandling::AtSubscribe => true,
            RetainHandling::AtSubscribeNew => older.is_none(),
            RetainHandling::NoAtSubscribe => false,
        };
        if let Some(older) = older {
            subscriber.subscriptions.swap_remove(older);
        }
        // A copy: what the codec gives shares, and would keep, the whole SUBSCRIBE.
        let filter = ByteString::from(&*wish.filter);
        let as_published = wish.retain_as_published;
        if let Some(session) = hearer.session() {
            let (filter, qos) = (filter.to_string(), qos.value());
            self.store.submit([Op::Subscribe { session, filter, qos, as_published, replaying }]);
        }
        subscriber.subscriptions.push(Subscription { filter: filter.clone(), qos, as_published, replaying });
        self.note(hearer.key(), Some(subscriber));
        (Grant::Granted(qos), replaying.then_some(Replay { filter, qos, after: None }))
    }

    /// Ends one subscription. Says whether there was one.
    pub fn unsubscribe(&self, hearer: &Hearer, filter: &str) -> bool {
        let mut subscribers = self.subscribers.write();
        let Some(subscriber) = subscribers.get_mut(&hearer.key()) else { return false };
        let before = subscriber.subscriptions.len();
        subscriber.subscriptions.retain(|one| one.filter != filter);
        let existed = before != subscriber.subscriptions.len();
        self.note(hearer.key(), Some(subscriber));
        if let Some(session) = hearer.session().filter(|_| existed) {
            self.store.submit([Op::Unsubscribe { session, filter: filter.to_owned() }]);
        }
        existed
    }

    /// Ends all subscriptions of a connection that goes.
    pub fn forget(&self, line: &Line) {
        let mut subscribers = self.subscribers.write();
        if subscribers.remove(&Key::Line(line.number)).is_some() {
            self.note(Key::Line(line.number), None);
        }
    }

    /// Ends all subscriptions of a session that ends.
    pub fn forget_held(&self, session: SessionNo) {
        let mut subscribers = self.subscribers.write();
        subscribers.remove(&Key::Held(session));
        self.note(Key::Held(session), None);
    }

    /// The replays that a session's former connections did not get to the end of.
    pub fn unfinished(&self, held: &Held) -> Vec<Replay> {
        let subscribers = self.subscribers.read();
        let subscriptions = subscribers.get(&Key::Held(held.no)).map(|subscriber| subscriber.subscriptions.iter());
        let unfinished = subscriptions.into_iter().flatten().filter(|one| one.replaying);
        unfinished.map(|one| Replay { filter: one.filter.clone(), qos: one.qos, after: None }).collect()
    }

    /// A session has got all retained messages of a subscription.
    pub fn replayed(&self, held: &Held, filter: &str) {
        let mut subscribers = self.subscribers.write();
        let subscriber = subscribers.get_mut(&Key::Held(held.no));
        let one =
            subscriber.and_then(|subscriber| subscriber.subscriptions.iter_mut().find(|one| one.filter == filter));
        if let Some(one) = one {
            one.replaying = false;
            held.replayed(filter);
        }
    }

    /// The next retained message of a replay; `None` at its end.
    pub fn replay(&self, replay: &mut Replay) -> Option<Delivery> {
        let retained = self.retained.read();
        let now = self.clock.now();
        let prefix = topic::literal_prefix(&replay.filter);
        let from = match &replay.after {
            Some(after) => Bound::Excluded(&**after),
            None => Bound::Included(prefix),
        };
        let (topic, alert) = retained
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(topic, _)| topic.starts_with(prefix))
            .find(|(topic, alert)| topic::matches(&replay.filter, topic) && !alert.is_over(now))?;
        replay.after = Some(topic.clone());
        Some(Delivery { alert: alert.clone(), qos: replay.qos, retain: true })
    }

    pub fn retained_count(&self) -> usize {
        self.retained.read().len()
    }

    pub fn retained_alerts(&self) -> Vec<(String, Bytes)> {
        let retained = self.retained.read();
        let alerts = retained.values().filter(|alert| alert.nature == Nature::Alert);
        alerts.map(|alert| (alert.topic.to_string(), alert.payload.clone())).collect()
    }

    /// Forgets retained messages that are over.
    pub fn expire(&self, now: Timestamp) {
        let is_any_over = self.retained.read().values().any(|alert| alert.is_over(now));
        if !is_any_over {
            return;
        }
        self.retained.write().retain(|topic, alert| {
            if alert.is_over(now) {
                self.store.submit([Op::Clear { topic: topic.to_string() }]);
            }
            !alert.is_over(now)
        });
    }
}
