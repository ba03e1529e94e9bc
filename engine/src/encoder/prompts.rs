//! Words that a model was trained to find before a text, such as `query: `, by what the text is for.
//!
//! `config_sentence_transformers.json` names them as sentence-transformers does; one of them may be meant
//! for texts of which nothing is said.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::checkpoint::{EncoderError, Folder};

/// What may stand before a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Prompts {
    by_name: BTreeMap<String, String>,
    default: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Described {
    prompts: BTreeMap<String, String>,
    default_prompt_name: Option<String>,
}

impl Prompts {
    /// Reads the file, which need not be there.
    pub(super) fn read(folder: &Folder) -> Result<Self, EncoderError> {
        const FILE: &str = "config_sentence_transformers.json";
        let described: Option<Described> = folder.json(FILE)?;
        let Described {
            prompts,
            default_prompt_name,
        } = described.unwrap_or_default();
        if let Some(name) = &default_prompt_name
            && !prompts.contains_key(name)
        {
            let why = format!("`default_prompt_name` is {name:?}, which `prompts` does not have");
            return Err(EncoderError::corrupt(&folder.path(FILE), why));
        }
        Ok(Self {
            by_name: prompts,
            default: default_prompt_name,
        })
    }

    /// The names in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// What stands before a text: that of `name`, or of a text of which nothing is said; empty where there is none.
    pub(super) fn before(&self, name: Option<&str>) -> &str {
        let name = name.or(self.default.as_deref());
        let words = name.and_then(|name| self.by_name.get(name));
        words.map_or("", String::as_str)
    }
}
