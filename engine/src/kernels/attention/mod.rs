//! Attention over the paged KV cache.
//!
//! A layer's cache is blocks of [`BLOCK_SIZE`](crate::BLOCK_SIZE) positions, as f16 or as int8 with
//! a scale for each position (`stored`). A head's keys lie transposed, `[head_dim][position]`, so
//! that a vector is one dimension of 16 positions; its values lie `[position][head_dim]`, so that a
//! vector is 16 dimensions of one position. The layers' records of a block lie side by side in memory.
//!
//! Each query row walks its blocks in order with an online softmax (Milakov and Gimelshein, 2018;
//! Dao et al., 2022). What a row computes depends on its own position and context only; rows that
//! share keys (the query heads of a KV head, neighbouring queries of a chunk) walk together: a
//! *stretch* of four blocks is converted to f32 once (`tile`), and the rows' products with it are
//! computed in *bands* of as many rows as the registers hold (`products`). In a
//! layer with a sliding window a row's walk begins with the stretch that holds the first position
//! it sees; stretches are counted from position 0, so that, too, depends on its position only.

mod cache;
mod heads;
mod products;
mod rows;
mod span;
mod state;
mod stored;
mod stretch;
mod tile;
mod write;

pub use cache::{KvLayer, KvShape, KvSlot};
pub use heads::{HeadNorms, HeadRows};
pub use span::AttentionSpan;
#[cfg(test)]
mod tests;
