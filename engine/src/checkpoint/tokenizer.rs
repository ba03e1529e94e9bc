//! The tokenizer of a folder.
//!
//! Older models of the BERT family have no `tokenizer.json`, but a `vocab.txt` with one piece a line,
//! from which `transformers` builds the same tokenizer as is built here.

use std::path::Path;

use ahash::AHashMap;
use serde::Deserialize;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, Tokenizer};

use super::error::EncoderError;
use super::folder::Folder;

/// What `tokenizer_config.json` says of a BERT tokenizer; the defaults are those of `transformers`.
#[derive(Deserialize)]
#[serde(default)]
struct BertTokenizerConfig {
    do_lower_case: bool,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: bool,
}

impl Default for BertTokenizerConfig {
    fn default() -> Self {
        Self {
            do_lower_case: true,
            strip_accents: None,
            tokenize_chinese_chars: true,
        }
    }
}

/// The tokens that a BERT model has beside pieces of words.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// Reads `tokenizer.json`, or builds it from `vocab.txt`. What the file says of padding and
/// truncation is of the training, not of the model, and is left out.
pub(crate) fn read_tokenizer(folder: &Folder) -> Result<Tokenizer, EncoderError> {
    const FILE: &str = "tokenizer.json";
    let mut tokenizer = match folder.bytes(FILE)? {
        Some(bytes) => Tokenizer::from_bytes(&bytes)
            .map_err(|error| EncoderError::corrupt(&folder.path(FILE), error))?,
        None => from_vocabulary(folder)?.ok_or_else(|| folder.missing(FILE))?,
    };
    tokenizer.with_padding(None);
    tokenizer
        .with_truncation(None)
        .map_err(|error| EncoderError::corrupt(&folder.path(FILE), error))?;
    Ok(tokenizer)
}

fn from_vocabulary(folder: &Folder) -> Result<Option<Tokenizer>, EncoderError> {
    const FILE: &str = "vocab.txt";
    let Some(bytes) = folder.bytes(FILE)? else {
        return Ok(None);
    };
    let config: BertTokenizerConfig = folder.json("tokenizer_config.json")?.unwrap_or_default();
    let path = folder.path(FILE);
    build(&path, &bytes, &config).map(Some)
}

/// One piece a line; its number is its id.
fn pieces(path: &Path, vocabulary: &[u8]) -> Result<WordPiece, EncoderError> {
    let text = std::str::from_utf8(vocabulary);
    let text = text.map_err(|error| EncoderError::corrupt(path, error))?;
    let lines = text.lines().map(|line| line.trim_end_matches('\r'));
    let ids = (0..).zip(lines).map(|(id, piece)| (piece.to_owned(), id));
    let built = WordPiece::builder().vocab(ids.collect::<AHashMap<_, _>>());
    let built = built.unk_token("[UNK]".to_owned()).build();
    built.map_err(|error| EncoderError::corrupt(path, error))
}

fn build(
    path: &Path,
    vocabulary: &[u8],
    config: &BertTokenizerConfig,
) -> Result<Tokenizer, EncoderError> {
    let corrupt = |error: tokenizers::Error| EncoderError::corrupt(path, error);
    let pieces = pieces(path, vocabulary)?;
    let mut tokenizer = Tokenizer::new(pieces);
    let id = |name: &str, tokenizer: &Tokenizer| match tokenizer.token_to_id(name) {
        Some(id) => Ok((name.to_owned(), id)),
        None => Err(EncoderError::corrupt(path, format!("there is no {name}"))),
    };
    let (cls, sep) = (id("[CLS]", &tokenizer)?, id("[SEP]", &tokenizer)?);
    let normalizer = BertNormalizer::new(
        true,
        config.tokenize_chinese_chars,
        config.strip_accents,
        config.do_lower_case,
    );
    tokenizer
        .with_normalizer(Some(normalizer))
        .map_err(corrupt)?
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_post_processor(Some(BertProcessing::new(sep, cls)));
    let special = SPECIAL
        .iter()
        .filter(|name| tokenizer.token_to_id(name).is_some())
        .map(|name| AddedToken::from(*name, true))
        .collect::<Vec<_>>();
    tokenizer.add_special_tokens(special).map_err(corrupt)?;
    Ok(tokenizer)
}
