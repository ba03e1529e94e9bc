//! How large batches are, and how long they wait.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::stage::StageError;

/// The numbers of [`Batched`](super::Batched).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchOptions {
    /// Calls of a batch at most, 1 or more. Default: 10.
    pub max_batch_size: usize,
    /// How long a batch waits for more calls, from its first one on. Default: 0.01 s.
    pub batch_wait_timeout: Duration,
    /// Batches that are worked at at the same time, 1 or more. Default: 1.
    pub max_concurrent_batches: usize,
}

/// A number that cannot be.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BatchOptionsError {
    /// Out of its range.
    #[error("`{field}` is {value}, it must be from {least} to {most}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What it says.
        value: f64,
        /// The smallest number.
        least: f64,
        /// The largest number.
        most: f64,
    },
    /// No such field, or something else than a number in it.
    #[error("{0}")]
    Unreadable(String),
}

/// The most calls of a batch, and the most batches.
const MOST: u32 = 65_536;
/// The longest wait, in seconds.
const LONGEST: f64 = 3600.0;

/// As a `user_config` writes them; what it does not name stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    max_batch_size: Option<u32>,
    batch_wait_timeout_s: Option<f64>,
    max_concurrent_batches: Option<u32>,
}

impl BatchOptions {
    /// These, with what a `user_config` says instead.
    ///
    /// # Errors
    /// [`BatchOptionsError`] names the field.
    pub fn with(self, user_config: &Value) -> Result<Self, BatchOptionsError> {
        let written = Written::deserialize(user_config)
            .map_err(|error| BatchOptionsError::Unreadable(error.to_string()))?;
        let count = |field, value: Option<u32>, known: usize| match value {
            Some(value @ 1..=MOST) => Ok(value as usize),
            Some(value) => Err(out_of_range(field, value.into(), 1.0, MOST.into())),
            None => Ok(known),
        };
        let batch_wait_timeout = match written.batch_wait_timeout_s {
            None => self.batch_wait_timeout,
            Some(value) => Duration::try_from_secs_f64(value)
                .ok()
                .filter(|_| value <= LONGEST)
                .ok_or_else(|| out_of_range("batch_wait_timeout_s", value, 0.0, LONGEST))?,
        };
        Ok(Self {
            max_batch_size: count(
                "max_batch_size",
                written.max_batch_size,
                self.max_batch_size,
            )?,
            batch_wait_timeout,
            max_concurrent_batches: count(
                "max_concurrent_batches",
                written.max_concurrent_batches,
                self.max_concurrent_batches,
            )?,
        })
    }
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self {
            max_batch_size: 10,
            batch_wait_timeout: Duration::from_millis(10),
            max_concurrent_batches: 1,
        }
    }
}

impl From<BatchOptionsError> for StageError {
    fn from(error: BatchOptionsError) -> Self {
        Self::invalid(error.to_string())
    }
}

fn out_of_range(field: &'static str, value: f64, least: f64, most: f64) -> BatchOptionsError {
    BatchOptionsError::OutOfRange {
        field,
        value,
        least,
        most,
    }
}
