//! From a file to a document, by the kind that its name says.

mod html;
mod jsonl;
mod kind;
mod lines;
mod markdown;
mod pdf;
mod text;

#[cfg(test)]
mod tests;

pub(super) use kind::{Kind, ReadFile, read};
