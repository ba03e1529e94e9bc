//! The configuration's JSON Schema, by which editors complete and check what is written.

/// A JSON Schema of draft 2020-12. It knows each key, with its type and meaning; what depends on other
/// parts of the file (names, bounds that bind each other) is for [`ServeConfig`](super::ServeConfig) to
/// prove.
pub const SCHEMA: &str = include_str!("schema.json");
