//! Which tokens end an answer, as the model's own files say.

use std::fs;

use serde::Deserialize;

use super::files::ModelFolder;
use super::weights::GgufShards;
use crate::model::ModelError;

/// Tokens that chat models end their turn with; files that name no end-of-turn token have one of
/// these in their vocabulary.
const TURN_ENDS: [&str; 4] = ["<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>"];
/// The number that GGUF gives to control tokens.
const CONTROL: i32 = 3;

/// End tokens of a GGUF model: end of sequence, of turn, of message; ascending.
pub(super) fn of_gguf(shards: &GgufShards, vocab: usize) -> Result<Vec<u32>, ModelError> {
    let metadata = shards.metadata();
    let get = |key: &str| {
        metadata
            .get::<u32>(&format!("tokenizer.ggml.{key}_token_id"))
            .map_err(|error| shards.error(error))
    };
    let mut ids: Vec<u32> = [get("eos")?, get("eot")?, get("eom")?]
        .into_iter()
        .flatten()
        .collect();
    if get("eot")?.is_none() {
        let tokens: Option<Vec<&str>> = metadata
            .get("tokenizer.ggml.tokens")
            .map_err(|error| shards.error(error))?;
        let kinds: Option<Vec<i32>> = metadata
            .get("tokenizer.ggml.token_type")
            .map_err(|error| shards.error(error))?;
        let tokens = tokens.unwrap_or_default().into_iter();
        let ends = (0..)
            .zip(tokens.zip(kinds.unwrap_or_default()))
            .filter(|(_, (token, kind))| *kind == CONTROL && TURN_ENDS.contains(token));
        ids.extend(ends.map(|(id, _)| id));
    }
    proved(ids, vocab)
}

/// End tokens of a folder: what `generation_config.json` says, else `config.json`; ascending.
pub(super) fn of_folder(folder: &ModelFolder, vocab: usize) -> Result<Vec<u32>, ModelError> {
    for path in folder.generation_config.iter().chain([&folder.config]) {
        let text = fs::read(path).map_err(|error| ModelError::Io(error).at(path))?;
        let ends: Ends = serde_json::from_slice(&text).map_err(|error| {
            let what = "the description of end tokens";
            ModelError::spec(what, format!("cannot be read: {error}")).at(path)
        })?;
        if let Some(ids) = ends.eos_token_id {
            let ids = match ids {
                Ids::One(id) => vec![id],
                Ids::Several(ids) => ids,
            };
            return proved(ids, vocab).map_err(|error| error.at(path));
        }
    }
    Ok(Vec::new())
}

#[derive(Deserialize)]
struct Ends {
    eos_token_id: Option<Ids>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Several(Vec<u32>),
}

fn proved(mut ids: Vec<u32>, vocab: usize) -> Result<Vec<u32>, ModelError> {
    ids.sort_unstable();
    ids.dedup();
    match ids.last() {
        Some(&id) if id as usize >= vocab => Err(ModelError::spec(
            "end-of-sequence token id",
            format!("must be below the vocabulary size {vocab}, but is {id}"),
        )),
        Some(_) | None => Ok(ids),
    }
}
