//! One endpoint a file; what they have in common is in the rooms they call.

mod application;
mod chat_completions;
mod classify;
mod completions;
mod detokenize;
mod embeddings;
mod health;
mod messages;
mod metrics;
mod models;
mod observe;
mod openapi;
mod rerank;
mod router;
mod score;
mod tokenize;
pub(crate) mod unknown;
mod version;

pub(crate) use router::router;
