//! The fields of Anthropic's requests.

use crate::openai::{Field, Noop, Table, honoured, no_effect, refused};

/// `POST /v1/messages`.
pub static MESSAGES: Table = &[CREATE, PROMPT];

/// `POST /v1/messages/count_tokens`.
pub static COUNT_TOKENS: Table = &[PROMPT];

const TOOLS: &str = "this version does not call tools";
const CACHE: &str = "prefixes are cached by themselves";
const THINKING: &str = "no served model takes it";

static CREATE: &[Field] = &[
    honoured("max_tokens"),
    honoured("stop_sequences"),
    honoured("stream"),
    honoured("temperature"),
    honoured("top_p"),
    honoured("top_k"),
    no_effect("metadata", "the server keeps no record of users"),
    refused(
        "service_tier",
        Noop::Text(&["auto", "standard_only"]),
        "there is one tier",
    ),
    refused("container", Noop::Null, "this version runs no code"),
    no_effect("inference_geo", "models run where the server runs"),
    no_effect("diagnostics", "nothing is told beside the answer"),
];

/// What both take.
static PROMPT: &[Field] = &[
    honoured("model"),
    honoured("messages"),
    honoured("messages[].role"),
    honoured("messages[].content"),
    honoured("messages[].content[].type"),
    honoured("messages[].content[].text"),
    no_effect("messages[].content[].cache_control", CACHE),
    no_effect(
        "messages[].content[].citations",
        "they are of earlier answers",
    ),
    honoured("system"),
    honoured("system[].type"),
    honoured("system[].text"),
    no_effect("system[].cache_control", CACHE),
    no_effect("system[].citations", "they are of earlier answers"),
    no_effect("cache_control", CACHE),
    no_effect("user_profile_id", "the server keeps no record of users"),
    no_effect("workspace_id", "the server keeps no record of users"),
    refused("speed", Noop::Text(&["standard"]), "there is one speed"),
    refused("tools", Noop::Empty, TOOLS),
    refused("tool_choice", Noop::Type("none"), TOOLS),
    refused("mcp_servers", Noop::Empty, TOOLS),
    refused("thinking", Noop::Type("disabled"), THINKING),
    refused(
        "output_config",
        Noop::Empty,
        "this version does not constrain the answer's form",
    ),
    refused(
        "output_format",
        Noop::Null,
        "this version does not constrain the answer's form",
    ),
    refused(
        "context_management",
        Noop::Null,
        "nothing is removed from a conversation",
    ),
];
