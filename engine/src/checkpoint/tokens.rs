//! A text, or a pair of texts, as token ids, cut to the model's length.

use std::borrow::Cow;

use tokenizers::{EncodeInput, Tokenizer, TruncationParams};

use super::error::{EncodeError, EncoderError};
use super::folder::Folder;

/// Cuts texts as the model's own tokenizer does.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// With truncation, for the model.
    cutting: Tokenizer,
    /// Without, for counting.
    counting: Tokenizer,
    lower_case: bool,
}

/// What a model reads of a text or a pair of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TokenIds {
    /// The tokens, with those that begin and end a text.
    pub(crate) ids: Vec<u32>,
    /// Of each token, which of the two texts it belongs to.
    pub(crate) types: Vec<u32>,
}

impl Tokens {
    /// A tokenizer that cuts to `max_length` tokens; the longer one of a pair loses its end first.
    pub(crate) fn new(
        tokenizer: Tokenizer,
        folder: &Folder,
        max_length: usize,
        lower_case: bool,
    ) -> Result<Self, EncoderError> {
        let mut cutting = tokenizer.clone();
        let truncation = TruncationParams {
            max_length,
            ..TruncationParams::default()
        };
        cutting
            .with_truncation(Some(truncation))
            .map_err(|error| EncoderError::corrupt(&folder.path("tokenizer.json"), error))?;
        Ok(Self {
            cutting,
            counting: tokenizer,
            lower_case,
        })
    }

    /// A text, or a text and the one beside it, for the model.
    pub(crate) fn ids(&self, text: &str, beside: Option<&str>) -> Result<TokenIds, EncodeError> {
        self.encoded(&self.cutting, text, beside)
    }

    /// The same, however long it is.
    pub(crate) fn whole(&self, text: &str, beside: Option<&str>) -> Result<TokenIds, EncodeError> {
        self.encoded(&self.counting, text, beside)
    }

    fn encoded(
        &self,
        tokenizer: &Tokenizer,
        text: &str,
        beside: Option<&str>,
    ) -> Result<TokenIds, EncodeError> {
        let text = self.prepared(text);
        let input: EncodeInput<'_> = match beside {
            None => text.into(),
            Some(other) => (text, self.prepared(other)).into(),
        };
        let encoding = tokenizer.encode_fast(input, true);
        let encoding = encoding.map_err(|error| EncodeError::Failed(error.to_string()))?;
        if encoding.is_empty() {
            let why = "the tokenizer makes no token of this text";
            return Err(EncodeError::Failed(why.to_owned()));
        }
        Ok(TokenIds {
            ids: encoding.get_ids().to_vec(),
            types: encoding.get_type_ids().to_vec(),
        })
    }

    /// Tokens of a text by itself, however long.
    pub(crate) fn count(&self, text: &str) -> Result<usize, EncodeError> {
        let encoding = self.counting.encode_fast(self.prepared(text), false);
        let encoding = encoding.map_err(|error| EncodeError::Failed(error.to_string()))?;
        Ok(encoding.len())
    }

    fn prepared<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.lower_case {
            Cow::Owned(text.to_lowercase())
        } else {
            Cow::Borrowed(text)
        }
    }
}
