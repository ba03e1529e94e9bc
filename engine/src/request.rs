//! A request that was proved against the model's limits, and the sampling parameters: defined here
//! and nowhere else in the workspace (A4).

mod resumption;

use std::sync::Arc;

use thiserror::Error;

use crate::constraint::CompiledGrammar;

/// How tokens are chosen and when to stop. Plain data; [`GenerateRequest::new`] proves it.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingParams {
    /// Flattens (above 1) or sharpens (below 1) the distribution; 0 takes the likeliest token.
    /// From 0 to 2.
    pub temperature: f32,
    /// Keeps only the `top_k` likeliest tokens; 0 keeps all.
    pub top_k: u32,
    /// Keeps the smallest set of likeliest tokens whose probability reaches `top_p`. In (0, 1].
    pub top_p: f32,
    /// Drops tokens less likely than `min_p` times the likeliest. In [0, 1].
    pub min_p: f32,
    /// Divides positive and multiplies negative logits of tokens seen in prompt or answer
    /// (CTRL, arXiv:1909.05858); 1 is off. In (0, 10].
    pub repetition_penalty: f32,
    /// Subtracted from logits of tokens seen in the answer. In [-2, 2].
    pub presence_penalty: f32,
    /// Subtracted from logits once for each time the token is in the answer. In [-2, 2].
    pub frequency_penalty: f32,
    /// Added to the logits of these tokens. Each in [-100, 100].
    pub logit_bias: Vec<(u32, f32)>,
    /// Seed of the counter-based randomness: the draw for position `i` depends on (seed, choice, i).
    pub seed: u64,
    /// Tokens to generate at most; 0 only reads (and scores) the prompt.
    pub max_tokens: u32,
    /// Tokens before which no end-of-sequence or stop token may come.
    pub min_tokens: u32,
    /// Tokens that end the answer, beside the model's own end-of-sequence tokens.
    pub stop_token_ids: Vec<u32>,
    /// Whether the model's end-of-sequence tokens are treated as any other token.
    pub ignore_eos: bool,
    /// Log-probabilities of generated tokens, with so many alternatives.
    pub logprobs: Option<u32>,
    /// With `logprobs`, the alternatives are these tokens, in this order, and not the likeliest.
    pub logprob_token_ids: Vec<u32>,
    /// Log-probabilities of the prompt's tokens, with so many alternatives. Such a prompt is
    /// computed whole, without the prefix cache.
    pub prompt_logprobs: Option<u32>,
}

/// Most alternatives that [`SamplingParams::logprobs`] may ask for.
pub const MAX_LOGPROBS: u32 = 20;

impl Default for SamplingParams {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: Vec::new(),
            seed: 0,
            max_tokens: 16,
            min_tokens: 0,
            stop_token_ids: Vec::new(),
            ignore_eos: false,
            logprobs: None,
            logprob_token_ids: Vec::new(),
            prompt_logprobs: None,
        }
    }
}

/// What a model can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelLimits {
    /// Token ids are below this.
    pub vocab_size: usize,
    /// Prompt and answer together, in tokens.
    pub max_model_len: usize,
}

/// A request whose prompt and parameters fit the model. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    prompt: Arc<[u32]>,
    params: Arc<SamplingParams>,
    choice: u32,
    grammar: Option<Arc<CompiledGrammar>>,
    /// Tokens of the answer that were said before, elsewhere.
    said: Arc<[u32]>,
    /// [`Usage::cached_tokens`](crate::Usage::cached_tokens) as it was then.
    said_cached: u32,
}

/// Why a request cannot be run on a model. `param` is the field as OpenAI's API spells it.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum InvalidRequest {
    /// A parameter is out of its range.
    #[error("{param} must be {expected}, but is {value}")]
    OutOfRange {
        /// The parameter's name.
        param: &'static str,
        /// The range, in words.
        expected: String,
        /// What was given.
        value: String,
    },
    /// There is no token to start from.
    #[error("the prompt is empty; at least one token is needed")]
    EmptyPrompt,
    /// A token id is not in the model's vocabulary.
    #[error("{param} has token id {id}, but the model's ids are below {vocab_size}")]
    UnknownToken {
        /// The field that holds the id.
        param: &'static str,
        /// The id.
        id: u32,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// Prompt and answer do not fit the context.
    #[error(
        "this model's maximum context length is {max_model_len} tokens, but {prompt_tokens} tokens \
         of prompt and {max_tokens} of completion were requested"
    )]
    ContextLength {
        /// The model's limit.
        max_model_len: usize,
        /// Tokens of the prompt.
        prompt_tokens: usize,
        /// Tokens asked for.
        max_tokens: usize,
    },
    /// The prompt alone is as long as the context, or longer.
    #[error(
        "this model's maximum context length is {max_model_len} tokens, but the prompt has \
         {prompt_tokens}, which leaves no room for an answer"
    )]
    NoRoom {
        /// The model's limit.
        max_model_len: usize,
        /// Tokens of the prompt.
        prompt_tokens: usize,
    },
}

impl GenerateRequest {
    /// Proves that `prompt` and `params` fit the model. `choice` is the index among the `n` answers
    /// to one prompt; it makes their draws differ under one seed.
    ///
    /// # Errors
    /// [`InvalidRequest`] names the first parameter that does not fit.
    pub fn new(
        prompt: Arc<[u32]>,
        choice: u32,
        params: Arc<SamplingParams>,
        limits: &ModelLimits,
    ) -> Result<Self, InvalidRequest> {
        params.prove(limits)?;
        if prompt.is_empty() {
            return Err(InvalidRequest::EmptyPrompt);
        }
        known_tokens("prompt", prompt.iter().copied(), limits)?;
        let max_tokens = params.max_tokens as usize;
        if prompt.len().saturating_add(max_tokens) > limits.max_model_len {
            return Err(InvalidRequest::ContextLength {
                max_model_len: limits.max_model_len,
                prompt_tokens: prompt.len(),
                max_tokens,
            });
        }
        Ok(Self {
            prompt,
            params,
            choice,
            grammar: None,
            said: Arc::default(),
            said_cached: 0,
        })
    }

    /// The same, with an answer of the form that `grammar` has, which was compiled for this model.
    ///
    /// The form goes before other wishes. Where it is complete, the answer ends: with `ignore_eos` too,
    /// and before `min_tokens` if nothing else can follow.
    #[must_use]
    pub fn with_grammar(mut self, grammar: Arc<CompiledGrammar>) -> Self {
        self.grammar = Some(grammar);
        self
    }

    /// Token ids of the prompt, at least one.
    pub fn prompt(&self) -> &[u32] {
        &self.prompt
    }

    /// The proved parameters.
    pub fn params(&self) -> &SamplingParams {
        &self.params
    }

    /// Index among the answers to one prompt.
    pub fn choice(&self) -> u32 {
        self.choice
    }

    /// The form of the answer, if it has one.
    pub fn grammar(&self) -> Option<&Arc<CompiledGrammar>> {
        self.grammar.as_ref()
    }

    /// Whether the model's end-of-sequence tokens end the answer.
    pub fn heeds_eos(&self) -> bool {
        !self.params.ignore_eos || self.grammar.is_some()
    }

    /// Whether `token` ends the answer as its token number `count`, counted from 1. `eos` are the
    /// model's end-of-sequence tokens.
    pub(crate) fn stops_at(&self, token: u32, count: usize, eos: &[u32]) -> bool {
        let ends = self.heeds_eos() && eos.contains(&token);
        if ends && self.grammar.is_some() {
            // It is held back for as long as anything else may come.
            return true;
        }
        let stops = ends || self.params.stop_token_ids.contains(&token);
        stops && count > self.params.min_tokens as usize
    }
}

impl SamplingParams {
    /// Proves every field against its documented range and the model's vocabulary.
    fn prove(&self, limits: &ModelLimits) -> Result<(), InvalidRequest> {
        in_range("temperature", self.temperature, 0.0..=2.0, "from 0 to 2")?;
        in_range(
            "top_p",
            self.top_p,
            f32::MIN_POSITIVE..=1.0,
            "above 0 and at most 1",
        )?;
        in_range("min_p", self.min_p, 0.0..=1.0, "from 0 to 1")?;
        let positive = f32::MIN_POSITIVE..=10.0;
        in_range(
            "repetition_penalty",
            self.repetition_penalty,
            positive,
            "above 0, at most 10",
        )?;
        in_range(
            "presence_penalty",
            self.presence_penalty,
            -2.0..=2.0,
            "from -2 to 2",
        )?;
        in_range(
            "frequency_penalty",
            self.frequency_penalty,
            -2.0..=2.0,
            "from -2 to 2",
        )?;
        for &(_, bias) in &self.logit_bias {
            in_range("logit_bias", bias, -100.0..=100.0, "from -100 to 100")?;
        }
        known_tokens(
            "logit_bias",
            self.logit_bias.iter().map(|&(id, _)| id),
            limits,
        )?;
        known_tokens(
            "stop_token_ids",
            self.stop_token_ids.iter().copied(),
            limits,
        )?;
        known_tokens(
            "logprob_token_ids",
            self.logprob_token_ids.iter().copied(),
            limits,
        )?;
        for (param, count) in [
            ("top_logprobs", self.logprobs),
            ("prompt_logprobs", self.prompt_logprobs),
        ] {
            if let Some(count) = count.filter(|&c| c > MAX_LOGPROBS) {
                return Err(InvalidRequest::OutOfRange {
                    param,
                    expected: format!("from 0 to {MAX_LOGPROBS}"),
                    value: count.to_string(),
                });
            }
        }
        if self.min_tokens > self.max_tokens {
            return Err(InvalidRequest::OutOfRange {
                param: "min_tokens",
                expected: format!("at most max_tokens, {}", self.max_tokens),
                value: self.min_tokens.to_string(),
            });
        }
        Ok(())
    }
}

fn in_range(
    param: &'static str,
    value: f32,
    range: std::ops::RangeInclusive<f32>,
    expected: &str,
) -> Result<(), InvalidRequest> {
    // NaN is in no range.
    if range.contains(&value) {
        return Ok(());
    }
    let expected = expected.to_owned();
    Err(InvalidRequest::OutOfRange {
        param,
        expected,
        value: shown(value),
    })
}

/// A number in words that are true of what the client wrote: JSON's `1e300` is an infinite `f32`.
fn shown(value: f32) -> String {
    match value.is_infinite() {
        true if value > 0.0 => format!("more than {:e}", f32::MAX),
        true => format!("less than {:e}", f32::MIN),
        false => value.to_string(),
    }
}

fn known_tokens(
    param: &'static str,
    mut ids: impl Iterator<Item = u32>,
    limits: &ModelLimits,
) -> Result<(), InvalidRequest> {
    match ids.find(|&id| id as usize >= limits.vocab_size) {
        None => Ok(()),
        Some(id) => Err(InvalidRequest::UnknownToken {
            param,
            id,
            vocab_size: limits.vocab_size,
        }),
    }
}
