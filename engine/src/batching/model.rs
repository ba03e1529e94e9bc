//! What is batched.

use crate::checkpoint::{EncodeError, TokenIds};

/// A model that answers several inputs in one pass.
pub(crate) trait BatchModel: Send + 'static {
    /// What a caller brings.
    type Input: Send + 'static;
    /// What it gets.
    type Output: Send + 'static;

    /// Bytes of an input, which are bounded before it waits.
    fn bytes(input: &Self::Input) -> usize;

    /// The ids of an input, one or more.
    fn tokens(&self, input: &Self::Input) -> Result<TokenIds, EncodeError>;

    /// The answers to some inputs of like length, in their order; else what went wrong.
    fn compute(&self, batch: &[&TokenIds]) -> Result<Vec<Self::Output>, String>;
}
