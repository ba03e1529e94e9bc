//! What the files of a sentence-transformers folder say.
//!
//! `modules.json` lists the steps: the transformer, the pooling with a folder of its own, and whether
//! the vector is normalised. A folder without it is a plain transformer, whose rows are averaged.

use serde::Deserialize;
use serde_json::Value;

use super::dimensions::Dimensions;
use super::prompts::Prompts;
use crate::bert::BertConfig;
use crate::checkpoint::{EncoderError, Folder};

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
    pub(super) prompts: Prompts,
    pub(super) dimensions: Dimensions,
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

impl EncoderFiles {
    /// Reads and proves the description in a folder.
    pub(super) fn read(folder: &Folder) -> Result<Self, EncoderError> {
        let (path, described) = folder.config()?;
        let config = BertConfig::read(&path, &described)?;
        let dimensions = Dimensions::read(&path, &described, config.sizes.hidden_size)?;
        let (pooling, normalise) = steps(folder)?;
        let sentence: Option<SentenceConfig> = folder.json("sentence_bert_config.json")?;
        let sentence = sentence.unwrap_or_default();
        let positions = config.sizes.max_position_embeddings;
        Ok(Self {
            config,
            pooling,
            normalise,
            max_seq_length: sentence.max_seq_length.unwrap_or(positions).min(positions),
            lower_case: sentence.do_lower_case,
            prompts: Prompts::read(folder)?,
            dimensions,
        })
    }
}

/// How rows are pooled, and whether the vector is normalised.
fn steps(folder: &Folder) -> Result<(Pooling, bool), EncoderError> {
    const FILE: &str = "modules.json";
    let Some(modules): Option<Vec<Module>> = folder.json(FILE)? else {
        return Ok((Pooling::Mean, false));
    };
    let (mut pooling, mut normalise) = (Pooling::Mean, false);
    for module in modules {
        match module.kind.rsplit('.').next() {
            Some("Transformer") if module.path.is_empty() => {}
            Some("Pooling") => pooling = pooling_of(folder, FILE, &module.path)?,
            Some("Normalize") => normalise = true,
            _ => {
                return Err(EncoderError::Unsupported {
                    path: folder.path(FILE),
                    what: "a module",
                    found: format!("{} in {:?}", module.kind, module.path),
                    known: "a Transformer at the top, Pooling and Normalize",
                });
            }
        }
    }
    Ok((pooling, normalise))
}

fn pooling_of(folder: &Folder, modules: &str, inner: &str) -> Result<Pooling, EncoderError> {
    // A folder's file must not lead out of it.
    if !inner
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    {
        let why = format!("the path {inner:?} is no folder beside the file");
        return Err(EncoderError::corrupt(&folder.path(modules), why));
    }
    let file = format!("{inner}/config.json");
    let value: Value = folder.json(&file)?.ok_or_else(|| folder.missing(&file))?;
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
            path: folder.path(&file),
            what: "the pooling",
            found: format!("{other:?}"),
            known: "one of mean_tokens, cls_token and max_tokens",
        }),
    }
}
