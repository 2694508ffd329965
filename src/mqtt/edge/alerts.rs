//! Alert topics: what Saola publishes, who has subscribed to it, what is retained.
//!
//! Invariants: only [`AlertTopics`] publishes here, clients never do; a new subscriber misses nothing, because it is
//! entered before its retained alerts are read, and the last thing it hears of a topic is the newest. Retained alerts
//! are handed to a subscriber as it reads them, straight from the one table, so a subscription costs no copy of it.
//!
//! Left out on purpose: retained alerts do not survive a restart here (who publishes them publishes them again);
//! alerts are few, so a publisher walks all subscribers.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use parking_lot::RwLock;
use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::RetainHandling;

use super::answer::Grant;
use super::frame::Wish;
use super::line::{Line, Posted};
use super::meters::Meters;
use crate::mqtt::topic;

/// What becomes of an alert for those who subscribe later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retain {
    /// It is kept as its topic's last word.
    Keep,
    /// Whatever was kept for its topic is forgotten; the payload (which may be empty) still goes to the subscribers.
    Clear,
    /// Nothing changes.
    No,
}

/// Why an alert was not published, or not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlertError {
    /// Not a topic name, or not an alert topic.
    #[error("{topic:?} is not a topic under {allowed}")]
    Topic {
        /// The topic given.
        topic: String,
        /// The configured filter.
        allowed: String,
    },
    /// Published to the subscribers, but not retained.
    #[error("{topic} was published and not retained: {limit} topics are")]
    RetainedFull {
        /// The topic given.
        topic: String,
        /// The configured limit.
        limit: usize,
    },
}

/// The way out for alerts. Cheap to clone; never waits.
#[derive(Clone)]
pub struct AlertTopics(pub(super) Arc<Topics>);

impl AlertTopics {
    /// Publishes to everybody who has subscribed. Returns how many that are.
    pub fn publish(&self, topic: &str, payload: impl Into<Bytes>, retain: Retain) -> Result<usize, AlertError> {
        self.0.publish(topic, payload.into(), retain)
    }

    /// How many topics are retained.
    pub fn retained(&self) -> usize {
        self.0.retained.read().len()
    }
}

/// An alert as it is published.
#[derive(Debug)]
pub(super) struct AlertMessage {
    pub topic: ByteString,
    pub payload: Bytes,
}

/// An alert on its way to one subscriber.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub alert: Arc<AlertMessage>,
    pub qos: QoS,
    pub retain: bool,
}

/// The state behind [`AlertTopics`].
pub(super) struct Topics {
    allowed: String,
    retained_max: usize,
    waiting_max: usize,
    meters: Arc<Meters>,
    /// Bounded by `retained_max`; at the limit a further topic is not kept, and its publisher is told.
    retained: RwLock<BTreeMap<ByteString, Arc<AlertMessage>>>,
    subscribers: RwLock<HashMap<u64, Subscriber>>,
}

struct Subscriber {
    line: Arc<Line>,
    subscriptions: Vec<Subscription>,
}

struct Subscription {
    filter: ByteString,
    qos: QoS,
    retain_as_published: bool,
}

/// A walk through the retained alerts of a new subscription.
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
    pub fn new(allowed: &str, retained_max: usize, waiting_max: usize, meters: Arc<Meters>) -> Self {
        let (retained, subscribers) = (RwLock::default(), RwLock::default());
        Topics { allowed: allowed.to_owned(), retained_max, waiting_max, meters, retained, subscribers }
    }

    /// Whether `topic` belongs to Saola, so that no client may publish to it.
    pub fn is_alert_topic(&self, topic: &str) -> bool {
        // On the hot path: nearly every topic is told apart by its beginning.
        topic.starts_with(topic::literal_prefix(&self.allowed)) && topic::matches(&self.allowed, topic)
    }

    fn publish(&self, topic: &str, payload: Bytes, retain: Retain) -> Result<usize, AlertError> {
        if !topic::valid_topic(topic) || !self.is_alert_topic(topic) {
            return Err(AlertError::Topic { topic: topic.to_owned(), allowed: self.allowed.clone() });
        }
        let alert = Arc::new(AlertMessage { topic: topic.into(), payload });
        // First the table, then the subscribers: one who comes in between hears it twice, never not at all.
        let kept = match retain {
            Retain::Keep => self.keep(alert.clone()),
            Retain::Clear => {
                self.retained.write().remove(topic);
                Ok(())
            }
            Retain::No => Ok(()),
        };
        let reached = self.deliver(&alert, retain == Retain::Keep);
        kept.map(|()| reached)
    }

    fn keep(&self, alert: Arc<AlertMessage>) -> Result<(), AlertError> {
        let mut retained = self.retained.write();
        if retained.len() >= self.retained_max && !retained.contains_key(&alert.topic) {
            self.meters.retained_full.add(1);
            return Err(AlertError::RetainedFull { topic: alert.topic.to_string(), limit: self.retained_max });
        }
        retained.insert(alert.topic.clone(), alert);
        Ok(())
    }

    fn deliver(&self, alert: &Arc<AlertMessage>, kept: bool) -> usize {
        let mut reached = 0;
        for subscriber in self.subscribers.read().values() {
            let fitting = subscriber.subscriptions.iter().filter(|one| topic::matches(&one.filter, &alert.topic));
            // Overlapping subscriptions of one client: once, with the highest QoS.
            let Some(best) = fitting.max_by_key(|one| one.qos) else { continue };
            let delivery = Delivery { alert: alert.clone(), qos: best.qos, retain: kept && best.retain_as_published };
            if subscriber.line.post(delivery, self.waiting_max) == Posted::OldestDropped {
                self.meters.alerts_dropped.add(1);
            }
            reached += 1;
        }
        reached
    }

    /// Enters a subscription, if the account may have it; the replay is the retained alerts to begin with.
    pub fn subscribe(&self, line: &Arc<Line>, wish: &Wish, subscriptions_max: usize) -> (Grant, Option<Replay>) {
        if wish.filter.starts_with("$share/") {
            return (Grant::Shared, None);
        }
        if !topic::valid_filter(&wish.filter) {
            return (Grant::NotAFilter, None);
        }
        // A subscription that could never hear anything is refused rather than left silent for ever.
        if !line.account.may_subscribe(&wish.filter) || !topic::overlaps(&self.allowed, &wish.filter) {
            return (Grant::Denied, None);
        }
        let qos = wish.qos.less_value(QoS::AtLeastOnce);
        let mut subscribers = self.subscribers.write();
        let subscriber = subscribers
            .entry(line.number)
            .or_insert_with(|| Subscriber { line: line.clone(), subscriptions: Vec::new() });
        // A copy: what the codec gives shares, and would keep, the whole SUBSCRIBE.
        let filter = ByteString::from(&*wish.filter);
        let subscription = Subscription { filter: filter.clone(), qos, retain_as_published: wish.retain_as_published };
        let older = subscriber.subscriptions.iter().position(|one| one.filter == wish.filter);
        if older.is_none() && subscriber.subscriptions.len() >= subscriptions_max {
            return (Grant::TooMany, None);
        }
        let new = older.is_none();
        if let Some(older) = older {
            subscriber.subscriptions.swap_remove(older);
        }
        subscriber.subscriptions.push(subscription);
        let replayed = match wish.retained {
            RetainHandling::AtSubscribe => true,
            RetainHandling::AtSubscribeNew => new,
            RetainHandling::NoAtSubscribe => false,
        };
        (Grant::Granted(qos), replayed.then(|| Replay { filter, qos, after: None }))
    }

    /// Ends one subscription. Says whether there was one.
    pub fn unsubscribe(&self, line: &Line, filter: &str) -> bool {
        let mut subscribers = self.subscribers.write();
        let Some(subscriber) = subscribers.get_mut(&line.number) else { return false };
        let before = subscriber.subscriptions.len();
        subscriber.subscriptions.retain(|one| one.filter != filter);
        before != subscriber.subscriptions.len()
    }

    /// Ends all subscriptions of a connection that goes.
    pub fn forget(&self, line: &Line) {
        self.subscribers.write().remove(&line.number);
    }

    /// The next retained alert of a replay; `None` at its end.
    pub fn replay(&self, replay: &mut Replay) -> Option<Delivery> {
        let retained = self.retained.read();
        let prefix = topic::literal_prefix(&replay.filter);
        let from = match &replay.after {
            Some(after) => Bound::Excluded(&**after),
            None => Bound::Included(prefix),
        };
        let (topic, alert) = retained
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(topic, _)| topic.starts_with(prefix))
            .find(|(topic, _)| topic::matches(&replay.filter, topic))?;
        replay.after = Some(topic.clone());
        Some(Delivery { alert: alert.clone(), qos: replay.qos, retain: true })
    }
}
