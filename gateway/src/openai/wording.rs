//! OpenAI's words for what happened.

use llm_apps::stage::generate::FinishReason;

/// `finish_reason`.
pub(crate) fn finish_reason(reason: &FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop { .. } => "stop",
        FinishReason::Length => "length",
    }
}
