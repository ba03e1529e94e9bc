//! `translate`: another text for a text, by a model that reads the whole before it writes (T5).

mod model;
mod options;
mod stage;
#[cfg(test)]
mod tests;

pub use model::TextTranslator;
pub use options::TranslateOptions;
pub use stage::TranslateStage;
