//! What an incident is called.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Deterministic: made from the incident's cause and its first alert, so that replay makes the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub Arc<str>);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
