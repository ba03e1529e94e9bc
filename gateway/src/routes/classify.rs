//! `POST /v1/classify`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::admission::Guarded;
use crate::error::ApiError;
use crate::http::{JsonBody, Terms};
use crate::openai::{Classified, classify_request};
use crate::small_models::{SmallModel, carry_out, classified};
use crate::state::SharedState;
use crate::telemetry::SmallOperation;

/// The label of each text, and the share of each label.
pub(super) async fn create(
    State(state): State<SharedState>,
    terms: Terms,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let when = (Instant::now(), terms.deadline());
    let request = classify_request(&body, state.rules())?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    let served = state.small_model(&request.model)?;
    let SmallModel::Classifier(classifier) = served.model() else {
        return Err(served.cannot());
    };
    let inputs = (request.inputs, request.overlong);
    let work = classified(&served, classifier, inputs, state.config().retry_after);
    let done = carry_out(&state, &served, SmallOperation::Classify, when, work).await?;
    let head = state.head("classify-", served.name());
    let answer = Classified::new(head, classifier.labels(), done.value, done.tokens);
    let response = Json(answer).into_response();
    Ok(response.map(|body| Guarded::body(body, done.permit)))
}
