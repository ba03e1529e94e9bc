//! Which path is what.

use crate::anthropic::{COUNT_TOKENS, MESSAGES};
use crate::decisions::DECISIONS;
use crate::openai::{
    BATCHES, CHAT, CLASSIFY, COMPLETIONS, DETOKENIZE, EMBEDDINGS, FILES, RERANK, SCORE, TOKENIZE,
    Table,
};
use crate::responses::{CONVERSATION, CONVERSATION_ITEMS, CONVERSATIONS, RESPONSES};

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    /// What its body may have; `None` where it has none.
    pub(super) body: Option<Body>,
    /// The answer's schema in `answers.json`; `None` for a text.
    pub(super) answer: Option<&'static str>,
    /// Whether the answer may come as events.
    pub(super) streams: bool,
}

/// A request's fields.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) table: Table,
    pub(super) required: &'static [&'static str],
    /// How they are sent.
    pub(super) media: &'static str,
}

/// All of them.
pub(super) static OPERATIONS: &[Operation] = &[
    Operation {
        streams: true,
        ..post(
            "/v1/chat/completions",
            ("Text", "Answers a conversation."),
            (CHAT, &["model", "messages"]),
            "ChatCompletion",
        )
    },
    Operation {
        streams: true,
        ..post(
            "/v1/completions",
            ("Text", "Continues texts."),
            (COMPLETIONS, &["model", "prompt"]),
            "Completion",
        )
    },
    Operation {
        streams: true,
        ..post(
            "/v1/messages",
            ("Anthropic", "Answers a conversation, in Anthropic's shape."),
            (MESSAGES, &["model", "messages", "max_tokens"]),
            "Message",
        )
    },
    Operation {
        streams: true,
        ..post(
            "/v1/responses",
            (
                "Responses",
                "Answers, keeps the answer, and goes on from earlier ones.",
            ),
            (RESPONSES, &["model"]),
            "Response",
        )
    },
    Operation {
        streams: true,
        ..get(
            "/v1/responses/{id}",
            (
                "Responses",
                "A response as it stands, or with stream=true its events.",
            ),
            Some("Response"),
        )
    },
    Operation {
        method: "delete",
        ..get(
            "/v1/responses/{id}",
            ("Responses", "Forgets a response."),
            Some("Deleted"),
        )
    },
    Operation {
        body: None,
        ..post(
            "/v1/responses/{id}/cancel",
            ("Responses", "Ends a response in the background."),
            (RESPONSES, &[]),
            "Response",
        )
    },
    get(
        "/v1/responses/{id}/input_items",
        ("Responses", "What a response was asked, page by page."),
        Some("ItemList"),
    ),
    post(
        "/v1/conversations",
        ("Responses", "Begins a conversation."),
        (CONVERSATIONS, &[]),
        "Conversation",
    ),
    get(
        "/v1/conversations/{id}",
        ("Responses", "What is known of a conversation."),
        Some("Conversation"),
    ),
    post(
        "/v1/conversations/{id}",
        ("Responses", "Gives a conversation other metadata."),
        (CONVERSATION, &["metadata"]),
        "Conversation",
    ),
    Operation {
        method: "delete",
        ..get(
            "/v1/conversations/{id}",
            ("Responses", "Forgets a conversation and its items."),
            Some("Deleted"),
        )
    },
    get(
        "/v1/conversations/{id}/items",
        ("Responses", "The items of a conversation, page by page."),
        Some("ItemList"),
    ),
    post(
        "/v1/conversations/{id}/items",
        ("Responses", "Puts items at the end of a conversation."),
        (CONVERSATION_ITEMS, &["items"]),
        "ItemList",
    ),
    get(
        "/v1/conversations/{id}/items/{item_id}",
        ("Responses", "One item."),
        Some("Item"),
    ),
    Operation {
        method: "delete",
        ..get(
            "/v1/conversations/{id}/items/{item_id}",
            ("Responses", "Takes an item out of a conversation."),
            Some("Conversation"),
        )
    },
    post(
        "/v1/messages/count_tokens",
        ("Anthropic", "Counts the tokens of a conversation."),
        (COUNT_TOKENS, &["model", "messages"]),
        "CountedTokens",
    ),
    post(
        "/v1/decisions",
        ("Text", "Answers questions about a text with probabilities."),
        (DECISIONS, &["model", "input", "questions"]),
        "Decision",
    ),
    post(
        "/v1/embeddings",
        ("Small models", "Turns texts into vectors."),
        (EMBEDDINGS, &["model", "input"]),
        "Embeddings",
    ),
    post(
        "/v1/rerank",
        (
            "Small models",
            "Puts documents in the order in which they answer a question.",
        ),
        (RERANK, &["model", "query", "documents"]),
        "Reranked",
    ),
    post(
        "/v2/rerank",
        (
            "Small models",
            "The same under the path of Cohere's clients.",
        ),
        (RERANK, &["model", "query", "documents"]),
        "Reranked",
    ),
    post(
        "/v1/score",
        ("Small models", "Says how well texts belong together."),
        (SCORE, &["model", "text_1", "text_2"]),
        "Scores",
    ),
    post(
        "/v1/classify",
        ("Small models", "Labels texts."),
        (CLASSIFY, &["model", "input"]),
        "Classified",
    ),
    post(
        "/tokenize",
        (
            "Tokens",
            "The token ids of a text or of a rendered conversation.",
        ),
        (TOKENIZE, &[]),
        "Tokenized",
    ),
    post(
        "/detokenize",
        ("Tokens", "The text of token ids."),
        (DETOKENIZE, &["tokens"]),
        "Detokenized",
    ),
    Operation {
        body: Some(Body {
            table: FILES,
            required: &["file", "purpose"],
            media: "multipart/form-data",
        }),
        ..post(
            "/v1/files",
            ("Batches", "Keeps a file."),
            (FILES, &[]),
            "File",
        )
    },
    get(
        "/v1/files",
        ("Batches", "The files, page by page."),
        Some("FileList"),
    ),
    get("/v1/files/{id}", ("Batches", "One file."), Some("File")),
    Operation {
        method: "delete",
        ..get(
            "/v1/files/{id}",
            ("Batches", "Forgets a file."),
            Some("Deleted"),
        )
    },
    get(
        "/v1/files/{id}/content",
        ("Batches", "What a file holds."),
        None,
    ),
    post(
        "/v1/batches",
        (
            "Batches",
            "Has the lines of a file answered behind all requests.",
        ),
        (BATCHES, &["input_file_id", "endpoint", "completion_window"]),
        "Batch",
    ),
    get(
        "/v1/batches",
        ("Batches", "The batches, page by page."),
        Some("BatchList"),
    ),
    get(
        "/v1/batches/{id}",
        ("Batches", "How far a batch is."),
        Some("Batch"),
    ),
    Operation {
        body: None,
        ..post(
            "/v1/batches/{id}/cancel",
            ("Batches", "Ends a batch with what it has."),
            (BATCHES, &[]),
            "Batch",
        )
    },
    get(
        "/v1/models",
        ("Server", "What is served."),
        Some("ModelList"),
    ),
    get(
        "/v1/models/{id}",
        ("Server", "One model; its id may have slashes."),
        Some("Model"),
    ),
    get(
        "/livez",
        ("Server", "Whether the process answers."),
        Some("Status"),
    ),
    get(
        "/readyz",
        (
            "Server",
            "Whether models are loaded and shutdown has not begun.",
        ),
        Some("Status"),
    ),
    get(
        "/health",
        ("Server", "The same as /readyz."),
        Some("Status"),
    ),
    get(
        "/metrics",
        ("Server", "What is counted, in Prometheus' text format."),
        None,
    ),
    get(
        "/version",
        ("Server", "The version of the program."),
        Some("Version"),
    ),
    get(
        "/openapi.json",
        ("Server", "This document."),
        Some("Document"),
    ),
    get(
        "/docs",
        ("Server", "A page that shows this document."),
        None,
    ),
];

const fn post(
    path: &'static str,
    (tag, summary): (&'static str, &'static str),
    (table, required): (Table, &'static [&'static str]),
    answer: &'static str,
) -> Operation {
    Operation {
        method: "post",
        path,
        tag,
        summary,
        body: Some(Body {
            table,
            required,
            media: "application/json",
        }),
        answer: Some(answer),
        streams: false,
    }
}

const fn get(
    path: &'static str,
    (tag, summary): (&'static str, &'static str),
    answer: Option<&'static str>,
) -> Operation {
    Operation {
        method: "get",
        path,
        tag,
        summary,
        body: None,
        answer,
        streams: false,
    }
}
