//! The files that are published with a tokenizer, and what they say beside `tokenizer.json`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;

use crate::tokenizer::chat_template::ChatTemplateSource;
use crate::tokenizer::error::TokenizerError;

/// A model's tokenizer files, read and parsed as far as JSON goes. A file that is not there is
/// [`Value::Null`]; only `tokenizer.json` must be.
#[derive(Debug, Clone, Default)]
pub struct HuggingFaceFiles {
    /// `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// `tokenizer_config.json`.
    pub tokenizer_config: Value,
    /// `special_tokens_map.json`, which older models have.
    pub special_tokens_map: Value,
    /// `generation_config.json`.
    pub generation_config: Value,
    /// `chat_template.jinja`, which goes before a template in `tokenizer_config.json`.
    pub chat_template: Option<String>,
    /// `additional_chat_templates/NAME.jinja`, by name.
    pub named_templates: BTreeMap<String, String>,
}

/// Tokens that templates may see, by the names that they have in the files.
pub(super) const NAMED_TOKENS: &[&str] = &[
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
];

/// Largest file that is read, in bytes. The largest published `tokenizer.json` has some 35 MB.
const MAX_FILE_BYTES: u64 = 256 << 20;

impl HuggingFaceFiles {
    /// Reads the files in a model's folder.
    ///
    /// # Errors
    /// [`TokenizerError::Missing`] without a `tokenizer.json`, [`TokenizerError::Read`] when a file
    /// cannot be read, [`TokenizerError::Corrupt`] when one is not JSON.
    pub fn read(folder: &Path) -> Result<Self, TokenizerError> {
        let path = folder.join("tokenizer.json");
        let tokenizer = read(&path)?.ok_or(TokenizerError::Missing { path })?;
        let json = |file: &'static str| -> Result<Value, TokenizerError> {
            match read(&folder.join(file))? {
                None => Ok(Value::Null),
                Some(bytes) => {
                    serde_json::from_slice(&bytes).map_err(|error| TokenizerError::Corrupt {
                        file,
                        reason: error.to_string(),
                    })
                }
            }
        };
        Ok(Self {
            tokenizer,
            tokenizer_config: json("tokenizer_config.json")?,
            special_tokens_map: json("special_tokens_map.json")?,
            generation_config: json("generation_config.json")?,
            chat_template: read_text(&folder.join("chat_template.jinja"))?,
            named_templates: read_templates(&folder.join("additional_chat_templates"))?,
        })
    }

    /// The text of a named token; the value in the configuration wins.
    pub(super) fn token(&self, name: &str) -> Option<&str> {
        [&self.tokenizer_config, &self.special_tokens_map]
            .into_iter()
            .filter_map(|file| file.get(name))
            .find_map(|token| token.as_str().or_else(|| token.get("content")?.as_str()))
    }

    pub(super) fn templates(&self) -> Result<ChatTemplateSource, TokenizerError> {
        let mut source = ChatTemplateSource {
            tokens: NAMED_TOKENS
                .iter()
                .filter_map(|&name| Some((name.to_owned(), self.token(name)?.to_owned())))
                .collect(),
            ..ChatTemplateSource::default()
        };
        let corrupt = |reason: &str| TokenizerError::Corrupt {
            file: "tokenizer_config.json",
            reason: reason.to_owned(),
        };
        match self.tokenizer_config.get("chat_template") {
            None | Some(Value::Null) => {}
            Some(Value::String(template)) => source.template = Some(template.clone()),
            Some(Value::Array(list)) => {
                for entry in list {
                    let text =
                        |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
                    let named = text("name").zip(text("template")).ok_or_else(|| {
                        corrupt("an entry of `chat_template` needs a `name` and a `template`")
                    })?;
                    source.named.extend([named]);
                }
            }
            Some(Value::Object(map)) => {
                for (name, template) in map {
                    let template = template
                        .as_str()
                        .ok_or_else(|| corrupt("the entries of `chat_template` must be strings"))?;
                    source.named.insert(name.clone(), template.to_owned());
                }
            }
            Some(Value::Bool(_) | Value::Number(_)) => {
                return Err(corrupt("`chat_template` must be a string or a list"));
            }
        }
        if let Some(template) = &self.chat_template {
            source.template = Some(template.clone());
        }
        source.named.extend(self.named_templates.clone());
        Ok(source)
    }
}

/// The templates of a folder by name, without the ending `.jinja`.
fn read_templates(folder: &Path) -> Result<BTreeMap<String, String>, TokenizerError> {
    let failed = |source: io::Error| TokenizerError::Read {
        path: folder.to_owned(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut templates = BTreeMap::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".jinja")) else {
            continue;
        };
        if let Some(template) = read_text(&folder.join(format!("{name}.jinja")))? {
            templates.insert(name.to_owned(), template);
        }
    }
    Ok(templates)
}

fn read_text(path: &Path) -> Result<Option<String>, TokenizerError> {
    let text = read(path)?.map(String::from_utf8).transpose();
    text.map_err(|error| TokenizerError::Read {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, error),
    })
}

/// A file's bytes; `None` when it does not exist.
fn read(path: &Path) -> Result<Option<Vec<u8>>, TokenizerError> {
    let failed = |source: io::Error| TokenizerError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let reason = format!("larger than {MAX_FILE_BYTES} bytes");
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, reason)));
    }
    Ok(Some(bytes))
}
