//! What is encoded, and by whom.

use crate::payload::{Kind, Signature, names};

/// Texts to vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedOptions {
    /// The encoder, one of the configuration's.
    pub encoder: String,
    /// The variable that holds a text, or a list of texts. Default: `question`.
    pub input: String,
    /// The variable that is written: the vector of the text, or a list of the vectors of all.
    /// Default: `embedding`.
    pub output: String,
}

impl EmbedOptions {
    /// The variables that it reads and writes.
    pub fn signature(&self) -> Signature {
        let input = match self.input.as_str() {
            names::QUESTION => Kind::Text,
            _ => Kind::Any,
        };
        Signature::default()
            .reads(&self.input, input)
            .writes(&self.output, Kind::List)
    }
}
