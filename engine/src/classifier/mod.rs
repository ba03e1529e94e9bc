//! Texts to labels: models of the BERT family with a head for sequences, behind [`Classifier`].
//!
//! `config.json` says what the labels are called and whether they exclude each other (`files`); the
//! head makes a logit for each label from a text's first row (`head`). A model that was trained on
//! pairs of texts takes pairs; one with a single label says how well they fit (a cross-encoder). The
//! rows are [`bert`](crate::bert)'s, the thread that batches is [`batching`](crate::batching)'s.

mod files;
mod handle;
mod head;
mod scores;

pub use handle::{Classifier, ClassifierInput};
pub use scores::LabelScores;
