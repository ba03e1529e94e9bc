//! What a deployment finds where it runs.

use std::sync::Arc;

use super::machine::Machine;

/// Passed to a deployment when it starts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Host {
    /// What its router draws from.
    pub seed: u64,
    /// Of which its replicas reserve their shares.
    pub machine: Arc<Machine>,
}

impl Host {
    /// A machine of its own on which nothing is counted.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            machine: Arc::new(Machine::unbounded()),
        }
    }
}
