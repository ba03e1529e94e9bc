//! One endpoint a file; what they have in common is in the rooms they call.

mod application;
mod chat_completions;
mod completions;
mod detokenize;
mod health;
mod metrics;
mod models;
mod observe;
mod router;
mod tokenize;
pub(crate) mod unknown;
mod version;

pub(crate) use router::router;
