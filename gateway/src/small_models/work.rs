//! The way in, and what is counted on it.

use std::future::Future;
use std::sync::Arc;

use tokio::time::Instant;

use super::served::ServedSmallModel;
use crate::admission::Permit;
use crate::error::ApiError;
use crate::generation::{ending, enter, until};
use crate::http::Deadline;
use crate::state::Gateway;
use crate::telemetry::{SmallMeter, SmallOperation};

/// When a request arrived, and when it is given up.
pub(crate) type When = (Instant, Option<Deadline>);

/// What came of a request.
pub(crate) struct Done<T> {
    /// The answer.
    pub(crate) value: T,
    /// Tokens that the model read.
    pub(crate) tokens: u32,
    /// To be held until the answer has gone.
    pub(crate) permit: Permit,
}

/// Admits a request and does its `work`, which says how many tokens were read.
///
/// # Errors
/// No room, no answer in time, or what `work` says.
pub(crate) async fn carry_out<T>(
    state: &Gateway,
    served: &ServedSmallModel,
    operation: SmallOperation,
    (arrived, deadline): When,
    work: impl Future<Output = Result<(T, u32), ApiError>>,
) -> Result<Done<T>, ApiError> {
    let mut ending = ending(state, deadline);
    let permit = until(&mut ending, enter(state)).await?;
    let meter = SmallMeter::new(Arc::clone(served.metrics()), operation, arrived);
    let (value, tokens) = match until(&mut ending, work).await {
        Ok(done) => done,
        Err(error) => {
            meter.failed();
            return Err(error);
        }
    };
    meter.ended(tokens);
    Ok(Done {
        value,
        tokens,
        permit,
    })
}
