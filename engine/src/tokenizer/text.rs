//! The tokenizer: text to ids, ids to bytes and text.

use std::fmt;
use std::sync::Arc;

use tokenizers::tokenizer::AddedVocabulary;
use tokenizers::{Model, OffsetType, PreTokenizer, Token};

use super::chat_template::{ChatTemplate, ChatTemplateSource, TemplateError};
use super::detokenizer::{DecodeOptions, Detokenizer};
use super::error::TokenizerError;
use super::pieces::Pieces;
use super::sentence_piece::SentencePiece;

/// A model's tokenizer. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Tokenizer {
    parts: Arc<Parts>,
    /// The added tokens, with those that are special left alone in a text.
    literal: Arc<AddedVocabulary>,
    /// Bytes of the longest token.
    longest: usize,
}

/// How a text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Whether the beginning and end tokens that the model asks for are put around the text.
    pub add_special: bool,
    /// Whether the text of a special token, such as `<|im_end|>`, becomes that token. Without it a
    /// text cannot end a turn; user-defined tokens, which are not special, are found either way.
    pub parse_special: bool,
}

impl EncodeOptions {
    /// For a prompt as a client wrote it: what `tokenizer(text)` does in `transformers`.
    pub const PROMPT: Self = Self {
        add_special: true,
        parse_special: true,
    };
    /// For a rendered chat template, which writes the special tokens itself.
    pub const CHAT: Self = Self {
        add_special: false,
        parse_special: true,
    };
    /// For text that is only text.
    pub const LITERAL: Self = Self {
        add_special: false,
        parse_special: false,
    };
}

/// What the two ways to build a tokenizer hand over.
pub(super) struct Parts {
    /// Encodes. Its decoder is not used.
    pub(super) encoder: tokenizers::Tokenizer,
    /// Cuts text in place of the encoder's own model.
    pub(super) sentence_piece: Option<SentencePiece>,
    /// Raw bytes of each id.
    pub(super) pieces: Pieces,
    /// Whether each id is special.
    pub(super) special: Vec<bool>,
    /// What goes before a text.
    pub(super) prefix: Vec<u32>,
    /// What goes after a text.
    pub(super) suffix: Vec<u32>,
    /// Whether encoding puts a space before a text, which decoding takes away again.
    pub(super) space_prefix: bool,
    /// The beginning-of-sequence token.
    pub(super) bos_id: Option<u32>,
    /// The tokens that end an answer, ascending.
    pub(super) eos_ids: Vec<u32>,
    /// The chat templates and the texts of the special tokens that they see.
    pub(super) templates: ChatTemplateSource,
}

impl Tokenizer {
    pub(super) fn new(parts: Parts) -> Self {
        let mut literal = parts.encoder.get_added_vocabulary().clone();
        literal.set_encode_special_tokens(true);
        Self {
            longest: parts.pieces.longest(),
            parts: Arc::new(parts),
            literal: Arc::new(literal),
        }
    }

    /// The ids of `text`. Bytes for which a byte-level vocabulary has no token are left out, as in
    /// `transformers`: SmolLM2's, for one, has none for six control characters.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] when a step of the tokenizer fails.
    pub fn encode(&self, text: &str, options: EncodeOptions) -> Result<Vec<u32>, TokenizerError> {
        let encode = || -> tokenizers::Result<tokenizers::Encoding> {
            let encoder = &self.parts.encoder;
            let added = if options.parse_special {
                encoder.get_added_vocabulary()
            } else {
                &self.literal
            };
            let mut split = added.extract_and_normalize(encoder.get_normalizer(), text);
            if let Some(pre_tokenizer) = encoder.get_pre_tokenizer() {
                pre_tokenizer.pre_tokenize(&mut split)?;
            }
            match &self.parts.sentence_piece {
                None => split.tokenize(|word| encoder.get_model().tokenize(word.get()))?,
                Some(model) => split.tokenize(|word| Ok(tokens(model.encode(word.get()))))?,
            }
            split.into_encoding(None, 0, OffsetType::None)
        };
        let encoding = encode().map_err(|error| TokenizerError::Encode {
            reason: error.to_string(),
        })?;
        if !options.add_special {
            return Ok(encoding.get_ids().to_vec());
        }
        let around = [&self.parts.prefix, encoding.get_ids(), &self.parts.suffix];
        Ok(around.concat())
    }

    /// Bytes of the longest text that may become so many tokens: a longer one need not be encoded to
    /// know that it is more.
    ///
    /// A text that is put into a normal form first may be four times as long as what is encoded: the
    /// normal forms of Unicode and lower-casing shrink no text further. What a tokenizer drops, or makes
    /// one token of however long it is (bytes without a token, spaces around a special token), is not
    /// allowed for.
    pub fn max_text_bytes(&self, tokens: usize) -> usize {
        let shrinks = self.parts.encoder.get_normalizer().is_some();
        let times = if shrinks { 4 } else { 1 };
        tokens.saturating_mul(self.longest).saturating_mul(times)
    }

    /// The text of `ids`, as a whole; `skip_special` leaves special tokens out. Bytes that are not
    /// UTF-8 become U+FFFD as in [`String::from_utf8_lossy`].
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        let options = DecodeOptions {
            skip_special,
            continues: false,
        };
        let mut detokenizer = Detokenizer::new(self.clone(), options);
        let mut text = String::new();
        for &id in ids {
            detokenizer.push(id, &mut text);
        }
        detokenizer.finish(&mut text);
        text
    }

    /// The raw bytes of a token, part of a character perhaps; none for an id that has no token. The
    /// first token of a text may have a space here that [`Tokenizer::decode`] leaves out.
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        self.parts.pieces.get(id)
    }

    /// Whether the token is special: its text is markup, not part of an answer.
    pub fn is_special(&self, id: u32) -> bool {
        self.parts
            .special
            .get(id as usize)
            .copied()
            .unwrap_or(false)
    }

    /// The id of the token that the vocabulary spells so.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        match &self.parts.sentence_piece {
            None => self.parts.encoder.token_to_id(token),
            Some(model) => model.token_to_id(token),
        }
    }

    /// One more than the highest token id. A model may have more logits than that.
    pub fn vocab_size(&self) -> usize {
        self.parts.pieces.len()
    }

    /// The beginning-of-sequence token.
    pub fn bos_id(&self) -> Option<u32> {
        self.parts.bos_id
    }

    /// The tokens that end an answer, ascending: end of sequence, of turn, of message.
    pub fn eos_ids(&self) -> &[u32] {
        &self.parts.eos_ids
    }

    /// Compiles the model's chat template.
    ///
    /// # Errors
    /// [`TemplateError::Missing`] when the model has none, [`TemplateError::Syntax`] when it does not
    /// compile.
    pub fn chat_template(&self) -> Result<ChatTemplate, TemplateError> {
        ChatTemplate::new(&self.parts.templates)
    }

    /// The model's chat templates as they are in its files, and what they see of its tokens: a base
    /// for [`ChatTemplate::new`] with another template.
    pub fn chat_template_source(&self) -> &ChatTemplateSource {
        &self.parts.templates
    }

    pub(super) fn has_space_prefix(&self) -> bool {
        self.parts.space_prefix
    }
}

/// Ids as the crate passes them on; texts and places are not asked for.
fn tokens(ids: Vec<u32>) -> Vec<Token> {
    let token = |id| Token::new(id, String::new(), (0, 0));
    ids.into_iter().map(token).collect()
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab_size())
            .field("bos_id", &self.bos_id())
            .field("eos_ids", &self.eos_ids())
            .finish_non_exhaustive()
    }
}
