//! What is proved before an engine starts.

use thiserror::Error;

use crate::config::{BLOCK_SIZE, EngineConfig, SpeculationMethod};
use crate::kv_cache::BlockTable;
use crate::kv_tiers::TierError;
use crate::model::Forward;
use crate::request::ModelLimits;
use crate::speculation::{DraftModel, Speculator};

/// Why an engine cannot start.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartError {
    /// A size or limit that cannot be used.
    #[error("{param} must be {expected}, but is {value}")]
    OutOfRange {
        /// The field of [`EngineConfig`].
        param: &'static str,
        /// The range, in words.
        expected: String,
        /// What was given.
        value: usize,
    },
    /// One full context does not fit the KV cache.
    #[error(
        "the KV cache holds {} tokens, but one context of {max_model_len} needs {needed} blocks of \
         {BLOCK_SIZE} and there are {total}; raise kv_cache_bytes or lower max_model_len",
        total * BLOCK_SIZE
    )]
    CacheTooSmall {
        /// Blocks of one full context.
        needed: usize,
        /// Blocks that the model was built with.
        total: usize,
        /// Tokens of one full context.
        max_model_len: usize,
    },
    /// The colder tiers of the KV cache cannot be had.
    #[error(transparent)]
    Tiers(#[from] TierError),
    /// A draft model was configured and none was given.
    #[error("speculation by a draft model needs the draft model, but none was given")]
    NoDraftModel,
    /// The system gave no thread.
    #[error("the engine's thread cannot be started: {0}")]
    Thread(String),
}

/// The limits that requests are proved against, from the model's own and the configuration.
pub(super) fn prove(model: &dyn Forward, config: &EngineConfig) -> Result<ModelLimits, StartError> {
    let EngineConfig {
        max_num_seqs,
        max_num_batched_tokens,
        max_requests,
        ..
    } = *config;
    at_least("max_num_seqs", max_num_seqs, 1, "1")?;
    at_least("max_requests", max_requests, 1, "1")?;
    let least = format!("max_num_seqs, {max_num_seqs}");
    at_least(
        "max_num_batched_tokens",
        max_num_batched_tokens,
        max_num_seqs,
        &least,
    )?;
    let limits = model.limits();
    let max_model_len = config.max_model_len.unwrap_or(limits.max_model_len);
    if max_model_len == 0 || max_model_len > limits.max_model_len {
        return Err(StartError::OutOfRange {
            param: "max_model_len",
            expected: format!("from 1 to the model's own limit, {}", limits.max_model_len),
            value: max_model_len,
        });
    }
    let (needed, total) = (BlockTable::blocks_for(max_model_len), model.num_blocks());
    if needed > total {
        return Err(StartError::CacheTooSmall {
            needed,
            total,
            max_model_len,
        });
    }
    Ok(ModelLimits {
        max_model_len,
        ..limits
    })
}

/// What guesses tokens ahead, if the configuration wants it.
pub(super) fn speculator(
    draft: Option<Box<dyn Forward>>,
    limits: ModelLimits,
    config: &EngineConfig,
) -> Result<Option<Speculator>, StartError> {
    let Some(speculation) = &config.speculation else {
        return Ok(None);
    };
    let most = speculation.num_speculative_tokens;
    at_least("num_speculative_tokens", most, 1, "1")?;
    match speculation.method {
        SpeculationMethod::Ngram {
            prompt_lookup_min: min,
            prompt_lookup_max: max,
        } => {
            at_least("prompt_lookup_min", min, 1, "1")?;
            let least = format!("prompt_lookup_min, {min}");
            at_least("prompt_lookup_max", max, min, &least)?;
            Ok(Some(Speculator::by_lookup(most, (min, max))))
        }
        SpeculationMethod::Draft { .. } => {
            let draft = draft.ok_or(StartError::NoDraftModel)?;
            let model = DraftModel::new(draft, limits.vocab_size, config);
            Ok(Some(Speculator::by_model(most, model)))
        }
    }
}

fn at_least(param: &'static str, value: usize, least: usize, name: &str) -> Result<(), StartError> {
    if value >= least {
        return Ok(());
    }
    Err(StartError::OutOfRange {
        param,
        expected: format!("at least {name}"),
        value,
    })
}
