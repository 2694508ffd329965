//! What comes in by the API: a dead letter again, after its cause is mended, and operators' commands.

use std::sync::Arc;

use crate::api::Replaying;
use crate::clock::Clock;
use crate::model::{Arrival, Body, Intake, RawMessage, Seq};
use crate::pipeline::{IMPORT_TOPIC, Pipeline};
use crate::store::DeadLetter;

/// Takes a dead letter as if it had just arrived; a reading without a time keeps the time of its first arrival. A row
/// of an imported file cannot be read without its map, and the file is still there.
pub(super) fn taker(pipeline: Arc<Pipeline>, clock: Clock) -> Box<dyn Fn(DeadLetter) -> Replaying + Send + Sync> {
    Box::new(move |letter| {
        let (pipeline, clock) = (pipeline.clone(), clock.clone());
        Box::pin(async move {
            if letter.topic.starts_with(IMPORT_TOPIC) {
                return Err("it is a row of an imported file: mend the cause and import the file again; what is \
                            stored already is not stored twice"
                    .to_owned());
            }
            let raw = RawMessage {
                source: letter.source,
                topic: &letter.topic,
                payload: &letter.payload,
                received_at: clock.now(),
                arrival: Arrival::Again { first_at: letter.received_at },
            };
            let seq = pipeline.accept(std::slice::from_ref(&raw)).map_err(|refusal| refusal.to_string())?;
            until_durable(&pipeline, seq).await
        })
    })
}

/// Journals a command of an operator.
pub(super) fn commander(pipeline: Arc<Pipeline>, clock: Clock) -> Box<dyn Fn(Body) -> Replaying + Send + Sync> {
    Box::new(move |body| {
        let (pipeline, clock) = (pipeline.clone(), clock.clone());
        Box::pin(async move {
            let seq = pipeline.note(clock.now(), &body).map_err(|refusal| refusal.to_string())?;
            until_durable(&pipeline, seq).await
        })
    })
}

async fn until_durable(pipeline: &Pipeline, seq: Seq) -> Result<Seq, String> {
    let stopped = || "the journal has stopped".to_owned();
    let mut durable = pipeline.durable();
    let reached = durable.wait_for(|durable| durable.through >= seq || durable.failed).await;
    match reached {
        Ok(durable) if !durable.failed => Ok(seq),
        _ => Err(stopped()),
    }
}
