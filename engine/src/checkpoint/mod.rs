//! Folders of the hub's kind: `config.json` and other descriptions, a tokenizer, weights.
//!
//! What the small models share ([`Encoder`](crate::Encoder), [`Classifier`](crate::Classifier),
//! [`Translator`](crate::Translator)): files are read without trust and bounded (`folder`), the
//! tokenizer is `tokenizer.json` or an older folder's `vocab.txt` (`tokenizer`), texts and pairs of
//! texts become ids cut to the model's length (`tokens`), or ids that are counted and refused before they wait
//! (`encoded`).

mod encoded;
mod error;
mod folder;
mod tokenizer;
mod tokens;

pub use encoded::{EncodedText, Overlong};
pub(crate) use encoded::{MAX_TEXT_BYTES, Queued};
pub use error::{EncodeError, EncoderError};
pub(crate) use folder::{Folder, MAX_SIZE};
pub(crate) use tokenizer::read_tokenizer;
pub(crate) use tokens::{TokenIds, Tokens};
