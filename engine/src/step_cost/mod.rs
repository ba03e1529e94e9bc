//! How long a step will take, learnt from how long steps took.
//!
//! The scheduler asks before it adds a chunk of a prompt to streams that are being read: a step must
//! not last longer than the time that a reader may wait between two tokens. The answer depends on the
//! machine, the model and on who else uses the cores, so it is measured: [`StepCost`] is told what
//! each step computed ([`Work`]) and how many seconds that took, and gives an [`Estimate`] back.
//!
//! ```text
//!   plan ──▶ Work ──▶ observe(work, seconds) ──▶ StepCost ──▶ Estimate ──▶ the next plan's size
//! ```
//!
//! It is pure: seconds come in as numbers, and no clock is known here (A1). What it says changes how
//! tokens are cut into steps and never what is generated (E9).

mod model;
mod moves;
#[cfg(test)]
mod tests;
mod work;

pub(crate) use model::{Estimate, StepCost};
pub(crate) use moves::MoveCost;
pub(crate) use work::Work;
