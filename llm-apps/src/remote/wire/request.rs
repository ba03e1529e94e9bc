//! Requests: from the side that proved them to the side that computes them.

use std::sync::Arc;

use engine::constraint::{Grammar, GrammarKind};
use engine::{GenerateRequest, InvalidRequest, ModelLimits, SamplingParams};
use thiserror::Error;

use crate::remote::proto;
use crate::remote::proto::grammar::Kind;

/// A message that is none of this protocol, or asks for what cannot be.
#[derive(Debug, Error)]
pub(in crate::remote) enum Malformed {
    /// A part is not there.
    #[error("the message has no `{0}`")]
    Missing(&'static str),
    /// A number means nothing.
    #[error("the message's `{0}` is not known")]
    Unknown(&'static str),
    /// It does not fit the model.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
}

/// `request`, whose answer goes on behind `said`.
pub(in crate::remote) fn from_request(
    request: &GenerateRequest,
    said: &[u32],
    said_cached_tokens: u32,
) -> proto::Generation {
    let grammar = request.grammar().map(|compiled| {
        let kind = match compiled.grammar().kind() {
            GrammarKind::JsonSchema => Kind::JsonSchema,
            GrammarKind::Regex => Kind::Regex,
            GrammarKind::Choice => Kind::Choice,
            GrammarKind::Grammar => Kind::Lark,
        };
        proto::Grammar {
            kind: kind.into(),
            source: compiled.grammar().source().to_owned(),
        }
    });
    proto::Generation {
        prompt: request.prompt().to_vec(),
        choice: request.choice(),
        sampling: Some(from_params(request.params())),
        grammar,
        said: said.to_vec(),
        said_cached_tokens,
    }
}

/// A proved request, and the form that its answer is to have, which is not compiled yet.
pub(in crate::remote) fn to_request(
    message: proto::Generation,
    limits: &ModelLimits,
) -> Result<(GenerateRequest, Option<Grammar>), Malformed> {
    let sampling = message.sampling.ok_or(Malformed::Missing("sampling"))?;
    let params = Arc::new(to_params(sampling));
    let grammar = message.grammar.as_ref().map(to_grammar).transpose()?;
    let proved = GenerateRequest::new(message.prompt.into(), message.choice, params, limits)?;
    let said = message.said.into();
    let resumed = proved.resuming(said, message.said_cached_tokens, limits)?;
    Ok((resumed, grammar))
}

fn to_grammar(message: &proto::Grammar) -> Result<Grammar, Malformed> {
    let kind = Kind::try_from(message.kind).map_err(|_| Malformed::Unknown("grammar.kind"))?;
    let kind = match kind {
        Kind::JsonSchema => GrammarKind::JsonSchema,
        Kind::Regex => GrammarKind::Regex,
        Kind::Choice => GrammarKind::Choice,
        Kind::Lark => GrammarKind::Grammar,
    };
    Ok(Grammar::of_source(kind, &message.source))
}

fn from_params(params: &SamplingParams) -> proto::Sampling {
    let bias = |&(token, value): &(u32, f32)| proto::Likelihood { token, value };
    proto::Sampling {
        temperature: params.temperature,
        top_k: params.top_k,
        top_p: params.top_p,
        min_p: params.min_p,
        repetition_penalty: params.repetition_penalty,
        presence_penalty: params.presence_penalty,
        frequency_penalty: params.frequency_penalty,
        logit_bias: params.logit_bias.iter().map(bias).collect(),
        seed: params.seed,
        max_tokens: params.max_tokens,
        min_tokens: params.min_tokens,
        stop_token_ids: params.stop_token_ids.clone(),
        ignore_eos: params.ignore_eos,
        logprobs: params.logprobs,
        prompt_logprobs: params.prompt_logprobs,
        logprob_token_ids: params.logprob_token_ids.clone(),
    }
}

fn to_params(message: proto::Sampling) -> SamplingParams {
    let bias = |bias: proto::Likelihood| (bias.token, bias.value);
    SamplingParams {
        temperature: message.temperature,
        top_k: message.top_k,
        top_p: message.top_p,
        min_p: message.min_p,
        repetition_penalty: message.repetition_penalty,
        presence_penalty: message.presence_penalty,
        frequency_penalty: message.frequency_penalty,
        logit_bias: message.logit_bias.into_iter().map(bias).collect(),
        seed: message.seed,
        max_tokens: message.max_tokens,
        min_tokens: message.min_tokens,
        stop_token_ids: message.stop_token_ids,
        ignore_eos: message.ignore_eos,
        logprobs: message.logprobs,
        prompt_logprobs: message.prompt_logprobs,
        logprob_token_ids: message.logprob_token_ids,
    }
}
