//! Dynamic batching: calls that come at about the same time are answered together.
//!
//! [`Batched`] makes a [`Stage`](super::Stage) of a [`BatchStage`], which answers many inputs at once. A
//! batch opens with its first call. It begins when it is full, or when `batch_wait_timeout_s` has passed
//! since that call, and one of `max_concurrent_batches` may begin; while none may, it goes on taking
//! calls up to its size. Names and defaults are those of Ray Serve's `@serve.batch`.
//!
//! A batch is worked at in its callers' own futures, whichever is awake: there is no task that could
//! outlive them. One who leaves before the batch begins is not in it; later, the others bring it to its
//! end, and the last one to leave cancels it. A panic or an error is that of the batch's calls alone.
//!
//! A replica has as many calls as `max_ongoing_requests` lets it, so that should be
//! `max_batch_size * max_concurrent_batches` or more.

mod batched;
mod options;
#[cfg(test)]
mod tests;

pub use batched::{BatchStage, Batched};
pub use options::{BatchOptions, BatchOptionsError};
