//! What a GGUF file says about its tokenizer, as it says it.

use crate::gguf::Metadata;
use crate::tokenizer::error::TokenizerError;

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
