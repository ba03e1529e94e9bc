//! The names of variables that stages read and write where the configuration names no others.

/// The text of the last message of the user, or of a completion's prompt.
pub const QUESTION: &str = "question";
/// What of a request says how to generate, for those stages that heed it.
pub const REQUEST: &str = "request";
/// The conversation, as OpenAI's API has it.
pub const MESSAGES: &str = "messages";
/// What was found for the question.
pub const PASSAGES: &str = "passages";
/// What is answered.
pub const ANSWER: &str = "answer";
/// What a validation found.
pub const VERDICT: &str = "verdict";
/// What a classification found.
pub const LABEL: &str = "label";
/// How well each label fits.
pub const SCORES: &str = "scores";
/// What a deployment is configured with, for its stage alone.
pub const USER_CONFIG: &str = "user_config";
/// A translated text.
pub const TRANSLATION: &str = "translation";
