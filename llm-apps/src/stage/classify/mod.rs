//! `classify`: which of some labels fits a text.
//!
//! By a classifier, which was trained for its labels; or by examples of each label, of which the
//! nearest decides, as an encoder's vectors have it. All stages that use one model share it, and with
//! it the batches that it makes of what is asked at the same time.

mod model;
mod nearest;
mod options;
mod stage;
#[cfg(test)]
mod tests;

pub use model::TextClassifier;
pub(in crate::stage) use nearest::{dot, unit};
pub use options::{ClassifyBy, ClassifyOptions, LabelThreshold};
pub use stage::ClassifyStage;
