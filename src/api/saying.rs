//! What people say is journaled, and answered when the state has it: whoever asks next is told of it.

use std::time::Duration;

use super::Parts;
use super::problem::{Code, Problem};
use crate::model::{Body, Seq};

/// How often it is looked whether the state has taken what is durable, and how long at most.
const LOOK: Duration = Duration::from_millis(2);
const LOOKING_MAX: Duration = Duration::from_secs(10);

/// What was said, on disk.
pub struct Said {
    /// Its number.
    pub seq: Seq,
    /// Whether the state came to it in time.
    pub is_applied: bool,
}

/// Journals what somebody says, and waits until the state has it, unless that is far behind. 503 when the journal does not
/// write.
pub async fn say(parts: &Parts, body: Body) -> Result<Said, Problem> {
    let seq = (parts.note)(body).await.map_err(|why| Problem::new(Code::Unavailable, why))?;
    let applied = tokio::time::timeout(LOOKING_MAX, async {
        while parts.state.read().applied < seq {
            tokio::time::sleep(LOOK).await;
        }
    });
    Ok(Said { seq, is_applied: applied.await.is_ok() })
}
