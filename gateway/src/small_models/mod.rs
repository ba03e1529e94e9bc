//! Models that write nothing: encoders and classifiers, as requests name them.
//!
//! A request is admitted like any other ([`carry_out`]), its texts become tokens away from the async threads, with
//! their number known before the model sees them, and the model's own batcher puts what waits together. A text that
//! is too long is refused, or cut where the request says so. Dropping a request takes back what has not begun.

mod classify;
mod embed;
mod entry;
mod relevance;
mod served;
mod work;

pub(crate) use classify::classified;
pub(crate) use embed::embedded;
pub use entry::{SmallModel, SmallModelEntry};
pub(crate) use relevance::{Pairs, relevance};
pub(crate) use served::ServedSmallModel;
pub(crate) use work::carry_out;
