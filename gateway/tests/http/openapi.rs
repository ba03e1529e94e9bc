//! The document as clients read it: requests reach what it names, and answers are as it says.

use serde_json::{Value, json};

use crate::fixture::{MODEL, Server, question, saying};
use crate::small_models;

async fn document(server: &Server) -> Value {
    server
        .get("/openapi.json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

#[tokio::test]
async fn what_it_names_is_there_and_nothing_else_is_taken() {
    let server = Server::start(saying("yes")).await;
    let document = document(&server).await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        // A model's id may have slashes, and this one is there.
        let id = if path.starts_with("/v1/models/") {
            MODEL
        } else {
            "none"
        };
        let url = format!(
            "{}{}",
            server.url,
            path.replace("{id}", id).replace("{item_id}", id)
        );
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let named = methods.get(method.to_lowercase()).is_some();
            let request = server
                .client
                .request(method.parse().unwrap(), &url)
                .body("{}");
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            assert_eq!(status != 405, named, "{method} {path}: {status}");
            if status == 404 {
                // The path is known, and nothing is kept under this id.
                let told: Value = response.json().await.unwrap();
                assert_eq!(told["error"]["code"], "not_found", "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn answers_are_as_it_says() {
    let server = small_models::start().await;
    let document = document(&server).await;
    let small = |model: &str, more: Value| {
        let mut body = more;
        body["model"] = json!(model);
        body
    };
    for (path, body) in [
        (
            "/v1/chat/completions",
            question(json!({"max_tokens": 2, "logprobs": true})),
        ),
        ("/v1/completions", json!({"prompt": "a", "max_tokens": 2})),
        ("/v1/messages", question(json!({"max_tokens": 2}))),
        ("/v1/messages/count_tokens", question(json!({}))),
        (
            "/v1/embeddings",
            small("vectors", json!({"input": ["a", "b"]})),
        ),
        (
            "/v1/embeddings",
            small(
                "vectors",
                json!({"input": "a", "encoding_format": "base64"}),
            ),
        ),
        (
            "/v1/rerank",
            small(
                "relevance",
                json!({"query": "a", "documents": ["b"], "return_documents": true}),
            ),
        ),
        (
            "/v1/score",
            small("vectors", json!({"text_1": "a", "text_2": ["b", "c"]})),
        ),
        ("/v1/classify", small("sentiment", json!({"input": "a"}))),
        (
            "/v1/decisions",
            json!({"input": "a", "questions": [
                {"type": "choice", "name": "n", "instructions": "b", "choices": [{"value": "c"}, {"value": true}]},
                {"type": "score", "instructions": "b", "levels": [{"label": "c"}, {"label": "d", "description": "e"}]},
            ]}),
        ),
        (
            "/v1/responses",
            json!({
                "input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}],
                "metadata": {"a": "b"},
                "text": {"format": {"type": "text"}},
            }),
        ),
        (
            "/tokenize",
            json!({"prompt": "a", "return_token_strs": true}),
        ),
        ("/detokenize", json!({"tokens": [65]})),
    ] {
        let operation = &document["paths"][path]["post"];
        let asked = &operation["requestBody"]["content"]["application/json"]["schema"];
        let mut sent = body.clone();
        if sent.get("model").is_none() {
            sent["model"] = json!(MODEL);
        }
        check(&document, asked, &sent, path);
        let answered = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        check(&document, answered, &server.ask(path, body).await, path);
    }
}

#[tokio::test]
async fn errors_and_what_is_told_of_the_server_are_as_it_says() {
    let server = Server::start(saying("yes")).await;
    let document = document(&server).await;
    let wrong = server
        .send("/v1/chat/completions", json!({}))
        .await
        .json()
        .await
        .unwrap();
    check(
        &document,
        &document["components"]["schemas"]["Error"],
        &wrong,
        "an error",
    );
    let wrong = server
        .send("/v1/messages", json!({}))
        .await
        .json()
        .await
        .unwrap();
    check(
        &document,
        &document["components"]["schemas"]["AnthropicError"],
        &wrong,
        "an error",
    );
    for path in [
        "/v1/models",
        "/livez",
        "/readyz",
        "/health",
        "/version",
        "/openapi.json",
    ] {
        let answered = &document["paths"][path]["get"]["responses"]["200"]["content"];
        let found = server.get(path).send().await.unwrap().json().await.unwrap();
        check(
            &document,
            &answered["application/json"]["schema"],
            &found,
            path,
        );
    }
}

/// Proves a value by a schema of the document.
fn check(document: &Value, schema: &Value, value: &Value, what: &str) {
    assert!(schema.is_object(), "{what}: no schema");
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&whole).unwrap();
    let faults: Vec<_> = validator
        .iter_errors(value)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{what}: {faults:?} in {value}");
}

#[tokio::test]
async fn the_page_asks_nobody_else() {
    let server = Server::start(saying("yes")).await;
    let page = server.get("/docs").send().await.unwrap();
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let page = page.text().await.unwrap();
    assert!(
        page.contains("openapi.json") && !page.contains("://"),
        "{page}"
    );
}
