//! The tables of request fields: every field of OpenAI's current schemas, our extensions, and the
//! fields of other servers that would be missed in silence.

use super::fields::{Field, Noop, Table, honoured, no_effect, refused};

/// `POST /v1/chat/completions`.
pub static CHAT: Table = &[
    CHAT_OWN, TOOLS, MESSAGES, STREAM, SAMPLING, FORM, FOREIGN, ACCOUNT,
];

/// `POST /v1/completions`.
pub static COMPLETIONS: Table = &[COMPLETIONS_OWN, STREAM, SAMPLING, FORM, FOREIGN, ACCOUNT];

/// `POST /tokenize`.
pub static TOKENIZE: Table = &[TOKENIZE_OWN, TOOLS, MESSAGES];

/// `POST /detokenize`.
pub static DETOKENIZE: Table = &[&[honoured("model"), honoured("tokens")]];

/// `POST /v1/embeddings`.
pub static EMBEDDINGS: Table = &[EMBEDDINGS_OWN, READING];

/// `POST /v1/rerank`.
pub static RERANK: Table = &[RERANK_OWN, READING];

/// `POST /v1/score`.
pub static SCORE: Table = &[
    &[honoured("model"), honoured("text_1"), honoured("text_2")],
    READING,
];

/// `POST /v1/classify`.
pub static CLASSIFY: Table = &[&[honoured("model"), honoured("input")], READING];
/// `POST /v1/files`, whose fields are parts of a form.
pub static FILES: Table = &[&[
    honoured("file"),
    honoured("purpose"),
    honoured("expires_after[anchor]"),
    honoured("expires_after[seconds]"),
]];

/// `POST /v1/batches`.
pub static BATCHES: Table = &[&[
    honoured("input_file_id"),
    honoured("endpoint"),
    honoured("completion_window"),
    honoured("metadata"),
    honoured("output_expires_after"),
    honoured("output_expires_after.anchor"),
    honoured("output_expires_after.seconds"),
]];

const TEXT_OUT: &str = "models here answer with text";
const WHITE_SPACE: &str = "white space between the parts of JSON is free, up to 24 characters";
const TEXT_IN: &str = "models here read text";
const FORMS: &str = "use response_format or structured_outputs";

static CHAT_OWN: &[Field] = &[
    honoured("model"),
    honoured("messages"),
    honoured("max_completion_tokens"),
    honoured("logprobs"),
    honoured("top_logprobs"),
    honoured("add_generation_prompt"),
    honoured("continue_final_message"),
    honoured("chat_template_kwargs"),
    honoured("documents"),
    honoured("tool_choice"),
    honoured("parallel_tool_calls"),
    refused("functions", Noop::Empty, "they were replaced by tools"),
    refused(
        "function_call",
        Noop::Text(&["none"]),
        "it was replaced by tool_choice",
    ),
    refused("modalities", Noop::Only("text"), TEXT_OUT),
    refused("audio", Noop::Null, TEXT_OUT),
    refused(
        "prediction",
        Noop::Null,
        "this version does not use predicted output",
    ),
    refused(
        "web_search_options",
        Noop::Null,
        "this version does not search the web",
    ),
    honoured("reasoning_effort"),
    honoured("include_reasoning"),
    refused(
        "verbosity",
        Noop::Text(&["medium"]),
        "no served model takes it",
    ),
    refused("moderation", Noop::Null, "this version does not moderate"),
    refused("store", Noop::Empty, "this version keeps no answers"),
    no_effect(
        "metadata",
        "it describes stored answers, and none are stored",
    ),
    refused(
        "chat_template",
        Noop::Null,
        "templates come with the model, not with a request",
    ),
    refused("echo", Noop::Empty, "only /v1/completions echoes"),
];

/// Fields of `tools`, which `/tokenize` takes too.
static TOOLS: &[Field] = &[
    honoured("tools"),
    honoured("tools[].type"),
    honoured("tools[].function"),
    honoured("tools[].function.name"),
    honoured("tools[].function.description"),
    honoured("tools[].function.parameters"),
    honoured("tools[].function.strict"),
];

/// Fields of `messages`, which `/tokenize` takes too.
static MESSAGES: &[Field] = &[
    honoured("messages[].role"),
    honoured("messages[].content"),
    honoured("messages[].content[].type"),
    honoured("messages[].content[].text"),
    refused("messages[].content[].image_url", Noop::Null, TEXT_IN),
    refused("messages[].content[].input_audio", Noop::Null, TEXT_IN),
    refused("messages[].content[].file", Noop::Null, TEXT_IN),
    refused(
        "messages[].content[].refusal",
        Noop::Null,
        "chat templates know no refusals",
    ),
    no_effect(
        "messages[].content[].prompt_cache_breakpoint",
        "prefixes are cached by themselves",
    ),
    honoured("messages[].name"),
    honoured("messages[].tool_calls"),
    honoured("messages[].tool_call_id"),
    honoured("messages[].reasoning_content"),
    refused(
        "messages[].refusal",
        Noop::Empty,
        "chat templates know no refusals",
    ),
    refused("messages[].audio", Noop::Null, TEXT_IN),
    refused(
        "messages[].function_call",
        Noop::Null,
        "it was replaced by tool_calls",
    ),
    no_effect(
        "messages[].annotations",
        "they are links found by a web search",
    ),
];

static COMPLETIONS_OWN: &[Field] = &[
    honoured("model"),
    honoured("prompt"),
    honoured("echo"),
    honoured("logprobs"),
    honoured("best_of"),
    refused(
        "suffix",
        Noop::Empty,
        "this version does not fill in the middle",
    ),
];

static TOKENIZE_OWN: &[Field] = &[
    honoured("model"),
    honoured("prompt"),
    honoured("messages"),
    honoured("add_special_tokens"),
    honoured("return_token_strs"),
    honoured("add_generation_prompt"),
    honoured("continue_final_message"),
    honoured("chat_template_kwargs"),
    honoured("documents"),
    refused(
        "chat_template",
        Noop::Null,
        "templates come with the model, not with a request",
    ),
];

static STREAM: &[Field] = &[
    honoured("stream"),
    honoured("stream_options"),
    honoured("stream_options.include_usage"),
    honoured("stream_options.continuous_usage_stats"),
    no_effect(
        "stream_options.include_obfuscation",
        "frames are not padded",
    ),
];

static SAMPLING: &[Field] = &[
    honoured("max_tokens"),
    honoured("min_tokens"),
    honoured("n"),
    honoured("temperature"),
    honoured("top_p"),
    honoured("top_k"),
    honoured("min_p"),
    honoured("presence_penalty"),
    honoured("frequency_penalty"),
    honoured("repetition_penalty"),
    honoured("logit_bias"),
    honoured("seed"),
    honoured("stop"),
    honoured("stop_token_ids"),
    honoured("include_stop_str_in_output"),
    honoured("ignore_eos"),
    honoured("skip_special_tokens"),
    honoured("add_special_tokens"),
    honoured("prompt_logprobs"),
];

/// What form an answer has.
static FORM: &[Field] = &[
    honoured("response_format"),
    honoured("response_format.type"),
    honoured("response_format.json_schema"),
    honoured("response_format.json_schema.name"),
    honoured("response_format.json_schema.schema"),
    no_effect(
        "response_format.json_schema.description",
        "the schema binds the answer and is not shown to the model",
    ),
    no_effect(
        "response_format.json_schema.strict",
        "answers always keep to the schema",
    ),
    honoured("structured_outputs"),
    honoured("structured_outputs.json"),
    honoured("structured_outputs.regex"),
    honoured("structured_outputs.choice"),
    honoured("structured_outputs.grammar"),
    honoured("structured_outputs.json_object"),
    refused(
        "structured_outputs.structural_tag",
        Noop::Null,
        "write a grammar",
    ),
    refused(
        "structured_outputs.whitespace_pattern",
        Noop::Null,
        WHITE_SPACE,
    ),
    refused(
        "structured_outputs.disable_any_whitespace",
        Noop::Empty,
        WHITE_SPACE,
    ),
    refused(
        "structured_outputs.disable_additional_properties",
        Noop::Empty,
        "say additionalProperties in the schema",
    ),
    no_effect(
        "structured_outputs.disable_fallback",
        "there is one way to hold answers to a form",
    ),
    honoured("guided_json"),
    honoured("guided_regex"),
    honoured("guided_choice"),
    honoured("guided_grammar"),
    no_effect(
        "guided_decoding_backend",
        "there is one way to hold answers to a form",
    ),
];

/// Fields of other servers whose loss would change the answer, so that they are not ignored.
static FOREIGN: &[Field] = &[
    refused("guided_whitespace_pattern", Noop::Null, WHITE_SPACE),
    refused("grammar", Noop::Empty, FORMS),
    refused("json_schema", Noop::Null, FORMS),
    refused("regex", Noop::Null, FORMS),
    refused("ebnf", Noop::Null, FORMS),
    refused("bad_words", Noop::Empty, "use logit_bias"),
    refused("allowed_token_ids", Noop::Empty, "use logit_bias"),
    refused("use_beam_search", Noop::Empty, "answers are sampled"),
    refused(
        "truncate_prompt_tokens",
        Noop::Null,
        "prompts are never cut",
    ),
    refused(
        "cache_salt",
        Noop::Null,
        "prefixes are shared by all clients",
    ),
    refused(
        "priority",
        Noop::Empty,
        "requests are served in their order",
    ),
    refused("return_token_ids", Noop::Empty, "use logprobs or /tokenize"),
    refused(
        "return_tokens_as_token_ids",
        Noop::Empty,
        "tokens are returned as text",
    ),
];

/// Fields about the account, not about the answer.
pub(crate) static ACCOUNT: &[Field] = &[
    no_effect("user", "the server keeps no record of users"),
    no_effect("safety_identifier", "the server keeps no record of users"),
    no_effect("prompt_cache_key", "prefixes are cached by themselves"),
    no_effect(
        "prompt_cache_retention",
        "prefixes stay as long as there is room",
    ),
    no_effect("prompt_cache_options", "prefixes are cached by themselves"),
    refused(
        "service_tier",
        Noop::Text(&["auto", "default"]),
        "there is one tier",
    ),
];

static EMBEDDINGS_OWN: &[Field] = &[
    honoured("model"),
    honoured("input"),
    honoured("encoding_format"),
    honoured("dimensions"),
    honoured("prompt_name"),
    refused("input_type", Noop::Null, "use prompt_name"),
    refused("task", Noop::Null, "use prompt_name"),
    refused("messages", Noop::Null, "encoders read texts: use input"),
    refused(
        "normalize",
        Noop::True,
        "vectors are scaled as the model's files say",
    ),
    refused(
        "embed_dtype",
        Noop::Text(&["float32"]),
        "vectors are float32",
    ),
    refused(
        "endianness",
        Noop::Text(&["little", "native"]),
        "vectors are little-endian",
    ),
];

static RERANK_OWN: &[Field] = &[
    honoured("model"),
    honoured("query"),
    honoured("documents"),
    honoured("documents[].text"),
    honoured("top_n"),
    honoured("return_documents"),
    refused(
        "max_tokens_per_doc",
        Noop::Null,
        "documents are cut to what the model takes",
    ),
    refused(
        "max_chunks_per_doc",
        Noop::Null,
        "documents are not cut into chunks",
    ),
    refused("rank_fields", Noop::Null, "documents are texts"),
];

/// Fields of the endpoints that read texts and write none.
static READING: &[Field] = &[
    honoured("truncate_prompt_tokens"),
    refused(
        "add_special_tokens",
        Noop::True,
        "texts are read as the model was trained; token ids are taken as they are",
    ),
    refused(
        "activation",
        Noop::True,
        "scores are as the model's files say",
    ),
    refused(
        "use_activation",
        Noop::True,
        "scores are as the model's files say",
    ),
    refused(
        "priority",
        Noop::Empty,
        "requests are served in their order",
    ),
    no_effect("user", "the server keeps no record of users"),
];
