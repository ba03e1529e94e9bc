//! Models of the BERT family: token ids to a row for each token.
//!
//! One forward pass, candle's BERT with 32-bit floats on the CPU, runs them all (`rows`): they differ
//! in what their descriptions call things (`config`) and in what their weights are called and where
//! positions begin (`weights`).

mod config;
mod rows;
mod weights;

pub(crate) use config::{BertConfig, Family};
pub(crate) use rows::{Bert, Rows};
