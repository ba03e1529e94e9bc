//! `prompt`: what a model is asked.
//!
//! ```yaml
//! prompt:
//!   template: docs-assistant/answer.j2   # the turn to be answered, in the place of the user's last message
//!   system: docs-assistant/system.j2     # in the place of the client's system messages
//!   history: true                        # keep the turns before; false begins a new conversation
//!   max_tokens: 1500                     # drop the oldest turns, then the worst passages, to fit
//!   tokenizer: smollm2-135m-instruct     # the model that counts; default: the one that generates
//!   passages: passages                   # the variable that holds passages
//!   as: messages                         # or text: `template` alone, into the variable `prompt`
//!   output: messages                     # the variable that is written
//! ```

use std::path::Path;

use super::common::{template, variable};
use crate::payload::names;
use crate::spec::fault::Faults;
use crate::spec::node::Node;
use crate::spec::read;
use crate::spec::section::Section;
use crate::stage::prompt::{PromptForm, PromptOptions, TokenBudget};

/// Longest prompt that a budget may allow.
const MAX_TOKENS: usize = 1 << 24;
/// The variable that a text is written into.
const PROMPT: &str = "prompt";

/// Reads the section `path`; `folder` is the configuration's.
pub(super) fn read(
    path: &str,
    node: &Node,
    folder: &Path,
    faults: &mut Faults,
) -> Option<PromptOptions> {
    let mut keys = Section::open(path, node, faults);
    let f = faults;
    let (has_template, has_system) = (
        keys.node("template").is_some(),
        keys.node("system").is_some(),
    );
    let user = keys.take("template", f, |node| template(node, folder));
    let system = keys.take("system", f, |node| template(node, folder));
    let history = keys.take("history", f, read::boolean);
    let as_text = keys.take("as", f, as_text).unwrap_or(false);
    let max_tokens = keys.take("max_tokens", f, read::integer(1..=MAX_TOKENS));
    let tokenizer = keys.take("tokenizer", f, read::text);
    let passages = keys.take("passages", f, variable);
    let output = keys.take("output", f, variable);
    if !has_template && (as_text || !has_system) {
        keys.miss(
            "template",
            "write for example `template: docs-assistant/answer.j2`",
        );
    }
    if let (None, Some(node)) = (max_tokens, keys.node("tokenizer")) {
        let path = keys.path("tokenizer");
        f.note(
            node.at,
            format!("`{path}` counts for `max_tokens`, which is not set"),
        );
    }
    let mut fits = true;
    for key in ["system", "history"] {
        if let (true, Some(node)) = (as_text, keys.node(key)) {
            let path = keys.path(key);
            f.note(
                node.at,
                format!("`{path}` belongs to a conversation; with `as: text` leave it out"),
            );
            fits = false;
        }
    }
    if let (Some(false), false, Some(node)) = (history, has_template, keys.node("history")) {
        let path = keys.path("history");
        let message =
            format!("`{path}: false` begins a new conversation, which needs a `template`");
        f.note(node.at, message);
        fits = false;
    }
    keys.finish(f);
    let readable = has_template == user.is_some() && has_system == system.is_some();
    let form = if as_text {
        PromptForm::Text(user?)
    } else {
        user.as_ref().or(system.as_ref())?;
        PromptForm::Messages {
            system,
            user,
            history: history.unwrap_or(true).then(|| names::MESSAGES.to_owned()),
        }
    };
    let default = if as_text { PROMPT } else { names::MESSAGES };
    (fits && readable).then(|| PromptOptions {
        form,
        output: output.unwrap_or_else(|| default.to_owned()),
        passages: passages.unwrap_or_else(|| names::PASSAGES.to_owned()),
        budget: max_tokens.map(|max_tokens| TokenBudget {
            max_tokens,
            tokenizer,
        }),
    })
}

fn as_text(node: &Node) -> Result<bool, read::Expected> {
    let expected = || "messages or text".to_owned();
    match read::text(node).map_err(|_| expected())?.as_str() {
        "messages" => Ok(false),
        "text" => Ok(true),
        _ => Err(expected()),
    }
}
