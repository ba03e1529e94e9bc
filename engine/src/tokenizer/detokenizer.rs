//! Tokens to text, one token at a time.
//!
//! A token may end in the middle of a character, so bytes wait here until their character is whole:
//! at most three, so each token costs time in its own length only. What can never become a character
//! is replaced by U+FFFD, one for each maximal broken part, exactly as [`String::from_utf8_lossy`]
//! does to the whole: the pieces together are the text that [`Tokenizer::decode`] gives.

use std::mem;

use super::text::Tokenizer;

/// How tokens become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Whether special tokens are left out.
    pub skip_special: bool,
    /// Whether the tokens go on after a prompt. SentencePiece models put a space before a text's
    /// first word; at the beginning of a text it is taken away, in the middle it separates words.
    pub continues: bool,
}

impl DecodeOptions {
    /// For generated tokens, which go on after a prompt.
    pub const COMPLETION: Self = Self {
        skip_special: true,
        continues: true,
    };
}

/// Turns the tokens of one sequence into text as they come.
#[derive(Debug, Clone)]
pub struct Detokenizer {
    tokenizer: Tokenizer,
    skip_special: bool,
    /// Whether a space that comes next is the one put before the text.
    drop_space: bool,
    /// The beginning of a character.
    partial: Partial,
}

/// Up to three bytes that begin a character.
#[derive(Debug, Clone, Copy, Default)]
struct Partial {
    bytes: [u8; 3],
    len: usize,
}

impl Detokenizer {
    /// Begins a sequence.
    pub fn new(tokenizer: Tokenizer, options: DecodeOptions) -> Self {
        let drop_space = tokenizer.has_space_prefix() && !options.continues;
        Self {
            tokenizer,
            skip_special: options.skip_special,
            drop_space,
            partial: Partial::default(),
        }
    }

    /// Appends to `out` the characters that `id` completes. An id without a token adds nothing.
    ///
    /// Gives back how many of the appended bytes come before the token's own text: those of the
    /// U+FFFD for a character that tokens before it began and it does not go on with, else none.
    pub fn push(&mut self, id: u32, out: &mut String) -> usize {
        if self.skip_special && self.tokenizer.is_special(id) {
            return 0;
        }
        let mut bytes = self.tokenizer.token_bytes(id);
        if !bytes.is_empty() && mem::take(&mut self.drop_space) {
            bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
        }
        let Some(&first) = bytes.first() else {
            return 0;
        };
        let partial = mem::take(&mut self.partial);
        let mut before = 0;
        self.partial = if partial.goes_on_with(first) {
            append(&[partial.bytes(), bytes].concat(), out)
        } else {
            if partial.len > 0 {
                out.push(char::REPLACEMENT_CHARACTER);
                before = char::REPLACEMENT_CHARACTER.len_utf8();
            }
            append(bytes, out)
        };
        before
    }

    /// Ends the sequence: a character that is still incomplete becomes U+FFFD.
    pub fn finish(&mut self, out: &mut String) {
        let partial = mem::take(&mut self.partial);
        if partial.len > 0 {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Appends the text of `bytes` to `out` and gives back the incomplete character at their end.
fn append(bytes: &[u8], out: &mut String) -> Partial {
    let mut left = bytes.len();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        let broken = chunk.invalid();
        left -= chunk.valid().len() + broken.len();
        let Err(error) = str::from_utf8(broken) else {
            continue;
        };
        if left == 0 && error.error_len().is_none() {
            return Partial::of(broken);
        }
        out.push(char::REPLACEMENT_CHARACTER);
    }
    Partial::default()
}

impl Partial {
    /// The beginning of a character, which has three bytes at most.
    fn of(beginning: &[u8]) -> Self {
        let mut partial = Self::default();
        for (slot, &byte) in partial.bytes.iter_mut().zip(beginning) {
            *slot = byte;
            partial.len += 1;
        }
        partial
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Whether the character is still one with `byte` behind it, complete or not.
    fn goes_on_with(&self, byte: u8) -> bool {
        let longer = [self.bytes(), &[byte]].concat();
        self.len > 0 && str::from_utf8(&longer).map_or_else(|e| e.error_len().is_none(), |_| true)
    }
}
