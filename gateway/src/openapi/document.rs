//! The document.

use serde_json::{Map, Value, json};

use super::operations::{OPERATIONS, Operation};
use super::schema::{Types, schema};

/// Schemas of the answers.
const ANSWERS: &str = include_str!("answers.json");

/// The OpenAPI document of this version.
pub(crate) fn document() -> Value {
    let types = Types::read();
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = described(&types, operation);
    }
    // A test reads it.
    let schemas: Value = serde_json::from_str(ANSWERS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Penstock",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Large and small language models behind the APIs of OpenAI, Anthropic, Cohere and vLLM. \
                            Fields that are refused, and why, stand in docs/openai.md.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn described(types: &Types, operation: &Operation) -> Value {
    let Operation {
        method,
        path,
        tag,
        summary,
        body,
        answer,
        streams,
    } = operation;
    let name: String = path
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '/')
        .collect();
    let mut content = match answer {
        Some(answer) => json!({"application/json": {"schema": reference(answer)}}),
        None => json!({"text/plain": {"schema": {"type": "string"}}}),
    };
    if *streams {
        content["text/event-stream"] = json!({"schema": {"type": "string"}});
    }
    let error = match *tag {
        "Anthropic" => "AnthropicError",
        _ => "Error",
    };
    let error = json!({
        "description": "What is wrong, and what would be right.",
        "content": {"application/json": {"schema": reference(error)}},
    });
    let mut told = json!({
        "operationId": format!("{method}{}", name.replace('/', "_")),
        "tags": [tag],
        "summary": summary,
        "responses": {"200": {"description": "The answer.", "content": content}, "default": error},
    });
    if let Some(body) = body {
        told["requestBody"] = json!({
            "required": true,
            "content": {body.media: {"schema": schema(types, path, body)}},
        });
    }
    let named = |name: &&str| path.contains(&format!("{{{name}}}"));
    let parameters = ["id", "item_id"].into_iter().filter(named).map(
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
    );
    let parameters: Vec<Value> = parameters.collect();
    if !parameters.is_empty() {
        told["parameters"] = Value::Array(parameters);
    }
    told
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
