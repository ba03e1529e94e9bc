//! Texts to other texts: T5 and mT5, behind [`Translator`].
//!
//! The encoder reads the text once; the decoder writes one token after the other, the likeliest each
//! time (`model`, made of `attention`, `feed_forward` and `positions`), until the token that ends a
//! text. The model is ours over candle's tensors: candle's own T5 gives its decoder the encoder's
//! buckets of relative positions, so that it goes astray after eight tokens, and has ReLU as the only
//! activation of the first generation.
//!
//! Texts are written one by one on a thread of its own (`worker`); one whose reader has gone ends
//! before its next token. Nothing is padded, so a text's tokens depend on nothing else.

mod attention;
mod config;
mod feed_forward;
mod handle;
mod model;
mod positions;
#[cfg(test)]
mod tests;
mod worker;

pub use handle::{Translation, Translator, TranslatorConfig};
