//! How to generate: the fields that chat and completions share, and their way into the engine's
//! [`SamplingParams`]. Ranges are proved once, by the engine's own request type; here stands only
//! what the wire can get wrong.

use std::fmt;

use engine::SamplingParams;
use engine::tokenizer::MAX_STOP_STRINGS;
use llm_apps::stage::generate::Form;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde_json::{Map, Value};

use super::expected::shown;
use super::form::form;
use super::one_or_many::Texts;
use super::parse::typed;
use crate::error::ApiError;

/// Entries of `logit_bias`, and of `stop_token_ids`, that one request may bring: each is looked at
/// for every token.
pub const MAX_TOKEN_LIST: usize = 1024;

/// How to generate, for every choice of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoding {
    /// What goes to the engine as it is, where it was given.
    pub given: Given,
    /// 0 keeps all; `None` takes the model's default.
    pub top_k: Option<u32>,
    /// Added to the logits of these tokens.
    pub logit_bias: Vec<(u32, f32)>,
    /// Tokens that end an answer.
    pub stop_token_ids: Vec<u32>,
    /// Log-probabilities of the answer's tokens, with so many alternatives; the endpoints spell it
    /// differently.
    pub logprobs: Option<u32>,
    /// `None` takes a random one.
    pub seed: Option<u64>,
    /// Answers to each prompt, at least 1.
    pub n: u32,
    /// Texts that end an answer.
    pub stop: Vec<String>,
    /// Whether the text that ended the answer is part of it.
    pub include_stop: bool,
    /// Whether special tokens are left out of the text.
    pub skip_special_tokens: bool,
    /// Whether the tokenizer adds its special tokens to the prompt; `None` takes what is usual.
    pub add_special_tokens: Option<bool>,
    /// The form of every answer.
    pub form: Option<Form>,
}

/// Fields of [`SamplingParams`] as the wire has them; what is absent takes the model's default.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "they are those of `SamplingParams`")]
pub struct Given {
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub min_p: Option<f32>,
    pub presence_penalty: Option<f32>,
    pub frequency_penalty: Option<f32>,
    pub repetition_penalty: Option<f32>,
    pub max_tokens: Option<u32>,
    pub min_tokens: Option<u32>,
    pub ignore_eos: Option<bool>,
    pub prompt_logprobs: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Wire {
    n: Option<u32>,
    top_k: Option<TopK>,
    logit_bias: Option<Map<String, Value>>,
    seed: Option<Seed>,
    stop: Option<Texts>,
    stop_token_ids: Option<Vec<u32>>,
    include_stop_str_in_output: Option<bool>,
    skip_special_tokens: Option<bool>,
    add_special_tokens: Option<bool>,
}

impl Decoding {
    /// The engine's parameters: `defaults`, and over them what the request says. `seed` is for
    /// requests without one.
    pub fn params(&self, defaults: &SamplingParams, seed: u64) -> SamplingParams {
        let given = &self.given;
        SamplingParams {
            temperature: given.temperature.unwrap_or(defaults.temperature),
            top_k: self.top_k.unwrap_or(defaults.top_k),
            top_p: given.top_p.unwrap_or(defaults.top_p),
            min_p: given.min_p.unwrap_or(defaults.min_p),
            repetition_penalty: given
                .repetition_penalty
                .unwrap_or(defaults.repetition_penalty),
            presence_penalty: given.presence_penalty.unwrap_or(defaults.presence_penalty),
            frequency_penalty: given
                .frequency_penalty
                .unwrap_or(defaults.frequency_penalty),
            logit_bias: self.logit_bias.clone(),
            seed: self.seed.unwrap_or(seed),
            max_tokens: defaults.max_tokens,
            min_tokens: given.min_tokens.unwrap_or(defaults.min_tokens),
            stop_token_ids: self.stop_token_ids.clone(),
            ignore_eos: given.ignore_eos.unwrap_or(defaults.ignore_eos),
            logprobs: self.logprobs,
            logprob_token_ids: Vec::new(),
            prompt_logprobs: given.prompt_logprobs,
        }
    }
}

/// Reads the shared fields of `request`, whose prompts may have `max_choices` answers each.
///
/// # Errors
/// Names the field at fault.
pub(crate) fn decoding(request: &Value, max_choices: u32) -> Result<Decoding, ApiError> {
    let wire: Wire = typed(request)?;
    let stop = wire.stop.map(|texts| texts.0).unwrap_or_default();
    at_most("stop", stop.len(), MAX_STOP_STRINGS)?;
    if let Some(index) = stop.iter().position(String::is_empty) {
        let message = format!("stop[{index}] is empty; a stop string needs a character");
        return Err(ApiError::invalid("stop", message));
    }
    let stop_token_ids = wire.stop_token_ids.unwrap_or_default();
    at_most("stop_token_ids", stop_token_ids.len(), MAX_TOKEN_LIST)?;
    let n = wire.n.unwrap_or(1);
    if !(1..=max_choices).contains(&n) {
        let message = format!("n must be from 1 to {max_choices}, but is {n}");
        return Err(ApiError::invalid("n", message));
    }
    Ok(Decoding {
        given: typed(request)?,
        top_k: wire.top_k.map(|k| k.0),
        logit_bias: logit_bias(wire.logit_bias.unwrap_or_default())?,
        stop_token_ids,
        logprobs: None,
        seed: wire.seed.map(|s| s.0),
        n,
        stop,
        include_stop: wire.include_stop_str_in_output.unwrap_or(false),
        skip_special_tokens: wire.skip_special_tokens.unwrap_or(true),
        add_special_tokens: wire.add_special_tokens,
        form: form(request)?,
    })
}

/// Refuses a list that is longer than `limit`.
fn at_most(field: &str, len: usize, limit: usize) -> Result<(), ApiError> {
    if len <= limit {
        return Ok(());
    }
    let message = format!("{field} may have {limit} entries at most, but has {len}");
    Err(ApiError::invalid(field, message))
}

/// Keys are token ids in strings, since JSON has no other keys.
fn logit_bias(wire: Map<String, Value>) -> Result<Vec<(u32, f32)>, ApiError> {
    at_most("logit_bias", wire.len(), MAX_TOKEN_LIST)?;
    let entry = |(key, value): (String, Value)| {
        let Ok(id) = key.parse::<u32>() else {
            let key = key.chars().take(40).collect::<String>();
            let message = format!("logit_bias: the key {key:?} is not a token id");
            return Err(ApiError::invalid("logit_bias", message));
        };
        let Some(bias) = value.as_f64() else {
            let found = shown(&value);
            let message = format!("logit_bias.{id} must be a number, but is {found}");
            return Err(ApiError::invalid(format!("logit_bias.{id}"), message));
        };
        #[expect(clippy::cast_possible_truncation, reason = "biases are few and small")]
        Ok((id, bias as f32))
    };
    wire.into_iter().map(entry).collect()
}

/// OpenAI's seeds are signed 64-bit numbers, other servers' unsigned; all bits count.
#[derive(Debug, Clone, Copy)]
struct Seed(u64);

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SeedVisitor)
    }
}

struct SeedVisitor;

impl Visitor<'_> for SeedVisitor {
    type Value = Seed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of 64 bits")
    }

    fn visit_u64<E>(self, seed: u64) -> Result<Seed, E> {
        Ok(Seed(seed))
    }

    fn visit_i64<E>(self, seed: i64) -> Result<Seed, E> {
        Ok(Seed(seed.cast_unsigned()))
    }
}

/// -1 is how other servers spell "all", which the engine spells 0.
#[derive(Debug, Clone, Copy)]
struct TopK(u32);

impl<'de> Deserialize<'de> for TopK {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TopKVisitor)
    }
}

struct TopKVisitor;

impl Visitor<'_> for TopKVisitor {
    type Value = TopK;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from -1 to 4294967295")
    }

    fn visit_u64<E: Error>(self, k: u64) -> Result<TopK, E> {
        let k = u32::try_from(k).map_err(|_| E::invalid_value(Unexpected::Unsigned(k), &self))?;
        Ok(TopK(k))
    }

    fn visit_i64<E: Error>(self, k: i64) -> Result<TopK, E> {
        match k {
            -1 => Ok(TopK(0)),
            _ => Err(E::invalid_value(Unexpected::Signed(k), &self)),
        }
    }
}
