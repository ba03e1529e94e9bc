//! What a deployment finds where it runs.

use std::sync::Arc;

use metrics::Histogram;

use super::machine::Machine;

/// Passed to a deployment when it starts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Host {
    /// The application that it is part of, as logs name it.
    pub application: Arc<str>,
    /// What its router draws from.
    pub seed: u64,
    /// Of which its replicas reserve their shares.
    pub machine: Arc<Machine>,
    /// Where the time goes that each request had a place, in seconds.
    pub latency: Histogram,
}

impl Host {
    /// A machine of its own on which nothing is counted, and nobody who watches.
    pub fn new(seed: u64) -> Self {
        Self {
            application: "".into(),
            seed,
            machine: Arc::new(Machine::unbounded()),
            latency: Histogram::noop(),
        }
    }
}
