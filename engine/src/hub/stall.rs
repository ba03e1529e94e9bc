//! The rule that a source which makes no progress is given up.

use std::time::Duration;

use super::error::SourceError;

/// Awaits `future`, which is one piece of progress, for `limit` at most. `doing` says in the error
/// what was waited for.
pub(super) async fn or_stall<F: Future>(
    limit: Duration,
    doing: impl FnOnce() -> String,
    future: F,
) -> Result<F::Output, SourceError> {
    tokio::time::timeout(limit, future)
        .await
        .map_err(|_| SourceError::Stalled {
            limit,
            doing: doing(),
        })
}
