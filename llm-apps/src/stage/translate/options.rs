//! What is translated, and by whom.

use crate::payload::{Kind, Signature};

/// A text for a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranslateOptions {
    /// The translator, one of the configuration's.
    pub translator: String,
    /// The variable that holds the text. Default: `question`.
    pub input: String,
    /// The variable that is written. Default: `translation`.
    pub output: String,
    /// What stands before the text, as the model was trained: its task. Default: nothing.
    pub prefix: String,
    /// Tokens at most; the text ends there. Default: 256.
    pub max_tokens: usize,
}

impl TranslateOptions {
    /// The variables that it reads and writes.
    pub fn signature(&self) -> Signature {
        Signature::default()
            .reads(&self.input, Kind::Text)
            .writes(&self.output, Kind::Text)
    }
}
