//! The way in.

use std::sync::Arc;

use engine::EngineError;
use futures::TryFutureExt;
use futures::future::try_join_all;
use llm_apps::stage::generate::{GenerateError, TextRequest};
use tokio::time::Instant;

use super::answers::Answers;
use super::ending::{ending, until};
use super::source::Source;
use super::tally::Tally;
use crate::admission::Permit;
use crate::catalogue::ServedModel;
use crate::error::ApiError;
use crate::http::Deadline;
use crate::state::Gateway;
use crate::telemetry::{Meter, Operation};

/// Admits `requests`, which are the prompts of one HTTP request that arrived at `arrived`, and
/// starts them on `model`.
///
/// # Errors
/// No room, a request that does not fit the model, a failure before the first token, or no token in time.
pub(crate) async fn start(
    state: &Gateway,
    model: &ServedModel,
    operation: Operation,
    requests: Vec<TextRequest>,
    (arrived, deadline): (Instant, Option<Deadline>),
) -> Result<Answers, ApiError> {
    let retry_after = state.config().retry_after;
    let refused = |error: GenerateError| state.refused(&error);
    let mut ending = ending(state, deadline);
    let permit = until(&mut ending, enter(state)).await?;
    model.metrics().admitted(arrived.elapsed());

    let text = model.text();
    let prepared = try_join_all(requests.into_iter().map(|r| text.prepare(r)));
    let prepared = until(&mut ending, prepared.map_err(refused)).await?;
    let tally = Tally::new(&prepared);
    let streams: Result<Vec<_>, _> = prepared.iter().map(|p| text.submit(p)).collect();
    let streams = streams.map_err(|error| {
        if matches!(error, GenerateError::Engine(EngineError::Full { .. })) {
            state.admission().count_refusal();
        }
        refused(error)
    })?;

    let meter = Meter::new(
        Arc::clone(model.metrics()),
        operation,
        arrived,
        tally.choices(),
    );
    let sources = streams.into_iter().map(|stream| Source::Text {
        stream,
        retry_after,
    });
    let mut answers = Answers::new(sources.collect(), (permit, ending), meter, tally);
    answers.wait_for_first().await?;
    Ok(answers)
}

/// A place, when it is this request's turn.
pub(crate) async fn enter(state: &Gateway) -> Result<Permit, ApiError> {
    let permit = state.admission().enter().await;
    permit.map_err(|full| ApiError::busy(full, state.config().retry_after))
}
