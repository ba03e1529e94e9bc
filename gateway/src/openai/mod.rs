//! OpenAI's wire: what requests and answers look like, and the way from them to what the rooms
//! below understand and back. Nothing outside this room knows a field's name.

mod any_body;
mod batch;
mod chat_reader;
mod chat_request;
mod chat_response;
mod chat_stream;
mod chat_whole;
mod classify;
mod completion_request;
mod completion_response;
mod completion_stream;
mod completion_whole;
mod decoding;
mod embeddings;
mod expected;
mod fields;
mod file;
mod form;
mod head;
mod inputs;
mod judge;
mod logprobs;
mod message;
mod models;
mod object;
mod one_or_many;
mod paging;
mod parse;
mod plain_stream;
mod prompt;
mod rerank;
mod score;
mod streaming;
mod tables;
#[cfg(test)]
mod tests;
mod to_payload;
mod to_text;
mod tokenize;
mod tools;
mod usage;
mod wording;

pub use any_body::check_any_body;
pub(crate) use batch::{BatchObject, WINDOW, batch_request, metadata};
pub(crate) use chat_reader::ChatReading;
pub use chat_request::{ChatRequest, Conversation, chat_request};
pub(crate) use chat_response::Extras;
pub(crate) use chat_stream::ChatEncoder;
pub(crate) use chat_whole::chat_completion;
pub(crate) use classify::Classified;
pub use classify::{ClassifyRequest, classify_request};
pub use completion_request::{CompletionRequest, completion_request};
pub(crate) use completion_response::Completion;
pub(crate) use completion_stream::CompletionEncoder;
pub(crate) use completion_whole::{CompletionShape, completion_choices};
pub use decoding::{Decoding, Given, MAX_TOKEN_LIST};
pub(crate) use embeddings::Embeddings;
pub use embeddings::{EmbeddingRequest, VectorFormat, embedding_request};
pub use fields::{Effect, Field, Noop, Table};
pub(crate) use fields::{honoured, no_effect, refused};
pub(crate) use file::{Deleted, FileObject, NewFile};
pub(crate) use head::Head;
pub use inputs::{Inputs, MAX_INPUTS};
pub use judge::Rules;
pub(crate) use judge::judged;
pub(crate) use logprobs::ChatLogprobs;
pub(crate) use models::{ModelList, ModelObject};
pub(crate) use object::AsObject;
pub(crate) use one_or_many::{OneOrMany, TextOr};
pub(crate) use paging::{ListObject, Paging};
pub(crate) use parse::{required, typed};
pub(crate) use plain_stream::PlainEncoder;
pub use prompt::Prompt;
pub(crate) use rerank::Reranked;
pub use rerank::{RerankRequest, rerank_request};
pub(crate) use score::Scores;
pub use score::{ScoreRequest, score_request};
pub use streaming::StreamOptions;
pub(crate) use tables::ACCOUNT;
pub use tables::{
    BATCHES, CHAT, CLASSIFY, COMPLETIONS, DETOKENIZE, EMBEDDINGS, FILES, RERANK, SCORE, TOKENIZE,
};
pub(crate) use to_payload::{PlainRequest, chat_payload, completion_payload, plain_payload};
pub use to_text::Defaults;
pub(crate) use to_text::{Surroundings, chat_text, completion_texts, tokenize_prompt};
pub use tokenize::{
    DetokenizeRequest, TokenizeRequest, TokenizeText, detokenize_request, tokenize_request,
};
pub(crate) use tokenize::{Detokenized, Tokenized};
pub(crate) use usage::{ChunkUsage, Usage};
pub(crate) use wording::finish_reason;
