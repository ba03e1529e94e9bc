//! A model's tokens as llguidance walks them: a tree of their bytes.

use std::sync::Arc;

use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};

use super::error::GrammarError;
use crate::tokenizer::Tokenizer;

/// Bits that the tree has for the length of a token.
const LONGEST: usize = 1 << 10;

/// The tokens of `tokenizer`; `eos` end an answer. Tokens without bytes, or with bytes that no text has,
/// are never allowed. How text would be cut into tokens is not asked: nothing is forced.
pub(super) fn vocabulary(tokenizer: &Tokenizer, eos: &[u32]) -> Result<TokEnv, GrammarError> {
    let refused = |reason: String| GrammarError::Vocabulary { reason };
    let size = u32::try_from(tokenizer.vocab_size()).unwrap_or(u32::MAX);
    let known: Vec<u32> = eos.iter().copied().filter(|&id| id < size).collect();
    let Some(&first) = known.first() else {
        return Err(refused("it has no token that ends an answer".to_owned()));
    };
    let words: Vec<Vec<u8>> = (0..size).map(|id| word(tokenizer, id)).collect();
    if let Some(id) = words.iter().position(|word| word.len() > LONGEST) {
        let reason = format!("token {id} is longer than {LONGEST} bytes");
        return Err(refused(reason));
    }
    let trie = TokTrie::from(&TokRxInfo::new(size, first), &words);
    Ok(Arc::new(ApproximateTokEnv::new(
        trie.with_eos_tokens(&known),
    )))
}

/// The bytes of a token as the tree has them: special ones behind a mark that no text has.
fn word(tokenizer: &Tokenizer, id: u32) -> Vec<u8> {
    const MARK: u8 = TokTrie::SPECIAL_TOKEN_MARKER;
    let bytes = tokenizer.token_bytes(id);
    match tokenizer.is_special(id) {
        true if !bytes.is_empty() => [&[MARK], bytes].concat(),
        false if !bytes.contains(&MARK) => bytes.to_vec(),
        true | false => Vec::new(),
    }
}
