//! What the files of a sentence-transformers folder say.
//!
//! `modules.json` lists the steps: the transformer, the pooling with a folder of its own, and whether
//! the vector is normalised. A folder without it is a plain transformer, whose rows are averaged.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use candle_transformers::models::bert::Config as BertConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::EncoderError;

/// A model's description, proved.
#[derive(Debug, Clone)]
pub(super) struct EncoderFiles {
    pub(super) config: BertConfig,
    pub(super) pooling: Pooling,
    /// Whether vectors are scaled to length 1.
    pub(super) normalise: bool,
    /// Longest text in tokens, those that begin and end it included.
    pub(super) max_seq_length: usize,
    /// Whether texts are turned to lower case before they are cut.
    pub(super) lower_case: bool,
    pub(super) tokenizer: Vec<u8>,
    pub(super) tokenizer_path: PathBuf,
    pub(super) weights: PathBuf,
}

/// How the rows of a text become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Their average.
    Mean,
    /// The first row.
    First,
    /// The largest number of each column.
    Max,
}

#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
    do_lower_case: bool,
}

/// Largest JSON file that is read, in bytes; the largest `tokenizer.json` has some 35 MB.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// Most layers, and most of everything else that the description may ask for.
const MAX_SIZE: usize = 1 << 20;

impl EncoderFiles {
    /// Reads and proves the description in a folder.
    pub(super) fn read(folder: &Path) -> Result<Self, EncoderError> {
        let config_path = folder.join("config.json");
        let config = bert_config(&config_path)?;
        let (pooling, normalise) = steps(folder)?;
        let sentence: SentenceConfig = json_or_default(&folder.join("sentence_bert_config.json"))?;
        let positions = config.max_position_embeddings;
        let max_seq_length = sentence.max_seq_length.unwrap_or(positions).min(positions);
        let tokenizer_path = folder.join("tokenizer.json");
        let tokenizer = read(&tokenizer_path)?.ok_or_else(|| missing(&tokenizer_path))?;
        Ok(Self {
            pooling,
            normalise,
            max_seq_length,
            lower_case: sentence.do_lower_case,
            tokenizer,
            tokenizer_path,
            weights: folder.join("model.safetensors"),
            config,
        })
    }
}

fn bert_config(path: &Path) -> Result<BertConfig, EncoderError> {
    let value: Value = json(path)?.ok_or_else(|| missing(path))?;
    let unsupported = |what, found: &Value, known| EncoderError::Unsupported {
        path: path.to_owned(),
        what,
        found: found.to_string(),
        known,
    };
    if value["model_type"] != "bert" {
        return Err(unsupported("model_type", &value["model_type"], "\"bert\""));
    }
    let positions = &value["position_embedding_type"];
    if !positions.is_null() && positions != "absolute" {
        return Err(unsupported(
            "position_embedding_type",
            positions,
            "\"absolute\"",
        ));
    }
    let config: BertConfig =
        serde_json::from_value(value).map_err(|error| EncoderError::corrupt(path, error))?;
    let sizes = [
        ("vocab_size", config.vocab_size),
        ("hidden_size", config.hidden_size),
        ("num_hidden_layers", config.num_hidden_layers),
        ("num_attention_heads", config.num_attention_heads),
        ("intermediate_size", config.intermediate_size),
        ("max_position_embeddings", config.max_position_embeddings),
        ("type_vocab_size", config.type_vocab_size),
    ];
    if let Some((name, size)) = sizes
        .iter()
        .find(|(_, size)| *size == 0 || *size > MAX_SIZE)
    {
        let why = format!("`{name}` must be from 1 to {MAX_SIZE}, but is {size}");
        return Err(EncoderError::corrupt(path, why));
    }
    let (hidden, heads) = (config.hidden_size, config.num_attention_heads);
    if hidden % heads != 0 {
        let why = format!("`hidden_size` {hidden} is no multiple of `num_attention_heads` {heads}");
        return Err(EncoderError::corrupt(path, why));
    }
    if config.max_position_embeddings < 4 {
        let why = "`max_position_embeddings` leaves no room for a text";
        return Err(EncoderError::corrupt(path, why));
    }
    Ok(config)
}

/// How rows are pooled, and whether the vector is normalised.
fn steps(folder: &Path) -> Result<(Pooling, bool), EncoderError> {
    let path = folder.join("modules.json");
    let Some(modules): Option<Vec<Module>> = json(&path)? else {
        return Ok((Pooling::Mean, false));
    };
    let (mut pooling, mut normalise) = (Pooling::Mean, false);
    for module in modules {
        match module.kind.rsplit('.').next() {
            Some("Transformer") if module.path.is_empty() => {}
            Some("Pooling") => pooling = pooling_of(folder, &path, &module.path)?,
            Some("Normalize") => normalise = true,
            _ => {
                return Err(EncoderError::Unsupported {
                    path,
                    what: "a module",
                    found: format!("{} in {:?}", module.kind, module.path),
                    known: "a Transformer at the top, Pooling and Normalize",
                });
            }
        }
    }
    Ok((pooling, normalise))
}

fn pooling_of(folder: &Path, modules: &Path, inner: &str) -> Result<Pooling, EncoderError> {
    // A folder's file must not lead out of it.
    if !inner
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    {
        let why = format!("the path {inner:?} is no folder beside the file");
        return Err(EncoderError::corrupt(modules, why));
    }
    let path = folder.join(inner).join("config.json");
    let value: Value = json(&path)?.ok_or_else(|| missing(&path))?;
    let modes: Vec<&str> = value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| name.starts_with("pooling_mode_") && **value == true)
        .map(|(name, _)| name.as_str())
        .collect();
    match modes.as_slice() {
        ["pooling_mode_mean_tokens"] => Ok(Pooling::Mean),
        ["pooling_mode_cls_token"] => Ok(Pooling::First),
        ["pooling_mode_max_tokens"] => Ok(Pooling::Max),
        other => Err(EncoderError::Unsupported {
            path,
            what: "the pooling",
            found: format!("{other:?}"),
            known: "one of mean_tokens, cls_token and max_tokens",
        }),
    }
}

fn json_or_default<T: DeserializeOwned + Default>(path: &Path) -> Result<T, EncoderError> {
    Ok(json(path)?.unwrap_or_default())
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, EncoderError> {
    let Some(bytes) = read(path)? else {
        return Ok(None);
    };
    let value = serde_json::from_slice(&bytes);
    value
        .map(Some)
        .map_err(|error| EncoderError::corrupt(path, error))
}

/// A file's bytes; `None` when it is not there.
fn read(path: &Path) -> Result<Option<Vec<u8>>, EncoderError> {
    let unread = |error: std::io::Error| EncoderError::Read {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unread(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unread)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let why = format!("the file has more than {MAX_FILE_BYTES} bytes");
        return Err(EncoderError::corrupt(path, why));
    }
    Ok(Some(bytes))
}

fn missing(path: &Path) -> EncoderError {
    EncoderError::Read {
        path: path.to_owned(),
        why: "the file is missing; an encoder is a folder as sentence-transformers writes it"
            .to_owned(),
    }
}
