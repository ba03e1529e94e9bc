//! What a validation found.

use serde_json::{Value, json};

/// A rule that an answer breaks, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Breach {
    /// The rule's key in the configuration.
    pub(super) rule: &'static str,
    /// What is wrong, in words that help to make it right; may cite the answer.
    pub(super) reason: String,
    /// Where the text before is valid, for rules about places.
    pub(super) cut: Option<usize>,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// It is as it was.
    Passed,
    /// It was made valid.
    Repaired,
    /// It is to be made anew.
    Retry,
    /// Another text stands for it.
    Fallback,
}

/// The variable `verdict`: `valid`, `action` (`passed`, `repaired`, `retry`, `fallback`), and, unless it
/// passed, `rule` and `reason`; these two are empty texts else, so that templates find them always.
pub(super) fn verdict(action: Action, breach: Option<&Breach>) -> Value {
    let (valid, action) = match action {
        Action::Passed => (true, "passed"),
        Action::Repaired => (true, "repaired"),
        Action::Retry => (false, "retry"),
        Action::Fallback => (false, "fallback"),
    };
    json!({
        "valid": valid,
        "action": action,
        "rule": breach.map_or("", |breach| breach.rule),
        "reason": breach.map_or("", |breach| breach.reason.as_str()),
    })
}
