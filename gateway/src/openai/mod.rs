//! OpenAI's wire: what requests and answers look like, and the way from them to what the rooms
//! below understand and back. Nothing outside this room knows a field's name.

mod any_body;
mod chat_request;
mod completion_request;
mod decoding;
mod fields;
mod judge;
mod message;
mod one_or_many;
mod parse;
mod prompt;
mod streaming;
mod tables;
mod tokenize;
#[cfg(test)]
mod tests;

pub use any_body::check_any_body;
pub use chat_request::{ChatRequest, Conversation, chat_request};
pub use completion_request::{CompletionRequest, completion_request};
pub use decoding::{Decoding, MAX_STOP_STRINGS, MAX_TOKEN_LIST};
pub use fields::{Effect, Field, Noop, Table};
pub use judge::Rules;
pub use prompt::Prompt;
pub use streaming::StreamOptions;
pub use tables::{CHAT, COMPLETIONS, DETOKENIZE, TOKENIZE};
pub use tokenize::{
    DetokenizeRequest, TokenizeRequest, TokenizeText, detokenize_request, tokenize_request,
};

use judge::judged;
