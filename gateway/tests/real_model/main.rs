//! The program as its users meet it: the binary, a YAML file, the real model, the official clients.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "tests fail loudly, and gauges are whole numbers"
)]

mod applications;
mod batches;
mod chunks;
mod cli;
mod clients;
mod deploying;
mod docs_assistant;
mod embeddings;
mod failover;
mod ingest;
mod search;
mod server;
mod small_models;
#[path = "../golden/stream_schemas.rs"]
mod stream_schemas;
mod structured;
mod vanishing;
