//! Builds the tokenizer that a GGUF vocabulary describes.

use tokenizers::NormalizerWrapper;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::{Prepend, Replace, Sequence};

use super::proof::{BOS, EOS, Known};
use super::tokens::{BYTE, CONTROL, UNKNOWN, UNUSED};
use super::vocabulary::GgufVocabulary;
use crate::tokenizer::error::TokenizerError;
use crate::tokenizer::pieces::{Pieces, Spelling};
use crate::tokenizer::pre_tokenizer::PreTokenizer;
use crate::tokenizer::sentence_piece::SentencePiece;
use crate::tokenizer::text::{Parts, Tokenizer};

impl Tokenizer {
    /// Builds the tokenizer that a GGUF file describes.
    ///
    /// # Errors
    /// [`TokenizerError`] names the key that is missing, wrong or not supported.
    pub fn from_gguf(vocabulary: &GgufVocabulary<'_>) -> Result<Self, TokenizerError> {
        let known = vocabulary.check()?;
        let Built {
            mut encoder,
            sentence_piece,
            spelling,
            default_bos,
        } = match vocabulary.model {
            "gpt2" => byte_level(vocabulary, &known)?,
            "llama" => sentence_piece(vocabulary, &known)?,
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
            sentence_piece,
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

/// The crate's cache of words is one for each thread and tokenizer, is freed with the thread only, and
/// saves no time that could be measured.
const NO_CACHE: usize = 0;

/// What a kind of vocabulary decides.
struct Built {
    encoder: tokenizers::Tokenizer,
    sentence_piece: Option<SentencePiece>,
    spelling: Spelling,
    default_bos: bool,
}

/// Byte-level BPE.
fn byte_level(vocabulary: &GgufVocabulary<'_>, known: &Known<'_>) -> Result<Built, TokenizerError> {
    let pre = PreTokenizer::named(vocabulary.pre)?;
    let merges = vocabulary
        .listed_merges(known)?
        .ok_or(TokenizerError::MissingKey {
            key: "tokenizer.ggml.merges",
            needed_by: "byte-level BPE is made of",
        })?;
    let model = BPE::builder()
        .vocab_and_merges(vocabulary.ids(), merges)
        .ignore_merges(pre.ignore_merges)
        .cache_capacity(NO_CACHE)
        .build()
        .map_err(build)?;
    let mut encoder = tokenizers::Tokenizer::new(model);
    encoder.with_normalizer(pre.normalizer()).map_err(build)?;
    encoder.with_pre_tokenizer(Some(pre.build()?));
    Ok(Built {
        encoder,
        sentence_piece: None,
        spelling: Spelling::byte_level(),
        default_bos: pre.add_bos,
    })
}

/// SentencePiece's BPE: merges by score, unknown characters as byte tokens.
fn sentence_piece(
    vocabulary: &GgufVocabulary<'_>,
    known: &Known<'_>,
) -> Result<Built, TokenizerError> {
    if vocabulary.unk.is_none()
        && let Some(byte) = vocabulary.missing_byte_token()
    {
        return Err(TokenizerError::MissingKey {
            key: "tokenizer.ggml.unknown_token_id",
            needed_by: byte,
        });
    }
    let mut pieces = None;
    let model = match (vocabulary.listed_merges(known)?, &vocabulary.scores) {
        (Some(merges), _) => {
            let mut model = BPE::builder()
                .vocab_and_merges(vocabulary.ids(), merges)
                .fuse_unk(true)
                .byte_fallback(true)
                .cache_capacity(NO_CACHE);
            let unk = vocabulary.unk.map(|id| vocabulary.tokens[id as usize]);
            if let Some(unk) = unk {
                model = model.unk_token(unk.to_owned());
            }
            model
        }
        (None, Some(scores)) => {
            let takes_part = |id| !matches!(vocabulary.kind(id), UNKNOWN | CONTROL | UNUSED | BYTE);
            let unk = vocabulary.unk;
            pieces = Some(SentencePiece::new(
                &vocabulary.tokens,
                scores,
                unk,
                takes_part,
            ));
            // What remains for the crate is to find the added tokens, of which it asks the ids.
            let added = vocabulary.added_tokens().into_iter();
            let ids =
                added.filter_map(|(id, token)| Some((token.content, u32::try_from(id).ok()?)));
            BPE::builder().vocab_and_merges(ids.collect::<Vocab>(), Vec::new())
        }
        (None, None) => {
            return Err(TokenizerError::MissingKey {
                key: "tokenizer.ggml.scores",
                needed_by: "a SentencePiece vocabulary is merged by",
            });
        }
    };
    let mut encoder = tokenizers::Tokenizer::new(model.build().map_err(build)?);
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if vocabulary.has_space_prefix() {
        steps.push(Prepend::new("▁".to_owned()).into());
    }
    steps.push(Replace::new(" ", "▁").map_err(build)?.into());
    encoder
        .with_normalizer(Some(Sequence::new(steps)))
        .map_err(build)?;
    Ok(Built {
        encoder,
        sentence_piece: pieces,
        spelling: Spelling::SentencePiece { byte_tokens: true },
        default_bos: true,
    })
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
