//! The paged KV cache as bookkeeping: which block of memory belongs to which tokens.
//!
//! Keys and values of a sequence lie in blocks of [`BLOCK_SIZE`](crate::config::BLOCK_SIZE) tokens
//! anywhere in one pool; the sequence's [`BlockTable`] says where. This room moves block numbers
//! only; the memory belongs to the model.
//!
//! ```text
//!               positions 0..16     16..32      32..37
//!  sequence A  ├───── full ──────┼── full ───┼─ partial ─┤    37 tokens
//!  its table   [       7         ,     2     ,     9     ]
//!                      ║               ║           └─ A's alone: here A writes
//!        the same first 32 tokens, so the same two blocks, read by both
//!                      ║               ║           ┌─ B's alone: here B writes
//!  its table   [       7         ,     2     ,     4     ]
//!  sequence B  ├───── full ──────┼── full ───┼ partial ┤      34 tokens
//!               positions 0..16     16..32      32..34
//! ```
//!
//! A block's life:
//!
//! ```text
//!         allocate           commit: full and computed
//!  free ────────────▶ used ────────────────────────────▶ used, indexed ◀──┐
//!   ▲                 │  ▲                                │               │ a sequence that
//!   └─────────────────┘  │                                │ released by   │ begins alike
//!    released            │                                ▼ the last      │ matches it
//!                        └────────────────────────────── cached ──────────┘
//!                          allocate, when none is free:
//!                          evicts the one unused for longest
//! ```
//!
//! - **free**: in no table, not in the index; its content means nothing.
//! - **used**: in at least one table. Indexed once its 16 tokens are known and computed; from then
//!   on it is never written again (E2), so any number of tables may share it.
//! - **cached**: in no table, but in the index: waits, in order of release, to be matched again or
//!   evicted, that is taken out of the index and given to someone else.
//!
//! With colder tiers ([`TierIndex`]) an evicted block's content is copied to memory first, and from
//! there to disk; a block that is found there is copied back into a new one, which is computed from
//! then on. Which copies to make is answered as [`BlockMove`]s; whoever owns the memory makes them.
//!
//! `free + used + cached = total` always (E1). Every operation on one block is O(1): the free ones
//! are a stack, the cached ones a doubly linked list threaded through the pool, the index a hash
//! map. A table releases its blocks from its tail, so the tail is evicted first: what is left of a
//! prefix is its beginning, which is what others can match.
//!
//! The index is a chain: a block's [hash](hash::BlockHash) covers its parent's hash and its own
//! tokens, so equal hashes mean equal tokens from position 0 on, and a lookup walks block by block
//! until it misses. The scheduler lets a sequence wait when the block that it misses is [being
//! computed](KvCache::pending); where two compute it all the same, both keep theirs: tables
//! only ever grow at their end, nobody's table is rewritten to drop a duplicate. The last token of
//! a sequence is never matched, because somebody needs its logits; so at most `(len - 1) / 16`
//! blocks are.

mod cache;
mod hash;
mod pool;
mod restore;
mod table;
#[cfg(test)]
mod tests;
mod tiers;

pub use cache::BlockCounts;
pub(crate) use cache::{KvCache, PrefixMatch};
pub(crate) use hash::BlockHash;
pub(crate) use table::BlockTable;
pub use tiers::TierStats;
pub(crate) use tiers::{BlockMove, SlotId, TierIndex};
