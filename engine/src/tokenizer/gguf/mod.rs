//! A tokenizer from a GGUF file's metadata (keys `tokenizer.ggml.*`).
//!
//! Keys and defaults are those of <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>; where
//! the specification is silent, llama.cpp's behaviour is what files are made for. `vocabulary` reads
//! the keys, `proof` proves them, `tokens` sorts out special tokens, `build` makes the tokenizer.

mod build;
mod proof;
mod tokens;
mod vocabulary;

pub use vocabulary::GgufVocabulary;
