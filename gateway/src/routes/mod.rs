//! One endpoint a file; what they have in common is in the rooms they call.

mod application;
mod batches;
mod chat_completions;
mod classify;
mod completions;
mod conversations;
mod decisions;
mod detokenize;
mod embeddings;
mod files;
mod health;
mod messages;
mod metrics;
mod models;
mod observe;
mod openapi;
mod rerank;
mod responses;
mod router;
mod score;
mod tokenize;
pub(crate) mod unknown;
mod upload;
mod version;

pub(crate) use router::{batch_router, router};
