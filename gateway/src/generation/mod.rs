//! From a proved request to a stream of events: admission, preparing, submitting, the first event.
//!
//! [`start`] returns when the first event is there, so that an error before any token still has its
//! true status. What it returns, [`Answers`], owns all that the request holds: the permit, the
//! engine's streams, the measurements. Dropping it at any point gives everything back and cancels
//! what the engine is at.

mod answers;
mod ask;
mod ending;
mod source;
mod start;
mod tally;
mod whole;

pub(crate) use answers::Answers;
pub(crate) use ask::{Asked, ask};
pub(crate) use ending::{ending, until};
pub(crate) use start::{enter, start};
pub(crate) use tally::Tally;
pub(crate) use whole::{WholeChoice, whole};
