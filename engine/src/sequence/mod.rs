//! One generation as the scheduler sees it: tokens, how many of them are computed, where they lie.
//!
//! There is no phase and no status here. A [`Sequence`] has `len` tokens of which `computed` have
//! their keys and values in the cache; the difference is its gap, and a step closes it or a part of
//! it:
//!
//! ```text
//!            0                      computed             len
//!  tokens    ├──────────────────────────┼─────── gap ─────┤ next: sampled from the last
//!            │ found by prefix, or read │  this step's    │ computed position
//!            │ in earlier steps         │  chunk: a part  │
//! ```
//!
//! A new prompt, the rest of a long prompt, one decoded token, and a preempted sequence that is
//! computed anew are all "a gap". Whether a sequence waits or runs is told by the queue that owns it
//! (E3), not by a field that could disagree.
//!
//! What a sequence does next depends on its request and its tokens only (DESIGN idea 1), so
//! dropping its blocks and computing them again changes nothing that it says.

mod state;
#[cfg(test)]
mod tests;

pub(crate) use state::Sequence;
