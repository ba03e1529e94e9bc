//! The room as the gateway uses it: a real engine on a model without weights, and a tokenizer whose
//! first 256 tokens are the bytes.

mod choices;
mod echo;
mod endings;
mod fixture;
mod prompts;
mod properties;
mod stage;
mod stops;
mod unicode;
