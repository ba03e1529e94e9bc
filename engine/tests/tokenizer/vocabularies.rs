//! Vocabularies for tests that need no real model.

use std::sync::LazyLock;

use engine::tokenizer::{GgufVocabulary, Tokenizer};
use serde::Deserialize;

/// What `sentencepiece.json` holds.
#[derive(Deserialize)]
pub(crate) struct SentencePiece {
    pub(crate) tokens: Vec<String>,
    pub(crate) scores: Vec<f32>,
    pub(crate) token_types: Vec<i32>,
    pub(crate) cases: Vec<SentencePieceCase>,
}

/// A text as SentencePiece encodes and decodes it.
#[derive(Deserialize)]
pub(crate) struct SentencePieceCase {
    pub(crate) text: String,
    pub(crate) ids: Vec<u32>,
    pub(crate) decoded: String,
}

/// The small SentencePiece vocabulary, trained by `make_tokenizer.py`.
pub(crate) static SENTENCE_PIECE: LazyLock<SentencePiece> =
    LazyLock::new(|| serde_json::from_str(include_str!("../golden/sentencepiece.json")).unwrap());

impl SentencePiece {
    /// The vocabulary as a GGUF file would hold it.
    pub(crate) fn vocabulary(&self) -> GgufVocabulary<'_> {
        GgufVocabulary {
            model: "llama",
            tokens: self.tokens.iter().map(String::as_str).collect(),
            scores: Some(self.scores.clone()),
            token_types: Some(self.token_types.clone()),
            unk: Some(0),
            bos: Some(1),
            eos: Some(2),
            ..GgufVocabulary::default()
        }
    }
}

/// The characters that spell bytes in a byte-level vocabulary, by byte.
pub(crate) fn byte_characters() -> Vec<char> {
    let printable = |byte: u8| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let mut others = (0x100..).filter_map(char::from_u32);
    (0..=u8::MAX)
        .map(|byte| {
            if printable(byte) {
                byte.into()
            } else {
                others.next().unwrap()
            }
        })
        .collect()
}

/// The texts of a byte-level vocabulary: every byte, a few merges, a control and a user-defined token.
pub(crate) struct ByteLevel {
    tokens: Vec<String>,
    merges: Vec<String>,
}

impl ByteLevel {
    pub(crate) fn new() -> Self {
        let mut tokens: Vec<String> = byte_characters().iter().map(char::to_string).collect();
        // Two halves of 中 (e4 b8 ad), so that tokens end inside characters.
        let merges = ["h e", "l l", "he ll", "hell o", "Ġ hello", "ä ¸", "Ċ Ċ"];
        tokens.extend(merges.iter().map(|merge| merge.replace(' ', "")));
        tokens.extend([
            "<|im_end|>".to_owned(),
            "<think>".to_owned(),
            "<bos>".to_owned(),
        ]);
        let merges = merges.map(str::to_owned).to_vec();
        Self { tokens, merges }
    }

    /// The vocabulary as a GGUF file would hold it.
    pub(crate) fn vocabulary(&self) -> GgufVocabulary<'_> {
        let last = u32::try_from(self.tokens.len() - 1).unwrap();
        let mut types = vec![1; self.tokens.len()];
        let specials = types.len() - 3;
        types[specials..].copy_from_slice(&[3, 4, 3]);
        GgufVocabulary {
            model: "gpt2",
            pre: Some("gpt-2"),
            tokens: self.tokens.iter().map(String::as_str).collect(),
            merges: Some(self.merges.iter().map(String::as_str).collect()),
            token_types: Some(types),
            bos: Some(last),
            eos: Some(last - 2),
            ..GgufVocabulary::default()
        }
    }
}

/// The tokenizer of the small byte-level vocabulary.
pub(crate) fn byte_level() -> Tokenizer {
    Tokenizer::from_gguf(&ByteLevel::new().vocabulary()).unwrap()
}

/// The tokenizer of the small SentencePiece vocabulary.
pub(crate) fn sentence_piece() -> Tokenizer {
    Tokenizer::from_gguf(&SENTENCE_PIECE.vocabulary()).unwrap()
}
