//! The fields of `POST /v1/decisions`.

use crate::openai::{Table, honoured, no_effect};

/// `POST /v1/decisions`.
pub(crate) static DECISIONS: Table = &[&[
    honoured("model"),
    honoured("input"),
    honoured("questions"),
    honoured("questions[].type"),
    honoured("questions[].name"),
    honoured("questions[].instructions"),
    honoured("questions[].choices"),
    honoured("questions[].choices[].value"),
    honoured("questions[].choices[].description"),
    honoured("questions[].levels"),
    honoured("questions[].levels[].label"),
    honoured("questions[].levels[].description"),
    no_effect("prompt_cache_key", "prefixes are shared by themselves"),
    no_effect("prompt_cache_options", "prefixes are shared by themselves"),
    no_effect("safety_identifier", "users are not told apart"),
]];
