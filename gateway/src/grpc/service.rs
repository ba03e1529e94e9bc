//! `penstock.v1.Inference`.

use std::pin::Pin;

use futures::Stream;
use futures::stream::unfold;
use llm_apps::reasoning::Opening;
use llm_apps::stage::generate::{FinishReason, TextEvent};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::{Code, Request, Response, Status};

use super::config::GrpcConfig;
use super::proto::inference_chunk::Piece;
use super::proto::inference_server::Inference;
use super::proto::{End, InferenceChunk, InferenceRequest, InferenceResponse, Usage};
use super::request::{body, chat, terms};
use super::status;
use crate::catalogue::Served;
use crate::error::ApiError;
use crate::generation::{Answers, Asked, ask, start, whole};
use crate::openai::{chat_request, chat_text, finish_reason, plain_payload};
use crate::state::SharedState;
use crate::telemetry::Operation;

/// The service over one server's state.
pub(super) struct InferenceService {
    pub(super) state: SharedState,
    pub(super) config: GrpcConfig,
}

/// Pieces on their way to a client.
type Chunks = Pin<Box<dyn Stream<Item = Result<InferenceChunk, Status>> + Send>>;

#[tonic::async_trait]
impl Inference for InferenceService {
    async fn call(
        &self,
        request: Request<InferenceRequest>,
    ) -> Result<Response<InferenceResponse>, Status> {
        let mut counted = self.counted("Call");
        let answered = self.whole(request).await;
        let answered = answered.map_err(|error| status::status(&error));
        counted.ends(answered.as_ref().map_or_else(Status::code, |_| Code::Ok));
        answered.map(Response::new)
    }

    type StreamStream = Chunks;

    async fn stream(&self, request: Request<InferenceRequest>) -> Result<Response<Chunks>, Status> {
        let mut counted = self.counted("Stream");
        let begun = self.begin(request).await.map_err(|error| {
            let status = status::status(&error);
            counted.ends(status.code());
            status
        });
        let begun = Some((begun?, counted));
        let chunks = unfold(begun, |begun| async {
            let (mut asked, mut counted) = begun?;
            let chunk = next(&mut asked).await;
            let chunk = chunk.map_err(|error| status::status(&error));
            match &chunk {
                Ok(chunk) if !matches!(chunk.piece, Some(Piece::End(_))) => {
                    return Some((Ok(chunk.clone()), Some((asked, counted))));
                }
                Ok(_) => counted.ends(Code::Ok),
                Err(status) => counted.ends(status.code()),
            }
            Some((chunk, None))
        });
        Ok(Response::new(Box::pin(chunks)))
    }
}

impl InferenceService {
    /// Sends a call on its way; returns with the first piece of its answer.
    async fn begin(&self, request: Request<InferenceRequest>) -> Result<Asked, ApiError> {
        let state = &self.state;
        if state.lifecycle().is_draining() {
            return Err(state.stopping(false));
        }
        let arrived = Instant::now();
        let terms = terms(&request, &self.config)?;
        let mut request = request.into_inner();
        let model = std::mem::take(&mut request.model);
        let served = state.served(&model)?;
        let fields = body(request)?;
        match served {
            Served::Application(application) => {
                let payload = plain_payload(Value::Object(fields).to_string().as_bytes())?.payload;
                let when = (terms.call(), arrived, terms.deadline());
                ask(state, &application, Operation::Chat, payload, when).await
            }
            Served::Model(model) => {
                let fields = Value::Object(chat(fields, model.id().to_owned()));
                let request = chat_request(fields.to_string().as_bytes(), state.rules())?;
                state.telemetry().unknown_fields(request.unknown_fields);
                for (field, said) in [
                    ("n", request.decoding.n > 1),
                    ("logprobs", request.decoding.logprobs.is_some()),
                    ("tools", request.tools.is_some()),
                    (
                        "prompt_logprobs",
                        request.decoding.given.prompt_logprobs.is_some(),
                    ),
                ] {
                    if said {
                        let message = format!("{field} is not available by gRPC; use HTTP");
                        return Err(ApiError::invalid(field, message));
                    }
                }
                let syntax = (model.text().tool_syntax(), Opening::Behind);
                let text = chat_text(request, syntax, &state.surroundings(&model))?;
                let when = (arrived, terms.deadline());
                let answers = start(state, &model, Operation::Chat, vec![text], when).await?;
                let sources = Value::Null;
                Ok(Asked { answers, sources })
            }
        }
    }

    async fn whole(
        &self,
        request: Request<InferenceRequest>,
    ) -> Result<InferenceResponse, ApiError> {
        let Asked {
            mut answers,
            sources,
        } = self.begin(request).await?;
        let choice = whole(&mut answers).await?.pop().unwrap_or_default();
        Ok(InferenceResponse {
            text: choice.text,
            finish_reason: choice.reason.as_ref().map_or("stop", finish_reason).into(),
            usage: Some(usage(&answers)),
            sources_json: json(&sources),
        })
    }

    fn counted(&self, method: &'static str) -> Counted {
        Counted {
            state: self.state.clone(),
            method,
            code: Code::Cancelled,
            _request: self.state.lifecycle().request(),
        }
    }
}

/// The next piece that a client sees.
async fn next(asked: &mut Asked) -> Result<InferenceChunk, ApiError> {
    let mut reason = FinishReason::Stop { matched: None };
    while let Some(event) = asked.answers.next().await {
        match event?.1 {
            TextEvent::Delta { text, .. } if !text.is_empty() => {
                return Ok(chunk(Piece::Text(text)));
            }
            TextEvent::Finished { reason: said, .. } => reason = said,
            TextEvent::Delta { .. } | TextEvent::Prompt { .. } | TextEvent::Failed { .. } => {}
        }
    }
    Ok(chunk(Piece::End(End {
        finish_reason: finish_reason(&reason).to_owned(),
        usage: Some(usage(&asked.answers)),
        sources_json: json(&asked.sources),
    })))
}

fn chunk(piece: Piece) -> InferenceChunk {
    InferenceChunk { piece: Some(piece) }
}

fn usage(answers: &Answers) -> Usage {
    let (prompt_tokens, cached_tokens, completion_tokens) = answers.tally().usage().counts();
    Usage {
        prompt_tokens,
        cached_tokens,
        completion_tokens,
    }
}

fn json(sources: &Value) -> String {
    if sources.is_null() {
        return String::new();
    }
    sources.to_string()
}

/// Counts a call when it has ended, and keeps shutdown waiting until then. Unless it is told how it ended,
/// the client left.
struct Counted {
    state: SharedState,
    method: &'static str,
    code: Code,
    _request: TaskTrackerToken,
}

impl Counted {
    fn ends(&mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let telemetry = self.state.telemetry();
        telemetry.answered_grpc(self.method, status::name(self.code));
    }
}
