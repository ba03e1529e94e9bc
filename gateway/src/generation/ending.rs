//! What ends a request that goes on for too long: its own deadline, or the server's stop.

use std::future::Future;
use std::pin::Pin;

use crate::error::ApiError;
use crate::http::Deadline;
use crate::state::Gateway;

/// Ends when the request must, with what its client is told. Not to be asked again after that.
pub(crate) type Ending = Pin<Box<dyn Future<Output = ApiError> + Send>>;

/// What ends a request with this deadline.
pub(crate) fn ending(state: &Gateway, deadline: Option<Deadline>) -> Ending {
    let cut = state.lifecycle().until_cut();
    let stopping = state.stopping(true);
    let Some(deadline) = deadline else {
        return Box::pin(async move {
            cut.await;
            stopping
        });
    };
    Box::pin(async move {
        tokio::select! {
            biased;
            () = cut => stopping,
            error = deadline.passed() => error,
        }
    })
}

/// Works until it is done, or the request must end; then the work is dropped.
pub(crate) async fn until<T>(
    ending: &mut Ending,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    tokio::select! {
        biased;
        error = ending => Err(error),
        done = work => done,
    }
}
