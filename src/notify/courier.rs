//! Takes messages out: one at a time for each address, many addresses at once, again when it did not succeed.
//!
//! ```text
//!  look for lanes that have something --> a try for each that has none under way (bounded)
//!     ^                                       | take up (on disk) -> words -> send -> note what became of it (on disk)
//!     +---- queued, finished, a second -------+
//! ```
//!
//! A try that hangs holds up its own lane alone. Lanes whose last try failed share half of the tries, and a gateway
//! (or mail, or push; of machines each one) begins another try only while more are free than it has under way:
//! so dead addresses leave room for the living, and a dead gateway for the others. A try that panics counts as one whose
//! end is not known. After a kill what was under way is repeated with its key: once a lane.
//! A message to which its other side always answers with a fault of its own (5xx) holds up what follows it in that lane
//! until it is given up (`give_up_after`): order is kept, and a gateway that fails for one mostly fails for all. People
//! with a second way are told by that one meanwhile. A digest that is refused as it is leaves in parts, with a pause of
//! `backoff_min` after each refusal; from a side that takes none of them the rest is given up soon.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use metrics::{counter, gauge};
use parking_lot::Mutex;
use rand::Rng as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::config::Config;
use super::desk::Desk;
use super::outbox::{Certainty, Due, Errand, Failure, Others, OutboxError, Pace, Taken};
use super::send::{Outcome, Senders};
use super::texts::Texts;
use crate::clock::Clock;
use crate::model::{AlertId, DeliveryFailed, PersonId, Timestamp};

/// How often it is looked whether something is due, when nobody rings.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How soon after one look comes the next, however often somebody rings.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(10);
/// How often what waits is measured, failures are told and old deliveries forgotten.
const ROUND_EVERY: Duration = Duration::from_secs(2);
/// Failures told at a time, and how long one round goes on telling them.
const FAILURES_AT_A_TIME: usize = 500;
/// And looked for at a time.
const FAILURES_A_ROUND: usize = 10_000;
const TELL_FOR: Duration = Duration::from_millis(500);
/// What a try under way gets at a stop beyond its own time, to be written down.
const SAFETY: Duration = Duration::from_secs(1);
/// How long it waits after the outbox could not be read or written.
const TROUBLE_PAUSE: Duration = Duration::from_secs(2);

/// Who hears that a message reached none of those whom it was for, once for each of them, so that somebody else is told.
/// Whether it was taken.
pub type OnFailure = Box<dyn Fn(DeliveryFailed) -> bool + Send + Sync>;

/// Takes messages out of the outbox.
pub struct Courier {
    desk: Arc<Desk>,
    senders: Senders,
    texts: Texts,
    config: Config,
    clock: Clock,
    on_failure: OnFailure,
    /// Lanes with a try under way, with what they go by.
    busy: Mutex<HashMap<String, String>>,
    /// Lanes whose last try failed, with how many did in a row.
    failing: Mutex<HashMap<String, u32>>,
    /// Lanes that wait for their digest or their next try.
    waiting: Mutex<HashMap<String, Timestamp>>,
}

impl Courier {
    /// For what a desk queues.
    pub fn new(desk: Arc<Desk>, senders: Senders, config: &Config, clock: Clock, on_failure: OnFailure) -> Courier {
        let zone = jiff::tz::TimeZone::get(&config.zone).unwrap_or(jiff::tz::TimeZone::UTC);
        Courier {
            desk,
            senders,
            texts: Texts::new(zone, &config.public_url),
            config: config.clone(),
            clock,
            on_failure,
            busy: Mutex::default(),
            failing: Mutex::default(),
            waiting: Mutex::default(),
        }
    }

    /// Where transitions come in.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// The ways out.
    pub fn senders(&self) -> &Senders {
        &self.senders
    }

    /// What is said, in words.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Looks at once for what is due.
    pub fn ring(&self) {
        self.desk.wake().notify_one();
    }

    /// Delivers until `stop`; what is under way then gets its time to end.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut tries = JoinSet::new();
        let mut rounded_at = tokio::time::Instant::now() - ROUND_EVERY;
        while !stop.is_cancelled() {
            self.look(&mut tries).await;
            if rounded_at.elapsed() >= ROUND_EVERY {
                rounded_at = tokio::time::Instant::now();
                self.blocking(Courier::round).await;
            }
            tokio::time::sleep(LOOK_AT_MOST_EVERY).await;
            tokio::select! {
                () = self.desk.wake().notified() => {}
                Some(_) = tries.join_next(), if !tries.is_empty() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => {}
            }
            while tries.try_join_next().is_some() {}
        }
        let ends = async { while tries.join_next().await.is_some() {} };
        let patience = self.config.try_timeout.duration() + SAFETY;
        if tokio::time::timeout(patience, ends).await.is_err() {
            tracing::warn!("A notification was still under way at the stop; it is repeated at the next start.");
        }
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Courier) -> T + Send + 'static,
    ) -> Option<T> {
        let courier = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&courier)).await.ok()
    }

    /// Begins a try for every lane that has something, as far as there is room.
    async fn look(self: &Arc<Self>, tries: &mut JoinSet<()>) {
        let now = self.clock.now();
        let due = match self.blocking(move |courier| courier.desk.outbox().due(now)).await {
            Some(Ok(due)) => due,
            Some(Err(error)) => {
                trouble("look for notifications", &error);
                return tokio::time::sleep(TROUBLE_PAUSE).await;
            }
            None => return,
        };
        let room = self.config.tries_at_once as usize;
        for Due { lane, way } in due {
            let is_failing = self.failing.lock().contains_key(&lane);
            {
                let mut busy = self.busy.lock();
                let failing_count = || self.failing.lock().keys().filter(|lane| busy.contains_key(*lane)).count();
                let free_count = room.saturating_sub(busy.len());
                let own_count = busy.values().filter(|other| **other == way).count();
                if self.waiting.lock().get(&lane).is_some_and(|until| *until > now)
                    || free_count == 0
                    || (own_count > 0 && own_count >= free_count)
                    || (is_failing && failing_count() >= (room / 2).max(1))
                    || busy.contains_key(&lane)
                {
                    continue;
                }
                busy.insert(lane.clone(), way);
            }
            let busy = Busy { courier: Arc::clone(self), lane };
            tries.spawn(async move { busy.courier.serve(&busy.lane).await });
        }
    }

    /// One try for a lane.
    async fn serve(self: &Arc<Self>, lane: &str) {
        let (now, pace, taken) = (self.clock.now(), self.pace(), lane.to_owned());
        let taken = self.blocking(move |courier| courier.desk.outbox().take(&taken, &pace, now)).await;
        let errand = match taken {
            Some(Ok(Taken::Errand(errand))) => errand,
            Some(Ok(Taken::NotBefore(until))) => {
                self.waiting.lock().insert(lane.to_owned(), until);
                return;
            }
            Some(Ok(Taken::Nothing)) => return,
            None => {
                self.waiting.lock().insert(lane.to_owned(), now + TROUBLE_PAUSE);
                return;
            }
            Some(Err(error)) => {
                self.waiting.lock().insert(lane.to_owned(), now + TROUBLE_PAUSE);
                return trouble("take a notification up", &error);
            }
        };
        self.waiting.lock().remove(lane);
        let tried = AssertUnwindSafe(self.hand_over(&errand, now)).catch_unwind().await;
        let outcome = tried.unwrap_or_else(|_| {
            tracing::error!(notification.key = errand.key, "handing a notification over ended badly");
            let error = "the try ended badly".to_owned();
            Outcome::Again { error, certainty: Certainty::Unsure, after: None }
        });
        // Whatever it takes: a message whose end is not written down holds its lane up.
        let errand = Arc::new(*errand);
        loop {
            let (errand, outcome) = (Arc::clone(&errand), outcome.clone());
            match self.blocking(move |courier| courier.note(&errand, outcome)).await {
                Some(Ok(())) => return,
                Some(Err(error)) => trouble("note what became of a notification", &error),
                None => tracing::error!("noting what became of a notification ended badly"),
            }
            tokio::time::sleep(TROUBLE_PAUSE).await;
        }
    }

    async fn hand_over(self: &Arc<Self>, errand: &Errand, now: Timestamp) -> Outcome {
        let token = self.desk.outbox().token(&errand.key);
        let worded = self.senders.word(&self.texts, errand, token);
        let directory = self.desk.people().directory();
        let (message, text, short) = (errand.message, worded.text.clone(), worded.short.clone());
        let said = self.blocking(move |courier| courier.desk.outbox().say(message, &text, short.as_deref())).await;
        if let Some(Err(error)) = said {
            trouble("keep what is said", &error);
        }
        self.senders.send(errand, &worded, &directory, now).await
    }

    fn pace(&self) -> Pace {
        Pace {
            one_by_one_max: self.config.one_by_one_max,
            digest_every: self.config.digest_every.duration(),
            digest_members_max: self.config.digest_members_max,
        }
    }

    /// Writes down what became of a try.
    fn note(&self, errand: &Errand, outcome: Outcome) -> Result<(), OutboxError> {
        let (outbox, now) = (self.desk.outbox(), self.clock.now());
        let channel = channel_label(&errand.channel);
        match outcome {
            Outcome::Sent => {
                self.failing.lock().remove(&errand.lane);
                let members = outbox.sent(errand.message, now)?;
                counter!("notification_messages_sent_total", "channel" => channel).increment(1);
                counter!("notifications_sent_total", "channel" => channel).increment(members as u64);
                return Ok(());
            }
            Outcome::Failed { error, certainty } => self.give_up(errand, &error, certainty, now)?,
            Outcome::Unfit { error } => {
                *self.failing.lock().entry(errand.lane.clone()).or_default() += 1;
                counter!("notification_tries_failed_total", "channel" => channel).increment(1);
                let next_at = now + self.wait(1);
                let parted_since = outbox.parted_since(errand.message)?;
                let is_late =
                    parted_since.is_some_and(|since| now.since(since) >= self.config.give_up_after.duration());
                if errand.members.len() > 1 && !is_late {
                    outbox.split(errand.message, &error, now, next_at)?;
                } else {
                    self.give_up(errand, &error, Certainty::Refused, now)?;
                    self.waiting.lock().insert(errand.lane.clone(), next_at);
                }
            }
            Outcome::Gone { error } => {
                if let Err(error) = self.desk.people().remove_contact(&errand.lane) {
                    tracing::error!(%error, "a subscription that is gone could not be forgotten");
                }
                self.give_up(errand, &format!("{error}: its end-point is gone"), Certainty::Refused, now)?;
            }
            Outcome::Again { error, certainty, after } => {
                *self.failing.lock().entry(errand.lane.clone()).or_default() += 1;
                counter!("notification_tries_failed_total", "channel" => channel).increment(1);
                if now.since(errand.since) >= self.config.give_up_after.duration() {
                    self.give_up(errand, &error, certainty, now)?;
                } else {
                    let wait = self.wait(errand.attempts).max(after.unwrap_or_default());
                    outbox.again(errand.message, &error, certainty, now + wait)?;
                }
            }
        }
        Ok(())
    }

    fn give_up(&self, errand: &Errand, error: &str, certainty: Certainty, now: Timestamp) -> Result<(), OutboxError> {
        let members = self.desk.outbox().failed(errand.message, error, certainty, now)?;
        let channel = channel_label(&errand.channel);
        counter!("notifications_failed_total", "channel" => channel).increment(members as u64);
        tracing::warn!(
            notification.key = errand.key,
            notification.channel = errand.channel,
            notification.recipient = errand.recipient,
            notification.members = members,
            error,
            "A notification was given up."
        );
        Ok(())
    }

    /// Doubles with every try, with a jitter of up to a half, so that what failed together does not come together.
    fn wait(&self, attempts: u32) -> Duration {
        let (min, max) = (self.config.backoff_min.duration(), self.config.backoff_max.duration());
        let whole = min.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(max);
        whole.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// What is done now and then: measuring, telling of failures, forgetting.
    fn round(&self) {
        let outbox = self.desk.outbox();
        let now = self.clock.now();
        match outbox.waiting() {
            Ok(waiting) => {
                gauge!("notifications_waiting").set(waiting.count as f64);
                let age = waiting.oldest.map_or(Duration::ZERO, |oldest| now.since(oldest));
                gauge!("notifications_waiting_age_seconds").set(age.as_secs_f64());
            }
            Err(error) => trouble("count notifications", &error),
        }
        if let Err(error) = self.tell_failures(now) {
            trouble("tell failures", &error);
        }
        if let Err(error) = outbox.prune(now - self.config.keep.duration()) {
            trouble("forget old notifications", &error);
        }
        self.waiting.lock().retain(|_, until| *until > now);
    }

    /// Tells failures, as many as there is time for.
    fn tell_failures(&self, now: Timestamp) -> Result<(), OutboxError> {
        let begun = std::time::Instant::now();
        // To look for them costs a look at all that there are.
        let failures = self.desk.outbox().failures(FAILURES_A_ROUND, now)?;
        for page in failures.chunks(FAILURES_AT_A_TIME) {
            let told: Vec<i64> = page.iter().filter(|one| self.tell_failure(one)).map(|one| one.id).collect();
            self.desk.outbox().failures_told(&told)?;
            if told.len() < FAILURES_AT_A_TIME || begun.elapsed() >= TELL_FOR {
                break;
            }
        }
        Ok(())
    }

    /// A message that reached nobody: somebody else has to hear of it. While another way, or another of those whom it was
    /// for, is being tried it waits. Whether nothing is left to be told of it.
    fn tell_failure(&self, failure: &Failure) -> bool {
        let is_machine = matches!(failure.channel.as_str(), "webhook" | "topic");
        match failure.others {
            Others::Waiting => false,
            Others::Sent => true,
            Others::None if is_machine => true,
            Others::None => (self.on_failure)(DeliveryFailed {
                alert: AlertId(failure.alert.as_str().into()),
                person: PersonId(failure.recipient.as_str().into()),
                step: failure.step,
                of: failure.seq,
            }),
        }
    }
}

/// A lane's try under way, until it ends, however it ends.
struct Busy {
    courier: Arc<Courier>,
    lane: String,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.courier.busy.lock().remove(&self.lane);
        self.courier.ring();
    }
}

/// A label from a closed list: names of gateways are the configuration's.
fn channel_label(channel: &str) -> &'static str {
    match channel {
        "mail" => "mail",
        "push" => "push",
        "webhook" => "webhook",
        "topic" => "topic",
        _ => "gateway",
    }
}

fn trouble(doing: &str, error: &OutboxError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "Saola could not {doing}; it tries again.");
}

#[cfg(test)]
mod tests;
