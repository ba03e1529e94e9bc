//! A tokenizer from a GGUF file's metadata (keys `tokenizer.ggml.*`).
//!
//! Keys and defaults are those of <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>; where
//! the specification is silent, llama.cpp's behaviour is what files are made for.

use std::collections::{BTreeMap, HashMap};

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::{Prepend, Replace, Sequence};
use tokenizers::{AddedToken, NormalizerWrapper};

use super::chat_template::ChatTemplateSource;
use super::error::TokenizerError;
use super::pieces::{Pieces, Spelling, byte_of};
use super::pre_tokenizer::PreTokenizer;
use super::sentence_piece::merges_from_scores;
use super::text::{Parts, Tokenizer};
use crate::gguf::Metadata;

/// What a GGUF file says about its tokenizer. Fields are named after the keys; a key that the file
/// does not have is `None`.
#[derive(Debug, Clone, Default)]
pub struct GgufVocabulary<'a> {
    /// `gpt2` for byte-level BPE, `llama` for SentencePiece.
    pub model: &'a str,
    /// How byte-level text is cut into words.
    pub pre: Option<&'a str>,
    /// The text of each token.
    pub tokens: Vec<&'a str>,
    /// The type of each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    pub token_types: Option<Vec<i32>>,
    /// The score of each token, for SentencePiece.
    pub scores: Option<Vec<f32>>,
    /// Merges, best first: two tokens with a space between.
    pub merges: Option<Vec<&'a str>>,
    /// `bos_token_id`.
    pub bos: Option<u32>,
    /// `eos_token_id`, end of sequence.
    pub eos: Option<u32>,
    /// `eot_token_id`, end of turn.
    pub eot: Option<u32>,
    /// `eom_token_id`, end of message.
    pub eom: Option<u32>,
    /// `unknown_token_id`.
    pub unk: Option<u32>,
    /// `padding_token_id`.
    pub pad: Option<u32>,
    /// `add_bos_token`.
    pub add_bos: Option<bool>,
    /// `add_eos_token`.
    pub add_eos: Option<bool>,
    /// `add_space_prefix`.
    pub add_space_prefix: Option<bool>,
    /// `tokenizer.chat_template`.
    pub chat_template: Option<&'a str>,
    /// `tokenizer.chat_template.NAME`, by name.
    pub named_templates: Vec<(&'a str, &'a str)>,
}

/// Texts of control tokens that end an answer whatever the file's `eos_token_id` says: files often
/// name the end of the document there and leave the end of a turn out.
const END_TEXTS: &[&str] = &[
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<｜end▁of▁sentence｜>",
    "[EOT]",
    "<EOT>",
];

const TEMPLATE: &str = "tokenizer.chat_template";

impl<'a> GgufVocabulary<'a> {
    /// Reads the keys from a file's metadata.
    ///
    /// # Errors
    /// [`TokenizerError::MissingKey`] when there is no tokenizer, [`TokenizerError::Gguf`] when a key
    /// has another type than it should.
    pub fn read(metadata: Metadata<'a>) -> Result<Self, TokenizerError> {
        let named = |key: &'a str| -> Option<Result<(&'a str, &'a str), TokenizerError>> {
            let name = key.strip_prefix(TEMPLATE)?.strip_prefix('.')?;
            let template = metadata.get(key).transpose()?;
            Some(template.map(|text| (name, text)).map_err(Into::into))
        };
        let mut named_templates: Vec<_> = metadata
            .keys()
            .filter_map(named)
            .collect::<Result<_, _>>()?;
        named_templates.sort_unstable();
        Ok(Self {
            model: metadata
                .get("tokenizer.ggml.model")?
                .ok_or(TokenizerError::MissingKey {
                    key: "tokenizer.ggml.model",
                    needed_by: "says which kind of tokenizer it has",
                })?,
            pre: metadata.get("tokenizer.ggml.pre")?,
            tokens: metadata
                .get("tokenizer.ggml.tokens")?
                .ok_or(TokenizerError::MissingKey {
                    key: "tokenizer.ggml.tokens",
                    needed_by: "is the vocabulary",
                })?,
            token_types: metadata.get("tokenizer.ggml.token_type")?,
            scores: metadata.get("tokenizer.ggml.scores")?,
            merges: metadata.get("tokenizer.ggml.merges")?,
            bos: metadata.get("tokenizer.ggml.bos_token_id")?,
            eos: metadata.get("tokenizer.ggml.eos_token_id")?,
            eot: metadata.get("tokenizer.ggml.eot_token_id")?,
            eom: metadata.get("tokenizer.ggml.eom_token_id")?,
            unk: metadata.get("tokenizer.ggml.unknown_token_id")?,
            pad: metadata.get("tokenizer.ggml.padding_token_id")?,
            add_bos: metadata.get("tokenizer.ggml.add_bos_token")?,
            add_eos: metadata.get("tokenizer.ggml.add_eos_token")?,
            add_space_prefix: metadata.get("tokenizer.ggml.add_space_prefix")?,
            chat_template: metadata.get(TEMPLATE)?,
            named_templates,
        })
    }
}

impl Tokenizer {
    /// Builds the tokenizer that a GGUF file describes.
    ///
    /// # Errors
    /// [`TokenizerError`] names the key that is missing, wrong or not supported.
    pub fn from_gguf(vocabulary: &GgufVocabulary<'_>) -> Result<Self, TokenizerError> {
        vocabulary.check()?;
        let (mut encoder, spelling, default_bos) = match vocabulary.model {
            "gpt2" => byte_level(vocabulary)?,
            "llama" => sentence_piece(vocabulary)?,
            other => {
                return Err(TokenizerError::Unsupported {
                    key: "tokenizer.ggml.model",
                    value: other.to_owned(),
                    supported: "gpt2 (byte-level BPE), llama (SentencePiece)".to_owned(),
                });
            }
        };
        let added = vocabulary.added_tokens();
        let tokens = added.iter().map(|(_, token)| token.clone());
        encoder.add_tokens(tokens).map_err(build)?;

        let mut special = vec![false; vocabulary.tokens.len()];
        let mut verbatim = vec![false; vocabulary.tokens.len()];
        for (id, token) in &added {
            special[*id] = token.special;
            verbatim[*id] = true;
        }
        let mut pieces = Pieces::with_capacity(vocabulary.tokens.len());
        for (id, token) in vocabulary.tokens.iter().enumerate() {
            if verbatim[id] {
                pieces.push(token.as_bytes());
            } else {
                pieces.push(&spelling.decode(token));
            }
        }
        Ok(Self::new(Parts {
            encoder,
            pieces,
            special,
            prefix: around(
                vocabulary.add_bos.unwrap_or(default_bos),
                BOS,
                vocabulary.bos,
            )?,
            suffix: around(vocabulary.add_eos.unwrap_or(false), EOS, vocabulary.eos)?,
            space_prefix: vocabulary.has_space_prefix(),
            bos_id: vocabulary.bos,
            eos_ids: vocabulary.eos_ids(),
            templates: vocabulary.templates(),
        }))
    }
}

const BOS: &str = "tokenizer.ggml.bos_token_id";
const EOS: &str = "tokenizer.ggml.eos_token_id";

/// Token types of the format.
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;
const BYTE: i32 = 6;

type Built = (tokenizers::Tokenizer, Spelling, bool);

/// Byte-level BPE.
fn byte_level(vocabulary: &GgufVocabulary<'_>) -> Result<Built, TokenizerError> {
    let pre = PreTokenizer::named(vocabulary.pre)?;
    let merges = vocabulary
        .listed_merges()?
        .ok_or(TokenizerError::MissingKey {
            key: "tokenizer.ggml.merges",
            needed_by: "byte-level BPE is made of",
        })?;
    let model = BPE::builder()
        .vocab_and_merges(vocabulary.ids(), merges)
        .ignore_merges(pre.ignore_merges)
        .build()
        .map_err(build)?;
    let mut encoder = tokenizers::Tokenizer::new(model);
    encoder.with_normalizer(pre.normalizer()).map_err(build)?;
    encoder.with_pre_tokenizer(Some(pre.build()?));
    Ok((encoder, Spelling::byte_level(), pre.add_bos))
}

/// SentencePiece's BPE: merges by score, unknown characters as byte tokens.
fn sentence_piece(vocabulary: &GgufVocabulary<'_>) -> Result<Built, TokenizerError> {
    let merges = match vocabulary.listed_merges()? {
        Some(merges) => merges,
        None => {
            let scores = vocabulary
                .scores
                .as_ref()
                .ok_or(TokenizerError::MissingKey {
                    key: "tokenizer.ggml.scores",
                    needed_by: "a SentencePiece vocabulary is merged by",
                })?;
            merges_from_scores(&vocabulary.tokens, scores, |id| {
                !matches!(vocabulary.kind(id), UNKNOWN | CONTROL | UNUSED | BYTE)
            })
        }
    };
    let mut model = BPE::builder()
        .vocab_and_merges(vocabulary.ids(), merges)
        .fuse_unk(true)
        .byte_fallback(true);
    let unk = vocabulary
        .unk
        .and_then(|id| vocabulary.tokens.get(id as usize));
    if let Some(unk) = unk {
        model = model.unk_token((*unk).to_owned());
    } else if let Some(byte) = vocabulary.missing_byte_token() {
        return Err(TokenizerError::MissingKey {
            key: "tokenizer.ggml.unknown_token_id",
            needed_by: byte,
        });
    }
    let mut encoder = tokenizers::Tokenizer::new(model.build().map_err(build)?);
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if vocabulary.has_space_prefix() {
        steps.push(Prepend::new("▁".to_owned()).into());
    }
    steps.push(Replace::new(" ", "▁").map_err(build)?.into());
    encoder
        .with_normalizer(Some(Sequence::new(steps)))
        .map_err(build)?;
    Ok((encoder, Spelling::SentencePiece { byte_tokens: true }, true))
}

impl GgufVocabulary<'_> {
    /// Proves lengths, ids and the uniqueness of tokens.
    fn check(&self) -> Result<(), TokenizerError> {
        let tokens = self.tokens.len();
        let lengths = [
            (
                "tokenizer.ggml.token_type",
                self.token_types.as_ref().map(Vec::len),
            ),
            ("tokenizer.ggml.scores", self.scores.as_ref().map(Vec::len)),
        ];
        for (key, length) in lengths {
            if let Some(length) = length.filter(|&l| l != tokens) {
                return Err(TokenizerError::BadValue {
                    key: key.to_owned(),
                    value: format!("an array of {length}"),
                    expected: format!("as long as `tokenizer.ggml.tokens`, {tokens}"),
                });
            }
        }
        let ids = [
            (BOS, self.bos),
            (EOS, self.eos),
            ("tokenizer.ggml.eot_token_id", self.eot),
            ("tokenizer.ggml.eom_token_id", self.eom),
            ("tokenizer.ggml.unknown_token_id", self.unk),
            ("tokenizer.ggml.padding_token_id", self.pad),
        ];
        for (key, id) in ids {
            if let Some(id) = id.filter(|&id| id as usize >= tokens) {
                return Err(TokenizerError::BadValue {
                    key: key.to_owned(),
                    value: id.to_string(),
                    expected: format!("below the vocabulary's size, {tokens}"),
                });
            }
        }
        let scores = self.scores.iter().flatten();
        if let Some((index, score)) = scores.enumerate().find(|(_, score)| !score.is_finite()) {
            return Err(TokenizerError::BadValue {
                key: format!("tokenizer.ggml.scores[{index}]"),
                value: score.to_string(),
                expected: "a finite number".to_owned(),
            });
        }
        let mut seen = HashMap::with_capacity(tokens);
        for (second, token) in self
            .tokens
            .iter()
            .enumerate()
            .filter(|(_, t)| !t.is_empty())
        {
            if let Some(first) = seen.insert(*token, second) {
                let token = shorten(token);
                return Err(TokenizerError::DuplicateToken {
                    token,
                    first,
                    second,
                });
            }
        }
        Ok(())
    }

    /// From texts to ids. Tokens without a text have none.
    fn ids(&self) -> Vocab {
        (0..)
            .zip(&self.tokens)
            .filter(|(_, token)| !token.is_empty())
            .map(|(id, token)| ((*token).to_owned(), id))
            .collect()
    }

    /// The merges that the file lists, each proved: two tokens that make a third.
    fn listed_merges(&self) -> Result<Option<Vec<(String, String)>>, TokenizerError> {
        let Some(listed) = &self.merges else {
            return Ok(None);
        };
        let ids: HashMap<&str, ()> = self.tokens.iter().map(|token| (*token, ())).collect();
        let mut joint = String::new();
        let mut merges = Vec::with_capacity(listed.len());
        for (index, merge) in listed.iter().enumerate() {
            let bad = |reason: String| TokenizerError::BadMerge {
                index,
                merge: shorten(merge),
                reason,
            };
            let (left, right) = merge
                .split_once(' ')
                .filter(|(left, right)| !left.is_empty() && !right.is_empty())
                .ok_or_else(|| bad("two tokens with a space between are expected".to_owned()))?;
            joint.clear();
            joint.push_str(left);
            joint.push_str(right);
            for token in [left, right, &joint] {
                if !ids.contains_key(token) {
                    let token = shorten(token);
                    return Err(bad(format!("{token:?} is not in `tokenizer.ggml.tokens`")));
                }
            }
            merges.push((left.to_owned(), right.to_owned()));
        }
        Ok(Some(merges))
    }

    /// Tokens that are found in a text before it is cut, by id.
    fn added_tokens(&self) -> Vec<(usize, AddedToken)> {
        let added = |(id, token): (usize, &&str)| {
            let special = match self.kind(id) {
                UNKNOWN | CONTROL => true,
                USER_DEFINED => false,
                _ => return None,
            };
            let token = AddedToken::from(*token, special).normalized(false);
            (!token.content.is_empty()).then_some((id, token))
        };
        self.tokens.iter().enumerate().filter_map(added).collect()
    }

    fn kind(&self, id: usize) -> i32 {
        let kind = self.token_types.as_ref().and_then(|types| types.get(id));
        kind.copied().unwrap_or(1)
    }

    /// Words for an error when some byte has no token, so that not every text can be spelled.
    fn missing_byte_token(&self) -> Option<&'static str> {
        let bytes = self
            .tokens
            .iter()
            .filter_map(|token| byte_of(token))
            .count();
        (bytes < 256).then_some("a SentencePiece vocabulary without all byte tokens needs")
    }

    /// SentencePiece vocabularies have the prefix unless they say otherwise, others never.
    fn has_space_prefix(&self) -> bool {
        self.model == "llama" && self.add_space_prefix.unwrap_or(true)
    }

    fn eos_ids(&self) -> Vec<u32> {
        let named = [self.eos, self.eot, self.eom].into_iter().flatten();
        let by_text = (0..)
            .zip(&self.tokens)
            .filter(|(id, token)| END_TEXTS.contains(token) && self.kind(*id as usize) == CONTROL)
            .map(|(id, _)| id);
        let mut ids: Vec<u32> = named.chain(by_text).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn templates(&self) -> ChatTemplateSource {
        let tokens = [
            ("bos_token", self.bos),
            ("eos_token", self.eos),
            ("unk_token", self.unk),
            ("pad_token", self.pad),
        ];
        let text = |(name, id): (&str, Option<u32>)| {
            let token = self.tokens.get(id? as usize)?;
            Some((name.to_owned(), (*token).to_owned()))
        };
        let owned = |(name, template): &(&str, &str)| ((*name).to_owned(), (*template).to_owned());
        ChatTemplateSource {
            template: self.chat_template.map(str::to_owned),
            named: self.named_templates.iter().map(owned).collect(),
            tokens: tokens
                .into_iter()
                .filter_map(text)
                .collect::<BTreeMap<_, _>>(),
        }
    }
}

/// The token to put around a text, if it is wanted.
fn around(wanted: bool, key: &'static str, id: Option<u32>) -> Result<Vec<u32>, TokenizerError> {
    match (wanted, id) {
        (false, _) => Ok(Vec::new()),
        (true, Some(id)) => Ok(vec![id]),
        (true, None) => Err(TokenizerError::MissingKey {
            key,
            needed_by: "is to be put around every text",
        }),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function in map_err"
)]
fn build(error: tokenizers::Error) -> TokenizerError {
    TokenizerError::Build {
        reason: error.to_string(),
    }
}

/// A text from a file, cut to a length that fits a message.
fn shorten(text: &str) -> String {
    const LIMIT: usize = 60;
    match text.char_indices().nth(LIMIT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
