//! The forward pass of the Llama family (Llama, Mistral, SmolLM2, Qwen2, Qwen3) and of Gemma 3.
//!
//! One step runs all rows of a plan through all layers together: embedding rows; for each layer
//! norm, fused query-key-value product, rope, keys and values into the paged cache, attention,
//! output product, norm, gated feed-forward; then the final norm and the head for the rows that
//! want logits. Rows meet only in attention, and there only with their own sequence, so a row's
//! result does not depend on what else is in the plan (E9).
//!
//! What a layer has beyond that (norms over heads or after the blocks, another activation, a sliding
//! window with a rope of its own) its spec says; there is one path for all.

mod layer;
mod runner;
mod scratch;
mod step;

pub use runner::LlamaRunner;
#[cfg(any(test, feature = "cuda"))]
pub(super) use runner::bounds;
#[cfg(any(test, feature = "cuda"))]
pub(super) use step::{Bounds, Step};
