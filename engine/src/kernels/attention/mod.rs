//! Attention over the paged KV cache.
//!
//! A layer's cache is blocks of [`BLOCK_SIZE`](crate::BLOCK_SIZE) positions, as f16 or as int8 with
//! a scale for each position (`stored`). A head's keys lie transposed, `[head_dim][position]`, so
//! that a vector is one dimension of 16 positions; its values lie `[position][head_dim]`, so that a
//! vector is 16 dimensions of one position. The layers' records of a block lie side by side in memory.
//!
//! Each query row walks its blocks in order with an online softmax (Milakov and Gimelshein, 2018;
//! Dao et al., 2022). What a row computes depends on its own position and context only; rows that
//! share keys (the query heads of a KV head, neighbouring queries of a chunk, sequences that begin
//! with the same blocks) walk together: a *stretch* of four blocks is converted to f32 once
//! (`tile`), and the rows' products with it are computed in *bands* of as many rows as the
//! registers hold (`products`), while the memory is asked for the next stretch (`ahead`). In a
//! layer with a sliding window a row's walk begins with the stretch that holds the first position
//! it sees; stretches are counted from position 0, so that, too, depends on its position only.
//!
//! A context is cut into *sections* of 512 positions, counted from 0 as well, each with a softmax of
//! its own; they are merged in ascending order (`section`). One thread may compute all of them or
//! each a different one: the bits are the same. Who computes what is planned (`plan`), once for all
//! layers of one shape, from the spans of a step alone.

mod ahead;
mod buffers;
mod cache;
mod call;
mod heads;
mod plan;
mod prefix;
mod products;
mod rows;
mod section;
mod span;
mod state;
mod stored;
mod stretch;
mod tile;
mod write;

pub(super) use buffers::Buffers;
pub use cache::{KvLayer, KvShape, KvSlot};
pub use heads::{HeadNorms, HeadRows};
pub use plan::{AttentionPlan, AttentionShape};
pub use span::AttentionSpan;
#[cfg(test)]
mod tests;
