//! Events: from the side that computes to the side that is read.

use engine::{EngineError, FinishReason, TokenEvent, TokenLogprobs, Usage};

use super::request::Malformed;
use crate::remote::proto;
use crate::remote::proto::event::Event;
use crate::remote::proto::failure::Why;

pub(in crate::remote) fn from_event(event: TokenEvent) -> proto::Event {
    let event = match event {
        TokenEvent::Prompt(scores) => Event::Prompt(proto::Prompt {
            positions: scores
                .into_iter()
                .map(|logprobs| proto::Position {
                    logprobs: logprobs.map(from_logprobs),
                })
                .collect(),
        }),
        TokenEvent::Token {
            id,
            logprobs,
            cached_tokens,
        } => Event::Token(proto::Token {
            id,
            logprobs: logprobs.map(from_logprobs),
            cached_tokens,
        }),
        TokenEvent::Done { reason, usage } => Event::Done(proto::Done {
            stop_token: match reason {
                FinishReason::StopToken(id) => Some(id),
                FinishReason::Length => None,
            },
            prompt_tokens: usage.prompt_tokens,
            cached_tokens: usage.cached_tokens,
            completion_tokens: usage.completion_tokens,
        }),
        TokenEvent::Failed(error) => Event::Failed(proto::Failure {
            why: Some(from_error(error)),
        }),
    };
    proto::Event { event: Some(event) }
}

pub(in crate::remote) fn to_event(message: proto::Event) -> Result<TokenEvent, Malformed> {
    Ok(match message.event.ok_or(Malformed::Missing("event"))? {
        Event::Prompt(prompt) => TokenEvent::Prompt(
            prompt
                .positions
                .into_iter()
                .map(|position| position.logprobs.map(to_logprobs))
                .collect(),
        ),
        Event::Token(token) => TokenEvent::Token {
            id: token.id,
            logprobs: token.logprobs.map(to_logprobs),
            cached_tokens: token.cached_tokens,
        },
        Event::Done(done) => TokenEvent::Done {
            reason: done
                .stop_token
                .map_or(FinishReason::Length, FinishReason::StopToken),
            usage: Usage {
                prompt_tokens: done.prompt_tokens,
                cached_tokens: done.cached_tokens,
                completion_tokens: done.completion_tokens,
            },
        },
        Event::Failed(failure) => {
            TokenEvent::Failed(to_error(failure.why.ok_or(Malformed::Missing("why"))?))
        }
    })
}

fn from_logprobs(of: TokenLogprobs) -> proto::Logprobs {
    let alternative = |(token, value)| proto::Likelihood { token, value };
    proto::Logprobs {
        id: of.id,
        logprob: of.logprob,
        rank: of.rank,
        top: of.top.into_iter().map(alternative).collect(),
    }
}

fn to_logprobs(message: proto::Logprobs) -> TokenLogprobs {
    TokenLogprobs {
        id: message.id,
        logprob: message.logprob,
        rank: message.rank,
        top: message
            .top
            .into_iter()
            .map(|t| (t.token, t.value))
            .collect(),
    }
}

fn from_error(error: EngineError) -> Why {
    match error {
        EngineError::Full { limit } => Why::Full(limit as u64),
        EngineError::ShuttingDown => Why::ShuttingDown(true),
        EngineError::CacheTooSmall { needed, total } => Why::CacheTooSmall(proto::CacheTooSmall {
            needed: needed as u64,
            total: total as u64,
        }),
        EngineError::Constraint(why) => Why::Constraint(why),
        EngineError::Model(why) => Why::Model(why),
        // An engine does not know of replicas.
        error @ (EngineError::Lost(_) | EngineError::Quarantined { .. }) => {
            Why::Model(error.to_string())
        }
    }
}

fn to_error(why: Why) -> EngineError {
    let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    match why {
        Why::Full(limit) => EngineError::Full { limit: size(limit) },
        Why::ShuttingDown(_) => EngineError::ShuttingDown,
        Why::CacheTooSmall(cache) => EngineError::CacheTooSmall {
            needed: size(cache.needed),
            total: size(cache.total),
        },
        Why::Model(why) => EngineError::Model(why),
        Why::Constraint(why) => EngineError::Constraint(why),
    }
}
