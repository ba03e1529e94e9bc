//! Proves what a GGUF file says before anything is built from it.

use ahash::AHashMap;

use super::vocabulary::GgufVocabulary;
use crate::tokenizer::error::TokenizerError;

pub(super) const BOS: &str = "tokenizer.ggml.bos_token_id";
pub(super) const EOS: &str = "tokenizer.ggml.eos_token_id";

/// The tokens that have a text, with their places.
pub(super) type Known<'a> = AHashMap<&'a str, usize>;

impl<'a> GgufVocabulary<'a> {
    /// Proves lengths, ids and the uniqueness of tokens.
    pub(super) fn check(&self) -> Result<Known<'a>, TokenizerError> {
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
        let mut seen = Known::with_capacity(tokens);
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
        Ok(seen)
    }

    /// The merges that the file lists, each proved: two `known` tokens that make a third.
    pub(super) fn listed_merges(
        &self,
        known: &Known<'_>,
    ) -> Result<Option<Vec<(String, String)>>, TokenizerError> {
        let Some(listed) = &self.merges else {
            return Ok(None);
        };
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
                if !known.contains_key(token) {
                    let token = shorten(token);
                    return Err(bad(format!("{token:?} is not in `tokenizer.ggml.tokens`")));
                }
            }
            merges.push((left.to_owned(), right.to_owned()));
        }
        Ok(Some(merges))
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
