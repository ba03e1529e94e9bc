//! How to generate: the fields that chat and completions share, and their way into the engine's
//! [`SamplingParams`]. Ranges are proved once, by the engine's own request type; here stands only
//! what the wire can get wrong.

use std::fmt;

use engine::SamplingParams;
use engine::tokenizer::MAX_STOP_STRINGS;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::{Map, Value};

use super::one_or_many::Texts;
use super::parse::typed;
use crate::error::ApiError;

/// Entries of `logit_bias`, and of `stop_token_ids`, that one request may bring: each is looked at
/// for every token.
pub const MAX_TOKEN_LIST: usize = 1024;

/// How to generate, for every choice of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoding {
    /// Sampling; `seed` and `max_tokens` hold only if the two fields below are set.
    pub params: SamplingParams,
    /// `None` takes a random one.
    pub seed: Option<u64>,
    /// `None` takes what the endpoint grants.
    pub max_tokens: Option<u32>,
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
}

#[derive(Debug, Deserialize)]
struct Wire {
    max_tokens: Option<u32>,
    min_tokens: Option<u32>,
    n: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    top_k: Option<i64>,
    min_p: Option<f32>,
    presence_penalty: Option<f32>,
    frequency_penalty: Option<f32>,
    repetition_penalty: Option<f32>,
    logit_bias: Option<Map<String, Value>>,
    seed: Option<Seed>,
    stop: Option<Texts>,
    stop_token_ids: Option<Vec<u32>>,
    include_stop_str_in_output: Option<bool>,
    ignore_eos: Option<bool>,
    skip_special_tokens: Option<bool>,
    add_special_tokens: Option<bool>,
    prompt_logprobs: Option<u32>,
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
    let default = SamplingParams::default();
    let params = SamplingParams {
        temperature: wire.temperature.unwrap_or(default.temperature),
        top_k: top_k(wire.top_k)?,
        top_p: wire.top_p.unwrap_or(default.top_p),
        min_p: wire.min_p.unwrap_or(default.min_p),
        repetition_penalty: wire.repetition_penalty.unwrap_or(default.repetition_penalty),
        presence_penalty: wire.presence_penalty.unwrap_or(default.presence_penalty),
        frequency_penalty: wire.frequency_penalty.unwrap_or(default.frequency_penalty),
        logit_bias: logit_bias(wire.logit_bias.unwrap_or_default())?,
        min_tokens: wire.min_tokens.unwrap_or(default.min_tokens),
        stop_token_ids,
        ignore_eos: wire.ignore_eos.unwrap_or(default.ignore_eos),
        prompt_logprobs: wire.prompt_logprobs,
        ..default
    };
    Ok(Decoding {
        params,
        seed: wire.seed.map(|s| s.0),
        max_tokens: wire.max_tokens,
        n,
        stop,
        include_stop: wire.include_stop_str_in_output.unwrap_or(false),
        skip_special_tokens: wire.skip_special_tokens.unwrap_or(true),
        add_special_tokens: wire.add_special_tokens,
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

/// -1 is how other servers spell "all", which the engine spells 0.
fn top_k(wire: Option<i64>) -> Result<u32, ApiError> {
    match wire {
        None | Some(-1) => Ok(0),
        Some(k) => u32::try_from(k).map_err(|_| {
            let message = format!("top_k must be -1, 0 or a positive number, but is {k}");
            ApiError::invalid("top_k", message)
        }),
    }
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
            let message = format!("logit_bias.{id} must be a number");
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
        f.write_str("a 64-bit integer")
    }

    fn visit_u64<E>(self, seed: u64) -> Result<Seed, E> {
        Ok(Seed(seed))
    }

    fn visit_i64<E>(self, seed: i64) -> Result<Seed, E> {
        Ok(Seed(seed.cast_unsigned()))
    }
}
