//! The way in to an application.

use std::sync::Arc;

use futures::TryFutureExt;
use llm_apps::payload::Payload;
use llm_apps::stage::Call;
use serde_json::Value;
use tokio::time::Instant;

use super::answers::Answers;
use super::ending::{ending, until};
use super::source::Source;
use super::start::enter;
use super::tally::Tally;
use crate::catalogue::ServedApplication;
use crate::error::ApiError;
use crate::http::Deadline;
use crate::state::Gateway;
use crate::telemetry::{Meter, Operation};

/// An application's answer on its way, and what is told beside it.
pub(crate) struct Asked {
    /// The answer.
    pub(crate) answers: Answers,
    /// The passages that it was made from; null where the application looks nothing up.
    pub(crate) sources: Value,
}

/// Admits a request that arrived at `arrived` and sends it through `application`.
///
/// # Errors
/// No room, a stage that failed before the first piece of the answer, or no piece in time.
pub(crate) async fn ask(
    state: &Gateway,
    application: &ServedApplication,
    operation: Operation,
    payload: Payload,
    (call, arrived, deadline): (Call, Instant, Option<Deadline>),
) -> Result<Asked, ApiError> {
    let retry_after = state.config().retry_after;
    let mut ending = ending(state, deadline);
    let permit = until(&mut ending, enter(state)).await?;
    application.metrics().admitted(arrived.elapsed());
    let metrics = Arc::clone(application.metrics());
    let mut meter = Meter::new(metrics, operation, arrived, 1);

    let answered = application.app().text(payload, &call);
    let answered = answered.map_err(|error| ApiError::pipeline(&error, retry_after));
    let answered = until(&mut ending, answered).await;
    let (answer, sources) = answered.inspect_err(|_| meter.failed())?;
    let source = Source::Application {
        events: answer.into_stream(),
        call,
        retry_after,
    };
    let tally = Tally::of_application();
    let mut answers = Answers::new(vec![source], (permit, ending), meter, tally);
    answers.wait_for_first().await?;
    Ok(Asked { answers, sources })
}
