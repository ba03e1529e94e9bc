//! Calls of tools: what a model writes becomes the calls that it means.
//!
//! - [`ToolUse`]: the tools of a request, and which of them may or must be called.
//! - [`ToolFormat`]: how a family of models writes calls; told by the chat template, or by the
//!   configuration.
//! - [`ToolCallParser`]: a state machine over characters. What it says depends on the text and not on the
//!   pieces in which it comes, so a streamed answer is the same as a whole one. Text that is no call of one
//!   of the tools is content, and none of it is lost. The arguments are passed on as the model writes them.
//! - [`ToolUse::form`]: the form that holds an answer to valid calls, where calls are required or strict.
//! - [`instructed`]: tools, calls and results told in plain messages, for templates that know none.
//!
//! | format | |
//! |---|---|
//! | `hermes` | `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`: Hermes, Qwen, and models that were taught none |
//! | `llama3_json` | `{"name": ..., "parameters": {...}}`, several with `;` between them |
//! | `mistral` | `[TOOL_CALLS][{"name": ..., "arguments": {...}}]`, newer ones `[TOOL_CALLS]name{...}` |
//! | `pythonic` | `[name(key="value"), ...]` |

mod form;
mod format;
mod instruct;
mod json_call;
mod parser;
mod piece;
mod pythonic;
mod scan;
#[cfg(test)]
mod tests;
mod tool;

pub use form::ToolFormError;
pub use format::{ToolFormat, ToolSyntax};
pub use instruct::instructed;
pub use parser::ToolCallParser;
pub use piece::ToolPiece;
pub use tool::{Tool, ToolChoice, ToolUse};
