//! One endpoint a file; what they have in common is in the rooms they call.

mod application;
mod batches;
mod chat_completions;
mod completions;
mod detokenize;
mod files;
mod health;
mod metrics;
mod models;
mod observe;
mod router;
mod tokenize;
pub(crate) mod unknown;
mod upload;
mod version;

pub(crate) use router::{batch_router, router};
