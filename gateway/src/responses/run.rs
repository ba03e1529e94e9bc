//! The making of a response: events of its model into its record, and the record into the store before its end is
//! told.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use llm_apps::stage::generate::{FinishReason, TextEvent, TextToken};
use serde_json::{Value, json};

use super::live::{Live, Registered, Watching};
use super::room::Keeping;
use crate::admission::Permit;
use crate::edge::Edge;
use crate::error::ApiError;
use crate::generation::Answers;
use crate::openai::ChatLogprobs;
use crate::sse::{Feed, Frames};
use crate::store::{Failure, OutputItem, ResponseRecord, ResponseStatus, StoreError, TokenCounts};

/// Bytes of frames that are gathered from what is there without waiting.
const PIECE: usize = 16 << 10;

/// A response that is being made. Dropped, it is made no further.
pub(crate) struct Run {
    live: Arc<Live>,
    answers: Answers,
    ending: Ending,
    finishing: Option<BoxFuture<'static, ResponseRecord>>,
    reason: Option<FinishReason>,
    error: Option<ApiError>,
    /// Log-probabilities of tokens whose text has not come yet.
    unseen: Vec<Value>,
    scores: bool,
    _registered: Option<Registered>,
}

/// What happens at a response's end.
#[derive(Clone)]
pub(super) struct Ending {
    pub(super) keeping: Option<Keeping>,
    /// Whether the response itself is kept, not only its items in a conversation.
    pub(super) store: bool,
    pub(super) edge: Arc<Edge>,
}

/// The stream of a response to the client who asked for it, who moves it on.
pub(crate) struct Making {
    run: Run,
    watching: Watching,
}

impl Run {
    /// The making of `live` from `answers`; `scores` says whether log-probabilities were asked for.
    pub(super) fn new(
        (live, registered): (Arc<Live>, Option<Registered>),
        answers: Answers,
        ending: Ending,
        scores: bool,
        first_item: String,
    ) -> Self {
        live.change(|record| {
            record.status = ResponseStatus::InProgress;
            record.output.push(OutputItem {
                id: first_item,
                ..OutputItem::default()
            });
        });
        Self {
            live,
            answers,
            ending,
            finishing: None,
            reason: None,
            error: None,
            unseen: Vec::new(),
            scores,
            _registered: registered,
        }
    }

    /// What is seen of it.
    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// The permit alone, for a body that needs nothing else any more.
    pub(crate) fn into_permit(self) -> Permit {
        self.answers.into_permit()
    }

    /// Why it failed, if its model did: whoever waits for it whole is told this with its true status.
    pub(crate) fn take_error(&mut self) -> Option<ApiError> {
        self.error.take()
    }

    /// Goes on by one event; returns whether there is more to come. Cancel safe.
    pub(crate) async fn step(&mut self) -> bool {
        if let Some(finishing) = &mut self.finishing {
            let record = finishing.await;
            self.finishing = None;
            self.live.change(|live| *live = record);
            return false;
        }
        match self.answers.next().await {
            Some(Ok((_, event))) => self.read(event),
            Some(Err(error)) => {
                self.finish(ResponseStatus::Failed, Some(failure(&error)));
                self.error = Some(error);
            }
            None => {
                let status = match self.reason {
                    Some(FinishReason::Length) => ResponseStatus::Incomplete,
                    Some(FinishReason::Stop { .. }) | None => ResponseStatus::Completed,
                };
                self.finish(status, None);
            }
        }
        true
    }

    /// Makes it to its end, or to where it is cancelled.
    pub(crate) async fn complete(mut self) {
        let mut cancelled = std::pin::pin!(self.live.cancelled());
        loop {
            let goes_on = tokio::select! {
                biased;
                () = &mut cancelled, if self.finishing.is_none() => {
                    self.finish(ResponseStatus::Cancelled, None);
                    true
                }
                goes_on = self.step() => goes_on,
            };
            if !goes_on {
                return;
            }
        }
    }

    fn read(&mut self, event: TextEvent) {
        match event {
            TextEvent::Delta { text, tokens, .. } => {
                if self.scores {
                    self.unseen.extend(scored(&tokens));
                }
                if !text.is_empty() || !self.unseen.is_empty() {
                    self.grow(&text);
                }
            }
            TextEvent::Finished { reason, .. } => self.reason = Some(reason),
            // A response does not echo, and errors come elsewhere.
            TextEvent::Prompt { .. } | TextEvent::Failed { .. } => {}
        }
    }

    fn grow(&mut self, text: &str) {
        let (unseen, scores) = (std::mem::take(&mut self.unseen), self.scores);
        self.live.change(|record| {
            if let Some(item) = record.output.last_mut() {
                item.text.push_str(text);
                item.ends.push(item.text.len());
                if scores {
                    item.logprobs.extend(unseen);
                    item.scored.push(item.logprobs.len());
                }
            }
        });
    }

    /// Begins the end: the record as it will be is kept first.
    fn finish(&mut self, status: ResponseStatus, error: Option<Failure>) {
        let mut record = self.live.look(ResponseRecord::clone);
        let (input, cached, output) = self.answers.tally().usage().counts();
        record.usage = Some(TokenCounts {
            input,
            cached,
            output,
        });
        let whole = matches!(
            status,
            ResponseStatus::Completed | ResponseStatus::Incomplete
        );
        for item in &mut record.output {
            item.whole = whole;
        }
        self.finishing = Some(finished(self.ending.clone(), record, status, error).boxed());
    }
}

impl Making {
    pub(crate) fn new(run: Run) -> Self {
        let watching = Watching::from(Arc::clone(run.live()), 0);
        Self { run, watching }
    }
}

impl Feed for Making {
    async fn feed(&mut self, out: &mut Frames) -> bool {
        let before = out.len();
        loop {
            if self.watching.tell(out) {
                return false;
            }
            if out.len() > before {
                return true;
            }
            self.run.step().await;
            // What is there already goes out with it.
            let mut steps = 0;
            while steps < PIECE / 256 && self.run.step().now_or_never() == Some(true) {
                steps += 1;
            }
        }
    }
}

/// The record at its end, which has been kept if it is to be.
pub(super) async fn finished(
    ending: Ending,
    mut record: ResponseRecord,
    status: ResponseStatus,
    error: Option<Failure>,
) -> ResponseRecord {
    record.status = status;
    record.error = error;
    let now = ending.edge.now();
    record.completed_at = (status == ResponseStatus::Completed).then_some(now);
    if let Err(error) = keep(&ending, &record).await {
        tracing::error!(%error, "a response could not be kept");
        record.status = ResponseStatus::Failed;
        record.completed_at = None;
        record.error = Some(Failure {
            code: "server_error".to_owned(),
            message: match error {
                StoreError::Refused(message) => message,
                StoreError::Off
                | StoreError::InUse(_)
                | StoreError::Missing { .. }
                | StoreError::Failed(_) => "the response could not be kept".to_owned(),
            },
        });
    }
    record
}

async fn keep(ending: &Ending, record: &ResponseRecord) -> Result<(), StoreError> {
    let Some(keeping) = &ending.keeping else {
        return Ok(());
    };
    if ending.store {
        let kept = keeping.store.keep_response(record.clone(), keeping.room);
        return kept.await;
    }
    match &record.conversation {
        Some(conversation) if record.is_said() => {
            keeping
                .store
                .append(conversation.clone(), record.items())
                .await
        }
        _ => Ok(()),
    }
}

/// Why it failed, in the words that OpenAI has for responses.
pub(super) fn failure(error: &ApiError) -> Failure {
    let code = match error.kind() {
        "rate_limit_error" => "rate_limit_exceeded",
        "invalid_request_error" => "invalid_prompt",
        _ => "server_error",
    };
    Failure {
        code: code.to_owned(),
        message: error.to_string(),
    }
}

fn scored(tokens: &[TextToken]) -> Vec<Value> {
    let mut logprobs = ChatLogprobs::default();
    logprobs.extend(tokens);
    let tokens = logprobs.into_tokens();
    tokens.iter().map(|token| json!(token)).collect()
}
