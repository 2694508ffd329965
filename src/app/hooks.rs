//! Pushed messages to the pipeline: each is answered when it is durable.

use std::sync::Arc;

use crate::api::{Hooks, Pushed, Taken};
use crate::config::Config;
use crate::model::{Arrival, Intake as _, RawMessage, Refusal};
use crate::pipeline::Pipeline;
use crate::registry::{Registry, RegistryError};

/// The sources that take requests.
pub(super) fn hooks(config: &Config, registry: &Registry, pipeline: &Arc<Pipeline>) -> Result<Hooks, RegistryError> {
    let pipeline = pipeline.clone();
    let mut hooks = Hooks::new(
        &config.intake,
        Box::new(move |pushed| {
            let pipeline = pipeline.clone();
            Box::pin(async move { take(&pipeline, &pushed).await })
        }),
    );
    for source in &config.sources {
        if let Some(token) = &source.token_sha256 {
            let number = registry.source(&source.name)?;
            hooks.add(&source.name, number, token, config.intake.requests_per_second);
        }
    }
    Ok(hooks)
}

async fn take(pipeline: &Pipeline, pushed: &Pushed) -> Result<Taken, Refusal> {
    let raw = RawMessage {
        source: pushed.source,
        topic: &pushed.topic,
        payload: &pushed.payload,
        received_at: pushed.received_at,
        arrival: Arrival::Fresh,
    };
    let mut taken = Taken::default();
    taken.seq = pipeline.accept_telling(std::slice::from_ref(&raw), |message| {
        taken.received = message.received;
        taken.duplicates = message.duplicates;
        taken.stored = message.samples.len() as u32;
        taken.rejections.clone_from(&message.rejections);
    })?;
    let mut durable = pipeline.durable();
    // What was on disk before a write failed is on disk.
    let reached = durable.wait_for(|durable| durable.through >= taken.seq || durable.failed).await;
    match reached {
        Ok(durable) if durable.through >= taken.seq => Ok(taken),
        _ => Err(Refusal::Stopped),
    }
}
