//! The engine's one thread, which owns everything: model, scheduler, blocks, samplers, outputs.
//!
//! [`Core::step`] is the engine: schedule, compute, update, deliver. Around it,
//! `run` waits for [`Command`]s when there is nothing to do and takes in what has
//! arrived when there is.
//!
//! The loop never waits for a client (E6). Each request brings its own output channel with room for
//! everything that it can ever say, so a send never finds it full; the channel's memory grows with
//! what lies unread in it.
//!
//! Each step is measured by a [`Clock`] that is passed in, and the scheduler is told what it cost: so
//! it knows how much of a prompt it may add to running streams. Tokens do not depend on it (E9).
//!
//! Cancellation: a client goes away → whoever held its [`TokenStream`](crate::TokenStream) drops it
//! → the channel has no reader → the next step begins by looking for such channels and aborts their
//! sequences, running or waiting. Blocks, slot and reservation are free before that step is planned.
//!
//! Endings: every accepted request gets exactly one terminal event (E5), because the only way out of
//! the loop's map of requests goes through `Generation::end`. A model that answers
//! an error, or panics, ends the sequences of that plan and no others. At shutdown everyone is told.
//! Should the thread itself die, every channel closes, and the stream reports that as shutdown.

mod clock;
mod command;
mod compute;
mod engine_core;
mod generation;
mod mailbox;
mod reservation;
mod run;
mod speculate;
mod stats;
#[cfg(test)]
mod tests;
mod tiering;

pub(crate) use clock::Clock;
pub(crate) use command::{Command, Submission};
pub(crate) use engine_core::Core;
pub(crate) use mailbox::{Mailbox, mailbox};
pub(crate) use reservation::Held;
pub(crate) use run::run;
pub(crate) use stats::StatsBoard;
pub use stats::{EngineStats, StepTimes};
