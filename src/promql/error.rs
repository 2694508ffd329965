//! Why a query has no answer, in the words that Prometheus has for it.

use crate::store::StoreError;

/// Each but the last two is a sentence for whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum PromqlError {
    /// It is not a query, or not one that is answered here.
    #[error("{0}")]
    BadData(String),
    /// It is one, and cannot be answered: it costs too much, or its series do not fit each other.
    #[error("{0}")]
    Execution(String),
    /// Nobody waits for it any more.
    #[error("nobody waits for the answer any more")]
    GivenUp,
    /// The past could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PromqlError {
    /// Part of the language, and not of what is answered here.
    pub(super) fn refused(what: &str) -> Self {
        PromqlError::BadData(format!("{what} is not answered here: /docs names what is"))
    }

    /// Prometheus's word.
    pub fn kind(&self) -> &'static str {
        match self {
            PromqlError::BadData(_) => "bad_data",
            PromqlError::Execution(_) => "execution",
            PromqlError::GivenUp => "canceled",
            PromqlError::Store(_) => "internal",
        }
    }
}
