//! OpenAI's words for what happened.

use llm_apps::stage::generate::FinishReason;

use crate::error::ApiError;

/// `finish_reason`.
pub(crate) fn finish_reason(reason: &FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop { .. } => "stop",
        FinishReason::Length => "length",
    }
}

/// Names of schemas and of functions are those that OpenAI takes.
///
/// # Errors
/// Says what a name is made of.
pub(super) fn check_name(name: &str, field: &str) -> Result<(), ApiError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if (1..=64).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    let shown: String = name.chars().take(70).collect();
    let message = format!(
        "{field} must be 1 to 64 letters, digits, underscores and dashes, but is {shown:?}"
    );
    Err(ApiError::invalid(field, message))
}
