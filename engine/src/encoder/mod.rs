//! Texts to vectors: models of the BERT family, behind [`Encoder`].
//!
//! The files are a folder of the hub's kind as sentence-transformers writes it (`files`): they say
//! how the rows of a text become one vector, and whether it is normalised (`pooling`). The rows are
//! [`bert`](crate::bert)'s, the thread that batches is [`batching`](crate::batching)'s. They also say which words
//! a model wants before a question or a passage (`prompts`), and to which lengths its vectors may be cut
//! (`dimensions`).
//!
//! A text's vector does not depend on its batch-mates but for the order in which sums are taken:
//! every number stays within 1e-5 of what the text alone gets. (Generation keeps to the bit, E9;
//! here the library's products are blocked by the batch's shape.)

mod dimensions;
mod files;
mod handle;
mod pooling;
mod prompts;

pub use dimensions::Dimensions;
pub use handle::Encoder;
