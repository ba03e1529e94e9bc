//! Texts to vectors: models of the BERT family, behind [`Encoder`].
//!
//! The files are a folder of the hub's kind as sentence-transformers writes it (`files`): they say
//! how texts are cut (`tokens`), how the rows of a text become one vector, and whether it is
//! normalised. The forward pass is candle's, 32-bit floats on the CPU (`bert`). One thread batches
//! what comes (`worker`); a batch is cut into groups of like length, so that little is computed for
//! padding.
//!
//! A text's vector does not depend on its batch-mates but for the order in which sums are taken:
//! every number stays within 1e-5 of what the text alone gets. (Generation keeps to the bit, E9;
//! here the library's products are blocked by the batch's shape.)

mod bert;
mod error;
mod files;
mod handle;
mod tokens;
mod worker;

pub use error::{EncodeError, EncoderError};
pub use handle::{Encoder, EncoderConfig};
