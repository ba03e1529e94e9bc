//! What a deployment runs: one of its keys, with the options of that stage.

mod common;
mod embed;
mod generate;
mod http;
mod kind;
mod lookup;
mod process;
mod prompt;
mod remedies;
#[cfg(test)]
mod tests;
mod validate;

pub use kind::StageSpec;
