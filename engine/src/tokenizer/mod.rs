//! Text to token ids and back: what stands between a client's words and the engine's numbers.
//!
//! - [`Tokenizer`]: from a GGUF file's metadata ([`GgufVocabulary`]) or from the files of a model on
//!   the Hugging Face hub ([`HuggingFaceFiles`]). Encodes, decodes, knows the special tokens.
//! - [`Detokenizer`]: tokens to text one by one, with no broken character in between.
//! - [`StopMatcher`]: finds stop strings in pieces of text and never lets a byte of one out.
//! - [`ChatTemplate`]: a conversation to a prompt, as `transformers` renders it.
//!
//! One generation, end to end:
//!
//! ```no_run
//! # use std::path::Path;
//! use engine::tokenizer::{
//!     ChatRequest, DecodeOptions, Detokenizer, EncodeOptions, HuggingFaceFiles, StopMatcher,
//!     Tokenizer,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tokenizer = Tokenizer::from_huggingface(&HuggingFaceFiles::read(Path::new("model"))?)?;
//! let template = tokenizer.chat_template()?;
//! let messages = [serde_json::json!({"role": "user", "content": "Hello"})];
//! let prompt = template.render(&ChatRequest::new(&messages))?;
//! let ids = tokenizer.encode(&prompt, EncodeOptions::CHAT)?;
//!
//! let mut detokenizer = Detokenizer::new(tokenizer, DecodeOptions::COMPLETION);
//! let mut stop = StopMatcher::new(&["\n\n".to_owned()])?;
//! let (mut text, mut answer) = (String::new(), String::new());
//! for id in ids {
//!     text.clear();
//!     detokenizer.push(id, &mut text);
//!     if stop.push(&text, &mut answer).is_some() {
//!         break;
//!     }
//! }
//! text.clear();
//! detokenizer.finish(&mut text);
//! stop.push(&text, &mut answer);
//! stop.finish(&mut answer);
//! # Ok(())
//! # }
//! ```
//!
//! This room knows no sequence, scheduler or model. It reads no clock: the time that templates see is
//! part of the request.

mod byte_level;
mod chat_template;
mod detokenizer;
mod error;
mod gguf;
mod huggingface;
mod pieces;
mod pre_tokenizer;
mod sentence_piece;
mod stop;
mod text;

pub use chat_template::{
    ChatRequest, ChatTemplate, ChatTemplateSource, MessagePlace, RenderLimits, TemplateError,
};
pub use detokenizer::{DecodeOptions, Detokenizer};
pub use error::TokenizerError;
pub use gguf::GgufVocabulary;
pub use huggingface::HuggingFaceFiles;
pub use stop::{InvalidStop, MAX_STOP_STRINGS, StopMatcher};
pub use text::{EncodeOptions, Tokenizer};
