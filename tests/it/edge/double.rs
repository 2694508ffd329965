//! A pipeline whose journal is moved by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use saola::clock::Clock;
use saola::model::{Durable, Intake, RawMessage, Refusal, Seq, SourceId};
use saola::mqtt::edge::{Access, Config, Edge};
use tokio::sync::{Notify, watch};

/// A message as it was taken.
pub type Taken = (String, Vec<u8>);

/// Takes messages, one number each; makes them durable when told.
pub struct HandIntake {
    taken: Mutex<Vec<Taken>>,
    durable: watch::Sender<Durable>,
    full: AtomicBool,
    stopped: AtomicBool,
    room: Notify,
    instant: AtomicBool,
    offers: Notify,
}

impl HandIntake {
    /// Nothing is durable until [`HandIntake::commit`].
    pub fn by_hand() -> Arc<HandIntake> {
        Arc::new(HandIntake {
            taken: Mutex::default(),
            durable: watch::Sender::new(Durable::default()),
            full: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            room: Notify::new(),
            instant: AtomicBool::new(false),
            offers: Notify::new(),
        })
    }

    /// Every message is durable as soon as it is taken.
    pub fn instant() -> Arc<HandIntake> {
        let intake = HandIntake::by_hand();
        intake.instant.store(true, Ordering::Release);
        intake
    }

    /// What has been taken, in order.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().clone()
    }

    /// Waits until `count` messages have been taken.
    pub async fn has_taken(&self, count: usize) {
        let wait = async {
            loop {
                let offered = self.offers.notified();
                if self.taken.lock().len() >= count {
                    return;
                }
                offered.await;
            }
        };
        let waited = tokio::time::timeout(crate::mqtt_client::PATIENCE, wait).await;
        assert!(waited.is_ok(), "{} of {count} messages were taken", self.taken.lock().len());
    }

    /// Makes everything up to the `through`th message durable.
    pub fn commit(&self, through: u64) {
        self.durable.send_modify(|durable| durable.through = Seq(through));
    }

    /// How many messages have been taken.
    pub fn taken_count(&self) -> u64 {
        self.taken.lock().len() as u64
    }

    /// How many messages are durable.
    pub fn committed(&self) -> u64 {
        self.durable.borrow().through.0
    }

    /// A write fails.
    pub fn fail(&self) {
        self.stopped.store(true, Ordering::Release);
        self.durable.send_modify(|durable| durable.failed = true);
    }

    /// The journal's buffer is full, or has room again.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Release);
        self.room.notify_waiters();
    }
}

impl Intake for HandIntake {
    fn accept(&self, batch: &[RawMessage<'_>]) -> Result<Seq, Refusal> {
        self.offers.notify_waiters();
        if self.stopped.load(Ordering::Acquire) {
            return Err(Refusal::Stopped);
        }
        if self.full.load(Ordering::Acquire) {
            return Err(Refusal::Full);
        }
        let mut taken = self.taken.lock();
        taken.extend(batch.iter().map(|message| (message.topic.to_owned(), message.payload.to_vec())));
        let seq = Seq(taken.len() as u64);
        drop(taken);
        self.offers.notify_waiters();
        if self.instant.load(Ordering::Acquire) {
            self.commit(seq.0);
        }
        Ok(seq)
    }

    fn durable(&self) -> watch::Receiver<Durable> {
        self.durable.subscribe()
    }

    async fn room(&self) {
        loop {
            let notified = self.room.notified();
            if !self.full.load(Ordering::Acquire) {
                return;
            }
            notified.await;
        }
    }
}

/// The configuration on any free port.
pub fn config() -> Config {
    Config { listen: "127.0.0.1:0".parse().unwrap(), ..Config::default() }
}

/// An edge with the demo's open door.
pub fn edge(config: &Config, intake: &Arc<HandIntake>) -> Edge {
    edge_for(config, intake, Access::open())
}

/// An edge with the demo's open door that keeps its sessions in a file.
pub fn edge_at(config: &Config, intake: &Arc<HandIntake>, sessions: &std::path::Path) -> Edge {
    edge_over(config, intake.clone(), sessions)
}

/// The same with any way in.
pub fn edge_over<I: Intake>(config: &Config, intake: Arc<I>, sessions: &std::path::Path) -> Edge {
    let way_in = (intake, SourceId(0));
    Edge::start_with(config, way_in, Access::open(), Clock::System, Some(sessions)).unwrap()
}

/// An edge with a door of the test's.
pub fn edge_for(config: &Config, intake: &Arc<HandIntake>, access: Access) -> Edge {
    Edge::start(config, intake.clone(), access, SourceId(0), Clock::System).unwrap()
}
