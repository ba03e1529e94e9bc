//! Cached blocks that the pool has no room for: in memory first, then on disk.
//!
//! What the pool evicts is worth keeping, because reading it back costs a copy and computing it again
//! costs the whole model. Which block is where is bookkeeping, and pure
//! ([`TierIndex`](crate::kv_cache::TierIndex)); here are the memory and the files, and here the moves
//! are made that a plan asks for:
//!
//! ```text
//!   pool ──Save──▶ memory ──Spill──▶ disk      before the step computes: Save and Restore are copies,
//!   pool ◀─Restore─ memory ◀──Fetch── disk     Spill and Fetch are letters to another thread
//! ```
//!
//! No step waits for the disk: a fetched block arrives some steps later, and until then the sequence
//! that wants it waits in its queue, once. A file that is torn, altered or of another model is a miss
//! and is removed; it is never an answer. Files outlive the program: a model whose files and layout
//! are the same finds them again.

mod disk;
#[cfg(test)]
mod tests;
mod tiers;
mod worker;

pub(crate) use tiers::KvTiers;
pub use tiers::TierError;
