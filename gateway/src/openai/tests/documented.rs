//! `docs/openai.md` says what the tables say.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::anthropic::{COUNT_TOKENS, MESSAGES};
use crate::decisions::DECISIONS;
use crate::openai::{
    BATCHES, CHAT, CLASSIFY, COMPLETIONS, DETOKENIZE, EMBEDDINGS, Effect, FILES, RERANK, SCORE,
    TOKENIZE, Table,
};
use crate::responses::{CONVERSATION, CONVERSATION_ITEMS, CONVERSATIONS, RESPONSES};

#[test]
fn the_documentation_lists_every_field_as_the_code_treats_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openai.md");
    let text = fs::read_to_string(&path).unwrap();
    let mut missing = String::new();
    for (endpoint, table) in [
        ("POST /v1/chat/completions", CHAT),
        ("POST /v1/completions", COMPLETIONS),
        ("POST /v1/decisions", DECISIONS),
        ("POST /v1/responses", RESPONSES),
        ("POST /v1/conversations", CONVERSATIONS),
        ("POST /v1/conversations/{id}", CONVERSATION),
        ("POST /v1/conversations/{id}/items", CONVERSATION_ITEMS),
        ("POST /v1/embeddings", EMBEDDINGS),
        ("POST /v1/rerank", RERANK),
        ("POST /v1/score", SCORE),
        ("POST /v1/classify", CLASSIFY),
        ("POST /v1/messages", MESSAGES),
        ("POST /v1/messages/count_tokens", COUNT_TOKENS),
        ("POST /tokenize", TOKENIZE),
        ("POST /detokenize", DETOKENIZE),
        ("POST /v1/files", FILES),
        ("POST /v1/batches", BATCHES),
    ] {
        let expected = format!("### `{endpoint}`\n\n{}", rendered(table));
        if !text.contains(&expected) {
            missing.push_str(&expected);
            missing.push('\n');
        }
    }
    assert!(missing.is_empty(), "docs/openai.md must say:\n\n{missing}");
}

/// Fields of requests in OpenAI's published document (`make_openai_request_fields.py`).
const PUBLISHED: &str = include_str!("../../../tests/golden/openai_request_fields.json");

#[test]
fn every_field_that_openai_publishes_is_in_a_table() {
    let published: BTreeMap<String, Vec<String>> = serde_json::from_str(PUBLISHED).unwrap();
    let mut missing = Vec::new();
    for (path, fields) in published {
        let table = match path.as_str() {
            "/v1/chat/completions" => CHAT,
            "/v1/completions" => COMPLETIONS,
            "/v1/responses" => RESPONSES,
            "/v1/conversations" => CONVERSATIONS,
            "/v1/embeddings" => EMBEDDINGS,
            "/v1/batches" => BATCHES,
            other => panic!("no table of {other}"),
        };
        let known = |name: &String| table.iter().copied().flatten().any(|f| f.path == name);
        let unknown = fields.into_iter().filter(|name| !known(name));
        missing.extend(unknown.map(|name| format!("{path}: {name}")));
    }
    assert!(missing.is_empty(), "{missing:?}");
}

fn rendered(table: Table) -> String {
    let mut text = "| field | effect | |\n|---|---|---|\n".to_owned();
    for field in table.iter().copied().flatten() {
        let (effect, note) = match field.effect {
            Effect::Honoured => ("honoured", String::new()),
            Effect::Refused { unless, why } => ("refused", format!("{why}; taken: {unless}")),
            Effect::NoEffect(why) => ("no effect", why.to_owned()),
        };
        writeln!(text, "| `{}` | {effect} | {note} |", field.path).unwrap();
    }
    text
}
