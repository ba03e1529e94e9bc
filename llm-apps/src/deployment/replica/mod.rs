//! A replica: one instance of a stage, from its making to its end.

mod cell;
mod id;
mod kept;
mod life;

pub(super) use cell::ReplicaCell;
pub use id::ReplicaId;
pub(super) use kept::Kept;
pub(super) use life::{Ending, Life, ReplicaConfig};
