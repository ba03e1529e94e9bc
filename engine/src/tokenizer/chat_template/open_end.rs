//! Leaving the last message open, so that the model goes on with it (`continue_final_message`).
//!
//! Templates know nothing of this. The message gets a mark at its end, and the prompt is cut where the
//! mark comes out.

use serde_json::Value;

use super::error::TemplateError;
use super::request::ChatRequest;

/// Put at the end of the message that is left open, and looked for in the prompt, which is cut there.
/// The trailing space tells whether the template trims messages.
const OPEN_END: &str = "\u{f0002}OPEN_END\u{f0002} ";

/// Marks the end of the last message and gives back its content.
pub(super) fn leave_open(
    messages: &mut [Value],
    request: &ChatRequest<'_>,
) -> Result<String, TemplateError> {
    if request.add_generation_prompt {
        return Err(fault(
            "continue_final_message and add_generation_prompt exclude each other: the first goes on \
             with the last message, the second begins a new one",
        ));
    }
    let content = messages
        .last_mut()
        .and_then(|message| message.get_mut("content"));
    let text = match content {
        Some(Value::String(text)) => Some(text),
        Some(Value::Array(parts)) => {
            parts
                .iter_mut()
                .rev()
                .find_map(|part| match part.get_mut("text") {
                    Some(Value::String(text)) => Some(text),
                    _ => None,
                })
        }
        _ => None,
    };
    let text = text.ok_or_else(|| {
        fault("continue_final_message is set, but the last message has no text to continue")
    })?;
    let content = text.clone();
    text.push_str(OPEN_END);
    Ok(content)
}

/// Cuts the prompt where the open message ends.
pub(super) fn cut_open_end(mut rendered: String, content: &str) -> Result<String, TemplateError> {
    let end = rendered
        .rfind(OPEN_END.trim_end())
        .filter(|_| rendered.contains(content.trim()));
    let Some(end) = end else {
        return Err(fault(
            "continue_final_message is set, but the model's chat template does not write the last \
             message as it is",
        ));
    };
    let trimmed = !rendered[end..].starts_with(OPEN_END);
    rendered.truncate(end);
    if trimmed {
        rendered.truncate(rendered.trim_end().len());
    }
    Ok(rendered)
}

fn fault(reason: &str) -> TemplateError {
    TemplateError::Options {
        param: "continue_final_message",
        reason: reason.to_owned(),
    }
}
