//! Rules (being built).
use serde::{Deserialize, Serialize};
/// Rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rules {}
