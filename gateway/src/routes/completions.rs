//! `POST /v1/completions`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::time::Instant;

use crate::admission::Guarded;
use crate::catalogue::{Served, ServedApplication};
use crate::error::ApiError;
use crate::generation::{Answers, Asked, ask, start, whole};
use crate::http::{JsonBody, Terms, with_server_timing};
use crate::openai::{
    ChunkUsage, Completion, CompletionEncoder, CompletionRequest, CompletionShape, Extras, Head,
    StreamOptions, completion_choices, completion_payload, completion_request, completion_texts,
};
use crate::sse;
use crate::state::SharedState;
use crate::telemetry::Operation;

/// Continues texts by a model, or has an application answer one.
pub(super) async fn create(
    State(state): State<SharedState>,
    terms: Terms,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    let request = completion_request(&body, state.rules())?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    match state.served(&request.model)? {
        Served::Application(application) => {
            of_application(&state, &application, request, (&terms, arrived)).await
        }
        Served::Model(model) => {
            let form = Form::new(state.head("cmpl-", model.id()), &request);
            let texts = completion_texts(request, &state.surroundings(&model));
            let when = (arrived, terms.deadline());
            let operation = Operation::TextCompletion;
            let answers = start(&state, &model, operation, texts, when).await?;
            answer(&state, answers, form).await
        }
    }
}

async fn of_application(
    state: &SharedState,
    application: &ServedApplication,
    request: CompletionRequest,
    (terms, arrived): (&Terms, Instant),
) -> Result<Response, ApiError> {
    let mut form = Form::new(state.head("cmpl-", application.app().name()), &request);
    let payload = completion_payload(&request)?;
    let call = terms.call();
    let when = (call.clone(), arrived, terms.deadline());
    let asked = ask(state, application, Operation::TextCompletion, payload, when).await?;
    let Asked { answers, sources } = asked;
    form.sources = sources;
    let response = answer(state, answers, form).await?;
    Ok(with_server_timing(response, &call))
}

/// How an answer is written.
struct Form {
    head: Head,
    stream: Option<StreamOptions>,
    shape: CompletionShape,
    /// What an application made it from.
    sources: Value,
}

impl Form {
    fn new(head: Head, request: &CompletionRequest) -> Self {
        Self {
            head,
            stream: request.stream,
            shape: CompletionShape::of(request),
            sources: Value::Null,
        }
    }
}

async fn answer(
    state: &SharedState,
    mut answers: Answers,
    form: Form,
) -> Result<Response, ApiError> {
    let extras = Extras::of(form.sources);
    if let Some(options) = form.stream {
        let encoder = CompletionEncoder::new(form.head, options, form.shape).with_extras(extras);
        return Ok(sse::respond(state, answers, encoder));
    }
    let choices = completion_choices(whole(&mut answers).await?, form.shape);
    let usage = ChunkUsage::Known(answers.tally().usage());
    let mut completion = Completion::new(&form.head, &choices, usage);
    completion.penstock = extras.as_ref();
    let response = Json(completion).into_response();
    let permit = answers.into_permit();
    Ok(response.map(|body| Guarded::body(body, permit)))
}
