//! A tokenizer from the files that are published with a model on the Hugging Face hub.
//!
//! `tokenizer.json` holds the vocabulary and the steps of encoding, and is read by the `tokenizers`
//! crate. The files beside it say which tokens are special, what goes around a text, which tokens end
//! an answer, and how a chat is rendered: `files` reads them, `build` makes the tokenizer.

mod build;
mod files;

pub use files::HuggingFaceFiles;
