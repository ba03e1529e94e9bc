//! Builds the tokenizer that `tokenizer.json` and the files beside it describe.

use std::panic;

use serde_json::Value;
use tokenizers::{AddedToken, ModelWrapper};

use super::files::{HuggingFaceFiles, NAMED_TOKENS};
use crate::tokenizer::error::TokenizerError;
use crate::tokenizer::pieces::{Pieces, Spelling};
use crate::tokenizer::text::{Parts, Tokenizer};

impl Tokenizer {
    /// Builds the tokenizer that `tokenizer.json` and the files beside it describe.
    ///
    /// # Errors
    /// [`TokenizerError::Corrupt`] when `tokenizer.json` cannot be understood,
    /// [`TokenizerError::Unsupported`] when its tokens cannot be turned into bytes one by one.
    pub fn from_huggingface(files: &HuggingFaceFiles) -> Result<Self, TokenizerError> {
        // The crate proves little of what it reads: some corrupt files make it panic.
        let read = panic::catch_unwind(|| tokenizers::Tokenizer::from_bytes(&files.tokenizer));
        let mut encoder = match read {
            Ok(read) => read.map_err(corrupt)?,
            Err(_) => return Err(corrupt("the vocabulary and the merges do not fit together")),
        };
        encoder.with_truncation(None).map_err(corrupt)?;
        encoder.with_padding(None);
        if let ModelWrapper::BPE(model) = encoder.get_model() {
            // See `NO_CACHE` in `gguf`.
            let mut model = model.clone();
            model.resize_cache(0);
            encoder.with_model(model);
        }
        let named: Vec<AddedToken> = NAMED_TOKENS
            .iter()
            .filter_map(|name| files.token(name))
            .filter(|token| encoder.token_to_id(token).is_some())
            .map(|token| AddedToken::from(token, true))
            .collect();
        encoder.add_special_tokens(named).map_err(corrupt)?;

        let (spelling, space_prefix) = spelling(&encoder)?;
        let (pieces, special) = vocabulary(&encoder, &spelling)?;
        let id = |name: &str| encoder.token_to_id(files.token(name)?);
        let (bos_id, eos_id) = (id("bos_token"), id("eos_token"));
        let (mut prefix, mut suffix) = around(&encoder)?;
        let flag = |name: &str| files.tokenizer_config.get(name).and_then(Value::as_bool);
        if let Some((wanted, bos)) = flag("add_bos_token").zip(bos_id) {
            prefix.retain(|&id| id != bos);
            prefix.splice(0..0, wanted.then_some(bos));
        }
        if let Some((wanted, eos)) = flag("add_eos_token").zip(eos_id) {
            suffix.retain(|&id| id != eos);
            suffix.extend(wanted.then_some(eos));
        }
        let eos_ids = eos_ids(&files.generation_config, eos_id, pieces.len())?;
        Ok(Self::new(Parts {
            templates: files.templates()?,
            encoder,
            sentence_piece: None,
            pieces,
            special,
            prefix,
            suffix,
            space_prefix,
            bos_id,
            eos_ids,
        }))
    }
}

/// How tokens spell bytes, and whether decoding drops a leading space: read off the decoder.
fn spelling(encoder: &tokenizers::Tokenizer) -> Result<(Spelling, bool), TokenizerError> {
    let decoder = serde_json::to_value(encoder.get_decoder()).map_err(corrupt)?;
    let steps = match decoder.get("decoders") {
        Some(Value::Array(steps)) => steps.as_slice(),
        _ => std::slice::from_ref(&decoder),
    };
    let step = |kind: &str| steps.iter().find(|step| step["type"] == kind);
    if step("ByteLevel").is_some() {
        return Ok((Spelling::byte_level(), false));
    }
    let spaces =
        step("Replace").is_some_and(|s| s["pattern"]["String"] == "▁" && s["content"] == " ");
    let metaspace = step("Metaspace");
    if !spaces && metaspace.is_none() {
        let kind = decoder
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or("null");
        return Err(TokenizerError::Unsupported {
            key: "decoder",
            value: kind.to_owned(),
            supported: "ByteLevel, Metaspace, and a Sequence that replaces ▁ by a space".to_owned(),
        });
    }
    let stripped = step("Strip").is_some_and(|s| s["content"] == " " && s["start"] != 0);
    let prepended = metaspace.is_some_and(|s| s["prepend_scheme"] != "never");
    let byte_tokens = step("ByteFallback").is_some();
    Ok((
        Spelling::SentencePiece { byte_tokens },
        stripped || prepended,
    ))
}

/// The bytes of each id, and which are special.
fn vocabulary(
    encoder: &tokenizers::Tokenizer,
    spelling: &Spelling,
) -> Result<(Pieces, Vec<bool>), TokenizerError> {
    let by_text = encoder.get_vocab(true);
    let size = by_text.values().max().map_or(0, |&id| id as usize + 1);
    // Gaps are few in real vocabularies; a stray id must not make the table huge.
    if size > by_text.len().saturating_mul(4).saturating_add(1 << 16) {
        return Err(corrupt(format!(
            "a vocabulary of {} tokens has the id {}",
            by_text.len(),
            size - 1
        )));
    }
    let mut texts: Vec<Option<String>> = vec![None; size];
    for (text, id) in by_text {
        texts[id as usize] = Some(text);
    }
    let added = encoder.get_added_tokens_decoder();
    let mut pieces = Pieces::with_capacity(size);
    let mut special = Vec::with_capacity(size);
    for (id, text) in (0..).zip(&texts) {
        let token = added.get(&id);
        special.push(token.is_some_and(|token| token.special));
        match (token, text) {
            (Some(token), _) => pieces.push(token.content.as_bytes()),
            (None, Some(text)) => pieces.push(&spelling.decode(text)),
            (None, None) => pieces.push(&[]),
        }
    }
    Ok((pieces, special))
}

/// What the post-processor puts before and after a text, found by encoding one.
fn around(encoder: &tokenizers::Tokenizer) -> Result<(Vec<u32>, Vec<u32>), TokenizerError> {
    let bare = encoder.encode("a", false).map_err(corrupt)?;
    let whole = encoder.encode("a", true).map_err(corrupt)?;
    let (bare, whole) = (bare.get_ids(), whole.get_ids());
    let places = 0..=whole.len().saturating_sub(bare.len());
    let start = places
        .into_iter()
        .find(|&start| whole[start..].starts_with(bare))
        .ok_or_else(|| corrupt("the post-processor does not keep the text's tokens together"))?;
    let (prefix, rest) = whole.split_at(start);
    Ok((prefix.to_vec(), rest[bare.len()..].to_vec()))
}

/// The ids of `generation_config.json`, one or a list, and the tokenizer's own.
fn eos_ids(
    generation_config: &Value,
    eos_id: Option<u32>,
    vocab_size: usize,
) -> Result<Vec<u32>, TokenizerError> {
    const FILE: &str = "generation_config.json";
    let listed = match generation_config.get("eos_token_id") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(ids)) => ids.as_slice(),
        Some(id) => std::slice::from_ref(id),
    };
    let mut ids: Vec<u32> = eos_id.into_iter().collect();
    for value in listed {
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        let id =
            id.filter(|&id| (id as usize) < vocab_size)
                .ok_or_else(|| TokenizerError::Corrupt {
                    file: FILE,
                    reason: format!("`eos_token_id` has {value}, but ids are below {vocab_size}"),
                })?;
        ids.push(id);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function in map_err"
)]
fn corrupt(reason: impl ToString) -> TokenizerError {
    TokenizerError::Corrupt {
        file: "tokenizer.json",
        reason: reason.to_string(),
    }
}
