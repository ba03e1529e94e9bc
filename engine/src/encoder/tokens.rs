//! A text as token ids, cut to the model's length.

use std::borrow::Cow;

use tokenizers::{Tokenizer, TruncationParams};

use super::error::{EncodeError, EncoderError};
use super::files::EncoderFiles;

/// Cuts texts as the model's own tokenizer does.
#[derive(Debug)]
pub(super) struct Tokens {
    /// With truncation, for the model.
    cutting: Tokenizer,
    /// Without, for counting.
    counting: Tokenizer,
    lower_case: bool,
}

impl Tokens {
    pub(super) fn new(files: &EncoderFiles) -> Result<Self, EncoderError> {
        let corrupt =
            |error: tokenizers::Error| EncoderError::corrupt(&files.tokenizer_path, error);
        let mut counting = Tokenizer::from_bytes(&files.tokenizer).map_err(corrupt)?;
        // What the file says of padding and truncation is of the training, not of the model.
        counting.with_padding(None);
        counting.with_truncation(None).map_err(corrupt)?;
        let mut cutting = counting.clone();
        let truncation = TruncationParams {
            max_length: files.max_seq_length,
            ..TruncationParams::default()
        };
        cutting.with_truncation(Some(truncation)).map_err(corrupt)?;
        Ok(Self {
            cutting,
            counting,
            lower_case: files.lower_case,
        })
    }

    /// The ids of a text for the model, with those that begin and end it.
    pub(super) fn ids(&self, text: &str) -> Result<Vec<u32>, EncodeError> {
        let encoding = self.cutting.encode_fast(&*self.prepared(text), true);
        let encoding = encoding.map_err(|error| EncodeError::Failed(error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Tokens of a text by itself, however long.
    pub(super) fn count(&self, text: &str) -> Result<usize, EncodeError> {
        let encoding = self.counting.encode_fast(&*self.prepared(text), false);
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
