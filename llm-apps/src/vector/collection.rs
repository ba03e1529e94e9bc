//! What a collection was made with, which every later use of it must agree to.

use super::error::VectorError;

/// A collection's name and the encoder that makes its vectors. Vectors of two encoders cannot be
/// compared, so it is stored with the collection and checked when the collection is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionIdentity {
    /// The collection's name, for people and for a Qdrant server.
    pub name: String,
    /// The encoder's name.
    pub encoder: String,
    /// Numbers of a vector.
    pub dimension: usize,
}

/// Most numbers of a vector.
const MAX_DIMENSION: usize = 16_384;

impl CollectionIdentity {
    /// Proves the dimension.
    pub(super) fn prove(&self) -> Result<(), VectorError> {
        if self.dimension == 0 || self.dimension > MAX_DIMENSION {
            return Err(VectorError::Request {
                why: format!(
                    "a vector has from 1 to {MAX_DIMENSION} numbers, but those of the encoder {} \
                     have {}",
                    self.encoder, self.dimension
                ),
            });
        }
        Ok(())
    }

    /// Whether a collection that was made as `stored` is this one.
    pub(super) fn agree(&self, encoder: &str, dimension: usize) -> Result<(), VectorError> {
        if self.encoder == encoder && self.dimension == dimension {
            return Ok(());
        }
        Err(VectorError::Encoder {
            collection: self.name.clone(),
            made: format!("{encoder} ({dimension})"),
            asked: format!("{} ({})", self.encoder, self.dimension),
        })
    }
}
