//! The fields of requests for responses and conversations.

use crate::openai::{ACCOUNT, Field, Noop, Table, honoured, no_effect, refused};

/// `POST /v1/responses`.
pub(crate) static RESPONSES: Table = &[CREATE, INPUT, OUTPUT, SAMPLING, ACCOUNT];

/// `POST /v1/conversations`.
pub(crate) static CONVERSATIONS: Table = &[&[honoured("items"), honoured("metadata")], ITEMS];

/// `POST /v1/conversations/{id}`.
pub(crate) static CONVERSATION: Table = &[&[honoured("metadata")]];

/// `POST /v1/conversations/{id}/items`.
pub(crate) static CONVERSATION_ITEMS: Table = &[&[honoured("items")], ITEMS];

const TOOLS: &str = "this version does not call tools in responses";
const TEXT_IN: &str = "models here read text";
const NO_TOOLS: &str = "there are no tool calls";
const SAME: &str = "it is said of answers of the model's, and changes no prompt";

static CREATE: &[Field] = &[
    honoured("model"),
    honoured("input"),
    honoured("instructions"),
    honoured("previous_response_id"),
    honoured("conversation"),
    honoured("conversation.id"),
    honoured("store"),
    honoured("background"),
    honoured("stream"),
    honoured("stream_options"),
    no_effect(
        "stream_options.include_obfuscation",
        "frames are not padded",
    ),
    honoured("metadata"),
    honoured("include"),
    refused(
        "truncation",
        Noop::Text(&["disabled"]),
        "prompts are never cut",
    ),
    refused("tools", Noop::Empty, TOOLS),
    refused("tool_choice", Noop::Text(&["none", "auto"]), TOOLS),
    no_effect("parallel_tool_calls", NO_TOOLS),
    no_effect("max_tool_calls", NO_TOOLS),
    honoured("reasoning"),
    refused(
        "reasoning.effort",
        Noop::Null,
        "no served model takes it; what a chat template knows is set by chat_template_kwargs",
    ),
    no_effect("reasoning.summary", "no reasoning is told"),
    no_effect("reasoning.generate_summary", "no reasoning is told"),
    no_effect("reasoning.context", "no reasoning is kept"),
    refused(
        "reasoning.mode",
        Noop::Text(&["standard"]),
        "no served model takes it",
    ),
    refused(
        "prompt",
        Noop::Null,
        "this server keeps no prompts; send instructions and input",
    ),
    refused("moderation", Noop::Null, "this version does not moderate"),
    refused(
        "context_management",
        Noop::Empty,
        "nothing is removed from a conversation",
    ),
    refused(
        "background_options",
        Noop::Empty,
        "responses in the background begin as soon as there is room",
    ),
    no_effect("image", "models here read text"),
    no_effect("access_programs", "there is one programme"),
];

static INPUT: &[Field] = &[
    honoured("input[].type"),
    honoured("input[].id"),
    honoured("input[].role"),
    honoured("input[].content"),
    no_effect("input[].status", SAME),
    no_effect("input[].phase", SAME),
    honoured("input[].content[].type"),
    honoured("input[].content[].text"),
    no_effect("input[].content[].annotations", SAME),
    no_effect("input[].content[].logprobs", SAME),
    no_effect(
        "input[].content[].prompt_cache_breakpoint",
        "prefixes are cached by themselves",
    ),
    refused("input[].content[].image_url", Noop::Null, TEXT_IN),
    refused("input[].content[].file_id", Noop::Null, TEXT_IN),
    refused("input[].content[].file_data", Noop::Null, TEXT_IN),
    refused("input[].content[].file_url", Noop::Null, TEXT_IN),
];

static ITEMS: &[Field] = &[
    honoured("items[].type"),
    no_effect("items[].id", "an item gets an id of its own"),
    honoured("items[].role"),
    honoured("items[].content"),
    no_effect("items[].status", SAME),
    no_effect("items[].phase", SAME),
    honoured("items[].content[].type"),
    honoured("items[].content[].text"),
    no_effect("items[].content[].annotations", SAME),
    no_effect("items[].content[].logprobs", SAME),
    no_effect(
        "items[].content[].prompt_cache_breakpoint",
        "prefixes are cached by themselves",
    ),
    refused("items[].content[].image_url", Noop::Null, TEXT_IN),
    refused("items[].content[].file_id", Noop::Null, TEXT_IN),
];

static OUTPUT: &[Field] = &[
    honoured("text"),
    honoured("text.format"),
    honoured("text.format.type"),
    honoured("text.format.name"),
    honoured("text.format.schema"),
    no_effect(
        "text.format.description",
        "the schema binds the answer and is not shown to the model",
    ),
    no_effect("text.format.strict", "answers always keep to the schema"),
    refused(
        "text.verbosity",
        Noop::Text(&["medium"]),
        "no served model takes it",
    ),
    honoured("max_output_tokens"),
    honoured("top_logprobs"),
];

/// Those beyond the first two are this server's own, as in chats.
static SAMPLING: &[Field] = &[
    honoured("temperature"),
    honoured("top_p"),
    honoured("top_k"),
    honoured("min_p"),
    honoured("min_tokens"),
    honoured("presence_penalty"),
    honoured("frequency_penalty"),
    honoured("repetition_penalty"),
    honoured("logit_bias"),
    honoured("seed"),
    honoured("stop"),
    honoured("ignore_eos"),
    honoured("chat_template_kwargs"),
];
