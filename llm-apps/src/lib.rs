//! Applications as pipelines of deployments over the engine.
//!
//! The engine speaks tokens; here text becomes token ids and token ids become text. Of the engine
//! this crate sees the handle, the requests and events, and the text tools beside it. `spec` is the
//! YAML that says what is served.

#![forbid(unsafe_code)]

pub mod deployment;
pub mod spec;
pub mod stage;
