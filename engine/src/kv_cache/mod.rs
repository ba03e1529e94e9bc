//! The paged KV cache as bookkeeping: which block of memory belongs to which tokens.
//!
//! Keys and values of a sequence lie in blocks of [`BLOCK_SIZE`](crate::config::BLOCK_SIZE) tokens
//! anywhere in one pool; the sequence's [`BlockTable`] says where. This room moves block numbers
//! only; the memory belongs to the model.
//!
//! ```text
//! sequence A   t0 ........ t15  t16 ....... t31  t32 .. t36 (next)      37 tokens, 3 blocks
//!              └──── full ────┘ └──── full ────┘ └─ partial: written ─┘
//! its table    [      7      ,         2       ,         9         ]
//!                     │                │                 │
//! pool       ┌───┬───┬┼──┬───┬───┬───┬─┼─┬───┬───┬───┬───┼┐
//!            │   │   │2  │   │   │   │ 7 │   │   │ 9 │   │ …            (any order)
//!            └───┴───┴┼──┴───┴───┴───┴─┼─┴───┴───┴───┴───┴┘
//! its table    [      7      ,         2       ,         4         ]
//! sequence B   t0 ........ t15  t16 ....... t31  u32 . u34 (next)       same first 32 tokens
//! ```
//!
//! A block's life:
//!
//! ```text
//!            allocate                      release, not indexed
//!   free ───────────────▶ used ─────────────────────────────────────▶ free
//!                         │  ▲
//!    commit: full and     │  │ a later prompt matches it
//!    computed, so indexed │  │ (any number of tables may hold it)
//!                         ▼  │
//!                         used, indexed ────────────────────────────▶ cached
//!                                          last table releases it       │
//!   used ◀──────────────────────────────────────────────────────────────┘
//!          allocate finds nothing free: the one unused for longest is
//!          evicted, that is taken out of the index and given away
//! ```
//!
//! - **free**: in no table, not in the index; its content means nothing.
//! - **used**: in at least one table. Indexed once its 16 tokens are known and computed; from then
//!   on it is never written again (E2), so any number of tables may share it.
//! - **cached**: in no table, but in the index: waits in the order of release to be matched again,
//!   or evicted.
//!
//! `free + used + cached = total` always (E1). Every operation on one block is O(1): the free ones
//! are a stack, the cached ones a doubly linked list threaded through the pool, the index a hash
//! map. A table releases its blocks from its tail, so the tail is evicted first: what is left of a
//! prefix is its beginning, which is what others can match.
//!
//! The index is a chain: a block's [`BlockHash`] covers its parent's hash and its own tokens, so
//! equal hashes mean equal tokens from position 0 on, and a lookup walks block by block until it
//! misses. Two sequences that compute the same block at the same time keep both: tables only ever
//! grow at their end, nobody's table is rewritten to drop a duplicate. The last token of a sequence
//! is never matched, because somebody needs its logits; so at most `(len - 1) / 16` blocks are.

mod cache;
mod hash;
mod pool;
mod table;
#[cfg(test)]
mod tests;

pub use cache::BlockCounts;
pub(crate) use cache::{KvCache, PrefixMatch};
pub(crate) use table::BlockTable;
