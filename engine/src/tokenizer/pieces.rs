//! The raw bytes of every token, in one buffer.
//!
//! Decoding is concatenation of these; whole characters come out only when the bytes of several
//! tokens meet, so text is made from them by [`Detokenizer`](super::Detokenizer) alone.

use super::byte_level::ByteAlphabet;

/// Raw bytes of each token id.
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// End of each token's bytes; they begin where the previous token's end.
    ends: Vec<usize>,
}

/// How the text of an ordinary token spells its bytes.
pub(super) enum Spelling {
    /// Characters of the byte alphabet stand for bytes.
    ByteLevel(Box<ByteAlphabet>),
    /// `▁` stands for a space; with `byte_tokens`, `<0x0A>` stands for the byte.
    SentencePiece { byte_tokens: bool },
}

impl Pieces {
    pub(super) fn with_capacity(tokens: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(tokens.saturating_mul(6)),
            ends: Vec::with_capacity(tokens),
        }
    }

    /// Adds the token with the next id.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    /// One more than the highest id.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of the longest token.
    pub(super) fn longest(&self) -> usize {
        let starts = std::iter::once(&0).chain(&self.ends);
        let lengths = self.ends.iter().zip(starts).map(|(end, start)| end - start);
        lengths.max().unwrap_or(0)
    }

    /// The token's bytes; none for an id that has no token.
    pub(super) fn get(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let Some(&end) = self.ends.get(id) else {
            return &[];
        };
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.bytes[start..end]
    }
}

impl Spelling {
    pub(super) fn byte_level() -> Self {
        Self::ByteLevel(Box::new(ByteAlphabet::new()))
    }

    /// The bytes that an ordinary token stands for. A byte-level token with characters outside the
    /// alphabet stands for its own text, as in `tokenizers`.
    pub(super) fn decode(&self, token: &str) -> Vec<u8> {
        match self {
            Self::ByteLevel(alphabet) => alphabet
                .decode(token)
                .unwrap_or_else(|| token.as_bytes().to_vec()),
            Self::SentencePiece { byte_tokens } => match byte_of(token).filter(|_| *byte_tokens) {
                Some(byte) => vec![byte],
                None => token.replace('▁', " ").into_bytes(),
            },
        }
    }
}

/// The byte that a token like `<0x0A>` stands for.
pub(super) fn byte_of(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let two_digits = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    two_digits.then(|| u8::from_str_radix(digits, 16).ok())?
}
