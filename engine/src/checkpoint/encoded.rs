//! A text whose tokens are counted before it waits, for callers that answer for every token.

use super::error::EncodeError;
use super::tokens::{TokenIds, Tokens};

/// A text, a pair of texts, or token ids, that one model takes as they are: not empty, not too long, and of
/// its vocabulary. Made and taken by the same model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedText {
    ids: TokenIds,
}

/// What becomes of a text that is longer than its model sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlong {
    /// It is refused.
    #[default]
    Refused,
    /// Its beginning counts.
    Cut,
}

/// What a model's caller brings: inputs as they are, or ids already.
#[derive(Debug)]
pub(crate) enum Queued<T> {
    /// To be turned to ids by the model's thread.
    Raw(T),
    /// Ready.
    Encoded(EncodedText),
}

impl EncodedText {
    /// Its tokens, those that begin and end a text included.
    pub fn token_count(&self) -> usize {
        self.ids.ids.len()
    }

    /// The ids of a text, or of a text and the one beside it.
    pub(crate) fn of(
        tokens: &Tokens,
        (text, beside): (&str, Option<&str>),
        overlong: Overlong,
        limit: usize,
    ) -> Result<Self, EncodeError> {
        let bytes = text.len() + beside.map_or(0, str::len);
        if bytes > MAX_TEXT_BYTES {
            return Err(EncodeError::TooLong {
                index: 0,
                bytes,
                limit: MAX_TEXT_BYTES,
            });
        }
        let ids = match overlong {
            Overlong::Cut => tokens.ids(text, beside)?,
            Overlong::Refused => tokens.whole(text, beside)?,
        };
        proved(ids, limit)
    }

    /// Ids that a caller brought.
    pub(crate) fn of_ids(
        ids: Vec<u32>,
        vocab_size: usize,
        limit: usize,
    ) -> Result<Self, EncodeError> {
        let outside = |id: &u32| usize::try_from(*id).is_ok_and(|id| id >= vocab_size);
        if let Some(&id) = ids.iter().find(|id| outside(id)) {
            return Err(EncodeError::UnknownToken { id, vocab_size });
        }
        let types = vec![0; ids.len()];
        proved(TokenIds { ids, types }, limit)
    }
}

/// Longest input that is looked at, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 1 << 20;

fn proved(ids: TokenIds, limit: usize) -> Result<EncodedText, EncodeError> {
    let tokens = ids.ids.len();
    if tokens > limit {
        return Err(EncodeError::TooManyTokens { tokens, limit });
    }
    if tokens == 0 {
        let why = "the text has no token";
        return Err(EncodeError::Failed(why.to_owned()));
    }
    Ok(EncodedText { ids })
}

impl<T> Queued<T> {
    /// The ids: as they are, or by `tokenize`.
    pub(crate) fn ids(
        &self,
        tokenize: impl FnOnce(&T) -> Result<TokenIds, EncodeError>,
    ) -> Result<TokenIds, EncodeError> {
        match self {
            Self::Raw(input) => tokenize(input),
            Self::Encoded(text) => Ok(text.ids.clone()),
        }
    }

    /// Bytes of the input: by `bytes`, or none where it was bounded before.
    pub(crate) fn bytes(&self, bytes: impl FnOnce(&T) -> usize) -> usize {
        match self {
            Self::Raw(input) => bytes(input),
            Self::Encoded(_) => 0,
        }
    }
}
