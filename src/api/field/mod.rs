//! `/field`: what phones in the forest ask and report, on networks that carry little and break often.

pub mod photos;
mod report;
pub mod reports;
pub mod sync;

use crate::api::problem::Problem;
use crate::field::BookError;

/// Asks the book where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BookError> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?.map_err(internal)
}

fn internal(error: BookError) -> Problem {
    let cause = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
    Problem::internal(format!("{error}{cause}"))
}
