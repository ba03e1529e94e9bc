//! What replicas reserve of the machine: CPUs and GPUs, whole or in parts.
//!
//! A reservation is bookkeeping, as Ray Serve's is: it decides how many replicas there may be, and gives
//! none of them a core or a device of its own. What reserves nothing (the default) is always let in.

mod ledger;
mod resources;

pub use ledger::{Machine, Reservation, Shortage};
pub use resources::{Resources, Share};
