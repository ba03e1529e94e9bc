//! The tokenizer room against `transformers`, SentencePiece and its own promises.
//!
//! Golden files are in `tests/golden`; `make_tokenizer.py` there writes them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod faults;
mod golden;
mod huggingface;
mod properties;
#[path = "../support/mod.rs"]
mod support;
mod templates;
mod vocabularies;
