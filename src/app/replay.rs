//! What comes in by the API: dead letters again, after their cause is mended, and what operators note.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;

use crate::api::{Noting, Replayed, Replaying};
use crate::clock::Clock;
use crate::model::{Arrival, Body, Intake as _, RawMessage, Reason, Refusal, Seq};
use crate::pipeline::{IMPORT_TOPIC, Pipeline};
use crate::state::State;
use crate::store::{DeadLetter, Store};

/// How often it is looked whether state and store have taken what is durable: they follow within milliseconds.
const LOOK: Duration = Duration::from_millis(5);
/// How long the answer waits for the store: it may be behind for long, and what is in the journal is safe.
const STORE_WAIT: Duration = Duration::from_secs(2);

/// Takes dead letters as if they had just arrived, in the order given; a reading without a time keeps the time of its
/// first arrival. Resolves when what became of them is durable, in the state and (unless it is far behind) in the
/// store. A row of an imported file cannot be read without its map, and the file is still there: it is left as it is.
pub(super) fn taker(
    pipeline: Arc<Pipeline>,
    state: Arc<RwLock<State>>,
    store: Arc<Store>,
    clock: Clock,
) -> Box<dyn Fn(Vec<DeadLetter>) -> Replaying + Send + Sync> {
    Box::new(move |letters| {
        let (pipeline, state, store, clock) = (pipeline.clone(), state.clone(), store.clone(), clock.clone());
        Box::pin(async move {
            let mut replayed = Vec::with_capacity(letters.len());
            let mut last = Seq::default();
            for letter in &letters {
                if letter.topic.starts_with(IMPORT_TOPIC) {
                    let why = "it is a row of an imported file: mend the cause and import the file again; what is \
                               stored already is not stored twice";
                    replayed.push(Err(why.to_owned()));
                    continue;
                }
                let (seq, message) = take(&pipeline, letter, &clock).await?;
                last = seq;
                replayed.push(Ok(Replayed {
                    seq,
                    received: message.received.into(),
                    taken: message.samples.len() as u64,
                    duplicate: message.duplicates.into(),
                    rejections: message.rejections,
                }));
            }
            let mut durable = pipeline.durable();
            let reached = durable.wait_for(|durable| durable.through >= last || durable.failed).await;
            if reached.map_err(|_| STOPPED.to_owned())?.failed {
                return Err(STOPPED.to_owned());
            }
            while state.read().applied < last {
                tokio::time::sleep(LOOK).await;
            }
            let begun = Instant::now();
            while store.applied() < last && begun.elapsed() < STORE_WAIT {
                tokio::time::sleep(LOOK).await;
            }
            Ok(replayed)
        })
    })
}

const STOPPED: &str = "the journal has stopped";

/// Takes one letter, waiting while the journal has no room.
async fn take(pipeline: &Pipeline, letter: &DeadLetter, clock: &Clock) -> Result<(Seq, crate::model::Message), String> {
    let was_retained = letter.rejections.iter().any(|refused| refused.reason == Reason::RetainedWithoutTime);
    let arrival = Arrival::Again { of: letter.id, first_at: letter.received_at, was_retained };
    loop {
        let raw = RawMessage {
            source: letter.source,
            topic: &letter.topic,
            payload: &letter.payload,
            received_at: clock.now(),
            arrival,
        };
        match pipeline.accept_one(&raw) {
            Ok(taken) => return Ok(taken),
            Err(Refusal::Full) => pipeline.room().await,
            Err(Refusal::Stopped) => return Err(STOPPED.to_owned()),
        }
    }
}

/// Journals what an operator says.
pub(super) fn noter(pipeline: Arc<Pipeline>, clock: Clock) -> Box<dyn Fn(Body) -> Noting + Send + Sync> {
    Box::new(move |body| {
        let (pipeline, clock) = (pipeline.clone(), clock.clone());
        Box::pin(async move {
            let seq = pipeline.note(clock.now(), &body).map_err(|refusal| refusal.to_string())?;
            let mut durable = pipeline.durable();
            let reached = durable.wait_for(|durable| durable.through >= seq || durable.failed).await;
            match reached {
                Ok(durable) if !durable.failed => Ok(seq),
                _ => Err(STOPPED.to_owned()),
            }
        })
    })
}
