//! `docs/openai.md` says what the tables say.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::anthropic::{COUNT_TOKENS, MESSAGES};
use crate::decisions::DECISIONS;
use crate::openai::{
    BATCHES, CHAT, CLASSIFY, COMPLETIONS, DETOKENIZE, EMBEDDINGS, Effect, FILES, RERANK, SCORE,
    TOKENIZE, Table,
};

#[test]
fn the_documentation_lists_every_field_as_the_code_treats_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openai.md");
    let text = fs::read_to_string(&path).unwrap();
    let mut missing = String::new();
    for (endpoint, table) in [
        ("POST /v1/chat/completions", CHAT),
        ("POST /v1/completions", COMPLETIONS),
        ("POST /v1/decisions", DECISIONS),
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
