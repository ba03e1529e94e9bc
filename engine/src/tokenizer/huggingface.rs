//! A tokenizer from the files that are published with a model on the Hugging Face hub.
//!
//! `tokenizer.json` holds the vocabulary and the steps of encoding, and is read by the `tokenizers`
//! crate. The files beside it say which tokens are special, what goes around a text, which tokens end
//! an answer, and how a chat is rendered.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::panic;
use std::path::Path;

use serde_json::Value;
use tokenizers::AddedToken;

use super::chat_template::ChatTemplateSource;
use super::error::TokenizerError;
use super::pieces::{Pieces, Spelling};
use super::text::{Parts, Tokenizer};

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
const NAMED_TOKENS: &[&str] = &[
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
    fn token(&self, name: &str) -> Option<&str> {
        [&self.tokenizer_config, &self.special_tokens_map]
            .into_iter()
            .filter_map(|file| file.get(name))
            .find_map(|token| token.as_str().or_else(|| token.get("content")?.as_str()))
    }

    fn templates(&self) -> Result<ChatTemplateSource, TokenizerError> {
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
