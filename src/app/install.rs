//! A new catalogue, and new rules, on their way into force: journaled, durable, and in the state that everybody asks.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use crate::api::Installing;
use crate::clock::Clock;
use crate::model::{Catalogue, Intake as _, Refusal, RuleFile, Seq};
use crate::pipeline::Pipeline;
use crate::state::State;

/// How often it is looked whether the state has taken what is durable: it follows within milliseconds.
const LOOK: Duration = Duration::from_millis(5);

/// Journals a catalogue; resolves when the state has it.
pub(super) fn installer(
    pipeline: Arc<Pipeline>,
    state: Arc<RwLock<State>>,
    clock: Clock,
) -> Box<dyn Fn(Arc<Catalogue>) -> Installing + Send + Sync> {
    Box::new(move |catalogue| {
        let journaled = pipeline.install(clock.now(), catalogue);
        in_force(journaled, pipeline.clone(), state.clone())
    })
}

/// Journals alert rules; resolves when the state has them.
pub(super) fn rules_installer(
    pipeline: Arc<Pipeline>,
    state: Arc<RwLock<State>>,
    clock: Clock,
) -> Box<dyn Fn(Vec<RuleFile>) -> Installing + Send + Sync> {
    Box::new(move |files| {
        let journaled = pipeline.install_rules(clock.now(), files);
        in_force(journaled, pipeline.clone(), state.clone())
    })
}

fn in_force(journaled: Result<Seq, Refusal>, pipeline: Arc<Pipeline>, state: Arc<RwLock<State>>) -> Installing {
    Box::pin(async move {
        let stopped = || "the journal has stopped: what was changed will be in force after a restart".to_owned();
        let seq = journaled.map_err(|_| stopped())?;
        let mut durable = pipeline.durable();
        let reached = durable.wait_for(|durable| durable.through >= seq || durable.failed).await;
        if reached.map_err(|_| stopped())?.failed {
            return Err(stopped());
        }
        while state.read().applied < seq {
            tokio::time::sleep(LOOK).await;
        }
        Ok(seq)
    })
}
