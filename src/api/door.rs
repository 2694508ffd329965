//! Stub.
use std::sync::Arc;
use super::config::Config;
/// x
#[derive(Clone)]
pub struct House(Arc<Config>);
impl House { /// x
 pub fn limits(&self) -> &Config { &self.0 } }
