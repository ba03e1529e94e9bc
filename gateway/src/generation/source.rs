//! Where the events of an answer come from: an engine, or an application.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt};
use llm_apps::payload::{AnswerEvent, AnswerStream, Completion};
use llm_apps::stage::Call;
use llm_apps::stage::generate::{FinishReason, TextEvent, TextStream, TextUsage};

use crate::error::ApiError;

/// A stream of one prompt's answers. Never [`TextEvent::Failed`]: that is an error of the request.
pub(super) enum Source {
    /// A model's own.
    Text {
        stream: TextStream,
        retry_after: Duration,
    },
    /// An application's: one choice, whose pieces have no tokens of their own.
    Application {
        events: AnswerStream,
        call: Call,
        retry_after: Duration,
    },
}

impl Stream for Source {
    type Item = Result<TextEvent, ApiError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut *self {
            Self::Text {
                stream,
                retry_after,
            } => {
                let told = |event| {
                    if let TextEvent::Failed { error, .. } = &event {
                        return Err(ApiError::engine(error, *retry_after));
                    }
                    Ok(event)
                };
                stream.poll_next_unpin(cx).map(|event| event.map(told))
            }
            Self::Application {
                events,
                call,
                retry_after,
            } => {
                let told = |event| match event {
                    Ok(AnswerEvent::Text(text)) => Ok(TextEvent::Delta {
                        choice: 0,
                        text,
                        tokens: Vec::new(),
                    }),
                    Ok(AnswerEvent::Finished(completion)) => Ok(finished(completion, call)),
                    Err(error) => Err(ApiError::stage(&error, *retry_after)),
                };
                events.poll_next_unpin(cx).map(|event| event.map(told))
            }
        }
    }
}

/// The end of an application's answer, with what all its models read and wrote.
fn finished(completion: Completion, call: &Call) -> TextEvent {
    let tokens = call.tokens();
    let count = |tokens: u64| u32::try_from(tokens).unwrap_or(u32::MAX);
    TextEvent::Finished {
        choice: 0,
        reason: match completion {
            Completion::Stop => FinishReason::Stop { matched: None },
            Completion::Length => FinishReason::Length,
        },
        usage: TextUsage {
            prompt_tokens: count(tokens.prompt),
            cached_tokens: count(tokens.cached),
            completion_tokens: count(tokens.completion),
        },
    }
}
