//! How the layers of a model differ from Llama's, and from each other.

use super::rope::RopeSpec;
use crate::model::ModelError;

/// What the gate of the feed-forward layer goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// g / (1 + e^-g).
    Silu,
    /// GELU, approximated by a hyperbolic tangent.
    GeluTanh,
}

/// Where a layer norms, and what its files hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Norms {
    /// Added to the mean square.
    pub(crate) eps: f32,
    /// Whether each head's query and key are normed before they turn.
    pub(crate) heads: bool,
    /// Whether what attention and the feed-forward layer add to the stream is normed first, beside
    /// what they read.
    pub(crate) after: bool,
    /// Added to the weights of the file: some models store the distance from 1.
    pub(crate) offset: f32,
}

/// Layers whose queries see the last positions only.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LocalLayers {
    /// Positions that a query sees, its own among them.
    pub(crate) window: usize,
    /// Which layers they are.
    pub(crate) which: Vec<bool>,
    /// How they turn queries and keys.
    pub(crate) rope: RopeSpec,
}

impl Norms {
    /// Norms before attention and feed-forward only, as most models have them.
    pub(crate) fn before(eps: f32) -> Self {
        Self {
            eps,
            heads: false,
            after: false,
            offset: 0.0,
        }
    }

    pub(super) fn prove(&self) -> Result<(), ModelError> {
        if !(self.eps.is_finite() && self.eps >= 0.0 && self.eps < 1.0) {
            let fault = format!("must be at least 0 and below 1, but is {}", self.eps);
            return Err(ModelError::spec("norm epsilon", fault));
        }
        Ok(())
    }
}

impl LocalLayers {
    /// Of each `period` layers all but the last.
    pub(super) fn all_but_every(period: usize, layers: usize) -> Vec<bool> {
        (1..=layers)
            .map(|number| !number.is_multiple_of(period))
            .collect()
    }

    pub(super) fn prove(&self, layers: usize, head_dim: usize) -> Result<(), ModelError> {
        if self.window == 0 {
            return Err(ModelError::spec(
                "sliding window",
                "must be at least 1, but is 0",
            ));
        }
        if self.which.len() != layers {
            let fault = format!("must be {layers}, but is {}", self.which.len());
            return Err(ModelError::spec("number of layer types", fault));
        }
        self.rope.prove(head_dim)
    }
}
