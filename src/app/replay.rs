//! Handing a dead letter in again, after its cause is mended.

use std::sync::Arc;

use crate::api::Replaying;
use crate::clock::Clock;
use crate::model::{Arrival, Intake, RawMessage};
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
                arrival: Arrival::Again { of: letter.id, first_at: letter.received_at },
            };
            let seq = pipeline.accept(std::slice::from_ref(&raw)).map_err(|refusal| refusal.to_string())?;
            let mut durable = pipeline.durable();
            durable
                .wait_for(|durable| durable.through >= seq || durable.failed)
                .await
                .map_err(|_| "the journal has stopped".to_owned())
                .and_then(|durable| if durable.failed { Err("the journal has stopped".to_owned()) } else { Ok(seq) })
        })
    })
}
