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
//!   [ 3  4  7  8 ]                  [ 9  10  11 ]◀── add
//!     │        └──── preempt ──────▶ ▲
//!     │◀─────────────── admit ───────┘
//!     └─▶ ended
//! ```
//!
//! The latest arrival gives way first and the earliest waiting one is admitted first, so every
//! running number is below every waiting one, both queues stay sorted, and no newer sequence is
//! admitted past a preempted one: one order instead of a priority.
//!
//! # A step
//!
//! There are no phases. Each sequence has a gap of tokens not yet computed: a prompt, the rest of
//! one, a single decoded token, or everything again after a preemption. The running ones close
//! theirs first, in order of arrival and under the step's token budget, but each leaves one token to
//! every running sequence behind it: a long prompt is read in chunks beside decoding streams and
//! never stalls them. What is left goes to waiting sequences while budget, slots and blocks last.
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
//! The earliest sequence is in every plan. Running, it is never preempted: everyone behind it gives
//! way first, and alone it has the whole cache. Waiting, nobody runs, and the whole cache is there
//! to admit it. What does not fit the whole cache fails with `CacheTooSmall`. So the earliest ends
//! within as many steps as it has tokens, and then the next is the earliest.

mod counters;
mod drafts;
mod queues;
mod schedule;
#[cfg(test)]
mod tests;
mod update;

pub use counters::Counters;
pub(crate) use drafts::Draftable;
pub(crate) use queues::{Scheduler, SchedulerLimits};
pub(crate) use update::Ended;
