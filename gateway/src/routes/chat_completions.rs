//! `POST /v1/chat/completions`.

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
    ChatEncoder, ChatReading, ChatRequest, Head, StreamOptions, chat_completion, chat_payload,
    chat_request, chat_text,
};
use crate::sse;
use crate::state::SharedState;
use crate::telemetry::Operation;

/// Answers a conversation, by a model or by an application.
pub(super) async fn create(
    State(state): State<SharedState>,
    terms: Terms,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    let request = chat_request(&body, state.rules())?;
    drop(body);
    state.telemetry().unknown_fields(request.unknown_fields);
    match state.served(&request.model)? {
        Served::Application(application) => {
            of_application(&state, &application, request, (&terms, arrived)).await
        }
        Served::Model(model) => {
            let (stream, logprobs) = (request.stream, request.decoding.logprobs.is_some());
            let syntax = model.text().tool_syntax();
            let opening = request.opening(model.text().reasoning());
            let thoughts = (opening, request.include_reasoning);
            let reading = ChatReading::new(request.tools.as_ref(), syntax, thoughts);
            let text = chat_text(request, (syntax, opening), &state.surroundings(&model))?;
            let when = (arrived, terms.deadline());
            let answers = start(&state, &model, Operation::Chat, vec![text], when).await?;
            let head = state.head("chatcmpl-", model.id());
            let mut form = Form::new(head, stream, logprobs);
            form.reading = reading;
            answer(&state, answers, form).await
        }
    }
}

async fn of_application(
    state: &SharedState,
    application: &ServedApplication,
    request: ChatRequest,
    (terms, arrived): (&Terms, Instant),
) -> Result<Response, ApiError> {
    let stream = request.stream;
    let payload = chat_payload(request)?;
    let call = terms.call();
    let when = (call.clone(), arrived, terms.deadline());
    let asked = ask(state, application, Operation::Chat, payload, when).await?;
    let Asked { answers, sources } = asked;
    let head = state.head("chatcmpl-", application.app().name());
    let mut form = Form::new(head, stream, false);
    form.sources = sources;
    let response = answer(state, answers, form).await?;
    Ok(with_server_timing(response, &call))
}

/// How an answer is written.
struct Form {
    head: Head,
    stream: Option<StreamOptions>,
    logprobs: bool,
    /// How its text is read.
    reading: ChatReading,
    /// What an application made it from.
    sources: Value,
}

impl Form {
    fn new(head: Head, stream: Option<StreamOptions>, logprobs: bool) -> Self {
        Self {
            head,
            stream,
            logprobs,
            reading: ChatReading::default(),
            sources: Value::Null,
        }
    }
}

async fn answer(
    state: &SharedState,
    mut answers: Answers,
    form: Form,
) -> Result<Response, ApiError> {
    let Form {
        head,
        stream,
        logprobs,
        reading,
        sources,
    } = form;
    if let Some(options) = stream {
        let choices = answers.tally().choices();
        let encoder = ChatEncoder::new(head, options, (reading, logprobs), choices);
        let encoder = encoder.with_sources(sources);
        return Ok(sse::respond(state, answers, encoder));
    }
    let choices = whole(&mut answers).await?;
    let usage = answers.tally().usage();
    let completion = chat_completion(head, choices, (&reading, logprobs), usage);
    let completion = completion.with_sources(sources);
    let permit = answers.into_permit();
    Ok(Json(completion)
        .into_response()
        .map(|body| Guarded::body(body, permit)))
}
