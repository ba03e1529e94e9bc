//! Applications over the engine: what is served, and how it is described.
//!
//! `spec` is the YAML, proved when it is read. Of the engine this crate sees its handles and its
//! configuration; of HTTP it knows nothing (A3).

#![forbid(unsafe_code)]

pub mod spec;
