//! What can go wrong when a model is loaded or run.

use thiserror::Error;

/// Why a model could not be loaded, or a step could not be computed.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The plan asks for what the model cannot compute: a fault of the layer above.
    #[error("the plan cannot be computed: {why}")]
    Plan {
        /// What is wrong with it.
        why: String,
    },
}
