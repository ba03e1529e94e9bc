//! The server as its clients meet it: a real socket and a real HTTP client, over a model without
//! weights whose steps a test can hold. No test sleeps: each waits for what it is about.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "tests fail loudly, and counts are whole numbers"
)]

mod admission;
mod applications;
mod batches;
mod chat;
mod client;
mod completions;
mod conversations;
mod deploying;
mod drain;
mod errors;
mod files;
mod fixture;
mod grpc;
mod keeping;
mod messages;
mod metrics;
mod openapi;
mod probes;
mod reasoning;
mod responses;
mod responses_background;
mod small_models;
#[path = "../golden/stream_schemas.rs"]
mod stream_schemas;
mod streams;
mod timeouts;
mod tokens;
mod tools;
mod upstreams;
mod vanishing;
