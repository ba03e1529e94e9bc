//! A request in text becomes proved requests in tokens.

use std::sync::Arc;

use engine::constraint::CompiledGrammar;
use engine::tokenizer::StopMatcher;
use engine::{GenerateRequest, InvalidRequest, ModelLimits, SamplingParams};

use super::error::GenerateError;
use super::labels::label_tokens;
use super::model::Shared;
use super::prompt::{self, EchoedPrompt};
use super::request::{MAX_CHOICES, TextRequest};

/// A request that fits the model: one proved request for each choice, and how their tokens become
/// text. Cheap to clone, and good for any replica of the model.
#[derive(Debug, Clone)]
pub struct PreparedRequest {
    requests: Vec<GenerateRequest>,
    pub(super) text: Arc<TextOptions>,
    pub(super) stop: StopMatcher,
    /// The prompt, when it is part of what is answered.
    pub(super) echo: Option<Arc<EchoedPrompt>>,
}

/// How tokens become text, for all choices.
#[derive(Debug)]
pub(super) struct TextOptions {
    pub(super) stop: Vec<String>,
    pub(super) include_stop: bool,
    pub(super) skip_special: bool,
    /// Whether offsets count from the beginning of the prompt.
    pub(super) offset_by_prompt: bool,
}

impl PreparedRequest {
    /// The proved requests, one for each choice. Where the prompt's log-probabilities are wanted, it is
    /// the first that asks for them.
    pub fn requests(&self) -> &[GenerateRequest] {
        &self.requests
    }

    /// Tokens of the prompt.
    pub fn prompt_tokens(&self) -> usize {
        self.requests.first().map_or(0, |r| r.prompt().len())
    }

    /// Whether the prompt's log-probabilities are wanted.
    pub(super) fn scores_prompt(&self) -> bool {
        let first = self.requests.first();
        first.is_some_and(|r| r.params().prompt_logprobs.is_some())
    }

    /// Tokens that each choice may have.
    pub fn max_tokens(&self) -> u32 {
        self.requests.first().map_or(0, |r| r.params().max_tokens)
    }
}

/// What can be said of a request before any work is done on it.
pub(super) fn check(request: &TextRequest) -> Result<(), GenerateError> {
    if !(1..=MAX_CHOICES).contains(&request.n) {
        return Err(GenerateError::Invalid {
            error: InvalidRequest::OutOfRange {
                param: "n",
                expected: format!("from 1 to {MAX_CHOICES}"),
                value: request.n.to_string(),
            },
            prompt_param: request.prompt.param(),
        });
    }
    StopMatcher::new(&request.stop)?;
    Ok(())
}

/// Renders, tokenizes and proves. `grammar` is that of the request's form.
pub(super) fn prepare(
    shared: &Shared,
    request: TextRequest,
    grammar: Option<&Arc<CompiledGrammar>>,
) -> Result<PreparedRequest, GenerateError> {
    let prompt_param = request.prompt.param();
    let invalid = |error| GenerateError::Invalid {
        error,
        prompt_param,
    };
    let max_model_len = shared.limits.max_model_len;
    let tokenized = prompt::tokenize(shared, request.prompt, Some(max_model_len))?;
    let mut params = request.params;
    params.max_tokens =
        max_tokens(tokenized.ids.len(), request.max_tokens, &shared.limits).map_err(invalid)?;
    if request.echo {
        params.prompt_logprobs = params.prompt_logprobs.or(params.logprobs);
    }
    if !request.labels.is_empty() {
        params.logprob_token_ids =
            label_tokens(&shared.tokenizer, &tokenized.ids, &request.labels)?;
    }
    let params = Arc::new(params);
    // The prompt is scored once: the other choices share what the first one says of it.
    let unscored = Arc::new(SamplingParams {
        prompt_logprobs: None,
        ..(*params).clone()
    });
    let ids: Arc<[u32]> = tokenized.ids.as_slice().into();
    let prove = |choice| {
        let params = if choice == 0 { &params } else { &unscored };
        let (ids, params) = (Arc::clone(&ids), Arc::clone(params));
        let proved = GenerateRequest::new(ids, choice, params, &shared.limits)?;
        Ok(match grammar {
            Some(grammar) => proved.with_grammar(Arc::clone(grammar)),
            None => proved,
        })
    };
    let requests: Result<_, _> = (0..request.n).map(prove).collect();
    let requests = requests.map_err(invalid)?;

    let wanted = request.echo || params.prompt_logprobs.is_some();
    let echo = || prompt::echoed(&shared.tokenizer, &tokenized, request.skip_special_tokens);
    Ok(PreparedRequest {
        requests,
        stop: StopMatcher::new(&request.stop)?,
        echo: wanted.then(|| Arc::new(echo())),
        text: Arc::new(TextOptions {
            stop: request.stop,
            include_stop: request.include_stop_str_in_output,
            skip_special: request.skip_special_tokens,
            offset_by_prompt: request.echo,
        }),
    })
}

/// `max_tokens`, or what fits behind the prompt: at least one token.
fn max_tokens(
    prompt_tokens: usize,
    asked: Option<u32>,
    limits: &ModelLimits,
) -> Result<u32, InvalidRequest> {
    if let Some(max_tokens) = asked {
        return Ok(max_tokens);
    }
    match limits.max_model_len.checked_sub(prompt_tokens) {
        None | Some(0) => Err(InvalidRequest::NoRoom {
            max_model_len: limits.max_model_len,
            prompt_tokens,
        }),
        Some(room) => Ok(u32::try_from(room).unwrap_or(u32::MAX)),
    }
}
