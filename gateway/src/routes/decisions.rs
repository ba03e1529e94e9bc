//! `POST /v1/decisions`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::admission::Guarded;
use crate::catalogue::Served;
use crate::decisions::{Decision, decision_request};
use crate::error::ApiError;
use crate::generation::{start, whole};
use crate::http::{JsonBody, Terms};
use crate::state::SharedState;
use crate::telemetry::Operation;

/// Answers questions about a text with probabilities.
pub(super) async fn create(
    State(state): State<SharedState>,
    terms: Terms,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let when = (Instant::now(), terms.deadline());
    let request = decision_request(&body, state.rules())?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    let model = match state.served(&request.model)? {
        Served::Model(model) => model,
        Served::Application(application) => {
            let does = "is an application, whose answers have no probabilities";
            return Err(ApiError::other_model(application.app().name(), does));
        }
    };
    let texts = request.texts(state.edge().now());
    let started = start(&state, &model, Operation::Chat, texts, when).await;
    let mut answers = started.map_err(|error| error.in_field("messages", "input"))?;
    let choices = whole(&mut answers).await?;
    let usage = answers.tally().usage();
    let decision = Decision::new(model.id().to_owned(), &request, &choices, &usage);
    let decision = decision
        .ok_or_else(|| ApiError::Internal("the model answered without probabilities".to_owned()))?;
    let permit = answers.into_permit();
    Ok(Json(decision)
        .into_response()
        .map(|body| Guarded::body(body, permit)))
}
