//! The way in.

use std::sync::Arc;

use engine::EngineError;
use futures::future::try_join_all;
use llm_apps::stage::generate::{GenerateError, TextRequest};
use tokio::time::Instant;

use super::answers::Answers;
use super::source::Source;
use super::tally::Tally;
use crate::catalogue::ServedModel;
use crate::error::ApiError;
use crate::state::Gateway;
use crate::telemetry::{Meter, Operation};

/// Admits `requests`, which are the prompts of one HTTP request that arrived at `arrived`, and
/// starts them on `model`.
///
/// # Errors
/// No room, a request that does not fit the model, or a failure before the first token.
pub(crate) async fn start(
    state: &Gateway,
    model: &ServedModel,
    operation: Operation,
    requests: Vec<TextRequest>,
    arrived: Instant,
) -> Result<Answers, ApiError> {
    let retry_after = state.config().retry_after;
    let refused = |error: GenerateError| state.refused(&error);
    let permit = state.admission().enter().await;
    let permit = permit.map_err(|full| ApiError::busy(full, retry_after))?;
    model.metrics().admitted(arrived.elapsed());

    let text = model.text();
    let prepared = try_join_all(requests.into_iter().map(|r| text.prepare(r))).await;
    let prepared = prepared.map_err(refused)?;
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
    let mut answers = Answers::new(sources.collect(), permit, meter, tally);
    answers.end_at(state.lifecycle().until_cut(), state.stopping(true));
    answers.wait_for_first().await?;
    Ok(answers)
}
