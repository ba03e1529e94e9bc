//! The way in to an application.

use std::sync::Arc;

use llm_apps::payload::Payload;
use llm_apps::stage::Call;
use serde_json::Value;
use tokio::time::Instant;

use super::answers::Answers;
use super::source::Source;
use super::tally::Tally;
use crate::catalogue::ServedApplication;
use crate::error::ApiError;
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
/// No room, or a stage that failed before the first piece of the answer.
pub(crate) async fn ask(
    state: &Gateway,
    application: &ServedApplication,
    payload: Payload,
    call: Call,
    arrived: Instant,
) -> Result<Asked, ApiError> {
    let retry_after = state.config().retry_after;
    let permit = state.admission().enter().await;
    let permit = permit.map_err(|full| ApiError::busy(full, retry_after))?;
    application.metrics().admitted(arrived.elapsed());
    let metrics = Arc::clone(application.metrics());
    let mut meter = Meter::new(metrics, Operation::Chat, arrived, 1);

    let mut cut = std::pin::pin!(state.lifecycle().until_cut());
    let answered = tokio::select! {
        biased;
        () = &mut cut => Err(state.stopping(true)),
        answered = application.app().text(payload, &call) => {
            answered.map_err(|error| ApiError::pipeline(&error, retry_after))
        }
    };
    let (answer, sources) = answered.inspect_err(|_| meter.failed())?;
    let source = Source::Application {
        events: answer.into_stream(),
        call,
        retry_after,
    };
    let mut answers = Answers::new(vec![source], permit, meter, Tally::of_application());
    answers.end_at(state.lifecycle().until_cut(), state.stopping(true));
    answers.wait_for_first().await?;
    Ok(Asked { answers, sources })
}
