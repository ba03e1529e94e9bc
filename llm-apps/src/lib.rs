//! Applications as pipelines of deployments over the engine.
//!
//! The engine speaks tokens; here text becomes token ids and token ids become text. Of the engine
//! this crate sees the handle, the requests and events, and the text tools beside it. `spec` is the
//! YAML that says what is served, `vector` the collections of passages, `remote` the processes that engines may
//! live in.

#![forbid(unsafe_code)]

pub mod controller;
pub mod deployment;
pub mod ingest;
pub mod payload;
pub mod pipeline;
pub mod reasoning;
pub mod remote;
pub mod spec;
pub mod stage;
pub mod template;
pub mod tool_calls;
pub mod vector;
