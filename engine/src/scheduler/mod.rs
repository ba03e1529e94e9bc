//! Who computes how many tokens in the next step.
//!
//! Three verbs run the engine: [`Scheduler::schedule`] writes a plan, the model computes it,
//! [`Scheduler::update`] takes the sampled tokens back and says who is done. The scheduler is pure:
//! no tensor, clock, thread, channel or serialiser (A1), so the same calls give the same plans.
//!
//! # Queues
//!
//! Sequences are numbered as they arrive. The running ones hold blocks, the waiting ones none:
//!
//! ```text
//!   running (by arrival)            waiting (by arrival)
//!   [ 3  4  7  9 ]                  [ 8  10  11 ]◀── add
//!     │        └──── preempt ──────▶ ▲
//!     │◀─────────────── admit ───────┘
//!     └─▶ ended
//! ```
//!
//! Both are sorted by arrival: one order instead of a priority. The latest arrival gives way first.
//! The earliest waiting one is admitted first, with two exceptions for the sake of shared prefixes:
//!
//! - **Held back**: the next block that a waiting sequence needs is being computed by a running one.
//!   Then it waits for the block instead of computing it as well; it loses nothing, for the other does
//!   just the work that it would do. So of many requests over one prefix the first computes it.
//! - **Passed**: of the first waiting sequences the one with the longest cached prefix goes first,
//!   before its blocks are evicted. Each lets [`MAX_BYPASSES`] others pass, then nobody behind it is
//!   admitted before it. Nobody passes a preempted one.
//!
//! Where the cache has colder tiers, a sequence is also held back while blocks that it needs are read
//! from disk: once, and for a bounded time. Blocks in memory are copied back as it is admitted, where
//! that is known to be quicker than computing them.
//!
//! # A step
//!
//! There are no phases. Each sequence has a gap of tokens not yet computed: a prompt, the rest of
//! one, a single decoded token, or everything again after a preemption. The running ones close
//! theirs first, in order of arrival and under the step's token budget, but each leaves one token to
//! every running sequence behind it: a long prompt is read in chunks beside decoding streams and
//! never stalls them. What is left goes to waiting sequences while budget, slots and blocks last.
//!
//! While somebody decodes, a step also has a time, `target_itl`. What the decoding ones cost is taken
//! off, and prompts get what is left, as far as measured steps ([`step_cost`](crate::step_cost)) tell;
//! the first of them gets a block in any case:
//!
//! ```text
//!   ├─ constant ─┼─ all who decode ─┼─ prompt ─┼─ prompt ─┤ target_itl
//! ```
//!
//! Blocks for all present tokens are taken on admission, so a half-read prompt cannot run dry, and
//! one spare block for each running sequence must remain, so that admitting does not force a
//! preemption a few tokens later. A decoding sequence needs a block every 16 tokens; when there is
//! none, the latest arrival is preempted. Its full blocks stay in the prefix index until someone
//! needs the memory, so coming back is often cheap.
//!
//! # Drafts
//!
//! When everyone has had a share, what is left of the budget may be spent on guesses: behind a gap
//! that the plan closes, tokens that may come next are computed with it, and one step then yields as
//! many tokens as were right and one more. Nobody waits and nobody is preempted for a guess.
//!
//! # Progress (E7)
//!
//! The earliest running sequence is in every plan, and is preempted only if an earlier one is
//! admitted. Whenever nobody runs, somebody is admitted: the whole cache is there, and nobody is held
//! back, as nobody computes, but for what comes from disk, which ends. What does not fit the whole cache fails with `CacheTooSmall`.
//!
//! Now take the earliest of all sequences. Running, it is in every plan and never preempted, so it
//! ends within as many steps as it has tokens. Waiting, it is passed a bounded number of times;
//! between two of them, and after the last, nobody is admitted, so the running ones end one after the
//! other, each within as many steps as it has tokens, until there is room for it. It is held back only
//! while one of them computes its next block. So it ends within a bounded number of steps, and then
//! the next is the earliest.

mod admit;
mod counters;
mod draft;
mod drafts;
mod queues;
mod schedule;
#[cfg(test)]
mod tests;
mod update;
mod worth;

pub(crate) use admit::MAX_BYPASSES;
pub use counters::Counters;
pub(crate) use drafts::Draftable;
pub(crate) use queues::{Scheduler, SchedulerLimits};
pub(crate) use update::Ended;
