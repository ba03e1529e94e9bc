//! How a model batches.

use std::time::Duration;

/// How an encoder or a classifier batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Texts of one batch at most. Default: 32.
    pub max_batch_size: usize,
    /// How long the first text of a batch waits for others; zero takes what is there. Default: zero.
    pub batch_wait_timeout: Duration,
    /// Texts that may wait; a call that brings more waits with the rest. Default: 1024.
    pub max_queued: usize,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self {
            max_batch_size: 32,
            batch_wait_timeout: Duration::ZERO,
            max_queued: 1024,
        }
    }
}
