//! What a deployment runs: one of its keys, with the options of that stage.

mod classify;
mod common;
mod embed;
mod generate;
mod http;
mod kind;
mod lookup;
mod process;
mod prompt;
mod remedies;
mod rerank;
#[cfg(test)]
mod tests;
mod translate;
mod validate;

pub use kind::StageSpec;
